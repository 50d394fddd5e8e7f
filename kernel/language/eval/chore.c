/*
 * What a running cell is at: the calls of words and the walks of comprehensions that have not ended
 * yet. A line of progress is made of them, and the sentence that says what an interrupt stopped.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "interp_private.h"

#define SHOW_AFTER_MS 500 /* work that takes no longer shows no progress */
#define SHOW_EVERY_MS 100

/* To some ms, and cheap: every call of a word asks. */
static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void pb_chore_begin(pb_interp *interp, pb_chore *chore, const char *word)
{
    *chore = (pb_chore){.outer = interp->chore, .word = word, .began = now_ms()};
    interp->chore = chore;
}

/* ---- what was stopped ---- */

/* "patch was stopped after 120 of 480 steps", "the list was stopped at item 4 of 20". The chore
 * around others is what a person asked for; but one that does not know how far it was says less. */
static void note_stopped(pb_interp *interp, const pb_chore *chore)
{
    pb_buffer *stopped = &interp->stopped;
    if (chore->total == 0 && (stopped->length > 0 || !chore->word))
        return;
    pb_buffer_clear(stopped);
    if (!chore->word)
        pb_buffer_format(stopped, "the list was stopped at item %zu of %zu", chore->done + 1,
                         chore->total);
    else if (chore->total > 0)
        pb_buffer_format(stopped, "%s was stopped after %zu of %zu steps", chore->word, chore->done,
                         chore->total);
    else
        pb_buffer_format(stopped, "%s was stopped", chore->word);
}

pb_status pb_chore_end(pb_interp *interp, pb_chore *chore, pb_status status)
{
    interp->chore = chore->outer;
    if (status == PB_INTERRUPTED)
        note_stopped(interp, chore);
    if (interp->shown == chore) {
        interp->shown = NULL;
        interp->above->progress(interp->host, NULL);
    }
    return status;
}

pb_status pb_interp_halt(pb_interp *interp, pb_error **error, const char *what, ...)
{
    va_list arguments;
    if (interp->inside > 0)
        return pb_watch_fail(error);
    pb_buffer_clear(&interp->stopped);
    va_start(arguments, what);
    pb_buffer_vformat(&interp->stopped, what, arguments);
    va_end(arguments);
    interp->halted = true;
    pb_interp_resume(interp);
    return PB_OK;
}

pb_status pb_interp_start(pb_interp *interp, pb_error **error)
{
    return interp->halted ? pb_watch_fail(error) : PB_OK;
}

/* ---- progress ---- */

/* How much of a chore is done, with what the one within it has done of its next step. */
static double share_done(const pb_chore *chore, const pb_chore *within)
{
    double part = within ? (double)within->done / (double)within->total : 0;
    return ((double)chore->done + part) / (double)chore->total;
}

static void write_step(const pb_chore *chore, pb_buffer *line)
{
    if (chore->word)
        pb_buffer_format(line, "%s: %zu of %zu steps", chore->word, chore->done, chore->total);
    else
        pb_buffer_format(line, "item %zu of %zu", chore->done + 1, chore->total);
}

static void write_time_left(double seconds, pb_buffer *line)
{
    unsigned long left = (unsigned long)(seconds < 1e9 ? seconds + 0.5 : 1e9);
    if (left < 60)
        pb_buffer_format(line, ", %lu s left", left);
    else if (left < 3600)
        pb_buffer_format(line, ", %lu min %lu s left", left / 60, left % 60);
    else
        pb_buffer_format(line, ", %lu h %lu min left", left / 3600, left / 60 % 60);
}

/* "item 4 of 20; patch: 120 of 480 steps, 14 s left": the outermost and the innermost chore of
 * those that are worth a line by now. */
static void show_progress(pb_interp *interp, int64_t now)
{
    const pb_chore *outer = NULL, *inner = NULL;
    for (const pb_chore *at = interp->chore; at; at = at->outer) {
        if (at->total < 2 || now - at->began < SHOW_AFTER_MS)
            continue;
        inner = inner ? inner : at;
        outer = at;
    }
    if (!outer)
        return;
    pb_buffer line = PB_BUFFER_EMPTY;
    write_step(outer, &line);
    if (inner != outer) {
        pb_buffer_text(&line, "; ");
        write_step(inner, &line);
    }
    double share = share_done(outer, inner != outer ? inner : NULL);
    if (share > 0 && share <= 1)
        write_time_left((double)(now - outer->began) / 1000 * (1 - share) / share, &line);
    if (!pb_buffer_status(&line, NULL)) {
        interp->above->progress(interp->host, line.data);
        interp->shown = outer;
        interp->said = now;
    }
    pb_buffer_free(&line);
}

void pb_chore_at(pb_interp *interp, pb_chore *chore, size_t done, size_t total)
{
    chore->done = done;
    chore->total = total;
    int64_t now = now_ms();
    if (now - interp->said >= SHOW_EVERY_MS)
        show_progress(interp, now);
}

void pb_chore_progress(void *user, size_t done, size_t total)
{
    pb_interp *interp = user;
    if (interp->chore && interp->chore->word)
        pb_chore_at(interp, interp->chore, done, total);
}
