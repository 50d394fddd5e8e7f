/* A part of a tensor, and what holds of it of all that is known about the whole. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/visible.h"
#include "value/text.h"
#include "value_private.h"

/* What was picked from what. */
typedef struct tensor_part {
    const pb_tensor *whole, *left;
    size_t n;
    const char *const *names;
    const pb_select *selects;
    const pb_watch *watch;
} tensor_part;

static const pb_axis *axis_of(const pb_tensor *tensor, const char *name)
{
    int which = pb_tensor_find_axis(tensor, name);
    return which < 0 ? NULL : pb_tensor_axis(tensor, (size_t)which);
}

/* Whether entry i of the index leaves places out. */
static bool cuts(const tensor_part *part, size_t i)
{
    const pb_axis *left = axis_of(part->left, part->names[i]);
    return !left || !pb_axis_same(axis_of(part->whole, part->names[i]), left);
}

static bool cuts_any(const tensor_part *part)
{
    for (size_t i = 0; i < part->n; i++)
        if (cuts(part, i))
            return true;
    return false;
}

/* ---- fields of the part ---- */

static pb_status part_with(const pb_value *a, size_t n, const char *const *names,
                           const pb_select *selects, const pb_watch *watch, bool captioned,
                           pb_value **result, pb_error **error);

/* Here and below: *result stays NULL for what does not hold of the part. */
static pb_status part_of_tensor(const tensor_part *part, const pb_value *value, bool whole,
                                pb_value **result, pb_error **error)
{
    const char *names[PB_MAX_RANK];
    pb_select selects[PB_MAX_RANK];
    size_t n = 0;
    for (size_t i = 0; i < part->n; i++) {
        const pb_axis *own = axis_of(pb_value_get_tensor(value), part->names[i]);
        if (!cuts(part, i))
            continue;
        if (own ? !pb_axis_same(own, axis_of(part->whole, part->names[i])) : whole)
            return PB_OK;
        if (!own)
            continue;
        names[n] = part->names[i];
        selects[n++] = part->selects[i];
    }
    if (n > 0)
        return part_with(value, n, names, selects, part->watch, true, result, error);
    *result = pb_value_retain(value);
    return PB_OK;
}

static pb_status part_of_record(const tensor_part *part, const pb_value *record, bool whole,
                                pb_value **result, pb_error **error);

static pb_status part_of_value(const tensor_part *part, const pb_value *value, bool whole,
                               pb_value **result, pb_error **error)
{
    *result = NULL;
    if (pb_value_kind(value) == PB_TENSOR)
        return part_of_tensor(part, value, whole, result, error);
    if (pb_value_kind(value) == PB_RECORD)
        return part_of_record(part, value, whole, result, error);
    if (whole && cuts_any(part)) /* of a list of checks none is left */
        return pb_value_kind(value) == PB_LIST ? pb_value_take_list(NULL, 0, result, error) : PB_OK;
    *result = pb_value_retain(value);
    return PB_OK;
}

/* A record such as a check: each of its values, or none. */
static pb_status part_of_record(const tensor_part *part, const pb_value *record, bool whole,
                                pb_value **result, pb_error **error)
{
    pb_record_builder made = {.caption = pb_record_caption(record)};
    for (size_t i = 0; !made.status && i < pb_record_count(record); i++) {
        pb_entry entry = pb_record_entry(record, i);
        pb_value *value = NULL;
        made.status = part_of_value(part, entry.value, whole, &value, &made.error);
        if (!made.status && !value) {
            pb_record_discard(&made);
            return PB_OK;
        }
        pb_record_take(&made, entry.name, value);
    }
    return pb_record_finish(&made, result, error);
}

/* Fills `fields` with what holds of the part. The values are owned. */
static pb_status part_of_fields(const tensor_part *part, const pb_meta *meta, pb_field *fields,
                                size_t *count, pb_error **error)
{
    for (size_t i = 0; i < meta->n_fields; i++) {
        const pb_field *field = &meta->fields[i];
        pb_value *value = NULL;
        pb_status status = field->axis
                               ? pb_field_follow(field, part->whole, part->left, &value, error)
                               : part_of_value(part, field->value, field->whole, &value, error);
        if (status)
            return status;
        if (!value)
            continue;
        fields[*count] = *field;
        fields[(*count)++].value = value;
    }
    return PB_OK;
}

/* ---- its caption ---- */

/* "position 2 (\xC2\xB7love)", "layer 3", "prompt \"I love this\"". */
static void say_place(const pb_axis *axis, size_t at, pb_buffer *out)
{
    const char *name = pb_axis_name(axis), *label = pb_axis_label(axis, at);
    bool numbered = strcmp(name, "layer") == 0 || strcmp(name, "head") == 0 || !label;
    bool token = pb_axis_is_tokens(name);
    bool counted = numbered || (token && strcmp(name, "token") != 0);
    pb_buffer_format(out, "%s ", pb_axis_heading(name));
    if (counted)
        pb_buffer_format(out, "%lld", (long long)pb_axis_coordinate(axis, at));
    if (numbered)
        return;
    if (strcmp(name, "prompt") == 0) {
        char *title = pb_prompt_title(label, 60);
        pb_buffer_text(out, title ? title : "");
        free(title);
        return;
    }
    pb_buffer_text(out, counted ? " (" : "");
    if (token)
        pb_visible_text(out, label, strlen(label));
    else
        pb_buffer_text(out, label);
    pb_buffer_text(out, counted ? ")" : "");
}

/* "At layer 3, position 2 (\xC2\xB7love): " and what the whole is. */
static pb_status part_caption(const tensor_part *part, const char *caption, pb_buffer *out,
                              pb_error **error)
{
    size_t said = 0;
    for (size_t i = 0; i < part->n; i++) {
        const pb_axis *axis = axis_of(part->whole, part->names[i]);
        size_t *offsets = NULL, count = 0;
        bool drops = false;
        if (axis_of(part->left, part->names[i]))
            continue;
        pb_status status =
            pb_axis_resolve(axis, &part->selects[i], part->watch, &offsets, &count, &drops, error);
        if (status)
            return status;
        pb_buffer_text(out, said++ ? ", " : "At ");
        say_place(axis, offsets[0], out);
        free(offsets);
    }
    pb_buffer_format(out, "%s%s", said ? ": " : "", caption);
    return pb_buffer_status(out, error);
}

/* ---- the part ---- */

/* Whether an end of the whole, over its prompts, is that of some of them here. */
static bool picks_levels(const pb_meta *whole, const pb_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fields[i].kind == PB_FIELD_LEVEL &&
            fields[i].value != pb_meta_field(whole, fields[i].name))
            return true;
    return false;
}

static pb_status part_value(const tensor_part *part, const pb_meta *meta, bool captioned,
                            pb_tensor **left, pb_value **result, pb_error **error)
{
    size_t count = 0;
    pb_buffer caption = PB_BUFFER_EMPTY;
    pb_field *fields = pb_calloc(meta->n_fields, sizeof *fields);
    pb_status status =
        fields ? part_of_fields(part, meta, fields, &count, error) : pb_fail_memory(error);
    if (!status && captioned && meta->caption)
        status = part_caption(part, meta->caption, &caption, error);
    if (!status && captioned && meta->caption && picks_levels(meta, fields, count))
        pb_say_levels(fields, count, &caption);
    if (!status)
        status = pb_buffer_status(&caption, error);
    pb_meta kept = {meta->model, meta->look, meta->units, caption.data, count, fields};
    if (!status)
        status = pb_value_take_tensor(left, &kept, result, error);
    for (size_t i = 0; i < count; i++)
        pb_value_release(&fields[i].value);
    free(fields);
    pb_buffer_free(&caption);
    return status;
}

static pb_status part_with(const pb_value *a, size_t n, const char *const *names,
                           const pb_select *selects, const pb_watch *watch, bool captioned,
                           pb_value **result, pb_error **error)
{
    const pb_tensor *whole = pb_value_get_tensor(a);
    pb_tensor *left = NULL;
    *result = NULL;
    pb_status status = pb_tensor_select(whole, n, names, selects, watch, &left, error);
    if (status)
        return status;
    const tensor_part part = {whole, left, n, names, selects, watch};
    const pb_meta *meta = pb_value_meta(a), bare = {.model = meta->model, .units = meta->units};
    status = pb_tensor_rank(left) > 0 ? part_value(&part, meta, captioned, &left, result, error)
                                      : pb_value_take_tensor(&left, &bare, result, error);
    pb_tensor_release(&left);
    return status;
}

pb_status pb_value_part(const pb_value *a, size_t n, const char *const *names,
                        const pb_select *selects, const pb_watch *watch, pb_value **result,
                        pb_error **error)
{
    /* A part of a result is still that result; one of an activation is numbers. */
    bool captioned = pb_value_meta(a)->look || pb_value_meta(a)->n_fields > 0;
    return part_with(a, n, names, selects, watch, captioned, result, error);
}
