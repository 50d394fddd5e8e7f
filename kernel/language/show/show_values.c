/* A tensor under its words, by how many axes it has. */
#include "show/values.h"

#include <stdlib.h>
#include <string.h>

#include "show/facets.h"
#include "show/views.h"

static pb_status give_lines(pb_buffer *text, const pb_words *words, pb_bundle *bundle,
                            pb_error **error)
{
    for (size_t i = 0; i < words->n_notes; i++)
        pb_buffer_format(text, "\n%s%s", i ? "" : "\n", words->notes[i]);
    return pb_bundle_give(bundle, "text/plain", pb_buffer_take(text), false, error);
}

static pb_status show_number(const pb_value *self, const pb_words *words, pb_bundle *bundle,
                             pb_error **error)
{
    const char *units = pb_value_meta(self)->units;
    char number[PB_NUMBER_SIZE];
    double value = pb_tensor_data(pb_value_get_tensor(self))[0];
    pb_number_write(number, value, pb_number_settle((pb_number_format){0}, &value, 1));
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_buffer_format(&text, "%s%s%s", number, units ? " " : "", units ? units : "");
    if (words->caption)
        pb_buffer_format(&text, "\n%s", words->caption);
    return give_lines(&text, words, bundle, error);
}

static pb_status column_of(const pb_value *self, const pb_words *words, const char *name,
                           pb_bundle **bundle, pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(self);
    double *numbers = pb_doubles_of(tensor);
    if (!numbers)
        return pb_fail_memory(error);
    const char *units = pb_value_meta(self)->units;
    pb_column column = {.name = name,
                        .unit = units && strcmp(units, name) == 0 ? NULL : units,
                        .kind = PB_COLUMN_NUMBER,
                        .numbers = numbers,
                        .shade = PB_SHADE_AUTO};
    pb_status status = pb_table_of(pb_tensor_axis(tensor, 0), &column, 1, words, bundle, error);
    free(numbers);
    return status;
}

pb_status pb_show_values(const pb_value *self, const pb_words *words, const char *name,
                         pb_bundle *bundle, pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(self);
    pb_bundle *shown = NULL;
    pb_status status;
    switch (pb_tensor_rank(tensor)) {
    case 0: return show_number(self, words, bundle, error);
    case 1: status = column_of(self, words, name, &shown, error); break;
    case 2:
        status = pb_heatmap_of(self, pb_axis_name(pb_tensor_axis(tensor, 0)),
                               pb_axis_name(pb_tensor_axis(tensor, 1)), words, &shown, error);
        break;
    default: return pb_show_many_axes(self, words, bundle, error);
    }
    return status ? status : pb_bundle_absorb(bundle, &shown, error);
}
