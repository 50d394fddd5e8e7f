/* Operators, functions and where(): lining up, joining, Python's arithmetic. */
#include "tensor_support.h"

#include <math.h>

/* Signs, sizes and zeros, with what NumPy answers for float32. */
static void floor_division_and_modulo_are_pythons(void **state)
{
    (void)state;
    const struct {
        float a, b, quotient, remainder;
    } cases[] = {
        {7, 2, 3, 1},
        {-7, 2, -4, 1},
        {7, -2, -4, -1},
        {-7, -2, 3, -1},
        {6, 3, 2, 0},
        {-6, 3, -2, 0},
        {5.5f, 0.5f, 11, 0},
        {1, 0, INFINITY, NAN},
        {-1, 0, -INFINITY, NAN},
        {0, 0, NAN, NAN},
        {-1, 1e30f, -1, 1e30f},
        {3, INFINITY, 0, 3},
        {1e30f, 1, 1e30f, 0},
        {0.3f, 0.1f, 3, 7.4505806e-09f},
        {NAN, 1, NAN, NAN},
        {1e10f, 3, 3333333248.0f, 1},
        {-5, INFINITY, -1, INFINITY},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_tensor *a = make_tensor("", &cases[i].a), *result = NULL;
        pb_tensor_binary_number(PB_FLOORDIV, a, (double)cases[i].b, false, NULL, &result, NULL);
        expect_tensor(&result, "", &cases[i].quotient);
        pb_tensor_binary_number(PB_MOD, a, (double)cases[i].b, false, NULL, &result, NULL);
        expect_tensor(&result, "", &cases[i].remainder);
        pb_tensor_release(&a);
    }
}

static void every_operator_has_its_formula(void **state)
{
    (void)state;
    const struct {
        pb_binary op;
        bool boolean;
        float values[4];
    } cases[] = {
        {PB_ADD, false, {3, -1, 4, 0}},        {PB_SUB, false, {-1, 5, 0, 0}},
        {PB_MUL, false, {2, -6, 4, 0}},        {PB_DIV, false, {0.5f, -2 / 3.0f, 1, NAN}},
        {PB_FLOORDIV, false, {0, -1, 1, NAN}}, {PB_MOD, false, {1, -1, 0, NAN}},
        {PB_POW, false, {1, 0.125f, 4, 1}},    {PB_EQ, true, {0, 0, 1, 1}},
        {PB_NE, true, {1, 1, 0, 0}},           {PB_LT, true, {1, 0, 0, 0}},
        {PB_LE, true, {1, 0, 1, 1}},           {PB_GT, true, {0, 1, 0, 0}},
        {PB_GE, true, {0, 1, 1, 1}},           {PB_AND, true, {1, 1, 1, 0}},
        {PB_OR, true, {1, 1, 1, 0}},           {PB_MINIMUM, false, {1, -3, 2, 0}},
        {PB_MAXIMUM, false, {2, 2, 2, 0}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_tensor *a = make_tensor("pos=4", VALUES(1, 2, 2, 0));
        pb_tensor *b = make_tensor("pos=4", VALUES(2, -3, 2, 0)), *result = NULL;
        assert_int_equal(pb_tensor_binary(cases[i].op, a, b, NULL, &result, NULL), PB_OK);
        assert_int_equal(pb_tensor_is_boolean(result), cases[i].boolean);
        expect_tensor(&result, "pos=4", cases[i].values);
        pb_tensor_release(&a);
        pb_tensor_release(&b);
    }
}

static void nan_passes_through_minimum_and_maximum(void **state)
{
    (void)state;
    pb_tensor *a = make_tensor("pos=3", VALUES(NAN, 1, NAN));
    pb_tensor *b = make_tensor("pos=3", VALUES(1, NAN, NAN)), *result = NULL;
    pb_tensor_binary(PB_MINIMUM, a, b, NULL, &result, NULL);
    expect_tensor(&result, "pos=3", VALUES(NAN, NAN, NAN));
    pb_tensor_binary(PB_MAXIMUM, a, b, NULL, &result, NULL);
    expect_tensor(&result, "pos=3", VALUES(NAN, NAN, NAN));
    pb_tensor_binary(PB_EQ, a, a, NULL, &result, NULL);
    expect_tensor(&result, "pos=3", VALUES(0, 1, 0));
    pb_tensor_unary(PB_SIGN, a, NULL, &result, NULL);
    expect_tensor(&result, "pos=3", VALUES(NAN, 1, NAN));
    pb_tensor_release(&a);
    pb_tensor_release(&b);
}

static void numbers_stand_on_either_side(void **state)
{
    (void)state;
    pb_tensor *a = make_tensor("pos=3", VALUES(1, 2, 4)), *result = NULL;
    pb_tensor_binary_number(PB_SUB, a, 10, true, NULL, &result, NULL);
    expect_tensor(&result, "pos=3", VALUES(9, 8, 6));
    pb_tensor_binary_number(PB_SUB, a, 10, false, NULL, &result, NULL);
    expect_tensor(&result, "pos=3", VALUES(-9, -8, -6));
    pb_tensor_binary_number(PB_DIV, a, 1, true, NULL, &result, NULL);
    expect_tensor(&result, "pos=3", VALUES(1, 0.5f, 0.25f));
    pb_tensor_binary_number(PB_POW, a, 2, false, NULL, &result, NULL);
    expect_tensor(&result, "pos=3", VALUES(1, 4, 16));
    pb_tensor_release(&a);
    /* 0.1 is not a float32; it is rounded to one, so that the comparison can hold. */
    a = make_tensor("", VALUES(0.1f));
    pb_tensor_binary_number(PB_EQ, a, 0.1, false, NULL, &result, NULL);
    assert_true(pb_tensor_is_boolean(result));
    expect_tensor(&result, "", VALUES(1));
    pb_tensor_release(&a);
}

static void every_function_has_its_formula(void **state)
{
    (void)state;
    const struct {
        pb_unary op;
        bool boolean;
        float values[5];
    } cases[] = {
        {PB_NEGATE, false, {2.5f, -0.0f, -0.5f, -1.5f, -4}},
        {PB_NOT, true, {0, 1, 0, 0, 0}},
        {PB_ABS, false, {2.5f, 0, 0.5f, 1.5f, 4}},
        {PB_SQRT, false, {NAN, 0, 0.707106781f, 1.22474487f, 2}},
        {PB_EXP, false, {0.0820849986f, 1, 1.64872127f, 4.48168907f, 54.59815f}},
        {PB_LOG, false, {NAN, -INFINITY, -0.693147181f, 0.405465108f, 1.38629436f}},
        {PB_ROUND, false, {-2, 0, 0, 2, 4}},
        {PB_SIGN, false, {-1, 0, 1, 1, 1}},
        {PB_TANH, false, {-0.986614298f, 0, 0.462117157f, 0.905148254f, 0.999329300f}},
        {PB_COS, false, {-0.801143616f, 1, 0.877582562f, 0.070737202f, -0.653643621f}},
        {PB_SIN, false, {-0.598472144f, 0, 0.479425539f, 0.997494987f, -0.756802495f}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_tensor *a = make_tensor("pos=5", VALUES(-2.5f, 0, 0.5f, 1.5f, 4)), *result = NULL;
        assert_int_equal(pb_tensor_unary(cases[i].op, a, NULL, &result, NULL), PB_OK);
        assert_int_equal(pb_tensor_is_boolean(result), cases[i].boolean);
        expect_tensor(&result, "pos=5", cases[i].values);
        pb_tensor_release(&a);
    }
}

/* ---- lining up ---- */

static void axes_line_up_by_name(void **state)
{
    (void)state;
    const struct {
        const char *a, *b, *result;
        const float *values; /* of a + 10 b, both counting from 0 */
    } cases[] = {
        {"pos=2", "", "pos=2", VALUES(0, 1)},
        {"", "pos=2", "pos=2", VALUES(0, 10)},
        {"pos=2", "head=2", "pos=2 head=2", VALUES(0, 10, 1, 11)},
        {"layer=2 pos=3", "pos=3", "layer=2 pos=3", VALUES(0, 11, 22, 3, 14, 25)},
        {"layer=2 pos=3", "layer=2", "layer=2 pos=3", VALUES(0, 1, 2, 13, 14, 15)},
        {"layer=2 pos=3", "pos=3 layer=2", "layer=2 pos=3", VALUES(0, 21, 42, 13, 34, 55)},
        {"pos=2", "layer=2 pos=2", "pos=2 layer=2", VALUES(0, 20, 11, 31)},
        {"layer=1 pos=2", "pos=2 head=2", "layer=1 pos=2 head=2", VALUES(0, 10, 21, 31)},
        {"pos=0", "head=2", "pos=0 head=2", VALUES(0)},
        {"layer=@3,5", "layer=@3,5", "layer=@3,5", VALUES(0, 11)},
        {"head=a/b", "head=2", "head=a/b", VALUES(0, 11)},
        {"head=2", "head=a/b", "head=a/b", VALUES(0, 11)},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_tensor *a = make_tensor(cases[i].a, NULL), *b = make_tensor(cases[i].b, NULL);
        pb_tensor *tens = NULL, *sum = NULL;
        pb_tensor_binary_number(PB_MUL, b, 10, false, NULL, &tens, NULL);
        assert_int_equal(pb_tensor_binary(PB_ADD, a, tens, NULL, &sum, NULL), PB_OK);
        expect_tensor(&sum, cases[i].result, cases[i].values);
        pb_tensor_release(&a);
        pb_tensor_release(&b);
        pb_tensor_release(&tens);
    }
}

static void positions_of_two_prompts_join(void **state)
{
    (void)state;
    const struct {
        const char *a, *b, *result;
    } cases[] = {
        {"pos=I/ love/ it", "pos=I/ hate/ it", "pos=I/ love| hate/ it"},
        {"query=I/ love", "query=I/ hate", "query=I/ love| hate"},
        {"key=I/ love", "key=I/ hate", "key=I/ love| hate"},
        /* a joined label is not joined with one of its parts again */
        {"pos=I/ love| hate", "pos=I/ hate", "pos=I/ love| hate"},
        {"pos=I/ love", "pos=I/ love| hate", "pos=I/ love| hate"},
        {"pos=I/ love| hate", "pos=I/ like", "pos=I/ love| hate| like"},
        /* tokens that hold the mark themselves, or nothing */
        {"pos=|/a", "pos=|/b", "pos=|/a|b"},
        {"pos=x/||", "pos=x/b", "pos=x/|||b"},
        {"pos=x/", "pos=x/b", "pos=x/|b"},
        {"pos=2", "pos=a/b", "pos=a/b"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_tensor *a = make_tensor(cases[i].a, NULL), *b = make_tensor(cases[i].b, NULL);
        pb_tensor *difference = NULL;
        assert_int_equal(pb_tensor_binary(PB_SUB, a, b, NULL, &difference, NULL), PB_OK);
        expect_tensor(&difference, cases[i].result, (const float[3]){0});
        pb_tensor_release(&a);
        pb_tensor_release(&b);
    }
}

static void axes_that_differ_are_never_joined(void **state)
{
    (void)state;
    const struct {
        const char *a, *b, *text, *hint;
    } cases[] = {
        {"pos=9", "pos=8", "the two sides do not line up along pos: 9 places and 8",
         "prompts of different lengths share no positions; select one each, as in t[pos=-1]"},
        {"head=4", "head=5", "the two sides do not line up along head: 4 places and 5",
         "select the same places on both sides, as in t[head=0]; or keep both axes: "
         "rename(t, head=\"head_2\")"},
        {"layer=@3,4", "layer=@4,5",
         "the two sides do not line up along layer: the coordinates are 3, 4 on one and 4, 5 on "
         "the other",
         "select the same places on both sides, as in t[layer=3]; or keep both axes: "
         "rename(t, layer=\"layer_2\")"},
        {"pos=@1,2", "pos=@2,1",
         "the two sides do not line up along pos: the coordinates are 1, 2 on one and 2, 1 on the "
         "other",
         "select the same places on both sides, as in t[pos=1]; or keep both axes: "
         "rename(t, pos=\"pos_2\")"},
        {"component=embed/ok", "component=attn/ok",
         "the two sides do not line up along component: place 0 is \"embed\" on one and "
         "\"attn\" on the other",
         "select one place on each side, as in t[component=0]; or keep both axes: "
         "rename(t, component=\"component_2\")"},
        {"prompt=a/b", "prompt=a/b/c", "the two sides do not line up along prompt: 2 places and 3",
         "select the same places on both sides, as in t[prompt=0]; or keep both axes: "
         "rename(t, prompt=\"prompt_2\")"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_tensor *a = make_tensor(cases[i].a, NULL), *b = make_tensor(cases[i].b, NULL);
        pb_tensor *result = NULL;
        pb_error *error = NULL;
        pb_status status = pb_tensor_binary(PB_ADD, a, b, NULL, &result, &error);
        expect_error(status, &error, PB_VALUE, cases[i].text, cases[i].hint);
        assert_null(result);
        pb_tensor_release(&a);
        pb_tensor_release(&b);
    }
}

static void results_are_bounded(void **state)
{
    (void)state;
    pb_error *error = NULL;
    pb_tensor *result = NULL;
    pb_tensor *a = make_tensor("a=1 b=1 c=1 d=1 e=1", NULL);
    pb_tensor *b = make_tensor("f=1 g=1 h=1 i=1", NULL);
    pb_status status = pb_tensor_binary(PB_ADD, a, b, NULL, &result, &error);
    expect_error(status, &error, PB_LIMIT,
                 "the result would have more than 8 axes; i is the one too many", NULL);
    pb_tensor_release(&a);
    pb_tensor_release(&b);
    a = make_tensor("a=65536", NULL);
    b = make_tensor("b=65536", NULL);
    status = pb_tensor_binary(PB_ADD, a, b, NULL, &result, &error);
    expect_error(status, &error, PB_LIMIT,
                 "a tensor of 65536 x 65536 values is too large; the most is 2147483648 values",
                 "select fewer places along a first");
    pb_tensor_release(&a);
    pb_tensor_release(&b);
}

/* Broadcasting against an index calculation that knows nothing of strides or merged axes. */
static void broadcasting_agrees_with_plain_indexing(void **state)
{
    (void)state;
    enum { L = 3, H = 4, Q = 5 };
    pb_tensor *a = make_tensor("q=5 layer=3", NULL), *b = make_tensor("head=4 q=5", NULL);
    pb_tensor *result = NULL;
    assert_int_equal(pb_tensor_binary(PB_SUB, a, b, NULL, &result, NULL), PB_OK);
    float values[Q * L * H];
    for (size_t q = 0; q < Q; q++)
        for (size_t l = 0; l < L; l++)
            for (size_t h = 0; h < H; h++)
                values[(q * L + l) * H + h] = (float)(q * L + l) - (float)(h * Q + q);
    expect_tensor(&result, "q=5 layer=3 head=4", values);
    pb_tensor_release(&a);
    pb_tensor_release(&b);
}

/* ---- where ---- */

static void where_lines_up_all_three(void **state)
{
    (void)state;
    pb_tensor *condition = make_tensor("pos=2", VALUES(1, 0)), *result = NULL;
    pb_tensor *yes = make_tensor("layer=2", VALUES(10, 20)), *no = make_tensor("", VALUES(-1));
    pb_tensor_mark_boolean(condition);
    assert_int_equal(pb_tensor_where(condition, yes, no, NULL, &result, NULL), PB_OK);
    assert_false(pb_tensor_is_boolean(result));
    expect_tensor(&result, "pos=2 layer=2", VALUES(10, 20, -1, -1));
    assert_int_equal(pb_tensor_where(condition, condition, condition, NULL, &result, NULL), PB_OK);
    assert_true(pb_tensor_is_boolean(result));
    expect_tensor(&result, "pos=2", VALUES(1, 0));
    assert_int_equal(pb_tensor_where(condition, condition, no, NULL, &result, NULL), PB_OK);
    assert_false(pb_tensor_is_boolean(result));
    expect_tensor(&result, "pos=2", VALUES(1, -1));

    pb_error *error = NULL;
    pb_tensor *other = make_tensor("layer=3", NULL);
    pb_status status = pb_tensor_where(condition, yes, other, NULL, &result, &error);
    expect_error(status, &error, PB_VALUE,
                 "the two sides do not line up along layer: 2 places and 3",
                 "select the same places on both sides, as in t[layer=0]; or keep both axes: "
                 "rename(t, layer=\"layer_2\")");
    pb_tensor_release(&other);
    pb_tensor_release(&condition);
    pb_tensor_release(&yes);
    pb_tensor_release(&no);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floor_division_and_modulo_are_pythons),
        cmocka_unit_test(every_operator_has_its_formula),
        cmocka_unit_test(nan_passes_through_minimum_and_maximum),
        cmocka_unit_test(numbers_stand_on_either_side),
        cmocka_unit_test(every_function_has_its_formula),
        cmocka_unit_test(axes_line_up_by_name),
        cmocka_unit_test(positions_of_two_prompts_join),
        cmocka_unit_test(axes_that_differ_are_never_joined),
        cmocka_unit_test(results_are_bounded),
        cmocka_unit_test(broadcasting_agrees_with_plain_indexing),
        cmocka_unit_test(where_lines_up_all_three),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
