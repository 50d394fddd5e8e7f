/* The tensors of open weights, in order and by name; see weight_table.h. */
#include "weight_table.h"

#include "base/memory.h"

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

pb_status weight_table_index(pb_weights *weights, size_t first, pb_error **error)
{
    for (size_t i = first; i < weights->n_tensors; i++) {
        const stored *tensor = &weights->tensors[i];
        if (!pb_map_put(weights->by_name, tensor->key, tensor->key_length, i))
            return pb_fail_memory(error);
    }
    return PB_OK;
}
