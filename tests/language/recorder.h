/* A host that keeps what a cell writes and shows, as text, in the order it came. */
#ifndef PB_TEST_RECORDER_H
#define PB_TEST_RECORDER_H

#include <stdatomic.h>

#include "base/buffer.h"
#include "session/session.h"

typedef struct recorder {
    pb_host host;
    pb_buffer out;
    atomic_bool stop;
    const char *answer; /* what ask() reads */
} recorder;

/* A session with all words of the product; NULL when it cannot be made. */
pb_session *recorder_session(pb_session_options options);

void recorder_start(recorder *recorder);
void recorder_end(recorder *recorder);

/* Runs a cell and gives all it came to: output, shown values, the last value's text/plain, or the
 * error. malloc'ed. */
char *recorder_run(recorder *recorder, pb_session *session, const char *name, const char *code,
                   size_t length);

/* The same in a session of its own. */
char *run_alone(const char *code);

#endif
