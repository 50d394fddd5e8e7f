/* How much memory the process has taken, and how much there is left. */
#include "gauge.h"

#include <stdio.h>
#include <unistd.h>

#include "base/room.h"

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

pb_status pb_gauge_check(size_t limit, pb_error **error)
{
    double resident = limit > 0 ? resident_bytes() : -1;
    double available = limit > 0 ? -1 : pb_room_left();
    bool over = resident > (double)limit && limit > 0;
    bool low = available >= 0 && available < PB_ROOM_RESERVE;
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
