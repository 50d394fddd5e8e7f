/*
 * Products on several threads, each with columns of its own, cut into pieces: short enough that an
 * interrupt is seen between them, and shallow enough that float32 sums stay exact. The library adds
 * up 384 products one after the other; the rounding of a sum grows with its length, and in pieces
 * of 192 it is that of MKL. Threads meet once a product, not once a piece: where cores are shared
 * with other work, meeting is what costs.
 */
#include "math/matmul.h"

#ifdef _OPENMP
#include <omp.h>
#endif

#include "matmul_library.h"

enum {
    DEPTH = 192, /* products added up in one go */
    DEPTH_STEP = 16,
    COLUMN_STEP = 16,
    LEAST_COLUMNS = 512, /* a piece narrower or lower would waste the library's blocking */
    LEAST_ROWS = 64,
    SHARE_COLUMNS = 48,     /* columns worth a thread */
    WORTH_THREADS = 1 << 17 /* multiplications worth a second thread */
};

/* Multiplications in a piece: 1 GFLOP, some 20 ms on a core. */
static const size_t piece = (size_t)1 << 29;

typedef struct operands {
    pb_transpose trans_a, trans_b;
    size_t m, n, k;
    float alpha, beta;
    const float *a, *b;
    float *c;
    size_t lda, ldb, ldc;
} operands;

/* Rows [i, i + m) and columns [j, j + n) of a product. */
static operands part_of(operands whole, size_t i, size_t m, size_t j, size_t n)
{
    operands part = whole;
    part.m = m;
    part.n = n;
    part.a += whole.trans_a == PB_PLAIN ? i * whole.lda : i;
    part.b += whole.trans_b == PB_PLAIN ? j : j * whole.ldb;
    part.c += i * whole.ldc + j;
    return part;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* About DEPTH, so that the pieces of k are even. */
static size_t depth_for(size_t m, size_t k)
{
    size_t pieces = (k + DEPTH / 2) / DEPTH;
    if (m == 1 || pieces < 2) /* a vector is summed in lanes anyway */
        return k;
    return (k / pieces + DEPTH_STEP - 1) / DEPTH_STEP * DEPTH_STEP;
}

/* In pieces along k only. */
static pb_status multiply_deep(const operands *o)
{
    size_t depth = depth_for(o->m, o->k), l = 0;
    pb_status status;
    do {
        const float *a = o->trans_a == PB_PLAIN ? o->a + l : o->a + l * o->lda;
        const float *b = o->trans_b == PB_PLAIN ? o->b + l * o->ldb : o->b + l;
        status =
            pb_library_sgemm(o->trans_a, o->trans_b, o->m, o->n, smaller(o->k - l, depth), o->alpha,
                             a, o->lda, b, o->ldb, l == 0 ? o->beta : 1.0f, o->c, o->ldc, NULL);
        l += depth;
    } while (!status && l < o->k);
    return status;
}

/* How long a side of a piece may be when the other two sides multiply to `rest`. */
static size_t side_for(size_t rest, size_t least)
{
    size_t side = piece / (rest ? rest : 1);
    return side < least ? least : side;
}

/* In pieces that are seen to the end. Columns are cut first: B, the weights, is then read once, and
 * A is small beside it. */
static pb_status multiply_pieces(const operands *o, const pb_watch *watch)
{
    size_t columns = smaller(o->n, side_for(o->m * o->k, LEAST_COLUMNS));
    size_t rows = smaller(o->m, side_for(columns * o->k, LEAST_ROWS));
    for (size_t j = 0; j < o->n; j += columns)
        for (size_t i = 0; i < o->m; i += rows) {
            operands part = part_of(*o, i, smaller(o->m - i, rows), j, smaller(o->n - j, columns));
            if (pb_watch_stopped(watch))
                return PB_INTERRUPTED;
            pb_status status = multiply_deep(&part);
            if (status)
                return status;
        }
    return PB_OK;
}

/* How many threads a product is worth. */
static size_t threads_for(const operands *o)
{
#ifdef _OPENMP
    if (omp_in_parallel() || o->m * o->n * o->k < WORTH_THREADS)
        return 1;
    size_t most = o->n / SHARE_COLUMNS;
    return smaller((size_t)omp_get_max_threads(), most ? most : 1);
#else
    (void)o;
    return 1;
#endif
}

static pb_status multiply_shared(const operands *o, size_t threads, const pb_watch *watch)
{
    size_t share = (o->n / threads + COLUMN_STEP - 1) / COLUMN_STEP * COLUMN_STEP;
    int worst = PB_OK;
    if (threads < 2)
        return multiply_pieces(o, watch);
#pragma omp parallel for num_threads((int)threads) schedule(static, 1) reduction(max : worst)
    for (size_t t = 0; t < threads; t++) {
        size_t first = smaller(t * share, o->n);
        size_t n = t + 1 < threads ? smaller(o->n - first, share) : o->n - first;
        operands part = part_of(*o, 0, o->m, first, n);
        int got = n ? (int)multiply_pieces(&part, watch) : PB_OK;
        worst = got > worst ? got : worst;
    }
    return (pb_status)worst;
}

pb_status pb_matmul(pb_transpose trans_a, pb_transpose trans_b, size_t m, size_t n, size_t k,
                    float alpha, const float *a, size_t lda, const float *b, size_t ldb, float beta,
                    float *c, size_t ldc, const pb_watch *watch, pb_error **error)
{
    operands o = {trans_a, trans_b, m, n, k, alpha, beta, a, b, c, lda, ldb, ldc};
    pb_status status = multiply_shared(&o, threads_for(&o), watch);
    if (!status)
        return PB_OK;
    if (status == PB_INTERRUPTED)
        return pb_watch_fail(error);
    if (status == PB_MEMORY)
        return pb_fail_memory(error);
    return pb_fail(error, PB_INTERNAL,
                   "oneDNN refused a matrix product of [%zu, %zu] by [%zu, %zu]", m, k, k, n);
}
