/* Making a tokenizer: a vocabulary, its merges, then tokens that are added to it. */
#ifndef PB_TOKENIZER_BUILD_H
#define PB_TOKENIZER_BUILD_H

#include "io/json.h"
#include "tokenizer_parts.h"

enum { LAST_BYTE_SYMBOL = 0x143 };

typedef struct builder {
    pb_tokenizer *tokenizer;
    const char *vocab_path, *merges_path; /* for messages; they outlive the building */
    pb_map *ids;                          /* of the vocabulary, by their keys in the file */
    size_t n_model;                       /* one more than the largest of them */
    pb_map *added_ids;                    /* by text -> index in `added` */
    added_token *added;
    size_t n_added, added_capacity;
    int32_t next_id; /* what a token gets that is not in the vocabulary */
    bpe_merge *merges;
    size_t n_merges;
    int16_t byte_of[LAST_BYTE_SYMBOL + 1]; /* by code point; -1 where it stands for no byte */
    char symbols[256][5];                  /* by byte: its character, NUL-terminated */
    pb_error **error;
} builder;

pb_status builder_start(builder *b, pb_error **error);
/* An object from tokens to ids. */
pb_status builder_vocabulary(builder *b, pb_json vocabulary);
/* One token of it: the text is copied. Then the end of it, after which come merges. */
pb_status builder_token(builder *b, const char *text, size_t length, size_t id);
pb_status builder_end_vocabulary(builder *b);
/* Room for `n` merges in all; then one after the other, the first learned first. */
pb_status builder_room_for_merges(builder *b, size_t n);
pb_status builder_merge(builder *b, pb_buffer *scratch, size_t number, const char *line,
                        size_t length);
/* Lines of "left right", as merges.txt has them. */
pb_status builder_merge_lines(builder *b, const char *text, size_t length);
/* A list of ["left", "right"], or of "left right". */
pb_status builder_merge_list(builder *b, pb_json list);

/* What happens to a token that was added before. */
typedef enum again {
    AGAIN_REPLACES, /* it gets the new properties */
    AGAIN_NOTHING
} again;

/*
 * Adds a token (`added->text` is copied): one of the vocabulary keeps its id, and another has the
 * next one, whatever id a file gives it, as in the library `tokenizers`. An empty one is left out.
 */
pb_status builder_add(builder *b, const added_token *added, again when);
/* The id of a token, added or not; PB_NO_TOKEN if there is none. */
int32_t builder_find(const builder *b, const char *text, size_t length);

/* How pieces write spaces (U+2581), and bytes that are no character (<0x0A>). */
extern const char space_sign[];
enum { N_SPACE_SIGN = 3, N_BYTE_NAME = 6 };

/* Hands the tokenizer over. */
pb_status builder_finish(builder *b, pb_tokenizer **tokenizer);
void builder_free(builder *b); /* after success, too */

#endif
