/* The kernels as their formulas read, in double. Kept to test the others against. */
#include <math.h>

#include "math/kernels.h"

static double mean_of(size_t d, const float *x)
{
    double total = 0.0;
    for (size_t i = 0; i < d; i++)
        total += (double)x[i];
    return total / (double)d;
}

void pb_layer_norm_reference(size_t rows, size_t d, float eps, const float *x, size_t ldx,
                             float *scale, float *out, size_t ldo)
{
    for (size_t r = 0; r < rows; r++) {
        double mean = mean_of(d, x + r * ldx);
        double variance = 0.0;
        for (size_t i = 0; i < d; i++)
            variance += pow((double)x[r * ldx + i] - mean, 2.0) / (double)d;
        double sigma = sqrt(variance + (double)eps);
        if (scale)
            scale[r] = (float)sigma;
        for (size_t i = 0; i < d; i++)
            out[r * ldo + i] = (float)(((double)x[r * ldx + i] - mean) / sigma);
    }
}

void pb_rms_norm_reference(size_t rows, size_t d, float eps, const float *x, size_t ldx,
                           float *scale, float *out, size_t ldo)
{
    for (size_t r = 0; r < rows; r++) {
        double squares = 0.0;
        for (size_t i = 0; i < d; i++)
            squares += (double)x[r * ldx + i] * (double)x[r * ldx + i];
        double root = sqrt(squares / (double)d + (double)eps);
        if (scale)
            scale[r] = (float)root;
        for (size_t i = 0; i < d; i++)
            out[r * ldo + i] = (float)((double)x[r * ldx + i] / root);
    }
}

void pb_softmax_reference(size_t rows, size_t n, float *x, size_t ldx)
{
    for (size_t r = 0; r < rows; r++) {
        float *row = x + r * ldx;
        double most = -INFINITY, total = 0.0;
        for (size_t i = 0; i < n; i++)
            most = fmax(most, (double)row[i]);
        for (size_t i = 0; i < n; i++)
            total += most == -INFINITY ? 1.0 : exp((double)row[i] - most);
        for (size_t i = 0; i < n; i++)
            row[i] = most == -INFINITY ? 0.0f : (float)(exp((double)row[i] - most) / total);
    }
}
