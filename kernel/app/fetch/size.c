/* Sizes of files, as people read them. */
#include <stdio.h>

#include "fetch/fetch.h"

const char *pb_fetch_size(uint64_t bytes, char out[PB_FETCH_SIZE])
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    size_t unit = 0;
    double value = (double)bytes / 1000;
    if (bytes < 1000) {
        snprintf(out, PB_FETCH_SIZE, "%d bytes", (int)bytes);
        return out;
    }
    for (; value >= 999.95 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1000;
    snprintf(out, PB_FETCH_SIZE, "%.1f %s", value, units[unit]);
    return out;
}
