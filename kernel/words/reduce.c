/* Words that make one value of many: sum, mean, min, max, any, all, argmax, norm, std. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

/* ---- tensors ---- */

/* The axes in `value`, a string or list of strings, as names; malloc'ed, the caller's. */
static pb_status axis_names(const pb_value *value, const char *const **names, size_t *count,
                            pb_error **error)
{
    bool one = pb_value_kind(value) == PB_STRING;
    char what[160];
    *names = NULL;
    *count = 0;
    if (pb_value_is_none(value))
        return PB_OK;
    if (!one && !pb_list_of(value, PB_STRING))
        return pb_fail(error, PB_TYPE, "axes are named by a string or a list of strings, not %s",
                       pb_value_describe(value, what, sizeof what));
    size_t n = one ? 1 : pb_list_count(value);
    const char **list = calloc(n + 1, sizeof *list);
    if (!list)
        return pb_fail_memory(error);
    for (size_t i = 0; i < n; i++)
        list[i] = pb_value_get_text(one ? value : pb_list_item(value, i), NULL);
    *names = list;
    *count = n;
    return PB_OK;
}

static bool finds_places(pb_reduction op)
{
    return op == PB_ARGMAX || op == PB_ARGMIN;
}

/* A reduction of a result: over which axes of it, by their names; n = 0 for all. */
typedef struct reducing {
    pb_reduction op;
    const char *word;
    const pb_tensor *whole;
    size_t n;
    const char *const *names;
    size_t fewest, most; /* cells that were there for one number, where there are gaps; else 0 */
    bool levels_vary;    /* an end runs along a reduced axis, so that the largest has none */
    const pb_watch *watch;
} reducing;

static bool reduces(const reducing *how, const char *axis)
{
    for (size_t i = 0; i < how->n; i++)
        if (strcmp(how->names[i], axis) == 0)
            return true;
    return how->n == 0;
}

/* The reduced axes that a tensor has; how many places those have that it lacks. */
static size_t reduced_axes(const reducing *how, const pb_tensor *tensor, const char **names,
                           double *lacked)
{
    size_t n = 0;
    *lacked = 1;
    for (size_t i = 0; i < pb_tensor_rank(how->whole); i++) {
        const char *name = pb_axis_name(pb_tensor_axis(how->whole, i));
        if (reduces(how, name) && pb_tensor_find_axis(tensor, name) >= 0)
            names[n++] = name;
        else if (reduces(how, name))
            *lacked *= (double)pb_axis_length(pb_tensor_axis(how->whole, i));
    }
    return n;
}

/* An end without the axis is the same at each of its places: it is its own mean and largest, and
 * their sum is so many times it. A part beside the numbers (.rest) adds up with their sum alone. */
static pb_status apply_reduction(const void *data, const pb_field *field,
                                 const pb_tensor *const *of, pb_tensor **result, pb_error **error)
{
    const reducing *how = data;
    const char *names[PB_MAX_RANK];
    double lacked;
    size_t n = reduced_axes(how, of[0], names, &lacked);
    bool sum = how->op == PB_SUM, mean = how->op == PB_MEAN;
    bool extreme = (how->op == PB_MIN || how->op == PB_MAX) && !how->levels_vary;
    bool lacks = lacked != 1 && field->kind == PB_FIELD_AMOUNT;
    pb_tensor *left = NULL;
    if ((!sum && !mean && !extreme) || (lacks && !sum))
        return PB_OK;
    pb_status status = PB_OK;
    if (n > 0)
        status = pb_tensor_reduce(how->op, of[0], n, names, how->watch, &left, error);
    else
        left = pb_tensor_retain((pb_tensor *)of[0]);
    if (status || !sum || lacked == 1 || field->kind != PB_FIELD_LEVEL) {
        *result = left;
        return status;
    }
    status = pb_tensor_binary_number(PB_MUL, left, lacked, false, how->watch, result, error);
    pb_tensor_release(&left);
    return status;
}

/* "Mean over prompt (20) and layer (6): ..." */
static void say_reduction(const void *data, const char *const *captions, pb_buffer *out)
{
    const reducing *how = data;
    const char *before = " over ";
    pb_buffer_byte(out, (char)(how->word[0] - 'a' + 'A'));
    pb_buffer_text(out, how->word + 1);
    for (size_t i = 0; i < pb_tensor_rank(how->whole); i++) {
        const pb_axis *axis = pb_tensor_axis(how->whole, i);
        if (!reduces(how, pb_axis_name(axis)))
            continue;
        pb_buffer_format(out, "%s%s (%zu)", before, pb_axis_name(axis), pb_axis_length(axis));
        before = " and ";
    }
    if (how->most > 0 && how->fewest == how->most)
        pb_buffer_format(out, ", of the %zu that are there", how->most);
    else if (how->most > 0)
        pb_buffer_format(out, ", of the %zu to %zu that are there", how->fewest, how->most);
    pb_buffer_format(out, ": %s", captions[0]);
}

/* How many cells are there for one number at least and at most, where any are. */
static pb_status count_present(reducing *how, pb_error **error)
{
    pb_tensor *there = NULL, *counts = NULL;
    if (!pb_tensor_has_gaps(how->whole))
        return PB_OK;
    pb_status status = pb_tensor_present(how->whole, how->watch, &there, error);
    if (!status)
        status = pb_tensor_reduce(PB_SUM, there, how->n, how->names, how->watch, &counts, error);
    how->fewest = SIZE_MAX;
    for (size_t i = 0; !status && i < pb_tensor_size(counts); i++) {
        size_t count = (size_t)pb_tensor_data(counts)[i];
        how->most = count > how->most ? count : how->most;
        how->fewest = count > 0 && count < how->fewest ? count : how->fewest;
    }
    pb_tensor_release(&there);
    pb_tensor_release(&counts);
    return status;
}

static bool levels_vary(const reducing *how, const pb_meta *meta)
{
    const char *names[PB_MAX_RANK];
    double lacked;
    for (size_t i = 0; i < meta->n_fields; i++) {
        const pb_tensor *level = pb_value_get_tensor(meta->fields[i].value);
        if (meta->fields[i].kind == PB_FIELD_LEVEL && level &&
            reduced_axes(how, level, names, &lacked) > 0)
            return true;
    }
    return false;
}

static pb_status carry_reduced(reducing *how, const pb_value *value, pb_tensor **tensor,
                               pb_value **result, pb_error **error)
{
    how->levels_vary = levels_vary(how, pb_value_meta(value));
    pb_status status = count_present(how, error);
    if (status) {
        pb_tensor_release(tensor);
        return status;
    }
    const pb_operation operation = {.apply = apply_reduction,
                                    .caption = say_reduction,
                                    .how = how,
                                    .speaks = how->most > 0,
                                    .keeps_cell =
                                        how->n == 1 && strcmp(how->names[0], "prompt") == 0};
    return pb_value_carry(&operation, 1, &value, pb_value_meta(value), tensor, result, error);
}

static pb_status reduce_tensor(const pb_call *call, pb_reduction op, const pb_value *value,
                               const pb_value *over, pb_value **result, pb_error **error);

/* Whether it is a value that is computed where it is used. */
static bool is_unsettled(const pb_value *value)
{
    const pb_object_type *type = pb_value_object_type(value);
    return type && type->settle;
}

/* The same of a value that is not there yet: by itself if it can, so that not all of it has to be
 * there at once. */
static pb_status reduce_unsettled(const pb_call *call, pb_reduction op, const pb_value *value,
                                  const pb_value *over, pb_value **result, pb_error **error)
{
    const pb_object_type *type = pb_value_object_type(value);
    const char *const *names = NULL;
    size_t count = 0;
    pb_value *settled = NULL;
    pb_status status = axis_names(over, &names, &count, error);
    if (!status && type->reduce)
        status = type->reduce(call->interp, value, op, count, names, result, error);
    free((void *)names);
    if (status || *result)
        return status;
    status = type->settle(call->interp, value, &settled, error);
    if (!status && pb_value_kind(settled) == PB_TENSOR)
        status = reduce_tensor(call, op, settled, over, result, error);
    else if (!status)
        *result = pb_value_retain(settled); /* one number */
    pb_value_release(&settled);
    return status;
}

static pb_status reduce_tensor(const pb_call *call, pb_reduction op, const pb_value *value,
                               const pb_value *over, pb_value **result, pb_error **error)
{
    if (is_unsettled(value))
        return reduce_unsettled(call, op, value, over, result, error);
    const char *const *names = NULL;
    size_t count = 0;
    pb_tensor *tensor = NULL;
    pb_status status = axis_names(over, &names, &count, error);
    if (!status)
        status = pb_tensor_reduce(op, pb_value_get_tensor(value), count, names, pb_call_watch(call),
                                  &tensor, error);
    if (!status && !finds_places(op)) {
        reducing how = {.op = op,
                        .word = call->row->name,
                        .whole = pb_value_get_tensor(value),
                        .n = count,
                        .names = names,
                        .watch = pb_call_watch(call)};
        status = carry_reduced(&how, value, &tensor, result, error);
    }
    free((void *)names);
    if (status || !finds_places(op))
        return status;
    if (pb_tensor_rank(tensor) == 0) {
        status = pb_value_number(pb_tensor_data(tensor)[0], PB_INTEGER, result, error);
        pb_tensor_release(&tensor);
        return status;
    }
    /* coordinates have no unit, and look like no result */
    pb_meta plain = {.model = pb_value_meta(value)->model};
    return pb_value_take_tensor(&tensor, &plain, result, error);
}

/* ---- lists ---- */

static pb_status no_items(const char *word, pb_error **error)
{
    return pb_fail(error, PB_VALUE, "%s() of an empty list", word);
}

static pb_status sum_of(pb_interp *interp, const pb_value *items, const pb_value *start,
                        pb_value **result, pb_error **error)
{
    pb_value *total = pb_value_retain(start);
    pb_status status = PB_OK;
    if (pb_value_kind(pb_list_item(items, 0)) == PB_STRING && pb_value_kind(start) == PB_NUMBER) {
        pb_value_release(&total);
        status = pb_fail(error, PB_TYPE, "sum() adds numbers and tensors, not strings");
        if (error && *error)
            pb_error_hint(*error, "\"\".join(words) puts strings together");
        return status;
    }
    for (size_t i = 0; !status && i < pb_list_count(items); i++) {
        pb_value *next = NULL;
        status = pb_interp_check(interp, error);
        if (!status)
            status = pb_interp_binary(interp, PB_ADD, total, pb_list_item(items, i), &next, error);
        pb_value_release(&total);
        total = next;
    }
    *result = total;
    return status;
}

/* Reads numbers; the same order and count as the items. malloc'ed. */
static pb_status numbers_of(const char *word, const pb_value *items, double **numbers,
                            pb_error **error)
{
    size_t count = pb_list_count(items);
    char what[160];
    *numbers = calloc(count + 1, sizeof **numbers);
    if (!*numbers)
        return pb_fail_memory(error);
    for (size_t i = 0; i < count; i++) {
        const pb_value *item = pb_list_item(items, i);
        if (pb_value_kind(item) != PB_NUMBER && pb_value_kind(item) != PB_BOOL) {
            free(*numbers);
            *numbers = NULL;
            return pb_fail(error, PB_TYPE, "%s() takes numbers; item %zu is %s", word, i,
                           pb_value_describe(item, what, sizeof what));
        }
        (*numbers)[i] = pb_value_get_number(item);
    }
    return PB_OK;
}

static pb_precision precision_of(const pb_value *items)
{
    for (size_t i = 0; i < pb_list_count(items); i++)
        if (pb_value_precision(pb_list_item(items, i)) == PB_SINGLE)
            return PB_SINGLE;
    return PB_DOUBLE;
}

static double measure(pb_reduction op, const double *numbers, size_t count)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        sum += numbers[i];
        squares += numbers[i] * numbers[i];
    }
    double mean = sum / (double)count, spread = 0;
    if (op == PB_MEAN)
        return mean;
    if (op == PB_NORM)
        return sqrt(squares);
    for (size_t i = 0; i < count; i++)
        spread += (numbers[i] - mean) * (numbers[i] - mean);
    return sqrt(spread / (double)count);
}

static pb_status extreme(pb_interp *interp, const char *word, const pb_value *items,
                         const pb_value *key, bool largest, size_t *at, pb_error **error)
{
    pb_value *keys = NULL;
    int order;
    *at = 0;
    if (pb_list_count(items) == 0)
        return no_items(word, error);
    pb_status status = pb_map_items(interp, key, items, &keys, error);
    for (size_t i = 1; !status && i < pb_list_count(keys); i++) {
        status = pb_interp_check(interp, error);
        if (!status)
            status = pb_value_compare(pb_interp_keeper(interp), pb_list_item(keys, i),
                                      pb_list_item(keys, *at), &order, error);
        if (!status && (largest ? order > 0 : order < 0))
            *at = i;
    }
    pb_value_release(&keys);
    return status;
}

/* ---- sum, mean, std, norm, argmax, argmin ---- */

static pb_status call_sum(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *x = pb_argument_value(call, "x"), *over = pb_argument_value(call, "over");
    pb_value *items = NULL, *zero = NULL;
    if (pb_value_kind(x) == PB_TENSOR || is_unsettled(x))
        return reduce_tensor(call, PB_SUM, x, over, result, error);
    pb_status status = pb_argument_items(call, "x", &items, error);
    if (!status)
        status = pb_value_is_none(over) ? pb_value_integer(0, &zero, error) : PB_OK;
    if (!status)
        status = sum_of(call->interp, items, zero ? zero : over, result, error);
    pb_value_release(&items);
    pb_value_release(&zero);
    return status;
}

static pb_status measure_call(pb_call *call, pb_reduction op, pb_value **result, pb_error **error)
{
    const pb_value *x = pb_argument_value(call, "x"), *over = pb_argument_value(call, "over");
    pb_value *items = NULL;
    double *numbers = NULL;
    if (pb_value_kind(x) == PB_TENSOR || is_unsettled(x))
        return reduce_tensor(call, op, x, over, result, error);
    pb_status status = pb_argument_items(call, "x", &items, error);
    if (!status && pb_list_count(items) == 0)
        status = no_items(call->row->name, error);
    if (!status)
        status = numbers_of(call->row->name, items, &numbers, error);
    if (!status)
        status = pb_value_number(measure(op, numbers, pb_list_count(items)), precision_of(items),
                                 result, error);
    free(numbers);
    pb_value_release(&items);
    return status;
}

static pb_status call_mean(pb_call *call, pb_value **result, pb_error **error)
{
    return measure_call(call, PB_MEAN, result, error);
}

static pb_status call_std(pb_call *call, pb_value **result, pb_error **error)
{
    return measure_call(call, PB_STD, result, error);
}

static pb_status call_norm(pb_call *call, pb_value **result, pb_error **error)
{
    return measure_call(call, PB_NORM, result, error);
}

static pb_status place_call(pb_call *call, pb_reduction op, pb_value **result, pb_error **error)
{
    const pb_value *x = pb_argument_value(call, "x"), *over = pb_argument_value(call, "over");
    pb_value *items = NULL;
    size_t at = 0;
    if (pb_value_kind(x) == PB_TENSOR || is_unsettled(x))
        return reduce_tensor(call, op, x, over, result, error);
    pb_status status = pb_argument_items(call, "x", &items, error);
    if (!status)
        status = extreme(call->interp, call->row->name, items, NULL, op == PB_ARGMAX, &at, error);
    if (!status)
        status = pb_value_integer((int64_t)at, result, error);
    pb_value_release(&items);
    return status;
}

static pb_status call_argmax(pb_call *call, pb_value **result, pb_error **error)
{
    return place_call(call, PB_ARGMAX, result, error);
}

static pb_status call_argmin(pb_call *call, pb_value **result, pb_error **error)
{
    return place_call(call, PB_ARGMIN, result, error);
}

/* ---- min, max: of a list, of several values, or of a tensor over axes ---- */

/* The items compared: those of the one argument, or the arguments themselves. */
static pb_status compared(pb_call *call, pb_value **items, pb_error **error)
{
    pb_list_builder list = {0};
    if (call->n_rest == 1)
        return pb_interp_items(call->interp, call->rest[0].value, items, error);
    for (size_t i = 0; i < call->n_rest; i++)
        pb_list_take(&list, pb_value_retain(call->rest[i].value));
    return pb_list_finish(&list, false, items, error);
}

/* Whether there are two numbers to compare place by place, one of them a tensor. */
static bool pairs_up(const pb_call *call)
{
    bool tensor = false;
    double number;
    for (size_t i = 0; call->n_rest == 2 && i < 2; i++) {
        const pb_tensor *one = pb_value_get_tensor(call->rest[i].value);
        tensor = tensor || (one && pb_tensor_rank(one) > 0);
        if (!one && !pb_value_scalar(call->rest[i].value, &number))
            return false;
    }
    return tensor;
}

static pb_status extreme_call(pb_call *call, bool largest, pb_value **result, pb_error **error)
{
    pb_value *items = NULL;
    size_t at = 0, n = call->n_rest;
    const pb_tensor *first = n > 0 ? pb_value_get_tensor(call->rest[0].value) : NULL;
    if (pairs_up(call))
        return pb_place_argument(call, NULL,
                                 pb_interp_binary(call->interp, largest ? PB_MAXIMUM : PB_MINIMUM,
                                                  call->rest[0].value, call->rest[1].value, result,
                                                  error),
                                 error);
    if ((n > 0 && is_unsettled(call->rest[0].value)) ||
        (first && (pb_tensor_rank(first) > 0 || n == 1)))
        return reduce_tensor(call, largest ? PB_MAX : PB_MIN, call->rest[0].value,
                             n > 1 ? call->rest[1].value : pb_argument_value(call, "over"), result,
                             error);
    pb_status status = compared(call, &items, error);
    if (!status)
        status = extreme(call->interp, call->row->name, items, pb_argument_value(call, "key"),
                         largest, &at, error);
    if (!status)
        *result = pb_value_retain(pb_list_item(items, at));
    pb_value_release(&items);
    return pb_place_argument(call, NULL, status, error);
}

static pb_status call_min(pb_call *call, pb_value **result, pb_error **error)
{
    return extreme_call(call, false, result, error);
}

static pb_status call_max(pb_call *call, pb_value **result, pb_error **error)
{
    return extreme_call(call, true, result, error);
}

/* ---- any, all ---- */

static pb_status decide(pb_call *call, bool every, pb_value **result, pb_error **error)
{
    const pb_value *x = pb_argument_value(call, "x"), *over = pb_argument_value(call, "over");
    pb_value *items = NULL;
    bool outcome = every;
    if (pb_value_kind(x) == PB_TENSOR || is_unsettled(x))
        return reduce_tensor(call, every ? PB_EVERY : PB_ANY, x, over, result, error);
    pb_status status = pb_argument_items(call, "x", &items, error);
    for (size_t i = 0; !status && outcome == every && i < pb_list_count(items); i++)
        status = pb_value_truth(pb_list_item(items, i), &outcome, error);
    pb_value_release(&items);
    return status ? status : pb_value_bool(outcome, result, error);
}

static pb_status call_any(pb_call *call, pb_value **result, pb_error **error)
{
    return decide(call, false, result, error);
}

static pb_status call_all(pb_call *call, pb_value **result, pb_error **error)
{
    return decide(call, true, result, error);
}

/* What most of these words take. */
static const pb_parameter over_group[] = {
    {.name = "x", .types = PB_TAKES_ANY, .what = "a tensor or a list"},
    {.name = "over",
     .types = PB_TAKES_STRING | PB_TAKES_LIST,
     .fallback = "None",
     .what = "the name of an axis, or a list of names"},
    {.name = NULL}};

/* What min() and max() take. */
static const pb_parameter extreme_group[] = {
    {.name = "x", .types = PB_TAKES_ANY, .mode = PB_PARAMETER_REST},
    {.name = "over",
     .types = PB_TAKES_STRING | PB_TAKES_LIST,
     .mode = PB_PARAMETER_KEYWORD,
     .fallback = "None",
     .what = "the name of an axis, or a list of names"},
    {.name = "key", .types = PB_TAKES_FUNCTION, .mode = PB_PARAMETER_KEYWORD, .fallback = "None"},
    {.name = NULL}};

const pb_builtin pb_builtins_reduce[] = {
    {.name = "sum",
     .category = "Many to one",
     .summary = "The sum of a tensor over axes, or of a list.",
     .doc = "Without axes, over everything. Sums of tensors are taken in double precision.",
     .result = "a number, or a tensor of the axes that are left",
     .example = "sum([1, 2, 3])",
     .expected = "6",
     .see = "mean norm",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY, .what = "a tensor or a list"},
                    {.name = "over", .types = PB_TAKES_ANY_NAME, .fallback = "None"}},
     .reduces = true,
     .function = call_sum},
    {.name = "mean",
     .category = "Many to one",
     .summary = "The mean of a tensor over axes, or of a list of numbers.",
     .result = "a number, or a tensor of the axes that are left",
     .example = "mean(tensor([[1, 2], [3, 4]], axes=[\"layer\", \"head\"]), \"head\").values",
     .expected = "[1.5, 3.5]",
     .see = "sum std",
     .also = {over_group},
     .reduces = true,
     .function = call_mean},
    {.name = "std",
     .category = "Many to one",
     .summary = "The standard deviation over axes, or of a list: the root of the mean squared "
                "distance from the mean.",
     .result = "a number, or a tensor of the axes that are left",
     .example = "std([1, 3])",
     .expected = "1.0",
     .see = "mean norm",
     .also = {over_group},
     .reduces = true,
     .function = call_std},
    {.name = "norm",
     .category = "Many to one",
     .summary = "The length of vectors along an axis: the root of the sum of squares.",
     .result = "a number, or a tensor of the axes that are left",
     .example = "norm([3, 4])",
     .expected = "5.0",
     .see = "dot std",
     .also = {over_group},
     .reduces = true,
     .function = call_norm},
    {.name = "argmax",
     .category = "Many to one",
     .summary = "Where the largest value is: its coordinate along an axis, its place in a list.",
     .result = "an integer, or a tensor of coordinates",
     .example = "argmax([1, 5, 2])",
     .expected = "1",
     .see = "max top",
     .also = {over_group},
     .reduces = true,
     .function = call_argmax},
    {.name = "argmin",
     .category = "Many to one",
     .summary = "Where the smallest value is: its coordinate along an axis, its place in a list.",
     .result = "an integer, or a tensor of coordinates",
     .example = "argmin([1, 5, 0])",
     .expected = "2",
     .see = "min top",
     .also = {over_group},
     .reduces = true,
     .function = call_argmin},
    {.name = "min",
     .category = "Many to one",
     .summary = "The smallest of a list, of several values, or of a tensor over axes.",
     .doc = "Of two tensors, or a tensor and a number, the smaller of the two at each place.",
     .result = "a value, or a tensor of the axes that are left",
     .example = "min(3, 1, 2)",
     .expected = "1",
     .see = "max argmin",
     .also = {extreme_group},
     .reduces = true,
     .function = call_min},
    {.name = "max",
     .category = "Many to one",
     .summary = "The largest of a list, of several values, or of a tensor over axes.",
     .doc = "Of two tensors, or a tensor and a number, the larger of the two at each place.",
     .result = "a value, or a tensor of the axes that are left",
     .example = "max([\"a\", \"ccc\", \"bb\"], key=len)",
     .expected = "'ccc'",
     .see = "min argmax top",
     .also = {extreme_group},
     .reduces = true,
     .function = call_max},
    {.name = "any",
     .category = "Many to one",
     .summary = "Whether one item at least is true.",
     .result = "True or False, or a tensor of the axes that are left",
     .example = "any(n > 2 for n in [1, 2, 3])",
     .expected = "True",
     .see = "all",
     .also = {over_group},
     .reduces = true,
     .function = call_any},
    {.name = "all",
     .category = "Many to one",
     .summary = "Whether every item is true. As pos=all it takes an axis whole.",
     .result = "True or False, or a tensor of the axes that are left",
     .example = "all([True, 1 < 2])",
     .expected = "True",
     .see = "any each",
     .also = {over_group},
     .reduces = true,
     .function = call_all},
    {0}};
