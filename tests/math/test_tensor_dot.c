/* Products over named axes, against sums by index; renaming, transposing, stacking. */
#include "tensor_support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Values between -1 and 1 that follow no pattern. */
static pb_tensor *make_random(const char *shape, uint32_t seed)
{
    pb_tensor *t = make_tensor(shape, NULL), *result = NULL;
    pb_axis *axes[PB_MAX_RANK];
    float *data;
    for (size_t i = 0; i < pb_tensor_rank(t); i++)
        axes[i] = pb_tensor_axis(t, i);
    assert_int_equal(pb_tensor_create(pb_tensor_rank(t), axes, &result, &data, NULL), PB_OK);
    for (size_t i = 0; i < pb_tensor_size(t); i++) {
        seed = seed * 1664525u + 1013904223u;
        data[i] = (float)(seed >> 8) / (float)(1 << 23) - 1.0f;
    }
    pb_tensor_release(&t);
    return result;
}

/* Adds a[i] * b[j] to its place in the result, for every i and j that line up: by names alone. */
static double *sums_by_index(const pb_tensor *a, const pb_tensor *b, const pb_tensor *result)
{
    double *sums = calloc(pb_tensor_size(result) + 1, sizeof *sums);
    for (size_t i = 0; i < pb_tensor_size(a); i++) {
        size_t at_a[PB_MAX_RANK];
        pb_tensor_unravel(a, i, at_a);
        for (size_t j = 0; j < pb_tensor_size(b); j++) {
            size_t at_b[PB_MAX_RANK], place = 0;
            bool meets = true;
            pb_tensor_unravel(b, j, at_b);
            for (size_t k = 0; k < pb_tensor_rank(b); k++) {
                int same = pb_tensor_find_axis(a, pb_axis_name(pb_tensor_axis(b, k)));
                meets = meets && (same < 0 || at_a[same] == at_b[k]);
            }
            if (!meets)
                continue;
            for (size_t k = 0; k < pb_tensor_rank(result); k++) {
                const pb_axis *axis = pb_tensor_axis(result, k);
                int in_a = pb_tensor_find_axis(a, pb_axis_name(axis));
                int in_b = pb_tensor_find_axis(b, pb_axis_name(axis));
                place = place * pb_axis_length(axis) + (in_a >= 0 ? at_a[in_a] : at_b[in_b]);
            }
            sums[place] += (double)pb_tensor_data(a)[i] * (double)pb_tensor_data(b)[j];
        }
    }
    return sums;
}

static void products_agree_with_sums_by_index(void **state)
{
    (void)state;
    const struct {
        const char *a, *b;
        size_t n;
        const char *over[2];
        const char *shape;
    } cases[] = {
        {"d=7", "d=7", 1, {"d"}, ""},
        {"pos=3 d=7", "d=7", 1, {"d"}, "pos=3"},
        {"d=7", "d=7 token=5", 1, {"d"}, "token=5"},
        {"d=7", "token=5 d=7", 1, {"d"}, "token=5"},
        {"pos=3 d=7", "d=7 token=5", 1, {"d"}, "pos=3 token=5"},
        {"d=7 pos=3", "token=5 d=7", 1, {"d"}, "pos=3 token=5"},
        {"pos=3 d=7", "token=5 d=7", 1, {"d"}, "pos=3 token=5"},
        {"d=7 pos=3", "d=7 token=5", 1, {"d"}, "pos=3 token=5"},
        /* shared axes line up */
        {"pos=3 head=2 d=7", "head=2 d=7 m=4", 1, {"d"}, "pos=3 head=2 m=4"},
        {"head=2 pos=3 d=7", "m=4 head=2 d=7", 1, {"d"}, "head=2 pos=3 m=4"},
        {"head=2 d=7", "d=7 head=2", 1, {"d"}, "head=2"},
        {"head=2 query=3 d=5", "d=5 key=4 head=2", 1, {"d"}, "head=2 query=3 key=4"},
        /* several summed, in step or not */
        {"pos=3 head=2 d=7", "head=2 d=7 m=4", 2, {"head", "d"}, "pos=3 m=4"},
        {"pos=3 head=2 d=7", "d=7 head=2 m=4", 2, {"head", "d"}, "pos=3 m=4"},
        {"head=2 pos=3 d=7", "d=7 m=4 head=2", 2, {"d", "head"}, "pos=3 m=4"},
        {"head=2 d=7", "d=7 head=2", 2, {"d", "head"}, ""},
        /* axes between rows and columns that cannot be merged */
        {"a=2 d=3 b=4", "p=5 d=3 q=2", 1, {"d"}, "a=2 b=4 p=5 q=2"},
        {"a=2 s=3 b=4 d=5", "p=2 s=3 d=5 q=3", 1, {"d"}, "a=2 s=3 b=4 p=2 q=3"},
        {"a=1 d=5", "d=5 b=1", 1, {"d"}, "a=1 b=1"},
        {"a=3 d=1", "d=1 b=4", 1, {"d"}, "a=3 b=4"},
        {"a=3 d=0", "d=0 b=4", 1, {"d"}, "a=3 b=4"},
        {"a=0 d=2", "d=2 b=4", 1, {"d"}, "a=0 b=4"},
        /* past the small product */
        {"a=40 d=30", "d=30 b=50", 1, {"d"}, "a=40 b=50"},
        {"d=30 a=40", "b=50 d=30", 1, {"d"}, "a=40 b=50"},
        {"s=2 a=20 d=30", "d=30 b=25 s=2", 1, {"d"}, "s=2 a=20 b=25"},
        {"pos= a/ b d=2", "d=2", 1, {"d"}, "pos= a/ b"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_tensor *a = make_random(cases[i].a, 1), *b = make_random(cases[i].b, 2);
        pb_tensor *result = NULL;
        assert_int_equal(pb_tensor_dot(a, b, cases[i].n, cases[i].over, NULL, &result, NULL),
                         PB_OK);
        char *shape = shape_of(result);
        assert_string_equal(shape, cases[i].shape);
        double *sums = sums_by_index(a, b, result);
        for (size_t j = 0; j < pb_tensor_size(result); j++)
            if (fabs((double)pb_tensor_data(result)[j] - sums[j]) > 1e-5)
                fail_msg("[%s] . [%s]: value %zu is %g, expected %g", cases[i].a, cases[i].b, j,
                         (double)pb_tensor_data(result)[j], sums[j]);
        free(sums);
        free(shape);
        pb_tensor_release(&a);
        pb_tensor_release(&b);
        pb_tensor_release(&result);
    }
}

static void products_of_two_prompts_join_positions(void **state)
{
    (void)state;
    const char *over[] = {"d"};
    pb_tensor *a = make_tensor("pos=I/ love d=2", NULL), *b = make_tensor("pos=I/ hate d=2", NULL);
    pb_tensor *result = NULL;
    assert_int_equal(pb_tensor_dot(a, b, 1, over, NULL, &result, NULL), PB_OK);
    expect_tensor(&result, "pos=I/ love| hate", VALUES(1, 13));
    pb_tensor_release(&a);
    pb_tensor_release(&b);
}

static void products_that_cannot_be_teach_rename(void **state)
{
    (void)state;
    const struct {
        const char *a, *b;
        size_t n;
        const char *over[1];
        pb_status code;
        const char *text, *hint;
    } cases[] = {
        {"layer=@0,1 d=2",
         "layer=@2,3 d=2",
         1,
         {"d"},
         PB_VALUE,
         "the two sides do not line up along layer: the coordinates are 0, 1 on one and 2, 3 on "
         "the other",
         "select the same places on both sides, as in t[layer=0]; or keep both axes: "
         "rename(t, layer=\"layer_2\")"},
        {"pos=2 d=2",
         "d=3 m=2",
         1,
         {"d"},
         PB_VALUE,
         "the two sides do not line up along d: 2 places and 3",
         "select the same places on both sides, as in t[d=0]; or keep both axes: "
         "rename(t, d=\"d_2\")"},
        {"pos=2 d_model=2",
         "d_model=2",
         1,
         {"d_modle"},
         PB_NAME,
         "there is no axis 'd_modle' here; the axes are pos, d_model",
         "did you mean d_model?"},
        {"pos=2 d_model=2",
         "token=2",
         1,
         {"d_model"},
         PB_NAME,
         "there is no axis 'd_model' here; the one axis is token",
         NULL},
        {"d=2",
         "d=2",
         0,
         {NULL},
         PB_TYPE,
         "dot needs to know which axis to sum over",
         "name it: dot(a, b, over=\"d_model\")"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_error *error = NULL;
        pb_tensor *a = make_tensor(cases[i].a, NULL), *b = make_tensor(cases[i].b, NULL);
        pb_tensor *result = NULL;
        pb_status status = pb_tensor_dot(a, b, cases[i].n, cases[i].over, NULL, &result, &error);
        expect_error(status, &error, cases[i].code, cases[i].text, cases[i].hint);
        assert_null(result);
        pb_tensor_release(&a);
        pb_tensor_release(&b);
    }
}

static void products_hear_the_stop_flag(void **state)
{
    (void)state;
    atomic_bool stop = true;
    pb_watch watch = {&stop, NULL, NULL};
    const char *over[] = {"d"};
    pb_tensor *a = make_tensor("a=2 d=2", NULL), *b = make_tensor("d=2 b=2", NULL), *result = NULL;
    assert_int_equal(pb_tensor_dot(a, b, 1, over, &watch, &result, NULL), PB_INTERRUPTED);
    assert_null(result);
    pb_tensor_release(&a);
    pb_tensor_release(&b);
}

/* ---- arranging ---- */

static void renaming_shares_the_values(void **state)
{
    (void)state;
    pb_error *error = NULL;
    pb_tensor *t = make_tensor("head=2 key=I/ love", NULL), *result = NULL;
    assert_int_equal(pb_tensor_rename(t, "key", "pos", &result, NULL), PB_OK);
    assert_ptr_equal(pb_tensor_data(result), pb_tensor_data(t));
    expect_tensor(&result, "head=2 pos=I/ love", VALUES(0, 1, 2, 3));
    assert_int_equal(pb_tensor_rename(t, "key", "key", &result, NULL), PB_OK);
    pb_tensor_release(&result);
    pb_status status = pb_tensor_rename(t, "key", "head", &result, &error);
    expect_error(status, &error, PB_VALUE,
                 "the axis key cannot be called head: there is one already", NULL);
    status = pb_tensor_rename(t, "kye", "pos", &result, &error);
    expect_error(status, &error, PB_NAME, "there is no axis 'kye' here; the axes are head, key",
                 "did you mean key?");
    status = pb_tensor_rename(t, "key", "", &result, &error);
    expect_error(status, &error, PB_VALUE, "the axis key needs a name that is not empty", NULL);
    pb_tensor_release(&t);
}

/* All orders of four axes, by index. */
static void transposing_moves_every_value(void **state)
{
    (void)state;
    const char *const names[] = {"a", "b", "c", "d"};
    pb_tensor *t = make_tensor("a=2 b=3 c=33 d=35", NULL);
    for (unsigned order = 0; order < 256; order++) {
        const char *wanted[4];
        unsigned seen = 0;
        for (unsigned k = 0; k < 4; k++) {
            wanted[k] = names[order >> 2 * k & 3];
            seen |= 1u << (order >> 2 * k & 3);
        }
        if (seen != 15)
            continue;
        pb_tensor *result = NULL;
        assert_int_equal(pb_tensor_transpose(t, wanted, NULL, &result, NULL), PB_OK);
        for (size_t i = 0; i < pb_tensor_size(result); i++) {
            size_t at[PB_MAX_RANK], old[4];
            pb_tensor_unravel(result, i, at);
            for (size_t k = 0; k < 4; k++)
                old[pb_tensor_find_axis(t, wanted[k])] = at[k];
            size_t flat = ((old[0] * 3 + old[1]) * 33 + old[2]) * 35 + old[3];
            assert_true(pb_tensor_data(result)[i] == (float)flat);
        }
        pb_tensor_release(&result);
    }
    pb_error *error = NULL;
    pb_tensor *result = NULL;
    const char *const twice[] = {"a", "b", "b", "d"};
    pb_status status = pb_tensor_transpose(t, twice, NULL, &result, &error);
    expect_error(status, &error, PB_VALUE, "the new order has the axis b twice", NULL);
    pb_tensor_release(&t);
    t = make_tensor("a=0 b=2", NULL);
    const char *const turned[] = {"b", "a"};
    assert_int_equal(pb_tensor_transpose(t, turned, NULL, &result, NULL), PB_OK);
    expect_tensor(&result, "b=2 a=0", VALUES(0));
    pb_tensor_release(&t);
}

static void stacking_lines_parts_up(void **state)
{
    (void)state;
    pb_axis *prompts = make_axis("prompt=love/hate");
    pb_tensor *a = make_tensor("pos=I/ love head=2", NULL);
    pb_tensor *b = make_tensor("head=2 pos=I/ hate", NULL), *result = NULL;
    const pb_tensor *parts[] = {a, b};
    assert_int_equal(pb_tensor_stack(prompts, parts, NULL, &result, NULL), PB_OK);
    expect_tensor(&result, "prompt=love/hate pos=I/ love| hate head=2",
                  VALUES(0, 1, 2, 3, 0, 2, 1, 3));

    pb_error *error = NULL;
    pb_tensor *other = make_tensor("pos=I/ hate", NULL);
    parts[1] = other;
    pb_status status = pb_tensor_stack(prompts, parts, NULL, &result, &error);
    expect_error(status, &error, PB_VALUE,
                 "the parts must have the same axes, but part 0 has [pos, head] and part 1 has "
                 "[pos]",
                 NULL);
    parts[1] = b;
    pb_axis *repeated = make_axis("head=2");
    status = pb_tensor_stack(repeated, parts, NULL, &result, &error);
    expect_error(status, &error, PB_VALUE, "the axis head would repeat",
                 "give one of them another name first: rename(t, head=\"head_2\")");
    pb_axis *none = make_axis("prompt=0");
    status = pb_tensor_stack(none, parts, NULL, &result, &error);
    expect_error(status, &error, PB_VALUE, "there is nothing to stack along prompt", NULL);
    pb_axis_release(&none);
    pb_axis_release(&repeated);
    pb_axis_release(&prompts);
    pb_tensor_release(&a);
    pb_tensor_release(&b);
    pb_tensor_release(&other);
}

static void stacked_comparisons_stay_booleans(void **state)
{
    (void)state;
    pb_axis *axis = make_axis("prompt=2");
    pb_tensor *yes = make_tensor("", VALUES(1)), *number = make_tensor("", VALUES(2));
    pb_tensor *result = NULL;
    pb_tensor_mark_boolean(yes);
    const pb_tensor *booleans[] = {yes, yes}, *mixed[] = {yes, number};
    assert_int_equal(pb_tensor_stack(axis, booleans, NULL, &result, NULL), PB_OK);
    assert_true(pb_tensor_is_boolean(result));
    expect_tensor(&result, "prompt=2", VALUES(1, 1));
    assert_int_equal(pb_tensor_stack(axis, mixed, NULL, &result, NULL), PB_OK);
    assert_false(pb_tensor_is_boolean(result));
    expect_tensor(&result, "prompt=2", VALUES(1, 2));
    pb_tensor_release(&yes);
    pb_tensor_release(&number);
    pb_axis_release(&axis);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_agree_with_sums_by_index),
        cmocka_unit_test(products_of_two_prompts_join_positions),
        cmocka_unit_test(products_that_cannot_be_teach_rename),
        cmocka_unit_test(products_hear_the_stop_flag),
        cmocka_unit_test(renaming_shares_the_values),
        cmocka_unit_test(transposing_moves_every_value),
        cmocka_unit_test(stacking_lines_parts_up),
        cmocka_unit_test(stacked_comparisons_stay_booleans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
