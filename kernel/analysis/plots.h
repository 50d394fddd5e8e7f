/* What the words that draw share: errors that name what can be drawn, and the call that would. */
#ifndef PB_ANALYSIS_PLOTS_H
#define PB_ANALYSIS_PLOTS_H

#include "domain.h"

/* Fails under argument `parameter`: `name` is no axis, field or column of what is drawn. The error
 * says which there are. */
pb_status pb_plot_no_such(pb_call *call, const char *parameter, const char *name,
                          const pb_value *value, pb_error **error);

/* Fails for a value that is neither a tensor nor a table, and hints at how it becomes one.
 * `wanted`: "a tensor or a table". */
pb_status pb_plot_cannot_draw(pb_call *call, const pb_value *value, const char *wanted,
                              pb_error **error);

/* A list of numbers, or of equally long lists of them, as a tensor whose axes are called `axes`. */
pb_status pb_plot_tensor_of(pb_call *call, const pb_value *list, const char *const *axes,
                            size_t n_axes, pb_value **result, pb_error **error);

/* What bar() and line() draw, as a tensor or a table, with the columns of a table for x, y and
 * color: from data=, or from lists (plot_lists.c). A reference in *value. */
pb_status pb_plot_take(pb_call *call, const char *names[3], pb_value **value, pb_error **error);
#define PB_PLOT_MOST ((size_t)200000) /* values: more than any screen has room for */

/* PB_LIMIT under `data` for more values than can be looked at. */
pb_status pb_plot_bound(pb_call *call, size_t count, size_t most, pb_error **error);

/* How to take a tensor down to `most` axes, as calls: line(p[head=0]) and line(p.mean("head")). */
void pb_plot_hint_fewer(pb_call *call, const pb_tensor *tensor, size_t most, pb_error **error);

/* How `data` was written in the call, where that is short enough to stand in a hint; else "t". */
typedef struct pb_written {
    const char *text;
    int length; /* for %.*s */
} pb_written;
pb_written pb_plot_written(const pb_call *call);

#endif
