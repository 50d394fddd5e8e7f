/*
 * Byte-pair encoding, exact with Hugging Face's library `tokenizers`.
 *
 * Byte-level (GPT-2, GPT-NeoX, Llama 3, Qwen 2, SmolLM): a text is cut into words by the family's
 * pattern over Unicode classes; the bytes of a word are merged pair by pair, the pair that was
 * learned first (the lowest rank) before all others and the leftmost of equal ones first. Of pieces
 * (SentencePiece, as Llama 2 has it): the characters of a whole text are merged so, its spaces
 * written as U+2581; a character without a token becomes its bytes. A tokenizer is immutable and
 * may be used from several threads at once.
 */
#ifndef PB_TOKENIZER_TOKENIZER_H
#define PB_TOKENIZER_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/watch.h"

typedef struct pb_tokenizer pb_tokenizer;

enum { PB_NO_TOKEN = -1 };

/*
 * Reads folder/tokenizer.json, or folder/vocab.json and folder/merges.txt where it is missing, and
 * what tokenizer_config.json, special_tokens_map.json and added_tokens.json say about added tokens
 * and spaces, as transformers' AutoTokenizer does. Where the folder holds a GGUF file in place of
 * safetensors, or `path` is one, its metadata is read (`tokenizer.ggml.*`). PB_FORMAT names the
 * file and what is wrong; PB_UNSUPPORTED, naming the part, for a tokenizer that cuts, merges or
 * normalises text in a way that is not known.
 */
pb_status pb_tokenizer_open(const char *path, pb_tokenizer **tokenizer, pb_error **error);
/* The same from memory; `vocab_path` and `merges_path` are what messages call them. */
pb_status pb_tokenizer_parse(const char *vocab_path, const char *vocab, size_t vocab_length,
                             const char *merges_path, const char *merges, size_t merges_length,
                             pb_tokenizer **tokenizer, pb_error **error);
pb_status pb_tokenizer_parse_json(const char *path, const char *json, size_t length,
                                  pb_tokenizer **tokenizer, pb_error **error);
void pb_tokenizer_destroy(pb_tokenizer **tokenizer);

/*
 * Fits it to a model whose embedding has `count` rows. Where these are more than there are tokens,
 * tokens are added that no text has: their text and label are "<|8192|>" by their id. Where they
 * are fewer, the last tokens cannot be used, and a text that has one is refused. For the one who
 * has just opened it.
 */
pb_status pb_tokenizer_fit(pb_tokenizer *tokenizer, size_t count, pb_error **error);

size_t pb_tokenizer_count(const pb_tokenizer *tokenizer); /* ids are 0 .. count - 1 */
size_t pb_tokenizer_words(const pb_tokenizer *tokenizer); /* of them, those that do not only pad */
/* The token that starts a text: the tokenizer's bos_token, or else its eos_token, or else
 * <|endoftext|>. The one that ends one. PB_NO_TOKEN if there is none. */
int32_t pb_tokenizer_start(const pb_tokenizer *tokenizer);
int32_t pb_tokenizer_end(const pb_tokenizer *tokenizer);

/* What its files say about putting that first token before a text. */
typedef enum pb_start_rule { PB_START_UNSAID, PB_START_NEVER, PB_START_ALWAYS } pb_start_rule;
pb_start_rule pb_tokenizer_start_rule(const pb_tokenizer *tokenizer);
/* Whether a text that has its text becomes it, whatever stands around: <|endoftext|> and others. */
bool pb_tokenizer_is_added(const pb_tokenizer *tokenizer, int32_t id);
/* What may surprise someone who knows GPT-2's own tokenizer: a sentence a line; nothing as a rule.
 */
void pb_tokenizer_notes(const pb_tokenizer *tokenizer, pb_buffer *out);

/* ---- text to tokens ---- */

typedef enum pb_special {
    PB_SPECIAL_ALLOWED, /* "<|endoftext|>" in a text is one token, as in the references */
    PB_SPECIAL_AS_TEXT  /* it is text like any other */
} pb_special;

/*
 * The tokens of `length` bytes of UTF-8, which may hold NULs. *ids is malloc'ed, the caller's,
 * never NULL on success. PB_VALUE, naming the byte offset, where the text is not valid UTF-8.
 * `watch` may be NULL.
 */
pb_status pb_tokenizer_encode(const pb_tokenizer *tokenizer, const char *text, size_t length,
                              pb_special special, const pb_watch *watch, int32_t **ids,
                              size_t *count, pb_error **error);

/* The one token that is exactly these bytes; PB_NO_TOKEN if they are none or several. */
int32_t pb_tokenizer_find(const pb_tokenizer *tokenizer, const char *text, size_t length);

/* Like pb_tokenizer_find() for a text that encodes to one token (of a vocabulary of pieces, which
 * may put a space before a text: that is one); PB_VALUE otherwise, with a text that shows its
 * pieces and a hint with the nearest words that are one token. */
pb_status pb_tokenizer_need_one(const pb_tokenizer *tokenizer, const char *text, size_t length,
                                int32_t *id, pb_error **error);

/* ---- tokens to text ---- */

/* A token's bytes, borrowed; alone they need not be valid UTF-8. NULL for an id out of range. */
const char *pb_tokenizer_bytes(const pb_tokenizer *tokenizer, int32_t id, size_t *length);

/*
 * The bytes of the tokens one after the other, a space that was put before a text among them,
 * malloc'ed, the caller's, NUL-terminated behind *length. PB_RANGE for an id that is not there.
 */
pb_status pb_tokenizer_decode(const pb_tokenizer *tokenizer, const int32_t *ids, size_t count,
                              char **bytes, size_t *length, pb_error **error);

/*
 * A token as valid UTF-8 for a label, borrowed: its text where that is valid, and \xE2 for each
 * byte that is part of no whole character. Spaces are left as they are. NULL for an id out of
 * range.
 */
const char *pb_tokenizer_label(const pb_tokenizer *tokenizer, int32_t id);

/* ---- help for people ---- */

/*
 * Up to `limit` tokens that someone who wrote `text` may have meant, nearest first: the same word
 * with or without its leading space, in other case; the shortest token that `text` begins; tokens
 * few edits away; the longest one that begins `text`. Returns how many were written to `ids`.
 */
size_t pb_tokenizer_nearest(const pb_tokenizer *tokenizer, const char *text, size_t length,
                            int32_t *ids, size_t limit);

#endif
