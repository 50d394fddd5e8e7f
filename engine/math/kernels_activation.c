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

PB_VECTOR
static void quick_gelu(size_t n, const float *x, const float *bias, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float v = bias ? x[i] + bias[i] : x[i];
        out[i] = v / (1.0f + pb_expf(-1.702f * v));
    }
}

static double quick_gelu_reference(double x)
{
    return x / (1.0 + exp(-1.702 * x));
}

static void gelu_10(size_t n, const float *x, const float *bias, float *out)
{
    gelu(n, x, bias, out);
    for (size_t i = 0; i < n; i++) /* nothing below -10 comes out of gelu */
        out[i] = out[i] > 10.0f ? 10.0f : out[i];
}

static double gelu_10_reference(double x)
{
    return fmax(-10.0, fmin(10.0, gelu_reference(x)));
}

/* With e = exp(x), tanh(log(1 + e)) = e (e + 2) / (e (e + 2) + 2): nothing cancels. From 20 on it
 * is 1, as it is in torch. */
PB_VECTOR
static void mish(size_t n, const float *x, const float *bias, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float v = bias ? x[i] + bias[i] : x[i];
        float e = pb_expf(v > 20.0f ? 20.0f : v);
        float part = e * (e + 2.0f);
        out[i] = v > 20.0f ? v : v * (part / (part + 2.0f));
    }
}

static double mish_reference(double x)
{
    return x > 20.0 ? x : x * tanh(log1p(exp(x)));
}

static void tanh_of(size_t n, const float *x, const float *bias, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = tanhf(bias ? x[i] + bias[i] : x[i]);
}

PB_VECTOR
static void sigmoid(size_t n, const float *x, const float *bias, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float v = bias ? x[i] + bias[i] : x[i];
        out[i] = 1.0f / (1.0f + pb_expf(-v));
    }
}

static double sigmoid_reference(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

PB_VECTOR
static void linear(size_t n, const float *x, const float *bias, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = bias ? x[i] + bias[i] : x[i];
}

static double linear_reference(double x)
{
    return x;
}

PB_VECTOR
static void leaky_relu(size_t n, const float *x, const float *bias, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float v = bias ? x[i] + bias[i] : x[i];
        out[i] = v < 0.0f ? 0.01f * v : v;
    }
}

static double leaky_relu_reference(double x)
{
    return x < 0.0 ? 0.01 * x : x;
}

PB_VECTOR
static void relu6(size_t n, const float *x, const float *bias, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float v = bias ? x[i] + bias[i] : x[i];
        v = v < 0.0f ? 0.0f : v;
        out[i] = v > 6.0f ? 6.0f : v;
    }
}

static double relu6_reference(double x)
{
    return fmin(6.0, fmax(0.0, x));
}

PB_VECTOR
static void relu2(size_t n, const float *x, const float *bias, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float v = bias ? x[i] + bias[i] : x[i];
        v = v < 0.0f ? 0.0f : v;
        out[i] = v * v;
    }
}

static double relu2_reference(double x)
{
    return x < 0.0 ? 0.0 : x * x;
}

PB_VECTOR
static void hardswish(size_t n, const float *x, const float *bias, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float v = bias ? x[i] + bias[i] : x[i];
        float gate = v + 3.0f;
        gate = gate < 0.0f ? 0.0f : gate;
        gate = gate > 6.0f ? 6.0f : gate;
        out[i] = v * gate / 6.0f;
    }
}

static double hardswish_reference(double x)
{
    return x * fmin(6.0, fmax(0.0, x + 3.0)) / 6.0;
}

/* A normal distribution's share below x. In double: erfc's tail multiplies an error in its argument
 * by the argument. */
static double laplace_reference(double x)
{
    return 0.5 * erfc(-(x - 0.707107) / (0.282095 * sqrt(2.0)));
}

static void laplace(size_t n, const float *x, const float *bias, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)laplace_reference((double)(bias ? x[i] + bias[i] : x[i]));
}

static void sqrtsoftplus(size_t n, const float *x, const float *bias, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float v = bias ? x[i] + bias[i] : x[i];
        out[i] = sqrtf(v > 20.0f ? v : log1pf(expf(v)));
    }
}

static double sqrtsoftplus_reference(double x)
{
    return sqrt(x > 20.0 ? x : log1p(exp(x)));
}

/* The names are those of transformers' ACT2FN. It has two more, prelu and xielu, which come with
 * weights of their own. */
static const pb_activation activations[] = {
    {"gelu_new", gelu_new, gelu_new_reference},
    {"gelu_pytorch_tanh", gelu_new, gelu_new_reference},
    {"gelu_fast", gelu_new, gelu_new_reference},
    {"gelu_python_tanh", gelu_new, gelu_new_reference},
    {"gelu_accurate", gelu_new, gelu_new_reference},
    {"gelu", gelu, gelu_reference},
    {"gelu_python", gelu, gelu_reference},
    {"gelu_10", gelu_10, gelu_10_reference},
    {"quick_gelu", quick_gelu, quick_gelu_reference},
    {"relu", relu, relu_reference},
    {"leaky_relu", leaky_relu, leaky_relu_reference},
    {"relu6", relu6, relu6_reference},
    {"relu2", relu2, relu2_reference},
    {"silu", silu, silu_reference},
    {"swish", silu, silu_reference},
    {"mish", mish, mish_reference},
    {"hardswish", hardswish, hardswish_reference},
    {"tanh", tanh_of, tanh},
    {"sigmoid", sigmoid, sigmoid_reference},
    {"laplace", laplace, laplace_reference},
    {"sqrtsoftplus", sqrtsoftplus, sqrtsoftplus_reference},
    {"linear", linear, linear_reference},
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
