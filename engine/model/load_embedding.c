/*
 * The embedding and the unembedding, by chunks of rows on all threads: every row is read, summed
 * and processed while it is in the cache. See pb_embedding for what they become.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "loader.h"
#include "process.h"

enum { CHUNK = 256 }; /* rows of the vocabulary read and summed at a time */

/* A matrix whose rows are tokens, while it is read and summed. */
typedef struct chunk {
    const loader *load;
    const pb_weight *weight;
    float *rows;         /* the whole matrix */
    double *row_mean;    /* m_t [n_vocab]; NULL in a raw model: nothing is summed */
    double *gain_mean;   /* c_t [n_vocab] */
    double *bias;        /* b . row [n_vocab] */
    double *column_sums; /* [chunks, d_model] of the rows as they are left */
    bool fold;           /* leaves g row - c_t rather than row - m_t */
} chunk;

/* Sums over a row; the row becomes W_E's, or W_U's but for its mean over the vocabulary. */
static void process_row(const chunk *c, size_t t, double *column_sums)
{
    size_t d = c->load->model->shape.d_model;
    float *row = c->rows + t * d;
    const float *gain = c->load->common[PB_PART_FINAL_GAIN];
    const float *beta = c->load->common[PB_PART_FINAL_BIAS];
    double sum = 0.0, gained = 0.0, bias = 0.0;
#pragma omp simd reduction(+ : sum, gained, bias)
    for (size_t i = 0; i < d; i++) {
        sum += (double)row[i];
        gained += (double)(row[i] * gain[i]);
        bias += (double)(row[i] * beta[i]);
    }
    bool centred = !c->load->model->shape.rms;
    c->row_mean[t] = centred ? sum / (double)d : 0.0;
    c->gain_mean[t] = centred ? gained / (double)d : 0.0;
    c->bias[t] = bias;
    float mean = (float)(c->fold ? c->gain_mean[t] : c->row_mean[t]);
    for (size_t i = 0; i < d; i++) {
        row[i] = (c->fold ? row[i] * gain[i] : row[i]) - mean;
        column_sums[i] += (double)row[i];
    }
}

static pb_status read_chunk(const void *user, size_t index, pb_error **error)
{
    const chunk *c = user;
    const pb_shape *s = &c->load->model->shape;
    size_t first = index * CHUNK, n = s->n_vocab - first < CHUNK ? s->n_vocab - first : CHUNK;
    pb_status status =
        loader_read_rows(c->load, c->weight, first, n, c->rows + first * s->d_model, error);
    if (status || !c->row_mean)
        return status;
    for (size_t t = first; t < first + n; t++)
        process_row(c, t, c->column_sums + index * s->d_model);
    return PB_OK;
}

static pb_status read_chunks(const chunk *c, pb_error **error)
{
    size_t n = (c->load->model->shape.n_vocab + CHUNK - 1) / CHUNK;
    return loader_side_by_side(n, read_chunk, c, NULL, error);
}

static double mean_over_vocabulary(size_t n, const double *x)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

/* column_sums[0, :] becomes the means over the vocabulary. */
static void mean_columns(const pb_shape *s, double *column_sums)
{
    size_t chunks = (s->n_vocab + CHUNK - 1) / CHUNK;
    for (size_t c = 1; c < chunks; c++)
        for (size_t i = 0; i < s->d_model; i++)
            column_sums[i] += column_sums[c * s->d_model + i];
    for (size_t i = 0; i < s->d_model; i++)
        column_sums[i] /= (double)s->n_vocab;
}

/* What W_U is derived with: see pb_embedding. */
static void finish_tied(const chunk *c, pb_embedding *e)
{
    const pb_shape *s = &c->load->model->shape;
    size_t n = s->n_vocab, d = s->d_model;
    double row = mean_over_vocabulary(n, c->row_mean);
    double gained = mean_over_vocabulary(n, c->gain_mean), bias = mean_over_vocabulary(n, c->bias);
    double length = 0.0;
    mean_columns(s, c->column_sums);
    for (size_t i = 0; i < d; i++)
        length += c->column_sums[i] * c->column_sums[i];
    length = sqrt(length);
    for (size_t i = 0; i < d; i++) {
        e->mean[i] = (float)c->column_sums[i];
        e->direction[i] = length > 0.0 ? (float)(c->column_sums[i] / length) : 0.0f;
    }
#pragma omp parallel for schedule(static)
    for (size_t t = 0; t < n; t++) {
        double along = 0.0;
        for (size_t i = 0; i < d; i++)
            along += ((double)e->rows[t * d + i] - (double)e->mean[i]) * (double)e->direction[i];
        e->along[t] = (float)along;
        e->row_offset[t] = (float)(c->row_mean[t] - row);
        e->gain_offset[t] = (float)(c->gain_mean[t] - gained);
        e->bias[t] = (float)(c->bias[t] - bias);
    }
}

/* W_U of its own: centred over the vocabulary, the rest is done. */
static void finish_untied(const chunk *c, pb_embedding *e)
{
    const pb_shape *s = &c->load->model->shape;
    double bias = mean_over_vocabulary(s->n_vocab, c->bias);
    mean_columns(s, c->column_sums);
#pragma omp parallel for schedule(static)
    for (size_t t = 0; t < s->n_vocab; t++) {
        e->bias[t] = (float)(c->bias[t] - bias);
        for (size_t i = 0; i < s->d_model; i++)
            e->unembed[t * s->d_model + i] -= (float)c->column_sums[i];
    }
}

/* Reads E, and a lm_head of its own, each in one pass with its sums. */
static pb_status load_matrices(const loader *load, double *sums, pb_error **error)
{
    pb_model *model = load->model;
    const pb_shape *s = &model->shape;
    chunk c = {.load = load, .rows = model->embedding.rows};
    if (!model->raw) {
        c.row_mean = sums;
        c.gain_mean = sums + s->n_vocab;
        c.bias = sums + 2 * s->n_vocab;
        c.column_sums = sums + 3 * s->n_vocab;
    }
    pb_status status = loader_embedding(load, &c.weight, error);
    if (!status)
        status = read_chunks(&c, error);
    if (status)
        return status;
    if (!model->raw && model->tied)
        finish_tied(&c, &model->embedding);
    if (model->tied)
        return PB_OK;

    size_t chunks = (s->n_vocab + CHUNK - 1) / CHUNK;
    if (!model->raw)
        memset(c.column_sums, 0, chunks * s->d_model * sizeof *c.column_sums);
    c.rows = model->embedding.unembed;
    c.fold = true;
    status = pb_family_part(model, load->weights, PB_PART_UNEMBED, 0, &c.weight, error);
    if (!status)
        status = read_chunks(&c, error);
    if (!status && !model->raw)
        finish_untied(&c, &model->embedding);
    return status;
}

/* Weights that are finite each by itself may not be once the last norm's gain is on them; then no
 * sum over them is. */
static pb_status check_unembedding(const loader *load, pb_error **error)
{
    const pb_embedding *e = &load->model->embedding;
    size_t n = load->model->shape.n_vocab, d = load->model->shape.d_model;
    bool finite = pb_find_not_finite(n, e->bias) == n;
    if (load->model->tied)
        finite = finite && pb_find_not_finite(n, e->gain_offset) == n;
    else
        finite = finite && pb_find_not_finite(d, e->unembed) == d;
    if (finite)
        return PB_OK;
    return pb_fail(error, PB_FORMAT,
                   "the last norm of %s times its unembedding is too large for float32; "
                   "weights must be finite numbers, folded ones too",
                   load->model->path);
}

pb_status loader_read_embedding(const loader *load, pb_error **error)
{
    pb_model *model = load->model;
    const pb_shape *s = &model->shape;
    static const pb_part small[] = {PB_PART_POSITIONS, PB_PART_FINAL_GAIN, PB_PART_FINAL_BIAS};
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        pb_status status = loader_read(load, small[i], 0, load->common[small[i]], error);
        if (status)
            return status;
    }
    if (!model->raw && !s->rotary_dim && !s->rms)
        pb_centre_rows(s->n_positions, s->d_model, model->embedding.positions);
    size_t chunks = (s->n_vocab + CHUNK - 1) / CHUNK;
    double *sums = pb_calloc(3 * s->n_vocab + chunks * s->d_model, sizeof *sums);
    if (!sums)
        return pb_fail_memory(error);
    pb_status status = load_matrices(load, sums, error);
    free(sums);
    if (!status && !model->raw)
        status = check_unembedding(load, error);
    if (!status && model->raw) {
        model->final_gain = load->common[PB_PART_FINAL_GAIN];
        model->final_bias = s->rms ? NULL : load->common[PB_PART_FINAL_BIAS];
    }
    return status;
}
