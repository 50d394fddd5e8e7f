/* The running of one cell, as built-ins and object types see it: calling back and stopping. */
#ifndef PB_EVAL_INTERP_H
#define PB_EVAL_INTERP_H

#include "base/watch.h"
#include "eval/builtin.h"
#include "value/object.h"
#include "value/value.h"

/* Bounds on a cell; those on values are in value.h. */
#define PB_MAX_CALL_DEPTH 10000 /* the user's functions within one another */

/* The keeper of the same cell, which functions that make values want. NULL for NULL. */
pb_keeper *pb_interp_keeper(pb_interp *interp);
const pb_watch *pb_interp_watch(const pb_interp *interp); /* never NULL */
/* PB_OK, or PB_INTERRUPTED. Call it in every loop whose length the user decides. */
pb_status pb_interp_check(pb_interp *interp, pb_error **error);

/*
 * For a word that was interrupted and has a part of its result. PB_OK: it returns that part; the
 * rest of the statement makes of it what it can, and the cell then ends in an error that begins
 * with `what`: "the sweep was stopped after 12 of 48 cells". PB_INTERRUPTED: it returns that, as
 * here a part would be taken for the whole.
 */
pb_status pb_interp_halt(pb_interp *interp, pb_error **error, const char *what, ...)
    PB_PRINTF(3, 4);
/* For what begins long work: PB_INTERRUPTED if the cell has halted. */
pb_status pb_interp_start(pb_interp *interp, pb_error **error);

/* As pb_keeper_bury(). */
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

/* The value of `tensor`, which is op of a and b, with what is known of both: units, fields,
 * caption. Takes *tensor. */
pb_status pb_combine_tensors(pb_binary op, const pb_value *a, const pb_value *b, pb_tensor **tensor,
                             pb_value **result, pb_error **error);
pb_status pb_check_models(const pb_value *a, const pb_value *b, pb_error **error);

/* "There is no word 'x'", with what was meant. `scope`, the names in reach, may be NULL. */
typedef struct pb_scope pb_scope;
pb_status pb_fail_unknown(pb_interp *interp, const pb_scope *scope, const char *name, bool called,
                          pb_error **error);

#endif
