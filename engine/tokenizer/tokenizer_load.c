/*
 * A vocabulary and its merges, from vocab.json and merges.txt or from a tokenizer.json.
 *
 * All of them write bytes as printable characters: a byte that is printable in Latin-1 stands for
 * itself, the others for U+0100 and on, in order (a space is U+0120). From "Language Models are
 * Unsupervised Multitask Learners" (Radford et al., 2019), encoder.py's bytes_to_unicode().
 */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "io/file.h"
#include "io/json.h"
#include "tokenizer_json.h"
#include "tokenizer_parts.h"

enum { FILE_LIMIT = 64 << 20, LAST_SYMBOL = 0x143 };

/* Everything one load needs. */
typedef struct loader {
    pb_tokenizer *tokenizer;
    const char *vocab_path, *merges_path;
    const json_t *vocab;
    int16_t byte_of[LAST_SYMBOL + 1]; /* by code point; -1 where it stands for no byte */
    char symbols[256][5];             /* by byte: its character, NUL-terminated */
    pb_error **error;
} loader;

static bool stands_for_itself(int byte)
{
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

static void map_bytes(loader *l)
{
    uint32_t next = 0x100;
    for (size_t i = 0; i <= LAST_SYMBOL; i++)
        l->byte_of[i] = -1;
    for (int byte = 0; byte < 256; byte++) {
        uint32_t code = stands_for_itself(byte) ? (uint32_t)byte : next++;
        l->byte_of[code] = (int16_t)byte;
        l->symbols[byte][pb_utf8_encode(code, l->symbols[byte])] = '\0';
    }
}

/* ---- vocab.json ---- */

/* The bytes that a key stands for, in the arena. A key with a character that stands for no byte is
 * taken as it is, as Hugging Face's decoder does: such tokens are added ones. */
static const char *decode_key(const loader *l, const char *key, size_t *length)
{
    size_t n = strlen(key);
    char *bytes = pb_arena_text(l->tokenizer->arena, key, n);
    if (!bytes)
        return NULL;
    *length = 0;
    for (size_t at = 0; at < n;) {
        uint32_t code = pb_utf8_next(key, n, &at);
        if (code > LAST_SYMBOL || l->byte_of[code] < 0) {
            *length = n;
            return memcpy(bytes, key, n + 1);
        }
        bytes[(*length)++] = (char)l->byte_of[code];
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

static pb_status add_token(loader *l, const char *key, const json_t *value)
{
    pb_tokenizer *t = l->tokenizer;
    json_int_t id = json_integer_value(value);
    char shown[PB_JSON_SHOWN];
    if (!json_is_integer(value) || id < 0 || (uint64_t)id >= t->n_tokens)
        return pb_fail(l->error, PB_FORMAT,
                       "'%s': token '%s' has id %s, and a whole number from 0 to %zu was expected",
                       l->vocab_path, key, pb_json_show(value, shown), t->n_tokens - 1);
    token *added = &t->tokens[id];
    if (added->bytes)
        return pb_fail(l->error, PB_FORMAT, "'%s': tokens '%s' and '%s' have the same id %lld",
                       l->vocab_path, added->label, key, (long long)id);
    added->bytes = decode_key(l, key, &added->length);
    if (added->bytes)
        added->label = make_label(t->arena, added->bytes, added->length);
    return added->label ? PB_OK : pb_fail_memory(l->error);
}

static pb_status find_byte_symbols(loader *l)
{
    for (int byte = 0; byte < 256; byte++) {
        const json_t *id = json_object_get(l->vocab, l->symbols[byte]);
        if (!id)
            return pb_fail(l->error, PB_FORMAT,
                           "'%s' has no token '%s' for the byte 0x%02x, and every byte was "
                           "expected to have one",
                           l->vocab_path, l->symbols[byte], (unsigned)byte);
        l->tokenizer->byte_ids[byte] = (int32_t)json_integer_value(id);
    }
    return PB_OK;
}

static pb_status map_tokens(const loader *l)
{
    pb_tokenizer *t = l->tokenizer;
    t->by_bytes = pb_map_create(t->n_tokens);
    if (!t->by_bytes)
        return pb_fail_memory(l->error);
    for (size_t id = t->n_tokens; id-- > 0;) { /* downwards, so that the lowest stays */
        if (!pb_map_put(t->by_bytes, t->tokens[id].bytes, t->tokens[id].length, id))
            return pb_fail_memory(l->error);
    }
    const json_t *end = json_object_get(l->vocab, END_OF_TEXT);
    t->end_of_text = end ? (int32_t)json_integer_value(end) : PB_NO_TOKEN;
    return PB_OK;
}

static pb_status read_vocab(loader *l)
{
    pb_tokenizer *t = l->tokenizer;
    pb_status status = PB_OK;
    t->n_tokens = t->n_words = json_object_size(l->vocab);
    t->tokens = pb_calloc(t->n_tokens, sizeof *t->tokens);
    if (!t->tokens)
        return pb_fail_memory(l->error);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)l->vocab, key, value)
    {
        if ((status = add_token(l, key, value)))
            return status;
    }
    status = find_byte_symbols(l);
    return status ? status : map_tokens(l);
}

/* ---- merges: lines of two pieces ---- */

static pb_status fail_line(const loader *l, size_t number, const char *line, size_t length,
                           const char *expected)
{
    size_t shown = length < 60 ? length : pb_utf8_offset(line, length, 20);
    return pb_fail(l->error, PB_FORMAT, "'%s', line %zu: '%.*s' was found, and %s was expected",
                   l->merges_path, number, (int)shown, line, expected);
}

/* The id of a piece as merges.txt writes it; PB_NO_TOKEN if it is not in the vocabulary. */
static int32_t find_piece(const loader *l, pb_buffer *key, const char *piece, size_t length)
{
    pb_buffer_clear(key);
    pb_buffer_append(key, piece, length);
    const json_t *id = key->failed ? NULL : json_object_get(l->vocab, key->data);
    return id ? (int32_t)json_integer_value(id) : PB_NO_TOKEN;
}

/* "left right": two tokens whose text together is a token too. */
static pb_status read_merge(const loader *l, pb_buffer *key, size_t number, const char *line,
                            size_t length, bpe_merge *merge)
{
    const char *space = memchr(line, ' ', length);
    size_t left = space ? (size_t)(space - line) : 0, right = length - left - 1;
    if (!space || left == 0 || right == 0 || memchr(space + 1, ' ', right) ||
        memchr(line, '\0', length))
        return fail_line(l, number, line, length, "two pieces with a space between them");
    merge->left = find_piece(l, key, line, left);
    merge->right = find_piece(l, key, space + 1, right);
    pb_buffer_clear(key);
    pb_buffer_append(key, line, left);
    pb_buffer_append(key, space + 1, right);
    if (key->failed)
        return pb_fail_memory(l->error);
    const json_t *made = json_object_get(l->vocab, key->data);
    if (merge->left == PB_NO_TOKEN || merge->right == PB_NO_TOKEN || !made)
        return fail_line(l, number, line, length,
                         "two pieces that are tokens and together make a token");
    merge->made = (int32_t)json_integer_value(made);
    return PB_OK;
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

static pb_status read_merges(loader *l, const char *text, size_t length)
{
    bpe_merge *merges = pb_malloc(count_lines(text, length), sizeof *merges);
    if (!merges)
        return pb_fail_memory(l->error);
    pb_buffer key = PB_BUFFER_EMPTY;
    pb_status status = PB_OK;
    size_t n = 0, number = 0;
    for (size_t at = 0; !status && at < length;) {
        const char *line = text + at, *newline = memchr(line, '\n', length - at);
        size_t end = newline ? (size_t)(newline - text) : length, size = end - at;
        at = end + 1;
        number++;
        if (size > 0 && line[size - 1] == '\r')
            size--;
        if (size == 0 || is_header(line, size))
            continue;
        merges[n].rank = (uint32_t)n;
        status = read_merge(l, &key, number, line, size, &merges[n]);
        n++;
    }
    pb_buffer_free(&key);
    if (status) {
        free(merges);
        return status;
    }
    return bpe_table_create(merges, n, l->tokenizer->n_tokens, &l->tokenizer->table, l->error);
}

/* ---- from memory ---- */

static pb_status build(loader *l, const char *merges, size_t length, pb_tokenizer **tokenizer)
{
    l->tokenizer = pb_calloc(1, sizeof *l->tokenizer);
    if (!l->tokenizer)
        return pb_fail_memory(l->error);
    map_bytes(l);
    l->tokenizer->arena = pb_arena_create();
    pb_status status = l->tokenizer->arena ? PB_OK : pb_fail_memory(l->error);
    if (!status)
        status = word_pattern_create(&l->tokenizer->pattern, l->error);
    if (!status)
        status = read_vocab(l);
    if (!status)
        status = read_merges(l, merges, length);
    if (status) {
        pb_tokenizer_destroy(&l->tokenizer);
        return status;
    }
    *tokenizer = l->tokenizer;
    return PB_OK;
}

pb_status pb_tokenizer_parse(const char *vocab_path, const char *vocab, size_t vocab_length,
                             const char *merges_path, const char *merges, size_t merges_length,
                             pb_tokenizer **tokenizer, pb_error **error)
{
    json_t *root = NULL;
    pb_status status = pb_json_read_object(vocab_path, vocab, vocab_length, &root, error);
    loader l = {
        .vocab_path = vocab_path, .merges_path = merges_path, .vocab = root, .error = error};
    if (!status)
        status = build(&l, merges, merges_length, tokenizer);
    json_decref(root);
    return status;
}

pb_status pb_tokenizer_parse_json(const char *path, const char *json, size_t length,
                                  pb_tokenizer **tokenizer, pb_error **error)
{
    tokenizer_json parts;
    pb_status status = tokenizer_json_read(path, json, length, &parts, error);
    if (status)
        return status;
    pb_buffer merges_path = PB_BUFFER_EMPTY;
    pb_buffer_format(&merges_path, "%s: merges", path);
    status = pb_buffer_status(&merges_path, error);
    loader l = {
        .vocab_path = path, .merges_path = merges_path.data, .vocab = parts.vocab, .error = error};
    if (!status)
        status = build(&l, parts.merges, parts.merges_length, tokenizer);
    pb_buffer_free(&merges_path);
    tokenizer_json_free(&parts);
    return status;
}

pb_status pb_tokenizer_pad(pb_tokenizer *tokenizer, size_t count, pb_error **error)
{
    if (count <= tokenizer->n_tokens)
        return PB_OK;
    token *grown = pb_realloc(tokenizer->tokens, count, sizeof *grown);
    if (!grown)
        return pb_fail_memory(error);
    tokenizer->tokens = grown;
    for (; tokenizer->n_tokens < count; tokenizer->n_tokens++) {
        char text[32];
        int length = snprintf(text, sizeof text, "<|%zu|>", tokenizer->n_tokens);
        const char *kept = pb_arena_text(tokenizer->arena, text, (size_t)length);
        if (!kept)
            return pb_fail_memory(error);
        grown[tokenizer->n_tokens] = (token){kept, kept, (size_t)length};
    }
    return PB_OK;
}

/* ---- from a folder ---- */

/* added_tokens.json, where there is one: more tokens and their ids. */
static pb_status add_more(const char *path, json_t *vocab, pb_error **error)
{
    json_t *more = NULL;
    if (!pb_file_exists(path))
        return PB_OK;
    pb_status status = pb_json_read_file(path, FILE_LIMIT, &more, error);
    if (!status && json_object_update_missing(vocab, more) != 0)
        status = pb_fail_memory(error);
    json_decref(more);
    return status;
}

static pb_status open_two_files(const char *vocab_path, const char *merges_path,
                                const char *added_path, pb_tokenizer **tokenizer, pb_error **error)
{
    json_t *vocab = NULL;
    char *merges = NULL;
    size_t length = 0;
    pb_status status = pb_json_read_file(vocab_path, FILE_LIMIT, &vocab, error);
    if (!status)
        status = add_more(added_path, vocab, error);
    if (!status)
        status = pb_file_read(merges_path, FILE_LIMIT, NULL, &merges, &length, error);
    loader l = {
        .vocab_path = vocab_path, .merges_path = merges_path, .vocab = vocab, .error = error};
    if (!status)
        status = build(&l, merges, length, tokenizer);
    free(merges);
    json_decref(vocab);
    return status;
}

static pb_status open_one_file(const char *path, pb_tokenizer **tokenizer, pb_error **error)
{
    char *json = NULL;
    size_t length = 0;
    pb_status status = pb_file_read(path, FILE_LIMIT, NULL, &json, &length, error);
    if (!status)
        status = pb_tokenizer_parse_json(path, json, length, tokenizer, error);
    free(json);
    return status;
}

pb_status pb_tokenizer_open(const char *folder, pb_tokenizer **tokenizer, pb_error **error)
{
    char *vocab = pb_file_join(folder, "vocab.json"), *merges = pb_file_join(folder, "merges.txt");
    char *added = pb_file_join(folder, "added_tokens.json");
    char *both = pb_file_join(folder, "tokenizer.json");
    pb_status status;
    if (!vocab || !merges || !added || !both)
        status = pb_fail_memory(error);
    else if (pb_file_exists(both) && !(pb_file_exists(vocab) && pb_file_exists(merges)))
        status = open_one_file(both, tokenizer, error);
    else
        status = open_two_files(vocab, merges, added, tokenizer, error);
    free(vocab);
    free(merges);
    free(added);
    free(both);
    return status;
}
