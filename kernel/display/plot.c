/* The layout and the drawing of axes, labels and legends. */
#include "plot.h"

#include <math.h>
#include <string.h>

#include "label.h"

#define AREA_HEIGHT   240.0
#define NARROWEST     440.0
#define WIDEST        820.0
#define LABEL_SIZE    11.0
#define TITLE_SIZE    12.0
#define LEGEND_LINE   18.0
#define LEGEND_KEY    36.0   /* width of an entry without its name */
#define SHARED_SHOWN  16     /* of a beginning that cut names share, bytes at most */
#define LABEL_LONGEST 24     /* columns */
#define SLANT         0.7071 /* of labels at 45 degrees */

/* ---- extent ---- */

void pb_chart_extent(const pb_chart_view *view, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t i = 0; i < view->n_series; i++)
        pb_extend_floats(low, high, view->series[i].values, view->x.count);
    for (size_t i = 0; i < view->n_references; i++)
        pb_extend(low, high, &view->references[i].value, 1);
}

pb_number_format pb_chart_format(const pb_chart_view *view)
{
    double low, high;
    pb_chart_extent(view, &low, &high);
    if (view->format.style != PB_NUMBER_AUTO || !(low <= high))
        return view->format;
    pb_number_format format = view->format;
    bool whole = true;
    for (size_t i = 0; i < view->n_series; i++)
        for (size_t j = 0; j < view->x.count; j++)
            whole = whole && (isnan(view->series[i].values[j]) ||
                              view->series[i].values[j] == floorf(view->series[i].values[j]));
    double ends[3] = {low, high, whole ? 0.0 : 0.5 * fmax(fabs(low), fabs(high)) + 1e-12};
    return pb_number_settle(format, ends, whole ? 2 : 3);
}

/* ---- layout ---- */

static bool plan_texts(pb_view_scratch *scratch, pb_plot *plot)
{
    const pb_chart_view *view = plot->view;
    size_t count = view->x.count;
    plot->labels = pb_view_scratch_array(scratch, count, sizeof *plot->labels);
    plot->names = pb_view_scratch_array(scratch, view->n_series, sizeof *plot->names);
    plot->legend_names = pb_view_scratch_array(scratch, view->n_series, sizeof *plot->names);
    plot->reference_texts =
        pb_view_scratch_array(scratch, view->n_references, sizeof *plot->reference_texts);
    plot->x_title = pb_axis_view_title(scratch, view->x.name, view->x.unit);
    plot->y_title = pb_axis_view_title(scratch, view->value_name, view->value_unit);
    plot->legend_title = pb_axis_view_title(scratch, view->series_name, NULL);
    if (!plot->labels || !plot->names || !plot->legend_names || !plot->reference_texts)
        return false;
    for (size_t i = 0; i < count; i++)
        plot->labels[i] = pb_axis_text(scratch, &view->x, i, LABEL_LONGEST);
    for (size_t i = 0; i < view->n_series; i++)
        plot->names[i] = pb_label_make(scratch, view->series[i].name, PB_TEXT_PLAIN);
    for (size_t i = 0; i < view->n_references; i++) {
        char number[PB_NUMBER_SIZE];
        pb_number_write(number, view->references[i].value, plot->format);
        const char *name = pb_label_make(scratch, view->references[i].name, PB_TEXT_PLAIN);
        plot->reference_texts[i] = pb_view_scratch_format(scratch, "%s %s", name, number);
    }
    return true;
}

static pb_text_kind label_kind(const pb_plot *plot)
{
    return plot->view->x.labels ? plot->view->x.kind : PB_TEXT_PLAIN;
}

static double widest_text(const char **texts, size_t count, pb_text_kind kind, double size)
{
    double widest = 0;
    for (size_t i = 0; i < count; i++)
        widest = fmax(widest, pb_label_width(texts[i], kind, size));
    return widest;
}

static bool shows_numbers_below(const pb_plot *plot)
{
    return label_kind(plot) == PB_TEXT_TOKEN;
}

/* Labels lie flat if they fit; numbers are thinned, words are slanted. Returns the room below. */
static double plan_labels(pb_plot *plot)
{
    double widest = widest_text(plot->labels, plot->view->x.count, label_kind(plot), LABEL_SIZE);
    double flat = shows_numbers_below(plot) ? 34.0 : 20.0;
    plot->label_every = 1;
    if (widest + 8.0 <= plot->band)
        return flat;
    if (!plot->view->x.labels) {
        plot->label_every = pb_round_count((widest + 10.0) / plot->band);
        return flat;
    }
    plot->rotated = true;
    plot->label_every = pb_round_count(14.0 / plot->band);
    double digits = shows_numbers_below(plot) ? 3.0 * LABEL_SIZE : 0.0; /* "12 " in front */
    double overhang = (widest + digits) * SLANT - plot->band / 2 + 4.0;
    plot->left = fmax(plot->left, overhang);
    return (widest + digits) * SLANT + 18.0;
}

/* Bytes that all series' names begin with, up to the start of the word in which they differ. */
static size_t shared_beginning(const pb_plot *plot)
{
    const char *first = plot->view->n_series > 1 ? plot->names[0] : "";
    size_t shared = strlen(first);
    for (size_t i = 1; i < plot->view->n_series; i++) {
        size_t same = 0;
        while (same < shared && plot->names[i][same] == first[same])
            same++;
        shared = same;
    }
    while (shared > 0 && first[shared - 1] != ' ')
        shared--;
    return shared;
}

/* Cuts names that are wider than the legend: of a long beginning that all share, only its own
 * beginning is kept, so that what tells them apart shows. */
static void plan_legend(pb_plot *plot, double width)
{
    size_t shared = shared_beginning(plot), shown = SHARED_SHOWN;
    double room = width - LEGEND_KEY;
    while (shown > 0 && shared > shown && plot->names[0][shown - 1] != ' ')
        shown--;
    for (size_t i = 0; i < plot->view->n_series; i++) {
        const char *name = plot->names[i];
        if (shared > SHARED_SHOWN && pb_label_width(name, PB_TEXT_PLAIN, TITLE_SIZE) > room)
            name = pb_view_scratch_format(plot->scratch, "%.*s\u2026 %s", (int)shown, name,
                                          name + shared);
        plot->legend_names[i] = pb_label_fit(plot->scratch, name, PB_TEXT_PLAIN, TITLE_SIZE, room);
    }
}

static bool has_legend(const pb_plot *plot)
{
    return plot->view->n_series > 1 || (plot->view->n_series == 1 && *plot->names[0]);
}

/* Walks over the legend's entries. Each is drawn by `entry` (if not NULL); returns the lines used.
 */
static size_t walk_legend(const pb_plot *plot, double width, pb_markup *markup,
                          void (*entry)(pb_markup *, const pb_plot *, size_t, double, double))
{
    double x = pb_label_width(plot->legend_title, PB_TEXT_PLAIN, TITLE_SIZE);
    size_t line = 0;
    x += x > 0 ? 12.0 : 0.0;
    for (size_t i = 0; i < plot->view->n_series; i++) {
        double wanted =
            LEGEND_KEY + pb_label_width(plot->legend_names[i], PB_TEXT_PLAIN, TITLE_SIZE);
        if (x > 0 && x + wanted > width) {
            x = 0;
            line++;
        }
        if (entry)
            entry(markup, plot, i, plot->left + x, 13.0 + LEGEND_LINE * (double)line);
        x += wanted;
    }
    return line + 1;
}

static double tick_room(const pb_plot *plot)
{
    double widest = 0;
    for (size_t i = 0; i < plot->ticks.count; i++) {
        char text[PB_TICK_SIZE];
        pb_tick_text(&plot->ticks, i, text);
        widest = fmax(widest, pb_label_width(text, PB_TEXT_PLAIN, LABEL_SIZE));
    }
    return widest + 10.0;
}

bool pb_plot_plan(pb_view_scratch *scratch, const pb_chart_view *view, double low, double high,
                  double band, double under, pb_plot *plot)
{
    double count = view->x.count ? (double)view->x.count : 1.0;
    *plot = (pb_plot){.view = view, .scratch = scratch, .format = pb_chart_format(view)};
    if (!plan_texts(scratch, plot))
        return false;
    plot->ticks = pb_ticks_around(low, high, 6);
    plot->low = pb_tick(&plot->ticks, 0);
    plot->high = pb_tick(&plot->ticks, plot->ticks.count - 1);

    double width = fmax(NARROWEST, fmin(count * fmax(band, 24.0), WIDEST));
    width = fmin(fmax(width, count * band / 4.0), 8000.0);
    plot->band = width / count;
    plot->left = tick_room(plot) + (*plot->y_title ? 20.0 : 2.0);
    double room_below = plan_labels(plot);
    plan_legend(plot, width);
    plot->top = 12.0;
    if (has_legend(plot))
        plot->top += 6.0 + LEGEND_LINE * (double)walk_legend(plot, width, NULL, NULL);
    plot->right = plot->left + width;
    plot->bottom = plot->top + AREA_HEIGHT;
    plot->sunk =
        low < 0.0 && isfinite(low) ? fmax(0.0, pb_plot_y(plot, low) + under - plot->bottom) : 0.0;
    double aside =
        widest_text(plot->reference_texts, view->n_references, PB_TEXT_PLAIN, LABEL_SIZE);
    plot->width = plot->right + (aside > 0 ? aside + 12.0 : 10.0);
    plot->height = plot->bottom + plot->sunk + room_below + (*plot->x_title ? 20.0 : 4.0);
    return true;
}

double pb_plot_x(const pb_plot *plot, size_t index)
{
    return plot->left + plot->band * ((double)index + 0.5);
}

double pb_plot_y(const pb_plot *plot, double value)
{
    return plot->bottom - (value - plot->low) / (plot->high - plot->low) * AREA_HEIGHT;
}

/* ---- drawing ---- */

static void draw_line(pb_markup *markup, double x1, double y1, double x2, double y2, double opacity)
{
    pb_markup_open(markup, "line");
    pb_markup_number(markup, "x1", x1);
    pb_markup_number(markup, "y1", y1);
    pb_markup_number(markup, "x2", x2);
    pb_markup_number(markup, "y2", y2);
    pb_markup_attribute(markup, "stroke", "currentColor");
    pb_markup_number(markup, "stroke-opacity", opacity);
    pb_markup_close(markup);
}

static void draw_value_axis(pb_markup *markup, const pb_plot *plot)
{
    for (size_t i = 0; i < plot->ticks.count; i++) {
        char text[PB_TICK_SIZE];
        double value = pb_tick(&plot->ticks, i), y = pb_plot_y(plot, value);
        draw_line(markup, plot->left, y, plot->right, y, value == 0.0 ? 0.65 : 0.14);
        pb_tick_text(&plot->ticks, i, text);
        pb_svg_label(markup,
                     (pb_svg_text){.x = plot->left - 7,
                                   .y = y + 4,
                                   .size = LABEL_SIZE,
                                   .anchor = "end",
                                   .muted = true},
                     text);
    }
    double middle = (plot->top + plot->bottom) / 2;
    pb_svg_label(
        markup,
        (pb_svg_text){.x = 13, .y = middle, .size = TITLE_SIZE, .anchor = "middle", .rotate = -90},
        plot->y_title);
}

static void draw_flat_label(pb_markup *markup, const pb_plot *plot, size_t index)
{
    double x = pb_plot_x(plot, index), y = plot->bottom + plot->sunk + 16;
    bool token = shows_numbers_below(plot);
    if (token) {
        double width = pb_label_width(plot->labels[index], PB_TEXT_TOKEN, LABEL_SIZE) + 6;
        pb_markup_open(markup, "rect");
        pb_markup_number(markup, "x", x - width / 2);
        pb_markup_number(markup, "y", y - 11);
        pb_markup_number(markup, "width", width);
        pb_markup_attribute(markup, "height", "15");
        pb_markup_attribute(markup, "rx", "3");
        pb_markup_attribute(markup, "fill", "#808080");
        pb_markup_attribute(markup, "fill-opacity", "0.16");
        pb_markup_close(markup);
        pb_svg_label(
            markup,
            (pb_svg_text){.x = x, .y = y + 15, .size = 10, .anchor = "middle", .muted = true},
            pb_view_scratch_format(plot->scratch, "%lld",
                                   (long long)pb_axis_number(&plot->view->x, index)));
    }
    pb_svg_label(markup,
                 (pb_svg_text){.x = x,
                               .y = y,
                               .size = LABEL_SIZE,
                               .anchor = "middle",
                               .kind = label_kind(plot),
                               .muted = !token},
                 plot->labels[index]);
}

static void draw_slanted_label(pb_markup *markup, const pb_plot *plot, size_t index)
{
    const char *text = pb_axis_view_label(plot->scratch, &plot->view->x, index, LABEL_LONGEST);
    double step = plot->band * (double)plot->label_every;
    pb_svg_label(markup,
                 (pb_svg_text){.x = pb_plot_x(plot, index) + 4,
                               .y = plot->bottom + plot->sunk + 13,
                               .size = pb_label_slanted_size(LABEL_SIZE, step),
                               .anchor = "end",
                               .rotate = -45,
                               .kind = label_kind(plot)},
                 text);
}

static void draw_place_axis(pb_markup *markup, const pb_plot *plot)
{
    for (size_t i = 0; i < plot->view->x.count; i += plot->label_every) {
        if (plot->rotated)
            draw_slanted_label(markup, plot, i);
        else
            draw_flat_label(markup, plot, i);
    }
    pb_svg_label(markup,
                 (pb_svg_text){.x = (plot->left + plot->right) / 2,
                               .y = plot->height - 6,
                               .size = TITLE_SIZE,
                               .anchor = "middle"},
                 plot->x_title);
}

void pb_plot_stroke(pb_markup *markup, size_t series)
{
    static const char *const dashes[] = {NULL, "6 3", "2 2", "8 3 2 3"};
    pb_colour_attribute(markup, "stroke", pb_series_colour(series));
    pb_markup_attribute(markup, "stroke-width", "2");
    pb_markup_attribute(markup, "stroke-dasharray", dashes[series / 8 % 4]);
}

static void draw_name(pb_markup *markup, const pb_plot *plot, size_t series, double x, double y)
{
    const char *whole = plot->names[series], *shown = plot->legend_names[series];
    pb_svg_label(markup,
                 (pb_svg_text){.x = x + 18,
                               .y = y,
                               .size = TITLE_SIZE,
                               .title = strcmp(whole, shown) == 0 ? NULL : whole},
                 shown);
}

static void draw_box_entry(pb_markup *markup, const pb_plot *plot, size_t series, double x,
                           double y)
{
    pb_markup_open(markup, "rect");
    pb_markup_number(markup, "x", x);
    pb_markup_number(markup, "y", y - 10);
    pb_markup_attribute(markup, "width", "12");
    pb_markup_attribute(markup, "height", "12");
    pb_markup_attribute(markup, "rx", "2");
    pb_colour_attribute(markup, "fill", pb_series_colour(series));
    pb_markup_close(markup);
    draw_name(markup, plot, series, x, y);
}

static void draw_line_entry(pb_markup *markup, const pb_plot *plot, size_t series, double x,
                            double y)
{
    pb_markup_open(markup, "line");
    pb_markup_number(markup, "x1", x);
    pb_markup_number(markup, "x2", x + 14);
    pb_markup_number(markup, "y1", y - 4);
    pb_markup_number(markup, "y2", y - 4);
    pb_plot_stroke(markup, series);
    pb_markup_close(markup);
    draw_name(markup, plot, series, x, y);
}

void pb_plot_frame(pb_markup *markup, const pb_plot *plot, bool line_keys)
{
    draw_value_axis(markup, plot);
    draw_place_axis(markup, plot);
    if (!has_legend(plot))
        return;
    pb_svg_label(markup, (pb_svg_text){.x = plot->left, .y = 13, .size = TITLE_SIZE, .muted = true},
                 plot->legend_title);
    walk_legend(plot, plot->right - plot->left, markup,
                line_keys ? draw_line_entry : draw_box_entry);
}

void pb_plot_tooltip(pb_markup *markup, const pb_plot *plot, size_t series, size_t index)
{
    char number[PB_NUMBER_SIZE];
    const char *unit = plot->view->value_unit;
    pb_number_write(number, (double)plot->view->series[series].values[index], plot->format);
    pb_markup_open(markup, "title");
    pb_markup_text(markup, pb_axis_place(plot->scratch, &plot->view->x, index), PB_TEXT_PLAIN);
    if (*plot->names[series]) {
        pb_markup_text(markup, ", ", PB_TEXT_PLAIN);
        pb_markup_text(markup, plot->names[series], PB_TEXT_PLAIN);
    }
    pb_markup_format(markup, ": %s%s", number, unit && *unit ? " " : "");
    pb_markup_text(markup, unit, PB_TEXT_PLAIN);
    pb_markup_close(markup);
}

pb_status pb_plot_finish(const pb_plot *plot, pb_status status, pb_bundle **bundle,
                         pb_error **error)
{
    if (status || !pb_watch_stopped(plot->view->watch))
        return status;
    pb_bundle_destroy(bundle);
    return pb_watch_fail(error);
}
