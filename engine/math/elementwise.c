/* Element by element: operators, functions, where(). */
#include <math.h>
#include <stdlib.h>

#include "base/gap.h"
#include "tensor_internal.h"

/* ---- one pair of values ---- */

/* Python's floor division and modulo, as NumPy defines them for floats: the remainder has the sign
 * of the divisor, and quotient * divisor + remainder gives the dividend back. */
static float modulo(float a, float b)
{
    float remainder = fmodf(a, b);
    if (remainder == 0)
        return copysignf(0, b);
    return (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

static float floor_divide(float a, float b)
{
    if (b == 0)
        return a / b;
    /* Whole up to the rounding of the division in double, which the nearest integer repairs. */
    float remainder = fmodf(a, b);
    double quotient = nearbyint(((double)a - (double)remainder) / (double)b);
    bool rounds_down = remainder != 0 && (remainder < 0) != (b < 0);
    return (float)(rounds_down ? quotient - 1 : quotient);
}

/* NaN on either side gives NaN, as in NumPy; fminf would drop it. */
static float smaller(float a, float b)
{
    return a < b || isnan(a) ? a : b;
}

static float larger(float a, float b)
{
    return a > b || isnan(a) ? a : b;
}

static inline float apply_binary(pb_binary op, float a, float b)
{
    switch (op) {
    case PB_ADD: return a + b;
    case PB_SUB: return a - b;
    case PB_MUL: return a * b;
    case PB_DIV: return a / b;
    case PB_FLOORDIV: return floor_divide(a, b);
    case PB_MOD: return modulo(a, b);
    case PB_POW: return b == 2 ? a * a : (float)pow((double)a, (double)b);
    case PB_EQ: return a == b;
    case PB_NE: return a != b;
    case PB_LT: return a < b;
    case PB_LE: return a <= b;
    case PB_GT: return a > b;
    case PB_GE: return a >= b;
    case PB_AND: return a != 0 && b != 0;
    case PB_OR: return a != 0 || b != 0;
    case PB_MINIMUM: return smaller(a, b);
    case PB_MAXIMUM: return larger(a, b);
    }
    return NAN;
}

static inline float apply_unary(pb_unary op, float a)
{
    switch (op) {
    case PB_NEGATE: return -a;
    case PB_NOT: return a == 0;
    case PB_ABS: return fabsf(a);
    case PB_SQRT: return sqrtf(a);
    case PB_EXP: return (float)exp((double)a);
    case PB_LOG: return (float)log((double)a);
    case PB_ROUND: return nearbyintf(a); /* halves to even, as Python */
    case PB_SIGN: return isnan(a) ? a : (float)((a > 0) - (a < 0));
    case PB_TANH: return (float)tanh((double)a);
    case PB_COS: return (float)cos((double)a);
    case PB_SIN: return (float)sin((double)a);
    }
    return NAN;
}

static bool makes_boolean(pb_binary op)
{
    return op >= PB_EQ && op <= PB_OR;
}

/* ---- one row ---- */

/* Inlined below with a constant op, so that each operator gets loops of its own. */
static inline void binary_row(pb_binary op, size_t n, const float *a, size_t step_a, const float *b,
                              size_t step_b, float *out)
{
    if (step_a == 1 && step_b == 1)
        for (size_t i = 0; i < n; i++)
            out[i] = apply_binary(op, a[i], b[i]);
    else if (step_a == 1 && step_b == 0)
        for (size_t i = 0; i < n; i++)
            out[i] = apply_binary(op, a[i], b[0]);
    else
        for (size_t i = 0; i < n; i++)
            out[i] = apply_binary(op, a[i * step_a], b[i * step_b]);
}

static void run_binary(pb_binary op, size_t n, const float *a, size_t step_a, const float *b,
                       size_t step_b, float *out)
{
    switch (op) {
    case PB_ADD: binary_row(PB_ADD, n, a, step_a, b, step_b, out); return;
    case PB_SUB: binary_row(PB_SUB, n, a, step_a, b, step_b, out); return;
    case PB_MUL: binary_row(PB_MUL, n, a, step_a, b, step_b, out); return;
    case PB_DIV: binary_row(PB_DIV, n, a, step_a, b, step_b, out); return;
    default: binary_row(op, n, a, step_a, b, step_b, out); return;
    }
}

/* ---- tensors ---- */

/* The tensor that a line-up asks for, and the walk that fills it in its own order. */
static pb_status start_result(const pb_lineup *lineup, size_t operands, const pb_watch *watch,
                              pb_tensor **result, float **out, pb_walk *walk, pb_error **error)
{
    pb_status status = pb_tensor_blank(lineup->rank, lineup->axes, result, out, error);
    if (status)
        return status;
    size_t lengths[PB_MAX_RANK];
    for (size_t i = 0; i < lineup->rank; i++)
        lengths[i] = lineup->axes[i]->length;
    pb_walk_start(walk, lineup->rank, lengths, operands, lineup->strides, watch);
    return PB_OK;
}

/* A gap with anything is a gap, and a comparison with one false. */
static void gap_row(bool boolean, size_t n, const float *a, size_t step_a, const float *b,
                    size_t step_b, float *out)
{
    for (size_t i = 0; i < n; i++)
        if (pb_is_gap(a[i * step_a]) || pb_is_gap(b[i * step_b]))
            out[i] = boolean ? 0.0f : pb_gap();
}

pb_status pb_tensor_binary(pb_binary op, const pb_tensor *a, const pb_tensor *b,
                           const pb_watch *watch, pb_tensor **result, pb_error **error)
{
    pb_lineup lineup = PB_LINEUP_EMPTY;
    pb_walk walk;
    pb_tensor *made = NULL;
    float *out = NULL;
    pb_status status = pb_lineup_add(&lineup, 0, a, error);
    if (!status)
        status = pb_lineup_add(&lineup, 1, b, error);
    if (!status)
        status = start_result(&lineup, 2, watch, &made, &out, &walk, error);
    pb_lineup_free(&lineup);
    if (status)
        return status;

    made->boolean = makes_boolean(op);
    for (; !walk.done; pb_walk_next(&walk)) {
        run_binary(op, walk.length, a->data + walk.offset[0], walk.step[0],
                   b->data + walk.offset[1], walk.step[1], out);
        if (a->gaps || b->gaps)
            gap_row(made->boolean, walk.length, a->data + walk.offset[0], walk.step[0],
                    b->data + walk.offset[1], walk.step[1], out);
        out += walk.length;
    }
    made->gaps = (a->gaps || b->gaps) && !made->boolean;
    return pb_tensor_finish(pb_walk_status(&walk, error), made, result);
}

pb_status pb_tensor_binary_number(pb_binary op, const pb_tensor *a, double number, bool left,
                                  const pb_watch *watch, pb_tensor **result, pb_error **error)
{
    pb_walk walk;
    pb_tensor *made = NULL;
    float *out = NULL, value = (float)number;
    pb_status status = pb_tensor_blank(a->rank, a->axes, &made, &out, error);
    if (status)
        return status;
    made->boolean = makes_boolean(op);
    for (pb_walk_flat(&walk, a->size, watch); !walk.done; pb_walk_next(&walk)) {
        const float *values = a->data + walk.offset[0];
        if (left)
            run_binary(op, walk.length, &value, 0, values, 1, out + walk.offset[0]);
        else
            run_binary(op, walk.length, values, 1, &value, 0, out + walk.offset[0]);
        if (a->gaps)
            gap_row(made->boolean, walk.length, values, 1, &value, 0, out + walk.offset[0]);
    }
    made->gaps = a->gaps && !made->boolean;
    return pb_tensor_finish(pb_walk_status(&walk, error), made, result);
}

pb_status pb_tensor_unary(pb_unary op, const pb_tensor *a, const pb_watch *watch,
                          pb_tensor **result, pb_error **error)
{
    pb_walk walk;
    pb_tensor *made = NULL;
    float *out = NULL;
    pb_status status = pb_tensor_blank(a->rank, a->axes, &made, &out, error);
    if (status)
        return status;
    made->boolean = op == PB_NOT;
    for (pb_walk_flat(&walk, a->size, watch); !walk.done; pb_walk_next(&walk))
        for (size_t i = walk.offset[0], end = i + walk.length; i < end; i++)
            out[i] = !a->gaps || !pb_is_gap(a->data[i]) ? apply_unary(op, a->data[i])
                     : made->boolean                    ? 0.0f
                                                        : pb_gap();
    made->gaps = a->gaps && !made->boolean;
    return pb_tensor_finish(pb_walk_status(&walk, error), made, result);
}

pb_status pb_tensor_where(const pb_tensor *condition, const pb_tensor *a, const pb_tensor *b,
                          const pb_watch *watch, pb_tensor **result, pb_error **error)
{
    const pb_tensor *operands[] = {condition, a, b};
    pb_lineup lineup = PB_LINEUP_EMPTY;
    pb_walk walk;
    pb_tensor *made = NULL;
    float *out = NULL;
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < 3; i++)
        status = pb_lineup_add(&lineup, i, operands[i], error);
    if (!status)
        status = start_result(&lineup, 3, watch, &made, &out, &walk, error);
    pb_lineup_free(&lineup);
    if (status)
        return status;

    made->gaps = condition->gaps || a->gaps || b->gaps;
    made->boolean = a->boolean && b->boolean && !made->gaps;
    for (; !walk.done; pb_walk_next(&walk)) {
        const float *c = condition->data + walk.offset[0];
        const float *yes = a->data + walk.offset[1], *no = b->data + walk.offset[2];
        for (size_t i = 0; i < walk.length; i++)
            out[i] = pb_is_gap(c[i * walk.step[0]]) ? pb_gap()
                     : c[i * walk.step[0]] != 0     ? yes[i * walk.step[1]]
                                                    : no[i * walk.step[2]];
        out += walk.length;
    }
    return pb_tensor_finish(pb_walk_status(&walk, error), made, result);
}
