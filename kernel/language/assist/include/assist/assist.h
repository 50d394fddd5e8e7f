/*
 * Completion and inspection: what could stand at a place in code that may be broken, and what is
 * known of what stands there. They work on a snapshot, beside whatever runs, and evaluate nothing.
 * Offsets are bytes.
 */
#ifndef PB_ASSIST_ASSIST_H
#define PB_ASSIST_ASSIST_H

#include "display/bundle.h"
#include "eval/lexicon.h"

/* All of it is borrowed. */
typedef struct pb_snapshot {
    pb_session *session; /* handed on to the rows' suggest() */
    const pb_lexicon *lexicon;
    size_t n_names;
    const pb_entry *names; /* the user's, and what they stand for */
} pb_snapshot;

/* The names that could stand at `at`, those that fit there best first, and the range of code they
 * replace. The caller destroys *fits. */
pb_status pb_complete(const pb_snapshot *snapshot, const char *code, size_t length, size_t at,
                      pb_span *range, pb_names **fits, pb_error **error);
/* *found is NULL if nothing is known. Detail 0: of a word signature, summary, parameters and an
 * example, of a value what it is; 1: all. */
pb_status pb_inspect(const pb_snapshot *snapshot, const char *code, size_t length, size_t at,
                     int detail, pb_bundle **found, pb_error **error);

/* Replaces the hint of an error of a cell by the line to write, where its place, or the whole of
 * its code, is a habit from elsewhere (eval/habit.h). */
void pb_advise(const pb_snapshot *snapshot, pb_error *error);

#endif
