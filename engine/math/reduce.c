/* Reductions over named axes, and softmax. Everything is summed in double. */
#include <math.h>
#include <stdlib.h>

#include "base/gap.h"
#include "base/memory.h"
#include "tensor_internal.h"

/* ---- one value at a time ---- */

static double start_value(pb_reduction op)
{
    switch (op) {
    case PB_MIN: return INFINITY;
    case PB_MAX: return -INFINITY;
    case PB_EVERY: return 1;
    default: return 0;
    }
}

static inline double fold(pb_reduction op, double so_far, double value)
{
    switch (op) {
    case PB_NORM: return so_far + value * value;
    case PB_MIN: return value < so_far || isnan(value) ? value : so_far;
    case PB_MAX: return value > so_far || isnan(value) ? value : so_far;
    case PB_ANY: return so_far != 0 || value != 0;
    case PB_EVERY: return so_far != 0 && value != 0;
    default: return so_far + value;
    }
}

static inline void fold_row(pb_reduction op, size_t n, const float *a, double *out, size_t step)
{
    if (step == 0) {
        double so_far = *out;
        for (size_t i = 0; i < n; i++)
            so_far = fold(op, so_far, (double)a[i]);
        *out = so_far;
    } else {
        for (size_t i = 0; i < n; i++)
            out[i * step] = fold(op, out[i * step], (double)a[i]);
    }
}

/* Inlined with a constant op where speed matters. */
static void run_fold(pb_reduction op, size_t n, const float *a, double *out, size_t step)
{
    if (op == PB_SUM || op == PB_MEAN)
        fold_row(PB_SUM, n, a, out, step);
    else
        fold_row(op, n, a, out, step);
}

/* ---- over several axes ---- */

/* Which axes go, and the strides of the result along all of a's axes: 0 where an axis goes. */
typedef struct fold_plan {
    bool goes[PB_MAX_RANK];
    pb_axis *kept[PB_MAX_RANK]; /* borrowed */
    size_t rank;
    size_t count; /* how many values make one of the result */
    size_t size;  /* of the result */
    const pb_watch *watch;
    size_t lengths[PB_MAX_RANK];
    size_t strides[2][PB_MAX_RANK]; /* of a, of the result */
} fold_plan;

static pb_status plan_fold(const pb_tensor *a, size_t n, const char *const *over,
                           const pb_watch *watch, fold_plan *plan, pb_error **error)
{
    *plan = (fold_plan){.count = 1, .size = 1, .watch = watch};
    for (size_t i = 0; i < n; i++) {
        size_t which = 0;
        pb_status status = pb_tensor_need_axis(a, over[i], &which, error);
        if (status)
            return status;
        plan->goes[which] = true;
    }
    pb_tensor_strides(a, plan->strides[0]);
    for (size_t i = a->rank; i-- > 0;) {
        plan->goes[i] = plan->goes[i] || n == 0;
        plan->lengths[i] = a->axes[i]->length;
        plan->strides[1][i] = plan->goes[i] ? 0 : plan->size;
        *(plan->goes[i] ? &plan->count : &plan->size) *= a->axes[i]->length;
    }
    for (size_t i = 0; i < a->rank; i++)
        if (!plan->goes[i])
            plan->kept[plan->rank++] = a->axes[i];
    return PB_OK;
}

static const char *reduction_name(pb_reduction op)
{
    static const char *const names[] = {"sum",    "mean", "min",  "max", "argmax",
                                        "argmin", "std",  "norm", "any", "all"};
    return names[op];
}

static pb_status check_not_empty(pb_reduction op, const pb_tensor *a, const fold_plan *plan,
                                 pb_error **error)
{
    if (plan->count > 0 || op == PB_SUM || op == PB_NORM || op == PB_ANY || op == PB_EVERY)
        return PB_OK;
    for (size_t i = 0; i < a->rank; i++)
        if (plan->goes[i] && a->axes[i]->length == 0)
            return pb_fail(error, PB_VALUE, "there is no %s over %s: the axis is empty",
                           reduction_name(op), a->axes[i]->name);
    return PB_OK;
}

/* Along the values of a and, in step, those of the result that they go into. */
static void start_fold(pb_walk *walk, const pb_tensor *a, const fold_plan *plan)
{
    pb_walk_start(walk, a->rank, plan->lengths, 2, (const size_t(*)[PB_MAX_RANK])plan->strides,
                  plan->watch);
}

static pb_status fold_all(pb_reduction op, const pb_tensor *a, const fold_plan *plan, double *out,
                          pb_error **error)
{
    pb_walk walk;
    for (pb_walk_flat(&walk, plan->size, plan->watch); !walk.done; pb_walk_next(&walk))
        for (size_t i = walk.offset[0], end = i + walk.length; i < end; i++)
            out[i] = start_value(op);
    if (walk.poll.stopped)
        return pb_walk_status(&walk, error);
    for (start_fold(&walk, a, plan); !walk.done; pb_walk_next(&walk))
        run_fold(op, walk.length, a->data + walk.offset[0], out + walk.offset[1], walk.step[1]);
    return pb_walk_status(&walk, error);
}

/* Adds the squares of the distances from the means to `squares`, which starts at 0. */
static pb_status fold_squares(const pb_tensor *a, const fold_plan *plan, const double *means,
                              double *squares, pb_error **error)
{
    pb_walk walk;
    for (start_fold(&walk, a, plan); !walk.done; pb_walk_next(&walk)) {
        const float *values = a->data + walk.offset[0];
        for (size_t i = 0; i < walk.length; i++) {
            size_t at = walk.offset[1] + i * walk.step[1];
            double distance = (double)values[i] - means[at];
            squares[at] += distance * distance;
        }
    }
    return pb_walk_status(&walk, error);
}

/* The sums of the squares of the distances from the means. */
static pb_status fold_distances(const pb_tensor *a, const fold_plan *plan, double *squares,
                                pb_error **error)
{
    pb_walk walk;
    double *means = pb_malloc(plan->size, sizeof *means);
    pb_status status = means ? fold_all(PB_SUM, a, plan, means, error) : pb_fail_memory(error);
    if (!status) {
        for (pb_walk_flat(&walk, plan->size, plan->watch); !walk.done; pb_walk_next(&walk)) {
            for (size_t i = walk.offset[0], end = i + walk.length; i < end; i++) {
                means[i] /= (double)plan->count;
                squares[i] = 0;
            }
        }
        status = pb_walk_status(&walk, error);
    }
    if (!status)
        status = fold_squares(a, plan, means, squares, error);
    free(means);
    return status;
}

/* The value of a result from what its `count` values were folded into. */
static inline double finish_value(pb_reduction op, double folded, double count)
{
    switch (op) {
    case PB_MEAN: return folded / count;
    case PB_STD: return sqrt(folded / count);
    case PB_NORM: return sqrt(folded);
    default: return folded;
    }
}

/* ---- without gaps ---- */

/* As fold_all() and fold_squares(), of the cells that are there, which are counted. With `means`
 * the squares of the distances from those are summed. */
static pb_status fold_present(pb_reduction op, const pb_tensor *a, const fold_plan *plan,
                              const double *means, double *out, size_t *counts, pb_error **error)
{
    pb_walk walk;
    for (size_t i = 0; i < plan->size; i++) {
        out[i] = means ? 0 : start_value(op);
        counts[i] = 0;
    }
    for (start_fold(&walk, a, plan); !walk.done; pb_walk_next(&walk)) {
        for (size_t i = 0; i < walk.length; i++) {
            float value = a->data[walk.offset[0] + i * walk.step[0]];
            size_t at = walk.offset[1] + i * walk.step[1];
            if (pb_is_gap(value))
                continue;
            counts[at]++;
            double distance = means ? (double)value - means[at] : 0;
            out[at] = means ? out[at] + distance * distance : fold(op, out[at], (double)value);
        }
    }
    return pb_walk_status(&walk, error);
}

/* A reduction of the cells that are there; of gaps alone it is a gap, or false. */
static pb_status reduce_present(pb_reduction op, const pb_tensor *a, const fold_plan *plan,
                                float *out, pb_error **error)
{
    double *values = pb_malloc(plan->size, sizeof *values), *means = NULL;
    size_t *counts = pb_malloc(plan->size, sizeof *counts);
    pb_status status = values && counts ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = fold_present(op == PB_STD ? PB_SUM : op, a, plan, NULL, values, counts, error);
    if (!status && op == PB_STD) {
        means = values;
        values = pb_malloc(plan->size, sizeof *values);
        for (size_t i = 0; i < plan->size; i++)
            means[i] /= (double)counts[i];
        status = values ? fold_present(op, a, plan, means, values, counts, error)
                        : pb_fail_memory(error);
    }
    bool boolean = op == PB_ANY || op == PB_EVERY;
    for (size_t i = 0; !status && i < plan->size; i++)
        out[i] = counts[i] ? (float)finish_value(op, values[i], (double)counts[i])
                 : boolean ? 0.0f
                           : pb_gap();
    free(means);
    free(counts);
    free(values);
    return status;
}

static pb_status reduce_values(pb_reduction op, const pb_tensor *a, const fold_plan *plan,
                               float *out, pb_error **error)
{
    pb_walk walk;
    double *values = pb_malloc(plan->size, sizeof *values);
    if (!values)
        return pb_fail_memory(error);
    pb_status status = op == PB_STD ? fold_distances(a, plan, values, error)
                                    : fold_all(op, a, plan, values, error);
    if (!status) {
        for (pb_walk_flat(&walk, plan->size, plan->watch); !walk.done; pb_walk_next(&walk))
            for (size_t i = walk.offset[0], end = i + walk.length; i < end; i++)
                out[i] = (float)finish_value(op, values[i], (double)plan->count);
        status = pb_walk_status(&walk, error);
    }
    free(values);
    return status;
}

/* ---- where the extreme is ---- */

static pb_status find_only_axis(const fold_plan *plan, const pb_tensor *a, pb_reduction op,
                                size_t *which, pb_error **error)
{
    size_t count = 0;
    for (size_t i = 0; i < a->rank; i++) {
        if (plan->goes[i])
            *which = i;
        count += plan->goes[i];
    }
    if (count == 1)
        return PB_OK;
    const char *name = reduction_name(op);
    pb_status status =
        pb_fail(error, PB_TYPE, "%s goes over one axis, and here it would be %zu", name, count);
    if (a->rank > 0)
        pb_hint(error, "name it: %s(t, \"%s\"); top(t, 1) finds the place along all axes", name,
                a->axes[a->rank - 1]->name);
    return status;
}

static bool is_further(pb_reduction op, float value, float best)
{
    if (isnan(best))
        return false;
    return isnan(value) || (op == PB_ARGMAX ? value > best : value < best);
}

/* Where the extreme of each result lies in a; so far none. */
static pb_status find_extremes(pb_reduction op, const pb_tensor *a, const fold_plan *plan,
                               size_t *best, pb_error **error)
{
    pb_walk walk;
    for (pb_walk_flat(&walk, plan->size, plan->watch); !walk.done; pb_walk_next(&walk))
        for (size_t i = walk.offset[0], end = i + walk.length; i < end; i++)
            best[i] = SIZE_MAX;
    if (walk.poll.stopped)
        return pb_walk_status(&walk, error);
    for (start_fold(&walk, a, plan); !walk.done; pb_walk_next(&walk)) {
        for (size_t i = 0; i < walk.length; i++) {
            size_t at = walk.offset[0] + i * walk.step[0];
            size_t *column = best + walk.offset[1] + i * walk.step[1];
            if (a->gaps && pb_is_gap(a->data[at]))
                continue;
            if (*column == SIZE_MAX || is_further(op, a->data[at], a->data[*column]))
                *column = at;
        }
    }
    return pb_walk_status(&walk, error);
}

/* The coordinates of the extremes along the one axis that goes, which is a's axis `which`. */
static pb_status reduce_places(pb_reduction op, const pb_tensor *a, const fold_plan *plan,
                               size_t which, float *out, pb_error **error)
{
    pb_walk walk;
    const pb_axis *axis = a->axes[which];
    size_t stride = plan->strides[0][which];
    size_t *best = pb_malloc(plan->size, sizeof *best);
    pb_status status = best ? find_extremes(op, a, plan, best, error) : pb_fail_memory(error);
    if (!status) {
        for (pb_walk_flat(&walk, plan->size, plan->watch); !walk.done; pb_walk_next(&walk))
            for (size_t i = walk.offset[0], end = i + walk.length; i < end; i++)
                out[i] = best[i] == SIZE_MAX
                             ? pb_gap()
                             : (float)pb_axis_coordinate(axis, best[i] / stride % axis->length);
        status = pb_walk_status(&walk, error);
    }
    free(best);
    return status;
}

pb_status pb_tensor_reduce(pb_reduction op, const pb_tensor *a, size_t n, const char *const *over,
                           const pb_watch *watch, pb_tensor **result, pb_error **error)
{
    fold_plan plan;
    size_t which = 0;
    float *out = NULL;
    bool finds_place = op == PB_ARGMAX || op == PB_ARGMIN;
    pb_status status = plan_fold(a, n, over, watch, &plan, error);
    if (!status && finds_place)
        status = find_only_axis(&plan, a, op, &which, error);
    if (!status)
        status = check_not_empty(op, a, &plan, error);
    if (status)
        return status;

    pb_tensor *made = NULL;
    status = pb_tensor_blank(plan.rank, plan.kept, &made, &out, error);
    if (status)
        return status;
    made->boolean = op == PB_ANY || op == PB_EVERY;
    if (finds_place)
        status = reduce_places(op, a, &plan, which, out, error);
    else if (a->gaps)
        status = reduce_present(op, a, &plan, out, error);
    else
        status = reduce_values(op, a, &plan, out, error);
    if (!status && a->gaps)
        pb_tensor_mark_gaps(made);
    return pb_tensor_finish(status, made, result);
}

/* ---- softmax ---- */

/*
 * Softmax down columns, some at a time: `blocks` that follow each other in memory, each of `length`
 * rows `inner` values apart, of which `columns` take part. `largest` and `sums` have room for a
 * double a column.
 */
typedef struct columns {
    size_t blocks, length, inner, columns;
    double *largest, *sums;
} columns;

/* Along the values of some columns and, in step, their place in `largest` and `sums`. */
static void start_columns(pb_walk *walk, const columns *c, const pb_watch *watch)
{
    const size_t lengths[] = {c->blocks, c->length, c->columns};
    const size_t strides[2][PB_MAX_RANK] = {{c->length * c->inner, c->inner, 1},
                                            {c->columns, 0, 1}};
    pb_walk_start(walk, 3, lengths, 2, strides, watch);
}

/* out = exp(in - largest), and their sums. */
static void exponentials(const pb_walk *row, const columns *c, const float *in, float *out)
{
    for (size_t i = 0; i < row->length; i++) {
        size_t at = row->offset[0] + i * row->step[0], column = row->offset[1] + i * row->step[1];
        double share = exp((double)in[at] - c->largest[column]);
        out[at] = (float)share;
        c->sums[column] += share;
    }
}

/* out = exp(in - largest) / sum, or its logarithm in - (largest + log(sum)), which `largest` is. */
static void normalise(const pb_walk *row, const columns *c, bool logarithm, const float *in,
                      float *out)
{
    for (size_t i = 0; i < row->length; i++) {
        size_t at = row->offset[0] + i * row->step[0], column = row->offset[1] + i * row->step[1];
        out[at] = (float)(logarithm ? (double)in[at] - c->largest[column]
                                    : (double)out[at] / c->sums[column]);
    }
}

static pb_status softmax_columns(const columns *c, bool logarithm, const float *in, float *out,
                                 const pb_watch *watch, pb_error **error)
{
    pb_walk row;
    size_t count = c->blocks * c->columns; /* PB_POLL_VALUES at most */
    for (size_t i = 0; i < count; i++) {
        c->largest[i] = start_value(PB_MAX);
        c->sums[i] = 0;
    }
    for (start_columns(&row, c, watch); !row.done; pb_walk_next(&row))
        run_fold(PB_MAX, row.length, in + row.offset[0], c->largest + row.offset[1], row.step[1]);
    if (row.poll.stopped)
        return pb_walk_status(&row, error);
    for (start_columns(&row, c, watch); !row.done; pb_walk_next(&row))
        exponentials(&row, c, in, out);
    if (row.poll.stopped)
        return pb_walk_status(&row, error);
    for (size_t i = 0; logarithm && i < count; i++)
        c->largest[i] += log(c->sums[i]);
    for (start_columns(&row, c, watch); !row.done; pb_walk_next(&row))
        normalise(&row, c, logarithm, in, out);
    return pb_walk_status(&row, error);
}

/* All columns down an axis of stride `inner`: as many at a time as stay in the cache. */
static pb_status softmax_values(const pb_tensor *a, size_t length, size_t inner, bool logarithm,
                                float *out, const pb_watch *watch, pb_error **error)
{
    size_t block = length * inner, n_blocks = a->size / block;
    size_t most = block < PB_POLL_VALUES ? PB_POLL_VALUES / block : 1;
    size_t width = inner < PB_POLL_VALUES ? inner : PB_POLL_VALUES;
    double *scratch = pb_malloc((most < n_blocks ? most : n_blocks) * width, 2 * sizeof *scratch);
    pb_status status = scratch ? PB_OK : pb_fail_memory(error);
    for (size_t first = 0; !status && first < n_blocks; first += most) {
        size_t blocks = most < n_blocks - first ? most : n_blocks - first;
        for (size_t left = 0; !status && left < inner; left += width) {
            columns c = {blocks,  length, inner, width < inner - left ? width : inner - left,
                         scratch, NULL};
            c.sums = scratch + blocks * c.columns;
            size_t start = first * block + left;
            status = softmax_columns(&c, logarithm, a->data + start, out + start, watch, error);
        }
    }
    free(scratch);
    return status;
}

/* Of the cells that are there: a gap is as unlikely as can be, and stays one. */
static pb_status softmax_present(const pb_tensor *a, const char *over, bool logarithm,
                                 const pb_watch *watch, pb_tensor **result, pb_error **error)
{
    pb_tensor *filled = NULL;
    pb_status status = pb_fill_gaps(a, -INFINITY, watch, &filled, error);
    if (!status)
        status = pb_tensor_softmax(filled, over, logarithm, watch, result, error);
    if (!status)
        pb_restore_gaps(a, *result, (*result)->storage->own);
    pb_tensor_release(&filled);
    return status;
}

pb_status pb_tensor_softmax(const pb_tensor *a, const char *over, bool logarithm,
                            const pb_watch *watch, pb_tensor **result, pb_error **error)
{
    if (a->gaps)
        return softmax_present(a, over, logarithm, watch, result, error);
    size_t which = 0, strides[PB_MAX_RANK];
    float *out = NULL;
    pb_tensor *made = NULL;
    pb_status status = pb_tensor_need_axis(a, over, &which, error);
    if (!status)
        status = pb_tensor_blank(a->rank, a->axes, &made, &out, error);
    if (status)
        return status;
    pb_tensor_strides(a, strides);
    if (a->size > 0)
        status =
            softmax_values(a, a->axes[which]->length, strides[which], logarithm, out, watch, error);
    return pb_tensor_finish(status, made, result);
}
