/* Words on lists: range, len, zip, enumerate, sorted, map and their like. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "eval/members.h"
#include "words.h"

pb_status pb_argument_items(const pb_call *call, const char *name, pb_value **list,
                            pb_error **error)
{
    return pb_place_argument(
        call, name, pb_interp_items(call->interp, pb_argument_value(call, name), list, error),
        error);
}

pb_status pb_map_items(pb_interp *interp, const pb_value *function, const pb_value *items,
                       pb_value **result, pb_error **error)
{
    pb_list_builder out = {.keeper = pb_interp_keeper(interp)};
    if (pb_value_is_none(function)) {
        *result = pb_value_retain(items);
        return PB_OK;
    }
    for (size_t i = 0; !out.status && i < pb_list_count(items); i++) {
        pb_value *item = pb_list_item(items, i), *made = NULL;
        out.status = pb_interp_check(interp, &out.error);
        if (!out.status)
            out.status = pb_interp_call(interp, function, 1, &item, &made, &out.error);
        pb_list_take(&out, made);
        if (!out.status)
            pb_watch_progress(pb_interp_watch(interp), i + 1, pb_list_count(items));
    }
    return pb_list_finish(&out, false, result, error);
}

/* ---- range, len ---- */

static pb_status call_range(pb_call *call, pb_value **result, pb_error **error)
{
    bool one = pb_argument_is_none(call, "stop");
    double start = one ? 0 : pb_argument_number(call, "start");
    double stop = pb_argument_number(call, one ? "start" : "stop");
    double step = pb_argument_number(call, "step");
    pb_list_builder out = {.keeper = call->keeper};
    if (step == 0)
        return pb_fail_argument(call, "step", error, PB_VALUE, "the step of a range cannot be 0");
    double count = ceil((stop - start) / step);
    if (count > PB_MAX_LIST_LENGTH)
        return pb_fail_argument(call, NULL, error, PB_LIMIT,
                                "a list holds at most %d items, this range would have %.0f",
                                PB_MAX_LIST_LENGTH, count);
    for (double i = 0; !out.status && i < count; i++) {
        out.status = pb_interp_check(call->interp, &out.error);
        pb_list_take_number(&out, start + i * step, PB_INTEGER);
    }
    return pb_list_finish(&out, false, result, error);
}

static pb_status call_len(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *value = pb_argument_value(call, "x");
    pb_value *items = NULL;
    size_t length;
    const char *text = pb_value_get_text(value, &length);
    if (text)
        return pb_value_integer((int64_t)pb_utf8_count(text, length), result, error);
    if (pb_value_kind(value) == PB_TABLE)
        return pb_value_integer((int64_t)pb_table_rows(value), result, error);
    if (pb_value_kind(value) == PB_TENSOR && pb_tensor_rank(pb_value_get_tensor(value)) > 0)
        return pb_value_integer(
            (int64_t)pb_axis_length(pb_tensor_axis(pb_value_get_tensor(value), 0)), result, error);
    pb_status status = pb_argument_items(call, "x", &items, error);
    if (!status)
        status = pb_value_integer((int64_t)pb_list_count(items), result, error);
    pb_value_release(&items);
    return status;
}

/* ---- zip, enumerate ---- */

static pb_status pair(pb_value *a, pb_value *b, pb_value **result, pb_error **error)
{
    pb_value *items[] = {a, b};
    return a && b ? pb_value_take_list(items, 2, result, error) : pb_fail_memory(error);
}

static pb_status call_enumerate(pb_call *call, pb_value **result, pb_error **error)
{
    pb_value *items = NULL;
    pb_list_builder out = {.keeper = call->keeper};
    double start = pb_argument_number(call, "start");
    out.status = pb_argument_items(call, "x", &items, &out.error);
    for (size_t i = 0; !out.status && i < pb_list_count(items); i++) {
        pb_value *number = NULL, *both = NULL;
        out.status = pb_value_number(start + (double)i, PB_INTEGER, &number, &out.error);
        if (!out.status)
            out.status = pair(number, pb_value_retain(pb_list_item(items, i)), &both, &out.error);
        pb_list_take(&out, both);
    }
    pb_value_release(&items);
    return pb_list_finish(&out, false, result, error);
}

static pb_status zip_row(pb_value *const *lists, size_t n, size_t row, pb_value **result,
                         pb_error **error)
{
    pb_list_builder items = {0};
    for (size_t i = 0; i < n; i++)
        pb_list_take(&items, pb_value_retain(pb_list_item(lists[i], row)));
    return pb_list_finish(&items, false, result, error);
}

static pb_status call_zip(pb_call *call, pb_value **result, pb_error **error)
{
    pb_value **lists = pb_calloc(call->n_rest, sizeof *lists);
    pb_list_builder out = {.keeper = call->keeper};
    size_t shortest = call->n_rest ? SIZE_MAX : 0, n = 0;
    out.status = lists ? PB_OK : pb_fail_memory(&out.error);
    for (; !out.status && n < call->n_rest; n++) {
        out.status = pb_interp_items(call->interp, call->rest[n].value, &lists[n], &out.error);
        if (pb_list_count(lists[n]) < shortest)
            shortest = pb_list_count(lists[n]);
    }
    for (size_t row = 0; !out.status && row < shortest; row++) {
        pb_value *made = NULL;
        out.status = pb_interp_check(call->interp, &out.error);
        if (!out.status)
            out.status = zip_row(lists, n, row, &made, &out.error);
        pb_list_take(&out, made);
    }
    for (size_t i = 0; i < n; i++)
        pb_value_release(&lists[i]);
    free(lists);
    return pb_list_finish(&out, false, result, error);
}

/* ---- sorted: a merge sort, which is stable and may fail halfway ---- */

typedef struct pb_sorting {
    pb_interp *interp;
    const pb_value *keys;
    bool reverse, of_table;
    size_t *order, *scratch;
} pb_sorting;

/* What is missing comes last, whichever way is up: NaN has no order, and of tables None neither. */
static bool is_missing(const pb_sorting *sorting, const pb_value *key)
{
    double number;
    return (pb_value_is_none(key) && sorting->of_table) ||
           (pb_value_scalar(key, &number) && isnan(number));
}

static pb_status goes_first(const pb_sorting *sorting, size_t a, size_t b, bool *first,
                            pb_error **error)
{
    int order;
    const pb_value *x = pb_list_item(sorting->keys, a), *y = pb_list_item(sorting->keys, b);
    bool x_is_missing = is_missing(sorting, x), y_is_missing = is_missing(sorting, y);
    *first = y_is_missing;
    if (x_is_missing || y_is_missing)
        return PB_OK;
    pb_status status = pb_value_compare(pb_interp_keeper(sorting->interp), x, y, &order, error);
    *first = sorting->reverse ? order >= 0 : order <= 0;
    return status;
}

static pb_status merge(pb_sorting *s, size_t start, size_t middle, size_t end, pb_error **error)
{
    size_t left = start, right = middle;
    pb_status status = pb_interp_check(s->interp, error);
    for (size_t at = start; !status && at < end; at++) {
        bool take_left = right >= end;
        if (left < middle && right < end)
            status = goes_first(s, s->order[left], s->order[right], &take_left, error);
        s->scratch[at] = take_left ? s->order[left++] : s->order[right++];
    }
    if (!status)
        memcpy(s->order + start, s->scratch + start, (end - start) * sizeof *s->order);
    return status;
}

static pb_status sort_range(pb_sorting *s, size_t start, size_t end, pb_error **error)
{
    if (end - start < 2)
        return PB_OK;
    size_t middle = start + (end - start) / 2;
    pb_status status = sort_range(s, start, middle, error);
    if (!status)
        status = sort_range(s, middle, end, error);
    return status ? status : merge(s, start, middle, end, error);
}

/* The order of `keys`: *order is malloc'ed, the caller's. */
static pb_status sorted_order(pb_call *call, const pb_value *keys, bool of_table, size_t **order,
                              pb_error **error)
{
    size_t count = pb_list_count(keys);
    pb_sorting sorting = {.interp = call->interp,
                          .keys = keys,
                          .reverse = pb_argument_bool(call, "reverse"),
                          .of_table = of_table,
                          .order = pb_malloc(count, sizeof **order),
                          .scratch = pb_malloc(count, sizeof **order)};
    pb_status status = sorting.order && sorting.scratch ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < count; i++)
        sorting.order[i] = i;
    if (!status)
        status = sort_range(&sorting, 0, count, error);
    free(sorting.scratch);
    if (status) {
        free(sorting.order);
        sorting.order = NULL;
    }
    *order = sorting.order;
    return status;
}

static pb_status call_sorted(pb_call *call, pb_value **result, pb_error **error)
{
    pb_value *items = NULL, *keys = NULL;
    pb_list_builder out = {.keeper = call->keeper};
    size_t *order = NULL;
    out.status = pb_argument_items(call, "x", &items, &out.error);
    if (!out.status)
        out.status =
            pb_map_items(call->interp, pb_argument_value(call, "key"), items, &keys, &out.error);
    if (!out.status)
        out.status = pb_place_argument(
            call, "x", sorted_order(call, keys, pb_list_is_column(items), &order, &out.error),
            &out.error);
    for (size_t i = 0; !out.status && i < pb_list_count(items); i++)
        pb_list_take(&out, pb_value_retain(pb_list_item(items, order[i])));
    bool column = pb_list_is_column(items);
    free(order);
    pb_value_release(&items);
    pb_value_release(&keys);
    return pb_list_finish(&out, column, result, error);
}

/* sort(table, by="diff"): the rows in the order of a column. A list is sorted as by sorted(). */
static pb_status call_sort(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *table = pb_argument_value(call, "x");
    const char *by = pb_argument_text(call, "by");
    size_t *order = NULL;
    if (pb_value_kind(table) != PB_TABLE)
        return call_sorted(call, result, error);
    if (!by && pb_table_columns(table) == 0)
        return pb_fail_argument(call, NULL, error, PB_NAME, "this table has no column at all");
    const pb_table_cells *column = by ? pb_table_find(table, by) : pb_table_column(table, 0);
    if (!column)
        return pb_place_argument(call, "by", pb_fail_column(table, NULL, by, error), error);
    pb_status status = pb_place_argument(
        call, "by", sorted_order(call, column->cells, true, &order, error), error);
    if (!status)
        status = pb_table_pick(call->keeper, table, order, pb_table_rows(table), result, error);
    free(order);
    return status;
}

/* ---- list, reversed, map, filter, unique ---- */

static pb_status call_list(pb_call *call, pb_value **result, pb_error **error)
{
    pb_value *items = NULL;
    pb_list_builder out = {.keeper = call->keeper};
    out.status = pb_argument_items(call, "x", &items, &out.error);
    pb_list_take_items(&out, items, 0, pb_list_count(items));
    pb_value_release(&items);
    return pb_list_finish(&out, false, result, error);
}

/* map(f, xs) as in Python, or xs.map(f): which of the two arguments is the function. */
static pb_status function_and_items(pb_call *call, const pb_value **function, pb_value **items,
                                    pb_error **error)
{
    bool turned = pb_value_is_callable(pb_argument_value(call, "x")) &&
                  !pb_value_is_callable(pb_argument_value(call, "function"));
    *function = pb_argument_value(call, turned ? "x" : "function");
    if (!pb_value_is_callable(*function))
        return pb_fail_argument(call, "function", error, PB_TYPE,
                                "%s() takes a function and a list: %s(lambda x: x * 2, xs)",
                                call->row->name, call->row->name);
    return pb_argument_items(call, turned ? "function" : "x", items, error);
}

static pb_status call_map(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *function = NULL;
    pb_value *items = NULL;
    pb_status status = function_and_items(call, &function, &items, error);
    if (!status)
        status = pb_map_items(call->interp, function, items, result, error);
    pb_value_release(&items);
    return status;
}

/* ---- repeat, fold ---- */

/* function(so_far) n times, or function(so_far, item) for each of n items. */
static pb_status go_on(pb_call *call, const pb_value *items, size_t n, pb_value **result,
                       pb_error **error)
{
    const pb_value *function = pb_argument_value(call, "function");
    pb_value *so_far = pb_value_retain(pb_argument_value(call, "start"));
    pb_status status = PB_OK;
    if (!pb_value_is_callable(function))
        status = pb_fail_argument(call, "function", error, PB_TYPE,
                                  items ? "fold() takes a function of two, what was made so far "
                                          "and an item: fold(lambda a, x: a + x, xs, 0)"
                                        : "repeat() takes a function, a start and a count: "
                                          "repeat(lambda x: x / 2, 1, 10)");
    for (size_t i = 0; i < n && !status; i++) {
        pb_value *given[] = {so_far, pb_list_item(items, i)}, *next = NULL;
        status = pb_interp_check(call->interp, error);
        if (!status)
            status = pb_interp_call(call->interp, function, items ? 2 : 1, given, &next, error);
        pb_interp_bury(call->interp, &so_far);
        so_far = next;
        if (!status)
            pb_watch_progress(pb_call_watch(call), i + 1, n);
    }
    if (!status)
        *result = pb_value_retain(so_far);
    pb_interp_bury(call->interp, &so_far);
    return status;
}

static pb_status call_repeat(pb_call *call, pb_value **result, pb_error **error)
{
    size_t n = 0;
    pb_status status = pb_argument_count(call, "n", &n, error);
    return status ? status : go_on(call, NULL, n, result, error);
}

static pb_status call_fold(pb_call *call, pb_value **result, pb_error **error)
{
    pb_value *items = NULL;
    pb_status status = pb_argument_items(call, "x", &items, error);
    if (!status)
        status = go_on(call, items, pb_list_count(items), result, error);
    pb_value_release(&items);
    return status;
}

static pb_status call_filter(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *function = NULL;
    pb_value *items = NULL, *kept = NULL;
    pb_list_builder out = {.keeper = call->keeper};
    out.status = function_and_items(call, &function, &items, &out.error);
    if (!out.status)
        out.status = pb_map_items(call->interp, function, items, &kept, &out.error);
    for (size_t i = 0; !out.status && i < pb_list_count(items); i++) {
        bool truth = false;
        out.status = pb_value_truth(pb_list_item(kept, i), &truth, &out.error);
        if (truth)
            pb_list_take(&out, pb_value_retain(pb_list_item(items, i)));
    }
    pb_value_release(&items);
    pb_value_release(&kept);
    return pb_list_finish(&out, false, result, error);
}

static bool is_among(pb_comparison *comparison, const pb_list_builder *items, const pb_value *value)
{
    for (size_t i = 0; i < items->count && !comparison->status; i++)
        if (pb_comparison_equal(comparison, items->items[i], value))
            return true;
    return false;
}

static pb_status call_unique(pb_call *call, pb_value **result, pb_error **error)
{
    pb_value *items = NULL;
    pb_list_builder out = {.keeper = call->keeper};
    pb_comparison comparison = {.keeper = call->keeper, .error = &out.error};
    out.status = pb_argument_items(call, "x", &items, &out.error);
    for (size_t i = 0; !out.status && i < pb_list_count(items); i++) {
        bool known = is_among(&comparison, &out, pb_list_item(items, i));
        out.status = comparison.status;
        if (!known)
            pb_list_take(&out, pb_value_retain(pb_list_item(items, i)));
    }
    pb_value_release(&items);
    return pb_list_finish(&out, false, result, error);
}

/* ---- index, count ---- */

static bool is_text(const pb_call *call)
{
    return pb_value_kind(pb_argument_value(call, "x")) == PB_STRING;
}

static pb_status call_index(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *item = pb_argument_value(call, "item");
    pb_value *items = NULL;
    char what[160];
    if (is_text(call))
        return pb_index_in_text(call, result, error);
    pb_status status = pb_argument_items(call, "x", &items, error);
    pb_comparison comparison = {.keeper = call->keeper, .error = error, .status = status};
    size_t at = 0, count = pb_list_count(items);
    while (!comparison.status && at < count &&
           !pb_comparison_equal(&comparison, pb_list_item(items, at), item))
        at++;
    status = comparison.status;
    if (!status && at == count)
        status = pb_fail_argument(call, "item", error, PB_VALUE, "%s is not among the items",
                                  pb_value_describe(item, what, sizeof what));
    if (!status)
        status = pb_value_integer((int64_t)at, result, error);
    pb_value_release(&items);
    return status;
}

static pb_status call_count(pb_call *call, pb_value **result, pb_error **error)
{
    pb_value *items = NULL;
    size_t found = 0;
    if (is_text(call))
        return pb_count_in_text(call, result, error);
    pb_status status = pb_argument_items(call, "x", &items, error);
    pb_comparison comparison = {.keeper = call->keeper, .error = error, .status = status};
    for (size_t i = 0; !comparison.status && i < pb_list_count(items); i++)
        found += pb_comparison_equal(&comparison, pb_list_item(items, i),
                                     pb_argument_value(call, "item"));
    status = comparison.status;
    if (!status)
        status = pb_value_integer((int64_t)found, result, error);
    pb_value_release(&items);
    return status;
}

/* ---- records ---- */

static pb_status record_parts(pb_call *call, bool names, bool values, pb_value **result,
                              pb_error **error)
{
    const pb_value *record = pb_argument_value(call, "record");
    pb_list_builder out = {.keeper = call->keeper};
    for (size_t i = 0; !out.status && i < pb_record_count(record); i++) {
        pb_entry entry = pb_record_entry(record, i);
        pb_value *name = NULL, *made = NULL;
        if (names)
            out.status = pb_value_text(entry.name, &name, &out.error);
        if (!out.status && names && values)
            out.status = pair(name, pb_value_retain(entry.value), &made, &out.error);
        else if (!out.status)
            made = names ? name : pb_value_retain(entry.value);
        pb_list_take(&out, made);
    }
    return pb_list_finish(&out, false, result, error);
}

static pb_status call_keys(pb_call *call, pb_value **result, pb_error **error)
{
    return record_parts(call, true, false, result, error);
}

static pb_status call_values(pb_call *call, pb_value **result, pb_error **error)
{
    return record_parts(call, false, true, result, error);
}

static pb_status call_items(pb_call *call, pb_value **result, pb_error **error)
{
    return record_parts(call, true, true, result, error);
}

static pb_status call_get(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *found =
        pb_record_find(pb_argument_value(call, "record"), pb_argument_text(call, "name"));
    (void)error;
    *result = pb_value_retain(found ? found : pb_argument_value(call, "default"));
    return PB_OK;
}

const pb_builtin pb_builtins_list[] = {
    {.name = "range",
     .category = "Lists",
     .summary = "The integers from start up to, and without, stop.",
     .result = "a list of integers",
     .example = "range(2, 10, 3)",
     .expected = "[2, 5, 8]",
     .signature = "(stop) or (start, stop, step=1)",
     .parameters = {{.name = "start", .types = PB_TAKES_INTEGER},
                    {.name = "stop", .types = PB_TAKES_INTEGER, .fallback = "None"},
                    {.name = "step", .types = PB_TAKES_INTEGER, .fallback = "1"}},
     .function = call_range},
    {.name = "len",
     .category = "Lists",
     .summary = "How many items: characters, rows, or places along a tensor's first axis.",
     .result = "an integer",
     .example = "len([\" great\", \" bad\"])",
     .expected = "2",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY}},
     .function = call_len},
    {.name = "zip",
     .category = "Lists",
     .summary = "The first items together, the second items together, and so on.",
     .result = "a list of lists, as many as the shortest has items",
     .example = "zip([\" great\", \" bad\"], [1, 2])",
     .expected = "[[' great', 1], [' bad', 2]]",
     .parameters =
         {{.name = "lists", .types = PB_TAKES_ANY, .what = "a list", .mode = PB_PARAMETER_REST}},
     .function = call_zip},
    {.name = "enumerate",
     .category = "Lists",
     .summary = "Each item with its number.",
     .result = "a list of [number, item]",
     .example = "[f\"{i}: {w}\" for i, w in enumerate([\"a\", \"b\"])]",
     .expected = "['0: a', '1: b']",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY, .what = "a list"},
                    {.name = "start", .types = PB_TAKES_INTEGER, .fallback = "0"}},
     .function = call_enumerate},
    {.name = "sorted",
     .category = "Lists",
     .summary = "The items in order; equal ones stay as they were.",
     .result = "a list",
     .example = "sorted([\"bb\", \"a\", \"ccc\"], key=len, reverse=True)",
     .expected = "['ccc', 'bb', 'a']",
     .see = "sort top",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY, .what = "a list"},
                    {.name = "key",
                     .types = PB_TAKES_FUNCTION,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "None"},
                    {.name = "reverse",
                     .types = PB_TAKES_BOOL,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "False"}},
     .function = call_sorted},
    {.name = "sort",
     .category = "Tables",
     .summary = "The rows of a table in the order of a column, or the items of a list in order.",
     .doc = "Nothing changes in place: `t = t.sort(by=\"n\")` keeps the new order. Rows whose cell "
            "is missing (None, nan) come last, also with `reverse=True`.",
     .result = "a table or a list",
     .example = "table(n=[2, 3, 1]).sort(by=\"n\").n",
     .expected = "[1, 2, 3]",
     .see = "top sorted",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY, .what = "a table or a list"},
                    {.name = "by", .types = PB_TAKES_STRING, .fallback = "None"},
                    {.name = "key",
                     .types = PB_TAKES_FUNCTION,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "None"},
                    {.name = "reverse",
                     .types = PB_TAKES_BOOL,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "False"}},
     .function = call_sort},
    {.name = "list",
     .category = "Lists",
     .summary = "What walking a value gives, as a list.",
     .result = "a list",
     .example = "list(\"abc\")",
     .expected = "['a', 'b', 'c']",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY, .fallback = "[]"}},
     .function = call_list},
    {.name = "map",
     .category = "Lists",
     .summary = "The function of each item.",
     .doc = "A comprehension says the same: `[f(x) for x in xs]`.",
     .result = "a list",
     .example = "map(len, [\"a\", \"bb\"])",
     .expected = "[1, 2]",
     .parameters = {{.name = "function", .types = PB_TAKES_ANY, .what = "a function"},
                    {.name = "x", .types = PB_TAKES_ANY, .what = "a list"}},
     .function = call_map},
    {.name = "repeat",
     .category = "Lists",
     .summary = "A function of a start, then of what it gave, n times.",
     .doc = "`repeat(f, x, 3)` is `f(f(f(x)))`: a loop that goes on with what it made.",
     .result = "what the last call gave; the start with n = 0",
     .example = "repeat(lambda w: w - 0.5 * (w - 3), 1, 2)",
     .expected = "2.5",
     .see = "fold map range",
     .parameters = {{.name = "function", .types = PB_TAKES_ANY, .what = "a function"},
                    {.name = "start", .types = PB_TAKES_ANY, .what = "a value to begin with"},
                    {.name = "n", .types = PB_TAKES_INTEGER}},
     .function = call_repeat},
    {.name = "fold",
     .category = "Lists",
     .summary = "Goes through a list with what was made so far: f(f(start, x0), x1), ...",
     .result = "what the last call gave; the start where the list is empty",
     .example = "fold(lambda a, x: 10 * a + x, [1, 2, 3], 0)",
     .expected = "123",
     .see = "repeat sum map",
     .parameters = {{.name = "function", .types = PB_TAKES_ANY, .what = "a function of two"},
                    {.name = "x", .types = PB_TAKES_ANY, .what = "a list"},
                    {.name = "start", .types = PB_TAKES_ANY, .what = "a value to begin with"}},
     .function = call_fold},
    {.name = "filter",
     .category = "Lists",
     .summary = "The items for which the function is true.",
     .doc = "A comprehension says the same: `[x for x in xs if f(x)]`.",
     .result = "a list",
     .example = "filter(lambda n: n > 1, [1, 2, 3])",
     .expected = "[2, 3]",
     .parameters = {{.name = "function", .types = PB_TAKES_ANY, .what = "a function"},
                    {.name = "x", .types = PB_TAKES_ANY, .what = "a list"}},
     .function = call_filter},
    {.name = "unique",
     .category = "Lists",
     .summary = "The items without repeats, in the order they first came.",
     .result = "a list",
     .example = "unique([3, 1, 3])",
     .expected = "[3, 1]",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY, .what = "a list"}},
     .function = call_unique},
    {.name = "index",
     .category = "Lists",
     .summary = "The place of the first item equal to a value, or of a text in a text, counted "
                "from 0.",
     .result = "an integer",
     .example = "[\"a\", \"b\"].index(\"b\")",
     .expected = "1",
     .see = "argmax count find",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY, .what = "a list"},
                    {.name = "item", .types = PB_TAKES_ANY}},
     .function = call_index},
    {.name = "count",
     .category = "Lists",
     .summary = "How many items are equal to a value, or how often a text stands in a text.",
     .result = "an integer",
     .example = "count([1, 2, 1], 1)",
     .expected = "2",
     .see = "len unique",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY, .what = "a list"},
                    {.name = "item", .types = PB_TAKES_ANY}},
     .function = call_count},
    {.name = "get",
     .category = "Lists",
     .summary = "The value a record has under a name, or else the default.",
     .result = "any value",
     .example = "{\"a\": 1}.get(\"b\", 0)",
     .expected = "0",
     .see = "keys values items",
     .parameters = {{.name = "record", .types = PB_TAKES_RECORD},
                    {.name = "name", .types = PB_TAKES_STRING},
                    {.name = "default", .types = PB_TAKES_ANY, .fallback = "None"}},
     .function = call_get},
    {.name = "keys",
     .category = "Lists",
     .summary = "The names in a record.",
     .result = "a list of strings",
     .example = "{\"a\": 1, \"b\": 2}.keys()",
     .expected = "['a', 'b']",
     .parameters = {{.name = "record", .types = PB_TAKES_RECORD}},
     .function = call_keys},
    {.name = "values",
     .category = "Lists",
     .summary = "The values in a record.",
     .result = "a list",
     .example = "{\"a\": 1, \"b\": 2}.values()",
     .expected = "[1, 2]",
     .parameters = {{.name = "record", .types = PB_TAKES_RECORD}},
     .function = call_values},
    {.name = "items",
     .category = "Lists",
     .summary = "The names and values in a record.",
     .result = "a list of [name, value]",
     .example = "[f\"{k}={v}\" for k, v in {\"a\": 1, \"b\": 2}.items()]",
     .expected = "['a=1', 'b=2']",
     .parameters = {{.name = "record", .types = PB_TAKES_RECORD}},
     .function = call_items},
    {0}};
