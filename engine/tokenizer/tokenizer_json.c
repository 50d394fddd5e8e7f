/*
 * tokenizer.json, as the library `tokenizers` writes it
 * (https://huggingface.co/docs/tokenizers/api/tokenizer): a model {vocab, merges}, the steps around
 * it, and tokens that were added later.
 */
#include "tokenizer_json.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "io/json.h"

/* ---- whether it is GPT-2's ---- */

/* A setting that must have one value for the tokenizer to work as GPT-2's does. */
typedef struct setting {
    const char *part, *name; /* of the root; of the part, or NULL for the part itself */
    const char *expected;    /* as JSON */
    bool required;           /* else it may also be missing, or null */
} setting;

static const setting settings[] = {
    {"model", "type", "\"BPE\"", false}, /* the first files had none */
    {"model", "dropout", "null", false},
    {"model", "continuing_subword_prefix", "\"\"", false},
    {"model", "end_of_word_suffix", "\"\"", false},
    {"model", "byte_fallback", "false", false},
    {"model", "ignore_merges", "false", false},
    {"normalizer", NULL, "null", false},
    {"pre_tokenizer", "type", "\"ByteLevel\"", true},
    {"pre_tokenizer", "add_prefix_space", "false", true},
    {"pre_tokenizer", "use_regex", "true", false},
};

static pb_status check_setting(const char *path, const json_t *root, const setting *s,
                               pb_error **error)
{
    char shown[PB_JSON_SHOWN];
    const json_t *value = json_object_get(root, s->part);
    if (s->name)
        value = json_object_get(value, s->name);
    if (!s->required && (!value || json_is_null(value)))
        return PB_OK;
    json_t *expected = json_loads(s->expected, JSON_DECODE_ANY, NULL);
    if (!expected)
        return pb_fail_memory(error);
    bool same = json_equal(value, expected);
    json_decref(expected);
    if (same)
        return PB_OK;
    return pb_fail(error, PB_UNSUPPORTED,
                   "'%s' is not a tokenizer of GPT-2's kind: its %s%s%s is %s, and %s was expected",
                   path, s->part, s->name ? "." : "", s->name ? s->name : "",
                   value ? pb_json_show(value, shown) : "missing", s->expected);
}

/* ---- tokens ---- */

static pb_status fail_part(const char *path, const char *what, const json_t *value,
                           const char *expected, pb_error **error)
{
    char shown[PB_JSON_SHOWN];
    return pb_fail(error, PB_FORMAT, "'%s': %s is %s, and %s was expected", path, what,
                   value ? pb_json_show(value, shown) : "missing", expected);
}

/* Tokens that were added after training stand beside the vocabulary, some also in it. */
static pb_status add_tokens(const char *path, const json_t *added, json_t *vocab, pb_error **error)
{
    size_t index;
    json_t *each;
    json_array_foreach((json_t *)added, index, each)
    {
        const char *text = json_string_value(json_object_get(each, "content"));
        json_t *id = json_object_get(each, "id"), *there = text ? json_object_get(vocab, text) : 0;
        if (!text || !text[0] || !json_is_integer(id) || (there && !json_equal(there, id)))
            return fail_part(path, "an added token", each, "a content with an id of its own",
                             error);
        if (!there && json_object_set(vocab, text, id) != 0)
            return pb_fail_memory(error);
    }
    return PB_OK;
}

/* ---- merges ---- */

static bool is_piece(const json_t *value)
{
    const char *text = json_string_value(value);
    return text && text[0] && !text[strcspn(text, " \r\n")];
}

/* ["left", "right"], or "left right" as files before 2024 have it. */
static bool append_merge(pb_buffer *lines, const json_t *merge)
{
    if (json_is_array(merge)) {
        const json_t *left = json_array_get(merge, 0), *right = json_array_get(merge, 1);
        if (json_array_size(merge) != 2 || !is_piece(left) || !is_piece(right))
            return false;
        pb_buffer_format(lines, "%s %s\n", json_string_value(left), json_string_value(right));
        return true;
    }
    const char *text = json_string_value(merge);
    if (!text || text[strcspn(text, "\r\n")])
        return false;
    pb_buffer_format(lines, "%s\n", text);
    return true;
}

static pb_status write_merges(const char *path, const json_t *merges, tokenizer_json *parts,
                              pb_error **error)
{
    if (!json_is_array(merges))
        return fail_part(path, "model.merges", merges, "an array", error);
    pb_buffer lines = PB_BUFFER_EMPTY;
    pb_status status = PB_OK;
    size_t index;
    json_t *merge;
    json_array_foreach((json_t *)merges, index, merge)
    {
        if (!status && !append_merge(&lines, merge))
            status = fail_part(path, "a merge", merge, "an array of two pieces", error);
    }
    parts->merges_length = lines.length;
    parts->merges = pb_buffer_take(&lines);
    return !status && !parts->merges ? pb_fail_memory(error) : status;
}

/* ---- the whole ---- */

static pb_status take_apart(const char *path, const json_t *root, tokenizer_json *parts,
                            pb_error **error)
{
    const json_t *model = json_object_get(root, "model");
    json_t *vocab = json_object_get(model, "vocab");
    pb_status status = PB_OK;
    for (size_t i = 0; i < sizeof settings / sizeof *settings && !status; i++)
        status = check_setting(path, root, &settings[i], error);
    if (status)
        return status;
    if (!json_is_object(vocab))
        return fail_part(path, "model.vocab", vocab, "an object from tokens to ids", error);
    parts->vocab = json_incref(vocab);
    status = add_tokens(path, json_object_get(root, "added_tokens"), vocab, error);
    return status ? status : write_merges(path, json_object_get(model, "merges"), parts, error);
}

pb_status tokenizer_json_read(const char *path, const char *bytes, size_t length,
                              tokenizer_json *parts, pb_error **error)
{
    json_t *root = NULL;
    *parts = (tokenizer_json){NULL, NULL, 0};
    pb_status status = pb_json_read_object(path, bytes, length, &root, error);
    if (!status)
        status = take_apart(path, root, parts, error);
    if (status)
        tokenizer_json_free(parts);
    json_decref(root);
    return status;
}

void tokenizer_json_free(tokenizer_json *parts)
{
    json_decref(parts->vocab);
    free(parts->merges);
    *parts = (tokenizer_json){NULL, NULL, 0};
}
