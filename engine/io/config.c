/* config.json: rows say where each key goes and what it may be; what depends on several keys
 * follows. */
#include "io/config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"

enum { CONFIG_LIMIT = 16 << 20 }; /* bytes of a config.json */

/* Sizes beyond these are a mistake in the file, not a model. */
enum {
    MOST_LAYERS = 1024,
    MOST_HEADS = 1024,
    MOST_WIDTH = 1 << 16,
    MOST_INNER = 1 << 20,
    MOST_POSITIONS = 1 << 20,
    MOST_TOKENS = 1 << 24
};

typedef struct reader {
    const char *path;
    pb_json root;
    pb_error **error;
} reader;

static pb_status fail_value(const reader *r, const char *key, pb_json value, const char *expected)
{
    char shown[PB_JSON_SHOWN];
    return pb_fail(r->error, PB_FORMAT, "'%s': %s is %s, and %s was expected", r->path, key,
                   pb_json_show(value, shown), expected);
}

static bool is_gpt2(const reader *r)
{
    return pb_json_says(pb_json_get(r->root, "model_type"), "gpt2");
}

/* ---- one key ---- */

/* Other families name their sizes otherwise, so that a size is what they seem to lack. */
static pb_status fail_missing_size(const reader *r, const char *key)
{
    char shown[PB_JSON_SHOWN];
    return pb_fail(r->error, PB_UNSUPPORTED,
                   "'%s' is of a model of type %s, which has no %s; expected \"gpt2\"", r->path,
                   pb_json_show(pb_json_get(r->root, "model_type"), shown), key);
}

/* *size is what it is where the key is absent. */
static pb_status read_size(const reader *r, const char *key, size_t most, size_t *size)
{
    int64_t number = 0;
    pb_json value = pb_json_given(r->root, key);
    if (!value.at)
        return PB_OK;
    if (!pb_json_as_integer(value, &number) || number < 1 || (uint64_t)number > most) {
        char expected[64];
        snprintf(expected, sizeof expected, "a whole number from 1 to %zu", most);
        return fail_value(r, key, value, expected);
    }
    *size = (size_t)number;
    return PB_OK;
}

static pb_status read_flag(const reader *r, const char *key, bool otherwise, bool *flag)
{
    pb_json value = pb_json_given(r->root, key);
    *flag = value.at ? pb_json_is_true(value) : otherwise;
    return !value.at || pb_json_kind_of(value) == PB_JSON_BOOL
               ? PB_OK
               : fail_value(r, key, value, "true or false");
}

/* `otherwise` may be NULL: the key must then be there. */
static pb_status read_name(const reader *r, const char *key, const char *otherwise, char **name)
{
    pb_json value = pb_json_given(r->root, key);
    pb_buffer text = PB_BUFFER_EMPTY;
    if (value.at)
        pb_json_append(value, &text);
    else if (otherwise)
        pb_buffer_text(&text, otherwise);
    bool whole = text.length > 0 && !memchr(text.data, '\0', text.length);
    *name = whole ? pb_buffer_take(&text) : NULL;
    bool failed = text.failed || (whole && !*name);
    pb_buffer_free(&text);
    if (failed)
        return pb_fail_memory(r->error);
    return whole ? PB_OK : fail_value(r, key, value, "a name");
}

static pb_status read_epsilon(const reader *r, const char *key, double otherwise, double *epsilon)
{
    pb_json value = pb_json_given(r->root, key);
    *epsilon = otherwise;
    if (value.at && (!pb_json_as_number(value, epsilon) || !isfinite((float)*epsilon)))
        return fail_value(r, key, value, "a finite number");
    return PB_OK;
}

/* A token, a list of them, or none; what is no token ends no text. */
static pb_status read_ends(const reader *r, pb_config *config)
{
    pb_json value = pb_json_given(r->root, "eos_token_id"), each;
    int64_t id;
    if (!value.at)
        return PB_OK;
    int32_t *ends = pb_malloc(pb_json_count(value) + 1, sizeof *ends);
    if (!ends)
        return pb_fail_memory(r->error);
    size_t n = 0;
    if (pb_json_as_integer(value, &id) && id >= 0 && id <= INT32_MAX)
        ends[n++] = (int32_t)id;
    for (pb_json_items items = pb_json_each(value); pb_json_next(&items, NULL, &each);)
        if (pb_json_as_integer(each, &id) && id >= 0 && id <= INT32_MAX)
            ends[n++] = (int32_t)id;
    free(config->ends);
    config->ends = ends;
    config->n_ends = n;
    return PB_OK;
}

/* ---- all of them ---- */

/* A size, the names it may have (of which the last that is there counts), and what it is where none
 * is. The defaults are GPT2Config's. */
typedef struct size_row {
    const char *names[3];
    size_t most, otherwise, *size;
} size_row;

static pb_status read_named_size(const reader *r, const size_row *row)
{
    size_t n_names = is_gpt2(r) ? sizeof row->names / sizeof *row->names : 1;
    *row->size = is_gpt2(r) ? row->otherwise : 0;
    for (size_t i = 0; i < n_names && row->names[i]; i++) {
        pb_status status = read_size(r, row->names[i], row->most, row->size);
        if (status)
            return status;
    }
    return *row->size > 0 ? PB_OK : fail_missing_size(r, row->names[0]);
}

static pb_status read_sizes(const reader *r, pb_config *config)
{
    const char *ctx = pb_json_given(r->root, "n_positions").at ? NULL : "n_ctx";
    const size_row rows[] = {
        {{"n_layer", "num_hidden_layers"}, MOST_LAYERS, 12, &config->n_layer},
        {{"n_head", "num_attention_heads"}, MOST_HEADS, 12, &config->n_head},
        {{"n_embd", "hidden_size"}, MOST_WIDTH, 768, &config->n_embd},
        {{ctx ? ctx : "n_positions", "max_position_embeddings"},
         MOST_POSITIONS,
         1024,
         &config->n_positions},
        {{"vocab_size"}, MOST_TOKENS, 50257, &config->vocab_size},
    };
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < sizeof rows / sizeof rows[0]; i++)
        status = read_named_size(r, &rows[i]);
    if (status)
        return status;

    if (config->n_embd % config->n_head != 0)
        return pb_fail(r->error, PB_FORMAT,
                       "'%s': n_embd is %zu and n_head is %zu, and a width that divides evenly "
                       "among the heads was expected",
                       r->path, config->n_embd, config->n_head);
    config->d_head = config->n_embd / config->n_head;
    config->n_inner = 4 * config->n_embd;
    return read_size(r, "n_inner", MOST_INNER, &config->n_inner);
}

static pb_status read_flags(const reader *r, pb_config *config)
{
    const struct {
        const char *key;
        bool otherwise, *flag;
    } rows[] = {
        {"scale_attn_weights", true, &config->scale_attn_weights},
        {"scale_attn_by_inverse_layer_idx", false, &config->scale_attn_by_inverse_layer_idx},
        {"tie_word_embeddings", true, &config->tie_word_embeddings},
    };
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < sizeof rows / sizeof rows[0]; i++)
        status = read_flag(r, rows[i].key, rows[i].otherwise, rows[i].flag);
    return status;
}

static pb_status read_all(const reader *r, pb_config *config)
{
    pb_status status = PB_OK;
    if (!(config->path = strdup(r->path)))
        return pb_fail_memory(r->error);
    if (!pb_json_given(r->root, "model_type").at)
        return pb_fail(r->error, PB_FORMAT,
                       "'%s': model_type is missing, and the name of a model family, such as "
                       "\"gpt2\", was expected",
                       r->path);
    if ((status = read_name(r, "model_type", NULL, &config->model_type)) ||
        (status = read_name(r, "activation_function", "gelu_new", &config->activation_function)) ||
        (status = read_sizes(r, config)) || (status = read_flags(r, config)) ||
        (status = read_ends(r, config)))
        return status;
    return read_epsilon(r, "layer_norm_epsilon", 1e-5, &config->layer_norm_epsilon);
}

pb_status pb_config_parse(const char *path, const char *json, size_t length, pb_config **config,
                          pb_error **error)
{
    reader r = {.path = path, .error = error};
    pb_status status = pb_json_object(path, json, length, &r.root, error);
    if (status)
        return status;
    pb_config *read = pb_calloc(1, sizeof *read);
    status = read ? read_all(&r, read) : pb_fail_memory(error);
    if (status) {
        pb_config_destroy(&read);
        return status;
    }
    *config = read;
    return PB_OK;
}

/* What generation_config.json says counts before config.json. One that cannot be read is passed
 * over, as transformers does. */
static pb_status read_generation(const char *folder, pb_config *config, pb_error **error)
{
    char *path = pb_file_join(folder, "generation_config.json"), *bytes = NULL;
    reader r = {.path = path, .error = error};
    pb_status status = path ? PB_OK : pb_fail_memory(error);
    if (!status && pb_file_exists(path)) {
        status = pb_json_read_file(path, CONFIG_LIMIT, &bytes, &r.root, NULL);
        if (!status)
            status = read_ends(&r, config);
        else
            status = status == PB_MEMORY ? pb_fail_memory(error) : PB_OK;
    }
    free(bytes);
    free(path);
    return status;
}

pb_status pb_config_read(const char *folder, pb_config **config, pb_error **error)
{
    char *path = pb_file_join(folder, "config.json");
    if (!path)
        return pb_fail_memory(error);
    char *json = NULL;
    size_t length = 0;
    pb_config *read = NULL;
    pb_status status = pb_file_read(path, CONFIG_LIMIT, NULL, &json, &length, error);
    if (!status)
        status = pb_config_parse(path, json, length, &read, error);
    if (!status)
        status = read_generation(folder, read, error);
    free(json);
    free(path);
    if (status)
        pb_config_destroy(&read);
    else
        *config = read;
    return status;
}

void pb_config_destroy(pb_config **config)
{
    if (!config || !*config)
        return;
    free((*config)->path);
    free((*config)->model_type);
    free((*config)->activation_function);
    free((*config)->ends);
    free(*config);
    *config = NULL;
}
