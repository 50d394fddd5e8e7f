/* What bar and line charts share: the place of axes, labels and legend, and their drawing. */
#ifndef PB_PLOT_H
#define PB_PLOT_H

#include "display/chart.h"
#include "frame.h"
#include "scale.h"

typedef struct pb_plot {
    const pb_chart_view *view;
    pb_view_scratch *scratch;
    double width, height;            /* of the whole picture, in pixels */
    double left, top, right, bottom; /* of the area the data is drawn in */
    double band;                     /* width of one place along x */
    pb_ticks ticks;
    double low, high; /* the values at bottom and top */
    double sunk;      /* how far labels below the area make way for what stands under a bar */
    pb_number_format format;
    const char **labels; /* [x.count] */
    size_t label_every;  /* only each n-th is drawn */
    bool rotated;
    const char *x_title, *y_title, *legend_title;
    const char **names;           /* [n_series] */
    const char **legend_names;    /* [n_series]: the same, cut to the legend's width */
    const char **reference_texts; /* [n_references]: "love 15.67" */
} pb_plot;

/* Works out the layout for values in [low, high], bands of at least about `band` pixels, and
 * `under` pixels of text under a low below zero. False when memory is out. */
bool pb_plot_plan(pb_view_scratch *scratch, const pb_chart_view *view, double low, double high,
                  double band, double under, pb_plot *plot);

double pb_plot_x(const pb_plot *plot, size_t index); /* the middle of a band */
double pb_plot_y(const pb_plot *plot, double value);

/* Grid, labels, titles, legend. `line_keys` draws the legend's keys as lines. */
void pb_plot_frame(pb_markup *markup, const pb_plot *plot, bool line_keys);
/* "layer 3, attn: +0.51 logits" as a <title>. */
void pb_plot_tooltip(pb_markup *markup, const pb_plot *plot, size_t series, size_t index);

/* The least and greatest of all series and references; INFINITY, -INFINITY if there are none. */
void pb_chart_extent(const pb_chart_view *view, double *low, double *high);
/* Settles the format over all series. */
pb_number_format pb_chart_format(const pb_chart_view *view);

/* Gives the picture, unless it was stopped on the way: then it is not whole. */
pb_status pb_plot_finish(const pb_plot *plot, pb_status status, pb_bundle **bundle,
                         pb_error **error);

/* Writes a line of the dash pattern and colour a series has. */
void pb_plot_stroke(pb_markup *markup, size_t series);

#endif
