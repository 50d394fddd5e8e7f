/*
 * What the words find around the cell that runs: where its output goes, and what the session
 * remembers between cells.
 */
#ifndef PB_SESSION_CELL_H
#define PB_SESSION_CELL_H

#include "eval/interp.h"
#include "session/session.h"

/* ---- output ---- */

/* Shows a value in the cell's output now. */
pb_status pb_interp_show(pb_interp *interp, const pb_value *value, pb_error **error);
/* Text to stdout (1) or stderr (2). */
void pb_interp_text(pb_interp *interp, int fd, const char *text, size_t length);

/* ---- what the session remembers between cells ---- */

/* A place for values that are no names of the user's: the current model, the models loaded. `put`
 * retains; `get` gives a reference, or NULL. Safe on any thread. */
pb_value *pb_session_slot_get(pb_session *session, const char *key);
pb_status pb_session_slot_put(pb_session *session, const char *key, const pb_value *value,
                              pb_error **error);
/* The user's names and values, as a record. */
pb_status pb_session_snapshot(pb_session *session, pb_value **record, pb_error **error);

const pb_session_options *pb_session_get_options(const pb_session *session);

/* ---- cells that run beside one another ---- */

/* The engine's buffers, which one cell has at a time: those that an earlier cell left. NULL if
 * there are none or another cell has them. Borrowed. */
pb_value *pb_interp_workspace(pb_interp *interp);
/* Gives this cell buffers, which it leaves to a later cell. Takes them. */
void pb_interp_give_workspace(pb_interp *interp, pb_value *workspace);

/* Models are loaded one at a time, so that if two cells want the same one, the second finds it
 * loaded. Waits for its turn; after PB_OK, pb_session_end_loading() must follow. */
pb_status pb_session_begin_loading(pb_session *session, const pb_watch *watch, pb_error **error);
void pb_session_end_loading(pb_session *session);

#endif
