/* The one door to the matrix library. Everything else of oneDNN stays behind matmul_dnnl.c. */
#ifndef PB_MATH_MATMUL_LIBRARY_H
#define PB_MATH_MATMUL_LIBRARY_H

#include "math/matmul.h"

/* As pb_matmul(), in one call of the library. */
pb_status pb_library_sgemm(pb_transpose trans_a, pb_transpose trans_b, size_t m, size_t n, size_t k,
                           float alpha, const float *a, size_t lda, const float *b, size_t ldb,
                           float beta, float *c, size_t ldc, pb_error **error);

#endif
