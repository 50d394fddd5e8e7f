/* Round numbers for an axis. */
#include "scale.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The smallest of 1, 2, 5 x 10^n that covers `span` in at most `wanted` steps. */
static double round_step(double span, size_t wanted)
{
    double raw = span / (double)(wanted ? wanted : 1);
    double power = pow(10.0, floor(log10(raw)));
    double lead = raw / power;
    return power * (lead <= 1.0 + 1e-9   ? 1.0
                    : lead <= 2.0 + 1e-9 ? 2.0
                    : lead <= 5.0 + 1e-9 ? 5.0
                                         : 10.0);
}

static void widen(double *low, double *high)
{
    if (!isfinite(*low) || !isfinite(*high) || *low > *high)
        *low = 0.0, *high = 1.0;
    double least = fmax(fabs(*low), fabs(*high)) * 1e-9;
    if (*high - *low > least)
        return;
    double half = *low == 0.0 ? 0.5 : fabs(*low) * 0.1;
    *low -= half;
    *high += half;
}

static pb_ticks ticks_of(double first, double last, double step)
{
    int digits = (int)-floor(log10(step) + 1e-9);
    return (pb_ticks){first * step, step, (size_t)(last - first + 1.5), digits > 0 ? digits : 0};
}

/* A tick this near to an end, in steps, counts as on it. */
#define ON_TICK 1e-6

/* Fewer say nothing of the scale: the only round number inside [-4.9, 4.9] may be its zero. */
#define FEWEST_INSIDE 3
#define ENOUGH_STEPS  10 /* a step is at most 2.5 times what was wanted, so these hold as many */

pb_ticks pb_ticks_inside(double low, double high, size_t wanted)
{
    widen(&low, &high);
    for (;; wanted++) {
        double step = round_step(high - low, wanted);
        pb_ticks ticks = ticks_of(ceil(low / step - ON_TICK), floor(high / step + ON_TICK), step);
        if (ticks.count >= FEWEST_INSIDE || wanted >= ENOUGH_STEPS)
            return ticks;
    }
}

pb_ticks pb_ticks_around(double low, double high, size_t wanted)
{
    widen(&low, &high);
    double step = round_step(high - low, wanted);
    return ticks_of(floor(low / step + ON_TICK), ceil(high / step - ON_TICK), step);
}

size_t pb_round_count(double least)
{
    return least <= 1.0 ? 1 : (size_t)(round_step(least, 1) + 0.5);
}

double pb_tick(const pb_ticks *ticks, size_t index)
{
    double value = ticks->first + (double)index * ticks->step;
    return fabs(value) < ticks->step * ON_TICK ? 0.0 : value;
}

void pb_tick_text(const pb_ticks *ticks, size_t index, char out[PB_TICK_SIZE])
{
    double value = pb_tick(ticks, index);
    double largest = fmax(fabs(pb_tick(ticks, 0)), fabs(pb_tick(ticks, ticks->count - 1)));
    const char *minus = value < 0.0 ? "\u2212" : "";
    if (value != 0.0 && (largest >= 1e6 || ticks->step < 1e-5))
        snprintf(out, PB_TICK_SIZE, "%s%.3g", minus, fabs(value));
    else
        snprintf(out, PB_TICK_SIZE, "%s%.*f", minus, ticks->digits, fabs(value));
}
