/* Runs: a prompt's checkpoints, and activations computed from them. */
#include "model/run.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/route.h"
#include "process.h"

struct pb_run {
    atomic_size_t references;
    pb_model *model;
    int32_t *tokens;
    size_t n;
    bool edited;
    pb_run_edits edits;
    float *resid;  /* [n_layer + 1, n, d_model] */
    float *normed; /* [n, d_model] */
    float *last;   /* [sites kept_at_last(), n_layer, d_model], at the last position */
    pb_cache *cache;
    pb_axis *positions;
};

/* What is kept of the last position beside the stream: all that attribution reads there, so that it
 * needs no pass of its own. Those are what each layer writes, and what heads write it from. */
static bool kept_at_last(pb_site site)
{
    const pb_site_row *row = pb_site_info(site);
    return site == PB_SITE_Z || (row->layers && row->component);
}

static size_t kept_before(int end)
{
    size_t count = 0;
    for (int site = 0; site < end; site++)
        count += kept_at_last((pb_site)site);
    return count;
}

/* ---- making ---- */

static pb_status label_positions(pb_run *run, pb_error **error)
{
    const pb_tokenizer *tokenizer = pb_model_tokenizer(run->model);
    const char **labels = pb_malloc(run->n, sizeof *labels);
    if (!labels)
        return pb_fail_memory(error);
    for (size_t i = 0; i < run->n; i++)
        labels[i] = pb_tokenizer_label(tokenizer, run->tokens[i]);
    pb_status status = pb_axis_create("pos", run->n, NULL, labels, &run->positions, error);
    free(labels);
    return status;
}

static pb_status check_prompt(const pb_model *model, const pb_prompt *prompt, pb_error **error)
{
    const pb_shape *s = pb_model_shape(model);
    if (prompt->n == 0)
        return pb_fail(error, PB_VALUE, "the prompt is empty; expected at least one token");
    if (prompt->n > s->n_positions)
        return pb_fail(error, PB_RANGE, "the prompt has %zu tokens; the context of %s holds %zu",
                       prompt->n, pb_model_name(model), s->n_positions);
    for (size_t i = 0; i < prompt->n; i++)
        if (prompt->tokens[i] < 0 || (size_t)prompt->tokens[i] >= s->n_vocab)
            return pb_fail(error, PB_RANGE, "there is no token %ld; the vocabulary has 0 to %zu",
                           (long)prompt->tokens[i], s->n_vocab - 1);
    return PB_OK;
}

static pb_status fill_run(pb_run *run, const pb_prompt *prompt, bool keep_qkv, pb_error **error)
{
    const pb_shape *s = pb_model_shape(run->model);
    size_t rows, values;
    run->n = prompt->n;
    run->tokens = pb_malloc(run->n, sizeof *run->tokens);
    if (!run->tokens || !pb_size_mul(s->n_layer + 1, run->n, &rows) ||
        !pb_size_mul(rows, s->d_model, &values))
        return pb_fail_memory(error);
    memcpy(run->tokens, prompt->tokens, run->n * sizeof *run->tokens);
    run->resid = pb_malloc(values, sizeof *run->resid);
    run->normed = pb_malloc(run->n * s->d_model, sizeof *run->normed);
    run->last = pb_malloc(kept_before(PB_N_SITES) * s->n_layer, s->d_model * sizeof *run->last);
    if (!run->resid || !run->normed || !run->last)
        return pb_fail_memory(error);
    if (prompt->edits) {
        run->edits = *prompt->edits;
        run->edited = true;
        if (run->edits.retain)
            run->edits.retain(run->edits.hooks.user);
    }
    pb_status status = label_positions(run, error);
    if (!status && keep_qkv)
        status = pb_cache_create(run->model, run->n, true, &run->cache, error);
    return status;
}

static pb_status new_run(pb_model *model, const pb_prompt *prompt, bool keep_qkv, pb_run **run,
                         pb_error **error)
{
    pb_status status = check_prompt(model, prompt, error);
    if (status)
        return status;
    pb_run *made = pb_calloc(1, sizeof *made);
    if (!made)
        return pb_fail_memory(error);
    atomic_init(&made->references, 1);
    made->model = pb_model_retain(model);
    status = fill_run(made, prompt, keep_qkv, error);
    if (!status)
        *run = made;
    else
        pb_run_release(&made);
    return status;
}

pb_run *pb_run_retain(pb_run *run)
{
    if (run)
        atomic_fetch_add_explicit(&run->references, 1, memory_order_relaxed);
    return run;
}

void pb_run_release(pb_run **run)
{
    pb_run *old = run ? *run : NULL;
    if (!old)
        return;
    *run = NULL;
    if (atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) != 1)
        return;
    if (old->edited && old->edits.release)
        old->edits.release(old->edits.hooks.user);
    pb_axis_release(&old->positions);
    pb_cache_release(&old->cache);
    free(old->last);
    free(old->normed);
    free(old->resid);
    free(old->tokens);
    pb_model_release(&old->model);
    free(old);
}

/* ---- checkpoints of a whole batch ---- */

static float *checkpoint(const pb_run *run, size_t layer)
{
    return run->resid + layer * run->n * pb_model_shape(run->model)->d_model;
}

typedef struct recorder {
    pb_run **runs;
} recorder;

/* Where a layer of a site is kept; NULL if it is not. */
static float *last_of(const pb_run *run, pb_site site, size_t layer)
{
    const pb_shape *s = pb_model_shape(run->model);
    if (!kept_at_last(site))
        return NULL;
    return run->last + (kept_before((int)site) * s->n_layer + layer) * s->d_model;
}

static bool records(void *user, pb_site site, size_t layer)
{
    const recorder *r = user;
    return pb_site_info(site)->checkpoint == PB_CHECKPOINT_BEFORE ||
           last_of(r->runs[0], site, layer);
}

static pb_status record(void *user, const pb_view *view, pb_error **error)
{
    const recorder *r = user;
    size_t values = view->width * view->n_heads; /* the heads of a row of z lie side by side */
    (void)error;
    for (size_t i = 0; i < view->n_rows; i++) {
        const pb_row *row = &view->rows[i];
        const pb_run *run = r->runs[row->sequence];
        float *to = NULL;
        if (pb_site_info(view->site)->checkpoint == PB_CHECKPOINT_BEFORE)
            to = checkpoint(run, view->layer) + row->position * values;
        else if (row->position + 1 == run->n)
            to = last_of(run, view->site, view->layer);
        if (to)
            memcpy(to, view->data + i * view->row_stride, values * sizeof *to);
    }
    return PB_OK;
}

/* The outputs of the batch, spread over the runs. */
static void spread(size_t n, pb_run **runs, const float *resid, const float *normed)
{
    for (size_t i = 0; i < n; i++) {
        const pb_shape *s = pb_model_shape(runs[i]->model);
        size_t values = runs[i]->n * s->d_model;
        memcpy(checkpoint(runs[i], s->n_layer), resid, values * sizeof *resid);
        memcpy(runs[i]->normed, normed, values * sizeof *normed);
        resid += values;
        normed += values;
    }
}

/* What is not finite in a stream stays so to its end, and no question about it has an answer. */
static pb_status check_finite(const pb_run *run, size_t which, size_t n, pb_error **error)
{
    const pb_shape *s = pb_model_shape(run->model);
    size_t values = run->n * s->d_model, layer = 0, at = values;
    if (pb_find_not_finite(values, checkpoint(run, s->n_layer)) == values &&
        pb_find_not_finite(values, run->normed) == values)
        return PB_OK;
    for (; layer <= s->n_layer && at == values; layer++)
        at = pb_find_not_finite(values, checkpoint(run, layer));
    char place[48] = "after the last norm", prompt[32] = "";
    if (at == values)
        at = pb_find_not_finite(values, run->normed);
    else if (layer == 1)
        snprintf(place, sizeof place, "before layer 0");
    else
        snprintf(place, sizeof place, "after layer %zu", layer - 2);
    if (n > 1)
        snprintf(prompt, sizeof prompt, " of prompt %zu", which + 1);
    pb_status status = pb_fail(error, PB_VALUE,
                               "the numbers%s are no longer finite: the stream holds NaN or an "
                               "infinity %s, at position %zu",
                               prompt, place, at / s->d_model);
    if (error)
        pb_error_hint(*error, run->edited ? "look at what the edit writes there"
                                          : "the model's weights are too large for float32");
    return status;
}

static pb_status compute(pb_model *model, size_t n, pb_run **runs, const pb_context *context,
                         pb_error **error)
{
    pb_sequence *sequences = pb_calloc(n, sizeof *sequences);
    size_t rows = 0, d = pb_model_shape(model)->d_model;
    for (size_t i = 0; sequences && i < n; i++) {
        sequences[i] =
            (pb_sequence){.n = runs[i]->n, .tokens = runs[i]->tokens, .keep = runs[i]->cache};
        rows += runs[i]->n;
    }
    float *resid = pb_malloc(rows, d * sizeof *resid),
          *normed = pb_malloc(rows, d * sizeof *normed);
    pb_route route = {runs, n};
    recorder recording = {runs};
    const pb_hooks edit_hooks = pb_route_hooks(&route);
    const pb_hooks record_hooks = {&recording, records, record};
    const pb_hooks *const hooks[] = {&edit_hooks, &record_hooks};
    pb_batch batch = {.sequences = sequences, .n = n, .hooks = hooks, .n_hooks = 2};
    pb_status status = sequences && resid && normed
                           ? pb_forward(model, &batch, context, resid, normed, error)
                           : pb_fail_memory(error);
    if (!status)
        spread(n, runs, resid, normed);
    for (size_t i = 0; !status && i < n; i++)
        status = check_finite(runs[i], i, n, error);
    free(normed);
    free(resid);
    free(sequences);
    return status;
}

pb_status pb_runs_create(pb_model *model, size_t n, const pb_prompt *prompts,
                         const pb_run_options *options, const pb_context *context, pb_run **runs,
                         pb_error **error)
{
    pb_status status = PB_OK;
    size_t made = 0;
    for (; !status && made < n; made += !status)
        status = new_run(model, &prompts[made], options && options->keep_qkv, &runs[made], error);
    if (!status && n > 0)
        status = compute(model, n, runs, context, error);
    for (size_t i = 0; status && i < made; i++)
        pb_run_release(&runs[i]);
    return status;
}

pb_status pb_run_create(pb_model *model, const pb_prompt *prompt, const pb_run_options *options,
                        const pb_context *context, pb_run **run, pb_error **error)
{
    return pb_runs_create(model, 1, prompt, options, context, run, error);
}

/* ---- what it holds ---- */

pb_model *pb_run_model(const pb_run *run)
{
    return run->model;
}

size_t pb_run_length(const pb_run *run)
{
    return run->n;
}

const int32_t *pb_run_tokens(const pb_run *run)
{
    return run->tokens;
}

bool pb_run_is_edited(const pb_run *run)
{
    return run->edited;
}

const pb_run_edits *pb_run_edits_of(const pb_run *run)
{
    return run->edited ? &run->edits : NULL;
}

size_t pb_run_bytes(const pb_run *run)
{
    const pb_shape *s = pb_model_shape(run->model);
    size_t rows = (s->n_layer + 2) * run->n + kept_before(PB_N_SITES) * s->n_layer;
    return rows * s->d_model * sizeof(float) + (run->cache ? pb_cache_bytes(run->cache) : 0);
}

pb_axis *pb_run_positions(const pb_run *run)
{
    return run->positions;
}

const float *pb_run_resid(const pb_run *run, size_t layer)
{
    return checkpoint(run, layer);
}

const float *pb_run_normed(const pb_run *run)
{
    return run->normed;
}

const float *pb_run_last(const pb_run *run, pb_site site, size_t layer)
{
    return last_of(run, site, layer);
}

const pb_cache *pb_run_cache(const pb_run *run)
{
    return run->cache;
}

/* ---- logits ---- */

pb_status pb_run_logits_at(const pb_run *run, size_t n, const size_t *positions,
                           const pb_context *context, float *out, pb_error **error)
{
    size_t d = pb_model_shape(run->model)->d_model;
    float *normed = pb_malloc(n, d * sizeof *normed);
    if (!normed)
        return pb_fail_memory(error);
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < n; i++) {
        if (positions[i] >= run->n)
            status = pb_fail(error, PB_RANGE, "there is no position %zu; the prompt has 0 to %zu",
                             positions[i], run->n - 1);
        else
            memcpy(normed + i * d, run->normed + positions[i] * d, d * sizeof *normed);
    }
    if (!status)
        status = pb_unembed(run->model, n, normed, context, out, error);
    free(normed);
    return status;
}

pb_status pb_run_logits(const pb_run *run, const pb_context *context, pb_tensor **tensor,
                        pb_error **error)
{
    pb_axis *axes[] = {run->positions, pb_model_axis(run->model, "token")};
    pb_tensor *made = NULL;
    float *data;
    pb_status status = pb_tensor_create(2, axes, &made, &data, error);
    if (!status)
        status = pb_unembed(run->model, run->n, run->normed, context, data, error);
    if (!status)
        *tensor = made;
    else
        pb_tensor_release(&made);
    return status;
}
