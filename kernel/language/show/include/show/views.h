/* Tensors as the views of the display layer: axes with their labels, and words around them. */
#ifndef PB_SHOW_VIEWS_H
#define PB_SHOW_VIEWS_H

#include "display/chart.h"
#include "display/heatmap.h"
#include "display/table.h"
#include "display/view.h"
#include "value/value.h"

/* An axis as a view. `labels` and `coordinates` are owned by it; the strings are the axis'. */
typedef struct pb_axis_labels {
    pb_axis_view view;
    const char **labels;
    int64_t *coordinates;
} pb_axis_labels;

pb_status pb_axis_labels_of(const pb_axis *axis, pb_axis_labels *labels, pb_error **error);
void pb_axis_labels_free(pb_axis_labels *labels);

/* The value of a sweep where patching changes nothing, which a map draws without colour; written to
 * *storage. NULL for what is no sweep, and for a normalised one, whose zero says the same. */
const double *pb_unpatched_value(const pb_value *tensor, double *storage);

/* A rank-2 tensor as a heat map, `rows` and `columns` naming its axes. Words are borrowed. */
pb_status pb_heatmap_of(const pb_value *tensor, const char *rows, const char *columns,
                        const pb_words *words, pb_bundle **bundle, pb_error **error);

/* A table with a row for each place of an axis: what the places are called, then the columns of
 * values, each of the axis' length. */
pb_status pb_table_of(const pb_axis *axis, const pb_column *values, size_t n_values,
                      const pb_words *words, pb_bundle **bundle, pb_error **error);

/* The sentences a tensor carries (.notes), as notes of a view. *notes is malloc'ed, its strings
 * borrowed. */
pb_status pb_notes_of(const pb_value *tensor, const char ***notes, size_t *count, pb_error **error);

/* A tensor's values as doubles, malloc'ed; NULL when memory is out. */
double *pb_doubles_of(const pb_tensor *tensor);

#endif
