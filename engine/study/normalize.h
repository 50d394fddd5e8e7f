/* Inside study: what a sweep gives with `normalize`, (patched - into) / (from - into). */
#ifndef STUDY_NORMALIZE_H
#define STUDY_NORMALIZE_H

#include "math/tensor.h"

/* The metric's values: of the ends, [n_pairs], and of the cells, [n_pairs, n_cells]. */
typedef struct pb_measured {
    size_t n_pairs, n_cells;
    const double *into, *from, *cells;
} pb_measured;

/* PB_VALUE if there is nothing to divide by: the metric, or its mean over the pairs, is the same on
 * both ends. */
pb_status pb_check_ends_differ(const pb_measured *measured, pb_error **error);

/* One cell's; NaN for a pair whose ends are equal. */
double pb_normalized(const pb_measured *measured, size_t pair, size_t cell);

/* The ratio of the means over the pairs; the axes are those of one pair's cells. */
pb_status pb_normalized_mean(const pb_measured *measured, size_t rank, pb_axis *const *axes,
                             pb_tensor **mean, pb_error **error);

#endif
