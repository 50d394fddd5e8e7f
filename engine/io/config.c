/* config.json: rows say where each key goes and what it may be; what depends on several keys
 * follows. */
#include "io/config.h"

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
    json_t *root;
    pb_error **error;
} reader;

/* The value of a key; NULL where it is absent or null. */
static const json_t *value_of(const reader *r, const char *key)
{
    const json_t *value = json_object_get(r->root, key);
    return json_is_null(value) ? NULL : value;
}

static pb_status fail_value(const reader *r, const char *key, const json_t *value,
                            const char *expected)
{
    char shown[PB_JSON_SHOWN];
    return pb_fail(r->error, PB_FORMAT, "'%s': %s is %s, and %s was expected", r->path, key,
                   pb_json_show(value, shown), expected);
}

/* ---- one key ---- */

/* Other families name their sizes otherwise, so that a size is what they seem to lack. */
static pb_status fail_missing_size(const reader *r, const char *key, size_t most)
{
    const char *type = json_string_value(value_of(r, "model_type"));
    if (type && strcmp(type, "gpt2") != 0)
        return pb_fail(r->error, PB_UNSUPPORTED,
                       "'%s' is of a model of type \"%.40s\", which has no %s; expected \"gpt2\"",
                       r->path, type, key);
    return pb_fail(r->error, PB_FORMAT,
                   "'%s': %s is missing, and a whole number from 1 to %zu was expected", r->path,
                   key, most);
}

static pb_status read_size(const reader *r, const char *key, size_t most, size_t *size)
{
    const json_t *value = value_of(r, key);
    if (!value)
        return fail_missing_size(r, key, most);
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 1 || (uint64_t)number > most) {
        char expected[64];
        snprintf(expected, sizeof expected, "a whole number from 1 to %zu", most);
        return fail_value(r, key, value, expected);
    }
    *size = (size_t)number;
    return PB_OK;
}

static pb_status read_flag(const reader *r, const char *key, bool otherwise, bool *flag)
{
    const json_t *value = value_of(r, key);
    *flag = value ? json_is_true(value) : otherwise;
    return !value || json_is_boolean(value) ? PB_OK : fail_value(r, key, value, "true or false");
}

/* `otherwise` may be NULL: the text is then NULL where the key is absent. */
static pb_status read_text(const reader *r, const char *key, const char *otherwise, char **text)
{
    const json_t *value = value_of(r, key);
    if (value && !json_is_string(value))
        return fail_value(r, key, value, "a string");
    const char *found = value ? json_string_value(value) : otherwise;
    *text = found ? strdup(found) : NULL;
    return found && !*text ? pb_fail_memory(r->error) : PB_OK;
}

static pb_status read_epsilon(const reader *r, const char *key, double otherwise, double *epsilon)
{
    const json_t *value = value_of(r, key);
    *epsilon = value ? json_number_value(value) : otherwise;
    if (value && (!json_is_number(value) || !(*epsilon > 0.0 && *epsilon < 1.0)))
        return fail_value(r, key, value, "a number between 0 and 1");
    return PB_OK;
}

static pb_status read_token(const reader *r, const char *key, int64_t *id)
{
    const json_t *value = value_of(r, key);
    *id = value ? json_integer_value(value) : PB_CONFIG_NO_TOKEN;
    if (value && (!json_is_integer(value) || *id < 0 || *id > INT32_MAX))
        return fail_value(r, key, value, "a token id or null");
    return PB_OK;
}

/* ---- all of them ---- */

static pb_status read_sizes(const reader *r, pb_config *config)
{
    bool only_ctx = !value_of(r, "n_positions") && value_of(r, "n_ctx");
    const struct {
        const char *key;
        size_t most, *size;
    } rows[] = {
        {"n_layer", MOST_LAYERS, &config->n_layer},
        {"n_head", MOST_HEADS, &config->n_head},
        {"n_embd", MOST_WIDTH, &config->n_embd},
        {only_ctx ? "n_ctx" : "n_positions", MOST_POSITIONS, &config->n_positions},
        {"vocab_size", MOST_TOKENS, &config->vocab_size},
    };
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < sizeof rows / sizeof rows[0]; i++)
        status = read_size(r, rows[i].key, rows[i].most, rows[i].size);
    if (status)
        return status;

    if (config->n_embd % config->n_head != 0)
        return pb_fail(r->error, PB_FORMAT,
                       "'%s': n_embd is %zu and n_head is %zu, and a width that divides evenly "
                       "among the heads was expected",
                       r->path, config->n_embd, config->n_head);
    config->d_head = config->n_embd / config->n_head;
    config->n_inner = 4 * config->n_embd;
    return value_of(r, "n_inner") ? read_size(r, "n_inner", MOST_INNER, &config->n_inner) : PB_OK;
}

static pb_status read_flags(const reader *r, pb_config *config)
{
    const struct {
        const char *key;
        bool otherwise, *flag;
    } rows[] = {
        {"scale_attn_weights", true, &config->scale_attn_weights},
        {"scale_attn_by_inverse_layer_idx", false, &config->scale_attn_by_inverse_layer_idx},
        {"reorder_and_upcast_attn", false, &config->reorder_and_upcast_attn},
        {"tie_word_embeddings", true, &config->tie_word_embeddings},
        {"add_cross_attention", false, &config->add_cross_attention},
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
    if (!value_of(r, "model_type"))
        return pb_fail(r->error, PB_FORMAT,
                       "'%s': model_type is missing, and the name of a model family, such as "
                       "\"gpt2\", was expected",
                       r->path);
    if ((status = read_text(r, "model_type", NULL, &config->model_type)) ||
        (status = read_text(r, "_name_or_path", NULL, &config->name_or_path)) ||
        (status = read_text(r, "activation_function", "gelu_new", &config->activation_function)) ||
        (status = read_sizes(r, config)) || (status = read_flags(r, config)) ||
        (status = read_epsilon(r, "layer_norm_epsilon", 1e-5, &config->layer_norm_epsilon)) ||
        (status = read_token(r, "bos_token_id", &config->bos_token_id)))
        return status;
    return read_token(r, "eos_token_id", &config->eos_token_id);
}

pb_status pb_config_parse(const char *path, const char *json, size_t length, pb_config **config,
                          pb_error **error)
{
    reader r = {path, NULL, error};
    pb_status status = pb_json_read_object(path, json, length, &r.root, error);
    if (status)
        return status;
    pb_config *read = pb_calloc(1, sizeof *read);
    status = read ? read_all(&r, read) : pb_fail_memory(error);
    json_decref(r.root);
    if (status) {
        pb_config_destroy(&read);
        return status;
    }
    *config = read;
    return PB_OK;
}

pb_status pb_config_read(const char *folder, pb_config **config, pb_error **error)
{
    char *path = pb_file_join(folder, "config.json");
    if (!path)
        return pb_fail_memory(error);
    char *json = NULL;
    size_t length = 0;
    pb_status status = pb_file_read(path, CONFIG_LIMIT, NULL, &json, &length, error);
    if (!status)
        status = pb_config_parse(path, json, length, config, error);
    free(json);
    free(path);
    return status;
}

void pb_config_destroy(pb_config **config)
{
    if (!config || !*config)
        return;
    free((*config)->path);
    free((*config)->model_type);
    free((*config)->name_or_path);
    free((*config)->activation_function);
    free(*config);
    *config = NULL;
}
