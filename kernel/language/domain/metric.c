/*
 * Metrics: logit(" great") is a value, a function of a run; logit(love, " great") evaluates it. One
 * table row for each word; what they share is bound and evaluated in one place.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "words.h"

typedef struct metric_row {
    const char *word;
    pb_metric_kind kind;
    const char *units;
    const char *title; /* "logit of %s" with the target, or with target and against */
} metric_row;

static const metric_row rows[] = {
    {"logit", PB_METRIC_LOGIT, "logits", "logit"},
    {"logit_diff", PB_METRIC_LOGIT_DIFF, "logits", "logit difference"},
    {"prob", PB_METRIC_PROB, "probability", "probability"},
    {"logprob", PB_METRIC_LOGPROB, "nats", "log probability"},
    {"rank", PB_METRIC_RANK, "rank", "rank"},
    {"loss", PB_METRIC_LOSS, "nats", "loss"},
    {"kl", PB_METRIC_KL, "nats", "KL divergence from the reference"},
};

static const metric_row *row_of(const char *word)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].word, word) == 0)
            return &rows[i];
    return NULL;
}

/* ---- the object ---- */

typedef struct metric_data {
    const metric_row *row;
    pb_value *target, *against; /* NULL where the metric has none */
    pb_value *pos;              /* NULL: the last position */
    pb_value *reference;        /* kl: a list of runs */
    bool per_token;             /* loss(by="pos") */
} metric_data;

static void metric_destroy(void *data)
{
    metric_data *metric = data;
    if (!metric)
        return;
    pb_value_release(&metric->target);
    pb_value_release(&metric->against);
    pb_value_release(&metric->pos);
    pb_value_release(&metric->reference);
    free(metric);
}

static void metric_repr(const pb_value *self, pb_buffer *out)
{
    const metric_data *metric = pb_value_object(self, &pb_metric_type);
    const pb_value *parts[] = {metric->target, metric->against};
    const char *gap = "";
    pb_buffer_format(out, "%s(", metric->row->word);
    for (size_t i = 0; i < 2; i++) {
        if (!parts[i])
            continue;
        pb_buffer_text(out, gap);
        pb_value_repr(parts[i], false, out);
        gap = ", ";
    }
    if (metric->reference) {
        pb_buffer_text(out, "reference=");
        pb_value_repr(metric->reference, false, out);
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

/* ---- a user's function as a metric ---- */

/* What such a function is given: the logits of one prompt, as run.logits would be. */
typedef struct logits_view {
    pb_value *logits, *model;
} logits_view;

static void view_destroy(void *data)
{
    logits_view *view = data;
    if (!view)
        return;
    pb_value_release(&view->logits);
    pb_value_release(&view->model);
    free(view);
}

static void view_repr(const pb_value *self, pb_buffer *out)
{
    (void)self;
    pb_buffer_text(out, "the run of one cell of a sweep");
}

static const pb_object_type view_type;

static pb_status view_logits(pb_interp *interp, const pb_value *self, pb_value **result,
                             pb_error **error)
{
    (void)interp;
    (void)error;
    *result = pb_value_retain(((logits_view *)pb_value_object(self, &view_type))->logits);
    return PB_OK;
}

static pb_status view_logprobs(pb_interp *interp, const pb_value *self, pb_value **result,
                               pb_error **error)
{
    (void)interp;
    const logits_view *view = pb_value_object(self, &view_type);
    pb_tensor *logprobs = NULL;
    pb_status status =
        pb_tensor_softmax(pb_value_get_tensor(view->logits), "token", true, &logprobs, error);
    return status ? status
                  : pb_result_tensor(&logprobs, view->model, NULL, "nats", NULL, 0, NULL, result,
                                     error);
}

static const pb_member view_members[] = {
    {"logits", "Logits of the next token: [pos, token].", view_logits},
    {"logprobs", "Log probabilities, nats: [pos, token].", view_logprobs},
    {NULL, NULL, NULL}};

static const pb_object_type view_type = {
    .name = "run in a sweep",
    .article = "a run in a sweep",
    .summary = "One cell of a sweep, as a metric of your own sees it: .logits and .logprobs.",
    .destroy = view_destroy,
    .repr = view_repr,
    .members = view_members};

typedef struct pb_metric_caller {
    pb_interp *interp;
    pb_value *function, *model;
} pb_metric_caller;

static pb_status call_function(void *user, size_t prompt, const pb_tensor *logits, double *value,
                               pb_error **error)
{
    (void)prompt;
    pb_metric_caller *caller = user;
    logits_view *view = pb_calloc(1, sizeof *view);
    pb_value *argument = NULL, *answer = NULL;
    if (!view)
        return pb_fail_memory(error);
    pb_tensor *shared = pb_tensor_retain((pb_tensor *)logits);
    view->model = pb_value_retain(caller->model);
    pb_status status = pb_result_tensor(&shared, caller->model, NULL, "logits", NULL, 0, NULL,
                                        &view->logits, error);
    if (status) {
        view_destroy(view);
        return status;
    }
    status = pb_value_take_object(&view_type, view, &argument, error);
    if (!status)
        status = pb_interp_call(caller->interp, caller->function, 1, &argument, &answer, error);
    if (!status && pb_value_kind(answer) == PB_TENSOR &&
        pb_tensor_size(pb_value_get_tensor(answer)) == 1) {
        *value = pb_tensor_data(pb_value_get_tensor(answer))[0];
    } else if (!status &&
               (pb_value_kind(answer) == PB_NUMBER || pb_value_kind(answer) == PB_BOOL)) {
        *value = pb_value_get_number(answer);
    } else if (!status) {
        char text[96];
        status = pb_fail(error, PB_TYPE, "a metric gives one number for a run; yours gave %s",
                         pb_value_describe(answer, text, sizeof text));
        if (error)
            pb_error_hint(*error, "pick one: lambda r: r.logits[pos=-1, token=\" great\"]");
    }
    pb_value_release(&argument);
    pb_value_release(&answer);
    return status;
}

/* ---- binding to prompts ---- */

static char *metric_title(const metric_data *metric, const pb_model *model,
                          const pb_bound_metric *bound)
{
    pb_buffer title = PB_BUFFER_EMPTY;
    pb_buffer_text(&title, metric->row->title);
    const pb_targets *sides[] = {&bound->targets, &bound->against};
    for (size_t i = 0; i < 2; i++) {
        if (!sides[i]->count)
            continue;
        char *token = sides[i]->count == 1 ? pb_token_text(model, sides[i]->ids[0]) : NULL;
        pb_buffer_text(&title, i ? " minus " : " of ");
        pb_buffer_text(&title, token ? token : "each prompt's word");
        free(token);
    }
    return pb_buffer_take(&title);
}

static pb_status bind_reference(const metric_data *metric, pb_bound_metric *bound, pb_error **error)
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
                   "there are %zu prompts and %zu %s; give one for all prompts, or one for each",
                   n_prompts, count, what);
}

static pb_status bind(pb_interp *interp, const metric_data *metric, pb_model *model,
                      size_t n_prompts, pb_bound_metric *bound, pb_error **error)
{
    pb_status status = PB_OK;
    bound->metric.kind = metric->row->kind;
    bound->units = metric->row->units;
    if (metric->target) {
        status = pb_targets_of(model, metric->target, &bound->targets, error);
        if (!status)
            status = bind_counts("targets", bound->targets.count, n_prompts, error);
        if (!status)
            pb_note_missing_space(interp, model, metric->target);
        bound->metric.targets = bound->targets.ids;
        bound->metric.n_targets = bound->targets.count;
    }
    if (!status && metric->against) {
        status = pb_targets_of(model, metric->against, &bound->against, error);
        if (!status)
            status = bind_counts("words to compare with", bound->against.count, n_prompts, error);
        bound->metric.against = bound->against.ids;
        bound->metric.n_against = bound->against.count;
    }
    if (!status && metric->pos) {
        status = pb_places_of(metric->pos, "pos", &bound->positions, error);
        bound->metric.positions = pb_places_selects(&bound->positions);
        bound->metric.n_positions = bound->positions.count;
    }
    if (!status && metric->reference)
        status = bind_reference(metric, bound, error);
    if (!status && !(bound->name = metric_title(metric, model, bound)))
        status = pb_fail_memory(error);
    return status;
}

static pb_status bind_function(pb_interp *interp, pb_value *function, pb_value *model,
                               pb_bound_metric *bound, pb_error **error)
{
    bound->caller = pb_calloc(1, sizeof *bound->caller);
    bound->name = strdup("your metric");
    if (!bound->caller || !bound->name)
        return pb_fail_memory(error);
    *bound->caller = (pb_metric_caller){interp, pb_value_retain(function), pb_value_retain(model)};
    bound->units = NULL;
    bound->metric.kind = PB_METRIC_CALL;
    bound->metric.call = call_function;
    bound->metric.user = bound->caller;
    return PB_OK;
}

pb_status pb_metric_take(pb_call *call, const char *name, const pb_prompts *prompts,
                         pb_bound_metric *bound, pb_error **error)
{
    *bound = (pb_bound_metric){0};
    pb_value *value = pb_argument_value(call, name);
    const metric_data *metric = pb_value_object(value, &pb_metric_type);
    pb_status status = PB_OK;
    if (metric && metric->per_token)
        status = pb_fail(error, PB_VALUE,
                         "a metric gives one number for a prompt, and loss(by=\"pos\") gives one "
                         "for each token; write loss()");
    else if (metric)
        status = bind(call->interp, metric, prompts->engine, prompts->count, bound, error);
    else
        status = bind_function(call->interp, value, prompts->model, bound, error);
    if (status)
        pb_bound_metric_free(bound);
    return pb_place_argument(call, name, status, error);
}

void pb_bound_metric_free(pb_bound_metric *bound)
{
    pb_targets_free(&bound->targets);
    pb_targets_free(&bound->against);
    pb_places_free(&bound->positions);
    pb_prompts_free(&bound->reference);
    free(bound->name);
    if (bound->caller) {
        pb_value_release(&bound->caller->function);
        pb_value_release(&bound->caller->model);
        free(bound->caller);
    }
    *bound = (pb_bound_metric){0};
}

/* ---- evaluating ---- */

static pb_status evaluate(pb_call *call, const metric_data *metric, const pb_prompts *prompts,
                          pb_value **result, pb_error **error)
{
    pb_bound_metric bound = {0};
    pb_context context = pb_call_context(call);
    pb_tensor *values = NULL;
    pb_status status = bind(call->interp, metric, prompts->engine, prompts->count, &bound, error);
    if (!status && metric->per_token && prompts->many)
        status = pb_fail(error, PB_VALUE,
                         "loss(by=\"pos\") takes one prompt, since prompts differ in length");
    if (!status && metric->per_token)
        status = pb_loss_per_token(prompts->runs[0], &context, &values, error);
    else if (!status)
        status = pb_metric_evaluate(&bound.metric, prompts->runs, prompts->count, prompts->axis,
                                    &context, &values, error);
    if (!status)
        status = pb_result_tensor(&values, prompts->model, NULL, bound.units, bound.name, 0, NULL,
                                  result, error);
    pb_bound_metric_free(&bound);
    return status;
}

/* A metric is a function of a run: logit(" great")(run(love)). */
static pb_status metric_call(pb_interp *interp, const pb_value *self, size_t count,
                             pb_value *const *arguments, pb_value **result, pb_error **error)
{
    const metric_data *metric = pb_value_object(self, &pb_metric_type);
    pb_run *run = count == 1 ? pb_run_of(arguments[0]) : NULL;
    if (!run)
        return pb_fail(error, PB_TYPE, "a metric is called with one run: %s(...)(run(prompt))",
                       metric->row->word);
    pb_bound_metric bound = {0};
    pb_context context = {.watch = pb_interp_watch(interp)};
    pb_tensor *values = NULL;
    pb_status status = bind(interp, metric, pb_run_model(run), 1, &bound, error);
    if (!status)
        status = pb_metric_evaluate(&bound.metric, &run, 1, NULL, &context, &values, error);
    if (!status)
        status =
            pb_result_tensor(&values, NULL, NULL, bound.units, bound.name, 0, NULL, result, error);
    pb_bound_metric_free(&bound);
    return status;
}

static bool metric_equal(const pb_value *a, const pb_value *b)
{
    const metric_data *x = pb_value_object(a, &pb_metric_type);
    const metric_data *y = pb_value_object(b, &pb_metric_type);
    const pb_value *p[] = {x->target, x->against, x->pos, x->reference};
    const pb_value *q[] = {y->target, y->against, y->pos, y->reference};
    bool same = x->row == y->row && x->per_token == y->per_token;
    for (size_t i = 0; i < 4 && same; i++)
        same = p[i] && q[i] ? pb_value_equal(p[i], q[i]) : p[i] == q[i];
    return same;
}

const pb_object_type pb_metric_type = {
    .name = "metric",
    .article = "a metric",
    .summary = "A number read from a run's prediction: logit(\" great\"), kl(reference=r), ...",
    .destroy = metric_destroy,
    .repr = metric_repr,
    .call = metric_call,
    .equal = metric_equal};

/* ---- the words ---- */

/* What a call gave, after `logit(" great")` has been read as target and no prompt. */
typedef struct given_words {
    bool prompt;
    const char *target, *against; /* names of the parameters that hold them; NULL if absent */
} given_words;

static given_words read_words(const pb_call *call, pb_metric_kind kind)
{
    if (kind == PB_METRIC_LOSS || kind == PB_METRIC_KL)
        return (given_words){pb_given(call, "prompt"), NULL, NULL};
    if (kind == PB_METRIC_LOGIT_DIFF) {
        if (pb_given(call, "against") && pb_given(call, "prompt"))
            return (given_words){true, "target", "against"};
        if (pb_given(call, "against"))
            return (given_words){false, "target", "against"};
        return (given_words){false, "prompt", "target"};
    }
    if (pb_given(call, "target") && pb_given(call, "prompt"))
        return (given_words){true, "target", NULL};
    return (given_words){false, pb_given(call, "target") ? "target" : "prompt", NULL};
}

static pb_status check_words(pb_call *call, const metric_row *row, given_words words,
                             pb_error **error)
{
    bool two = row->kind == PB_METRIC_LOGIT_DIFF;
    const char *needed = two ? words.against : words.target;
    bool none = row->kind == PB_METRIC_LOSS || row->kind == PB_METRIC_KL;
    pb_status status = PB_OK;
    if (!none && (!needed || !pb_given(call, needed) || !pb_given(call, words.target)))
        status = pb_fail_argument(call, NULL, error, PB_TYPE, "%s() needs %s", row->word,
                                  two ? "two words to compare" : "a target, a word");
    if (status && error)
        pb_error_hint(*error,
                      two ? "%s(\" great\", \" bad\") is a metric, %s(prompt, \" great\", "
                            "\" bad\") evaluates it"
                          : "%s(\" great\") is a metric, %s(prompt, \" great\") "
                            "evaluates it",
                      row->word, row->word);
    return status;
}

/* Targets are checked as soon as a model is there, so that the caret is where they are written. */
static pb_status check_targets(pb_call *call, const char *name, bool prompt, pb_error **error)
{
    pb_value *model = NULL;
    if (!name || pb_call_model(call, &model, NULL))
        return PB_OK;
    pb_targets targets = {0};
    const pb_value *value = pb_argument_value(call, name);
    pb_error *found = NULL;
    pb_status status = pb_targets_of(pb_model_of(model), value, &targets, &found);
    size_t length = 0;
    if (status && !prompt && pb_value_kind(value) == PB_STRING &&
        pb_value_get_text(value, &length) && length > 16)
        pb_error_hint(found, "to evaluate it, give the prompt first: %s(prompt, \" great\")",
                      call->row->name);
    if (status && error && !*error)
        *error = found;
    else
        pb_error_destroy(&found);
    pb_targets_free(&targets);
    pb_value_release(&model);
    return pb_place_argument(call, name, status, error);
}

static pb_status fill_reference(pb_call *call, metric_data *metric, pb_error **error)
{
    pb_prompts prompts;
    pb_status status =
        pb_prompts_take(call, "reference", PB_PROMPTS_IGNORE_EDIT, NULL, &prompts, error);
    if (status)
        return status;
    pb_list_builder list = {0};
    for (size_t i = 0; i < prompts.count && !status; i++) {
        pb_run *run = pb_run_retain(prompts.runs[i]);
        pb_value *value = NULL;
        status = pb_run_value(&run, prompts.model, prompts.texts[i], 0, &value, error);
        if (!status)
            status = pb_list_take(&list, value, error);
    }
    if (!status)
        status = pb_list_finish(&list, false, &metric->reference, error);
    pb_list_discard(&list);
    pb_prompts_free(&prompts);
    return status;
}

static pb_status call_metric(pb_call *call, pb_value **result, pb_error **error)
{
    const metric_row *row = row_of(call->row->name);
    given_words words = read_words(call, row->kind);
    pb_status status = check_words(call, row, words, error);
    if (!status)
        status = check_targets(call, words.target, words.prompt, error);
    if (!status)
        status = check_targets(call, words.against, words.prompt, error);
    if (status)
        return status;
    metric_data *metric = pb_calloc(1, sizeof *metric);
    if (!metric)
        return pb_fail_memory(error);
    metric->row = row;
    if (words.target)
        metric->target = pb_value_retain(pb_argument_value(call, words.target));
    if (words.against)
        metric->against = pb_value_retain(pb_argument_value(call, words.against));
    if (pb_given(call, "pos"))
        metric->pos = pb_value_retain(pb_argument_value(call, "pos"));
    if (row->kind == PB_METRIC_LOSS)
        metric->per_token = strcmp(pb_argument_text(call, "by"), "pos") == 0;
    if (row->kind == PB_METRIC_KL)
        status = fill_reference(call, metric, error);
    if (status || !words.prompt) {
        if (!status)
            return pb_value_take_object(&pb_metric_type, metric, result, error);
        metric_destroy(metric);
        return status;
    }
    pb_prompts prompts;
    status = pb_prompts_take(call, "prompt", 0, NULL, &prompts, error);
    if (!status)
        status = pb_place_argument(call, words.target,
                                   evaluate(call, metric, &prompts, result, error), error);
    pb_prompts_free(&prompts);
    metric_destroy(metric);
    return status;
}

#define WORD_TYPES (PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_INTEGER)
#define PROMPT_OR_TARGET                                                                           \
    {                                                                                              \
        .name = "prompt", .types = WORD_TYPES, .what = "a prompt", .fallback = "None",             \
        .objects = PB_PROMPT_OBJECTS                                                               \
    }
#define TARGET                                                                                     \
    {                                                                                              \
        .name = "target", .types = WORD_TYPES, .what = "a word that is one token",                 \
        .fallback = "None"                                                                         \
    }
#define POSITION                                                                                   \
    {                                                                                              \
        .name = "pos",                                                                             \
        .types = PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR,           \
        .mode = PB_PARAMETER_KEYWORD, .fallback = "-1"                                             \
    }
#define METRIC_RESULT "a metric; with a prompt a number, with a list of prompts a tensor [prompt]"

const pb_builtin pb_builtins_metric[] = {
    {.name = "logit",
     .category = "Metrics",
     .summary = "The logit of a word as the next token.",
     .signature = "(target) or (prompt, target)",
     .result = METRIC_RESULT,
     .example = "logit(\"I love this movie because it is\", \" great\") > 15",
     .expected = "True",
     .needs_model = true,
     .see = "logit_diff logits patch",
     .parameters = {PROMPT_OR_TARGET, TARGET, POSITION, PB_PROMPT_PARAMETERS},
     .function = call_metric},
    {.name = "logit_diff",
     .category = "Metrics",
     .summary = "The logit of one word minus that of another.",
     .signature = "(target, against) or (prompt, target, against)",
     .result = METRIC_RESULT,
     .example = "logit_diff(\"I hate this movie because it is\", \" great\", \" bad\") < 0",
     .expected = "True",
     .needs_model = true,
     .see = "logit patch",
     .parameters = {PROMPT_OR_TARGET,
                    TARGET,
                    {.name = "against",
                     .types = WORD_TYPES,
                     .what = "a word that is one token",
                     .fallback = "None"},
                    POSITION,
                    PB_PROMPT_PARAMETERS},
     .function = call_metric},
    {.name = "prob",
     .category = "Metrics",
     .summary = "The probability of a word as the next token.",
     .signature = "(target) or (prompt, target)",
     .doc = "`softmax(logits)[target]`.",
     .result = METRIC_RESULT,
     .example = "prob(\"The capital of France is\", \" Paris\") > 0.5",
     .expected = "True",
     .needs_model = true,
     .see = "logprob logit",
     .parameters = {PROMPT_OR_TARGET, TARGET, POSITION, PB_PROMPT_PARAMETERS},
     .function = call_metric},
    {.name = "logprob",
     .category = "Metrics",
     .summary = "The log probability of a word as the next token, in nats.",
     .signature = "(target) or (prompt, target)",
     .result = METRIC_RESULT,
     .example = "logprob(\"The capital of France is\", \" Paris\") < 0",
     .expected = "True",
     .needs_model = true,
     .see = "prob loss",
     .parameters = {PROMPT_OR_TARGET, TARGET, POSITION, PB_PROMPT_PARAMETERS},
     .function = call_metric},
    {.name = "rank",
     .category = "Metrics",
     .summary = "How many tokens the model finds likelier than a word: 0 is the top.",
     .signature = "(target) or (prompt, target)",
     .result = METRIC_RESULT,
     .example = "rank(\"The capital of France is\", \" Paris\")",
     .expected = "0",
     .needs_model = true,
     .see = "top prob",
     .parameters = {PROMPT_OR_TARGET, TARGET, POSITION, PB_PROMPT_PARAMETERS},
     .function = call_metric},
    {.name = "loss",
     .category = "Metrics",
     .summary = "How surprised the model is by a prompt, in nats a token.",
     .signature = "() or (prompt, by=\"mean\")",
     .doc = "The mean over tokens of -log p(next token). `by=\"pos\"` gives every token's own.",
     .result = "a metric; with a prompt a number; with by=\"pos\" a tensor [pos]",
     .example = "loss(\"I love this movie\") > 0",
     .expected = "True",
     .needs_model = true,
     .see = "kl logprob",
     .parameters = {{.name = "prompt",
                     .types = PB_PROMPT_TYPES,
                     .what = "a prompt",
                     .fallback = "None",
                     .objects = PB_PROMPT_OBJECTS},
                    {.name = "by",
                     .types = PB_TAKES_STRING,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "\"mean\"",
                     .choices = "mean pos"},
                    PB_PROMPT_PARAMETERS},
     .function = call_metric},
    {.name = "kl",
     .category = "Metrics",
     .summary = "How far a prediction is from a reference's, in nats.",
     .signature = "(reference=) or (prompt, reference=)",
     .doc = "KL(reference || this) = sum p (log p - log q), where p is the reference's prediction "
            "and q this one's.",
     .result = METRIC_RESULT,
     .example = "kl(\"I hate this movie\", reference=\"I love this movie\") > 0",
     .expected = "True",
     .needs_model = true,
     .see = "loss prob",
     .parameters = {{.name = "prompt",
                     .types = PB_PROMPT_TYPES,
                     .what = "a prompt",
                     .fallback = "None",
                     .objects = PB_PROMPT_OBJECTS},
                    {.name = "reference",
                     .types = PB_PROMPT_TYPES,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "a prompt or a run",
                     .objects = PB_PROMPT_OBJECTS},
                    POSITION,
                    PB_PROMPT_PARAMETERS},
     .function = call_metric},
    {0}};
