/* Memory, as /proc and the control group tell it. */
#include "gauge.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PB_RESERVE (192.0 * 1024 * 1024) /* left to the rest of the machine */

/* The number behind `key` in a small file, or the file's first if key is NULL; -1 if there is none.
 */
static double number_in(const char *path, const char *key)
{
    char text[2048];
    double number = -1;
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    const char *at = key ? strstr(text, key) : text;
    if (at && sscanf(at + (key ? strlen(key) : 0), "%lf", &number) != 1)
        return -1;
    return number;
}

static double resident_bytes(void)
{
    unsigned long total, resident;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return -1;
    int read = fscanf(file, "%lu %lu", &total, &resident);
    fclose(file);
    return read == 2 ? (double)resident * (double)sysconf(_SC_PAGESIZE) : -1;
}

/* What can still be had before something is killed; -1 if unknown. */
static double available_bytes(void)
{
    double machine = number_in("/proc/meminfo", "MemAvailable:");
    double most = number_in("/sys/fs/cgroup/memory.max", NULL); /* "max" where there is no limit */
    double taken = number_in("/sys/fs/cgroup/memory.current", NULL);
    double cache = number_in("/sys/fs/cgroup/memory.stat", "\nfile ");
    if (machine >= 0)
        machine *= 1024;
    if (most < 0 || taken < 0)
        return machine;
    double group = most - taken + (cache > 0 ? cache : 0);
    return machine < 0 || group < machine ? group : machine;
}

pb_status pb_gauge_check(size_t limit, pb_error **error)
{
    double resident = limit > 0 ? resident_bytes() : -1;
    double available = limit > 0 ? -1 : available_bytes();
    bool over = resident > (double)limit && limit > 0;
    bool low = available >= 0 && available < PB_RESERVE;
    if (!over && !low)
        return PB_OK;
    pb_status status =
        over ? pb_fail(error, PB_MEMORY, "this takes more than the %zu MB of memory allowed",
                       limit >> 20)
             : pb_fail(error, PB_MEMORY, "memory is running out: %.0f MB are left",
                       available / 1024 / 1024);
    if (error && *error)
        pb_error_hint(*error, "work on fewer prompts at a time, or give large names another value: "
                              "x = None");
    return status;
}
