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
    atomic_bool stop;  /* raised by an interrupt while a cell runs or waits */
    size_t called_off; /* so many of the next requests are not run, because a cell before them
                        * failed; only the executor's own thread reads and writes it */
    bool removed;      /* its subshell was deleted; under the list's lock, as `joined` is */
    bool joined;       /* its thread has ended and was joined */

    pthread_mutex_t lock; /* over all that follows */
    pthread_cond_t news;
    pb_request *first, **last; /* waiting requests */
    bool running;              /* a cell is running */
    bool closing;              /* the thread is to end as soon as it can */
    bool finished;             /* the thread has answered its last request */
    bool asking;               /* a cell has asked a question and waits for the answer */
    bool unreached;            /* the question could not be delivered */
    char asked[96];            /* the msg_id of the question, an input_request */
    const pb_frame *asked_of;  /* the identity of the client that it went to */
    pb_text line;              /* the answer, until the cell takes it; malloc'ed */
    /* How often the shell's thread was asked to read all that has arrived, and has not yet done so.
     * While it is not 0, what comes on stdin was sent before the question: no answer to it. */
    size_t unread;
} pb_executor;

/* All executors of a kernel. One that has ended stays in the list until the kernel does, so that
 * pointers to it stay valid. */
typedef struct pb_executors {
    pthread_mutex_t lock;
    pb_executor *first, **last; /* the main shell's first, then oldest first */
    size_t living;              /* the main shell's included */
    pb_executor *beside;        /* not in the list */
    bool closed;                /* the kernel is ending: no executor is started any more */
} pb_executors;

void pb_executors_init(pb_executors *executors);

/* Starts an executor; a subshell's gets a new id. */
pb_status pb_executor_start(struct pb_kernel *kernel, pb_executor_kind kind, pb_executor **executor,
                            pb_error **error);

/* Queues an execute request at the executor of the subshell its message names, and any other at
 * the one that answers beside the cells. Takes the request; false, and it stays the caller's, if
 * there is no such subshell. */
bool pb_executors_post(pb_executors *executors, pb_request *request);

/* Raises the stop flag of the cells that run, or are next: of one subshell, or of all with no id.
 * Ignored by executors that have none. False if there is no such subshell. */
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

/* After a cell that failed: the execute requests that have arrived by now will be answered without
 * being run. Waits until the shell's thread has read what has arrived, so that requests sent after
 * the failed cell's reply do run. */
void pb_executor_abort_queue(pb_executor *executor);

/* Between these two an interrupt stops the cell. Begin comes before the cell is published as busy,
 * end before it is published as idle. */
void pb_executor_begin(pb_executor *executor);
void pb_executor_end(pb_executor *executor);

/* Lowers the flag of a cell that has heard the interrupt, unless the executor is ending. */
void pb_executor_resume(pb_executor *executor);

/* Sends `question`, an input_request with the msg_id `request_id`, to the client `asked_of`, and
 * waits for the answer. Takes the question. PB_OK with the line added to `line`;
 * PB_INTERRUPTED; or PB_UNSUPPORTED when the question cannot be delivered. What arrived on stdin
 * before the question is read first, and not taken for its answer. */
pb_status pb_executor_ask(pb_executor *executor, const char *request_id, const pb_frame *asked_of,
                          pb_frames *question, pb_buffer *line, pb_error **error);

#endif
