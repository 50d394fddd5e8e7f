/* Decompositions put together again, their signs, and how a long one is stopped. */
#include <math.h>
#include <pthread.h>
#include <time.h>

#include "math/linear.h"
#include "tensor_support.h"

/* Numbers between -1 and 1 that are the same everywhere. */
static void fill(double *a, size_t count, unsigned seed)
{
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        a[i] = (double)(seed >> 8) / (double)(1u << 23) - 1;
    }
}

static void expect_close(const double *a, const double *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabs(a[i] - b[i]) < 1e-12))
            fail_msg("value %zu is %.17g, not %.17g", i, a[i], b[i]);
}

static void expect_identity(const double *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            if (fabs(a[i * n + j] - (i == j)) > 1e-12)
                fail_msg("(%zu, %zu) is %.17g", i, j, a[i * n + j]);
}

static void check_svd(size_t m, size_t n)
{
    double a[48], u[48], s[8], vt[48], us[48], back[48], gram[64];
    size_t k = m < n ? m : n;
    fill(a, m * n, (unsigned)(m * 31 + n));
    assert_int_equal(pb_linear_svd(m, n, a, u, s, vt, NULL, NULL), PB_OK);
    for (size_t j = 0; j < k; j++) {
        double largest = 0;
        for (size_t i = 0; i < m; i++) {
            us[i * k + j] = u[i * k + j] * s[j];
            if (fabs(u[i * k + j]) > fabs(largest))
                largest = u[i * k + j];
        }
        assert_true(largest > 0);
        assert_true(s[j] >= 0 && (j == 0 || s[j] <= s[j - 1]));
    }
    pb_linear_multiply(m, n, k, us, false, vt, false, back);
    expect_close(back, a, m * n);
    pb_linear_multiply(k, k, m, u, true, u, false, gram);
    expect_identity(gram, k);
    pb_linear_multiply(k, k, n, vt, false, vt, true, gram);
    expect_identity(gram, k);
}

static void singular_vectors_give_the_matrix_back(void **state)
{
    (void)state;
    check_svd(4, 4);
    check_svd(8, 6);
    check_svd(3, 8);
    check_svd(1, 5);
    check_svd(5, 1);
}

static void qr_gives_the_matrix_back(void **state)
{
    (void)state;
    double a[40], q[40], r[25], back[40], gram[25];
    fill(a, 40, 7);
    assert_int_equal(pb_linear_qr(8, 5, a, q, r, NULL, NULL), PB_OK);
    pb_linear_multiply(8, 5, 5, q, false, r, false, back);
    expect_close(back, a, 40);
    pb_linear_multiply(5, 5, 8, q, true, q, false, gram);
    expect_identity(gram, 5);
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(r[i * 5 + j] == 0);
}

/* a v = lambda v, in complex numbers. */
static void check_eig(size_t n, const double *a)
{
    double real[8], imag[8], v[64], w[64], av[64], aw[64];
    assert_int_equal(pb_linear_eig(n, a, real, imag, v, w, NULL, NULL), PB_OK);
    pb_linear_multiply(n, n, n, a, false, v, false, av);
    pb_linear_multiply(n, n, n, a, false, w, false, aw);
    for (size_t j = 0; j < n; j++) {
        assert_true(j == 0 || hypot(real[j], imag[j]) <= hypot(real[j - 1], imag[j - 1]) + 1e-12);
        for (size_t i = 0; i < n; i++) {
            size_t at = i * n + j;
            assert_true(fabs(av[at] - (real[j] * v[at] - imag[j] * w[at])) < 1e-12);
            assert_true(fabs(aw[at] - (real[j] * w[at] + imag[j] * v[at])) < 1e-12);
        }
    }
}

static void eigenvectors_are_scaled_by_their_values(void **state)
{
    (void)state;
    double a[49], symmetric[49];
    fill(a, 49, 3);
    for (size_t i = 0; i < 49; i++)
        symmetric[i] = a[i] + a[i % 7 * 7 + i / 7];
    check_eig(7, a);
    check_eig(7, symmetric);
    check_eig(2, (const double[]){0, 1, -1, 0});
}

static void systems_are_solved_or_refused(void **state)
{
    (void)state;
    double a[16], b[8], x[8], back[8];
    pb_error *error = NULL;
    size_t rank;
    fill(a, 16, 11);
    fill(b, 8, 12);
    assert_int_equal(pb_linear_solve(4, a, 2, b, x, NULL, NULL), PB_OK);
    pb_linear_multiply(4, 2, 4, a, false, x, false, back);
    expect_close(back, b, 8);
    /* the third row is the sum of the first two, up to rounding */
    for (size_t i = 0; i < 4; i++)
        a[8 + i] = a[i] + a[4 + i];
    pb_status status = pb_linear_solve(4, a, 2, b, x, NULL, &error);
    expect_error(status, &error, PB_VALUE,
                 "the matrix is singular: its rows depend on each other, so there is no one "
                 "solution",
                 NULL);
    /* the shortest of many: x = (1, 1) has x0 + x1 = 2 */
    assert_int_equal(
        pb_linear_lstsq(1, 2, (const double[]){1, 1}, 1, (const double[]){2}, x, &rank, NULL, NULL),
        PB_OK);
    expect_close(x, (const double[]){1, 1}, 2);
    assert_int_equal(rank, 1);
    /* the mean is nearest */
    assert_int_equal(pb_linear_lstsq(3, 1, (const double[]){1, 1, 1}, 1, (const double[]){1, 2, 6},
                                     x, &rank, NULL, NULL),
                     PB_OK);
    expect_close(x, (const double[]){3}, 1);
}

static void *raise_soon(void *stop)
{
    const struct timespec moment = {0, 50000000};
    nanosleep(&moment, NULL);
    atomic_store((atomic_bool *)stop, true);
    return NULL;
}

/* 1200 x 1200 takes seconds; the caller is back soon after the flag is raised. */
static void a_long_call_is_left_to_itself(void **state)
{
    (void)state;
    enum { N = 1200 };
    atomic_bool stop = false;
    const pb_watch watch = {.stop = &stop};
    struct timespec before, after;
    pthread_t thread;
    pb_error *error = NULL;
    double *a = pb_doubles_create(N, N), *s = pb_doubles_create(N, 1);
    double *u = pb_doubles_create(N, N), *vt = pb_doubles_create(N, N);
    assert_true(a && s && u && vt);
    fill(a, (size_t)N * N, 5);
    assert_int_equal(pthread_create(&thread, NULL, raise_soon, &stop), 0);
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(pb_linear_svd(N, N, a, u, s, vt, &watch, &error), PB_INTERRUPTED);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true((double)(after.tv_sec - before.tv_sec) +
                    (double)(after.tv_nsec - before.tv_nsec) * 1e-9 <
                0.5);
    pthread_join(thread, NULL);
    pb_error_destroy(&error);
    pb_doubles_free(&a);
    pb_doubles_free(&s);
    pb_doubles_free(&u);
    pb_doubles_free(&vt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(singular_vectors_give_the_matrix_back),
        cmocka_unit_test(qr_gives_the_matrix_back),
        cmocka_unit_test(eigenvectors_are_scaled_by_their_values),
        cmocka_unit_test(systems_are_solved_or_refused),
        cmocka_unit_test(a_long_call_is_left_to_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
