/* Values as CSV and back (RFC 4180), numbers with nine significant digits. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "eval/interp.h"
#include "words.h"

/* ---- writing ---- */

/* Would these bytes, without quotes, be read as something else than text? */
static bool reads_otherwise(const char *text, size_t length)
{
    char *end = NULL;
    if (strcmp(text, "True") == 0 || strcmp(text, "False") == 0)
        return true;
    strtod(text, &end);
    return end != text && end == text + length;
}

static void write_text(const char *text, size_t length, pb_buffer *out)
{
    bool plain =
        length > 0 && text[0] != ' ' && text[length - 1] != ' ' && !reads_otherwise(text, length);
    for (size_t i = 0; plain && i < length; i++)
        plain = !strchr(",\"\r\n", text[i]) && text[i];
    if (plain) {
        pb_buffer_append(out, text, length);
        return;
    }
    pb_buffer_byte(out, '"');
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"')
            pb_buffer_byte(out, '"');
        pb_buffer_byte(out, text[i]);
    }
    pb_buffer_byte(out, '"');
}

static void write_cell(const pb_value *value, pb_buffer *out)
{
    size_t length;
    const char *text = pb_value_get_text(value, &length);
    if (text) {
        write_text(text, length, out);
    } else if (pb_value_kind(value) == PB_NUMBER) {
        double number = pb_value_get_number(value);
        if (pb_value_is_integer(value))
            pb_buffer_format(out, "%.0f", number);
        else if (number == 0 && signbit(number))
            pb_buffer_text(out, "-0.0"); /* "-0" would be an integer, which has no sign there */
        else
            pb_buffer_format(out, "%.9g", number);
    } else if (pb_value_kind(value) == PB_BOOL) {
        pb_buffer_text(out, pb_value_get_bool(value) ? "True" : "False");
    } else if (!pb_value_is_none(value)) {
        pb_buffer written = PB_BUFFER_EMPTY;
        pb_value_repr(value, true, &written);
        write_text(written.data ? written.data : "", written.length, out);
        pb_buffer_free(&written);
    }
}

static pb_status write_table(pb_interp *interp, const pb_value *table, pb_buffer *out,
                             pb_error **error)
{
    size_t columns = pb_table_columns(table);
    for (size_t i = 0; i < columns; i++) {
        const char *name = pb_table_column(table, i)->name;
        if (i > 0)
            pb_buffer_byte(out, ',');
        write_text(name, strlen(name), out);
    }
    pb_buffer_byte(out, '\n');
    for (size_t row = 0; row < pb_table_rows(table); row++) {
        pb_status status = pb_interp_check(interp, error);
        if (status)
            return status;
        for (size_t i = 0; i < columns; i++) {
            if (i > 0)
                pb_buffer_byte(out, ',');
            write_cell(pb_list_item(pb_table_column(table, i)->cells, row), out);
        }
        pb_buffer_byte(out, '\n');
    }
    return PB_OK;
}

static pb_status as_table(pb_interp *interp, const pb_value *value, pb_value **table,
                          pb_error **error)
{
    pb_table_builder made = {.keeper = pb_interp_keeper(interp), .rows = 1};
    if (pb_value_kind(value) == PB_TENSOR)
        return pb_table_from_tensor(made.keeper, value, "value", table, error);
    if (pb_value_kind(value) == PB_TABLE) {
        *table = pb_value_retain(value);
        return PB_OK;
    }
    pb_value_fills_rows(value, &made.rows);
    pb_table_set(&made, "value", value);
    return pb_table_finish(&made, table, error);
}

static pb_status record_table(pb_interp *interp, const pb_value *record, pb_value **table,
                              pb_error **error)
{
    pb_status status = pb_table_from_record(pb_interp_keeper(interp), record, table, error);
    if (status || *table)
        return status;
    pb_table_builder made = {.keeper = pb_interp_keeper(interp), .rows = 1};
    for (size_t i = 0; !made.status && i < pb_record_count(record); i++) {
        pb_entry entry = pb_record_entry(record, i);
        pb_value *cells = NULL;
        made.status =
            pb_value_take_list(&(pb_value *){pb_value_retain(entry.value)}, 1, &cells, &made.error);
        pb_table_set(&made, entry.name, cells);
        pb_value_release(&cells);
    }
    return pb_table_finish(&made, table, error);
}

bool pb_object_table(pb_interp *interp, const pb_value *object, pb_value **table)
{
    *table = NULL;
    if (pb_value_kind(object) != PB_OBJECT ||
        pb_interp_attribute(interp, object, "table", table, NULL))
        return false;
    if (pb_value_kind(*table) == PB_TABLE)
        return true;
    pb_value_release(table);
    return false;
}

/* Records of the same names, such as a sweep's checks, as the rows of a table. */
static bool same_names(const pb_value *list)
{
    const pb_value *first = pb_list_count(list) ? pb_list_item(list, 0) : NULL;
    bool same = pb_list_of(list, PB_RECORD) && pb_list_count(list) > 0;
    for (size_t i = 1; same && i < pb_list_count(list); i++) {
        const pb_value *record = pb_list_item(list, i);
        same = pb_record_count(record) == pb_record_count(first);
        for (size_t k = 0; same && k < pb_record_count(first); k++)
            same = strcmp(pb_record_entry(record, k).name, pb_record_entry(first, k).name) == 0;
    }
    return same;
}

static pb_status records_table(pb_interp *interp, const pb_value *list, pb_value **table,
                               pb_error **error)
{
    const pb_value *first = pb_list_item(list, 0);
    pb_table_builder made = {.keeper = pb_interp_keeper(interp), .rows = pb_list_count(list)};
    for (size_t k = 0; !made.status && k < pb_record_count(first); k++) {
        pb_list_builder column = {.keeper = made.keeper};
        for (size_t i = 0; !column.status && i < pb_list_count(list); i++)
            pb_list_take(&column, pb_value_retain(pb_record_entry(pb_list_item(list, i), k).value));
        pb_table_take_list(&made, &column,
                           (pb_table_cells){.name = pb_record_entry(first, k).name});
    }
    return pb_table_finish(&made, table, error);
}

pb_status pb_write_csv(pb_interp *interp, const pb_value *value, pb_buffer *out, pb_error **error)
{
    const pb_object_type *type = pb_value_object_type(value);
    pb_value *table = NULL;
    pb_status status = PB_OK;
    if (type) {
        if (!pb_object_table(interp, value, &table))
            return pb_fail(error, PB_TYPE, "%s has no rows and columns to write", type->article);
    } else if (pb_value_kind(value) == PB_RECORD) {
        status = record_table(interp, value, &table, error);
    } else if (pb_value_kind(value) == PB_LIST && same_names(value)) {
        status = records_table(interp, value, &table, error);
    } else {
        status = as_table(interp, value, &table, error);
    }
    if (!status)
        status = write_table(interp, table, out, error);
    if (!status)
        status = pb_buffer_status(out, error);
    pb_interp_bury(interp, &table);
    return status;
}

/* ---- reading ---- */

typedef struct pb_csv {
    const char *text;
    size_t at, length;
    bool quoted; /* the last cell was in quotes, so it is text whatever it says */
} pb_csv;

/* One cell into `out`; *ends says that its row ends with it. */
static pb_status read_cell(pb_csv *csv, pb_buffer *out, bool *ends, pb_error **error)
{
    csv->quoted = csv->at < csv->length && csv->text[csv->at] == '"';
    bool inside = csv->quoted;
    csv->at += inside;
    while (csv->at < csv->length) {
        char c = csv->text[csv->at];
        if (inside && c == '"') {
            if (csv->at + 1 < csv->length && csv->text[csv->at + 1] == '"')
                csv->at++;
            else
                inside = false;
            if (inside)
                pb_buffer_byte(out, '"');
            csv->at++;
            continue;
        }
        if (!inside && (c == ',' || c == '\n' || c == '\r'))
            break;
        pb_buffer_byte(out, c);
        csv->at++;
    }
    if (inside)
        return pb_fail(error, PB_FORMAT, "a quote in this CSV file is not closed");
    *ends = csv->at >= csv->length || csv->text[csv->at] != ',';
    if (csv->at < csv->length && csv->text[csv->at] == '\r')
        csv->at++;
    if (csv->at < csv->length && (csv->text[csv->at] == ',' || csv->text[csv->at] == '\n'))
        csv->at++;
    return pb_buffer_status(out, error);
}

/* A number, True, False, nothing, or text. */
static pb_status cell_value(const pb_buffer *cell, bool quoted, pb_value **result, pb_error **error)
{
    const char *text = cell->data ? cell->data : "";
    char *end = NULL;
    if (quoted)
        return pb_value_string(text, cell->length, result, error);
    if (cell->length == 0)
        return pb_value_none(result, error);
    if (strcmp(text, "True") == 0 || strcmp(text, "False") == 0)
        return pb_value_bool(text[0] == 'T', result, error);
    double number = strtod(text, &end);
    if (end == text + cell->length && !strpbrk(text, "xX") && text[0] != ' ')
        return pb_value_number(number, strpbrk(text, ".eEnN") ? PB_DOUBLE : PB_INTEGER, result,
                               error);
    return pb_value_string(text, cell->length, result, error);
}

/* One row as a list of values. */
static void read_row(pb_csv *csv, bool names, pb_list_builder *row)
{
    for (bool ends = false; !row->status && !ends;) {
        pb_buffer cell = PB_BUFFER_EMPTY;
        pb_value *value = NULL;
        row->status = read_cell(csv, &cell, &ends, &row->error);
        if (!row->status)
            row->status = cell_value(&cell, csv->quoted || names, &value, &row->error);
        pb_list_take(row, value);
        if (!row->status && row->count > PB_MAX_TABLE_COLUMNS)
            row->status = pb_fail(&row->error, PB_LIMIT,
                                  "a table has at most %d columns, and this CSV file has more",
                                  PB_MAX_TABLE_COLUMNS);
        pb_buffer_free(&cell);
    }
}

static pb_status columns_of(pb_interp *interp, const pb_list_builder *names,
                            pb_list_builder *columns, pb_value **result, pb_error **error)
{
    pb_table_builder made = {.keeper = pb_interp_keeper(interp)};
    for (size_t i = 0; !made.status && i < names->count; i++) {
        made.status = pb_value_check_names(names->items[i], &made.error);
        pb_table_take_list(&made, &columns[i],
                           (pb_table_cells){.name = pb_value_get_text(names->items[i], NULL)});
    }
    return pb_table_finish(&made, result, error);
}

static pb_status read_rows(pb_interp *interp, pb_csv *csv, const pb_list_builder *names,
                           pb_list_builder *columns, pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t line = 2; !status && csv->at < csv->length; line++) {
        pb_list_builder row = {.keeper = pb_interp_keeper(interp)};
        row.status = pb_interp_check(interp, &row.error);
        read_row(csv, false, &row);
        bool blank = row.count == 1 && pb_value_is_none(row.items[0]);
        if (!row.status && row.count != names->count && !blank)
            row.status =
                pb_fail(&row.error, PB_FORMAT, "row %zu of this CSV file has %zu cells, not %zu",
                        line, row.count, names->count);
        if (!row.status && !(blank && names->count != 1))
            for (size_t i = 0; i < row.count; i++)
                pb_list_take(&columns[i], pb_value_retain(row.items[i]));
        status = row.status;
        pb_error_move(&row.error, error);
        pb_list_discard(&row);
    }
    return status;
}

pb_status pb_read_csv(pb_interp *interp, const char *text, size_t length, pb_value **result,
                      pb_error **error)
{
    pb_csv csv = {.text = text, .length = length};
    pb_list_builder names = {.keeper = pb_interp_keeper(interp)};
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        csv.at = 3;
    read_row(&csv, true, &names);
    pb_status status = names.status;
    pb_error_move(&names.error, error);
    if (!status && names.count == 1 && !csv.quoted && pb_value_is_text(names.items[0], ""))
        pb_list_discard(&names); /* the header of no columns; an empty name is in quotes */
    pb_list_builder *columns = pb_calloc(names.count, sizeof *columns);
    if (!status && !columns)
        status = pb_fail_memory(error);
    if (!status)
        status = read_rows(interp, &csv, &names, columns, error);
    if (!status)
        status = columns_of(interp, &names, columns, result, error);
    for (size_t i = 0; columns && i < names.count; i++)
        pb_list_discard(&columns[i]);
    free(columns);
    pb_list_discard(&names);
    return status;
}
