/*
 * A heat map laid out and drawn: used by heat maps, by small multiples of them, and by attention
 * views for the enlarged head.
 */
#ifndef PB_MAP_H
#define PB_MAP_H

#include "cells.h"
#include "display/heatmap.h"
#include "scratch.h"

#define PB_MAP_LABEL 11.0 /* sizes of text */
#define PB_MAP_TITLE 12.0
#define PB_TOOLTIPS  3000 /* cells of a picture; more would make the page heavy */

typedef struct pb_drawn_map {
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
    double column_size;      /* of their text */
    bool prints_cells;       /* numbers or texts in the cells */
    const char *cells_class; /* the class of the group of cells; NULL for none */
    const char *place;       /* in front of tooltips: which map of several this is; NULL for none */
    bool pooled;             /* values were pooled: there are more of them than can be drawn */
} pb_drawn_map;

/* Lays a view out. The map borrows the view and the scratch. False when memory is out. */
bool pb_drawn_map_plan(pb_view_scratch *scratch, const pb_heatmap_view *view, pb_drawn_map *map);

/* Draws a pb_drawn_map: a pb_picture's draw. */
void pb_drawn_map_draw(pb_markup *markup, const void *map, bool tooltips);

/* What is written in the cell of a flat index; "" for an empty one. */
const char *pb_drawn_map_cell_text(const pb_drawn_map *map, size_t index);
/* The values as a grid of numbers with their labels, as far as they fit. */
void pb_drawn_map_write_text(const pb_drawn_map *map, pb_buffer *out);
/* The view's notes, then what the picture needs explained: pooled cells, a middle that is not zero,
 * cells without a number. */
pb_words pb_drawn_map_words(const pb_drawn_map *map, const float *values, size_t count);

/* ---- for pictures of several maps, which choose where the cells are and how large ---- */

/* The first half of a plan: colours and digits for all `count` values of the picture, labels and
 * titles, and the view's cells pooled to at most `most_cells`. False when memory is out. */
bool pb_drawn_map_prepare(pb_view_scratch *scratch, const pb_heatmap_view *view,
                          const float *values, size_t count, size_t most_cells, pb_drawn_map *map);
/* `like` with the values of another view that has the same axes. False when memory is out. */
bool pb_drawn_map_with_values(const pb_drawn_map *like, const pb_heatmap_view *view,
                              size_t most_cells, pb_drawn_map *map);

/* What labels take beside cells of the size that is set. */
typedef struct pb_drawn_map_room {
    double left, below; /* without the axes' titles */
    double rows;        /* what the rows' labels take of `left` */
} pb_drawn_map_room;
/* Settles which labels are drawn, and whether they are slanted. */
pb_drawn_map_room pb_drawn_map_fit_labels(pb_drawn_map *map);

/* The cells with their border, what is printed in them, and tooltips. */
void pb_drawn_map_draw_cells(pb_markup *markup, const pb_drawn_map *map, bool tooltips);
void pb_drawn_map_draw_row_labels(pb_markup *markup, const pb_drawn_map *map);
void pb_drawn_map_draw_column_labels(pb_markup *markup, const pb_drawn_map *map);

#endif
