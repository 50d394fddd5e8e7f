/* Writing on from a prompt; see study/generate.h. */
#include "study/generate.h"

#include <math.h>

#include "base/memory.h"
#include "edits.h"
#include "places.h"
#include "study/top.h"

/* ---- random numbers ---- */

/* splitmix64 (Steele, Lea, Flood 2014): the whole state is a counter. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Uniform in [0, 1), 53 bits. */
static double next_uniform(uint64_t *state)
{
    return (double)(next_random(state) >> 11) * 0x1p-53;
}

/* ---- choosing ---- */

/* From softmax(logit / temperature) over candidates sorted best first. */
static int32_t draw(const pb_prediction *candidates, size_t n, double temperature, uint64_t *state)
{
    double total = 0, top = candidates[0].logit;
    for (size_t i = 0; i < n; i++)
        total += exp((candidates[i].logit - top) / temperature);
    double left = next_uniform(state) * total;
    for (size_t i = 0; i < n; i++) {
        left -= exp((candidates[i].logit - top) / temperature);
        if (left < 0)
            return candidates[i].token;
    }
    return candidates[0].token; /* rounding: the sum fell short of itself */
}

static pb_status choose(const pb_generate_spec *spec, const float *logits, size_t n_vocab,
                        uint64_t *state, int32_t *token, pb_error **error)
{
    size_t k = spec->temperature > 0 ? spec->top_k : 1, n = 0;
    pb_prediction *candidates = NULL;
    pb_status status = pb_top_of_logits(logits, n_vocab, k ? k : n_vocab, &candidates, &n, error);
    if (status)
        return status;
    *token =
        spec->temperature > 0 ? draw(candidates, n, spec->temperature, state) : candidates[0].token;
    free(candidates);
    return PB_OK;
}

/* ---- writing ---- */

typedef struct writer {
    const pb_generate_spec *spec;
    pb_model *model;
    pb_context context;
    pb_cache *cache;
    const pb_hooks *hooks; /* NULL without edits */
    bool whole;            /* they want all positions so far */
    float *normed, *logits;
    uint64_t random;
    size_t length; /* tokens in the cache */
    int32_t *tokens;
    size_t n; /* written */
} writer;

/* Puts n tokens through the model and chooses the next one. */
static pb_status read_and_choose(writer *pen, const int32_t *tokens, size_t n, pb_error **error)
{
    size_t last = n - 1;
    pb_sequence sequence = {.n = n,
                            .first = pen->length,
                            .tokens = tokens,
                            .past = pen->length ? pen->cache : NULL,
                            .keep = pen->cache,
                            .wanted = &last,
                            .n_wanted = 1};
    pb_batch batch = {.sequences = &sequence,
                      .n = 1,
                      .hooks = &pen->hooks,
                      .n_hooks = pen->hooks ? 1 : 0,
                      .whole = pen->whole};
    pb_status status = pb_forward(pen->model, &batch, &pen->context, NULL, pen->normed, error);
    if (!status)
        status = pb_unembed(pen->model, 1, pen->normed, &pen->context, pen->logits, error);
    if (!status)
        status = choose(pen->spec, pen->logits, pb_model_shape(pen->model)->n_vocab, &pen->random,
                        &pen->tokens[pen->n], error);
    if (!status) {
        pen->length += n;
        pen->n++;
    }
    return status;
}

/* Of several prompts, those before this one count as whole. */
static void count_token(const writer *pen)
{
    const pb_generate_spec *spec = pen->spec;
    size_t of = spec->of ? spec->of : 1;
    pb_watch_progress(pen->context.watch, spec->which * spec->n_tokens + pen->n,
                      of * spec->n_tokens);
}

static pb_status write_on(writer *pen, pb_run *prompt, pb_error **error)
{
    const pb_generate_spec *spec = pen->spec;
    pb_status status = PB_OK;
    while (!status && pen->n < spec->n_tokens) {
        status = pb_watch_check(pen->context.watch, error);
        if (!status && pen->n == 0)
            status = read_and_choose(pen, pb_run_tokens(prompt), pb_run_length(prompt), error);
        else if (!status)
            status = read_and_choose(pen, &pen->tokens[pen->n - 1], 1, error);
        if (status)
            break;
        if (spec->token)
            spec->token(spec->user, pen->tokens[pen->n - 1]);
        count_token(pen);
        if (spec->stop_at_end && pb_model_ends_with(pen->model, pen->tokens[pen->n - 1]))
            break;
    }
    return status;
}

static pb_status check_room(const pb_run *prompt, const pb_generate_spec *spec, pb_error **error)
{
    size_t context = pb_model_shape(pb_run_model(prompt))->n_positions;
    size_t length = pb_run_length(prompt);
    if (spec->n_tokens <= context && length <= context - spec->n_tokens)
        return PB_OK;
    return pb_fail(error, PB_LIMIT,
                   "the model's context is %zu tokens: after a prompt of %zu there is room for "
                   "%zu, not %zu",
                   context, length, context - length, spec->n_tokens);
}

static pb_status writer_start(writer *pen, pb_run *prompt, pb_error **error)
{
    const pb_shape *shape = pb_model_shape(pen->model);
    size_t capacity = pb_run_length(prompt) + pen->spec->n_tokens;
    pen->normed = pb_malloc(shape->d_model, sizeof *pen->normed);
    pen->logits = pb_malloc(shape->n_vocab, sizeof *pen->logits);
    pen->tokens = pb_malloc(pen->spec->n_tokens, sizeof *pen->tokens);
    if (!pen->normed || !pen->logits || !pen->tokens)
        return pb_fail_memory(error);
    return pb_cache_create(pen->model, capacity, false, &pen->cache, error);
}

/* Takes what was written; an interrupt after the first token is not a failure. */
static pb_status writer_finish(writer *pen, pb_status status, pb_error *fault, int32_t **tokens,
                               size_t *count, bool *partial, pb_error **error)
{
    *partial = status == PB_INTERRUPTED && pen->n > 0;
    if (*partial)
        status = PB_OK;
    if (status && error && !*error)
        *error = fault;
    else
        pb_error_destroy(&fault);
    if (!status) {
        *tokens = pen->tokens;
        *count = pen->n;
        pen->tokens = NULL;
    }
    free(pen->tokens);
    free(pen->normed);
    free(pen->logits);
    pb_cache_release(&pen->cache);
    return status;
}

pb_status pb_generate(pb_run *prompt, const pb_generate_spec *spec, const pb_context *context,
                      int32_t **tokens, size_t *count, bool *partial, pb_error **error)
{
    pb_binding *binding = NULL;
    pb_run_edits bound;
    pb_error *fault = NULL;
    writer pen = {.spec = spec,
                  .model = pb_run_model(prompt),
                  .context = pb_context_or_none(context),
                  .random = spec->seed};
    pb_scratch *scratch = pen.context.scratch ? NULL : pb_scratch_create();
    pb_status status = PB_OK;
    if (!pen.context.scratch && !scratch)
        return pb_fail_memory(error);
    if (scratch)
        pen.context.scratch = scratch;
    status = check_room(prompt, spec, &fault);
    if (!status && (spec->n_edits || pb_run_is_edited(prompt))) {
        status = pb_edits_bind_writing(prompt, spec->which, spec->of ? spec->of : 1, spec->edits,
                                       spec->n_edits, pb_run_length(prompt) + spec->n_tokens,
                                       &pen.context, &binding, &bound, &fault);
        pen.hooks = &bound.hooks;
        pen.whole = !status && bound.whole;
    }
    if (!status)
        status = writer_start(&pen, prompt, &fault);
    if (!status)
        status = write_on(&pen, prompt, &fault);
    status = writer_finish(&pen, status, fault, tokens, count, partial, error);
    pb_binding_release(&binding);
    pb_scratch_destroy(&scratch);
    return status;
}
