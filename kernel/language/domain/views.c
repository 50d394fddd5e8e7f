#include "views.h"

#include <string.h>

#include "base/memory.h"

bool pb_axis_is_tokens(const char *name)
{
    static const char *const names[] = {"pos", "query", "key", "token"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

const char *pb_axis_heading(const char *name)
{
    return strcmp(name, "pos") == 0 ? "position" : name;
}

pb_status pb_axis_labels_of(const pb_axis *axis, pb_axis_labels *labels, pb_error **error)
{
    size_t count = pb_axis_length(axis);
    bool tokens = pb_axis_is_tokens(pb_axis_name(axis));
    /* Layers and heads are read as numbers; their labels only repeat the axis' name. */
    bool numbered = strcmp(pb_axis_name(axis), "layer") == 0 ||
                    strcmp(pb_axis_name(axis), "head") == 0 || !pb_axis_has_labels(axis);
    *labels = (pb_axis_labels){0};
    labels->coordinates = pb_malloc(count, sizeof *labels->coordinates);
    labels->labels = numbered ? NULL : pb_malloc(count, sizeof *labels->labels);
    if (!labels->coordinates || (!numbered && !labels->labels)) {
        pb_axis_labels_free(labels);
        return pb_fail_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        labels->coordinates[i] = pb_axis_coordinate(axis, i);
        if (!numbered)
            labels->labels[i] = pb_axis_label(axis, i);
    }
    bool vocabulary = strcmp(pb_axis_name(axis), "token") == 0;
    labels->view = (pb_axis_view){.name = pb_axis_heading(pb_axis_name(axis)),
                                  .count = count,
                                  .labels = labels->labels,
                                  .coordinates = vocabulary ? NULL : labels->coordinates,
                                  .kind = tokens ? PB_TEXT_TOKEN : PB_TEXT_PLAIN};
    return PB_OK;
}

void pb_axis_labels_free(pb_axis_labels *labels)
{
    free(labels->labels);
    free(labels->coordinates);
    *labels = (pb_axis_labels){0};
}

pb_status pb_heatmap_of(const pb_value *value, const char *rows, const char *columns,
                        const pb_words *words, pb_bundle **bundle, pb_error **error)
{
    const char *order[] = {rows, columns};
    const pb_meta *meta = pb_value_meta(value);
    pb_tensor *tensor = NULL;
    pb_axis_labels down = {0}, across = {0};
    pb_status status = pb_tensor_transpose(pb_value_get_tensor(value), order, &tensor, error);
    if (!status)
        status = pb_axis_labels_of(pb_tensor_axis(tensor, 0), &down, error);
    if (!status)
        status = pb_axis_labels_of(pb_tensor_axis(tensor, 1), &across, error);
    if (!status) {
        pb_heatmap_view view = {.words = *words,
                                .rows = down.view,
                                .columns = across.view,
                                .values = pb_tensor_data(tensor),
                                .value_name = meta->units ? meta->units : "value",
                                .shade = PB_SHADE_AUTO};
        status = pb_show_heatmap(&view, bundle, error);
    }
    pb_axis_labels_free(&down);
    pb_axis_labels_free(&across);
    pb_tensor_release(&tensor);
    return status;
}

pb_status pb_table_of(const pb_value *value, const char *value_name, const pb_words *words,
                      bool signs, pb_bundle **bundle, pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const pb_meta *meta = pb_value_meta(value);
    size_t count = pb_tensor_size(tensor);
    pb_axis_labels rows = {0};
    double *numbers = pb_malloc(count, sizeof *numbers), *places = pb_malloc(count, sizeof *places);
    pb_status status = numbers && places ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = pb_axis_labels_of(pb_tensor_axis(tensor, 0), &rows, error);
    if (!status) {
        for (size_t i = 0; i < count; i++) {
            numbers[i] = pb_tensor_data(tensor)[i];
            places[i] = (double)rows.coordinates[i];
        }
        pb_column columns[3] = {{.name = rows.view.name,
                                 .kind = PB_COLUMN_NUMBER,
                                 .numbers = places,
                                 .format = {.style = PB_NUMBER_FIXED}},
                                {0},
                                {0}};
        size_t n = rows.view.coordinates ? 1 : 0;
        if (rows.view.labels)
            columns[n++] = (pb_column){.name = n ? "token" : rows.view.name,
                                       .kind = rows.view.kind == PB_TEXT_TOKEN ? PB_COLUMN_TOKEN
                                                                               : PB_COLUMN_TEXT,
                                       .texts = rows.labels};
        if (rows.view.labels && rows.view.kind == PB_TEXT_PLAIN) {
            columns[0] = columns[n - 1];
            columns[0].name = rows.view.name;
            n = 1;
        }
        columns[n++] = (pb_column){.name = value_name,
                                   .unit = meta->units,
                                   .kind = PB_COLUMN_NUMBER,
                                   .numbers = numbers,
                                   .format = {.sign = signs},
                                   .shade = signs ? PB_SHADE_DIVERGING : PB_SHADE_AUTO};
        pb_table_view view = {.words = *words, .n_rows = count, .n_columns = n, .columns = columns};
        status = pb_show_table(&view, bundle, error);
    }
    pb_axis_labels_free(&rows);
    free(numbers);
    free(places);
    return status;
}
