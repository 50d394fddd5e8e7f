/* What the words that draw share. */
#include "plots.h"

#include <stdlib.h>
#include <string.h>

static void add_choice(const char *choice, const char *name, bool *known, pb_buffer *out)
{
    if (strcmp(choice, name) == 0)
        *known = true;
    else
        pb_buffer_format(out, "%s%s", out->length ? ", " : "", choice);
}

/* Lists what x and color may name: the axes of a tensor and, if it has only one, the fields along
 * it; the columns of a table. Leaves out `name`; *known says whether it is one of them. */
static void list_choices(const pb_value *value, const char *name, bool *known, pb_buffer *out)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    for (size_t i = 0; !tensor && i < pb_table_columns(value); i++)
        add_choice(pb_table_column(value, i)->name, name, known, out);
    for (size_t i = 0; tensor && i < pb_tensor_rank(tensor); i++)
        add_choice(pb_axis_name(pb_tensor_axis(tensor, i)), name, known, out);
    const pb_meta *meta = tensor ? pb_value_meta(value) : NULL;
    for (size_t i = 0; meta && pb_tensor_rank(tensor) == 1 && i < meta->n_fields; i++)
        if (meta->fields[i].axis)
            add_choice(meta->fields[i].name, name, known, out);
}

pb_status pb_plot_no_such(pb_call *call, const char *parameter, const char *name,
                          const pb_value *value, pb_error **error)
{
    pb_buffer names = PB_BUFFER_EMPTY;
    bool known = false;
    list_choices(value, name, &known, &names);
    char *text = pb_buffer_take(&names);
    pb_status status;
    if (!text || !*text)
        status = pb_fail_argument(call, parameter, error, PB_NAME,
                                  "%s= cannot be '%s' here, and there is nothing else to name",
                                  parameter, name);
    else
        status = pb_fail_argument(call, parameter, error, PB_NAME,
                                  known ? "'%s' is taken already; %s= can be %s"
                                        : "there is nothing called '%s' here; %s= can be %s",
                                  name, parameter, text);
    free(text);
    return status;
}

pb_status pb_plot_tensor_of(pb_call *call, const pb_value *list, const char *const *axes,
                            size_t n_axes, pb_value **result, pb_error **error)
{
    pb_value *names = NULL, *word = NULL;
    pb_list_builder made = {0};
    for (size_t i = 0; i < n_axes; i++)
        pb_list_take_text(&made, axes[i]);
    pb_status status = pb_list_finish(&made, false, &names, error);
    if (!status)
        status = pb_call_word(call, "tensor", &word, error);
    pb_value *const arguments[] = {(pb_value *)list, names};
    if (!status)
        status = pb_interp_call(call->interp, word, 2, arguments, result, error);
    pb_value_release(&names);
    pb_value_release(&word);
    return pb_place_argument(call, "data", status, error);
}

pb_status pb_plot_bound(pb_call *call, size_t count, size_t most, pb_error **error)
{
    if (count <= most)
        return PB_OK;
    pb_status status = pb_fail_argument(call, "data", error, PB_LIMIT,
                                        "%s() draws %zu values at most, and these are %zu",
                                        call->row->name, most, count);
    if (error && *error)
        pb_error_hint(*error, "draw some of them: t[pos=::100] takes every 100th place along pos");
    return status;
}

#define LONGEST_WRITTEN 40

pb_written pb_plot_written(const pb_call *call)
{
    pb_span span = pb_argument_of(call, "data")->span;
    if (!call->source || span.end <= span.start || span.end - span.start > LONGEST_WRITTEN)
        return (pb_written){"t", 1};
    return (pb_written){pb_source_text(call->source) + span.start, (int)(span.end - span.start)};
}

/* As line(p[layer=0]) draws one place, and line(p.mean("layer")) the mean; heatmap() draws all. */
void pb_plot_hint_fewer(pb_call *call, const pb_tensor *tensor, size_t most, pb_error **error)
{
    size_t rank = pb_tensor_rank(tensor);
    if (!error || !*error || rank <= most)
        return;
    pb_written data = pb_plot_written(call);
    pb_buffer places = PB_BUFFER_EMPTY, names = PB_BUFFER_EMPTY;
    for (size_t i = 0; i + most < rank; i++) {
        const pb_axis *axis = pb_tensor_axis(tensor, i);
        pb_buffer_format(&places, "%s%s=%lld", i ? ", " : "", pb_axis_name(axis),
                         (long long)(pb_axis_length(axis) ? pb_axis_coordinate(axis, 0) : 0));
        pb_buffer_format(&names, "%s\"%s\"", i ? ", " : "", pb_axis_name(axis));
    }
    bool several = rank - most > 1;
    if (!places.failed && !names.failed)
        pb_error_hint(*error, "%s(%.*s[%s]) draws one place, %s(%.*s.mean(%s%s%s)) the mean%s",
                      call->row->name, data.length, data.text, places.data, call->row->name,
                      data.length, data.text, several ? "[" : "", names.data, several ? "]" : "",
                      most < 3 && rank <= 4 ? "; heatmap() draws all" : "");
    pb_buffer_free(&places);
    pb_buffer_free(&names);
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

pb_status pb_plot_cannot_draw(pb_call *call, const pb_value *value, const char *wanted,
                              pb_error **error)
{
    char text[96];
    const char *word = call->row->name;
    bool map = strcmp(word, "heatmap") == 0;
    pb_status status = pb_fail_argument(call, "data", error, PB_TYPE, "%s() draws %s, not %s", word,
                                        wanted, pb_value_describe(value, text, sizeof text));
    if (error && pb_value_kind(value) == PB_LIST && map)
        pb_error_hint(*error, "a list of lists is drawn: heatmap([[1, 2], [3, 4]])");
    else if (error && (pb_value_kind(value) == PB_LIST || pb_value_is_none(value)))
        pb_error_hint(*error, "%s(x=[\"a\", \"b\"], y=[1, 2])", word);
    else if (error && !map)
        hint_its_table(call, value, *error);
    return status;
}
