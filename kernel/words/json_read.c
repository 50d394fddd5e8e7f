/* Values read from JSON; json_private.h has the form. */
#include <string.h>

#include "base/budget.h"
#include "json_private.h"

static pb_status list_from_json(pb_interp *interp, const json_t *array, pb_value **result,
                                pb_error **error)
{
    pb_list_builder out = {.keeper = pb_interp_keeper(interp)};
    for (size_t i = 0; !out.status && i < json_array_size(array); i++) {
        pb_value *item = NULL;
        out.status = pb_value_from_json(interp, json_array_get(array, i), &item, &out.error);
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
        out.status = pb_value_from_json(interp, held, &value, &out.error);
        pb_record_take(&out, name, value);
        if (out.status)
            break;
    }
    return pb_record_finish(&out, result, error);
}

pb_status pb_value_from_json(pb_interp *interp, const json_t *json, pb_value **result,
                             pb_error **error)
{
    pb_status status;
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        status = pb_marked_from_json(interp, json, result, error);
        return status || *result ? status : record_from_json(interp, json, result, error);
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

/* ---- from text ---- */

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
        status = pb_value_from_json(interp, json, result, error);
    json_decref(json);
    return status;
}
