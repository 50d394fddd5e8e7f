/* Gaps in tensors: which tensors have some, and what is computed without them. */
#include "base/gap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tensor_internal.h"

bool pb_tensor_has_gaps(const pb_tensor *tensor)
{
    return tensor->gaps;
}

void pb_tensor_mark_gaps(pb_tensor *tensor)
{
    tensor->gaps = !tensor->boolean && pb_count_gaps(tensor) > 0;
}

size_t pb_count_gaps(const pb_tensor *tensor)
{
    size_t count = 0;
    for (size_t i = 0; i < tensor->size; i++)
        count += pb_is_gap(tensor->data[i]);
    return count;
}

pb_status pb_fill_gaps(const pb_tensor *a, float with, const pb_watch *watch, pb_tensor **result,
                       pb_error **error)
{
    pb_tensor *made = NULL;
    float *out = NULL;
    pb_walk walk;
    pb_status status = pb_tensor_blank(a->rank, a->axes, &made, &out, error);
    if (status)
        return status;
    for (pb_walk_flat(&walk, a->size, watch); !walk.done; pb_walk_next(&walk))
        for (size_t i = walk.offset[0], end = i + walk.length; i < end; i++)
            out[i] = pb_is_gap(a->data[i]) ? with : a->data[i];
    return pb_tensor_finish(pb_walk_status(&walk, error), made, result);
}

pb_status pb_tensor_present(const pb_tensor *a, const pb_watch *watch, pb_tensor **result,
                            pb_error **error)
{
    pb_tensor *made = NULL;
    float *out = NULL;
    pb_walk walk;
    pb_status status = pb_tensor_blank(a->rank, a->axes, &made, &out, error);
    if (status)
        return status;
    made->boolean = true;
    for (pb_walk_flat(&walk, a->size, watch); !walk.done; pb_walk_next(&walk))
        for (size_t i = walk.offset[0], end = i + walk.length; i < end; i++)
            out[i] = !pb_is_gap(a->data[i]);
    return pb_tensor_finish(pb_walk_status(&walk, error), made, result);
}

void pb_restore_gaps(const pb_tensor *a, pb_tensor *made, float *out)
{
    for (size_t i = 0; i < a->size; i++)
        if (pb_is_gap(a->data[i]))
            out[i] = pb_gap();
    made->gaps = true;
}

/* ---- stacking what differs in length ---- */

/* The axis of one name that all parts share: theirs if they agree, else as long as the longest. */
static pb_status common_axis(const pb_tensor *const *parts, size_t count, size_t which,
                             pb_axis **axis, pb_error **error)
{
    pb_axis *first = parts[0]->axes[which];
    size_t longest = 0;
    bool same = true;
    for (size_t i = 0; i < count; i++) {
        const pb_axis *own = parts[i]->axes[which];
        if (strcmp(own->name, first->name) != 0)
            return pb_fail(error, PB_VALUE, "the parts have other axes: %s and %s", first->name,
                           own->name);
        same = same && pb_axis_same(first, own);
        longest = own->length > longest ? own->length : longest;
    }
    if (!same)
        return pb_axis_create(first->name, longest, NULL, NULL, axis, error);
    *axis = pb_axis_retain(first);
    return PB_OK;
}

/* Copies a dense part to where it belongs, whose rows may be longer. */
static const float *place_rows(const pb_tensor *part, size_t axis, const size_t *strides,
                               const float *from, float *to)
{
    if (axis == part->rank) {
        *to = *from;
        return from + 1;
    }
    for (size_t i = 0; i < part->axes[axis]->length; i++)
        from = place_rows(part, axis + 1, strides, from, to + i * strides[axis + 1]);
    return from;
}

static pb_status ragged_axes(pb_axis *axis, const pb_tensor *const *parts, size_t rank,
                             pb_axis *axes[PB_MAX_RANK + 1], pb_error **error)
{
    pb_status status = PB_OK;
    axes[0] = pb_axis_retain(axis);
    for (size_t i = 1; i < axis->length && !status; i++)
        if (parts[i]->rank != rank)
            status = pb_fail(error, PB_VALUE,
                             "one place is picked of some prompts and several of others");
    for (size_t k = 0; k < rank && !status; k++)
        status = common_axis(parts, axis->length, k, &axes[k + 1], error);
    return status;
}

pb_status pb_tensor_stack_ragged(pb_axis *axis, const pb_tensor *const *parts,
                                 const pb_watch *watch, pb_tensor **result, pb_error **error)
{
    size_t count = axis->length, rank = count > 0 ? parts[0]->rank : 0, strides[PB_MAX_RANK];
    pb_axis *axes[PB_MAX_RANK + 1] = {NULL};
    pb_tensor *made = NULL;
    float *out = NULL;
    if (count == 0)
        return pb_fail(error, PB_VALUE, "there is nothing to stack along %s", axis->name);
    pb_status status = ragged_axes(axis, parts, rank, axes, error);
    if (!status)
        status = pb_tensor_blank(rank + 1, axes, &made, &out, error);
    for (size_t i = 0; !status && i < made->size; i++)
        out[i] = pb_gap();
    if (!status)
        pb_tensor_strides(made, strides);
    for (size_t i = 0; i < count && !status; i++) {
        if (parts[i]->size > 0)
            place_rows(parts[i], 0, strides, parts[i]->data, out + i * strides[0]);
        status = pb_watch_check(watch, error);
    }
    if (!status)
        pb_tensor_mark_gaps(made);
    for (size_t i = 0; i <= rank; i++)
        pb_axis_release(&axes[i]);
    return pb_tensor_finish(status, made, result);
}
