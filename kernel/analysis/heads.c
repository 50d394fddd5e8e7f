/* Words about heads: detector scores, stripes on repeated tokens, composition. */
#include "study/heads.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "show/values.h"
#include "words.h"

static pb_status scores_show(pb_interp *interp, const pb_value *self, pb_bundle *bundle,
                             pb_error **error)
{
    (void)interp;
    pb_words words = {.caption = pb_value_meta(self)->caption};
    return pb_show_values(self, &words, "score", bundle, error);
}

static const pb_look scores_look = {.name = "head scores",
                                    .article = "head scores",
                                    .summary = "One number for each layer and head.",
                                    .show = scores_show};

/* Scores of the heads on one run: [layer, head]. */
typedef pb_status score_run(pb_run *run, const void *spec, const pb_context *context,
                            pb_tensor **scores, pb_error **error);

/* The scores of each prompt, joined over `prompt` if a list was given. */
static pb_status score_prompts(pb_call *call, const pb_prompts *prompts, score_run *score,
                               const void *spec, pb_tensor **scores, pb_error **error)
{
    pb_context context = pb_call_context(call);
    pb_tensor **parts = pb_calloc(prompts->count, sizeof *parts);
    pb_status status = parts ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; i < prompts->count && !status; i++)
        status = score(prompts->runs[i], spec, &context, &parts[i], error);
    status = pb_prompts_join(prompts, parts, context.watch, status, scores, error);
    return pb_place_argument(call, "prompt", status, error);
}

static pb_status detect(pb_run *run, const void *spec, const pb_context *context,
                        pb_tensor **scores, pb_error **error)
{
    return pb_head_scores(run, spec, context, scores, error);
}

/* " Empty: 2 of 36 heads, none of whose attention counts (0 / 0)." */
static void say_uncounted(const pb_tensor *scores, pb_buffer *caption)
{
    size_t n = 0, all = pb_tensor_size(scores);
    for (size_t i = 0; i < all; i++)
        n += isnan(pb_tensor_data(scores)[i]);
    if (n > 0)
        pb_buffer_format(caption,
                         " Empty: %zu of %zu scores, where none of the head's attention counts "
                         "(a share of nothing, 0 / 0).",
                         n, all);
}

static pb_status call_detect_heads(pb_call *call, pb_value **result, pb_error **error)
{
    pb_detector_spec spec = {.detector = (pb_detector)pb_argument_choice(call, "detector"),
                             .measure = (pb_detector_measure)pb_argument_choice(call, "measure"),
                             .exclude_bos = pb_argument_bool(call, "exclude_bos"),
                             .exclude_current_token =
                                 pb_argument_bool(call, "exclude_current_token")};
    pb_prompts prompts = {0};
    pb_tensor *scores = NULL;
    pb_status status = pb_prompts_take(call, "prompt", 0, NULL, &prompts, error);
    if (!status)
        status = score_prompts(call, &prompts, detect, &spec, &scores, error);
    if (!status) {
        static const char *const wanted[] = {"the token before", "an earlier copy of the token",
                                             "what came after an earlier copy of the token"};
        static const char *const meant[] = {"the share of its attention that goes there",
                                            "1 minus its distance from a head that does only that"};
        pb_buffer caption = PB_BUFFER_EMPTY;
        pb_buffer_format(&caption, "How much each head attends to %s: %s (measure %s).",
                         wanted[spec.detector], meant[spec.measure],
                         pb_argument_text(call, "measure"));
        say_uncounted(scores, &caption);
        pb_prompts_edits(&prompts, &caption);
        status = pb_result_captioned(&scores, prompts.model, &scores_look, "score", &caption, 0,
                                     NULL, result, error);
    }
    pb_prompts_free(&prompts);
    return status;
}

static pb_status stripe_of(pb_run *run, const void *stripe, const pb_context *context,
                           pb_tensor **means, pb_error **error)
{
    return pb_head_stripes(run, *(const pb_stripe *)stripe, context, means, error);
}

static pb_status call_stripes(pb_call *call, pb_value **result, pb_error **error)
{
    pb_stripe which = (pb_stripe)pb_argument_choice(call, "stripe");
    pb_prompts prompts = {0};
    pb_tensor *means = NULL;
    pb_status status = pb_prompts_take(call, "prompt", 0, NULL, &prompts, error);
    if (!status)
        status = score_prompts(call, &prompts, stripe_of, &which, &means, error);
    if (!status) {
        pb_buffer caption = PB_BUFFER_EMPTY;
        pb_buffer_format(&caption,
                         "Mean attention along the %s stripe, over the second copy of the tokens.",
                         pb_argument_text(call, "stripe"));
        pb_prompts_edits(&prompts, &caption);
        status = pb_result_captioned(&means, prompts.model, &scores_look, "attention", &caption, 0,
                                     NULL, result, error);
    }
    pb_prompts_free(&prompts);
    return status;
}

static pb_status call_composition(pb_call *call, pb_value **result, pb_error **error)
{
    pb_value *model = NULL;
    pb_tensor *scores = NULL;
    pb_context context = pb_call_context(call);
    pb_status status = pb_call_model(call, &model, error);
    if (!status)
        status = pb_composition_scores(pb_model_of(model),
                                       (pb_composition)pb_argument_choice(call, "kind"), &context,
                                       &scores, error);
    if (!status) {
        char caption[160];
        bool turned = pb_model_shape(pb_model_of(model))->rotary_dim > 0 &&
                      pb_argument_choice(call, "kind") != PB_COMPOSE_V;
        snprintf(caption, sizeof caption,
                 "%s-composition of each head with each later head (to_layer, to_head)%s",
                 pb_argument_text(call, "kind"),
                 turned ? ", without the rotation by position" : "");
        status = pb_result_tensor(&scores, model, &scores_look, "score", caption, 0, NULL, result,
                                  error);
    }
    pb_value_release(&model);
    return status;
}

const pb_builtin pb_builtins_heads[] = {
    {.name = "detect_heads",
     .category = "Heads",
     .summary = "How much each head looks like a previous, duplicate or induction token head.",
     .doc =
         "TransformerLens' detect_head. D is 1 where such a head would attend: the previous "
         "token D[i, i-1]; an earlier copy of the token; or the token after an earlier copy. "
         "`measure=\"mul\"` is sum(A D) / sum(A), `\"abs\"` is 1 - sum|A - D| / T. A head none of "
         "whose attention counts has no such share; it is left empty, and the caption says so.",
     .result = "a tensor [layer, head], over a list of prompts [prompt, layer, head]",
     .example = "detect_heads(random_tokens(10), \"induction\").top(1).heads",
     .expected = "['L5H4']",
     .needs_model = true,
     .see = "stripes attention random_tokens",
     .parameters = {{.name = "prompt",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE,
                     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type}},
                    {.name = "detector",
                     .types = PB_TAKES_STRING,
                     .choices = "previous duplicate induction"},
                    {.name = "measure",
                     .types = PB_TAKES_STRING,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "\"mul\"",
                     .choices = "mul abs"},
                    {.name = "exclude_bos",
                     .types = PB_TAKES_BOOL,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "False"},
                    {.name = "exclude_current_token",
                     .types = PB_TAKES_BOOL,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "False"}},
     .also = {pb_prompt_group},
     .function = call_detect_heads},
    {.name = "stripes",
     .category = "Heads",
     .summary = "Mean attention along a stripe, on a sequence of random tokens said twice.",
     .doc = "On a start token and S tokens repeated, over the second copy, i = S+1 .. 2S: the mean "
            "of A[i, i-1] (previous), A[i, i-S] (duplicate) or A[i, i-S+1] (induction).",
     .result = "a tensor [layer, head], over a list of prompts [prompt, layer, head]",
     .example = "stripes(random_tokens(10), \"induction\").max() > 0.5",
     .expected = "True",
     .needs_model = true,
     .see = "detect_heads random_tokens",
     .parameters = {{.name = "prompt",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE,
                     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type}},
                    {.name = "stripe",
                     .types = PB_TAKES_STRING,
                     .choices = "previous duplicate induction"}},
     .also = {pb_prompt_group},
     .function = call_stripes},
    {.name = "composition",
     .category = "Heads",
     .summary = "How strongly each head's output feeds each later head, from the weights alone.",
     .doc =
         "`|L R| / (|L| |R|)` in Frobenius norms, L = W_V W_O of the earlier head, R = W_Q W_K^T "
         "(Q), its transpose (K) or W_V W_O (V) of the later one. Where positions rotate queries "
         "and keys, the rotation is left out.",
     .result = "a tensor [layer, head, to_layer, to_head]",
     .example = "composition(\"K\").max() > 0",
     .expected = "True",
     .needs_model = true,
     .see = "detect_heads",
     .parameters = {{.name = "kind", .types = PB_TAKES_STRING, .choices = "Q K V"}},
     .also = {pb_model_group},
     .function = call_composition},
    {0}};
