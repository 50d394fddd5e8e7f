/* Tensors of three and four axes as small multiples of heat maps. */
#include "show/facets.h"

#include <string.h>

#include "base/memory.h"
#include "display/facets.h"
#include "math/format.h"
#include "value/text.h"

#define MOST_SHOWN 400000 /* values that are drawn without being asked for */

bool pb_facet_axes_usual(const pb_tensor *tensor, pb_facet_axes *axes)
{
    size_t rank = pb_tensor_rank(tensor), panels = 1;
    const char *names[4];
    *axes = (pb_facet_axes){0};
    if (rank != 3 && rank != 4)
        return false;
    for (size_t i = 0; i < rank; i++)
        names[i] = pb_axis_name(pb_tensor_axis(tensor, i));
    for (size_t i = 0; i + 2 < rank; i++)
        panels *= pb_axis_length(pb_tensor_axis(tensor, i));
    axes->down = rank == 4 ? names[0] : NULL;
    axes->across = names[rank - 3];
    axes->rows = names[rank - 2];
    axes->columns = names[rank - 1];
    return panels > 0 && panels <= PB_FACETS_MOST;
}

/* "t[layer=3]": the code that shows a grid which the text leaves out. */
static void append_pick(const pb_tensor *tensor, size_t place, pb_buffer *out)
{
    size_t offsets[PB_MAX_RANK];
    pb_tensor_unravel(tensor, place, offsets);
    pb_buffer_text(out, "t[");
    for (size_t i = 0; i + 2 < pb_tensor_rank(tensor); i++) {
        const pb_axis *axis = pb_tensor_axis(tensor, i);
        pb_buffer_format(out, "%s%s=%lld", i ? ", " : "", pb_axis_name(axis),
                         (long long)pb_axis_coordinate(axis, offsets[i]));
    }
    pb_buffer_byte(out, ']');
}

/* The four axes of a view, and the values in their order. */
typedef struct turned_axes {
    pb_tensor *tensor;
    pb_axis_labels labels[4]; /* down (or nothing), across, rows, columns */
} turned_axes;

static void turned_free(turned_axes *turned)
{
    for (size_t i = 0; i < 4; i++)
        pb_axis_labels_free(&turned->labels[i]);
    pb_tensor_release(&turned->tensor);
}

static pb_status turn(const pb_value *value, const pb_facet_axes *axes, turned_axes *turned,
                      pb_error **error)
{
    const char *order[] = {axes->down, axes->across, axes->rows, axes->columns};
    size_t first = axes->down ? 0 : 1;
    pb_status status = pb_tensor_transpose(pb_value_get_tensor(value), order + first, NULL,
                                           &turned->tensor, error);
    for (size_t i = first; i < 4 && !status; i++)
        status =
            pb_axis_labels_of(pb_tensor_axis(turned->tensor, i - first), &turned->labels[i], error);
    return status;
}

pb_status pb_facets_of(const pb_value *value, const pb_facet_axes *axes, const pb_words *words,
                       pb_bundle **bundle, pb_error **error)
{
    const pb_meta *meta = pb_value_meta(value);
    turned_axes turned = {0};
    double storage;
    const double *middle = pb_unpatched_value(value, &storage);
    pb_status status = turn(value, axes, &turned, error);
    if (!status) {
        pb_buffer hint = PB_BUFFER_EMPTY;
        pb_buffer_format(&hint, "t[%s%s%s=...] is one of them", axes->down ? axes->down : "",
                         axes->down ? "=..., " : "", axes->across);
        bool same_axis = strcmp(axes->rows, "query") == 0 && strcmp(axes->columns, "key") == 0;
        pb_facets_view view = {.map = {.words = *words,
                                       .rows = turned.labels[2].view,
                                       .columns = turned.labels[3].view,
                                       .values = pb_tensor_data(turned.tensor),
                                       .value_name = meta->units ? meta->units : "value",
                                       .shade = PB_SHADE_AUTO,
                                       .middle = middle,
                                       .middle_name = "the unpatched value",
                                       .square = same_axis,
                                       .causal = same_axis},
                               .across = turned.labels[1].view,
                               .down = turned.labels[0].view,
                               .per_line = axes->per_line,
                               .hint = hint.data};
        status = hint.failed ? pb_fail_memory(error) : pb_show_facets(&view, bundle, error);
        pb_buffer_free(&hint);
    }
    turned_free(&turned);
    return status;
}

/* The text ends with how many grids it leaves out; to this it adds the code that shows the next. */
static void say_how_to_see(const pb_tensor *tensor, bool drawn, pb_buffer *out)
{
    size_t rank = pb_tensor_rank(tensor), size = pb_tensor_size(tensor), grid = 1;
    for (size_t i = rank - 2; i < rank; i++)
        grid *= pb_axis_length(pb_tensor_axis(tensor, i));
    if (size == 0 || size / grid <= PB_TEXT_SLICES)
        return;
    pb_buffer_text(out, "\n    ");
    append_pick(tensor, PB_TEXT_SLICES * grid, out);
    pb_buffer_format(out, " is the next of them%s", drawn ? "; heatmap(t) draws all" : "");
}

static pb_status grids_text(const pb_value *value, const pb_words *words, bool drawn,
                            pb_bundle *bundle, pb_error **error)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    if (words->caption)
        pb_buffer_format(&text, "%s\n\n", words->caption);
    pb_tensor_text(value, &text);
    say_how_to_see(pb_value_get_tensor(value), drawn, &text);
    for (size_t i = 0; i < words->n_notes; i++)
        pb_buffer_format(&text, "\n%s%s", i ? "" : "\n", words->notes[i]);
    return pb_bundle_give(bundle, "text/plain", pb_buffer_take(&text), false, error);
}

pb_status pb_show_many_axes(const pb_value *value, const pb_words *words, pb_bundle *bundle,
                            pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    size_t size = pb_tensor_size(tensor);
    pb_facet_axes axes;
    pb_bundle *picture = NULL;
    pb_status status = PB_OK;
    bool drawn = pb_facet_axes_usual(tensor, &axes) && size > 0;
    if (drawn && size <= MOST_SHOWN)
        status = pb_facets_of(value, &axes, words, &picture, error);
    if (!status && picture)
        status = pb_bundle_absorb(bundle, &picture, error);
    return status ? status : grids_text(value, words, drawn, bundle, error);
}
