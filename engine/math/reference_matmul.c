/* The matrix product as its formula reads, summed in double. Kept to test the others against. */
#include "math/matmul.h"

static double element(pb_transpose trans, const float *x, size_t ld, size_t row, size_t column)
{
    return (double)(trans == PB_PLAIN ? x[row * ld + column] : x[column * ld + row]);
}

void pb_matmul_reference(pb_transpose trans_a, pb_transpose trans_b, size_t m, size_t n, size_t k,
                         float alpha, const float *a, size_t lda, const float *b, size_t ldb,
                         float beta, float *c, size_t ldc)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            double sum = 0.0;
            for (size_t l = 0; l < k; l++)
                sum += element(trans_a, a, lda, i, l) * element(trans_b, b, ldb, l, j);
            double before = beta == 0.0f ? 0.0 : (double)beta * (double)c[i * ldc + j];
            c[i * ldc + j] = (float)((double)alpha * sum + before);
        }
    }
}
