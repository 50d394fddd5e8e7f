/* Values written as JSON; json_private.h has the form. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/gap.h"
#include "base/utf8.h"
#include "json_private.h"

#define DEEPEST 500 /* lists, records and tables in each other */

/* Written as it is walked, so that it needs no second copy and can be stopped anywhere. */
typedef struct json_writer {
    pb_interp *interp;
    pb_buffer *out;
    pb_status status;
    pb_error **error;
} json_writer;

static bool goes_on(json_writer *w)
{
    if (!w->status)
        w->status = pb_interp_check(w->interp, w->error);
    return !w->status && !w->out->failed;
}

static void write_separator(json_writer *w, size_t i)
{
    if (i > 0)
        pb_buffer_text(w->out, ", ");
}

static bool is_utf8(const char *text, size_t length)
{
    return pb_utf8_valid_prefix(text, length) == length;
}

/* A string whose bytes are UTF-8. */
static void write_string(json_writer *w, const char *text, size_t length)
{
    json_t *string = json_stringn_nocheck(text, length);
    char *written = json_dumps(string, JSON_ENCODE_ANY);
    pb_buffer_text(w->out, written ? written : "");
    w->out->failed = w->out->failed || !written;
    free(written);
    json_decref(string);
}

static void write_name(json_writer *w, size_t i, const char *name)
{
    write_separator(w, i);
    write_string(w, name, strlen(name));
    pb_buffer_text(w->out, ": ");
}

/* A string of any bytes. */
static void write_text(json_writer *w, const char *text, size_t length)
{
    if (is_utf8(text, length)) {
        write_string(w, text, length);
        return;
    }
    pb_buffer latin1 = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < length; i++)
        pb_buffer_code_point(&latin1, (unsigned char)text[i]);
    pb_buffer_byte(w->out, '{');
    write_name(w, 0, MARK_NAME);
    pb_buffer_text(w->out, "\"bytes\", ");
    write_name(w, 0, "latin1");
    write_string(w, latin1.data ? latin1.data : "", latin1.length);
    pb_buffer_byte(w->out, '}');
    w->out->failed = w->out->failed || latin1.failed;
    pb_buffer_free(&latin1);
}

static const char *unusual_number(double number)
{
    return isnan(number) ? "nan" : number > 0 ? "inf" : "-inf";
}

static void write_number(json_writer *w, double number, pb_precision precision)
{
    if (isfinite(number))
        pb_number_text(number, precision, w->out);
    else
        pb_buffer_format(w->out, "{\"%s\": \"%s\"}", MARK_NAME, unusual_number(number));
}

static void write_axis(json_writer *w, const pb_axis *axis)
{
    pb_buffer_text(w->out, "{");
    write_name(w, 0, "name");
    write_text(w, pb_axis_name(axis), strlen(pb_axis_name(axis)));
    write_name(w, 1, "coordinates");
    pb_buffer_byte(w->out, '[');
    for (size_t i = 0; i < pb_axis_length(axis) && goes_on(w); i++) {
        write_separator(w, i);
        pb_buffer_format(w->out, "%lld", (long long)pb_axis_coordinate(axis, i));
    }
    pb_buffer_byte(w->out, ']');
    if (pb_axis_has_labels(axis)) {
        write_name(w, 2, "labels");
        pb_buffer_byte(w->out, '[');
        for (size_t i = 0; i < pb_axis_length(axis) && goes_on(w); i++) {
            write_separator(w, i);
            write_text(w, pb_axis_label(axis, i), strlen(pb_axis_label(axis, i)));
        }
        pb_buffer_byte(w->out, ']');
    }
    pb_buffer_byte(w->out, '}');
}

/* Says in the mark of a tensor or a table where a number is that JSON has no form for. */
static void mark_number(pb_buffer *mark, double number, size_t column, size_t row)
{
    if (!isfinite(number) && !pb_is_gap((float)number)) /* a gap is null without a mark */
        pb_buffer_format(mark, " %s@%zu:%zu", unusual_number(number), column, row);
}

/* Takes the mark. */
static void write_mark(json_writer *w, size_t i, pb_buffer *mark)
{
    write_name(w, i, MARK_NAME);
    write_string(w, mark->data ? mark->data : "", mark->length);
    w->out->failed = w->out->failed || mark->failed;
    pb_buffer_free(mark);
}

static void write_tensor(json_writer *w, const pb_value *value)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const pb_meta *meta = pb_value_meta(value);
    const char *words[][2] = {{"units", meta->units}, {"caption", meta->caption}};
    pb_buffer mark = PB_BUFFER_EMPTY;
    pb_buffer_text(&mark, pb_tensor_is_boolean(tensor) ? "mask" : "tensor");
    pb_buffer_byte(w->out, '{');
    write_name(w, 0, "axes");
    pb_buffer_byte(w->out, '[');
    for (size_t i = 0; i < pb_tensor_rank(tensor); i++) {
        write_separator(w, i);
        write_axis(w, pb_tensor_axis(tensor, i));
    }
    pb_buffer_byte(w->out, ']');
    write_name(w, 1, "values");
    pb_buffer_byte(w->out, '[');
    for (size_t i = 0; i < pb_tensor_size(tensor) && goes_on(w); i++) {
        double number = (double)pb_tensor_data(tensor)[i];
        write_separator(w, i);
        if (isfinite(number))
            pb_number_text(number, PB_SINGLE, w->out);
        else
            pb_buffer_text(w->out, "null");
        mark_number(&mark, number, 0, i);
    }
    pb_buffer_byte(w->out, ']');
    for (size_t i = 0; i < 2; i++)
        if (words[i][1]) {
            write_name(w, 2, words[i][0]);
            write_text(w, words[i][1], strlen(words[i][1]));
        }
    write_mark(w, 2, &mark);
    pb_buffer_byte(w->out, '}');
}

static void write_value(json_writer *w, const pb_value *value, unsigned depth);

static void write_list(json_writer *w, const pb_value *list, unsigned depth)
{
    pb_buffer_byte(w->out, '[');
    for (size_t i = 0; i < pb_list_count(list) && goes_on(w); i++) {
        write_separator(w, i);
        write_value(w, pb_list_item(list, i), depth + 1);
    }
    pb_buffer_byte(w->out, ']');
}

/* Whether these can be the names of an object: UTF-8, and none is the mark's. */
static bool is_usual_name(const char *name)
{
    return strcmp(name, MARK_NAME) != 0 && is_utf8(name, strlen(name));
}

static bool has_usual_names(const pb_value *value)
{
    bool table = pb_value_kind(value) == PB_TABLE, usual = true;
    size_t count = table ? pb_table_columns(value) : pb_record_count(value);
    for (size_t i = 0; usual && i < count; i++)
        usual =
            is_usual_name(table ? pb_table_column(value, i)->name : pb_record_entry(value, i).name);
    return usual;
}

/* {"patchbay": KIND, "names": [...], LISTED: [ and what follows is the caller's, with its "]}". */
static void write_names_apart(json_writer *w, const pb_value *value, const char *kind,
                              const char *listed)
{
    bool table = pb_value_kind(value) == PB_TABLE;
    size_t count = table ? pb_table_columns(value) : pb_record_count(value);
    pb_buffer_format(w->out, "{\"%s\": \"%s\", \"names\": [", MARK_NAME, kind);
    for (size_t i = 0; i < count && goes_on(w); i++) {
        const char *name = table ? pb_table_column(value, i)->name : pb_record_entry(value, i).name;
        write_separator(w, i);
        write_text(w, name, strlen(name));
    }
    pb_buffer_format(w->out, "], \"%s\": [", listed);
}

static void write_record(json_writer *w, const pb_value *record, unsigned depth)
{
    bool usual = has_usual_names(record);
    if (usual)
        pb_buffer_byte(w->out, '{');
    else
        write_names_apart(w, record, "record", "values");
    for (size_t i = 0; i < pb_record_count(record) && goes_on(w); i++) {
        pb_entry entry = pb_record_entry(record, i);
        if (usual)
            write_name(w, i, entry.name);
        else
            write_separator(w, i);
        write_value(w, entry.value, depth + 1);
    }
    pb_buffer_text(w->out, usual ? "}" : "]}");
}

static void mark_column(pb_buffer *mark, const pb_value *cells, size_t column)
{
    for (size_t row = 0; row < pb_list_count(cells); row++)
        if (pb_value_kind(pb_list_item(cells, row)) == PB_NUMBER)
            mark_number(mark, pb_value_get_number(pb_list_item(cells, row)), column, row);
}

/* A cell of a table whose mark says which number it is, if it is one that JSON has no form for. */
static void write_cell(json_writer *w, const pb_value *cell, unsigned depth)
{
    if (pb_value_kind(cell) == PB_NUMBER && !isfinite(pb_value_get_number(cell)))
        pb_buffer_text(w->out, "null");
    else
        write_value(w, cell, depth);
}

static void write_columns_apart(json_writer *w, const pb_value *table, unsigned depth)
{
    write_names_apart(w, table, "columns", "columns");
    for (size_t i = 0; i < pb_table_columns(table) && goes_on(w); i++) {
        write_separator(w, i);
        write_list(w, pb_table_column(table, i)->cells, depth + 1);
    }
    pb_buffer_text(w->out, "]}");
}

/* By its columns. */
static void write_table(json_writer *w, const pb_value *table, unsigned depth)
{
    size_t count = pb_table_columns(table);
    pb_buffer mark = PB_BUFFER_EMPTY;
    if (!has_usual_names(table)) {
        write_columns_apart(w, table, depth);
        return;
    }
    pb_buffer_text(&mark, "table");
    pb_buffer_byte(w->out, '{');
    for (size_t i = 0; i < count && goes_on(w); i++) {
        const pb_table_cells *column = pb_table_column(table, i);
        write_name(w, i, column->name);
        pb_buffer_byte(w->out, '[');
        for (size_t row = 0; row < pb_table_rows(table) && goes_on(w); row++) {
            write_separator(w, row);
            write_cell(w, pb_list_item(column->cells, row), depth + 2);
        }
        pb_buffer_byte(w->out, ']');
        mark_column(&mark, column->cells, i);
    }
    write_mark(w, count, &mark);
    pb_buffer_byte(w->out, '}');
}

static void refuse(json_writer *w, const pb_value *value, const char *why)
{
    char what[160];
    if (!w->status)
        w->status = pb_fail(w->error, PB_TYPE, "%s cannot be written as JSON%s",
                            pb_value_describe(value, what, sizeof what), why);
}

static void write_value(json_writer *w, const pb_value *value, unsigned depth)
{
    size_t length;
    const char *text = pb_value_get_text(value, &length);
    pb_precision precision = PB_DOUBLE; /* also of a number from a tensor: it is read as a double */
    if (depth > DEEPEST) {
        refuse(w, value, ": what it is in is nested more than 500 deep");
        return;
    }
    switch (pb_value_kind(value)) {
    case PB_NONE: pb_buffer_text(w->out, "null"); break;
    case PB_BOOL: pb_buffer_text(w->out, pb_value_get_bool(value) ? "true" : "false"); break;
    case PB_NUMBER:
        if (pb_value_is_integer(value))
            precision = PB_INTEGER;
        write_number(w, pb_value_get_number(value), precision);
        break;
    case PB_STRING: write_text(w, text, length); break;
    case PB_LIST: write_list(w, value, depth); break;
    case PB_TENSOR: write_tensor(w, value); break;
    case PB_TABLE: write_table(w, value, depth); break;
    case PB_RECORD: write_record(w, value, depth); break;
    default: refuse(w, value, ""); break;
    }
}

pb_status pb_write_json(pb_interp *interp, const pb_value *value, pb_buffer *out, pb_error **error)
{
    json_writer w = {.interp = interp, .out = out, .error = error};
    write_value(&w, value, 0);
    pb_buffer_byte(out, '\n');
    return !w.status ? pb_buffer_status(out, error) : w.status;
}
