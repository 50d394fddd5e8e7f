/* Walking several strided arrays together, row by row, with an ear for the stop flag. */
#include <string.h>

#include "tensor_internal.h"

/* ---- stopping ---- */

pb_status pb_poll_status(const pb_poll *poll, pb_error **error)
{
    return poll->stopped ? pb_watch_fail(error) : PB_OK;
}

bool pb_poll_copy(pb_poll *poll, float *out, const float *in, size_t n)
{
    for (size_t at = 0; at < n; at += PB_POLL_VALUES) {
        size_t piece = n - at < PB_POLL_VALUES ? n - at : PB_POLL_VALUES;
        if (!pb_poll_step(poll, piece))
            return false;
        memcpy(out + at, in + at, piece * sizeof *out);
    }
    return true;
}

/* ---- walking ---- */

/* Whether the axis (length, strides at `inner`) continues the outer axis for every operand. */
static bool continues(const pb_walk *walk, size_t outer, size_t length,
                      const size_t strides[][PB_MAX_RANK], size_t inner)
{
    for (size_t k = 0; k < walk->operands; k++)
        if (walk->strides[k][outer] != strides[k][inner] * length)
            return false;
    return true;
}

/* Appends an axis, or merges it into the one before; axes of length 1 vanish. */
static void add_axis(pb_walk *walk, size_t length, const size_t strides[][PB_MAX_RANK], size_t axis)
{
    if (length == 1)
        return;
    bool merges = walk->rank > 0 && continues(walk, walk->rank - 1, length, strides, axis);
    size_t at = merges ? walk->rank - 1 : walk->rank++;
    walk->lengths[at] = merges ? walk->lengths[at] * length : length;
    for (size_t k = 0; k < walk->operands; k++)
        walk->strides[k][at] = strides[k][axis];
}

/* The next row is the innermost axis from `at` on, as far as one may go without looking up. */
static void begin_row(pb_walk *walk, size_t at)
{
    size_t left = walk->whole - at;
    walk->length = left < PB_POLL_VALUES ? left : PB_POLL_VALUES;
    for (size_t k = 0; at != walk->at && k < walk->operands; k++)
        walk->offset[k] = walk->offset[k] - walk->step[k] * walk->at + walk->step[k] * at;
    walk->at = at;
    if (!pb_poll_step(&walk->poll, walk->length))
        walk->done = true;
}

void pb_walk_start(pb_walk *walk, size_t rank, const size_t *lengths, size_t operands,
                   const size_t strides[][PB_MAX_RANK], const pb_watch *watch)
{
    *walk = (pb_walk){.operands = operands, .whole = 1, .poll = {.watch = watch}};
    for (size_t i = 0; i < rank; i++) {
        walk->done = walk->done || lengths[i] == 0;
        add_axis(walk, lengths[i], strides, i);
    }
    if (walk->rank > 0) {
        walk->rank--;
        walk->whole = walk->lengths[walk->rank];
        for (size_t k = 0; k < operands; k++)
            walk->step[k] = walk->strides[k][walk->rank];
    }
    begin_row(walk, 0);
}

void pb_walk_flat(pb_walk *walk, size_t size, const pb_watch *watch)
{
    static const size_t stride[1][PB_MAX_RANK] = {{1}};
    pb_walk_start(walk, 1, &size, 1, stride, watch);
}

void pb_walk_next(pb_walk *walk)
{
    size_t at = walk->at + walk->length;
    if (at < walk->whole) {
        begin_row(walk, at);
        return;
    }
    begin_row(walk, 0);
    for (size_t i = walk->rank; i-- > 0;) {
        for (size_t k = 0; k < walk->operands; k++)
            walk->offset[k] += walk->strides[k][i];
        if (++walk->index[i] < walk->lengths[i])
            return;
        for (size_t k = 0; k < walk->operands; k++)
            walk->offset[k] -= walk->strides[k][i] * walk->lengths[i];
        walk->index[i] = 0;
    }
    walk->done = true;
}

pb_status pb_walk_status(const pb_walk *walk, pb_error **error)
{
    return pb_poll_status(&walk->poll, error);
}
