/* config.json: a family's rows say where each key goes and what it may be; what depends on several
 * keys follows. */
#include "io/config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/gguf.h"
#include "io/json.h"

enum { CONFIG_LIMIT = 16 << 20 }; /* bytes of a config.json */

typedef struct reader {
    const char *path;
    const pb_config_keys *keys;
    pb_json root;
    pb_error **error;
} reader;

static pb_status fail_value(const reader *r, const char *key, pb_json value, const char *expected)
{
    char shown[PB_JSON_SHOWN];
    return pb_fail(r->error, PB_FORMAT, "'%s': %s is %s, and %s was expected", r->path, key,
                   pb_json_show(value, shown), expected);
}

/* ---- one key ---- */

/* What the file has by a name; by "a.b" in its object a. */
static pb_json given(const reader *r, const char *name)
{
    const char *dot = strchr(name, '.');
    char outer[64];
    if (!dot)
        return pb_json_given(r->root, name);
    snprintf(outer, sizeof outer, "%.*s", (int)(dot - name), name);
    return pb_json_given(pb_json_given(r->root, outer), dot + 1);
}

/* *size is what it is where the key is absent. */
static pb_status read_size(const reader *r, const char *key, size_t most, size_t *size)
{
    int64_t number = 0;
    pb_json value = given(r, key);
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

static pb_status read_flag(const reader *r, const char *key, bool *flag)
{
    pb_json value = given(r, key);
    *flag = value.at ? pb_json_is_true(value) : *flag;
    return !value.at || pb_json_kind_of(value) == PB_JSON_BOOL
               ? PB_OK
               : fail_value(r, key, value, "true or false");
}

/* `otherwise` may be NULL: the key must then be there. */
static pb_status read_name(const reader *r, const char *key, const char *otherwise, char **name)
{
    pb_json value = given(r, key);
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

static pb_status read_number(const reader *r, const char *key, double *number)
{
    pb_json value = given(r, key);
    if (value.at && (!pb_json_as_number(value, number) || !isfinite((float)*number)))
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

/* The name that a key has in this file. */
static const char *name_given(const reader *r, const pb_config_key *row)
{
    const char *name = row->names[0];
    for (size_t i = 0; i < sizeof row->names / sizeof *row->names && row->names[i]; i++)
        if (given(r, row->names[i]).at)
            name = row->names[i];
    return name;
}

/* An object is one, whatever is looked for in it. */
static pb_status check_outer(const reader *r, const pb_config_key *row)
{
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < sizeof row->names / sizeof *row->names && row->names[i];
         i++) {
        const char *dot = strchr(row->names[i], '.');
        char outer[64];
        if (!dot)
            continue;
        snprintf(outer, sizeof outer, "%.*s", (int)(dot - row->names[i]), row->names[i]);
        pb_json value = pb_json_given(r->root, outer);
        if (value.at && pb_json_kind_of(value) != PB_JSON_OBJECT)
            status = fail_value(r, outer, value, "an object");
    }
    return status;
}

static pb_status check_number(const reader *r, const pb_config_key *row, const char *name,
                              double number)
{
    if (row->most == 0 || !given(r, name).at || (number > 0 && number <= (double)row->most))
        return PB_OK;
    return pb_fail(r->error, PB_FORMAT,
                   "'%s': %s is %g, and a number above 0 and at most %zu was expected", r->path,
                   name, number, row->most);
}

static pb_status read_key(const reader *r, const pb_config_key *row, pb_config *config)
{
    pb_status status = check_outer(r, row);
    if (status)
        return status;
    char *field = (char *)config + row->field;
    const char *name = name_given(r, row);
    switch (row->type) {
    case PB_CONFIG_SIZE:
        *(size_t *)(void *)field = (size_t)row->otherwise;
        return read_size(r, name, row->most, (size_t *)(void *)field);
    case PB_CONFIG_NUMBER:
        *(double *)(void *)field = row->otherwise;
        status = read_number(r, name, (double *)(void *)field);
        return status ? status : check_number(r, row, name, *(double *)(void *)field);
    case PB_CONFIG_FLAG:
        *(bool *)(void *)field = row->otherwise != 0;
        return read_flag(r, name, (bool *)(void *)field);
    case PB_CONFIG_NAME: return read_name(r, name, row->otherwise_name, (char **)(void *)field);
    }
    return PB_OK;
}

/* What the file calls a size, for messages. */
static const char *name_of(const reader *r, size_t field)
{
    for (const pb_config_keys *keys = r->keys; keys; keys = keys->more)
        for (size_t i = 0; i < keys->n; i++)
            if (keys->rows[i].field == field)
                return name_given(r, &keys->rows[i]);
    return "";
}

static pb_status divide(const reader *r, size_t whole, size_t whole_field, size_t parts,
                        size_t parts_field, const char *what, pb_error **error)
{
    if (whole % parts == 0)
        return PB_OK;
    return pb_fail(error, PB_FORMAT, "'%s': %s is %zu and %s is %zu, and %s was expected", r->path,
                   name_of(r, whole_field), whole, name_of(r, parts_field), parts, what);
}

/* The sizes that follow from others. */
static pb_status complete_sizes(const reader *r, pb_config *config)
{
    pb_status status = PB_OK;
    if (!config->n_inner)
        config->n_inner = 4 * config->n_embd;
    if (!config->n_kv_head)
        config->n_kv_head = config->n_head;
    if (!config->d_head) {
        status = divide(r, config->n_embd, offsetof(pb_config, n_embd), config->n_head,
                        offsetof(pb_config, n_head), "a width that divides evenly among the heads",
                        r->error);
        config->d_head = config->n_embd / config->n_head;
    }
    return status ? status
                  : divide(r, config->n_head, offsetof(pb_config, n_head), config->n_kv_head,
                           offsetof(pb_config, n_kv_head),
                           "a number of heads that divides evenly into groups, one for each head "
                           "of keys and values",
                           r->error);
}

static pb_status read_all(reader *r, pb_config_find *find, pb_config *config)
{
    pb_status status = PB_OK;
    if (!(config->path = strdup(r->path)))
        return pb_fail_memory(r->error);
    if (!pb_json_given(r->root, "model_type").at)
        return pb_fail(r->error, PB_FORMAT,
                       "'%s': model_type is missing, and the name of a model family, such as "
                       "\"gpt2\", was expected",
                       r->path);
    status = read_name(r, "model_type", NULL, &config->model_type);
    if (!status)
        status = find(r->path, config->model_type, &r->keys, r->error);
    config->scale_attn_weights = true; /* but for a family with a key that says otherwise */
    for (const pb_config_keys *keys = r->keys; !status && keys; keys = keys->more)
        for (size_t i = 0; !status && i < keys->n; i++)
            status = read_key(r, &keys->rows[i], config);
    if (!status)
        status = complete_sizes(r, config);
    return status ? status : read_ends(r, config);
}

pb_status pb_config_parse(const char *path, const char *json, size_t length, pb_config_find *find,
                          pb_config **config, pb_error **error)
{
    reader r = {.path = path, .error = error};
    pb_status status = pb_json_object(path, json, length, &r.root, error);
    if (status)
        return status;
    pb_config *read = pb_calloc(1, sizeof *read);
    status = read ? read_all(&r, find, read) : pb_fail_memory(error);
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

/* A GGUF file's metadata holds what config.json and generation_config.json do. */
static pb_status read_gguf(const char *path, pb_config_find *find, pb_config **config,
                           pb_error **error)
{
    pb_buffer json = PB_BUFFER_EMPTY;
    pb_status status = pb_gguf_config(path, &json, error);
    if (!status)
        status = pb_config_parse(path, json.data, json.length, find, config, error);
    pb_buffer_free(&json);
    return status;
}

static pb_status read_folder(const char *folder, pb_config_find *find, pb_config **config,
                             pb_error **error)
{
    char *path = pb_file_join(folder, "config.json");
    if (!path)
        return pb_fail_memory(error);
    char *json = NULL;
    size_t length = 0;
    pb_config *read = NULL;
    pb_status status = pb_file_read(path, CONFIG_LIMIT, NULL, &json, &length, error);
    if (!status)
        status = pb_config_parse(path, json, length, find, &read, error);
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

pb_status pb_config_read(const char *path, pb_config_find *find, pb_config **config,
                         pb_error **error)
{
    char *file = NULL;
    pb_status status = pb_gguf_find(path, &file, error);
    if (!status)
        status =
            file ? read_gguf(file, find, config, error) : read_folder(path, find, config, error);
    free(file);
    return status;
}

void pb_config_destroy(pb_config **config)
{
    if (!config || !*config)
        return;
    free((*config)->path);
    free((*config)->model_type);
    free((*config)->activation_function);
    free((*config)->rope_type);
    free((*config)->ends);
    free(*config);
    *config = NULL;
}
