/*
 * tokenizer.json, as the library `tokenizers` writes it
 * (https://huggingface.co/docs/tokenizers/api/tokenizer): a model {vocab, merges}, the steps around
 * it, and tokens that were added later.
 */
#include "tokenizer_json.h"

#include <stdlib.h>
#include <string.h>

#include "settings.h"

/* ---- whether it is GPT-2's ---- */

/* A setting that must have one of some values, as JSON, for the tokenizer to work as GPT-2's. */
typedef struct setting {
    const char *part, *name; /* of the root; of the part */
    const char *expected[3];
    bool required; /* else it may also be missing, or null */
} setting;

static const setting settings_needed[] = {
    {"model", "type", {"\"BPE\""}, false}, /* the first files had none */
    {"model", "dropout", {"0.0", "0"}, false},
    {"model", "continuing_subword_prefix", {"\"\""}, false},
    {"model", "end_of_word_suffix", {"\"\""}, false},
};

static pb_status check_setting(const char *path, pb_json root, const setting *s, pb_error **error)
{
    char shown[PB_JSON_SHOWN];
    pb_json value = pb_json_given(pb_json_get(root, s->part), s->name);
    if (!value.at && !s->required)
        return PB_OK;
    for (size_t i = 0; value.at && s->expected[i]; i++)
        if (strcmp(pb_json_show(value, shown), s->expected[i]) == 0)
            return PB_OK;
    return pb_fail(error, PB_UNSUPPORTED,
                   "'%s' is not a tokenizer of GPT-2's kind: its %s.%s is %s, and %s was expected",
                   path, s->part, s->name, value.at ? pb_json_show(value, shown) : "missing",
                   s->expected[0]);
}

/* The one ByteLevel step, which may be all of a sequence. */
static pb_json byte_level_of(pb_json step)
{
    pb_json each, only = step;
    if (!pb_json_says(pb_json_get(step, "type"), "Sequence"))
        return step;
    pb_json_items items = pb_json_each(pb_json_get(step, "pretokenizers"));
    for (size_t n = 0; pb_json_next(&items, NULL, &each); n++)
        only = n == 0 ? each : step;
    return only;
}

static pb_status read_cutting(const char *path, pb_json root, builder *b)
{
    char shown[PB_JSON_SHOWN];
    pb_json step = byte_level_of(pb_json_get(root, "pre_tokenizer"));
    pb_json type = pb_json_get(step, "type"), space = pb_json_get(step, "add_prefix_space");
    if (!pb_json_says(type, "ByteLevel"))
        return pb_fail(b->error, PB_UNSUPPORTED,
                       "'%s' is not a tokenizer of GPT-2's kind: its pre_tokenizer.type is %s, and "
                       "\"ByteLevel\" was expected",
                       path, type.at ? pb_json_show(type, shown) : "missing");
    if (pb_json_kind_of(space) != PB_JSON_BOOL)
        return pb_fail(b->error, PB_FORMAT,
                       "'%s': pre_tokenizer.add_prefix_space is %s, and true or false was expected",
                       path, space.at ? pb_json_show(space, shown) : "missing");
    b->tokenizer->adds_space = pb_json_is_true(space);
    pb_json regex = pb_json_given(step, "use_regex");
    b->tokenizer->whole_pieces = regex.at && !pb_json_is_true(regex);
    b->tokenizer->whole_words =
        pb_json_is_true(pb_json_get(pb_json_get(root, "model"), "ignore_merges"));
    return PB_OK;
}

/* ---- tokens ---- */

/* Tokens that were added after training stand beside the vocabulary, some also in it. */
static pb_status add_tokens(const char *path, pb_json list, builder *b)
{
    pb_json each;
    for (pb_json_items items = pb_json_each(list); pb_json_next(&items, NULL, &each);) {
        added_token added;
        pb_status status = settings_read_token(path, each, false, &added, b->error);
        if (!status)
            status = builder_add(b, &added, AGAIN_REPLACES);
        else
            return status;
        free((char *)added.text);
        if (status)
            return status;
    }
    return PB_OK;
}

/* Whether a template puts tokens behind a text: {"SpecialToken": ...} after {"Sequence": ...}. */
static bool closes_texts(pb_json step)
{
    bool text = false, closes = false;
    pb_json each;
    for (pb_json_items items = pb_json_each(pb_json_get(step, "single"));
         pb_json_next(&items, NULL, &each);) {
        text = text || pb_json_get(each, "Sequence").at;
        closes = closes || (text && pb_json_get(each, "SpecialToken").at);
    }
    for (pb_json_items items = pb_json_each(pb_json_get(step, "processors"));
         pb_json_next(&items, NULL, &each);)
        closes = closes || closes_texts(each);
    return closes;
}

pb_status tokenizer_json_read(const char *path, pb_json root, builder *b)
{
    pb_json model = pb_json_get(root, "model"), vocabulary = pb_json_get(model, "vocab");
    char shown[PB_JSON_SHOWN];
    pb_status status = PB_OK;
    b->tokenizer->closes = closes_texts(pb_json_get(root, "post_processor"));
    for (size_t i = 0; i < sizeof settings_needed / sizeof *settings_needed && !status; i++)
        status = check_setting(path, root, &settings_needed[i], b->error);
    if (!status)
        status = read_cutting(path, root, b);
    if (!status && pb_json_kind_of(vocabulary) != PB_JSON_OBJECT)
        status = pb_fail(b->error, PB_FORMAT,
                         "'%s': model.vocab is %s, and an object from tokens to ids was expected",
                         path, vocabulary.at ? pb_json_show(vocabulary, shown) : "missing");
    if (!status)
        status = builder_vocabulary(b, vocabulary);
    if (!status)
        status = builder_merge_list(b, pb_json_get(model, "merges"));
    if (!status)
        status = normalizer_read(path, pb_json_get(root, "normalizer"), b->tokenizer->arena,
                                 &b->tokenizer->normalizer, b->error);
    return status ? status : add_tokens(path, pb_json_get(root, "added_tokens"), b);
}
