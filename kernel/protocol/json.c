/* Reads JSON that comes from outside, and picks fields from it. */
#include "json.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- what jansson cannot be told: our depth, and surrogates without a partner ---- */

/* The code unit of a \uXXXX escape whose backslash is at `at`, or -1. */
static long escape_unit(const char *text, size_t length, size_t at)
{
    if (at + 6 > length || text[at] != '\\' || text[at + 1] != 'u')
        return -1;
    long unit = 0;
    for (size_t i = at + 2; i < at + 6; i++) {
        char digit = text[i];
        long value = digit >= '0' && digit <= '9'   ? digit - '0'
                     : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                     : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                                    : -1;
        if (value < 0)
            return -1;
        unit = 16 * unit + value;
    }
    return unit;
}

static bool is_high(long unit)
{
    return unit >= 0xD800 && unit < 0xDC00;
}

static bool is_low(long unit)
{
    return unit >= 0xDC00 && unit < 0xE000;
}

/* Steps over the escape at `at` (two escapes if they are a pair); says if it is a lone surrogate.
 */
static size_t step_escape(const char *text, size_t length, size_t at, bool *lone)
{
    long unit = escape_unit(text, length, at);
    *lone = false;
    if (unit < 0)
        return at + 2;
    if (is_high(unit) && is_low(escape_unit(text, length, at + 6)))
        return at + 12;
    *lone = is_high(unit) || is_low(unit);
    return at + 6;
}

/*
 * Walks the text once: the deepest level it reaches, and whether it holds a lone surrogate. With
 * `repair`, a writable copy of the text, those are overwritten there by U+FFFD, which is as long.
 */
static void survey(const char *text, size_t length, char *repair, size_t *deepest, bool *lone_found)
{
    size_t depth = 0;
    bool in_string = false;
    *deepest = 0;
    *lone_found = false;
    for (size_t i = 0; i < length;) {
        char c = text[i];
        if (in_string && c == '\\') {
            bool lone;
            size_t after = step_escape(text, length, i, &lone);
            if (lone && repair)
                memcpy(repair + i, "\\ufffd", 6);
            *lone_found = *lone_found || lone;
            i = after;
            continue;
        }
        if (c == '"')
            in_string = !in_string;
        if (!in_string && (c == '{' || c == '['))
            *deepest = ++depth > *deepest ? depth : *deepest;
        if (!in_string && (c == '}' || c == ']') && depth > 0)
            depth--;
        i++;
    }
}

/* ---- reading ---- */

static json_t *load(const char *text, size_t length, json_error_t *fault)
{
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
    json_t *value = json_loadb(text, length, flags, fault);
    if (!value && json_error_code(fault) == json_error_numeric_overflow)
        value = json_loadb(text, length, flags | JSON_DECODE_INT_AS_REAL, fault);
    return value;
}

pb_status pb_json_read(const char *text, size_t length, const char *what, json_t **object,
                       pb_error **error)
{
    *object = NULL;
    size_t deepest;
    bool lone;
    survey(text, length, NULL, &deepest, &lone);
    if (deepest > PB_JSON_DEPTH)
        return pb_fail(error, PB_LIMIT, "the message's %s is nested deeper than %d levels", what,
                       PB_JSON_DEPTH);
    char *repaired = NULL;
    if (lone) {
        repaired = pb_malloc(length, 1);
        if (!repaired)
            return pb_fail_memory(error);
        memcpy(repaired, text, length);
        survey(text, length, repaired, &deepest, &lone);
    }
    json_error_t fault;
    json_t *value = load(repaired ? repaired : text, length, &fault);
    free(repaired);
    if (!value)
        return pb_fail(error, PB_FORMAT, "the message's %s is not JSON: %s", what, fault.text);
    if (!json_is_object(value)) {
        json_decref(value);
        return pb_fail(error, PB_FORMAT, "the message's %s is not a JSON object", what);
    }
    *object = value;
    return PB_OK;
}

/* ---- fields ---- */

/* The field, or NULL where it is missing or null. */
static json_t *field(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

pb_status pb_json_flag(const json_t *object, const char *key, bool otherwise, bool *value,
                       pb_error **error)
{
    json_t *found = field(object, key);
    *value = found ? json_is_true(found) : otherwise;
    if (found && !json_is_boolean(found))
        return pb_fail(error, PB_FORMAT, "the request's '%s' is not true or false", key);
    return PB_OK;
}

pb_status pb_json_integer(const json_t *object, const char *key, int64_t otherwise, int64_t *value,
                          pb_error **error)
{
    json_t *found = field(object, key);
    *value = otherwise;
    if (json_is_integer(found)) {
        *value = json_integer_value(found);
        return PB_OK;
    }
    double real = json_real_value(found); /* 0 where it is no real */
    if (json_is_real(found) && real > -9e18 && real < 9e18 && real == (double)(int64_t)real) {
        *value = (int64_t)real;
        return PB_OK;
    }
    return found ? pb_fail(error, PB_FORMAT, "the request's '%s' is not a whole number", key)
                 : PB_OK;
}

pb_status pb_json_text(const json_t *object, const char *key, pb_text *value, pb_error **error)
{
    json_t *found = field(object, key);
    *value = (pb_text){json_string_value(found), json_string_length(found)};
    if (found && !json_is_string(found))
        return pb_fail(error, PB_FORMAT, "the request's '%s' is not a string", key);
    return PB_OK;
}

pb_status pb_json_needed_text(const json_t *object, const char *key, pb_text *value,
                              pb_error **error)
{
    pb_status status = pb_json_text(object, key, value, error);
    if (!status && !value->data)
        return pb_fail(error, PB_FORMAT, "the request has no '%s'", key);
    return status;
}
