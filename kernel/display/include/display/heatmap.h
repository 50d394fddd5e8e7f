/* Heat maps: a matrix as shaded cells with labels on both sides and a colour bar. */
#ifndef PB_DISPLAY_HEATMAP_H
#define PB_DISPLAY_HEATMAP_H

#include "display/view.h"

typedef struct pb_heatmap_view {
    pb_words words;
    pb_axis_view rows, columns;
    const float *values;           /* [rows.count, columns.count]; NaN is an empty cell */
    const char *const *cell_texts; /* written in the cells instead of numbers; NULL for none */
    pb_text_kind cell_kind;
    const char *value_name, *value_unit; /* beside the colour bar */
    pb_shade shade;                      /* PB_SHADE_NONE means PB_SHADE_AUTO */
    pb_range range;
    const double *middle;    /* the value shading diverges about; NULL: zero, where it diverges */
    const char *middle_name; /* what that value is: "the unpatched value" */
    pb_number_format format;
    bool square;      /* cells as wide as high, unless numbers are printed in them */
    bool causal;      /* rows are queries and columns keys: no zero is written behind a query */
    bool rows_upward; /* row 0 at the bottom, as layers are often drawn */
} pb_heatmap_view;

pb_status pb_show_heatmap(const pb_heatmap_view *view, pb_bundle **bundle, pb_error **error);

#endif
