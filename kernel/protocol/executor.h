/*
 * An executor: a thread that answers requests in turn.
 *
 * The main shell has one, and every subshell, which run their cells. Other threads hand it
 * requests, interrupt the cell it runs, and bring it the lines the cell asked for.
 *
 * One more answers what is no cell: completion, inspection, is_complete, history, kernel_info and
 * the rest. None of these changes what a cell sees, so they need not wait for one, and a person who
 * writes the next cell has help while this one runs. They are answered in the order they came, and
 * know what every cell did whose reply was sent before; of a cell that runs or waits they may know
 * nothing yet. The router's thread does not answer them itself, since a long answer would keep it
 * from the lines that cells wait for.
 */
#ifndef PB_PROTOCOL_EXECUTOR_H
#define PB_PROTOCOL_EXECUTOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "frames.h"
#include "message.h"

#define PB_SUBSHELLS 64 /* at once */

struct pb_kernel;
typedef struct pb_request pb_request;

typedef enum pb_executor_kind {
    PB_EXECUTOR_MAIN,     /* of the main shell */
    PB_EXECUTOR_SUBSHELL, /* of a subshell */
    PB_EXECUTOR_BESIDE    /* of what is no cell, whichever shell it came to */
} pb_executor_kind;

typedef struct pb_executor {
    struct pb_executor *next;
    struct pb_kernel *kernel;
    char id[37]; /* of a subshell; else "" */
    pthread_t thread;
    atomic_bool stop;  /* raised by an interrupt while a cell runs */
    size_t called_off; /* the next requests, after an error; of the executor's own thread */
    bool removed;      /* a deleted subshell; under the list's lock, like the next */
    bool joined;

    pthread_mutex_t lock; /* over all that follows */
    pthread_cond_t news;
    pb_request *first, **last; /* waiting requests */
    bool running;              /* a cell */
    bool closing, finished;
    bool asking;              /* the cell waits for a line ... */
    bool unreached;           /* ... in vain: the question could not be delivered */
    size_t unread;            /* ... once what came before the question was read; see ask */
    char asked[96];           /* the input request's id ... */
    const pb_frame *asked_of; /* ... and whom it went to */
    char *line;               /* what came; owned until the cell takes it */
} pb_executor;

/* All executors of a kernel; one that ended stays in the list, so that pointers to it stay good. */
typedef struct pb_executors {
    pthread_mutex_t lock;
    pb_executor *first, **last; /* the main shell's first, then oldest first */
    size_t living;              /* the main shell's included */
    pb_executor *beside;        /* not in the list */
    bool closed;                /* no more begin */
} pb_executors;

void pb_executors_init(pb_executors *executors);

/* Starts an executor; a subshell's gets a new id. */
pb_status pb_executor_start(struct pb_kernel *kernel, pb_executor_kind kind, pb_executor **executor,
                            pb_error **error);

/* Hands an execute request to the executor of its message's subshell, any other to the one beside;
 * takes it. False (and the request stays the caller's) if there is no such subshell. */
bool pb_executors_post(pb_executors *executors, pb_request *request);

/* Raises the stop flag of the cells that run: of one subshell, or of all with no id. Ignored by
 * executors that run none. False if there is no such subshell. */
bool pb_executors_interrupt(pb_executors *executors, const pb_text *id);

/* Brings a line to the cell that asked for it: `reply` names the input request in its parent
 * header, or comes from whom it was asked of. False if nobody waits for it. */
bool pb_executors_answer(pb_executors *executors, const pb_message *reply, const pb_text *line);

/* Ends a subshell; its waiting cells are refused. False if there is none of that id. */
bool pb_executors_remove(pb_executors *executors, const pb_text *id);

/* Calls with the id of each living subshell, oldest first. */
void pb_executors_list(pb_executors *executors, void (*each)(void *user, const char *id),
                       void *user);

/* Ends all, for good. False if one did not end in time. */
bool pb_executors_stop(pb_executors *executors, int patience_ms);

/* Frees all, which have ended; nobody posts to them any more. */
void pb_executors_destroy(pb_executors *executors);

/* ---- for the executor's own thread ---- */

/* Calls off the execute requests that have arrived by now. Waits until the shell's thread has read
 * them, so that whatever is sent after the reply or the idle that follow runs. */
void pb_executor_abort_queue(pb_executor *executor);

void pb_executor_begin(pb_executor *executor); /* a cell: interrupts count from before its busy */
void pb_executor_end(pb_executor *executor);   /* to here, before its idle */

/* Sends the input request of an id to whom the cell came from, takes it, and waits: PB_OK with the
 * line, the caller's; PB_INTERRUPTED; or PB_UNSUPPORTED when it cannot be delivered. What has come
 * on stdin by now answers no question of this cell: the router reads it first. */
pb_status pb_executor_ask(pb_executor *executor, const char *request_id, const pb_frame *asked_of,
                          pb_frames *question, char **line, pb_error **error);

#endif
