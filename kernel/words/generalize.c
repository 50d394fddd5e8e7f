/* generalize(): how far a mean over prompts carries. Bootstrap intervals, and sign flips. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "chance.h"
#include "findings.h"

#define RESAMPLES 10000
#define EXACT     13 /* so many prompts have all their sign flips counted */
#define WORST     3

static void generalization_names(const pb_value *self, pb_names *names)
{
    (void)self; /* all have the same */
    pb_names_add(names, "mean", "tensor", "");
    pb_names_add(names, "low", "tensor", "");
    pb_names_add(names, "high", "tensor", "");
    pb_names_add(names, "p", "tensor", "");
    pb_names_add(names, "share", "tensor", "");
    pb_names_add(names, "least_p", "number", "");
    pb_names_add(names, "worst", "table", "");
}

static const pb_object_type generalization_type = {
    .name = "generalization",
    .article = "a generalization",
    .summary = "How far a mean over prompts carries: .mean .low .high .p .least_p .share .worst.",
    .destroy = pb_findings_destroy,
    .repr = pb_findings_repr,
    .show = pb_findings_show,
    .members = pb_findings_members,
    .attribute = pb_findings_attribute,
    .names = generalization_names,
    .equal = pb_findings_equal};

/* ---- one lane ---- */

enum { MEAN, LOW, HIGH, P, SHARE, STATISTICS };
static const char *const statistics[] = {"mean", "low", "high", "p", "share"};

typedef struct trial {
    size_t n;
    uint32_t *places; /* [RESAMPLES][n]: the same resamples of prompts for every cell */
    uint64_t seed;
    double sign; /* of what is expected */
    const pb_watch *watch;
} trial;

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Linear between the two nearest. */
static double percentile(const double *sorted, size_t n, double share)
{
    double at = share * (double)(n - 1);
    size_t below = (size_t)at, above = below + 1 < n ? below + 1 : below;
    return sorted[below] + (sorted[above] - sorted[below]) * (at - (double)below);
}

static pb_status bootstrap(const trial *t, const double *x, float *out, pb_error **error)
{
    double *means = pb_malloc(RESAMPLES, sizeof *means);
    if (!means)
        return pb_fail_memory(error);
    for (size_t i = 0; i < RESAMPLES; i++) {
        means[i] = 0;
        for (size_t k = 0; k < t->n; k++)
            means[i] += x[t->places[i * t->n + k]];
        means[i] /= (double)t->n;
    }
    qsort(means, RESAMPLES, sizeof *means, compare_doubles);
    out[LOW] = (float)percentile(means, RESAMPLES, 0.025);
    out[HIGH] = (float)percentile(means, RESAMPLES, 0.975);
    free(means);
    return PB_OK;
}

/* Of all 2^n ways to flip signs, the share whose sum is as far from 0. */
static double flip_all(const trial *t, const double *x, double observed)
{
    size_t ways = (size_t)1 << t->n, as_far = 0;
    for (size_t way = 0; way < ways; way++) {
        double sum = 0;
        for (size_t i = 0; i < t->n; i++)
            sum += way >> i & 1 ? -x[i] : x[i];
        as_far += fabs(sum) >= observed;
    }
    return (double)as_far / (double)ways;
}

static double flip_some(const trial *t, const double *x, double observed)
{
    pb_random random;
    size_t as_far = 0;
    pb_random_start(&random, t->seed, PB_STREAM_FLIPS);
    for (size_t way = 0; way < RESAMPLES; way++) {
        double sum = 0;
        uint32_t bits = 0;
        for (size_t i = 0; i < t->n; i++) {
            bits = i % 32 == 0 ? pb_random_bits(&random) : bits >> 1;
            sum += bits & 1 ? -x[i] : x[i];
        }
        as_far += fabs(sum) >= observed;
    }
    return (double)(1 + as_far) / (RESAMPLES + 1);
}

static pb_status measure_lane(const void *how, size_t n, double *in, float *out, pb_error **error)
{
    const trial *t = how;
    double sum = 0, size = 0;
    size_t expected = 0;
    pb_status status = pb_watch_check(t->watch, error);
    if (status)
        return status;
    for (size_t i = 0; i < n; i++) {
        sum += in[i];
        size += fabs(in[i]);
        expected += in[i] * t->sign > 0;
    }
    double observed = fabs(sum) - 1e-12 * size; /* sums that differ by rounding are as far */
    out[MEAN] = (float)(sum / (double)n);
    out[SHARE] = (float)((double)expected / (double)n);
    out[P] = (float)(n <= EXACT ? flip_all(t, in, observed) : flip_some(t, in, observed));
    return bootstrap(t, in, out, error);
}

static pb_status draw_resamples(trial *t, pb_error **error)
{
    pb_random random;
    size_t count;
    t->places = pb_size_mul(RESAMPLES, t->n, &count) ? pb_malloc(count, sizeof *t->places) : NULL;
    if (!t->places)
        return pb_fail_memory(error);
    pb_random_start(&random, t->seed, PB_STREAM_BOOTSTRAP);
    for (size_t i = 0; i < count; i++) {
        t->places[i] = (uint32_t)pb_random_below(&random, t->n);
        if (i % 65536 == 0 && pb_watch_check(t->watch, error))
            return PB_INTERRUPTED;
    }
    return PB_OK;
}

/* The least p that so many prompts can give: all of one sign, which both ways of that give. */
static double least_p(size_t n)
{
    return n <= EXACT ? ldexp(1, 1 - (int)n) : 1.0 / (RESAMPLES + 1);
}

/* ---- the result ---- */

/* One statistic of all cells: a number, or a tensor of the axes that are left. */
static pb_status take_statistic(const pb_call *call, const pb_tensor *all, size_t which,
                                pb_value **result, pb_error **error)
{
    const pb_meta *own = pb_value_meta(pb_argument_value(call, "x"));
    const char *axis = "statistic";
    const pb_select select = {.kind = PB_SELECT_INDEX, .index = (int64_t)which};
    pb_tensor *made = NULL;
    pb_meta meta = {.model = own ? own->model : NULL,
                    .units = own && which <= HIGH ? own->units : NULL};
    pb_status status = pb_tensor_select(all, 1, &axis, &select, pb_call_watch(call), &made, error);
    return status ? status : pb_value_take_tensor(&made, &meta, result, error);
}

typedef struct placed_number {
    double number;
    size_t at;
} placed_number;

static int compare_placed(const void *a, const void *b)
{
    const placed_number *left = a, *right = b;
    if (left->number != right->number)
        return left->number < right->number ? -1 : 1;
    return (left->at > right->at) - (left->at < right->at);
}

/* The places that speak most against what is expected, as a table of place and value. */
static pb_status find_worst(const pb_call *call, const pb_tensor *x, const trial *t,
                            pb_value **table, pb_error **error)
{
    const pb_axis *axis = pb_tensor_axis(x, 0);
    pb_list_builder places = {0}, values = {0};
    pb_table_builder out = {.keeper = call->keeper};
    placed_number *order = pb_malloc(t->n, sizeof *order);
    if (!order)
        return pb_fail_memory(error);
    for (size_t i = 0; i < t->n; i++)
        order[i] = (placed_number){t->sign * (double)pb_tensor_data(x)[i], i};
    qsort(order, t->n, sizeof *order, compare_placed);
    for (size_t i = 0; i < t->n && i < WORST; i++) {
        size_t at = order[i].at;
        if (pb_axis_has_labels(axis))
            pb_list_take_text(&places, pb_axis_label(axis, at));
        else
            pb_list_take_number(&places, (double)pb_axis_coordinate(axis, at), PB_INTEGER);
        pb_list_take_number(&values, (double)pb_tensor_data(x)[at], PB_SINGLE);
    }
    free(order);
    pb_table_take_list(&out, &places,
                       (pb_table_cells){.name = pb_axis_name(axis), .look = PB_CELLS_KEY});
    pb_table_take_list(&out, &values, (pb_table_cells){.name = "value"});
    return pb_table_finish(&out, table, error);
}

static pb_status make_parts(const pb_call *call, const pb_tensor *x, const pb_tensor *all,
                            const trial *t, pb_value **parts, pb_error **error)
{
    pb_record_builder record = {.keeper = call->keeper};
    pb_value *value = NULL;
    for (size_t i = 0; !record.status && i < STATISTICS; i++) {
        record.status = take_statistic(call, all, i, &value, &record.error);
        if (!record.status)
            pb_record_take(&record, statistics[i], value);
    }
    if (!record.status)
        record.status = pb_value_number(least_p(t->n), PB_DOUBLE, &value, &record.error);
    if (!record.status)
        pb_record_take(&record, "least_p", value);
    if (!record.status && pb_tensor_rank(x) == 1) {
        record.status = find_worst(call, x, t, &value, &record.error);
        if (!record.status)
            pb_record_take(&record, "worst", value);
    }
    return pb_record_finish(&record, parts, error);
}

/* "Mean over 6 prompts; 95% by 10,000 bootstrap resamples; p by all 64 sign flips, at best 0.03125;
 * least: Mary 0.5, ..." */
static char *caption_of(const char *over, const trial *t, const pb_value *worst)
{
    pb_buffer out = PB_BUFFER_EMPTY;
    pb_buffer_format(&out, "Mean over %s (%zu); low and high: 95%% of 10,000 bootstrap resamples; ",
                     over, t->n);
    if (t->n <= EXACT)
        pb_buffer_format(&out, "p by all %zu sign flips", (size_t)1 << t->n);
    else
        pb_buffer_text(&out, "p by 10,000 sign flips");
    pb_buffer_format(&out, ", at best %.2g; share %s 0", least_p(t->n),
                     t->sign > 0 ? "above" : "below");
    for (size_t i = 0; worst && i < pb_table_rows(worst); i++) {
        const pb_value *place = pb_list_item(pb_table_column(worst, 0)->cells, i);
        const pb_value *value = pb_list_item(pb_table_column(worst, 1)->cells, i);
        pb_buffer_text(&out, i == 0 ? "; worst: " : ", ");
        pb_value_repr(place, false, &out);
        pb_buffer_format(&out, " %.3g", pb_value_get_number(value));
    }
    return pb_buffer_take(&out);
}

static pb_status make_table(const pb_call *call, const char *over, const trial *t,
                            const pb_value *parts, pb_value **table, pb_error **error)
{
    const pb_value *mean = pb_record_find(parts, "mean");
    pb_table_builder out = {.keeper = call->keeper, .rows = 1};
    pb_value *places = NULL;
    char *caption = caption_of(over, t, pb_record_find(parts, "worst"));
    if (!caption)
        out.status = pb_fail_memory(&out.error);
    if (!out.status && pb_value_kind(mean) == PB_TENSOR) {
        out.status = pb_table_of_places(call->keeper, mean, &places, &out.error);
        if (!out.status)
            pb_table_take_columns(&out, places);
    }
    out.caption = caption;
    for (size_t i = 0; !out.status && i < STATISTICS; i++) {
        const pb_value *value = pb_record_find(parts, statistics[i]);
        pb_value *cells = NULL;
        out.status = pb_value_kind(value) == PB_TENSOR
                         ? pb_tensor_cells(call->keeper, value, &cells, &out.error)
                         : pb_value_as_column(call->keeper, value, 1, &cells, &out.error);
        if (!out.status)
            pb_table_take(&out,
                          (pb_table_cells){.name = statistics[i],
                                           .cells = cells,
                                           .look = i == SHARE ? PB_CELLS_PART : PB_CELLS_PLAIN});
    }
    pb_status status = pb_table_finish(&out, table, error);
    pb_value_release(&places);
    free(caption);
    return status;
}

/* ---- the word ---- */

static pb_status measure_all(const pb_call *call, const pb_tensor *x, const char *over, trial *t,
                             pb_value **result, pb_error **error)
{
    pb_axis *axis = NULL;
    pb_tensor *all = NULL;
    pb_value *parts = NULL, *table = NULL;
    pb_status status = draw_resamples(t, error);
    if (!status)
        status = pb_axis_create("statistic", STATISTICS, NULL, NULL, &axis, error);
    if (!status)
        status = pb_tensor_lanes(x, over, axis, measure_lane, t, pb_call_watch(call), &all, error);
    if (!status)
        status = make_parts(call, x, all, t, &parts, error);
    if (!status)
        status = make_table(call, over, t, parts, &table, error);
    if (!status)
        status = pb_findings_make(&generalization_type, &parts, &table, result, error);
    pb_value_release(&parts);
    pb_value_release(&table);
    pb_tensor_release(&all);
    pb_axis_release(&axis);
    return status;
}

static pb_status call_generalize(pb_call *call, pb_value **result, pb_error **error)
{
    pb_tensor *x = NULL;
    const char *over = NULL;
    size_t which = 0;
    bool list = false;
    trial t = {.seed = (uint64_t)pb_argument_integer(call, "seed"),
               .sign = pb_argument_choice(call, "expected") == 0 ? 1 : -1,
               .watch = pb_call_watch(call)};
    pb_status status = pb_open_numbers(call, "x", &x, &list, error);
    if (!status)
        status = pb_choose_axis(call, x, "prompt", &over, &which, error);
    if (!status)
        status = pb_check_finite(call, "x", x, error);
    t.n = status ? 0 : pb_axis_length(pb_tensor_axis(x, which));
    if (!status && t.n < 2)
        status = pb_fail_argument(call, "x", error, PB_VALUE,
                                  "one %s says nothing of others: two at least are needed", over);
    if (!status)
        status = measure_all(call, x, over, &t, result, error);
    free(t.places);
    pb_tensor_release(&x);
    return status;
}

const pb_builtin pb_builtins_generalize[] = {
    {.name = "generalize",
     .category = "Many to one",
     .summary =
         "How far a mean over prompts carries: its interval, what chance would give, and the "
         "worst cases.",
     .doc =
         "`.low` and `.high` hold 95% of the means of 10,000 bootstrap resamples of the prompts. "
         "`.p` is two-sided, by sign flips: the share of all 2^n ways to flip the signs of n "
         "values "
         "that bring the mean as far from 0, exactly up to 13 prompts; beyond, (1 + how many of "
         "10,000) / 10,001 (Phipson and Smyth, 2010). `.least_p` is what so few prompts can reach "
         "at best: 0.03 for six. `.share` is above zero, or below it for `expected=\"-\"`; "
         "`.worst` "
         "are the three that speak most against it. On a tensor with more axes there is all of "
         "that for each cell, from the same resamples.",
     .result = "a generalization, shown as a table: .mean .low .high .p .share .least_p .worst",
     .gives_object = &generalization_type,
     .example = "generalize([0.5, 1, 2, 1.5, 0.25, 1]).p",
     .expected = "0.03125",
     .see = "mean quantile",
     .parameters = {{.name = "x",
                     .types = PB_TAKES_LIST | PB_TAKES_TENSOR,
                     .what =
                         "a number for each prompt: a column, a list or a tensor [prompt, ...]"},
                    {.name = "over",
                     .types = PB_TAKES_STRING,
                     .fallback = "None",
                     .what = "the axis of the prompts; None: prompt, or the only one"},
                    {.name = "expected",
                     .types = PB_TAKES_STRING,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "\"+\"",
                     .choices = "+ -",
                     .what = "the sign that is hoped for"},
                    {.name = "seed",
                     .types = PB_TAKES_INTEGER,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "0",
                     .what = "which resamples are drawn"}},
     .function = call_generalize},
    {0}};
