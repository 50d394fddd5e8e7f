/* Reductions, softmax and the first k. */
#include "tensor_support.h"

#include <math.h>
#include <stdlib.h>

static void reductions_go_over_named_axes(void **state)
{
    (void)state;
    /* [[3, -1, 2], [0, 5, 4]] */
    const struct {
        pb_reduction op;
        const char *over; /* NULL for all */
        const char *shape;
        const float *values;
    } cases[] = {
        {PB_SUM, "pos", "layer=2", VALUES(4, 9)},
        {PB_SUM, "layer", "pos=a/b/c", VALUES(3, 4, 6)},
        {PB_SUM, NULL, "", VALUES(13)},
        {PB_MEAN, "pos", "layer=2", VALUES(4 / 3.0f, 3)},
        {PB_MEAN, "layer", "pos=a/b/c", VALUES(1.5f, 2, 3)},
        {PB_MEAN, NULL, "", VALUES(13 / 6.0f)},
        {PB_MIN, "pos", "layer=2", VALUES(-1, 0)},
        {PB_MIN, "layer", "pos=a/b/c", VALUES(0, -1, 2)},
        {PB_MAX, "pos", "layer=2", VALUES(3, 5)},
        {PB_MAX, NULL, "", VALUES(5)},
        {PB_ARGMAX, "pos", "layer=2", VALUES(0, 1)},
        {PB_ARGMAX, "layer", "pos=a/b/c", VALUES(0, 1, 1)},
        {PB_ARGMIN, "pos", "layer=2", VALUES(1, 0)},
        /* numpy.std, whose default is the population's */
        {PB_STD, "pos", "layer=2", VALUES(1.69967316f, 2.16024690f)},
        {PB_STD, NULL, "", VALUES(2.11476300f)},
        {PB_NORM, "pos", "layer=2", VALUES(3.74165739f, 6.40312424f)},
        {PB_NORM, "layer", "pos=a/b/c", VALUES(3, 5.09901951f, 4.47213595f)},
        {PB_ANY, "layer", "pos=a/b/c", VALUES(1, 1, 1)},
        {PB_EVERY, "layer", "pos=a/b/c", VALUES(0, 1, 1)},
        {PB_EVERY, NULL, "", VALUES(0)},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_tensor *a = make_tensor("layer=2 pos=a/b/c", VALUES(3, -1, 2, 0, 5, 4));
        pb_tensor *result = NULL;
        size_t n = cases[i].over ? 1 : 0;
        assert_int_equal(pb_tensor_reduce(cases[i].op, a, n, &cases[i].over, NULL, &result, NULL),
                         PB_OK);
        assert_int_equal(pb_tensor_is_boolean(result),
                         cases[i].op == PB_ANY || cases[i].op == PB_EVERY);
        expect_tensor(&result, cases[i].shape, cases[i].values);
        pb_tensor_release(&a);
    }
}

/* Every subset of the axes of a rank-4 tensor against sums by index. */
static void any_axes_may_go(void **state)
{
    (void)state;
    enum { RANK = 4 };
    const char *const names[RANK] = {"a", "b", "c", "d"};
    const size_t lengths[RANK] = {2, 3, 4, 5};
    pb_tensor *t = make_tensor("a=2 b=3 c=4 d=5", NULL);
    for (unsigned set = 1; set < 1u << RANK; set++) {
        const char *over[RANK];
        float sums[120] = {0};
        size_t n = 0, size = 1;
        for (size_t k = 0; k < RANK; k++)
            if (set >> k & 1)
                over[n++] = names[k];
        for (size_t flat = 0; flat < 120; flat++) {
            size_t offsets[PB_MAX_RANK], at = 0;
            pb_tensor_unravel(t, flat, offsets);
            size = 1;
            for (size_t k = RANK; k-- > 0;) {
                if (set >> k & 1)
                    continue;
                at += offsets[k] * size;
                size *= lengths[k];
            }
            sums[at] += (float)flat;
        }
        pb_tensor *result = NULL;
        assert_int_equal(pb_tensor_reduce(PB_SUM, t, n, over, NULL, &result, NULL), PB_OK);
        assert_int_equal(pb_tensor_size(result), size);
        for (size_t i = 0; i < size; i++)
            assert_true(pb_tensor_data(result)[i] == sums[i]);
        pb_tensor_release(&result);
    }
    pb_tensor_release(&t);
}

static void extremes_are_coordinates(void **state)
{
    (void)state;
    const char *over[] = {"layer"};
    pb_tensor *t = make_tensor("layer=@3,5,9", VALUES(1, 7, 7)), *result = NULL;
    pb_tensor_reduce(PB_ARGMAX, t, 1, over, NULL, &result, NULL);
    expect_tensor(&result, "", VALUES(5));
    pb_tensor_reduce(PB_ARGMIN, t, 0, NULL, NULL, &result, NULL);
    expect_tensor(&result, "", VALUES(3));
    pb_tensor_release(&t);
    t = make_tensor("layer=3", VALUES(1, NAN, 7));
    pb_tensor_reduce(PB_ARGMAX, t, 1, over, NULL, &result, NULL);
    expect_tensor(&result, "", VALUES(1));
    pb_tensor_reduce(PB_MAX, t, 1, over, NULL, &result, NULL);
    expect_tensor(&result, "", VALUES(NAN));
    pb_tensor_reduce(PB_MIN, t, 1, over, NULL, &result, NULL);
    expect_tensor(&result, "", VALUES(NAN));
    pb_tensor_release(&t);
}

/* A million values of 0.1 on top of a large one: a float sum would be far off. */
static void sums_are_in_double(void **state)
{
    (void)state;
    enum { N = 1000000 };
    pb_axis *axis = NULL;
    pb_tensor *t = NULL, *result = NULL;
    float *data;
    assert_int_equal(pb_axis_create("pos", N, NULL, NULL, &axis, NULL), PB_OK);
    assert_int_equal(pb_tensor_create(1, &axis, &t, &data, NULL), PB_OK);
    for (size_t i = 0; i < N; i++)
        data[i] = 1000.0f + (i % 2 ? 0.25f : -0.25f);
    pb_tensor_reduce(PB_SUM, t, 0, NULL, NULL, &result, NULL);
    expect_tensor(&result, "", VALUES(1e9f));
    pb_tensor_reduce(PB_STD, t, 0, NULL, NULL, &result, NULL);
    expect_tensor(&result, "", VALUES(0.25f));
    data[0] = 1e30f; /* whose square is past float32 */
    pb_tensor_reduce(PB_NORM, t, 0, NULL, NULL, &result, NULL);
    expect_tensor(&result, "", VALUES(1e30f));
    pb_tensor_release(&t);
    pb_axis_release(&axis);
}

static void empty_and_impossible_reductions_say_so(void **state)
{
    (void)state;
    pb_error *error = NULL;
    const char *pos[] = {"pos"}, *wrong[] = {"poss"}, *both[] = {"pos", "layer"};
    pb_tensor *empty = make_tensor("layer=2 pos=0", NULL), *result = NULL;
    pb_tensor_reduce(PB_SUM, empty, 1, pos, NULL, &result, NULL);
    expect_tensor(&result, "layer=2", VALUES(0, 0));
    pb_tensor_reduce(PB_EVERY, empty, 1, pos, NULL, &result, NULL);
    expect_tensor(&result, "layer=2", VALUES(1, 1));
    pb_status status = pb_tensor_reduce(PB_MEAN, empty, 1, pos, NULL, &result, &error);
    expect_error(status, &error, PB_VALUE, "there is no mean over pos: the axis is empty", NULL);
    status = pb_tensor_reduce(PB_ARGMAX, empty, 1, pos, NULL, &result, &error);
    expect_error(status, &error, PB_VALUE, "there is no argmax over pos: the axis is empty", NULL);
    pb_tensor_release(&empty);

    pb_tensor *t = make_tensor("layer=2 pos=3", NULL);
    status = pb_tensor_reduce(PB_SUM, t, 1, wrong, NULL, &result, &error);
    expect_error(status, &error, PB_NAME, "there is no axis 'poss' here; the axes are layer, pos",
                 "did you mean pos?");
    status = pb_tensor_reduce(PB_ARGMAX, t, 2, both, NULL, &result, &error);
    expect_error(status, &error, PB_TYPE, "argmax goes over one axis, and here it would be 2",
                 "name it: argmax(t, \"pos\"); top(t, 1) finds the place along all axes");
    pb_tensor_release(&t);
}

static void softmax_is_a_distribution(void **state)
{
    (void)state;
    pb_tensor *t = make_tensor("head=2 key=3", VALUES(0, 1, 2, 1000, 1000, -INFINITY));
    pb_tensor *result = NULL;
    pb_tensor_softmax(t, "key", false, NULL, &result, NULL);
    expect_tensor(&result, "head=2 key=3",
                  VALUES(0.0900305732f, 0.244728471f, 0.665240956f, 0.5f, 0.5f, 0));
    pb_tensor_softmax(t, "key", true, NULL, &result, NULL);
    expect_tensor(
        &result, "head=2 key=3",
        VALUES(-2.40760596f, -1.40760596f, -0.407605964f, -0.693147181f, -0.693147181f, -INFINITY));
    pb_tensor_release(&t);
    t = make_tensor("head=2 key=2", VALUES(0, 10, 0, 10));
    pb_tensor_softmax(t, "head", false, NULL, &result, NULL);
    expect_tensor(&result, "head=2 key=2", VALUES(0.5f, 0.5f, 0.5f, 0.5f));
    pb_error *error = NULL;
    pb_status status = pb_tensor_softmax(t, "token", false, NULL, &result, &error);
    expect_error(status, &error, PB_NAME, "there is no axis 'token' here; the axes are head, key",
                 NULL);
    pb_tensor_release(&t);
}

/* ---- top ---- */

static void top_ranks_in_three_orders(void **state)
{
    (void)state;
    const struct {
        pb_order order;
        size_t k, count;
        size_t offsets[7];
    } cases[] = {
        {PB_BY_MAGNITUDE, 3, 3, {4, 1, 3}}, {PB_BY_VALUE, 3, 3, {4, 3, 5}},
        {PB_BY_SMALLEST, 2, 2, {1, 6}},     {PB_BY_VALUE, 99, 7, {4, 3, 5, 0, 6, 1, 2}},
        {PB_BY_VALUE, 0, 0, {0}},           {PB_BY_MAGNITUDE, 7, 7, {4, 1, 3, 5, 6, 0, 2}},
    };
    pb_tensor *t = make_tensor("head=7", VALUES(0, -5, NAN, 3, INFINITY, 3, -1));
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t *offsets = NULL, count = 99;
        assert_int_equal(pb_tensor_top(t, cases[i].k, cases[i].order, NULL, &offsets, &count, NULL),
                         PB_OK);
        assert_int_equal(count, cases[i].count);
        for (size_t j = 0; j < count; j++)
            assert_int_equal(offsets[j], cases[i].offsets[j]);
        free(offsets);
    }
    pb_tensor_release(&t);
}

static const float *sorted_values;

static int by_value(const void *left, const void *right)
{
    size_t a = *(const size_t *)left, b = *(const size_t *)right;
    float x = sorted_values[a], y = sorted_values[b];
    return x == y ? (a > b) - (a < b) : x < y ? 1 : -1;
}

static void top_agrees_with_sorting(void **state)
{
    (void)state;
    enum { N = 500 };
    float values[N];
    size_t wanted[N];
    uint32_t seed = 12345;
    for (size_t i = 0; i < N; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)(seed >> 24); /* 256 values, so many ties */
        wanted[i] = i;
    }
    sorted_values = values;
    qsort(wanted, N, sizeof *wanted, by_value);
    pb_tensor *t = make_tensor("token=500", values);
    for (size_t k = 1; k <= N; k += 83) {
        size_t *offsets = NULL, count;
        assert_int_equal(pb_tensor_top(t, k, PB_BY_VALUE, NULL, &offsets, &count, NULL), PB_OK);
        assert_memory_equal(offsets, wanted, k * sizeof *offsets);
        free(offsets);
    }
    pb_tensor_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reductions_go_over_named_axes),
        cmocka_unit_test(any_axes_may_go),
        cmocka_unit_test(extremes_are_coordinates),
        cmocka_unit_test(sums_are_in_double),
        cmocka_unit_test(empty_and_impossible_reductions_say_so),
        cmocka_unit_test(softmax_is_a_distribution),
        cmocka_unit_test(top_ranks_in_three_orders),
        cmocka_unit_test(top_agrees_with_sorting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
