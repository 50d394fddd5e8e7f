/* JSON from files nobody vouches for: configurations, headers of weights, vocabularies. */
#ifndef PB_IO_JSON_H
#define PB_IO_JSON_H

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"

/*
 * Parses an object, after a byte order mark if there is one; a key that comes twice is refused.
 * PB_FORMAT names `path`, the line and what is wrong there. The caller ends *root with
 * json_decref().
 */
pb_status pb_json_read_object(const char *path, const char *bytes, size_t length, json_t **root,
                              pb_error **error);

/* The same from a file of at most `limit` bytes. */
pb_status pb_json_read_file(const char *path, size_t limit, json_t **root, pb_error **error);

/* A value as short text for a message ("\"twelve\"", "[1,2,...", "null"), cut to fit `out`. */
enum { PB_JSON_SHOWN = 64 };
const char *pb_json_show(const json_t *value, char out[PB_JSON_SHOWN]);

#endif
