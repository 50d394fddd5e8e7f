/* Text to tokens and back. */
#include "tokenizer/tokenizer.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "build.h"

void pb_tokenizer_destroy(pb_tokenizer **tokenizer)
{
    if (!tokenizer || !*tokenizer)
        return;
    pb_tokenizer *t = *tokenizer;
    *tokenizer = NULL;
    word_pattern_destroy(&t->pattern);
    bpe_table_free(&t->table);
    pb_map_destroy(&t->by_bytes);
    pb_map_destroy(&t->characters);
    added_set_free(&t->raw);
    added_set_free(&t->normalized);
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

/* An id, unless the model has no row for it. */
static int32_t usable(const pb_tokenizer *t, int32_t id)
{
    return id >= 0 && (size_t)id < t->n_tokens ? id : PB_NO_TOKEN;
}

int32_t pb_tokenizer_start(const pb_tokenizer *tokenizer)
{
    return usable(tokenizer, tokenizer->start);
}

int32_t pb_tokenizer_end(const pb_tokenizer *tokenizer)
{
    return usable(tokenizer, tokenizer->end);
}

pb_start_rule pb_tokenizer_start_rule(const pb_tokenizer *tokenizer)
{
    return tokenizer->start_rule;
}

/* ---- encoding ---- */

/* One encoding under way. */
typedef struct encoder {
    const pb_tokenizer *tokenizer;
    word_cutter *cutter;
    bpe_scratch scratch;
    const char *text;    /* all of it */
    const char *stretch; /* of it, what lies between added tokens and is at work */
    size_t stretch_length;
    pb_buffer form, spaced; /* the stretch as the normaliser leaves it; with its spaces */
    bool specials_as_text;
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

static pb_status push(encoder *e, int32_t id)
{
    pb_status status = reserve(e, 1);
    if (!status)
        e->ids[e->count++] = id;
    return status;
}

/* The first of them, also where the normaliser has changed what is before it. */
static pb_status fail_byte(const encoder *e, unsigned char byte)
{
    const char *at = memchr(e->stretch, byte, e->stretch_length);
    return pb_fail(e->error, PB_VALUE,
                   "the vocabulary has no token for the byte 0x%02x, which the text has at offset "
                   "%zu",
                   byte, (size_t)((at ? at : e->stretch) - e->text));
}

/* A word starts as one symbol a byte. */
static pb_status encode_word(encoder *e, const char *word, size_t length)
{
    const pb_tokenizer *t = e->tokenizer;
    uint64_t whole;
    if (t->whole_words && pb_map_get(t->by_bytes, word, length, &whole) &&
        t->tokens[whole].in_model)
        return push(e, (int32_t)whole);
    pb_status status = reserve(e, length);
    if (status)
        return status;
    int32_t *ids = e->ids + e->count;
    for (size_t i = 0; i < length; i++) {
        ids[i] = t->byte_ids[(unsigned char)word[i]];
        if (ids[i] == PB_NO_TOKEN)
            return fail_byte(e, (unsigned char)word[i]);
    }
    size_t count = length;
    status = bpe_merge_word(&t->table, &e->scratch, ids, &count, e->watch, e->error);
    e->count += count;
    return status;
}

/* ---- vocabularies of pieces ---- */

static bool starts_with_sign(const char *text, size_t length)
{
    return length >= N_SPACE_SIGN && memcmp(text, space_sign, N_SPACE_SIGN) == 0;
}

/* A word starts as one symbol a character, or a byte where the character has no token. */
static pb_status encode_characters(encoder *e, const char *word, size_t length)
{
    const pb_tokenizer *t = e->tokenizer;
    size_t count = 0;
    pb_status status = reserve(e, length);
    if (status)
        return status;
    int32_t *ids = e->ids + e->count;
    for (size_t at = 0, start = 0; at < length; start = at) {
        uint64_t id;
        (void)pb_utf8_next(word, length, &at);
        if (pb_map_get(t->characters, word + start, at - start, &id)) {
            ids[count++] = (int32_t)id;
            continue;
        }
        for (size_t i = start; i < at; i++) {
            ids[count++] = t->byte_ids[(unsigned char)word[i]];
            if (ids[count - 1] == PB_NO_TOKEN)
                return fail_byte(e, (unsigned char)word[i]);
        }
    }
    status = bpe_merge_word(&t->table, &e->scratch, ids, &count, e->watch, e->error);
    e->count += count;
    return status;
}

/* The text with signs for its spaces, and one before it where it gets one. */
static pb_status write_spaces(encoder *e, const char **text, size_t *length)
{
    const pb_tokenizer *t = e->tokenizer;
    bool first = e->stretch == e->text && e->count == 0;
    pb_buffer_clear(&e->spaced);
    if ((t->prefix == PREFIX_ALWAYS || (t->prefix == PREFIX_FIRST && first)) && **text != ' ' &&
        !starts_with_sign(*text, *length))
        pb_buffer_text(&e->spaced, space_sign);
    for (size_t i = 0; i < *length; i++) {
        if ((*text)[i] == ' ')
            pb_buffer_text(&e->spaced, space_sign);
        else
            pb_buffer_byte(&e->spaced, (*text)[i]);
    }
    *text = e->spaced.data;
    *length = e->spaced.length;
    return pb_buffer_status(&e->spaced, e->error);
}

static pb_status encode_pieces(encoder *e, const char *text, size_t length)
{
    const pb_tokenizer *t = e->tokenizer;
    pb_status status = PB_OK;
    if (t->writes_spaces)
        status = write_spaces(e, &text, &length);
    for (size_t at = 0, end; at < length && !status; at = end) {
        end = t->cuts_at_spaces ? at + 1 : length;
        while (end < length && !starts_with_sign(text + end, length - end))
            end++;
        status = pb_watch_check(e->watch, e->error);
        if (!status)
            status = encode_characters(e, text + at, end - at);
    }
    return status;
}

/* ---- stretches of text ---- */

/* Text between added tokens: the pattern does not look past either end. */
static pb_status encode_plain(encoder *e, const char *text, size_t length)
{
    if (e->tokenizer->of_pieces)
        return encode_pieces(e, text, length);
    if (e->tokenizer->adds_space && text[0] != ' ') {
        pb_buffer_clear(&e->spaced);
        pb_buffer_byte(&e->spaced, ' ');
        pb_buffer_append(&e->spaced, text, length);
        if (e->spaced.failed)
            return pb_fail_memory(e->error);
        text = e->spaced.data;
        length = e->spaced.length;
    }
    for (size_t at = 0, end = length; at < length; at = end) {
        pb_status status = pb_watch_check(e->watch, e->error);
        if (!status && !e->tokenizer->whole_pieces)
            status = word_cutter_next(e->cutter, text, length, at, &end, e->error);
        if (!status)
            status = encode_word(e, text + at, end - at);
        if (status)
            return status;
    }
    return PB_OK;
}

/* What is done with the text between the tokens of a set. */
typedef pb_status encode_rest(encoder *e, const char *text, size_t length);

static pb_status encode_around(encoder *e, const added_set *set, const char *text, size_t length,
                               encode_rest *rest)
{
    added_walk walk = {.set = set,
                       .cutter = e->cutter,
                       .text = text,
                       .length = length,
                       .skip_special = e->specials_as_text};
    pb_status status = PB_OK;
    const added_token *added;
    const char *piece;
    size_t n;
    while (!status && added_walk_next(&walk, &added, &piece, &n, &status, e->error)) {
        status = pb_watch_check(e->watch, e->error);
        if (!status)
            status = added ? push(e, added->id) : rest(e, piece, n);
    }
    return status;
}

/* Text between the tokens that are looked for in it as it is. */
static pb_status encode_normalized(encoder *e, const char *text, size_t length)
{
    const pb_tokenizer *t = e->tokenizer;
    e->stretch = text;
    e->stretch_length = length;
    if (t->normalizer.count == 0)
        return encode_around(e, &t->normalized, text, length, encode_plain);
    pb_status status = normalizer_apply(&t->normalizer, text, length, &e->form, e->error);
    return status ? status
                  : encode_around(e, &t->normalized, e->form.data, e->form.length, encode_plain);
}

/* A model may have fewer rows than its vocabulary has tokens. */
static pb_status check_rows(const encoder *e)
{
    const pb_tokenizer *t = e->tokenizer;
    for (size_t i = 0; i < e->count; i++)
        if ((size_t)e->ids[i] >= t->n_tokens)
            return pb_fail(e->error, PB_VALUE,
                           "the text has the token '%s', whose id is %ld, and the model has rows "
                           "for the tokens 0 to %zu alone",
                           t->tokens[e->ids[i]].label, (long)e->ids[i], t->n_tokens - 1);
    return PB_OK;
}

static pb_status check_text(const char *text, size_t length, pb_error **error)
{
    size_t valid = pb_utf8_valid_prefix(text, length);
    if (valid == length)
        return PB_OK;
    return pb_fail(error, PB_VALUE,
                   "the text is not valid UTF-8: the byte 0x%02x at offset %zu starts no "
                   "character",
                   (unsigned char)text[valid], valid);
}

pb_status pb_tokenizer_encode(const pb_tokenizer *tokenizer, const char *text, size_t length,
                              pb_special special, const pb_watch *watch, int32_t **ids,
                              size_t *count, pb_error **error)
{
    pb_status status = check_text(text, length, error);
    if (status)
        return status;
    encoder e = {.tokenizer = tokenizer,
                 .text = text,
                 .specials_as_text = special == PB_SPECIAL_AS_TEXT || tokenizer->specials_as_text,
                 .watch = watch,
                 .error = error};
    e.cutter = word_cutter_create(tokenizer->pattern);
    status = e.cutter ? reserve(&e, length / 4 + 1) : pb_fail_memory(error);
    if (!status)
        status = encode_around(&e, &tokenizer->raw, text, length, encode_normalized);
    if (!status)
        status = check_rows(&e);
    word_cutter_destroy(&e.cutter);
    bpe_scratch_free(&e.scratch);
    pb_buffer_free(&e.form);
    pb_buffer_free(&e.spaced);
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
    return pb_map_get(tokenizer->by_bytes, text, length, &id) ? usable(tokenizer, (int32_t)id)
                                                              : PB_NO_TOKEN;
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

bool pb_tokenizer_is_added(const pb_tokenizer *tokenizer, int32_t id)
{
    const token *found = token_at(tokenizer, id);
    return found && found->added;
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
