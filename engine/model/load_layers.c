/*
 * The weights of the layers, side by side. What is folded and centred is so while a block of rows
 * is in the cache; only the mean over a matrix's rows, known at its end, takes a second pass.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "loader.h"
#include "process.h"

static float attention_scale(const pb_config *config, size_t layer)
{
    double scale = 1.0;
    if (config->scale_attn_weights)
        scale /= sqrt((double)config->d_head);
    if (config->scale_attn_by_inverse_layer_idx)
        scale /= (double)(layer + 1);
    return (float)scale;
}

static pb_layer_weights layer_of(const pb_model *model, size_t layer, float *const *parts)
{
    bool raw = model->raw, gated = model->shape.gated, biased = raw && !model->shape.rms;
    return (pb_layer_weights){
        .w_qkv = parts[PB_PART_W_QKV],
        .b_qkv = parts[PB_PART_B_QKV],
        .w_o = parts[PB_PART_W_O],
        .b_o = parts[PB_PART_B_O],
        .w_in = parts[PB_PART_W_IN],
        .b_in = parts[PB_PART_B_IN],
        .w_gate = gated ? parts[PB_PART_W_GATE] : NULL,
        .b_gate = gated ? parts[PB_PART_B_GATE] : NULL,
        .w_out = parts[PB_PART_W_OUT],
        .b_out = parts[PB_PART_B_OUT],
        .ln1_gain = raw ? parts[PB_PART_LN1_GAIN] : NULL,
        .ln1_bias = biased ? parts[PB_PART_LN1_BIAS] : NULL,
        .ln2_gain = raw ? parts[PB_PART_LN2_GAIN] : NULL,
        .ln2_bias = biased ? parts[PB_PART_LN2_BIAS] : NULL,
        .attn_scale = attention_scale(model->config, layer),
    };
}

/* One layer while it is read. */
typedef struct layer_job {
    const loader *load;
    size_t layer;
    float **parts;
    double *sums; /* scratch of the folding; NULL in a raw model */
    float *b_v;   /* [d_q], likewise */
    const float *gain, *beta;
    size_t width;
} layer_job;

static pb_status read(const layer_job *job, pb_part part, pb_error **error)
{
    return loader_read(job->load, part, job->layer, job->parts[part], error);
}

static pb_status stream(layer_job *job, pb_part part, size_t n_in, size_t n_out, loader_work *work,
                        pb_error **error)
{
    return loader_stream(job->load, part, job->layer, n_in, n_out, job->parts[part],
                         job->sums ? work : NULL, job, error);
}

/* ---- what reads the stream, behind a norm ---- */

static pb_status read_norm(layer_job *job, pb_part gain, pb_part beta, pb_error **error)
{
    job->gain = job->parts[gain];
    job->beta = job->parts[beta];
    pb_status status = read(job, gain, error);
    return status ? status : read(job, beta, error);
}

static void fold_block(void *user, size_t first, size_t n, float *rows)
{
    const layer_job *job = user;
    pb_fold_rows(n, job->width, job->gain + first, job->beta + first, rows, job->sums);
}

static pb_status load_reader(layer_job *job, pb_part w, pb_part b, size_t width, pb_error **error)
{
    const pb_shape *s = &job->load->model->shape;
    job->width = width;
    pb_status status = read(job, b, error);
    if (job->sums)
        memset(job->sums, 0, 2 * width * sizeof *job->sums);
    if (!status)
        status = stream(job, w, s->d_model, width, fold_block, error);
    if (!status && job->sums)
        pb_finish_fold(s->d_model, width, !s->rms, job->parts[w], job->parts[b], job->sums);
    return status;
}

/* ---- what writes to it ---- */

static void centre_block(void *user, size_t first, size_t n, float *rows)
{
    const layer_job *job = user;
    (void)first;
    if (!job->load->model->shape.rms)
        pb_centre_rows(n, job->load->model->shape.d_model, rows);
}

static float *value_bias(const layer_job *job)
{
    const pb_shape *s = &job->load->model->shape;
    return job->parts[PB_PART_B_QKV] + s->d_q + s->d_kv;
}

/* b_V as z has it: a group's heads share one. */
static void spread_value_bias(const layer_job *job, float *spread)
{
    const pb_shape *s = &job->load->model->shape;
    size_t group = s->n_head / s->n_kv_head;
    for (size_t head = 0; head < s->n_head; head++)
        memcpy(spread + head * s->d_head, value_bias(job) + head / group * s->d_head,
               s->d_head * sizeof *spread);
}

static void centre_and_sum_block(void *user, size_t first, size_t n, float *rows)
{
    const layer_job *job = user;
    centre_block(user, first, n, rows);
    pb_sum_value_bias(n, job->load->model->shape.d_model, job->b_v + first, rows, job->sums);
}

static pb_status load_writer(layer_job *job, pb_part w, pb_part b, size_t n_in, loader_work *work,
                             pb_error **error)
{
    size_t d = job->load->model->shape.d_model;
    pb_status status = read(job, b, error);
    if (!status && job->sums) {
        centre_block(job, 0, 1, job->parts[b]);
        memset(job->sums, 0, d * sizeof *job->sums);
    }
    return status ? status : stream(job, w, n_in, d, work, error);
}

/* ---- a layer ---- */

static pb_status load_attention(layer_job *job, pb_error **error)
{
    const pb_shape *s = &job->load->model->shape;
    pb_status status = read_norm(job, PB_PART_LN1_GAIN, PB_PART_LN1_BIAS, error);
    if (!status)
        status = load_reader(job, PB_PART_W_QKV, PB_PART_B_QKV, s->d_qkv, error);
    if (!status && job->sums)
        spread_value_bias(job, job->b_v);
    if (!status)
        status = load_writer(job, PB_PART_W_O, PB_PART_B_O, s->d_q, centre_and_sum_block, error);
    if (!status && job->sums)
        pb_fold_value_bias(s->d_kv, s->d_model, value_bias(job), job->parts[PB_PART_B_O],
                           job->sums);
    return status;
}

static pb_status load_mlp(layer_job *job, pb_error **error)
{
    const pb_shape *s = &job->load->model->shape;
    pb_status status = read_norm(job, PB_PART_LN2_GAIN, PB_PART_LN2_BIAS, error);
    if (!status)
        status = load_reader(job, PB_PART_W_IN, PB_PART_B_IN, s->d_mlp, error);
    if (!status && s->gated)
        status = load_reader(job, PB_PART_W_GATE, PB_PART_B_GATE, s->d_mlp, error);
    if (!status)
        status = load_writer(job, PB_PART_W_OUT, PB_PART_B_OUT, s->d_mlp, centre_block, error);
    return status;
}

static pb_status load_parts(layer_job *job, pb_error **error)
{
    pb_status status = load_attention(job, error);
    return status ? status : load_mlp(job, error);
}

static pb_status load_layer(const void *user, size_t layer, pb_error **error)
{
    const loader *load = user;
    const pb_shape *s = &load->model->shape;
    size_t widest = s->d_qkv > s->d_mlp ? s->d_qkv : s->d_mlp;
    widest = widest > s->d_model ? widest : s->d_model;
    layer_job job = {.load = load, .layer = layer, .parts = load->layers + layer * PB_N_PARTS};
    if (!load->model->raw) {
        job.sums = pb_malloc(2 * widest, sizeof *job.sums);
        job.b_v = pb_malloc(s->d_q, sizeof *job.b_v);
    }
    pb_status status =
        load->model->raw || (job.sums && job.b_v) ? load_parts(&job, error) : pb_fail_memory(error);
    load->model->layers[layer] = layer_of(load->model, layer, job.parts);
    free(job.sums);
    free(job.b_v);
    return status;
}

pb_status loader_read_layers(const loader *load, pb_error **error)
{
    return loader_side_by_side(load->model->shape.n_layer, load_layer, load, load->watch, error);
}
