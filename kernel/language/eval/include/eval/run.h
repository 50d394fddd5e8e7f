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
} pb_surroundings;

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
};

/* Runs the statements in turn. *last is the value of the last, or NULL where it has none to show.
 */
pb_status pb_run_program(pb_interp *interp, pb_program *program, pb_value **last, pb_error **error);

/* The parsed definition of a function, PB_NODE_FUNCTION; borrowed. */
const pb_node *pb_value_function_node(const pb_value *function);

#endif
