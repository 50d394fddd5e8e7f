/*
 * Metrics: logit(" great") is a value, a function of a run; logit(love, " great") evaluates it. One
 * table row for each word; what they share is bound and evaluated in one place.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "metrics.h"
#include "show/values.h"

static const pb_metric_row rows[] = {
    {"logit", PB_METRIC_LOGIT, "logits", "logit"},
    {"logit_diff", PB_METRIC_LOGIT_DIFF, "logits", "logit difference"},
    {"prob", PB_METRIC_PROB, "probability", "probability"},
    {"logprob", PB_METRIC_LOGPROB, "nats", "log probability"},
    {"rank", PB_METRIC_RANK, "rank", "rank"},
    {"loss", PB_METRIC_LOSS, "nats", "loss"},
    {"kl", PB_METRIC_KL, "nats", "KL divergence from the reference"},
};

const pb_metric_row *pb_metric_row_of(const char *word)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].word, word) == 0)
            return &rows[i];
    return NULL;
}

/* ---- the object ---- */

void pb_metric_destroy(void *data)
{
    pb_metric_data *metric = data;
    if (!metric)
        return;
    pb_value_release(&metric->target);
    pb_value_release(&metric->against);
    pb_value_release(&metric->pos);
    pb_value_release(&metric->reference);
    pb_metric_terms_free(metric);
    free(metric);
}

static void metric_repr(const pb_value *self, pb_buffer *out)
{
    const pb_metric_data *metric = pb_value_object(self, &pb_metric_type);
    const pb_value *parts[] = {metric->target, metric->against};
    const char *gap = "";
    if (pb_metric_is_sum(metric)) {
        pb_metric_sum_repr(metric, out);
        return;
    }
    pb_buffer_format(out, "%s(", metric->row->word);
    for (size_t i = 0; i < 2; i++) {
        if (!parts[i])
            continue;
        pb_buffer_text(out, gap);
        pb_value_repr(parts[i], false, out);
        gap = ", ";
    }
    if (metric->reference) {
        bool one = pb_list_count(metric->reference) == 1;
        pb_buffer_text(out, "reference=");
        pb_value_repr(one ? pb_list_item(metric->reference, 0) : metric->reference, false, out);
        gap = ", ";
    }
    if (metric->pos) {
        pb_buffer_format(out, "%spos=", gap);
        pb_value_repr(metric->pos, false, out);
        gap = ", ";
    }
    if (metric->per_token)
        pb_buffer_format(out, "%sby=\"pos\"", gap);
    pb_buffer_byte(out, ')');
}

/* ---- binding to prompts ---- */

/* "\xC2\xB7great", "any of \xC2\xB7great, \xC2\xB7good", "each prompt's word" */
static void write_target(const pb_targets *side, const pb_model *model, pb_buffer *out)
{
    enum { MOST_WRITTEN = 4 };
    size_t n = side->ends ? side->ends[0] : 1;
    if (side->count > 1) {
        pb_buffer_text(out, side->ends ? "each prompt's words" : "each prompt's word");
        return;
    }
    for (size_t i = 0; i < n && i < MOST_WRITTEN; i++) {
        char *token = pb_token_text(model, side->ids[i]);
        pb_buffer_format(out, "%s%s", i ? ", " : n > 1 ? "any of " : "", token ? token : "?");
        free(token);
    }
    if (n > MOST_WRITTEN)
        pb_buffer_format(out, " and %zu more", n - MOST_WRITTEN);
}

static char *metric_title(const pb_metric_data *metric, const pb_model *model,
                          const pb_bound_metric *bound)
{
    pb_buffer title = PB_BUFFER_EMPTY;
    pb_buffer_text(&title, metric->row->title);
    const pb_targets *sides[] = {&bound->targets, &bound->against};
    for (size_t i = 0; i < 2; i++) {
        if (!sides[i]->count)
            continue;
        pb_buffer_text(&title, i ? " minus " : " of ");
        write_target(sides[i], model, &title);
    }
    if (metric->pos &&
        !(pb_value_kind(metric->pos) == PB_NUMBER && pb_value_get_number(metric->pos) == -1)) {
        pb_buffer_text(&title, " at pos=");
        pb_value_repr(metric->pos, false, &title);
    }
    return pb_buffer_take(&title);
}

static pb_status bind_reference(const pb_metric_data *metric, pb_bound_metric *bound,
                                pb_error **error)
{
    size_t count = pb_list_count(metric->reference);
    bound->reference.runs = pb_calloc(count, sizeof *bound->reference.runs);
    if (!bound->reference.runs)
        return pb_fail_memory(error);
    bound->reference.count = count;
    for (size_t i = 0; i < count; i++)
        bound->reference.runs[i] = pb_run_retain(pb_run_of(pb_list_item(metric->reference, i)));
    bound->metric.reference = bound->reference.runs;
    bound->metric.n_reference = count;
    return PB_OK;
}

static pb_status bind_counts(const char *what, size_t count, size_t n_prompts, pb_error **error)
{
    if (count <= 1 || count == n_prompts)
        return PB_OK;
    return pb_fail(error, PB_VALUE,
                   "there %s %zu prompt%s and %zu %s; give one for all prompts, or one for each",
                   n_prompts == 1 ? "is" : "are", n_prompts, n_prompts == 1 ? "" : "s", count,
                   what);
}

pb_status pb_metric_bind(const pb_metric_data *metric, pb_model *model, size_t n_prompts,
                         pb_bound_metric *bound, pb_error **error)
{
    if (pb_metric_is_sum(metric))
        return pb_metric_bind_sum(metric, model, n_prompts, bound, error);
    pb_status status = pb_places_of(metric->pos, "pos", &bound->positions, error);
    bound->metric.positions = bound->positions;
    bound->metric.kind = metric->row->kind;
    bound->units = metric->row->units;
    if (metric->target) {
        status = pb_word_sets_of(model, metric->target, &bound->targets, error);
        if (!status)
            status = bind_counts("words", bound->targets.count, n_prompts, error);
        bound->metric.targets = bound->targets.ids;
        bound->metric.n_targets = bound->targets.count;
        bound->metric.target_ends = bound->targets.ends;
    }
    if (!status && metric->against) {
        status = pb_word_sets_of(model, metric->against, &bound->against, error);
        if (!status)
            status = bind_counts("words to compare with", bound->against.count, n_prompts, error);
        bound->metric.against = bound->against.ids;
        bound->metric.n_against = bound->against.count;
        bound->metric.against_ends = bound->against.ends;
    }
    if (!status && metric->reference)
        status = bind_reference(metric, bound, error);
    if (!status && metric->reference)
        status = bind_counts("references", bound->reference.count, n_prompts, error);
    if (!status && !(bound->name = metric_title(metric, model, bound)))
        status = pb_fail_memory(error);
    return status;
}

/* Refuses what is no metric and no function, and hints at what was probably meant. */
static pb_status not_a_metric(const pb_value *value, pb_error **error)
{
    char text[96];
    pb_status status = pb_fail(error, PB_TYPE,
                               "a metric is a value such as logit(\" great\"), or a function of a "
                               "run, not %s",
                               pb_value_describe(value, text, sizeof text));
    if (error && pb_value_kind(value) == PB_STRING)
        pb_error_hint(*error, "metric=logit(\"%.40s\")", pb_value_get_text(value, NULL));
    else if (error && (pb_value_kind(value) == PB_NUMBER || pb_value_kind(value) == PB_TENSOR))
        pb_error_hint(*error, "leave the prompt out: logit(\" great\") is a metric, "
                              "logit(prompt, \" great\") already its value");
    return status;
}

/* Refuses metric=logit, which lacks its word. */
static pb_status bare_word(const char *word, pb_error **error)
{
    pb_status status = pb_fail(error, PB_TYPE, "%s is not a metric yet: it needs %s", word,
                               strcmp(word, "loss") == 0 ? "its brackets" : "brackets and a word");
    if (error)
        pb_error_hint(*error, "metric=%s(%s)", word,
                      strcmp(word, "loss") == 0         ? ""
                      : strcmp(word, "kl") == 0         ? "reference=prompt"
                      : strcmp(word, "logit_diff") == 0 ? "\" great\", \" bad\""
                                                        : "\" great\"");
    return status;
}

/* Where a metric reads, and each of a sum, is one position. */
static pb_status check_positions(pb_call *call, const char *name, const pb_bound_metric *bound,
                                 pb_error **error)
{
    pb_status status = pb_positions_check(call, name, bound->positions, error);
    for (size_t i = 0; i < bound->n_terms && !status; i++)
        status = pb_positions_check(call, name, bound->terms[i].positions, error);
    return status;
}

static pb_status take_metric(pb_call *call, const char *name, const pb_prompts *prompts,
                             pb_bound_metric *bound, pb_error **error)
{
    pb_value *value = pb_argument_value(call, name);
    const pb_metric_data *metric = pb_value_object(value, &pb_metric_type);
    const pb_builtin *builtin = pb_value_get_builtin(value);
    if (metric && metric->per_token)
        return pb_fail(error, PB_VALUE,
                       "a metric gives one number for a prompt, and loss(by=\"pos\") gives one "
                       "for each token; write loss()");
    if (builtin && pb_metric_row_of(builtin->name))
        return bare_word(builtin->name, error);
    if (!metric && !pb_value_is_callable(value))
        return not_a_metric(value, error);
    if (!metric)
        return pb_metric_bind_function(call->interp, value, prompts->model, bound, error);
    pb_status status = pb_metric_bind(metric, prompts->engine, prompts->count, bound, error);
    return status ? status : check_positions(call, name, bound, error);
}

pb_status pb_metric_take(pb_call *call, const char *name, const pb_prompts *prompts,
                         pb_bound_metric *bound, pb_error **error)
{
    *bound = (pb_bound_metric){0};
    pb_status status = take_metric(call, name, prompts, bound, error);
    if (status)
        pb_bound_metric_free(bound);
    return pb_place_argument(call, name, status, error);
}

void pb_bound_metric_free(pb_bound_metric *bound)
{
    pb_targets_free(&bound->targets);
    pb_targets_free(&bound->against);
    pb_select_destroy(&bound->positions);
    pb_prompts_free(&bound->reference);
    free(bound->name);
    pb_metric_caller_free(&bound->caller);
    pb_bound_terms_free(bound);
    *bound = (pb_bound_metric){0};
}

/* ---- the type ---- */

pb_status pb_metric_of_run(pb_interp *interp, const pb_metric_data *metric, const pb_value *value,
                           pb_value **result, pb_error **error)
{
    pb_run *run = pb_run_of(value);
    pb_seen own = {.run = run, .like = run, .normed = run ? pb_run_normed(run) : NULL};
    pb_seen *cell = pb_cell_run_seen(value), *seen = cell ? cell : &own;
    pb_bound_metric bound = {0};
    pb_context context = {.watch = pb_interp_watch(interp), .caller = interp};
    pb_tensor *values = NULL;
    pb_status status = pb_metric_bind(metric, pb_run_model(seen->run), 1, &bound, error);
    if (metric->per_token)
        bound.metric.positions = &pb_select_all;
    if (!status)
        status = pb_metric_of_seen(&bound.metric, seen, &context, &values, error);
    if (!status)
        status = pb_metric_value(metric->row, &values,
                                 cell ? pb_cell_run_model(value) : pb_run_model_value(value), NULL,
                                 result, error);
    pb_bound_metric_free(&bound);
    return status;
}

/* A metric is a function of a run, logit(" great")(run(love)), or of prompts. */
static pb_status metric_call(pb_interp *interp, const pb_value *self, size_t count,
                             pb_value *const *arguments, pb_value **result, pb_error **error)
{
    const pb_metric_data *metric = pb_value_object(self, &pb_metric_type);
    if (count == 1 && (pb_run_of(arguments[0]) || pb_cell_run_seen(arguments[0])))
        return pb_metric_of_run(interp, metric, arguments[0], result, error);
    if (count == 1)
        return pb_metric_of_prompts(interp, self, arguments[0], result, error);
    return pb_fail(error, PB_TYPE, "a metric is called with a run, a prompt, or a list of them");
}

static pb_status metric_show_values(pb_interp *interp, const pb_value *self, pb_bundle *bundle,
                                    pb_error **error)
{
    (void)interp;
    const pb_meta *meta = pb_value_meta(self);
    pb_words words = {.caption = meta->caption};
    return pb_show_values(self, &words, meta->units ? meta->units : "value", bundle, error);
}

static const pb_look values_look = {.name = "tensor",
                                    .article = "a tensor",
                                    .summary = "A metric's value for each prompt or position.",
                                    .show = metric_show_values};

pb_status pb_metric_value(const pb_metric_row *row, pb_tensor **values, pb_value *model,
                          const char *caption, pb_value **result, pb_error **error)
{
    bool number = pb_tensor_rank(*values) == 0;
    if (number && row->kind == PB_METRIC_RANK) {
        double rank = pb_tensor_data(*values)[0];
        pb_tensor_release(values);
        return pb_value_integer((int64_t)rank, result, error);
    }
    return pb_result_tensor(values, model, number ? NULL : &values_look, row->units, caption, 0,
                            NULL, result, error);
}

static bool metric_equal(const pb_value *a, const pb_value *b)
{
    const pb_metric_data *x = pb_value_object(a, &pb_metric_type);
    const pb_metric_data *y = pb_value_object(b, &pb_metric_type);
    const pb_value *p[] = {x->target, x->against, x->pos, x->reference};
    const pb_value *q[] = {y->target, y->against, y->pos, y->reference};
    bool same = x->row == y->row && x->per_token == y->per_token && pb_metric_sums_equal(x, y);
    for (size_t i = 0; i < 4 && same; i++)
        same = p[i] && q[i] ? pb_value_equal(p[i], q[i]) : p[i] == q[i];
    return same;
}

const pb_object_type pb_metric_type = {
    .name = "metric",
    .article = "a metric",
    .summary = "A number read from a run's prediction: logit(\" great\"), kl(reference=r), ...",
    .destroy = pb_metric_destroy,
    .repr = metric_repr,
    .call = metric_call,
    .binary = pb_metric_binary,
    .equal = metric_equal};
