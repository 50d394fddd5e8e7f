/* A prompt as a sweep left it, as a user's function reads it; see study/seen.h. */
#include "study/seen.h"

#include <string.h>

#include "base/memory.h"
#include "places.h"

/* ---- what was read ---- */

pb_status pb_reads_start(pb_reads *reads, const pb_run *run, pb_error **error)
{
    size_t sites = PB_N_SITES * pb_model_shape(pb_run_model(run))->n_layer;
    reads->rows = pb_calloc(pb_run_length(run), 1);
    reads->sites = pb_calloc(sites, 1);
    return reads->rows && reads->sites ? PB_OK : pb_fail_memory(error);
}

void pb_reads_clear(pb_reads *reads)
{
    free(reads->rows);
    free(reads->sites);
    *reads = (pb_reads){0};
}

void pb_seen_note_tokens(pb_seen *seen)
{
    if (seen->reads)
        seen->reads->tokens = true;
}

/* ---- the run as a whole ---- */

static pb_status run_of(pb_seen *seen, const pb_context *context, pb_run **run, pb_error **error)
{
    pb_status status =
        seen->whole && !seen->made ? seen->whole(seen, context, &seen->made, error) : PB_OK;
    *run = seen->made ? seen->made : seen->run;
    return status;
}

pb_status pb_seen_run(pb_seen *seen, const pb_context *context, pb_run **run, pb_error **error)
{
    if (seen->reads)
        seen->reads->hidden = seen->reads->tokens = true;
    return run_of(seen, context, run, error);
}

void pb_seen_clear(pb_seen *seen)
{
    pb_run_release(&seen->made);
}

/* ---- logits ---- */

pb_status pb_seen_rows(pb_seen *seen, size_t n, const size_t *positions, const pb_context *context,
                       float *out, pb_error **error)
{
    size_t d = pb_model_shape(pb_run_model(seen->run))->d_model;
    const float *rows = seen->normed;
    for (size_t i = 0; i < n; i++) {
        if (seen->reads)
            seen->reads->rows[positions[i]] = 1;
        if (!seen->computed || seen->computed[positions[i]] || rows != seen->normed)
            continue;
        pb_run *run = NULL;
        pb_status status = run_of(seen, context, &run, error);
        if (status)
            return status;
        rows = pb_run_normed(run);
    }
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * d, rows + positions[i] * d, d * sizeof *out);
    return PB_OK;
}

/* Those that are made together with other rows'; *all says whether that is all. */
static pb_status shared_logits(pb_seen *seen, size_t n, const size_t *positions,
                               const pb_context *context, float *out, bool *all, pb_error **error)
{
    size_t n_vocab = pb_model_shape(pb_run_model(seen->run))->n_vocab;
    *all = seen->logits != NULL;
    for (size_t i = 0; *all && i < n; i++) {
        const float *row = NULL;
        pb_status status = seen->logits(seen, positions[i], context, &row, error);
        if (status)
            return status;
        *all = row != NULL;
        if (row)
            memcpy(out + i * n_vocab, row, n_vocab * sizeof *out);
        if (row && seen->reads)
            seen->reads->rows[positions[i]] = 1;
    }
    return PB_OK;
}

pb_status pb_seen_logit_rows(pb_seen *seen, size_t n, const size_t *positions,
                             const pb_context *context, float *out, pb_error **error)
{
    pb_model *model = pb_run_model(seen->run);
    bool all = false;
    pb_status status = shared_logits(seen, n, positions, context, out, &all, error);
    if (status || all)
        return status;
    float *rows = pb_malloc(n, pb_model_shape(model)->d_model * sizeof *rows);
    status = rows ? pb_seen_rows(seen, n, positions, context, rows, error) : pb_fail_memory(error);
    if (!status)
        status = pb_unembed(model, n, rows, context, out, error);
    free(rows);
    return status;
}

/* Over `pos`, which has a place for each of the n positions. */
static pb_status logits_of(pb_seen *seen, size_t n, const size_t *positions, pb_axis *pos,
                           const pb_context *context, pb_tensor **logits, pb_error **error)
{
    pb_axis *axes[2] = {pos, pb_model_axis(pb_run_model(seen->run), "token")};
    float *data = NULL;
    pb_tensor *made = NULL;
    pb_status status = pb_tensor_create(2, axes, &made, &data, error);
    if (!status)
        status = pb_seen_logit_rows(seen, n, positions, context, data, error);
    if (status)
        pb_tensor_release(&made);
    *logits = made;
    return status;
}

pb_status pb_seen_logits(pb_seen *seen, size_t n, const size_t *positions,
                         const pb_context *context, pb_tensor **logits, pb_error **error)
{
    pb_context with = pb_context_or_none(context);
    pb_axis *pos = NULL;
    size_t length = positions ? n : pb_run_length(seen->run);
    size_t *at = pb_malloc(length, sizeof *at);
    if (!at)
        return pb_fail_memory(error);
    for (size_t i = 0; i < length; i++)
        at[i] = positions ? positions[i] : i;
    pb_status status = pb_axis_pick(pb_run_positions(seen->like), at, length, NULL, &pos, error);
    if (!status)
        status = logits_of(seen, length, at, pos, &with, logits, error);
    pb_axis_release(&pos);
    free(at);
    return status;
}

/* ---- activations ---- */

static pb_status read_layer(pb_seen *seen, pb_site site, size_t layer, const pb_context *context,
                            float *out, pb_error **error)
{
    size_t n_layer = pb_model_shape(pb_run_model(seen->run))->n_layer;
    const float *kept = seen->kept ? seen->kept(seen, site, layer) : NULL;
    if (seen->reads) {
        seen->reads->hidden = true;
        seen->reads->sites[(size_t)site * n_layer + layer] = 1;
    }
    if (kept) {
        memcpy(out, kept, pb_run_activation_size(seen->run, site) * sizeof *out);
        return PB_OK;
    }
    pb_run *run = NULL;
    pb_status status = run_of(seen, context, &run, error);
    return status ? status : pb_run_activation_into(run, site, layer, context, out, error);
}

/* A tensor over `layers`, NULL where the site has none, and what one layer of it goes over. */
static pb_status empty_activation(const pb_seen *seen, pb_site site, pb_axis *layers,
                                  pb_tensor **tensor, float **data, pb_error **error)
{
    pb_axis *axes[4] = {layers};
    size_t rank = layers ? 1 : 0, n = 0;
    pb_status status = pb_run_axes(seen->like, site, axes + rank, &n, error);
    if (!status)
        status = pb_tensor_create(rank + n, axes, tensor, data, error);
    for (size_t i = 0; i < n; i++)
        pb_axis_release(&axes[rank + i]);
    return status;
}

/* The axis over the layers that are read; NULL where the site has none. */
static pb_status layers_read(const pb_seen *seen, pb_site site, size_t layer, pb_axis **axis,
                             pb_error **error)
{
    pb_axis *all = pb_model_axis(pb_run_model(seen->run), "layer");
    *axis = NULL;
    if (!pb_site_info(site)->layers)
        return PB_OK;
    if (layer != PB_ALL_LAYERS)
        return pb_axis_pick(all, &layer, 1, NULL, axis, error);
    *axis = pb_axis_retain(all);
    return PB_OK;
}

pb_status pb_seen_activation(pb_seen *seen, pb_site site, size_t layer, const pb_context *context,
                             pb_tensor **tensor, pb_error **error)
{
    pb_axis *layers = NULL;
    pb_context with = pb_context_or_none(context);
    pb_tensor *made = NULL;
    float *data = NULL;
    size_t size = pb_run_activation_size(seen->run, site);
    pb_status status = layers_read(seen, site, layer, &layers, error);
    if (!status)
        status = empty_activation(seen, site, layers, &made, &data, error);
    size_t n = layers ? pb_axis_length(layers) : 1;
    for (size_t i = 0; !status && i < n; i++)
        status = read_layer(seen, site, layers ? (size_t)pb_axis_coordinate(layers, i) : 0, &with,
                            data + i * size, error);
    pb_axis_release(&layers);
    if (status)
        pb_tensor_release(&made);
    else
        *tensor = made;
    return status;
}
