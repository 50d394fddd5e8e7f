/* Tokens that have ids, tokens that have names, and switches; see settings.h. */
#include "settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "io/file.h"

enum { SETTINGS_LIMIT = 16 << 20 };

/* ---- the files ---- */

/* A file that need not be there. */
static pb_status read_one(const char *folder, const char *name, char **path, char **bytes,
                          pb_json *root, pb_error **error)
{
    char *joined = pb_file_join(folder, name);
    if (!joined)
        return pb_fail_memory(error);
    pb_status status = PB_OK;
    if (pb_file_exists(joined))
        status = pb_json_read_file(joined, SETTINGS_LIMIT, bytes, root, error);
    if (path)
        *path = joined;
    else
        free(joined);
    return status;
}

pb_status settings_read(const char *folder, settings *s, pb_error **error)
{
    *s = (settings){.config_path = NULL};
    pb_status status =
        read_one(folder, "tokenizer_config.json", &s->config_path, &s->bytes[0], &s->config, error);
    if (!status)
        status = read_one(folder, "config.json", NULL, &s->bytes[1], &s->model, error);
    if (status || pb_json_given(s->config, "added_tokens_decoder").at)
        return status;
    status = read_one(folder, "special_tokens_map.json", NULL, &s->bytes[2], &s->special, error);
    if (!status)
        status =
            read_one(folder, "added_tokens.json", &s->added_path, &s->bytes[3], &s->added, error);
    return status;
}

void settings_free(settings *s)
{
    for (size_t i = 0; i < sizeof s->bytes / sizeof *s->bytes; i++)
        free(s->bytes[i]);
    free(s->config_path);
    free(s->added_path);
    *s = (settings){.config_path = NULL};
}

static bool is_gpt2_class(pb_json class)
{
    return pb_json_says(class, "GPT2Tokenizer") || pb_json_says(class, "GPT2TokenizerFast");
}

bool settings_any_class(const settings *s)
{
    pb_json class = pb_json_given(s->config, "tokenizer_class");
    if (!class.at)
        class = pb_json_given(s->model, "tokenizer_class");
    pb_json family = pb_json_given(s->model, "model_type"); /* which has a class of its own */
    return class.at ? !is_gpt2_class(class) : family.at && !pb_json_says(family, "gpt2");
}

/* Those that are not as GPT-2's. */
static const struct {
    const char *class;
    words_by way;
    const char *normalizer;
} classes[] = {
    {"Qwen2Tokenizer", WORDS_SIGN_AND_LETTERS, "{\"type\": \"NFC\"}"},
    {"Qwen2TokenizerFast", WORDS_SIGN_AND_LETTERS, "{\"type\": \"NFC\"}"},
    {"GPTNeoXTokenizer", WORDS_BY_KIND, "{\"type\": \"NFC\"}"},
    {"GPTNeoXTokenizerFast", WORDS_BY_KIND, "{\"type\": \"NFC\"}"},
};

pb_status settings_read_class(const settings *s, builder *b)
{
    pb_json class = pb_json_given(s->config, "tokenizer_class");
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (!pb_json_says(class, classes[i].class))
            continue;
        b->tokenizer->way = classes[i].way;
        return normalizer_read(s->config_path, (pb_json){classes[i].normalizer},
                               b->tokenizer->arena, &b->tokenizer->normalizer, b->error);
    }
    return PB_OK;
}

/* What special_tokens_map.json says, or else tokenizer_config.json; null is an answer, too. */
static pb_json setting_of(const settings *s, const char *key)
{
    pb_json value = pb_json_get(s->special, key);
    return value.at ? value : pb_json_get(s->config, key);
}

/* ---- one token ---- */

pb_status settings_read_token(const char *path, pb_json value, bool special, added_token *added,
                              pb_error **error)
{
    char shown[PB_JSON_SHOWN];
    bool object = pb_json_kind_of(value) == PB_JSON_OBJECT;
    pb_json content = object ? pb_json_get(value, "content") : value;
    if (pb_json_kind_of(content) != PB_JSON_TEXT)
        return pb_fail(error, PB_FORMAT,
                       "'%s': an added token is %s, and a text, or an object with a content, was "
                       "expected",
                       path, pb_json_show(value, shown));
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_json_append(content, &text);
    *added = (added_token){.length = text.length, .special = special, .normalized = !special};
    added->text = pb_buffer_take(&text);
    if (!added->text)
        return pb_fail_memory(error);
    const struct {
        const char *key;
        bool *flag;
    } flags[] = {{"special", &added->special},
                 {"normalized", &added->normalized},
                 {"single_word", &added->single_word},
                 {"lstrip", &added->lstrip},
                 {"rstrip", &added->rstrip}};
    for (size_t i = 0; object && i < sizeof flags / sizeof *flags; i++) {
        pb_json given = pb_json_given(value, flags[i].key);
        *flags[i].flag = given.at ? pb_json_is_true(given) : *flags[i].flag;
        if (i == 0 && given.at) /* AddedToken's own default goes by it */
            added->normalized = !added->special;
    }
    return PB_OK;
}

static pb_status add_token(const char *path, pb_json value, bool special, again when, builder *b)
{
    added_token added;
    pb_status status = settings_read_token(path, value, special, &added, b->error);
    if (status)
        return status;
    if (special)
        added.special = true;
    status = builder_add(b, &added, when);
    free((char *)added.text);
    return status;
}

/* ---- tokens that have names ---- */

/* In the order in which they get ids. GPT-2's class gives the first three a value. */
static const char *const named[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                    "pad_token", "cls_token", "mask_token"};
enum { N_NAMED = sizeof named / sizeof *named, N_DEFAULT = 3 };

static bool is_named(pb_json key)
{
    for (size_t i = 0; i < N_NAMED; i++)
        if (pb_json_says(key, named[i]))
            return true;
    return false;
}

static pb_json content_of(pb_json value)
{
    return pb_json_kind_of(value) == PB_JSON_OBJECT ? pb_json_get(value, "content") : value;
}

/* The lists and objects of tokens without a name of their own; two have two names. */
enum { N_EXTRAS = 4 };
static pb_json extras_of(const settings *s, size_t which)
{
    pb_json root = which < 2 ? s->config : s->special;
    return pb_json_get(root, which % 2 ? "additional_special_tokens" : "extra_special_tokens");
}

static bool put_text(pb_map *texts, pb_json value)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_json_append(content_of(value), &text);
    bool put = !text.failed && pb_map_put(texts, text.data, text.length, 0);
    pb_buffer_free(&text);
    return put;
}

/* The texts of all tokens that have a name, or are among the extras. NULL when memory is out. */
static pb_map *special_texts(const settings *s)
{
    pb_map *texts = pb_map_create(16);
    bool complete = texts != NULL;
    for (size_t i = 0; i < N_NAMED && complete; i++)
        complete = put_text(texts, setting_of(s, named[i]));
    for (size_t i = 0; i < N_EXTRAS && complete; i++) {
        pb_json each;
        for (pb_json_items items = pb_json_each(extras_of(s, i));
             complete && pb_json_next(&items, NULL, &each);)
            complete = put_text(texts, each);
    }
    if (!complete)
        pb_map_destroy(&texts);
    return texts;
}

/* Keys such as "image_token", which families of models have made up. */
static pb_status add_made_up(pb_json root, const char *path, builder *b)
{
    pb_json key, value;
    for (pb_json_items items = pb_json_each(root); pb_json_next(&items, &key, &value);) {
        pb_buffer name = PB_BUFFER_EMPTY;
        pb_json_append(key, &name);
        bool ends = name.length > 6 && strcmp(name.data + name.length - 6, "_token") == 0;
        pb_buffer_free(&name);
        if (!ends || is_named(key) || pb_json_kind_of(value) != PB_JSON_TEXT)
            continue;
        pb_status status = add_token(path, value, true, AGAIN_NOTHING, b);
        if (status)
            return status;
    }
    return PB_OK;
}

/* The tokens of an object, if objects are asked for, or of a list. */
static pb_status add_extras(const settings *s, pb_json extras, bool objects, builder *b)
{
    pb_status status = PB_OK;
    pb_json each;
    if ((pb_json_kind_of(extras) == PB_JSON_OBJECT) != objects)
        return PB_OK;
    for (pb_json_items items = pb_json_each(extras); !status && pb_json_next(&items, NULL, &each);)
        status = add_token(s->config_path, each, true, AGAIN_NOTHING, b);
    return status;
}

static pb_status add_default(builder *b)
{
    const added_token end = {
        .text = END_OF_TEXT, .length = sizeof END_OF_TEXT - 1, .special = true, .implied = true};
    return builder_add(b, &end, AGAIN_NOTHING);
}

/* The token that a setting names, when all are added. */
static int32_t id_of(const settings *s, const builder *b, const char *key)
{
    pb_json value = content_of(setting_of(s, key));
    if (!value.at)
        return settings_any_class(s) ? PB_NO_TOKEN
                                     : builder_find(b, END_OF_TEXT, sizeof END_OF_TEXT - 1);
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_json_append(value, &text);
    int32_t id = text.length > 0 ? builder_find(b, text.data, text.length) : PB_NO_TOKEN;
    pb_buffer_free(&text);
    return id;
}

/* What is said outright counts before what a tokenizer.json puts around a text; GPT-2's class,
 * where it is named, puts nothing unless told to. */
static void find_start_rule(const settings *s, pb_tokenizer *t)
{
    pb_json said = pb_json_given(s->config, "add_bos_token");
    if (pb_json_kind_of(said) == PB_JSON_BOOL)
        t->start_rule = pb_json_is_true(said) ? PB_START_ALWAYS : PB_START_NEVER;
    else if (t->start_rule == PB_START_UNSAID &&
             is_gpt2_class(pb_json_get(s->config, "tokenizer_class")))
        t->start_rule = PB_START_NEVER;
}

/* TransformerLens starts a text with the token that ends one, where there is no other. */
static void find_ends(const settings *s, builder *b)
{
    pb_tokenizer *t = b->tokenizer;
    t->end = id_of(s, b, "eos_token");
    t->start = id_of(s, b, "bos_token");
    if (t->start == PB_NO_TOKEN)
        t->start = t->end;
    if (t->start == PB_NO_TOKEN)
        t->start = builder_find(b, END_OF_TEXT, sizeof END_OF_TEXT - 1);
    if (t->end == PB_NO_TOKEN)
        t->end = t->start;
    if (pb_json_is_true(pb_json_get(s->config, "add_eos_token")) && !s->one_file)
        t->closes = true;
    find_start_rule(s, t);
    t->specials_as_text = pb_json_is_true(pb_json_get(s->config, "split_special_tokens"));
}

pb_status settings_add_named(const settings *s, builder *b)
{
    pb_status status = PB_OK;
    for (size_t i = 0; i < N_NAMED && !status; i++) {
        pb_json value = setting_of(s, named[i]);
        if (value.at && pb_json_kind_of(value) != PB_JSON_NULL)
            status = add_token(s->config_path, value, true, AGAIN_NOTHING, b);
        else if (!value.at && i < N_DEFAULT && !settings_any_class(s))
            status = add_default(b);
    }
    if (!status)
        status = add_made_up(s->config, s->config_path, b);
    if (!status)
        status = add_made_up(s->special, s->config_path, b);
    for (size_t i = 0; i < 2 * N_EXTRAS && !status; i++)
        status = add_extras(s, extras_of(s, i % N_EXTRAS), i < N_EXTRAS, b);
    if (!status)
        find_ends(s, b);
    return status;
}

/* ---- tokens that have ids ---- */

/* An entry of a list while it is put in order. */
typedef struct keyed_entry {
    int64_t id;
    pb_json key, value;
} keyed_entry;

static int by_id(const void *a, const void *b)
{
    const keyed_entry *x = a, *y = b;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return x->key.at < y->key.at ? -1 : 1;
}

static bool read_id(pb_json key, int64_t *id)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_json_append(key, &text);
    char *end = NULL;
    long long read = text.length > 0 ? strtoll(text.data, &end, 10) : 0;
    bool whole = end && end == text.data + text.length && read >= 0;
    *id = read;
    pb_buffer_free(&text);
    return whole;
}

/* Sorted by their ids, which are keys (`by_key`) or values. */
static pb_status sort_entries(const char *path, pb_json list, bool by_key, keyed_entry **sorted,
                              size_t *count, pb_error **error)
{
    keyed_entry *entries = pb_malloc(pb_json_count(list), sizeof *entries);
    if (!entries)
        return pb_fail_memory(error);
    size_t n = 0;
    keyed_entry each;
    for (pb_json_items items = pb_json_each(list); pb_json_next(&items, &each.key, &each.value);) {
        char shown[PB_JSON_SHOWN];
        if (by_key ? read_id(each.key, &each.id) : pb_json_as_integer(each.value, &each.id)) {
            entries[n++] = each;
            continue;
        }
        free(entries);
        return pb_fail(error, PB_FORMAT,
                       "'%s': an added token has id %s, and a whole number was "
                       "expected",
                       path, pb_json_show(by_key ? each.key : each.value, shown));
    }
    if (n > 0)
        qsort(entries, n, sizeof *entries, by_id);
    *sorted = entries;
    *count = n;
    return PB_OK;
}

/* added_tokens.json has texts and ids alone: special are those that have a name. */
static pb_status add_plain(const settings *s, const keyed_entry *entries, size_t count, builder *b)
{
    pb_map *special = special_texts(s);
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_status status = special ? PB_OK : pb_fail_memory(b->error);
    for (size_t i = 0; i < count && !status; i++) {
        pb_buffer_clear(&text);
        pb_json_append(entries[i].key, &text);
        status = pb_buffer_status(&text, b->error);
        if (!status)
            status = add_token(s->added_path, entries[i].key,
                               pb_map_get(special, text.data, text.length, NULL), AGAIN_NOTHING, b);
    }
    pb_buffer_free(&text);
    pb_map_destroy(&special);
    return status;
}

pb_status settings_add_listed(const settings *s, builder *b)
{
    pb_json decoder = pb_json_given(s->config, "added_tokens_decoder");
    keyed_entry *entries = NULL;
    size_t count = 0;
    pb_status status = PB_OK;
    if (decoder.at)
        status = sort_entries(s->config_path, decoder, true, &entries, &count, b->error);
    else if (s->added.at)
        status = sort_entries(s->added_path, s->added, false, &entries, &count, b->error);
    if (!status && !decoder.at && count > 0)
        status = add_plain(s, entries, count, b);
    for (size_t i = 0; i < count && decoder.at && !status; i++)
        status = add_token(s->config_path, entries[i].value, false, AGAIN_REPLACES, b);
    free(entries);
    return status;
}
