/* Round numbers for an axis. */
#ifndef PB_SCALE_H
#define PB_SCALE_H

#include <stddef.h>

/* Ticks at first, first + step, ...: 1, 2 or 5 times a power of ten apart. */
typedef struct pb_ticks {
    double first, step;
    size_t count;
    int digits; /* after the point, enough to tell neighbours apart */
} pb_ticks;

/* About `wanted` steps inside [low, high], more if there would be fewer than three ticks;
   low == high is widened. */
pb_ticks pb_ticks_inside(double low, double high, size_t wanted);
/* The same, but the first tick is at or below low and the last at or above high. */
pb_ticks pb_ticks_around(double low, double high, size_t wanted);

/* The next of 1, 2, 5, 10, 20, ... that is at least `least`: label every so many places. */
size_t pb_round_count(double least);

double pb_tick(const pb_ticks *ticks, size_t index);

#define PB_TICK_SIZE 48
/* The tick's label, with a true minus sign. */
void pb_tick_text(const pb_ticks *ticks, size_t index, char out[PB_TICK_SIZE]);

#endif
