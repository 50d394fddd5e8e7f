#include "show/views.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "value/text.h"

/* Heads picked out of all layers lie along the component axis: L4H0, L3H2. */
static bool names_heads(const pb_axis *axis)
{
    unsigned layer, head;
    int length = -1;
    const char *label = pb_axis_length(axis) ? pb_axis_label(axis, 0) : NULL;
    return label && strcmp(pb_axis_name(axis), "component") == 0 &&
           sscanf(label, "L%uH%u%n", &layer, &head, &length) == 2 && length >= 0 &&
           label[length] == '\0';
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
    const char *heading = names_heads(axis) ? "head" : pb_axis_heading(pb_axis_name(axis));
    labels->view = (pb_axis_view){.name = heading,
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

const double *pb_unpatched_value(const pb_value *tensor, double *storage)
{
    const pb_meta *meta = pb_value_meta(tensor);
    const pb_value *into = pb_meta_field(meta, "into");
    const pb_value *normal = pb_meta_field(meta, "normalized");
    if (!into || !normal || pb_value_kind(into) != PB_NUMBER || pb_value_get_bool(normal))
        return NULL;
    *storage = pb_value_get_number(into);
    return storage;
}

pb_status pb_heatmap_of(const pb_value *value, const char *rows, const char *columns,
                        const pb_words *words, pb_bundle **bundle, pb_error **error)
{
    const char *order[] = {rows, columns};
    const pb_meta *meta = pb_value_meta(value);
    pb_tensor *tensor = NULL;
    pb_axis_labels down = {0}, across = {0};
    double unpatched;
    pb_status status = pb_tensor_transpose(pb_value_get_tensor(value), order, NULL, &tensor, error);
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
                                .shade = PB_SHADE_AUTO,
                                .middle = pb_unpatched_value(value, &unpatched),
                                .middle_name = "the unpatched value",
                                .causal =
                                    strcmp(rows, "query") == 0 && strcmp(columns, "key") == 0};
        status = pb_show_heatmap(&view, bundle, error);
    }
    pb_axis_labels_free(&down);
    pb_axis_labels_free(&across);
    pb_tensor_release(&tensor);
    return status;
}

static size_t key_columns(const pb_axis_labels *rows, const double *places, pb_column *columns)
{
    size_t n = 0;
    bool tokens = rows->view.kind == PB_TEXT_TOKEN;
    if (!rows->labels || tokens)
        columns[n++] = (pb_column){.name = rows->view.name,
                                   .kind = PB_COLUMN_NUMBER,
                                   .numbers = places,
                                   .format = {.style = PB_NUMBER_FIXED}};
    if (rows->labels)
        columns[n++] = (pb_column){.name = tokens ? "token" : rows->view.name,
                                   .kind = tokens ? PB_COLUMN_TOKEN : PB_COLUMN_TEXT,
                                   .texts = rows->labels};
    return n;
}

pb_status pb_table_of(const pb_axis *axis, const pb_column *values, size_t n_values,
                      const pb_words *words, pb_bundle **bundle, pb_error **error)
{
    size_t count = pb_axis_length(axis);
    pb_axis_labels rows = {0};
    pb_column *columns = pb_calloc(2 + n_values, sizeof *columns);
    double *places = pb_malloc(count, sizeof *places);
    pb_status status = columns && places ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = pb_axis_labels_of(axis, &rows, error);
    if (!status) {
        for (size_t i = 0; i < count; i++)
            places[i] = (double)rows.coordinates[i];
        size_t n = key_columns(&rows, places, columns);
        memcpy(columns + n, values, n_values * sizeof *columns);
        pb_table_view view = {
            .words = *words, .n_rows = count, .n_columns = n + n_values, .columns = columns};
        status = pb_show_table(&view, bundle, error);
    }
    pb_axis_labels_free(&rows);
    free(columns);
    free(places);
    return status;
}

pb_status pb_notes_of(const pb_value *tensor, const char ***notes, size_t *count, pb_error **error)
{
    const pb_value *list = pb_meta_field(pb_value_meta(tensor), "notes");
    bool any = list && pb_value_kind(list) == PB_LIST;
    *count = any ? pb_list_count(list) : 0;
    *notes = pb_malloc(*count, sizeof **notes);
    if (!*notes)
        return pb_fail_memory(error);
    for (size_t i = 0; i < *count; i++)
        (*notes)[i] = pb_value_get_text(pb_list_item(list, i), NULL);
    return PB_OK;
}

double *pb_doubles_of(const pb_tensor *tensor)
{
    double *numbers = pb_malloc(pb_tensor_size(tensor), sizeof *numbers);
    for (size_t i = 0; numbers && i < pb_tensor_size(tensor); i++)
        numbers[i] = pb_tensor_data(tensor)[i];
    return numbers;
}
