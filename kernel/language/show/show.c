/* How each kind of value becomes a bundle: text/plain always, and more where there is more to see.
 */
#include "show/show.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "eval/builtin.h"
#include "show/values.h"
#include "show/views.h"
#include "show_table.h"
#include "value/text.h"

#define PB_SHOWN_CELLS 40000 /* of a tensor as a heat map; larger ones are text */

/* ---- drawings ---- */

typedef struct pb_drawing {
    pb_bundle *bundle;
    char *repr;
} pb_drawing;

static void drawing_destroy(void *data)
{
    pb_drawing *drawing = data;
    pb_bundle_destroy(&drawing->bundle);
    free(drawing->repr);
    free(drawing);
}

static void drawing_repr(const pb_value *self, pb_buffer *out);

static pb_status copy_forms(const pb_bundle *from, pb_bundle *to, pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < pb_bundle_count(from); i++) {
        pb_form form = pb_bundle_form(from, i);
        char *data = strdup(form.data);
        status = pb_bundle_give(to, form.mime, data, form.json, error);
    }
    if (!status && pb_bundle_metadata(from))
        status = pb_bundle_set_metadata(to, pb_bundle_metadata(from), error);
    return status;
}

static pb_status drawing_show(pb_interp *interp, const pb_value *self, pb_bundle *bundle,
                              pb_error **error)
{
    (void)interp;
    return copy_forms(pb_value_drawing(self), bundle, error);
}

static const pb_object_type drawing_type = {.name = "drawing",
                                            .article = "a drawing",
                                            .summary = "A picture: it shows, and save() writes it.",
                                            .destroy = drawing_destroy,
                                            .repr = drawing_repr,
                                            .show = drawing_show};

static void drawing_repr(const pb_value *self, pb_buffer *out)
{
    const pb_drawing *drawing = pb_value_object(self, &drawing_type);
    pb_buffer_format(out, "<%s>", drawing->repr);
}

pb_status pb_value_take_drawing(pb_bundle *bundle, const char *repr, pb_value **result,
                                pb_error **error)
{
    *result = NULL;
    pb_drawing *drawing = pb_calloc(1, sizeof *drawing);
    char *copy = strdup(repr);
    if (!drawing || !copy) {
        free(drawing);
        free(copy);
        pb_bundle_destroy(&bundle);
        return pb_fail_memory(error);
    }
    *drawing = (pb_drawing){bundle, copy};
    return pb_value_take_object(&drawing_type, drawing, result, error);
}

const pb_bundle *pb_value_drawing(const pb_value *value)
{
    const pb_drawing *drawing = pb_value_object(value, &drawing_type);
    return drawing ? drawing->bundle : NULL;
}

/* ---- tensors ---- */

static pb_status vector_table(const pb_value *value, const pb_words *words, pb_bundle **picture,
                              pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    double *numbers = pb_doubles_of(tensor);
    if (!numbers)
        return pb_fail_memory(error);
    pb_column column = {.name = "value",
                        .unit = pb_value_meta(value)->units,
                        .kind = PB_COLUMN_NUMBER,
                        .numbers = numbers,
                        .shade = PB_SHADE_AUTO};
    pb_status status = pb_table_of(pb_tensor_axis(tensor, 0), &column, 1, words, picture, error);
    free(numbers);
    return status;
}

/* The picture beside the text: a table for one axis, a heat map for two. */
static pb_status tensor_picture(const pb_value *value, pb_bundle **picture, pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const pb_meta *meta = pb_value_meta(value);
    size_t rank = pb_tensor_rank(tensor), size = pb_tensor_size(tensor);
    pb_words words = {.caption = meta->caption};
    *picture = NULL;
    if (size == 0 || size > PB_SHOWN_CELLS)
        return PB_OK;
    if (rank == 1 && size <= 200)
        return vector_table(value, &words, picture, error);
    if (rank == 2)
        return pb_heatmap_of(value, pb_axis_name(pb_tensor_axis(tensor, 0)),
                             pb_axis_name(pb_tensor_axis(tensor, 1)), &words, picture, error);
    return PB_OK;
}

static pb_status show_tensor(pb_interp *interp, const pb_value *value, pb_bundle *bundle,
                             pb_error **error)
{
    const pb_meta *meta = pb_value_meta(value);
    const pb_look *look = meta->look;
    pb_bundle *picture = NULL;
    pb_buffer text = PB_BUFFER_EMPTY;
    if (look && look->show)
        return look->show(interp, value, bundle, error);
    if (pb_tensor_rank(pb_value_get_tensor(value)) > 2)
        return pb_show_values(value, &(pb_words){.caption = meta->caption}, "value", bundle, error);
    pb_status status = tensor_picture(value, &picture, error);
    if (!status && picture)
        status = copy_forms(picture, bundle, error);
    pb_bundle_destroy(&picture);
    if (status)
        return status;
    if (meta->caption)
        pb_buffer_format(&text, "%s\n\n", meta->caption);
    pb_tensor_text(value, &text);
    return pb_bundle_give(bundle, "text/plain", pb_buffer_take(&text), false, error);
}

/* ---- tables and records ---- */

static pb_status take_forms(pb_bundle *bundle, pb_bundle **made, pb_status status, pb_error **error)
{
    if (!status)
        status = copy_forms(*made, bundle, error);
    pb_bundle_destroy(made);
    return status;
}

static pb_status show_table(const pb_value *value, pb_bundle *bundle, pb_error **error)
{
    pb_bundle *made = NULL;
    return take_forms(bundle, &made, pb_show_table_value(value, &made, error), error);
}

/* ---- lists and records of what shows itself ---- */

#define PB_SHOWN_ITEMS 50 /* of a longer one the text alone is shown */

/* A list of results that are one number each is a list of numbers. */
static bool shows_as_result(const pb_value *value)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    return tensor && pb_tensor_rank(tensor) > 0 && pb_value_meta(value)->look;
}

/* A drawing, a table, a result: what a cell would show otherwise than as its text. */
static bool shows_itself(const pb_value *value)
{
    const pb_object_type *type = pb_value_object_type(value);
    pb_kind kind = pb_value_kind(value);
    return (type && type->show && !type->named_in_lists) || shows_as_result(value) ||
           kind == PB_TABLE || (kind == PB_RECORD && pb_record_caption(value));
}

static bool all_show(const pb_value *list)
{
    size_t count = pb_list_count(list);
    bool all = count > 0 && count <= PB_SHOWN_ITEMS;
    for (size_t i = 0; all && i < count; i++)
        all = shows_itself(pb_list_item(list, i));
    return all;
}

/* What a record holds has a name, so that what is text among it may stand as such. */
static bool any_shows(const pb_value *record)
{
    size_t count = pb_record_count(record);
    bool any = false;
    for (size_t i = 0; !any && count <= PB_SHOWN_ITEMS && i < count; i++)
        any = shows_itself(pb_record_entry(record, i).value);
    return any;
}

/* One below the other; a record's under their names. */
static pb_status show_each(pb_interp *interp, const pb_value *value, pb_bundle *bundle,
                           pb_error **error)
{
    bool named = pb_value_kind(value) == PB_RECORD;
    pb_bundle *parts[PB_SHOWN_ITEMS] = {NULL};
    const char *names[PB_SHOWN_ITEMS] = {NULL};
    size_t n = named ? pb_record_count(value) : pb_list_count(value);
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < n; i++) {
        pb_entry entry = {0};
        if (named)
            entry = pb_record_entry(value, i);
        else
            entry.value = pb_list_item(value, i);
        names[i] = entry.name;
        status = pb_interp_bundle(interp, entry.value, &parts[i], error);
    }
    if (!status)
        status = pb_bundle_stack(bundle, n, names, parts, error);
    for (size_t i = 0; i < n; i++)
        pb_bundle_destroy(&parts[i]);
    return status;
}

/* ---- words ---- */

static void builtin_text(const pb_builtin *row, pb_buffer *out)
{
    pb_buffer_text(out, row->name);
    pb_builtin_signature(row, out);
    pb_buffer_format(out, "\n%s", row->summary);
}

/* text/plain must be valid UTF-8, whatever bytes a string holds. */
static pb_status give_text(pb_bundle *bundle, pb_buffer *text, pb_error **error)
{
    pb_buffer clean = PB_BUFFER_EMPTY;
    pb_clean_text(text->data, text->length, &clean);
    clean.failed = clean.failed || text->failed;
    pb_buffer_free(text);
    return pb_bundle_give(bundle, "text/plain", pb_buffer_take(&clean), false, error);
}

static pb_status show_kind(pb_interp *interp, const pb_value *value, pb_bundle *bundle,
                           pb_error **error)
{
    const pb_object_type *type = pb_value_object_type(value);
    pb_buffer text = PB_BUFFER_EMPTY;
    if (type && type->show)
        return type->show(interp, value, bundle, error);
    switch (pb_value_kind(value)) {
    case PB_TENSOR: return show_tensor(interp, value, bundle, error);
    case PB_TABLE: return show_table(value, bundle, error);
    case PB_LIST:
        if (all_show(value))
            return show_each(interp, value, bundle, error);
        break;
    case PB_RECORD:
        if (pb_record_caption(value)) {
            pb_bundle *made = NULL;
            return take_forms(bundle, &made, pb_show_record_value(value, &made, error), error);
        }
        if (any_shows(value))
            return show_each(interp, value, bundle, error);
        break;
    case PB_BUILTIN:
        builtin_text(pb_value_get_builtin(value), &text);
        return give_text(bundle, &text, error);
    default: break;
    }
    pb_value_repr(value, false, &text);
    return give_text(bundle, &text, error);
}

pb_status pb_interp_bundle(pb_interp *interp, const pb_value *value, pb_bundle **bundle,
                           pb_error **error)
{
    *bundle = pb_bundle_create();
    if (!*bundle)
        return pb_fail_memory(error);
    pb_status status = show_kind(interp, value, *bundle, error);
    if (status)
        pb_bundle_destroy(bundle);
    return status;
}
