/*
 * Tokens that were added to a vocabulary: they are looked for in a text before it is cut into
 * words, as the library `tokenizers` does (tokenizers/src/tokenizer/added_vocabulary.rs, 0.23).
 */
#ifndef PB_TOKENIZER_ADDED_H
#define PB_TOKENIZER_ADDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "word_pattern.h"

typedef struct added_token {
    const char *text; /* as the text has it */
    size_t length;
    int32_t id;
    bool special;
    bool normalized;     /* looked for after the normaliser, in what the others left */
    bool single_word;    /* only where no letter or digit stands beside it */
    bool lstrip, rstrip; /* takes the white space on its left, on its right */
    bool implied;        /* no file has it */
} added_token;

/* Those that are looked for together, by their text. */
typedef struct added_set {
    added_token *tokens; /* sorted; of equal texts one */
    size_t count;
    bool begins[256]; /* whether one starts with that byte */
} added_set;

/* Takes `tokens` over. Of equal texts the one of the lowest id stays; one that a normaliser has
 * left nothing of is in no text (tokenizers itself panics with it). */
void added_set_make(added_token *tokens, size_t count, added_set *set);
/* Leaves out the implied ones from an id on. */
void added_set_cut(added_set *set, size_t count);
void added_set_free(added_set *set);

/* A walk over the pieces of a text: the tokens of a set, and what lies between them. */
typedef struct added_walk {
    const added_set *set;
    word_cutter *cutter; /* tells letters */
    const char *text;
    size_t length;
    bool skip_special; /* special tokens are text like any other */
    size_t searched;   /* up to where tokens were looked for */
    size_t taken;      /* up to where the text was handed out */
    added_token found; /* the token that comes next, behind a piece of text */
    size_t found_end;
    bool is_found;
} added_walk;

/* The leftmost token, the longest of those that start there, comes first. A piece is a token, or
 * text: then *token is NULL. False at the end. */
bool added_walk_next(added_walk *walk, const added_token **token, const char **piece,
                     size_t *length, pb_status *status, pb_error **error);

/* Whether the white space of Unicode (Rust's char::is_whitespace) ends or starts there: its length
 * in bytes, 0 if it is none. */
size_t added_space_before(const char *text, size_t at);
size_t added_space_at(const char *text, size_t length, size_t at);

#endif
