/*
 * How finely float32 tells apart what a metric says of two runs. A normalised sweep divides by the
 * gap between its ends: a gap that is only rounding gives numbers that mean nothing.
 *
 * The bound: a forward pass rounds each logit by some units of FLT_EPSILON times the largest logit
 * of its row, and the same row computed in another batch differs by so much; 16 units are above
 * every difference seen between batches. A metric moves with its logits one to one (logit,
 * logit_diff, logprob, loss, kl), or by a share of itself (prob). A rank is counted, and is exact.
 * Of a metric of one's own only its values are known.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "sweep.h"

enum { ROUNDING_UNITS = 16 };

static double largest_of(const float *values, size_t n)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fabs((double)values[i]) > largest ? fabs((double)values[i]) : largest;
    return largest;
}

/* The largest logit, by magnitude, of the rows the metric reads in a run. */
static pb_status largest_logit(const pb_metric *metric, size_t pair, const pb_run *run,
                               const pb_context *context, double *largest, pb_error **error)
{
    size_t n_vocab = pb_model_shape(pb_run_model(run))->n_vocab, first, last;
    const pb_select *select = pb_select_for(metric->positions, pair);
    pb_status status = pb_position_resolve(run, select, &last, error);
    float *row = status ? NULL : pb_malloc(n_vocab, sizeof *row);
    if (!status && !row)
        status = pb_fail_memory(error);
    *largest = 0;
    for (first = metric->kind == PB_METRIC_LOSS ? 0 : last; !status && first <= last; first++) {
        status = pb_run_logits_at(run, 1, &first, context, row, error);
        if (!status)
            *largest = fmax(*largest, largest_of(row, n_vocab));
    }
    free(row);
    return status;
}

static pb_status resolution_of(const pb_metric *metric, size_t pair, const pb_run *run,
                               double value, const pb_context *context, double *resolution,
                               pb_error **error)
{
    double unit = ROUNDING_UNITS * (double)FLT_EPSILON, largest = 0;
    *resolution = 0;
    if (metric->kind == PB_METRIC_RANK)
        return PB_OK;
    pb_status status = PB_OK;
    for (size_t i = 0; metric->kind == PB_METRIC_SUM && i < metric->n_parts && !status; i++) {
        double part = 0;
        status = resolution_of(metric->parts[i].metric, pair, run, 1, context, &part, error);
        *resolution += fabs(metric->parts[i].weight) * part;
    }
    if (status || metric->kind == PB_METRIC_SUM)
        return status;
    if (metric->kind != PB_METRIC_CALL)
        status = largest_logit(metric, pair, run, context, &largest, error);
    if (metric->kind == PB_METRIC_CALL)
        *resolution = unit * fabs(value);
    else
        *resolution = unit * largest * (metric->kind == PB_METRIC_PROB ? fabs(value) : 1);
    return status;
}

/* For each pair, the coarser resolution of its two ends. */
static pb_status resolutions_of(const pb_ends *ends, const pb_metric *metric,
                                const pb_found_sweep *found, const pb_context *context,
                                double *resolutions, pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; i < pb_ends_count(ends) && !status; i++) {
        const pb_prompts *sides[] = {&ends->into, &ends->from};
        const pb_tensor *values[] = {found->into, found->from};
        resolutions[i] = 0;
        for (size_t s = 0; s < 2 && !status; s++) {
            const pb_run *run = sides[s]->runs[sides[s]->count > 1 ? i : 0];
            double resolution;
            status = resolution_of(metric, i, run, pb_tensor_data(values[s])[i], context,
                                   &resolution, error);
            if (!status)
                resolutions[i] = fmax(resolutions[i], resolution);
        }
    }
    return status;
}

static double gap_of(const pb_found_sweep *found, size_t pair)
{
    return (double)pb_tensor_data(found->from)[pair] - pb_tensor_data(found->into)[pair];
}

/* Refuses one pair, or the means of several, whose ends are too close to divide by their gap. */
static pb_status check_gap(const pb_found_sweep *found, const double *resolutions, size_t n,
                           pb_error **error)
{
    double gap = 0, resolution = 0;
    for (size_t i = 0; i < n; i++) {
        gap += gap_of(found, i) / (double)n;
        resolution += resolutions[i] / (double)n;
    }
    if (fabs(gap) > resolution)
        return PB_OK;
    pb_status status = pb_fail(error, PB_VALUE,
                               "normalize divides by %sfrom - into, %.2g, and float32 tells values "
                               "of this metric apart from %.2g on",
                               n > 1 ? "the mean of " : "", gap, resolution);
    if (error)
        pb_error_hint(*error, "without normalize= the sweep shows that nothing changes; take a "
                              "metric that differs between the prompts");
    return status;
}

/* Leaves the ratios of pairs empty whose ends are too close: *values is replaced. */
static pb_status empty_pairs(const double *resolutions, size_t n, pb_found_sweep *found,
                             pb_error **error)
{
    const pb_tensor *values = *found->values;
    pb_axis *axes[PB_MAX_RANK];
    pb_tensor *made = NULL;
    float *data = NULL;
    size_t cells = pb_tensor_size(values) / n;
    for (size_t i = 0; i < pb_tensor_rank(values); i++)
        axes[i] = pb_tensor_axis(values, i);
    pb_status status = pb_tensor_create(pb_tensor_rank(values), axes, &made, &data, error);
    for (size_t i = 0; i < n * cells && !status; i++) {
        bool apart = fabs(gap_of(found, i / cells)) > resolutions[i / cells];
        data[i] = apart ? pb_tensor_data(values)[i] : NAN;
    }
    if (status)
        return status;
    pb_tensor_release(found->values);
    *found->values = made;
    return PB_OK;
}

pb_status pb_sweep_check_gap(const pb_ends *ends, const pb_bound_metric *metric,
                             const pb_context *context, pb_found_sweep *found, pb_error **error)
{
    size_t n = pb_ends_count(ends);
    if (!found->normalized)
        return PB_OK;
    double *resolutions = pb_calloc(n, sizeof *resolutions);
    if (!resolutions)
        return pb_fail_memory(error);
    pb_status status = resolutions_of(ends, &metric->metric, found, context, resolutions, error);
    if (!status)
        status = check_gap(found, resolutions, n, error);
    if (!status && *found->mean)
        status = empty_pairs(resolutions, n, found, error);
    free(resolutions);
    return status;
}
