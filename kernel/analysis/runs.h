/* A set of runs: prompts that are run together, whose activations are tensors over `prompt`. */
#ifndef PB_ANALYSIS_RUNS_H
#define PB_ANALYSIS_RUNS_H

#include <stdatomic.h>

#include "domain.h"

/* Prompts that were given as text are run when something asks for their runs; activations are made
 * without any, in batches (activations.c). */
typedef struct pb_runs {
    pb_value *model;
    size_t count;
    const int32_t **tokens; /* [count]; the runs' own where `list` was there from the start */
    size_t *lengths;
    char **texts;
    bool owns_tokens;
    _Atomic(pb_value *) list; /* of runs; NULL until something asks for them */
} pb_runs;

pb_runs *pb_runs_of(const pb_value *value); /* borrowed; NULL if it is none */

/* Takes the prompts out of `lists`. */
pb_status pb_runs_value(pb_token_lists *lists, pb_value **result, pb_error **error);
/* Of runs that are there, with their texts. */
pb_status pb_runs_of_list(pb_value *model, const pb_value *list, pb_value **result,
                          pb_error **error);

/* The runs, computed if they are not there yet. Borrowed. */
pb_status pb_runs_made(pb_runs *runs, const pb_context *context, pb_value **list, pb_error **error);

/* An activation of all of them, or "logits" and "logprobs", which is computed where it is used.
 * Leaves *result NULL for another name. */
pb_status pb_runs_activation(const pb_value *runs, const char *name, pb_value **result,
                             pb_error **error);

#endif
