/*
 * Arithmetic of metrics: they add, subtract, and scale by numbers. A sum is flat: numbers times the
 * metrics of words, and a constant.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "metrics.h"

static const pb_metric_row sum_row = {"metric", PB_METRIC_SUM, NULL, "sum"};

bool pb_metric_is_sum(const pb_metric_data *metric)
{
    return metric->row == &sum_row;
}

void pb_metric_terms_free(pb_metric_data *metric)
{
    for (size_t i = 0; i < metric->n_terms; i++)
        pb_value_release(&metric->terms[i].metric);
    free(metric->terms);
}

/* ---- in words ---- */

/* " + 0.5 * ", " - ", and of the first term "-0.5 * " or nothing. */
static void write_weight(double weight, bool first, pb_buffer *out)
{
    bool minus = weight < 0;
    pb_buffer_text(out, first ? (minus ? "-" : "") : minus ? " - " : " + ");
    if (fabs(weight) != 1)
        pb_buffer_format(out, "%.9g * ", fabs(weight));
}

void pb_metric_sum_repr(const pb_metric_data *metric, pb_buffer *out)
{
    for (size_t i = 0; i < metric->n_terms; i++) {
        write_weight(metric->terms[i].weight, i == 0, out);
        pb_value_repr(metric->terms[i].metric, false, out);
    }
    if (metric->constant != 0)
        pb_buffer_format(out, " %c %.9g", metric->constant < 0 ? '-' : '+', fabs(metric->constant));
}

/* ---- arithmetic ---- */

/* Adds weight times a metric or a number. */
static pb_status add_term(pb_metric_data *sum, const pb_value *value, double weight,
                          pb_error **error)
{
    const pb_metric_data *metric = pb_value_object(value, &pb_metric_type);
    double number = 0;
    if (!metric) {
        pb_value_scalar(value, &number);
        sum->constant += weight * number;
        return PB_OK;
    }
    size_t n = pb_metric_is_sum(metric) ? metric->n_terms : 1;
    pb_metric_term *grown = pb_realloc(sum->terms, sum->n_terms + n, sizeof *grown);
    if (!grown)
        return pb_fail_memory(error);
    sum->terms = grown;
    for (size_t i = 0; i < n; i++) {
        bool own = pb_metric_is_sum(metric);
        const pb_value *term = own ? metric->terms[i].metric : value;
        grown[sum->n_terms++] = (pb_metric_term){pb_value_retain((pb_value *)term),
                                                 weight * (own ? metric->terms[i].weight : 1)};
    }
    sum->constant += weight * metric->constant;
    return PB_OK;
}

static pb_status not_linear(const char *what, pb_error **error)
{
    pb_status status =
        pb_fail(error, PB_TYPE,
                "metrics add, subtract, and scale by numbers; this one %s, and is written as a "
                "function of a run",
                what);
    if (error)
        pb_error_hint(*error, "lambda r: prob(r, \" great\") / prob(r, \" bad\")");
    return status;
}

/* The weights of both sides; PB_TYPE for what is no sum. */
static pb_status weights_of(pb_binary op, const pb_value *a, const pb_value *b, double weights[2],
                            pb_error **error)
{
    double numbers[2];
    bool first = pb_value_scalar(a, &numbers[0]), second = pb_value_scalar(b, &numbers[1]);
    weights[0] = weights[1] = 1;
    switch (op) {
    case PB_ADD: return PB_OK;
    case PB_SUB: weights[1] = -1; return PB_OK;
    case PB_MUL: /* of the number's side nothing is added */
        weights[0] = first ? 0 : numbers[1];
        weights[1] = first ? numbers[0] : 0;
        return first || second ? PB_OK : not_linear("multiplies two", error);
    case PB_DIV:
        if (!second)
            return not_linear("divides by one", error);
        if (numbers[1] == 0)
            return pb_fail(error, PB_VALUE, "a metric cannot be divided by zero");
        weights[0] = 1 / numbers[1];
        weights[1] = 0;
        return PB_OK;
    default: return not_linear("does something else", error);
    }
}

static pb_status check_summand(const pb_value *value, pb_error **error)
{
    char text[96];
    double number;
    if (pb_value_scalar(value, &number) && isfinite(number))
        return PB_OK;
    if (pb_value_is_callable(value) && !pb_value_object(value, &pb_metric_type))
        return not_linear("adds a function", error);
    const pb_metric_data *metric = pb_value_object(value, &pb_metric_type);
    if (metric && metric->per_token)
        return pb_fail(error, PB_VALUE,
                       "loss(by=\"pos\") is a number for each token, and a sum of metrics is one "
                       "for a prompt; write loss()");
    if (metric)
        return PB_OK;
    return pb_fail(error, PB_TYPE, "a metric adds to metrics and numbers, not to %s",
                   pb_value_describe(value, text, sizeof text));
}

static bool is_arithmetic(pb_binary op)
{
    return op != PB_EQ && op != PB_NE && op != PB_LT && op != PB_LE && op != PB_GT && op != PB_GE;
}

pb_status pb_metric_binary(pb_interp *interp, pb_binary op, const pb_value *a, const pb_value *b,
                           pb_value **result, pb_error **error)
{
    const pb_value *sides[] = {a, b};
    double weights[2];
    (void)interp;
    if (!is_arithmetic(op))
        return PB_OK;
    pb_status status = check_summand(a, error);
    if (!status)
        status = check_summand(b, error);
    if (!status)
        status = weights_of(op, a, b, weights, error);
    if (status)
        return status;
    pb_metric_data *sum = pb_calloc(1, sizeof *sum);
    if (!sum)
        return pb_fail_memory(error);
    sum->row = &sum_row;
    for (size_t i = 0; i < 2 && !status; i++)
        if (weights[i] != 0 || pb_value_object(sides[i], &pb_metric_type))
            status = add_term(sum, sides[i], weights[i], error);
    if (status) {
        pb_metric_destroy(sum);
        return status;
    }
    return pb_value_take_object(&pb_metric_type, sum, result, error);
}

bool pb_metric_sums_equal(const pb_metric_data *x, const pb_metric_data *y)
{
    bool same = x->n_terms == y->n_terms && x->constant == y->constant;
    for (size_t i = 0; same && i < x->n_terms; i++)
        same = x->terms[i].weight == y->terms[i].weight &&
               pb_value_equal(x->terms[i].metric, y->terms[i].metric);
    return same;
}

/* ---- bound to prompts ---- */

/* "logit of \xC2\xB7 great plus 0.5 times probability of ..." */
static char *sum_title(const pb_metric_data *metric, const pb_bound_metric *bound)
{
    pb_buffer title = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < metric->n_terms; i++) {
        write_weight(metric->terms[i].weight, i == 0, &title);
        pb_buffer_format(&title, metric->n_terms > 1 ? "(%s)" : "%s", bound->terms[i].name);
    }
    if (metric->constant != 0)
        pb_buffer_format(&title, " %c %.9g", metric->constant < 0 ? '-' : '+',
                         fabs(metric->constant));
    return pb_buffer_take(&title);
}

pb_status pb_metric_bind_sum(const pb_metric_data *metric, pb_model *model, size_t n_prompts,
                             pb_bound_metric *bound, pb_error **error)
{
    size_t n = metric->n_terms;
    bound->terms = pb_calloc(n, sizeof *bound->terms);
    bound->parts = pb_calloc(n, sizeof *bound->parts);
    if (!bound->terms || !bound->parts)
        return pb_fail_memory(error);
    pb_status status = PB_OK;
    for (size_t i = 0; i < n && !status; i++) {
        const pb_metric_data *term = pb_value_object(metric->terms[i].metric, &pb_metric_type);
        bound->n_terms = i + 1;
        status = pb_metric_bind(term, model, n_prompts, &bound->terms[i], error);
        bound->parts[i] = (pb_metric_part){&bound->terms[i].metric, metric->terms[i].weight};
        bool same = i == 0 || (bound->units && bound->terms[i].units &&
                               strcmp(bound->units, bound->terms[i].units) == 0);
        bound->units = same ? bound->terms[i].units : NULL;
    }
    bound->metric = (pb_metric){
        .kind = PB_METRIC_SUM, .parts = bound->parts, .n_parts = n, .constant = metric->constant};
    if (!status && !(bound->name = sum_title(metric, bound)))
        status = pb_fail_memory(error);
    return status;
}

void pb_bound_terms_free(pb_bound_metric *bound)
{
    for (size_t i = 0; i < bound->n_terms; i++)
        pb_bound_metric_free(&bound->terms[i]);
    free(bound->terms);
    free(bound->parts);
}
