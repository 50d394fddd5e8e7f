/* Embedding and unembedding: both from the one matrix (see pb_embedding). */
#include <string.h>

#include "math/matmul.h"
#include "model/forward.h"
#include "model_internal.h"
#include "scratch.h"

/* ---- rows of W_E and W_pos ---- */

void pb_model_embedding(const pb_model *model, size_t token, float *out)
{
    const pb_embedding *e = &model->embedding;
    size_t d = model->shape.d_model;
    const float *row = e->rows + token * d;
    for (size_t i = 0; i < d; i++)
        out[i] = e->mean ? row[i] + e->mean[i] : row[i];
}

void pb_model_position(const pb_model *model, size_t position, float *out)
{
    size_t d = model->shape.d_model;
    memcpy(out, model->embedding.positions + position * d, d * sizeof *out);
}

/* ---- columns of W_U ---- */

static void column(const pb_model *model, size_t token, float *out)
{
    const pb_embedding *e = &model->embedding;
    size_t d = model->shape.d_model;
    const float *row = e->unembed + token * d;
    if (!e->gain) {
        memcpy(out, row, d * sizeof *out);
        return;
    }
    double row_offset = (double)e->row_offset[token], gain_offset = (double)e->gain_offset[token];
    for (size_t i = 0; i < d; i++)
        out[i] = (float)((double)e->gain[i] * ((double)row[i] + row_offset) - gain_offset);
}

static pb_status check_tokens(const pb_model *model, size_t n, const int32_t *tokens,
                              pb_error **error)
{
    for (size_t i = 0; i < n; i++)
        if (tokens[i] < 0 || (size_t)tokens[i] >= model->shape.n_vocab)
            return pb_fail(error, PB_RANGE, "there is no token %ld; the vocabulary has 0 to %zu",
                           (long)tokens[i], model->shape.n_vocab - 1);
    return PB_OK;
}

pb_status pb_model_unembed_columns(const pb_model *model, size_t n, const int32_t *tokens,
                                   float *out, float *bias, pb_error **error)
{
    pb_status status = check_tokens(model, n, tokens, error);
    if (status != PB_OK)
        return status;
    for (size_t i = 0; i < n; i++) {
        column(model, (size_t)tokens[i], out + i * model->shape.d_model);
        if (bias)
            bias[i] = model->embedding.bias ? model->embedding.bias[tokens[i]] : 0.0f;
    }
    return PB_OK;
}

/* ---- logits ---- */

void pb_final_norm(const pb_model *model, size_t n, const float *resid, float *normed)
{
    size_t d = model->shape.d_model;
    pb_layer_norm(n, d, model->eps, resid, d, NULL, normed, d);
    if (model->final_gain)
        pb_gain_bias(n, d, model->final_gain, model->final_bias, normed, d);
}

/* x [d_model] times gain; the sums that the row and gain offsets of every column are times. */
typedef struct gained {
    float with_gain, plain;
} gained;

static gained apply_gain(size_t d, const float *x, const float *gain, float *out)
{
    double with_gain = 0.0, plain = 0.0;
    for (size_t i = 0; i < d; i++) {
        out[i] = x[i] * gain[i];
        with_gain += (double)out[i];
        plain += (double)x[i];
    }
    return (gained){(float)with_gain, (float)plain};
}

static void add_offsets(size_t n_vocab, const pb_embedding *e, gained sums, float *logits)
{
    for (size_t t = 0; t < n_vocab; t++)
        logits[t] +=
            e->row_offset[t] * sums.with_gain - e->gain_offset[t] * sums.plain + e->bias[t];
}

static pb_status unembed(const pb_model *model, size_t n, const float *normed, pb_scratch *scratch,
                         const pb_watch *watch, float *logits, pb_error **error)
{
    const pb_embedding *e = &model->embedding;
    size_t d = model->shape.d_model, n_vocab = model->shape.n_vocab;
    const float *x = normed;
    gained *sums = NULL;
    if (e->gain) {
        float *room;
        void *sums_room;
        pb_status status = pb_scratch_floats(scratch, PB_BUFFER_UNEMBED, n, d, &room, error);
        if (status == PB_OK)
            status = pb_scratch_need(scratch, PB_BUFFER_SCALE, n, sizeof *sums, &sums_room, error);
        if (status != PB_OK)
            return status;
        sums = sums_room;
        for (size_t r = 0; r < n; r++)
            sums[r] = apply_gain(d, normed + r * d, e->gain, room + r * d);
        x = room;
    }
    pb_status status = pb_matmul(PB_PLAIN, PB_TRANSPOSED, n, n_vocab, d, 1.0f, x, d, e->unembed, d,
                                 0.0f, logits, n_vocab, watch, error);
    if (status != PB_OK || !e->bias)
        return status;
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < n; r++) {
        if (sums)
            add_offsets(n_vocab, e, sums[r], logits + r * n_vocab);
        else
            pb_add_rows(1, n_vocab, logits + r * n_vocab, n_vocab, e->bias, n_vocab);
    }
    return PB_OK;
}

pb_status pb_unembed(const pb_model *model, size_t n, const float *normed,
                     const pb_context *context, float *logits, pb_error **error)
{
    pb_scratch *own = NULL, *scratch = context ? context->scratch : NULL;
    if (!scratch && !(scratch = own = pb_scratch_create()))
        return pb_fail_memory(error);
    pb_math_use_threads(model->threads);
    pb_status status =
        unembed(model, n, normed, scratch, context ? context->watch : NULL, logits, error);
    if (status == PB_OK && context && context->work)
        context->work->logit_rows += n;
    pb_scratch_destroy(&own);
    return status;
}

pb_status pb_unembed_tokens(const pb_model *model, size_t n, const float *normed, size_t n_tokens,
                            const int32_t *tokens, float *logits, pb_error **error)
{
    const pb_embedding *e = &model->embedding;
    size_t d = model->shape.d_model;
    pb_status status = check_tokens(model, n_tokens, tokens, error);
    for (size_t t = 0; status == PB_OK && t < n_tokens; t++) {
        size_t token = (size_t)tokens[t];
        const float *row = e->unembed + token * d;
        double offset = e->gain ? (double)e->row_offset[token] : 0.0;
        double gain_offset = e->gain ? (double)e->gain_offset[token] : 0.0;
        for (size_t r = 0; r < n; r++) {
            double sum = e->bias ? (double)e->bias[token] : 0.0;
            for (size_t i = 0; i < d; i++) {
                double gain = e->gain ? (double)e->gain[i] : 1.0;
                sum += (double)normed[r * d + i] * (gain * ((double)row[i] + offset) - gain_offset);
            }
            logits[r * n_tokens + t] = (float)sum;
        }
    }
    return status;
}
