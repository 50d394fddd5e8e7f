/* tokenizer.json, the one file that newer libraries save in place of vocab.json and merges.txt. */
#ifndef PB_TOKENIZER_JSON_H
#define PB_TOKENIZER_JSON_H

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"

/* What it holds, as the two older files write it. */
typedef struct tokenizer_json {
    json_t *vocab; /* token -> id, added tokens included */
    char *merges;  /* "left right" lines */
    size_t merges_length;
} tokenizer_json;

/*
 * Takes the file apart. PB_UNSUPPORTED for a tokenizer that cuts or merges text in another way than
 * GPT-2's: what it would make of a prompt could not be had here.
 */
pb_status tokenizer_json_read(const char *path, const char *bytes, size_t length,
                              tokenizer_json *parts, pb_error **error);
void tokenizer_json_free(tokenizer_json *parts);

#endif
