/* Rearranging: rename, transpose, stack. */
#include <string.h>

#include "tensor_internal.h"

/* ---- the permuted copy ---- */

enum { TILE = 32 }; /* a tile of 32 x 32 floats of either side stays in the first cache */

/* out[i * out_step + j] = in[i + j * in_step], tile by tile: both sides are read in lines. */
static bool copy_plane(pb_poll *poll, float *out, size_t out_step, size_t rows, const float *in,
                       size_t in_step, size_t columns)
{
    for (size_t top = 0; top < rows; top += TILE) {
        size_t bottom = top + TILE < rows ? top + TILE : rows;
        for (size_t left = 0; left < columns; left += TILE) {
            size_t right = left + TILE < columns ? left + TILE : columns;
            if (!pb_poll_step(poll, (bottom - top) * (right - left)))
                return false;
            for (size_t i = top; i < bottom; i++)
                for (size_t j = left; j < right; j++)
                    out[i * out_step + j] = in[i + j * in_step];
        }
    }
    return true;
}

static void copy_row(float *out, const float *in, size_t step, size_t length)
{
    if (step == 1)
        memcpy(out, in, length * sizeof *out);
    else
        for (size_t i = 0; i < length; i++)
            out[i] = in[i * step];
}

/* The axis along which `in` is dense, if it is neither the last nor of length 1; else rank. */
static size_t dense_axis(size_t rank, const size_t *lengths, const size_t *strides)
{
    if (rank == 0 || strides[rank - 1] == 1)
        return rank;
    for (size_t i = 0; i + 1 < rank; i++)
        if (strides[i] == 1 && lengths[i] > 1)
            return i;
    return rank;
}

bool pb_gather(pb_poll *poll, float *out, const float *in, size_t rank, const size_t *lengths,
               const size_t *strides)
{
    size_t both[2][PB_MAX_RANK] = {{0}};
    size_t stride = 1;
    for (size_t i = rank; i-- > 0; stride *= lengths[i]) {
        both[0][i] = stride;
        both[1][i] = strides[i];
    }
    size_t dense = dense_axis(rank, lengths, strides);
    pb_walk walk;
    if (dense == rank) {
        pb_walk_start(&walk, rank, lengths, 2, (const size_t(*)[PB_MAX_RANK])both, poll->watch);
        for (; !walk.done; pb_walk_next(&walk))
            copy_row(out + walk.offset[0], in + walk.offset[1], walk.step[1], walk.length);
        poll->stopped = poll->stopped || walk.poll.stopped;
        return !poll->stopped;
    }
    /* Planes of the dense axis and the last; the walk goes over the others, seen as length 1. */
    size_t others[PB_MAX_RANK];
    for (size_t i = 0; i < rank; i++)
        others[i] = i == dense || i == rank - 1 ? (lengths[i] != 0) : lengths[i];
    pb_walk_start(&walk, rank, others, 2, (const size_t(*)[PB_MAX_RANK])both, NULL);
    for (; !walk.done; pb_walk_next(&walk))
        for (size_t i = 0; i < walk.length; i++)
            if (!copy_plane(poll, out + walk.offset[0] + i * walk.step[0], both[0][dense],
                            lengths[dense], in + walk.offset[1] + i * walk.step[1],
                            both[1][rank - 1], lengths[rank - 1]))
                return false;
    return true;
}

/* ---- rename ---- */

pb_status pb_tensor_rename(const pb_tensor *a, const char *from, const char *to, pb_tensor **result,
                           pb_error **error)
{
    size_t which = 0;
    pb_status status = pb_tensor_need_axis(a, from, &which, error);
    if (status)
        return status;
    if (*to == '\0')
        return pb_fail(error, PB_VALUE, "the axis %s needs a name that is not empty", from);
    int other = pb_tensor_find_axis(a, to);
    if (other >= 0 && (size_t)other != which)
        return pb_fail(error, PB_VALUE, "the axis %s cannot be called %s: there is one already",
                       from, to);
    pb_axis *axis = NULL;
    status = pb_axis_rename(a->axes[which], to, &axis, error);
    if (!status)
        status = pb_tensor_replace_axis(a, which, axis, result, error);
    pb_axis_release(&axis);
    return status;
}

/* ---- transpose ---- */

/* The order that `names` asks for, as numbers of a's axes: each of them once. */
static pb_status find_order(const pb_tensor *a, const char *const *names, size_t order[PB_MAX_RANK],
                            pb_error **error)
{
    for (size_t i = 0; i < a->rank; i++) {
        pb_status status = pb_tensor_need_axis(a, names[i], &order[i], error);
        if (status)
            return status;
        for (size_t j = 0; j < i; j++)
            if (order[j] == order[i])
                return pb_fail(error, PB_VALUE, "the new order has the axis %s twice", names[i]);
    }
    return PB_OK;
}

pb_status pb_tensor_transpose(const pb_tensor *a, const char *const *names, const pb_watch *watch,
                              pb_tensor **result, pb_error **error)
{
    pb_poll poll = {.watch = watch};
    pb_tensor *made = NULL;
    size_t order[PB_MAX_RANK], old[PB_MAX_RANK], strides[PB_MAX_RANK], lengths[PB_MAX_RANK];
    pb_axis *axes[PB_MAX_RANK];
    float *out = NULL;
    pb_status status = find_order(a, names, order, error);
    if (status)
        return status;
    pb_tensor_strides(a, old);
    for (size_t i = 0; i < a->rank; i++) {
        axes[i] = a->axes[order[i]];
        lengths[i] = axes[i]->length;
        strides[i] = old[order[i]];
    }
    status = pb_tensor_blank(a->rank, axes, &made, &out, error);
    if (status)
        return status;
    made->boolean = a->boolean;
    made->gaps = a->gaps;
    pb_gather(&poll, out, a->data, a->rank, lengths, strides);
    return pb_tensor_finish(pb_poll_status(&poll, error), made, result);
}

/* ---- stack ---- */

static pb_status check_same_axes(const pb_tensor *first, const pb_tensor *part, size_t number,
                                 pb_error **error)
{
    bool same = first->rank == part->rank;
    for (size_t i = 0; same && i < part->rank; i++)
        same = pb_tensor_find_axis(first, part->axes[i]->name) >= 0;
    if (same)
        return PB_OK;
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_buffer_text(&text, "the parts must have the same axes, but part 0 has [");
    pb_say_axes(&text, first);
    pb_buffer_format(&text, "] and part %zu has [", number);
    pb_say_axes(&text, part);
    pb_buffer_byte(&text, ']');
    return pb_fail_with(error, PB_VALUE, &text);
}

/* Comparing the axes of a part, in values' worth of work. */
enum { PART_WORK = 64 };

/* The axes all parts share, in the order of the first. */
static pb_status line_up_parts(pb_lineup *lineup, const pb_tensor *const *parts, size_t count,
                               pb_poll *poll, pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < count; i++) {
        pb_poll_step(poll, PART_WORK);
        status = pb_poll_status(poll, error);
        if (!status)
            status = check_same_axes(parts[0], parts[i], i, error);
        if (!status)
            status = pb_lineup_add(lineup, 0, parts[i], error);
    }
    return status;
}

/* Copies a part into its place, its axes in the order of the line-up. */
static bool place_part(pb_poll *poll, float *out, const pb_tensor *part, const pb_lineup *lineup)
{
    size_t own[PB_MAX_RANK], strides[PB_MAX_RANK], lengths[PB_MAX_RANK];
    pb_tensor_strides(part, own);
    for (size_t i = 0; i < lineup->rank; i++) {
        strides[i] = own[pb_tensor_find_axis(part, lineup->axes[i]->name)];
        lengths[i] = lineup->axes[i]->length;
    }
    return pb_gather(poll, out, part->data, lineup->rank, lengths, strides);
}

static pb_status stacked_blank(pb_axis *axis, const pb_lineup *lineup, pb_tensor **result,
                               float **out, pb_error **error)
{
    pb_axis *axes[PB_MAX_RANK + 1] = {axis};
    for (size_t i = 0; i < lineup->rank; i++)
        axes[i + 1] = lineup->axes[i];
    return pb_tensor_blank(lineup->rank + 1, axes, result, out, error);
}

pb_status pb_tensor_stack(pb_axis *axis, const pb_tensor *const *parts, const pb_watch *watch,
                          pb_tensor **result, pb_error **error)
{
    pb_poll poll = {.watch = watch};
    size_t count = axis->length;
    if (count == 0)
        return pb_fail(error, PB_VALUE, "there is nothing to stack along %s", axis->name);
    pb_lineup lineup = PB_LINEUP_EMPTY;
    pb_tensor *made = NULL;
    float *out = NULL;
    pb_status status = line_up_parts(&lineup, parts, count, &poll, error);
    if (!status)
        status = stacked_blank(axis, &lineup, &made, &out, error);
    if (!status) {
        made->boolean = true;
        for (size_t i = 0; i < count; i++) {
            if (!place_part(&poll, out + i * parts[0]->size, parts[i], &lineup))
                break;
            made->boolean = made->boolean && parts[i]->boolean;
            made->gaps = made->gaps || parts[i]->gaps;
        }
        status = pb_tensor_finish(pb_poll_status(&poll, error), made, result);
    }
    pb_lineup_free(&lineup);
    return status;
}
