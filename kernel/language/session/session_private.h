/* The inside of a session, for its own files and for tests that feed it anything. */
#ifndef PB_SESSION_PRIVATE_H
#define PB_SESSION_PRIVATE_H

#include <pthread.h>

#include "base/map.h"
#include "eval/lexicon.h"
#include "session/cell.h"

struct pb_session {
    pthread_mutex_t loading; /* held while a model is loaded */
    pthread_mutex_t lock;    /* held for a moment, around what follows */
    pb_map *names;           /* name -> pb_value * */
    pb_map *slots; /* the same, for values the session remembers under no name of the user's */
    pb_value *workspace;    /* the engine's buffers, left by a cell that ended; or NULL */
    pb_list_builder buried; /* values to let go of when nobody waits */
    pb_lexicon *lexicon;
    pb_session_options options;
};

/* A reference to what a name of the user's stands for, or NULL. */
pb_value *pb_session_get(pb_session *session, const char *name);
pb_status pb_session_set(pb_session *session, const char *name, const pb_value *value,
                         pb_error **error);
/* Adds the user's names to a bag. */
void pb_session_names(pb_session *session, pb_names *names);
/* The user's names as they are now, to be freed. */
pb_status pb_session_copy_names(pb_session *session, pb_entry **names, size_t *count,
                                pb_error **error);
void pb_session_free_names(pb_entry *names, size_t count);

/* Looks at the hint of a cell's error once more, with all that is written around its place. */
void pb_session_advise(pb_session *session, pb_error *error);

/* Runs a cell with a bound on its steps (0: none). */
pb_status pb_session_run_bounded(pb_session *session, const char *name, const char *code,
                                 size_t length, const pb_host *host, size_t most_steps,
                                 pb_bundle **last, pb_error **error);

#endif
