/* Words along one axis of a tensor, or on a list: var, median, quantile, cumsum, diff, argsort,
 * corr, and concat. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "words.h"

/* ---- a list as a tensor of one axis, and back ---- */

pb_status pb_open_numbers(const pb_call *call, const char *name, pb_tensor **tensor, bool *list,
                          pb_error **error)
{
    const pb_value *x = pb_argument_value(call, name);
    pb_value *items = NULL;
    pb_axis *axis = NULL;
    float *data = NULL;
    char what[160];
    *list = pb_value_kind(x) != PB_TENSOR;
    if (!*list) {
        *tensor = pb_tensor_retain(pb_value_get_tensor(x));
        return PB_OK;
    }
    pb_status status = pb_argument_items(call, name, &items, error);
    size_t n = status ? 0 : pb_list_count(items);
    if (!status)
        status = pb_axis_create("item", n, NULL, NULL, &axis, error);
    if (!status)
        status = pb_tensor_create(1, &axis, tensor, &data, error);
    for (size_t i = 0; !status && i < n; i++) {
        double number;
        if (pb_value_scalar(pb_list_item(items, i), &number))
            data[i] = (float)number;
        else
            status = pb_fail_argument(call, name, error, PB_TYPE,
                                      "%s() takes numbers; item %zu is %s", call->row->name, i,
                                      pb_value_describe(pb_list_item(items, i), what, sizeof what));
    }
    pb_axis_release(&axis);
    pb_value_release(&items);
    if (status)
        pb_tensor_release(tensor);
    return status;
}

pb_status pb_choose_axis(const pb_call *call, const pb_tensor *tensor, const char *usual,
                         const char **over, size_t *which, pb_error **error)
{
    *over = pb_argument_text(call, "over");
    if (!*over && usual && pb_tensor_find_axis(tensor, usual) >= 0)
        *over = usual;
    if (!*over && pb_tensor_rank(tensor) != 1)
        return pb_fail_argument(call, NULL, error, PB_VALUE,
                                "%s() needs over=, the axis it goes along: x has %zu",
                                call->row->name, pb_tensor_rank(tensor));
    if (!*over)
        *over = pb_axis_name(pb_tensor_axis(tensor, 0));
    pb_status status = pb_tensor_need_axis(tensor, *over, which, error);
    if (!status && pb_axis_length(pb_tensor_axis(tensor, *which)) == 0)
        status = pb_fail(error, PB_VALUE, "%s() of nothing: %s is empty", call->row->name, *over);
    return pb_place_argument(call, "over", status, error);
}

/* A list where x was one, else a tensor of x's model; `units`: the results are in x's. */
static pb_status give(const pb_call *call, const char *name, bool list, bool units,
                      pb_tensor **made, pb_value **result, pb_error **error)
{
    const pb_meta *own = pb_value_meta(pb_argument_value(call, name));
    pb_meta meta = {0};
    pb_value *value = NULL;
    if (own)
        meta = (pb_meta){.model = own->model, .units = units ? own->units : NULL};
    pb_status status = pb_value_take_tensor(made, &meta, &value, error);
    if (status || !list || pb_value_kind(value) != PB_TENSOR) {
        *result = value;
        return status;
    }
    status = pb_tensor_cells(call->keeper, value, result, error);
    pb_value_release(&value);
    return status;
}

/* What becomes of the axis a word goes along. */
typedef enum lane_axis { AXIS_GOES, AXIS_STAYS, AXIS_LOSES_FIRST, AXIS_OF_PLACES } lane_axis;

static pb_status new_axis(lane_axis kind, pb_axis *old, const pb_watch *watch, pb_axis **axis,
                          pb_error **error)
{
    size_t n = pb_axis_length(old);
    *axis = NULL;
    if (kind == AXIS_STAYS)
        *axis = pb_axis_retain(old);
    if (kind == AXIS_OF_PLACES)
        return pb_axis_create(pb_axis_name(old), n, NULL, NULL, axis, error);
    if (kind != AXIS_LOSES_FIRST)
        return PB_OK;
    size_t *kept = pb_malloc(n, sizeof *kept);
    if (!kept)
        return pb_fail_memory(error);
    for (size_t i = 1; i < n; i++)
        kept[i - 1] = i;
    pb_status status = pb_axis_pick(old, kept, n - 1, watch, axis, error);
    free(kept);
    return status;
}

static pb_status along(const pb_call *call, lane_axis kind, bool units, pb_lane_function *function,
                       const void *how, pb_value **result, pb_error **error)
{
    pb_tensor *x = NULL, *made = NULL;
    pb_axis *axis = NULL;
    const char *over = NULL;
    size_t which = 0;
    bool list = false;
    pb_status status = pb_open_numbers(call, "x", &x, &list, error);
    if (!status)
        status = pb_choose_axis(call, x, NULL, &over, &which, error);
    if (!status)
        status = new_axis(kind, pb_tensor_axis(x, which), pb_call_watch(call), &axis, error);
    if (!status)
        status = pb_tensor_lanes(x, over, axis, function, how, pb_call_watch(call), &made, error);
    pb_axis_release(&axis);
    pb_tensor_release(&x);
    return status ? status : give(call, "x", list, units, &made, result, error);
}

/* ---- var, median, quantile ---- */

static pb_status variance(const void *how, size_t n, double *in, float *out, pb_error **error)
{
    double mean = 0, squares = 0;
    (void)how;
    (void)error;
    for (size_t i = 0; i < n; i++)
        mean += in[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (in[i] - mean) * (in[i] - mean);
    *out = (float)(squares / (double)n);
    return PB_OK;
}

static pb_status call_var(pb_call *call, pb_value **result, pb_error **error)
{
    return along(call, AXIS_GOES, false, variance, NULL, result, error);
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Linear between the two nearest, as numpy's. A NaN anywhere is the answer. */
static pb_status quantile(const void *how, size_t n, double *in, float *out, pb_error **error)
{
    double at = *(const double *)how * (double)(n - 1);
    size_t below = (size_t)floor(at), above = below + 1 < n ? below + 1 : below;
    (void)error;
    for (size_t i = 0; i < n; i++) {
        if (isnan(in[i])) {
            *out = (float)in[i];
            return PB_OK;
        }
    }
    qsort(in, n, sizeof *in, compare_doubles);
    double part = at - (double)below;
    *out = (float)(part == 0 ? in[below] : in[below] + (in[above] - in[below]) * part);
    return PB_OK;
}

static pb_status call_median(pb_call *call, pb_value **result, pb_error **error)
{
    const double half = 0.5;
    return along(call, AXIS_GOES, true, quantile, &half, result, error);
}

static pb_status call_quantile(pb_call *call, pb_value **result, pb_error **error)
{
    double q = pb_argument_number(call, "q");
    if (!(q >= 0 && q <= 1))
        return pb_fail_argument(call, "q", error, PB_VALUE, "a share is from 0 to 1, not %.9g", q);
    return along(call, AXIS_GOES, true, quantile, &q, result, error);
}

/* ---- cumsum, diff, argsort ---- */

static pb_status running_sum(const void *how, size_t n, double *in, float *out, pb_error **error)
{
    double sum = 0;
    (void)how;
    (void)error;
    for (size_t i = 0; i < n; i++) {
        sum += in[i];
        out[i] = (float)sum;
    }
    return PB_OK;
}

static pb_status call_cumsum(pb_call *call, pb_value **result, pb_error **error)
{
    return along(call, AXIS_STAYS, true, running_sum, NULL, result, error);
}

static pb_status steps(const void *how, size_t n, double *in, float *out, pb_error **error)
{
    (void)how;
    (void)error;
    for (size_t i = 1; i < n; i++)
        out[i - 1] = (float)(in[i] - in[i - 1]);
    return PB_OK;
}

static pb_status call_diff(pb_call *call, pb_value **result, pb_error **error)
{
    return along(call, AXIS_LOSES_FIRST, true, steps, NULL, result, error);
}

typedef struct placed {
    double value;
    size_t at;
} placed;

/* Rising, equals in order, NaN last. */
static int compare_placed(const void *a, const void *b)
{
    const placed *left = a, *right = b;
    if (isnan(left->value) != isnan(right->value))
        return isnan(left->value) ? 1 : -1;
    if (left->value != right->value && !isnan(left->value))
        return left->value < right->value ? -1 : 1;
    return left->at < right->at ? -1 : 1;
}

static pb_status places_in_order(const void *how, size_t n, double *in, float *out,
                                 pb_error **error)
{
    const pb_axis *axis = how; /* NULL: places are counted from 0 */
    placed *items = pb_malloc(n, sizeof *items);
    if (!items)
        return pb_fail_memory(error);
    for (size_t i = 0; i < n; i++)
        items[i] = (placed){in[i], i};
    qsort(items, n, sizeof *items, compare_placed);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(axis ? pb_axis_coordinate(axis, items[i].at) : (int64_t)items[i].at);
    free(items);
    return PB_OK;
}

static pb_status whole_numbers(pb_value **list, pb_error **error)
{
    pb_list_builder out = {0};
    for (size_t i = 0; i < pb_list_count(*list); i++)
        pb_list_take_number(&out, pb_value_get_number(pb_list_item(*list, i)), PB_INTEGER);
    pb_value_release(list);
    return pb_list_finish(&out, false, list, error);
}

static pb_status call_argsort(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_tensor *x = pb_value_get_tensor(pb_argument_value(call, "x"));
    const char *over = pb_argument_text(call, "over");
    int which = x ? (over ? pb_tensor_find_axis(x, over) : 0) : -1;
    const pb_axis *axis =
        which >= 0 && pb_tensor_rank(x) > 0 ? pb_tensor_axis(x, (size_t)which) : NULL;
    pb_status status = along(call, AXIS_OF_PLACES, false, places_in_order, axis, result, error);
    if (!status && pb_value_kind(*result) == PB_LIST)
        status = whole_numbers(result, error);
    return status;
}

/* ---- corr ---- */

static pb_status add_deviation(const pb_tensor *x, const char *over, const pb_watch *watch,
                               pb_tensor **deviation, pb_error **error)
{
    pb_tensor *mean = NULL;
    pb_status status = pb_tensor_reduce(PB_MEAN, x, 1, &over, watch, &mean, error);
    if (!status)
        status = pb_tensor_binary(PB_SUB, x, mean, watch, deviation, error);
    pb_tensor_release(&mean);
    return status;
}

/* Pearson's: the cosine between deviations from the mean. */
static pb_status correlate(const pb_tensor *x, const pb_tensor *y, const char *over,
                           const pb_watch *watch, pb_tensor **result, pb_error **error)
{
    pb_tensor *a = NULL, *b = NULL, *parts[4] = {NULL};
    pb_status status = add_deviation(x, over, watch, &a, error);
    if (!status)
        status = add_deviation(y, over, watch, &b, error);
    if (!status)
        status = pb_tensor_dot(a, b, 1, &over, watch, &parts[0], error);
    if (!status)
        status = pb_tensor_reduce(PB_NORM, a, 1, &over, watch, &parts[1], error);
    if (!status)
        status = pb_tensor_reduce(PB_NORM, b, 1, &over, watch, &parts[2], error);
    if (!status)
        status = pb_tensor_binary(PB_DIV, parts[0], parts[1], watch, &parts[3], error);
    if (!status)
        status = pb_tensor_binary(PB_DIV, parts[3], parts[2], watch, result, error);
    for (size_t i = 0; i < 4; i++)
        pb_tensor_release(&parts[i]);
    pb_tensor_release(&a);
    pb_tensor_release(&b);
    return status;
}

static pb_status call_corr(pb_call *call, pb_value **result, pb_error **error)
{
    pb_tensor *x = NULL, *y = NULL, *made = NULL;
    const char *over = NULL;
    bool list_x = false, list_y = false;
    size_t which = 0;
    pb_status status =
        pb_check_models(pb_argument_value(call, "x"), pb_argument_value(call, "y"), error);
    if (!status)
        status = pb_open_numbers(call, "x", &x, &list_x, error);
    if (!status)
        status = pb_open_numbers(call, "y", &y, &list_y, error);
    if (!status)
        status = pb_choose_axis(call, x, NULL, &over, &which, error);
    if (!status)
        status = pb_place_argument(call, "y",
                                   correlate(x, y, over, pb_call_watch(call), &made, error), error);
    pb_tensor_release(&x);
    pb_tensor_release(&y);
    return status ? status : give(call, "x", false, false, &made, result, error);
}

/* ---- concat ---- */

static pb_status gather_parts(const pb_value *list, const pb_tensor **parts, pb_error **error)
{
    char what[160];
    for (size_t i = 0; i < pb_list_count(list); i++) {
        const pb_value *item = pb_list_item(list, i);
        parts[i] = pb_value_get_tensor(item);
        if (!parts[i])
            return pb_fail(error, PB_TYPE, "concat() joins tensors; item %zu is %s", i,
                           pb_value_describe(item, what, sizeof what));
        pb_status status = pb_check_models(pb_list_item(list, 0), item, error);
        if (status)
            return status;
    }
    return PB_OK;
}

static pb_status call_concat(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *list = pb_argument_value(call, "tensors");
    size_t count = pb_list_count(list);
    pb_tensor *made = NULL;
    if (count == 0)
        return pb_fail_argument(call, "tensors", error, PB_VALUE, "there is nothing to join");
    const pb_tensor **parts = pb_calloc(count, sizeof *parts);
    pb_status status = parts ? gather_parts(list, parts, error) : pb_fail_memory(error);
    if (!status)
        status = pb_tensor_concat(count, parts, pb_argument_text(call, "over"), pb_call_watch(call),
                                  &made, error);
    free(parts);
    if (status)
        return pb_place_argument(call, "tensors", status, error);
    const pb_meta *first = pb_value_meta(pb_list_item(list, 0));
    const pb_meta meta = {.model = first->model, .units = first->units};
    return pb_value_take_tensor(&made, &meta, result, error);
}

/* ---- rows ---- */

static const pb_parameter lane_group[] = {
    {.name = "x", .types = PB_TAKES_ANY, .what = "a tensor or a list of numbers"},
    {.name = "over",
     .types = PB_TAKES_STRING,
     .fallback = "None",
     .what = "the axis it goes along; None: the only one"},
    {.name = NULL}};

const pb_builtin pb_builtins_statistics[] = {
    {.name = "var",
     .category = "Many to one",
     .summary = "The variance along an axis, or of a list: the mean squared distance from the "
                "mean.",
     .result = "a number, or a tensor of the axes that are left",
     .example = "var([1, 3])",
     .expected = "1.0",
     .see = "std mean",
     .also = {lane_group},
     .function = call_var},
    {.name = "median",
     .category = "Many to one",
     .summary = "The middle value along an axis, or of a list.",
     .result = "a number, or a tensor of the axes that are left",
     .example = "median([5, 1, 2])",
     .expected = "2.0",
     .see = "quantile mean",
     .also = {lane_group},
     .function = call_median},
    {.name = "quantile",
     .category = "Many to one",
     .summary = "The value below which a share q of the values lies, along an axis or of a list.",
     .doc = "Between two values it is linear, as numpy's.",
     .result = "a number, or a tensor of the axes that are left",
     .example = "quantile([0, 1, 2, 3], 0.25)",
     .expected = "0.75",
     .see = "median",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY, .what = "a tensor or a list of numbers"},
                    {.name = "q", .types = PB_TAKES_NUMBER, .what = "a share from 0 to 1"},
                    {.name = "over",
                     .types = PB_TAKES_STRING,
                     .fallback = "None",
                     .what = "the axis it goes along; None: the only one"}},
     .function = call_quantile},
    {.name = "corr",
     .category = "Many to one",
     .summary = "Pearson's correlation of two tensors along an axis, or of two lists.",
     .doc = "Other axes line up by name. Where one of the two does not vary it is NaN.",
     .result = "a number, or a tensor of the axes that are left",
     .example = "corr([1, 2, 3], [2, 4, 6])",
     .expected = "1.0",
     .see = "cosine",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY, .what = "a tensor or a list of numbers"},
                    {.name = "y", .types = PB_TAKES_ANY, .what = "a tensor or a list of numbers"},
                    {.name = "over",
                     .types = PB_TAKES_STRING,
                     .fallback = "None",
                     .what = "the axis it goes along; None: the only one"}},
     .function = call_corr},
    {.name = "cumsum",
     .category = "Tensors",
     .summary = "Sums so far along an axis, or of a list.",
     .result = "a tensor of the same axes, or a list",
     .example = "cumsum([1, 2, 3])",
     .expected = "[1.0, 3.0, 6.0]",
     .see = "diff sum",
     .also = {lane_group},
     .function = call_cumsum},
    {.name = "diff",
     .category = "Tensors",
     .summary = "Steps from each value to the next along an axis, or of a list.",
     .doc = "Each stands at the later place: the axis has one place less, and lacks its first.",
     .result = "a tensor of the same axes, or a list",
     .example = "diff([1, 4, 9])",
     .expected = "[3.0, 5.0]",
     .see = "cumsum",
     .also = {lane_group},
     .function = call_diff},
    {.name = "argsort",
     .category = "Tensors",
     .summary = "Where the values are, from the smallest to the largest.",
     .doc = "Coordinates along the axis, or places in a list; of equals the first comes first.",
     .result = "a tensor of coordinates, or a list of places",
     .example = "argsort([3, 1, 2])",
     .expected = "[1, 2, 0]",
     .see = "argmin sorted",
     .also = {lane_group},
     .function = call_argsort},
    {.name = "concat",
     .category = "Tensors",
     .summary = "Joins tensors along an axis that they have.",
     .doc = "All other axes are the same. Along the joined one coordinates count from 0, and "
            "labels stay where all have them.",
     .result = "a tensor of the same axes",
     .example = "concat([tensor([1, 2], axes=[\"pos\"]), tensor([3], axes=[\"pos\"])], "
                "over=\"pos\").values",
     .expected = "[1.0, 2.0, 3.0]",
     .see = "stack",
     .parameters = {{.name = "tensors", .types = PB_TAKES_LIST, .what = "a list of tensors"},
                    {.name = "over", .types = PB_TAKES_STRING, .what = "the axis they join along"}},
     .function = call_concat},
    {0}};
