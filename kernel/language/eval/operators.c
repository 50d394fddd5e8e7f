/* What each operator means for each pair of kinds. */
#include "operators.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "value/text.h"

static const struct {
    const char *text;
    int binary; /* a pb_binary, or -1 */
} operator_names[] = {
    [PB_OP_ADD] = {"+", PB_ADD},
    [PB_OP_SUB] = {"-", PB_SUB},
    [PB_OP_MUL] = {"*", PB_MUL},
    [PB_OP_DIV] = {"/", PB_DIV},
    [PB_OP_FLOORDIV] = {"//", PB_FLOORDIV},
    [PB_OP_MOD] = {"%", PB_MOD},
    [PB_OP_POW] = {"**", PB_POW},
    [PB_OP_EQ] = {"==", PB_EQ},
    [PB_OP_NE] = {"!=", PB_NE},
    [PB_OP_LT] = {"<", PB_LT},
    [PB_OP_LE] = {"<=", PB_LE},
    [PB_OP_GT] = {">", PB_GT},
    [PB_OP_GE] = {">=", PB_GE},
    [PB_OP_IN] = {"in", -1},
    [PB_OP_NOT_IN] = {"not in", -1},
    [PB_OP_IS] = {"is", -1},
    [PB_OP_IS_NOT] = {"is not", -1},
    [PB_OP_BIT_AND] = {"&", PB_AND},
    [PB_OP_BIT_OR] = {"|", PB_OR},
    [PB_OP_BIT_XOR] = {"^", PB_NE},
    [PB_OP_SHIFT_LEFT] = {"<<", -1},
    [PB_OP_SHIFT_RIGHT] = {">>", -1},
    [PB_OP_NEGATE] = {"-", -1},
    [PB_OP_PLUS] = {"+", -1},
    [PB_OP_NOT] = {"not", -1},
    [PB_OP_INVERT] = {"~", -1},
};

const char *pb_operator_text(pb_operator op)
{
    return operator_names[op].text;
}

bool pb_operator_binary(pb_operator op, pb_binary *binary)
{
    if (operator_names[op].binary < 0)
        return false;
    *binary = (pb_binary)operator_names[op].binary;
    return true;
}

bool pb_is_elementwise(const pb_value *value)
{
    return pb_value_kind(value) == PB_TENSOR || pb_list_is_column(value);
}

static bool is_number(const pb_value *value)
{
    return pb_value_kind(value) == PB_NUMBER || pb_value_kind(value) == PB_BOOL;
}

/* ---- faults ---- */

static const char *verb(pb_operator op)
{
    switch (op) {
    case PB_OP_ADD: return "added";
    case PB_OP_SUB: return "subtracted";
    case PB_OP_MUL: return "multiplied";
    case PB_OP_DIV:
    case PB_OP_FLOORDIV: return "divided";
    case PB_OP_LT:
    case PB_OP_LE:
    case PB_OP_GT:
    case PB_OP_GE: return "ordered";
    default: return NULL;
    }
}

static void hint_for_operands(pb_operator op, const pb_value *a, const pb_value *b,
                              pb_error **error)
{
    bool text = pb_value_kind(a) == PB_STRING || pb_value_kind(b) == PB_STRING;
    bool list = pb_value_kind(a) == PB_LIST || pb_value_kind(b) == PB_LIST;
    bool function = pb_value_is_callable(a) || pb_value_is_callable(b);
    if (!error || !*error)
        return;
    if (text && op == PB_OP_ADD && (is_number(a) || is_number(b)))
        pb_error_hint(*error, "str(x) turns a number into text, and f\"... {x}\" writes it inside "
                              "a string");
    else if (text && op == PB_OP_MOD)
        pb_error_hint(*error, "write values into a string with f\"... {x}\"");
    else if (list && (is_number(a) || is_number(b)))
        pb_error_hint(*error, "a comprehension works on each item: [x * 2 for x in xs]");
    else if (op == PB_OP_ADD && pb_value_kind(a) == PB_RECORD && pb_value_kind(b) == PB_RECORD)
        pb_error_hint(*error, "a | b joins two records");
    else if (function)
        pb_error_hint(*error, "call the function first: f(x)");
}

static pb_status unsupported(pb_operator op, const pb_value *a, const pb_value *b, pb_error **error)
{
    char left[160], right[160];
    pb_value_describe(a, left, sizeof left);
    pb_value_describe(b, right, sizeof right);
    if (verb(op))
        pb_fail(error, PB_TYPE, "%s and %s cannot be %s", left, right, verb(op));
    else
        pb_fail(error, PB_TYPE, "%s does not go with %s and %s", pb_operator_text(op), left, right);
    hint_for_operands(op, a, b, error);
    return PB_TYPE;
}

/* ---- strings and lists ---- */

static pb_status join_texts(const pb_value *a, const pb_value *b, pb_value **result,
                            pb_error **error)
{
    pb_buffer out = PB_BUFFER_EMPTY;
    size_t length;
    const char *text = pb_value_get_text(a, &length);
    pb_buffer_append(&out, text, length);
    text = pb_value_get_text(b, &length);
    pb_buffer_append(&out, text, length);
    return pb_value_take_buffer(&out, result, error);
}

pb_status pb_join_lists(pb_interp *interp, const pb_value *a, const pb_value *b, pb_value **result,
                        pb_error **error)
{
    pb_list_builder out = {.keeper = pb_interp_keeper(interp)};
    pb_list_take_items(&out, a, 0, pb_list_count(a));
    pb_list_take_items(&out, b, 0, pb_list_count(b));
    return pb_list_finish(&out, pb_list_is_column(a) && pb_list_is_column(b), result, error);
}

static pb_status repeat_text(const pb_value *value, double times, pb_value **result,
                             pb_error **error)
{
    size_t length;
    const char *text = pb_value_get_text(value, &length);
    pb_buffer out = PB_BUFFER_EMPTY;
    pb_status status = pb_string_fits(times > 0 ? (double)length * times : 0, error);
    if (status)
        return status;
    if (length == 0 || times <= 0)
        return pb_value_take_buffer(&out, result, error);
    /* makes one block of repetitions, then copies that block as often as needed */
    size_t total = (size_t)times, in_block = 1 + 65536 / length;
    in_block = in_block < total ? in_block : total;
    pb_buffer block = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < in_block; i++)
        pb_buffer_append(&block, text, length);
    for (size_t i = 0; i < total / in_block && block.data; i++)
        pb_buffer_append(&out, block.data, block.length);
    if (block.data)
        pb_buffer_append(&out, block.data, total % in_block * length);
    out.failed = out.failed || block.failed;
    pb_buffer_free(&block);
    return pb_value_take_buffer(&out, result, error);
}

static pb_status repeat_list(pb_interp *interp, const pb_value *list, double times,
                             pb_value **result, pb_error **error)
{
    pb_list_builder out = {.keeper = pb_interp_keeper(interp)};
    size_t count = pb_list_count(list);
    for (double i = 0; !out.status && count > 0 && i < times; i++)
        pb_list_take_items(&out, list, 0, count);
    return pb_list_finish(&out, false, result, error);
}

static pb_status repeat(pb_interp *interp, const pb_value *a, const pb_value *b, pb_value **result,
                        pb_error **error)
{
    const pb_value *times = pb_value_is_integer(b) ? b : a;
    const pb_value *what = times == b ? a : b;
    double count = pb_value_get_number(times);
    return pb_value_kind(what) == PB_STRING ? repeat_text(what, count, result, error)
                                            : repeat_list(interp, what, count, result, error);
}

static bool is_sequence(const pb_value *value)
{
    return pb_value_kind(value) == PB_STRING || pb_value_kind(value) == PB_LIST;
}

/* ---- in ---- */

static pb_status text_contains(pb_interp *interp, const pb_value *text, const pb_value *part,
                               bool *found, pb_error **error)
{
    size_t length, wanted, at;
    const char *bytes = pb_value_get_text(text, &length);
    const char *sought = pb_value_get_text(part, &wanted);
    pb_status status =
        pb_find_text(pb_interp_keeper(interp), bytes, length, 0, sought, wanted, &at, error);
    *found = wanted == 0 || at != SIZE_MAX;
    return status;
}

static pb_status contains(pb_interp *interp, const pb_value *item, const pb_value *whole,
                          bool *found, pb_error **error)
{
    char what[160];
    *found = false;
    if (pb_value_kind(whole) == PB_STRING) {
        if (pb_value_kind(item) != PB_STRING)
            return pb_fail(error, PB_TYPE, "only a string can be in a string, not %s",
                           pb_value_describe(item, what, sizeof what));
        return text_contains(interp, whole, item, found, error);
    }
    if (pb_value_kind(whole) == PB_RECORD) {
        const char *name = pb_value_get_text(item, NULL);
        *found = name && !pb_value_check_names(item, NULL) && pb_record_find(whole, name);
        return PB_OK;
    }
    pb_value *items = NULL;
    pb_comparison comparison = {.keeper = pb_interp_keeper(interp), .error = error};
    comparison.status = pb_interp_items(interp, whole, &items, error);
    for (size_t i = 0; !comparison.status && !*found && i < pb_list_count(items); i++)
        *found = pb_comparison_equal(&comparison, pb_list_item(items, i), item);
    pb_value_release(&items);
    return comparison.status;
}

/* ---- dispatch ---- */

static pb_status compare_order(pb_interp *interp, pb_operator op, const pb_value *a,
                               const pb_value *b, pb_value **result, pb_error **error)
{
    int order;
    pb_error *fault = NULL;
    pb_status status = pb_value_compare(pb_interp_keeper(interp), a, b, &order, &fault);
    if (status == PB_INTERRUPTED) {
        pb_error_destroy(&fault);
        return pb_interp_check(interp, error);
    }
    pb_error_destroy(&fault);
    if (status)
        return unsupported(op, a, b, error);
    bool holds = op == PB_OP_LT   ? order < 0
                 : op == PB_OP_LE ? order <= 0
                 : op == PB_OP_GT ? order > 0
                                  : order >= 0;
    return pb_value_bool(holds, result, error);
}

static pb_status equality(pb_interp *interp, const pb_value *a, const pb_value *b, bool wanted,
                          pb_value **result, pb_error **error)
{
    pb_comparison comparison = {.keeper = pb_interp_keeper(interp), .error = error};
    bool equal = pb_comparison_equal(&comparison, a, b);
    return !comparison.status ? pb_value_bool(equal == wanted, result, error) : comparison.status;
}

static pb_status by_object(pb_interp *interp, pb_operator op, const pb_value *a, const pb_value *b,
                           pb_value **result, pb_error **error)
{
    const pb_object_type *types[] = {pb_value_object_type(a), pb_value_object_type(b)};
    pb_binary binary;
    if (!pb_operator_binary(op, &binary))
        return PB_OK;
    for (size_t i = 0; i < 2; i++) {
        if (!types[i] || !types[i]->binary)
            continue;
        pb_status status = types[i]->binary(interp, binary, a, b, result, error);
        if (status || *result)
            return status;
    }
    return PB_OK;
}

/* `is` compares None and booleans as people write it, and otherwise identity. */
static bool identical(const pb_value *a, const pb_value *b)
{
    if (a == b)
        return true;
    pb_kind kind = pb_value_kind(a);
    return kind == pb_value_kind(b) && (kind == PB_NONE || kind == PB_BOOL) && pb_value_equal(a, b);
}

static bool is_arithmetic(pb_operator op)
{
    return op <= PB_OP_GE || (op >= PB_OP_BIT_AND && op <= PB_OP_SHIFT_RIGHT);
}

pb_status pb_apply_operator(pb_interp *interp, pb_operator op, const pb_value *a, const pb_value *b,
                            pb_value **result, pb_error **error)
{
    bool found;
    *result = NULL;
    if (op == PB_OP_IN || op == PB_OP_NOT_IN) {
        pb_status status = contains(interp, a, b, &found, error);
        return status ? status : pb_value_bool(found == (op == PB_OP_IN), result, error);
    }
    if (op == PB_OP_IS || op == PB_OP_IS_NOT)
        return pb_value_bool(identical(a, b) == (op == PB_OP_IS), result, error);
    pb_status status = by_object(interp, op, a, b, result, error);
    if (status || *result)
        return status;
    if (is_arithmetic(op) && (pb_is_elementwise(a) || pb_is_elementwise(b)))
        return pb_elementwise_operator(interp, op, a, b, result, error);
    if (op == PB_OP_EQ || op == PB_OP_NE)
        return equality(interp, a, b, op == PB_OP_EQ, result, error);
    if (op >= PB_OP_LT && op <= PB_OP_GE)
        return compare_order(interp, op, a, b, result, error);
    if (is_number(a) && is_number(b))
        return pb_number_operator(op, a, b, result, error);
    if (op == PB_OP_ADD && pb_value_kind(a) == PB_STRING && pb_value_kind(b) == PB_STRING)
        return join_texts(a, b, result, error);
    if (op == PB_OP_ADD && pb_value_kind(a) == PB_LIST && pb_value_kind(b) == PB_LIST)
        return pb_join_lists(interp, a, b, result, error);
    if (op == PB_OP_BIT_OR && pb_value_kind(a) == PB_RECORD && pb_value_kind(b) == PB_RECORD)
        return pb_join_records(interp, a, b, result, error);
    if (op == PB_OP_MUL &&
        ((is_sequence(a) && pb_value_is_integer(b)) || (is_sequence(b) && pb_value_is_integer(a))))
        return repeat(interp, a, b, result, error);
    return unsupported(op, a, b, error);
}

/* ---- unary ---- */

static pb_status unary_number(pb_operator op, const pb_value *a, pb_value **result,
                              pb_error **error)
{
    double number = pb_value_get_number(a);
    if (op == PB_OP_NEGATE)
        return pb_value_number(pb_value_is_integer(a) && number == 0 ? 0 : -number,
                               pb_value_precision(a), result, error);
    if (op == PB_OP_PLUS)
        return pb_value_number(number, pb_value_precision(a), result, error);
    if (pb_value_kind(a) == PB_BOOL)
        return pb_value_bool(!pb_value_get_bool(a), result, error);
    if (pb_value_is_integer(a))
        return pb_value_number(-number - 1, PB_INTEGER, result, error);
    return pb_fail(error, PB_TYPE, "~ wants an integer or a mask, not a number with a fraction");
}

static pb_status apply_negative(const void *how, const pb_field *field, const pb_tensor *const *of,
                                pb_tensor **result, pb_error **error)
{
    if (field->kind != PB_FIELD_APART)
        return pb_tensor_unary(PB_NEGATE, of[0], how, result, error);
    *result = pb_tensor_retain((pb_tensor *)of[0]);
    return PB_OK;
}

static void say_negative(const void *how, const char *const *captions, pb_buffer *out)
{
    (void)how;
    pb_buffer_format(out, "Negative of: %s", captions[0]);
}

static pb_status unary_tensor(pb_interp *interp, pb_operator op, const pb_value *a,
                              pb_value **result, pb_error **error)
{
    pb_tensor *tensor = NULL;
    if (op == PB_OP_PLUS) {
        *result = pb_value_retain(a);
        return PB_OK;
    }
    if (op == PB_OP_INVERT && !pb_tensor_is_boolean(pb_value_get_tensor(a)))
        return pb_fail(error, PB_TYPE,
                       "~ turns a mask of true and false around; this tensor has "
                       "numbers");
    pb_status status =
        pb_tensor_unary(op == PB_OP_NEGATE ? PB_NEGATE : PB_NOT, pb_value_get_tensor(a),
                        pb_interp_watch(interp), &tensor, error);
    const pb_operation negated = {
        .apply = apply_negative, .caption = say_negative, .how = pb_interp_watch(interp)};
    if (!status && op == PB_OP_NEGATE)
        return pb_value_carry(&negated, 1, &a, pb_value_meta(a), &tensor, result, error);
    return status ? status : pb_value_retag(a, &tensor, result, error);
}

static pb_status unary_column(pb_interp *interp, pb_operator op, const pb_value *a,
                              pb_value **result, pb_error **error)
{
    pb_list_builder out = {.keeper = pb_interp_keeper(interp)};
    for (size_t i = 0; !out.status && i < pb_list_count(a); i++) {
        pb_value *cell = NULL;
        out.status = pb_apply_unary(interp, op, pb_list_item(a, i), &cell, &out.error);
        pb_list_take(&out, cell);
    }
    return pb_list_finish(&out, true, result, error);
}

/* What has arithmetic: -1 times it. */
static pb_status negative_object(pb_interp *interp, const pb_object_type *type, const pb_value *a,
                                 pb_value **result, pb_error **error)
{
    pb_value *minus = NULL;
    pb_status status = pb_value_number(-1, PB_INTEGER, &minus, error);
    if (!status)
        status = type->binary(interp, PB_MUL, minus, a, result, error);
    pb_value_release(&minus);
    return status;
}

pb_status pb_apply_unary(pb_interp *interp, pb_operator op, const pb_value *a, pb_value **result,
                         pb_error **error)
{
    char what[160];
    bool truth;
    *result = NULL;
    if (op == PB_OP_NOT) {
        pb_status status = pb_value_truth(a, &truth, error);
        if (status && pb_is_elementwise(a) && error && *error)
            pb_error_hint(*error, "~ turns a mask around, element by element");
        return status ? status : pb_value_bool(!truth, result, error);
    }
    if (is_number(a))
        return unary_number(op, a, result, error);
    if (pb_value_kind(a) == PB_TENSOR)
        return unary_tensor(interp, op, a, result, error);
    if (pb_list_is_column(a))
        return unary_column(interp, op, a, result, error);
    const pb_object_type *type = pb_value_object_type(a);
    if (op == PB_OP_NEGATE && type && type->binary)
        return negative_object(interp, type, a, result, error);
    return pb_fail(error, PB_TYPE, "%s has no %s", pb_value_describe(a, what, sizeof what),
                   op == PB_OP_NEGATE ? "negative" : pb_operator_text(op));
}

/* ---- for built-ins and objects ---- */

pb_status pb_interp_binary(pb_interp *interp, pb_binary op, const pb_value *a, const pb_value *b,
                           pb_value **result, pb_error **error)
{
    for (size_t i = 0; i < sizeof operator_names / sizeof *operator_names; i++)
        if (operator_names[i].binary == (int)op)
            return pb_apply_operator(interp, (pb_operator)i, a, b, result, error);
    *result = NULL;
    return pb_elementwise_function(interp, op, a, b, result, error);
}

pb_status pb_interp_unary(pb_interp *interp, pb_unary op, const pb_value *a, pb_value **result,
                          pb_error **error)
{
    pb_tensor *tensor = NULL;
    *result = NULL;
    if (op == PB_NEGATE || op == PB_NOT)
        return pb_apply_unary(interp, op == PB_NEGATE ? PB_OP_NEGATE : PB_OP_NOT, a, result, error);
    if (pb_value_kind(a) != PB_TENSOR)
        return pb_fail(error, PB_INTERNAL, "this operator is for tensors");
    pb_status status =
        pb_tensor_unary(op, pb_value_get_tensor(a), pb_interp_watch(interp), &tensor, error);
    pb_meta bare = {.model = pb_value_meta(a)->model}; /* the exponential of logits has no unit */
    if (status || op == PB_ABS || op == PB_ROUND)
        return status ? status : pb_value_retag(a, &tensor, result, error);
    return pb_value_take_tensor(&tensor, &bare, result, error);
}
