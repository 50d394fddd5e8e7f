/*
 * What a transformer does between its matrix products, on rows of float32. Each has a plain
 * reference beside it (reference_*.c) that reads like its formula.
 *
 * Rows are `ld` floats apart. Kernels run on the threads of pb_math_begin() where there is
 * enough to share. Outputs may be the input itself; otherwise they may not overlap it.
 */
#ifndef PB_MATH_KERNELS_H
#define PB_MATH_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Layer norm without gain and bias, rows of d values:
 *     sigma = sqrt(mean((x - mean x)^2) + eps)     scale[r], may be NULL
 *     out   = (x - mean x) / sigma                  [rows, d]
 * Sums are in double.
 */
void pb_layer_norm(size_t rows, size_t d, float eps, const float *x, size_t ldx, float *scale,
                   float *out, size_t ldo);
/* The two steps apart: sigma alone, and (x - mean x) / scale[r] with a scale given. */
void pb_layer_norm_scale(size_t rows, size_t d, float eps, const float *x, size_t ldx,
                         float *scale);
void pb_layer_norm_apply(size_t rows, size_t d, const float *x, size_t ldx, const float *scale,
                         float *out, size_t ldo);
/*
 * Root-mean-square norm: the same with no mean taken away,
 *     scale = sqrt(mean(x^2) + eps)
 *     out   = x / scale
 */
void pb_rms_norm(size_t rows, size_t d, float eps, const float *x, size_t ldx, float *scale,
                 float *out, size_t ldo);
void pb_rms_norm_scale(size_t rows, size_t d, float eps, const float *x, size_t ldx, float *scale);
void pb_rms_norm_apply(size_t rows, size_t d, const float *x, size_t ldx, const float *scale,
                       float *out, size_t ldo);
/* x = x * gain + bias, the second half of an unfolded norm; bias may be NULL. */
void pb_gain_bias(size_t rows, size_t d, const float *gain, const float *bias, float *x,
                  size_t ldx);

/*
 * Softmax of each row of n values in place: the row's true maximum is subtracted, so that it is
 * exact for any finite scores; -inf is masked and gives 0; a row of nothing but -inf gives zeros.
 */
void pb_softmax(size_t rows, size_t n, float *x, size_t ldx);
void pb_softmax_row(size_t n, float *x); /* on the calling thread */

/* log(sum(exp(row))), the row's maximum taken out first, summed in double. */
double pb_log_sum_exp(size_t n, const float *x);

/* x . y, summed in double, in an order that is the same on every machine. */
double pb_dot(size_t n, const float *x, const float *y);

/* x *= y, rows of d values. */
void pb_multiply_rows(size_t rows, size_t d, float *x, size_t ldx, const float *y, size_t ldy);

/* x += y and x += y (one row added to all). */
void pb_add_rows(size_t rows, size_t d, float *x, size_t ldx, const float *y, size_t ldy);
void pb_add_bias(size_t rows, size_t d, float *x, size_t ldx, const float *bias);

/*
 * Activation functions, named as config.json names them:
 *     gelu_new      x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
 *                   (also gelu_pytorch_tanh, gelu_fast, gelu_python_tanh, gelu_accurate)
 *     gelu          x/2 (1 + erf(x / sqrt 2))                         (also gelu_python)
 *     gelu_10       gelu, at most 10 and at least -10
 *     quick_gelu    x / (1 + exp(-1.702 x))
 *     relu          max(x, 0)
 *     leaky_relu    x, 0.01 x below 0
 *     relu6         relu, at most 6
 *     relu2         relu squared
 *     silu          x / (1 + exp(-x))                                 (also swish)
 *     mish          x tanh(log(1 + exp(x)))
 *     hardswish     x min(max(x + 3, 0), 6) / 6
 *     tanh, sigmoid, linear
 *     laplace       (1 + erf((x - 0.707107) / (0.282095 sqrt 2))) / 2
 *     sqrtsoftplus  sqrt(log(1 + exp(x)))
 */
typedef struct pb_activation {
    const char *name;
    /* out = f(x + bias), each of n values; bias may be NULL, out may be x. */
    void (*apply)(size_t n, const float *x, const float *bias, float *out);
    double (*reference)(double x);
} pb_activation;

/* By name; NULL if there is none. */
const pb_activation *pb_activation_find(const char *name);
/* The table, for messages that list it. */
const pb_activation *pb_activation_at(size_t which); /* NULL past the end */

/* f over rows of n values, on several threads. */
void pb_activate(const pb_activation *activation, size_t rows, size_t n, const float *x, size_t ldx,
                 const float *bias, float *out, size_t ldo);

/* The references, in double throughout. */
void pb_layer_norm_reference(size_t rows, size_t d, float eps, const float *x, size_t ldx,
                             float *scale, float *out, size_t ldo);
void pb_rms_norm_reference(size_t rows, size_t d, float eps, const float *x, size_t ldx,
                           float *scale, float *out, size_t ldo);
void pb_softmax_reference(size_t rows, size_t n, float *x, size_t ldx);

#endif
