/* Which files make a model. */
#include "plan.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"

enum { MOST_SHARDS = 1000, INDEX_LIMIT = 64 << 20 };

static bool is_weights(const char *name)
{
    const char *ending = strrchr(name, '.');
    return ending && strcmp(ending, ".safetensors") == 0;
}

static pb_status check_size(const fetch_file *file, pb_error **error)
{
    char size[PB_FETCH_SIZE];
    if (is_weights(file->name) || file->size <= INDEX_LIMIT)
        return PB_OK;
    return pb_fail(error, PB_LIMIT, "'%s' is said to have %s, and at most 64 MB were expected",
                   file->name, pb_fetch_size(file->size, size));
}

/* Takes the file. */
static pb_status add(fetch_plan *plan, fetch_file file, pb_error **error)
{
    fetch_file *grown = pb_realloc(plan->files, plan->count + 1, sizeof *grown);
    if (!grown) {
        free(file.name);
        return pb_fail_memory(error);
    }
    plan->files = grown;
    plan->files[plan->count++] = file;
    return check_size(&file, error);
}

pb_status fetch_plan_add(fetch_plan *plan, fetch_http *http, const char *name, bool *missing,
                         pb_error **error)
{
    fetch_file file;
    char commit[FETCH_COMMIT + 1] = "";
    const char *revision = plan->commit[0] ? plan->commit : plan->revision;
    pb_status status = fetch_hub_ask(http, plan->id, revision, name, &file, commit, missing, error);
    if (status || *missing)
        return status;
    if (plan->commit[0] && strcmp(plan->commit, commit) != 0) {
        free(file.name);
        return pb_fail(error, PB_FORMAT, "%s was asked for '%s' at commit %s and answers with %s",
                       fetch_http_origin(http), name, plan->commit, commit);
    }
    memcpy(plan->commit, commit, sizeof commit);
    return add(plan, file, error);
}

pb_status fetch_plan_need(fetch_plan *plan, fetch_http *http, const char *name, pb_error **error)
{
    bool missing = false;
    pb_status status = fetch_plan_add(plan, http, name, &missing, error);
    if (status || !missing)
        return status;
    status = pb_fail(error, PB_UNSUPPORTED,
                     "'%s' has no %s, which a GPT-2 in Hugging Face's "
                     "layout has",
                     plan->id, name);
    if (error && is_weights(name))
        pb_error_hint(*error, "Patchbay reads weights in the safetensors format only; the model's "
                              "page may name a copy that has them");
    return status;
}

/* ---- the tokenizer ---- */

/* tokenizer.json holds all that the two older files do. What lies beside them changes how text is
 * read, or where it ends; none of it need be there. */
pb_status fetch_plan_tokenizer(fetch_plan *plan, fetch_http *http, pb_error **error)
{
    static const char *const beside[] = {"tokenizer_config.json", "special_tokens_map.json",
                                         "added_tokens.json", "generation_config.json"};
    bool older = false, none = false;
    pb_status status = fetch_plan_add(plan, http, "tokenizer.json", &older, error);
    if (!status && older)
        status = fetch_plan_need(plan, http, "vocab.json", error);
    if (!status && older)
        status = fetch_plan_need(plan, http, "merges.txt", error);
    for (size_t i = 0; i < sizeof beside / sizeof *beside && !status; i++)
        status = fetch_plan_add(plan, http, beside[i], &none, error);
    return status;
}

/* ---- an index ---- */

/* A plain name of a file of weights, which can lead out of no folder and needs no quoting. */
static bool is_shard_name(const char *name)
{
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
            return false;
    return name[0] != '.' && is_weights(name) && strlen(name) < 128;
}

static bool has(const fetch_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->count; i++)
        if (strcmp(plan->files[i].name, name) == 0)
            return true;
    return false;
}

/* Adds a file that the index names, once. */
static pb_status add_shard(fetch_plan *plan, fetch_http *http, const pb_buffer *name,
                           pb_error **error)
{
    if (name->failed)
        return pb_fail_memory(error);
    if (strlen(name->data) != name->length || !is_shard_name(name->data))
        return pb_fail(error, PB_FORMAT,
                       "the index of the weights puts a tensor into something that is not a "
                       "file such as model-00001-of-00002.safetensors");
    if (has(plan, name->data))
        return PB_OK;
    if (plan->count > MOST_SHARDS)
        return pb_fail(error, PB_LIMIT, "the index of the weights names more than %d files",
                       MOST_SHARDS);
    return fetch_plan_need(plan, http, name->data, error);
}

pb_status fetch_plan_shards(fetch_plan *plan, fetch_http *http, const char *path, pb_error **error)
{
    char *text = NULL;
    size_t length = 0;
    pb_json root = {NULL}, file;
    pb_status status = pb_file_read(path, INDEX_LIMIT, NULL, &text, &length, error);
    if (!status)
        status = pb_json_object("the index of the weights", text, length, &root, error);
    pb_json map = pb_json_get(root, "weight_map");
    if (!status && (pb_json_kind_of(map) != PB_JSON_OBJECT || pb_json_count(map) == 0))
        status = pb_fail(error, PB_FORMAT,
                         "'%s' has no weight_map, an object from tensors to files, in its index of "
                         "the weights",
                         plan->id);
    pb_json_items files = pb_json_each(map);
    while (!status && pb_json_next(&files, NULL, &file)) {
        pb_buffer name = PB_BUFFER_EMPTY;
        pb_json_append(file, &name);
        status = add_shard(plan, http, &name, error);
        pb_buffer_free(&name);
    }
    free(text);
    return status;
}

void fetch_plan_free(fetch_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        free(plan->files[i].name);
    free(plan->files);
    plan->files = NULL;
    plan->count = 0;
}
