/*
 * A model's files, one after the other: the small ones first, since they tell whether this is a
 * model that Patchbay reads, then the weights. Nothing is published before all is there.
 */
#include "fetch/fetch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checksum.h"
#include "io/config.h"
#include "io/file.h"
#include "listener.h"
#include "model/families.h"
#include "plan.h"
#include "store.h"
#include "transfer.h"

#define ONE_FILE   "model.safetensors"
#define INDEX_FILE "model.safetensors.index.json"

enum { CONFIG_LIMIT = 16 << 20 };

typedef struct job {
    const pb_fetch_listener *listener;
    fetch_http *http;
    fetch_store store;
    fetch_plan plan;
} job;

pb_fetch_options pb_fetch_defaults(void)
{
    return (pb_fetch_options){
        .endpoint = "https://huggingface.co",
        .connect_seconds = 15,
        .token_from = "HF_TOKEN",
        .stall_seconds = 30,
        .tries = 5,
        .pause_ms = 500,
    };
}

/* ---- one file ---- */

static pb_status fail_hash(const job *j, const fetch_file *file, pb_error **error)
{
    pb_status status = pb_fail(error, PB_FORMAT,
                               "'%s' came with another hash than %s said it has, and was removed",
                               file->name, fetch_http_origin(j->http));
    if (error)
        pb_error_hint(*error, "try again; if this stays, a mirror or a proxy on the way changes "
                              "files");
    return status;
}

/*
 * Brings the bytes and checks them. Those that an earlier run left may be the wrong ones, so a file
 * that was continued gets a second chance from its start.
 */
static pb_status bring(const job *j, const fetch_file *file, const char *url, const char *partial,
                       pb_error **error)
{
    for (;;) {
        uint64_t left = fetch_store_left(&j->store, file);
        bool continued = left > 0 && left <= file->size, same = false;
        fetch_tell(j->listener, PB_FETCH_BEGUN, file->name, continued ? left : 0, file->size);
        pb_status status = fetch_transfer(j->http, j->plan.id, url, file, partial, error);
        if (!status)
            status = fetch_checksum(partial, file, j->listener, &same, error);
        if (status || same)
            return status;
        unlink(partial);
        if (!continued)
            return fail_hash(j, file, error);
    }
}

static pb_status get_locked(const job *j, const fetch_file *file, pb_error **error)
{
    char *url = fetch_hub_url(fetch_http_options(j->http), j->plan.id, j->plan.commit, file->name);
    char *partial = fetch_store_partial(&j->store, file);
    pb_status status = url && partial ? bring(j, file, url, partial, error) : pb_fail_memory(error);
    if (!status)
        status = fetch_store_keep(&j->store, file, error);
    if (!status)
        fetch_tell(j->listener, PB_FETCH_DONE, file->name, file->size, file->size);
    free(url);
    free(partial);
    return status;
}

static pb_status get_file(const job *j, const fetch_file *file, pb_error **error)
{
    int lock = -1;
    pb_status status = PB_OK;
    bool here = fetch_store_has(&j->store, file);
    if (!here) {
        status = fetch_store_lock(&j->store, file, j->listener, &lock, error);
        here = !status && fetch_store_has(&j->store, file); /* brought by another one */
    }
    if (here)
        fetch_tell(j->listener, PB_FETCH_HERE, file->name, file->size, file->size);
    else if (!status)
        status = get_locked(j, file, error);
    fetch_store_unlock(lock);
    return status;
}

/* Gets the files of the plan from `first` on, if there is room for them. */
static pb_status get_files(const job *j, size_t first, pb_error **error)
{
    uint64_t wanted = 0;
    for (size_t i = first; i < j->plan.count; i++) {
        const fetch_file *file = &j->plan.files[i];
        uint64_t left = fetch_store_left(&j->store, file);
        uint64_t more = left < file->size ? file->size - left : 0;
        if (!fetch_store_has(&j->store, file))
            wanted = more > UINT64_MAX - wanted ? UINT64_MAX : wanted + more;
    }
    pb_status status = fetch_store_room(&j->store, wanted, error);
    for (size_t i = first; i < j->plan.count && !status; i++)
        status = get_file(j, &j->plan.files[i], error);
    return status;
}

/* ---- a model ---- */

/* Whether config.json, the first file, is of a family that is known: before anything follows it. */
static pb_status check_config(const job *j, pb_error **error)
{
    char *path = fetch_store_blob(&j->store, &j->plan.files[0]), *text = NULL;
    size_t length = 0;
    pb_config *config = NULL;
    pb_status status = path ? pb_file_read(path, CONFIG_LIMIT, NULL, &text, &length, error)
                            : pb_fail_memory(error);
    if (!status)
        status = pb_config_parse("config.json", text, length, pb_family_keys, &config, error);
    if ((status == PB_FORMAT || status == PB_UNSUPPORTED) && error)
        pb_error_hint(*error, "'%s' is not a model that Patchbay reads", j->plan.id);
    pb_config_destroy(&config);
    free(text);
    free(path);
    return status;
}

static pb_status get_config(job *j, const char *hub, pb_error **error)
{
    pb_status status = fetch_plan_need(&j->plan, j->http, "config.json", error);
    if (!status)
        status = fetch_store_open(hub, j->plan.id, &j->store, error);
    if (!status)
        status = get_files(j, 0, error);
    return status ? status : check_config(j, error);
}

static pb_status get_tokenizer(job *j, pb_error **error)
{
    size_t first = j->plan.count;
    pb_status status = fetch_plan_tokenizer(&j->plan, j->http, error);
    return status ? status : get_files(j, first, error);
}

/* Puts the files of a model in several parts into the plan, by way of their index. */
static pb_status plan_shards(job *j, pb_error **error)
{
    bool missing = false;
    size_t index = j->plan.count;
    pb_status status = fetch_plan_add(&j->plan, j->http, INDEX_FILE, &missing, error);
    if (status)
        return status;
    if (missing)
        return fetch_plan_need(&j->plan, j->http, ONE_FILE, error); /* says what is wrong */
    status = get_files(j, index, error);
    char *path = fetch_store_blob(&j->store, &j->plan.files[index]);
    if (!status)
        status = path ? fetch_plan_shards(&j->plan, j->http, path, error) : pb_fail_memory(error);
    free(path);
    return status;
}

static pb_status get_weights(job *j, pb_error **error)
{
    bool missing = false;
    size_t first = j->plan.count;
    pb_status status = fetch_plan_add(&j->plan, j->http, ONE_FILE, &missing, error);
    if (!status && missing)
        status = plan_shards(j, error);
    return !status ? get_files(j, missing ? first + 1 : first, error) : status;
}

static pb_status run(job *j, const char *hub, char **folder, pb_error **error)
{
    pb_status status = get_config(j, hub, error);
    if (!status)
        status = get_tokenizer(j, error);
    if (!status)
        status = get_weights(j, error);
    if (!status)
        status = fetch_store_publish(&j->store, j->plan.revision, j->plan.commit, j->plan.files,
                                     j->plan.count, error);
    if (!status) {
        *folder = fetch_store_snapshot(&j->store, j->plan.commit);
        status = *folder ? PB_OK : pb_fail_memory(error);
    }
    return status;
}

/* A token goes into a header, where a line break would begin another one. */
static pb_status check_token(const pb_fetch_options *options, pb_error **error)
{
    for (const char *c = options->token; c && *c; c++)
        if (*c <= ' ' || *c > '~')
            return pb_fail(error, PB_VALUE,
                           "the token has a character that no token has; one such "
                           "as hf_AbC123 was expected in %s",
                           options->token_from);
    return PB_OK;
}

pb_status pb_fetch(const char *name, const pb_fetch_options *options,
                   const pb_fetch_listener *listener, char **folder, pb_error **error)
{
    char *id = NULL;
    job j = {.listener = listener};
    *folder = NULL;
    pb_status status = check_token(options, error);
    if (!status)
        status = fetch_hub_id(name, &id, &j.plan.revision, error);
    if (!status)
        status = fetch_http_open(options, listener, &j.http, error);
    j.plan.id = id;
    if (!status)
        status = run(&j, options->hub, folder, error);
    fetch_store_close(&j.store);
    fetch_plan_free(&j.plan);
    fetch_http_close(&j.http);
    free(id);
    return status;
}
