/* Words that make and cut tables. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "words.h"

/* ---- tables from tensors: their axes are the key columns ---- */

static bool same_places(const pb_value *a, const pb_value *b)
{
    const pb_tensor *x = pb_value_get_tensor(a), *y = pb_value_get_tensor(b);
    if (pb_tensor_rank(x) != pb_tensor_rank(y))
        return false;
    for (size_t i = 0; i < pb_tensor_rank(x); i++) {
        const pb_axis *p = pb_tensor_axis(x, i), *q = pb_tensor_axis(y, i);
        bool alike =
            strcmp(pb_axis_name(p), pb_axis_name(q)) == 0 && pb_axis_length(p) == pb_axis_length(q);
        for (size_t k = 0; alike && k < pb_axis_length(p); k++)
            alike = pb_axis_coordinate(p, k) == pb_axis_coordinate(q, k);
        if (!alike)
            return false;
    }
    return true;
}

static bool is_over_prompts(const pb_value *value)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    return pb_tensor_rank(tensor) == 1 &&
           strcmp(pb_axis_name(pb_tensor_axis(tensor, 0)), "prompt") == 0;
}

/* Whether the prompts of a tensor name the rows: no list is there that does, and all tensors are of
 * the same prompts. */
static bool prompts_name_rows(const pb_call *call, const pb_value *tensor)
{
    const pb_axis *axis = pb_tensor_axis(pb_value_get_tensor(tensor), 0);
    for (size_t i = 0; i < call->n_rest; i++) {
        const pb_tensor *other = pb_value_get_tensor(call->rest[i].value);
        if (pb_value_kind(call->rest[i].value) == PB_LIST)
            return false;
        if (other && pb_tensor_rank(other) > 0 && !pb_axis_same(axis, pb_tensor_axis(other, 0)))
            return false;
    }
    return true;
}

/* The tensor whose axes become key columns: the first, unless it is over prompts that do not name
 * the rows. */
static const pb_value *keyed_tensor(const pb_call *call)
{
    for (size_t i = 0; i < call->n_rest; i++) {
        const pb_value *value = call->rest[i].value;
        const pb_tensor *tensor = pb_value_get_tensor(value);
        if (tensor && pb_tensor_rank(tensor) > 0)
            return !is_over_prompts(value) || prompts_name_rows(call, value) ? value : NULL;
    }
    return NULL;
}

/* The rows of the first value that has any; one row if none has. */
static size_t rows_of_arguments(const pb_call *call)
{
    size_t rows = call->n_rest > 0;
    for (size_t i = 0; i < call->n_rest; i++)
        if (pb_value_fills_rows(call->rest[i].value, &rows))
            break;
    return rows;
}

static pb_status place_rest(const pb_call *call, size_t which, pb_status status, pb_error **error)
{
    if (status && error && *error && call->source)
        pb_error_place(*error, call->source, call->rest[which].span);
    return status;
}

static void add_argument(pb_call *call, size_t which, const pb_value *keyed,
                         pb_table_builder *table)
{
    const pb_argument *argument = &call->rest[which];
    const pb_value *value = argument->value;
    pb_value *cells = NULL;
    const pb_tensor *tensor = pb_value_get_tensor(value);
    bool placed = tensor && pb_tensor_rank(tensor) > 0 && keyed;
    if (placed && !same_places(keyed, value))
        table->status = pb_fail(&table->error, PB_VALUE,
                                "%s= has other places along its axes than the first tensor, so "
                                "their rows do not match",
                                argument->name);
    else if (placed && pb_tensor_rank(tensor) > 1)
        table->status = pb_tensor_cells(call->keeper, value, &cells, &table->error);
    pb_table_set(table, argument->name, cells ? cells : value);
    pb_value_release(&cells);
    place_rest(call, which, table->status, &table->error);
}

/* ---- tables from records and lists of records ---- */

static pb_status from_record(pb_interp *interp, const pb_value *record, pb_value **table,
                             pb_error **error)
{
    pb_table_builder made = {.keeper = pb_interp_keeper(interp),
                             .rows = pb_record_count(record) > 0};
    for (size_t i = 0; i < pb_record_count(record); i++)
        if (pb_value_fills_rows(pb_record_entry(record, i).value, &made.rows))
            break;
    pb_status status = pb_table_from_record(pb_interp_keeper(interp), record, table, error);
    if (status || *table)
        return status;
    for (size_t i = 0; i < pb_record_count(record); i++)
        pb_table_set(&made, pb_record_entry(record, i).name, pb_record_entry(record, i).value);
    return pb_table_finish(&made, table, error);
}

/* The values of one name in a list of records; None where it is missing. */
static pb_status field_of_all(pb_interp *interp, const pb_value *list, const char *name,
                              pb_value **result, pb_error **error)
{
    pb_list_builder out = {.keeper = pb_interp_keeper(interp)};
    for (size_t i = 0; !out.status && i < pb_list_count(list); i++) {
        pb_value *found = pb_value_retain(pb_record_find(pb_list_item(list, i), name));
        if (!found)
            out.status = pb_value_none(&found, &out.error);
        pb_list_take(&out, found);
    }
    return pb_list_finish(&out, true, result, error);
}

static pb_status from_records(pb_interp *interp, const pb_value *list, pb_value **table,
                              pb_error **error)
{
    pb_table_builder made = {.keeper = pb_interp_keeper(interp), .rows = pb_list_count(list)};
    for (size_t i = 0; !made.status && i < pb_list_count(list); i++) {
        const pb_value *record = pb_list_item(list, i);
        for (size_t k = 0; !made.status && k < pb_record_count(record); k++) {
            const char *name = pb_record_entry(record, k).name;
            pb_value *cells = NULL;
            if (pb_table_has(&made, name))
                continue;
            made.status = field_of_all(interp, list, name, &cells, &made.error);
            pb_table_set(&made, name, cells);
            pb_value_release(&cells);
        }
    }
    return pb_table_finish(&made, table, error);
}

static pb_status from_value(pb_call *call, const pb_value *value, pb_value **table,
                            pb_error **error)
{
    char what[160];
    if (pb_value_kind(value) == PB_TENSOR && pb_tensor_rank(pb_value_get_tensor(value)) > 0)
        return pb_table_from_tensor(call->keeper, value, "value", table, error);
    if (pb_value_kind(value) == PB_TABLE) {
        *table = pb_value_retain(value);
        return PB_OK;
    }
    if (pb_object_table(call->interp, value, table))
        return PB_OK;
    if (pb_value_kind(value) == PB_RECORD)
        return from_record(call->interp, value, table, error);
    if (pb_list_of(value, PB_RECORD))
        return from_records(call->interp, value, table, error);
    pb_fail(error, PB_TYPE, "a table is made of columns, a tensor or records, not of %s",
            pb_value_describe(value, what, sizeof what));
    if (error && *error)
        pb_error_hint(*error, "name the columns: table(prompt=[...], expected=[...])");
    return place_rest(call, 0, PB_TYPE, error);
}

/* An argument without a name carries its parameter's. */
static bool has_own_name(const pb_call *call, size_t which)
{
    return call->rest[which].name != call->row->parameters[0].name;
}

static pb_status call_table(pb_call *call, pb_value **result, pb_error **error)
{
    bool whole = call->n_rest > 0 && !has_own_name(call, 0);
    if (call->n_rest > 1 && !has_own_name(call, 1))
        return place_rest(call, 1,
                          pb_fail(error, PB_TYPE,
                                  "table() takes one value without a name; "
                                  "columns need names"),
                          error);
    const pb_value *keyed = whole ? NULL : keyed_tensor(call);
    pb_value *base = NULL;
    pb_table_builder made = {.keeper = call->keeper, .rows = rows_of_arguments(call)};
    if (whole)
        made.status = from_value(call, call->rest[0].value, &base, &made.error);
    else if (keyed)
        made.status = pb_table_of_places(call->keeper, keyed, &base, &made.error);
    if (base)
        pb_table_take_columns(&made, base);
    for (size_t i = whole ? 1 : 0; !made.status && i < call->n_rest; i++)
        add_argument(call, i, keyed, &made);
    pb_status status = pb_table_finish(&made, result, error);
    pb_interp_bury(call->interp, &base);
    return status;
}

/* ---- head, tail ---- */

static pb_status rows_between(pb_interp *interp, const pb_value *x, size_t start, size_t end,
                              pb_value **result, pb_error **error)
{
    pb_list_builder out = {.keeper = pb_interp_keeper(interp)};
    if (pb_value_kind(x) == PB_TABLE) {
        size_t *rows = pb_malloc(end - start, sizeof *rows);
        for (size_t i = start; rows && i < end; i++)
            rows[i - start] = i;
        pb_status status =
            rows ? pb_table_pick(pb_interp_keeper(interp), x, rows, end - start, result, error)
                 : pb_fail_memory(error);
        free(rows);
        return status;
    }
    pb_list_take_items(&out, x, start, end);
    return pb_list_finish(&out, pb_list_is_column(x), result, error);
}

static pb_status cut(pb_call *call, bool from_start, pb_value **result, pb_error **error)
{
    const pb_value *x = pb_argument_value(call, "x");
    size_t n, total = pb_value_kind(x) == PB_TABLE ? pb_table_rows(x) : pb_list_count(x);
    pb_status status = pb_argument_count(call, "n", &n, error);
    if (status)
        return status;
    n = n < total ? n : total;
    return from_start ? rows_between(call->interp, x, 0, n, result, error)
                      : rows_between(call->interp, x, total - n, total, result, error);
}

static pb_status call_head(pb_call *call, pb_value **result, pb_error **error)
{
    return cut(call, true, result, error);
}

static pb_status call_tail(pb_call *call, pb_value **result, pb_error **error)
{
    return cut(call, false, result, error);
}

const pb_builtin pb_builtins_table[] = {
    {.name = "table",
     .category = "Tables",
     .summary = "A table of named columns: lists, tensors over the same places, or single values.",
     .doc =
         "Tensors give the table a key column for each of their axes; one over prompts alone does "
         "so unless a list is there to name the rows. A single value is in every row, and single "
         "values alone make one row. A tensor alone is laid out with one row for each value, and "
         "before it what else the result says of its place (what patching changed, the likeliest "
         "token); a list of records with one row for each record.\n\n"
         "`t.name = cells` adds a column, `t.name` reads it; comparing and computing with "
         "columns works row by row, but `+` of two columns of text puts the one behind the other, "
         "as it does with lists. `t[t.diff > 0]` picks rows by a mask, `t[part=\"mlp\"]` by "
         "value, `t[0]` is a row.",
     .result = "a table",
     .example = "table(word=[\" great\", \" bad\"], n=[1, 2]).n * 10",
     .expected = "[10, 20]",
     .see = "sort top head",
     .signature = "(name=[...], ...) or (tensor) or (records)",
     .parameters = {{.name = "value", .types = PB_TAKES_ANY, .mode = PB_PARAMETER_REST},
                    {.name = "columns", .types = PB_TAKES_ANY, .mode = PB_PARAMETER_NAMED}},
     .function = call_table},
    {.name = "head",
     .category = "Tables",
     .summary = "The first n rows of a table, or items of a list.",
     .result = "a table or a list",
     .example = "head([1, 2, 3], 2)",
     .expected = "[1, 2]",
     .see = "tail top",
     .parameters = {{.name = "x", .types = PB_TAKES_TABLE | PB_TAKES_LIST},
                    {.name = "n", .types = PB_TAKES_INTEGER, .fallback = "5"}},
     .function = call_head},
    {.name = "tail",
     .category = "Tables",
     .summary = "The last n rows of a table, or items of a list.",
     .result = "a table or a list",
     .example = "tail([1, 2, 3], 2)",
     .expected = "[2, 3]",
     .see = "head",
     .parameters = {{.name = "x", .types = PB_TAKES_TABLE | PB_TAKES_LIST},
                    {.name = "n", .types = PB_TAKES_INTEGER, .fallback = "5"}},
     .function = call_tail},
    {0}};
