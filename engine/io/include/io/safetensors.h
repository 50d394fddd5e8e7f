/*
 * Weights in the safetensors format: one file, or several behind an index; or in one GGUF file, see
 * io/gguf.h.
 *
 * The format: 8 bytes, the header's length (little-endian); the header, JSON that maps a tensor's
 * name to its dtype, shape and byte range; the data. What a header says of a tensor is checked
 * against the file before it is used; a tensor of a dtype that is not known here may be there, and
 * is refused when it is read. Values are read with pread and converted to float32; nothing
 * is mapped, so that a file cut while it is open gives an error and nothing worse.
 */
#ifndef PB_IO_SAFETENSORS_H
#define PB_IO_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { PB_WEIGHTS_MAX_RANK = 8 };

/* What a tensor's values are, as far as they can be read here. */
typedef enum pb_dtype {
    PB_DTYPE_F64,
    PB_DTYPE_F32,
    PB_DTYPE_F16,
    PB_DTYPE_BF16,
    PB_DTYPE_Q8_0, /* these three in GGUF alone */
    PB_DTYPE_Q4_0,
    PB_DTYPE_Q4_1,
    PB_DTYPE_OTHER /* which nobody may need */
} pb_dtype;

/* Open weights: the files behind them and the list of their tensors. Reading is thread-safe. */
typedef struct pb_weights pb_weights;

typedef struct pb_weight {
    const char *name; /* borrowed from the weights, as is `file` */
    const char *file; /* the path of the file that holds it */
    pb_dtype dtype;
    const char *dtype_name; /* as the file writes it: "BF16" */
    size_t rank;
    size_t shape[PB_WEIGHTS_MAX_RANK]; /* the first of them, where the rank is larger */
    size_t count; /* values: the product of the shape; 1 for rank 0. 0 where it cannot be read */
} pb_weight;

/*
 * Opens the weights of a model: of a folder model.safetensors, or else the files listed in
 * model.safetensors.index.json, or else the one GGUF file in it; `path` may be such a file itself.
 * PB_IO if nothing is there; PB_FORMAT, naming the file and what is wrong, if one lies about
 * itself. The files stay open until the weights are closed.
 */
pb_status pb_weights_open(const char *path, pb_weights **weights, pb_error **error);

/* Opens one safetensors file by its path. */
pb_status pb_weights_open_file(const char *path, pb_weights **weights, pb_error **error);
void pb_weights_close(pb_weights **weights);

size_t pb_weights_count(const pb_weights *weights);
/* The tensor at `index`, in the order of the files. */
const pb_weight *pb_weights_at(const pb_weights *weights, size_t index);
/* The tensor of that name; NULL if there is none. */
const pb_weight *pb_weights_find(const pb_weights *weights, const char *name);
/* The same, but PB_NAME with the file and the nearest name. */
pb_status pb_weights_need(const pb_weights *weights, const char *name, const pb_weight **weight,
                          pb_error **error);

/*
 * Reads all of a tensor into `values` [count], row-major, as float32. F32, F16, BF16, F64 (which is
 * rounded), Q8_0, Q4_0 and Q4_1; others are PB_UNSUPPORTED. NaN and infinities pass through.
 */
pb_status pb_weights_read(const pb_weights *weights, const pb_weight *weight, float *values,
                          pb_error **error);

/*
 * Reads the rows first .. first + n - 1 along the first axis into `values` [n, count / shape[0]].
 * PB_RANGE if the tensor has no axes or not so many rows.
 */
pb_status pb_weights_read_rows(const pb_weights *weights, const pb_weight *weight, size_t first,
                               size_t n, float *values, pb_error **error);

#endif
