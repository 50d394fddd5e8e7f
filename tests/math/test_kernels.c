/* The kernels against their references: how many units in the last place they are off. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "math/kernels.h"
#include "math/matmul.h"

enum { ROWS = 7, WIDTH = 769, STRIDE = 800 };

/* A fixed sequence of numbers in (-1, 1). */
static float uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)((double)(*state >> 40) / 8388608.0 - 1.0);
}

static void fill(size_t n, float size, float *x, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        x[i] = size * uniform(&seed);
}

/* How far `got` is from `expected`, in units of the last place of the float nearest to it. */
static double ulps(double got, double expected)
{
    float nearest = fabsf((float)expected);
    double unit = (double)nextafterf(nearest, INFINITY) - (double)nearest;
    return fabs(got - expected) / unit;
}

static void test_layer_norm_is_its_formula(void **state)
{
    (void)state;
    float x[ROWS * STRIDE], out[ROWS * STRIDE], expected[ROWS * STRIDE];
    float scale[ROWS], expected_scale[ROWS];
    fill(ROWS * STRIDE, 3.0f, x, 1);
    for (size_t i = 0; i < STRIDE; i++) /* a row far from zero, where squares would cancel */
        x[2 * STRIDE + i] += 1000.0f;
    pb_layer_norm(ROWS, WIDTH, 1e-5f, x, STRIDE, scale, out, STRIDE);
    pb_layer_norm_reference(ROWS, WIDTH, 1e-5f, x, STRIDE, expected_scale, expected, STRIDE);
    for (size_t r = 0; r < ROWS; r++) {
        assert_true(ulps((double)scale[r], (double)expected_scale[r]) <= 1.0);
        double allowed = r == 2 ? 4e-5 : 1e-6; /* 1000's last place is 6e-5 */
        for (size_t i = 0; i < WIDTH; i++) {
            double difference = (double)out[r * STRIDE + i] - (double)expected[r * STRIDE + i];
            assert_true(fabs(difference) <= allowed);
        }
    }
}

static void test_layer_norm_in_two_steps_equals_one(void **state)
{
    (void)state;
    float x[ROWS * WIDTH], one[ROWS * WIDTH], two[ROWS * WIDTH], scale[ROWS], again[ROWS];
    fill(ROWS * WIDTH, 2.0f, x, 2);
    pb_layer_norm(ROWS, WIDTH, 1e-5f, x, WIDTH, scale, one, WIDTH);
    pb_layer_norm_scale(ROWS, WIDTH, 1e-5f, x, WIDTH, again);
    pb_layer_norm_apply(ROWS, WIDTH, x, WIDTH, again, two, WIDTH);
    assert_memory_equal(scale, again, sizeof scale);
    for (size_t i = 0; i < ROWS * WIDTH; i++)
        assert_true(fabsf(one[i] - two[i]) <= 1e-6f);
}

static void test_softmax_is_its_formula(void **state)
{
    (void)state;
    float x[ROWS * WIDTH], expected[ROWS * WIDTH];
    fill(ROWS * WIDTH, 20.0f, x, 3);
    for (size_t i = 400; i < WIDTH; i++)
        x[i] = -INFINITY;
    memcpy(expected, x, sizeof x);
    pb_softmax(ROWS, WIDTH, x, WIDTH);
    pb_softmax_reference(ROWS, WIDTH, expected, WIDTH);
    /* x - max, down to -40, is rounded to 2e-6: the exponential's relative error. */
    for (size_t i = 0; i < ROWS * WIDTH; i++)
        assert_true(fabsf(x[i] - expected[i]) <= 3e-6f * expected[i]);
    assert_true(x[500] == 0.0f);
}

static void test_softmax_takes_any_scores(void **state)
{
    (void)state;
    float huge[4] = {1e30f, 1e30f, -1e30f, -INFINITY};
    pb_softmax(1, 4, huge, 4);
    assert_true(huge[0] == 0.5f && huge[1] == 0.5f && huge[2] == 0.0f && huge[3] == 0.0f);
    float masked[3] = {-INFINITY, -INFINITY, -INFINITY};
    pb_softmax(1, 3, masked, 3);
    assert_true(masked[0] == 0.0f && masked[1] == 0.0f && masked[2] == 0.0f);
    float broken[2] = {NAN, 1.0f};
    pb_softmax(1, 2, broken, 2);
    assert_true(isnan(broken[0]) && isnan(broken[1]));
}

static void test_log_sum_exp(void **state)
{
    (void)state;
    float x[WIDTH];
    fill(WIDTH, 30.0f, x, 4);
    double expected = 0.0;
    for (size_t i = 0; i < WIDTH; i++)
        expected += exp((double)x[i]);
    assert_true(fabs(pb_log_sum_exp(WIDTH, x) - log(expected)) < 1e-7);
    float masked[2] = {-INFINITY, -INFINITY};
    assert_true(pb_log_sum_exp(2, masked) == -INFINITY);
}

/* gelu's tails shrink as exp(-x^2), so an error in the exponent's last place is multiplied by the
 * exponent: measured against a bound that grows with it, and absolutely. */
static void test_activations_are_their_formulas(void **state)
{
    (void)state;
    const pb_activation *row;
    for (size_t which = 0; (row = pb_activation_at(which)) != NULL; which++) {
        for (int step = -4000; step <= 4000; step++) {
            float x = (float)step / 400.0f, out;
            row->apply(1, &x, NULL, &out);
            double expected = row->reference((double)x);
            double allowed = 6.0 + 8.0 * (double)(x * x);
            if (fabs(expected) > 1e-30 && !(x < -4.0f && row->reference(-9.0) > -1e-15))
                assert_true(ulps((double)out, expected) <= allowed);
            assert_true(fabs((double)out - expected) <= 6e-7 * fmax(1.0, fabs(expected)));
        }
    }
}

static void test_activations_at_the_ends(void **state)
{
    (void)state;
    const pb_activation *row;
    for (size_t which = 0; (row = pb_activation_at(which)) != NULL; which++) {
        float x[4] = {-1e4f, 1e4f, 0.0f, NAN}, out[4];
        row->apply(4, x, NULL, out);
        for (size_t i = 0; i < 3; i++) {
            double expected = row->reference((double)x[i]);
            assert_true(fabs((double)out[i] - expected) <= 1e-6 * fmax(1.0, fabs(expected)));
        }
        assert_true(isnan(out[3]));
    }
}

static void test_activations_add_their_bias(void **state)
{
    (void)state;
    float x[ROWS * WIDTH], sum[ROWS * WIDTH], bias[WIDTH], out[ROWS * WIDTH];
    fill(ROWS * WIDTH, 3.0f, x, 5);
    fill(WIDTH, 1.0f, bias, 6);
    for (size_t i = 0; i < ROWS * WIDTH; i++)
        sum[i] = x[i] + bias[i % WIDTH];
    const pb_activation *row;
    for (size_t which = 0; (row = pb_activation_at(which)) != NULL; which++) {
        pb_activate(row, ROWS, WIDTH, x, WIDTH, bias, out, WIDTH);
        float plain[ROWS * WIDTH];
        pb_activate(row, ROWS, WIDTH, sum, WIDTH, NULL, plain, WIDTH);
        for (size_t i = 0; i < ROWS * WIDTH; i++)
            assert_true(fabsf(out[i] - plain[i]) <= 1e-6f);
    }
}

static void test_activations_are_found_by_name(void **state)
{
    (void)state;
    assert_string_equal(pb_activation_find("gelu_new")->name, "gelu_new");
    assert_true(pb_activation_find("gelu_new")->apply != pb_activation_find("gelu")->apply);
    assert_null(pb_activation_find("geluu"));
}

static void test_rows(void **state)
{
    (void)state;
    float x[6] = {1, 2, 9, 3, 4, 9}, y[4] = {10, 20, 30, 40}, bias[2] = {100, 200};
    float gain[2] = {2, 3};
    pb_add_rows(2, 2, x, 3, y, 2);
    pb_add_bias(2, 2, x, 3, bias);
    pb_gain_bias(2, 2, gain, bias, x, 3);
    const float expected[6] = {322, 866, 9, 366, 932, 9};
    assert_memory_equal(x, expected, sizeof x);
}

int main(void)
{
    pb_math_begin(pb_math_cores(), NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layer_norm_is_its_formula),
        cmocka_unit_test(test_layer_norm_in_two_steps_equals_one),
        cmocka_unit_test(test_softmax_is_its_formula),
        cmocka_unit_test(test_softmax_takes_any_scores),
        cmocka_unit_test(test_log_sum_exp),
        cmocka_unit_test(test_activations_are_their_formulas),
        cmocka_unit_test(test_activations_at_the_ends),
        cmocka_unit_test(test_activations_add_their_bias),
        cmocka_unit_test(test_activations_are_found_by_name),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
