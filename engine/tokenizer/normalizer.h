/*
 * What a tokenizer does to a text before it is cut: the normalisers of the library `tokenizers`
 * (https://huggingface.co/docs/tokenizers/api/normalizers) that a tokenizer.json names, in order.
 * Its tables are Unicode 9's, and utf8proc's are newer: characters that came between are left as
 * they are, as there.
 */
#ifndef PB_TOKENIZER_NORMALIZER_H
#define PB_TOKENIZER_NORMALIZER_H

#include "base/arena.h"
#include "base/buffer.h"
#include "io/json.h"

typedef struct normalizer_step normalizer_step;

typedef struct normalizer {
    normalizer_step *steps; /* in the arena */
    size_t count;
} normalizer;

/* Reads the value of "normalizer", which may be null. PB_UNSUPPORTED for one that is not known. */
pb_status normalizer_read(const char *path, pb_json value, pb_arena *arena, normalizer *made,
                          pb_error **error);

/* Makes of `text` what the steps make of it; without steps it is copied. */
pb_status normalizer_apply(const normalizer *made, const char *text, size_t length,
                           pb_buffer *result, pb_error **error);

#endif
