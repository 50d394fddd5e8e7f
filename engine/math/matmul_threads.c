/* How many threads are worth using: sgemm gains nothing from a core's second hardware thread. */
#define _GNU_SOURCE
#include "math/matmul.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef _OPENMP
#include <omp.h>

/* A number in a file of /sys; -1 if there is none. */
static long read_number(const char *format, int cpu)
{
    char path[128];
    snprintf(path, sizeof path, format, cpu);
    FILE *file = fopen(path, "r");
    if (!file)
        return -1;
    long number = -1;
    if (fscanf(file, "%ld", &number) != 1)
        number = -1;
    fclose(file);
    return number;
}

typedef struct core {
    long package, id;
} core;

static core core_of(int cpu)
{
    core where = {read_number("/sys/devices/system/cpu/cpu%d/topology/physical_package_id", cpu),
                  read_number("/sys/devices/system/cpu/cpu%d/topology/core_id", cpu)};
    if (where.id < 0) /* unknown: a core of its own */
        where.id = -2 - (long)cpu;
    return where;
}

/* Distinct cores among the processors this process may run on. */
static size_t allowed_cores(void)
{
    cpu_set_t allowed;
    core seen[CPU_SETSIZE];
    size_t n = 0;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return 1;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed))
            continue;
        core here = core_of(cpu);
        bool known = false;
        for (size_t i = 0; i < n && !known; i++)
            known = seen[i].package == here.package && seen[i].id == here.id;
        if (!known)
            seen[n++] = here;
    }
    return n ? n : 1;
}

/* What the container's share of processor time allows, rounded up; `cores` if it has no limit. */
static size_t within_quota(size_t cores)
{
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "r");
    if (!file)
        return cores;
    double quota = 0.0, period = 0.0;
    bool limited = fscanf(file, "%lf %lf", &quota, &period) == 2 && quota > 0.0 && period > 0.0;
    fclose(file);
    if (!limited || quota / period >= (double)cores)
        return cores;
    size_t share = (size_t)(quota / period + 0.999);
    return share ? share : 1;
}
#endif

size_t pb_math_cores(void)
{
#ifdef _OPENMP
    const char *asked = getenv("OMP_NUM_THREADS");
    long threads = asked ? strtol(asked, NULL, 10) : 0;
    if (threads > 0 && threads <= 1024)
        return (size_t)threads;
    return within_quota(allowed_cores());
#else
    return 1;
#endif
}

void pb_math_use_threads(size_t threads)
{
#ifdef _OPENMP
    omp_set_num_threads((int)(threads ? threads : 1));
#else
    (void)threads;
#endif
}
