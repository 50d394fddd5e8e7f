/* Heat maps: layout and drawing. */
#include "map.h"

#include <math.h>

#include "frame.h"
#include "label.h"
#include "scale.h"

#define LABEL_SIZE    PB_MAP_LABEL
#define TITLE_SIZE    PB_MAP_TITLE
#define CELL_SIZE     10.5
#define LABEL_LONGEST 22
#define ROOMY_COLUMNS 12 /* with more, texts in cells are cut shorter */
#define SLANT         0.7071
#define WIDEST        860.0
#define TALLEST       620.0
#define MOST_PLACES   430 /* along one side; beyond that neighbours are drawn as one */
#define MOST_CELLS    120000

/* ---- pooling: matrices with more cells than can be drawn ---- */

/* How many rows and columns are drawn as one, so that the drawn ones stay within the limits. */
static void plan_pooling(const pb_heatmap_view *view, size_t most_cells, size_t *rows,
                         size_t *columns)
{
    *rows = *columns = 1;
    for (;;) {
        size_t n_rows = view->rows.count / *rows, n_columns = view->columns.count / *columns;
        if (n_rows <= MOST_PLACES && n_columns <= MOST_PLACES &&
            (n_rows == 0 || n_columns <= most_cells / n_rows))
            return;
        if (n_rows > n_columns)
            ++*rows;
        else
            ++*columns;
    }
}

/* The value of largest magnitude among a block's finite ones. */
static float pool_block(const pb_heatmap_view *view, size_t row, size_t column, size_t rows,
                        size_t columns)
{
    float best = NAN;
    for (size_t i = row; i < row + rows && i < view->rows.count; i++)
        for (size_t j = column; j < column + columns && j < view->columns.count; j++) {
            float value = view->values[i * view->columns.count + j];
            if (!isnan(value) && (isnan(best) || fabsf(value) > fabsf(best)))
                best = value;
        }
    return best;
}

/* Sets the cells to the view's values, pooled where there are too many. */
static bool plan_cells(pb_drawn_map *map, size_t most_cells)
{
    const pb_heatmap_view *view = map->view;
    size_t rows, columns;
    plan_pooling(view, most_cells, &rows, &columns);
    map->cells.values = view->values;
    map->cells.n_rows = view->rows.count;
    map->cells.n_columns = view->columns.count;
    map->cells.upward = view->rows_upward;
    map->cells.marks_missing = true;
    if (rows == 1 && columns == 1)
        return true;
    map->pooled = true;
    map->cells.n_rows = (view->rows.count + rows - 1) / rows;
    map->cells.n_columns = (view->columns.count + columns - 1) / columns;
    float *values = pb_view_scratch_array(map->scratch, map->cells.n_rows * map->cells.n_columns,
                                          sizeof *values);
    if (!values)
        return false;
    for (size_t i = 0; i < map->cells.n_rows; i++)
        for (size_t j = 0; j < map->cells.n_columns; j++)
            values[i * map->cells.n_columns + j] =
                pool_block(view, i * rows, j * columns, rows, columns);
    map->cells.values = values;
    return true;
}

/* ---- layout ---- */

static const char **plan_labels(pb_view_scratch *scratch, const pb_axis_view *axis)
{
    const char **labels = pb_view_scratch_array(scratch, axis->count, sizeof *labels);
    for (size_t i = 0; labels && i < axis->count; i++)
        labels[i] = pb_axis_view_label(scratch, axis, i, LABEL_LONGEST);
    return labels;
}

static pb_text_kind kind_of(const pb_axis_view *axis)
{
    return axis->labels ? axis->kind : PB_TEXT_PLAIN;
}

static double widest_label(const char **labels, const pb_axis_view *axis)
{
    double widest = 0.0;
    for (size_t i = 0; i < axis->count; i++)
        widest = fmax(widest, pb_label_width(labels[i], kind_of(axis), LABEL_SIZE));
    return widest;
}

/* A key behind its query, which attention cannot see: its weight is no number worth reading. */
static bool is_unseen(const pb_heatmap_view *view, size_t index)
{
    size_t row = index / view->columns.count, column = index % view->columns.count;
    return view->causal && view->values[index] == 0.0f &&
           pb_axis_number(&view->columns, column) > pb_axis_number(&view->rows, row);
}

/* What is written in a cell; "" for an empty one. */
const char *pb_drawn_map_cell_text(const pb_drawn_map *map, size_t index)
{
    const pb_heatmap_view *view = map->view;
    char number[PB_NUMBER_SIZE];
    if (view->cell_texts)
        return pb_label_clip(map->scratch,
                             pb_label_make(map->scratch, view->cell_texts[index], view->cell_kind),
                             view->columns.count > ROOMY_COLUMNS ? 10 : 14);
    double value = (double)view->values[index];
    if (isnan(value) || is_unseen(view, index))
        return "";
    if (map->format.style == PB_NUMBER_FIXED && fabs(value) < 0.5 * pow(10, -map->format.digits))
        value = 0.0; /* no room for 1.2e-05; the tooltip has it */
    size_t length = pb_number_write(number, value, map->format);
    return pb_view_scratch_text(map->scratch, number, length);
}

static double widest_cell(const pb_drawn_map *map)
{
    size_t count = map->view->rows.count * map->view->columns.count;
    pb_text_kind kind = map->view->cell_texts ? map->view->cell_kind : PB_TEXT_PLAIN;
    double widest = 0.0;
    for (size_t i = 0; i < count; i++)
        widest = fmax(widest, pb_label_width(pb_drawn_map_cell_text(map, i), kind, CELL_SIZE));
    return widest;
}

#define PRINTED_CELLS 600    /* numbers; more are too many to read */
#define PRINTED_TEXTS 3000   /* texts are what a map of them is for: */
#define WIDEST_TEXTS  8000.0 /* rather than lose them, it grows beyond the page and scrolls */

/* Cells as large as the page allows, at least wide enough for what is printed in them if that
 * does not make the picture wider than the page. */
static void plan_size(pb_drawn_map *map)
{
    double columns = fmax(1.0, (double)map->cells.n_columns);
    double rows = fmax(1.0, (double)map->cells.n_rows);
    size_t count = map->cells.n_rows * map->cells.n_columns;
    bool texts = map->view->cell_texts != NULL;
    double widest = texts ? WIDEST_TEXTS : WIDEST;
    bool readable = count <= (texts ? PRINTED_TEXTS : PRINTED_CELLS) && !map->pooled;
    double wanted = readable ? widest_cell(map) + 9.0 : widest;
    map->cells.cell_height = fmax(1.0, fmin(26.0, floor(TALLEST / rows)));
    map->prints_cells = wanted * columns <= widest && map->cells.cell_height >= 14.0;
    double roomy = map->prints_cells ? fmax(wanted, 36.0) : 30.0;
    map->cells.cell_width =
        fmax(1.0, fmin(roomy, floor((map->prints_cells ? widest : WIDEST) / columns)));
    if (columns * map->cells.cell_width < 150.0)
        map->cells.cell_width = fmin(64.0, 150.0 / columns);
    if (map->view->square && !map->prints_cells)
        map->cells.cell_width = map->cells.cell_height =
            fmin(map->cells.cell_width, map->cells.cell_height);
}

/* The colour bar is as tall as the cells, but never too short for its title. */
static double bar_height(const pb_drawn_map *map)
{
    double title = pb_label_width(map->value_title, PB_TEXT_PLAIN, LABEL_SIZE);
    return fmax(fmax(60.0, title), map->cells.cell_height * (double)map->cells.n_rows);
}

pb_drawn_map_room pb_drawn_map_fit_labels(pb_drawn_map *map)
{
    /* Pooled rows and columns stand for several of the view's. */
    const pb_heatmap_view *view = map->view;
    double row_step =
        map->cells.cell_height * (double)map->cells.n_rows / fmax(1.0, (double)view->rows.count);
    double column_step = map->cells.cell_width * (double)map->cells.n_columns /
                         fmax(1.0, (double)view->columns.count);
    double widest = widest_label(map->column_labels, &view->columns);
    bool words = view->columns.labels != NULL;
    pb_drawn_map_room room = {.below = 20.0};
    room.left = room.rows = widest_label(map->row_labels, &view->rows) + 8.0;
    map->column_size = LABEL_SIZE;
    map->row_every = pb_round_count(13.0 / row_step);
    map->slanted = words && widest + 4.0 > column_step;
    if (map->slanted) {
        map->column_every = pb_round_count(14.0 / column_step);
        map->column_size =
            pb_label_slanted_size(LABEL_SIZE, column_step * (double)map->column_every);
        room.left = fmax(room.left, widest * SLANT - column_step / 2 + 4.0);
        room.below = widest * SLANT + 16.0;
    } else {
        map->column_every = words ? 1 : pb_round_count((widest + 8.0) / column_step);
    }
    return room;
}

static double row_title_length(const pb_drawn_map *map)
{
    return pb_label_width(map->row_title, PB_TEXT_PLAIN, TITLE_SIZE);
}

/* Places the cells among their labels. */
static void place_map(pb_drawn_map *map)
{
    pb_drawn_map_room room = pb_drawn_map_fit_labels(map);
    map->cells.left = room.left + (*map->row_title ? 20.0 : 0.0);
    map->cells.top = 8.0;
    double right = map->cells.left + map->cells.cell_width * (double)map->cells.n_columns;
    double bottom = map->cells.top + fmax(bar_height(map), row_title_length(map));
    map->bar_x = right + 18.0;
    map->height = bottom + room.below + (*map->column_title ? 19.0 : 4.0);
    map->width =
        map->bar_x + 8.0 + pb_colour_bar_width(&map->shading, bar_height(map), map->value_title);
}

bool pb_drawn_map_prepare(pb_view_scratch *scratch, const pb_heatmap_view *view,
                          const float *values, size_t count, size_t most_cells, pb_drawn_map *map)
{
    double least = INFINITY, greatest = -INFINITY;
    *map = (pb_drawn_map){.view = view, .scratch = scratch};
    pb_extend_floats(&least, &greatest, values, count);
    map->shading =
        view->middle ? pb_shading_about(*view->middle, least, greatest)
                     : pb_shading_settle(view->shade == PB_SHADE_NONE ? PB_SHADE_AUTO : view->shade,
                                         view->range, least, greatest);
    map->format = pb_number_settle_floats(view->format, values, count);
    map->row_labels = plan_labels(scratch, &view->rows);
    map->column_labels = plan_labels(scratch, &view->columns);
    map->row_title = pb_axis_view_title(scratch, view->rows.name, view->rows.unit);
    map->column_title = pb_axis_view_title(scratch, view->columns.name, view->columns.unit);
    map->value_title = pb_axis_view_title(scratch, view->value_name, view->value_unit);
    return map->row_labels && map->column_labels && plan_cells(map, most_cells);
}

bool pb_drawn_map_with_values(const pb_drawn_map *like, const pb_heatmap_view *view,
                              size_t most_cells, pb_drawn_map *map)
{
    double width = like->cells.cell_width, height = like->cells.cell_height;
    *map = *like;
    map->view = view;
    if (!plan_cells(map, most_cells))
        return false;
    map->cells.cell_width = width;
    map->cells.cell_height = height;
    return true;
}

bool pb_drawn_map_plan(pb_view_scratch *scratch, const pb_heatmap_view *view, pb_drawn_map *map)
{
    size_t count = view->rows.count * view->columns.count;
    if (!pb_drawn_map_prepare(scratch, view, view->values, count, MOST_CELLS, map))
        return false;
    plan_size(map);
    place_map(map);
    return true;
}

/* ---- drawing ---- */

static double column_x(const pb_drawn_map *map, size_t column)
{
    double step =
        map->cells.cell_width * (double)map->cells.n_columns / (double)map->view->columns.count;
    return map->cells.left + step * ((double)column + 0.5);
}

static double row_y(const pb_drawn_map *map, size_t row)
{
    double count = (double)map->view->rows.count;
    double step = map->cells.cell_height * (double)map->cells.n_rows / count;
    double line = map->view->rows_upward ? count - 1.0 - (double)row : (double)row;
    return map->cells.top + step * (line + 0.5);
}

void pb_drawn_map_draw_row_labels(pb_markup *markup, const pb_drawn_map *map)
{
    for (size_t i = 0; i < map->view->rows.count; i += map->row_every)
        pb_svg_label(markup,
                     (pb_svg_text){.x = map->cells.left - 6,
                                   .y = row_y(map, i) + 4,
                                   .size = LABEL_SIZE,
                                   .anchor = "end",
                                   .kind = kind_of(&map->view->rows)},
                     map->row_labels[i]);
}

void pb_drawn_map_draw_column_labels(pb_markup *markup, const pb_drawn_map *map)
{
    double bottom = map->cells.top + map->cells.cell_height * (double)map->cells.n_rows;
    for (size_t i = 0; i < map->view->columns.count; i += map->column_every)
        pb_svg_label(markup,
                     (pb_svg_text){.x = column_x(map, i) + (map->slanted ? 4 : 0),
                                   .y = bottom + (map->slanted ? 12 : 15),
                                   .size = map->column_size,
                                   .anchor = map->slanted ? "end" : "middle",
                                   .rotate = map->slanted ? -45 : 0,
                                   .kind = kind_of(&map->view->columns)},
                     map->column_labels[i]);
}

static void draw_titles(pb_markup *markup, const pb_drawn_map *map)
{
    double bottom = map->cells.top + map->cells.cell_height * (double)map->cells.n_rows;
    double right = map->cells.left + map->cells.cell_width * (double)map->cells.n_columns;
    pb_svg_label(markup,
                 (pb_svg_text){.x = (map->cells.left + right) / 2,
                               .y = map->height - 6,
                               .size = TITLE_SIZE,
                               .anchor = "middle"},
                 map->column_title);
    pb_svg_label(markup,
                 (pb_svg_text){.x = 12,
                               .y = fmax((map->cells.top + bottom) / 2,
                                         map->cells.top + row_title_length(map) / 2),
                               .size = TITLE_SIZE,
                               .anchor = "middle",
                               .rotate = -90},
                 map->row_title);
}

static void draw_printed(pb_markup *markup, const pb_drawn_map *map)
{
    const pb_heatmap_view *view = map->view;
    pb_markup_open(markup, "g");
    pb_markup_attribute(markup, "class", map->cells_class ? "pb-numbers" : NULL);
    for (size_t row = 0; row < view->rows.count; row++)
        for (size_t column = 0; column < view->columns.count; column++) {
            size_t index = row * view->columns.count + column;
            pb_fill fill = pb_shading_fill(&map->shading, (double)view->values[index]);
            pb_svg_label(markup,
                         (pb_svg_text){.x = column_x(map, column),
                                       .y = row_y(map, row) + 3.5,
                                       .size = CELL_SIZE,
                                       .anchor = "middle",
                                       .white = fill.white_text,
                                       .cell = pb_view_scratch_format(map->scratch, "%zu", index),
                                       .kind = view->cell_texts ? view->cell_kind : PB_TEXT_PLAIN},
                         pb_drawn_map_cell_text(map, index));
        }
    pb_markup_close(markup);
}

/* "layer 3, position 2 ·love: -0.51 logits", behind the map's place */
static void draw_tooltip(pb_markup *markup, const pb_drawn_map *map, size_t row, size_t column)
{
    const pb_heatmap_view *view = map->view;
    size_t index = row * view->columns.count + column;
    char number[PB_NUMBER_SIZE];
    pb_number_write(number, (double)view->values[index], map->format);
    pb_markup_open(markup, "title");
    pb_markup_text(markup, map->place, PB_TEXT_PLAIN);
    pb_markup_text(markup, map->place ? ", " : NULL, PB_TEXT_PLAIN);
    pb_markup_text(markup, pb_axis_place(map->scratch, &view->rows, row), PB_TEXT_PLAIN);
    pb_markup_text(markup, ", ", PB_TEXT_PLAIN);
    pb_markup_text(markup, pb_axis_place(map->scratch, &view->columns, column), PB_TEXT_PLAIN);
    pb_markup_format(markup, ": %s%s", number, view->value_unit ? " " : "");
    pb_markup_text(markup, view->value_unit, PB_TEXT_PLAIN);
    if (view->cell_texts) {
        pb_markup_text(markup, ", ", PB_TEXT_PLAIN);
        pb_markup_text(markup, view->cell_texts[index], view->cell_kind);
    }
    pb_markup_close(markup);
}

/* Cells that cannot be seen but say their value to a pointer that rests on them. In cell units, as
 * pb_cells_draw does it: there may be thousands. */
static void draw_tooltips(pb_markup *markup, const pb_drawn_map *map)
{
    const pb_cells *cells = &map->cells;
    pb_markup_open(markup, "g");
    pb_markup_attribute(markup, "fill-opacity", "0");
    pb_cells_scale(markup, cells);
    for (size_t row = 0; row < cells->n_rows; row++)
        for (size_t column = 0; column < cells->n_columns; column++) {
            if (isnan(cells->values[row * cells->n_columns + column]))
                continue;
            pb_markup_open(markup, "path");
            pb_markup_attribute_format(markup, "d", "M%zu %zuh1v1h-1z", column,
                                       cells->upward ? cells->n_rows - 1 - row : row);
            draw_tooltip(markup, map, row, column);
            pb_markup_close(markup);
        }
    pb_markup_close(markup);
}

static void draw_border(pb_markup *markup, const pb_cells *cells)
{
    pb_markup_open(markup, "rect");
    pb_markup_number(markup, "x", cells->left);
    pb_markup_number(markup, "y", cells->top);
    pb_markup_number(markup, "width", cells->cell_width * (double)cells->n_columns);
    pb_markup_number(markup, "height", cells->cell_height * (double)cells->n_rows);
    pb_markup_attribute(markup, "fill", "none");
    pb_markup_attribute(markup, "stroke", "currentColor");
    pb_markup_attribute(markup, "stroke-opacity", "0.25");
    pb_markup_close(markup);
}

void pb_drawn_map_draw_cells(pb_markup *markup, const pb_drawn_map *map, bool tooltips)
{
    pb_cells_draw(markup, &map->cells, &map->shading, map->cells_class);
    draw_border(markup, &map->cells);
    if (map->prints_cells)
        draw_printed(markup, map);
    if (tooltips && !map->pooled)
        draw_tooltips(markup, map);
}

void pb_drawn_map_draw(pb_markup *markup, const void *user, bool tooltips)
{
    const pb_drawn_map *map = user;
    const pb_cells *cells = &map->cells;
    pb_drawn_map_draw_cells(markup, map,
                            tooltips && cells->n_rows * cells->n_columns <= PB_TOOLTIPS);
    pb_drawn_map_draw_row_labels(markup, map);
    pb_drawn_map_draw_column_labels(markup, map);
    draw_titles(markup, map);
    pb_colour_bar(markup, &map->shading, map->bar_x, cells->top, bar_height(map), map->value_title);
}
