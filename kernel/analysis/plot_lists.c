/* What bar() and line() draw: a tensor, a table, or lists as one of them. */
#include "plots.h"

/* The lists of x, y and color as the columns of a table, and what they are called there. */
static pb_status table_of_lists(pb_call *call, const pb_value *y, const char *names[3],
                                pb_value **table, pb_error **error)
{
    static const char *const parameters[] = {"x", "y", "color"};
    const pb_value *lists[] = {pb_argument_value(call, "x"), y, pb_argument_value(call, "color")};
    size_t rows = pb_list_count(y);
    pb_table_builder made = {.keeper = call->keeper, .rows = rows};
    for (size_t i = 0; !made.status && i < 3; i++) {
        if (pb_value_kind(lists[i]) != PB_LIST)
            continue;
        if (pb_list_count(lists[i]) != rows)
            made.status = pb_fail_argument(
                call, parameters[i], &made.error, PB_VALUE, "%s= has %zu item%s for %zu value%s",
                parameters[i], pb_list_count(lists[i]), pb_list_count(lists[i]) == 1 ? "" : "s",
                rows, rows == 1 ? "" : "s");
        names[i] = parameters[i];
        pb_table_take(&made,
                      (pb_table_cells){.name = names[i], .cells = pb_value_retain(lists[i])});
    }
    if (!made.status)
        made.status = pb_plot_bound(call, rows, PB_PLOT_MOST, &made.error);
    return pb_table_finish(&made, table, error);
}

/* bar(x=["a", "b"], y=[1, 2]), bar([1, 2]), line([[1, 2], [3, 4]]) */
static pb_status of_lists(pb_call *call, const pb_value *y, const char *names[3], pb_value **value,
                          pb_error **error)
{
    static const char *const axes[] = {"series", "index"}, *const parameters[] = {"x", "color"};
    bool nested = pb_list_count(y) > 0 && pb_list_of(y, PB_LIST);
    for (size_t i = 0; i < 2; i++)
        if (pb_argument_text(call, parameters[i]))
            return pb_fail_argument(call, parameters[i], error, PB_TYPE,
                                    "where a list is drawn, %s= is a list too, one item for each "
                                    "value",
                                    parameters[i]);
    if (pb_list_count(y) > 0 && pb_list_of(y, PB_STRING))
        return pb_plot_cannot_draw(call, y, "numbers", error);
    if (pb_value_kind(pb_argument_value(call, "x")) == PB_LIST)
        return table_of_lists(call, y, names, value, error);
    if (!pb_argument_is_none(call, "color"))
        return pb_fail_argument(call, "color", error, PB_TYPE, "color= goes with x= here");
    return pb_plot_tensor_of(call, y, nested ? axes : axes + 1, nested ? 2 : 1, value, error);
}

/* {"a": 1, "b": 2}: its names, and its values. */
static pb_status of_record(const pb_value *record, const char *names[3], pb_value **table,
                           pb_error **error)
{
    pb_list_builder keys = {0}, values = {0};
    pb_table_builder made = {0};
    for (size_t i = 0; i < pb_record_count(record); i++) {
        pb_entry entry = pb_record_entry(record, i);
        pb_list_take_text(&keys, entry.name);
        pb_list_take(&values, pb_value_retain(entry.value));
    }
    names[0] = "name";
    names[1] = "value";
    pb_table_take_list(&made, &keys, (pb_table_cells){.name = names[0]});
    pb_table_take_list(&made, &values, (pb_table_cells){.name = names[1]});
    return pb_table_finish(&made, table, error);
}

pb_status pb_plot_take(pb_call *call, const char *names[3], pb_value **value, pb_error **error)
{
    static const char *const parameters[] = {"x", "y", "color"};
    const pb_value *data = pb_argument_value(call, "data");
    const pb_value *y = pb_argument_value(call, "y");
    if (pb_value_is_none(data) && pb_value_kind(y) == PB_LIST)
        return of_lists(call, y, names, value, error);
    if (pb_value_is_none(data) && pb_value_kind(pb_argument_value(call, "x")) == PB_LIST)
        return pb_fail_argument(call, "y", error, PB_TYPE, "y= is the list of numbers to draw");
    if (pb_value_kind(data) == PB_LIST)
        return of_lists(call, data, names, value, error);
    if (pb_value_kind(data) == PB_RECORD)
        return of_record(data, names, value, error);
    if (pb_value_kind(data) != PB_TABLE && pb_value_kind(data) != PB_TENSOR)
        return pb_plot_cannot_draw(call, data, "a tensor, a table or a list", error);
    for (size_t i = 0; i < 3; i++) {
        names[i] = pb_argument_text(call, parameters[i]);
        if (!names[i] && !pb_argument_is_none(call, parameters[i]))
            return pb_fail_argument(call, parameters[i], error, PB_TYPE,
                                    "%s= is the name of %s here, not a list", parameters[i],
                                    pb_value_kind(data) == PB_TABLE ? "a column" : "an axis");
    }
    *value = pb_value_retain(data);
    return PB_OK;
}
