/*
 * NumPy's .npy format, versions 1.0, 2.0 and 3.0, to and from memory.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
#ifndef PB_MATH_NPY_H
#define PB_MATH_NPY_H

#include <stddef.h>

#include "base/buffer.h"
#include "math/tensor.h"

typedef enum pb_npy_type {
    PB_NPY_FLOAT32,
    PB_NPY_FLOAT64,
    PB_NPY_INT32, /* the integers want whole values that fit, else PB_VALUE */
    PB_NPY_INT64,
    PB_NPY_BOOL /* wants a boolean tensor, else PB_VALUE */
} pb_npy_type;

/* Appends the file: version 1.0, little endian, C order. Axis names and labels do not go along. */
pb_status pb_npy_write(pb_buffer *out, const pb_tensor *tensor, pb_npy_type type,
                       const pb_watch *watch, pb_error **error);

/*
 * Reads a file of `length` bytes: booleans, integers of 1 to 8 bytes, floats of 2, 4 and 8 bytes,
 * either endianness, either order, up to PB_MAX_RANK axes, which are called dim0, dim1, ... Every
 * field is checked before anything is allocated for it. PB_FORMAT for bytes that are not such a
 * file, PB_UNSUPPORTED for a type Patchbay has no use for, PB_VALUE for a number that float32
 * cannot hold: an integer that would be rounded, or a finite one out of range.
 */
pb_status pb_npy_read(const void *bytes, size_t length, const pb_watch *watch, pb_tensor **tensor,
                      pb_error **error);

#endif
