/* Text to tokens and back. */
#include "tokenizer/tokenizer.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "tokenizer_parts.h"

void pb_tokenizer_destroy(pb_tokenizer **tokenizer)
{
    if (!tokenizer || !*tokenizer)
        return;
    pb_tokenizer *t = *tokenizer;
    *tokenizer = NULL;
    word_pattern_destroy(&t->pattern);
    bpe_table_free(&t->table);
    pb_map_destroy(&t->by_bytes);
    free(t->tokens);
    pb_arena_destroy(&t->arena);
    free(t);
}

size_t pb_tokenizer_count(const pb_tokenizer *tokenizer)
{
    return tokenizer->n_tokens;
}

size_t pb_tokenizer_words(const pb_tokenizer *tokenizer)
{
    return tokenizer->n_words;
}

int32_t pb_tokenizer_end_of_text(const pb_tokenizer *tokenizer)
{
    return tokenizer->end_of_text;
}

/* ---- encoding ---- */

/* One encoding under way. */
typedef struct encoder {
    const pb_tokenizer *tokenizer;
    word_cutter *cutter;
    bpe_scratch scratch;
    int32_t *ids;
    size_t count, capacity;
    const pb_watch *watch;
    pb_error **error;
} encoder;

/* Room for `more` ids behind those there are. */
static pb_status reserve(encoder *e, size_t more)
{
    size_t needed;
    if (!pb_size_add(e->count, more, &needed))
        return pb_fail_memory(e->error);
    if (needed <= e->capacity)
        return PB_OK;
    size_t capacity = needed > 2 * e->capacity ? needed : 2 * e->capacity;
    int32_t *grown = pb_realloc(e->ids, capacity, sizeof *grown);
    if (!grown)
        return pb_fail_memory(e->error);
    e->ids = grown;
    e->capacity = capacity;
    return PB_OK;
}

/* A word starts as one symbol a byte. */
static pb_status encode_word(encoder *e, const char *word, size_t length)
{
    pb_status status = reserve(e, length);
    if (status)
        return status;
    int32_t *ids = e->ids + e->count;
    for (size_t i = 0; i < length; i++)
        ids[i] = e->tokenizer->byte_ids[(unsigned char)word[i]];
    size_t count = length;
    status = bpe_merge_word(&e->tokenizer->table, &e->scratch, ids, &count, e->watch, e->error);
    e->count += count;
    return status;
}

/* Text between special tokens: the pattern does not look past either end. */
static pb_status encode_plain(encoder *e, const char *text, size_t length)
{
    for (size_t at = 0, end = 0; at < length; at = end) {
        pb_status status = pb_watch_check(e->watch, e->error);
        if (!status)
            status = word_cutter_next(e->cutter, text, length, at, &end, e->error);
        if (!status)
            status = encode_word(e, text + at, end - at);
        if (status)
            return status;
    }
    return PB_OK;
}

/* The next "<|endoftext|>" in text; NULL if there is none. */
static const char *find_special(const char *text, size_t length)
{
    const size_t size = sizeof END_OF_TEXT - 1;
    const char *end = text + length;
    while ((size_t)(end - text) >= size) {
        text = memchr(text, END_OF_TEXT[0], (size_t)(end - text) - size + 1);
        if (!text || memcmp(text, END_OF_TEXT, size) == 0)
            return text;
        text++;
    }
    return NULL;
}

static pb_status encode_text(encoder *e, const char *text, size_t length, pb_special special)
{
    bool look = special == PB_SPECIAL_ALLOWED && e->tokenizer->end_of_text != PB_NO_TOKEN;
    for (const char *found; look && (found = find_special(text, length));) {
        size_t before = (size_t)(found - text);
        pb_status status = encode_plain(e, text, before);
        if (!status)
            status = reserve(e, 1);
        if (status)
            return status;
        e->ids[e->count++] = e->tokenizer->end_of_text;
        text = found + sizeof END_OF_TEXT - 1;
        length -= before + sizeof END_OF_TEXT - 1;
    }
    return encode_plain(e, text, length);
}

pb_status pb_tokenizer_encode(const pb_tokenizer *tokenizer, const char *text, size_t length,
                              pb_special special, const pb_watch *watch, int32_t **ids,
                              size_t *count, pb_error **error)
{
    size_t valid = pb_utf8_valid_prefix(text, length);
    if (valid < length)
        return pb_fail(error, PB_VALUE,
                       "the text is not valid UTF-8: the byte 0x%02x at offset %zu starts no "
                       "character",
                       (unsigned char)text[valid], valid);
    encoder e = {.tokenizer = tokenizer, .watch = watch, .error = error};
    e.cutter = word_cutter_create(tokenizer->pattern);
    pb_status status = e.cutter ? reserve(&e, length / 4 + 1) : pb_fail_memory(error);
    if (!status)
        status = encode_text(&e, text, length, special);
    word_cutter_destroy(&e.cutter);
    bpe_scratch_free(&e.scratch);
    if (status) {
        free(e.ids);
        return status;
    }
    *ids = e.ids;
    *count = e.count;
    return PB_OK;
}

int32_t pb_tokenizer_find(const pb_tokenizer *tokenizer, const char *text, size_t length)
{
    uint64_t id;
    return pb_map_get(tokenizer->by_bytes, text, length, &id) ? (int32_t)id : PB_NO_TOKEN;
}

/* ---- decoding ---- */

static const token *token_at(const pb_tokenizer *tokenizer, int32_t id)
{
    return id >= 0 && (size_t)id < tokenizer->n_tokens ? &tokenizer->tokens[id] : NULL;
}

const char *pb_tokenizer_bytes(const pb_tokenizer *tokenizer, int32_t id, size_t *length)
{
    const token *found = token_at(tokenizer, id);
    *length = found ? found->length : 0;
    return found ? found->bytes : NULL;
}

const char *pb_tokenizer_label(const pb_tokenizer *tokenizer, int32_t id)
{
    const token *found = token_at(tokenizer, id);
    return found ? found->label : NULL;
}

pb_status pb_tokenizer_decode(const pb_tokenizer *tokenizer, const int32_t *ids, size_t count,
                              char **bytes, size_t *length, pb_error **error)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < count; i++) {
        const token *found = token_at(tokenizer, ids[i]);
        if (!found) {
            pb_buffer_free(&text);
            return pb_fail(error, PB_RANGE, "there is no token %ld, only 0 to %zu", (long)ids[i],
                           tokenizer->n_tokens - 1);
        }
        pb_buffer_append(&text, found->bytes, found->length);
    }
    *length = text.length;
    *bytes = pb_buffer_take(&text);
    return *bytes ? PB_OK : pb_fail_memory(error);
}
