/* bar(), line() and heatmap(): tensors and tables as pictures, with plotly express' arguments. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/visible.h"
#include "domain.h"
#include "views.h"
#include "words.h"

/* ---- what is plotted: values over x, in coloured series ---- */

typedef struct chart_data {
    size_t n_x, n_series;
    float *values;       /* [n_series, n_x]; NaN where there is none */
    pb_axis_labels x;    /* of a tensor's axis; else x_texts */
    char **x_texts;      /* of a table's column or a field, as text */
    char **series_names; /* NULL for a single one without a name */
    const char *x_name, *series_name, *value_name, *units;
    size_t left_out; /* values without a place along x, or without a colour */
    double left_sum;
    bool lacks_series; /* it is the colour they lack */
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

/* A value as a label: "3", "attn". */
static char *value_label(const pb_value *value)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_value_str(value, &text);
    return pb_buffer_take(&text);
}

/* Distinct values of a list in the order they come (sorted if they are numbers); None is left out.
 * places[i] is the index of the i-th item's value, or SIZE_MAX. */
static pb_status distinct(const pb_value *list, pb_value ***values, size_t *count, size_t *places,
                          pb_error **error)
{
    size_t n = pb_list_count(list);
    *values = pb_malloc(n, sizeof **values);
    *count = 0;
    if (!*values)
        return pb_fail_memory(error);
    for (size_t i = 0; i < n; i++) {
        pb_value *item = pb_list_item(list, i);
        places[i] = SIZE_MAX;
        for (size_t j = 0; j < *count && places[i] == SIZE_MAX; j++)
            if (pb_value_equal((*values)[j], item))
                places[i] = j;
        if (places[i] == SIZE_MAX && !pb_value_is_none(item)) {
            places[i] = *count;
            (*values)[(*count)++] = item;
        }
    }
    return PB_OK;
}

static pb_status labels_of(pb_value **values, size_t count, char ***labels, pb_error **error)
{
    *labels = pb_calloc(count, sizeof **labels);
    if (!*labels)
        return pb_fail_memory(error);
    for (size_t i = 0; i < count; i++)
        if (!((*labels)[i] = value_label(values[i])))
            return pb_fail_memory(error);
    return PB_OK;
}

/* A list without the places where `other` has nothing: embed and pos_embed have no layer, so they
 * are no part beside attn and mlp either. */
static pb_status where_both(const pb_value *list, const pb_value *other, pb_value **result,
                            pb_error **error)
{
    pb_list_builder kept = {0};
    pb_status status = PB_OK;
    for (size_t i = 0; i < pb_list_count(list) && !status; i++) {
        pb_value *item = pb_value_retain(pb_list_item(list, i));
        if (other && pb_value_is_none(pb_list_item(other, i))) {
            pb_value_release(&item);
            status = pb_value_none(&item, error);
        }
        if (!status)
            status = pb_list_take(&kept, item, error);
    }
    if (!status)
        status = pb_list_finish(&kept, false, result, error);
    pb_list_discard(&kept);
    return status;
}

/* Values given one by one, each with its x and its series: a table, or a tensor with fields. */
static pb_status plot_columns(const pb_value *x, const pb_value *series, const double *values,
                              chart_data *plot, pb_error **error)
{
    size_t n = pb_list_count(x);
    size_t *x_at = pb_malloc(n, sizeof *x_at), *s_at = pb_calloc(n, sizeof *s_at);
    pb_value **x_values = NULL, **s_values = NULL, *x_kept = NULL, *s_kept = NULL;
    pb_status status = x_at && s_at ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = where_both(x, series, &x_kept, error);
    if (!status)
        status = distinct(x_kept, &x_values, &plot->n_x, x_at, error);
    if (!status && series) {
        status = where_both(series, x, &s_kept, error);
        if (!status)
            status = distinct(s_kept, &s_values, &plot->n_series, s_at, error);
        if (!status)
            status = labels_of(s_values, plot->n_series, &plot->series_names, error);
    } else {
        plot->n_series = 1;
    }
    if (!status)
        status = labels_of(x_values, plot->n_x, &plot->x_texts, error);
    size_t cells = 0;
    if (!status && (!pb_size_mul(plot->n_x, plot->n_series, &cells) ||
                    !(plot->values = pb_malloc(cells, sizeof *plot->values))))
        status = pb_fail_memory(error);
    if (!status) {
        for (size_t i = 0; i < cells; i++)
            plot->values[i] = NAN;
        for (size_t i = 0; i < n && !status; i++) {
            if (x_at[i] == SIZE_MAX || s_at[i] == SIZE_MAX) {
                plot->left_out++;
                plot->left_sum += values[i];
                plot->lacks_series = !pb_value_is_none(pb_list_item(x, i));
                continue;
            }
            float *cell = &plot->values[s_at[i] * plot->n_x + x_at[i]];
            if (!isnan(*cell))
                status = pb_fail(error, PB_VALUE,
                                 "several values share one place along x; name what tells them "
                                 "apart with color=");
            *cell = (float)values[i];
        }
    }
    free(x_at);
    free(s_at);
    free(x_values);
    free(s_values);
    pb_value_release(&x_kept);
    pb_value_release(&s_kept);
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

/* An error that lists what x= or color= could be. */
static pb_status no_such_axis(pb_call *call, const char *parameter, const pb_value *value,
                              pb_error **error)
{
    pb_buffer names = PB_BUFFER_EMPTY;
    const pb_tensor *tensor = pb_value_get_tensor(value);
    if (tensor) {
        const pb_meta *meta = pb_value_meta(value);
        for (size_t i = 0; i < pb_tensor_rank(tensor); i++)
            pb_buffer_format(&names, "%s%s", names.length ? ", " : "",
                             pb_axis_name(pb_tensor_axis(tensor, i)));
        for (size_t i = 0; i < meta->n_fields; i++)
            if (meta->fields[i].axis)
                pb_buffer_format(&names, "%s%s", names.length ? ", " : "", meta->fields[i].name);
    } else {
        for (size_t i = 0; i < pb_table_columns(value); i++)
            pb_buffer_format(&names, "%s%s", names.length ? ", " : "",
                             pb_table_column(value, i)->name);
    }
    char *text = pb_buffer_take(&names);
    pb_status status = pb_fail_argument(
        call, parameter, error, PB_NAME, "there is nothing called '%s' here; %s= can be %s",
        pb_argument_text(call, parameter), parameter, text ? text : "an axis");
    free(text);
    return status;
}

static pb_status plot_fields(pb_call *call, const pb_value *value, const char *x, const char *color,
                             chart_data *plot, pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    size_t n = pb_tensor_size(tensor);
    double *values = pb_malloc(n, sizeof *values);
    if (!values)
        return pb_fail_memory(error);
    for (size_t i = 0; i < n; i++)
        values[i] = pb_tensor_data(tensor)[i];
    const pb_value *series = axis_field(value, color);
    pb_status status = color && !series ? no_such_axis(call, "color", value, error) : PB_OK;
    if (!status)
        status = pb_place_argument(
            call, "x", plot_columns(axis_field(value, x), series, values, plot, error), error);
    plot->x_name = x;
    plot->series_name = color;
    free(values);
    return status;
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

/* t[head=3]: how to take a tensor down by an axis, with the axis it really has. */
static void hint_fewer_axes(const pb_tensor *tensor, pb_error **error)
{
    if (!error || pb_tensor_rank(tensor) < 2)
        return;
    const char *first = pb_axis_name(pb_tensor_axis(tensor, 0));
    pb_error_hint(*error,
                  "pick a place along an axis, t[%s=%lld], or take a mean over it, "
                  "t.mean(\"%s\")",
                  first, (long long)pb_axis_coordinate(pb_tensor_axis(tensor, 0), 0), first);
}

/* bar(top(love)): the corrected line, for what has a table of its own. */
static void hint_its_table(pb_call *call, const pb_value *value, pb_error *error)
{
    pb_value *table = NULL;
    if (pb_value_kind(value) != PB_OBJECT || !call->source ||
        pb_interp_attribute(call->interp, value, "table", &table, NULL))
        return;
    size_t n = pb_table_columns(table);
    const char *x = n ? pb_table_column(table, 0)->name : "...";
    for (size_t i = 0; i < n; i++)
        if (pb_table_column(table, i)->look == PB_CELLS_TOKEN)
            x = pb_table_column(table, i)->name;
    pb_span span = pb_argument_of(call, "data")->span;
    pb_error_hint(error, "%s(%.*s.table, x=\"%s\", y=\"%s\")", call->row->name,
                  (int)(span.end - span.start), pb_source_text(call->source) + span.start, x,
                  n ? pb_table_column(table, n - 1)->name : "...");
    pb_value_release(&table);
}

/* What is neither a tensor nor a table, and how it becomes one. */
static pb_status cannot_draw(pb_call *call, const pb_value *value, pb_error **error)
{
    char text[96];
    const char *word = call->row->name;
    bool map = strcmp(word, "heatmap") == 0;
    pb_status status = pb_fail_argument(call, "data", error, PB_TYPE, "%s() draws %s, not %s", word,
                                        map ? "a tensor of two axes" : "a tensor or a table",
                                        pb_value_describe(value, text, sizeof text));
    if (error && pb_value_kind(value) == PB_LIST)
        pb_error_hint(*error, map ? "tensor([[1, 2], [3, 4]], axes=[\"a\", \"b\"]) makes one"
                                  : "tensor([1, 2], axes=\"a\") makes one; table(name=[...], "
                                    "value=[...]) makes a table");
    else if (error && !map)
        hint_its_table(call, value, *error);
    return status;
}

/* x and color of a tensor: axes by name, x the last, color the other. */
static pb_status plot_tensor(pb_call *call, const pb_value *value, chart_data *plot,
                             pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const char *x = pb_argument_text(call, "x"), *color = pb_argument_text(call, "color");
    size_t rank = pb_tensor_rank(tensor);
    plot->units = pb_value_meta(value)->units;
    plot->value_name = plot->units ? plot->units : "value";
    if (rank == 1 && axis_field(value, x))
        return plot_fields(call, value, x, color, plot, error);
    if (rank != 1 && rank != 2) {
        pb_status status = pb_fail_argument(
            call, "data", error, PB_VALUE,
            "%s() draws a tensor of one or two axes, and this one has %zu", call->row->name, rank);
        hint_fewer_axes(tensor, error);
        return status;
    }
    int x_axis = x ? pb_tensor_find_axis(tensor, x) : (int)rank - 1;
    if (x_axis < 0)
        return no_such_axis(call, "x", value, error);
    int s_axis = rank == 2 ? 1 - x_axis : -1;
    if (color && (s_axis < 0 || pb_tensor_find_axis(tensor, color) != s_axis)) {
        if (!x && rank == 2 && pb_tensor_find_axis(tensor, color) == x_axis) {
            x_axis = 0;
            s_axis = 1;
        } else {
            return no_such_axis(call, "color", value, error);
        }
    }
    const char *order[2];
    size_t n = 0;
    if (s_axis >= 0)
        order[n++] = pb_axis_name(pb_tensor_axis(tensor, (size_t)s_axis));
    order[n++] = pb_axis_name(pb_tensor_axis(tensor, (size_t)x_axis));
    pb_tensor *turned = NULL;
    pb_axis_labels series = {0};
    pb_status status = pb_tensor_transpose(tensor, order, &turned, error);
    if (!status)
        status = pb_axis_labels_of(pb_tensor_axis(turned, n - 1), &plot->x, error);
    if (!status && s_axis >= 0)
        status = pb_axis_labels_of(pb_tensor_axis(turned, 0), &series, error);
    if (!status) {
        plot->n_x = plot->x.view.count;
        plot->n_series = s_axis >= 0 ? series.view.count : 1;
        plot->x_name = plot->x.view.name;
        plot->series_name = s_axis >= 0 ? series.view.name : NULL;
        plot->values = pb_malloc(pb_tensor_size(turned), sizeof *plot->values);
        plot->series_names = s_axis >= 0 ? pb_calloc(plot->n_series, sizeof(char *)) : NULL;
        if (!plot->values || (s_axis >= 0 && !plot->series_names))
            status = pb_fail_memory(error);
    }
    if (!status)
        memcpy(plot->values, pb_tensor_data(turned), pb_tensor_size(turned) * sizeof(float));
    for (size_t i = 0; !status && s_axis >= 0 && i < plot->n_series; i++) {
        plot->series_names[i] = place_label(&series, i);
        if (!plot->series_names[i])
            status = pb_fail_memory(error);
    }
    pb_axis_labels_free(&series);
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

static pb_status plot_table(pb_call *call, const pb_value *table, chart_data *plot,
                            pb_error **error)
{
    const char *names[] = {"x", "y", "color"};
    const pb_table_cells *columns[3] = {NULL};
    for (size_t i = 0; i < 3; i++) {
        const char *name = pb_argument_text(call, names[i]);
        columns[i] = name ? pb_table_find(table, name) : NULL;
        if (name && !columns[i])
            return no_such_axis(call, names[i], table, error);
        if (!name && i < 2)
            return pb_fail_argument(call, "data", error, PB_TYPE,
                                    "to draw a table, say which columns: %s(table, x=\"...\", "
                                    "y=\"...\")",
                                    call->row->name);
    }
    double *values = NULL;
    pb_status status = column_numbers(call, columns[1], &values, error);
    if (!status)
        status =
            pb_place_argument(call, "x",
                              plot_columns(columns[0]->cells, columns[2] ? columns[2]->cells : NULL,
                                           values, plot, error),
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

static pb_status draw_chart(pb_call *call, show_chart *show, pb_value **result, pb_error **error)
{
    const pb_value *value = pb_argument_value(call, "data");
    chart_data plot = {0};
    if (pb_value_kind(value) != PB_TABLE && pb_value_kind(value) != PB_TENSOR)
        return cannot_draw(call, value, error);
    pb_status status = pb_value_kind(value) == PB_TABLE ? plot_table(call, value, &plot, error)
                                                        : plot_tensor(call, value, &plot, error);
    pb_series *series = status ? NULL : pb_calloc(plot.n_series, sizeof *series);
    if (!status && !series)
        status = pb_fail_memory(error);
    pb_bundle *bundle = NULL;
    if (!status) {
        for (size_t i = 0; i < plot.n_series; i++)
            series[i] = (pb_series){plot.series_names ? plot.series_names[i] : NULL,
                                    plot.values + i * plot.n_x};
        pb_reference ends[2];
        char note[160];
        const char *notes[] = {note};
        const char *lacked = plot.lacks_series ? plot.series_name : plot.x_name;
        snprintf(note, sizeof note, "%zu value%s without a %s %s left out (sum %+.3g).",
                 plot.left_out, plot.left_out == 1 ? "" : "s", lacked ? lacked : "place",
                 plot.left_out == 1 ? "is" : "are", plot.left_sum);
        pb_axis_view x = plot.x.view;
        if (plot.x_texts)
            x = (pb_axis_view){.count = plot.n_x, .labels = (const char *const *)plot.x_texts};
        x.name = plot.x_name;
        const char *caption = pb_value_kind(value) == PB_TENSOR ? pb_value_meta(value)->caption
                                                                : pb_table_caption(value);
        bool named = plot.units && plot.value_name && strcmp(plot.units, plot.value_name) != 0;
        pb_chart_view view = {.words = {.title = pb_argument_text(call, "title"),
                                        .caption = caption,
                                        .notes = notes,
                                        .n_notes = plot.left_out ? 1 : 0},
                              .x = x,
                              .value_name = plot.value_name,
                              .value_unit = named ? plot.units : NULL,
                              .series_name = plot.series_name,
                              .series = series,
                              .n_series = plot.n_series,
                              .references = ends,
                              .n_references = sweep_ends(value, ends)};
        status = show(&view, &bundle, error);
    }
    free(series);
    plot_free(&plot);
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

/* The axes of the heat map: y and x if given, else in the tensor's order. */
static pb_status heatmap_axes(pb_call *call, const pb_value *value, const char **rows,
                              const char **columns, pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const char *x = pb_argument_text(call, "x"), *y = pb_argument_text(call, "y");
    const char *names[2];
    if (pb_tensor_rank(tensor) != 2) {
        pb_status status = pb_fail_argument(
            call, "data", error, PB_VALUE,
            "heatmap() draws a tensor of two axes, and this one has %zu", pb_tensor_rank(tensor));
        if (error && pb_tensor_rank(tensor) == 1)
            pb_error_hint(*error, "one axis is drawn with bar() or line()");
        else
            hint_fewer_axes(tensor, error);
        return status;
    }
    for (size_t i = 0; i < 2; i++)
        names[i] = pb_axis_name(pb_tensor_axis(tensor, i));
    if (x && pb_tensor_find_axis(tensor, x) < 0)
        return no_such_axis(call, "x", value, error);
    if (y && pb_tensor_find_axis(tensor, y) < 0)
        return no_such_axis(call, "y", value, error);
    if (x && y && strcmp(x, y) == 0)
        return pb_fail_argument(call, "y", error, PB_VALUE, "x and y are the same axis");
    bool turned = (x && strcmp(x, names[0]) == 0) || (y && strcmp(y, names[1]) == 0);
    *rows = names[turned ? 1 : 0];
    *columns = names[turned ? 0 : 1];
    return PB_OK;
}

static pb_status call_heatmap(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *value = pb_argument_value(call, "data");
    const char *rows = NULL, *columns = NULL;
    pb_bundle *bundle = NULL;
    if (pb_value_kind(value) != PB_TENSOR)
        return cannot_draw(call, value, error);
    pb_status status = heatmap_axes(call, value, &rows, &columns, error);
    if (!status) {
        const pb_value *list = pb_meta_field(pb_value_meta(value), "notes");
        size_t n = list && pb_value_kind(list) == PB_LIST ? pb_list_count(list) : 0;
        const char **notes = pb_malloc(n, sizeof *notes);
        if (!notes)
            return pb_fail_memory(error);
        for (size_t i = 0; i < n; i++)
            notes[i] = pb_value_get_text(pb_list_item(list, i), NULL);
        pb_words words = {.title = pb_argument_text(call, "title"),
                          .caption = pb_value_meta(value)->caption,
                          .notes = notes,
                          .n_notes = n};
        status = pb_heatmap_of(value, rows, columns, &words, &bundle, error);
        free(notes);
    }
    return status ? status : pb_value_take_drawing(bundle, "heatmap", result, error);
}

#define NAME(word)                                                                                 \
    {                                                                                              \
        .name = word, .types = PB_TAKES_STRING, .fallback = "None"                                 \
    }
#define DATA                                                                                       \
    {                                                                                              \
        .name = "data", .types = PB_TAKES_ANY, .what = "a tensor or a table"                       \
    }

const pb_builtin pb_builtins_plot[] = {
    {.name = "bar",
     .category = "Plots",
     .summary = "Bars, grouped by colour.",
     .doc = "A tensor of one or two axes: `x` is an axis or a field along it (`layer`, `part`), "
            "`color` the other. A table: `x`, `y` and `color` are columns.",
     .result = "a drawing",
     .example = "bar(attribute(\"I love this movie\", \" great\"), x=\"layer\", color=\"part\")",
     .needs_model = true,
     .see = "line heatmap",
     .parameters = {DATA, NAME("x"), NAME("y"), NAME("color"), NAME("title")},
     .function = call_bar},
    {.name = "line",
     .category = "Plots",
     .summary = "Lines with markers; of a patch sweep also its two ends.",
     .doc = "Takes what bar() takes.",
     .result = "a drawing",
     .example = "line(table(x=[1, 2, 3], y=[1, 4, 9]), x=\"x\", y=\"y\")",
     .see = "bar heatmap",
     .parameters = {DATA, NAME("x"), NAME("y"), NAME("color"), NAME("title")},
     .function = call_line},
    {.name = "heatmap",
     .category = "Plots",
     .summary = "A tensor of two axes as shaded cells, zero in the middle for signed values.",
     .doc = "`y` names the axis down the side and `x` the one across; left out, they are the "
            "tensor's first and second.",
     .result = "a drawing",
     .example = "heatmap(attribute(\"I love this movie\", \" great\", by=\"head\"))",
     .needs_model = true,
     .see = "bar line attention",
     .parameters = {{.name = "data", .types = PB_TAKES_ANY, .what = "a tensor of two axes"},
                    NAME("x"),
                    NAME("y"),
                    NAME("title")},
     .function = call_heatmap},
    {0}};
