/*
 * How a session has its cells run. Only the rooms of the language include this; words see a running
 * cell through interp.h.
 */
#ifndef PB_EVAL_RUN_H
#define PB_EVAL_RUN_H

#include <time.h>

#include "eval/interp.h"
#include "eval/lexicon.h"
#include "syntax/ast.h"
#include "value/names.h"

/* What running needs from above: the session's functions. */
typedef struct pb_surroundings {
    /* A reference to what a name of the user's stands for, or NULL. */
    pb_value *(*get)(pb_session *session, const char *name);
    pb_status (*set)(pb_session *session, const char *name, const pb_value *value,
                     pb_error **error);
    void (*names)(pb_session *session, pb_names *names);  /* adds the user's names */
    void (*write)(const pb_value *value, pb_buffer *out); /* a value as print() writes it */
    /* A line that says how far the cell is, in place of the one before; NULL takes it away. */
    void (*progress)(const pb_host *host, const char *line);
    void (*resume)(const pb_host *host); /* lowers the stop flag */
} pb_surroundings;

/* Work of a cell that may take its time: the call of a word, the walk of a comprehension. It lies
 * on the stack of who does it. */
typedef struct pb_chore {
    struct pb_chore *outer;
    const char *word;   /* NULL for a comprehension */
    size_t done, total; /* as was last said; total 0: nothing was */
    int64_t began;      /* ms */
} pb_chore;

struct pb_interp {
    pb_keeper keeper; /* the first member: a keeper's functions find the cell by it */
    const pb_surroundings *above;
    pb_session *session;
    const pb_lexicon *lexicon;
    const pb_host *host;      /* may be NULL */
    pb_value *workspace;      /* the engine's buffers; NULL until the cell asks for them */
    unsigned calls;           /* of the user's functions that have not returned yet */
    const char *stack;        /* where the thread's stack stood when the cell began */
    size_t most_stack;        /* bytes of it that evaluating may take */
    size_t held;              /* in values, when the cell began */
    struct timespec looked;   /* when the process's memory was last looked at */
    unsigned checks;          /* how often the cell was checked since then */
    size_t steps, most_steps; /* most_steps 0: no bound */
    pb_chore *chore;          /* the innermost that has not ended; NULL between statements */
    const pb_chore *shown;    /* the one whose line of progress stands; NULL if none does */
    int64_t said;             /* ms: when that line was last written */
    unsigned inside;          /* walks, and functions called by words, that have not ended */
    pb_buffer stopped;        /* what an interrupt stopped, and how far that was */
    bool halted;              /* it gave what it had by then: pb_interp_halt() */
};

/* Runs the statements in turn. *last is the value of the last, or NULL where it has none to show:
 * also where an interrupt left a part of that value, with PB_INTERRUPTED. */
pb_status pb_run_program(pb_interp *interp, pb_program *program, pb_value **last, pb_error **error);

/* The progress of a cell's pb_watch, whose `user` is the interp. */
void pb_chore_progress(void *user, size_t done, size_t total);

/* The parsed definition of a function, PB_NODE_FUNCTION; borrowed. */
const pb_node *pb_value_function_node(const pb_value *function);

#endif
