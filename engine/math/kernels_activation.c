/* The activation functions of MLPs: one row each. A new one is a row, its loop and its formula. */
#include <math.h>
#include <string.h>

#include "kernels_vector.h"
#include "math/kernels.h"

#define ROOT_2_OVER_PI 0.7978845608028654

/* 1 + tanh(y) = 2 / (1 + exp(-2y)), so gelu_new(x) = x / (1 + exp(-2y)): nothing cancels where x is
 * negative. */
PB_VECTOR
static void gelu_new(size_t n, const float *x, const float *bias, float *out)
{
    const float c1 = (float)(-2.0 * ROOT_2_OVER_PI);
    const float c3 = (float)(-2.0 * ROOT_2_OVER_PI * 0.044715);
    if (bias) {
        for (size_t i = 0; i < n; i++) {
            float v = x[i] + bias[i];
            out[i] = v / (1.0f + pb_expf(v * (c1 + c3 * (v * v))));
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        float v = x[i];
        out[i] = v / (1.0f + pb_expf(v * (c1 + c3 * (v * v))));
    }
}

static double gelu_new_reference(double x)
{
    return 0.5 * x * (1.0 + tanh(ROOT_2_OVER_PI * (x + 0.044715 * x * x * x)));
}

/* 1 + erf(y) = erfc(-y): nothing cancels here either. */
static void gelu(size_t n, const float *x, const float *bias, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float v = bias ? x[i] + bias[i] : x[i];
        out[i] = 0.5f * v * erfcf(-v * (float)M_SQRT1_2);
    }
}

static double gelu_reference(double x)
{
    return 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
}

PB_VECTOR
static void relu(size_t n, const float *x, const float *bias, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float v = bias ? x[i] + bias[i] : x[i];
        out[i] = v < 0.0f ? 0.0f : v;
    }
}

static double relu_reference(double x)
{
    return x < 0.0 ? 0.0 : x;
}

PB_VECTOR
static void silu(size_t n, const float *x, const float *bias, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float v = bias ? x[i] + bias[i] : x[i];
        out[i] = v / (1.0f + pb_expf(-v));
    }
}

static double silu_reference(double x)
{
    return x / (1.0 + exp(-x));
}

static const pb_activation activations[] = {
    {"gelu_new", gelu_new, gelu_new_reference},
    {"gelu_pytorch_tanh", gelu_new, gelu_new_reference},
    {"gelu_fast", gelu_new, gelu_new_reference},
    {"gelu", gelu, gelu_reference},
    {"relu", relu, relu_reference},
    {"silu", silu, silu_reference},
    {"swish", silu, silu_reference},
};

const pb_activation *pb_activation_at(size_t which)
{
    return which < sizeof activations / sizeof *activations ? &activations[which] : NULL;
}

const pb_activation *pb_activation_find(const char *name)
{
    const pb_activation *row;
    for (size_t i = 0; (row = pb_activation_at(i)) != NULL; i++)
        if (strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

void pb_activate(const pb_activation *activation, size_t rows, size_t n, const float *x, size_t ldx,
                 const float *bias, float *out, size_t ldo)
{
#pragma omp parallel for schedule(static) if (rows * n > PB_WORTH_THREADS / 16)
    for (size_t r = 0; r < rows; r++)
        activation->apply(n, x + r * ldx, bias, out + r * ldo);
}
