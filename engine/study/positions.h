/* Inside study: the positions a question is about, on each of several prompts. */
#ifndef STUDY_POSITIONS_H
#define STUDY_POSITIONS_H

#include "model/run.h"

typedef struct pb_positions {
    size_t *at; /* ascending */
    size_t n;
} pb_positions;

/* Resolves a selector (NULL: the last) on a run. *one is cleared if it names more than one place by
 * kind: a list, a slice. `at` is malloc'ed. */
pb_status pb_positions_resolve(pb_run *run, const pb_select *select, pb_positions *positions,
                               bool *one, pb_error **error);

/* On several runs, as many positions in each; positions[i].at are the caller's. */
pb_status pb_positions_resolve_all(pb_run *const *runs, size_t n_runs, const pb_select *select,
                                   pb_positions *positions, bool *one, pb_error **error);
void pb_positions_free(pb_positions **positions, size_t n_runs);

/*
 * The axis over them, called `name`: labels are the tokens, joined as "love|hate" where runs
 * differ. Coordinates are the positions, and -1 is the runs' last; where runs choose different
 * places, or with `own_end`, they are 0, 1, ..., and -1 is the last of these. PB_VALUE if their
 * numbers differ.
 */
pb_status pb_positions_axis(const char *name, pb_run *const *runs, size_t n_runs,
                            const pb_positions *positions, bool own_end, pb_axis **axis,
                            pb_error **error);

#endif
