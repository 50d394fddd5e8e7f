/* Work along one axis of a tensor: each lane, the values along it at a place of all others. */
#include <stdlib.h>

#include "base/gap.h"
#include "base/memory.h"
#include "tensor_internal.h"

typedef struct lane_plan {
    size_t n, m; /* values of a lane, before and after */
    bool axis;   /* there is one after */
    pb_lane_function *function;
    const void *how;
    const pb_watch *watch;
} lane_plan;

/* `last` has the axis as its last. */
static pb_status run_lanes(const lane_plan *p, const pb_tensor *last, float *out, pb_error **error)
{
    size_t lanes = p->n > 0 ? last->size / p->n : 0;
    bool drops = !p->axis && pb_tensor_has_gaps(last); /* gaps have no part in what is left */
    double *in = pb_malloc(p->n, sizeof *in);
    pb_status status = in ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < lanes; i++) {
        const float *lane = last->data + i * p->n;
        size_t n = 0;
        for (size_t k = 0; k < p->n; k++)
            if (!drops || !pb_is_gap(lane[k]))
                in[n++] = (double)lane[k];
        if (i % 64 == 0)
            status = pb_watch_check(p->watch, error);
        if (!status && n == 0)
            out[i * p->m] = pb_gap();
        else if (!status)
            status = p->function(p->how, n, in, out + i * p->m, error);
    }
    free(in);
    return status;
}

/* The names of all axes with `which` moved to the end. */
static void names_with_last(const pb_tensor *a, size_t which, const char **names)
{
    size_t n = 0;
    for (size_t i = 0; i < a->rank; i++)
        if (i != which)
            names[n++] = pb_axis_name(a->axes[i]);
    names[n] = pb_axis_name(a->axes[which]);
}

static pb_status make_lanes(const lane_plan *p, const pb_tensor *last, pb_axis *axis,
                            pb_tensor **made, pb_error **error)
{
    pb_axis *axes[PB_MAX_RANK];
    float *out;
    size_t rank = last->rank - 1;
    for (size_t i = 0; i < rank; i++)
        axes[i] = last->axes[i];
    if (axis)
        axes[rank++] = axis;
    pb_status status = pb_tensor_create(rank, axes, made, &out, error);
    if (!status)
        status = run_lanes(p, last, out, error);
    if (!status && pb_tensor_has_gaps(last))
        pb_tensor_mark_gaps(*made);
    return status;
}

pb_status pb_tensor_lanes(const pb_tensor *a, const char *over, pb_axis *axis,
                          pb_lane_function *function, const void *how, const pb_watch *watch,
                          pb_tensor **result, pb_error **error)
{
    const char *names[PB_MAX_RANK];
    pb_tensor *last = NULL, *made = NULL;
    size_t which = 0;
    pb_status status = pb_tensor_need_axis(a, over, &which, error);
    if (status)
        return status;
    lane_plan plan = {pb_axis_length(a->axes[which]),
                      axis ? pb_axis_length(axis) : 1,
                      axis,
                      function,
                      how,
                      watch};
    names_with_last(a, which, names);
    status = pb_tensor_transpose(a, names, watch, &last, error);
    if (!status)
        status = make_lanes(&plan, last, axis, &made, error);
    if (!status && axis) { /* back in its place, maybe under another name */
        pb_tensor *moved = NULL;
        for (size_t i = 0; i < a->rank; i++)
            names[i] = pb_axis_name(i == which ? axis : a->axes[i]);
        status = pb_tensor_transpose(made, names, watch, &moved, error);
        pb_tensor_release(&made);
        made = moved;
    }
    pb_tensor_release(&last);
    return pb_tensor_finish(status, made, result);
}

/* ---- joining ---- */

/* The places of all parts one behind another: coordinates from 0; labels where all have some. */
static pb_status join_axes(size_t n, const pb_tensor *const *parts, size_t which, const char *over,
                           pb_axis **axis, pb_error **error)
{
    size_t length = 0, at = 0;
    bool labelled = true;
    for (size_t i = 0; i < n; i++) {
        const pb_axis *own = parts[i]->axes[which];
        length += pb_axis_length(own);
        labelled = labelled && pb_axis_has_labels(own);
    }
    const char **labels = pb_calloc(length, sizeof *labels);
    if (!labels)
        return pb_fail_memory(error);
    for (size_t i = 0; labelled && i < n; i++)
        for (size_t k = 0; k < pb_axis_length(parts[i]->axes[which]); k++)
            labels[at++] = pb_axis_label(parts[i]->axes[which], k);
    pb_status status = pb_axis_create(over, length, NULL, labelled ? labels : NULL, axis, error);
    free(labels);
    return status;
}

/* Whether all but the axis at `which` are the same axes in the same order. */
static pb_status check_parts(size_t n, const pb_tensor *const *parts, size_t which,
                             pb_error **error)
{
    for (size_t i = 1; i < n; i++) {
        if (parts[i]->rank != parts[0]->rank)
            return pb_fail(error, PB_VALUE, "the tensors have %zu and %zu axes", parts[0]->rank,
                           parts[i]->rank);
        for (size_t k = 0; k < parts[0]->rank; k++)
            if (k != which && !pb_axis_same(parts[0]->axes[k], parts[i]->axes[k]))
                return pb_fail(error, PB_VALUE, "the first and tensor %zu differ along %s", i,
                               pb_axis_name(parts[0]->axes[k]));
    }
    return PB_OK;
}

/* Copies the parts, each ordered as the first is: `over` comes first. */
static bool copy_parts(size_t n, const pb_tensor *const *parts, float *out, pb_poll *poll)
{
    for (size_t i = 0; i < n; i++) {
        if (!pb_poll_copy(poll, out, parts[i]->data, parts[i]->size))
            return false;
        out += parts[i]->size;
    }
    return true;
}

static pb_status concat_ordered(size_t n, const pb_tensor *const *parts, const char *over,
                                const pb_watch *watch, pb_tensor **made, pb_error **error)
{
    pb_axis *axes[PB_MAX_RANK] = {NULL};
    float *out;
    pb_poll poll = {.watch = watch};
    pb_status status = check_parts(n, parts, 0, error);
    if (!status)
        status = join_axes(n, parts, 0, over, &axes[0], error);
    for (size_t i = 1; i < parts[0]->rank; i++)
        axes[i] = parts[0]->axes[i];
    if (!status)
        status = pb_tensor_create(parts[0]->rank, axes, made, &out, error);
    pb_axis_release(&axes[0]);
    if (!status && !copy_parts(n, parts, out, &poll))
        status = pb_poll_status(&poll, error);
    for (size_t i = 0; !status && i < n; i++)
        if (pb_tensor_has_gaps(parts[i]))
            pb_tensor_mark_gaps(*made);
    return status;
}

pb_status pb_tensor_concat(size_t n, const pb_tensor *const *parts, const char *over,
                           const pb_watch *watch, pb_tensor **result, pb_error **error)
{
    const char *first[PB_MAX_RANK], *back[PB_MAX_RANK];
    size_t which = 0, at = 1;
    pb_tensor *made = NULL;
    pb_status status = pb_tensor_need_axis(parts[0], over, &which, error);
    pb_tensor **ordered = pb_calloc(n, sizeof *ordered);
    if (!ordered && !status)
        status = pb_fail_memory(error);
    first[0] = over;
    for (size_t i = 0; i < parts[0]->rank; i++) {
        back[i] = pb_axis_name(parts[0]->axes[i]);
        if (i != which)
            first[at++] = back[i];
    }
    for (size_t i = 0; !status && i < n; i++) {
        status = parts[i]->rank == parts[0]->rank
                     ? pb_tensor_transpose(parts[i], first, watch, &ordered[i], error)
                     : pb_fail(error, PB_VALUE, "the tensors have %zu and %zu axes", parts[0]->rank,
                               parts[i]->rank);
    }
    if (!status)
        status = concat_ordered(n, (const pb_tensor *const *)ordered, over, watch, &made, error);
    for (size_t i = 0; ordered && i < n; i++)
        pb_tensor_release(&ordered[i]);
    free(ordered);
    if (!status)
        status = pb_tensor_transpose(made, back, watch, result, error);
    pb_tensor_release(&made);
    return status;
}
