/*
 * Lists, records and tables being made: the first failure is remembered and told at the end, what
 * comes after it is let go of, and a loop that only looks at the builder is stopped with its cell.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "value/object.h"

/* Objects, counted: each that was made has to go. */
static size_t alive;

static void destroy_counted(void *data)
{
    (void)data;
    alive--;
}

static const pb_object_type counted = {
    .name = "counted", .article = "a counted one", .destroy = destroy_counted};

static pb_value *make_counted(void)
{
    pb_value *made = NULL;
    alive++;
    assert_int_equal(pb_value_take_object(&counted, &alive, &made, NULL), PB_OK);
    return made;
}

/* A cell that is stopped at once, and counts what it is given to let go of. */
typedef struct stopped_cell {
    pb_keeper keeper;
    size_t buried;
} stopped_cell;

static pb_status say_stopped(pb_keeper *keeper, pb_error **error)
{
    (void)keeper;
    return pb_fail(error, PB_INTERRUPTED, "stopped");
}

static void bury(pb_keeper *keeper, pb_value **value)
{
    ((stopped_cell *)keeper)->buried += *value != NULL;
    pb_value_release(value);
}

static stopped_cell cell_stopped(void)
{
    return (stopped_cell){.keeper = {.check = say_stopped, .bury = bury}};
}

static void expect_error(pb_status status, pb_status code, pb_error **error, const char *text)
{
    assert_int_equal(status, code);
    assert_int_equal(pb_error_code(*error), code);
    assert_string_equal(pb_error_text(*error), text);
    pb_error_destroy(error);
    assert_int_equal(alive, 0);
}

static void a_list_keeps_its_first_failure(void **state)
{
    (void)state;
    pb_list_builder list = {0};
    pb_value *result = make_counted(), *kept = result;
    pb_error *error = NULL;
    pb_list_take(&list, kept);
    list.status = pb_fail(&list.error, PB_VALUE, "the first");
    pb_list_take(&list, make_counted());
    pb_list_take(&list, NULL);
    pb_list_take_text(&list, "no more");
    assert_int_equal(list.count, 1);
    pb_status status = pb_list_finish(&list, false, &result, &error);
    assert_null(result);
    assert_null(list.items);
    expect_error(status, PB_VALUE, &error, "the first");
}

static void what_could_not_be_made_is_want_of_memory(void **state)
{
    (void)state;
    pb_list_builder list = {0};
    pb_record_builder record = {0};
    pb_value *result = NULL;
    pb_list_take(&list, NULL);
    pb_record_take(&record, "a", NULL);
    pb_record_set(&record, "b", make_counted());
    assert_int_equal(pb_list_finish(&list, false, &result, NULL), PB_MEMORY);
    assert_int_equal(pb_record_finish(&record, &result, NULL), PB_MEMORY);
    assert_null(result);
    assert_int_equal(alive, 0);
}

static void a_list_is_stopped_as_it_grows(void **state)
{
    (void)state;
    stopped_cell cell = cell_stopped();
    pb_list_builder list = {.keeper = &cell.keeper};
    pb_value *result = NULL;
    pb_error *error = NULL;
    size_t taken = 0;
    for (; !list.status && taken < 1000000; taken++)
        pb_list_take(&list, make_counted());
    assert_true(taken < 5000);
    pb_status status = pb_list_finish(&list, false, &result, &error);
    assert_int_equal(cell.buried, 1); /* all of it at once */
    expect_error(status, PB_INTERRUPTED, &error, "stopped");
}

static void a_record_gives_a_key_its_last_value(void **state)
{
    (void)state;
    pb_record_builder record = {.caption = "two"};
    pb_value *result = NULL, *last = make_counted();
    pb_record_set(&record, "a", make_counted());
    pb_record_set(&record, "b", make_counted());
    pb_record_set(&record, "a", last);
    assert_int_equal(alive, 2);
    assert_int_equal(pb_record_finish(&record, &result, NULL), PB_OK);
    assert_int_equal(pb_record_count(result), 2);
    assert_string_equal(pb_record_entry(result, 0).name, "a");
    assert_ptr_equal(pb_record_find(result, "a"), last);
    assert_string_equal(pb_record_caption(result), "two");
    assert_int_equal(pb_value_depth(result), 1);
    pb_value_release(&result);
    assert_int_equal(alive, 0);
}

static void a_record_hears_that_its_cell_is_stopped(void **state)
{
    (void)state;
    stopped_cell cell = cell_stopped();
    pb_record_builder record = {.keeper = &cell.keeper};
    pb_value *result = NULL;
    pb_error *error = NULL;
    pb_record_set(&record, "a", make_counted());
    expect_error(pb_record_finish(&record, &result, &error), PB_INTERRUPTED, &error, "stopped");
}

/* The failure of a column is the table's, and the columns after it are let go of. */
static void a_table_takes_over_what_failed_in_a_list(void **state)
{
    (void)state;
    pb_list_builder good = {0}, bad = {0}, after = {0};
    pb_table_builder table = {0};
    pb_value *result = NULL;
    pb_error *error = NULL;
    pb_list_take(&good, make_counted());
    pb_list_take(&bad, make_counted());
    bad.status = pb_fail(&bad.error, PB_RANGE, "of the list");
    pb_list_take(&after, make_counted());
    pb_table_take_list(&table, &good, (pb_table_cells){.name = "good"});
    assert_int_equal(table.rows, 1);
    pb_table_take_list(&table, &bad, (pb_table_cells){.name = "bad"});
    pb_table_take_list(&table, &after, (pb_table_cells){.name = "after"});
    assert_null(after.items);
    pb_status status = pb_table_finish(&table, &result, &error);
    assert_null(result);
    expect_error(status, PB_RANGE, &error, "of the list");
}

static void an_error_that_is_set_stays(void **state)
{
    (void)state;
    pb_error *set = NULL, *next = NULL;
    pb_fail(&set, PB_VALUE, "set before");
    pb_fail(&next, PB_TYPE, "moved");
    pb_error_move(&next, &set);
    assert_null(next);
    expect_error(PB_VALUE, PB_VALUE, &set, "set before");
    pb_fail(&next, PB_TYPE, "moved");
    pb_error_move(&next, &set);
    expect_error(PB_TYPE, PB_TYPE, &set, "moved");
    pb_fail(&next, PB_TYPE, "nobody hears");
    pb_error_move(&next, NULL);
    assert_null(next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_keeps_its_first_failure),
        cmocka_unit_test(what_could_not_be_made_is_want_of_memory),
        cmocka_unit_test(a_list_is_stopped_as_it_grows),
        cmocka_unit_test(a_record_gives_a_key_its_last_value),
        cmocka_unit_test(a_record_hears_that_its_cell_is_stopped),
        cmocka_unit_test(a_table_takes_over_what_failed_in_a_list),
        cmocka_unit_test(an_error_that_is_set_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
