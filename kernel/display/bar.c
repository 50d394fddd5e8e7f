/* Grouped bars. */
#include <math.h>

#include "label.h"
#include "plot.h"
#include "text.h"

/* ---- drawing ---- */

#define GROUP_FILL  0.76 /* of a band is bars, the rest is space */
#define VALUE_SIZE  10.0
#define VALUE_BELOW 11.0 /* from a bar's end down to the foot of its value */

/* Writes `value` as exactly as fits in `room`, with the axis' digits at least, and one where values
 * are no whole numbers (3.6 is not 4); false if it does not fit. */
static bool fit_value(char number[PB_NUMBER_SIZE], const pb_plot *plot, double value, double room)
{
    pb_number_format format = plot->format;
    int fewest = plot->ticks.digits > 0 ? plot->ticks.digits : 1;
    if (format.style == PB_NUMBER_FIXED && format.digits > fewest + 2)
        format.digits = fewest + 2;
    for (;; format.digits--) {
        double shown = fabs(value) < 0.5 * pow(10, -format.digits) ? 0.0 : value;
        pb_number_write(number, shown, format);
        if (pb_label_width(number, PB_TEXT_PLAIN, VALUE_SIZE) <= room)
            return true;
        if (format.style != PB_NUMBER_FIXED || format.digits <= fewest)
            return false;
    }
}

/* The value above its bar (below, for a negative one), where it fits. */
static void draw_value(pb_markup *markup, const pb_plot *plot, double value, double middle,
                       double room)
{
    char number[PB_NUMBER_SIZE];
    double y = pb_plot_y(plot, value) + (value < 0.0 ? VALUE_BELOW : -3.0);
    if (!fit_value(number, plot, value, room))
        return;
    pb_svg_label(
        markup,
        (pb_svg_text){.x = middle, .y = y, .size = VALUE_SIZE, .anchor = "middle", .muted = true},
        number);
}

static void draw_bar(pb_markup *markup, const pb_plot *plot, size_t series, size_t index,
                     bool tooltips)
{
    double value = (double)plot->view->series[series].values[index];
    if (!isfinite(value))
        return;
    double room = plot->band * GROUP_FILL / (double)plot->view->n_series;
    double x = pb_plot_x(plot, index) - plot->band * GROUP_FILL / 2 + room * (double)series;
    double zero = pb_plot_y(plot, 0.0), tip = pb_plot_y(plot, value);
    pb_markup_open(markup, "rect");
    pb_markup_number(markup, "x", x + room * 0.04);
    pb_markup_number(markup, "y", fmin(zero, tip));
    pb_markup_number(markup, "width", room * 0.92);
    pb_markup_number(markup, "height", fabs(zero - tip));
    pb_colour_attribute(markup, "fill", pb_series_colour(series));
    if (tooltips)
        pb_plot_tooltip(markup, plot, series, index);
    pb_markup_close(markup);
    draw_value(markup, plot, value, x + room / 2, room + 2.0);
}

static void draw_bars(pb_markup *markup, const void *user, bool tooltips)
{
    const pb_plot *plot = user;
    pb_plot_frame(markup, plot, false);
    for (size_t index = 0; index < plot->view->x.count; index++)
        for (size_t series = 0; series < plot->view->n_series; series++) {
            if (pb_watch_stopped(plot->view->watch))
                return;
            draw_bar(markup, plot, series, index, tooltips);
        }
}

/* ---- text ---- */

#define TEXT_BAR 16 /* columns of the longest bar on each side */

/* A value, and its bar to the left or the right of zero, in three cells of a row. */
static void text_bar(pb_view_scratch *scratch, const pb_plot *plot, pb_grid *grid, size_t row,
                     size_t column, double value, double longest)
{
    char number[PB_NUMBER_SIZE];
    pb_buffer bar = PB_BUFFER_EMPTY;
    size_t length = pb_number_write(number, value, plot->format);
    pb_grid_set(grid, row, column, pb_view_scratch_text(scratch, number, length));
    double share = longest > 0.0 ? fabs(value) / longest : 0.0;
    if (value < 0.0) /* blocks fill from the left: whole ones only */
        for (long i = 0, n = lround(share * TEXT_BAR); i < n; i++)
            pb_buffer_code_point(&bar, 0x2588);
    else
        pb_text_bar(&bar, share, TEXT_BAR);
    if (bar.data)
        pb_grid_set(grid, row, column + (value < 0.0 ? 1 : 2),
                    pb_view_scratch_text(scratch, bar.data, bar.length));
    pb_buffer_free(&bar);
}

static void text_bars(pb_view_scratch *scratch, const pb_plot *plot, pb_buffer *out)
{
    const pb_chart_view *view = plot->view;
    double low, high;
    pb_grid grid;
    if (!pb_grid_create(scratch, view->x.count * view->n_series + 1, 5, &grid)) {
        out->failed = true;
        return;
    }
    pb_chart_extent(view, &low, &high);
    grid.left[0] = grid.left[1] = grid.left[4] = true;
    grid.gap[4] = 0;
    pb_grid_set(&grid, 0, 0, plot->x_title);
    pb_grid_set(&grid, 0, 1, plot->legend_title);
    pb_grid_set(&grid, 0, 2, plot->y_title);
    for (size_t index = 0, row = 1; index < view->x.count; index++)
        for (size_t series = 0; series < view->n_series; series++, row++) {
            double value = (double)view->series[series].values[index];
            if (pb_watch_stopped(view->watch))
                return;
            if (series == 0)
                pb_grid_set(&grid, row, 0, pb_axis_view_label(scratch, &view->x, index, 40));
            pb_grid_set(&grid, row, 1, plot->names[series]);
            if (!isnan(value))
                text_bar(scratch, plot, &grid, row, 2, value, fmax(fabs(low), fabs(high)));
        }
    pb_text_head(out, &view->words);
    pb_grid_write(&grid, out);
    pb_text_foot(out, &view->words);
}

pb_status pb_show_bars(const pb_chart_view *view, pb_bundle **bundle, pb_error **error)
{
    pb_view_scratch *scratch = pb_view_scratch_create();
    pb_plot plot;
    double low, high;
    pb_chart_extent(view, &low, &high);
    double band = 12.0 + 15.0 * (double)(view->n_series ? view->n_series : 1);
    if (!scratch ||
        !pb_plot_plan(scratch, view, fmin(low, 0.0), fmax(high, 0.0), band, VALUE_BELOW, &plot)) {
        pb_view_scratch_destroy(&scratch);
        return pb_fail_memory(error);
    }
    pb_markup html = PB_MARKUP_EMPTY;
    pb_buffer plain = PB_BUFFER_EMPTY;
    pb_picture picture = {
        plot.width, plot.height, draw_bars, &plot,
        pb_view_scratch_format(scratch, "Bar chart: %s by %s", plot.y_title, plot.x_title)};
    pb_frame_open(&html, &view->words);
    pb_frame_picture(&html, &picture);
    pb_frame_close(&html, &view->words);
    text_bars(scratch, &plot, &plain);
    pb_status status =
        pb_frame_bundle(scratch, &html, &plain, &picture, &view->words, bundle, error);
    status = pb_plot_finish(&plot, status, bundle, error);
    pb_view_scratch_destroy(&scratch);
    return status;
}
