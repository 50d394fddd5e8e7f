/* Values as JSON and back. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "words/words.h"

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
    if (w->status == PB_OK && !w->unwritable)
        w->status = pb_interp_check(w->interp, w->error);
    return w->status == PB_OK && !w->unwritable && !w->out->failed;
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

/* {"axes": [{"name", "coordinates", "labels"}], "values": [flat, row by row]} */
static void write_tensor(json_writer *w, const pb_tensor *tensor)
{
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
        write_separator(w, i);
        write_real(w, (double)pb_tensor_data(tensor)[i]);
    }
    pb_buffer_text(w->out, "]}");
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

/* A record, or a table by its columns. */
static void write_named(json_writer *w, const pb_value *value, unsigned depth)
{
    bool table = pb_value_kind(value) == PB_TABLE;
    size_t count = table ? pb_table_columns(value) : pb_record_count(value);
    pb_buffer_byte(w->out, '{');
    for (size_t i = 0; i < count && goes_on(w); i++) {
        write_name(w, i, table ? pb_table_column(value, i)->name : pb_record_entry(value, i).name);
        write_value(w, table ? pb_table_column(value, i)->cells : pb_record_entry(value, i).value,
                    depth + 1);
    }
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
    case PB_TENSOR: write_tensor(w, pb_value_get_tensor(value)); break;
    case PB_TABLE:
    case PB_RECORD: write_named(w, value, depth); break;
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
    return w.status == PB_OK ? pb_buffer_status(out, error) : w.status;
}

/* ---- reading ---- */

static pb_status from_json(pb_interp *interp, const json_t *json, pb_value **result,
                           pb_error **error);

static pb_status list_from_json(pb_interp *interp, const json_t *array, pb_value **result,
                                pb_error **error)
{
    pb_list_builder out = {.interp = interp};
    pb_status status = PB_OK;
    for (size_t i = 0; status == PB_OK && i < json_array_size(array); i++) {
        pb_value *item = NULL;
        status = from_json(interp, json_array_get(array, i), &item, error);
        if (status == PB_OK)
            status = pb_list_take(&out, item, error);
    }
    if (status == PB_OK)
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
    pb_entry *entries = calloc(json_object_size(object) + 1, sizeof *entries);
    if (!entries)
        return pb_fail_memory(error);
    json_object_foreach((json_t *)object, name, held)
    {
        entries[count] = (pb_entry){name, NULL};
        status = from_json(interp, held, &entries[count].value, error);
        if (status != PB_OK)
            break;
        count++;
    }
    if (status == PB_OK)
        status = pb_value_record(entries, count, NULL, result, error);
    for (size_t i = 0; i < count; i++)
        pb_value_release(&entries[i].value);
    free(entries);
    return status;
}

static pb_status from_json(pb_interp *interp, const json_t *json, pb_value **result,
                           pb_error **error)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT: return record_from_json(interp, json, result, error);
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
    if (status == PB_OK && !json)
        status = pb_fail(error, PB_FORMAT, "this is not valid JSON: %s, in line %d", fault.text,
                         fault.line);
    if (status == PB_OK)
        status = from_json(interp, json, result, error);
    json_decref(json);
    return status;
}
