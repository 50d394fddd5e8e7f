/* Tensors as values, and what is known about them. */
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/gap.h"
#include "base/memory.h"
#include "value_private.h"

struct pb_tensor_value {
    pb_tensor *tensor;
    pb_meta meta; /* everything in it is owned */
};

static void free_meta(pb_meta *meta)
{
    for (size_t i = 0; i < meta->n_fields; i++) {
        pb_field *field = (pb_field *)&meta->fields[i];
        free((char *)field->name);
        free((char *)field->axis);
        pb_value_release(&field->value);
    }
    free((pb_field *)meta->fields);
    free((char *)meta->units);
    free((char *)meta->caption);
    pb_value_release(&meta->model);
    *meta = (pb_meta){0};
}

static bool copy_fields(pb_meta *copy, const pb_meta *meta)
{
    pb_field *fields = pb_calloc(meta->n_fields, sizeof *fields);
    copy->fields = fields;
    if (!fields)
        return false;
    for (size_t i = 0; i < meta->n_fields; i++) {
        char *name = NULL, *axis = NULL;
        bool copied =
            pb_copy_text(meta->fields[i].name, &name) && pb_copy_text(meta->fields[i].axis, &axis);
        fields[i] = meta->fields[i];
        fields[i].name = name;
        fields[i].axis = axis;
        pb_value_retain(fields[i].value);
        copy->n_fields = i + 1;
        if (!copied)
            return false;
    }
    return true;
}

static bool copy_meta(pb_meta *copy, const pb_meta *meta)
{
    char *units = NULL, *caption = NULL;
    *copy = (pb_meta){0};
    if (!meta)
        return true;
    bool copied = pb_copy_text(meta->units, &units) && pb_copy_text(meta->caption, &caption);
    copy->units = units;
    copy->caption = caption;
    copy->look = meta->look;
    copy->model = pb_value_retain(meta->model);
    return copied && copy_fields(copy, meta);
}

void pb_tensor_value_destroy(pb_tensor_value **tensor)
{
    pb_tensor_value *old = *tensor;
    *tensor = NULL;
    if (!old)
        return;
    pb_tensor_release(&old->tensor);
    free_meta(&old->meta);
    free(old);
}

static unsigned fields_depth(const pb_meta *meta)
{
    unsigned deepest = 0;
    for (size_t i = 0; i < meta->n_fields; i++)
        if (pb_value_depth(meta->fields[i].value) > deepest)
            deepest = pb_value_depth(meta->fields[i].value);
    return deepest;
}

pb_status pb_value_tensor(pb_tensor *tensor, const pb_meta *meta, pb_value **result,
                          pb_error **error)
{
    *result = NULL;
    pb_value *value = pb_value_new(PB_TENSOR);
    pb_tensor_value *held = value ? pb_calloc(1, sizeof *held) : NULL;
    if (!held) {
        pb_let_go(value);
        return pb_fail_memory(error);
    }
    value->as.tensor = held;
    held->tensor = pb_tensor_retain(tensor);
    pb_status status = copy_meta(&held->meta, meta) ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = pb_value_set_depth(value, fields_depth(&held->meta), error);
    if (status)
        pb_value_release(&value);
    *result = value;
    return status;
}

pb_status pb_value_take_tensor(pb_tensor **tensor, const pb_meta *meta, pb_value **result,
                               pb_error **error)
{
    pb_status status;
    pb_tensor *taken = *tensor;
    *tensor = NULL;
    bool bare = !meta || (!meta->look && meta->n_fields == 0);
    if (pb_tensor_rank(taken) == 0 && bare) {
        float number = pb_tensor_data(taken)[0];
        status = pb_is_gap(number)             ? pb_value_none(result, error)
                 : pb_tensor_is_boolean(taken) ? pb_value_bool(number != 0, result, error)
                                               : pb_value_number(number, PB_SINGLE, result, error);
    } else {
        status = pb_value_tensor(taken, meta, result, error);
    }
    pb_tensor_release(&taken);
    return status;
}

pb_tensor *pb_value_get_tensor(const pb_value *value)
{
    return pb_value_kind(value) == PB_TENSOR ? value->as.tensor->tensor : NULL;
}

bool pb_value_scalar(const pb_value *value, double *number)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    bool bare = tensor && pb_tensor_rank(tensor) == 0;
    *number = bare ? (double)pb_tensor_data(tensor)[0] : pb_value_get_number(value);
    return bare || pb_value_kind(value) == PB_NUMBER || pb_value_kind(value) == PB_BOOL;
}

const pb_meta *pb_value_meta(const pb_value *value)
{
    return pb_value_kind(value) == PB_TENSOR ? &value->as.tensor->meta : NULL;
}

pb_value *pb_meta_field(const pb_meta *meta, const char *name)
{
    for (size_t i = 0; meta && i < meta->n_fields; i++)
        if (strcmp(meta->fields[i].name, name) == 0)
            return meta->fields[i].value;
    return NULL;
}

/* ---- coordinates that follow their axis ---- */

/* Where `wanted` lies on the axis, looking first at *hint, where the next one usually is. */
static bool find_coordinate(const pb_axis *axis, int64_t wanted, size_t *hint)
{
    size_t length = pb_axis_length(axis);
    for (size_t step = 0; step < length; step++) {
        size_t at = (*hint + step) % length;
        if (pb_axis_coordinate(axis, at) == wanted) {
            *hint = at;
            return true;
        }
    }
    return false;
}

/* The cells of `field`, which runs along `from`, for the places of `to`. NULL if they do not fit;
 * *failed when memory is out. */
static pb_value *follow_axis(const pb_field *field, const pb_axis *from, const pb_axis *to,
                             bool *failed)
{
    if (pb_list_count(field->value) != pb_axis_length(from))
        return NULL;
    if (pb_axis_same(from, to))
        return pb_value_retain(field->value);
    pb_list_builder cells = {0};
    pb_value *result = NULL;
    size_t hint = 0;
    for (size_t i = 0; !cells.status && i < pb_axis_length(to); i++) {
        if (!find_coordinate(from, pb_axis_coordinate(to, i), &hint)) {
            pb_list_discard(&cells);
            return NULL;
        }
        pb_list_take(&cells, pb_value_retain(pb_list_item(field->value, hint++)));
    }
    *failed = pb_list_finish(&cells, true, &result, NULL);
    return result;
}

pb_status pb_field_follow(const pb_field *field, const pb_tensor *old, const pb_tensor *tensor,
                          pb_value **cells, pb_error **error)
{
    int from = pb_tensor_find_axis(old, field->axis);
    int to = pb_tensor_find_axis(tensor, field->axis);
    bool failed = false;
    *cells = NULL;
    if (from < 0 || to < 0)
        return PB_OK;
    *cells = follow_axis(field, pb_tensor_axis(old, (size_t)from),
                         pb_tensor_axis(tensor, (size_t)to), &failed);
    return failed ? pb_fail_memory(error) : PB_OK;
}

/* Fills `fields` with the coordinates of `a` that `tensor` still has. The values are owned. */
static pb_status follow_fields(const pb_value *a, const pb_tensor *tensor, pb_field *fields,
                               size_t *count, pb_error **error)
{
    const pb_meta *meta = pb_value_meta(a);
    for (size_t i = 0; i < meta->n_fields; i++) {
        pb_value *cells = NULL;
        if (!meta->fields[i].axis)
            continue;
        pb_status status =
            pb_field_follow(&meta->fields[i], pb_value_get_tensor(a), tensor, &cells, error);
        if (status)
            return status;
        if (!cells)
            continue;
        fields[*count] = meta->fields[i];
        fields[(*count)++].value = cells;
    }
    return PB_OK;
}

pb_status pb_value_retag(const pb_value *a, pb_tensor **tensor, pb_value **result, pb_error **error)
{
    const pb_meta *old = pb_value_meta(a);
    size_t count = 0;
    *result = NULL;
    pb_field *fields = pb_calloc(old->n_fields, sizeof *fields);
    pb_status status =
        fields ? follow_fields(a, *tensor, fields, &count, error) : pb_fail_memory(error);
    if (!status) {
        pb_meta meta = {old->model, old->look, old->units, NULL, count, fields};
        if (pb_tensor_rank(*tensor) == 0)
            meta.look = NULL;
        status = pb_value_take_tensor(tensor, &meta, result, error);
    }
    for (size_t i = 0; i < count; i++)
        pb_value_release(&fields[i].value);
    free(fields);
    pb_tensor_release(tensor);
    return status;
}

bool pb_tensor_value_equal(pb_comparison *comparison, const pb_value *a, const pb_value *b)
{
    const pb_tensor *x = pb_value_get_tensor(a), *y = pb_value_get_tensor(b);
    if (x == y)
        return true;
    if (pb_tensor_rank(x) != pb_tensor_rank(y))
        return false;
    for (size_t i = 0; i < pb_tensor_rank(x); i++)
        if (!pb_axis_same(pb_tensor_axis(x, i), pb_tensor_axis(y, i)))
            return false;
    for (size_t i = 0; i < pb_tensor_size(x); i++)
        if (!pb_comparison_step(comparison, 1) ||
            (pb_tensor_data(x)[i] != pb_tensor_data(y)[i] &&
             !(pb_is_gap(pb_tensor_data(x)[i]) && pb_is_gap(pb_tensor_data(y)[i]))))
            return false;
    return true;
}
