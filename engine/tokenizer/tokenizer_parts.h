/* A tokenizer from inside: tokenizer_load.c makes it, tokenizer.c and tokenizer_help.c use it. */
#ifndef PB_TOKENIZER_PARTS_H
#define PB_TOKENIZER_PARTS_H

#include "base/arena.h"
#include "base/map.h"
#include "bpe.h"
#include "tokenizer/tokenizer.h"
#include "word_pattern.h"

#define END_OF_TEXT "<|endoftext|>"

typedef struct token {
    const char *bytes; /* in the arena, as is `label` */
    const char *label; /* valid UTF-8 without NULs; `bytes` itself where that will do */
    size_t length;     /* of bytes */
} token;

struct pb_tokenizer {
    pb_arena *arena;
    token *tokens; /* by id */
    size_t n_tokens;
    size_t n_words;   /* of them, those of the vocabulary: the others only pad it */
    pb_map *by_bytes; /* bytes -> id; of equal ones the lowest */
    int32_t byte_ids[256];
    int32_t end_of_text;
    bpe_table table;
    word_pattern *pattern;
};

#endif
