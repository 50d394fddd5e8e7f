/* Gaps in tensors: which tensors have some, and what is computed without them. */
#include "base/gap.h"

#include <math.h>
#include <stdlib.h>

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
