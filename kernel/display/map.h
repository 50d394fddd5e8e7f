/*
 * A heat map laid out and drawn: used by heat maps, and by attention views for the enlarged head.
 */
#ifndef PB_MAP_H
#define PB_MAP_H

#include "cells.h"
#include "display/heatmap.h"
#include "scratch.h"

typedef struct pb_map {
    const pb_heatmap_view *view;
    pb_view_scratch *scratch;
    pb_shading shading;
    pb_number_format format;
    pb_cells cells;
    double width, height, bar_x;
    const char **row_labels, **column_labels;
    const char *row_title, *column_title, *value_title;
    size_t row_every, column_every;
    bool slanted;            /* column labels */
    bool prints_cells;       /* numbers or texts in the cells */
    const char *cells_class; /* the class of the group of cells; NULL for none */
    bool pooled;             /* values were pooled: there are more of them than can be drawn */
} pb_map;

/* Lays a view out. The map borrows the view and the scratch. False when memory is out. */
bool pb_map_plan(pb_view_scratch *scratch, const pb_heatmap_view *view, pb_map *map);

/* Draws a pb_map: a pb_picture's draw. */
void pb_map_draw(pb_markup *markup, const void *map, bool tooltips);

/* What is written in the cell of a flat index; "" for an empty one. */
const char *pb_map_cell_text(const pb_map *map, size_t index);

#endif
