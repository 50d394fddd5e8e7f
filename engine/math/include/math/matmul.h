/*
 * Matrix products in float32. Matrices are row-major; `ld` is the distance between rows in memory,
 * at least a row's length.
 */
#ifndef PB_MATH_MATMUL_H
#define PB_MATH_MATMUL_H

#include <stddef.h>

#include "base/error.h"
#include "base/watch.h"

typedef enum pb_transpose { PB_PLAIN, PB_TRANSPOSED } pb_transpose;

/*
 * C = alpha op(A) op(B) + beta C, with op(A) [m, k], op(B) [k, n], C [m, n]: a transposed A is
 * stored [k, m], a transposed B [n, k]. With beta = 0, C is written without being read. Large
 * products are cut, and `watch` (may be NULL) is polled between the pieces. C may not overlap A or
 * B. PB_INTERRUPTED, or PB_MEMORY when the library has none for its buffers.
 */
pb_status pb_matmul(pb_transpose trans_a, pb_transpose trans_b, size_t m, size_t n, size_t k,
                    float alpha, const float *a, size_t lda, const float *b, size_t ldb, float beta,
                    float *c, size_t ldc, const pb_watch *watch, pb_error **error);

/*
 * The same for a product of a few thousand multiplications on the calling thread, where a call of
 * the library would cost more than the work: heads of short prompts.
 */
void pb_matmul_small(pb_transpose trans_a, pb_transpose trans_b, size_t m, size_t n, size_t k,
                     float alpha, const float *a, size_t lda, const float *b, size_t ldb,
                     float beta, float *c, size_t ldc);

/* The formula, summed in double. What the others are tested against. */
void pb_matmul_reference(pb_transpose trans_a, pb_transpose trans_b, size_t m, size_t n, size_t k,
                         float alpha, const float *a, size_t lda, const float *b, size_t ldb,
                         float beta, float *c, size_t ldc);

/* ---- threads ---- */

/* Physical cores this process may run on, or OMP_NUM_THREADS if that is set, as far as the system
 * lets threads start; 1 in a build without OpenMP. Reads the system: ask once and keep the answer.
 */
size_t pb_math_cores(void);

/*
 * Comes before products and kernels: says how many threads those called from this thread use from
 * now on (0: as many as before), and looks whether there is room for them. Neither OpenMP nor the
 * library fails gently: without threads, or memory for their own small things, they end the
 * process. PB_MEMORY then.
 */
pb_status pb_math_begin(size_t threads, pb_error **error);

/* "oneDNN 2.6.3": the library behind pb_matmul, into text. */
void pb_math_library(char *text, size_t size);

#endif
