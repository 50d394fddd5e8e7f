/* The inside of a session, for the files that run, complete and inspect. */
#ifndef PB_LANGUAGE_SESSION_PRIVATE_H
#define PB_LANGUAGE_SESSION_PRIVATE_H

#include "eval/members.h"
#include "interp_private.h"
#include "session/session.h"

/* Adds the user's names to a bag. Safe on any thread. */
void pb_session_names(pb_session *session, pb_names *names);
/* The names and values, as a record sorted by name, for names(). */
pb_status pb_session_snapshot(pb_session *session, pb_value **record, pb_error **error);

/* Runs a cell with a bound on its steps (0: none), for tests that feed it anything. */
pb_status pb_session_run_bounded(pb_session *session, const char *name, const char *code,
                                 size_t length, const pb_host *host, size_t most_steps,
                                 pb_bundle **last, pb_error **error);

#endif
