/* Gaps: every operation against what is written down of the cells that are there alone. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/gap.h"
#include "tensor_support.h"

/* [prompt 2, pos 3] whose second prompt is shorter: 1 2 3 / 4 5 gap. */
static pb_tensor *ragged(void)
{
    const float values[] = {1, 2, 3, 4, 5, pb_gap()};
    pb_tensor *tensor = make_tensor("prompt=2 pos=3", values);
    pb_tensor_mark_gaps(tensor);
    return tensor;
}

/* As expect_tensor(), where `gaps` says of each cell whether it is none. */
static void expect_cells(pb_tensor *made, size_t size, const float *values, const char *gaps)
{
    assert_int_equal(pb_tensor_size(made), size);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(pb_is_gap(pb_tensor_data(made)[i]), gaps[i] == 'x');
        if (gaps[i] != 'x')
            assert_float_equal(pb_tensor_data(made)[i], values[i], 1e-6);
    }
    assert_int_equal(pb_tensor_has_gaps(made), strchr(gaps, 'x') != NULL);
    pb_tensor_release(&made);
}

static void a_gap_with_anything_is_a_gap(void **state)
{
    (void)state;
    pb_tensor *a = ragged(), *b = make_tensor("pos=3", VALUES(10, NAN, INFINITY)), *made = NULL;
    for (int left = 0; left < 2; left++) {
        assert_int_equal(pb_tensor_binary(PB_ADD, left ? a : b, left ? b : a, NULL, &made, NULL),
                         PB_OK);
        assert_true(pb_tensor_has_gaps(made));
        assert_false(pb_is_gap(pb_tensor_data(made)[1])); /* NaN goes on as NaN */
        assert_true(isnan(pb_tensor_data(made)[left ? 1 : 2]));
        assert_true(pb_is_gap(pb_tensor_data(made)[5]));
        pb_tensor_release(&made);
    }
    assert_int_equal(pb_tensor_binary_number(PB_SUB, a, 10, true, NULL, &made, NULL), PB_OK);
    expect_cells(made, 6, VALUES(9, 8, 7, 6, 5, 0), "     x");
    assert_int_equal(pb_tensor_unary(PB_SQRT, a, NULL, &made, NULL), PB_OK);
    expect_cells(made, 6, VALUES(1, 1.4142135f, 1.7320508f, 2, 2.236068f, 0), "     x");
    pb_tensor_release(&a);
    pb_tensor_release(&b);
}

static void a_comparison_with_one_is_false(void **state)
{
    (void)state;
    static const pb_binary all[] = {PB_EQ, PB_NE, PB_LT, PB_LE, PB_GT, PB_GE};
    pb_tensor *a = ragged(), *made = NULL;
    for (size_t i = 0; i < COUNT(all); i++) {
        assert_int_equal(pb_tensor_binary_number(all[i], a, 3, false, NULL, &made, NULL), PB_OK);
        assert_true(pb_tensor_is_boolean(made));
        assert_false(pb_tensor_has_gaps(made));
        assert_float_equal(pb_tensor_data(made)[5], 0, 0);
        pb_tensor_release(&made);
        assert_int_equal(pb_tensor_binary(all[i], a, a, NULL, &made, NULL), PB_OK);
        assert_float_equal(pb_tensor_data(made)[5], 0, 0);
        pb_tensor_release(&made);
    }
    pb_tensor_release(&a);
}

static void reductions_leave_them_out(void **state)
{
    (void)state;
    static const char *const pos[] = {"pos"}, *const prompt[] = {"prompt"};
    static const struct {
        pb_reduction op;
        float values[2];
    } rows[] = {
        {PB_SUM, {6, 9}},    {PB_MEAN, {2, 4.5f}},        {PB_MIN, {1, 4}},
        {PB_MAX, {3, 5}},    {PB_STD, {0.8164966f, .5f}}, {PB_NORM, {3.7416574f, 6.4031242f}},
        {PB_ARGMAX, {2, 1}}, {PB_ARGMIN, {0, 0}},
    };
    pb_tensor *a = ragged(), *made = NULL;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(pb_tensor_reduce(rows[i].op, a, 1, pos, NULL, &made, NULL), PB_OK);
        expect_cells(made, 2, rows[i].values, "  ");
    }
    assert_int_equal(pb_tensor_reduce(PB_MEAN, a, 1, prompt, NULL, &made, NULL), PB_OK);
    expect_cells(made, 3, VALUES(2.5f, 3.5f, 3), "   ");
    assert_int_equal(pb_tensor_reduce(PB_MEAN, a, 0, NULL, NULL, &made, NULL), PB_OK);
    expect_cells(made, 1, VALUES(3), " ");
    pb_tensor_release(&a);
}

static void a_reduction_of_gaps_alone_is_a_gap(void **state)
{
    (void)state;
    static const char *const pos[] = {"pos"};
    static const pb_reduction ops[] = {PB_SUM, PB_MEAN, PB_MIN,    PB_MAX,
                                       PB_STD, PB_NORM, PB_ARGMAX, PB_ARGMIN};
    const float values[] = {1, 2, pb_gap(), pb_gap()};
    pb_tensor *a = make_tensor("prompt=2 pos=2", values), *made = NULL;
    pb_tensor_mark_gaps(a);
    for (size_t i = 0; i < COUNT(ops); i++) {
        assert_int_equal(pb_tensor_reduce(ops[i], a, 1, pos, NULL, &made, NULL), PB_OK);
        assert_true(pb_is_gap(pb_tensor_data(made)[1]));
        assert_true(pb_tensor_has_gaps(made));
        pb_tensor_release(&made);
    }
    assert_int_equal(pb_tensor_reduce(PB_EVERY, a, 1, pos, NULL, &made, NULL), PB_OK);
    expect_cells(made, 2, VALUES(1, 0), "  ");
    pb_tensor_release(&a);
}

static void softmax_and_products_are_of_what_is_there(void **state)
{
    (void)state;
    static const char *const pos[] = {"pos"};
    pb_tensor *a = ragged(), *b = make_tensor("pos=3", VALUES(1, 10, 100)), *made = NULL;
    assert_int_equal(pb_tensor_softmax(a, "pos", false, NULL, &made, NULL), PB_OK);
    expect_cells(made, 6, VALUES(.09003057f, .24472848f, .66524094f, .26894143f, .7310586f, 0),
                 "     x");
    assert_int_equal(pb_tensor_dot(a, b, 1, pos, NULL, &made, NULL), PB_OK);
    expect_cells(made, 2, VALUES(321, 54), "  ");
    pb_tensor_release(&a);
    pb_tensor_release(&b);
}

static void rankings_and_parts_have_none(void **state)
{
    (void)state;
    static const pb_order orders[] = {PB_BY_MAGNITUDE, PB_BY_VALUE, PB_BY_SMALLEST};
    pb_tensor *a = ragged(), *made = NULL;
    for (size_t i = 0; i < COUNT(orders); i++) {
        size_t *offsets = NULL, count = 0;
        assert_int_equal(pb_tensor_top(a, 10, orders[i], NULL, &offsets, &count, NULL), PB_OK);
        assert_int_equal(count, 5);
        for (size_t k = 0; k < count; k++)
            assert_int_not_equal(offsets[k], 5);
        free(offsets);
    }
    static const char *const names[] = {"prompt"};
    const pb_select first = {.kind = PB_SELECT_INDEX, .index = 0};
    assert_int_equal(pb_tensor_select(a, 1, names, &first, NULL, &made, NULL), PB_OK);
    pb_tensor_release(&made);
    const pb_select second = {.kind = PB_SELECT_INDEX, .index = 1};
    assert_int_equal(pb_tensor_select(a, 1, names, &second, NULL, &made, NULL), PB_OK);
    expect_cells(made, 3, VALUES(4, 5, 0), "  x");
    static const char *const turned[] = {"pos", "prompt"};
    assert_int_equal(pb_tensor_transpose(a, turned, NULL, &made, NULL), PB_OK);
    expect_cells(made, 6, VALUES(1, 4, 2, 5, 3, 0), "     x");
    pb_tensor_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gap_with_anything_is_a_gap),
        cmocka_unit_test(a_comparison_with_one_is_false),
        cmocka_unit_test(reductions_leave_them_out),
        cmocka_unit_test(a_reduction_of_gaps_alone_is_a_gap),
        cmocka_unit_test(softmax_and_products_are_of_what_is_there),
        cmocka_unit_test(rankings_and_parts_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
