/* t[layer=8, pos=" love"]: tensors are indexed by the names of their axes, and of columns along
 * them. */
#include <stdio.h>
#include <string.h>

#include "base/visible.h"
#include "interp_private.h"
#include "value/text.h"

/* ---- without names ---- */

/* "4" or "\" love\"" as it would be written in an index; "..." for what is longer. */
static void index_text_of(const pb_value *value, pb_buffer *out)
{
    const char *text = pb_value_get_text(value, NULL);
    if (pb_value_is_integer(value))
        pb_buffer_format(out, "%.0f", pb_value_get_number(value));
    else if (text && strlen(text) < 24)
        pb_quoted_text(out, text, strlen(text));
    else
        pb_buffer_text(out, "...");
}

/* h["L4H0"]: a head by its name, where layer and head are two axes. */
static bool names_a_head(const pb_tensor *tensor, const pb_value *value, unsigned *layer,
                         unsigned *head)
{
    int length = -1;
    const char *text = pb_value_get_text(value, NULL);
    return text && pb_tensor_find_axis(tensor, "layer") >= 0 &&
           pb_tensor_find_axis(tensor, "head") >= 0 &&
           sscanf(text, "L%uH%u%n", layer, head, &length) == 2 && length >= 0 && !text[length];
}

static bool is_mask(const pb_value *value)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    return tensor ? pb_tensor_is_boolean(tensor)
                  : pb_list_count(value) > 0 && pb_list_of(value, PB_BOOL);
}

/* The axis that entry i of an index without names is for: of a mask the first it is as long as. */
static const char *likely_axis(const pb_tensor *tensor, const pb_value *value, size_t i)
{
    for (size_t k = 0; is_mask(value) && k < pb_tensor_rank(tensor); k++)
        if (pb_axis_length(pb_tensor_axis(tensor, k)) == pb_list_count(value))
            return pb_axis_name(pb_tensor_axis(tensor, k));
    return pb_axis_name(pb_tensor_axis(tensor, i));
}

/* The : of t[:, 1]. */
static bool is_whole(const pb_value *value)
{
    const pb_select *selector = pb_value_get_selector(value);
    return selector && selector->kind == PB_SELECT_SLICE && !selector->has_first &&
           !selector->has_last;
}

/* The : or 0 in logits[:, -1] and logits[0, -1] of PyTorch, whose first axis is the batch: here
 * logits begin with the positions. */
static bool leads_batch(const pb_tensor *tensor, const pb_value *value)
{
    bool first = pb_value_is_integer(value) && pb_value_get_number(value) == 0;
    return (first || is_whole(value)) && pb_tensor_find_axis(tensor, "token") > 0 &&
           strcmp(pb_axis_name(pb_tensor_axis(tensor, 0)), "pos") == 0;
}

/* Refuses t[4, 0] of a tensor with axes layer and head, and hints at t[layer=4, head=0]. */
static pb_status unnamed_index(const pb_tensor *tensor, size_t count, const pb_index_entry *entries,
                               pb_error **error)
{
    unsigned layer, head;
    pb_buffer hint = PB_BUFFER_EMPTY;
    pb_status status = pb_fail(error, PB_TYPE, "a tensor of %zu axes is indexed by their names",
                               pb_tensor_rank(tensor));
    if (!error || !*error)
        return status;
    if (count == 1 && names_a_head(tensor, entries[0].value, &layer, &head)) {
        pb_buffer_format(&hint, "layer=%u, head=%u", layer, head);
    } else {
        size_t batch = count > 1 && leads_batch(tensor, entries[0].value) ? 1 : 0;
        for (size_t i = 0; i < count - batch && i < pb_tensor_rank(tensor); i++) {
            if (is_whole(entries[i + batch].value))
                continue;
            const pb_index_entry *entry = &entries[i + batch];
            pb_buffer_format(&hint, "%s%s=", hint.length ? ", " : "",
                             entry->name ? entry->name : likely_axis(tensor, entry->value, i));
            index_text_of(entry->value, &hint);
        }
    }
    if (hint.length && !hint.failed)
        pb_error_hint(*error, "write [%s]", hint.data);
    pb_buffer_free(&hint);
    return status;
}

/* ---- columns along an axis ---- */

/* A field along an axis, such as layer and part along component, by its name. */
static const pb_field *field_along_axis(const pb_value *tensor, const char *name)
{
    const pb_meta *meta = pb_value_meta(tensor);
    for (size_t i = 0; i < meta->n_fields; i++)
        if (meta->fields[i].axis && strcmp(meta->fields[i].name, name) == 0 &&
            pb_value_kind(meta->fields[i].value) == PB_LIST)
            return &meta->fields[i];
    return NULL;
}

static pb_status nothing_there(const pb_field *field, const pb_value *wanted, pb_error **error)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_value_repr(wanted, false, &text);
    pb_status status = pb_fail(error, PB_NAME, "nothing along %s has %s=%s", field->axis,
                               field->name, text.data ? text.data : "...");
    pb_buffer_free(&text);
    return status;
}

/* Whether a cell is in a slice of column values, such as layer=2:5: open ends and negative numbers
 * count from the column's extent, as in Python. */
static bool is_in_slice(const pb_select *slice, const pb_field *field, const pb_value *cell)
{
    int64_t first = 0;
    size_t count = pb_slice_items(slice, (size_t)field->extent, &first);
    if (!pb_value_is_integer(cell))
        return false;
    int64_t past = (int64_t)pb_value_get_number(cell) - first;
    return past % slice->step == 0 && past / slice->step >= 0 &&
           (uint64_t)(past / slice->step) < count;
}

/* Whether a cell is what an index wants; negative numbers count from the column's extent. */
static bool is_wanted(pb_comparison *comparison, const pb_field *field, const pb_value *wanted,
                      const pb_value *cell)
{
    const pb_select *slice = pb_value_get_selector(wanted);
    double number = pb_value_get_number(wanted);
    if (slice && slice->kind == PB_SELECT_SLICE)
        return is_in_slice(slice, field, cell);
    if (number < 0 && pb_value_get_number(cell) == number + (double)field->extent)
        return true;
    bool match = pb_comparison_equal(comparison, cell, wanted);
    for (size_t i = 0; !match && i < pb_list_count(wanted); i++)
        match = is_wanted(comparison, field, pb_list_item(wanted, i), cell);
    return match;
}

static void turn_around(pb_list_builder *list)
{
    for (size_t i = 0; i < list->count / 2; i++) {
        pb_value *other = list->items[list->count - 1 - i];
        list->items[list->count - 1 - i] = list->items[i];
        list->items[i] = other;
    }
}

/* a[layer=4] where layer is no axis but a field: the places where it is that, as a list of
 * coordinates. */
static pb_status places_of_field(pb_interp *interp, const pb_tensor *tensor, const pb_field *field,
                                 const pb_value *wanted, pb_value **places, pb_error **error)
{
    size_t which;
    pb_list_builder list = {.keeper = pb_interp_keeper(interp)};
    pb_comparison comparison = {.keeper = list.keeper, .error = &list.error};
    const pb_select *slice = pb_value_get_selector(wanted);
    list.status = pb_tensor_need_axis(tensor, field->axis, &which, &list.error);
    size_t n = pb_list_count(field->value);
    for (size_t i = 0; !list.status && i < n; i++) {
        bool match = is_wanted(&comparison, field, wanted, pb_list_item(field->value, i));
        list.status = comparison.status;
        if (match)
            pb_list_take_number(&list, (double)pb_axis_coordinate(pb_tensor_axis(tensor, which), i),
                                PB_INTEGER);
    }
    if (!list.status && list.count == 0)
        list.status = nothing_there(field, wanted, &list.error);
    if (slice && slice->step < 0)
        turn_around(&list);
    return pb_list_finish(&list, false, places, error);
}

/* ---- labels of two prompts ---- */

/* Whether `part` is one side of "love|hate". A side may hold '|' itself. */
static bool is_side(const char *label, const char *part)
{
    size_t all = strlen(label), length = strlen(part);
    if (length + 1 > all)
        return false;
    bool starts = strncmp(label, part, length) == 0 && label[length] == '|';
    bool ends = strcmp(label + all - length, part) == 0 && label[all - length - 1] == '|';
    return starts || ends;
}

static pb_status several_labels(const pb_axis *axis, const char *part, const char *one,
                                const char *other, pb_error **error)
{
    pb_buffer quoted[3] = {PB_BUFFER_EMPTY, PB_BUFFER_EMPTY, PB_BUFFER_EMPTY};
    const char *texts[] = {part, one, other};
    for (size_t i = 0; i < 3; i++)
        pb_quoted_text(&quoted[i], texts[i], strlen(texts[i]));
    pb_status status = pb_fail(error, PB_VALUE,
                               "several labels along %s have %s on one side: %s "
                               "and %s",
                               pb_axis_name(axis), quoted[0].data ? quoted[0].data : "this",
                               quoted[1].data ? quoted[1].data : "one",
                               quoted[2].data ? quoted[2].data : "another");
    if (error && *error)
        pb_error_hint(*error, "write the whole label: [%s=%s]", pb_axis_name(axis),
                      quoted[1].data ? quoted[1].data : "...");
    for (size_t i = 0; i < 3; i++)
        pb_buffer_free(&quoted[i]);
    return status;
}

/* The label that " love" stands for along the positions of two prompts: " love| hate". Itself where
 * it is a label, or no side of one. */
static pb_status whole_label(const pb_axis *axis, const char *part, const char **label,
                             pb_error **error)
{
    const char *found = NULL;
    *label = part;
    for (size_t i = 0; pb_axis_has_labels(axis) && i < pb_axis_length(axis); i++) {
        const char *one = pb_axis_label(axis, i);
        if (strcmp(one, part) == 0)
            return PB_OK;
        if (!is_side(one, part) || (found && strcmp(found, one) == 0))
            continue;
        if (found)
            return several_labels(axis, part, found, one, error);
        found = one;
    }
    *label = found ? found : part;
    return PB_OK;
}

/* An index along positions with whole labels for the sides of joined ones. */
static pb_status with_whole_labels(pb_interp *interp, const pb_axis *axis, const pb_value *wanted,
                                   pb_value **result, pb_error **error)
{
    const char *text = pb_value_get_text(wanted, NULL), *label = NULL;
    pb_list_builder list = {.keeper = pb_interp_keeper(interp)};
    if (text) {
        pb_status status = whole_label(axis, text, &label, error);
        return status ? status : pb_value_text(label, result, error);
    }
    if (pb_value_kind(wanted) != PB_LIST || pb_list_is_column(wanted)) {
        *result = pb_value_retain(wanted);
        return PB_OK;
    }
    for (size_t i = 0; !list.status && i < pb_list_count(wanted); i++) {
        pb_value *item = NULL;
        list.status = with_whole_labels(interp, axis, pb_list_item(wanted, i), &item, &list.error);
        pb_list_take(&list, item);
    }
    return pb_list_finish(&list, false, result, error);
}

static bool is_positional(const char *axis)
{
    return pb_axis_is_tokens(axis) && strcmp(axis, "token") != 0;
}

/* ---- one entry ---- */

static bool is_all(const pb_value *value)
{
    const pb_select *selector = pb_value_get_selector(value);
    return selector && (selector->kind == PB_SELECT_ALL || selector->kind == PB_SELECT_EACH);
}

/* A column of true and false, one for each place of the axis, whatever their coordinates. */
static pb_status mask_along(pb_axis *axis, const pb_value *list, pb_select *select,
                            pb_error **error)
{
    float *data = NULL;
    pb_tensor *mask = NULL;
    pb_status status = pb_tensor_create(1, &axis, &mask, &data, error);
    if (status)
        return status;
    for (size_t i = 0; i < pb_list_count(list); i++)
        data[i] = pb_value_get_bool(pb_list_item(list, i)) ? 1.0f : 0.0f;
    pb_tensor_mark_boolean(mask);
    *select = (pb_select){.kind = PB_SELECT_MASK, .mask = mask};
    return PB_OK;
}

/* Hints at pos for position=, and at layer for layers=: axes whose name the given one begins with.
 */
static void hint_shorter_axis(const pb_tensor *tensor, const char *name, pb_error **error)
{
    for (size_t i = 0; error && !pb_error_hint_text(*error) && i < pb_tensor_rank(tensor); i++) {
        const char *axis = pb_axis_name(pb_tensor_axis(tensor, i));
        if (strncmp(name, axis, strlen(axis)) == 0)
            pb_error_hint(*error, "did you mean %s?", axis);
    }
}

/* Another name for an axis, where the tensor has not the one and has the other: neuron along d_mlp,
 * heads along a list of them. */
static const char *axis_called(const pb_tensor *tensor, const char *name)
{
    static const struct {
        const char *name, *axis;
    } called[] = {{"neuron", "d_mlp"}, {"heads", "component"}, {"kv_head", "head"}};
    for (size_t i = 0; name && i < sizeof called / sizeof *called; i++)
        if (strcmp(called[i].name, name) == 0 && pb_tensor_find_axis(tensor, name) < 0 &&
            pb_tensor_find_axis(tensor, called[i].axis) >= 0)
            return called[i].axis;
    return name;
}

/* One entry of t[...] as an axis and its selector, which is the caller's to free. */
static pb_status index_entry(pb_interp *interp, const pb_value *value, const pb_index_entry *entry,
                             const char **name, pb_select *select, pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const pb_value *wanted = entry->value;
    pb_value *found = NULL;
    size_t axis = 0;
    *name =
        entry->name ? axis_called(tensor, entry->name) : pb_axis_name(pb_tensor_axis(tensor, 0));
    const pb_field *field =
        pb_tensor_find_axis(tensor, *name) < 0 ? field_along_axis(value, *name) : NULL;
    if (field)
        *name = field->axis;
    pb_status status = pb_tensor_need_axis(tensor, *name, &axis, error);
    if (status) {
        hint_shorter_axis(tensor, *name, error);
        return status;
    }
    pb_axis *along = pb_tensor_axis(tensor, axis);
    if (is_mask(wanted) && pb_list_count(wanted) == pb_axis_length(along))
        return mask_along(along, wanted, select, error);
    if (field && !is_mask(wanted) && !is_all(wanted))
        status = places_of_field(interp, tensor, field, wanted, &found, error);
    else if (is_positional(*name))
        status = with_whole_labels(interp, along, wanted, &found, error);
    if (!status)
        status = pb_value_to_select(pb_interp_keeper(interp), found ? found : wanted, *name, select,
                                    error);
    pb_value_release(&found);
    return status;
}

static bool is_field(const pb_value *value, const pb_index_entry *entry)
{
    return entry->name && pb_tensor_find_axis(pb_value_get_tensor(value), entry->name) < 0 &&
           field_along_axis(value, entry->name);
}

/* a[layer=4, part="mlp"]: two fields choose along one axis, one after the other. */
static pb_status index_in_turn(pb_interp *interp, const pb_value *value, size_t count,
                               const pb_index_entry *entries, pb_value **result, pb_error **error)
{
    pb_value *first = NULL;
    pb_status status = pb_index_tensor(interp, value, 1, entries, &first, error);
    if (!status)
        status = pb_index_tensor(interp, first, count - 1, entries + 1, result, error);
    pb_value_release(&first);
    return status;
}

/* t[heads=..., pos=3]: the heads first, then the rest. */
static pb_status index_heads(pb_interp *interp, const pb_value *value, size_t which, size_t count,
                             const pb_index_entry *entries, pb_value **result, pb_error **error)
{
    pb_value *picked = NULL;
    pb_index_entry rest[PB_MAX_RANK];
    size_t n = 0;
    pb_status status = pb_index_heads(interp, value, entries[which].value, &picked, error);
    for (size_t i = 0; i < count; i++)
        if (i != which)
            rest[n++] = entries[i];
    if (!status && n)
        status = pb_index_tensor(interp, picked, n, rest, result, error);
    else if (!status)
        *result = pb_value_retain(picked);
    pb_value_release(&picked);
    return status;
}

pb_status pb_index_tensor(pb_interp *interp, const pb_value *value, size_t count,
                          const pb_index_entry *entries, pb_value **result, pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const char *names[PB_MAX_RANK];
    pb_select selects[PB_MAX_RANK] = {{.kind = PB_SELECT_ALL}};
    pb_status status = PB_OK;
    size_t made = 0;
    if (count > PB_MAX_RANK)
        return pb_fail(error, PB_TYPE, "this tensor has %zu axes, not %zu", pb_tensor_rank(tensor),
                       count);
    for (size_t i = 0; i < count; i++)
        if (!entries[i].name && pb_tensor_rank(tensor) != 1)
            return unnamed_index(tensor, count, entries, error);
    for (size_t i = 0; i < count; i++)
        if (entries[i].name && strcmp(entries[i].name, "heads") == 0 && pb_has_heads(tensor))
            return index_heads(interp, value, i, count, entries, result, error);
    if (count > 1 && is_field(value, &entries[0]))
        return index_in_turn(interp, value, count, entries, result, error);
    for (; !status && made < count; made++)
        status = index_entry(interp, value, &entries[made], &names[made], &selects[made], error);
    if (!status && pb_index_differs(tensor, count, names, selects))
        status = pb_index_by_prompt(interp, value, count, names, selects, result, error);
    else if (!status)
        status =
            pb_value_part(value, count, names, selects, pb_interp_watch(interp), result, error);
    for (size_t i = 0; i < made; i++)
        pb_select_free(&selects[i]);
    return status;
}
