/*
 * Values as JSON and back. Numbers have the digits that read back the same, and what JSON has no
 * form for is an object that says so under the name "patchbay":
 *
 *     {"patchbay": "nan"}, "inf", "-inf"                   a number
 *     {"patchbay": "bytes", "latin1": "..."}               a string that is not UTF-8, a byte a
 *                                                          character
 *     {"patchbay": "record", "names": [], "values": []}    a record with names that are not UTF-8,
 *                                                          or of which one is "patchbay"
 *     {"patchbay": "columns", "names": [], "columns": []}  a table of that kind
 *     {"axes": [{"name", "coordinates", "labels"}],        a tensor, its values row by row
 *      "values": [], "units", "caption", "patchbay": "tensor"}; "mask" for one of truths
 *     {NAME: [], ..., "patchbay": "table"}                 a table, by its columns
 *
 * Tensors and tables also say where in them numbers are that JSON has no form for, which are null:
 * "table nan@1:0 -inf@1:4", by column and row. So other programs find what they look for.
 */
#ifndef WORDS_JSON_PRIVATE_H
#define WORDS_JSON_PRIVATE_H

#include <jansson.h>

#include "words.h"

#define MARK_NAME "patchbay"

/* Any value (json_read.c). */
pb_status pb_value_from_json(pb_interp *interp, const json_t *json, pb_value **result,
                             pb_error **error);
/* What an object stands for by its mark; NULL if it has none that is known (json_marked.c). */
pb_status pb_marked_from_json(pb_interp *interp, const json_t *json, pb_value **result,
                              pb_error **error);

#endif
