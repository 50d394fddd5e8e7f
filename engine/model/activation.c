/* Activations of a run: the one layer is computed again from its checkpoint, its edits with it. */
#include <string.h>

#include "base/memory.h"
#include "capture.h"
#include "model_internal.h"

/* ---- capturing ---- */

static bool captures(void *user, pb_site site, size_t layer)
{
    const pb_capture *c = user;
    return site == c->site && (layer == c->layer || !pb_site_info(site)->layers);
}

/* Where row r, head h of a view goes. Rows of positions: [pos, head, ...]; of queries: [head,
 * query, key]. */
static float *captured_row(const pb_capture *c, const pb_view *view, size_t r, size_t head)
{
    size_t position = view->rows[r].position;
    if (pb_site_info(view->site)->keys)
        return c->out + (head * c->n_rows + position) * c->n_rows;
    return c->out + (position * view->n_heads + head) * view->width;
}

static pb_status copy(void *user, const pb_view *view, pb_error **error)
{
    const pb_capture *c = user;
    (void)error;
    for (size_t r = 0; r < view->n_rows; r++)
        for (size_t head = 0; head < view->n_heads; head++)
            memcpy(captured_row(c, view, r, head),
                   view->data + r * view->row_stride + head * view->head_stride,
                   view->width * sizeof(float));
    return PB_OK;
}

pb_hooks pb_capture_hooks(pb_capture *capture)
{
    return (pb_hooks){capture, captures, copy};
}

/* ---- sizes and axes ---- */

/* How long an axis is in a run. */
static size_t axis_length(const pb_run *run, const char *name)
{
    pb_axis *axis = pb_model_axis(pb_run_model(run), name);
    return axis ? pb_axis_length(axis) : pb_run_length(run); /* pos, query, key */
}

size_t pb_run_activation_size(const pb_run *run, pb_site site)
{
    const char *axes[3];
    size_t size = 1, n = pb_site_axes(pb_run_model(run), site, axes);
    for (size_t i = 0; i < n; i++)
        size *= axis_length(run, axes[i]);
    return size;
}

/* The axis of a name, a reference of the caller's: the model's, or the prompt's positions. */
static pb_status axis_of(const pb_run *run, const char *name, pb_axis **axis, pb_error **error)
{
    pb_axis *positions = pb_run_positions(run);
    pb_axis *known = pb_model_axis(pb_run_model(run), name);
    if (!known && strcmp(name, "pos") == 0)
        known = positions;
    if (known) {
        *axis = pb_axis_retain(known);
        return PB_OK;
    }
    size_t n = pb_axis_length(positions);
    const char **labels = pb_malloc(n, sizeof *labels);
    if (!labels)
        return pb_fail_memory(error);
    for (size_t i = 0; i < n; i++)
        labels[i] = pb_axis_label(positions, i);
    pb_status status = pb_axis_create(name, n, NULL, labels, axis, error);
    free(labels);
    return status;
}

/* ---- computing ---- */

bool pb_run_hands_on(const pb_run *run, size_t layer)
{
    const pb_run_edits *edits = pb_run_edits_of(run);
    bool last = layer + 1 == pb_model_shape(pb_run_model(run))->n_layer;
    return !edits || last || !edits->hooks.wants(edits->hooks.user, PB_SITE_RESID_PRE, layer + 1);
}

/* The stream that a run keeps at each layer is the answer itself; but where the next layer's
 * resid_pre was edited, what is kept is no longer the resid_post. */
static const float *kept(const pb_run *run, pb_site site, size_t layer)
{
    switch (pb_site_info(site)->checkpoint) {
    case PB_CHECKPOINT_NONE: break;
    case PB_CHECKPOINT_BEFORE: return pb_run_resid(run, layer);
    case PB_CHECKPOINT_AFTER:
        return pb_run_hands_on(run, layer) ? pb_run_resid(run, layer + 1) : NULL;
    }
    return NULL;
}

/* A pass that begins with a checkpoint makes no edit that the checkpoint holds already. */
static bool edits_want(void *user, pb_site site, size_t layer)
{
    const pb_hooks *hooks = user;
    return pb_site_info(site)->checkpoint != PB_CHECKPOINT_BEFORE &&
           hooks->wants(hooks->user, site, layer);
}

static pb_status edits_at(void *user, const pb_view *view, pb_error **error)
{
    const pb_hooks *hooks = user;
    return hooks->at(hooks->user, view, error);
}

/* The sequence through layers below `stop`, under the run's edits. */
static pb_status run_pass(const pb_run *run, pb_sequence *sequence, size_t stop,
                          const pb_hooks *capturing, const pb_context *context, float *normed,
                          pb_error **error)
{
    const pb_run_edits *edits = pb_run_edits_of(run);
    pb_hooks all = edits ? edits->hooks : (pb_hooks){NULL, NULL, NULL};
    const pb_hooks unmade = {&all, edits_want, edits_at};
    const pb_hooks *const both[] = {sequence->tokens ? &all : &unmade, capturing};
    pb_batch batch = {.sequences = sequence,
                      .n = 1,
                      .hooks = edits ? both : both + 1,
                      .n_hooks = edits ? 2 : 1,
                      .whole = edits && edits->whole,
                      .stop = stop};
    return pb_forward(pb_run_model(run), &batch, context, NULL, normed, error);
}

static pb_status compute(const pb_run *run, pb_site site, size_t layer, const pb_context *context,
                         float *out, pb_error **error)
{
    const pb_shape *s = pb_model_shape(pb_run_model(run));
    pb_stage stage = pb_site_info(site)->stage;
    size_t n = pb_run_length(run), from = stage == PB_STAGE_END ? s->n_layer : layer;
    pb_entry_rows rows = {.n = n, .resid = pb_run_resid(run, from)};
    pb_sequence sequence = {.n = n, .layer = from, .entry = &rows, .n_entry = 1};
    if (stage == PB_STAGE_EMBEDDING)
        sequence = (pb_sequence){.n = n, .tokens = pb_run_tokens(run)};
    pb_capture capture = {site, layer, n, out};
    const pb_hooks capturing = pb_capture_hooks(&capture);
    if (stage != PB_STAGE_END)
        return run_pass(run, &sequence, layer + 1, &capturing, context, NULL, error);
    float *normed = pb_malloc(n * s->d_model, sizeof *normed);
    if (!normed)
        return pb_fail_memory(error);
    pb_status status = run_pass(run, &sequence, s->n_layer, &capturing, context, normed, error);
    free(normed);
    return status;
}

static pb_status check_layer(const pb_run *run, pb_site site, size_t layer, pb_error **error)
{
    const pb_model *model = pb_run_model(run);
    size_t n_layer = pb_model_shape(model)->n_layer;
    if (layer < n_layer || !pb_site_info(site)->layers)
        return PB_OK;
    return pb_fail(error, PB_RANGE, "there is no layer %zu; %s has layers 0 to %zu", layer,
                   pb_model_name(model), n_layer - 1);
}

pb_status pb_run_activation_into(const pb_run *run, pb_site site, size_t layer,
                                 const pb_context *context, float *out, pb_error **error)
{
    pb_status status = pb_site_check(pb_run_model(run), site, error);
    if (!status)
        status = check_layer(run, site, layer, error);
    if (status)
        return status;
    if (!pb_site_info(site)->layers)
        layer = 0;
    const float *values = kept(run, site, layer);
    if (!values)
        return compute(run, site, layer, context, out, error);
    memcpy(out, values, pb_run_activation_size(run, site) * sizeof *out);
    return PB_OK;
}

/* ---- as tensors ---- */

pb_status pb_run_axes(const pb_run *run, pb_site site, pb_axis *axes[3], size_t *n,
                      pb_error **error)
{
    const char *names[3];
    size_t count = pb_site_axes(pb_run_model(run), site, names);
    pb_status status = PB_OK;
    for (*n = 0; !status && *n < count; *n += !status)
        status = axis_of(run, names[*n], &axes[*n], error);
    for (size_t i = 0; status && i < *n; i++)
        pb_axis_release(&axes[i]);
    *n = status ? 0 : *n;
    return status;
}

static pb_status create(const pb_run *run, pb_site site, bool all, pb_tensor **tensor, float **data,
                        pb_error **error)
{
    pb_axis *axes[4] = {NULL};
    size_t rank = all ? 1 : 0, n = 0;
    if (all)
        axes[0] = pb_axis_retain(pb_model_axis(pb_run_model(run), "layer"));
    pb_status status = pb_run_axes(run, site, axes + rank, &n, error);
    if (!status)
        status = pb_tensor_create(rank + n, axes, tensor, data, error);
    for (size_t i = 0; i < rank + n; i++)
        pb_axis_release(&axes[i]);
    return status;
}

pb_status pb_run_activation(const pb_run *run, pb_site site, size_t layer,
                            const pb_context *context, pb_tensor **tensor, pb_error **error)
{
    bool all = layer == PB_ALL_LAYERS && pb_site_info(site)->layers;
    size_t size = pb_run_activation_size(run, site);
    pb_tensor *made = NULL;
    float *data;
    pb_status status = pb_site_check(pb_run_model(run), site, error);
    if (!status && !all)
        status = check_layer(run, site, layer, error);
    if (!status)
        status = create(run, site, all, &made, &data, error);
    size_t first = all ? 0 : layer, n = all ? pb_model_shape(pb_run_model(run))->n_layer : 1;
    for (size_t i = 0; !status && i < n; i++)
        status = pb_run_activation_into(run, site, first + i, context, data + i * size, error);
    if (!status)
        *tensor = made;
    else
        pb_tensor_release(&made);
    return status;
}
