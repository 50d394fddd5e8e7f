/* Softmax and log-sum-exp of rows. */
#include <math.h>

#include "kernels_vector.h"
#include "math/kernels.h"

PB_VECTOR
static float maximum(size_t n, const float *x)
{
    float most = -INFINITY;
#pragma omp simd reduction(max : most)
    for (size_t i = 0; i < n; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

/* x = exp(x - shift); returns the sum. */
PB_VECTOR
static float exponentials(size_t n, float *x, float shift)
{
    float total = 0.0f;
#pragma omp simd reduction(+ : total)
    for (size_t i = 0; i < n; i++) {
        x[i] = pb_expf(x[i] - shift);
        total += x[i];
    }
    return total;
}

PB_VECTOR
static void multiply(size_t n, float *x, float factor)
{
    for (size_t i = 0; i < n; i++)
        x[i] *= factor;
}

void pb_softmax_row(size_t n, float *x)
{
    float most = maximum(n, x);
    if (most == -INFINITY) {
        for (size_t i = 0; i < n; i++)
            x[i] = isnan(x[i]) ? x[i] : 0.0f;
        return;
    }
    multiply(n, x, 1.0f / exponentials(n, x, most));
}

void pb_softmax(size_t rows, size_t n, float *x, size_t ldx)
{
#pragma omp parallel for schedule(static) if (rows * n > PB_WORTH_THREADS)
    for (size_t r = 0; r < rows; r++)
        pb_softmax_row(n, x + r * ldx);
}

PB_VECTOR
static double sum_of_exponentials(size_t n, const float *x, float shift)
{
    double total = 0.0;
#pragma omp simd reduction(+ : total)
    for (size_t i = 0; i < n; i++)
        total += (double)pb_expf(x[i] - shift);
    return total;
}

double pb_log_sum_exp(size_t n, const float *x)
{
    float most = maximum(n, x);
    if (most == -INFINITY)
        return -INFINITY;
    return (double)most + log(sum_of_exponentials(n, x, most));
}
