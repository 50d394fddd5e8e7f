/* Making tensors, sharing their values, and selecting from them. */
#include <math.h>

#include "tensor_support.h"

static pb_select at(int64_t index)
{
    return (pb_select){.kind = PB_SELECT_INDEX, .index = index};
}

static pb_select slice(int64_t first, int64_t last, int64_t step)
{
    return (pb_select){.kind = PB_SELECT_SLICE,
                       .has_first = true,
                       .has_last = true,
                       .first = first,
                       .last = last,
                       .step = step};
}

static pb_tensor *select_one(const pb_tensor *tensor, const char *name, pb_select select)
{
    pb_tensor *result = NULL;
    assert_int_equal(pb_tensor_select(tensor, 1, &name, &select, NULL, &result, NULL), PB_OK);
    return result;
}

/* ---- making ---- */

static void tensor_starts_with_zeros(void **state)
{
    (void)state;
    pb_axis *axes[] = {make_axis("layer=2"), make_axis("head=3")};
    pb_tensor *tensor = NULL;
    float *data;
    assert_int_equal(pb_tensor_create(2, axes, &tensor, &data, NULL), PB_OK);
    assert_int_equal(pb_tensor_rank(tensor), 2);
    assert_int_equal(pb_tensor_size(tensor), 6);
    assert_int_equal(pb_tensor_find_axis(tensor, "head"), 1);
    assert_int_equal(pb_tensor_find_axis(tensor, "pos"), -1);
    assert_false(pb_tensor_is_boolean(tensor));
    assert_ptr_equal(pb_tensor_data(tensor), data);
    expect_tensor(&tensor, "layer=2 head=3", (const float[6]){0});
    pb_axis_release(&axes[0]);
    pb_axis_release(&axes[1]);
}

static void tensor_refuses_a_repeated_axis_and_too_many(void **state)
{
    (void)state;
    pb_error *error = NULL;
    pb_tensor *tensor = NULL;
    float *data;
    pb_axis *head = make_axis("head=2"), *wide = NULL;
    pb_axis *twice[] = {head, head};
    pb_status status = pb_tensor_create(2, twice, &tensor, &data, &error);
    expect_error(status, &error, PB_VALUE, "the axis head would repeat",
                 "give one of them another name first: rename(t, head=\"head_2\")");

    pb_axis *nine[9] = {head, head, head, head, head, head, head, head, head};
    status = pb_tensor_create(9, nine, &tensor, &data, &error);
    expect_error(status, &error, PB_LIMIT,
                 "a tensor can have 8 axes at most, and this would have 9", NULL);

    assert_int_equal(pb_axis_create("token", 1u << 30, NULL, NULL, &wide, NULL), PB_OK);
    pb_axis *large[] = {wide, make_axis("pos=3")};
    status = pb_tensor_create(2, large, &tensor, &data, &error);
    expect_error(status, &error, PB_LIMIT,
                 "a tensor of 1073741824 x 3 values is too large; the most is 2147483648 values",
                 "select fewer places along token first");
    assert_null(tensor);
    pb_axis_release(&wide);
    pb_axis_release(&large[1]);
    pb_axis_release(&head);
}

static void axis_that_is_not_there_gets_the_nearest(void **state)
{
    (void)state;
    pb_error *error = NULL;
    size_t which;
    pb_tensor *t = make_tensor("layer=2 head=2 query=1 key=1", NULL);
    pb_status status = pb_tensor_need_axis(t, "haed", &which, &error);
    expect_error(status, &error, PB_NAME,
                 "there is no axis 'haed' here; the axes are layer, head, query, key",
                 "did you mean head?");
    status = pb_tensor_need_axis(t, "component", &which, &error);
    expect_error(status, &error, PB_NAME,
                 "there is no axis 'component' here; the axes are layer, head, query, key", NULL);
    assert_int_equal(pb_tensor_need_axis(t, "query", &which, &error), PB_OK);
    assert_int_equal(which, 2);
    pb_tensor_release(&t);

    t = make_tensor("", VALUES(1));
    status = pb_tensor_need_axis(t, "pos", &which, &error);
    expect_error(status, &error, PB_NAME,
                 "there is no axis 'pos' here; this is a single number, without axes", NULL);
    pb_tensor_release(&t);
    t = make_tensor("pos=3", NULL);
    status = pb_tensor_need_axis(t, "layer", &which, &error);
    expect_error(status, &error, PB_NAME, "there is no axis 'layer' here; the one axis is pos",
                 NULL);
    pb_tensor_release(&t);
}

static void count_release(void *user)
{
    ++*(int *)user;
}

static void borrowed_values_are_released_once_with_the_last_tensor(void **state)
{
    (void)state;
    const float weights[] = {1, 2, 3, 4, 5, 6};
    int released = 0;
    pb_axis *axes[] = {make_axis("layer=2"), make_axis("d_model=3")};
    pb_tensor *whole = NULL, *renamed = NULL;
    assert_int_equal(pb_tensor_borrow(2, axes, weights, count_release, &released, &whole, NULL),
                     PB_OK);
    assert_int_equal(pb_tensor_rename(whole, "d_model", "d", &renamed, NULL), PB_OK);
    pb_tensor *half = select_one(whole, "layer", at(1));
    assert_ptr_equal(pb_tensor_data(half), weights + 3);
    pb_tensor_release(&whole);
    pb_tensor_release(&renamed);
    assert_int_equal(released, 0);
    expect_tensor(&half, "d_model=3", VALUES(4, 5, 6));
    assert_int_equal(released, 1);

    pb_axis *wrong[] = {axes[0], axes[0]};
    assert_int_equal(pb_tensor_borrow(2, wrong, weights, count_release, &released, &whole, NULL),
                     PB_VALUE);
    assert_int_equal(released, 1);
    pb_axis_release(&axes[0]);
    pb_axis_release(&axes[1]);
}

static void small_parts_are_copies(void **state)
{
    (void)state;
    const float weights[] = {1, 2, 3, 4, 5, 6};
    int released = 0;
    pb_axis *axes[] = {make_axis("layer=3"), make_axis("d_model=2")};
    pb_tensor *whole = NULL;
    assert_int_equal(pb_tensor_borrow(2, axes, weights, count_release, &released, &whole, NULL),
                     PB_OK);
    pb_tensor *part = select_one(whole, "layer", at(0));
    pb_tensor_release(&whole);
    assert_int_equal(released, 1);
    expect_tensor(&part, "d_model=2", VALUES(1, 2));
    pb_axis_release(&axes[0]);
    pb_axis_release(&axes[1]);
}

static void replaced_axis_must_fit(void **state)
{
    (void)state;
    pb_error *error = NULL;
    pb_tensor *t = make_tensor("pos=2 head=2", NULL), *result = NULL;
    pb_axis *labelled = make_axis("pos=a/b"), *longer = make_axis("pos=3");
    assert_int_equal(pb_tensor_replace_axis(t, 0, labelled, &result, NULL), PB_OK);
    assert_ptr_equal(pb_tensor_data(result), pb_tensor_data(t));
    expect_tensor(&result, "pos=a/b head=2", VALUES(0, 1, 2, 3));
    pb_status status = pb_tensor_replace_axis(t, 1, longer, &result, &error);
    expect_error(status, &error, PB_VALUE, "the axis head has 2 places and cannot become one of 3",
                 NULL);
    pb_axis_release(&labelled);
    pb_axis_release(&longer);
    pb_tensor_release(&t);
}

/* ---- selecting ---- */

static void selecting_keeps_coordinates(void **state)
{
    (void)state;
    pb_tensor *t = make_tensor("layer=4 pos=I/ love/ it", NULL), *result;
    result = select_one(t, "layer", at(-1));
    expect_tensor(&result, "pos=I/ love/ it", VALUES(9, 10, 11));
    result = select_one(t, "pos", (pb_select){.kind = PB_SELECT_LABEL, .label = " love"});
    expect_tensor(&result, "layer=4", VALUES(1, 4, 7, 10));
    result = select_one(t, "layer", slice(1, 3, 1));
    pb_tensor *again = select_one(result, "layer", at(2));
    expect_tensor(&again, "pos=I/ love/ it", VALUES(6, 7, 8));
    expect_tensor(&result, "layer=@1,2 pos=I/ love/ it", VALUES(3, 4, 5, 6, 7, 8));
    result = select_one(t, "pos", slice(2, -99, -2));
    expect_tensor(&result, "layer=4 pos= it/I@2,0", VALUES(2, 0, 5, 3, 8, 6, 11, 9));
    result = select_one(t, "pos", slice(2, 1, 1));
    assert_int_equal(pb_tensor_size(result), 0);
    pb_tensor_release(&result);
    pb_tensor_release(&t);
}

static void places_count_from_the_end_of_the_axis(void **state)
{
    (void)state;
    pb_tensor *t = make_tensor("key=@3,5,8", NULL), *result;
    result = select_one(t, "key", at(-1));
    expect_tensor(&result, "", VALUES(2));
    result = select_one(t, "key", at(-4));
    expect_tensor(&result, "", VALUES(1));
    result = select_one(t, "key", slice(-99, 99, 1));
    expect_tensor(&result, "key=@3,5,8", VALUES(0, 1, 2));
    pb_tensor_release(&t);
}

static void a_label_that_repeats_needs_a_number(void **state)
{
    (void)state;
    pb_tensor *t = make_tensor("pos=a/b/a/a", NULL), *result = NULL;
    const struct {
        const char *label;
        int occurrence;
        float value; /* NAN: refused */
    } cases[] = {{"a", 1, 0},
                 {"a", 2, 2},
                 {"a", 3, 3},
                 {"a", 4, NAN},
                 {"a", PB_OCCURRENCE_FIRST, 0},
                 {"a", PB_OCCURRENCE_LAST, 3},
                 {"a", PB_OCCURRENCE_ONLY, NAN},
                 {"b", PB_OCCURRENCE_ONLY, 1},
                 {"b", 2, NAN}};
    const char *const pos = "pos";
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_select select = {
            .kind = PB_SELECT_LABEL, .label = cases[i].label, .occurrence = cases[i].occurrence};
        pb_status status = pb_tensor_select(t, 1, &pos, &select, NULL, &result, NULL);
        assert_int_equal(!status, !isnan(cases[i].value));
        if (!status)
            expect_tensor(&result, "", &cases[i].value);
    }
    pb_tensor_release(&t);
    t = make_tensor("pos=a/a", NULL); /* twice is more than once */
    pb_select only = {.kind = PB_SELECT_LABEL, .label = "a", .occurrence = PB_OCCURRENCE_ONLY};
    assert_int_equal(pb_tensor_select(t, 1, &pos, &only, NULL, &result, NULL), PB_VALUE);
    pb_tensor_release(&t);
}

static void several_axes_are_selected_at_once(void **state)
{
    (void)state;
    pb_tensor *t = make_tensor("layer=2 head=3 query=2 key=2", NULL), *result = NULL;
    const pb_select items[] = {at(2), at(0)};
    const char *const names[] = {"head", "key", "layer"};
    const pb_select selects[] = {
        {.kind = PB_SELECT_LIST, .items = items, .n_items = 2}, slice(1, 2, 1), at(1)};
    assert_int_equal(pb_tensor_select(t, 3, names, selects, NULL, &result, NULL), PB_OK);
    expect_tensor(&result, "head=@2,0 query=2 key=@1", VALUES(21, 23, 13, 15));

    assert_int_equal(pb_tensor_select(t, 0, NULL, NULL, NULL, &result, NULL), PB_OK);
    assert_ptr_equal(pb_tensor_data(result), pb_tensor_data(t));
    pb_tensor_release(&result);

    pb_error *error = NULL;
    const char *const twice[] = {"head", "head"};
    pb_status status = pb_tensor_select(t, 2, twice, selects, NULL, &result, &error);
    expect_error(status, &error, PB_VALUE, "the axis head is selected twice", NULL);
    const char *const wrong[] = {"layr"};
    status = pb_tensor_select(t, 1, wrong, selects, NULL, &result, &error);
    expect_error(status, &error, PB_NAME,
                 "there is no axis 'layr' here; the axes are layer, head, query, key",
                 "did you mean layer?");
    pb_tensor_release(&t);
}

static void selecting_keeps_booleans(void **state)
{
    (void)state;
    pb_tensor *t = make_tensor("pos=3", VALUES(1, 0, 1));
    pb_tensor_mark_boolean(t);
    pb_tensor *copied = select_one(t, "pos", slice(2, -99, -2));
    pb_tensor *one = select_one(t, "pos", at(1));
    assert_true(pb_tensor_is_boolean(copied));
    assert_true(pb_tensor_is_boolean(one));
    expect_tensor(&copied, "pos=@2,0", VALUES(1, 1));
    expect_tensor(&one, "", VALUES(0));
    pb_tensor_release(&t);
}

static void offsets_unravel(void **state)
{
    (void)state;
    pb_tensor *t = make_tensor("layer=3 head=4 pos=5", NULL);
    size_t offsets[PB_MAX_RANK];
    pb_tensor_unravel(t, 2 * 20 + 3 * 5 + 4, offsets);
    assert_int_equal(offsets[0], 2);
    assert_int_equal(offsets[1], 3);
    assert_int_equal(offsets[2], 4);
    pb_tensor_release(&t);
}

/* ---- selectors ---- */

static void a_copy_owns_what_it_holds(void **state)
{
    (void)state;
    char label[] = " love";
    pb_select items[] = {at(1), {.kind = PB_SELECT_LABEL, .label = label, .occurrence = 2}};
    pb_select list = {.kind = PB_SELECT_LIST, .items = items, .n_items = 2};
    pb_tensor *mask = make_tensor("pos=2", (const float[2]){0, 1});
    const pb_select each[] = {list, {.kind = PB_SELECT_MASK, .mask = mask}};
    const pb_select per = {.kind = PB_SELECT_PER, .items = each, .n_items = 2};
    pb_select *copy = NULL;
    assert_int_equal(pb_select_create(&per, &copy, NULL), PB_OK);
    assert_true(pb_select_equal(copy, &per));
    pb_tensor_release(&mask);
    label[1] = 'h';
    assert_string_equal(copy->items[0].items[1].label, " love");
    assert_int_equal(pb_tensor_size(copy->items[1].mask), 2);
    assert_false(pb_select_equal(&copy->items[0], &list));
    pb_select_destroy(&copy);
    assert_null(copy);
}

static void each_takes_what_its_item_does_and_per_is_no_place(void **state)
{
    (void)state;
    pb_tensor *t = make_tensor("pos=4", (const float[4]){1, 2, 3, 4}), *none = NULL;
    const pb_select part = slice(1, 3, 1), per = {PB_SELECT_PER, .items = &part, .n_items = 1};
    const char *name = "pos";
    pb_error *error = NULL;
    pb_tensor *some =
        select_one(t, "pos", (pb_select){PB_SELECT_EACH, .items = &part, .n_items = 1});
    expect_tensor(&some, "pos=@1,2", (const float[2]){2, 3});
    pb_tensor *all = select_one(t, "pos", pb_select_each);
    expect_tensor(&all, "pos=4", (const float[4]){1, 2, 3, 4});
    assert_int_equal(pb_tensor_select(t, 1, &name, &per, NULL, &none, &error), PB_TYPE);
    pb_error_destroy(&error);
    assert_ptr_equal(pb_select_for(&per, 5), &part);
    pb_tensor_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensor_starts_with_zeros),
        cmocka_unit_test(tensor_refuses_a_repeated_axis_and_too_many),
        cmocka_unit_test(axis_that_is_not_there_gets_the_nearest),
        cmocka_unit_test(borrowed_values_are_released_once_with_the_last_tensor),
        cmocka_unit_test(small_parts_are_copies),
        cmocka_unit_test(replaced_axis_must_fit),
        cmocka_unit_test(selecting_keeps_coordinates),
        cmocka_unit_test(places_count_from_the_end_of_the_axis),
        cmocka_unit_test(a_label_that_repeats_needs_a_number),
        cmocka_unit_test(several_axes_are_selected_at_once),
        cmocka_unit_test(selecting_keeps_booleans),
        cmocka_unit_test(offsets_unravel),
        cmocka_unit_test(a_copy_owns_what_it_holds),
        cmocka_unit_test(each_takes_what_its_item_does_and_per_is_no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
