/* The inside of a session, for tests that feed it anything. */
#ifndef PB_SESSION_PRIVATE_H
#define PB_SESSION_PRIVATE_H

#include "session/session.h"

/* Runs a cell with a bound on its steps (0: none). */
pb_status pb_session_run_bounded(pb_session *session, const char *name, const char *code,
                                 size_t length, const pb_host *host, size_t most_steps,
                                 pb_bundle **last, pb_error **error);

#endif
