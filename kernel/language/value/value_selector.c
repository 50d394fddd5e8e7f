/* Selectors, and any value in the place of an index as the select the engine wants. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/memory.h"
#include "value_private.h"

pb_status pb_value_selector(const pb_select *select, pb_value **result, pb_error **error)
{
    *result = NULL;
    pb_value *value = pb_value_new(PB_SELECTOR);
    pb_status status = value ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = pb_select_create(select, &value->as.selector, error);
    if (status)
        pb_let_go(value);
    else
        *result = value;
    return status;
}

const pb_select *pb_value_get_selector(const pb_value *value)
{
    return pb_value_kind(value) == PB_SELECTOR ? value->as.selector : NULL;
}

/* ---- selects ---- */

static pb_status not_an_index(const pb_value *value, const char *axis, pb_error **error)
{
    char what[160];
    pb_value_describe(value, what, sizeof what);
    if (!axis)
        return pb_fail(error, PB_TYPE,
                       "a place is a number, a label, a list of those, a slice, a mask or all, "
                       "not %s",
                       what);
    return pb_fail(error, PB_TYPE,
                   "%s is indexed by a number, a label, a list of those, a slice, a mask or all, "
                   "not by %s",
                   axis, what);
}

static pb_status take_label(const char *label, pb_select *select, pb_error **error)
{
    return pb_select_copy(&(pb_select){.kind = PB_SELECT_LABEL, .label = label}, select, error);
}

/* A number, label or at(): what may also stand in a list. */
static pb_status one_place(const pb_value *value, const char *axis, pb_select *select,
                           pb_error **error)
{
    const pb_select *selector = pb_value_get_selector(value);
    if (pb_value_kind(value) == PB_NUMBER) {
        double number = pb_value_get_number(value);
        if (number != floor(number) || fabs(number) > 1e15)
            return not_an_index(value, axis, error);
        *select = (pb_select){.kind = PB_SELECT_INDEX, .index = (int64_t)number};
        return PB_OK;
    }
    if (pb_value_kind(value) == PB_STRING)
        return take_label(pb_value_get_text(value, NULL), select, error);
    if (selector && selector->kind == PB_SELECT_LABEL)
        return pb_select_copy(selector, select, error);
    return not_an_index(value, axis, error);
}

/* A list of true and false is a mask along whichever axis it is for. */
static pb_status mask_of_bools(const pb_value *list, pb_select *select, pb_error **error)
{
    pb_axis *along = NULL;
    pb_tensor *mask = NULL;
    float *data = NULL;
    pb_status status = pb_axis_create("", pb_list_count(list), NULL, NULL, &along, error);
    if (!status)
        status = pb_tensor_create(1, &along, &mask, &data, error);
    pb_axis_release(&along);
    if (status)
        return status;
    for (size_t i = 0; i < pb_list_count(list); i++)
        data[i] = pb_value_get_bool(pb_list_item(list, i)) ? 1.0f : 0.0f;
    pb_tensor_mark_boolean(mask);
    *select = (pb_select){.kind = PB_SELECT_MASK, .mask = mask};
    return PB_OK;
}

/* Places between two looks at the stop flag. */
#define PB_PLACES_UNCHECKED 16384

typedef pb_status (*item_at)(const pb_value *places, size_t index, const char *axis,
                             pb_select *item, pb_error **error);

/* The items of a LIST or PER, `count` of them. */
static pb_status take_items(pb_keeper *keeper, const pb_value *places, size_t count, item_at at,
                            const char *axis, pb_select *select, pb_error **error)
{
    pb_select *items = pb_calloc(count, sizeof *items);
    if (!items)
        return pb_fail_memory(error);
    *select = (pb_select){.kind = PB_SELECT_LIST, .items = items, .n_items = count};
    for (size_t i = 0; i < count; i++) {
        pb_status status = at(places, i, axis, &items[i], error);
        if (!status && (i + 1) % PB_PLACES_UNCHECKED == 0 && keeper)
            status = pb_keeper_check(keeper, error);
        if (status) {
            pb_error_of_item(error ? *error : NULL, i);
            pb_select_free(select);
            return status;
        }
    }
    return PB_OK;
}

static pb_status place_in_list(const pb_value *list, size_t index, const char *axis,
                               pb_select *item, pb_error **error)
{
    return one_place(pb_list_item(list, index), axis, item, error);
}

static pb_status place_in_tensor(const pb_value *value, size_t index, const char *axis,
                                 pb_select *item, pb_error **error)
{
    float number = pb_tensor_data(pb_value_get_tensor(value))[index];
    if (number != floorf(number) || fabsf(number) > 1e9f)
        return not_an_index(value, axis, error);
    *item = (pb_select){.kind = PB_SELECT_INDEX, .index = (int64_t)number};
    return PB_OK;
}

/* A boolean tensor is a mask; one of numbers (an argmax) is a list of coordinates. */
static pb_status tensor_of_places(pb_keeper *keeper, const pb_value *value, const char *axis,
                                  pb_select *select, pb_error **error)
{
    pb_tensor *tensor = pb_value_get_tensor(value);
    if (pb_tensor_is_boolean(tensor)) {
        *select = (pb_select){.kind = PB_SELECT_MASK, .mask = pb_tensor_retain(tensor)};
        return PB_OK;
    }
    if (pb_tensor_rank(tensor) > 1)
        return not_an_index(value, axis, error);
    return take_items(keeper, value, pb_tensor_size(tensor), place_in_tensor, axis, select, error);
}

pb_status pb_value_to_select(pb_keeper *keeper, const pb_value *value, const char *axis,
                             pb_select *select, pb_error **error)
{
    const pb_select *selector = pb_value_get_selector(value);
    *select = (pb_select){.kind = PB_SELECT_ALL};
    if (selector)
        return pb_select_copy(selector, select, error);
    if (pb_value_kind(value) == PB_TENSOR)
        return tensor_of_places(keeper, value, axis, select, error);
    if (pb_value_kind(value) != PB_LIST)
        return one_place(value, axis, select, error);
    size_t count = pb_list_count(value);
    if (count > 0 && pb_list_of(value, PB_BOOL))
        return mask_of_bools(value, select, error);
    return take_items(keeper, value, count, place_in_list, axis, select, error);
}

static pb_status place_of_prompt(const pb_value *list, size_t index, const char *axis,
                                 pb_select *item, pb_error **error)
{
    const pb_value *place = pb_list_item(list, index);
    const pb_select *selector = pb_value_get_selector(place);
    if (selector && selector->kind == PB_SELECT_PER)
        return not_an_index(place, axis, error);
    return pb_value_to_select(NULL, place, axis, item, error);
}

pb_status pb_value_per(const pb_value *places, pb_value **result, pb_error **error)
{
    pb_select per = {.kind = PB_SELECT_ALL};
    *result = NULL;
    if (pb_list_count(places) == 0)
        return pb_fail(error, PB_VALUE, "per() was given no places");
    pb_status status =
        take_items(NULL, places, pb_list_count(places), place_of_prompt, NULL, &per, error);
    if (status)
        return status;
    per.kind = PB_SELECT_PER;
    status = pb_value_selector(&per, result, error);
    pb_select_free(&per);
    return status;
}
