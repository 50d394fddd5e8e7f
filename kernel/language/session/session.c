/* A session: names and words, and what else outlives cells. */
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/map.h"
#include "base/memory.h"
#include "session_private.h"

/* ---- maps of values ---- */

static pb_value *map_get(pb_session *session, pb_map *map, const char *key)
{
    uint64_t found = 0;
    pthread_mutex_lock(&session->lock);
    pb_value *value = NULL;
    if (pb_map_get(map, key, strlen(key), &found))
        value = pb_value_retain((pb_value *)(uintptr_t)found);
    pthread_mutex_unlock(&session->lock);
    return value;
}

/* The old value is released outside the lock: destroying it may take long. */
static pb_status map_put(pb_session *session, pb_map *map, const char *key, const pb_value *value,
                         pb_error **error)
{
    uint64_t found = 0;
    pb_value *held = pb_value_retain(value), *old = NULL;
    pthread_mutex_lock(&session->lock);
    if (pb_map_get(map, key, strlen(key), &found))
        old = (pb_value *)(uintptr_t)found;
    bool put = pb_map_put(map, key, strlen(key), (uint64_t)(uintptr_t)held);
    pthread_mutex_unlock(&session->lock);
    pb_value_release(put ? &old : &held);
    return put ? PB_OK : pb_fail_memory(error);
}

static void map_release(pb_map **map)
{
    size_t cursor = 0, length;
    const char *key;
    uint64_t value;
    while (*map && pb_map_next(*map, &cursor, &key, &length, &value)) {
        pb_value *held = (pb_value *)(uintptr_t)value;
        pb_value_release(&held);
    }
    pb_map_destroy(map);
}

pb_value *pb_session_get(pb_session *session, const char *name)
{
    return map_get(session, session->names, name);
}

pb_status pb_session_set(pb_session *session, const char *name, const pb_value *value,
                         pb_error **error)
{
    return map_put(session, session->names, name, value, error);
}

pb_value *pb_session_slot_get(pb_session *session, const char *key)
{
    return map_get(session, session->slots, key);
}

pb_status pb_session_slot_put(pb_session *session, const char *key, const pb_value *value,
                              pb_error **error)
{
    return map_put(session, session->slots, key, value, error);
}

const pb_session_options *pb_session_get_options(const pb_session *session)
{
    return &session->options;
}

void pb_session_names(pb_session *session, pb_names *names)
{
    size_t cursor = 0, length;
    const char *key;
    uint64_t value;
    pthread_mutex_lock(&session->lock);
    while (pb_map_next(session->names, &cursor, &key, &length, &value))
        pb_names_add(names, key, "instance", "");
    pthread_mutex_unlock(&session->lock);
}

pb_status pb_session_snapshot(pb_session *session, pb_value **record, pb_error **error)
{
    size_t cursor = 0, length;
    const char *key;
    uint64_t value;
    pb_record_builder names = {0};
    pthread_mutex_lock(&session->lock);
    while (!names.status && pb_map_next(session->names, &cursor, &key, &length, &value))
        pb_record_take(&names, key, pb_value_retain((pb_value *)(uintptr_t)value));
    pthread_mutex_unlock(&session->lock);
    return pb_record_finish(&names, record, error);
}

void pb_session_free_names(pb_entry *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((char *)names[i].name);
        pb_value_release(&names[i].value);
    }
    free(names);
}

pb_status pb_session_copy_names(pb_session *session, pb_entry **names, size_t *count,
                                pb_error **error)
{
    size_t cursor = 0, length;
    const char *key;
    uint64_t value;
    bool whole = true;
    *count = 0;
    pthread_mutex_lock(&session->lock);
    *names = pb_calloc(pb_map_count(session->names), sizeof **names);
    while (*names && pb_map_next(session->names, &cursor, &key, &length, &value)) {
        pb_entry *copy = &(*names)[(*count)++];
        *copy = (pb_entry){strdup(key), pb_value_retain((pb_value *)(uintptr_t)value)};
        whole = whole && copy->name;
    }
    pthread_mutex_unlock(&session->lock);
    if (*names && whole)
        return PB_OK;
    pb_session_free_names(*names, *count);
    return pb_fail_memory(error);
}

/* ---- options ---- */

static bool copy_options(pb_session_options *copy, const pb_session_options *options)
{
    char *model = NULL, *program = NULL;
    if (!options)
        return true;
    copy->log = options->log;
    copy->load_default = options->load_default;
    if (options->default_model && !(model = strdup(options->default_model)))
        return false;
    copy->default_model = model;
    if (options->program && !(program = strdup(options->program)))
        return false;
    copy->program = program;
    char **paths = pb_calloc(options->n_model_paths, sizeof *paths);
    copy->model_paths = (const char *const *)paths;
    if (!paths)
        return false;
    for (size_t i = 0; i < options->n_model_paths; i++) {
        paths[i] = strdup(options->model_paths[i]);
        copy->n_model_paths = i + 1;
        if (!paths[i])
            return false;
    }
    return true;
}

static void free_options(pb_session_options *options)
{
    for (size_t i = 0; i < options->n_model_paths; i++)
        free((char *)options->model_paths[i]);
    free((char **)options->model_paths);
    free((char *)options->default_model);
    free((char *)options->program);
}

/* ---- sessions ---- */

pb_status pb_session_create(const pb_session_options *options, pb_session **session,
                            pb_error **error)
{
    *session = NULL;
    pb_session *made = pb_calloc(1, sizeof *made);
    if (!made)
        return pb_fail_memory(error);
    pthread_mutex_init(&made->loading, NULL);
    pthread_mutex_init(&made->lock, NULL);
    made->names = pb_map_create(64);
    made->slots = pb_map_create(8);
    bool copied = copy_options(&made->options, options);
    pb_budget_set(options && options->memory ? options->memory : pb_budget_usual());
    pb_status status = made->names && made->slots && copied ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = pb_lexicon_create(options ? options->words : NULL, options ? options->n_words : 0,
                                   &made->lexicon, error);
    if (status) {
        pb_session_destroy(&made);
        return status;
    }
    *session = made;
    return PB_OK;
}

void pb_session_destroy(pb_session **session)
{
    pb_session *old = *session;
    *session = NULL;
    if (!old)
        return;
    map_release(&old->names);
    map_release(&old->slots);
    pb_value_release(&old->workspace);
    pb_list_discard(&old->buried);
    pb_lexicon_destroy(&old->lexicon);
    free_options(&old->options);
    pthread_mutex_destroy(&old->loading);
    pthread_mutex_destroy(&old->lock);
    free(old);
}
