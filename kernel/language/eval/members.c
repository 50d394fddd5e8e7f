/* x.name, and the items of a value that a loop goes through. */
#include <stdlib.h>
#include <string.h>

#include "base/gap.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "eval/members.h"
#include "interp_private.h"

/* ---- answers every tensor and table has ---- */

static pb_status text_list(const char *(*name)(const pb_value *, size_t), const pb_value *self,
                           size_t count, pb_value **result, pb_error **error)
{
    pb_list_builder out = {0};
    for (size_t i = 0; !out.status && i < count; i++)
        pb_list_take_text(&out, name(self, i));
    return pb_list_finish(&out, false, result, error);
}

static const char *axis_name(const pb_value *self, size_t which)
{
    return pb_axis_name(pb_tensor_axis(pb_value_get_tensor(self), which));
}

static const char *column_name(const pb_value *self, size_t which)
{
    return pb_table_column(self, which)->name;
}

static pb_status get_axes(pb_interp *interp, const pb_value *self, pb_value **result,
                          pb_error **error)
{
    (void)interp;
    return text_list(axis_name, self, pb_tensor_rank(pb_value_get_tensor(self)), result, error);
}

static pb_status get_columns(pb_interp *interp, const pb_value *self, pb_value **result,
                             pb_error **error)
{
    (void)interp;
    return text_list(column_name, self, pb_table_columns(self), result, error);
}

static void take_count(pb_record_builder *out, const char *name, size_t count)
{
    pb_value *value = NULL;
    if (!out->status)
        out->status = pb_value_integer((int64_t)count, &value, &out->error);
    pb_record_take(out, name, value);
}

static pb_status get_shape(pb_interp *interp, const pb_value *self, pb_value **result,
                           pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(self);
    pb_record_builder shape = {0};
    (void)interp;
    for (size_t i = 0; i < pb_tensor_rank(tensor); i++) {
        const pb_axis *axis = pb_tensor_axis(tensor, i);
        take_count(&shape, pb_axis_name(axis), pb_axis_length(axis));
    }
    return pb_record_finish(&shape, result, error);
}

static pb_status get_table_shape(pb_interp *interp, const pb_value *self, pb_value **result,
                                 pb_error **error)
{
    pb_record_builder shape = {0};
    (void)interp;
    take_count(&shape, "rows", pb_table_rows(self));
    take_count(&shape, "columns", pb_table_columns(self));
    return pb_record_finish(&shape, result, error);
}

static pb_status text_or_none(const char *text, pb_value **result, pb_error **error)
{
    return text ? pb_value_text(text, result, error) : pb_value_none(result, error);
}

static pb_status get_units(pb_interp *interp, const pb_value *self, pb_value **result,
                           pb_error **error)
{
    (void)interp;
    return text_or_none(pb_value_meta(self)->units, result, error);
}

static pb_status get_caption(pb_interp *interp, const pb_value *self, pb_value **result,
                             pb_error **error)
{
    (void)interp;
    return text_or_none(pb_value_meta(self)->caption, result, error);
}

static pb_status get_table_caption(pb_interp *interp, const pb_value *self, pb_value **result,
                                   pb_error **error)
{
    (void)interp;
    return text_or_none(pb_table_caption(self), result, error);
}

static pb_status get_model(pb_interp *interp, const pb_value *self, pb_value **result,
                           pb_error **error)
{
    const pb_value *model = pb_value_meta(self)->model;
    (void)interp;
    *result = pb_value_retain(model);
    return model ? PB_OK : pb_value_none(result, error);
}

/* The numbers as nested lists, without names. */
static pb_status nested(pb_interp *interp, const pb_tensor *tensor, size_t depth, size_t *at,
                        pb_value **result, pb_error **error)
{
    pb_list_builder out = {.keeper = pb_interp_keeper(interp)};
    if (depth == pb_tensor_rank(tensor)) {
        float number = pb_tensor_data(tensor)[(*at)++];
        if (pb_is_gap(number))
            return pb_value_none(result, error);
        return pb_tensor_is_boolean(tensor) ? pb_value_bool(number != 0, result, error)
                                            : pb_value_number(number, PB_SINGLE, result, error);
    }
    size_t length = pb_axis_length(pb_tensor_axis(tensor, depth));
    for (size_t i = 0; !out.status && i < length; i++) {
        pb_value *item = NULL;
        out.status = nested(interp, tensor, depth + 1, at, &item, &out.error);
        pb_list_take(&out, item);
    }
    return pb_list_finish(&out, false, result, error);
}

static pb_status get_values(pb_interp *interp, const pb_value *self, pb_value **result,
                            pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(self);
    size_t at = 0;
    if (pb_tensor_size(tensor) > PB_MAX_LIST_LENGTH)
        return pb_fail(error, PB_LIMIT, "this tensor has %zu values, too many for lists",
                       pb_tensor_size(tensor));
    return nested(interp, tensor, 0, &at, result, error);
}

static const pb_member tensor_members[] = {
    {"axes", "the names of its axes", get_axes},
    {"shape", "how long each axis is", get_shape},
    {"units", "what its numbers are counted in", get_units},
    {"caption", "what it is, in a sentence", get_caption},
    {"model", "the model it came from", get_model},
    {"values", "its numbers as nested lists", get_values},
    {NULL, NULL, NULL},
};

static const pb_member table_members[] = {
    {"columns", "the names of its columns", get_columns},
    {"shape", "how many rows and columns it has", get_table_shape},
    {"caption", "what it is, in a sentence", get_table_caption},
    {NULL, NULL, NULL},
};

const pb_member *pb_kind_members(pb_kind kind)
{
    switch (kind) {
    case PB_TENSOR: return tensor_members;
    case PB_TABLE: return table_members;
    default: return NULL;
    }
}

/* t.layer: the coordinates along an axis, as a tensor over it, so that t.layer > 3 is a mask. */
static pb_status axis_coordinates(const pb_value *self, const char *name, pb_value **result,
                                  pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(self);
    int which = pb_tensor_find_axis(tensor, name);
    pb_tensor *made = NULL;
    float *data = NULL;
    if (which < 0)
        return PB_OK;
    pb_axis *axis = pb_tensor_axis(tensor, (size_t)which);
    pb_status status = pb_tensor_create(1, &axis, &made, &data, error);
    for (size_t i = 0; !status && i < pb_axis_length(axis); i++)
        data[i] = (float)pb_axis_coordinate(axis, i);
    return status ? status : pb_value_take_tensor(&made, NULL, result, error);
}

/* ---- x.name ---- */

static pb_status from_rows(pb_interp *interp, const pb_member *members, const pb_value *self,
                           const char *name, pb_value **result, pb_error **error)
{
    for (const pb_member *m = members; m && m->name; m++)
        if (strcmp(m->name, name) == 0)
            return m->get(interp, self, result, error);
    return PB_OK;
}

static pb_status tensor_member(pb_interp *interp, const pb_value *self, const char *name,
                               pb_value **result, pb_error **error)
{
    const pb_meta *meta = pb_value_meta(self);
    pb_value *field = pb_meta_field(meta, name);
    pb_status status = PB_OK;
    if (field) {
        *result = pb_value_retain(field);
        return PB_OK;
    }
    if (meta->look)
        status = from_rows(interp, meta->look->members, self, name, result, error);
    if (!status && !*result)
        status = axis_coordinates(self, name, result, error);
    return status;
}

static pb_status object_member(pb_interp *interp, const pb_value *self, const char *name,
                               pb_value **result, pb_error **error)
{
    const pb_object_type *type = pb_value_object_type(self);
    pb_status status = from_rows(interp, type->members, self, name, result, error);
    if (!status && !*result && type->attribute)
        status = type->attribute(interp, self, name, result, error);
    return status;
}

static pb_status own_member(pb_interp *interp, const pb_value *self, const char *name,
                            pb_value **result, pb_error **error)
{
    switch (pb_value_kind(self)) {
    case PB_TENSOR: return tensor_member(interp, self, name, result, error);
    case PB_OBJECT: return object_member(interp, self, name, result, error);
    case PB_RECORD: *result = pb_value_retain(pb_record_find(self, name)); return PB_OK;
    case PB_TABLE:
        if (pb_table_find(self, name))
            *result = pb_value_retain(pb_table_find(self, name)->cells);
        return PB_OK;
    default: return PB_OK;
    }
}

static bool has_member(const pb_value *self, const char *name)
{
    pb_names *names = pb_names_create();
    bool found = false;
    if (names)
        pb_member_names(self, names);
    for (size_t i = 0; names && !found && i < pb_names_count(names); i++)
        found = strcmp(pb_names_item(names, i)->text, name) == 0;
    pb_names_destroy(&names);
    return found;
}

static bool is_method(const pb_interp *interp, const pb_value *self, const char *name)
{
    const pb_builtin *row = pb_lexicon_builtin(interp->lexicon, name);
    return row && pb_builtin_takes_first(row, self);
}

/* The hint for a .name that is not there: that the items of the list have it, what a user of
 * another library means by it, that it is a word to call, or the nearest name there is. */
static void hint_member(const pb_interp *interp, const pb_value *self, const char *name,
                        pb_error **error)
{
    const pb_value *first = pb_value_kind(self) == PB_LIST ? pb_list_item(self, 0) : NULL;
    pb_names *names = pb_names_create();
    if (names)
        pb_member_names(self, names);
    const char *near = names ? pb_names_nearest(names, name) : NULL;
    if (!error || !*error)
        near = NULL;
    else if (pb_list_count(self) > 0 && has_member(first, name))
        pb_error_hint(*error, "each item has one: [x.%s for x in xs]", name);
    else if (pb_hint_habit(interp->lexicon, name, true, *error))
        ;
    else if (is_method(interp, self, name))
        pb_error_hint(*error, "%s is a word to call: .%s()", name, name);
    else if (near)
        pb_error_hint(*error, "did you mean .%s?", near);
    pb_names_destroy(&names);
}

pb_status pb_fail_column(const pb_value *table, const char *parameter, const char *name,
                         pb_error **error)
{
    pb_buffer listed = PB_BUFFER_EMPTY;
    pb_names *names = pb_names_create();
    for (size_t i = 0; i < pb_table_columns(table); i++) {
        pb_buffer_format(&listed, "%s%s", i ? ", " : "", column_name(table, i));
        if (names)
            pb_names_add(names, column_name(table, i), "property", "");
    }
    pb_status status = pb_fail(error, PB_NAME, "this table has no column %s; it has %s", name,
                               listed.data ? listed.data : "none");
    const char *near = names ? pb_names_nearest(names, name) : NULL;
    if (near && error && *error && parameter)
        pb_error_hint(*error, "did you mean %s=\"%s\"?", parameter, near);
    else if (near && error && *error)
        pb_error_hint(*error, "did you mean %s?", near);
    pb_names_destroy(&names);
    pb_buffer_free(&listed);
    return status;
}

static pb_status unknown_column(const pb_interp *interp, const pb_value *table, const char *name,
                                pb_error **error)
{
    pb_status status = pb_fail_column(table, NULL, name, error);
    hint_member(interp, table, name, error);
    return status;
}

pb_status pb_interp_attribute(pb_interp *interp, const pb_value *self, const char *name,
                              pb_value **result, pb_error **error)
{
    char what[160];
    *result = NULL;
    pb_status status = own_member(interp, self, name, result, error);
    if (!status && !*result)
        status = from_rows(interp, pb_kind_members(pb_value_kind(self)), self, name, result, error);
    if (status || *result)
        return status;
    if (pb_value_kind(self) == PB_TABLE && pb_table_columns(self) > 0)
        return unknown_column(interp, self, name, error);
    status =
        pb_fail(error, PB_NAME, "%s has no .%s", pb_value_describe(self, what, sizeof what), name);
    hint_member(interp, self, name, error);
    return status;
}

/* ---- names of members, for completion and hints ---- */

static void add_rows(const pb_member *members, pb_names *names)
{
    for (const pb_member *m = members; m && m->name; m++)
        pb_names_add(names, m->name, "property", "");
}

void pb_kind_names(pb_kind kind, pb_names *names)
{
    add_rows(pb_kind_members(kind), names);
}

void pb_type_names(const pb_object_type *type, pb_names *names)
{
    add_rows(type->members, names);
    if (type->names)
        type->names(NULL, names);
}

void pb_member_names(const pb_value *self, pb_names *names)
{
    const pb_object_type *type = pb_value_object_type(self);
    const pb_meta *meta = pb_value_meta(self);
    for (size_t i = 0; meta && i < meta->n_fields; i++)
        pb_names_add(names, meta->fields[i].name, "property", "");
    if (meta && meta->look)
        add_rows(meta->look->members, names);
    for (size_t i = 0; meta && i < pb_tensor_rank(pb_value_get_tensor(self)); i++)
        pb_names_add(names, axis_name(self, i), "property", "");
    for (size_t i = 0; i < pb_table_columns(self); i++)
        pb_names_add(names, column_name(self, i), "property", "");
    for (size_t i = 0; i < pb_record_count(self); i++)
        pb_names_add(names, pb_record_entry(self, i).name, "property", "");
    if (type)
        add_rows(type->members, names);
    if (type && type->names)
        type->names(self, names);
    add_rows(pb_kind_members(pb_value_kind(self)), names);
}

/* ---- walking ---- */

static pb_status items_of_text(pb_interp *interp, const pb_value *text, pb_value **list,
                               pb_error **error)
{
    size_t length;
    const char *bytes = pb_value_get_text(text, &length);
    pb_list_builder out = {.keeper = pb_interp_keeper(interp)};
    for (size_t at = 0; !out.status && at < length;) {
        size_t start = at;
        pb_value *item = NULL;
        pb_utf8_next(bytes, length, &at);
        out.status = pb_value_string(bytes + start, at - start, &item, &out.error);
        pb_list_take(&out, item);
    }
    return pb_list_finish(&out, false, list, error);
}

static pb_status items_of_record(pb_interp *interp, const pb_value *record, pb_value **list,
                                 pb_error **error)
{
    pb_list_builder out = {.keeper = pb_interp_keeper(interp)};
    for (size_t i = 0; !out.status && i < pb_record_count(record); i++)
        pb_list_take_text(&out, pb_record_entry(record, i).name);
    return pb_list_finish(&out, false, list, error);
}

/* The items x[0], x[1], ...; of a tensor, by the coordinates of its first axis. */
static pb_status items_by_index(pb_interp *interp, const pb_value *value, size_t count,
                                pb_value **list, pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const pb_axis *axis = tensor ? pb_tensor_axis(tensor, 0) : NULL;
    pb_list_builder out = {.keeper = pb_interp_keeper(interp)};
    for (size_t i = 0; !out.status && i < count; i++) {
        pb_value *item = NULL;
        pb_index_entry entry = {.name = axis ? pb_axis_name(axis) : NULL};
        out.status = pb_interp_check(interp, &out.error);
        if (!out.status)
            out.status = pb_value_integer(axis ? pb_axis_coordinate(axis, i) : (int64_t)i,
                                          &entry.value, &out.error);
        if (!out.status)
            out.status = pb_interp_index(interp, value, 1, &entry, &item, &out.error);
        pb_value_release(&entry.value);
        pb_list_take(&out, item);
    }
    return pb_list_finish(&out, false, list, error);
}

pb_status pb_interp_items(pb_interp *interp, const pb_value *value, pb_value **list,
                          pb_error **error)
{
    const pb_object_type *type = pb_value_object_type(value);
    const pb_tensor *tensor = pb_value_get_tensor(value);
    char what[160];
    *list = NULL;
    if (type && type->items)
        return type->items(interp, value, list, error);
    if (tensor && pb_tensor_rank(tensor) > 0)
        return items_by_index(interp, value, pb_axis_length(pb_tensor_axis(tensor, 0)), list,
                              error);
    switch (pb_value_kind(value)) {
    case PB_LIST: *list = pb_value_retain(value); return PB_OK;
    case PB_STRING: return items_of_text(interp, value, list, error);
    case PB_RECORD: return items_of_record(interp, value, list, error);
    case PB_TABLE: return items_by_index(interp, value, pb_table_rows(value), list, error);
    default: break;
    }
    pb_status status = pb_fail(error, PB_TYPE, "%s cannot be walked item by item",
                               pb_value_describe(value, what, sizeof what));
    if (error && *error && pb_value_kind(value) == PB_NUMBER)
        pb_error_hint(*error, "range(n) gives 0 to n - 1");
    return status;
}
