/* Reads JSON that comes from outside, and picks fields from it. */
#ifndef PB_PROTOCOL_JSON_H
#define PB_PROTOCOL_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define PB_JSON_DEPTH 64 /* objects and arrays inside one another */

/*
 * Reads one JSON object. Refused: more than PB_JSON_DEPTH levels, keys that occur twice, invalid
 * UTF-8, numbers no double can hold. Accepted, as cells may hold them: NULs, integers past 64 bits
 * (all numbers of the object become doubles then), and escaped surrogates without a partner (each
 * becomes U+FFFD). `what` names the object in errors. *object is the caller's (json_decref).
 */
pb_status pb_json_read(const char *text, size_t length, const char *what, json_t **object,
                       pb_error **error);

/*
 * Fields. A field that is missing or null gives the default; one of another type fails.
 * Strings are borrowed from the object.
 */
pb_status pb_json_flag(const json_t *object, const char *key, bool otherwise, bool *value,
                       pb_error **error);
pb_status pb_json_integer(const json_t *object, const char *key, int64_t otherwise, int64_t *value,
                          pb_error **error);

typedef struct pb_text {
    const char *data; /* NULL where the field is missing */
    size_t length;
} pb_text;

pb_status pb_json_text(const json_t *object, const char *key, pb_text *value, pb_error **error);

/* The same, but a missing field fails too. */
pb_status pb_json_needed_text(const json_t *object, const char *key, pb_text *value,
                              pb_error **error);

#endif
