/* Tables: named columns of cells. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "value/object.h"
#include "value_private.h"

struct pb_table_value {
    size_t n_columns, n_rows;
    pb_table_cells *columns; /* names, units and cells are owned */
    char *caption;
    pb_value *model;
};

void pb_table_value_destroy(pb_table_value **table)
{
    pb_table_value *old = *table;
    *table = NULL;
    if (!old)
        return;
    for (size_t i = 0; i < old->n_columns; i++) {
        free((char *)old->columns[i].name);
        free((char *)old->columns[i].units);
        pb_value_release(&old->columns[i].cells);
    }
    free(old->columns);
    free(old->caption);
    pb_value_release(&old->model);
    free(old);
}

static pb_status check_column(const pb_table_cells *columns, size_t which, size_t n_rows,
                              pb_error **error)
{
    const char *name = columns[which].name;
    size_t count = pb_list_count(columns[which].cells);
    if (count != n_rows)
        return pb_fail(error, PB_VALUE, "the column %s has %zu values, but the table has %zu rows",
                       name, count, n_rows);
    for (size_t i = 0; i < which; i++)
        if (strcmp(columns[i].name, name) == 0)
            return pb_fail(error, PB_VALUE, "a table cannot have two columns called %s", name);
    return PB_OK;
}

static pb_status fill_table(pb_table_value *table, const pb_table_cells *columns, size_t n_columns,
                            unsigned *deepest, pb_error **error)
{
    for (size_t i = 0; i < n_columns; i++) {
        char *name = NULL, *units = NULL;
        pb_status status = check_column(columns, i, table->n_rows, error);
        if (status)
            return status;
        bool copied =
            pb_copy_text(columns[i].name, &name) && pb_copy_text(columns[i].units, &units);
        table->columns[i] =
            (pb_table_cells){name, pb_value_retain(columns[i].cells), columns[i].look, units};
        table->n_columns = i + 1;
        if (!copied)
            return pb_fail_memory(error);
        if (pb_value_depth(columns[i].cells) > *deepest)
            *deepest = pb_value_depth(columns[i].cells);
    }
    return PB_OK;
}

pb_status pb_value_table(const pb_table_cells *columns, size_t n_columns, size_t n_rows,
                         const char *caption, pb_value *model, pb_value **result, pb_error **error)
{
    unsigned deepest = 0;
    *result = NULL;
    pb_value *value = pb_value_new(PB_TABLE);
    pb_table_value *table = value ? pb_calloc(1, sizeof *table) : NULL;
    if (!table) {
        free(value);
        return pb_fail_memory(error);
    }
    value->as.table = table;
    table->n_rows = n_rows;
    table->model = pb_value_retain(model);
    table->columns = pb_calloc(n_columns, sizeof *table->columns);
    pb_status status = table->columns && pb_copy_text(caption, &table->caption)
                           ? fill_table(table, columns, n_columns, &deepest, error)
                           : pb_fail_memory(error);
    if (!status)
        status = pb_value_set_depth(value, deepest, error);
    if (status)
        pb_value_release(&value);
    *result = value;
    return status;
}

size_t pb_table_columns(const pb_value *table)
{
    return pb_value_kind(table) == PB_TABLE ? table->as.table->n_columns : 0;
}

size_t pb_table_rows(const pb_value *table)
{
    return pb_value_kind(table) == PB_TABLE ? table->as.table->n_rows : 0;
}

const pb_table_cells *pb_table_column(const pb_value *table, size_t index)
{
    return index < pb_table_columns(table) ? &table->as.table->columns[index] : NULL;
}

const pb_table_cells *pb_table_find(const pb_value *table, const char *name)
{
    for (size_t i = 0; i < pb_table_columns(table); i++)
        if (strcmp(table->as.table->columns[i].name, name) == 0)
            return &table->as.table->columns[i];
    return NULL;
}

const char *pb_table_caption(const pb_value *table)
{
    return pb_value_kind(table) == PB_TABLE ? table->as.table->caption : NULL;
}

/* ---- tables from tables ---- */

static pb_status pick_cells(pb_keeper *keeper, const pb_value *cells, const size_t *rows,
                            size_t count, pb_value **result, pb_error **error)
{
    pb_list_builder picked = {.keeper = keeper};
    for (size_t i = 0; i < count; i++) {
        pb_value *cell = pb_value_retain(pb_list_item(cells, rows[i]));
        pb_status status = pb_list_take(&picked, cell, error);
        if (status) {
            pb_list_discard(&picked);
            return status;
        }
    }
    return pb_list_finish(&picked, true, result, error);
}

/* A copy of the columns, which borrows names, with the cells retained. */
static pb_table_cells *copy_columns(const pb_value *table, size_t extra)
{
    size_t count = pb_table_columns(table);
    pb_table_cells *columns = pb_calloc(count + extra, sizeof *columns);
    for (size_t i = 0; columns && i < count; i++) {
        columns[i] = *pb_table_column(table, i);
        columns[i].cells = pb_value_retain(columns[i].cells);
    }
    return columns;
}

static void release_columns(pb_table_cells *columns, size_t count)
{
    for (size_t i = 0; columns && i < count; i++)
        pb_value_release(&columns[i].cells);
    free(columns);
}

pb_status pb_table_pick(pb_keeper *keeper, const pb_value *table, const size_t *rows, size_t count,
                        pb_value **result, pb_error **error)
{
    size_t n_columns = pb_table_columns(table);
    *result = NULL;
    pb_table_cells *columns = copy_columns(table, 0);
    if (!columns)
        return pb_fail_memory(error);
    pb_status status = PB_OK;
    for (size_t i = 0; i < n_columns && !status; i++) {
        pb_value *picked = NULL;
        status = pick_cells(keeper, columns[i].cells, rows, count, &picked, error);
        pb_value_release(&columns[i].cells);
        columns[i].cells = picked;
    }
    if (!status)
        status = pb_value_table(columns, n_columns, count, pb_table_caption(table),
                                table->as.table->model, result, error);
    release_columns(columns, n_columns);
    return status;
}

/* Signed results are read by their sign first, so their cells are shaded. */
static bool holds_negatives(const pb_tensor *tensor)
{
    for (size_t i = 0; i < pb_tensor_size(tensor); i++)
        if (pb_tensor_data(tensor)[i] < 0)
            return true;
    return false;
}

bool pb_value_fills_rows(const pb_value *value, size_t *rows)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    bool fills = pb_value_kind(value) == PB_LIST || (tensor && pb_tensor_rank(tensor) > 0);
    if (fills)
        *rows = tensor ? pb_tensor_size(tensor) : pb_list_count(value);
    return fills;
}

pb_status pb_table_with(pb_keeper *keeper, const pb_value *table, const char *name,
                        const pb_value *cells, pb_value **result, pb_error **error)
{
    size_t count = pb_table_columns(table), at = 0, rows = pb_table_rows(table);
    *result = NULL;
    if (count == 0 && rows == 0 && !pb_value_fills_rows(cells, &rows))
        rows = 1;
    pb_table_cells *columns = copy_columns(table, 1);
    if (!columns)
        return pb_fail_memory(error);
    while (at < count && strcmp(columns[at].name, name) != 0)
        at++;
    pb_value_release(&columns[at].cells);
    columns[at] = (pb_table_cells){.name = name};
    size_t total = at < count ? count : count + 1;
    pb_status status = pb_value_as_column(keeper, cells, rows, &columns[at].cells, error);
    if (!status && pb_value_kind(cells) == PB_TENSOR) {
        columns[at].units = pb_value_meta(cells)->units;
        if (holds_negatives(pb_value_get_tensor(cells)))
            columns[at].look = PB_CELLS_SHADED;
    }
    if (!status && pb_list_of(columns[at].cells, PB_BOOL))
        columns[at].look = PB_CELLS_CHECK;
    if (!status)
        status = pb_value_table(columns, total, rows, pb_table_caption(table),
                                table->as.table->model, result, error);
    release_columns(columns, total);
    return status;
}

/* ---- columns from other values ---- */

static pb_status tensor_cell(const pb_value *value, size_t flat, pb_value **result,
                             pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const pb_look *look = pb_value_meta(value)->look;
    float number = pb_tensor_data(tensor)[flat];
    if (look && look->cell)
        return look->cell(value, number, result, error);
    return pb_tensor_is_boolean(tensor) ? pb_value_bool(number != 0, result, error)
                                        : pb_value_number(number, PB_SINGLE, result, error);
}

pb_status pb_tensor_cells(pb_keeper *keeper, const pb_value *tensor, pb_value **result,
                          pb_error **error)
{
    pb_list_builder cells = {.keeper = keeper};
    for (size_t i = 0; i < pb_tensor_size(pb_value_get_tensor(tensor)); i++) {
        pb_value *cell = NULL;
        pb_status status = tensor_cell(tensor, i, &cell, error);
        if (!status)
            status = pb_list_take(&cells, cell, error);
        if (status) {
            pb_list_discard(&cells);
            return status;
        }
    }
    return pb_list_finish(&cells, true, result, error);
}

/* What a cell keeps: of a result without axes its number. */
static pb_status take_cell(pb_list_builder *cells, const pb_value *value, pb_error **error)
{
    double number;
    pb_value *cell = NULL;
    if (pb_value_kind(value) != PB_TENSOR || !pb_value_scalar(value, &number))
        return pb_list_take(cells, pb_value_retain(value), error);
    pb_status status = pb_value_number(number, PB_SINGLE, &cell, error);
    return status ? status : pb_list_take(cells, cell, error);
}

static pb_status repeat_cell(pb_keeper *keeper, const pb_value *value, size_t rows,
                             pb_value **result, pb_error **error)
{
    pb_list_builder cells = {.keeper = keeper};
    for (size_t i = 0; i < rows; i++) {
        pb_status status = take_cell(&cells, value, error);
        if (status) {
            pb_list_discard(&cells);
            return status;
        }
    }
    return pb_list_finish(&cells, true, result, error);
}

static pb_status list_cells(pb_keeper *keeper, const pb_value *list, pb_value **result,
                            pb_error **error)
{
    size_t count = pb_list_count(list);
    if (pb_list_is_column(list)) {
        *result = pb_value_retain(list);
        return PB_OK;
    }
    pb_list_builder cells = {.keeper = keeper};
    for (size_t i = 0; i < count; i++) {
        pb_status status = take_cell(&cells, pb_list_item(list, i), error);
        if (status) {
            pb_list_discard(&cells);
            return status;
        }
    }
    return pb_list_finish(&cells, true, result, error);
}

pb_status pb_value_as_column(pb_keeper *keeper, const pb_value *value, size_t rows,
                             pb_value **result, pb_error **error)
{
    *result = NULL;
    if (pb_value_kind(value) == PB_LIST)
        return list_cells(keeper, value, result, error);
    const pb_tensor *tensor = pb_value_get_tensor(value);
    if (!tensor || pb_tensor_rank(tensor) == 0)
        return repeat_cell(keeper, value, rows, result, error);
    if (pb_tensor_rank(tensor) != 1) {
        char what[160];
        return pb_fail(error, PB_TYPE, "a column needs one value for each row, this is %s",
                       pb_value_describe(value, what, sizeof what));
    }
    return pb_tensor_cells(keeper, value, result, error);
}

/* ---- a tensor in long form ---- */

/* Positions and tokens are numbers first; other labels (L4H6, L3_mlp, a prompt) name the place. */
static bool counts_places(const pb_axis *axis)
{
    static const char *const names[] = {"pos", "query", "key", "layer", "head"};
    if (!pb_axis_has_labels(axis))
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(pb_axis_name(axis), names[i]) == 0)
            return true;
    return false;
}

/* For each value of the tensor in order, its place along axis `which`. */
static pb_status key_cells(pb_keeper *keeper, const pb_tensor *tensor, size_t which, bool labels,
                           pb_value **result, pb_error **error)
{
    const pb_axis *axis = pb_tensor_axis(tensor, which);
    pb_list_builder cells = {.keeper = keeper};
    size_t offsets[PB_MAX_RANK];
    for (size_t flat = 0; flat < pb_tensor_size(tensor); flat++) {
        pb_tensor_unravel(tensor, flat, offsets);
        pb_value *cell = NULL;
        const char *label = labels ? pb_axis_label(axis, offsets[which]) : NULL;
        pb_status status =
            label ? pb_value_text(label, &cell, error)
                  : pb_value_integer(pb_axis_coordinate(axis, offsets[which]), &cell, error);
        if (!status)
            status = pb_list_take(&cells, cell, error);
        if (status) {
            pb_list_discard(&cells);
            return status;
        }
    }
    return pb_list_finish(&cells, true, result, error);
}

static bool is_position(const pb_axis *axis)
{
    const char *name = pb_axis_name(axis);
    return strcmp(name, "pos") == 0 || strcmp(name, "query") == 0 || strcmp(name, "key") == 0;
}

/* The key columns of one axis: its coordinates, its labels, or for positions both. */
static pb_status key_columns(pb_keeper *keeper, const pb_tensor *tensor, size_t which,
                             pb_table_cells *columns, char label_name[64], size_t *count,
                             pb_error **error)
{
    const pb_axis *axis = pb_tensor_axis(tensor, which);
    const char *name = pb_axis_name(axis);
    bool numbered = counts_places(axis);
    bool is_token = strcmp(name, "token") == 0;
    columns[*count] = (pb_table_cells){
        .name = name, .look = !numbered && is_token ? PB_CELLS_TOKEN : PB_CELLS_KEY};
    pb_status status = key_cells(keeper, tensor, which, !numbered, &columns[*count].cells, error);
    if (status)
        return status;
    *count += 1;
    if (!is_position(axis) || !pb_axis_has_labels(axis))
        return PB_OK;
    bool plain = strcmp(name, "pos") == 0 && pb_tensor_find_axis(tensor, "token") < 0;
    snprintf(label_name, 64, "%s%stoken", plain ? "" : name, plain ? "" : "_");
    columns[*count] = (pb_table_cells){.name = label_name, .look = PB_CELLS_TOKEN};
    status = key_cells(keeper, tensor, which, true, &columns[*count].cells, error);
    if (!status)
        *count += 1;
    return status;
}

/* Columns being gathered: of tensors their places, then values. */
typedef struct pb_gathering {
    pb_keeper *keeper;
    pb_table_cells *columns;
    char label_names[PB_MAX_RANK][64];
    size_t count;
} pb_gathering;

static pb_status gather_start(pb_gathering *g, pb_keeper *keeper, const pb_tensor *tensor,
                              size_t values, pb_error **error)
{
    *g = (pb_gathering){.keeper = keeper};
    g->columns = pb_calloc(2 * PB_MAX_RANK + values, sizeof *g->columns);
    pb_status status = g->columns ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; i < pb_tensor_rank(tensor) && !status; i++)
        status = key_columns(keeper, tensor, i, g->columns, g->label_names[i], &g->count, error);
    return status;
}

static pb_status gather_values(pb_gathering *g, const char *name, const pb_value *tensor,
                               pb_error **error)
{
    pb_table_cells *column = &g->columns[g->count];
    *column = (pb_table_cells){.name = name, .units = pb_value_meta(tensor)->units};
    pb_status status = pb_tensor_cells(g->keeper, tensor, &column->cells, error);
    if (!status && pb_list_of(column->cells, PB_STRING))
        column->look = PB_CELLS_TOKEN;
    g->count += !status;
    return status;
}

static pb_status gather_finish(pb_gathering *g, size_t rows, const char *caption, pb_value *model,
                               pb_status status, pb_value **result, pb_error **error)
{
    if (!status)
        status = pb_value_table(g->columns, g->count, rows, caption, model, result, error);
    for (size_t i = 0; i < g->count; i++)
        pb_keeper_bury(g->keeper, &g->columns[i].cells);
    free(g->columns);
    return status;
}

static bool same_axes(const pb_tensor *a, const pb_tensor *b)
{
    bool same = a && b && pb_tensor_rank(a) == pb_tensor_rank(b);
    for (size_t i = 0; same && i < pb_tensor_rank(a); i++)
        same = pb_axis_same(pb_tensor_axis(a, i), pb_tensor_axis(b, i));
    return same;
}

static bool has_column(const pb_gathering *g, const char *name)
{
    for (size_t i = 0; i < g->count; i++)
        if (strcmp(g->columns[i].name, name) == 0)
            return true;
    return false;
}

/* What a result says of each of its places beside the value: what patching changed, the token that
 * is likeliest. One whose name a key column has goes by that of its look. */
static pb_status gather_fields(pb_gathering *g, const pb_value *tensor, const char *values,
                               pb_error **error)
{
    const pb_meta *meta = pb_value_meta(tensor);
    for (size_t i = 0; i < meta->n_fields; i++) {
        const pb_value *value = meta->fields[i].value;
        const char *name = meta->fields[i].name;
        if (!same_axes(pb_value_get_tensor(value), pb_value_get_tensor(tensor)))
            continue;
        if (has_column(g, name) && pb_value_meta(value)->look)
            name = pb_value_meta(value)->look->name;
        if (has_column(g, name) || strcmp(name, values) == 0)
            continue;
        pb_status status = gather_values(g, name, value, error);
        if (status)
            return status;
        if (holds_negatives(pb_value_get_tensor(value)))
            g->columns[g->count - 1].look = PB_CELLS_SHADED;
    }
    return PB_OK;
}

pb_status pb_table_from_tensor(pb_keeper *keeper, const pb_value *tensor, const char *name,
                               pb_value **result, pb_error **error)
{
    const pb_tensor *values = pb_value_get_tensor(tensor);
    const pb_meta *meta = pb_value_meta(tensor);
    pb_gathering g;
    *result = NULL;
    pb_status status = gather_start(&g, keeper, values, 1 + meta->n_fields, error);
    if (!status && pb_tensor_rank(values) > 0)
        status = gather_fields(&g, tensor, name, error);
    if (!status)
        status = gather_values(&g, name, tensor, error);
    return gather_finish(&g, pb_tensor_size(values), meta->caption, meta->model, status, result,
                         error);
}

pb_status pb_table_of_places(pb_keeper *keeper, const pb_value *tensor, pb_value **result,
                             pb_error **error)
{
    const pb_tensor *values = pb_value_get_tensor(tensor);
    pb_gathering g;
    *result = NULL;
    pb_status status = gather_start(&g, keeper, values, 0, error);
    return gather_finish(&g, pb_tensor_size(values), NULL, pb_value_meta(tensor)->model, status,
                         result, error);
}

pb_status pb_table_from_record(pb_keeper *keeper, const pb_value *record, pb_value **result,
                               pb_error **error)
{
    size_t count = pb_record_count(record);
    const pb_value *first = count ? pb_record_entry(record, 0).value : NULL;
    const pb_tensor *places = pb_value_get_tensor(first);
    pb_gathering g;
    *result = NULL;
    for (size_t i = 0; i < count; i++)
        if (!same_axes(pb_value_get_tensor(pb_record_entry(record, i).value), places))
            return PB_OK;
    if (!places || pb_tensor_rank(places) == 0)
        return PB_OK;
    pb_status status = gather_start(&g, keeper, places, count, error);
    for (size_t i = 0; i < count && !status; i++) {
        pb_entry entry = pb_record_entry(record, i);
        status = gather_values(&g, entry.name, entry.value, error);
    }
    return gather_finish(&g, pb_tensor_size(places), pb_record_caption(record),
                         pb_value_meta(first)->model, status, result, error);
}

bool pb_table_value_equal(pb_comparison *comparison, const pb_value *a, const pb_value *b)
{
    size_t count = pb_table_columns(a);
    if (count != pb_table_columns(b) || pb_table_rows(a) != pb_table_rows(b))
        return false;
    for (size_t i = 0; i < count; i++) {
        const pb_table_cells *column = pb_table_column(a, i);
        const pb_table_cells *other = pb_table_find(b, column->name);
        if (!other || !pb_comparison_equal(comparison, column->cells, other->cells))
            return false;
    }
    return true;
}
