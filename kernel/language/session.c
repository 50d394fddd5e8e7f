/* A session: names that outlive cells, and the running of a cell. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "gauge.h"
#include "parser.h"
#include "session_private.h"
#include "text.h"

struct pb_session {
    pthread_mutex_t loading; /* held while a model is loaded */
    pthread_mutex_t lock;    /* held for a moment, around what follows */
    pb_map *names;           /* name -> pb_value * */
    pb_map *slots;           /* the same, for what is no name of the user's */
    pb_value *workspace;     /* of a cell that ended; NULL while a cell has it */
    pb_list_builder buried;  /* values to let go of when nobody waits */
    pb_session_options options;
};

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

/* What the front end's type column calls a value. */
static const char *type_for_completion(const pb_value *value)
{
    return pb_value_is_callable(value) ? "function" : "instance";
}

void pb_session_names(pb_session *session, pb_names *names)
{
    size_t cursor = 0, length;
    const char *key;
    uint64_t value;
    pthread_mutex_lock(&session->lock);
    while (pb_map_next(session->names, &cursor, &key, &length, &value))
        pb_names_add(names, key, type_for_completion((pb_value *)(uintptr_t)value), "");
    pthread_mutex_unlock(&session->lock);
}

pb_status pb_session_snapshot(pb_session *session, pb_value **record, pb_error **error)
{
    size_t cursor = 0, length, count = 0;
    const char *key;
    uint64_t value;
    pthread_mutex_lock(&session->lock);
    pb_entry *entries = pb_calloc(pb_map_count(session->names), sizeof *entries);
    while (entries && pb_map_next(session->names, &cursor, &key, &length, &value))
        entries[count++] = (pb_entry){key, (pb_value *)(uintptr_t)value};
    pb_status status =
        entries ? pb_value_record(entries, count, NULL, record, error) : pb_fail_memory(error);
    pthread_mutex_unlock(&session->lock);
    free(entries);
    return status;
}

/* ---- options ---- */

static bool copy_options(pb_session_options *copy, const pb_session_options *options)
{
    char *model = NULL;
    if (!options)
        return true;
    copy->log = options->log;
    copy->memory_limit = options->memory_limit;
    copy->load_default = options->load_default;
    if (options->default_model && !(model = strdup(options->default_model)))
        return false;
    copy->default_model = model;
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
    if (!made->names || !made->slots || !copied) {
        pb_session_destroy(&made);
        return pb_fail_memory(error);
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
    free_options(&old->options);
    pthread_mutex_destroy(&old->loading);
    pthread_mutex_destroy(&old->lock);
    free(old);
}

/* ---- the interpreter's services ---- */

const pb_watch *pb_interp_watch(const pb_interp *interp)
{
    return &interp->watch;
}

#define PB_LONG_LIST 65536 /* items that take more than a ms to let go of */

static bool is_long(const pb_value *value)
{
    return pb_list_count(value) > PB_LONG_LIST || pb_table_rows(value) > PB_LONG_LIST;
}

/* Only what is long, and only at the end of a cell: one that goes on needs its memory back. What
 * cannot be kept, for want of memory, goes at once: pb_list_take() takes it in any case. */
static void let_go(pb_session *session, pb_value **value, bool ends)
{
    pb_value *old = *value;
    *value = NULL;
    if (ends && is_long(old)) {
        pthread_mutex_lock(&session->lock);
        (void)pb_list_take(&session->buried, old, NULL);
        pthread_mutex_unlock(&session->lock);
    } else {
        pb_value_release(&old);
    }
}

void pb_interp_bury(pb_interp *interp, pb_value **value)
{
    if (interp)
        let_go(interp->session, value, pb_watch_stopped(&interp->watch));
    else
        pb_value_release(value);
}

void pb_session_tidy(pb_session *session)
{
    pthread_mutex_lock(&session->lock);
    pb_list_builder buried = session->buried;
    session->buried = (pb_list_builder){0};
    pthread_mutex_unlock(&session->lock);
    pb_list_discard(&buried);
}

/* Every 20 ms of evaluation. The clock is read at every 16th check only. */
static pb_status look_at_memory(pb_interp *interp, pb_error **error)
{
    struct timespec now;
    if (++interp->checks < 16)
        return PB_OK;
    interp->checks = 0;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long passed = (long)(now.tv_sec - interp->looked.tv_sec) * 1000 +
                  (now.tv_nsec - interp->looked.tv_nsec) / 1000000;
    if (passed < 20)
        return PB_OK;
    interp->looked = now;
    return pb_gauge_check(interp->session->options.memory_limit, error);
}

pb_status pb_interp_check(pb_interp *interp, pb_error **error)
{
    if (interp->most_steps > 0 && ++interp->steps > interp->most_steps)
        return pb_fail(error, PB_LIMIT, "this takes more than %zu steps", interp->most_steps);
    pb_status status = pb_watch_check(&interp->watch, error);
    return status ? status : look_at_memory(interp, error);
}

void pb_interp_text(pb_interp *interp, int fd, const char *text, size_t length)
{
    if (!interp->host || !interp->host->text || length == 0)
        return;
    if (pb_utf8_valid_prefix(text, length) == length) {
        interp->host->text(interp->host->user, fd, text, length);
        return;
    }
    pb_buffer clean = PB_BUFFER_EMPTY;
    pb_clean_text(text, length, &clean);
    if (!clean.failed)
        interp->host->text(interp->host->user, fd, clean.data, clean.length);
    pb_buffer_free(&clean);
}

/* ---- what cells that run beside one another must not do at once ---- */

#define STOP_CHECK_NS (20 * 1000000L) /* how often a cell that waits looks at its stop flag */

pb_status pb_session_begin_loading(pb_session *session, const pb_watch *watch, pb_error **error)
{
    pb_status status;
    while (!(status = pb_watch_check(watch, error))) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += STOP_CHECK_NS;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        if (pthread_mutex_timedlock(&session->loading, &until) == 0)
            break;
    }
    return status;
}

void pb_session_end_loading(pb_session *session)
{
    pthread_mutex_unlock(&session->loading);
}

pb_value *pb_interp_workspace(pb_interp *interp)
{
    pb_session *session = interp->session;
    if (interp->workspace)
        return interp->workspace;
    pthread_mutex_lock(&session->lock);
    interp->workspace = session->workspace;
    session->workspace = NULL;
    pthread_mutex_unlock(&session->lock);
    return interp->workspace;
}

void pb_interp_give_workspace(pb_interp *interp, pb_value *workspace)
{
    pb_value_release(&interp->workspace);
    interp->workspace = workspace;
}

/* At the end of a cell: for the next one, if it is the only one left behind. */
static void leave_workspace(pb_interp *interp)
{
    pb_session *session = interp->session;
    if (!interp->workspace)
        return;
    pthread_mutex_lock(&session->lock);
    if (!session->workspace) {
        session->workspace = interp->workspace;
        interp->workspace = NULL;
    }
    pthread_mutex_unlock(&session->lock);
    pb_value_release(&interp->workspace);
}

/* ---- running ---- */

static pb_status assign_column(pb_interp *interp, const pb_target *target, const pb_value *value,
                               pb_error **error)
{
    pb_value *table = pb_session_get(interp->session, target->name), *made = NULL;
    char what[160];
    pb_status status;
    if (!table)
        return pb_fail_unknown(interp, NULL, target->name, false, error);
    if (pb_value_kind(table) == PB_TABLE) {
        status = pb_table_with(interp, table, target->column, value, &made, error);
    } else {
        status = pb_fail(error, PB_TYPE, "only a table's columns can be assigned to; %s is %s",
                         target->name, pb_value_describe(table, what, sizeof what));
        pb_error_hint(*error, "give the result a name of its own: %s_%s = ...", target->name,
                      target->column);
    }
    if (!status)
        status = pb_session_set(interp->session, target->name, made, error);
    pb_value_release(&table);
    pb_value_release(&made);
    return status;
}

static pb_status bind_in_session(pb_interp *interp, void *data, const char *name,
                                 const pb_value *value, pb_error **error)
{
    (void)data;
    return pb_session_set(interp->session, name, value, error);
}

static pb_status assign(pb_interp *interp, const pb_target *target, const pb_value *value,
                        pb_error **error)
{
    switch (target->kind) {
    case PB_TARGET_NAME: return pb_session_set(interp->session, target->name, value, error);
    case PB_TARGET_COLUMN: return assign_column(interp, target, value, error);
    case PB_TARGET_UNPACK:
        return pb_bind_pattern(interp, &target->pattern, value, bind_in_session, NULL, error);
    }
    return PB_OK;
}

/* One statement; *value is what an expression gave, NULL for most assignments. */
static pb_status run_statement(pb_interp *interp, const pb_place *place, const pb_node *statement,
                               pb_value **value, pb_error **error)
{
    bool assigns = statement->kind == PB_NODE_ASSIGN;
    pb_status status =
        pb_evaluate(interp, place, assigns ? statement->items[0] : statement, value, error);
    for (size_t i = 0; assigns && !status && i < statement->n_targets; i++)
        status = pb_place_error(place, statement->targets[i].span,
                                assign(interp, &statement->targets[i], *value, error), error);
    const pb_object_type *type = pb_value_object_type(*value);
    if (assigns && !(type && type->shown_when_bound))
        pb_value_release(value);
    return status;
}

static pb_status run_program(pb_interp *interp, pb_program *program, pb_bundle **last,
                             pb_error **error)
{
    pb_place place = {program, NULL};
    pb_value *value = NULL;
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < program->n_statements; i++) {
        pb_value_release(&value);
        status = pb_interp_check(interp, error);
        if (!status)
            status = run_statement(interp, &place, program->statements[i], &value, error);
    }
    bool quiet = program->n_statements == 0 ||
                 program->statements[program->n_statements - 1]->quiet || pb_value_is_none(value);
    if (!status && !quiet)
        status = pb_interp_bundle(interp, value, last, error);
    let_go(interp->session, &value, true);
    return status;
}

/* What evaluating may take of the thread's stack: the rest is for the words that are called last,
 * and for the engine under them. */
static size_t evaluation_stack(void)
{
    const size_t reserve = (size_t)2 << 20;
    size_t left = pb_stack_left();
    return left > 2 * reserve ? left - reserve : left / 2;
}

static pb_status run_source(pb_session *session, pb_source *source, const pb_host *host,
                            size_t most_steps, pb_bundle **last, pb_error **error)
{
    pb_program *program = NULL;
    pb_interp interp = {.session = session,
                        .host = host,
                        .most_steps = most_steps,
                        .stack = __builtin_frame_address(0),
                        .most_stack = evaluation_stack()};
    interp.watch.stop = host ? host->stop : NULL;
    pb_status status = pb_parse_program(source, &program, NULL, error);
    pb_session_tidy(session);
    if (!status)
        status = run_program(&interp, program, last, error);
    leave_workspace(&interp);
    pb_program_release(&program);
    return status;
}

pb_status pb_session_run_bounded(pb_session *session, const char *name, const char *code,
                                 size_t length, const pb_host *host, size_t most_steps,
                                 pb_bundle **last, pb_error **error)
{
    pb_error *fault = NULL;
    *last = NULL;
    pb_source *source = pb_source_create(name, code, length);
    if (!source)
        return pb_fail_memory(error);
    pb_status status = run_source(session, source, host, most_steps, last, &fault);
    pb_source_release(&source);
    if (status)
        pb_bundle_destroy(last);
    if (error && !*error)
        *error = fault;
    else
        pb_error_destroy(&fault);
    return status;
}

pb_status pb_session_run(pb_session *session, const char *name, const char *code, size_t length,
                         const pb_host *host, pb_bundle **last, pb_error **error)
{
    return pb_session_run_bounded(session, name, code, length, host, 0, last, error);
}

pb_status pb_session_evaluate(pb_session *session, const char *code, size_t length,
                              const pb_host *host, pb_bundle **value, pb_error **error)
{
    pb_status status = pb_session_run(session, "expression", code, length, host, value, error);
    if (!status && !*value) {
        *value = pb_bundle_create();
        status =
            *value ? pb_bundle_add(*value, "text/plain", "None", error) : pb_fail_memory(error);
    }
    return status;
}

/* ---- is it complete? ---- */

/* The spaces the last line begins with. */
static size_t last_indent(const char *code, size_t length)
{
    size_t start = length, spaces = 0;
    while (start > 0 && code[start - 1] != '\n')
        start--;
    while (start + spaces < length && code[start + spaces] == ' ')
        spaces++;
    return spaces;
}

pb_parse pb_session_is_complete(const char *code, size_t length, char **indent)
{
    pb_parse_end end = {.state = PB_PARSE_INVALID};
    pb_program *program = NULL;
    pb_error *error = NULL;
    if (indent)
        *indent = NULL;
    pb_source *source = pb_source_create("cell", code, length);
    if (!source)
        return PB_PARSE_INVALID;
    pb_parse_program(source, &program, &end, &error);
    pb_program_release(&program);
    pb_source_release(&source);
    pb_error_destroy(&error);
    if (end.state == PB_PARSE_INCOMPLETE && indent) {
        size_t spaces = end.in_quotes ? 0 : last_indent(code, length);
        if (spaces == 0 && !end.in_quotes)
            spaces = end.open_brackets > 0 ? 4 : 0;
        *indent = calloc(spaces + 1, 1);
        if (*indent)
            memset(*indent, ' ', spaces);
    }
    return end.state;
}
