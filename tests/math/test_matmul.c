/* Products by the library, by the small loops and by the reference agree for every arrangement. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "math/matmul.h"

static float *numbers(size_t n, uint64_t seed)
{
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        x[i] = (float)((double)(seed >> 40) / 8388608.0 - 1.0);
    }
    return x;
}

typedef struct shape {
    size_t m, n, k, pad; /* pad: how much longer rows are in memory than in the matrix */
} shape;

static void compare(shape s, pb_transpose ta, pb_transpose tb, float alpha, float beta)
{
    size_t lda = (ta == PB_PLAIN ? s.k : s.m) + s.pad, ldb = (tb == PB_PLAIN ? s.n : s.k) + s.pad;
    size_t ldc = s.n + s.pad;
    float *a = numbers((ta == PB_PLAIN ? s.m : s.k) * lda, 1);
    float *b = numbers((tb == PB_PLAIN ? s.k : s.n) * ldb, 2);
    float *c[3];
    for (size_t i = 0; i < 3; i++)
        c[i] = numbers(s.m * ldc, 3);
    if (beta == 0.0f) /* must not be read */
        c[0][0] = c[1][0] = NAN;
    pb_error *error = NULL;
    assert_int_equal(
        pb_matmul(ta, tb, s.m, s.n, s.k, alpha, a, lda, b, ldb, beta, c[0], ldc, NULL, &error),
        PB_OK);
    pb_matmul_small(ta, tb, s.m, s.n, s.k, alpha, a, lda, b, ldb, beta, c[1], ldc);
    pb_matmul_reference(ta, tb, s.m, s.n, s.k, alpha, a, lda, b, ldb, beta, c[2], ldc);
    float allowed = 1e-6f * sqrtf((float)s.k) * 2.0f + 1e-6f;
    for (size_t i = 0; i < s.m * ldc; i++) {
        assert_true(fabsf(c[0][i] - c[2][i]) <= allowed);
        assert_true(fabsf(c[1][i] - c[2][i]) <= allowed);
    }
    for (size_t i = 0; i < 3; i++)
        free(c[i]);
    free(a);
    free(b);
}

static void test_every_arrangement(void **state)
{
    (void)state;
    const shape shapes[] = {{1, 1, 1, 0},    {8, 8, 64, 3},   {1, 37, 40, 0},  {5, 3, 2, 1},
                            {17, 72, 40, 5}, {64, 65, 66, 0}, {100, 130, 7, 9}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int arrangement = 0; arrangement < 4; arrangement++) {
            pb_transpose ta = arrangement & 1 ? PB_TRANSPOSED : PB_PLAIN;
            pb_transpose tb = arrangement & 2 ? PB_TRANSPOSED : PB_PLAIN;
            compare(shapes[i], ta, tb, 1.0f, 0.0f);
            compare(shapes[i], ta, tb, -0.5f, 1.0f);
            compare(shapes[i], ta, tb, 2.0f, 0.25f);
        }
}

/* Long enough in both directions that it is cut in both; checked in a few places. */
static void test_a_product_in_pieces(void **state)
{
    (void)state;
    const size_t m = 700, n = 1500, k = 3000;
    float *a = numbers(m * k, 1), *b = numbers(n * k, 2), *c = numbers(m * n, 3);
    pb_error *error = NULL;
    assert_int_equal(
        pb_matmul(PB_PLAIN, PB_TRANSPOSED, m, n, k, 1.0f, a, k, b, k, 0.0f, c, n, NULL, &error),
        PB_OK);
    for (size_t i = 0; i < m; i += 69)
        for (size_t j = 0; j < n; j += 7) {
            float expected;
            pb_matmul_reference(PB_PLAIN, PB_TRANSPOSED, 1, 1, k, 1.0f, a + i * k, k, b + j * k, k,
                                0.0f, &expected, 1);
            assert_true(fabsf(c[i * n + j] - expected) <= 2e-4f);
        }
    free(a);
    free(b);
    free(c);
}

static void test_an_interrupt_is_seen(void **state)
{
    (void)state;
    atomic_bool stop = true;
    pb_watch watch = {.stop = &stop};
    float a[4] = {1, 2, 3, 4}, c[4] = {0};
    pb_error *error = NULL;
    assert_int_equal(
        pb_matmul(PB_PLAIN, PB_PLAIN, 2, 2, 2, 1.0f, a, 2, a, 2, 0.0f, c, 2, &watch, &error),
        PB_INTERRUPTED);
    assert_true(c[0] == 0.0f);
    pb_error_destroy(&error);
}

static void test_threads_and_library_are_known(void **state)
{
    (void)state;
    char text[64];
    pb_math_library(text, sizeof text);
    assert_memory_equal(text, "oneDNN ", 7);
    assert_true(pb_math_cores() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_arrangement),
        cmocka_unit_test(test_a_product_in_pieces),
        cmocka_unit_test(test_an_interrupt_is_seen),
        cmocka_unit_test(test_threads_and_library_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
