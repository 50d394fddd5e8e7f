/*
 * What results carry through computing: the ends of a sweep, its change and its checks, the rest
 * and the bias of an attribution. A mean over prompts of a sweep is a sweep whose ends are the
 * means; a difference of two has the differences of theirs. So whatever is done to the numbers is
 * done again to each field, as its kind says, and the caption says it once.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "value_private.h"

/* What is done, and to what. */
typedef struct pb_carrying {
    const pb_operation *operation;
    size_t n;
    const pb_value *const *operands;
    const pb_tensor *made;
} pb_carrying;

/* ---- the value of one field ---- */

/* Here and below: *result stays NULL for what does not hold of what comes out. `of` are the fields
 * of one name, NULL for an operand that carries nothing; `first` is one of them. */
static pb_status carry_value(const pb_carrying *c, const pb_field *field, const pb_value *const *of,
                             const pb_value *first, pb_value **result, pb_error **error);

static bool is_numbers(const pb_value *value)
{
    return pb_value_kind(value) == PB_NUMBER || pb_value_kind(value) == PB_TENSOR;
}

/* A number as a tensor without axes, or the tensor itself, retained; NULL for NULL. */
static pb_status as_tensor(const pb_value *value, pb_tensor **tensor, pb_error **error)
{
    float number = (float)pb_value_get_number(value);
    *tensor = pb_tensor_retain(pb_value_get_tensor(value));
    return !value || *tensor ? PB_OK : pb_tensor_from(0, NULL, &number, tensor, error);
}

/* What pb_say_levels() begins with. */
static const char here[] = " Here .", here_mean[] = " Here the mean .";

/* A copy of a caption without what pb_say_levels() added to it: the ends are others now. */
static char *without_levels(const char *caption)
{
    const char *end = NULL;
    for (const char *at = caption; (at = strstr(at, " Here ")); at++)
        if (!strncmp(at, here, strlen(here)) || !strncmp(at, here_mean, strlen(here_mean)))
            end = at;
    return strndup(caption, end ? (size_t)(end - caption) : strlen(caption));
}

static void write_caption(const pb_carrying *c, const pb_value *const *of, pb_buffer *out)
{
    char **captions = pb_calloc(c->n, sizeof *captions);
    bool any = false;
    for (size_t i = 0; captions && i < c->n; i++) {
        const char *caption = pb_value_meta(of[i]) ? pb_value_meta(of[i])->caption : NULL;
        captions[i] = caption ? without_levels(caption) : NULL;
        out->failed = out->failed || (caption && !captions[i]);
        any = any || captions[i];
    }
    if (any && c->operation->caption)
        c->operation->caption(c->operation->how, (const char *const *)captions, out);
    else if (any && captions[0])
        pb_buffer_text(out, captions[0]);
    out->failed = out->failed || !captions;
    for (size_t i = 0; captions && i < c->n; i++)
        free(captions[i]);
    free(captions);
}

/* Keeps the field's own look, units and caption. */
static pb_status tag_numbers(const pb_carrying *c, const pb_value *const *of, const pb_value *first,
                             pb_tensor **made, pb_value **result, pb_error **error)
{
    const pb_meta *meta = pb_value_meta(first);
    pb_meta kept = meta ? (pb_meta){.model = meta->model, .look = meta->look, .units = meta->units}
                        : (pb_meta){0};
    pb_buffer caption = PB_BUFFER_EMPTY;
    write_caption(c, of, &caption);
    pb_status status = pb_buffer_status(&caption, error);
    if (pb_tensor_rank(*made) == 0)
        kept.look = NULL;
    kept.caption = caption.data;
    if (!status)
        status = pb_value_take_tensor(made, &kept, result, error);
    pb_tensor_release(made);
    pb_buffer_free(&caption);
    return status;
}

static pb_status carry_numbers(const pb_carrying *c, const pb_field *field,
                               const pb_value *const *of, const pb_value *first, pb_value **result,
                               pb_error **error)
{
    pb_tensor *made = NULL;
    pb_status status = PB_OK;
    pb_tensor **tensors = pb_calloc(c->n, sizeof *tensors);
    if (!tensors)
        return pb_fail_memory(error);
    bool numbers = field->kind != PB_FIELD_SAID || c->operation->arranges;
    for (size_t i = 0; i < c->n && numbers; i++)
        numbers = !of[i] || is_numbers(of[i]);
    for (size_t i = 0; i < c->n && numbers && !status; i++)
        status = as_tensor(of[i], &tensors[i], error);
    if (numbers && !status)
        status = c->operation->apply(c->operation->how, field, (const pb_tensor *const *)tensors,
                                     &made, error);
    if (made)
        status = tag_numbers(c, of, first, &made, result, error);
    for (size_t i = 0; i < c->n; i++)
        pb_tensor_release(&tensors[i]);
    free(tensors);
    return status;
}

/* One after the other: the checks of both sweeps of a difference. */
static pb_status join_lists(const pb_carrying *c, const pb_value *const *of, pb_value **result,
                            pb_error **error)
{
    pb_list_builder list = {0};
    for (size_t i = 0; i < c->n; i++)
        pb_list_take_items(&list, of[i], 0, pb_list_count(of[i]));
    return pb_list_finish(&list, false, result, error);
}

/* A record such as a check: each of its values, or none. */
static pb_status carry_record(const pb_carrying *c, const pb_field *field,
                              const pb_value *const *of, const pb_value *first, pb_value **result,
                              pb_error **error)
{
    const pb_value **parts = pb_calloc(c->n, sizeof *parts);
    pb_record_builder made = {.caption = pb_record_caption(first)};
    made.status = parts ? PB_OK : pb_fail_memory(&made.error);
    for (size_t k = 0; !made.status && k < pb_record_count(first); k++) {
        pb_entry entry = pb_record_entry(first, k);
        pb_value *value = NULL;
        bool all = true;
        for (size_t i = 0; i < c->n; i++) {
            parts[i] = of[i] ? pb_record_find(of[i], entry.name) : NULL;
            all = all && (parts[i] || !of[i]);
        }
        if (all)
            made.status = carry_value(c, field, parts, entry.value, &value, &made.error);
        if (!made.status && !value) {
            free(parts);
            pb_record_discard(&made);
            return PB_OK;
        }
        pb_record_take(&made, entry.name, value);
    }
    free(parts);
    return pb_record_finish(&made, result, error);
}

static pb_status carry_truths(const pb_carrying *c, const pb_value *const *of, pb_value **result,
                              pb_error **error)
{
    bool truth = false;
    for (size_t i = 0; i < c->n; i++)
        truth = truth || (of[i] && pb_value_get_bool(of[i]));
    return pb_value_bool(truth, result, error);
}

static pb_status carry_value(const pb_carrying *c, const pb_field *field, const pb_value *const *of,
                             const pb_value *first, pb_value **result, pb_error **error)
{
    *result = NULL;
    if (is_numbers(first))
        return carry_numbers(c, field, of, first, result, error);
    for (size_t i = 0; i < c->n; i++)
        if (of[i] && pb_value_kind(of[i]) != pb_value_kind(first))
            return PB_OK;
    switch (pb_value_kind(first)) {
    case PB_RECORD: return carry_record(c, field, of, first, result, error);
    case PB_LIST: return join_lists(c, of, result, error);
    case PB_BOOL: return carry_truths(c, of, result, error);
    default: return PB_OK;
    }
}

/* ---- the fields ---- */

static const pb_field *find_field(const pb_value *value, const char *name)
{
    const pb_meta *meta = pb_value_meta(value);
    for (size_t i = 0; meta && i < meta->n_fields; i++)
        if (strcmp(meta->fields[i].name, name) == 0)
            return &meta->fields[i];
    return NULL;
}

/* Whether there is anything about it beside its coordinates. */
static bool carries(const pb_value *value)
{
    const pb_meta *meta = pb_value_meta(value);
    for (size_t i = 0; meta && i < meta->n_fields; i++)
        if (!meta->fields[i].axis)
            return true;
    return false;
}

/* The field from those of its name, if every operand that carries something has it. */
static pb_status carry_field(const pb_carrying *c, const pb_field *field, pb_value **result,
                             pb_error **error)
{
    const pb_value **of = pb_calloc(c->n, sizeof *of);
    bool all = of != NULL;
    for (size_t i = 0; all && i < c->n; i++) {
        const pb_field *same = find_field(c->operands[i], field->name);
        if (carries(c->operands[i]))
            all = same && !same->axis && same->kind == field->kind;
        of[i] = same ? same->value : NULL;
    }
    pb_status status = of ? PB_OK : pb_fail_memory(error);
    if (all)
        status = carry_value(c, field, of, field->value, result, error);
    free(of);
    return status;
}

/* A coordinate of operand i along an axis that the result has too. */
static pb_status carry_coordinate(const pb_carrying *c, size_t i, const pb_field *field,
                                  pb_field *made, pb_error **error)
{
    const pb_operation *operation = c->operation;
    const pb_tensor *old = pb_value_get_tensor(c->operands[i]);
    *made = *field;
    made->value = NULL;
    if (!operation->from || strcmp(operation->from, field->axis) != 0)
        return pb_field_follow(field, old, c->made, &made->value, error);
    made->axis = operation->to; /* the same places under another name */
    made->value = pb_value_retain(field->value);
    return PB_OK;
}

static bool has_field(const pb_field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0)
            return true;
    return false;
}

/* Fills `fields`, which are the caller's to release. What is carried is in every operand that
 * carries something, so the first of those has all of it; coordinates come from any. */
static pb_status carry_fields(const pb_carrying *c, pb_field *fields, size_t *count,
                              pb_error **error)
{
    size_t lead = 0;
    while (lead < c->n && !carries(c->operands[lead]))
        lead++;
    for (size_t i = 0; i < c->n; i++) {
        const pb_meta *meta = pb_value_meta(c->operands[i]);
        for (size_t k = 0; meta && k < meta->n_fields; k++) {
            pb_field made = meta->fields[k];
            pb_status status = PB_OK;
            made.value = NULL;
            if (has_field(fields, *count, made.name) || (!made.axis && i != lead))
                continue;
            if (made.axis)
                status = carry_coordinate(c, i, &meta->fields[k], &made, error);
            else
                status = carry_field(c, &meta->fields[k], &made.value, error);
            if (status)
                return status;
            if (made.value)
                fields[(*count)++] = made;
        }
    }
    return PB_OK;
}

/* ---- its caption ---- */

/* One number, or the mean of one for each prompt. */
static bool level_of(const pb_value *value, double *level)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    *level = pb_value_get_number(value);
    if (!tensor)
        return pb_value_kind(value) == PB_NUMBER;
    *level = 0;
    for (size_t i = 0; i < pb_tensor_size(tensor); i++)
        *level += pb_tensor_data(tensor)[i] / (double)pb_tensor_size(tensor);
    return pb_tensor_rank(tensor) == 1 && pb_tensor_find_axis(tensor, "prompt") == 0;
}

void pb_say_levels(const pb_field *fields, size_t count, pb_buffer *out)
{
    bool any = false;
    double level;
    for (size_t i = 0; i < count; i++) {
        if (fields[i].kind != PB_FIELD_LEVEL || !level_of(fields[i].value, &level))
            continue;
        if (!any && out->length > 0 && out->data[out->length - 1] != '.')
            pb_buffer_byte(out, '.');
        bool mean = pb_value_get_tensor(fields[i].value) != NULL;
        pb_buffer_format(out, "%s%s is %.4g",
                         any    ? (mean ? ", the mean ." : ", .")
                         : mean ? here_mean
                                : here,
                         fields[i].name, level + 0.0); /* no -0 */
        any = true;
    }
    pb_buffer_text(out, any ? "." : "");
}

/* ---- the whole ---- */

static bool has_level(const pb_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fields[i].kind == PB_FIELD_LEVEL)
            return true;
    return false;
}

/* What of the operands holds of the tensor made of them: *meta, whose parts are the caller's. */
static pb_status carry_all(const pb_carrying *c, pb_meta *meta, pb_field *fields,
                           pb_buffer *caption, pb_error **error)
{
    bool cell = pb_tensor_rank(c->made) == 0;
    pb_status status = PB_OK;
    if (!cell || c->operation->keeps_cell)
        status = carry_fields(c, fields, &meta->n_fields, error);
    if (status)
        return status;
    if (cell && !has_level(fields, meta->n_fields)) {
        meta->look = NULL;
        return PB_OK;
    }
    if (!meta->look && meta->n_fields == 0 && !c->operation->speaks)
        return PB_OK;
    write_caption(c, c->operands, caption);
    if (!c->operation->arranges)
        pb_say_levels(fields, meta->n_fields, caption);
    meta->caption = caption->data;
    return pb_buffer_status(caption, error);
}

pb_status pb_value_carry(const pb_operation *operation, size_t n, const pb_value *const *operands,
                         const pb_meta *meta, pb_tensor **tensor, pb_value **result,
                         pb_error **error)
{
    const pb_carrying carrying = {operation, n, operands, *tensor};
    size_t most = 0;
    pb_buffer caption = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < n; i++)
        most += pb_value_meta(operands[i]) ? pb_value_meta(operands[i])->n_fields : 0;
    pb_field *fields = pb_calloc(most, sizeof *fields);
    pb_meta kept = {
        .model = meta->model, .look = meta->look, .units = meta->units, .fields = fields};
    pb_status status =
        fields ? carry_all(&carrying, &kept, fields, &caption, error) : pb_fail_memory(error);
    bool bare = pb_tensor_rank(*tensor) == 0 && !kept.look;
    pb_meta plain = {.model = kept.model, .units = kept.units};
    if (!status)
        status = pb_value_take_tensor(tensor, bare ? &plain : &kept, result, error);
    for (size_t i = 0; i < kept.n_fields; i++)
        pb_value_release(&fields[i].value);
    free(fields);
    pb_buffer_free(&caption);
    pb_tensor_release(tensor);
    return status;
}
