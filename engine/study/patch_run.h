/* Inside study: a sweep's cells through the forward pass, in blocks; see patch_plan.h. */
#ifndef STUDY_PATCH_RUN_H
#define STUDY_PATCH_RUN_H

#include "patch_plan.h"

typedef struct pb_patch_run {
    const pb_patch_plan *plan;
    double *values;      /* [n_cells], NaN where not computed */
    double *into, *from; /* [n_pairs] */
    size_t cells_done;
    pb_work work;

    /* Cells computed for the sweep's own checks, after the others; not counted in `work`. */
    pb_cell *extra;
    size_t n_extra;
    double *extra_values; /* by place */
} pb_patch_run;

/* Whether the memory budget holds a cell's rows. */
bool pb_patch_cell_fits(const pb_patch_plan *plan, const pb_cell *cell);

/* Computes the ends' values and every cell; on PB_INTERRUPTED what was done stays. */
pb_status pb_patch_run_all(pb_patch_run *run, const pb_context *context, pb_error **error);

#endif
