/* Walking several strided arrays together, row by row. */
#include "tensor_internal.h"

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

void pb_walk_start(pb_walk *walk, size_t rank, const size_t *lengths, size_t operands,
                   const size_t strides[][PB_MAX_RANK])
{
    *walk = (pb_walk){.operands = operands, .length = 1};
    for (size_t i = 0; i < rank; i++) {
        walk->done = walk->done || lengths[i] == 0;
        add_axis(walk, lengths[i], strides, i);
    }
    if (walk->rank == 0)
        return;
    walk->rank--;
    walk->length = walk->lengths[walk->rank];
    for (size_t k = 0; k < operands; k++)
        walk->step[k] = walk->strides[k][walk->rank];
}

void pb_walk_next(pb_walk *walk)
{
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
