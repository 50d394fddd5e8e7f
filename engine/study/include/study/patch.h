/*
 * Activation patching: run `into` with the activation at a site replaced by `from`'s, and read the
 * metric; once, or swept over layers, heads and positions.
 *
 * Directions are named by their ends. TransformerLens' get_act_patch_* copy clean into corrupted:
 * that is into = corrupted, from = clean.
 */
#ifndef PB_STUDY_PATCH_H
#define PB_STUDY_PATCH_H

#include "math/tensor.h"
#include "model/forward.h"
#include "model/run.h"
#include "model/sites.h"
#include "study/metric.h"
#include "study/where.h"

/* Borrowed for the call. EACH walks its places, a cell for each; others are taken together.
 * pb_patch_defaults() fills in what is walked when it is not said. */
typedef struct pb_patch_spec {
    pb_run *const *into;
    size_t n_into;
    pb_run *const *from; /* as many as into, or one shared; the same when n_into is 1 */
    size_t n_from;
    pb_axis *prompts; /* the prompt axis of the result, of length max(n_into, n_from), or NULL with
                         one pair */
    pb_site site;
    const pb_select *layers;
    const pb_select *heads; /* sites with a head axis */
    const pb_head *pairs;   /* instead of layers and heads, these: all patched together, or with
                               heads EACH one at a time, along an axis "component" labelled "L9H6" */
    size_t n_pairs;
    const pb_select *positions; /* resolved in `into`; the same index is read from `from`. Of
                           queries where the site has keys */
    const pb_select *keys;      /* sites with keys only */
    const pb_select *neurons;   /* places along the site's last axis; NULL: all of it. What is
                                   walked gives an axis of its name, "d_mlp" */
    const pb_metric *metric;
    bool normalize;       /* (patched - into) / (from - into); over prompts the ratio of means is
                             in `mean` */
    size_t memory_budget; /* bytes that the activations of cells computed together may take, and
                             as many of from's that they read; 0: 256 MiB */
    bool one_by_one;      /* the plain reference: a whole forward pass per cell. For checking */
} pb_patch_spec;

/* layer=each; at sites with heads head=each, pos=all; elsewhere pos=each. Sets layers, heads,
 * positions and keys only. */
void pb_patch_defaults(pb_site site, pb_patch_spec *spec);

/* One of a sweep's own checks, with the cell where it was furthest off. */
typedef struct pb_patch_check {
    const char *text; /* what should hold; static */
    double expected, got, difference;
    bool passed;
    int64_t prompt, layer, position; /* -1: not about one */
} pb_patch_check;

enum { PB_PATCH_MAX_CHECKS = 4 };

typedef struct pb_patch_result {
    pb_tensor *values; /* [prompt?, layer?, head?, pos? | query?, key? | d_mlp?]: the axes that are
                          walked; a selector that names one place drops its axis. Cells not reached
                          by an interrupted sweep are NaN */
    pb_tensor *into;   /* the metric on into alone, [prompt?]; never normalised */
    pb_tensor *from;   /* on from alone, [prompt?] */
    pb_tensor *mean;   /* normalised over prompts: ratio of the means, values' axes less prompt;
                          else NULL */
    bool normalized;
    bool partial; /* interrupted: some cells are NaN */
    size_t cells, cells_done;
    size_t row_layers; /* what the cells cost (see model/forward.h); the ends' own two runs are
                          not counted */
    size_t closed;     /* cells whose value needed no computing */
    pb_patch_check checks[PB_PATCH_MAX_CHECKS];
    size_t n_checks;
} pb_patch_result;

/*
 * Patches. The metric must name one position per prompt. On an interrupt it returns PB_OK with
 * `partial` set if at least one cell was done, PB_INTERRUPTED otherwise.
 * PB_VALUE if lengths differ (both prompts shown, aligned), PB_RANGE, PB_NAME for places that are
 * not there, PB_MEMORY if one cell does not fit the budget.
 */
pb_status pb_patch(const pb_patch_spec *spec, const pb_context *context, pb_patch_result *result,
                   pb_error **error);
void pb_patch_result_release(pb_patch_result *result);

/*
 * The row-layers a sweep of residual sites costs by the planner's rules: what pb_patch() reports in
 * row_layers. See docs/performance. For tests and for saying beforehand what a sweep will cost.
 */
pb_status pb_patch_cost(const pb_patch_spec *spec, size_t *row_layers, pb_error **error);

#endif
