/*
 * Where something applies: which layers, heads and positions an edit touches or a sweep walks.
 *
 * Places are written with math/tensor.h's selectors, so that positions, labels (" love"),
 * occurrences (at(" John", 2)), lists and slices mean in an edit what they mean in an index.
 * Positions are resolved on each prompt by itself, against its own tokens; PER gives each its own.
 * Selectors are borrowed for the call that takes them. NULL is every place, or what is said there.
 */
#ifndef PB_STUDY_WHERE_H
#define PB_STUDY_WHERE_H

#include "math/tensor.h"
#include "model/run.h"

typedef struct pb_head {
    size_t layer, head;
} pb_head;

/* "L9H6" to a head of this model. PB_NAME says how heads are written, PB_RANGE what there is. */
pb_status pb_head_parse(const pb_model *model, const char *name, pb_head *head, pb_error **error);

/* Every head of the model that is not among `heads`, in order; malloc'ed, the caller's. */
pb_status pb_heads_except(const pb_model *model, const pb_head *heads, size_t n, pb_head **others,
                          size_t *n_others, pb_error **error);

/*
 * Resolves one selector on a prompt's positions to one position. PB_RANGE, PB_NAME and PB_VALUE as
 * in pb_axis_resolve(); PB_VALUE if it names several positions.
 */
pb_status pb_position_resolve(const pb_run *run, const pb_select *select, size_t *position,
                              pb_error **error);

/* A run, and what a message calls it: "into". */
typedef struct pb_named_run {
    const char *name;
    const pb_run *run;
} pb_named_run;

/*
 * An error that shows two prompts' tokens aligned, for when their lengths had to be equal and are
 * not. `what` opens the sentence: "patching needs prompts of the same length".
 */
pb_status pb_lengths_differ(pb_named_run one, pb_named_run other, const char *what,
                            pb_error **error);

#endif
