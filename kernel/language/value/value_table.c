/* Tables: named columns of cells. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/gap.h"
#include "base/map.h"
#include "base/memory.h"
#include "value/object.h"
#include "value_private.h"

struct pb_table_value {
    size_t n_columns, n_rows;
    pb_table_cells *columns; /* names, units and cells are owned */
    pb_map *names;           /* the column of each; NULL where there are few */
    char *caption;
    pb_value *model;
};

#define FEW_COLUMNS 16 /* so many are looked through faster than hashed */

static void free_columns(pb_table_cells *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((char *)columns[i].name);
        free((char *)columns[i].units);
        pb_value_release(&columns[i].cells);
    }
}

void pb_table_value_destroy(pb_table_value **table)
{
    pb_table_value *old = *table;
    *table = NULL;
    if (!old)
        return;
    free_columns(old->columns, old->n_columns);
    pb_let_go(old->columns);
    pb_map_destroy(&old->names);
    free(old->caption);
    pb_value_release(&old->model);
    free(old);
}

/* Where the column of a name is; SIZE_MAX if there is none. */
static size_t find_column(const pb_table_cells *columns, size_t count, const pb_map *names,
                          const char *name)
{
    uint64_t at;
    if (names)
        return pb_map_get(names, name, strlen(name), &at) ? (size_t)at : SIZE_MAX;
    for (size_t i = 0; i < count; i++)
        if (strcmp(columns[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

/* ---- making ---- */

static void remember(pb_table_builder *builder, pb_status status)
{
    if (!builder->status)
        builder->status = status;
}

/* Room for one more column, and its name where names are hashed. */
static pb_status make_room(pb_table_builder *builder, pb_error **error)
{
    if (builder->count >= PB_MAX_TABLE_COLUMNS) {
        pb_status status =
            pb_fail(error, PB_LIMIT, "a table has at most %d columns", PB_MAX_TABLE_COLUMNS);
        if (error && *error)
            pb_error_hint(*error, "numbers over many places are a tensor: tensor(values, axes)");
        return status;
    }
    if (builder->count == FEW_COLUMNS && !(builder->names = pb_map_create(4 * FEW_COLUMNS)))
        return pb_fail_memory(error);
    for (size_t i = 0; builder->count == FEW_COLUMNS && i < FEW_COLUMNS; i++) {
        const char *name = builder->columns[i].name;
        if (!pb_map_put(builder->names, name, strlen(name), i))
            return pb_fail_memory(error);
    }
    if (builder->count < builder->capacity)
        return PB_OK;
    size_t capacity = builder->capacity ? builder->capacity * 2 : 8;
    pb_table_cells *columns = pb_realloc(builder->columns, capacity, sizeof *columns);
    if (!columns)
        return pb_fail_memory(error);
    builder->columns = columns;
    builder->capacity = capacity;
    return PB_OK;
}

static pb_status check_length(const pb_table_builder *builder, const pb_table_cells *column,
                              pb_error **error)
{
    size_t count = pb_list_count(column->cells);
    if (count == builder->rows)
        return PB_OK;
    return pb_fail(error, PB_VALUE, "the column %s has %zu values, but the table has %zu rows",
                   column->name, count, builder->rows);
}

/* Takes the cells. */
static pb_status add_column(pb_table_builder *builder, pb_table_cells column, pb_error **error)
{
    char *name = NULL, *units = NULL;
    pb_status status = pb_keeper_check(builder->keeper, error);
    if (!status)
        status = check_length(builder, &column, error);
    if (!status)
        status = make_room(builder, error);
    if (!status &&
        (!pb_copy_text(column.name, &name) || !pb_copy_text(column.units, &units) ||
         (builder->names && !pb_map_put(builder->names, name, strlen(name), builder->count))))
        status = pb_fail_memory(error);
    if (status) {
        free(name);
        free(units);
        pb_keeper_bury(builder->keeper, &column.cells);
        return status;
    }
    builder->columns[builder->count++] = (pb_table_cells){name, column.cells, column.look, units};
    return PB_OK;
}

void pb_table_take(pb_table_builder *builder, pb_table_cells column)
{
    pb_status status = builder->status;
    if (!status && !column.cells)
        status = pb_fail_memory(&builder->error);
    if (!status &&
        find_column(builder->columns, builder->count, builder->names, column.name) != SIZE_MAX)
        status = pb_fail(&builder->error, PB_VALUE, "a table cannot have two columns called %s",
                         column.name);
    if (!status)
        status = add_column(builder, column, &builder->error);
    else
        pb_keeper_bury(builder->keeper, &column.cells);
    remember(builder, status);
}

void pb_table_take_list(pb_table_builder *builder, pb_list_builder *cells, pb_table_cells column)
{
    if (builder->count == 0)
        builder->rows = cells->count;
    if (!builder->status)
        builder->status = pb_list_finish(cells, true, &column.cells, &builder->error);
    else
        pb_list_discard(cells);
    pb_table_take(builder, column);
}

void pb_table_take_columns(pb_table_builder *builder, const pb_value *table)
{
    builder->rows = pb_table_rows(table);
    builder->caption = pb_table_caption(table);
    builder->model = table->as.table->model;
    for (size_t i = 0; !builder->status && i < pb_table_columns(table); i++) {
        pb_table_cells column = *pb_table_column(table, i);
        column.cells = pb_value_retain(column.cells);
        pb_table_take(builder, column);
    }
}

bool pb_table_has(const pb_table_builder *builder, const char *name)
{
    return find_column(builder->columns, builder->count, builder->names, name) != SIZE_MAX;
}

/* Empties the builder of all but what it remembers. */
static void drop_columns(pb_table_builder *builder)
{
    free_columns(builder->columns, builder->count);
    free(builder->columns);
    pb_map_destroy(&builder->names);
    *builder = (pb_table_builder){.status = builder->status, .error = builder->error};
}

/* The builder's columns as a value. */
static pb_status seal(pb_table_builder *builder, pb_value **result, pb_error **error)
{
    const char *caption = builder->caption;
    unsigned deepest = 0;
    pb_value *value = pb_value_new(PB_TABLE);
    pb_table_value *table = value ? pb_calloc(1, sizeof *table) : NULL;
    if (!table) {
        pb_let_go(value);
        return pb_fail_memory(error);
    }
    value->as.table = table;
    *table = (pb_table_value){.n_columns = builder->count,
                              .n_rows = builder->rows,
                              .columns = pb_hold(builder->columns),
                              .names = builder->names,
                              .model = pb_value_retain(builder->model)};
    *builder = (pb_table_builder){0};
    for (size_t i = 0; i < table->n_columns; i++)
        if (pb_value_depth(table->columns[i].cells) > deepest)
            deepest = pb_value_depth(table->columns[i].cells);
    pb_status status = pb_copy_text(caption, &table->caption) ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = pb_value_set_depth(value, deepest, error);
    if (status)
        pb_value_release(&value);
    *result = value;
    return status;
}

pb_status pb_table_finish(pb_table_builder *builder, pb_value **result, pb_error **error)
{
    pb_status status = builder->status;
    *result = NULL;
    if (!status)
        status = seal(builder, result, &builder->error);
    drop_columns(builder);
    pb_error_move(&builder->error, error);
    *builder = (pb_table_builder){0};
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
    if (pb_value_kind(table) != PB_TABLE)
        return NULL;
    const pb_table_value *held = table->as.table;
    size_t at = find_column(held->columns, held->n_columns, held->names, name);
    return at != SIZE_MAX ? &held->columns[at] : NULL;
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
    for (size_t i = 0; !picked.status && i < count; i++)
        pb_list_take(&picked, pb_value_retain(pb_list_item(cells, rows[i])));
    return pb_list_finish(&picked, true, result, error);
}

pb_status pb_table_pick(pb_keeper *keeper, const pb_value *table, const size_t *rows, size_t count,
                        pb_value **result, pb_error **error)
{
    pb_table_builder picked = {.keeper = keeper,
                               .rows = count,
                               .caption = pb_table_caption(table),
                               .model = table->as.table->model};
    for (size_t i = 0; !picked.status && i < pb_table_columns(table); i++) {
        pb_table_cells column = *pb_table_column(table, i);
        column.cells = NULL;
        picked.status = pick_cells(keeper, pb_table_column(table, i)->cells, rows, count,
                                   &column.cells, &picked.error);
        pb_table_take(&picked, column);
    }
    return pb_table_finish(&picked, result, error);
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

/* How a column looks that is made of a value. */
static void dress_column(pb_table_cells *column, const pb_value *value)
{
    if (pb_value_kind(value) == PB_TENSOR) {
        column->units = pb_value_meta(value)->units;
        if (holds_negatives(pb_value_get_tensor(value)))
            column->look = PB_CELLS_SHADED;
    }
    if (pb_list_of(column->cells, PB_BOOL))
        column->look = PB_CELLS_CHECK;
}

/* Another column in the place of one that has its name. Takes the cells. */
static pb_status replace_column(pb_table_builder *builder, size_t at, pb_table_cells column,
                                pb_error **error)
{
    char *units = NULL;
    pb_status status = check_length(builder, &column, error);
    if (!status && !pb_copy_text(column.units, &units))
        status = pb_fail_memory(error);
    if (status) {
        pb_keeper_bury(builder->keeper, &column.cells);
        return status;
    }
    pb_table_cells *old = &builder->columns[at];
    free((char *)old->units);
    pb_value_release(&old->cells);
    *old = (pb_table_cells){old->name, column.cells, column.look, units};
    return PB_OK;
}

void pb_table_set(pb_table_builder *builder, const char *name, const pb_value *value)
{
    pb_table_cells column = {.name = name};
    if (builder->status)
        return;
    pb_status status =
        pb_value_as_column(builder->keeper, value, builder->rows, &column.cells, &builder->error);
    size_t at = find_column(builder->columns, builder->count, builder->names, name);
    if (!status) {
        dress_column(&column, value);
        status = at != SIZE_MAX ? replace_column(builder, at, column, &builder->error)
                                : add_column(builder, column, &builder->error);
    }
    remember(builder, status);
}

pb_status pb_table_with(pb_keeper *keeper, const pb_value *table, const char *name,
                        const pb_value *cells, pb_value **result, pb_error **error)
{
    pb_table_builder builder = {.keeper = keeper};
    pb_table_take_columns(&builder, table);
    if (builder.count == 0 && builder.rows == 0 && !pb_value_fills_rows(cells, &builder.rows))
        builder.rows = 1;
    pb_table_set(&builder, name, cells);
    return pb_table_finish(&builder, result, error);
}

/* ---- columns from other values ---- */

static pb_status tensor_cell(const pb_value *value, size_t flat, pb_value **result,
                             pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const pb_look *look = pb_value_meta(value)->look;
    float number = pb_tensor_data(tensor)[flat];
    if (pb_is_gap(number))
        return pb_value_none(result, error);
    if (look && look->cell)
        return look->cell(value, number, result, error);
    return pb_tensor_is_boolean(tensor) ? pb_value_bool(number != 0, result, error)
                                        : pb_value_number(number, PB_SINGLE, result, error);
}

pb_status pb_tensor_cells(pb_keeper *keeper, const pb_value *tensor, pb_value **result,
                          pb_error **error)
{
    pb_list_builder cells = {.keeper = keeper};
    size_t count = pb_tensor_size(pb_value_get_tensor(tensor));
    for (size_t i = 0; !cells.status && i < count; i++) {
        pb_value *cell = NULL;
        cells.status = tensor_cell(tensor, i, &cell, &cells.error);
        pb_list_take(&cells, cell);
    }
    return pb_list_finish(&cells, true, result, error);
}

/* What a cell keeps: of a result without axes its number. */
static void take_cell(pb_list_builder *cells, const pb_value *value)
{
    double number;
    if (pb_value_kind(value) == PB_TENSOR && pb_value_scalar(value, &number))
        pb_list_take_number(cells, number, PB_SINGLE);
    else
        pb_list_take(cells, pb_value_retain(value));
}

static pb_status repeat_cell(pb_keeper *keeper, const pb_value *value, size_t rows,
                             pb_value **result, pb_error **error)
{
    pb_list_builder cells = {.keeper = keeper};
    for (size_t i = 0; !cells.status && i < rows; i++)
        take_cell(&cells, value);
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
    for (size_t i = 0; !cells.status && i < count; i++)
        take_cell(&cells, pb_list_item(list, i));
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
static void take_keys(pb_table_builder *out, const pb_tensor *tensor, size_t which, bool labels,
                      pb_table_cells column)
{
    const pb_axis *axis = pb_tensor_axis(tensor, which);
    pb_list_builder cells = {.keeper = out->keeper};
    size_t offsets[PB_MAX_RANK];
    for (size_t flat = 0; !out->status && !cells.status && flat < pb_tensor_size(tensor); flat++) {
        pb_tensor_unravel(tensor, flat, offsets);
        const char *label = labels ? pb_axis_label(axis, offsets[which]) : NULL;
        if (label)
            pb_list_take_text(&cells, label);
        else
            pb_list_take_number(&cells, (double)pb_axis_coordinate(axis, offsets[which]),
                                PB_INTEGER);
    }
    pb_table_take_list(out, &cells, column);
}

static bool is_position(const pb_axis *axis)
{
    const char *name = pb_axis_name(axis);
    return strcmp(name, "pos") == 0 || strcmp(name, "query") == 0 || strcmp(name, "key") == 0;
}

/* The key columns of one axis: its coordinates, its labels, or for positions both. */
static void take_axis(pb_table_builder *out, const pb_tensor *tensor, size_t which)
{
    const pb_axis *axis = pb_tensor_axis(tensor, which);
    const char *name = pb_axis_name(axis);
    bool numbered = counts_places(axis), is_token = strcmp(name, "token") == 0;
    char label_name[64];
    take_keys(out, tensor, which, !numbered,
              (pb_table_cells){.name = name,
                               .look = !numbered && is_token ? PB_CELLS_TOKEN : PB_CELLS_KEY});
    if (!is_position(axis) || !pb_axis_has_labels(axis))
        return;
    bool plain = strcmp(name, "pos") == 0 && pb_tensor_find_axis(tensor, "token") < 0;
    snprintf(label_name, sizeof label_name, "%s%stoken", plain ? "" : name, plain ? "" : "_");
    take_keys(out, tensor, which, true,
              (pb_table_cells){.name = label_name, .look = PB_CELLS_TOKEN});
}

/* A table of the places of a tensor, and room for columns beside them. */
static pb_table_builder table_of_places(pb_keeper *keeper, const pb_tensor *tensor,
                                        const char *caption, pb_value *model)
{
    pb_table_builder made = {
        .keeper = keeper, .rows = pb_tensor_size(tensor), .caption = caption, .model = model};
    for (size_t i = 0; i < pb_tensor_rank(tensor); i++)
        take_axis(&made, tensor, i);
    return made;
}

static void take_values(pb_table_builder *out, const char *name, const pb_value *tensor,
                        pb_cells_look look)
{
    pb_table_cells column = {.name = name, .look = look, .units = pb_value_meta(tensor)->units};
    if (!out->status)
        out->status = pb_tensor_cells(out->keeper, tensor, &column.cells, &out->error);
    if (!out->status && pb_list_of(column.cells, PB_STRING))
        column.look = PB_CELLS_TOKEN;
    pb_table_take(out, column);
}

static bool same_axes(const pb_tensor *a, const pb_tensor *b)
{
    bool same = a && b && pb_tensor_rank(a) == pb_tensor_rank(b);
    for (size_t i = 0; same && i < pb_tensor_rank(a); i++)
        same = pb_axis_same(pb_tensor_axis(a, i), pb_tensor_axis(b, i));
    return same;
}

/* What a result says of each of its places beside the value: what patching changed, the token that
 * is likeliest. One whose name a key column has goes by that of its look. */
static void take_fields(pb_table_builder *out, const pb_value *tensor, const char *values)
{
    const pb_meta *meta = pb_value_meta(tensor);
    for (size_t i = 0; i < meta->n_fields; i++) {
        const pb_value *value = meta->fields[i].value;
        const char *name = meta->fields[i].name;
        if (!same_axes(pb_value_get_tensor(value), pb_value_get_tensor(tensor)))
            continue;
        if (pb_table_has(out, name) && pb_value_meta(value)->look)
            name = pb_value_meta(value)->look->name;
        if (!pb_table_has(out, name) && strcmp(name, values) != 0)
            take_values(out, name, value,
                        holds_negatives(pb_value_get_tensor(value)) ? PB_CELLS_SHADED
                                                                    : PB_CELLS_PLAIN);
    }
}

pb_status pb_table_from_tensor(pb_keeper *keeper, const pb_value *tensor, const char *name,
                               pb_value **result, pb_error **error)
{
    const pb_tensor *values = pb_value_get_tensor(tensor);
    const pb_meta *meta = pb_value_meta(tensor);
    pb_table_builder made = table_of_places(keeper, values, meta->caption, meta->model);
    if (pb_tensor_rank(values) > 0)
        take_fields(&made, tensor, name);
    take_values(&made, name, tensor, PB_CELLS_PLAIN);
    return pb_table_finish(&made, result, error);
}

pb_status pb_table_of_places(pb_keeper *keeper, const pb_value *tensor, pb_value **result,
                             pb_error **error)
{
    pb_table_builder made =
        table_of_places(keeper, pb_value_get_tensor(tensor), NULL, pb_value_meta(tensor)->model);
    return pb_table_finish(&made, result, error);
}

pb_status pb_table_from_record(pb_keeper *keeper, const pb_value *record, pb_value **result,
                               pb_error **error)
{
    size_t count = pb_record_count(record);
    const pb_value *first = count ? pb_record_entry(record, 0).value : NULL;
    const pb_tensor *places = pb_value_get_tensor(first);
    *result = NULL;
    for (size_t i = 0; i < count; i++)
        if (!same_axes(pb_value_get_tensor(pb_record_entry(record, i).value), places))
            return PB_OK;
    if (!places || pb_tensor_rank(places) == 0)
        return PB_OK;
    pb_table_builder made =
        table_of_places(keeper, places, pb_record_caption(record), pb_value_meta(first)->model);
    for (size_t i = 0; i < count; i++)
        take_values(&made, pb_record_entry(record, i).name, pb_record_entry(record, i).value,
                    PB_CELLS_PLAIN);
    return pb_table_finish(&made, result, error);
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
