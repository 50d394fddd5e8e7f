/* logit, logit_diff, prob, logprob, rank, loss and kl as words: without a prompt a metric, with one
 * its value. */
#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "metrics.h"
#include "show/views.h"
#include "value/text.h"
#include "words.h"

/* ---- what a call means ---- */

/* Which arguments a call gave, once it is known whether the first one is a prompt: in logit("
 * great") it is the target. */
typedef struct given_words {
    bool prompt;
    const char *target, *against; /* names of the parameters that hold them; NULL if absent */
} given_words;

/* By place alone a string or a list may be words or prompts; a table or a run is no word. */
static bool is_always_prompts(const pb_value *value)
{
    return pb_value_kind(value) == PB_TABLE || pb_run_of(value) ||
           pb_value_object_type(value) == &pb_cell_run_type;
}

static given_words read_words(const pb_call *call, pb_metric_kind kind)
{
    if (kind == PB_METRIC_LOSS || kind == PB_METRIC_KL)
        return (given_words){pb_given(call, "prompt"), NULL, NULL};
    if (pb_given(call, "prompt") && is_always_prompts(pb_argument_value(call, "prompt")))
        return (given_words){true, pb_given(call, "target") ? "target" : NULL,
                             kind == PB_METRIC_LOGIT_DIFF && pb_given(call, "against") ? "against"
                                                                                       : NULL};
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

static pb_status check_words(pb_call *call, const pb_metric_row *row, given_words words,
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

/* Where there is no prompt yet but a model is loaded, targets are checked on that at once, so that
 * the error is shown where they are written. */
static pb_status check_target(pb_call *call, const char *name, pb_error **error)
{
    pb_value *model = NULL;
    if (!name || pb_call_model(call, &model, NULL))
        return PB_OK;
    pb_targets targets = {0};
    const pb_value *value = pb_argument_value(call, name);
    pb_status status = pb_word_sets_of(pb_model_of(model), value, &targets, error);
    size_t length = 0;
    bool sentence =
        pb_value_kind(value) == PB_STRING && pb_value_get_text(value, &length) && length > 16;
    bool two = pb_metric_row_of(call->row->name)->kind == PB_METRIC_LOGIT_DIFF;
    if (status && error && sentence)
        pb_error_hint(*error,
                      "to evaluate it, give the prompt first and %s after it: %s(prompt, "
                      "\" great\"%s)",
                      two ? "two words" : "a word", call->row->name, two ? ", \" bad\"" : "");
    if (!status)
        pb_note_missing_space(call->interp, pb_model_of(model), value);
    pb_targets_free(&targets);
    pb_value_release(&model);
    return pb_place_argument(call, name, status, error);
}

static pb_status fill_reference(pb_call *call, pb_metric_data *metric, pb_error **error)
{
    pb_prompts prompts;
    pb_status status =
        pb_prompts_take(call, "reference", PB_PROMPTS_IGNORE_EDIT, NULL, &prompts, error);
    if (!status)
        status = pb_runs_list(&prompts, &metric->reference, error);
    pb_prompts_free(&prompts);
    return status;
}

/* ---- evaluating ---- */

static pb_status check_given_target(pb_call *call, const char *name, const pb_prompts *prompts,
                                    pb_error **error)
{
    pb_targets targets = {0};
    pb_status status =
        name ? pb_word_sets_take(call, name, prompts->engine, prompts->count, &targets, error)
             : PB_OK;
    pb_targets_free(&targets);
    return status;
}

static char *value_caption(const pb_bound_metric *bound, const pb_prompts *prompts)
{
    pb_buffer caption = PB_BUFFER_EMPTY;
    char *title = prompts->many ? NULL : pb_prompt_title(prompts->texts[0], 70);
    pb_buffer_text(&caption, bound->name);
    if (caption.data && caption.data[0] >= 'a' && caption.data[0] <= 'z')
        caption.data[0] = (char)(caption.data[0] - 'a' + 'A');
    pb_buffer_format(&caption, "%s%s, on %s", title ? " for " : "", title ? title : "",
                     pb_model_value_name(prompts->model));
    if (prompts->edits)
        pb_buffer_byte(&caption, '.');
    pb_prompts_edits(prompts, &caption);
    free(title);
    return pb_buffer_take(&caption);
}

static pb_status losses_of_tokens(const pb_prompts *prompts, const pb_context *context,
                                  pb_tensor **losses, pb_error **error)
{
    pb_tensor **parts = pb_calloc(prompts->count, sizeof *parts);
    pb_status status = parts ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; i < prompts->count && !status; i++)
        status = pb_loss_per_token(prompts->runs[i], context, &parts[i], error);
    return pb_prompts_join(prompts, parts, context->watch, status, losses, error);
}

static pb_status evaluate(pb_call *call, const pb_metric_data *metric, const pb_prompts *prompts,
                          pb_value **result, pb_error **error)
{
    pb_bound_metric bound = {0};
    pb_context context = pb_call_context(call);
    pb_tensor *values = NULL;
    char *caption = NULL;
    pb_status status = pb_metric_bind(metric, prompts->engine, prompts->count, &bound, error);
    if (!status && metric->per_token)
        status = losses_of_tokens(prompts, &context, &values, error);
    else if (!status)
        status = pb_metric_evaluate(&bound.metric, prompts->runs, prompts->count, prompts->axis,
                                    &context, &values, error);
    if (status && error && pb_error_argument(*error))
        pb_place_answer(call, "pos", prompts, status, error);
    if (!status && !(caption = value_caption(&bound, prompts)))
        status = pb_fail_memory(error);
    if (!status)
        status = pb_metric_value(metric->row, &values, prompts->model, caption, result, error);
    pb_tensor_release(&values);
    free(caption);
    pb_bound_metric_free(&bound);
    return status;
}

/* m(prompt), of a metric made before: a call of its own, so that prompts are read as they are
 * everywhere. */
static pb_status call_evaluation(pb_call *call, pb_value **result, pb_error **error)
{
    pb_prompts prompts;
    const pb_metric_data *metric =
        pb_value_object(pb_argument_value(call, "metric"), &pb_metric_type);
    pb_status status = pb_prompts_take(call, "prompt", 0, NULL, &prompts, error);
    if (!status)
        status = evaluate(call, metric, &prompts, result, error);
    pb_prompts_free(&prompts);
    return status;
}

static const pb_builtin evaluation = {
    .name = "metric",
    .parameters = {{.name = "metric", .objects = {&pb_metric_type}},
                   {.name = "prompt",
                    .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE,
                    .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type}}},
    .also = {pb_prompt_group},
    .function = call_evaluation};

pb_status pb_metric_of_prompts(pb_interp *interp, const pb_value *metric, pb_value *prompts,
                               pb_value **result, pb_error **error)
{
    pb_value *word = NULL, *arguments[] = {(pb_value *)metric, prompts};
    pb_status status = pb_value_builtin(&evaluation, evaluation.name, &word, error);
    if (!status)
        status = pb_interp_call(interp, word, 2, arguments, result, error);
    pb_value_release(&word);
    return status;
}

/* Within a metric of one's own, whose argument is the run of one cell of a sweep. */
static pb_status evaluate_cell(pb_call *call, const pb_metric_data *metric, given_words words,
                               const pb_value *cell, pb_value **result, pb_error **error)
{
    if (!pb_argument_is_none(call, "edit"))
        return pb_fail_argument(call, "edit", error, PB_VALUE,
                                "the run of a sweep's cell is made, and takes no more edits");
    return pb_place_argument(call,
                             pb_given(call, "pos") ? "pos"
                             : words.target        ? words.target
                                                   : "prompt",
                             pb_metric_of_run(call->interp, metric, cell, result, error), error);
}

static pb_status evaluate_call(pb_call *call, const pb_metric_data *metric, given_words words,
                               pb_value **result, pb_error **error)
{
    pb_prompts prompts;
    const pb_value *cell = pb_argument_value(call, "prompt");
    if (pb_cell_run_seen(cell))
        return evaluate_cell(call, metric, words, cell, result, error);
    pb_status status = pb_prompts_take(call, "prompt", 0, NULL, &prompts, error);
    if (!status)
        status = check_given_target(call, words.target, &prompts, error);
    if (!status)
        status = check_given_target(call, words.against, &prompts, error);
    if (!status)
        status = pb_place_argument(call,
                                   pb_given(call, "reference") ? "reference"
                                   : pb_given(call, "pos")     ? "pos"
                                                               : "prompt",
                                   evaluate(call, metric, &prompts, result, error), error);
    pb_prompts_free(&prompts);
    return status;
}

/* ---- the words ---- */

static pb_status call_metric(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_metric_row *row = pb_metric_row_of(call->row->name);
    given_words words = read_words(call, row->kind);
    pb_status status = check_words(call, row, words, error);
    if (!status && !words.prompt)
        status = check_target(call, words.target, error);
    if (!status && !words.prompt)
        status = check_target(call, words.against, error);
    if (status)
        return status;
    pb_metric_data *metric = pb_calloc(1, sizeof *metric);
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
    if (!status && !words.prompt)
        return pb_value_take_object(&pb_metric_type, metric, result, error);
    if (!status)
        status = evaluate_call(call, metric, words, result, error);
    pb_metric_destroy(metric);
    return status;
}

#define METRIC_RESULT "a metric; with a prompt a number, with a list of prompts a tensor [prompt]"

/* What logit, prob, logprob and rank take. A word alone, logit(" great"), comes as `prompt`. */
static const pb_parameter target_group[] = {
    {.name = "prompt",
     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE | PB_TAKES_INTEGER,
     .what = "a prompt",
     .fallback = "None",
     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type, &pb_cell_run_type, &pb_any_of_type}},
    {.name = "target",
     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_INTEGER,
     .what = "a word that is one token",
     .fallback = "None",
     .objects = {&pb_any_of_type}},
    {.name = "pos",
     .types = PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR,
     .what = "a position: -1, 2, \" love\", at(...), a list, all",
     .mode = PB_PARAMETER_KEYWORD,
     .fallback = "-1"},
    {.name = NULL}};

const pb_builtin pb_builtins_metric[] = {
    {.name = "logit",
     .category = "Metrics",
     .summary = "The logit of a word as the next token.",
     .signature = "(target) or (prompt, target)",
     .result = METRIC_RESULT,
     .gives = PB_TAKES_NUMBER | PB_TAKES_TENSOR,
     .gives_object = &pb_metric_type,
     .example = "logit(\"I love this movie because it is\", \" great\") > 15",
     .expected = "True",
     .needs_model = true,
     .see = "logit_diff logits patch",
     .also = {target_group, pb_prompt_group},
     .function = call_metric},
    {.name = "logit_diff",
     .category = "Metrics",
     .summary = "The logit of one word minus that of another.",
     .signature = "(target, against) or (prompt, target, against)",
     .doc = "Metrics add, subtract and scale: `(logit_diff(\" great\", \" bad\") + "
            "logit_diff(\" good\", \" terrible\")) / 2` is a metric too. What else is made of "
            "them is a function of a run: `lambda r: prob(r, \" great\") / prob(r, \" bad\")`. "
            "A list of words goes with a list of prompts, one for each.",
     .result = METRIC_RESULT,
     .gives = PB_TAKES_NUMBER | PB_TAKES_TENSOR,
     .gives_object = &pb_metric_type,
     .example = "logit_diff(\"I hate this movie because it is\", \" great\", \" bad\") < 0",
     .expected = "True",
     .needs_model = true,
     .see = "logit patch",
     .parameters = {{.name = "prompt",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE | PB_TAKES_INTEGER,
                     .what = "a prompt",
                     .fallback = "None",
                     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type, &pb_cell_run_type,
                                 &pb_any_of_type}},
                    {.name = "target",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_INTEGER,
                     .what = "a word that is one token",
                     .fallback = "None",
                     .objects = {&pb_any_of_type}},
                    {.name = "against",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_INTEGER,
                     .what = "a word that is one token",
                     .fallback = "None",
                     .objects = {&pb_any_of_type}},
                    {.name = "pos",
                     .types =
                         PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR,
                     .what = "a position: -1, 2, \" love\", at(...), a list, all",
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "-1"}},
     .also = {pb_prompt_group},
     .function = call_metric},
    {.name = "prob",
     .category = "Metrics",
     .summary = "The probability of a word as the next token.",
     .signature = "(target) or (prompt, target)",
     .doc = "`softmax(logits)[target]`.",
     .result = METRIC_RESULT,
     .gives = PB_TAKES_NUMBER | PB_TAKES_TENSOR,
     .gives_object = &pb_metric_type,
     .example = "prob(\"The capital of France is\", \" Paris\") > 0.5",
     .expected = "True",
     .needs_model = true,
     .see = "logprob logit",
     .also = {target_group, pb_prompt_group},
     .function = call_metric},
    {.name = "logprob",
     .category = "Metrics",
     .summary = "The log probability of a word as the next token, in nats.",
     .signature = "(target) or (prompt, target)",
     .result = METRIC_RESULT,
     .gives = PB_TAKES_NUMBER | PB_TAKES_TENSOR,
     .gives_object = &pb_metric_type,
     .example = "logprob(\"The capital of France is\", \" Paris\") < 0",
     .expected = "True",
     .needs_model = true,
     .see = "prob loss",
     .also = {target_group, pb_prompt_group},
     .function = call_metric},
    {.name = "rank",
     .category = "Metrics",
     .summary = "How many tokens the model finds likelier than a word: 0 is the top.",
     .signature = "(target) or (prompt, target)",
     .result = METRIC_RESULT,
     .gives = PB_TAKES_NUMBER | PB_TAKES_TENSOR,
     .gives_object = &pb_metric_type,
     .example = "rank(\"The capital of France is\", \" Paris\")",
     .expected = "0",
     .needs_model = true,
     .see = "top prob",
     .also = {target_group, pb_prompt_group},
     .function = call_metric},
    {.name = "loss",
     .category = "Metrics",
     .summary = "How surprised the model is by a prompt, in nats a token.",
     .signature = "() or (prompt, by=\"mean\")",
     .doc = "The mean over tokens of -log p(next token). `by=\"pos\"` gives every token's own; "
            "of a set of prompts over prompt and pos, with gaps where lengths differ.",
     .result = "a metric; with a prompt a number; with by=\"pos\" a tensor [pos]",
     .gives = PB_TAKES_NUMBER | PB_TAKES_TENSOR,
     .gives_object = &pb_metric_type,
     .example = "loss(\"I love this movie\") > 0",
     .expected = "True",
     .needs_model = true,
     .see = "kl logprob",
     .parameters = {{.name = "prompt",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE,
                     .what = "a prompt",
                     .fallback = "None",
                     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type, &pb_cell_run_type,
                                 &pb_any_of_type}},
                    {.name = "by",
                     .types = PB_TAKES_STRING,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "\"mean\"",
                     .choices = "mean pos"}},
     .also = {pb_prompt_group},
     .function = call_metric},
    {.name = "kl",
     .category = "Metrics",
     .summary = "How far a prediction is from a reference's, in nats.",
     .signature = "(reference=) or (prompt, reference=)",
     .doc = "KL(reference || this) = sum p (log p - log q), where p is the reference's prediction "
            "and q this one's. A position counted from the end, as the last is, is counted from "
            "the reference's own end.",
     .result = METRIC_RESULT,
     .gives = PB_TAKES_NUMBER | PB_TAKES_TENSOR,
     .gives_object = &pb_metric_type,
     .example = "kl(\"I hate this movie\", reference=\"I love this movie\") > 0",
     .expected = "True",
     .needs_model = true,
     .see = "loss prob",
     .parameters = {{.name = "prompt",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE,
                     .what = "a prompt",
                     .fallback = "None",
                     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type, &pb_cell_run_type,
                                 &pb_any_of_type}},
                    {.name = "reference",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "a prompt or a run",
                     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type}},
                    {.name = "pos",
                     .types =
                         PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR,
                     .what = "a position: -1, 2, \" love\", at(...), a list, all",
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "-1"}},
     .also = {pb_prompt_group},
     .function = call_metric},
    {0}};
