/* Cells of a matrix as SVG, shared by heat maps and attention views. */
#ifndef PB_CELLS_H
#define PB_CELLS_H

#include "markup.h"
#include "palette.h"

/* A matrix of values drawn from (left, top) in cells of the given size; NaN draws nothing. */
typedef struct pb_cells {
    const float *values; /* [n_rows, n_columns] */
    size_t n_rows, n_columns;
    double left, top, cell_width, cell_height;
    bool upward; /* row 0 at the bottom */
} pb_cells;

/*
 * Draws the cells as one path for each of 32 steps of colour, neighbours of one step merged: a few
 * bytes a cell, however many there are. `class` names the group; NULL for none.
 */
void pb_cells_draw(pb_markup *markup, const pb_cells *cells, const pb_shading *shading,
                   const char *class);

/* The y of a row's top edge. */
double pb_cells_y(const pb_cells *cells, size_t row);

/* A bar of the shading's colours with numbers, standing at (x, top), and its width. `title` is
 * written along it; "" for none. */
double pb_colour_bar(pb_markup *markup, const pb_shading *shading, double x, double top,
                     double height, const char *title);

#endif
