/* Words on tensors with named axes: making, arranging, multiplying, choosing. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "words.h"

/* ---- tensor([...], axes=[...]) ---- */

typedef struct pb_filling {
    size_t rank;
    size_t lengths[PB_MAX_RANK];
    float *data;
    size_t at;
    bool booleans;
} pb_filling;

/* The lengths of nested lists, from the first item of each. */
static pb_status measure(const pb_value *values, pb_filling *f, pb_error **error)
{
    f->rank = 0;
    for (const pb_value *at = values; pb_value_kind(at) == PB_LIST; at = pb_list_item(at, 0)) {
        if (f->rank == PB_MAX_RANK)
            return pb_fail(error, PB_LIMIT, "a tensor has at most %d axes", PB_MAX_RANK);
        f->lengths[f->rank++] = pb_list_count(at);
    }
    return PB_OK;
}

static pb_status fill(const pb_value *value, size_t depth, pb_filling *f, pb_error **error)
{
    char what[160];
    if (depth == f->rank) {
        if (pb_value_kind(value) != PB_NUMBER && pb_value_kind(value) != PB_BOOL)
            return pb_fail(error, PB_TYPE, "a tensor holds numbers, not %s",
                           pb_value_describe(value, what, sizeof what));
        f->booleans = f->booleans && pb_value_kind(value) == PB_BOOL;
        f->data[f->at++] = (float)pb_value_get_number(value);
        return PB_OK;
    }
    if (pb_value_kind(value) != PB_LIST || pb_list_count(value) != f->lengths[depth])
        return pb_fail(error, PB_VALUE,
                       "the lists are not equally long: one of %zu was expected, "
                       "there is %s",
                       f->lengths[depth], pb_value_describe(value, what, sizeof what));
    for (size_t i = 0; i < pb_list_count(value); i++) {
        pb_status status = fill(pb_list_item(value, i), depth + 1, f, error);
        if (status)
            return status;
    }
    return PB_OK;
}

static pb_status make_axes(pb_call *call, const pb_filling *f, pb_axis **axes, pb_error **error)
{
    const char *const *names = NULL, *const *labels = NULL;
    size_t count = 0, n_labels = 0;
    pb_status status = pb_argument_texts(call, "axes", &names, &count, error);
    if (!status && count != f->rank)
        status = pb_fail_argument(call, "axes", error, PB_VALUE,
                                  "these values need %zu axis name%s, got %zu", f->rank,
                                  f->rank == 1 ? "" : "s", count);
    if (!status)
        status = pb_argument_texts(call, "labels", &labels, &n_labels, error);
    if (!status && labels && (f->rank != 1 || n_labels != f->lengths[0]))
        status = pb_fail_argument(call, "labels", error, PB_VALUE,
                                  "labels are for one axis, one label for each value");
    for (size_t i = 0; !status && i < f->rank; i++)
        status = pb_axis_create(names[i], f->lengths[i], NULL, labels, &axes[i], error);
    free((void *)names);
    free((void *)labels);
    return status;
}

static pb_status call_tensor(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *values = pb_argument_value(call, "values");
    pb_filling f = {.booleans = true};
    pb_axis *axes[PB_MAX_RANK] = {0};
    pb_tensor *tensor = NULL;
    pb_status status = measure(values, &f, error);
    if (!status)
        status = make_axes(call, &f, axes, error);
    if (!status)
        status = pb_tensor_create(f.rank, axes, &tensor, &f.data, error);
    if (!status)
        status = fill(values, 0, &f, error);
    for (size_t i = 0; i < f.rank; i++)
        pb_axis_release(&axes[i]);
    if (!status) {
        if (f.booleans && f.at > 0)
            pb_tensor_mark_boolean(tensor);
        return pb_value_take_tensor(&tensor, NULL, result, error);
    }
    pb_tensor_release(&tensor);
    return pb_place_argument(call, "values", status, error);
}

/* ---- softmax, dot ---- */

static pb_status softmax(pb_call *call, bool logarithm, pb_value **result, pb_error **error)
{
    const pb_value *x = pb_argument_value(call, "x");
    const pb_tensor *tensor = pb_value_get_tensor(x);
    const char *over = pb_argument_text(call, "over");
    pb_tensor *made = NULL;
    if (!over && pb_tensor_rank(tensor) != 1)
        return pb_fail_argument(call, NULL, error, PB_TYPE,
                                "%s() needs over=, the axis its values sum to one along",
                                call->row->name);
    pb_status status =
        pb_tensor_softmax(tensor, over ? over : pb_axis_name(pb_tensor_axis(tensor, 0)), logarithm,
                          pb_call_watch(call), &made, error);
    pb_meta meta = {.model = pb_value_meta(x)->model, .units = logarithm ? "nats" : NULL};
    return !status ? pb_value_take_tensor(&made, &meta, result, error)
                   : pb_place_argument(call, "over", status, error);
}

static pb_status call_softmax(pb_call *call, pb_value **result, pb_error **error)
{
    return softmax(call, false, result, error);
}

static pb_status call_log_softmax(pb_call *call, pb_value **result, pb_error **error)
{
    return softmax(call, true, result, error);
}

/* What a product of two weights reads and what it writes are not the same place of an axis of
 * features: lining them up gives the diagonal of what was asked for. */
static pb_status check_repeats(const pb_call *call, const pb_tensor *a, const pb_tensor *b,
                               size_t count, const char *const *over, pb_error **error)
{
    static const char *const features[] = {"d_model", "d_head", "d_mlp", "token"};
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        const char *name = features[i];
        bool summed = false;
        for (size_t k = 0; k < count; k++)
            summed = summed || strcmp(over[k], name) == 0;
        if (summed || pb_tensor_find_axis(a, name) < 0 || pb_tensor_find_axis(b, name) < 0)
            continue;
        pb_status status = pb_fail_argument(
            call, NULL, error, PB_VALUE,
            "both sides have the axis %s, which the result cannot have twice", name);
        if (error && *error && count == 1)
            pb_error_hint(*error,
                          "dot(a, rename(b, %s=\"%s_2\"), over=\"%s\") keeps both; "
                          "(a * b).sum(over=\"%s\") pairs them up one to one",
                          name, name, over[0], over[0]);
        else if (error && *error)
            pb_error_hint(*error,
                          "rename(b, %s=\"%s_2\") keeps both; (a * b).sum(over=[...]) pairs them "
                          "up one to one",
                          name, name);
        return status;
    }
    return PB_OK;
}

static pb_status call_dot(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *a = pb_argument_value(call, "a"), *b = pb_argument_value(call, "b");
    const char *const *names = NULL;
    size_t count = 0;
    pb_tensor *made = NULL;
    pb_status status = pb_check_models(a, b, error);
    if (!status)
        status = pb_argument_texts(call, "over", &names, &count, error);
    if (!status)
        status = check_repeats(call, pb_value_get_tensor(a), pb_value_get_tensor(b), count, names,
                               error);
    if (!status)
        status = pb_tensor_dot(pb_value_get_tensor(a), pb_value_get_tensor(b), count, names,
                               pb_call_watch(call), &made, error);
    free((void *)names);
    return !status ? pb_combine_tensors(PB_MUL, a, b, &made, result, error)
                   : pb_place_argument(call, NULL, status, error);
}

/* ---- rename, transpose, stack ---- */

/* What arranging does to a result's numbers, and to the fields that run along its axes. */
typedef struct arranging {
    const char *from, *to;    /* rename */
    const char *const *order; /* transpose: of so many axes */
    size_t rank;
    pb_axis *axis; /* stack: the new one, of `count` */
    size_t count;
    const pb_watch *watch;
} arranging;

static pb_status apply_rename(const void *data, const pb_field *field, const pb_tensor *const *of,
                              pb_tensor **result, pb_error **error)
{
    const arranging *how = data;
    (void)field;
    if (pb_tensor_find_axis(of[0], how->from) >= 0)
        return pb_tensor_rename(of[0], how->from, how->to, result, error);
    *result = pb_tensor_retain((pb_tensor *)of[0]);
    return PB_OK;
}

static pb_status rename_once(const pb_value *value, const char *from, const char *to,
                             pb_value **result, pb_error **error)
{
    pb_tensor *made = NULL;
    const arranging how = {.from = from, .to = to};
    const pb_operation operation = {
        .apply = apply_rename, .how = &how, .arranges = true, .from = from, .to = to};
    pb_status status = pb_tensor_rename(pb_value_get_tensor(value), from, to, &made, error);
    return status
               ? status
               : pb_value_carry(&operation, 1, &value, pb_value_meta(value), &made, result, error);
}

/* rename(t, pos="query"): the names given are the old ones. */
static pb_status call_rename(pb_call *call, pb_value **result, pb_error **error)
{
    pb_value *value = pb_value_retain(pb_argument_value(call, "x"));
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < call->n_rest; i++) {
        pb_value *renamed = NULL;
        status = rename_once(value, call->rest[i].name,
                             pb_value_get_text(call->rest[i].value, NULL), &renamed, error);
        pb_value_release(&value);
        value = renamed;
    }
    *result = value;
    return status;
}

/* A field over fewer axes has no order to follow: axes are found by their names. */
static pb_status apply_transpose(const void *data, const pb_field *field,
                                 const pb_tensor *const *of, pb_tensor **result, pb_error **error)
{
    const arranging *how = data;
    (void)field;
    if (pb_tensor_rank(of[0]) == how->rank)
        return pb_tensor_transpose(of[0], how->order, how->watch, result, error);
    *result = pb_tensor_retain((pb_tensor *)of[0]);
    return PB_OK;
}

static pb_status call_transpose(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *x = pb_argument_value(call, "x");
    size_t rank = pb_tensor_rank(pb_value_get_tensor(x)), count = 0;
    const char *const *names = NULL;
    pb_tensor *made = NULL;
    pb_status status = pb_argument_texts(call, "axes", &names, &count, error);
    if (!status && count != rank)
        status = pb_fail_argument(call, "axes", error, PB_VALUE,
                                  "the new order names all %zu axes, this names %zu", rank, count);
    if (!status)
        status =
            pb_tensor_transpose(pb_value_get_tensor(x), names, pb_call_watch(call), &made, error);
    const arranging how = {.order = names, .rank = rank, .watch = pb_call_watch(call)};
    const pb_operation operation = {.apply = apply_transpose, .how = &how, .arranges = true};
    if (!status)
        status = pb_value_carry(&operation, 1, &x, pb_value_meta(x), &made, result, error);
    free((void *)names);
    return pb_place_argument(call, "axes", status, error);
}

/* The same field of each result along the new axis, if they run along the same places. */
static pb_status apply_stack(const void *data, const pb_field *field, const pb_tensor *const *of,
                             pb_tensor **result, pb_error **error)
{
    const arranging *how = data;
    pb_error *fault = NULL;
    (void)field;
    for (size_t i = 0; i < how->count; i++)
        if (!of[i])
            return PB_OK;
    pb_status status = pb_tensor_stack(how->axis, of, how->watch, result, &fault);
    if (status == PB_MEMORY || status == PB_INTERRUPTED) {
        if (error)
            *error = fault;
        else
            pb_error_destroy(&fault);
        return status;
    }
    pb_error_destroy(&fault); /* they do not line up: the whole has none */
    return PB_OK;
}

static pb_status carry_stacked(const pb_value *list, const arranging *how, pb_tensor **tensor,
                               pb_value **result, pb_error **error)
{
    const pb_operation operation = {.apply = apply_stack, .how = how, .arranges = true};
    pb_meta meta = *pb_value_meta(pb_list_item(list, 0));
    const pb_value **items = pb_calloc(how->count, sizeof *items);
    if (!items) {
        pb_tensor_release(tensor);
        return pb_fail_memory(error);
    }
    for (size_t i = 0; i < how->count; i++) {
        const pb_meta *own = pb_value_meta(pb_list_item(list, i));
        items[i] = pb_list_item(list, i);
        if (own->look != meta.look)
            meta.look = NULL;
        if (!own->units || !meta.units || strcmp(own->units, meta.units) != 0)
            meta.units = NULL;
    }
    pb_status status = pb_value_carry(&operation, how->count, items, &meta, tensor, result, error);
    free(items);
    return status;
}

static pb_status gather_parts(const pb_value *list, const pb_tensor **parts, pb_error **error)
{
    char what[160];
    for (size_t i = 0; i < pb_list_count(list); i++) {
        const pb_value *item = pb_list_item(list, i);
        parts[i] = pb_value_get_tensor(item);
        if (!parts[i])
            return pb_fail(error, PB_TYPE, "stack() joins tensors; item %zu is %s", i,
                           pb_value_describe(item, what, sizeof what));
        pb_status status = pb_check_models(pb_list_item(list, 0), item, error);
        if (status)
            return status;
    }
    return PB_OK;
}

static pb_status call_stack(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *list = pb_argument_value(call, "tensors");
    size_t count = pb_list_count(list), n_labels = 0;
    const char *const *labels = NULL;
    pb_axis *axis = NULL;
    pb_tensor *made = NULL;
    if (count == 0)
        return pb_fail_argument(call, "tensors", error, PB_VALUE, "there is nothing to stack");
    const pb_tensor **parts = pb_calloc(count, sizeof *parts);
    pb_status status = parts ? gather_parts(list, parts, error) : pb_fail_memory(error);
    if (!status)
        status = pb_argument_texts(call, "labels", &labels, &n_labels, error);
    if (!status && labels && n_labels != count)
        status = pb_fail_argument(call, "labels", error, PB_VALUE,
                                  "%zu tensors need as many labels, got %zu", count, n_labels);
    if (!status)
        status = pb_axis_create(pb_argument_text(call, "axis"), count, NULL, labels, &axis, error);
    if (!status)
        status = pb_tensor_stack(axis, parts, pb_call_watch(call), &made, error);
    if (!status) {
        const arranging how = {.axis = axis, .count = count, .watch = pb_call_watch(call)};
        status = carry_stacked(list, &how, &made, result, error);
    }
    pb_axis_release(&axis);
    free((void *)labels);
    free(parts);
    return pb_place_argument(call, "tensors", status, error);
}

/* ---- where, check ---- */

/* A number as a tensor without axes, or the tensor itself, retained. */
static pb_status as_tensor(const pb_value *value, pb_tensor **tensor, pb_error **error)
{
    float number = (float)pb_value_get_number(value);
    if (pb_value_kind(value) == PB_TENSOR) {
        *tensor = pb_tensor_retain(pb_value_get_tensor(value));
        return PB_OK;
    }
    return pb_tensor_from(0, NULL, &number, tensor, error);
}

static pb_status where_tensor(const pb_call *call, const pb_value *condition, const pb_value *a,
                              const pb_value *b, pb_value **result, pb_error **error)
{
    pb_tensor *x = NULL, *y = NULL, *made = NULL;
    pb_status status = as_tensor(a, &x, error);
    if (!status)
        status = as_tensor(b, &y, error);
    if (!status)
        status = pb_tensor_where(pb_value_get_tensor(condition), x, y, pb_call_watch(call), &made,
                                 error);
    pb_tensor_release(&x);
    pb_tensor_release(&y);
    const pb_value *like = pb_value_kind(a) == PB_TENSOR ? a : b;
    if (status)
        return status;
    return pb_value_kind(like) == PB_TENSOR ? pb_value_retag(like, &made, result, error)
                                            : pb_value_take_tensor(&made, NULL, result, error);
}

static pb_status where_cells(const pb_call *call, const pb_value *mask, const pb_value *a,
                             const pb_value *b, pb_value **result, pb_error **error)
{
    size_t count = pb_list_count(mask);
    pb_value *yes = NULL, *no = NULL;
    pb_list_builder out = {.keeper = call->keeper};
    out.status = pb_value_as_column(call->keeper, a, count, &yes, &out.error);
    if (!out.status)
        out.status = pb_value_as_column(call->keeper, b, count, &no, &out.error);
    if (!out.status && (pb_list_count(yes) != count || pb_list_count(no) != count))
        out.status =
            pb_fail(&out.error, PB_VALUE, "where() lines up %zu conditions with %zu and %zu values",
                    count, pb_list_count(yes), pb_list_count(no));
    for (size_t i = 0; !out.status && i < count; i++) {
        bool truth = false;
        out.status = pb_value_truth(pb_list_item(mask, i), &truth, &out.error);
        pb_list_take(&out, pb_value_retain(pb_list_item(truth ? yes : no, i)));
    }
    pb_value_release(&yes);
    pb_value_release(&no);
    return pb_list_finish(&out, true, result, error);
}

static bool is_numeric(const pb_value *value)
{
    pb_kind kind = pb_value_kind(value);
    return kind == PB_TENSOR || kind == PB_NUMBER || kind == PB_BOOL;
}

static pb_status call_where(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *condition = pb_argument_value(call, "condition");
    const pb_value *a = pb_argument_value(call, "a"), *b = pb_argument_value(call, "b");
    pb_value *mask = NULL;
    bool truth;
    pb_status status;
    if (pb_value_kind(condition) == PB_TENSOR && is_numeric(a) && is_numeric(b))
        return pb_place_argument(call, NULL, where_tensor(call, condition, a, b, result, error),
                                 error);
    if (pb_value_kind(condition) != PB_TENSOR && pb_value_kind(condition) != PB_LIST) {
        status = pb_value_truth(condition, &truth, error);
        if (!status)
            *result = pb_value_retain(truth ? a : b);
        return status;
    }
    status = pb_value_as_column(call->keeper, condition, 0, &mask, error);
    if (!status)
        status = where_cells(call, mask, a, b, result, error);
    pb_value_release(&mask);
    return pb_place_argument(call, NULL, status, error);
}

/* Truth, item by item: what a table shows as a tick or a cross. */
static pb_status call_check(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *x = pb_argument_value(call, "condition");
    pb_value *cells = NULL;
    pb_list_builder out = {.keeper = call->keeper};
    bool truth;
    if (pb_value_kind(x) != PB_LIST && pb_value_kind(x) != PB_TENSOR) {
        pb_status status = pb_value_truth(x, &truth, error);
        return status ? status : pb_value_bool(truth, result, error);
    }
    out.status = pb_value_as_column(call->keeper, x, 0, &cells, &out.error);
    for (size_t i = 0; !out.status && i < pb_list_count(cells); i++) {
        pb_value *cell = NULL;
        out.status = pb_value_truth(pb_list_item(cells, i), &truth, &out.error);
        if (!out.status)
            out.status = pb_value_bool(truth, &cell, &out.error);
        pb_list_take(&out, cell);
    }
    pb_value_release(&cells);
    return pb_place_argument(call, "condition", pb_list_finish(&out, true, result, error), error);
}

const pb_builtin pb_builtins_tensor[] = {
    {.name = "tensor",
     .category = "Tensors",
     .summary = "A tensor of nested lists of numbers, with names for its axes.",
     .result = "a tensor",
     .example = "tensor([[1, 2], [3, 4]], axes=[\"layer\", \"head\"])[layer=1].values",
     .expected = "[3.0, 4.0]",
     .see = "stack rename",
     .parameters = {{.name = "values", .types = PB_TAKES_LIST},
                    {.name = "axes",
                     .types = PB_TAKES_STRING | PB_TAKES_LIST,
                     .what = "the name of an axis, or a list of names"},
                    {.name = "labels",
                     .types = PB_TAKES_LIST,
                     .fallback = "None",
                     .what = "a list of strings"}},
     .function = call_tensor},
    {.name = "softmax",
     .category = "Tensors",
     .summary = "exp(x) over its sum along an axis: logits as probabilities.",
     .result = "a tensor of the same axes",
     .example = "softmax(tensor([0, 0], axes=\"token\")).values",
     .expected = "[0.5, 0.5]",
     .see = "log_softmax exp",
     .parameters = {{.name = "x", .types = PB_TAKES_TENSOR},
                    {.name = "over", .types = PB_TAKES_STRING, .fallback = "None"}},
     .function = call_softmax},
    {.name = "log_softmax",
     .category = "Tensors",
     .summary = "The logarithm of softmax: logits as log probabilities.",
     .result = "a tensor of the same axes",
     .example = "exp(log_softmax(tensor([0, 0], axes=\"token\"))).values",
     .expected = "[0.5, 0.5]",
     .see = "softmax",
     .parameters = {{.name = "x", .types = PB_TAKES_TENSOR},
                    {.name = "over", .types = PB_TAKES_STRING, .fallback = "None"}},
     .function = call_log_softmax},
    {.name = "dot",
     .category = "Tensors",
     .summary = "The sum of a * b over named axes; the other axes both have are lined up.",
     .doc = "dot(a, b, over=\"d_model\")[i, j] = sum over d of a[i, d] * b[j, d].\n\nAn axis of "
            "features (d_model, d_head, d_mlp, token) that both have must be summed over, or "
            "renamed in one: `dot(model.W_V[layer=0, head=1], rename(model.W_O[layer=0, head=1], "
            "d_model=\"out\"), over=\"d_head\")` is the matrix from d_model to out.",
     .result = "a number, or a tensor of the axes that are left",
     .example = "dot(tensor([1, 2], axes=\"d\"), tensor([3, 4], axes=\"d\"), over=\"d\")",
     .expected = "11.0",
     .see = "norm rename",
     .parameters = {{.name = "a", .types = PB_TAKES_TENSOR},
                    {.name = "b", .types = PB_TAKES_TENSOR},
                    {.name = "over",
                     .types = PB_TAKES_STRING | PB_TAKES_LIST,
                     .what = "the name of an axis, or a list of names"}},
     .function = call_dot},
    {.name = "rename",
     .category = "Tensors",
     .summary = "A tensor with other names for its axes: rename(t, old=\"new\").",
     .result = "a tensor",
     .example = "tensor([1, 2], axes=\"pos\").rename(pos=\"query\").axes",
     .expected = "['query']",
     .see = "transpose dot",
     .signature = "(x, old=\"new\", ...)",
     .parameters = {{.name = "x", .types = PB_TAKES_TENSOR},
                    {.name = "names", .types = PB_TAKES_STRING, .mode = PB_PARAMETER_NAMED}},
     .function = call_rename},
    {.name = "transpose",
     .category = "Tensors",
     .summary = "A tensor with its axes in another order.",
     .result = "a tensor",
     .example = "tensor([[1, 2], [3, 4]], axes=[\"a\", \"b\"]).transpose([\"b\", \"a\"]).values",
     .expected = "[[1.0, 3.0], [2.0, 4.0]]",
     .see = "rename",
     .parameters = {{.name = "x", .types = PB_TAKES_TENSOR},
                    {.name = "axes",
                     .types = PB_TAKES_STRING | PB_TAKES_LIST,
                     .what = "the name of an axis, or a list of names"}},
     .function = call_transpose},
    {.name = "stack",
     .category = "Tensors",
     .summary = "Tensors of the same axes along a new first one.",
     .result = "a tensor",
     .example = "stack([tensor([1, 2], axes=\"pos\"), tensor([3, 4], axes=\"pos\")], "
                "axis=\"prompt\").axes",
     .expected = "['prompt', 'pos']",
     .see = "tensor",
     .parameters = {{.name = "tensors", .types = PB_TAKES_LIST, .what = "a list of tensors"},
                    {.name = "axis", .types = PB_TAKES_STRING, .fallback = "\"item\""},
                    {.name = "labels",
                     .types = PB_TAKES_LIST,
                     .fallback = "None",
                     .what = "a list of strings"}},
     .function = call_stack},
    {.name = "where",
     .category = "Tensors",
     .summary = "a where the condition is true, b elsewhere, value by value.",
     .result = "a tensor or a column as long as the condition",
     .example = "where(table(n=[1, 5]).n > 3, \"many\", \"few\")",
     .expected = "['few', 'many']",
     .see = "check",
     .parameters = {{.name = "condition", .types = PB_TAKES_ANY, .what = "a mask"},
                    {.name = "a", .types = PB_TAKES_ANY},
                    {.name = "b", .types = PB_TAKES_ANY}},
     .function = call_where},
    {.name = "check",
     .category = "Tensors",
     .summary = "Whether a condition holds, item by item; a table shows ticks and crosses.",
     .result = "True or False, or a column of those",
     .example = "check(table(n=[1, 5]).n > 3)",
     .expected = "[False, True]",
     .see = "where all",
     .parameters = {{.name = "condition", .types = PB_TAKES_ANY, .what = "a condition"}},
     .function = call_check},
    {0}};
