/*
 * What is known of weights that are open: their files, and each tensor with the place of its bytes.
 * What reads a header (safetensors.c) fills it, and weights.c reads values by it.
 */
#ifndef PB_IO_WEIGHT_TABLE_H
#define PB_IO_WEIGHT_TABLE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "io/safetensors.h"

/* One file that stays open. */
typedef struct shard {
    char *path; /* in the arena */
    int descriptor;
    uint64_t size;
} shard;

/* A tensor and where its bytes are. `weight` comes first: the two addresses are one. */
typedef struct stored {
    pb_weight weight;
    const char *key; /* its name as it is; weight.name shows NULs that are in it */
    size_t key_length;
    size_t shard;
    uint64_t offset, end; /* in the file */
} stored;

struct pb_weights {
    pb_arena *arena; /* names and paths */
    shard *shards;
    size_t n_shards, shard_capacity;
    stored *tensors; /* in the order of shards, and of offsets in each */
    size_t n_tensors, tensor_capacity;
    pb_map *by_name; /* name -> index in tensors */
};

/* How the values of a type lie in a file: so many of them in so many bytes. */
typedef struct dtype_layout {
    const char *name;
    size_t values, bytes;
} dtype_layout;

const dtype_layout *weight_layout(pb_dtype dtype); /* NULL for PB_DTYPE_OTHER */

/* Adds a tensor, whose texts are borrowed from the arena. One of the same name in the same file
 * gives way to it; PB_FORMAT if there is one in another. */
pb_status weight_table_add(pb_weights *weights, const stored *tensor, pb_error **error);
/* Puts the tensors from `first` on into the order in which they lie. */
void weight_table_sort(pb_weights *weights, size_t first);
/* Notes that the tensors from `first` on lie in another order now. */
pb_status weight_table_index(pb_weights *weights, size_t first, pb_error **error);

#endif
