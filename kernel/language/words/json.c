/* Values as JSON and back. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "words/words.h"

/* ---- writing ---- */

static json_t *to_json(const pb_value *value, unsigned depth);

static json_t *list_to_json(const pb_value *list, unsigned depth)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < pb_list_count(list); i++) {
        if (json_array_append_new(array, to_json(pb_list_item(list, i), depth + 1)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* Takes `value`. False when it is NULL or memory is out. */
static bool set_member(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) == 0;
}

static json_t *axis_to_json(const pb_axis *axis)
{
    json_t *object = json_object(), *coordinates = json_array(), *labels = NULL;
    bool made =
        object && coordinates && set_member(object, "name", json_string(pb_axis_name(axis)));
    if (pb_axis_has_labels(axis))
        labels = json_array();
    for (size_t i = 0; made && i < pb_axis_length(axis); i++) {
        made = json_array_append_new(coordinates,
                                     json_integer((json_int_t)pb_axis_coordinate(axis, i))) == 0;
        const char *label = pb_axis_label(axis, i);
        if (made && labels)
            made = json_array_append_new(labels, label ? json_string(label) : json_null()) == 0;
    }
    if (!made || !set_member(object, "coordinates", json_incref(coordinates)) ||
        (labels && !set_member(object, "labels", json_incref(labels)))) {
        json_decref(object);
        object = NULL;
    }
    json_decref(coordinates);
    json_decref(labels);
    return object;
}

/* {"axes": [{"name", "coordinates", "labels"}], "values": [flat, row by row]} */
static json_t *tensor_to_json(const pb_tensor *tensor)
{
    json_t *object = json_object(), *axes = json_array(), *values = json_array();
    bool made = object && axes && values;
    for (size_t i = 0; made && i < pb_tensor_rank(tensor); i++)
        made = json_array_append_new(axes, axis_to_json(pb_tensor_axis(tensor, i))) == 0;
    for (size_t i = 0; made && i < pb_tensor_size(tensor); i++) {
        float number = pb_tensor_data(tensor)[i];
        made =
            json_array_append_new(values, isfinite(number) ? json_real(number) : json_null()) == 0;
    }
    made = made && set_member(object, "axes", json_incref(axes)) &&
           set_member(object, "values", json_incref(values));
    json_decref(axes);
    json_decref(values);
    if (!made) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *named_to_json(const pb_value *value, unsigned depth)
{
    bool table = pb_value_kind(value) == PB_TABLE;
    size_t count = table ? pb_table_columns(value) : pb_record_count(value);
    json_t *object = json_object();
    for (size_t i = 0; object && i < count; i++) {
        const char *name = table ? pb_table_column(value, i)->name : pb_record_entry(value, i).name;
        const pb_value *held =
            table ? pb_table_column(value, i)->cells : pb_record_entry(value, i).value;
        if (!set_member(object, name, to_json(held, depth + 1))) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *number_to_json(const pb_value *value)
{
    double number = pb_value_get_number(value);
    if (pb_value_is_integer(value))
        return json_integer((json_int_t)number);
    return isfinite(number) ? json_real(number) : json_null();
}

static json_t *to_json(const pb_value *value, unsigned depth)
{
    size_t length;
    const char *text = pb_value_get_text(value, &length);
    if (depth > 500)
        return NULL;
    switch (pb_value_kind(value)) {
    case PB_NONE: return json_null();
    case PB_BOOL: return json_boolean(pb_value_get_bool(value));
    case PB_NUMBER: return number_to_json(value);
    case PB_STRING: return json_stringn(text, length);
    case PB_LIST: return list_to_json(value, depth);
    case PB_TENSOR: return tensor_to_json(pb_value_get_tensor(value));
    case PB_TABLE:
    case PB_RECORD: return named_to_json(value, depth);
    default: return NULL;
    }
}

pb_status pb_write_json(const pb_value *value, pb_buffer *out, pb_error **error)
{
    char what[160];
    json_t *json = to_json(value, 0);
    char *text = json ? json_dumps(json, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(json);
    if (!text)
        return pb_fail(error, PB_TYPE, "%s cannot be written as JSON",
                       pb_value_describe(value, what, sizeof what));
    pb_buffer_text(out, text);
    pb_buffer_byte(out, '\n');
    free(text);
    return pb_buffer_status(out, error);
}

/* ---- reading ---- */

static pb_status from_json(const json_t *json, pb_value **result, pb_error **error);

static pb_status list_from_json(const json_t *array, pb_value **result, pb_error **error)
{
    pb_list_builder out = {0};
    pb_status status = PB_OK;
    for (size_t i = 0; status == PB_OK && i < json_array_size(array); i++) {
        pb_value *item = NULL;
        status = from_json(json_array_get(array, i), &item, error);
        if (status == PB_OK)
            status = pb_list_take(&out, item, error);
    }
    if (status == PB_OK)
        return pb_list_finish(&out, false, result, error);
    pb_list_discard(&out);
    return status;
}

static pb_status record_from_json(const json_t *object, pb_value **result, pb_error **error)
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
        status = from_json(held, &entries[count].value, error);
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

static pb_status from_json(const json_t *json, pb_value **result, pb_error **error)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT: return record_from_json(json, result, error);
    case JSON_ARRAY: return list_from_json(json, result, error);
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

pb_status pb_read_json(const char *text, size_t length, pb_value **result, pb_error **error)
{
    json_error_t fault;
    json_t *json = json_loadb(text, length, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &fault);
    if (!json)
        return pb_fail(error, PB_FORMAT, "this is not valid JSON: %s, in line %d", fault.text,
                       fault.line);
    pb_status status = from_json(json, result, error);
    json_decref(json);
    return status;
}
