/* probe(): is it linearly there? Two labels told apart by a direction, on prompts held out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "chance.h"
#include "findings.h"
#include "math/classify.h"
#include "math/linear.h"
#include "matrices.h"

#define CONTROLS 10 /* times labels are shuffled */

static void probe_names(const pb_value *self, pb_names *names)
{
    (void)self; /* all have the same */
    pb_names_add(names, "accuracy", "tensor", "");
    pb_names_add(names, "shuffled", "tensor", "");
    pb_names_add(names, "direction", "tensor", "");
    pb_names_add(names, "weights", "tensor", "");
    pb_names_add(names, "intercept", "tensor", "");
    pb_names_add(names, "scores", "tensor", "");
    pb_names_add(names, "train", "list", "");
    pb_names_add(names, "test", "list", "");
}

static const pb_object_type probe_type = {
    .name = "probe",
    .article = "a probe",
    .summary = "A direction that tells two labels apart; .direction goes into edits.",
    .destroy = pb_findings_destroy,
    .repr = pb_findings_repr,
    .show = pb_findings_show,
    .members = pb_findings_members,
    .attribute = pb_findings_attribute,
    .names = probe_names,
    .equal = pb_findings_equal};

/* ---- labels, and who is held out ---- */

typedef struct lesson_plan {
    size_t rows, n_train, n_test;
    bool *positive;       /* [rows] */
    size_t *order;        /* [rows]: those learnt from, then those held out, each rising */
    const pb_value *name; /* of the positive label, borrowed from the labels */
    pb_value *labels;     /* a list */
} lesson_plan;

static void plan_free(lesson_plan *plan)
{
    free(plan->positive);
    free(plan->order);
    pb_value_release(&plan->labels);
}

static bool is_label(const pb_value *value)
{
    pb_kind kind = pb_value_kind(value);
    return kind == PB_STRING || kind == PB_NUMBER || kind == PB_BOOL;
}

/* The labels as a list of strings or numbers, one for each row. */
static pb_status read_labels(const pb_call *call, const pb_axis *rows, lesson_plan *plan,
                             pb_error **error)
{
    const pb_value *y = pb_argument_value(call, "y");
    char what[160];
    pb_status status = pb_value_kind(y) == PB_TENSOR
                           ? pb_tensor_cells(call->keeper, y, &plan->labels, error)
                           : pb_argument_items(call, "y", &plan->labels, error);
    if (status)
        return status;
    if (pb_list_count(plan->labels) != plan->rows)
        return pb_fail_argument(call, "y", error, PB_VALUE,
                                "%s has %zu places, and there are %zu labels", pb_axis_name(rows),
                                plan->rows, pb_list_count(plan->labels));
    for (size_t i = 0; i < plan->rows; i++)
        if (!is_label(pb_list_item(plan->labels, i)))
            return pb_fail_argument(
                call, "y", error, PB_TYPE, "a label is a string or a number; that of %s %zu is %s",
                pb_axis_name(rows), i,
                pb_value_describe(pb_list_item(plan->labels, i), what, sizeof what));
    return PB_OK;
}

/* The first and the last label in sorted order; PB_TYPE where they have none. */
static pb_status find_ends(const pb_call *call, const lesson_plan *plan, const pb_value **low,
                           const pb_value **high, pb_error **error)
{
    *low = *high = pb_list_item(plan->labels, 0);
    for (size_t i = 1; i < plan->rows; i++) {
        const pb_value *label = pb_list_item(plan->labels, i);
        int below = 0, above = 0;
        pb_status status = pb_value_compare(call->keeper, label, *low, &below, error);
        if (!status)
            status = pb_value_compare(call->keeper, label, *high, &above, error);
        if (status)
            return pb_place_argument(call, "y", status, error);
        *low = below < 0 ? label : *low;
        *high = above > 0 ? label : *high;
    }
    return PB_OK;
}

/* Which label is positive; two labels, or one named and the rest. */
static pb_status choose_positive(const pb_call *call, lesson_plan *plan, pb_error **error)
{
    const pb_value *named = pb_argument_value(call, "positive"), *low, *high;
    char what[160];
    size_t count = 0;
    pb_status status = find_ends(call, plan, &low, &high, error);
    if (status)
        return status;
    if (pb_value_equal(low, high))
        return pb_fail_argument(call, "y", error, PB_VALUE,
                                "all labels are the same: a probe tells two apart");
    plan->name = pb_value_is_none(named) ? high : named;
    for (size_t i = 0; i < plan->rows; i++) {
        const pb_value *label = pb_list_item(plan->labels, i);
        plan->positive[i] = pb_value_equal(label, plan->name);
        count += plan->positive[i];
        if (pb_value_is_none(named) && !plan->positive[i] && !pb_value_equal(label, low))
            return pb_fail_argument(call, "y", error, PB_VALUE,
                                    "there are more than two labels; positive= names the one that "
                                    "is told from the others");
    }
    if (count == 0)
        return pb_fail_argument(call, "positive", error, PB_VALUE, "no label is %s",
                                pb_value_describe(named, what, sizeof what));
    return PB_OK;
}

static int compare_sizes(const void *a, const void *b)
{
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    return (left > right) - (left < right);
}

/* A fifth of the rows of a label, one at least, is held out. */
static pb_status split_label(const pb_call *call, const lesson_plan *plan, const pb_value *label,
                             bool *held, pb_random *random, pb_error **error)
{
    size_t n = 0, *members = pb_malloc(plan->rows, sizeof *members);
    size_t *order = pb_malloc(plan->rows, sizeof *order);
    pb_status status = members && order ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < plan->rows; i++)
        if (pb_value_equal(pb_list_item(plan->labels, i), label))
            members[n++] = i;
    if (!status && n < 2)
        status = pb_fail_argument(call, "y", error, PB_VALUE,
                                  "only one place, %zu, has its label: one is learnt from and one "
                                  "held out, so each label needs two",
                                  members[0]);
    size_t out = (n + 2) / 5 > 0 ? (n + 2) / 5 : 1; /* a fifth, rounded */
    if (!status)
        pb_random_order(random, n, out, order);
    for (size_t i = 0; !status && i < out; i++)
        held[members[order[i]]] = true;
    free(members);
    free(order);
    return status;
}

/* The least label above one, or NULL; `label` NULL: the least of all. */
static pb_status next_label(const pb_call *call, const lesson_plan *plan, const pb_value *label,
                            const pb_value **next, pb_error **error)
{
    *next = NULL;
    for (size_t i = 0; i < plan->rows; i++) {
        const pb_value *other = pb_list_item(plan->labels, i);
        int above = 1, below = -1;
        pb_status status = PB_OK;
        if (label)
            status = pb_value_compare(call->keeper, other, label, &above, error);
        if (!status && *next)
            status = pb_value_compare(call->keeper, other, *next, &below, error);
        if (status)
            return pb_place_argument(call, "y", status, error);
        if (above > 0 && below < 0)
            *next = other;
    }
    return PB_OK;
}

/* Label by label in sorted order, so that the split does not depend on which is positive. */
static pb_status split_rows(const pb_call *call, lesson_plan *plan, pb_error **error)
{
    pb_random random;
    const pb_value *label = NULL;
    bool *held = pb_calloc(plan->rows, sizeof *held);
    pb_status status = held ? PB_OK : pb_fail_memory(error);
    pb_random_start(&random, (uint64_t)pb_argument_integer(call, "seed"), PB_STREAM_SPLIT);
    if (!status)
        status = next_label(call, plan, NULL, &label, error);
    while (!status && label) {
        status = split_label(call, plan, label, held, &random, error);
        if (!status)
            status = next_label(call, plan, label, &label, error);
    }
    for (size_t i = 0; !status && i < plan->rows; i++)
        if (held[i])
            plan->order[plan->rows - ++plan->n_test] = i;
        else
            plan->order[plan->n_train++] = i;
    if (!status)
        qsort(plan->order + plan->n_train, plan->n_test, sizeof *plan->order, compare_sizes);
    free(held);
    return status;
}

static pb_status make_plan(const pb_call *call, const pb_axis *rows, lesson_plan *plan,
                           pb_error **error)
{
    *plan = (lesson_plan){.rows = pb_axis_length(rows)};
    plan->positive = pb_calloc(plan->rows, sizeof *plan->positive);
    plan->order = pb_calloc(plan->rows, sizeof *plan->order);
    pb_status status = plan->positive && plan->order ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = read_labels(call, rows, plan, error);
    if (!status)
        status = choose_positive(call, plan, error);
    if (!status)
        status = split_rows(call, plan, error);
    return status;
}

/* ---- one matrix ---- */

static double score(const double *x, const double *weights, double intercept, size_t columns)
{
    double sum = intercept;
    for (size_t j = 0; j < columns; j++)
        sum += x[j] * weights[j];
    return sum;
}

static double accuracy(const lesson_plan *plan, const double *a, size_t columns,
                       const double *weights, double intercept)
{
    size_t right = 0;
    for (size_t i = plan->n_train; i < plan->rows; i++) {
        size_t row = plan->order[i];
        right += (score(a + row * columns, weights, intercept, columns) > 0) == plan->positive[row];
    }
    return (double)right / (double)plan->n_test;
}

typedef struct pupil {
    const lesson_plan *plan;
    const double *a; /* [rows][columns] */
    size_t columns;
    pb_lessons *lessons;
    pb_classifier method;
    bool *labels;              /* [n_train] */
    double *weights, *control; /* [columns] */
} pupil;

/* The mean accuracy of fits to labels in an order of chance. */
static pb_status fit_controls(const pb_call *call, pupil *p, double *shuffled, pb_error **error)
{
    const lesson_plan *plan = p->plan;
    pb_random random;
    pb_status status = PB_OK;
    size_t *order = pb_malloc(plan->n_train, sizeof *order);
    if (!order)
        return pb_fail_memory(error);
    pb_random_start(&random, (uint64_t)pb_argument_integer(call, "seed"), PB_STREAM_CONTROL);
    *shuffled = 0;
    for (int i = 0; !status && i < CONTROLS; i++) {
        double intercept;
        pb_random_order(&random, plan->n_train, plan->n_train, order);
        for (size_t k = 0; k < plan->n_train; k++)
            p->labels[k] = plan->positive[plan->order[order[k]]];
        status = pb_lessons_fit(p->lessons, p->method, p->labels, p->control, &intercept,
                                pb_call_watch(call), error);
        if (!status)
            *shuffled += accuracy(plan, p->a, p->columns, p->control, intercept) / CONTROLS;
    }
    free(order);
    return status;
}

static void write_parts(const pupil *p, double intercept, double shuffled, float *const *out)
{
    double length = 0;
    for (size_t j = 0; j < p->columns; j++)
        length += p->weights[j] * p->weights[j];
    length = sqrt(length);
    out[0][0] = (float)accuracy(p->plan, p->a, p->columns, p->weights, intercept);
    out[1][0] = (float)shuffled;
    for (size_t j = 0; j < p->columns; j++) {
        out[2][j] = (float)(length > 0 ? p->weights[j] / length : 0);
        out[3][j] = (float)p->weights[j];
    }
    out[4][0] = (float)intercept;
    for (size_t i = 0; i < p->plan->rows; i++)
        out[5][i] = (float)score(p->a + i * p->columns, p->weights, intercept, p->columns);
}

static pb_status learn(const pb_call *call, pupil *p, float *const *out, pb_error **error)
{
    const lesson_plan *plan = p->plan;
    double intercept = 0, shuffled = 0;
    double *x = pb_doubles_create(plan->n_train, p->columns);
    if (!x)
        return pb_fail_memory(error);
    for (size_t i = 0; i < plan->n_train; i++) {
        p->labels[i] = plan->positive[plan->order[i]];
        memcpy(x + i * p->columns, p->a + plan->order[i] * p->columns, p->columns * sizeof *x);
    }
    pb_status status =
        pb_lessons_create(plan->n_train, p->columns, x, &p->lessons, pb_call_watch(call), error);
    pb_doubles_free(&x);
    if (!status)
        status = pb_lessons_fit(p->lessons, p->method, p->labels, p->weights, &intercept,
                                pb_call_watch(call), error);
    if (!status)
        status = fit_controls(call, p, &shuffled, error);
    if (!status)
        write_parts(p, intercept, shuffled, out);
    return status;
}

static pb_status probe_one(const pb_call *call, const pb_matrices *m, double *a, float *const *out,
                           pb_error **error)
{
    pupil p = {.plan = m->user,
               .a = a,
               .columns = m->columns,
               .method = (pb_classifier)pb_argument_choice(call, "method")};
    p.labels = pb_calloc(p.plan->n_train, sizeof *p.labels);
    p.weights = pb_doubles_create(m->columns, 1);
    p.control = pb_doubles_create(m->columns, 1);
    pb_status status =
        p.labels && p.weights && p.control ? learn(call, &p, out, error) : pb_fail_memory(error);
    pb_lessons_destroy(&p.lessons);
    free(p.labels);
    pb_doubles_free(&p.weights);
    pb_doubles_free(&p.control);
    return status;
}

/* ---- the word ---- */

static pb_status places_of(const pb_axis *rows, const size_t *order, size_t count,
                           pb_value **result, pb_error **error)
{
    pb_list_builder out = {0};
    for (size_t i = 0; i < count; i++)
        pb_list_take_number(&out, (double)pb_axis_coordinate(rows, order[i]), PB_INTEGER);
    return pb_list_finish(&out, false, result, error);
}

/* The record with what was learnt from and what was held out. */
static pb_status add_places(const pb_call *call, const pb_axis *rows, const lesson_plan *plan,
                            pb_value **parts, pb_error **error)
{
    pb_record_builder record = {.keeper = call->keeper};
    pb_value *train = NULL, *test = NULL;
    for (size_t i = 0; i < pb_record_count(*parts); i++) {
        pb_entry entry = pb_record_entry(*parts, i);
        pb_record_take(&record, entry.name, pb_value_retain(entry.value));
    }
    record.status = places_of(rows, plan->order, plan->n_train, &train, &record.error);
    if (!record.status)
        record.status =
            places_of(rows, plan->order + plan->n_train, plan->n_test, &test, &record.error);
    if (!record.status) {
        pb_record_take(&record, "train", train);
        pb_record_take(&record, "test", test);
    }
    pb_value_release(parts);
    return pb_record_finish(&record, parts, error);
}

/* "Logistic probe for 'praise' over prompt: 32 learnt from, 8 held out" */
static char *caption_of(const pb_call *call, const pb_axis *rows, const lesson_plan *plan)
{
    static const char *const methods[] = {"Logistic", "Ridge", "Mean difference"};
    pb_buffer out = PB_BUFFER_EMPTY;
    pb_buffer_format(&out, "%s probe for ", methods[pb_argument_choice(call, "method")]);
    pb_value_repr(plan->name, false, &out);
    pb_buffer_format(&out, " over %s: %zu learnt from, %zu held out; seed %lld", pb_axis_name(rows),
                     plan->n_train, plan->n_test, (long long)pb_argument_integer(call, "seed"));
    return pb_buffer_take(&out);
}

/* A row for each matrix: its place, and its accuracies. */
static pb_status make_table(const pb_call *call, const pb_axis *rows, const lesson_plan *plan,
                            const pb_value *parts, pb_value **table, pb_error **error)
{
    const char *const names[] = {"accuracy", "shuffled"};
    const pb_value *first = pb_record_find(parts, names[0]);
    pb_table_builder out = {.keeper = call->keeper, .rows = 1};
    pb_value *places = NULL;
    if (pb_value_kind(first) == PB_TENSOR) {
        out.status = pb_table_of_places(call->keeper, first, &places, &out.error);
        if (!out.status)
            pb_table_take_columns(&out, places);
    }
    char *caption = caption_of(call, rows, plan);
    out.caption = caption;
    if (!caption && !out.status)
        out.status = pb_fail_memory(&out.error);
    for (size_t i = 0; !out.status && i < 2; i++) {
        const pb_value *value = pb_record_find(parts, names[i]);
        pb_value *cells = NULL;
        out.status = pb_value_kind(value) == PB_TENSOR
                         ? pb_tensor_cells(call->keeper, value, &cells, &out.error)
                         : pb_value_as_column(call->keeper, value, 1, &cells, &out.error);
        if (!out.status)
            pb_table_take(
                &out, (pb_table_cells){.name = names[i], .cells = cells, .look = PB_CELLS_PART});
    }
    pb_status status = pb_table_finish(&out, table, error);
    pb_value_release(&places);
    free(caption);
    return status;
}

static pb_status run_probe(const pb_call *call, pb_matrices *m, const lesson_plan *plan,
                           pb_value **result, pb_error **error)
{
    pb_axis *rows = pb_matrices_row_axis(m), *columns = pb_matrices_column_axis(m);
    pb_value *parts = NULL, *table = NULL;
    pb_filled filled[] = {
        {.name = "accuracy", .caption = "Accuracy on what was held out"},
        {.name = "shuffled", .caption = "Accuracy after training on shuffled labels"},
        {.name = "direction", .caption = "Direction of a probe, of length one", .axes = {columns}},
        {.name = "weights", .caption = "Weights of a probe", .axes = {columns}},
        {.name = "intercept", .caption = "Intercept of a probe"},
        {.name = "scores", .caption = "Scores of a probe", .axes = {rows}},
    };
    m->user = plan;
    pb_status status = pb_matrices_fill(call, m, 6, filled, probe_one, &parts, error);
    if (!status)
        status = add_places(call, rows, plan, &parts, error);
    if (!status)
        status = make_table(call, rows, plan, parts, &table, error);
    if (!status)
        status = pb_findings_make(&probe_type, &parts, &table, result, error);
    pb_value_release(&parts);
    pb_value_release(&table);
    return status;
}

static pb_status call_probe(pb_call *call, pb_value **result, pb_error **error)
{
    pb_matrices m;
    lesson_plan plan = {0};
    pb_status status = pb_matrices_open(call, "x", pb_argument_text(call, "over"),
                                        pb_argument_text(call, "columns"), &m, error);
    if (status)
        return status;
    status = make_plan(call, pb_matrices_row_axis(&m), &plan, error);
    if (!status)
        status = run_probe(call, &m, &plan, result, error);
    plan_free(&plan);
    pb_matrices_close(&m);
    return status;
}

const pb_builtin pb_builtins_probe[] = {
    {.name = "probe",
     .category = "Linear algebra",
     .summary = "A direction that tells two labels apart, tried on prompts held out.",
     .doc =
         "A fifth of each label's places along `over`, chosen by `seed`, is held out; the rest is "
         "learnt from. Logistic regression minimises |w|^2 / 2 + the sum of log losses, ridge "
         "regression |w|^2 + the sum of squared distances of the score from -1 and 1, both with a "
         "free intercept on features standardised by what is learnt from; \"mean\" goes from one "
         "label's mean to the other's, in the units of x, and splits at the middle.\n\n"
         "`.accuracy` is the share told right of what was held out, `.shuffled` the mean of ten "
         "probes that learnt from shuffled labels (Hewitt and Liang, 2019): what chance gives. "
         "`.direction` is in the units of x, of length one, towards the second label in sorted "
         "order or the one that `positive` names, and goes into edits: "
         "`add(\"resid_post\", layer=3, value=4 * p.direction)`. With more axes than two there "
         "is a probe for each place of the others, a layer for instance.",
     .result = "a probe, shown as a table: .accuracy .shuffled .direction .weights .intercept "
               ".scores .train .test",
     .gives_object = &probe_type,
     .example = "x = tensor([[0, 1], [1, 0], [0, 2], [5, 1], [6, 0], [5, 2]], axes=[\"prompt\", "
                "\"d_model\"])\n"
                "probe(x, [\"bad\", \"bad\", \"bad\", \"good\", \"good\", \"good\"], "
                "method=\"mean\").direction.round(3).values",
     .expected = "[0.976, 0.217]",
     .see = "add project svd",
     .parameters = {{.name = "x",
                     .types = PB_TAKES_TENSOR,
                     .what = "activations, a tensor [prompt, ...]"},
                    {.name = "y",
                     .types = PB_TAKES_LIST | PB_TAKES_TENSOR,
                     .what = "a label for each place along over"},
                    {.name = "over",
                     .types = PB_TAKES_STRING,
                     .fallback = "\"prompt\"",
                     .what = "the axis whose places have the labels"},
                    {.name = "positive",
                     .types = PB_TAKES_STRING | PB_TAKES_NUMBER | PB_TAKES_BOOL,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "None",
                     .what = "the label the direction points to; None: the second in order"},
                    {.name = "seed",
                     .types = PB_TAKES_INTEGER,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "0",
                     .what = "which places are held out"},
                    {.name = "method",
                     .types = PB_TAKES_STRING,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "\"logistic\"",
                     .choices = "logistic ridge mean"},
                    {.name = "columns",
                     .types = PB_TAKES_STRING,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "None",
                     .what = "the axis of the features; None: the last other one"}},
     .function = call_probe},
    {0}};
