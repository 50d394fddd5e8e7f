/* Columns of values as columns of numbers, marks and texts. */
#include "show_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "display/table.h"
#include "show/show.h"
#include "value/text.h"

/* What one column of a view points into. */
typedef struct pb_drawn_column {
    double *numbers;
    bool *absent;
    char **texts;
    size_t count;
} pb_drawn_column;

static void free_drawn(pb_drawn_column *drawn)
{
    for (size_t i = 0; drawn->texts && i < drawn->count; i++)
        free(drawn->texts[i]);
    free(drawn->texts);
    free(drawn->numbers);
    free(drawn->absent);
}

static bool all_are(const pb_value *cells, size_t count, bool numbers)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        const pb_value *cell = pb_list_item(cells, i);
        pb_kind kind = pb_value_kind(cell);
        if (kind == PB_NONE)
            continue;
        if (kind != (numbers ? PB_NUMBER : PB_BOOL))
            return false;
        any = true;
    }
    return any;
}

static bool read_numbers(const pb_value *cells, pb_drawn_column *drawn)
{
    drawn->numbers = pb_calloc(drawn->count, sizeof *drawn->numbers);
    drawn->absent = pb_calloc(drawn->count, sizeof *drawn->absent);
    if (!drawn->numbers || !drawn->absent)
        return false;
    for (size_t i = 0; i < drawn->count; i++) {
        const pb_value *cell = pb_list_item(cells, i);
        drawn->absent[i] = pb_value_is_none(cell);
        drawn->numbers[i] = drawn->absent[i] ? 0 : pb_value_get_number(cell);
    }
    return true;
}

static bool read_texts(const pb_value *cells, pb_drawn_column *drawn)
{
    drawn->texts = pb_calloc(drawn->count, sizeof *drawn->texts);
    if (!drawn->texts)
        return false;
    for (size_t i = 0; i < drawn->count; i++) {
        const pb_value *cell = pb_list_item(cells, i);
        if (pb_value_is_none(cell))
            continue;
        drawn->texts[i] = pb_value_drawn(cell);
        if (!drawn->texts[i])
            return false;
    }
    return true;
}

static void set_look(pb_cells_look look, bool numbers, pb_column *column)
{
    switch (look) {
    case PB_CELLS_TOKEN:
        if (!numbers)
            column->kind = PB_COLUMN_TOKEN;
        break;
    case PB_CELLS_SHADED:
        column->shade = PB_SHADE_DIVERGING;
        column->format.sign = true;
        break;
    case PB_CELLS_RANGE: column->shade = PB_SHADE_SEQUENTIAL; break;
    case PB_CELLS_PART:
        if (numbers) {
            column->kind = PB_COLUMN_BAR;
            column->range = (pb_range){true, 0, 1};
        }
        break;
    case PB_CELLS_PLAIN:
    case PB_CELLS_KEY:
    case PB_CELLS_CHECK: break;
    }
}

static bool draw_column(const pb_table_cells *cells, size_t rows, pb_column *column,
                        pb_drawn_column *drawn)
{
    bool numbers = all_are(cells->cells, rows, true);
    bool checks = !numbers && all_are(cells->cells, rows, false);
    *column = (pb_column){.name = cells->name, .unit = cells->units};
    drawn->count = rows;
    column->kind = numbers ? PB_COLUMN_NUMBER : checks ? PB_COLUMN_CHECK : PB_COLUMN_TEXT;
    if (!(numbers || checks ? read_numbers(cells->cells, drawn) : read_texts(cells->cells, drawn)))
        return false;
    set_look(cells->look, numbers, column);
    if (numbers && cells->look == PB_CELLS_KEY)
        column->format = (pb_number_format){.style = PB_NUMBER_FIXED};
    column->numbers = drawn->numbers;
    column->absent = drawn->absent;
    column->texts = (const char *const *)drawn->texts;
    return true;
}

pb_status pb_show_table_value(const pb_value *table, pb_bundle **bundle, pb_error **error)
{
    size_t n_columns = pb_table_columns(table), total = pb_table_rows(table);
    size_t rows = total > PB_TABLE_ROWS ? PB_TABLE_ROWS : total; /* more are not shown */
    *bundle = NULL;
    pb_column *columns = pb_calloc(n_columns, sizeof *columns);
    pb_drawn_column *drawn = pb_calloc(n_columns, sizeof *drawn);
    bool ready = columns && drawn;
    for (size_t i = 0; ready && i < n_columns; i++)
        ready = draw_column(pb_table_column(table, i), rows, &columns[i], &drawn[i]);
    pb_table_view view = {.words = {.caption = pb_table_caption(table)},
                          .n_rows = rows,
                          .n_columns = n_columns,
                          .columns = columns,
                          .total_rows = total};
    pb_status status = ready ? pb_show_table(&view, bundle, error) : pb_fail_memory(error);
    for (size_t i = 0; drawn && i < n_columns; i++)
        free_drawn(&drawn[i]);
    free(drawn);
    free(columns);
    return status;
}

/* Names on the left, values on the right. */
pb_status pb_show_record_value(const pb_value *record, pb_bundle **bundle, pb_error **error)
{
    pb_list_builder names = {0}, values = {0};
    pb_table_builder made = {.caption = pb_record_caption(record)};
    pb_value *table = NULL;
    pb_status status = pb_table_from_record(NULL, record, &table, error);
    if (status)
        return status;
    for (size_t i = 0; !table && i < pb_record_count(record); i++) {
        pb_entry entry = pb_record_entry(record, i);
        pb_list_take_text(&names, entry.name);
        pb_list_take(&values, pb_value_retain(entry.value));
    }
    if (!table) {
        pb_table_take_list(&made, &names, (pb_table_cells){.name = "what", .look = PB_CELLS_KEY});
        pb_table_take_list(&made, &values, (pb_table_cells){.name = "value"});
        status = pb_table_finish(&made, &table, error);
    }
    if (!status)
        status = pb_show_table_value(table, bundle, error);
    pb_value_release(&table);
    return status;
}

/* ---- as text ---- */

/* Aligned columns under their names; long tables are cut in the middle. */
static void table_text(const pb_value *table, pb_buffer *out)
{
    pb_bundle *bundle = NULL;
    pb_error *error = NULL;
    if (!pb_show_table_value(table, &bundle, &error)) {
        const char *text = pb_bundle_find(bundle, "text/plain");
        size_t length = text ? strlen(text) : 0;
        while (length > 0 && text[length - 1] == '\n')
            length--;
        pb_buffer_append(out, text ? text : "", length);
    } else {
        out->failed = true;
    }
    pb_bundle_destroy(&bundle);
    pb_error_destroy(&error);
}

void pb_value_str(const pb_value *value, pb_buffer *out)
{
    size_t length;
    const char *bytes = pb_value_get_text(value, &length);
    switch (pb_value_kind(value)) {
    case PB_STRING: pb_buffer_append(out, bytes, length); break;
    case PB_TENSOR: pb_tensor_text(value, out); break;
    case PB_TABLE: table_text(value, out); break;
    default: pb_value_repr(value, false, out); break;
    }
}
