/* Runs: their memory, what they hold, and logits from it. How they are made is in record.c, how
 * activations are had again in activation.c. */
#include "run_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/memory.h"

/* ---- what is kept ---- */

/* What is kept of the last position beside the stream: all that attribution reads there, so that it
 * needs no pass of its own. Those are what each layer writes, and what heads write it from. */
static bool kept_at_last(pb_site site)
{
    const pb_site_row *row = pb_site_info(site);
    return site == PB_SITE_Z || (row->layers && row->component);
}

/* Values of one position of one layer. */
static size_t kept_width(const pb_model *model, pb_site site)
{
    bool kept = kept_at_last(site) && pb_site_is_in(model, site);
    return kept ? pb_site_heads(model, site) * pb_site_width(model, site) : 0;
}

/* The same of the sites before `end` together. */
static size_t kept_before(const pb_model *model, int end)
{
    size_t values = 0;
    for (int site = 0; site < end; site++)
        values += kept_width(model, (pb_site)site);
    return values;
}

float *pb_run_checkpoint(const pb_run *run, size_t layer)
{
    return run->resid + layer * run->n * pb_model_shape(run->model)->d_model;
}

float *pb_run_kept(const pb_run *run, pb_site site, size_t layer)
{
    const pb_shape *s = pb_model_shape(run->model);
    if (!kept_at_last(site))
        return NULL;
    return run->last + kept_before(run->model, (int)site) * s->n_layer +
           layer * kept_width(run->model, site);
}

/* ---- memory ---- */

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
    pb_status status =
        pb_budget_fits((values + values / 2) * sizeof(float)) ? PB_OK : pb_fail_memory(error);
    if (status)
        return status;
    run->resid = pb_hold(pb_malloc(values, sizeof *run->resid));
    run->normed = pb_hold(pb_malloc(run->n * s->d_model, sizeof *run->normed));
    run->last =
        pb_hold(pb_malloc(kept_before(run->model, PB_N_SITES), s->n_layer * sizeof *run->last));
    if (!run->resid || !run->normed || !run->last)
        return pb_fail_memory(error);
    if (prompt->edits) {
        run->edits = *prompt->edits;
        run->edited = true;
        if (run->edits.retain)
            run->edits.retain(run->edits.hooks.user);
    }
    status = label_positions(run, error);
    if (!status && keep_qkv)
        status = pb_cache_create(run->model, run->n, true, &run->cache, error);
    return status;
}

pb_status pb_run_blank(pb_model *model, const pb_prompt *prompt, bool keep_qkv, pb_run **run,
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
    pb_let_go(old->last);
    pb_let_go(old->normed);
    pb_let_go(old->resid);
    free(old->tokens);
    pb_model_release(&old->model);
    free(old);
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
    size_t values =
        (s->n_layer + 2) * run->n * s->d_model + kept_before(run->model, PB_N_SITES) * s->n_layer;
    return values * sizeof(float) + (run->cache ? pb_cache_bytes(run->cache) : 0);
}

pb_axis *pb_run_positions(const pb_run *run)
{
    return run->positions;
}

const float *pb_run_resid(const pb_run *run, size_t layer)
{
    return pb_run_checkpoint(run, layer);
}

const float *pb_run_normed(const pb_run *run)
{
    return run->normed;
}

const float *pb_run_last(const pb_run *run, pb_site site, size_t layer)
{
    return pb_run_kept(run, site, layer);
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
