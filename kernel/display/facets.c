/* Small multiples of heat maps: where the panels go, and what stands around them. */
#include "display/facets.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "frame.h"
#include "label.h"
#include "map.h"
#include "text.h"

typedef struct pb_facets {
    const pb_facets_view *view;
    pb_view_scratch *scratch;
    pb_drawn_map like; /* a panel without its values and its place */
    pb_heatmap_view *views;
    pb_drawn_map *panels;
    size_t n_panels, per_line, lines;
    const char **across, **down;     /* titles, cut to the room they have */
    double slot;                     /* width a panel has for its cells or its title */
    double gap, line_height;         /* between panels; from one line's top to the next */
    double left, top, right, bottom; /* of the cells */
    pb_drawn_map_room room;          /* for their labels */
    double width, height;
} pb_facets;

#define WIDEST     880.0 /* all panels beside each other */
#define LARGEST    21.0  /* a cell: three panels of eight still show in a narrow window */
#define TALLEST    1000.0
#define MOST_CELLS 60000
#define TITLE_ROOM 19.0
#define MARGIN     6.0

/* ---- the size of a panel ---- */

static bool is_grid(const pb_facets *facets)
{
    return facets->view->down.count > 0;
}

static double cells_width(const pb_drawn_map *map)
{
    return map->cells.cell_width * (double)map->cells.n_columns;
}

static double cells_height(const pb_drawn_map *map)
{
    return map->cells.cell_height * (double)map->cells.n_rows;
}

/* The width at which cells are easy to tell apart and labels of columns need no thinning. */
static double wanted_width(const pb_facets *facets)
{
    double columns = fmax(1.0, (double)facets->like.cells.n_columns);
    double least = facets->view->map.columns.labels ? 14.0 : 8.0;
    return fmin(420.0, columns * fmax(least, fmin(200.0 / columns, LARGEST)));
}

/* Cells as wide as a line of so many panels allows, and of a height that goes with that: about as
 * high as wide, but not so low that a few rows are a stripe, nor so high that many fill the page.
 */
static void plan_panel(pb_facets *facets, size_t per_line)
{
    pb_cells *cells = &facets->like.cells;
    double rows = fmax(1.0, (double)cells->n_rows), columns = fmax(1.0, (double)cells->n_columns);
    facets->per_line = per_line;
    facets->lines = (facets->n_panels + per_line - 1) / per_line;
    facets->gap = per_line > 6 ? 9.0 : 16.0;
    facets->slot = fmax(6.0, (WIDEST + facets->gap) / (double)per_line - facets->gap);
    cells->cell_width = fmin(LARGEST, facets->slot / columns);
    cells->cell_height = fmax(fmin(cells->cell_width, 320.0 / rows), fmin(14.0, 100.0 / rows));
    if (facets->view->map.square)
        cells->cell_width = cells->cell_height = fmin(cells->cell_width, cells->cell_height);
    facets->slot = fmin(facets->slot, fmax(cells_width(&facets->like), 52.0));
    facets->line_height =
        cells_height(&facets->like) + (is_grid(facets) ? facets->gap : TITLE_ROOM + 9.0);
}

/* As many panels to a line as leaves each its wanted width, or more if they would be taller than a
 * page; then as few as fill the same number of lines. */
static void plan_lines(pb_facets *facets)
{
    size_t n = facets->n_panels, asked = facets->view->per_line;
    if (is_grid(facets) || asked > 0) {
        plan_panel(facets, is_grid(facets) ? facets->view->across.count : asked < n ? asked : n);
        return;
    }
    double wanted = wanted_width(facets);
    size_t fit = (size_t)((WIDEST + 16.0) / (wanted + 16.0));
    fit = fit < 1 ? 1 : fit > n ? n : fit;
    plan_panel(facets, fit);
    while (fit < n && fit < 12 && facets->line_height * (double)facets->lines > TALLEST)
        plan_panel(facets, ++fit);
    plan_panel(facets, (n + facets->lines - 1) / facets->lines);
}

/* ---- titles ---- */

static pb_text_kind kind_of(const pb_axis_view *axis)
{
    return axis->labels ? axis->kind : PB_TEXT_PLAIN;
}

/* "layer 3", "2 ·love", a prompt. */
static const char *place_of(pb_view_scratch *scratch, const pb_axis_view *axis, size_t index)
{
    return axis->labels ? pb_axis_view_label(scratch, axis, index, 80)
                        : pb_axis_place(scratch, axis, index);
}

/* Without the axis' name where that leaves no room for the number. */
static const char *title_of(pb_view_scratch *scratch, const pb_axis_view *axis, size_t index,
                            double room)
{
    const char *title = place_of(scratch, axis, index);
    if (!axis->labels && pb_label_width(title, PB_TEXT_PLAIN, PB_MAP_LABEL) > room)
        title = pb_axis_text(scratch, axis, index, 80);
    return pb_label_fit(scratch, title, kind_of(axis), PB_MAP_LABEL, room);
}

static bool plan_titles(pb_facets *facets)
{
    const pb_facets_view *view = facets->view;
    pb_view_scratch *scratch = facets->scratch;
    facets->across = pb_view_scratch_array(scratch, view->across.count, sizeof *facets->across);
    facets->down = pb_view_scratch_array(scratch, view->down.count, sizeof *facets->down);
    if (!facets->across || !facets->down)
        return false;
    for (size_t i = 0; i < view->across.count; i++)
        facets->across[i] = title_of(scratch, &view->across, i, facets->slot + facets->gap - 12.0);
    for (size_t i = 0; i < view->down.count; i++)
        facets->down[i] = title_of(scratch, &view->down, i, 120.0);
    return true;
}

static double widest_down(const pb_facets *facets)
{
    double widest = 0.0;
    for (size_t i = 0; i < facets->view->down.count; i++)
        widest = fmax(widest,
                      pb_label_width(facets->down[i], kind_of(&facets->view->down), PB_MAP_LABEL));
    return widest;
}

/* ---- the layout ---- */

static double bar_height(const pb_facets *facets)
{
    double title = pb_label_width(facets->like.value_title, PB_TEXT_PLAIN, PB_MAP_LABEL);
    return fmax(fmax(60.0, title), fmin(280.0, facets->bottom - facets->top));
}

static double row_title_length(const pb_facets *facets)
{
    return pb_label_width(facets->like.row_title, PB_TEXT_PLAIN, PB_MAP_TITLE);
}

static double bar_x(const pb_facets *facets)
{
    double titles = widest_down(facets);
    return facets->right + (titles > 0.0 ? titles + 8.0 : 0.0) + 18.0;
}

static void plan_edges(pb_facets *facets)
{
    pb_drawn_map *like = &facets->like;
    facets->room = pb_drawn_map_fit_labels(like);
    facets->left = fmax(facets->room.left, facets->room.rows + (*like->row_title ? 20.0 : 0.0));
    facets->top = MARGIN + TITLE_ROOM;
    facets->right =
        facets->left + (facets->slot + facets->gap) * (double)facets->per_line - facets->gap;
    facets->bottom =
        facets->top + facets->line_height * ((double)facets->lines - 1.0) + cells_height(like);
    double bar_bottom = facets->top + bar_height(facets);
    double title_bottom = facets->top + row_title_length(facets);
    facets->height = fmax(facets->bottom + facets->room.below, fmax(bar_bottom, title_bottom)) +
                     (*like->column_title ? 19.0 : 4.0);
    facets->width = bar_x(facets) + 8.0 +
                    pb_colour_bar_width(&like->shading, bar_height(facets), like->value_title);
}

/* "layer 3", or "layer 3, head 0". */
static const char *panel_place(const pb_facets *facets, size_t panel)
{
    const pb_facets_view *view = facets->view;
    const char *across = pb_axis_place(facets->scratch, &view->across, panel % view->across.count);
    if (!is_grid(facets))
        return across;
    const char *down = pb_axis_place(facets->scratch, &view->down, panel / view->across.count);
    return pb_view_scratch_format(facets->scratch, "%s, %s", down, across);
}

static bool plan_panels(pb_facets *facets, size_t cells, size_t most_cells)
{
    const pb_heatmap_view *map = &facets->view->map;
    for (size_t i = 0; i < facets->n_panels; i++) {
        facets->views[i] = *map;
        facets->views[i].values = map->values + i * cells;
        facets->views[i].cell_texts = map->cell_texts ? map->cell_texts + i * cells : NULL;
        pb_drawn_map *panel = &facets->panels[i];
        if (!pb_drawn_map_with_values(&facets->like, &facets->views[i], most_cells, panel))
            return false;
        panel->place = panel_place(facets, i);
        panel->cells.left =
            facets->left + (facets->slot + facets->gap) * (double)(i % facets->per_line);
        panel->cells.top = facets->top + facets->line_height * (double)(i / facets->per_line);
    }
    return true;
}

static bool plan_facets(pb_view_scratch *scratch, const pb_facets_view *view, size_t n_panels,
                        size_t cells, pb_facets *facets)
{
    size_t most = MOST_CELLS / n_panels;
    *facets = (pb_facets){.view = view, .scratch = scratch, .n_panels = n_panels};
    facets->views = pb_view_scratch_array(scratch, n_panels, sizeof *facets->views);
    facets->panels = pb_view_scratch_array(scratch, n_panels, sizeof *facets->panels);
    if (!facets->views || !facets->panels ||
        !pb_drawn_map_prepare(scratch, &view->map, view->map.values, n_panels * cells, most,
                              &facets->like))
        return false;
    plan_lines(facets);
    if (!plan_titles(facets))
        return false;
    plan_edges(facets);
    return plan_panels(facets, cells, most);
}

/* ---- drawing ---- */

static void draw_title(pb_markup *markup, double x, double y, const pb_axis_view *axis,
                       const char *title)
{
    pb_svg_label(markup, (pb_svg_text){.x = x, .y = y, .size = PB_MAP_LABEL, .kind = kind_of(axis)},
                 title);
}

static void draw_panel(pb_markup *markup, const pb_facets *facets, size_t i, bool tooltips)
{
    const pb_drawn_map *panel = &facets->panels[i];
    const pb_facets_view *view = facets->view;
    pb_drawn_map_draw_cells(markup, panel, tooltips);
    if (i % facets->per_line == 0)
        pb_drawn_map_draw_row_labels(markup, panel);
    if (i + facets->per_line >= facets->n_panels)
        pb_drawn_map_draw_column_labels(markup, panel);
    if (!is_grid(facets) || i < facets->per_line)
        draw_title(markup, panel->cells.left, panel->cells.top - 6, &view->across,
                   facets->across[i % view->across.count]);
    if (is_grid(facets) && i % facets->per_line == facets->per_line - 1)
        draw_title(markup, facets->right + 8,
                   panel->cells.top + fmin(cells_height(panel) / 2 + 4, 60.0), &view->down,
                   facets->down[i / facets->per_line]);
}

static void draw_axis_titles(pb_markup *markup, const pb_facets *facets)
{
    pb_svg_label(markup,
                 (pb_svg_text){.x = (facets->left + facets->right) / 2,
                               .y = facets->bottom + facets->room.below + 13,
                               .size = PB_MAP_TITLE,
                               .anchor = "middle"},
                 facets->like.column_title);
    pb_svg_label(markup,
                 (pb_svg_text){.x = facets->left - facets->room.rows - 8.0,
                               .y = fmax((facets->top + facets->bottom) / 2,
                                         facets->top + row_title_length(facets) / 2),
                               .size = PB_MAP_TITLE,
                               .anchor = "middle",
                               .rotate = -90},
                 facets->like.row_title);
}

static void draw_facets(pb_markup *markup, const void *user, bool tooltips)
{
    const pb_facets *facets = user;
    const pb_cells *cells = &facets->like.cells;
    bool few = cells->n_rows * cells->n_columns <= PB_TOOLTIPS / facets->n_panels;
    for (size_t i = 0; i < facets->n_panels; i++)
        draw_panel(markup, facets, i, tooltips && few);
    draw_axis_titles(markup, facets);
    pb_colour_bar(markup, &facets->like.shading, bar_x(facets), facets->top, bar_height(facets),
                  facets->like.value_title);
}

/* ---- text ---- */

#define TEXT_LINES 64 /* of grids; further panels are only named */

/* "layer 3, head 0" on a line above its grid; a place without a label leaves no space behind. */
static void text_place(const pb_facets *facets, size_t panel, pb_buffer *out)
{
    const char *place = facets->panels[panel].place;
    size_t length = strlen(place);
    while (length > 0 && place[length - 1] == ' ')
        length--;
    pb_buffer_append(out, place, length);
    pb_buffer_byte(out, '\n');
}

static void text_left_out(const pb_facets *facets, size_t shown, pb_buffer *out)
{
    size_t left = facets->n_panels - shown;
    const char *hint = facets->view->hint;
    if (left == 0)
        return;
    pb_buffer_format(out, "... %zu of %zu panels left out, %s", left, facets->n_panels,
                     facets->panels[shown].place);
    if (left > 1)
        pb_buffer_format(out, " to %s", facets->panels[facets->n_panels - 1].place);
    pb_buffer_format(out, "%s%s\n", hint ? ": " : "", hint ? hint : "");
}

static void text_facets(const pb_facets *facets, pb_buffer *out)
{
    size_t lines = facets->view->map.rows.count + 2, shown = 0;
    pb_text_head(out, &facets->view->map.words);
    if (*facets->like.value_title)
        pb_buffer_format(out, "%s\n", facets->like.value_title);
    for (; shown < facets->n_panels && (shown == 0 || (shown + 1) * lines <= TEXT_LINES); shown++) {
        text_place(facets, shown, out);
        pb_drawn_map_write_text(&facets->panels[shown], out);
    }
    text_left_out(facets, shown, out);
    pb_text_foot(out, &facets->view->map.words);
}

/* ---- the bundle ---- */

static const char *summary_of(const pb_facets *facets)
{
    const pb_drawn_map *like = &facets->like;
    const pb_facets_view *view = facets->view;
    const char *across = pb_axis_view_title(facets->scratch, view->across.name, NULL);
    const char *down = pb_axis_view_title(facets->scratch, view->down.name, NULL);
    return pb_view_scratch_format(
        facets->scratch, "%zu heat maps: %s by %s and %s, one for each %s%s%s", facets->n_panels,
        like->value_title, like->row_title, like->column_title, down, *down ? " and " : "", across);
}

static pb_status show_facets(const pb_facets *facets, size_t count, pb_bundle **bundle,
                             pb_error **error)
{
    pb_markup html = PB_MARKUP_EMPTY;
    pb_buffer plain = PB_BUFFER_EMPTY;
    pb_words words = pb_drawn_map_words(&facets->panels[0], facets->view->map.values, count);
    pb_picture picture = {facets->width, facets->height, draw_facets, facets, summary_of(facets)};
    pb_frame_open(&html, &words);
    pb_frame_picture(&html, &picture);
    pb_frame_close(&html, &words);
    text_facets(facets, &plain);
    return pb_frame_bundle(facets->scratch, &html, &plain, &picture, &words, bundle, error);
}

pb_status pb_show_facets(const pb_facets_view *view, pb_bundle **bundle, pb_error **error)
{
    size_t n_panels, cells, count;
    pb_facets facets;
    if (!pb_size_mul(view->across.count, view->down.count ? view->down.count : 1, &n_panels) ||
        !pb_size_mul(view->map.rows.count, view->map.columns.count, &cells) ||
        !pb_size_mul(n_panels, cells, &count) || n_panels > PB_FACETS_MOST)
        return pb_fail(error, PB_LIMIT, "there are too many panels to draw: at most %d fit a page",
                       PB_FACETS_MOST);
    if (n_panels == 0)
        return pb_show_heatmap(&(pb_heatmap_view){.words = view->map.words}, bundle, error);
    pb_view_scratch *scratch = pb_view_scratch_create();
    if (!scratch || !plan_facets(scratch, view, n_panels, cells, &facets)) {
        pb_view_scratch_destroy(&scratch);
        return pb_fail_memory(error);
    }
    pb_status status = show_facets(&facets, count, bundle, error);
    pb_view_scratch_destroy(&scratch);
    return status;
}
