/*
 * The ledger holds what each component added to a logit, a row for each run and position. It is
 * filled from runs here; attribute.c makes the results of it.
 *
 * (c - mean c) . u = c . (u - mean u), so the direction is centred once instead of every component.
 * At the last position of an unedited prompt the run has kept what its components wrote. Elsewhere,
 * and for neurons, one forward pass over all runs reads each contribution as it goes by. Either way
 * nothing larger than a number per component is made.
 */
#ifndef PB_STUDY_LEDGER_H
#define PB_STUDY_LEDGER_H

#include "positions.h"
#include "study/attribute.h"

/* A prompt's target, as the last layer norm's output sees it and as the stream does. */
typedef struct pb_ledger_column {
    float *normed;   /* [d_model] W_U[:, target] (- W_U[:, against]) */
    float *centred;  /* [d_model] the same times the norm's gain, less its mean */
    double bias;     /* b_U */
    double constant; /* beta . W_U[:, target] of unfolded norms */
} pb_ledger_column;

typedef struct pb_ledger {
    /* set by the caller; borrowed */
    pb_run *const *runs;
    size_t n_runs, n_each, n_rows; /* n_rows = n_runs * n_each */
    const pb_positions *positions; /* [n_runs] */
    const pb_model *model;
    const pb_shape *shape;
    const pb_attribute_spec *spec;
    const pb_context *context;

    pb_ledger_column *targets; /* [n_runs] or [1] */
    size_t n_targets;
    bool edited;
    bool stream_edited; /* an edit writes to the residual stream itself: a component of its own */
    size_t n_components;
    double *parts; /* [n_rows, n_components] */
    /* Heads of each attention, or neurons of each MLP; none by component. */
    size_t n_units, unit_width;
    double *units;          /* [n_rows, n_layer, n_units] */
    float *unit_directions; /* [n_targets, n_units, unit_width] of a layer */
    size_t directions_of;   /* which layer; SIZE_MAX before the first */
    float *sigma;           /* [n_rows] */
} pb_ledger;

/* Fills everything after the caller's own; clear it afterwards, whatever the status. */
pb_status pb_ledger_fill(pb_ledger *ledger, pb_error **error);
void pb_ledger_clear(pb_ledger *ledger);

const pb_ledger_column *pb_ledger_target(const pb_ledger *ledger, size_t row);

#endif
