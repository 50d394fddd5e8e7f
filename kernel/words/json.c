/*
 * Values as JSON and back. Numbers have the digits that read back the same, and what JSON has no
 * form for is an object that says so under the name "patchbay":
 *
 *     {"patchbay": "nan"}, "inf", "-inf"                   a number
 *     {"patchbay": "bytes", "latin1": "..."}               a string that is not UTF-8, a byte a
 *                                                          character
 *     {"patchbay": "record", "names": [], "values": []}    a record with names that are not UTF-8,
 * or of which one is "patchbay"
 *     {"patchbay": "columns", "names": [], "columns": []}  a table of that kind
 *     {..., "patchbay": "table"}, "tensor", "mask"         see below
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/gap.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "words.h"

static const char mark_name[] = "patchbay";

#define DEEPEST 500 /* lists, records and tables in each other */

/* ---- writing ---- */

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
    write_name(w, 0, mark_name);
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
        pb_buffer_format(w->out, "{\"%s\": \"%s\"}", mark_name, unusual_number(number));
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

/* Tensors and tables also say where in them numbers are that JSON has no form for, which are null:
 * "table nan@1:0 -inf@1:4", by column and row. So other programs find what they look for. A gap
 * is null without a mark. */
static void mark_number(pb_buffer *mark, double number, size_t column, size_t row)
{
    if (!isfinite(number) && !pb_is_gap((float)number))
        pb_buffer_format(mark, " %s@%zu:%zu", unusual_number(number), column, row);
}

/* Takes the mark. */
static void write_mark(json_writer *w, size_t i, pb_buffer *mark)
{
    write_name(w, i, mark_name);
    write_string(w, mark->data ? mark->data : "", mark->length);
    w->out->failed = w->out->failed || mark->failed;
    pb_buffer_free(mark);
}

/* {"axes": [{"name", "coordinates", "labels"}], "values": [flat, row by row], "units", "caption"}
 */
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
    return strcmp(name, mark_name) != 0 && is_utf8(name, strlen(name));
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
    pb_buffer_format(w->out, "{\"%s\": \"%s\", \"names\": [", mark_name, kind);
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

/* ---- reading ---- */

static pb_status from_json(pb_interp *interp, const json_t *json, pb_value **result,
                           pb_error **error);

static pb_status list_from_json(pb_interp *interp, const json_t *array, pb_value **result,
                                pb_error **error)
{
    pb_list_builder out = {.keeper = pb_interp_keeper(interp)};
    for (size_t i = 0; !out.status && i < json_array_size(array); i++) {
        pb_value *item = NULL;
        out.status = from_json(interp, json_array_get(array, i), &item, &out.error);
        pb_list_take(&out, item);
    }
    return pb_list_finish(&out, false, result, error);
}

static pb_status record_from_json(pb_interp *interp, const json_t *object, pb_value **result,
                                  pb_error **error)
{
    const char *name;
    json_t *held;
    pb_record_builder out = {.keeper = pb_interp_keeper(interp)};
    json_object_foreach((json_t *)object, name, held)
    {
        pb_value *value = NULL;
        out.status = from_json(interp, held, &value, &out.error);
        pb_record_take(&out, name, value);
        if (out.status)
            break;
    }
    return pb_record_finish(&out, result, error);
}

/* The numbers a mark names, one after another in the order of the values. */
typedef struct json_marks {
    const char *at;
    bool any; /* a number is at column and row */
    size_t column, row;
    double number;
} json_marks;

static void next_mark(json_marks *marks)
{
    static const char *const texts[] = {"nan", "inf", "-inf"};
    static const double numbers[] = {NAN, INFINITY, -INFINITY};
    const char *at = marks->at + (*marks->at == ' ');
    char *end = NULL;
    marks->any = false;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && !marks->any; i++) {
        size_t length = strlen(texts[i]);
        if (strncmp(at, texts[i], length) != 0 || at[length] != '@')
            continue;
        marks->number = numbers[i];
        marks->column = strtoull(at + length + 1, &end, 10);
        marks->any = *end == ':';
    }
    if (!marks->any)
        return;
    marks->row = strtoull(end + 1, &end, 10);
    marks->at = end;
}

static json_marks marks_of(const char *mark)
{
    json_marks marks = {.at = mark + strcspn(mark, " ")};
    next_mark(&marks);
    return marks;
}

/* Whether the mark has a number for this place; it is the next one then. */
static bool is_marked(const json_marks *marks, size_t column, size_t row)
{
    return marks->any && marks->column == column && marks->row == row;
}

static pb_status not_what_it_says(const char *mark, pb_error **error)
{
    return pb_fail(error, PB_FORMAT,
                   "this file says that it holds a %.*s, but what is in it is "
                   "none",
                   (int)strcspn(mark, " "), mark);
}

/* ---- reading tensors and tables ---- */

static bool is_marked_as(const json_t *json, const char *word)
{
    const char *mark = json_string_value(json_object_get(json, mark_name));
    return mark && strcmp(mark, word) == 0;
}

/* Appends a string's bytes; false if this is none. */
static bool text_of(const json_t *json, pb_buffer *out)
{
    const json_t *latin1 = json_object_get(json, "latin1");
    if (json_is_string(json)) {
        pb_buffer_append(out, json_string_value(json), json_string_length(json));
        return true;
    }
    const char *text = json_string_value(latin1);
    if (!is_marked_as(json, "bytes") || !text)
        return false;
    for (size_t at = 0, length = json_string_length(latin1); at < length;) {
        uint32_t code = pb_utf8_next(text, length, &at);
        if (code > 0xff)
            return false;
        pb_buffer_byte(out, (char)code);
    }
    return true;
}

/* Names, all in one block that texts[i] point into. */
typedef struct json_texts {
    pb_buffer block;
    const char **texts;
    size_t count;
} json_texts;

static void free_texts(json_texts *texts)
{
    pb_buffer_free(&texts->block);
    free(texts->texts);
}

/* PB_FORMAT, without an error, where something is no name. */
static pb_status read_texts(const json_t *array, json_texts *read, pb_error **error)
{
    size_t count = json_array_size(array), at = 0;
    *read = (json_texts){.block = PB_BUFFER_EMPTY, .count = count};
    read->texts = pb_calloc(count, sizeof *read->texts);
    if (!read->texts)
        return pb_fail_memory(error);
    for (size_t i = 0; i < count; i++) {
        size_t start = read->block.length;
        bool text = text_of(json_array_get(array, i), &read->block);
        pb_buffer_byte(&read->block, '\0');
        if (read->block.failed)
            return pb_fail_memory(error);
        if (!text || strlen(read->block.data + start) + 1 != read->block.length - start)
            return PB_FORMAT;
    }
    for (size_t i = 0; i < count; at += strlen(read->texts[i]) + 1, i++)
        read->texts[i] = read->block.data + at;
    return PB_OK;
}

static pb_status axis_from_json(const json_t *json, const char *mark, pb_axis **axis,
                                pb_error **error)
{
    const json_t *places = json_object_get(json, "coordinates");
    const json_t *names = json_object_get(json, "labels");
    size_t count = json_array_size(places);
    pb_buffer name = PB_BUFFER_EMPTY;
    json_texts labels = {.texts = NULL};
    int64_t *coordinates = pb_calloc(count, sizeof *coordinates);
    pb_status status = coordinates ? PB_OK : pb_fail_memory(error);
    if (!status && (!text_of(json_object_get(json, "name"), &name) || !json_is_array(places) ||
                    (names && json_array_size(names) != count)))
        status = PB_FORMAT;
    if (!status && name.data && strlen(name.data) != name.length)
        status = PB_FORMAT;
    if (!status && names)
        status = read_texts(names, &labels, error);
    for (size_t i = 0; !status && i < count; i++) {
        coordinates[i] = json_integer_value(json_array_get(places, i));
        if (!json_is_integer(json_array_get(places, i)))
            status = PB_FORMAT;
    }
    if (status == PB_FORMAT)
        status = not_what_it_says(mark, error);
    if (!status)
        status = pb_axis_create(name.data ? name.data : "", count, coordinates,
                                names ? labels.texts : NULL, axis, error);
    free(coordinates);
    free_texts(&labels);
    pb_buffer_free(&name);
    return status;
}

static pb_status fill_from_json(const json_t *values, const char *mark, float *data,
                                pb_error **error)
{
    json_marks marks = marks_of(mark);
    for (size_t i = 0; i < json_array_size(values); i++) {
        const json_t *value = json_array_get(values, i);
        if (!json_is_number(value) && !json_is_null(value))
            return not_what_it_says(mark, error);
        data[i] = json_is_null(value) ? pb_gap() : (float)json_number_value(value);
        if (!is_marked(&marks, 0, i))
            continue;
        data[i] = (float)marks.number;
        next_mark(&marks);
    }
    return PB_OK;
}

static pb_status tensor_from_json(const json_t *json, const char *mark, pb_value **result,
                                  pb_error **error)
{
    const json_t *sides = json_object_get(json, "axes"), *values = json_object_get(json, "values");
    size_t rank = json_array_size(sides), made = 0;
    pb_axis *axes[PB_MAX_RANK] = {NULL};
    pb_tensor *tensor = NULL;
    float *data = NULL;
    if (!json_is_array(sides) || !json_is_array(values) || rank > PB_MAX_RANK)
        return not_what_it_says(mark, error);
    pb_status status = PB_OK;
    for (; !status && made < rank; made++)
        status = axis_from_json(json_array_get(sides, made), mark, &axes[made], error);
    if (!status)
        status = pb_tensor_create(rank, axes, &tensor, &data, error);
    if (!status && pb_tensor_size(tensor) != json_array_size(values))
        status = not_what_it_says(mark, error);
    if (!status)
        status = fill_from_json(values, mark, data, error);
    for (size_t i = 0; i < made; i++)
        pb_axis_release(&axes[i]);
    if (!status && strncmp(mark, "mask", 4) == 0)
        pb_tensor_mark_boolean(tensor);
    else if (!status)
        pb_tensor_mark_gaps(tensor);
    pb_buffer units = PB_BUFFER_EMPTY, caption = PB_BUFFER_EMPTY;
    pb_meta meta = {.units = text_of(json_object_get(json, "units"), &units) ? units.data : NULL,
                    .caption =
                        text_of(json_object_get(json, "caption"), &caption) ? caption.data : NULL};
    if (!status)
        status = pb_value_take_tensor(&tensor, &meta, result, error);
    pb_tensor_release(&tensor);
    pb_buffer_free(&units);
    pb_buffer_free(&caption);
    return status;
}

static pb_status column_from_json(pb_interp *interp, const json_t *array, size_t which,
                                  json_marks *marks, pb_value **result, pb_error **error)
{
    pb_list_builder out = {.keeper = pb_interp_keeper(interp)};
    for (size_t i = 0; !out.status && i < json_array_size(array); i++) {
        pb_value *cell = NULL;
        if (is_marked(marks, which, i)) {
            pb_list_take_number(&out, marks->number, PB_DOUBLE);
            next_mark(marks);
            continue;
        }
        out.status = from_json(interp, json_array_get(array, i), &cell, &out.error);
        pb_list_take(&out, cell);
    }
    return pb_list_finish(&out, true, result, error);
}

/* A column that was read; truths show as ticks. */
static void take_read(pb_table_builder *table, pb_table_cells column)
{
    column.look = pb_list_of(column.cells, PB_BOOL) ? PB_CELLS_CHECK : PB_CELLS_PLAIN;
    pb_table_take(table, column);
}

static pb_status table_from_json(pb_interp *interp, const json_t *json, const char *mark,
                                 pb_value **result, pb_error **error)
{
    json_marks marks = marks_of(mark);
    const char *name;
    json_t *held;
    pb_table_builder made = {.keeper = pb_interp_keeper(interp)};
    json_object_foreach((json_t *)json, name, held)
    {
        pb_table_cells column = {.name = name};
        if (strcmp(name, mark_name) == 0)
            continue;
        made.rows = made.count ? made.rows : json_array_size(held);
        if (!made.status)
            made.status = json_is_array(held) ? column_from_json(interp, held, made.count, &marks,
                                                                 &column.cells, &made.error)
                                              : not_what_it_says(mark, &made.error);
        take_read(&made, column);
        if (made.status)
            break;
    }
    return pb_table_finish(&made, result, error);
}

/* ---- reading what has names that an object cannot have ---- */

static pb_status record_of_names(const json_texts *names, pb_value *const *values,
                                 pb_value **result, pb_error **error)
{
    pb_record_builder out = {0};
    for (size_t i = 0; i < names->count; i++)
        pb_record_take(&out, names->texts[i], pb_value_retain(values[i]));
    return pb_record_finish(&out, result, error);
}

static pb_status table_of_names(pb_interp *interp, const json_texts *names, pb_value *const *values,
                                pb_value **result, pb_error **error)
{
    pb_table_builder made = {.keeper = pb_interp_keeper(interp),
                             .rows = names->count ? pb_list_count(values[0]) : 0};
    for (size_t i = 0; i < names->count; i++)
        take_read(&made,
                  (pb_table_cells){.name = names->texts[i], .cells = pb_value_retain(values[i])});
    return pb_table_finish(&made, result, error);
}

static pb_status named_from_json(pb_interp *interp, const json_t *json, const char *mark,
                                 pb_value **result, pb_error **error)
{
    bool table = strcmp(mark, "columns") == 0;
    const json_t *held = json_object_get(json, table ? "columns" : "values");
    const json_t *names = json_object_get(json, "names");
    json_texts texts = {.texts = NULL};
    pb_list_builder values = {.keeper = pb_interp_keeper(interp)};
    values.status = json_is_array(names) && json_is_array(held) &&
                            json_array_size(names) == json_array_size(held)
                        ? read_texts(names, &texts, &values.error)
                        : PB_FORMAT;
    for (size_t i = 0; !values.status && i < texts.count; i++) {
        pb_value *value = NULL;
        const json_t *item = json_array_get(held, i);
        json_marks none = {.any = false};
        values.status = !table ? from_json(interp, item, &value, &values.error)
                        : json_is_array(item)
                            ? column_from_json(interp, item, i, &none, &value, &values.error)
                            : PB_FORMAT;
        pb_list_take(&values, value);
    }
    pb_status status = values.status;
    if (status == PB_FORMAT)
        status = not_what_it_says(table ? "table" : mark, &values.error);
    pb_error_move(&values.error, error);
    if (!status)
        status = table ? table_of_names(interp, &texts, values.items, result, error)
                       : record_of_names(&texts, values.items, result, error);
    pb_list_discard(&values);
    free_texts(&texts);
    return status;
}

/* ---- reading anything ---- */

static pb_status bytes_from_json(const json_t *json, pb_value **result, pb_error **error)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    if (text_of(json, &text))
        return pb_value_take_buffer(&text, result, error);
    pb_buffer_free(&text);
    return not_what_it_says("string", error);
}

/* "nan", alone in its object. */
static bool is_unusual_number(const json_t *json, const char *mark)
{
    return json_object_size(json) == 1 &&
           (strcmp(mark, "nan") == 0 || strcmp(mark, "inf") == 0 || strcmp(mark, "-inf") == 0);
}

static pb_status object_from_json(pb_interp *interp, const json_t *json, pb_value **result,
                                  pb_error **error)
{
    const char *mark = json_string_value(json_object_get(json, mark_name));
    size_t length = mark ? strcspn(mark, " ") : 0;
    if (!mark)
        return record_from_json(interp, json, result, error);
    if (is_unusual_number(json, mark))
        return pb_value_number(strtod(mark, NULL), PB_DOUBLE, result, error);
    if (strcmp(mark, "bytes") == 0)
        return bytes_from_json(json, result, error);
    if (strcmp(mark, "record") == 0 || strcmp(mark, "columns") == 0)
        return named_from_json(interp, json, mark, result, error);
    if (length == 6 && strncmp(mark, "tensor", length) == 0)
        return tensor_from_json(json, mark, result, error);
    if (length == 4 && strncmp(mark, "mask", length) == 0)
        return tensor_from_json(json, mark, result, error);
    if (length == 5 && strncmp(mark, "table", length) == 0)
        return table_from_json(interp, json, mark, result, error);
    return record_from_json(interp, json, result, error);
}

static pb_status from_json(pb_interp *interp, const json_t *json, pb_value **result,
                           pb_error **error)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT: return object_from_json(interp, json, result, error);
    case JSON_ARRAY: return list_from_json(interp, json, result, error);
    case JSON_STRING:
        return pb_value_string(json_string_value(json), json_string_length(json), result, error);
    case JSON_INTEGER: return pb_value_integer(json_integer_value(json), result, error);
    case JSON_REAL: return pb_value_number(json_real_value(json), PB_DOUBLE, result, error);
    case JSON_TRUE: return pb_value_bool(true, result, error);
    case JSON_FALSE: return pb_value_bool(false, result, error);
    case JSON_NULL: break;
    }
    return pb_value_none(result, error);
}

/* What is left of a text, and who may stop its reading. */
typedef struct json_source {
    const char *text;
    size_t left;
    const pb_watch *watch;
    size_t weight; /* bytes that jansson has made, or will, of what it was given */
    bool too_heavy;
} json_source;

/* What jansson makes of what a character begins or parts: an array, an object with its table of
 * names, a named value, a value. */
static size_t weight_of(char c)
{
    switch (c) {
    case '[': return 128;
    case '{': return 320;
    case ':': return 96;
    case ',': return 48;
    default: return 1;
    }
}

/* Hands jansson the next bytes: none at the end, SIZE_MAX to give up. */
static size_t next_bytes(void *bytes, size_t room, void *user)
{
    json_source *source = user;
    size_t count = room < source->left ? room : source->left;
    if (pb_watch_stopped(source->watch))
        return SIZE_MAX;
    for (size_t i = 0; i < count; i++)
        source->weight += weight_of(source->text[i]);
    if (!pb_budget_fits(source->weight)) {
        source->too_heavy = true;
        return SIZE_MAX;
    }
    memcpy(bytes, source->text, count);
    source->text += count;
    source->left -= count;
    return count;
}

/* What jansson says, in the words of this program where its own would not be understood. */
static pb_status not_read(const json_error_t *fault, pb_error **error)
{
    switch (json_error_code(fault)) {
    case json_error_null_byte_in_key:
        return pb_fail(error, PB_FORMAT, "a name in line %d has a NUL character, and cannot",
                       fault->line);
    case json_error_numeric_overflow:
        return pb_fail(error, PB_FORMAT,
                       "the number in line %d is too large: integers go to 9223372036854775807, "
                       "others to 1.7976931348623157e+308",
                       fault->line);
    case json_error_stack_overflow:
        return pb_fail(error, PB_LIMIT, "this file is nested too deep, in line %d", fault->line);
    default:
        return pb_fail(error, PB_FORMAT, "this is not valid JSON: %s, in line %d", fault->text,
                       fault->line);
    }
}

pb_status pb_read_json(pb_interp *interp, const char *text, size_t length, pb_value **result,
                       pb_error **error)
{
    json_error_t fault;
    json_source source = {.text = text, .left = length, .watch = pb_interp_watch(interp)};
    json_t *json = json_load_callback(
        next_bytes, &source, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &fault);
    pb_status status = pb_interp_check(interp, error);
    if (!status && source.too_heavy)
        status = pb_fail_memory(error);
    if (!status && !json)
        status = not_read(&fault, error);
    if (!status)
        status = from_json(interp, json, result, error);
    json_decref(json);
    return status;
}
