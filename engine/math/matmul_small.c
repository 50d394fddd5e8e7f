/* Products too small to be worth a call of the library. */
#include "kernels_vector.h"
#include "math/matmul.h"

static inline float dot(size_t n, const float *x, const float *y)
{
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

/* y += factor * x */
static inline void add_multiple(size_t n, float factor, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] += factor * x[i];
}

static inline void scale_row(size_t n, float beta, float *c)
{
    for (size_t j = 0; j < n; j++)
        c[j] = beta == 0.0f ? 0.0f : beta * c[j];
}

PB_VECTOR
void pb_matmul_small(pb_transpose trans_a, pb_transpose trans_b, size_t m, size_t n, size_t k,
                     float alpha, const float *a, size_t lda, const float *b, size_t ldb,
                     float beta, float *c, size_t ldc)
{
    for (size_t i = 0; i < m; i++) {
        float *row = c + i * ldc;
        scale_row(n, beta, row);
        if (trans_a == PB_PLAIN && trans_b == PB_TRANSPOSED) {
            for (size_t j = 0; j < n; j++)
                row[j] += alpha * dot(k, a + i * lda, b + j * ldb);
            continue;
        }
        for (size_t l = 0; l < k; l++) {
            float factor = alpha * (trans_a == PB_PLAIN ? a[i * lda + l] : a[l * lda + i]);
            if (trans_b == PB_PLAIN)
                add_multiple(n, factor, b + l * ldb, row);
            else
                for (size_t j = 0; j < n; j++)
                    row[j] += factor * b[j * ldb + l];
        }
    }
}
