/* Equality, order and truth of values, as Python has them. */
#include <math.h>
#include <string.h>

#include "value/object.h"
#include "value_private.h"

static bool is_number(const pb_value *value)
{
    pb_kind kind = pb_value_kind(value);
    return kind == PB_NUMBER || kind == PB_BOOL;
}

static bool strings_equal(const pb_value *a, const pb_value *b)
{
    return a->as.string.length == b->as.string.length &&
           memcmp(a->as.string.bytes, b->as.string.bytes, a->as.string.length) == 0;
}

/* Work between two looks at the stop flag, in numbers compared: some 0.1 ms. */
#define PB_WORK_UNCHECKED 65536
#define PB_VALUE_WORK     16 /* of a value in a list, which lies somewhere else in memory */

bool pb_comparison_step(pb_comparison *comparison, size_t work)
{
    if (work < comparison->left) {
        comparison->left -= work;
        return true;
    }
    comparison->left = PB_WORK_UNCHECKED;
    if (!comparison->status && comparison->keeper)
        comparison->status = pb_keeper_check(comparison->keeper, comparison->error);
    return !comparison->status;
}

static bool lists_equal(pb_comparison *comparison, const pb_value *a, const pb_value *b)
{
    if (a->as.list.count != b->as.list.count)
        return false;
    for (size_t i = 0; i < a->as.list.count; i++)
        if (!pb_comparison_equal(comparison, a->as.list.items[i], b->as.list.items[i]))
            return false;
    return true;
}

static bool objects_equal(const pb_value *a, const pb_value *b)
{
    const pb_object_type *type = a->as.object.type;
    return type == b->as.object.type && type->equal && type->equal(a, b);
}

bool pb_comparison_equal(pb_comparison *comparison, const pb_value *a, const pb_value *b)
{
    if (!pb_comparison_step(comparison, PB_VALUE_WORK))
        return false;
    if (a == b)
        return !(pb_value_kind(a) == PB_NUMBER && isnan(a->as.number));
    if (is_number(a) && is_number(b))
        return pb_value_get_number(a) == pb_value_get_number(b);
    if (pb_value_kind(a) != pb_value_kind(b))
        return false;
    switch (pb_value_kind(a)) {
    case PB_NONE: return true;
    case PB_STRING: return strings_equal(a, b);
    case PB_LIST: return lists_equal(comparison, a, b);
    case PB_TENSOR: return pb_tensor_value_equal(comparison, a, b);
    case PB_TABLE: return pb_table_value_equal(comparison, a, b);
    case PB_RECORD: return pb_record_value_equal(comparison, a, b);
    case PB_SELECTOR: return pb_select_equal(a->as.selector, b->as.selector);
    case PB_BUILTIN: return a->as.builtin.row == b->as.builtin.row;
    case PB_OBJECT: return objects_equal(a, b);
    default: return false;
    }
}

bool pb_value_equal(const pb_value *a, const pb_value *b)
{
    pb_comparison comparison = {0};
    return pb_comparison_equal(&comparison, a, b);
}

static int order_of_numbers(double a, double b)
{
    return a < b ? -1 : a > b ? 1 : 0;
}

static int order_of_strings(const pb_value *a, const pb_value *b)
{
    size_t la = a->as.string.length, lb = b->as.string.length;
    int order = memcmp(a->as.string.bytes, b->as.string.bytes, la < lb ? la : lb);
    return order != 0 ? (order < 0 ? -1 : 1) : (la > lb) - (la < lb);
}

static pb_status order_of_lists(pb_keeper *keeper, const pb_value *a, const pb_value *b, int *order,
                                pb_error **error)
{
    pb_comparison comparison = {.keeper = keeper, .error = error};
    size_t la = a->as.list.count, lb = b->as.list.count;
    for (size_t i = 0; i < la && i < lb; i++) {
        if (pb_comparison_equal(&comparison, a->as.list.items[i], b->as.list.items[i]))
            continue;
        if (comparison.status)
            return comparison.status;
        return pb_value_compare(keeper, a->as.list.items[i], b->as.list.items[i], order, error);
    }
    *order = (la > lb) - (la < lb);
    return PB_OK;
}

pb_status pb_value_compare(pb_keeper *keeper, const pb_value *a, const pb_value *b, int *order,
                           pb_error **error)
{
    double x, y;
    *order = 0;
    if (pb_value_scalar(a, &x) && pb_value_scalar(b, &y)) {
        *order = order_of_numbers(x, y);
        return PB_OK;
    }
    if (pb_value_kind(a) == pb_value_kind(b)) {
        if (pb_value_kind(a) == PB_STRING) {
            *order = order_of_strings(a, b);
            return PB_OK;
        }
        if (pb_value_kind(a) == PB_LIST)
            return order_of_lists(keeper, a, b, order, error);
    }
    char left[160], right[160];
    return pb_fail(error, PB_TYPE, "%s and %s have no order",
                   pb_value_describe(a, left, sizeof left),
                   pb_value_describe(b, right, sizeof right));
}

static pb_status tensor_truth(const pb_value *value, bool *truth, pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    if (pb_tensor_size(tensor) != 1) {
        pb_status status =
            pb_fail(error, PB_TYPE, "a tensor of %zu values is neither true nor false",
                    pb_tensor_size(tensor));
        if (error)
            pb_error_hint(*error, "any(t) or all(t) asks of all its values; where(t, a, b) chooses "
                                  "value by value");
        return status;
    }
    *truth = pb_tensor_data(tensor)[0] != 0;
    return PB_OK;
}

pb_status pb_value_truth(const pb_value *value, bool *truth, pb_error **error)
{
    *truth = true;
    switch (pb_value_kind(value)) {
    case PB_NONE: *truth = false; break;
    case PB_BOOL: *truth = value->truth; break;
    case PB_NUMBER: *truth = value->as.number != 0; break;
    case PB_STRING: *truth = value->as.string.length > 0; break;
    case PB_LIST:
        if (pb_list_is_column(value) && pb_list_count(value) != 1) {
            pb_status status =
                pb_fail(error, PB_TYPE, "a column of %zu values is neither true nor false",
                        pb_list_count(value));
            if (error)
                pb_error_hint(*error, "any(column) or all(column) asks of all its values; "
                                      "where(column, a, b) chooses value by value");
            return status;
        }
        if (pb_list_is_column(value))
            return pb_value_truth(pb_list_item(value, 0), truth, error);
        *truth = pb_list_count(value) > 0;
        break;
    case PB_TENSOR: return tensor_truth(value, truth, error);
    case PB_TABLE: *truth = pb_table_rows(value) > 0; break;
    case PB_RECORD: *truth = pb_record_count(value) > 0; break;
    default: break;
    }
    return PB_OK;
}
