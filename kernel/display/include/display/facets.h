/*
 * Small multiples: a heat map for every place of one axis, or of two, with one scale of colours,
 * one colour bar and labels that neighbours share.
 */
#ifndef PB_DISPLAY_FACETS_H
#define PB_DISPLAY_FACETS_H

#include "display/heatmap.h"

#define PB_FACETS_MOST 256 /* panels of one picture */

typedef struct pb_facets_view {
    pb_heatmap_view map; /* what every panel is; `values` (and `cell_texts`, which tooltips and text
                            have) are [down.count, across.count, rows.count, columns.count] */
    pb_axis_view across; /* a panel for each of its places */
    pb_axis_view down;   /* with a line of panels for each of its places; count 0: no such axis, and
                            the panels are wrapped */
    size_t per_line;     /* panels beside each other where they are wrapped; 0: what suits them */
    const char *hint;    /* what the plain text says where it leaves panels out; NULL for nothing */
} pb_facets_view;

/* PB_LIMIT with more than PB_FACETS_MOST panels. */
pb_status pb_show_facets(const pb_facets_view *view, pb_bundle **bundle, pb_error **error);

#endif
