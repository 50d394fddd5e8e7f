/* Lines with markers and reference lines. */
#include <math.h>

#include "label.h"
#include "plot.h"
#include "text.h"

/* ---- drawing ---- */

#define MARKERS_UP_TO 120 /* places; more would run into each other */
#define LABEL_STEP    14.0

static void draw_stretch(pb_markup *markup, const pb_plot *plot, size_t series, size_t first,
                         size_t last)
{
    pb_buffer points = PB_BUFFER_EMPTY;
    for (size_t i = first; i < last && !pb_watch_stopped(plot->view->watch); i++)
        pb_buffer_format(&points, "%s%.2f,%.2f", i > first ? " " : "", pb_plot_x(plot, i),
                         pb_plot_y(plot, (double)plot->view->series[series].values[i]));
    pb_markup_open(markup, "polyline");
    pb_markup_attribute(markup, "points", points.data);
    pb_markup_attribute(markup, "fill", "none");
    pb_plot_stroke(markup, series);
    pb_markup_close(markup);
    markup->out.failed = markup->out.failed || points.failed;
    pb_buffer_free(&points);
}

static void draw_circle(pb_markup *markup, double x, double y, double radius)
{
    pb_markup_open(markup, "circle");
    pb_markup_number(markup, "cx", x);
    pb_markup_number(markup, "cy", y);
    pb_markup_number(markup, "r", radius);
}

/* A small dot, and around it a larger one that cannot be seen, for the pointer to find. */
static void draw_marker(pb_markup *markup, const pb_plot *plot, size_t series, size_t index,
                        bool tooltips)
{
    double x = pb_plot_x(plot, index);
    double y = pb_plot_y(plot, (double)plot->view->series[series].values[index]);
    draw_circle(markup, x, y, 3.2);
    pb_colour_attribute(markup, "fill", pb_series_colour(series));
    pb_markup_close(markup);
    if (!tooltips)
        return;
    draw_circle(markup, x, y, 8.0);
    pb_markup_attribute(markup, "fill-opacity", "0");
    pb_plot_tooltip(markup, plot, series, index);
    pb_markup_close(markup);
}

static void draw_series(pb_markup *markup, const pb_plot *plot, size_t series, bool tooltips)
{
    const float *values = plot->view->series[series].values;
    size_t count = plot->view->x.count;
    for (size_t first = 0; first < count;) {
        size_t last = first;
        while (last < count && isfinite(values[last]))
            last++;
        if (last > first + 1)
            draw_stretch(markup, plot, series, first, last);
        first = last + 1;
    }
    for (size_t i = 0; i < count && count <= MARKERS_UP_TO; i++)
        if (isfinite(values[i]))
            draw_marker(markup, plot, series, i, tooltips);
}

/* Where the labels of references stand: each is pushed down while it would cover an earlier one. */
static void place_labels(const pb_plot *plot, double *ys)
{
    for (size_t which = 0; which < plot->view->n_references; which++) {
        double y = pb_plot_y(plot, plot->view->references[which].value);
        for (size_t i = 0; i < which; i++) {
            if (!(fabs(ys[i] - y) < LABEL_STEP - 0.01))
                continue;
            y = ys[i] + LABEL_STEP;
            i = (size_t)-1; /* it may cover another one now */
        }
        ys[which] = y;
    }
}

static void draw_reference(pb_markup *markup, const pb_plot *plot, size_t which, double label_y)
{
    double y = pb_plot_y(plot, plot->view->references[which].value);
    pb_markup_open(markup, "line");
    pb_markup_number(markup, "x1", plot->left);
    pb_markup_number(markup, "x2", plot->right);
    pb_markup_number(markup, "y1", y);
    pb_markup_number(markup, "y2", y);
    pb_markup_attribute(markup, "stroke", "currentColor");
    pb_markup_attribute(markup, "stroke-opacity", "0.7");
    pb_markup_attribute(markup, "stroke-dasharray", "5 4");
    pb_markup_close(markup);
    pb_svg_label(markup, (pb_svg_text){.x = plot->right + 6, .y = label_y + 4, .size = 11},
                 plot->reference_texts[which]);
}

static void draw_lines(pb_markup *markup, const void *user, bool tooltips)
{
    const pb_plot *plot = user;
    pb_plot_frame(markup, plot, true);
    size_t n_references = plot->view->n_references;
    double *ys = pb_view_scratch_array(plot->scratch, n_references, sizeof *ys);
    if (!ys) {
        markup->out.failed = true;
        return;
    }
    place_labels(plot, ys);
    for (size_t i = 0; i < n_references; i++)
        if (isfinite(plot->view->references[i].value))
            draw_reference(markup, plot, i, ys[i]);
    for (size_t i = 0; i < plot->view->n_series; i++)
        draw_series(markup, plot, i, tooltips);
}

/* ---- text ---- */

static void text_lines(pb_view_scratch *scratch, const pb_plot *plot, pb_buffer *out)
{
    const pb_chart_view *view = plot->view;
    pb_grid grid;
    if (!pb_grid_create(scratch, view->x.count + 1, view->n_series + 1, &grid)) {
        out->failed = true;
        return;
    }
    grid.left[0] = view->x.labels != NULL;
    bool crossed = *plot->legend_title && view->n_series > 1;
    pb_grid_set(&grid, 0, 0,
                crossed
                    ? pb_view_scratch_format(scratch, "%s \\ %s", plot->x_title, plot->legend_title)
                    : plot->x_title);
    for (size_t series = 0; series < view->n_series; series++) {
        const char *name = plot->names[series];
        pb_grid_set(&grid, 0, series + 1, *name ? name : plot->y_title);
        for (size_t i = 0; i < view->x.count; i++) {
            char number[PB_NUMBER_SIZE];
            double value = (double)view->series[series].values[i];
            if (pb_watch_stopped(view->watch))
                return;
            if (isnan(value))
                continue;
            size_t length = pb_number_write(number, value, plot->format);
            pb_grid_set(&grid, i + 1, series + 1, pb_view_scratch_text(scratch, number, length));
        }
    }
    for (size_t i = 0; i < view->x.count && !pb_watch_stopped(view->watch); i++)
        pb_grid_set(&grid, i + 1, 0, pb_axis_view_label(scratch, &view->x, i, 40));
    pb_text_head(out, &view->words);
    pb_grid_write(&grid, out);
    for (size_t i = 0; i < view->n_references; i++)
        pb_buffer_format(out, "%s%s%s", i ? ", " : "Reference lines: ", plot->reference_texts[i],
                         i + 1 == view->n_references ? "\n" : "");
    pb_text_foot(out, &view->words);
}

pb_status pb_show_lines(const pb_chart_view *view, pb_bundle **bundle, pb_error **error)
{
    pb_view_scratch *scratch = pb_view_scratch_create();
    pb_plot plot;
    double low, high;
    pb_chart_extent(view, &low, &high);
    if (!scratch || !pb_plot_plan(scratch, view, low, high, 34.0, 0.0, &plot)) {
        pb_view_scratch_destroy(&scratch);
        return pb_fail_memory(error);
    }
    pb_markup html = PB_MARKUP_EMPTY;
    pb_buffer plain = PB_BUFFER_EMPTY;
    pb_picture picture = {
        plot.width, plot.height, draw_lines, &plot,
        pb_view_scratch_format(scratch, "Line chart: %s by %s", plot.y_title, plot.x_title)};
    pb_frame_open(&html, &view->words);
    pb_frame_picture(&html, &picture);
    pb_frame_close(&html, &view->words);
    text_lines(scratch, &plot, &plain);
    pb_status status =
        pb_frame_bundle(scratch, &html, &plain, &picture, &view->words, bundle, error);
    status = pb_plot_finish(&plot, status, bundle, error);
    pb_view_scratch_destroy(&scratch);
    return status;
}
