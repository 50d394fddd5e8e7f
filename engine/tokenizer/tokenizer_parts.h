/* A tokenizer from inside: build.c makes it, tokenizer.c and tokenizer_help.c use it. */
#ifndef PB_TOKENIZER_PARTS_H
#define PB_TOKENIZER_PARTS_H

#include "added.h"
#include "base/arena.h"
#include "base/map.h"
#include "bpe.h"
#include "normalizer.h"
#include "tokenizer/tokenizer.h"
#include "word_pattern.h"

#define END_OF_TEXT "<|endoftext|>"

typedef struct token {
    const char *bytes; /* in the arena, as is `label` */
    const char *label; /* valid UTF-8 without NULs; `bytes` itself where that will do */
    size_t length;     /* of bytes */
    bool added;        /* looked for in a text as it is */
    bool special;      /* and one of those that mark something */
    bool in_model;     /* in the vocabulary that words are cut into */
    bool implied;      /* in no file: GPT-2's class has it all the same */
    bool pads;         /* in no text: an id that nobody has given a text */
    bool is_byte;      /* of a vocabulary of pieces: stands for a byte that is no character */
} token;

/* Whether a space is put before a text whose spaces are written as U+2581. */
typedef enum prefix_scheme {
    PREFIX_NEVER,
    PREFIX_FIRST, /* before what begins the text */
    PREFIX_ALWAYS /* before each stretch between added tokens */
} prefix_scheme;

struct pb_tokenizer {
    pb_arena *arena;
    token *tokens; /* by id */
    size_t n_tokens;
    size_t n_words;        /* of them, those of the vocabulary: the others only pad it */
    size_t n_known;        /* with those that the model has no row for: see pb_tokenizer_fit() */
    pb_map *by_bytes;      /* bytes -> id; of equal ones the lowest */
    int32_t byte_ids[256]; /* PB_NO_TOKEN where the vocabulary has none */
    int32_t start, end;
    pb_start_rule start_rule;
    bpe_table table;
    word_pattern *pattern;

    normalizer normalizer;
    added_set raw, normalized; /* added tokens by when they are looked for */
    /* A vocabulary of pieces, as SentencePiece makes it, starts from characters, not from bytes;
     * only what has no token is made of bytes. */
    bool of_pieces;
    pb_map *characters;  /* of pieces: those of one character -> id, spaces as U+2581 */
    bool writes_spaces;  /* of pieces: puts U+2581 for spaces, and before a text by `prefix` */
    bool cuts_at_spaces; /* and begins a word at each */
    prefix_scheme prefix;
    words_by way;           /* of bytes: how a text is cut into words */
    bool adds_space;        /* before each stretch of text that does not begin with one */
    bool whole_pieces;      /* text between added tokens is one word */
    bool whole_words;       /* a word that is a token is not made of others */
    bool specials_as_text;  /* special tokens in a text are text */
    bool closes;            /* puts a token behind every text, which nobody does here */
    size_t n_unmade;        /* tokens that no merge makes, and that are not looked for */
    int32_t unmade;         /* the first of them */
    const char *space_file; /* what says so of adds_space */
};

#endif
