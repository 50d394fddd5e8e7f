/*
 * How many threads are worth using: sgemm gains nothing from a core's second hardware thread. And
 * whether they can be had: neither OpenMP, which ends the process when a thread does not start, nor
 * the library, which throws when its code finds no room, tells us in time.
 */
#define _GNU_SOURCE
#include "math/matmul.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "matmul_library.h"

/* Bytes. oneDNN makes some megabytes of code at the first product; a team of threads, and buffers
 * of the library that are not worth failing for, take a few kilobytes. */
enum { ROOM_TO_PREPARE = 48 << 20, ROOM_TO_BEGIN = 1 << 20, MOST_THREADS = 1024 };

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

/* ---- what can be had ---- */

/* Volatile: a compiler may leave out an allocation that nothing uses. */
static bool has_room(size_t bytes)
{
    void *volatile room = malloc(bytes);
    bool had = room != NULL;
    free(room);
    return had;
}

static void *wait_for(void *gate)
{
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

/* How many of `wanted` threads, the calling one among them, can be there at once. */
static size_t threads_to_be_had(size_t wanted)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t others[MOST_THREADS];
    size_t n = 0;
    pthread_mutex_lock(&gate);
    while (n + 1 < wanted && n < MOST_THREADS &&
           pthread_create(&others[n], NULL, wait_for, &gate) == 0)
        n++;
    pthread_mutex_unlock(&gate);
    for (size_t i = 0; i < n; i++)
        pthread_join(others[i], NULL);
    return n + 1;
}

/* The first product makes the library's code for all of them. */
static pb_status warm_up(pb_error **error)
{
    enum { SIDE = 32 };
    float a[SIDE * SIDE] = {0}, c[SIDE * SIDE];
    pb_status status = PB_OK;
    for (int ta = PB_PLAIN; !status && ta <= PB_TRANSPOSED; ta++)
        for (int tb = PB_PLAIN; !status && tb <= PB_TRANSPOSED; tb++)
            status = pb_library_sgemm((pb_transpose)ta, (pb_transpose)tb, SIDE, SIDE, SIDE, 1.0f, a,
                                      SIDE, a, SIDE, 0.0f, c, SIDE, error);
    return status;
}

static pb_status prepare(size_t threads, pb_error **error)
{
    if (!has_room(ROOM_TO_PREPARE))
        return pb_fail_memory(error);
    size_t had = threads_to_be_had(threads);
    if (had < threads) {
        pb_status status = pb_fail(error, PB_MEMORY,
                                   "%zu threads were wanted for the computing, and the system "
                                   "gives %zu",
                                   threads, had);
        if (error)
            pb_error_hint(*error, "start Patchbay anew, or with OMP_NUM_THREADS=1");
        return status;
    }
#ifdef _OPENMP
#pragma omp parallel
    (void)has_room(1); /* the team is kept from here on, and each has its part of the heap */
#endif
    if (!has_room(ROOM_TO_PREPARE)) /* the team took addresses, some 64 MB a thread */
        return pb_fail_memory(error);
    return warm_up(error);
}

/* ---- what others call ---- */

size_t pb_math_cores(void)
{
#ifdef _OPENMP
    const char *asked = getenv("OMP_NUM_THREADS");
    long threads = asked ? strtol(asked, NULL, 10) : 0;
    size_t wanted =
        threads > 0 && threads <= MOST_THREADS ? (size_t)threads : within_quota(allowed_cores());
    return threads_to_be_had(wanted);
#else
    return 1;
#endif
}

pb_status pb_math_begin(size_t threads, pb_error **error)
{
    static _Thread_local size_t prepared; /* threads of the team that OpenMP keeps for this one */
    size_t wanted = threads ? threads : 1;
    pb_status status = PB_OK;
#ifdef _OPENMP
    if (threads)
        omp_set_num_threads((int)threads);
    wanted = (size_t)omp_get_max_threads();
#endif
    if (prepared < wanted) {
        status = prepare(wanted, error);
        prepared = !status ? wanted : 0;
    }
    if (!status && !has_room(ROOM_TO_BEGIN))
        status = pb_fail_memory(error);
    return status;
}
