/* Cells of a matrix as SVG, shared by heat maps and attention views. */
#ifndef PB_CELLS_H
#define PB_CELLS_H

#include "markup.h"
#include "palette.h"

/* A matrix of values drawn from (left, top) in cells of the given size. What is not finite has no
 * colour. */
typedef struct pb_cells {
    const float *values; /* [n_rows, n_columns] */
    size_t n_rows, n_columns;
    double left, top, cell_width, cell_height;
    bool upward;        /* row 0 at the bottom */
    bool marks_missing; /* what is not finite gets a stroke, to tell it from zero */
} pb_cells;

/*
 * Draws the cells as one path for each of 32 steps of colour, neighbours of one step merged: a few
 * bytes a cell, however many there are. `class` names the group; NULL for none.
 */
void pb_cells_draw(pb_markup *markup, const pb_cells *cells, const pb_shading *shading,
                   const char *class);

/* The transform that makes a cell the unit, for a group of the caller's. */
void pb_cells_scale(pb_markup *markup, const pb_cells *cells);

/* A bar of the shading's colours with numbers, standing at (x, top). `title` is written along it;
 * "" for none. */
void pb_colour_bar(pb_markup *markup, const pb_shading *shading, double x, double top,
                   double height, const char *title);
double pb_colour_bar_width(const pb_shading *shading, double height, const char *title);

#endif
