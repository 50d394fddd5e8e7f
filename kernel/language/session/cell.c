/* The running of a cell. */
#include "session/cell.h"

#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "eval/run.h"
#include "gauge.h"
#include "session_private.h"
#include "show/show.h"
#include "syntax/parser.h"
#include "value/text.h"

/* ---- the keeper of a cell ---- */

#define PB_LONG_LIST 65536 /* items that take more than a ms to let go of */

static bool is_long(const pb_value *value)
{
    return pb_list_count(value) > PB_LONG_LIST || pb_table_rows(value) > PB_LONG_LIST;
}

/* A long value takes time to free. At the end of a cell, or once it was interrupted, it is
 * therefore kept until the reply was sent (pb_session_tidy); a cell that goes on needs its memory
 * back. Where memory is out and pb_list_take() cannot keep it, that frees it at once, and so what
 * comes after it. */
static void let_go(pb_session *session, pb_value **value, bool ends)
{
    pb_value *old = *value;
    *value = NULL;
    if (ends && is_long(old)) {
        pthread_mutex_lock(&session->lock);
        pb_list_take(&session->buried, old);
        pthread_mutex_unlock(&session->lock);
    } else {
        pb_value_release(&old);
    }
}

static void bury(pb_keeper *keeper, pb_value **value)
{
    const pb_interp *interp = (const pb_interp *)keeper;
    let_go(interp->session, value, pb_watch_stopped(&keeper->watch));
}

void pb_session_tidy(pb_session *session)
{
    pthread_mutex_lock(&session->lock);
    pb_list_builder buried = session->buried;
    session->buried = (pb_list_builder){0};
    pthread_mutex_unlock(&session->lock);
    pb_list_discard(&buried);
}

#define PB_SMALL_CHANGE ((size_t)1 << 20) /* what a cell may take of a budget that is spent */

/* A cell ends once its values are too many: not one that came when they already were, and takes
 * nothing, as it may be there to give other values to names. */
static pb_status look_at_budget(const pb_interp *interp, pb_error **error)
{
    if (!pb_budget_over() || pb_budget_held() <= interp->held + PB_SMALL_CHANGE)
        return PB_OK;
    return pb_budget_fits(1) ? PB_OK : pb_fail_memory(error);
}

/* Looks at the memory about every 20 ms. Reading the clock costs time too: only each 16th call
 * does. */
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
    return pb_gauge_check(error);
}

static pb_status check(pb_keeper *keeper, pb_error **error)
{
    pb_interp *interp = (pb_interp *)keeper;
    if (interp->most_steps > 0 && ++interp->steps > interp->most_steps)
        return pb_fail(error, PB_LIMIT, "this takes more than %zu steps", interp->most_steps);
    pb_status status = interp->halted && interp->inside > 0 ? pb_watch_fail(error)
                                                            : pb_watch_check(&keeper->watch, error);
    if (!status)
        status = look_at_budget(interp, error);
    return status ? status : look_at_memory(interp, error);
}

/* ---- output ---- */

pb_status pb_interp_show(pb_interp *interp, const pb_value *value, pb_error **error)
{
    pb_bundle *bundle = NULL;
    if (!interp->host || !interp->host->show)
        return PB_OK;
    pb_status status = pb_interp_bundle(interp, value, &bundle, error);
    if (!status)
        interp->host->show(interp->host->user, bundle, NULL, false);
    pb_bundle_destroy(&bundle);
    return status;
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

/* At the end of a cell: leaves the engine's buffers to the next cell, unless another cell has left
 * its own. */
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

/* For the parser: whether a name is a word, so that `print x` is met with advice about brackets. */
static bool is_word(const void *words, const char *name)
{
    return pb_lexicon_builtin(words, name) != NULL;
}

/* What an interrupt left of a value is shown, in front of the error in which the cell ends. */
static pb_status run_program(pb_interp *interp, pb_program *program, pb_bundle **last,
                             pb_error **error)
{
    pb_value *value = NULL;
    pb_status status = pb_run_program(interp, program, &value, error);
    bool quiet = !value || pb_value_is_none(value);
    if (!status && !quiet)
        status = pb_interp_bundle(interp, value, last, error);
    else if (status == PB_INTERRUPTED && !quiet)
        (void)pb_interp_show(interp, value, NULL);
    let_go(interp->session, &value, true);
    return status;
}

/* ---- what the evaluator needs of the host ---- */

static void report_progress(const pb_host *host, const char *line)
{
    if (host && host->progress)
        host->progress(host->user, line);
}

static void lower_flag(const pb_host *host)
{
    if (host && host->resume)
        host->resume(host->user);
}

/* How much of the thread's stack evaluating may use. The rest is for the functions of words, and
 * for the engine that they call. */
static size_t evaluation_stack(void)
{
    const size_t reserve = (size_t)2 << 20;
    size_t left = pb_stack_left();
    return left > 2 * reserve ? left - reserve : left / 2;
}

static pb_status run_source(pb_session *session, pb_source *source, const pb_host *host,
                            size_t most_steps, pb_bundle **last, pb_error **error)
{
    static const pb_surroundings above = {pb_session_get, pb_session_set,  pb_session_names,
                                          pb_value_str,   report_progress, lower_flag};
    pb_program *program = NULL;
    pb_interp interp = {
        .keeper = {.watch = {.stop = host ? host->stop : NULL, .progress = pb_chore_progress},
                   .check = check,
                   .bury = bury},
        .above = &above,
        .session = session,
        .lexicon = session->lexicon,
        .host = host,
        .most_steps = most_steps,
        .stack = __builtin_frame_address(0),
        .most_stack = evaluation_stack(),
        .held = pb_budget_held()};
    interp.keeper.watch.user = &interp;
    pb_status status = pb_parse_program(source, is_word, session->lexicon, &program, NULL, error);
    pb_session_tidy(session);
    if (!status)
        status = run_program(&interp, program, last, error);
    leave_workspace(&interp);
    pb_buffer_free(&interp.stopped);
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
        pb_session_advise(session, fault);
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
