/* Bar and line charts over the places of one axis. */
#ifndef PB_DISPLAY_CHART_H
#define PB_DISPLAY_CHART_H

#include "base/watch.h"
#include "display/view.h"

/* One group of bars or one line: x.count values; NaN leaves a gap. */
typedef struct pb_series {
    const char *name;
    const float *values;
} pb_series;

/* A horizontal line across the chart with its name and value: "love 15.67". */
typedef struct pb_reference {
    const char *name;
    double value;
} pb_reference;

typedef struct pb_chart_view {
    pb_words words;
    pb_axis_view x;
    const char *value_name;  /* along the y axis */
    const char *value_unit;  /* in brackets behind it */
    const char *series_name; /* title of the legend: "part" */
    const pb_series *series;
    size_t n_series;
    const pb_reference *references;
    size_t n_references;
    pb_number_format format; /* of the values in tooltips and in text */
    const pb_watch *watch;   /* may be NULL; PB_INTERRUPTED once it is stopped */
} pb_chart_view;

/* Grouped bars; zero is always on the axis. */
pb_status pb_show_bars(const pb_chart_view *view, pb_bundle **bundle, pb_error **error);
/* Lines with markers; the axis spans the values and the references. */
pb_status pb_show_lines(const pb_chart_view *view, pb_bundle **bundle, pb_error **error);

#endif
