/* The inside of the evaluator, for its own files. */
#ifndef PB_EVAL_INTERP_PRIVATE_H
#define PB_EVAL_INTERP_PRIVATE_H

#include <stdatomic.h>

#include "eval/run.h"

/* ---- names of a block, a comprehension, a function: an immutable chain, innermost first ---- */

struct pb_scope {
    atomic_size_t references;
    const char *name; /* belongs to the program whose function captures it */
    pb_value *value;
    pb_scope *parent;
    unsigned depth; /* how deep lists and functions nest in the deepest value of the chain */
};

pb_scope *pb_scope_retain(pb_scope *scope);
void pb_scope_release(pb_scope **scope);
/* A chain with one more name in front. Retains both. */
pb_status pb_scope_bind(pb_scope *parent, const char *name, const pb_value *value, pb_scope **scope,
                        pb_error **error);
pb_value *pb_scope_find(const pb_scope *scope, const char *name); /* borrowed; or NULL */

/* ---- functions the user defines ---- */

typedef struct pb_function_parts {
    pb_program *program;
    const pb_node *node; /* PB_NODE_FUNCTION */
    pb_scope *scope;
    pb_value *const *fallbacks; /* one for each parameter, NULL where there is none */
} pb_function_parts;

/* Retains all of it. */
pb_status pb_value_function(const pb_function_parts *parts, pb_value **result, pb_error **error);
pb_function_parts pb_value_function_parts(const pb_value *function); /* borrowed */

/* ---- evaluation ---- */

/* Where code is being evaluated: in which program, and with which names around it. */
typedef struct pb_place {
    pb_program *program;
    pb_scope *scope;
} pb_place;

pb_status pb_evaluate(pb_interp *interp, const pb_place *place, const pb_node *node,
                      pb_value **result, pb_error **error);
/* Evaluates key and value of one entry, and gives it to a record that has not failed. Of equal keys
 * the later one counts. */
pb_status pb_evaluate_entry(pb_interp *interp, const pb_place *place, const pb_node *key,
                            const pb_node *value, pb_record_builder *out);
pb_status pb_evaluate_record(pb_interp *interp, const pb_place *place, const pb_node *node,
                             pb_value **result, pb_error **error);
pb_status pb_join_records(pb_interp *interp, const pb_value *a, const pb_value *b,
                          pb_value **result, pb_error **error);
/* The same where what is computed where it is used may stay so: x of x[...] and x.word(). */
pb_status pb_evaluate_unsettled(pb_interp *interp, const pb_place *place, const pb_node *node,
                                pb_value **result, pb_error **error);
/* Puts the value of one that is computed where it is used in its place. */
pb_status pb_settle(pb_interp *interp, pb_value **value, pb_error **error);
/* Gives each name of a pattern its value through `bind`. */
typedef pb_status pb_binder(pb_interp *interp, void *data, const char *name, const pb_value *value,
                            pb_error **error);
pb_status pb_bind_pattern(pb_interp *interp, const pb_pattern *pattern, const pb_value *value,
                          pb_binder *bind, void *data, pb_error **error);
/* table.column = cells, as a new table. */
pb_status pb_with_column(pb_interp *interp, const pb_value *table, const pb_target *target,
                         const pb_value *value, pb_value **result, pb_error **error);
/* Where to point: at `whole`, or, where `node` writes out the list `value`, at the item of it that
 * the error is about. */
pb_span pb_item_span(const pb_node *node, const pb_value *value, pb_span whole,
                     const pb_error *error);
/* Adds the place of `span` to an error that has none. Returns status. */
pb_status pb_place_error(const pb_place *place, pb_span span, pb_status status, pb_error **error);

/* ---- what the cell is at (chore.c) ---- */

void pb_chore_begin(pb_interp *interp, pb_chore *chore, const char *word);
/* Says how much of it is done. */
void pb_chore_at(pb_interp *interp, pb_chore *chore, size_t done, size_t total);
/* `status` is what it came to, which is returned. */
pb_status pb_chore_end(pb_interp *interp, pb_chore *chore, pb_status status);

/* Lowers the stop flag, so that what an interrupt left can be shown. */
void pb_interp_resume(pb_interp *interp);

/* ---- calls (call.c, bind.c) ---- */

/* An argument as it is passed, before it is bound. */
typedef struct pb_actual {
    const char *name; /* NULL if positional */
    pb_value *value;  /* owned by the list it is in */
    pb_span span;
    pb_span whole;       /* with its name */
    const pb_node *node; /* NULL where it stands in no code by itself */
} pb_actual;

/* Where a call is written. source is NULL for calls that stand in no code. */
typedef struct pb_call_site {
    pb_source *source;
    pb_span span, word;
} pb_call_site;

pb_status pb_evaluate_call(pb_interp *interp, const pb_place *place, const pb_node *node,
                           pb_value **result, pb_error **error);
pb_status pb_call_value(pb_interp *interp, const pb_value *function, const pb_actual *actuals,
                        size_t count, const pb_call_site *site, pb_value **result,
                        pb_error **error);
/* Which of the words in `choices` a text is, from 0; -1 if it is none. */
int pb_choice_of(const char *choices, const char *text);
/* Fills `call` for a built-in: fallbacks are put in `held`, whose values the caller releases. */
pb_status pb_bind_builtin(pb_call *call, const pb_actual *actuals, size_t count,
                          pb_value *held[PB_MAX_PARAMETERS], pb_error **error);
/* Binds the parameters of a user's function in front of its scope. */
pb_status pb_bind_function(const pb_value *function, const pb_actual *actuals, size_t count,
                           const pb_call_site *site, pb_scope **scope, pb_error **error);

/* ---- indexing ---- */

/* Python's slice of a sequence of n items: where it starts, and how many it takes. */
size_t pb_slice_items(const pb_select *s, size_t n, int64_t *first);
/* t[heads=...] of a tensor over layers and heads (index_heads.c). */
bool pb_has_heads(const pb_tensor *tensor);
pb_status pb_index_heads(pb_interp *interp, const pb_value *value, const pb_value *heads,
                         pb_value **result, pb_error **error);
pb_status pb_index_tensor(pb_interp *interp, const pb_value *value, size_t count,
                          const pb_index_entry *entries, pb_value **result, pb_error **error);

/* Whether places are others in one prompt than in another: per(), and places counted from the end
 * where prompts have several lengths. */
bool pb_index_differs(const pb_tensor *tensor, size_t n, const char *const *names,
                      const pb_select *selects);
pb_status pb_index_by_prompt(pb_interp *interp, const pb_value *value, size_t n,
                             const char *const *names, const pb_select *selects, pb_value **result,
                             pb_error **error);
pb_status pb_evaluate_index(pb_interp *interp, const pb_place *place, const pb_node *node,
                            pb_value **result, pb_error **error);
/* t[w="a", n=1] of a table: the rows that have all of it. */
pb_status pb_index_table_in_turn(pb_interp *interp, const pb_value *table, size_t count,
                                 const pb_index_entry *entries, pb_value **result,
                                 pb_error **error);
/* Adds a hint to an error about an index: what was probably meant. */
void pb_hint_index(const pb_place *place, const pb_node *node, const pb_value *subject,
                   const pb_index_entry *entries, pb_error **error);
/* first:last:step of a PB_NODE_SLICE, as a selector. */
pb_status pb_evaluate_slice(pb_interp *interp, const pb_place *place, const pb_node *node,
                            pb_value **result, pb_error **error);

/* ---- operators ---- */

pb_status pb_apply_operator(pb_interp *interp, pb_operator op, const pb_value *a, const pb_value *b,
                            pb_value **result, pb_error **error);
pb_status pb_apply_unary(pb_interp *interp, pb_operator op, const pb_value *a, pb_value **result,
                         pb_error **error);
bool pb_is_elementwise(const pb_value *value); /* a tensor or a column */

/* ---- names ---- */

/* What a name stands for, in the scope (may be NULL) or else in the session: a reference; or NULL.
 */
pb_value *pb_find_name(pb_interp *interp, const pb_scope *scope, const char *name);
/* Adds a hint to an error about x.name(): what was probably meant. */
void pb_hint_method(pb_interp *interp, const pb_value *subject, const char *name, pb_error **error);
/* Hints at the line for a name that is a habit from elsewhere, x.name if `dotted`. False if it is
 * none. */
bool pb_hint_habit(const pb_lexicon *lexicon, const char *name, bool dotted, pb_error *error);

#endif
