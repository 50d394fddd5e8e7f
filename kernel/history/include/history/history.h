/*
 * What was typed, across sessions: a SQLite file that all kernels of a person share.
 *
 * A history that cannot be stored must never stop anyone from working: where the file cannot be
 * opened or written, the history says so once in the log and goes on in memory.
 * All functions may be called from any thread.
 */
#ifndef PB_HISTORY_HISTORY_H
#define PB_HISTORY_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"

typedef struct pb_history pb_history;

/* Bounds. The oldest cells go first when the file grows past them. */
#define PB_HISTORY_CELLS  20000             /* cells kept */
#define PB_HISTORY_BYTES  (64u << 20)       /* bytes of source and output kept */
#define PB_HISTORY_SOURCE ((size_t)1 << 20) /* bytes of one source; a longer one is cut */
#define PB_HISTORY_OUTPUT ((size_t)1 << 16) /* bytes of one output; a longer one is cut */
#define PB_HISTORY_REPLY  10000             /* cells one question can give */

/* One cell. Texts are UTF-8 with a NUL after them, may hold NULs, and belong to the list. */
typedef struct pb_history_cell {
    int64_t session, line; /* sessions count from 1; lines are execution counts */
    const char *source;
    size_t source_length;
    const char *output; /* text/plain of the result; NULL if it had none */
    size_t output_length;
} pb_history_cell;

typedef struct pb_history_list {
    size_t count;
    pb_history_cell *cells; /* oldest first */
} pb_history_list;

/* The file: $PATCHBAY_HISTORY, else patchbay/history.sqlite in $XDG_DATA_HOME or ~/.local/share.
 * The caller frees it; NULL where there is no home, or no memory. */
char *pb_history_default_path(void);

/*
 * Opens (or makes) the file, its folders too, and begins a session. A NULL path, or a file that
 * cannot be used, gives a history in memory; the latter is logged as a warning. Fails only when
 * memory is out. `log` is borrowed and may be NULL.
 */
pb_status pb_history_open(const char *path, const pb_log *log, pb_history **history,
                          pb_error **error);

int64_t pb_history_session(const pb_history *history);

/* Adds a cell to the current session, replacing one of the same line. `output` may be NULL. */
void pb_history_add(pb_history *history, int64_t line, const char *source, size_t source_length,
                    const char *output, size_t output_length);

/* The last `n` cells of all sessions, or the last `n` different ones. */
pb_status pb_history_tail(pb_history *history, size_t n, bool unique, pb_history_list **list,
                          pb_error **error);

/* Lines start <= line < stop of one session: 0 is the current one, -1 the one before it, a positive
 * number the one so numbered. A negative `stop` means the end. */
pb_status pb_history_range(pb_history *history, int64_t session, int64_t start, int64_t stop,
                           pb_history_list **list, pb_error **error);

/* The last `n` cells whose whole source matches a glob (see glob.h); with `unique`, of cells with
 * the same source only the last. */
pb_status pb_history_search(pb_history *history, const char *pattern, size_t pattern_length,
                            size_t n, bool unique, pb_history_list **list, pb_error **error);

void pb_history_list_destroy(pb_history_list **list);

/* Ends the session and closes the file. */
void pb_history_close(pb_history **history);

#endif
