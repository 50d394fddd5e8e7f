/* Cells of a matrix as paths, and the colour bar beside them. */
#include <math.h>

#include "base/memory.h"
#include "cells.h"
#include "frame.h"
#include "label.h"
#include "scale.h"

#define STEPS 32 /* of opacity; a diverging shading has as many on each side */

/* The step of a value: 1 to STEPS for blue, negative for orange, 0 for what shows nothing. */
static int step_of(const pb_shading *shading, double value)
{
    if (!isfinite(value))
        return 0;
    pb_fill fill = pb_shading_fill(shading, value);
    int step = (int)lround(fill.alpha * STEPS);
    return fill.hue.red == PB_ORANGE.red ? -step : step;
}

/* Runs of one step in a row, in cell units: the group around them scales. */
static void append_runs(pb_buffer *path, const pb_cells *cells, const signed char *steps, int step)
{
    for (size_t row = 0; row < cells->n_rows; row++) {
        const signed char *line_steps = steps + row * cells->n_columns;
        size_t line = cells->upward ? cells->n_rows - 1 - row : row;
        for (size_t column = 0; column < cells->n_columns; column++) {
            size_t first = column;
            while (column < cells->n_columns && line_steps[column] == step)
                column++;
            if (column > first)
                pb_buffer_format(path, "M%zu %zuh%zuv1h-%zuz", first, line, column - first,
                                 column - first);
        }
    }
}

static void draw_step(pb_markup *markup, const pb_cells *cells, const signed char *steps, int step)
{
    pb_buffer path = PB_BUFFER_EMPTY;
    append_runs(&path, cells, steps, step);
    pb_markup_open(markup, "path");
    pb_colour_attribute(markup, "fill", step < 0 ? PB_ORANGE : PB_BLUE);
    pb_markup_number(markup, "fill-opacity", fabs((double)step) / STEPS);
    pb_markup_attribute(markup, "d", path.data);
    pb_markup_close(markup);
    markup->out.failed = markup->out.failed || path.failed;
    pb_buffer_free(&path);
}

/* A stroke through every cell that holds no finite number: page-coloured, it would read as zero. */
static void draw_missing(pb_markup *markup, const pb_cells *cells)
{
    pb_buffer path = PB_BUFFER_EMPTY;
    for (size_t row = 0; row < cells->n_rows; row++)
        for (size_t column = 0; column < cells->n_columns; column++)
            if (!isfinite(cells->values[row * cells->n_columns + column]))
                pb_buffer_format(&path, "M%zu %zul1-1", column,
                                 (cells->upward ? cells->n_rows - 1 - row : row) + 1);
    if (path.data) {
        pb_markup_open(markup, "path");
        pb_markup_attribute(markup, "stroke", "currentColor");
        pb_markup_attribute(markup, "stroke-opacity", "0.35");
        pb_markup_attribute(markup, "vector-effect", "non-scaling-stroke");
        pb_markup_attribute(markup, "shape-rendering", "auto");
        pb_markup_attribute(markup, "d", path.data);
        pb_markup_close(markup);
    }
    markup->out.failed = markup->out.failed || path.failed;
    pb_buffer_free(&path);
}

void pb_cells_scale(pb_markup *markup, const pb_cells *cells)
{
    pb_markup_attribute_format(markup, "transform", "translate(%.2f %.2f) scale(%.4f %.4f)",
                               cells->left, cells->top, cells->cell_width, cells->cell_height);
}

void pb_cells_draw(pb_markup *markup, const pb_cells *cells, const pb_shading *shading,
                   const char *class)
{
    size_t count = cells->n_rows * cells->n_columns;
    bool present[2 * STEPS + 1] = {false};
    signed char *steps = pb_calloc(count, 1);
    if (!steps) {
        markup->out.failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        steps[i] = (signed char)step_of(shading, (double)cells->values[i]);
        present[steps[i] + STEPS] = true;
    }
    pb_markup_open(markup, "g");
    pb_markup_attribute(markup, "class", class);
    pb_cells_scale(markup, cells);
    pb_markup_attribute(markup, "shape-rendering", "crispEdges");
    for (int step = -STEPS; step <= STEPS; step++)
        if (step != 0 && present[step + STEPS])
            draw_step(markup, cells, steps, step);
    if (cells->marks_missing)
        draw_missing(markup, cells);
    pb_markup_close(markup);
    free(steps);
}

/* ---- the colour bar ---- */

#define BAR_WIDTH 13.0
#define BAR_PARTS 40

static void draw_bar_part(pb_markup *markup, const pb_shading *shading, double x, double top,
                          double height, int part)
{
    double share = ((double)part + 0.5) / BAR_PARTS;
    double value = shading->low + (shading->high - shading->low) * share;
    double each = height / BAR_PARTS;
    pb_markup_open(markup, "rect");
    pb_markup_number(markup, "x", x);
    pb_markup_number(markup, "y", top + height - each * (part + 1));
    pb_markup_number(markup, "width", BAR_WIDTH);
    pb_markup_number(markup, "height", each);
    pb_fill_attributes(markup, pb_shading_fill(shading, value));
    pb_markup_close(markup);
}

static void draw_outline(pb_markup *markup, double x, double top, double width, double height)
{
    pb_markup_open(markup, "rect");
    pb_markup_number(markup, "x", x);
    pb_markup_number(markup, "y", top);
    pb_markup_number(markup, "width", width);
    pb_markup_number(markup, "height", height);
    pb_markup_attribute(markup, "fill", "none");
    pb_markup_attribute(markup, "stroke", "currentColor");
    pb_markup_attribute(markup, "stroke-opacity", "0.3");
    pb_markup_close(markup);
}

/* A share of the height from the bottom. */
static double tick_share(const pb_shading *shading, const pb_ticks *ticks, size_t index)
{
    return (pb_tick(ticks, index) - shading->low) / (shading->high - shading->low);
}

static pb_ticks bar_ticks(const pb_shading *shading, double height)
{
    size_t wanted = height < 90.0 ? 2 : height < 160.0 ? 4 : 6;
    return pb_ticks_inside(shading->low, shading->high, wanted);
}

static bool is_flat(const pb_shading *shading)
{
    return !(shading->high > shading->low);
}

static void draw_number(pb_markup *markup, double x, double y, const char *text)
{
    pb_svg_label(markup, (pb_svg_text){.x = x, .y = y + 4, .size = 11, .muted = true}, text);
}

static double numbers_width(const pb_shading *shading, const pb_ticks *ticks)
{
    double widest = 0.0;
    char text[PB_TICK_SIZE], number[PB_NUMBER_SIZE];
    if (is_flat(shading)) {
        pb_number_write(number, shading->low, (pb_number_format){0});
        return pb_label_width(number, PB_TEXT_PLAIN, 11);
    }
    for (size_t i = 0; i < ticks->count; i++) {
        pb_tick_text(ticks, i, text);
        widest = fmax(widest, pb_label_width(text, PB_TEXT_PLAIN, 11));
    }
    return widest;
}

static void draw_numbers(pb_markup *markup, const pb_shading *shading, const pb_ticks *ticks,
                         double x, double top, double height)
{
    char text[PB_TICK_SIZE], number[PB_NUMBER_SIZE];
    if (is_flat(shading)) {
        pb_number_write(number, shading->low, (pb_number_format){0});
        draw_number(markup, x, top + height / 2, number);
        return;
    }
    for (size_t i = 0; i < ticks->count; i++) {
        pb_tick_text(ticks, i, text);
        draw_number(markup, x, top + height * (1.0 - tick_share(shading, ticks, i)), text);
    }
}

double pb_colour_bar_width(const pb_shading *shading, double height, const char *title)
{
    pb_ticks ticks = bar_ticks(shading, height);
    return BAR_WIDTH + 5 + numbers_width(shading, &ticks) + (title && *title ? 22.0 : 0.0);
}

void pb_colour_bar(pb_markup *markup, const pb_shading *shading, double x, double top,
                   double height, const char *title)
{
    pb_ticks ticks = bar_ticks(shading, height);
    pb_markup_open(markup, "g");
    pb_markup_attribute(markup, "shape-rendering", "crispEdges");
    for (int part = 0; part < BAR_PARTS; part++)
        draw_bar_part(markup, shading, x, top, height, part);
    pb_markup_close(markup);
    draw_outline(markup, x, top, BAR_WIDTH, height);
    draw_numbers(markup, shading, &ticks, x + BAR_WIDTH + 5, top, height);
    pb_svg_label(markup,
                 (pb_svg_text){.x = x + pb_colour_bar_width(shading, height, title) - 7,
                               .y = top + height / 2,
                               .size = 11,
                               .anchor = "middle",
                               .rotate = 90},
                 title);
}
