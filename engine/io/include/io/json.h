/*
 * JSON from files nobody vouches for: configurations, headers of weights, vocabularies.
 *
 * A text is checked once, from end to end; after that its values are read where they lie, so that a
 * header of a million entries takes no memory of its own and time in proportion to its length.
 * What Python's json reads is read: NaN and Infinity, NULs in strings, and of equal keys the last.
 */
#ifndef PB_IO_JSON_H
#define PB_IO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

/* A value within a text that was checked and is still there. Zeroed: there is none. */
typedef struct pb_json {
    const char *at; /* its first character */
} pb_json;

typedef enum pb_json_kind {
    PB_JSON_ABSENT,
    PB_JSON_NULL,
    PB_JSON_BOOL,
    PB_JSON_NUMBER,
    PB_JSON_TEXT,
    PB_JSON_LIST,
    PB_JSON_OBJECT
} pb_json_kind;

/*
 * Checks a text that must be an object, after a byte order mark if there is one. PB_FORMAT names
 * `path`, the line and what is wrong there. `root` lies in `bytes`; there is none after a fault.
 */
pb_status pb_json_object(const char *path, const char *bytes, size_t length, pb_json *root,
                         pb_error **error);

/* The same from a file of at most `limit` bytes, which become the caller's: free(*bytes). */
pb_status pb_json_read_file(const char *path, size_t limit, char **bytes, pb_json *root,
                            pb_error **error);

pb_json_kind pb_json_kind_of(pb_json value);

/* The member of that name, the last if there are several; none if `object` is no object. */
pb_json pb_json_get(pb_json object, const char *key);
/* The same, but none where it is null. */
pb_json pb_json_given(pb_json object, const char *key);

/* Walks over a list or an object, in the order of the text; over anything else not at all. */
typedef struct pb_json_items {
    const char *at;
    bool keyed;
} pb_json_items;
pb_json_items pb_json_each(pb_json value);
/* `key` (a text) may be NULL; in a list there is none. */
bool pb_json_next(pb_json_items *items, pb_json *key, pb_json *value);
size_t pb_json_count(pb_json value);

bool pb_json_is_true(pb_json value);
/* Whether it is a whole number, written as one, that fits. */
bool pb_json_as_integer(pb_json value, int64_t *number);
/* Whether it is a number. */
bool pb_json_as_number(pb_json value, double *number);

/* Appends what a text says, as UTF-8, in which there may be NULs; half of a surrogate pair becomes
 * U+FFFD. Nothing for a value that is no text; the buffer ends in a NUL all the same. */
void pb_json_append(pb_json text, pb_buffer *out);
/* Whether it is a text that says just this. */
bool pb_json_says(pb_json value, const char *text);

/* A value as short text for a message ("\"twelve\"", "[1,2,...", "null"), cut to fit `out`. */
enum { PB_JSON_SHOWN = 64 };
const char *pb_json_show(pb_json value, char out[PB_JSON_SHOWN]);

#endif
