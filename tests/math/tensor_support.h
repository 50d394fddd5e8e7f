/*
 * Tensors written down in tests.
 *
 * A shape is a string of axes: "layer=2 pos=I/ love/ it key=@3,5": two layers, three labelled
 * positions, two keys with the coordinates 3 and 5. Labels may hold spaces, but no '/' and no '='.
 */
#ifndef PB_TENSOR_SUPPORT_H
#define PB_TENSOR_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "math/tensor.h"

#define VALUES(...)  ((const float[]){__VA_ARGS__})
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One axis, as in a shape. The caller's. */
pb_axis *make_axis(const char *spec);
/* A tensor of that shape; values NULL for 0, 1, 2, ... The caller's. */
pb_tensor *make_tensor(const char *shape, const float *values);

/* The shape back as a string: the caller frees it. Labels come before coordinates. */
char *shape_of(const pb_tensor *tensor);

/* Checks the shape and every value (NaN equals NaN, else within 1e-6 relative), then releases. */
void expect_tensor(pb_tensor **tensor, const char *shape, const float *values);

/* Checks code, text and hint (NULL for none), then destroys the error. */
void expect_error(pb_status status, pb_error **error, pb_status code, const char *text,
                  const char *hint);

#endif
