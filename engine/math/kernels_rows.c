/* Adding to rows, scaling them, and their dot product. */
#include "kernels_vector.h"
#include "math/kernels.h"

PB_VECTOR
static void multiply_add(size_t d, const float *gain, const float *bias, float *x)
{
    for (size_t i = 0; i < d; i++)
        x[i] = x[i] * gain[i] + bias[i];
}

PB_VECTOR
static void multiply(size_t d, float *x, const float *y)
{
    for (size_t i = 0; i < d; i++)
        x[i] *= y[i];
}

PB_VECTOR
static void add(size_t d, float *x, const float *y)
{
    for (size_t i = 0; i < d; i++)
        x[i] += y[i];
}

enum { LANES = 8 }; /* sums that do not wait for one another, and fill vector registers */

PB_VECTOR
static double dot(size_t n, const float *x, const float *y)
{
    double sums[LANES] = {0}, sum = 0;
    size_t whole = n - n % LANES;
    for (size_t i = 0; i < whole; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            sums[lane] += (double)x[i + lane] * y[i + lane];
    for (size_t i = whole; i < n; i++)
        sum += (double)x[i] * y[i];
    for (size_t lane = 0; lane < LANES; lane++)
        sum += sums[lane];
    return sum;
}

double pb_dot(size_t n, const float *x, const float *y)
{
    return dot(n, x, y);
}

void pb_gain_bias(size_t rows, size_t d, const float *gain, const float *bias, float *x, size_t ldx)
{
#pragma omp parallel for schedule(static) if (rows * d > PB_WORTH_THREADS)
    for (size_t r = 0; r < rows; r++)
        if (bias)
            multiply_add(d, gain, bias, x + r * ldx);
        else
            multiply(d, x + r * ldx, gain);
}

void pb_multiply_rows(size_t rows, size_t d, float *x, size_t ldx, const float *y, size_t ldy)
{
#pragma omp parallel for schedule(static) if (rows * d > PB_WORTH_THREADS)
    for (size_t r = 0; r < rows; r++)
        multiply(d, x + r * ldx, y + r * ldy);
}

void pb_add_rows(size_t rows, size_t d, float *x, size_t ldx, const float *y, size_t ldy)
{
#pragma omp parallel for schedule(static) if (rows * d > PB_WORTH_THREADS)
    for (size_t r = 0; r < rows; r++)
        add(d, x + r * ldx, y + r * ldy);
}

void pb_add_bias(size_t rows, size_t d, float *x, size_t ldx, const float *bias)
{
#pragma omp parallel for schedule(static) if (rows * d > PB_WORTH_THREADS)
    for (size_t r = 0; r < rows; r++)
        add(d, x + r * ldx, bias);
}
