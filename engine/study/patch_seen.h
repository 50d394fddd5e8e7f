/* Inside study: what a user's function may read of the cells of a sweep; see patch_seen.c. */
#ifndef STUDY_PATCH_SEEN_H
#define STUDY_PATCH_SEEN_H

#include "patch_plan.h"

/* The activations of cells that go through the pass together, kept as it goes by. Zero-initialise.
 */
typedef struct pb_cell_keeper {
    const pb_patch_plan *plan;
    const pb_cell *cells;
    size_t n, n_layer;
    float **values;        /* [n, PB_N_SITES, n_layer]; NULL where not kept */
    unsigned char *wanted; /* [PB_N_SITES, n_layer]: by any cell */

    /* Set when the pass is over. */
    const float *normed; /* [n_rows, d_model], the wanted rows of all cells */
    size_t n_rows;
    float *logits; /* of those, once any is asked for */
    /* Of into's rows of one pair, before its cells' first ones. */
    float *into_logits;
    size_t into_pair;
} pb_cell_keeper;

/* Nothing is kept where the metric is no function, or reads no activation. */
pb_status pb_cell_keeper_start(pb_cell_keeper *keeper, const pb_context *context, pb_error **error);
void pb_cell_keeper_clear(pb_cell_keeper *keeper);
pb_hooks pb_cell_keeper_hooks(pb_cell_keeper *keeper);
/* Bytes that one cell keeps. */
size_t pb_cell_kept_bytes(const pb_patch_plan *plan, const pb_cell *cell);

/* The function of one cell, whose wanted rows begin at `row` of all; they lie at `wanted` rows from
 * its first one on. */
pb_status pb_cell_call(pb_cell_keeper *keeper, size_t which, const size_t *wanted, size_t row,
                       double *value, pb_error **error);

#endif
