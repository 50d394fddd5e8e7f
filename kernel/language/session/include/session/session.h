/*
 * A session: the names a person has defined, the models they have loaded, and the way to run a
 * cell.
 *
 * This header is all the kernel's protocol knows of the language. All functions but create and
 * destroy may be called from any thread at any time. Cells that run at once on different threads
 * share the names and the current model: an assignment is seen by the others at once and whole, and
 * a value they have got stays what it is, since values never change. Completion and inspection read
 * the names as they are at that moment.
 */
#ifndef PB_SESSION_SESSION_H
#define PB_SESSION_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "display/bundle.h"

typedef struct pb_session pb_session;
typedef struct pb_word_table pb_word_table; /* the words of a layer: eval/lexicon.h */

typedef struct pb_session_options {
    const pb_word_table *const *words; /* what can be said; the tables outlive the session */
    size_t n_words;
    const char *const *model_paths; /* folders of model folders; looked at after PATCHBAY_MODELS */
    size_t n_model_paths;
    const char *program;       /* how a terminal calls this program, for hints; "patchbay" */
    const char *default_model; /* loaded by load() without a name; "reviews-4m" */
    bool load_default;         /* words that need a model load the default one if there is none */
    const pb_log *log;         /* borrowed for the session's life; may be NULL */
    size_t memory;             /* bytes that values may hold in all; 0: a share of the machine's */
} pb_session_options;

/* What a running cell may do to the outside. Called on the executing thread only. */
typedef struct pb_host {
    void *user;
    const atomic_bool *stop; /* raised by an interrupt; polled by everything that loops */
    /* Lowers it again: the cell has stopped, and shows what it has. */
    void (*resume)(void *user);
    /* Text to stdout (1) or stderr (2); UTF-8, may hold NULs, never splits a code point. */
    void (*text)(void *user, int fd, const char *text, size_t length);
    /* Shows a bundle now; with `update`, replaces what was shown under display_id. The id may be
     * NULL. The bundle is borrowed. */
    void (*show)(void *user, const pb_bundle *bundle, const char *display_id, bool update);
    /* Clears the cell's output; with `wait`, when the next output comes. */
    void (*clear)(void *user, bool wait);
    /* Shows a line that says how far the cell is, in place of the one before; with NULL takes it
     * away. When the cell has ended nothing is left of it. May be NULL. */
    void (*progress)(void *user, const char *line);
    /* Opens the pager (help). The bundle is borrowed. */
    void (*page)(void *user, const pb_bundle *bundle);
    /* Replaces or adds the next input cell (set_next_input). May be NULL. */
    void (*next_input)(void *user, const char *code, bool replace);
    /* Reads a line, which may hold NULs, and adds it to `line`. Fails where the front end has no
     * stdin, and with PB_INTERRUPTED on an interrupt. */
    pb_status (*ask)(void *user, const char *prompt, bool secret, pb_buffer *line,
                     pb_error **error);
} pb_host;

typedef struct pb_match {
    const char *text;      /* what replaces the range */
    const char *type;      /* "function", "keyword", "instance", "model", "token", ... */
    const char *signature; /* "(prompt, k=10)", or "" */
} pb_match;

typedef struct pb_matches {
    size_t start, end; /* the range of code the matches replace, in bytes */
    size_t count;
    const pb_match *items;
} pb_matches;

typedef enum pb_parse { PB_PARSE_COMPLETE, PB_PARSE_INCOMPLETE, PB_PARSE_INVALID } pb_parse;

pb_status pb_session_create(const pb_session_options *options, pb_session **session,
                            pb_error **error);
void pb_session_destroy(pb_session **session);

/*
 * Runs one cell. `name` is what errors call it ("cell 3"). *last is the value to show
 * (execute_result), or NULL; the caller destroys it. On an interrupt a part of a value that is
 * worth having was shown. On an error names bound by earlier statements of the cell stay bound,
 * everything else is as before.
 */
pb_status pb_session_run(pb_session *session, const char *name, const char *code, size_t length,
                         const pb_host *host, pb_bundle **last, pb_error **error);

/* Frees large values that the last cell no longer needed. The next cell would do it too: call it
 * once the reply was sent, so that nobody waits for it. */
void pb_session_tidy(pb_session *session);

/* Runs code as a cell is run, and gives a bundle of its value, None where it has none, as
 * user_expressions want it. */
pb_status pb_session_evaluate(pb_session *session, const char *code, size_t length,
                              const pb_host *host, pb_bundle **value, pb_error **error);

/* Offsets are bytes. *matches may be empty, and is destroyed with pb_matches_destroy. */
pb_status pb_session_complete(pb_session *session, const char *code, size_t length, size_t at,
                              pb_matches **matches, pb_error **error);
void pb_matches_destroy(pb_matches **matches);

/* What is known of the name at `at`. *found is NULL if nothing is. Detail 0: signature, summary,
 * value; 1: the whole reference entry, or the definition. */
pb_status pb_session_inspect(pb_session *session, const char *code, size_t length, size_t at,
                             int detail, pb_bundle **found, pb_error **error);

/* Whether a cell can run as it stands. For PB_PARSE_INCOMPLETE *indent (malloc'ed, the caller's) is
 * what the next line should start with; NULL otherwise. `indent` may be NULL. */
pb_parse pb_session_is_complete(const char *code, size_t length, char **indent);

/* The reference of all its words. malloc'ed; NULL when memory is out. */
char *pb_session_reference_markdown(pb_session *session);

#endif
