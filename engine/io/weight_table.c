/* The tensors of open weights, in order and by name; see weight_table.h. */
#include "weight_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Quantised values lie in blocks: a half, the scale (Q4_1: another, the least), then the values. */
static const dtype_layout layouts[PB_DTYPE_OTHER] = {
    [PB_DTYPE_F64] = {"F64", 1, 8},         [PB_DTYPE_F32] = {"F32", 1, 4},
    [PB_DTYPE_F16] = {"F16", 1, 2},         [PB_DTYPE_BF16] = {"BF16", 1, 2},
    [PB_DTYPE_Q8_0] = {"Q8_0", 32, 2 + 32}, [PB_DTYPE_Q4_0] = {"Q4_0", 32, 2 + 16},
    [PB_DTYPE_Q4_1] = {"Q4_1", 32, 4 + 16},
};

const dtype_layout *weight_layout(pb_dtype dtype)
{
    return dtype < PB_DTYPE_OTHER ? &layouts[dtype] : NULL;
}

pb_status weight_table_add(pb_weights *weights, const stored *tensor, pb_error **error)
{
    uint64_t other;
    if (pb_map_get(weights->by_name, tensor->key, tensor->key_length, &other)) {
        if (weights->tensors[other].shard == tensor->shard) {
            weights->tensors[other] = *tensor;
            return PB_OK;
        }
        return pb_fail(error, PB_FORMAT, "tensor '%s' is both in '%s' and in '%s'",
                       tensor->weight.name, weights->tensors[other].weight.file,
                       tensor->weight.file);
    }
    if (weights->n_tensors == weights->tensor_capacity) {
        size_t capacity = weights->tensor_capacity ? 2 * weights->tensor_capacity : 64;
        stored *grown = pb_realloc(weights->tensors, capacity, sizeof *grown);
        if (!grown)
            return pb_fail_memory(error);
        weights->tensors = grown;
        weights->tensor_capacity = capacity;
    }
    if (!pb_map_put(weights->by_name, tensor->key, tensor->key_length, weights->n_tensors))
        return pb_fail_memory(error);
    weights->tensors[weights->n_tensors++] = *tensor;
    return PB_OK;
}

static int by_offset(const void *a, const void *b)
{
    const stored *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    if (x->end != y->end) /* an empty tensor lies before the one that starts there */
        return x->end < y->end ? -1 : 1;
    return strcmp(x->weight.name, y->weight.name);
}

void weight_table_sort(pb_weights *weights, size_t first)
{
    size_t n = weights->n_tensors - first;
    if (n > 0)
        qsort(weights->tensors + first, n, sizeof *weights->tensors, by_offset);
}

pb_status weight_table_index(pb_weights *weights, size_t first, pb_error **error)
{
    for (size_t i = first; i < weights->n_tensors; i++) {
        const stored *tensor = &weights->tensors[i];
        if (!pb_map_put(weights->by_name, tensor->key, tensor->key_length, i))
            return pb_fail_memory(error);
    }
    return PB_OK;
}
