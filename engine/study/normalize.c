/* What a sweep gives with `normalize`; see normalize.h. */
#include "normalize.h"

#include <math.h>

static double sum_of(const double *values, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return sum;
}

/* Whether the pairs' differences cancel: those of prompts patched in both directions do, but for
 * rounding. */
static bool means_cancel(const pb_measured *measured)
{
    double sum = 0, spread = 0;
    for (size_t i = 0; i < measured->n_pairs; i++) {
        sum += measured->from[i] - measured->into[i];
        spread += fabs(measured->from[i] - measured->into[i]);
    }
    return fabs(sum) <= 1e-4 * spread;
}

pb_status pb_check_ends_differ(const pb_measured *measured, pb_error **error)
{
    size_t n = measured->n_pairs;
    if (!means_cancel(measured))
        return PB_OK;
    if (n == 1)
        return pb_fail(error, PB_VALUE,
                       "normalize divides by from - into, and the metric is %g on both",
                       measured->into[0]);
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

static double ratio(double value, double into, double from)
{
    return from == into ? NAN : (value - into) / (from - into);
}

double pb_normalized(const pb_measured *measured, size_t pair, size_t cell)
{
    return ratio(measured->cells[pair * measured->n_cells + cell], measured->into[pair],
                 measured->from[pair]);
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
        data[i] = (float)ratio(sum, into, from);
    }
    return status;
}
