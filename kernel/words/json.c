/* Values as JSON and back. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "words.h"

/* ---- writing ---- */

/* Written as it is walked, so that it needs no second copy and can be stopped anywhere. What JSON
 * has no form for is `unwritable`. */
typedef struct json_writer {
    pb_interp *interp;
    pb_buffer *out;
    pb_status status;
    bool unwritable;
    pb_error **error;
} json_writer;

static bool goes_on(json_writer *w)
{
    if (!w->status && !w->unwritable)
        w->status = pb_interp_check(w->interp, w->error);
    return !w->status && !w->unwritable && !w->out->failed;
}

static void write_separator(json_writer *w, size_t i)
{
    if (i > 0)
        pb_buffer_text(w->out, ", ");
}

/* Takes one number or string, in jansson's form; NULL where it could not be made. */
static void write_scalar(json_writer *w, json_t *scalar)
{
    char *text = json_dumps(scalar, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    if (text)
        pb_buffer_text(w->out, text);
    else
        w->unwritable = true;
    free(text);
    json_decref(scalar);
}

static void write_real(json_writer *w, double number)
{
    if (isfinite(number))
        write_scalar(w, json_real(number));
    else
        pb_buffer_text(w->out, "null");
}

static void write_name(json_writer *w, size_t i, const char *name)
{
    write_separator(w, i);
    write_scalar(w, json_string(name));
    pb_buffer_text(w->out, ": ");
}

static void write_axis(json_writer *w, const pb_axis *axis)
{
    pb_buffer_text(w->out, "{");
    write_name(w, 0, "name");
    write_scalar(w, json_string(pb_axis_name(axis)));
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
            write_scalar(w, json_string(pb_axis_label(axis, i)));
        }
        pb_buffer_byte(w->out, ']');
    }
    pb_buffer_byte(w->out, '}');
}

/* Tensors and tables say under this name what they are, and where numbers are that JSON has no form
 * for, which are null: "table nan@1:0 -inf@1:4", by column and row. So they are read as what they
 * were, and other programs find what they look for. */
static const char mark_name[] = "patchbay";

static void mark_number(pb_buffer *mark, double number, size_t column, size_t row)
{
    if (!isfinite(number))
        pb_buffer_format(mark, " %s@%zu:%zu",
                         isnan(number) ? "nan"
                         : number > 0  ? "inf"
                                       : "-inf",
                         column, row);
}

/* Takes the mark. */
static void write_mark(json_writer *w, size_t i, pb_buffer *mark)
{
    write_name(w, i, mark_name);
    write_scalar(w, json_string(mark->data ? mark->data : ""));
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
        write_real(w, number);
        mark_number(&mark, number, 0, i);
    }
    pb_buffer_byte(w->out, ']');
    for (size_t i = 0; i < 2; i++)
        if (words[i][1]) {
            write_name(w, 2, words[i][0]);
            write_scalar(w, json_string(words[i][1]));
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

static void write_record(json_writer *w, const pb_value *record, unsigned depth)
{
    pb_buffer_byte(w->out, '{');
    for (size_t i = 0; i < pb_record_count(record) && goes_on(w); i++) {
        write_name(w, i, pb_record_entry(record, i).name);
        write_value(w, pb_record_entry(record, i).value, depth + 1);
    }
    pb_buffer_byte(w->out, '}');
}

/* By its columns. One that is called as the mark is leaves no room for it. */
static void write_table(json_writer *w, const pb_value *table, unsigned depth)
{
    size_t count = pb_table_columns(table);
    pb_buffer mark = PB_BUFFER_EMPTY;
    pb_buffer_text(&mark, "table");
    pb_buffer_byte(w->out, '{');
    for (size_t i = 0; i < count && goes_on(w); i++) {
        const pb_table_cells *column = pb_table_column(table, i);
        write_name(w, i, column->name);
        write_value(w, column->cells, depth + 1);
        for (size_t row = 0; row < pb_table_rows(table); row++)
            if (pb_value_kind(pb_list_item(column->cells, row)) == PB_NUMBER)
                mark_number(&mark, pb_value_get_number(pb_list_item(column->cells, row)), i, row);
    }
    if (!pb_table_find(table, mark_name))
        write_mark(w, count, &mark);
    pb_buffer_free(&mark);
    pb_buffer_byte(w->out, '}');
}

static void write_number(json_writer *w, const pb_value *value)
{
    double number = pb_value_get_number(value);
    if (pb_value_is_integer(value))
        pb_buffer_format(w->out, "%lld", (long long)number);
    else
        write_real(w, number);
}

static void write_value(json_writer *w, const pb_value *value, unsigned depth)
{
    size_t length;
    const char *text = pb_value_get_text(value, &length);
    if (depth > 500) {
        w->unwritable = true;
        return;
    }
    switch (pb_value_kind(value)) {
    case PB_NONE: pb_buffer_text(w->out, "null"); break;
    case PB_BOOL: pb_buffer_text(w->out, pb_value_get_bool(value) ? "true" : "false"); break;
    case PB_NUMBER: write_number(w, value); break;
    case PB_STRING: write_scalar(w, json_stringn(text, length)); break;
    case PB_LIST: write_list(w, value, depth); break;
    case PB_TENSOR: write_tensor(w, value); break;
    case PB_TABLE: write_table(w, value, depth); break;
    case PB_RECORD: write_record(w, value, depth); break;
    default: w->unwritable = true; break;
    }
}

pb_status pb_write_json(pb_interp *interp, const pb_value *value, pb_buffer *out, pb_error **error)
{
    json_writer w = {.interp = interp, .out = out, .error = error};
    char what[160];
    write_value(&w, value, 0);
    pb_buffer_byte(out, '\n');
    if (w.unwritable)
        return pb_fail(error, PB_TYPE, "%s cannot be written as JSON",
                       pb_value_describe(value, what, sizeof what));
    return !w.status ? pb_buffer_status(out, error) : w.status;
}

/* ---- reading ---- */

static pb_status from_json(pb_interp *interp, const json_t *json, pb_value **result,
                           pb_error **error);

static pb_status list_from_json(pb_interp *interp, const json_t *array, pb_value **result,
                                pb_error **error)
{
    pb_list_builder out = {.keeper = pb_interp_keeper(interp)};
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < json_array_size(array); i++) {
        pb_value *item = NULL;
        status = from_json(interp, json_array_get(array, i), &item, error);
        if (!status)
            status = pb_list_take(&out, item, error);
    }
    if (!status)
        return pb_list_finish(&out, false, result, error);
    pb_list_discard(&out);
    return status;
}

static pb_status record_from_json(pb_interp *interp, const json_t *object, pb_value **result,
                                  pb_error **error)
{
    size_t count = 0;
    const char *name;
    json_t *held;
    pb_status status = PB_OK;
    pb_entry *entries = pb_calloc(json_object_size(object), sizeof *entries);
    if (!entries)
        return pb_fail_memory(error);
    json_object_foreach((json_t *)object, name, held)
    {
        entries[count] = (pb_entry){name, NULL};
        status = from_json(interp, held, &entries[count].value, error);
        if (status)
            break;
        count++;
    }
    if (!status)
        status = pb_value_record(entries, count, NULL, result, error);
    for (size_t i = 0; i < count; i++)
        pb_value_release(&entries[i].value);
    free(entries);
    return status;
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
    char text[8];
    int length = 0;
    marks->any =
        sscanf(marks->at, " %7[^@ ]@%zu:%zu%n", text, &marks->column, &marks->row, &length) == 3;
    marks->at += marks->any ? length : 0;
    marks->number = marks->any ? strtod(text, NULL) : 0;
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

static pb_status axis_from_json(const json_t *json, const char *mark, pb_axis **axis,
                                pb_error **error)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    const json_t *places = json_object_get(json, "coordinates");
    const json_t *labels = json_object_get(json, "labels");
    size_t count = json_array_size(places);
    if (!name || !json_is_array(places) || (labels && json_array_size(labels) != count))
        return not_what_it_says(mark, error);
    int64_t *coordinates = pb_calloc(count, sizeof *coordinates);
    const char **texts = pb_calloc(count, sizeof *texts);
    pb_status status = coordinates && texts ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < count; i++) {
        coordinates[i] = json_integer_value(json_array_get(places, i));
        texts[i] = json_string_value(json_array_get(labels, i));
        if (!json_is_integer(json_array_get(places, i)) || (labels && !texts[i]))
            status = not_what_it_says(mark, error);
    }
    if (!status)
        status = pb_axis_create(name, count, coordinates, labels ? texts : NULL, axis, error);
    free(coordinates);
    free(texts);
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
        data[i] = json_is_null(value) ? NAN : (float)json_number_value(value);
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
    pb_meta meta = {.units = json_string_value(json_object_get(json, "units")),
                    .caption = json_string_value(json_object_get(json, "caption"))};
    if (!status)
        status = pb_value_take_tensor(&tensor, &meta, result, error);
    pb_tensor_release(&tensor);
    return status;
}

static pb_status column_from_json(pb_interp *interp, const json_t *array, size_t which,
                                  json_marks *marks, pb_value **result, pb_error **error)
{
    pb_list_builder out = {.keeper = pb_interp_keeper(interp)};
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < json_array_size(array); i++) {
        pb_value *cell = NULL;
        bool marked = is_marked(marks, which, i);
        status = marked ? pb_value_number(marks->number, PB_DOUBLE, &cell, error)
                        : from_json(interp, json_array_get(array, i), &cell, error);
        if (marked)
            next_mark(marks);
        if (!status)
            status = pb_list_take(&out, cell, error);
    }
    if (!status)
        return pb_list_finish(&out, true, result, error);
    pb_list_discard(&out);
    return status;
}

static pb_status table_from_json(pb_interp *interp, const json_t *json, const char *mark,
                                 pb_value **result, pb_error **error)
{
    json_marks marks = marks_of(mark);
    size_t count = 0, rows = 0;
    const char *name;
    json_t *held;
    pb_status status = PB_OK;
    pb_table_cells *columns = pb_calloc(json_object_size(json), sizeof *columns);
    if (!columns)
        return pb_fail_memory(error);
    json_object_foreach((json_t *)json, name, held)
    {
        if (strcmp(name, mark_name) == 0)
            continue;
        status = json_is_array(held)
                     ? column_from_json(interp, held, count, &marks, &columns[count].cells, error)
                     : not_what_it_says(mark, error);
        if (status)
            break;
        rows = count ? rows : json_array_size(held);
        columns[count].look =
            pb_list_of(columns[count].cells, PB_BOOL) ? PB_CELLS_CHECK : PB_CELLS_PLAIN;
        columns[count++].name = name;
    }
    if (!status)
        status = pb_value_table(columns, count, rows, NULL, NULL, result, error);
    for (size_t i = 0; i < count; i++)
        pb_value_release(&columns[i].cells);
    free(columns);
    return status;
}

static pb_status object_from_json(pb_interp *interp, const json_t *json, pb_value **result,
                                  pb_error **error)
{
    const char *mark = json_string_value(json_object_get(json, mark_name));
    size_t length = mark ? strcspn(mark, " ") : 0;
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
} json_source;

/* Hands jansson the next bytes: none at the end, SIZE_MAX to give up. */
static size_t next_bytes(void *bytes, size_t room, void *user)
{
    json_source *source = user;
    size_t count = room < source->left ? room : source->left;
    if (pb_watch_stopped(source->watch))
        return SIZE_MAX;
    memcpy(bytes, source->text, count);
    source->text += count;
    source->left -= count;
    return count;
}

pb_status pb_read_json(pb_interp *interp, const char *text, size_t length, pb_value **result,
                       pb_error **error)
{
    json_error_t fault;
    json_source source = {text, length, pb_interp_watch(interp)};
    json_t *json =
        json_load_callback(next_bytes, &source, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &fault);
    pb_status status = pb_interp_check(interp, error);
    if (!status && !json)
        status = pb_fail(error, PB_FORMAT, "this is not valid JSON: %s, in line %d", fault.text,
                         fault.line);
    if (!status)
        status = from_json(interp, json, result, error);
    json_decref(json);
    return status;
}
