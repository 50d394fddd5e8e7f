/* The logit lens: residual states unembedded with their own statistics; see study/attribute.h. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "math/kernels.h"
#include "places.h"
#include "study/attribute.h"

enum { CHUNK_BYTES = 64 * 1024 * 1024 };

/* Results larger than this are refused. */
static const size_t RESULT_BYTES = (size_t)1 << 30;

/* The states a lens reads: some positions of some layers. */
typedef struct states {
    pb_run *run;
    pb_site site;
    size_t *layers, n_layers, *positions, n_positions;
    bool one_layer, one_position;
} states;

pb_status pb_logit_lens_check(const pb_model *model, pb_site site, pb_error **error)
{
    if (pb_site_info(site)->stream)
        return PB_OK;
    pb_buffer streams = PB_BUFFER_EMPTY;
    pb_sites_list(model, pb_site_is_stream, "or", &streams);
    pb_status status = pb_buffer_status(&streams, error);
    if (!status)
        status = pb_fail(error, PB_VALUE, "the lens reads the residual stream: %s", streams.data);
    pb_buffer_free(&streams);
    return status;
}

static pb_status states_resolve(states *chosen, const pb_select *layers, const pb_select *positions,
                                pb_error **error)
{
    pb_axis *numbers = NULL;
    pb_status status = pb_logit_lens_check(pb_run_model(chosen->run), chosen->site, error);
    if (!status)
        status = pb_site_check(pb_run_model(chosen->run), chosen->site, error);
    if (!status)
        status = pb_axis_by_number(pb_model_axis(pb_run_model(chosen->run), "layer"), "layer",
                                   &numbers, error);
    if (!status)
        status = pb_about("layer",
                          pb_places(numbers, layers, &chosen->layers, &chosen->n_layers,
                                    &chosen->one_layer, error),
                          error);
    pb_axis_release(&numbers);
    if (!status)
        status = pb_about("pos",
                          pb_places(pb_run_positions(chosen->run), positions, &chosen->positions,
                                    &chosen->n_positions, &chosen->one_position, error),
                          error);
    return status;
}

static void states_clear(states *chosen)
{
    free(chosen->layers);
    free(chosen->positions);
}

/* The chosen rows of one layer after the final norm, [n_positions, d_model]. `whole` has room for
 * all rows of the prompt. Checkpoints already hold what resid_pre and resid_post are. */
static pb_status normed_rows(const states *chosen, size_t layer, const pb_context *context,
                             float *whole, float *rows, pb_error **error)
{
    size_t d = pb_model_shape(pb_run_model(chosen->run))->d_model;
    pb_status status =
        pb_run_activation_into(chosen->run, chosen->site, layer, context, whole, error);
    if (status)
        return status;
    for (size_t p = 0; p < chosen->n_positions; p++)
        memcpy(rows + p * d, whole + chosen->positions[p] * d, d * sizeof *rows);
    pb_final_norm(pb_run_model(chosen->run), chosen->n_positions, rows, rows);
    return PB_OK;
}

/* Called with the logits of some rows: position index and layer index of the first of them. */
typedef struct consumer {
    void (*take)(void *user, size_t layer, size_t position, size_t n, const float *logits);
    void *user;
} consumer;

static pb_status logits_of_layer(const states *chosen, size_t which, const float *rows,
                                 const int32_t *tokens, size_t n_tokens, float *logits,
                                 size_t chunk, const pb_context *context, consumer to,
                                 pb_error **error)
{
    const pb_model *model = pb_run_model(chosen->run);
    size_t d = pb_model_shape(model)->d_model;
    for (size_t p = 0; p < chosen->n_positions; p += chunk) {
        size_t n = chosen->n_positions - p < chunk ? chosen->n_positions - p : chunk;
        pb_status status =
            tokens ? pb_unembed_tokens(model, n, rows + p * d, n_tokens, tokens, logits, error)
                   : pb_unembed(model, n, rows + p * d, context, logits, error);
        if (status)
            return status;
        to.take(to.user, which, p, n, logits);
    }
    return PB_OK;
}

static pb_status walk_states(const states *chosen, const int32_t *tokens, size_t n_tokens,
                             const pb_context *context, consumer to, pb_error **error)
{
    const pb_shape *shape = pb_model_shape(pb_run_model(chosen->run));
    size_t width = tokens ? n_tokens : shape->n_vocab;
    size_t chunk = CHUNK_BYTES / ((width ? width : 1) * sizeof(float));
    chunk = chunk < 1 ? 1 : chunk > chosen->n_positions ? chosen->n_positions : chunk;
    float *whole = pb_malloc(pb_run_length(chosen->run) * shape->d_model, sizeof *whole);
    float *rows = pb_malloc(chosen->n_positions * shape->d_model, sizeof *rows);
    float *logits = pb_malloc(chunk * width, sizeof *logits);
    pb_status status = whole && rows && logits ? PB_OK : pb_fail_memory(error);
    for (size_t l = 0; !status && l < chosen->n_layers; l++) {
        status = normed_rows(chosen, chosen->layers[l], context, whole, rows, error);
        if (!status)
            status = logits_of_layer(chosen, l, rows, tokens, n_tokens, logits, chunk, context, to,
                                     error);
        pb_watch_progress(context->watch, l + 1, chosen->n_layers);
    }
    free(whole);
    free(rows);
    free(logits);
    return status;
}

/* The result's axes, [layer?, pos?], and room for one that the caller adds; frame_clear() releases
 * all of them. */
typedef struct lens_axes {
    pb_axis *axes[3];
    size_t rank;
} lens_axes;

static pb_status frame_fill(const states *chosen, lens_axes *outer, pb_error **error)
{
    pb_status status = PB_OK;
    if (!chosen->one_layer) {
        status = pb_axis_pick(pb_model_axis(pb_run_model(chosen->run), "layer"), chosen->layers,
                              chosen->n_layers, NULL, &outer->axes[0], error);
        outer->rank = status ? 0 : 1;
    }
    if (!status && !chosen->one_position) {
        status = pb_axis_pick(pb_run_positions(chosen->run), chosen->positions, chosen->n_positions,
                              NULL, &outer->axes[outer->rank], error);
        outer->rank += !status;
    }
    return status;
}

static void frame_clear(lens_axes *outer)
{
    for (size_t i = 0; i < outer->rank; i++)
        pb_axis_release(&outer->axes[i]);
}

/* ---- logits ---- */

static pb_status token_axis(const pb_model *model, const int32_t *tokens, size_t n_tokens,
                            pb_axis **axis, pb_error **error)
{
    pb_axis *all = pb_model_axis(model, "token");
    if (!tokens) {
        *axis = pb_axis_retain(all);
        return PB_OK;
    }
    size_t *offsets = pb_malloc(n_tokens, sizeof *offsets);
    if (!offsets)
        return pb_fail_memory(error);
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < n_tokens; i++) {
        offsets[i] = (size_t)tokens[i];
        if (tokens[i] < 0 || offsets[i] >= pb_axis_length(all))
            status = pb_fail(error, PB_RANGE, "there is no token %ld: ids are 0 to %zu",
                             (long)tokens[i], pb_axis_length(all) - 1);
    }
    if (!status)
        status = pb_axis_pick(all, offsets, n_tokens, NULL, axis, error);
    free(offsets);
    return status;
}

typedef struct copying {
    float *data; /* [layer, pos, width] */
    size_t n_positions, width;
} copying;

static void copy_logits(void *user, size_t layer, size_t position, size_t n, const float *logits)
{
    copying *to = user;
    memcpy(to->data + (layer * to->n_positions + position) * to->width, logits,
           n * to->width * sizeof *logits);
}

static pb_status lens_tensor(const states *chosen, const int32_t *tokens, size_t n_tokens,
                             const pb_context *context, pb_tensor **lens, pb_error **error)
{
    lens_axes outer = {{NULL}, 0};
    pb_tensor *made = NULL;
    copying to = {NULL, chosen->n_positions, 0};
    pb_status status = frame_fill(chosen, &outer, error);
    if (!status)
        status =
            token_axis(pb_run_model(chosen->run), tokens, n_tokens, &outer.axes[outer.rank], error);
    if (!status) {
        to.width = pb_axis_length(outer.axes[outer.rank++]);
        if (chosen->n_layers * chosen->n_positions > RESULT_BYTES / sizeof(float) / to.width)
            status = pb_fail(error, PB_LIMIT,
                             "the lens over %zu layers, %zu positions and %zu tokens would take "
                             "more than 1 GiB",
                             chosen->n_layers, chosen->n_positions, to.width);
    }
    if (!status)
        status = pb_tensor_create(outer.rank, outer.axes, &made, &to.data, error);
    if (!status)
        status =
            walk_states(chosen, tokens, n_tokens, context, (consumer){copy_logits, &to}, error);
    frame_clear(&outer);
    if (status)
        pb_tensor_release(&made);
    else
        *lens = made;
    return status;
}

pb_status pb_logit_lens(pb_run *run, pb_site site, const pb_select *layers,
                        const pb_select *positions, const int32_t *tokens, size_t n_tokens,
                        const pb_context *context, pb_tensor **lens, pb_error **error)
{
    pb_context with = pb_context_or_none(context);
    states chosen = {.run = run, .site = site};
    pb_status status = PB_OK;
    if (tokens && n_tokens == 0)
        status = pb_fail(error, PB_VALUE, "the logit lens of no tokens");
    if (!status)
        status = states_resolve(&chosen, layers, positions, error);
    if (!status)
        status = lens_tensor(&chosen, tokens, n_tokens, &with, lens, error);
    states_clear(&chosen);
    return status;
}

/* ---- the best token of each state ---- */

typedef struct finding {
    float *ids, *logits, *probabilities; /* [layer, pos] */
    size_t n_positions, n_vocab;
} finding;

static void find_best(void *user, size_t layer, size_t position, size_t n, const float *logits)
{
    finding *to = user;
    for (size_t r = 0; r < n; r++) {
        const float *row = logits + r * to->n_vocab;
        size_t best = 0, place = layer * to->n_positions + position + r;
        for (size_t t = 1; t < to->n_vocab; t++) {
            if (row[t] > row[best])
                best = t;
        }
        to->ids[place] = (float)best; /* exact: vocabularies are far below 2^24 */
        to->logits[place] = row[best];
        to->probabilities[place] = (float)exp((double)row[best] - pb_log_sum_exp(to->n_vocab, row));
    }
}

static pb_status lens_top(const states *chosen, const pb_context *context, pb_tensor *made[3],
                          pb_error **error)
{
    lens_axes outer = {{NULL}, 0};
    finding to = {.n_positions = chosen->n_positions,
                  .n_vocab = pb_model_shape(pb_run_model(chosen->run))->n_vocab};
    float **data[3] = {&to.ids, &to.logits, &to.probabilities};
    pb_status status = frame_fill(chosen, &outer, error);
    for (size_t i = 0; !status && i < 3; i++)
        status = pb_tensor_create(outer.rank, outer.axes, &made[i], data[i], error);
    if (!status)
        status = walk_states(chosen, NULL, 0, context, (consumer){find_best, &to}, error);
    frame_clear(&outer);
    return status;
}

pb_status pb_logit_lens_top(pb_run *run, pb_site site, const pb_select *layers,
                            const pb_select *positions, const pb_context *context, pb_tensor **ids,
                            pb_tensor **logits, pb_tensor **probabilities, pb_error **error)
{
    pb_context with = pb_context_or_none(context);
    states chosen = {.run = run, .site = site};
    pb_tensor *made[3] = {NULL}, **wanted[3] = {ids, logits, probabilities};
    pb_status status = states_resolve(&chosen, layers, positions, error);
    if (!status)
        status = lens_top(&chosen, &with, made, error);
    for (size_t i = 0; i < 3; i++) {
        if (!status && wanted[i])
            *wanted[i] = made[i];
        else
            pb_tensor_release(&made[i]);
    }
    states_clear(&chosen);
    return status;
}
