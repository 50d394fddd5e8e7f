/* Reductions over named axes, and softmax. Everything is summed in double. */
#include <math.h>
#include <stdlib.h>

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
    size_t lengths[PB_MAX_RANK];
    size_t strides[2][PB_MAX_RANK]; /* of a, of the result */
} fold_plan;

static pb_status plan_fold(const pb_tensor *a, size_t n, const char *const *over, fold_plan *plan,
                           pb_error **error)
{
    *plan = (fold_plan){.count = 1, .size = 1};
    for (size_t i = 0; i < n; i++) {
        size_t which = 0;
        pb_status status = pb_tensor_need_axis(a, over[i], &which, error);
        if (status != PB_OK)
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

static void fold_all(pb_reduction op, const pb_tensor *a, const fold_plan *plan, double *out)
{
    for (size_t i = 0; i < plan->size; i++)
        out[i] = start_value(op);
    pb_walk walk;
    pb_walk_start(&walk, a->rank, plan->lengths, 2, (const size_t(*)[PB_MAX_RANK])plan->strides);
    for (; !walk.done; pb_walk_next(&walk))
        run_fold(op, walk.length, a->data + walk.offset[0], out + walk.offset[1], walk.step[1]);
}

/* Adds the squares of the distances from the means to `squares`, which starts at 0. */
static void fold_squares(const pb_tensor *a, const fold_plan *plan, const double *means,
                         double *squares)
{
    pb_walk walk;
    pb_walk_start(&walk, a->rank, plan->lengths, 2, (const size_t(*)[PB_MAX_RANK])plan->strides);
    for (; !walk.done; pb_walk_next(&walk)) {
        const float *values = a->data + walk.offset[0];
        for (size_t i = 0; i < walk.length; i++) {
            size_t at = walk.offset[1] + i * walk.step[1];
            double distance = (double)values[i] - means[at];
            squares[at] += distance * distance;
        }
    }
}

static pb_status reduce_std(const pb_tensor *a, const fold_plan *plan, double *sums, float *out,
                            pb_error **error)
{
    double *squares = pb_calloc(plan->size, sizeof *squares);
    if (!squares)
        return pb_fail_memory(error);
    fold_all(PB_SUM, a, plan, sums);
    for (size_t i = 0; i < plan->size; i++)
        sums[i] /= (double)plan->count;
    fold_squares(a, plan, sums, squares);
    for (size_t i = 0; i < plan->size; i++)
        out[i] = (float)sqrt(squares[i] / (double)plan->count);
    free(squares);
    return PB_OK;
}

static pb_status reduce_values(pb_reduction op, const pb_tensor *a, const fold_plan *plan,
                               float *out, pb_error **error)
{
    double *values = pb_malloc(plan->size, sizeof *values);
    pb_status status = PB_OK;
    if (!values)
        return pb_fail_memory(error);
    if (op == PB_STD) {
        status = reduce_std(a, plan, values, out, error);
    } else {
        double divisor = op == PB_MEAN ? (double)plan->count : 1;
        fold_all(op, a, plan, values);
        for (size_t i = 0; i < plan->size; i++)
            out[i] = (float)(op == PB_NORM ? sqrt(values[i]) : values[i] / divisor);
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

/* Walks in the order of memory: `best` holds the best place so far of each of the inner columns. */
static pb_status find_extremes(pb_reduction op, const pb_tensor *a, size_t which, float *out,
                               pb_error **error)
{
    size_t strides[PB_MAX_RANK];
    pb_tensor_strides(a, strides);
    const pb_axis *axis = a->axes[which];
    size_t inner = strides[which], block = inner * axis->length;
    size_t *best = pb_malloc(inner, sizeof *best);
    if (!best)
        return pb_fail_memory(error);
    for (size_t start = 0; start < a->size; start += block) {
        const float *values = a->data + start;
        for (size_t i = 0; i < inner; i++)
            best[i] = 0;
        for (size_t k = 1; k < axis->length; k++)
            for (size_t i = 0; i < inner; i++)
                if (is_further(op, values[k * inner + i], values[best[i] * inner + i]))
                    best[i] = k;
        for (size_t i = 0; i < inner; i++)
            *out++ = (float)pb_axis_coordinate(axis, best[i]);
    }
    free(best);
    return PB_OK;
}

pb_status pb_tensor_reduce(pb_reduction op, const pb_tensor *a, size_t n, const char *const *over,
                           pb_tensor **result, pb_error **error)
{
    fold_plan plan;
    size_t which = 0;
    float *out = NULL;
    bool finds_place = op == PB_ARGMAX || op == PB_ARGMIN;
    pb_status status = plan_fold(a, n, over, &plan, error);
    if (status == PB_OK && finds_place)
        status = find_only_axis(&plan, a, op, &which, error);
    if (status == PB_OK)
        status = check_not_empty(op, a, &plan, error);
    if (status != PB_OK)
        return status;

    pb_tensor *made = NULL;
    status = pb_tensor_blank(plan.rank, plan.kept, &made, &out, error);
    if (status != PB_OK)
        return status;
    made->boolean = op == PB_ANY || op == PB_EVERY;
    if (finds_place)
        status = find_extremes(op, a, which, out, error);
    else
        status = reduce_values(op, a, &plan, out, error);
    if (status == PB_OK)
        *result = made;
    else
        pb_tensor_release(&made);
    return status;
}

/* ---- softmax ---- */

/*
 * Softmax down `inner` columns of `length` values, row by row: exp(x - max) / sum, or its logarithm
 * x - (max + log(sum)). `largest` and `sums` have room for a double a column.
 */
static void softmax_block(const float *in, float *out, size_t length, size_t inner, bool logarithm,
                          double *largest, double *sums)
{
    for (size_t i = 0; i < inner; i++) {
        largest[i] = start_value(PB_MAX);
        sums[i] = 0;
    }
    for (size_t k = 0; k < length; k++)
        for (size_t i = 0; i < inner; i++)
            largest[i] = fold(PB_MAX, largest[i], (double)in[k * inner + i]);
    for (size_t k = 0; k < length; k++) {
        for (size_t i = 0; i < inner; i++) {
            double share = exp((double)in[k * inner + i] - largest[i]);
            out[k * inner + i] = (float)share;
            sums[i] += share;
        }
    }
    for (size_t i = 0; i < inner; i++)
        largest[i] += log(sums[i]);
    for (size_t k = 0; k < length; k++) {
        for (size_t i = 0; i < inner; i++) {
            size_t at = k * inner + i;
            out[at] = (float)(logarithm ? (double)in[at] - largest[i] : (double)out[at] / sums[i]);
        }
    }
}

pb_status pb_tensor_softmax(const pb_tensor *a, const char *over, bool logarithm,
                            pb_tensor **result, pb_error **error)
{
    size_t which = 0, strides[PB_MAX_RANK];
    float *out = NULL;
    pb_tensor *made = NULL;
    pb_status status = pb_tensor_need_axis(a, over, &which, error);
    if (status == PB_OK)
        status = pb_tensor_blank(a->rank, a->axes, &made, &out, error);
    if (status != PB_OK)
        return status;
    pb_tensor_strides(a, strides);
    size_t length = a->axes[which]->length, inner = strides[which];
    double *scratch = pb_malloc(inner, 2 * sizeof *scratch);
    if (!scratch) {
        pb_tensor_release(&made);
        return pb_fail_memory(error);
    }
    for (size_t start = 0; start < a->size; start += inner * length)
        softmax_block(a->data + start, out + start, length, inner, logarithm, scratch,
                      scratch + inner);
    free(scratch);
    *result = made;
    return PB_OK;
}
