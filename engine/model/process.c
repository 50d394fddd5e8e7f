/* The processing of weights, a step a function; see process.h. */
#include "process.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

void pb_fold_rows(size_t n, size_t n_out, const float *gain, const float *beta, float *rows,
                  double *sums)
{
    double *bias = sums, *mean = sums + n_out;
    for (size_t i = 0; i < n; i++) {
        float *row = rows + i * n_out;
        for (size_t o = 0; o < n_out; o++) {
            bias[o] += (double)(row[o] * beta[i]);
            row[o] *= gain[i];
            mean[o] += (double)row[o];
        }
    }
}

void pb_finish_fold(size_t n_in, size_t n_out, bool centred, float *w, float *b, double *sums)
{
    double *bias = sums, *mean = sums + n_out;
    for (size_t o = 0; o < n_out; o++) {
        b[o] += (float)bias[o];
        mean[o] /= (double)n_in;
    }
    for (size_t i = 0; centred && i < n_in; i++)
        for (size_t o = 0; o < n_out; o++)
            w[i * n_out + o] -= (float)mean[o];
}

void pb_centre_rows(size_t rows, size_t d, float *w)
{
    for (size_t r = 0; r < rows; r++) {
        float *row = w + r * d;
        double sum = 0.0;
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < d; i++)
            sum += (double)row[i];
        float mean = (float)(sum / (double)d);
        for (size_t i = 0; i < d; i++)
            row[i] -= mean;
    }
}

void pb_sum_value_bias(size_t n, size_t d_out, const float *b_v, const float *rows, double *sums)
{
    for (size_t i = 0; i < n; i++)
        for (size_t o = 0; o < d_out; o++)
            sums[o] += (double)(b_v[i] * rows[i * d_out + o]);
}

void pb_fold_value_bias(size_t n, size_t d_out, float *b_v, float *b_o, const double *sums)
{
    for (size_t o = 0; o < d_out; o++)
        b_o[o] += (float)sums[o];
    memset(b_v, 0, n * sizeof *b_v);
}

size_t pb_find_not_finite(size_t n, const float *values)
{
    enum { BLOCK = 4096 };
    for (size_t start = 0; start < n; start += BLOCK) {
        size_t end = n - start < BLOCK ? n : start + BLOCK;
        uint32_t found = 0;
        for (size_t i = start; i < end; i++) {
            uint32_t bits;
            memcpy(&bits, &values[i], sizeof bits);
            found |= (bits & 0x7f800000u) == 0x7f800000u;
        }
        for (size_t i = start; found && i < end; i++)
            if (!isfinite(values[i]))
                return i;
    }
    return n;
}
