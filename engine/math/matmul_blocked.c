/*
 * Products, cut into pieces: short enough that an interrupt is seen between them, and shallow
 * enough that float32 sums stay exact. The library adds up 384 products one after the other; the
 * rounding of a sum grows with its length, and in pieces of 192 it is that of MKL.
 */
#include "math/matmul.h"

#include "matmul_library.h"

/* Multiplications in a piece: 2 GFLOP, some 20 ms on two cores. */
static const size_t piece = (size_t)1 << 30;

/* Rows and columns below which a piece would waste the library's blocking. */
enum { LEAST_ROWS = 64, LEAST_COLUMNS = 512 };

/* Products added up in one go. */
enum { DEPTH = 192, DEPTH_STEP = 16 };

/* How long a side of a piece may be when the other two sides multiply to `rest`. */
static size_t side_for(size_t rest, size_t least)
{
    size_t side = piece / (rest ? rest : 1);
    return side < least ? least : side;
}

/* About DEPTH, so that the pieces of k are even. */
static size_t depth_for(size_t m, size_t k)
{
    size_t pieces = (k + DEPTH / 2) / DEPTH;
    if (m == 1 || pieces < 2) /* a vector is summed in lanes anyway */
        return k;
    return (k / pieces + DEPTH_STEP - 1) / DEPTH_STEP * DEPTH_STEP;
}

/* The product in pieces along k only. */
static pb_status multiply(pb_transpose trans_a, pb_transpose trans_b, size_t m, size_t n, size_t k,
                          float alpha, const float *a, size_t lda, const float *b, size_t ldb,
                          float beta, float *c, size_t ldc, pb_error **error)
{
    size_t depth = depth_for(m, k), l = 0;
    pb_status status;
    do {
        size_t deep = k - l < depth ? k - l : depth;
        const float *a_part = trans_a == PB_PLAIN ? a + l : a + l * lda;
        const float *b_part = trans_b == PB_PLAIN ? b + l * ldb : b + l;
        status = pb_library_sgemm(trans_a, trans_b, m, n, deep, alpha, a_part, lda, b_part, ldb,
                                  l == 0 ? beta : 1.0f, c, ldc, error);
        l += depth;
    } while (status == PB_OK && l < k);
    return status;
}

pb_status pb_matmul(pb_transpose trans_a, pb_transpose trans_b, size_t m, size_t n, size_t k,
                    float alpha, const float *a, size_t lda, const float *b, size_t ldb, float beta,
                    float *c, size_t ldc, const pb_watch *watch, pb_error **error)
{
    /* Columns are cut first: B, the weights, is then read once, and A is small beside it. */
    size_t rows = m, columns = side_for(m * k, LEAST_COLUMNS);
    if (columns > n)
        columns = n;
    if (columns * k > piece / (m ? m : 1))
        rows = side_for(columns * k, LEAST_ROWS);

    for (size_t j = 0; j < n; j += columns) {
        size_t wide = n - j < columns ? n - j : columns;
        const float *b_part = trans_b == PB_PLAIN ? b + j : b + j * ldb;
        for (size_t i = 0; i < m; i += rows) {
            size_t high = m - i < rows ? m - i : rows;
            const float *a_part = trans_a == PB_PLAIN ? a + i * lda : a + i;
            pb_status status = pb_watch_check(watch, error);
            if (status == PB_OK)
                status = multiply(trans_a, trans_b, high, wide, k, alpha, a_part, lda, b_part, ldb,
                                  beta, c + i * ldc + j, ldc, error);
            if (status != PB_OK)
                return status;
        }
    }
    return PB_OK;
}
