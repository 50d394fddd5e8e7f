/* Activations of many prompts in batches; see model/stream.h. */
#include "model/stream.h"

#include <string.h>

#include "base/memory.h"

/* Rows of a batch: as many as a product needs to run at its full speed, so that reading the weights
 * once more costs nothing; and at most so many values of the activation at once. */
enum { BATCH_ROWS = 1024, BATCH_VALUES = 1 << 24 };

/* The prompts of one batch, and one layer of them as it is being filled. */
typedef struct stream_batch {
    const pb_stream *stream;
    size_t first, n; /* prompts */
    size_t rows;     /* tokens of all of them */
    size_t *starts;  /* [n] where each prompt's piece begins in `values` */
    float *values;
    size_t seen; /* rows of this layer that were shown */
    pb_stream_piece *piece;
    void *user;
} stream_batch;

size_t pb_stream_piece_size(const pb_stream *stream, size_t tokens)
{
    const pb_model *model = stream->model;
    if (stream->normed)
        return tokens * pb_model_shape(model)->d_model;
    size_t width = pb_site_width(model, stream->site);
    return tokens * pb_site_heads(model, stream->site) * (width ? width : tokens);
}

static bool wants_layer(const pb_stream *stream, size_t layer)
{
    return !stream->layers || !pb_site_info(stream->site)->layers || stream->layers[layer];
}

static bool stream_wants(void *user, pb_site site, size_t layer)
{
    const stream_batch *batch = user;
    return !batch->stream->normed && site == batch->stream->site &&
           wants_layer(batch->stream, layer);
}

static pb_status hand_on(stream_batch *batch, size_t layer, pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; i < batch->n && !status; i++)
        status = batch->piece(batch->user, batch->first + i, layer,
                              batch->values + batch->starts[i], error);
    return status;
}

/* Where row r, head h of a view goes: [pos, head, ...], or of queries [head, query, key]. */
static float *place_of(const stream_batch *batch, const pb_view *view, size_t r, size_t head)
{
    const pb_row *row = &view->rows[r];
    size_t tokens = batch->stream->prompts[batch->first + row->sequence].n;
    float *piece = batch->values + batch->starts[row->sequence];
    if (pb_site_info(view->site)->keys)
        return piece + (head * tokens + row->position) * tokens;
    return piece + (row->position * view->n_heads + head) * view->width;
}

/* The rows of a layer may come in several views: it is handed on once all are there. */
static pb_status stream_at(void *user, const pb_view *view, pb_error **error)
{
    stream_batch *batch = user;
    bool dense = view->n_heads == 1 || view->head_stride == view->width;
    size_t at_once = dense && !pb_site_info(view->site)->keys ? view->n_heads : 1;
    for (size_t r = 0; r < view->n_rows; r++)
        for (size_t head = 0; head < view->n_heads; head += at_once)
            memcpy(place_of(batch, view, r, head),
                   view->data + r * view->row_stride + head * view->head_stride,
                   at_once * view->width * sizeof(float));
    batch->seen += view->n_rows;
    if (batch->seen < batch->rows)
        return PB_OK;
    batch->seen = 0;
    return hand_on(batch, view->layer, error);
}

/* One past the last layer that has to be computed. */
static size_t last_layer(const pb_stream *stream)
{
    size_t stop = pb_model_shape(stream->model)->n_layer;
    const pb_site_row *row = pb_site_info(stream->site);
    if (stream->normed || row->stage == PB_STAGE_END)
        return stop;
    if (!row->layers)
        return 1;
    while (stop > 1 && !wants_layer(stream, stop - 1))
        stop--;
    return stop;
}

static pb_status run_batch(stream_batch *batch, const pb_context *context, pb_error **error)
{
    const pb_stream *stream = batch->stream;
    size_t d = pb_model_shape(stream->model)->d_model;
    bool ends = stream->normed || pb_site_info(stream->site)->stage == PB_STAGE_END;
    pb_sequence *sequences = pb_calloc(batch->n, sizeof *sequences);
    float *normed = ends && !stream->normed ? pb_malloc(batch->rows, d * sizeof *normed) : NULL;
    const pb_hooks hooks = {batch, stream_wants, stream_at};
    const pb_hooks *const all[] = {&hooks};
    pb_batch pass = {.sequences = sequences,
                     .n = batch->n,
                     .hooks = all,
                     .n_hooks = 1,
                     .stop = last_layer(stream)};
    pb_status status =
        sequences && (normed || !ends || stream->normed) ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; i < batch->n && !status; i++) {
        const pb_prompt *prompt = &stream->prompts[batch->first + i];
        sequences[i] = (pb_sequence){.n = prompt->n, .tokens = prompt->tokens};
    }
    if (!status)
        status = pb_forward(stream->model, &pass, context, NULL,
                            stream->normed ? batch->values : normed, error);
    if (!status && stream->normed)
        status = hand_on(batch, 0, error);
    free(normed);
    free(sequences);
    return status;
}

/* Takes as many of the prompts from `first` on as go into one batch. */
static pb_status plan_batch(stream_batch *batch, size_t first, pb_error **error)
{
    const pb_stream *stream = batch->stream;
    size_t values = 0;
    batch->first = first;
    batch->n = batch->rows = batch->seen = 0;
    while (first + batch->n < stream->n) {
        size_t tokens = stream->prompts[first + batch->n].n;
        size_t size = pb_stream_piece_size(stream, tokens);
        bool full = batch->rows + tokens > BATCH_ROWS || values + size > BATCH_VALUES;
        if (batch->n > 0 && full)
            break;
        batch->n++;
        batch->rows += tokens;
        values += size;
    }
    free(batch->starts);
    free(batch->values);
    batch->starts = pb_malloc(batch->n, sizeof *batch->starts);
    batch->values = pb_malloc(values, sizeof *batch->values);
    if (!batch->starts || !batch->values)
        return pb_fail_memory(error);
    for (size_t i = 0, at = 0; i < batch->n; i++) {
        batch->starts[i] = at;
        at += pb_stream_piece_size(stream, stream->prompts[first + i].n);
    }
    return PB_OK;
}

pb_status pb_stream_activations(const pb_stream *stream, pb_stream_piece *piece, void *user,
                                const pb_context *context, pb_error **error)
{
    stream_batch batch = {.stream = stream, .piece = piece, .user = user};
    pb_status status = PB_OK;
    for (size_t first = 0; first < stream->n && !status; first += batch.n) {
        status = plan_batch(&batch, first, error);
        if (!status)
            status = run_batch(&batch, context, error);
    }
    free(batch.starts);
    free(batch.values);
    return status;
}
