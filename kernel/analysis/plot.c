/* bar() and line(): tensors and tables as pictures, with plotly express' arguments. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/visible.h"
#include "domain.h"
#include "plots.h"
#include "show/show.h"
#include "show/views.h"
#include "words.h"

/* ---- what is plotted: values over x, in coloured series ---- */

typedef struct chart_data {
    size_t n_x, n_series;
    float *values;       /* [n_series, n_x]; NaN where there is none */
    pb_axis_labels x;    /* of a tensor's axis; else x_texts */
    char **x_texts;      /* of a table's column or a field, as text */
    char **series_names; /* NULL for a single one without a name */
    const char *x_name, *series_name, *value_name, *units;
    size_t left_out; /* how many values have no place along x, or no colour */
    double left_sum;
    bool lacks_series; /* what they lack is the colour */
} chart_data;

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; texts && i < count; i++)
        free(texts[i]);
    free(texts);
}

static void plot_free(chart_data *plot)
{
    free(plot->values);
    free_texts(plot->x_texts, plot->n_x);
    free_texts(plot->series_names, plot->n_series);
    pb_axis_labels_free(&plot->x);
}

/* Distinct values of a list in the order they come (sorted if they are numbers); None is left out.
 * places[i] is the index of the i-th item's value, or SIZE_MAX. */
static pb_status distinct(pb_interp *interp, const pb_value *list, pb_value ***values,
                          size_t *count, size_t *places, pb_error **error)
{
    size_t n = pb_list_count(list);
    *values = pb_malloc(n, sizeof **values);
    *count = 0;
    if (!*values)
        return pb_fail_memory(error);
    pb_status status = PB_OK;
    for (size_t i = 0; i < n && !status; i++) {
        pb_value *item = pb_list_item(list, i);
        status = pb_interp_check(interp, error);
        places[i] = SIZE_MAX;
        for (size_t j = 0; j < *count && places[i] == SIZE_MAX; j++)
            if (pb_value_equal((*values)[j], item))
                places[i] = j;
        if (places[i] == SIZE_MAX && !pb_value_is_none(item)) {
            places[i] = *count;
            (*values)[(*count)++] = item;
        }
    }
    return status;
}

static pb_status labels_of(pb_value **values, size_t count, char ***labels, pb_error **error)
{
    *labels = pb_calloc(count, sizeof **labels);
    if (!*labels)
        return pb_fail_memory(error);
    for (size_t i = 0; i < count; i++)
        if (!((*labels)[i] = pb_value_drawn(values[i])))
            return pb_fail_memory(error);
    return PB_OK;
}

/* The list with None where `other` has None: embed and pos_embed have no layer, so in a chart of
 * layers they are no part either, beside attn and mlp. */
static pb_status where_both(const pb_value *list, const pb_value *other, pb_value **result,
                            pb_error **error)
{
    pb_list_builder kept = {0};
    for (size_t i = 0; !kept.status && i < pb_list_count(list); i++) {
        bool none = other && pb_value_is_none(pb_list_item(other, i));
        pb_value *item = none ? NULL : pb_value_retain(pb_list_item(list, i));
        if (none)
            kept.status = pb_value_none(&item, &kept.error);
        pb_list_take(&kept, item);
    }
    return pb_list_finish(&kept, false, result, error);
}

/* Which place along x, and which series, each value has; SIZE_MAX where it has none. */
typedef struct value_places {
    size_t *x, *series;
} value_places;

/* One direction of the chart: its distinct values as texts, and which of them each value has.
 * Values for which `other` has nothing have no place. */
static pb_status place_along(pb_interp *interp, const pb_value *list, const pb_value *other,
                             char ***texts, size_t *count, size_t *places, pb_error **error)
{
    pb_value **values = NULL, *kept = NULL;
    pb_status status = where_both(list, other, &kept, error);
    if (!status)
        status = distinct(interp, kept, &values, count, places, error);
    if (!status)
        status = labels_of(values, *count, texts, error);
    free(values);
    pb_value_release(&kept);
    return status;
}

static pb_status empty_cells(chart_data *plot, pb_error **error)
{
    size_t cells = 0;
    if (!pb_size_mul(plot->n_x, plot->n_series, &cells) ||
        !(plot->values = pb_malloc(cells, sizeof *plot->values)))
        return pb_fail_memory(error);
    for (size_t i = 0; i < cells; i++)
        plot->values[i] = NAN;
    return PB_OK;
}

/* Puts the values where they belong; those without a place are summed up for a note. */
static pb_status fill_cells(const pb_value *x, const value_places *places, const double *values,
                            chart_data *plot, pb_error **error)
{
    for (size_t i = 0; i < pb_list_count(x); i++) {
        if (places->x[i] == SIZE_MAX || places->series[i] == SIZE_MAX) {
            plot->left_out++;
            plot->left_sum += values[i];
            plot->lacks_series = !pb_value_is_none(pb_list_item(x, i));
            continue;
        }
        float *cell = &plot->values[places->series[i] * plot->n_x + places->x[i]];
        if (!isnan(*cell))
            return pb_fail(error, PB_VALUE,
                           "several values share one place along x; name what tells them apart "
                           "with color=");
        *cell = (float)values[i];
    }
    return PB_OK;
}

/* Values given one by one, each with its x and its series: a table, or a tensor with fields. */
static pb_status plot_columns(pb_interp *interp, const pb_value *x, const pb_value *series,
                              const double *values, chart_data *plot, pb_error **error)
{
    size_t n = pb_list_count(x);
    value_places places = {pb_malloc(n, sizeof *places.x), pb_calloc(n, sizeof *places.series)};
    pb_status status = places.x && places.series ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = place_along(interp, x, series, &plot->x_texts, &plot->n_x, places.x, error);
    plot->n_series = 1;
    if (!status && series)
        status = place_along(interp, series, x, &plot->series_names, &plot->n_series, places.series,
                             error);
    if (!status)
        status = empty_cells(plot, error);
    if (!status)
        status = fill_cells(x, &places, values, plot, error);
    free(places.x);
    free(places.series);
    return status;
}

/* ---- reading the arguments ---- */

/* A field along the tensor's one axis that can be x or color: .layer, .part. */
static const pb_value *axis_field(const pb_value *tensor, const char *name)
{
    const pb_meta *meta = pb_value_meta(tensor);
    for (size_t i = 0; name && i < meta->n_fields; i++)
        if (meta->fields[i].axis && strcmp(meta->fields[i].name, name) == 0)
            return meta->fields[i].value;
    return NULL;
}

/* "4", "attn", "\xC2\xB7love" */
static char *place_label(const pb_axis_labels *axis, size_t which)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    const char *label = axis->labels ? axis->labels[which] : NULL;
    if (label && axis->view.kind == PB_TEXT_TOKEN)
        pb_visible_text(&text, label, strlen(label));
    else if (label)
        pb_buffer_text(&text, label);
    else
        pb_buffer_format(&text, "%lld", (long long)axis->coordinates[which]);
    return pb_buffer_take(&text);
}

/* The field along the axis that is not called `name`, as part is where x is layer. NULL if there is
 * none, or more than one. */
static const char *other_field(const pb_value *tensor, const char *name)
{
    const pb_meta *meta = pb_value_meta(tensor);
    const char *found = NULL;
    for (size_t i = 0; i < meta->n_fields; i++) {
        if (!meta->fields[i].axis || (name && strcmp(meta->fields[i].name, name) == 0))
            continue;
        if (found)
            return NULL;
        found = meta->fields[i].name;
    }
    return found;
}

/* What x or color names along the tensor's one axis: a field, or the places of the axis itself. */
static pb_status values_along(pb_call *call, const char *parameter, const pb_value *value,
                              const char *name, pb_value **list, pb_error **error)
{
    const pb_axis *axis = pb_tensor_axis(pb_value_get_tensor(value), 0);
    const pb_value *field = axis_field(value, name);
    pb_list_builder places = {.keeper = call->keeper};
    pb_axis_labels labels = {0};
    if (field) {
        *list = pb_value_retain(field);
        return PB_OK;
    }
    if (strcmp(name, pb_axis_name(axis)) != 0)
        return pb_plot_no_such(call, parameter, name, value, error);
    places.status = pb_axis_labels_of(axis, &labels, &places.error);
    for (size_t i = 0; !places.status && i < pb_axis_length(axis); i++) {
        char *text = place_label(&labels, i);
        if (text)
            pb_list_take_text(&places, text);
        else
            places.status = pb_fail_memory(&places.error);
        free(text);
    }
    pb_axis_labels_free(&labels);
    return pb_list_finish(&places, false, list, error);
}

static pb_status find_repeats(pb_interp *interp, const pb_value *list, bool *repeats,
                              pb_error **error)
{
    pb_status status = PB_OK;
    *repeats = false;
    for (size_t i = 0; i < pb_list_count(list) && !*repeats && !status; i++) {
        status = pb_interp_check(interp, error);
        for (size_t j = 0; j < i && !*repeats; j++)
            *repeats = pb_value_equal(pb_list_item(list, i), pb_list_item(list, j));
    }
    return status;
}

/* A tensor of one axis that has fields along it, such as layer and part. If color is not given, it
 * is the field that tells values with the same x apart. */
static pb_status plot_fields(pb_call *call, const pb_value *value, const char *x, const char *color,
                             chart_data *plot, pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    double *values = pb_doubles_of(tensor);
    pb_value *along = NULL, *series = NULL;
    pb_status status = values ? PB_OK : pb_fail_memory(error);
    if (!x)
        x = other_field(value, color);
    if (!x)
        x = pb_axis_name(pb_tensor_axis(tensor, 0));
    if (!status)
        status = values_along(call, "x", value, x, &along, error);
    bool repeats = false;
    if (!status && !color)
        status = find_repeats(call->interp, along, &repeats, error);
    if (repeats)
        color = other_field(value, x);
    if (!status && color && strcmp(color, x) == 0)
        status = pb_plot_no_such(call, "color", color, value, error);
    if (!status && color)
        status = values_along(call, "color", value, color, &series, error);
    if (!status)
        status = pb_place_argument(
            call, "x", plot_columns(call->interp, along, series, values, plot, error), error);
    plot->x_name = x;
    plot->series_name = color;
    pb_value_release(&along);
    pb_value_release(&series);
    free(values);
    return status;
}

/* Which axis of a tensor of one or two is x, the last unless one is named, and which the series:
 * the other, or -1. */
static pb_status choose_axes(pb_call *call, const pb_value *value, int *x_axis, int *series_axis,
                             pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const char *x = pb_argument_text(call, "x"), *color = pb_argument_text(call, "color");
    size_t rank = pb_tensor_rank(tensor);
    int coloured = color ? pb_tensor_find_axis(tensor, color) : -1;
    *x_axis = x ? pb_tensor_find_axis(tensor, x) : (int)rank - 1;
    if (*x_axis < 0)
        return pb_plot_no_such(call, "x", x, value, error);
    if (!x && rank == 2 && coloured == *x_axis)
        *x_axis = 0;
    *series_axis = rank == 2 ? 1 - *x_axis : -1;
    if (color && (*series_axis < 0 || coloured != *series_axis))
        return pb_plot_no_such(call, "color", color, value, error);
    return PB_OK;
}

static pb_status name_series(const pb_axis_labels *series, chart_data *plot, pb_error **error)
{
    plot->n_series = series->view.count;
    plot->series_name = series->view.name;
    plot->series_names = pb_calloc(plot->n_series, sizeof(char *));
    if (!plot->series_names)
        return pb_fail_memory(error);
    for (size_t i = 0; i < plot->n_series; i++)
        if (!(plot->series_names[i] = place_label(series, i)))
            return pb_fail_memory(error);
    return PB_OK;
}

/* The chart of a tensor [x] or [series, x]. */
static pb_status plot_turned(const pb_tensor *turned, chart_data *plot, pb_error **error)
{
    size_t rank = pb_tensor_rank(turned);
    pb_axis_labels series = {0};
    pb_status status = pb_axis_labels_of(pb_tensor_axis(turned, rank - 1), &plot->x, error);
    plot->n_x = plot->x.view.count;
    plot->x_name = plot->x.view.name;
    plot->n_series = 1;
    if (!status && rank == 2)
        status = pb_axis_labels_of(pb_tensor_axis(turned, 0), &series, error);
    if (!status && rank == 2)
        status = name_series(&series, plot, error);
    pb_axis_labels_free(&series);
    if (status)
        return status;
    plot->values = pb_malloc(pb_tensor_size(turned), sizeof *plot->values);
    if (!plot->values)
        return pb_fail_memory(error);
    memcpy(plot->values, pb_tensor_data(turned), pb_tensor_size(turned) * sizeof(float));
    return PB_OK;
}

/* x and color of a tensor: axes by name, or fields along its one axis. */
static pb_status plot_tensor(pb_call *call, const pb_value *value, chart_data *plot,
                             pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const char *x = pb_argument_text(call, "x"), *color = pb_argument_text(call, "color");
    size_t rank = pb_tensor_rank(tensor);
    int x_axis = -1, series_axis = -1;
    plot->units = pb_value_meta(value)->units;
    plot->value_name = plot->units ? plot->units : "value";
    if (rank == 1 && (axis_field(value, x) || axis_field(value, color)))
        return plot_fields(call, value, x, color, plot, error);
    if (rank != 1 && rank != 2) {
        pb_status status = pb_fail_argument(
            call, "data", error, PB_VALUE,
            "%s() draws a tensor of one or two axes, and this one has %zu", call->row->name, rank);
        pb_plot_hint_fewer(call, tensor, 2, error);
        return status;
    }
    pb_status status = choose_axes(call, value, &x_axis, &series_axis, error);
    if (status)
        return status;
    const char *order[2];
    size_t n = 0;
    if (series_axis >= 0)
        order[n++] = pb_axis_name(pb_tensor_axis(tensor, (size_t)series_axis));
    order[n++] = pb_axis_name(pb_tensor_axis(tensor, (size_t)x_axis));
    pb_tensor *turned = NULL;
    status = pb_tensor_transpose(tensor, order, pb_call_watch(call), &turned, error);
    if (!status)
        status = plot_turned(turned, plot, error);
    pb_tensor_release(&turned);
    return status;
}

/* A column's numbers; NaN where there is none. */
static pb_status column_numbers(pb_call *call, const pb_table_cells *column, double **numbers,
                                pb_error **error)
{
    size_t n = pb_list_count(column->cells);
    *numbers = pb_malloc(n, sizeof **numbers);
    if (!*numbers)
        return pb_fail_memory(error);
    for (size_t i = 0; i < n; i++) {
        const pb_value *cell = pb_list_item(column->cells, i);
        (*numbers)[i] = pb_value_get_number(cell);
        if (pb_value_kind(cell) != PB_NUMBER && !pb_value_is_none(cell)) {
            free(*numbers);
            *numbers = NULL;
            return pb_fail_argument(call, "y", error, PB_TYPE, "column '%s' does not hold numbers",
                                    column->name);
        }
    }
    return PB_OK;
}

/* `names`: the columns for x, y and color; NULL where none was named. */
static pb_status plot_table(pb_call *call, const pb_value *table, const char *const names[3],
                            chart_data *plot, pb_error **error)
{
    static const char *const parameters[] = {"x", "y", "color"};
    const pb_table_cells *columns[3] = {NULL};
    for (size_t i = 0; i < 3; i++) {
        columns[i] = names[i] ? pb_table_find(table, names[i]) : NULL;
        if (names[i] && !columns[i])
            return pb_plot_no_such(call, parameters[i], names[i], table, error);
        if (!names[i] && i < 2)
            return pb_fail_argument(call, "data", error, PB_TYPE,
                                    "to draw a table, say which columns: %s(table, x=\"...\", "
                                    "y=\"...\")",
                                    call->row->name);
    }
    double *values = NULL;
    pb_status status = column_numbers(call, columns[1], &values, error);
    if (!status)
        status = pb_place_argument(call, "x",
                                   plot_columns(call->interp, columns[0]->cells,
                                                columns[2] ? columns[2]->cells : NULL, values, plot,
                                                error),
                                   error);
    plot->x_name = columns[0]->name;
    plot->value_name = columns[1]->name;
    plot->units = columns[1]->units;
    plot->series_name = columns[2] ? columns[2]->name : NULL;
    free(values);
    return status;
}

/* ---- drawing ---- */

/* The two ends of a sweep as lines across the chart. */
static size_t sweep_ends(const pb_value *value, pb_reference out[2])
{
    static const char *const names[] = {"into", "from"};
    static const char *const titles[] = {"unpatched", "other prompt"};
    size_t n = 0;
    if (pb_value_kind(value) != PB_TENSOR)
        return 0;
    const pb_value *normal = pb_meta_field(pb_value_meta(value), "normalized");
    if (!normal || pb_value_get_bool(normal))
        return 0;
    for (size_t i = 0; i < 2; i++) {
        const pb_value *end = pb_meta_field(pb_value_meta(value), names[i]);
        if (end && pb_value_kind(end) == PB_NUMBER)
            out[n++] = (pb_reference){titles[i], pb_value_get_number(end)};
    }
    return n;
}

typedef pb_status show_chart(const pb_chart_view *view, pb_bundle **bundle, pb_error **error);

/* The values that have no place, as a note. */
static void left_out_note(const chart_data *plot, char *out, size_t size)
{
    const char *lacked = plot->lacks_series ? plot->series_name : plot->x_name;
    snprintf(out, size, "%zu value%s without a %s %s left out (sum %+.3g).", plot->left_out,
             plot->left_out == 1 ? "" : "s", lacked ? lacked : "place",
             plot->left_out == 1 ? "is" : "are", plot->left_sum);
}

/* What the tensor has to say about itself, then what the chart has. *notes is malloc'ed. */
static pb_status chart_notes(const pb_value *value, const chart_data *plot, const char *left_out,
                             const char ***notes, size_t *count, pb_error **error)
{
    const char **own = NULL;
    size_t n = 0;
    pb_status status = PB_OK;
    if (pb_value_kind(value) == PB_TENSOR)
        status = pb_notes_of(value, &own, &n, error);
    *notes = status ? NULL : pb_malloc(n + 1, sizeof **notes);
    if (!status && !*notes)
        status = pb_fail_memory(error);
    if (!status) {
        if (n > 0)
            memcpy(*notes, own, n * sizeof **notes);
        (*notes)[n] = left_out;
        *count = n + (plot->left_out ? 1 : 0);
    }
    free(own);
    return status;
}

static pb_status show_data(pb_call *call, const pb_value *value, const chart_data *plot,
                           show_chart *show, pb_bundle **bundle, pb_error **error)
{
    char left_out[160];
    const char **notes = NULL;
    size_t n_notes = 0;
    left_out_note(plot, left_out, sizeof left_out);
    pb_series *series = pb_calloc(plot->n_series, sizeof *series);
    pb_status status = series ? chart_notes(value, plot, left_out, &notes, &n_notes, error)
                              : pb_fail_memory(error);
    if (!status) {
        for (size_t i = 0; i < plot->n_series; i++)
            series[i] = (pb_series){plot->series_names ? plot->series_names[i] : NULL,
                                    plot->values + i * plot->n_x};
        pb_reference ends[2];
        pb_axis_view x = plot->x.view;
        if (plot->x_texts)
            x = (pb_axis_view){.count = plot->n_x, .labels = (const char *const *)plot->x_texts};
        x.name = plot->x_name;
        const char *caption = pb_value_kind(value) == PB_TENSOR ? pb_value_meta(value)->caption
                                                                : pb_table_caption(value);
        bool named = plot->units && plot->value_name && strcmp(plot->units, plot->value_name) != 0;
        pb_chart_view view = {.words = {.title = pb_argument_text(call, "title"),
                                        .caption = caption,
                                        .notes = notes,
                                        .n_notes = n_notes},
                              .x = x,
                              .value_name = plot->value_name,
                              .value_unit = named ? plot->units : NULL,
                              .series_name = plot->series_name,
                              .series = series,
                              .n_series = plot->n_series,
                              .references = ends,
                              .n_references = sweep_ends(value, ends),
                              .watch = pb_call_watch(call)};
        status = show(&view, bundle, error);
    }
    free(notes);
    free(series);
    return status;
}

static pb_status draw_chart(pb_call *call, show_chart *show, pb_value **result, pb_error **error)
{
    const char *names[3] = {NULL};
    chart_data plot = {0};
    pb_bundle *bundle = NULL;
    pb_value *value = NULL;
    pb_status status = pb_plot_take(call, names, &value, error);
    if (!status)
        status = pb_value_kind(value) == PB_TABLE ? plot_table(call, value, names, &plot, error)
                                                  : plot_tensor(call, value, &plot, error);
    if (!status)
        status = pb_plot_bound(call, plot.n_x * plot.n_series, PB_PLOT_MOST, error);
    if (!status)
        status = show_data(call, value, &plot, show, &bundle, error);
    plot_free(&plot);
    pb_value_release(&value);
    return status ? status : pb_value_take_drawing(bundle, call->row->name, result, error);
}

static pb_status call_bar(pb_call *call, pb_value **result, pb_error **error)
{
    return draw_chart(call, pb_show_bars, result, error);
}

static pb_status call_line(pb_call *call, pb_value **result, pb_error **error)
{
    return draw_chart(call, pb_show_lines, result, error);
}

/* What bar() and line() both take. */
static const pb_parameter chart_group[] = {
    {.name = "data",
     .types = PB_TAKES_ANY,
     .fallback = "None",
     .what = "a tensor, a table or a list of numbers"},
    {.name = "x",
     .types = PB_TAKES_STRING | PB_TAKES_LIST,
     .fallback = "None",
     .what = "the name of an axis, a field or a column, or a list"},
    {.name = "y",
     .types = PB_TAKES_STRING | PB_TAKES_LIST,
     .fallback = "None",
     .what = "the name of a column, or a list of numbers"},
    {.name = "color",
     .types = PB_TAKES_STRING | PB_TAKES_LIST,
     .fallback = "None",
     .what = "the name of an axis, a field or a column, or a list"},
    {.name = "title", .types = PB_TAKES_STRING, .fallback = "None"},
    {.name = NULL}};

const pb_builtin pb_builtins_plot[] = {
    {.name = "bar",
     .category = "Plots",
     .summary = "Bars, grouped by colour.",
     .doc = "A tensor of one or two axes: `x` is an axis or a field along it (`layer`, `part`), "
            "`color` the other. A table: `x`, `y` and `color` are columns. A list of numbers: "
            "`x` and `color` are lists too, as in `bar(x=[\"a\", \"b\"], y=[1, 2])`.",
     .result = "a drawing",
     .example = "bar(attribute(\"I love this movie\", \" great\"), x=\"layer\", color=\"part\")",
     .needs_model = true,
     .see = "line heatmap",
     .also = {chart_group},
     .function = call_bar},
    {.name = "line",
     .category = "Plots",
     .summary = "Lines with markers; of a patch sweep also its two ends.",
     .doc = "Takes what bar() takes.",
     .result = "a drawing",
     .example = "line(table(x=[1, 2, 3], y=[1, 4, 9]), x=\"x\", y=\"y\")",
     .see = "bar heatmap",
     .also = {chart_group},
     .function = call_line},
    {0}};
