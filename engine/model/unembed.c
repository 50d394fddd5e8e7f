/* Embedding and unembedding: both from the one matrix (see pb_embedding). */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "math/matmul.h"
#include "model/forward.h"
#include "model_internal.h"
#include "scratch.h"

/* ---- rows of W_E and W_pos ---- */

void pb_model_embedding(const pb_model *model, size_t token, float *out)
{
    size_t d = model->shape.d_model;
    memcpy(out, model->embedding.rows + token * d, d * sizeof *out);
}

void pb_model_position(const pb_model *model, size_t position, float *out)
{
    size_t d = model->shape.d_model;
    memcpy(out, model->embedding.positions + position * d, d * sizeof *out);
}

/* ---- columns of W_U ---- */

double pb_unembed_weight(const pb_model *model, size_t token, size_t i)
{
    const pb_embedding *e = &model->embedding;
    double x = (double)e->unembed[token * model->shape.d_model + i];
    if (!e->gain)
        return x;
    double centred = x - (double)e->mean[i] + (double)e->row_offset[token];
    return (double)e->gain[i] * centred - (double)e->gain_offset[token];
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
    if (status)
        return status;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < model->shape.d_model; j++)
            out[i * model->shape.d_model + j] =
                (float)pb_unembed_weight(model, (size_t)tokens[i], j);
        if (bias)
            bias[i] = model->embedding.bias ? model->embedding.bias[tokens[i]] : 0.0f;
    }
    return PB_OK;
}

/* ---- logits ---- */

void pb_final_norm(const pb_model *model, size_t n, const float *resid, float *normed)
{
    size_t d = model->shape.d_model;
    pb_norm_rows(model, n, resid, normed);
    if (model->final_gain)
        pb_gain_bias(n, d, model->final_gain, model->final_bias, normed, d);
}

/*
 * With y = g x, split into y' + a e/|e| where y' has nothing along e,
 *     x . W_U[:, t] = y' . W_E[t] - y' . e + a a_t + (m_t - mbar) sum(y) - (c_t - cbar) sum(x).
 * y' goes into the product with the stored matrix; the rest are a row's numbers and a token's.
 */
typedef struct parts {
    float along, gained, plain; /* a, sum(y), sum(x) */
    float constant;             /* y' . e, which is 0 but for rounding */
} parts;

static parts split(size_t d, const float *x, const pb_embedding *e, float *y)
{
    double along = 0.0, gained = 0.0, plain = 0.0, constant = 0.0;
    for (size_t i = 0; i < d; i++) {
        double value = (double)x[i] * (double)e->gain[i];
        along += value * (double)e->direction[i];
        gained += value;
        plain += (double)x[i];
    }
    for (size_t i = 0; i < d; i++) {
        y[i] = (float)((double)x[i] * (double)e->gain[i] - along * (double)e->direction[i]);
        constant += (double)y[i] * (double)e->mean[i];
    }
    return (parts){(float)along, (float)gained, (float)plain, (float)constant};
}

static void add_parts(size_t n_vocab, const pb_embedding *e, parts p, float *logits)
{
    for (size_t t = 0; t < n_vocab; t++)
        logits[t] += e->along[t] * p.along + e->row_offset[t] * p.gained -
                     e->gain_offset[t] * p.plain + (e->bias[t] - p.constant);
}

static pb_status unembed(const pb_model *model, size_t n, const float *normed, pb_scratch *scratch,
                         const pb_watch *watch, float *logits, pb_error **error)
{
    const pb_embedding *e = &model->embedding;
    size_t d = model->shape.d_model, n_vocab = model->shape.n_vocab;
    const float *x = normed;
    parts *rest = NULL;
    if (e->gain) {
        float *room;
        void *rest_room;
        pb_status status = pb_scratch_floats(scratch, PB_BUFFER_UNEMBED, n, d, &room, error);
        if (!status)
            status = pb_scratch_need(scratch, PB_BUFFER_SCALE, n, sizeof *rest, &rest_room, error);
        if (status)
            return status;
        rest = rest_room;
        for (size_t r = 0; r < n; r++)
            rest[r] = split(d, normed + r * d, e, room + r * d);
        x = room;
    }
    pb_status status = pb_matmul(PB_PLAIN, PB_TRANSPOSED, n, n_vocab, d, 1.0f, x, d, e->unembed, d,
                                 0.0f, logits, n_vocab, watch, error);
    if (status || !e->bias)
        return status;
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < n; r++) {
        if (rest)
            add_parts(n_vocab, e, rest[r], logits + r * n_vocab);
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
    pb_status status = pb_math_begin(model->threads, error);
    if (!status)
        status = unembed(model, n, normed, scratch, context ? context->watch : NULL, logits, error);
    if (!status && context && context->work)
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
    double *column = !status ? pb_malloc(d, sizeof *column) : NULL;
    if (!status && !column)
        return pb_fail_memory(error);
    for (size_t t = 0; !status && t < n_tokens; t++) {
        for (size_t i = 0; i < d; i++)
            column[i] = pb_unembed_weight(model, (size_t)tokens[t], i);
        for (size_t r = 0; r < n; r++) {
            double sum = e->bias ? (double)e->bias[tokens[t]] : 0.0;
            for (size_t i = 0; i < d; i++)
                sum += (double)normed[r * d + i] * column[i];
            logits[r * n_tokens + t] = (float)sum;
        }
    }
    free(column);
    return status;
}
