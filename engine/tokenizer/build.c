/*
 * A vocabulary and its merges, and the tokens that are added to it.
 *
 * Files write bytes as printable characters: a byte that is printable in Latin-1 stands for itself,
 * the others for U+0100 and on, in order (a space is U+0120). From "Language Models are
 * Unsupervised Multitask Learners" (Radford et al., 2019), encoder.py's bytes_to_unicode().
 */
#include "build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/utf8.h"

static bool stands_for_itself(int byte)
{
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

static void map_bytes(builder *b)
{
    uint32_t next = 0x100;
    for (size_t i = 0; i <= LAST_BYTE_SYMBOL; i++)
        b->byte_of[i] = -1;
    for (int byte = 0; byte < 256; byte++) {
        uint32_t code = stands_for_itself(byte) ? (uint32_t)byte : next++;
        b->byte_of[code] = (int16_t)byte;
        b->symbols[byte][pb_utf8_encode(code, b->symbols[byte])] = '\0';
    }
}

pb_status builder_start(builder *b, pb_error **error)
{
    b->error = error;
    map_bytes(b);
    b->tokenizer = pb_calloc(1, sizeof *b->tokenizer);
    if (!b->tokenizer)
        return pb_fail_memory(error);
    b->tokenizer->start = b->tokenizer->end = PB_NO_TOKEN;
    b->tokenizer->arena = pb_arena_create();
    b->ids = pb_map_create(256);
    b->added_ids = pb_map_create(8);
    if (!b->tokenizer->arena || !b->ids || !b->added_ids)
        return pb_fail_memory(error);
    return PB_OK;
}

void builder_free(builder *b)
{
    pb_map_destroy(&b->ids);
    pb_map_destroy(&b->added_ids);
    free(b->added);
    free(b->merges);
    pb_tokenizer_destroy(&b->tokenizer);
}

/* ---- the vocabulary ---- */

/* Ids may leave gaps, but not so that a small file asks for much memory. */
static size_t most_ids(size_t n_tokens)
{
    enum { GAPS = 1 << 16, MOST = 1 << 24 };
    return n_tokens < (MOST - GAPS) / 2 ? 2 * n_tokens + GAPS : MOST;
}

pb_status builder_token(builder *b, const char *text, size_t length, size_t id)
{
    if (!pb_map_put(b->ids, text, length, id))
        return pb_fail_memory(b->error);
    if (id >= b->n_model)
        b->n_model = id + 1;
    return PB_OK;
}

pb_status builder_end_vocabulary(builder *b)
{
    if (pb_map_count(b->ids) == 0)
        return pb_fail(b->error, PB_FORMAT, "'%s' has no tokens, and some were expected",
                       b->vocab_path);
    b->next_id = (int32_t)pb_map_count(b->ids); /* tokenizers goes by the count, not the largest */
    return PB_OK;
}

pb_status builder_vocabulary(builder *b, pb_json vocabulary)
{
    pb_buffer key = PB_BUFFER_EMPTY;
    size_t most = most_ids(pb_json_count(vocabulary));
    pb_status status = PB_OK;
    pb_json name, value;
    for (pb_json_items items = pb_json_each(vocabulary);
         !status && pb_json_next(&items, &name, &value);) {
        int64_t id;
        char shown[PB_JSON_SHOWN];
        pb_buffer_clear(&key);
        pb_json_append(name, &key);
        if (!pb_json_as_integer(value, &id) || id < 0 || (uint64_t)id >= most)
            status = pb_fail(b->error, PB_FORMAT,
                             "'%s': token '%s' has id %s, and a whole number from 0 to %zu was "
                             "expected",
                             b->vocab_path, key.data ? key.data : "", pb_json_show(value, shown),
                             most - 1);
        else
            status = key.failed ? pb_fail_memory(b->error)
                                : builder_token(b, key.data, key.length, (size_t)id);
    }
    pb_buffer_free(&key);
    return status ? status : builder_end_vocabulary(b);
}

/* ---- merges ---- */

static pb_status fail_merge(const builder *b, size_t number, const char *shown, size_t length,
                            const char *expected)
{
    size_t end = length < 60 ? length : pb_utf8_offset(shown, length, 20);
    return pb_fail(b->error, PB_FORMAT, "'%s', line %zu: '%.*s' was found, and %s was expected",
                   b->merges_path, number, (int)end, shown, expected);
}

static bool find_piece(const builder *b, const char *piece, size_t length, int32_t *id)
{
    uint64_t found;
    if (!pb_map_get(b->ids, piece, length, &found))
        return false;
    *id = (int32_t)found;
    return true;
}

/* Two pieces that lie side by side in `both` (the first `left` bytes and the rest): tokens whose
 * text together is a token too. `shown` is how the file has them. */
static pb_status add_merge(builder *b, const pb_buffer *both, size_t left, size_t number,
                           const char *shown, size_t n_shown)
{
    bpe_merge *merge = &b->merges[b->n_merges];
    if (both->failed)
        return pb_fail_memory(b->error);
    if (!find_piece(b, both->data, left, &merge->left) ||
        !find_piece(b, both->data + left, both->length - left, &merge->right) ||
        !find_piece(b, both->data, both->length, &merge->made))
        return fail_merge(b, number, shown, n_shown,
                          "two pieces that are tokens and together make a token");
    merge->rank = (uint32_t)b->n_merges++;
    return PB_OK;
}

static const char two_pieces[] = "two pieces with a space between them";

pb_status builder_merge(builder *b, pb_buffer *both, size_t number, const char *line, size_t length)
{
    const char *space = memchr(line, ' ', length);
    size_t left = space ? (size_t)(space - line) : 0, right = length - left - 1;
    if (!space || left == 0 || right == 0 || memchr(space + 1, ' ', right) ||
        memchr(line, '\0', length))
        return fail_merge(b, number, line, length, two_pieces);
    pb_buffer_clear(both);
    pb_buffer_append(both, line, left);
    pb_buffer_append(both, space + 1, right);
    return add_merge(b, both, left, number, line, length);
}

pb_status builder_room_for_merges(builder *b, size_t n)
{
    b->merges = pb_malloc(n, sizeof *b->merges);
    return b->merges ? PB_OK : pb_fail_memory(b->error);
}

static size_t count_lines(const char *text, size_t length)
{
    size_t lines = 1;
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    return lines;
}

static bool is_header(const char *line, size_t length)
{
    static const char header[] = "#version";
    return length >= sizeof header - 1 && memcmp(line, header, sizeof header - 1) == 0;
}

pb_status builder_merge_lines(builder *b, const char *text, size_t length)
{
    pb_buffer both = PB_BUFFER_EMPTY;
    pb_status status = builder_room_for_merges(b, count_lines(text, length));
    size_t number = 0;
    for (size_t at = 0; !status && at < length;) {
        const char *line = text + at, *newline = memchr(line, '\n', length - at);
        size_t end = newline ? (size_t)(newline - text) : length, size = end - at;
        at = end + 1;
        number++;
        if (size > 0 && line[size - 1] == '\r')
            size--;
        if (size > 0 && !is_header(line, size))
            status = builder_merge(b, &both, number, line, size);
    }
    pb_buffer_free(&both);
    return status;
}

/* ["left", "right"], or "left right" as files before 2024 have it. */
static pb_status read_item(builder *b, pb_buffer *both, size_t number, pb_json item)
{
    char shown[PB_JSON_SHOWN];
    pb_json each;
    pb_buffer_clear(both);
    if (pb_json_kind_of(item) == PB_JSON_TEXT) {
        pb_buffer line = PB_BUFFER_EMPTY;
        pb_json_append(item, &line);
        pb_status status = line.failed ? pb_fail_memory(b->error)
                                       : builder_merge(b, both, number, line.data, line.length);
        pb_buffer_free(&line);
        return status;
    }
    size_t left = 0, n = 0;
    bool texts = pb_json_kind_of(item) == PB_JSON_LIST;
    for (pb_json_items items = pb_json_each(item); pb_json_next(&items, NULL, &each); n++) {
        texts = texts && pb_json_kind_of(each) == PB_JSON_TEXT;
        pb_json_append(each, both);
        left = n == 0 ? both->length : left;
    }
    if (!texts || n != 2)
        return pb_fail(b->error, PB_FORMAT,
                       "'%s': a merge is %s, and an array of two pieces was expected",
                       b->merges_path, pb_json_show(item, shown));
    pb_json_show(item, shown);
    return add_merge(b, both, left, number, shown, strlen(shown));
}

pb_status builder_merge_list(builder *b, pb_json list)
{
    char shown[PB_JSON_SHOWN];
    if (pb_json_kind_of(list) != PB_JSON_LIST)
        return pb_fail(b->error, PB_FORMAT, "'%s': model.merges is %s, and an array was expected",
                       b->vocab_path, list.at ? pb_json_show(list, shown) : "missing");
    pb_buffer both = PB_BUFFER_EMPTY;
    pb_status status = builder_room_for_merges(b, pb_json_count(list));
    size_t number = 0;
    pb_json item;
    for (pb_json_items items = pb_json_each(list); !status && pb_json_next(&items, NULL, &item);)
        status = read_item(b, &both, ++number, item);
    pb_buffer_free(&both);
    return status;
}

/* ---- added tokens ---- */

int32_t builder_find(const builder *b, const char *text, size_t length)
{
    uint64_t found;
    if (pb_map_get(b->added_ids, text, length, &found))
        return b->added[found].id;
    return pb_map_get(b->ids, text, length, &found) ? (int32_t)found : PB_NO_TOKEN;
}

static pb_status make_room_for_one(builder *b)
{
    if (b->n_added < b->added_capacity)
        return PB_OK;
    size_t capacity = b->added_capacity ? 2 * b->added_capacity : 16;
    added_token *grown = pb_realloc(b->added, capacity, sizeof *grown);
    if (!grown)
        return pb_fail_memory(b->error);
    b->added = grown;
    b->added_capacity = capacity;
    return PB_OK;
}

pb_status builder_add(builder *b, const added_token *added, again when)
{
    uint64_t index;
    added_token kept = *added;
    if (added->length == 0)
        return PB_OK;
    bool known = pb_map_get(b->added_ids, added->text, added->length, &index);
    if (known && when == AGAIN_NOTHING)
        return PB_OK;
    if (known) {
        kept.text = b->added[index].text;
        kept.id = b->added[index].id;
        b->added[index] = kept;
        return PB_OK;
    }
    pb_status status = make_room_for_one(b);
    if (status)
        return status;
    kept.id = builder_find(b, added->text, added->length);
    if (kept.id == PB_NO_TOKEN)
        kept.id = b->next_id;
    if (kept.id >= b->next_id)
        b->next_id = kept.id + 1;
    kept.text = pb_arena_text(b->tokenizer->arena, added->text, added->length);
    if (!kept.text || !pb_map_put(b->added_ids, kept.text, kept.length, b->n_added))
        return pb_fail_memory(b->error);
    b->added[b->n_added++] = kept;
    return PB_OK;
}

/* ---- the tokens by their ids ---- */

const char space_sign[] = "\xE2\x96\x81";

/* "<0x0A>": the byte, or -1. */
static int byte_of_name(const char *key, size_t n)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *high = n == N_BYTE_NAME && key[3] ? strchr(digits, key[3]) : NULL;
    const char *low = high && key[4] ? strchr(digits, key[4]) : NULL;
    if (!low || memcmp(key, "<0x", 3) != 0 || key[5] != '>')
        return -1;
    return (int)(16 * (high - digits) + (low - digits));
}

/* The same for pieces. */
static const char *decode_piece(const builder *b, const char *key, size_t n, size_t *length)
{
    char *bytes = pb_arena_text(b->tokenizer->arena, key, n);
    int byte = byte_of_name(key, n);
    *length = 0;
    if (bytes && byte >= 0)
        bytes[(*length)++] = (char)byte;
    for (size_t at = 0; bytes && byte < 0 && at < n;) {
        bool space = n - at >= N_SPACE_SIGN && memcmp(key + at, space_sign, N_SPACE_SIGN) == 0;
        bytes[(*length)++] = space ? ' ' : key[at];
        at += space ? N_SPACE_SIGN : 1;
    }
    if (bytes)
        bytes[*length] = '\0';
    return bytes;
}

/* The bytes that a key stands for, in the arena. A key with a character that stands for no byte is
 * taken as it is, as Hugging Face's decoder does: such tokens are added ones. */
static const char *decode_key(const builder *b, const char *key, size_t n, size_t *length)
{
    char *bytes = pb_arena_text(b->tokenizer->arena, key, n);
    if (!bytes)
        return NULL;
    *length = 0;
    for (size_t at = 0; at < n;) {
        uint32_t code = pb_utf8_next(key, n, &at);
        if (code > LAST_BYTE_SYMBOL || b->byte_of[code] < 0) {
            *length = n;
            memcpy(bytes, key, n);
            break;
        }
        bytes[(*length)++] = (char)b->byte_of[code];
    }
    bytes[*length] = '\0';
    return bytes;
}

/* A token as text: what is no whole character, and NUL, as \xE2. */
static const char *make_label(pb_arena *arena, const char *bytes, size_t length)
{
    if (pb_utf8_valid_prefix(bytes, length) == length && !memchr(bytes, 0, length))
        return bytes;
    pb_buffer label = PB_BUFFER_EMPTY;
    for (size_t at = 0; at < length;) {
        size_t start = at;
        uint32_t code = pb_utf8_next(bytes, length, &at);
        if (code == PB_UTF8_INVALID || code == 0)
            pb_buffer_format(&label, "\\x%02x", (unsigned char)bytes[start]);
        else
            pb_buffer_append(&label, bytes + start, at - start);
    }
    const char *kept = label.failed ? NULL : pb_arena_text(arena, label.data, label.length);
    pb_buffer_free(&label);
    return kept;
}

static pb_status set_token(builder *b, size_t id, const char *bytes, size_t length)
{
    token *made = &b->tokenizer->tokens[id];
    made->bytes = bytes;
    made->length = length;
    made->label = bytes ? make_label(b->tokenizer->arena, bytes, length) : NULL;
    return made->label ? PB_OK : pb_fail_memory(b->error);
}

/* Of several keys with one id the first names it. */
static pb_status set_model_tokens(builder *b)
{
    const char *key;
    size_t cursor = 0, length, n_bytes;
    uint64_t id;
    while (pb_map_next(b->ids, &cursor, &key, &length, &id)) {
        token *made = &b->tokenizer->tokens[id];
        if (made->bytes)
            continue;
        made->in_model = true;
        bool pieces = b->tokenizer->of_pieces;
        made->is_byte = pieces && byte_of_name(key, length) >= 0;
        const char *bytes =
            pieces ? decode_piece(b, key, length, &n_bytes) : decode_key(b, key, length, &n_bytes);
        if (set_token(b, id, bytes, bytes ? n_bytes : 0))
            return PB_MEMORY;
    }
    for (int byte = 0; byte < 256; byte++) {
        char name[N_BYTE_NAME + 1];
        snprintf(name, sizeof name, "<0x%02X>", (unsigned)byte);
        const char *symbol = b->tokenizer->of_pieces ? name : b->symbols[byte];
        bool there = pb_map_get(b->ids, symbol, strlen(symbol), &id);
        b->tokenizer->byte_ids[byte] = there ? (int32_t)id : PB_NO_TOKEN;
    }
    return PB_OK;
}

/* Where words of pieces start from. */
static pb_status map_characters(builder *b)
{
    const char *key;
    size_t cursor = 0, length;
    uint64_t id;
    b->tokenizer->characters = pb_map_create(256);
    bool complete = b->tokenizer->characters != NULL;
    while (complete && pb_map_next(b->ids, &cursor, &key, &length, &id))
        if (length > 0 && length <= 4 && pb_utf8_count(key, length) == 1)
            complete = pb_map_put(b->tokenizer->characters, key, length, id);
    return complete ? PB_OK : pb_fail_memory(b->error);
}

static pb_status set_added_tokens(builder *b)
{
    for (size_t i = 0; i < b->n_added; i++) {
        const added_token *added = &b->added[i];
        token *made = &b->tokenizer->tokens[added->id];
        made->added = true;
        made->special = added->special;
        made->implied = added->implied && !made->in_model;
        if (!made->bytes && set_token(b, (size_t)added->id, added->text, added->length))
            return PB_MEMORY;
    }
    return PB_OK;
}

/* Ids that nobody has given a text. */
static pb_status fill_gaps(pb_tokenizer *t, size_t first, pb_error **error)
{
    for (size_t id = first; id < t->n_known; id++) {
        char text[32];
        if (t->tokens[id].bytes)
            continue;
        int length = snprintf(text, sizeof text, "<|%zu|>", id);
        const char *kept = pb_arena_text(t->arena, text, (size_t)length);
        if (!kept)
            return pb_fail_memory(error);
        t->tokens[id] = (token){.bytes = kept, .label = kept, .length = (size_t)length};
        t->tokens[id].pads = true;
    }
    return PB_OK;
}

static pb_status map_tokens(const builder *b)
{
    pb_tokenizer *t = b->tokenizer;
    t->by_bytes = pb_map_create(t->n_tokens);
    if (!t->by_bytes)
        return pb_fail_memory(b->error);
    /* Downwards, so that the lowest stays; before a byte by its name, a character. */
    for (int names = 1; names >= 0; names--) {
        for (size_t id = t->n_tokens; id-- > 0;) {
            const token *each = &t->tokens[id];
            if (!each->pads && each->is_byte == (names == 1) &&
                !pb_map_put(t->by_bytes, each->bytes, each->length, id))
                return pb_fail_memory(b->error);
        }
    }
    return PB_OK;
}

static pb_status make_tokens(builder *b)
{
    pb_tokenizer *t = b->tokenizer;
    size_t n = (size_t)b->next_id > b->n_model ? (size_t)b->next_id : b->n_model;
    t->n_tokens = t->n_words = t->n_known = n;
    t->tokens = pb_calloc(n, sizeof *t->tokens);
    if (!t->tokens)
        return pb_fail_memory(b->error);
    pb_status status = set_model_tokens(b);
    if (!status)
        status = set_added_tokens(b);
    if (!status)
        status = fill_gaps(t, 0, b->error);
    if (!status && t->of_pieces)
        status = map_characters(b);
    return status ? status : map_tokens(b);
}

/* ---- the end ---- */

/* Tokens of the vocabulary that no text can have. */
static pb_status count_unmade(builder *b)
{
    pb_tokenizer *t = b->tokenizer;
    bool *made = pb_calloc(t->n_tokens, sizeof *made);
    if (!made)
        return pb_fail_memory(b->error);
    for (size_t i = 0; i < b->n_merges; i++)
        made[b->merges[i].made] = true;
    for (int byte = 0; byte < 256; byte++)
        if (t->byte_ids[byte] != PB_NO_TOKEN)
            made[t->byte_ids[byte]] = true;
    const char *key;
    size_t cursor = 0, length;
    uint64_t single;
    while (t->characters && pb_map_next(t->characters, &cursor, &key, &length, &single))
        made[single] = true;
    for (size_t id = t->n_tokens; id-- > 0 && !t->whole_words;) {
        if (!made[id] && t->tokens[id].in_model && !t->tokens[id].added) {
            t->n_unmade++;
            t->unmade = (int32_t)id;
        }
    }
    free(made);
    return PB_OK;
}

/* Normalised tokens are looked for in the form that the normaliser gives them. */
static pb_status normalize_added(builder *b, added_token *added)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_status status =
        normalizer_apply(&b->tokenizer->normalizer, added->text, added->length, &text, b->error);
    if (!status) {
        added->length = text.length;
        added->text = pb_arena_text(b->tokenizer->arena, text.data, text.length);
        status = added->text ? PB_OK : pb_fail_memory(b->error);
    }
    pb_buffer_free(&text);
    return status;
}

static pb_status make_sets(builder *b)
{
    pb_tokenizer *t = b->tokenizer;
    added_token *raw = pb_malloc(b->n_added, sizeof *raw);
    added_token *normalized = pb_malloc(b->n_added, sizeof *normalized);
    size_t n_raw = 0, n_normalized = 0;
    pb_status status = raw && normalized ? PB_OK : pb_fail_memory(b->error);
    for (size_t i = 0; i < b->n_added && !status; i++) {
        if (!b->added[i].normalized) {
            raw[n_raw++] = b->added[i];
            continue;
        }
        normalized[n_normalized] = b->added[i];
        status = normalize_added(b, &normalized[n_normalized++]);
    }
    if (status) {
        free(raw);
        free(normalized);
        return status;
    }
    added_set_make(raw, n_raw, &t->raw);
    added_set_make(normalized, n_normalized, &t->normalized);
    return PB_OK;
}

pb_status builder_finish(builder *b, pb_tokenizer **tokenizer)
{
    pb_status status = word_pattern_create(b->tokenizer->way, &b->tokenizer->pattern, b->error);
    if (!status)
        status = make_tokens(b);
    if (!status)
        status = count_unmade(b);
    if (!status)
        status = make_sets(b);
    if (status)
        return status;
    bpe_merge *merges = b->merges;
    b->merges = NULL;
    status = bpe_table_create(merges, b->n_merges, b->tokenizer->n_tokens, &b->tokenizer->table,
                              b->error);
    if (status)
        return status;
    *tokenizer = b->tokenizer;
    b->tokenizer = NULL;
    return PB_OK;
}

/* ---- as many as the model has rows for ---- */

pb_status pb_tokenizer_fit(pb_tokenizer *t, size_t count, pb_error **error)
{
    if (count > t->n_known) {
        token *grown = pb_realloc(t->tokens, count, sizeof *grown);
        if (!grown)
            return pb_fail_memory(error);
        memset(grown + t->n_known, 0, (count - t->n_known) * sizeof *grown);
        t->tokens = grown;
        size_t first = t->n_known;
        t->n_known = count;
        pb_status status = fill_gaps(t, first, error);
        if (status) {
            t->n_known = first;
            return status;
        }
    }
    added_set_cut(&t->raw, count);
    t->n_tokens = count;
    t->n_words = t->n_words < count ? t->n_words : count;
    return PB_OK;
}
