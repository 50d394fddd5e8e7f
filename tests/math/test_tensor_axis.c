/* Axes, and how places along them are named. */
#include "tensor_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void axis_counts_from_zero_unless_told(void **state)
{
    (void)state;
    pb_axis *plain = make_axis("layer=3"), *picked = make_axis("layer=@7,2,9");
    assert_string_equal(pb_axis_name(plain), "layer");
    assert_int_equal(pb_axis_length(plain), 3);
    assert_int_equal(pb_axis_coordinate(plain, 2), 2);
    assert_int_equal(pb_axis_extent(plain), 3);
    assert_false(pb_axis_has_labels(plain));
    assert_null(pb_axis_label(plain, 0));
    assert_int_equal(pb_axis_coordinate(picked, 0), 7);
    assert_int_equal(pb_axis_extent(picked), 10);
    size_t offset = 99;
    assert_true(pb_axis_find(picked, 2, &offset));
    assert_int_equal(offset, 1);
    assert_true(pb_axis_find(picked, 9, &offset));
    assert_int_equal(offset, 2);
    assert_false(pb_axis_find(picked, 3, &offset));
    assert_false(pb_axis_find(picked, -1, &offset));
    pb_axis_release(&plain);
    pb_axis_release(&picked);
    assert_null(plain);
}

static void axis_refuses_coordinates_it_cannot_have(void **state)
{
    (void)state;
    pb_error *error = NULL;
    pb_axis *axis = NULL;
    const int64_t twice[] = {4, 1, 4}, negative[] = {0, -2};
    pb_status status = pb_axis_create("head", 3, twice, NULL, &axis, &error);
    expect_error(status, &error, PB_VALUE, "the axis head would have the coordinate 4 twice", NULL);
    status = pb_axis_create("head", 2, negative, NULL, &axis, &error);
    expect_error(status, &error, PB_VALUE, "the axis head cannot have the coordinate -2", NULL);
    status = pb_axis_create("head", PB_MAX_VALUES + 1, NULL, NULL, &axis, &error);
    expect_error(status, &error, PB_LIMIT,
                 "the axis head would have 2147483649 places; the most is 2147483648", NULL);
    assert_null(axis);
}

static void axes_are_the_same_when_all_of_them_is(void **state)
{
    (void)state;
    const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"pos=3", "pos=3", true},      {"pos=3", "pos=4", false},      {"pos=3", "key=3", false},
        {"pos=3", "pos=@0,1,2", true}, {"pos=@1,2,3", "pos=3", false}, {"pos=a/b", "pos=a/b", true},
        {"pos=a/b", "pos=a/c", false}, {"pos=a/b", "pos=2", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_axis *a = make_axis(cases[i].a), *b = make_axis(cases[i].b);
        assert_int_equal(pb_axis_same(a, b), cases[i].same);
        assert_int_equal(pb_axis_same(b, a), cases[i].same);
        assert_true(pb_axis_same(a, a));
        pb_axis_release(&a);
        pb_axis_release(&b);
    }
}

static void axis_is_picked_renamed_and_relabelled(void **state)
{
    (void)state;
    pb_error *error = NULL;
    pb_axis *axis = make_axis("pos=I/ love/ it"), *result = NULL;
    const size_t offsets[] = {2, 0}, twice[] = {1, 1}, past[] = {3};
    assert_int_equal(pb_axis_pick(axis, offsets, 2, NULL, &result, NULL), PB_OK);
    assert_int_equal(pb_axis_coordinate(result, 0), 2);
    assert_string_equal(pb_axis_label(result, 0), " it");
    assert_int_equal(pb_axis_extent(result), 3);
    pb_axis_release(&result);

    pb_status status = pb_axis_pick(axis, twice, 2, NULL, &result, &error);
    expect_error(status, &error, PB_VALUE, "the axis pos would have the coordinate 1 twice", NULL);
    status = pb_axis_pick(axis, past, 1, NULL, &result, &error);
    expect_error(status, &error, PB_RANGE, "the axis pos has 3 places, so none at offset 3", NULL);

    assert_int_equal(pb_axis_rename(axis, "key", &result, NULL), PB_OK);
    assert_string_equal(pb_axis_name(result), "key");
    assert_string_equal(pb_axis_label(result, 1), " love");
    pb_axis_release(&result);
    assert_int_equal(pb_axis_relabel(axis, NULL, &result, NULL), PB_OK);
    assert_false(pb_axis_has_labels(result));
    pb_axis_release(&result);
    pb_axis_release(&axis);
}

/* ---- selectors ---- */

/* "2,0" for the offsets a selector resolves to; the caller frees it. */
static void expect_offsets(const char *spec, const pb_select *select, const char *wanted,
                           bool wanted_drop)
{
    pb_axis *axis = make_axis(spec);
    size_t *offsets = NULL, count = 0, length = 0;
    bool drops = !wanted_drop;
    char text[256] = "";
    assert_int_equal(pb_axis_resolve(axis, select, NULL, &offsets, &count, &drops, NULL), PB_OK);
    for (size_t i = 0; i < count; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%zu", i > 0 ? "," : "",
                                   offsets[i]);
    assert_string_equal(text, wanted);
    assert_int_equal(drops, wanted_drop);
    free(offsets);
    pb_axis_release(&axis);
}

static void expect_refusal(const char *spec, const pb_select *select, pb_status code,
                           const char *text, const char *hint)
{
    pb_axis *axis = make_axis(spec);
    size_t *offsets = NULL, count = 0;
    bool drops = false;
    pb_error *error = NULL;
    pb_status status = pb_axis_resolve(axis, select, NULL, &offsets, &count, &drops, &error);
    expect_error(status, &error, code, text, hint);
    assert_null(offsets);
    pb_axis_release(&axis);
}

static void integers_are_coordinates(void **state)
{
    (void)state;
    const struct {
        const char *axis;
        int64_t index;
        const char *offsets;
    } cases[] = {
        {"layer=12", 0, "0"},     {"layer=12", 11, "11"},    {"layer=12", -1, "11"},
        {"layer=12", -12, "0"},   {"layer=@3,5,9", 5, "1"},  {"layer=@3,5,9", -1, "2"},
        {"layer=@9,3,5", 3, "1"}, {"layer=@9,3,5", -5, "2"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_select select = {.kind = PB_SELECT_INDEX, .index = cases[i].index};
        expect_offsets(cases[i].axis, &select, cases[i].offsets, true);
    }
}

static void missing_coordinates_say_what_there_is(void **state)
{
    (void)state;
    const struct {
        const char *axis;
        int64_t index;
        const char *text, *hint;
    } cases[] = {
        {"layer=12", 12, "the axis layer has no coordinate 12; it has 0 to 11",
         "layer=-1 is 11, counted from the end of the axis"},
        {"layer=12", -13, "the axis layer has no coordinate -13; it has 0 to 11",
         "layer=-1 is 11, counted from the end of the axis"},
        {"layer=@3,5,9", 4, "the axis layer has no coordinate 4; it has 3, 5, 9",
         "layer=-1 is 9, counted from the end of the axis"},
        {"layer=@3,5,9", -2,
         "the axis layer has no coordinate -2, which is 8 counted from the end; it has 3, 5, 9",
         "layer=-1 is 9, counted from the end of the axis"},
        {"key=0", 0, "the axis key has no coordinate 0; it has none", NULL},
        {"key=@0,2,4,6,8,10,12,14,16,18,20,22,24,26", 1,
         "the axis key has no coordinate 1; it has 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22 "
         "and 2 more",
         "key=-1 is 26, counted from the end of the axis"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_select select = {.kind = PB_SELECT_INDEX, .index = cases[i].index};
        expect_refusal(cases[i].axis, &select, PB_RANGE, cases[i].text, cases[i].hint);
    }
}

static void labels_name_places(void **state)
{
    (void)state;
    const char *axis = "pos=When/ Mary/ and/ John/ met/ John";
    const struct {
        const char *label;
        int occurrence;
        const char *offsets;
    } cases[] = {
        {" Mary", PB_OCCURRENCE_ONLY, "1"}, {" John", PB_OCCURRENCE_FIRST, "3"}, {" John", 2, "5"},
        {" John", PB_OCCURRENCE_LAST, "5"}, {" Mary", PB_OCCURRENCE_LAST, "1"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_select select = {
            .kind = PB_SELECT_LABEL, .label = cases[i].label, .occurrence = cases[i].occurrence};
        expect_offsets(axis, &select, cases[i].offsets, true);
    }
}

static void unknown_and_repeated_labels_teach(void **state)
{
    (void)state;
    const char *axis = "pos=When/ Mary/ and/ John/ met/ John";
    const struct {
        const char *axis, *label;
        int occurrence;
        pb_status code;
        const char *text, *hint;
    } cases[] = {
        {axis, " John", PB_OCCURRENCE_ONLY, PB_VALUE,
         "\" John\" occurs 2 times along pos, at 3 and 5",
         "say which: at(\" John\", 2) is the second; there are first(\" John\") and "
         "last(\" John\")"},
        {axis, " John", 3, PB_RANGE,
         "\" John\" occurs 2 times along pos, at 3 and 5, so there is no occurrence 3",
         "occurrences count from 1 to 2"},
        {axis, " Mary", 2, PB_RANGE,
         "\" Mary\" occurs 1 time along pos, at 1, so there is no occurrence 2",
         "occurrences count from 1 to 1"},
        {axis, " Mary", -2, PB_RANGE,
         "\" Mary\" occurs 1 time along pos, at 1, so there is no occurrence -2",
         "occurrences count from 1 to 1"},
        {axis, "Mary", 0, PB_NAME, "the axis pos has no label \"Mary\"", "did you mean \" Mary\"?"},
        {axis, " Marry", 0, PB_NAME, "the axis pos has no label \" Marry\"",
         "did you mean \" Mary\"?"},
        {axis, "xyzzyx", 0, PB_NAME, "the axis pos has no label \"xyzzyx\"",
         "its labels are \"When\", \" Mary\", \" and\", \" John\", \" met\", \" John\""},
        {"pos=I/ love| hate/ it", " love", 0, PB_NAME, "the axis pos has no label \" love\"",
         "did you mean \" love| hate\"?"},
        {"d_model=64", "x", 0, PB_NAME,
         "the axis d_model has no labels, so \"x\" names nothing along it",
         "name a place of d_model by its coordinate: 0 to 63"},
        {"pos=a/\n/c", "\"\n", 0, PB_NAME, "the axis pos has no label \"\\\"\\n\"",
         "its labels are \"a\", \"\\n\", \"c\""},
        {"pos=the/a/the/b/the", "the", 0, PB_VALUE,
         "\"the\" occurs 3 times along pos, at 0, 2 and 4",
         "say which: at(\"the\", 2) is the second; there are first(\"the\") and last(\"the\")"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_select select = {
            .kind = PB_SELECT_LABEL, .label = cases[i].label, .occurrence = cases[i].occurrence};
        expect_refusal(cases[i].axis, &select, cases[i].code, cases[i].text, cases[i].hint);
    }
}

/* NONE stands for an end that is not written. */
#define NONE INT64_MIN

static void slices_are_pythons(void **state)
{
    (void)state;
    const struct {
        const char *axis;
        int64_t first, last, step;
        const char *offsets;
    } cases[] = {
        {"layer=5", NONE, NONE, 1, "0,1,2,3,4"},
        {"layer=5", 1, 3, 1, "1,2"},
        {"layer=5", 1, 99, 1, "1,2,3,4"},
        {"layer=5", -99, 2, 1, "0,1"},
        {"layer=5", -2, NONE, 1, "3,4"},
        {"layer=5", NONE, -1, 1, "0,1,2,3"},
        {"layer=5", 3, 1, 1, ""},
        {"layer=5", 5, 9, 1, ""},
        {"layer=5", NONE, NONE, 2, "0,2,4"},
        {"layer=5", 1, NONE, 2, "1,3"},
        {"layer=5", -99, NONE, 2, "0,2,4"},
        {"layer=5", NONE, NONE, -1, "4,3,2,1,0"},
        {"layer=5", NONE, NONE, -2, "4,2,0"},
        {"layer=5", 3, NONE, -2, "3,1"},
        {"layer=5", 99, 1, -1, "4,3,2"},
        {"layer=5", 1, -99, -1, "1,0"},
        {"layer=5", -1, -3, -1, "4,3"},
        {"layer=5", -99, NONE, -1, ""},
        {"layer=5", 0, INT64_MAX, INT64_MAX, "0"},
        {"layer=5", INT64_MAX, INT64_MIN + 1, INT64_MIN, "4"},
        /* on coordinates, not offsets */
        {"layer=@3,4,5,9", 4, 9, 1, "1,2"},
        {"layer=@3,4,5,9", NONE, 5, 1, "0,1"},
        {"layer=@3,4,5,9", -6, NONE, 1, "1,2,3"},
        {"layer=@3,4,5", NONE, NONE, 2, "0,2"},
        {"layer=@9,3,5", 3, 6, 1, "1,2"},
        {"layer=0", NONE, NONE, 1, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_select select = {.kind = PB_SELECT_SLICE,
                            .has_first = cases[i].first != NONE,
                            .has_last = cases[i].last != NONE,
                            .first = cases[i].first,
                            .last = cases[i].last,
                            .step = cases[i].step};
        expect_offsets(cases[i].axis, &select, cases[i].offsets, false);
    }
    pb_select still = {.kind = PB_SELECT_SLICE};
    expect_refusal("layer=5", &still, PB_VALUE, "the step of a slice cannot be 0",
                   "layer=::2 takes every second place, layer=::-1 turns the axis around");
}

static void lists_pick_in_their_order(void **state)
{
    (void)state;
    const pb_select items[] = {{.kind = PB_SELECT_LABEL, .label = " it"},
                               {.kind = PB_SELECT_INDEX, .index = 0}};
    pb_select list = {.kind = PB_SELECT_LIST, .items = items, .n_items = 2};
    expect_offsets("pos=I/ love/ it", &list, "2,0", false);
    expect_offsets("pos=I/ love/ it", &(pb_select){.kind = PB_SELECT_LIST}, "", false);
    expect_offsets("pos=I/ love/ it", &(pb_select){.kind = PB_SELECT_ALL}, "0,1,2", false);

    const pb_select twice[] = {{.kind = PB_SELECT_INDEX, .index = 2},
                               {.kind = PB_SELECT_INDEX, .index = -1}};
    list = (pb_select){.kind = PB_SELECT_LIST, .items = twice, .n_items = 2};
    expect_refusal("pos=3", &list, PB_VALUE, "the list picks 2 along pos twice", NULL);

    const pb_select nested[] = {{.kind = PB_SELECT_ALL}};
    list = (pb_select){.kind = PB_SELECT_LIST, .items = nested, .n_items = 1};
    expect_refusal("pos=3", &list, PB_TYPE, "a list along pos picks by coordinates or labels",
                   NULL);
    const pb_select past[] = {{.kind = PB_SELECT_INDEX, .index = 1},
                              {.kind = PB_SELECT_INDEX, .index = 7}};
    list = (pb_select){.kind = PB_SELECT_LIST, .items = past, .n_items = 2};
    expect_refusal("pos=3", &list, PB_RANGE, "the axis pos has no coordinate 7; it has 0 to 2",
                   "pos=-1 is 2, counted from the end of the axis");
}

static void masks_pick_where_they_are_true(void **state)
{
    (void)state;
    pb_tensor *mask = make_tensor("pos=4", VALUES(1, 0, 0, 1));
    pb_select select = {.kind = PB_SELECT_MASK, .mask = mask};
    const char *refused = "a mask for pos must be a comparison over pos alone";
    const char *hint = "write t[pos=v > 0], where v has the one axis pos";
    expect_refusal("pos=4", &select, PB_TYPE, refused, hint);
    pb_tensor_mark_boolean(mask);
    expect_offsets("pos=4", &select, "0,3", false);
    expect_refusal("key=4", &select, PB_TYPE, "a mask for key must be a comparison over key alone",
                   "write t[key=v > 0], where v has the one axis key");
    const char *other = "the mask does not have the coordinates of the axis pos it picks from";
    expect_refusal("pos=3", &select, PB_VALUE, other, NULL);
    expect_refusal("pos=@1,2,3,4", &select, PB_VALUE, other, NULL);
    expect_refusal("pos=4", &(pb_select){.kind = PB_SELECT_MASK}, PB_TYPE, refused, hint);
    pb_tensor_release(&mask);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(axis_counts_from_zero_unless_told),
        cmocka_unit_test(axis_refuses_coordinates_it_cannot_have),
        cmocka_unit_test(axes_are_the_same_when_all_of_them_is),
        cmocka_unit_test(axis_is_picked_renamed_and_relabelled),
        cmocka_unit_test(integers_are_coordinates),
        cmocka_unit_test(missing_coordinates_say_what_there_is),
        cmocka_unit_test(labels_name_places),
        cmocka_unit_test(unknown_and_repeated_labels_teach),
        cmocka_unit_test(slices_are_pythons),
        cmocka_unit_test(lists_pick_in_their_order),
        cmocka_unit_test(masks_pick_where_they_are_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
