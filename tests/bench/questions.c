/* The questions of the table, as a notebook asks them: from token ids to the answer. */
#include <stdlib.h>

#include "base/memory.h"
#include "study/attribute.h"
#include "study/generate.h"
#include "study/patch.h"
#include "study/top.h"
#include "subject.h"

enum {
    LENGTH = 8,    /* of a prompt, the start token included */
    DIFFERENT = 1, /* where the two prompts of a patch differ */
    TOP = 10
};

/* The start token, then ids all over the vocabulary; the `which`-th prompt differs from the others
 * at one position. The peers' prompts are made in the same way (peers.py). */
static int32_t *prompt_tokens(const subject *s, size_t n, size_t which)
{
    size_t words = pb_model_shape(s->model)->n_vocab - 1;
    int32_t *tokens = need(n, sizeof *tokens);
    for (size_t i = 0; i < n; i++)
        tokens[i] = (int32_t)((i * 7919 + 13) % words);
    tokens[0] = (int32_t)words;
    if (n > DIFFERENT)
        tokens[DIFFERENT] = (int32_t)((size_t)(tokens[DIFFERENT] + (int32_t)which) % words);
    return tokens;
}

/* n prompts run as one batch. */
static pb_run **run_prompts(subject *s, size_t n, size_t length, bool keep_qkv)
{
    pb_prompt *prompts = need(n, sizeof *prompts);
    pb_run **runs = need(n, sizeof *runs);
    pb_run_options options = {.keep_qkv = keep_qkv};
    pb_error *error = NULL;
    for (size_t i = 0; i < n; i++)
        prompts[i] = (pb_prompt){.tokens = prompt_tokens(s, length, i), .n = length};
    must(pb_runs_create(s->model, n, prompts, &options, &s->context, runs, &error), error);
    for (size_t i = 0; i < n; i++)
        free((int32_t *)prompts[i].tokens);
    free(prompts);
    return runs;
}

static void release_runs(pb_run **runs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pb_run_release(&runs[i]);
    free(runs);
}

static pb_axis *prompt_axis(size_t n)
{
    pb_axis *axis = NULL;
    pb_error *error = NULL;
    must(pb_axis_create("prompt", n, NULL, NULL, &axis, &error), error);
    return axis;
}

double ask_top(subject *s, size_t a, size_t b, count *counted)
{
    (void)b;
    (void)counted;
    pb_run **runs = run_prompts(s, 1, a ? a : LENGTH, false);
    pb_prediction *found = NULL;
    size_t n = 0;
    pb_error *error = NULL;
    must(pb_top_tokens(runs[0], NULL, TOP, &found, &n, &error), error);
    free(found);
    release_runs(runs, 1);
    return 0;
}

static double attribute(subject *s, pb_attribute_by by)
{
    const int32_t target = 100;
    pb_run **runs = run_prompts(s, 2, LENGTH, false);
    pb_axis *axis = prompt_axis(2);
    pb_attribute_spec spec = {.by = by, .targets = &target, .n_targets = 1, .scale = true};
    pb_attribution found;
    pb_error *error = NULL;
    must(pb_attribute(runs, 2, axis, &spec, &s->context, &found, &error), error);
    pb_attribution_release(&found);
    pb_axis_release(&axis);
    release_runs(runs, 2);
    return 0;
}

double ask_attribution(subject *s, size_t a, size_t b, count *counted)
{
    (void)a;
    (void)b;
    (void)counted;
    return attribute(s, PB_BY_COMPONENT);
}

double ask_heads(subject *s, size_t a, size_t b, count *counted)
{
    (void)a;
    (void)b;
    (void)counted;
    return attribute(s, PB_BY_HEAD);
}

/* A sweep of the first prompt's activations into each of the others; the runs count. */
static void sweep(subject *s, pb_site site, size_t pairs, size_t length, const pb_select *position,
                  count *counted)
{
    const int32_t targets[2] = {100, 200};
    pb_run **runs = run_prompts(s, pairs + 1, length, true);
    pb_axis *axis = pairs > 1 ? prompt_axis(pairs) : NULL;
    pb_metric metric = {.kind = PB_METRIC_LOGIT_DIFF,
                        .targets = &targets[0],
                        .n_targets = 1,
                        .against = &targets[1],
                        .n_against = 1};
    pb_patch_spec spec = {.into = runs + 1,
                          .n_into = pairs,
                          .from = runs,
                          .n_from = 1,
                          .prompts = axis,
                          .metric = &metric,
                          .site = site};
    pb_patch_result result;
    pb_error *error = NULL;
    pb_patch_defaults(site, &spec);
    const pb_select each = {.kind = PB_SELECT_EACH, .items = position, .n_items = 1};
    if (position)
        spec.positions = &each;
    must(pb_patch(&spec, &s->context, &result, &error), error);
    *counted = (count){result.cells, result.closed, result.row_layers};
    pb_patch_result_release(&result);
    pb_axis_release(&axis);
    release_runs(runs, pairs + 1);
}

double ask_patch(subject *s, size_t a, size_t b, count *counted)
{
    (void)b;
    const pb_select position = {.kind = PB_SELECT_INDEX, .index = DIFFERENT};
    sweep(s, PB_SITE_RESID_POST, 1, a ? a : LENGTH, &position, counted);
    return 0;
}

double ask_resid_sweep(subject *s, size_t a, size_t b, count *counted)
{
    sweep(s, PB_SITE_RESID_POST, b ? b : 1, a ? a : LENGTH, NULL, counted);
    return 0;
}

double ask_head_sweep(subject *s, size_t a, size_t b, count *counted)
{
    sweep(s, PB_SITE_Z, b ? b : 1, a ? a : LENGTH, NULL, counted);
    return 0;
}

double ask_generate(subject *s, size_t a, size_t b, count *counted)
{
    (void)b;
    (void)counted;
    pb_run **runs = run_prompts(s, 1, LENGTH, false);
    pb_generate_spec spec = {.n_tokens = a ? a : 50};
    int32_t *tokens = NULL;
    size_t n = 0;
    bool partial = false;
    pb_error *error = NULL;
    must(pb_generate(runs[0], &spec, &s->context, &tokens, &n, &partial, &error), error);
    free(tokens);
    release_runs(runs, 1);
    return 0;
}

/* All logits of one prompt, and nothing kept. */
double ask_forward(subject *s, size_t a, size_t b, count *counted)
{
    (void)b;
    (void)counted;
    const pb_shape *shape = pb_model_shape(s->model);
    size_t n = a ? a : LENGTH;
    int32_t *tokens = prompt_tokens(s, n, 0);
    float *normed = need(n * shape->d_model, sizeof *normed);
    float *logits = pb_malloc(n, shape->n_vocab * sizeof *logits); /* not zeroed: written in full */
    pb_sequence sequence = {.n = n, .tokens = tokens};
    pb_batch batch = {.sequences = &sequence, .n = 1};
    pb_error *error = NULL;
    if (!logits)
        must(pb_fail_memory(&error), error);
    must(pb_forward(s->model, &batch, &s->context, NULL, normed, &error), error);
    must(pb_unembed(s->model, n, normed, &s->context, logits, &error), error);
    free(logits);
    free(normed);
    free(tokens);
    return 0;
}
