/* Selectors, and any value in the place of an index as the select the engine wants. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/memory.h"
#include "value_private.h"

void pb_selector_destroy(pb_selector **selector)
{
    pb_selector *old = *selector;
    *selector = NULL;
    if (!old)
        return;
    free((char *)old->label);
    pb_value_release(&old->items);
    free(old);
}

pb_status pb_value_selector(const pb_selector *selector, pb_value **result, pb_error **error)
{
    *result = NULL;
    pb_value *value = pb_value_new(PB_SELECTOR);
    pb_selector *copy = value ? pb_calloc(1, sizeof *copy) : NULL;
    char *label = NULL;
    if (!copy || !pb_copy_text(selector->label, &label)) {
        free(copy);
        pb_let_go(value);
        return pb_fail_memory(error);
    }
    *copy = *selector;
    copy->label = label;
    copy->items = pb_value_retain(selector->items);
    value->as.selector = copy;
    pb_status status = pb_value_set_depth(value, pb_value_depth(copy->items), error);
    if (status)
        pb_value_release(&value);
    *result = value;
    return status;
}

const pb_selector *pb_value_get_selector(const pb_value *value)
{
    return pb_value_kind(value) == PB_SELECTOR ? value->as.selector : NULL;
}

bool pb_selector_equal(const pb_value *a, const pb_value *b)
{
    const pb_selector *x = a->as.selector, *y = b->as.selector;
    bool labels = x->label && y->label ? strcmp(x->label, y->label) == 0 : x->label == y->label;
    return x->kind == y->kind && labels && x->occurrence == y->occurrence &&
           x->has_first == y->has_first && x->has_last == y->has_last && x->first == y->first &&
           x->last == y->last && x->step == y->step && pb_value_equal(x->items, y->items);
}

/* ---- selects ---- */

void pb_select_free(pb_select_storage *storage)
{
    free(storage->items);
    pb_tensor_release(&storage->mask);
    *storage = (pb_select_storage){0};
}

static pb_status not_an_index(const pb_value *value, const char *axis, pb_error **error)
{
    char what[160];
    return pb_fail(error, PB_TYPE,
                   "%s is indexed by a number, a label, a list of those, a slice, a mask or all, "
                   "not by %s",
                   axis, pb_value_describe(value, what, sizeof what));
}

/* A number, label or at(): what may also stand in a list. */
static pb_status one_place(const pb_value *value, const char *axis, pb_select *select,
                           pb_error **error)
{
    const pb_selector *selector = pb_value_get_selector(value);
    if (pb_value_kind(value) == PB_NUMBER) {
        double number = pb_value_get_number(value);
        if (number != floor(number) || fabs(number) > 1e15)
            return not_an_index(value, axis, error);
        *select = (pb_select){.kind = PB_SELECT_INDEX, .index = (int64_t)number};
        return PB_OK;
    }
    if (pb_value_kind(value) == PB_STRING) {
        *select = (pb_select){.kind = PB_SELECT_LABEL, .label = pb_value_get_text(value, NULL)};
        return PB_OK;
    }
    if (selector && selector->kind == PB_SELECTOR_LABEL) {
        *select = (pb_select){
            .kind = PB_SELECT_LABEL, .label = selector->label, .occurrence = selector->occurrence};
        return PB_OK;
    }
    return not_an_index(value, axis, error);
}

static pb_status mask_of_bools(const pb_value *list, const char *axis, pb_select *select,
                               pb_select_storage *storage, pb_error **error)
{
    pb_axis *along = NULL;
    float *data = NULL;
    pb_status status = pb_axis_create(axis, pb_list_count(list), NULL, NULL, &along, error);
    if (!status)
        status = pb_tensor_create(1, &along, &storage->mask, &data, error);
    pb_axis_release(&along);
    if (status)
        return status;
    for (size_t i = 0; i < pb_list_count(list); i++)
        data[i] = pb_value_get_bool(pb_list_item(list, i)) ? 1.0f : 0.0f;
    pb_tensor_mark_boolean(storage->mask);
    *select = (pb_select){.kind = PB_SELECT_MASK, .mask = storage->mask};
    return PB_OK;
}

/* Places between two looks at the stop flag. */
#define PB_PLACES_UNCHECKED 16384

static bool make_items(size_t count, pb_select_storage *storage)
{
    pb_select *items = pb_calloc(count, sizeof *items);
    storage->items = items;
    return items != NULL;
}

static pb_status list_of_places(pb_keeper *keeper, const pb_value *list, const char *axis,
                                pb_select *select, pb_select_storage *storage, pb_error **error)
{
    size_t count = pb_list_count(list);
    if (count > 0 && pb_list_of(list, PB_BOOL))
        return mask_of_bools(list, axis, select, storage, error);
    if (!make_items(count, storage))
        return pb_fail_memory(error);
    for (size_t i = 0; i < count; i++) {
        pb_status status = one_place(pb_list_item(list, i), axis, &storage->items[i], error);
        if (!status && (i + 1) % PB_PLACES_UNCHECKED == 0 && keeper)
            status = pb_keeper_check(keeper, error);
        if (status)
            return status;
    }
    *select = (pb_select){.kind = PB_SELECT_LIST, .items = storage->items, .n_items = count};
    return PB_OK;
}

/* A boolean tensor is a mask; one of numbers (an argmax) is a list of coordinates. */
static pb_status tensor_of_places(pb_keeper *keeper, const pb_value *value, const char *axis,
                                  pb_select *select, pb_select_storage *storage, pb_error **error)
{
    pb_tensor *tensor = pb_value_get_tensor(value);
    if (pb_tensor_is_boolean(tensor)) {
        storage->mask = pb_tensor_retain(tensor);
        *select = (pb_select){.kind = PB_SELECT_MASK, .mask = storage->mask};
        return PB_OK;
    }
    if (pb_tensor_rank(tensor) > 1)
        return not_an_index(value, axis, error);
    size_t count = pb_tensor_size(tensor);
    if (!make_items(count, storage))
        return pb_fail_memory(error);
    for (size_t i = 0; i < count; i++) {
        pb_status status = PB_OK;
        if ((i + 1) % PB_PLACES_UNCHECKED == 0 && keeper)
            status = pb_keeper_check(keeper, error);
        if (status)
            return status;
        float number = pb_tensor_data(tensor)[i];
        if (number != floorf(number) || fabsf(number) > 1e9f)
            return not_an_index(value, axis, error);
        storage->items[i] = (pb_select){.kind = PB_SELECT_INDEX, .index = (int64_t)number};
    }
    *select = (pb_select){.kind = PB_SELECT_LIST, .items = storage->items, .n_items = count};
    return PB_OK;
}

pb_status pb_value_to_select(pb_keeper *keeper, const pb_value *value, const char *axis,
                             pb_select *select, pb_select_storage *storage, pb_error **error)
{
    const pb_selector *selector = pb_value_get_selector(value);
    *storage = (pb_select_storage){0};
    *select = (pb_select){.kind = PB_SELECT_ALL};
    if (pb_value_kind(value) == PB_LIST)
        return list_of_places(keeper, value, axis, select, storage, error);
    if (pb_value_kind(value) == PB_TENSOR)
        return tensor_of_places(keeper, value, axis, select, storage, error);
    if (!selector || selector->kind == PB_SELECTOR_LABEL)
        return one_place(value, axis, select, error);
    switch (selector->kind) {
    case PB_SELECTOR_ALL:
    case PB_SELECTOR_EACH: return PB_OK;
    case PB_SELECTOR_SLICE:
        *select = (pb_select){.kind = PB_SELECT_SLICE,
                              .has_first = selector->has_first,
                              .has_last = selector->has_last,
                              .first = selector->first,
                              .last = selector->last,
                              .step = selector->step};
        return PB_OK;
    case PB_SELECTOR_PER:
        return pb_fail(error, PB_TYPE,
                       "per([...]) gives one place for each prompt; it is for patch() and edits "
                       "over several prompts, not for an index");
    case PB_SELECTOR_LABEL: break;
    }
    return PB_OK;
}
