/* What a sweep gives with `normalize`; see normalize.h. */
#include "normalize.h"

#include <float.h>
#include <math.h>

/* What float32 makes of a logit is exact to some tens of units in its last place. A difference is
 * no more exact than the logits, whose last place is that of a number of about this size, or
 * larger. */
static const double UNITS = 64 * (double)FLT_EPSILON, LOGIT_SIZE = 4;

/* How far rounding may have moved a metric's value. */
static double resolution(pb_metric_kind kind, double value)
{
    double least = UNITS * LOGIT_SIZE;
    switch (kind) {
    case PB_METRIC_LOGIT:
    case PB_METRIC_LOGIT_DIFF:
    case PB_METRIC_LOGPROB:
    case PB_METRIC_LOSS: return fmax(least, UNITS * fabs(value));
    case PB_METRIC_PROB: return value > 0 ? value * fmax(least, UNITS * fabs(log(value))) : 0;
    case PB_METRIC_KL: return least * (sqrt(2 * value) + least); /* it grows as their square */
    case PB_METRIC_RANK: return 0;
    case PB_METRIC_CALL: return UNITS * fabs(value);
    }
    return 0;
}

/* from - into of a pair, and how far it may be off. */
typedef struct gap {
    double size, doubt;
} gap;

static gap gap_of(const pb_measured *measured, size_t pair)
{
    double into = measured->into[pair], from = measured->from[pair];
    return (gap){from - into,
                 fmax(resolution(measured->kind, into), resolution(measured->kind, from))};
}

static double sum_of(const double *values, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return sum;
}

/* Whether the gaps of all pairs add up to nothing that can be told from rounding. Those of prompts
 * patched in both directions cancel. */
static bool nothing_to_divide_by(const pb_measured *measured)
{
    double sum = 0, spread = 0, doubt = 0;
    for (size_t i = 0; i < measured->n_pairs; i++) {
        gap between = gap_of(measured, i);
        sum += between.size;
        spread += fabs(between.size);
        doubt += between.doubt;
    }
    return fabs(sum) <= fmax(doubt, 1e-4 * spread);
}

pb_status pb_check_ends_differ(const pb_measured *measured, pb_error **error)
{
    size_t n = measured->n_pairs;
    if (!nothing_to_divide_by(measured))
        return PB_OK;
    if (n == 1)
        return pb_fail(
            error, PB_VALUE, "normalize divides by from - into, and the metric is %g on both%s",
            measured->into[0],
            measured->into[0] == measured->from[0] ? "" : ", as far as float32 can tell");
    pb_status status = pb_fail(error, PB_VALUE,
                               "over several pairs normalize divides by mean from - mean into, and "
                               "the mean of the metric is %.4g on both",
                               sum_of(measured->into, n) / (double)n);
    if (error)
        pb_error_hint(*error, "a metric with words for each pair, logit_diff([\" great\", ...], "
                              "[\" bad\", ...]), has the same sign in all; or patch pairs of one "
                              "direction");
    return status;
}

double pb_normalized(const pb_measured *measured, size_t pair, size_t cell)
{
    gap between = gap_of(measured, pair);
    double change = measured->cells[pair * measured->n_cells + cell] - measured->into[pair];
    return fabs(between.size) <= between.doubt ? NAN : change / between.size;
}

pb_status pb_normalized_mean(const pb_measured *measured, size_t rank, pb_axis *const *axes,
                             pb_tensor **mean, pb_error **error)
{
    float *data = NULL;
    pb_status status = pb_tensor_create(rank, axes, mean, &data, error);
    double into = sum_of(measured->into, measured->n_pairs);
    double from = sum_of(measured->from, measured->n_pairs);
    for (size_t i = 0; !status && i < measured->n_cells; i++) {
        double sum = 0;
        for (size_t pair = 0; pair < measured->n_pairs; pair++)
            sum += measured->cells[pair * measured->n_cells + i];
        data[i] = (float)((sum - into) / (from - into));
    }
    return status;
}
