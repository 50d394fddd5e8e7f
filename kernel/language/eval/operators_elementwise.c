/* Numbers, and tensors and columns element by element. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "caption.h"
#include "operators.h"

/* ---- numbers ---- */

static pb_status divided_by_zero(pb_operator op, pb_error **error)
{
    return pb_fail(error, PB_VALUE, "%s by zero", op == PB_OP_MOD ? "remainder" : "division");
}

static double floor_mod(double a, double b)
{
    double rest = fmod(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static pb_status power(const pb_value *a, const pb_value *b, pb_precision precision,
                       pb_value **result, pb_error **error)
{
    double base = pb_value_get_number(a), exponent = pb_value_get_number(b);
    if (base == 0 && exponent < 0)
        return divided_by_zero(PB_OP_DIV, error);
    if (base < 0 && exponent != floor(exponent))
        return pb_fail(error, PB_VALUE,
                       "a negative number has no power with a fraction among the real numbers");
    if (precision == PB_INTEGER && exponent < 0)
        precision = PB_DOUBLE;
    return pb_value_number(pow(base, exponent), precision, result, error);
}

static pb_status bits(pb_operator op, const pb_value *a, const pb_value *b, pb_value **result,
                      pb_error **error)
{
    if (!pb_value_is_integer(a) || !pb_value_is_integer(b))
        return pb_fail(error, PB_TYPE, "%s wants integers, masks, True or False",
                       pb_operator_text(op));
    int64_t x = (int64_t)pb_value_get_number(a), y = (int64_t)pb_value_get_number(b);
    bool both = pb_value_kind(a) == PB_BOOL && pb_value_kind(b) == PB_BOOL;
    switch (op) {
    case PB_OP_BIT_AND:
        return both ? pb_value_bool(x & y, result, error) : pb_value_integer(x & y, result, error);
    case PB_OP_BIT_OR:
        return both ? pb_value_bool(x | y, result, error) : pb_value_integer(x | y, result, error);
    case PB_OP_BIT_XOR:
        return both ? pb_value_bool(x ^ y, result, error) : pb_value_integer(x ^ y, result, error);
    default: break;
    }
    if (y < 0)
        return pb_fail(error, PB_VALUE, "a shift by a negative count");
    if (op == PB_OP_SHIFT_LEFT)
        return pb_value_number(ldexp((double)x, y > 4000 ? 4000 : (int)y), PB_INTEGER, result,
                               error);
    return pb_value_number(floor(ldexp((double)x, y > 4000 ? -4000 : -(int)y)), PB_INTEGER, result,
                           error);
}

/* What arithmetic on two numbers gives: integers stay so; a number out of a tensor keeps its
 * precision beside a plain one, as in NumPy. */
static pb_precision common_precision(const pb_value *a, const pb_value *b)
{
    pb_precision x = pb_value_precision(a), y = pb_value_precision(b);
    if (x == PB_SINGLE || y == PB_SINGLE)
        return PB_SINGLE;
    return x == PB_INTEGER && y == PB_INTEGER ? PB_INTEGER : PB_DOUBLE;
}

pb_status pb_number_operator(pb_operator op, const pb_value *a, const pb_value *b,
                             pb_value **result, pb_error **error)
{
    double x = pb_value_get_number(a), y = pb_value_get_number(b);
    pb_precision precision = common_precision(a, b);
    pb_precision real = precision == PB_INTEGER ? PB_DOUBLE : precision;
    switch (op) {
    case PB_OP_ADD: return pb_value_number(x + y, precision, result, error);
    case PB_OP_SUB: return pb_value_number(x - y, precision, result, error);
    case PB_OP_MUL: return pb_value_number(x * y, precision, result, error);
    case PB_OP_DIV:
        return y == 0 ? divided_by_zero(op, error) : pb_value_number(x / y, real, result, error);
    case PB_OP_FLOORDIV:
        return y == 0 ? divided_by_zero(op, error)
                      : pb_value_number(precision == PB_INTEGER ? (x - floor_mod(x, y)) / y
                                                                : floor(x / y),
                                        precision, result, error);
    case PB_OP_MOD:
        return y == 0 ? divided_by_zero(op, error)
                      : pb_value_number(floor_mod(x, y), precision, result, error);
    case PB_OP_POW: return power(a, b, precision, result, error);
    default: return bits(op, a, b, result, error);
    }
}

/* ---- tensors ---- */

/* Whether it has an axis of directions, which mean something only within one model. */
static bool belongs_to_model(const pb_tensor *tensor)
{
    return pb_tensor_find_axis(tensor, "d_model") >= 0 ||
           pb_tensor_find_axis(tensor, "d_head") >= 0 || pb_tensor_find_axis(tensor, "d_mlp") >= 0;
}

pb_status pb_check_models(const pb_value *a, const pb_value *b, pb_error **error)
{
    const pb_meta *x = pb_value_meta(a), *y = pb_value_meta(b);
    if (!x || !y || !x->model || !y->model || pb_value_equal(x->model, y->model))
        return PB_OK;
    if (!belongs_to_model(pb_value_get_tensor(a)) && !belongs_to_model(pb_value_get_tensor(b)))
        return PB_OK;
    pb_buffer names[2] = {PB_BUFFER_EMPTY, PB_BUFFER_EMPTY};
    pb_value_repr(x->model, false, &names[0]);
    pb_value_repr(y->model, false, &names[1]);
    pb_status status =
        pb_fail(error, PB_VALUE,
                "these tensors come from two models, %s and %s, whose directions do "
                "not mean the same",
                names[0].data ? names[0].data : "one", names[1].data ? names[1].data : "another");
    pb_buffer_free(&names[0]);
    pb_buffer_free(&names[1]);
    return status;
}

/* The fields of a, and those of b that have another name, whose axis the result has with all its
 * places. Values are borrowed from a and b. */
static size_t gather_fields(const pb_value *a, const pb_value *b, const pb_tensor *result,
                            pb_field *fields)
{
    const pb_value *sources[] = {a, b};
    size_t count = 0;
    for (size_t s = 0; s < 2; s++) {
        const pb_meta *meta = pb_value_meta(sources[s]);
        for (size_t i = 0; meta && i < meta->n_fields; i++) {
            const pb_field *field = &meta->fields[i];
            int axis = field->axis ? pb_tensor_find_axis(result, field->axis) : -1;
            bool known = false;
            for (size_t k = 0; k < count; k++)
                known = known || strcmp(fields[k].name, field->name) == 0;
            if (axis >= 0 && !known &&
                pb_list_count(field->value) == pb_axis_length(pb_tensor_axis(result, (size_t)axis)))
                fields[count++] = *field;
        }
    }
    return count;
}

/* Whether a tensor has no look and caption of its own: an activation, a field such as .into, or
 * numbers that the user made. */
static bool is_plain(const pb_meta *meta)
{
    bool plain = !meta->look;
    for (size_t i = 0; i < meta->n_fields; i++)
        plain = plain && meta->fields[i].axis;
    return plain;
}

static bool same_units(const pb_meta *x, const pb_meta *y)
{
    return !x->units || !y->units ? x->units == y->units : strcmp(x->units, y->units) == 0;
}

/* Sums and differences of two results of one kind, or of one and numbers, and results scaled. */
static bool stays_result(pb_binary op, const pb_value *a, const pb_value *b)
{
    const pb_meta *x = pb_value_meta(a), *y = pb_value_meta(b);
    if (!x || !y)
        return op == PB_ADD || op == PB_SUB || op == PB_MUL || (op == PB_DIV && x);
    return (op == PB_ADD || op == PB_SUB) &&
           (x->look == y->look || (same_units(x, y) && (is_plain(x) || is_plain(y))));
}

/* A number that came out of a tensor, whose units nobody knows any more. */
static bool was_measured(const pb_value *value)
{
    return pb_value_kind(value) == PB_NUMBER && pb_value_precision(value) == PB_SINGLE;
}

static const char *common_units(pb_binary op, const pb_value *a, const pb_value *b)
{
    const pb_meta *x = pb_value_meta(a), *y = pb_value_meta(b);
    if (op == PB_DIV && was_measured(b)) /* a ratio of logits has no unit; of others unknown */
        return NULL;
    const char *units = x && x->units ? x->units : y ? y->units : NULL;
    if (!units || !(op == PB_ADD || op == PB_SUB || op == PB_MUL || (op == PB_DIV && x && !y)))
        return NULL;
    if (x && y && (op == PB_MUL || !same_units(x, y)))
        return NULL;
    return units;
}

/* ---- what a sum, a difference or a multiple carries ---- */

typedef struct arithmetic {
    pb_binary op;
    const pb_value *sides[2];
    const pb_watch *watch;
} arithmetic;

/* op of two tensors, or of a tensor and a number, whose side is then NULL. */
static pb_status combine(const arithmetic *how, const pb_tensor *x, const pb_tensor *y,
                         double number, pb_tensor **result, pb_error **error)
{
    if (x && y)
        return pb_tensor_binary(how->op, x, y, how->watch, result, error);
    return pb_tensor_binary_number(how->op, x ? x : y, number, !x, how->watch, result, error);
}

/* A side that carries nothing, for a field: what shifts an end shifts no difference of two. */
static pb_status plain_side(const arithmetic *how, const pb_field *field, const pb_value *side,
                            pb_tensor **tensor, double *number, pb_error **error)
{
    bool shifts = how->op == PB_ADD || how->op == PB_SUB;
    bool nothing = shifts && field->kind == PB_FIELD_AMOUNT;
    const pb_tensor *numbers = pb_value_get_tensor(side);
    *number = nothing ? 0 : pb_value_get_number(side);
    if (numbers && nothing)
        return pb_tensor_binary_number(PB_MUL, numbers, 0, false, how->watch, tensor, error);
    *tensor = pb_tensor_retain((pb_tensor *)numbers);
    return PB_OK;
}

static pb_status apply_arithmetic(const void *data, const pb_field *field,
                                  const pb_tensor *const *of, pb_tensor **result, pb_error **error)
{
    const arithmetic *how = data;
    pb_tensor *sides[2] = {NULL, NULL};
    double number = 0;
    pb_status status = PB_OK;
    bool both = of[0] && of[1];
    if (!both && field->whole && (how->op == PB_ADD || how->op == PB_SUB))
        return PB_OK; /* with something added, the parts no longer sum to the whole */
    if (!both && field->kind == PB_FIELD_APART) {
        *result = pb_tensor_retain((pb_tensor *)(of[0] ? of[0] : of[1]));
        return PB_OK;
    }
    for (size_t i = 0; i < 2 && !status; i++) {
        if (of[i])
            sides[i] = pb_tensor_retain((pb_tensor *)of[i]);
        else
            status = plain_side(how, field, how->sides[i], &sides[i], &number, error);
    }
    if (!status)
        status = combine(how, sides[0], sides[1], number, result, error);
    pb_tensor_release(&sides[0]);
    pb_tensor_release(&sides[1]);
    return status;
}

/* Appends a caption without its full stop, so that the sentence can go on. */
static void say_on(const char *caption, pb_buffer *out)
{
    size_t length = strlen(caption);
    pb_buffer_append(out, caption, length > 0 && caption[length - 1] == '.' ? length - 1 : length);
}

static void say_number(const pb_value *value, pb_buffer *out)
{
    pb_number_text(pb_value_get_number(value), pb_value_precision(value), out);
}

/* "A; minus: B" of two results, the direction said; of a result and numbers "Times 0.5: A". */
static void say_arithmetic(const void *data, const char *const *captions, pb_buffer *out)
{
    static const char *const words[] = {"Plus", "Minus", "Times", "Divided by"};
    const arithmetic *how = data;
    const char *sign = how->op == PB_SUB ? "minus" : "plus";
    const pb_value *other = how->sides[captions[0] ? 1 : 0];
    char what[160];
    bool tensor = pb_value_get_tensor(other) != NULL;
    if (captions[0] && captions[1]) {
        pb_join_captions(captions[0], sign, captions[1], out);
    } else if (captions[0] && tensor) {
        say_on(captions[0], out);
        pb_buffer_format(out, "; %s %s", sign, pb_value_describe(other, what, sizeof what));
    } else if (captions[0]) {
        pb_buffer_format(out, "%s ", words[how->op - PB_ADD]);
        say_number(other, out);
        pb_buffer_format(out, ": %s", captions[0]);
    } else if (tensor) {
        pb_buffer_format(out, "%s; %s: %s", pb_value_describe(other, what, sizeof what), sign,
                         captions[1]);
    } else if (how->op == PB_SUB) {
        say_number(other, out);
        pb_buffer_format(out, " minus: %s", captions[1]);
    } else if (pb_value_get_number(other) == 0 && how->op == PB_ADD) { /* sum() begins with 0 + x */
        pb_buffer_text(out, captions[1]);
    } else {
        pb_buffer_format(out, "%s ", words[how->op - PB_ADD]);
        say_number(other, out);
        pb_buffer_format(out, ": %s", captions[1]);
    }
}

static pb_status carry_arithmetic(const arithmetic *how, const pb_meta *meta, pb_tensor **tensor,
                                  pb_value **result, pb_error **error)
{
    const pb_meta *x = pb_value_meta(how->sides[0]), *y = pb_value_meta(how->sides[1]);
    bool shifts = how->op == PB_ADD || how->op == PB_SUB;
    const pb_operation operation = {.apply = apply_arithmetic,
                                    .caption = say_arithmetic,
                                    .how = how,
                                    .keeps_cell = !shifts || (x && y && x->look == y->look)};
    return pb_value_carry(&operation, 2, how->sides, meta, tensor, result, error);
}

/* ---- the value of what was computed ---- */

static pb_status tag_combined(const pb_value *a, const pb_value *b, pb_meta *meta,
                              pb_tensor **tensor, pb_value **result, pb_error **error)
{
    const pb_meta *x = pb_value_meta(a), *y = pb_value_meta(b);
    size_t most = (x ? x->n_fields : 0) + (y ? y->n_fields : 0);
    pb_field *fields = pb_calloc(most, sizeof *fields);
    if (!fields) {
        pb_tensor_release(tensor);
        return pb_fail_memory(error);
    }
    meta->fields = fields;
    meta->n_fields = pb_tensor_rank(*tensor) > 0 ? gather_fields(a, b, *tensor, fields) : 0;
    pb_status status = pb_value_take_tensor(tensor, meta, result, error);
    free(fields);
    return status;
}

static pb_status combine_tensors(const arithmetic *how, bool carry, pb_tensor **tensor,
                                 pb_value **result, pb_error **error)
{
    const pb_value *a = how->sides[0], *b = how->sides[1];
    const pb_meta *x = pb_value_meta(a), *y = pb_value_meta(b);
    bool same_model = !x || !y || !x->model || !y->model || pb_value_equal(x->model, y->model);
    pb_meta meta = {.units = common_units(how->op, a, b)};
    if (same_model)
        meta.model = x && x->model ? x->model : y ? y->model : NULL;
    bool results = carry && stays_result(how->op, a, b);
    if (results)
        meta.look = x && x->look ? x->look : y ? y->look : NULL;
    /* Ends and amounts in different units are no ends and amounts of what comes out. */
    if (results && (!x || !y || same_units(x, y)))
        return carry_arithmetic(how, &meta, tensor, result, error);
    if (pb_tensor_rank(*tensor) == 0)
        meta.look = NULL;
    return tag_combined(a, b, &meta, tensor, result, error);
}

pb_status pb_combine_tensors(pb_binary op, const pb_value *a, const pb_value *b, pb_tensor **tensor,
                             pb_value **result, pb_error **error)
{
    return combine_tensors(&(arithmetic){op, {a, b}, NULL}, false, tensor, result, error);
}

static pb_status tensor_operator(pb_interp *interp, pb_binary op, const pb_value *a,
                                 const pb_value *b, pb_value **result, pb_error **error)
{
    const pb_tensor *x = pb_value_get_tensor(a), *y = pb_value_get_tensor(b);
    pb_tensor *tensor = NULL;
    pb_status status = pb_check_models(a, b, error);
    if (status)
        return status;
    const arithmetic how = {op, {a, b}, pb_interp_watch(interp)};
    status = combine(&how, x, y, pb_value_get_number(x ? b : a), &tensor, error);
    return status ? status : combine_tensors(&how, true, &tensor, result, error);
}

pb_status pb_elementwise_function(pb_interp *interp, pb_binary op, const pb_value *a,
                                  const pb_value *b, pb_value **result, pb_error **error)
{
    return tensor_operator(interp, op, a, b, result, error);
}

/* ---- columns ---- */

/* Whether an order compares missing cells (None): in a mask they are neither larger nor smaller
 * than anything, as NaN is. */
static bool orders_missing(pb_operator op, const pb_value *a, const pb_value *b)
{
    return op >= PB_OP_LT && op <= PB_OP_GE && (pb_value_is_none(a) || pb_value_is_none(b));
}

static pb_status cells_operator(pb_interp *interp, pb_operator op, const pb_value *a,
                                const pb_value *b, pb_value **result, pb_error **error)
{
    bool lists[] = {pb_value_kind(a) == PB_LIST, pb_value_kind(b) == PB_LIST};
    size_t count = pb_list_count(lists[0] ? a : b);
    pb_list_builder out = {.keeper = pb_interp_keeper(interp)};
    if (lists[0] && lists[1] && pb_list_count(b) != count)
        return pb_fail(error, PB_VALUE, "a column of %zu values does not line up with one of %zu",
                       count, pb_list_count(b));
    for (size_t i = 0; !out.status && i < count; i++) {
        const pb_value *x = lists[0] ? pb_list_item(a, i) : a;
        const pb_value *y = lists[1] ? pb_list_item(b, i) : b;
        pb_value *cell = NULL;
        out.status = pb_interp_check(interp, &out.error);
        if (!out.status)
            out.status = orders_missing(op, x, y)
                             ? pb_value_bool(false, &cell, &out.error)
                             : pb_apply_operator(interp, op, x, y, &cell, &out.error);
        pb_list_take(&out, cell);
    }
    return pb_list_finish(&out, true, result, error);
}

/* A column beside a tensor of one axis: cell by cell. */
static pb_status mixed_operator(pb_interp *interp, pb_operator op, const pb_value *a,
                                const pb_value *b, pb_value **result, pb_error **error)
{
    pb_value *left = NULL, *right = NULL;
    pb_status status = pb_value_as_column(pb_interp_keeper(interp), a, 0, &left, error);
    if (!status)
        status = pb_value_as_column(pb_interp_keeper(interp), b, 0, &right, error);
    if (!status)
        status = cells_operator(interp, op, left, right, result, error);
    pb_value_release(&left);
    pb_value_release(&right);
    return status;
}

static pb_status not_elementwise(pb_operator op, const pb_value *a, const pb_value *b,
                                 pb_error **error)
{
    const pb_value *other = pb_value_kind(a) == PB_TENSOR ? b : a;
    char left[160], right[160];
    pb_fail(error, PB_TYPE, "%s does not go with %s and %s", pb_operator_text(op),
            pb_value_describe(a, left, sizeof left), pb_value_describe(b, right, sizeof right));
    if (error && *error && pb_value_kind(other) == PB_LIST)
        pb_error_hint(*error, "tensor([...], axes=\"layer\") makes a tensor of a list of numbers");
    return PB_TYPE;
}

pb_status pb_elementwise_operator(pb_interp *interp, pb_operator op, const pb_value *a,
                                  const pb_value *b, pb_value **result, pb_error **error)
{
    pb_kind kinds[] = {pb_value_kind(a), pb_value_kind(b)};
    pb_binary binary;
    bool tensors = kinds[0] == PB_TENSOR || kinds[1] == PB_TENSOR;
    bool lists = kinds[0] == PB_LIST || kinds[1] == PB_LIST;
    bool columns = pb_list_is_column(a) || pb_list_is_column(b);
    if (op == PB_OP_ADD && pb_list_of(a, PB_STRING) && pb_list_of(b, PB_STRING))
        return pb_join_lists(interp, a, b, result, error); /* more rows, not longer words */
    if (tensors && columns)
        return mixed_operator(interp, op, a, b, result, error);
    if (columns)
        return cells_operator(interp, op, a, b, result, error);
    bool numbers = (kinds[0] == PB_TENSOR || kinds[0] == PB_NUMBER || kinds[0] == PB_BOOL) &&
                   (kinds[1] == PB_TENSOR || kinds[1] == PB_NUMBER || kinds[1] == PB_BOOL);
    if (!lists && numbers && pb_operator_binary(op, &binary))
        return tensor_operator(interp, binary, a, b, result, error);
    if (op == PB_OP_EQ || op == PB_OP_NE)
        return pb_value_bool(op == PB_OP_NE, result, error);
    return not_elementwise(op, a, b, error);
}
