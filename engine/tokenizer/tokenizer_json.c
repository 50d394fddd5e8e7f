/*
 * tokenizer.json, as the library `tokenizers` writes it
 * (https://huggingface.co/docs/tokenizers/api/tokenizer): a model {vocab, merges}, the steps around
 * it, and tokens that were added later.
 */
#include "tokenizer_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"

/* ---- whether it is of a kind that is known ---- */

/* Names the part that is not known. */
static pb_status refuse_part(const builder *b, const char *path, const char *part, pb_json value,
                             const char *expected)
{
    char shown[PB_JSON_SHOWN];
    return pb_fail(b->error, PB_UNSUPPORTED,
                   "'%s' is a tokenizer of a kind that is not known here: its %s is %s, and %s was "
                   "expected",
                   path, part, value.at ? pb_json_show(value, shown) : "missing", expected);
}

/* A setting of the model that must have one of some values, as JSON. */
typedef struct setting {
    const char *name;
    const char *expected[3];
} setting;

static const setting settings_needed[] = {
    {"type", {"\"BPE\""}}, /* the first files had none */
    {"dropout", {"0.0", "0"}},
    {"continuing_subword_prefix", {"\"\""}},
    {"end_of_word_suffix", {"\"\""}},
};

static pb_status check_setting(const char *path, pb_json model, const setting *s, builder *b)
{
    char shown[PB_JSON_SHOWN], part[64];
    pb_json value = pb_json_given(model, s->name);
    if (!value.at)
        return PB_OK;
    for (size_t i = 0; s->expected[i]; i++)
        if (strcmp(pb_json_show(value, shown), s->expected[i]) == 0)
            return PB_OK;
    snprintf(part, sizeof part, "model.%s", s->name);
    return refuse_part(b, path, part, value, s->expected[0]);
}

/* ---- how text is cut ---- */

/* The steps of a pre_tokenizer, one after the other. */
enum { MOST_CUTS = 8 };

static void list_cuts(pb_json step, pb_json cuts[MOST_CUTS], size_t *count, int depth)
{
    pb_json each;
    if (pb_json_kind_of(step) != PB_JSON_OBJECT || *count == MOST_CUTS)
        return;
    if (!pb_json_says(pb_json_get(step, "type"), "Sequence") || depth == 0) {
        cuts[(*count)++] = step;
        return;
    }
    for (pb_json_items items = pb_json_each(pb_json_get(step, "pretokenizers"));
         pb_json_next(&items, NULL, &each);)
        list_cuts(each, cuts, count, depth - 1);
}

static bool is_of_type(pb_json step, const char *type)
{
    return pb_json_says(pb_json_get(step, "type"), type);
}

static pb_status read_flag(const char *path, pb_json step, const char *key, bool *flag, builder *b)
{
    char shown[PB_JSON_SHOWN];
    pb_json value = pb_json_get(step, key);
    *flag = pb_json_is_true(value);
    if (pb_json_kind_of(value) == PB_JSON_BOOL)
        return PB_OK;
    return pb_fail(b->error, PB_FORMAT,
                   "'%s': pre_tokenizer.%s is %s, and true or false was expected", path, key,
                   value.at ? pb_json_show(value, shown) : "missing");
}

/* The step that makes bytes of text, as a rule the one that also cuts it. */
static pb_status read_byte_level(const char *path, pb_json step, builder *b)
{
    pb_json regex = pb_json_given(step, "use_regex");
    b->tokenizer->way = WORDS_BY_KIND;
    b->tokenizer->whole_pieces = regex.at && !pb_json_is_true(regex);
    return read_flag(path, step, "add_prefix_space", &b->tokenizer->adds_space, b);
}

/* A step that cuts by a regular expression, before ByteLevel, which then does not. */
static pb_status read_split(const char *path, pb_json step, builder *b)
{
    pb_json regex = pb_json_get(pb_json_get(step, "pattern"), "Regex");
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_json_append(regex, &text);
    pb_status status = pb_buffer_status(&text, b->error);
    words_by way = status ? N_WORDS_BY : word_pattern_of_regex(text.data, text.length);
    pb_buffer_free(&text);
    if (status)
        return status;
    if (way == N_WORDS_BY)
        return refuse_part(b, path, "pre_tokenizer.pattern", pb_json_get(step, "pattern"),
                           "that of GPT-2, Llama 3 or Qwen 2");
    if (!pb_json_says(pb_json_get(step, "behavior"), "Isolated"))
        return refuse_part(b, path, "pre_tokenizer.behavior", pb_json_get(step, "behavior"),
                           "\"Isolated\"");
    if (pb_json_is_true(pb_json_get(step, "invert")))
        return refuse_part(b, path, "pre_tokenizer.invert", pb_json_get(step, "invert"), "false");
    b->tokenizer->way = way;
    if (!b->tokenizer->whole_pieces)
        return refuse_part(b, path, "pre_tokenizer.use_regex", (pb_json){NULL},
                           "false after a Split");
    b->tokenizer->whole_pieces = false;
    return PB_OK;
}

static pb_status read_digits(const char *path, pb_json step, builder *b)
{
    pb_json single = pb_json_get(step, "individual_digits");
    if (!pb_json_is_true(single))
        return refuse_part(b, path, "pre_tokenizer.individual_digits", single, "true");
    if (b->tokenizer->whole_pieces)
        return refuse_part(b, path, "pre_tokenizer.use_regex", (pb_json){NULL},
                           "true after Digits");
    b->tokenizer->way = WORDS_SINGLE_DIGITS;
    return PB_OK;
}

/* What stands before ByteLevel. */
static pb_status read_first_cut(const char *path, pb_json step, builder *b)
{
    static const struct {
        const char *type;
        pb_status (*read)(const char *path, pb_json step, builder *b);
    } kinds[] = {{"Split", read_split}, {"Digits", read_digits}};
    if (b->tokenizer->adds_space)
        return refuse_part(b, path, "pre_tokenizer.add_prefix_space", (pb_json){NULL},
                           "false after another step");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (is_of_type(step, kinds[i].type))
            return kinds[i].read(path, step, b);
    return refuse_part(b, path, "pre_tokenizer.type", pb_json_get(step, "type"),
                       "\"Split\" or \"Digits\" before \"ByteLevel\"");
}

/* Spaces of a vocabulary of pieces; older files have a flag for the scheme. */
static pb_status read_metaspace(const char *path, pb_json step, builder *b)
{
    static const struct {
        const char *name;
        prefix_scheme scheme;
    } schemes[] = {{"always", PREFIX_ALWAYS}, {"first", PREFIX_FIRST}, {"never", PREFIX_NEVER}};
    pb_json scheme = pb_json_given(step, "prepend_scheme"), cuts = pb_json_given(step, "split");
    pb_json flag = pb_json_given(step, "add_prefix_space");
    pb_tokenizer *t = b->tokenizer;
    if (!pb_json_says(pb_json_get(step, "replacement"), space_sign))
        return refuse_part(b, path, "pre_tokenizer.replacement", pb_json_get(step, "replacement"),
                           "\"\xE2\x96\x81\"");
    t->writes_spaces = true;
    t->cuts_at_spaces = !cuts.at || pb_json_is_true(cuts);
    t->prefix = flag.at && !pb_json_is_true(flag) ? PREFIX_NEVER : PREFIX_ALWAYS;
    if (!scheme.at)
        return PB_OK;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (pb_json_says(scheme, schemes[i].name)) {
            t->prefix = schemes[i].scheme;
            return PB_OK;
        }
    }
    return refuse_part(b, path, "pre_tokenizer.prepend_scheme", scheme,
                       "\"always\", \"first\" or \"never\"");
}

/* Characters first, bytes for those without a token; cut nowhere, or at spaces. */
static pb_status read_pieces(const char *path, pb_json model, const pb_json *cuts, size_t n_cuts,
                             builder *b)
{
    pb_json fallback = pb_json_given(model, "byte_fallback");
    b->tokenizer->of_pieces = true;
    if (!pb_json_is_true(fallback))
        return refuse_part(b, path, n_cuts ? "model.byte_fallback" : "pre_tokenizer.type", fallback,
                           n_cuts ? "true" : "\"ByteLevel\"");
    if (pb_json_is_true(pb_json_get(model, "ignore_merges")))
        return refuse_part(b, path, "model.ignore_merges", pb_json_get(model, "ignore_merges"),
                           "false beside byte_fallback");
    return n_cuts ? read_metaspace(path, cuts[0], b) : PB_OK;
}

static pb_status read_cutting(const char *path, pb_json root, builder *b)
{
    pb_json cuts[MOST_CUTS], model = pb_json_get(root, "model");
    size_t n = 0;
    list_cuts(pb_json_get(root, "pre_tokenizer"), cuts, &n, 4);
    if (n == 0 || (n == 1 && is_of_type(cuts[0], "Metaspace")))
        return read_pieces(path, model, cuts, n, b);
    if (!is_of_type(cuts[n - 1], "ByteLevel"))
        return refuse_part(b, path, "pre_tokenizer.type", pb_json_get(cuts[n - 1], "type"),
                           "\"ByteLevel\" or \"Metaspace\"");
    if (n > 2)
        return refuse_part(b, path, "pre_tokenizer", pb_json_get(root, "pre_tokenizer"),
                           "at most two steps");
    if (pb_json_is_true(pb_json_get(model, "byte_fallback")))
        return refuse_part(b, path, "model.byte_fallback", pb_json_get(model, "byte_fallback"),
                           "false beside ByteLevel");
    b->tokenizer->whole_words = pb_json_is_true(pb_json_get(model, "ignore_merges"));
    pb_status status = read_byte_level(path, cuts[n - 1], b);
    return status || n == 1 ? status : read_first_cut(path, cuts[0], b);
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

/* What a template puts around a text: {"SpecialToken": ...} before and after {"Sequence": ...}. */
typedef struct around {
    bool template, opens, closes;
} around;

static void read_around(pb_json step, around *found, int depth)
{
    bool text = false;
    pb_json each;
    for (pb_json_items items = pb_json_each(pb_json_get(step, "single"));
         pb_json_next(&items, NULL, &each);) {
        bool special = pb_json_get(each, "SpecialToken").at != NULL;
        text = text || pb_json_get(each, "Sequence").at;
        found->template = true;
        found->opens = found->opens || (special && !text);
        found->closes = found->closes || (special && text);
    }
    for (pb_json_items items = pb_json_each(pb_json_get(step, "processors"));
         depth > 0 && pb_json_next(&items, NULL, &each);)
        read_around(each, found, depth - 1);
}

pb_status tokenizer_json_read(const char *path, pb_json root, builder *b)
{
    pb_json model = pb_json_get(root, "model"), vocabulary = pb_json_get(model, "vocab");
    char shown[PB_JSON_SHOWN];
    pb_status status = PB_OK;
    around found = {.template = false};
    read_around(pb_json_get(root, "post_processor"), &found, 4);
    b->tokenizer->closes = found.closes;
    if (found.template)
        b->tokenizer->start_rule = found.opens ? PB_START_ALWAYS : PB_START_NEVER;
    for (size_t i = 0; i < sizeof settings_needed / sizeof *settings_needed && !status; i++)
        status = check_setting(path, model, &settings_needed[i], b);
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
