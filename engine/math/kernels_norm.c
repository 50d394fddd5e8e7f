/* Layer norm and root-mean-square norm, in one step and in the two that a hook on the scale needs.
 */
#include <math.h>

#include "kernels_vector.h"
#include "math/kernels.h"

PB_VECTOR
static double sum(size_t d, const float *x)
{
    double total = 0.0;
#pragma omp simd reduction(+ : total)
    for (size_t i = 0; i < d; i++)
        total += (double)x[i];
    return total;
}

PB_VECTOR
static double sum_of_squares(size_t d, const float *x, double mean)
{
    double total = 0.0;
#pragma omp simd reduction(+ : total)
    for (size_t i = 0; i < d; i++) {
        double centred = (double)x[i] - mean;
        total += centred * centred;
    }
    return total;
}

PB_VECTOR
static void normalise(size_t d, const float *x, float mean, float scale, float *out)
{
    for (size_t i = 0; i < d; i++)
        out[i] = (x[i] - mean) / scale;
}

static double sigma(size_t d, const float *x, double mean, float eps)
{
    return sqrt(sum_of_squares(d, x, mean) / (double)d + (double)eps);
}

void pb_layer_norm(size_t rows, size_t d, float eps, const float *x, size_t ldx, float *scale,
                   float *out, size_t ldo)
{
#pragma omp parallel for schedule(static) if (rows * d > PB_WORTH_THREADS)
    for (size_t r = 0; r < rows; r++) {
        const float *row = x + r * ldx;
        double mean = sum(d, row) / (double)d;
        double s = sigma(d, row, mean, eps);
        if (scale)
            scale[r] = (float)s;
        normalise(d, row, (float)mean, (float)s, out + r * ldo);
    }
}

void pb_layer_norm_scale(size_t rows, size_t d, float eps, const float *x, size_t ldx, float *scale)
{
#pragma omp parallel for schedule(static) if (rows * d > PB_WORTH_THREADS)
    for (size_t r = 0; r < rows; r++) {
        const float *row = x + r * ldx;
        scale[r] = (float)sigma(d, row, sum(d, row) / (double)d, eps);
    }
}

void pb_layer_norm_apply(size_t rows, size_t d, const float *x, size_t ldx, const float *scale,
                         float *out, size_t ldo)
{
#pragma omp parallel for schedule(static) if (rows * d > PB_WORTH_THREADS)
    for (size_t r = 0; r < rows; r++) {
        const float *row = x + r * ldx;
        double mean = sum(d, row) / (double)d;
        normalise(d, row, (float)mean, scale[r], out + r * ldo);
    }
}

/* ---- without a mean ---- */

void pb_rms_norm(size_t rows, size_t d, float eps, const float *x, size_t ldx, float *scale,
                 float *out, size_t ldo)
{
#pragma omp parallel for schedule(static) if (rows * d > PB_WORTH_THREADS)
    for (size_t r = 0; r < rows; r++) {
        double s = sigma(d, x + r * ldx, 0, eps);
        if (scale)
            scale[r] = (float)s;
        normalise(d, x + r * ldx, 0, (float)s, out + r * ldo);
    }
}

void pb_rms_norm_scale(size_t rows, size_t d, float eps, const float *x, size_t ldx, float *scale)
{
#pragma omp parallel for schedule(static) if (rows * d > PB_WORTH_THREADS)
    for (size_t r = 0; r < rows; r++)
        scale[r] = (float)sigma(d, x + r * ldx, 0, eps);
}

void pb_rms_norm_apply(size_t rows, size_t d, const float *x, size_t ldx, const float *scale,
                       float *out, size_t ldo)
{
#pragma omp parallel for schedule(static) if (rows * d > PB_WORTH_THREADS)
    for (size_t r = 0; r < rows; r++)
        normalise(d, x + r * ldx, 0, scale[r], out + r * ldo);
}
