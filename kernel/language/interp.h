/*
 * The running of one cell, as built-ins and object types see it: calling back, stopping, showing,
 * and what the session remembers between cells.
 */
#ifndef PB_LANGUAGE_INTERP_H
#define PB_LANGUAGE_INTERP_H

#include "base/watch.h"
#include "language/session.h"
#include "object.h"
#include "value.h"

/* Bounds of rule 17; see limits in the session. */
#define PB_MAX_CALL_DEPTH    10000   /* the user's functions within one another */
#define PB_MAX_LIST_LENGTH   4000000 /* items of one list */
#define PB_MAX_STRING_LENGTH (64u << 20)

const pb_watch *pb_interp_watch(const pb_interp *interp); /* never NULL */
/* PB_OK, or PB_INTERRUPTED. Call it in every loop whose length the user decides. */
pb_status pb_interp_check(pb_interp *interp, pb_error **error);

/* Releases a value; what an interrupted cell leaves behind and takes long to let go of, such as a
 * list of millions of values, goes only when its reply is on its way. Nulls the pointer; `interp`
 * may be NULL. */
void pb_interp_bury(pb_interp *interp, pb_value **value);

/* Calls any callable value: a lambda, a user's function, a built-in, an object with `call`. */
pb_status pb_interp_call(pb_interp *interp, const pb_value *function, size_t count,
                         pb_value *const *arguments, pb_value **result, pb_error **error);
bool pb_value_is_callable(const pb_value *value);

/* Whatever can be iterated as a list: lists, strings (characters), records (names), tables (rows as
 * records), tensors (along the first axis), objects with `items`. */
pb_status pb_interp_items(pb_interp *interp, const pb_value *value, pb_value **list,
                          pb_error **error);

/* The operators of the language on any two values, as the evaluator applies them. */
pb_status pb_interp_binary(pb_interp *interp, pb_binary op, const pb_value *a, const pb_value *b,
                           pb_value **result, pb_error **error);
pb_status pb_interp_unary(pb_interp *interp, pb_unary op, const pb_value *a, pb_value **result,
                          pb_error **error);
/* x.name; PB_NAME with the nearest if there is no such attribute. */
pb_status pb_interp_attribute(pb_interp *interp, const pb_value *self, const char *name,
                              pb_value **result, pb_error **error);
/* x[...]. */
pb_status pb_interp_index(pb_interp *interp, const pb_value *self, size_t count,
                          const pb_index_entry *entries, pb_value **result, pb_error **error);

/* ---- showing (show.c) ---- */

/* The bundle of any value, text/plain always among its forms. The caller destroys it. */
pb_status pb_interp_bundle(pb_interp *interp, const pb_value *value, pb_bundle **bundle,
                           pb_error **error);
/* Shows it in the cell's output now. */
pb_status pb_interp_show(pb_interp *interp, const pb_value *value, pb_error **error);
/* Text to stdout (1) or stderr (2). */
void pb_interp_text(pb_interp *interp, int fd, const char *text, size_t length);

/* A value that is a finished drawing: a plot, a card. Takes the bundle. `repr` is its one line. */
pb_status pb_value_take_drawing(pb_bundle *bundle, const char *repr, pb_value **result,
                                pb_error **error);
const pb_bundle *pb_value_drawing(const pb_value *value); /* borrowed; NULL if it is not one */

/* ---- what the session remembers between cells ---- */

/* A place for values that are no names of the user's: the current model, the models loaded. `put`
 * retains; `get` gives a reference, or NULL. Safe on any thread. */
pb_value *pb_session_slot_get(pb_session *session, const char *key);
pb_status pb_session_slot_put(pb_session *session, const char *key, const pb_value *value,
                              pb_error **error);
#define PB_SLOT_MODEL "current model" /* set by load(), read by every word that takes a prompt */

const pb_session_options *pb_session_get_options(const pb_session *session);

/* ---- cells that run beside one another ---- */

/* A value that is this cell's alone while it runs, the engine's buffers: what the last cell left,
 * or NULL if there is nothing left, or another cell has it. Borrowed. */
pb_value *pb_interp_workspace(pb_interp *interp);
/* Makes one this cell's, and the next one's after it. Takes it. */
void pb_interp_give_workspace(pb_interp *interp, pb_value *workspace);

/* Models are loaded one at a time, so that of two cells that need one the second finds it loaded.
 * Waits for its turn; PB_OK is followed by end. */
pb_status pb_session_begin_loading(pb_session *session, const pb_watch *watch, pb_error **error);
void pb_session_end_loading(pb_session *session);

#endif
