/* Runs made: prompts go through one pass, and what it passes is recorded in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/route.h"
#include "process.h"
#include "run_parts.h"

typedef struct recorder {
    pb_run **runs;
} recorder;

static bool records(void *user, pb_site site, size_t layer)
{
    const recorder *r = user;
    return pb_site_info(site)->checkpoint == PB_CHECKPOINT_BEFORE ||
           pb_run_kept(r->runs[0], site, layer);
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
            to = pb_run_checkpoint(run, view->layer) + row->position * values;
        else if (row->position + 1 == run->n)
            to = pb_run_kept(run, view->site, view->layer);
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
        memcpy(pb_run_checkpoint(runs[i], s->n_layer), resid, values * sizeof *resid);
        memcpy(runs[i]->normed, normed, values * sizeof *normed);
        resid += values;
        normed += values;
    }
}

/* NaN or an infinity that comes into the stream stays in it to the end, and no question about the
 * run has an answer then. Says where it came in. */
static pb_status check_finite(const pb_run *run, size_t which, size_t n, pb_error **error)
{
    const pb_shape *s = pb_model_shape(run->model);
    size_t values = run->n * s->d_model, layer = 0, at = values;
    if (pb_find_not_finite(values, pb_run_checkpoint(run, s->n_layer)) == values &&
        pb_find_not_finite(values, run->normed) == values)
        return PB_OK;
    for (; layer <= s->n_layer && at == values; layer++)
        at = pb_find_not_finite(values, pb_run_checkpoint(run, layer));
    char place[48] = "after the last norm", prompt[32] = "";
    if (at == values)
        at = pb_find_not_finite(values, run->normed);
    else if (layer == 1)
        snprintf(place, sizeof place, "before layer 0");
    else
        snprintf(place, sizeof place, "after layer %zu", layer - 2);
    if (n > 1)
        snprintf(prompt, sizeof prompt, " of prompt %zu", which);
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
    pb_batch batch = {.sequences = sequences,
                      .n = n,
                      .hooks = hooks,
                      .n_hooks = 2,
                      .whole = pb_route_is_whole(&route)};
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
        status =
            pb_run_blank(model, &prompts[made], options && options->keep_qkv, &runs[made], error);
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
