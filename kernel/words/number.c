/* Words on single numbers, which on tensors and columns work value by value. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

/* A word that works value by value: on numbers here, on tensors in the engine. */
typedef struct pb_pointwise {
    pb_unary unary;
    double (*number)(double);
} pb_pointwise;

static pb_status on_number(pb_call *call, const pb_pointwise *f, const pb_value *x,
                           pb_value **result, pb_error **error)
{
    double number = pb_value_get_number(x), made = f->number(number);
    bool stays = f->unary == PB_ABS || f->unary == PB_SIGN;
    if (isnan(made) && !isnan(number))
        return pb_fail_argument(call, NULL, error, PB_VALUE, "%s() of %.9g is no real number",
                                call->row->name, number);
    if (isinf(made) && !isinf(number))
        return pb_fail_argument(call, NULL, error, PB_VALUE, "%s() of %.9g is infinite",
                                call->row->name, number);
    pb_precision precision = pb_value_precision(x);
    if (!stays && precision == PB_INTEGER)
        precision = PB_DOUBLE;
    return pb_value_number(made, precision, result, error);
}

static pb_status pointwise(pb_call *call, const pb_pointwise *f, const pb_value *x,
                           pb_value **result, pb_error **error)
{
    char what[160];
    pb_list_builder out = {.keeper = call->keeper};
    if (pb_value_kind(x) == PB_NUMBER || pb_value_kind(x) == PB_BOOL)
        return on_number(call, f, x, result, error);
    if (pb_value_kind(x) == PB_TENSOR)
        return pb_interp_unary(call->interp, f->unary, x, result, error);
    if (!pb_list_is_column(x)) {
        pb_fail_argument(call, "x", error, PB_TYPE, "%s() takes a number or a tensor, not %s",
                         call->row->name, pb_value_describe(x, what, sizeof what));
        if (error && *error && pb_value_kind(x) == PB_LIST)
            pb_error_hint(*error, "each item by itself: [%s(x) for x in xs]", call->row->name);
        return PB_TYPE;
    }
    for (size_t i = 0; !out.status && i < pb_list_count(x); i++) {
        pb_value *cell = NULL;
        out.status = pointwise(call, f, pb_list_item(x, i), &cell, &out.error);
        pb_list_take(&out, cell);
    }
    return pb_list_finish(&out, true, result, error);
}

static double sign(double x)
{
    return x > 0 ? 1 : x < 0 ? -1 : x;
}

static const pb_pointwise absolute = {PB_ABS, fabs}, square_root = {PB_SQRT, sqrt},
                          exponential = {PB_EXP, exp}, logarithm = {PB_LOG, log},
                          hyperbolic = {PB_TANH, tanh}, cosine_of = {PB_COS, cos},
                          sine_of = {PB_SIN, sin}, signum = {PB_SIGN, sign};

static pb_status call_abs(pb_call *call, pb_value **result, pb_error **error)
{
    return pointwise(call, &absolute, pb_argument_value(call, "x"), result, error);
}

static pb_status call_sqrt(pb_call *call, pb_value **result, pb_error **error)
{
    return pointwise(call, &square_root, pb_argument_value(call, "x"), result, error);
}

static pb_status call_exp(pb_call *call, pb_value **result, pb_error **error)
{
    return pointwise(call, &exponential, pb_argument_value(call, "x"), result, error);
}

static pb_status call_log(pb_call *call, pb_value **result, pb_error **error)
{
    return pointwise(call, &logarithm, pb_argument_value(call, "x"), result, error);
}

static pb_status call_cos(pb_call *call, pb_value **result, pb_error **error)
{
    return pointwise(call, &cosine_of, pb_argument_value(call, "x"), result, error);
}

static pb_status call_sin(pb_call *call, pb_value **result, pb_error **error)
{
    return pointwise(call, &sine_of, pb_argument_value(call, "x"), result, error);
}

static pb_status call_tanh(pb_call *call, pb_value **result, pb_error **error)
{
    return pointwise(call, &hyperbolic, pb_argument_value(call, "x"), result, error);
}

static pb_status call_sign(pb_call *call, pb_value **result, pb_error **error)
{
    return pointwise(call, &signum, pb_argument_value(call, "x"), result, error);
}

/* ---- round ---- */

#define PB_ROUNDED_UNCHECKED 65536 /* values between two looks at the stop flag: some ms */

/* As Python rounds: the decimal nearest to the number's exact value, 2.675 being below 2.675. */
static double round_to(double number, int digits)
{
    char text[400];
    if (digits == 0 || !isfinite(number))
        return nearbyint(number);
    if (digits < 0) {
        double scale = pow(10, -digits);
        return nearbyint(number / scale) * scale;
    }
    if (fabs(number) > 9007199254740992.0 || digits > 30)
        return number;
    snprintf(text, sizeof text, "%.*f", digits, number);
    return strtod(text, NULL);
}

typedef struct rounding {
    pb_interp *interp;
    int digits;
} rounding;

/* The numbers of a result, and those it carries. */
static pb_status apply_rounding(const void *data, const pb_field *field, const pb_tensor *const *of,
                                pb_tensor **result, pb_error **error)
{
    const rounding *how = data;
    const pb_tensor *tensor = of[0];
    pb_axis *axes[PB_MAX_RANK];
    pb_tensor *made = NULL;
    float *data_of = NULL;
    (void)field;
    for (size_t i = 0; i < pb_tensor_rank(tensor); i++)
        axes[i] = pb_tensor_axis(tensor, i);
    pb_status status = pb_tensor_create(pb_tensor_rank(tensor), axes, &made, &data_of, error);
    for (size_t i = 0; !status && i < pb_tensor_size(tensor); i++) {
        data_of[i] = (float)round_to(pb_tensor_data(tensor)[i], how->digits);
        if (i % PB_ROUNDED_UNCHECKED == 0)
            status = pb_interp_check(how->interp, error);
    }
    if (status)
        pb_tensor_release(&made);
    *result = made;
    return status;
}

static pb_status round_tensor(const pb_call *call, const pb_value *x, int digits, pb_value **result,
                              pb_error **error)
{
    const rounding how = {call->interp, digits};
    const pb_operation operation = {.apply = apply_rounding, .how = &how, .arranges = true};
    const pb_tensor *tensor = pb_value_get_tensor(x);
    pb_tensor *made = NULL;
    pb_status status = apply_rounding(&how, NULL, &tensor, &made, error);
    return status ? status
                  : pb_value_carry(&operation, 1, &x, pb_value_meta(x), &made, result, error);
}

static pb_status round_value(pb_call *call, const pb_value *x, pb_value **result, pb_error **error)
{
    bool whole = pb_argument_is_none(call, "digits");
    int digits = whole ? 0 : (int)pb_argument_integer(call, "digits");
    pb_list_builder out = {.keeper = call->keeper};
    char what[160];
    if (pb_value_kind(x) == PB_TENSOR)
        return round_tensor(call, x, digits, result, error);
    if (pb_value_kind(x) == PB_NUMBER || pb_value_kind(x) == PB_BOOL)
        return pb_value_number(round_to(pb_value_get_number(x), digits),
                               whole ? PB_INTEGER : pb_value_precision(x), result, error);
    if (!pb_list_is_column(x))
        return pb_fail_argument(call, "x", error, PB_TYPE,
                                "round() takes a number or a tensor, not %s",
                                pb_value_describe(x, what, sizeof what));
    for (size_t i = 0; !out.status && i < pb_list_count(x); i++) {
        pb_value *cell = NULL;
        out.status = round_value(call, pb_list_item(x, i), &cell, &out.error);
        pb_list_take(&out, cell);
    }
    return pb_list_finish(&out, true, result, error);
}

static pb_status call_round(pb_call *call, pb_value **result, pb_error **error)
{
    double digits = pb_argument_is_none(call, "digits") ? 0 : pb_argument_number(call, "digits");
    if (fabs(digits) > 300)
        return pb_fail_argument(call, "digits", error, PB_VALUE,
                                "a number has at most 300 digits to round to");
    return round_value(call, pb_argument_value(call, "x"), result, error);
}

/* ---- int, float, bool ---- */

/* The number a string writes, spaces around it allowed. */
static bool number_in(const char *text, size_t length, double *number)
{
    char *end = NULL;
    while (length > 0 && strchr(" \t\n\r", text[length - 1]))
        length--;
    if (length == 0 || length > 400 || strpbrk(text, "xX"))
        return false;
    *number = strtod(text, &end);
    return end == text + length;
}

static pb_status number_of(pb_call *call, double *number, pb_error **error)
{
    const pb_value *x = pb_argument_value(call, "x");
    size_t length;
    const char *text = pb_value_get_text(x, &length);
    char what[160];
    if (text && !number_in(text, length, number))
        return pb_fail_argument(call, "x", error, PB_VALUE, "%s is no number",
                                pb_value_describe(x, what, sizeof what));
    if (text)
        return PB_OK;
    if (pb_value_kind(x) == PB_TENSOR && pb_tensor_size(pb_value_get_tensor(x)) == 1) {
        *number = pb_tensor_data(pb_value_get_tensor(x))[0];
        return PB_OK;
    }
    *number = pb_value_get_number(x);
    if (pb_value_kind(x) != PB_NUMBER && pb_value_kind(x) != PB_BOOL)
        return pb_fail_argument(call, "x", error, PB_TYPE,
                                "%s() takes one number or string, not %s", call->row->name,
                                pb_value_describe(x, what, sizeof what));
    return PB_OK;
}

static pb_status call_int(pb_call *call, pb_value **result, pb_error **error)
{
    double number = 0;
    pb_status status = number_of(call, &number, error);
    if (!status && !isfinite(number))
        status = pb_fail_argument(call, "x", error, PB_VALUE, "%g is no integer", number);
    return status ? status : pb_value_number(trunc(number), PB_INTEGER, result, error);
}

static pb_status call_float(pb_call *call, pb_value **result, pb_error **error)
{
    double number = 0;
    pb_status status = number_of(call, &number, error);
    const pb_value *x = pb_argument_value(call, "x");
    bool single = pb_value_kind(x) == PB_TENSOR ||
                  (pb_value_kind(x) == PB_NUMBER && pb_value_precision(x) == PB_SINGLE);
    return !status ? pb_value_number(number, single ? PB_SINGLE : PB_DOUBLE, result, error)
                   : status;
}

static pb_status call_bool(pb_call *call, pb_value **result, pb_error **error)
{
    bool truth = false;
    pb_status status = pb_place_argument(
        call, "x", pb_value_truth(pb_argument_value(call, "x"), &truth, error), error);
    return status ? status : pb_value_bool(truth, result, error);
}

const pb_builtin pb_builtins_number[] = {
    {.name = "abs",
     .category = "Numbers",
     .summary = "The magnitude, value by value.",
     .result = "a number, a column or a tensor",
     .example = "abs(-3)",
     .expected = "3",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY, .what = "a number or a tensor"}},
     .function = call_abs},
    {.name = "sqrt",
     .category = "Numbers",
     .summary = "The square root, value by value.",
     .result = "a number, a column or a tensor",
     .example = "sqrt(9)",
     .expected = "3.0",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY, .what = "a number or a tensor"}},
     .function = call_sqrt},
    {.name = "exp",
     .category = "Numbers",
     .summary = "e to the power of each value.",
     .result = "a number, a column or a tensor",
     .example = "exp(0)",
     .expected = "1.0",
     .see = "log softmax",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY, .what = "a number or a tensor"}},
     .function = call_exp},
    {.name = "log",
     .category = "Numbers",
     .summary = "The natural logarithm, value by value.",
     .result = "a number, a column or a tensor",
     .example = "log(1)",
     .expected = "0.0",
     .see = "exp log_softmax",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY, .what = "a number or a tensor"}},
     .function = call_log},
    {.name = "cos",
     .category = "Numbers",
     .summary = "The cosine of an angle in radians, value by value.",
     .result = "a number, a column or a tensor",
     .example = "cos(0)",
     .expected = "1.0",
     .see = "sin cosine",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY, .what = "a number or a tensor"}},
     .function = call_cos},
    {.name = "sin",
     .category = "Numbers",
     .summary = "The sine of an angle in radians, value by value.",
     .result = "a number, a column or a tensor",
     .example = "sin(0)",
     .expected = "0.0",
     .see = "cos",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY, .what = "a number or a tensor"}},
     .function = call_sin},
    {.name = "tanh",
     .category = "Numbers",
     .summary = "The hyperbolic tangent, value by value.",
     .result = "a number, a column or a tensor",
     .example = "tanh(0)",
     .expected = "0.0",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY, .what = "a number or a tensor"}},
     .function = call_tanh},
    {.name = "sign",
     .category = "Numbers",
     .summary = "-1, 0 or 1, value by value.",
     .result = "a number, a column or a tensor",
     .example = "sign(-2)",
     .expected = "-1",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY, .what = "a number or a tensor"}},
     .function = call_sign},
    {.name = "round",
     .category = "Numbers",
     .summary = "Rounded to a number of decimals, value by value; halves go to the even side.",
     .result = "an integer without `digits`; else a number, a column or a tensor",
     .example = "round(3.14159, 2)",
     .expected = "3.14",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY, .what = "a number or a tensor"},
                    {.name = "digits", .types = PB_TAKES_INTEGER, .fallback = "None"}},
     .function = call_round},
    {.name = "int",
     .category = "Numbers",
     .summary = "The integer part of a number, or the integer a string writes.",
     .result = "an integer",
     .example = "int(\"12\") + int(3.9)",
     .expected = "15",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY}},
     .function = call_int},
    {.name = "float",
     .category = "Numbers",
     .summary = "The number a string writes, or a number as one with a fraction.",
     .result = "a number",
     .example = "float(\"1.5\")",
     .expected = "1.5",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY}},
     .function = call_float},
    {.name = "bool",
     .category = "Numbers",
     .summary = "Whether a value counts as true: not zero, not empty, not None.",
     .result = "True or False",
     .example = "bool([])",
     .expected = "False",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY}},
     .function = call_bool},
    {0}};
