/*
 * Reading a model. Shapes are checked before anything is allocated by them; every tensor is then
 * read straight into its place and processed there while it is in the cache, layers side by side on
 * several threads.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "family.h"
#include "load.h"
#include "math/matmul.h"
#include "process.h"

typedef struct loader {
    pb_model *model;
    const pb_weights *weights;
    const pb_family *family;
    const pb_watch *watch;
    float *common[PB_PART_LN1_GAIN]; /* where the parts without layers go, by pb_part */
    float **layers;                  /* [n_layer, PB_N_PARTS]: where the parts of layers go */
} loader;

/* ---- checking ---- */

static pb_status check_vocabulary(const pb_model *model, pb_error **error)
{
    size_t tokens = pb_tokenizer_count(model->tokenizer);
    if (tokens == model->shape.n_vocab)
        return PB_OK;
    return pb_fail(
        error, PB_FORMAT,
        "the vocabulary in %s has %zu tokens, but config.json says vocab_size %zu; they must "
        "be the same",
        model->path, tokens, model->shape.n_vocab);
}

static pb_status check_shapes(const loader *load, pb_error **error)
{
    const pb_shape *shape = &load->model->shape;
    for (size_t part = 0; part < PB_N_PARTS; part++) {
        bool per_layer = load->family->parts[part].per_layer;
        for (size_t layer = 0; layer < (per_layer ? shape->n_layer : 1); layer++) {
            const pb_weight *weight;
            pb_status status = pb_family_part(load->family, load->weights, shape, (pb_part)part,
                                              layer, &weight, error);
            if (status != PB_OK)
                return status;
        }
    }
    return PB_OK;
}

static pb_status refuse_not_finite(const pb_weight *weight, size_t index, float value,
                                   pb_error **error)
{
    size_t width = weight->rank == 2 ? weight->shape[1] : weight->count;
    char place[64];
    if (weight->rank == 2)
        snprintf(place, sizeof place, "[%zu, %zu]", index / width, index % width);
    else
        snprintf(place, sizeof place, "[%zu]", index);
    return pb_fail(error, PB_FORMAT, "'%s' in %s holds %s at %s; weights must be finite numbers",
                   weight->name, weight->file, isnan(value) ? "NaN" : "an infinity", place);
}

static pb_status check_finite(const pb_weight *weight, size_t offset, size_t n, const float *values,
                              pb_error **error)
{
    size_t bad = pb_find_not_finite(n, values);
    return bad == n ? PB_OK : refuse_not_finite(weight, offset + bad, values[bad], error);
}

/* ---- room ---- */

/* Hands out pieces of one block, each starting on a cache line; without a block it only counts. */
typedef struct layout {
    float *block;
    size_t used; /* floats */
} layout;

static float *take(layout *room, size_t n)
{
    float *piece = room->block ? room->block + room->used : NULL;
    room->used += (n + 15) / 16 * 16;
    return piece;
}

static void lay_out_common(const loader *load, layout *room, pb_embedding *e, float **common)
{
    const pb_model *model = load->model;
    const pb_shape *s = &model->shape;
    common[PB_PART_EMBED] = take(room, s->n_vocab * s->d_model);
    common[PB_PART_POSITIONS] = take(room, s->n_positions * s->d_model);
    common[PB_PART_FINAL_GAIN] = take(room, s->d_model);
    common[PB_PART_FINAL_BIAS] = take(room, s->d_model);
    common[PB_PART_UNEMBED] =
        model->tied ? common[PB_PART_EMBED] : take(room, s->n_vocab * s->d_model);
    *e = (pb_embedding){.rows = common[PB_PART_EMBED],
                        .positions = common[PB_PART_POSITIONS],
                        .unembed = common[PB_PART_UNEMBED]};
    if (model->raw)
        return;
    e->bias = take(room, s->n_vocab);
    if (!model->tied)
        return;
    e->gain = common[PB_PART_FINAL_GAIN];
    e->mean = take(room, s->d_model);
    e->direction = take(room, s->d_model);
    e->along = take(room, s->n_vocab);
    e->row_offset = take(room, s->n_vocab);
    e->gain_offset = take(room, s->n_vocab);
}

static void lay_out_layer(const pb_model *model, layout *room, float **parts)
{
    const pb_shape *s = &model->shape;
    const struct {
        pb_part part;
        size_t n;
    } sizes[] = {
        {PB_PART_LN1_GAIN, s->d_model},
        {PB_PART_LN1_BIAS, s->d_model},
        {PB_PART_W_QKV, 3 * s->d_model * s->d_model},
        {PB_PART_B_QKV, 3 * s->d_model},
        {PB_PART_W_O, s->d_model * s->d_model},
        {PB_PART_B_O, s->d_model},
        {PB_PART_LN2_GAIN, s->d_model},
        {PB_PART_LN2_BIAS, s->d_model},
        {PB_PART_W_IN, s->d_model * s->d_mlp},
        {PB_PART_B_IN, s->d_mlp},
        {PB_PART_W_OUT, s->d_mlp * s->d_model},
        {PB_PART_B_OUT, s->d_model},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        parts[sizes[i].part] = take(room, sizes[i].n);
}

static size_t lay_out(loader *load, float *block)
{
    layout room = {block, 0};
    lay_out_common(load, &room, &load->model->embedding, load->common);
    for (size_t layer = 0; layer < load->model->shape.n_layer; layer++)
        lay_out_layer(load->model, &room, load->layers + layer * PB_N_PARTS);
    return room.used;
}

/* One block for all weights, in large pages where the system has them: half a gigabyte is touched
 * with few faults, and found with few misses. */
static pb_status allocate(loader *load, pb_error **error)
{
    enum { PAGE = 2 << 20 };
    pb_model *model = load->model;
    load->layers = pb_calloc(model->shape.n_layer, PB_N_PARTS * sizeof *load->layers);
    model->layers = pb_calloc(model->shape.n_layer, sizeof *model->layers);
    if (!load->layers || !model->layers)
        return pb_fail_memory(error);
    size_t bytes = lay_out(load, NULL) * sizeof(float);
    size_t alignment = bytes >= PAGE ? PAGE : 64;
    bytes = (bytes + alignment - 1) / alignment * alignment;
    model->store = aligned_alloc(alignment, bytes);
    if (!model->store)
        return pb_fail_memory(error);
    model->store_size = bytes;
    madvise(model->store, bytes, MADV_HUGEPAGE); /* advice: it may be refused */
    lay_out(load, model->store);
    return PB_OK;
}

/* ---- reading ---- */

static pb_status read_part(const loader *load, pb_part part, size_t layer, float *values,
                           pb_error **error)
{
    const pb_weight *weight;
    pb_status status = pb_family_part(load->family, load->weights, &load->model->shape, part, layer,
                                      &weight, error);
    if (status == PB_OK)
        status = pb_watch_check(load->watch, error);
    if (status == PB_OK)
        status = pb_weights_read(load->weights, weight, values, error);
    return status == PB_OK ? check_finite(weight, 0, weight->count, values, error) : status;
}

static void process_layer(const pb_shape *s, float **parts, double *sums)
{
    pb_fold_layer_norm(s->d_model, 3 * s->d_model, parts[PB_PART_LN1_GAIN], parts[PB_PART_LN1_BIAS],
                       parts[PB_PART_W_QKV], parts[PB_PART_B_QKV], sums);
    pb_fold_layer_norm(s->d_model, s->d_mlp, parts[PB_PART_LN2_GAIN], parts[PB_PART_LN2_BIAS],
                       parts[PB_PART_W_IN], parts[PB_PART_B_IN], sums);
    pb_centre_rows(s->d_model, s->d_model, parts[PB_PART_W_O]);
    pb_centre_rows(1, s->d_model, parts[PB_PART_B_O]);
    pb_centre_rows(s->d_mlp, s->d_model, parts[PB_PART_W_OUT]);
    pb_centre_rows(1, s->d_model, parts[PB_PART_B_OUT]);
    pb_fold_value_bias(s->d_model, s->d_model, parts[PB_PART_B_QKV] + 2 * s->d_model,
                       parts[PB_PART_W_O], parts[PB_PART_B_O], sums);
}

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
    bool raw = model->raw;
    return (pb_layer_weights){
        .w_qkv = parts[PB_PART_W_QKV],
        .b_qkv = parts[PB_PART_B_QKV],
        .w_o = parts[PB_PART_W_O],
        .b_o = parts[PB_PART_B_O],
        .w_in = parts[PB_PART_W_IN],
        .b_in = parts[PB_PART_B_IN],
        .w_out = parts[PB_PART_W_OUT],
        .b_out = parts[PB_PART_B_OUT],
        .ln1_gain = raw ? parts[PB_PART_LN1_GAIN] : NULL,
        .ln1_bias = raw ? parts[PB_PART_LN1_BIAS] : NULL,
        .ln2_gain = raw ? parts[PB_PART_LN2_GAIN] : NULL,
        .ln2_bias = raw ? parts[PB_PART_LN2_BIAS] : NULL,
        .attn_scale = attention_scale(model->config, layer),
    };
}

static pb_status load_layer(const loader *load, size_t layer, pb_error **error)
{
    pb_model *model = load->model;
    const pb_shape *s = &model->shape;
    float **parts = load->layers + layer * PB_N_PARTS;
    for (size_t part = PB_PART_LN1_GAIN; part < PB_N_PARTS; part++) {
        pb_status status = read_part(load, (pb_part)part, layer, parts[part], error);
        if (status != PB_OK)
            return status;
    }
    model->layers[layer] = layer_of(model, layer, parts);
    if (model->raw)
        return PB_OK;
    size_t widest = 3 * s->d_model > s->d_mlp ? 3 * s->d_model : s->d_mlp;
    double *sums = pb_malloc(2 * widest, sizeof *sums);
    if (!sums)
        return pb_fail_memory(error);
    process_layer(s, parts, sums);
    free(sums);
    return PB_OK;
}

/* The first fault of several threads' work. */
static pb_status first_fault(size_t n, const pb_status *statuses, pb_error **errors,
                             pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; i < n; i++) {
        if (statuses[i] != PB_OK && status == PB_OK) {
            status = statuses[i];
            if (error && !*error) {
                *error = errors[i];
                errors[i] = NULL;
            }
        }
        pb_error_destroy(&errors[i]);
    }
    return status;
}

static pb_status load_layers(const loader *load, pb_error **error)
{
    size_t n = load->model->shape.n_layer;
    pb_status *statuses = pb_calloc(n, sizeof *statuses);
    pb_error **errors = pb_calloc(n, sizeof *errors);
    pb_status status = statuses && errors ? PB_OK : pb_fail_memory(error);
    if (status == PB_OK) {
#pragma omp parallel for schedule(dynamic)
        for (size_t layer = 0; layer < n; layer++)
            statuses[layer] = load_layer(load, layer, &errors[layer]);
        status = first_fault(n, statuses, errors, error);
    }
    free(statuses);
    free(errors);
    return status;
}

/* ---- embedding and unembedding ---- */

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
    c->row_mean[t] = sum / (double)d;
    c->gain_mean[t] = gained / (double)d;
    c->bias[t] = bias;
    float mean = (float)(c->fold ? c->gain_mean[t] : c->row_mean[t]);
    for (size_t i = 0; i < d; i++) {
        row[i] = (c->fold ? row[i] * gain[i] : row[i]) - mean;
        column_sums[i] += (double)row[i];
    }
}

static pb_status read_chunk(const chunk *c, size_t index, pb_error **error)
{
    const pb_shape *s = &c->load->model->shape;
    size_t first = index * CHUNK, n = s->n_vocab - first < CHUNK ? s->n_vocab - first : CHUNK;
    float *rows = c->rows + first * s->d_model;
    pb_status status = pb_watch_check(c->load->watch, error);
    if (status == PB_OK)
        status = pb_weights_read_rows(c->load->weights, c->weight, first, n, rows, error);
    if (status == PB_OK)
        status = check_finite(c->weight, first * s->d_model, n * s->d_model, rows, error);
    if (status != PB_OK || !c->row_mean)
        return status;
    for (size_t t = first; t < first + n; t++)
        process_row(c, t, c->column_sums + index * s->d_model);
    return PB_OK;
}

static pb_status read_chunks(const chunk *c, pb_error **error)
{
    size_t n = (c->load->model->shape.n_vocab + CHUNK - 1) / CHUNK;
    pb_status *statuses = pb_calloc(n, sizeof *statuses);
    pb_error **errors = pb_calloc(n, sizeof *errors);
    pb_status status = statuses && errors ? PB_OK : pb_fail_memory(error);
    if (status == PB_OK) {
#pragma omp parallel for schedule(dynamic)
        for (size_t i = 0; i < n; i++)
            statuses[i] = read_chunk(c, i, &errors[i]);
        status = first_fault(n, statuses, errors, error);
    }
    free(statuses);
    free(errors);
    return status;
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
    pb_status status =
        pb_family_part(load->family, load->weights, s, PB_PART_EMBED, 0, &c.weight, error);
    if (status == PB_OK)
        status = read_chunks(&c, error);
    if (status != PB_OK)
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
    status = pb_family_part(load->family, load->weights, s, PB_PART_UNEMBED, 0, &c.weight, error);
    if (status == PB_OK)
        status = read_chunks(&c, error);
    if (status == PB_OK && !model->raw)
        finish_untied(&c, &model->embedding);
    return status;
}

static pb_status load_embedding(const loader *load, pb_error **error)
{
    pb_model *model = load->model;
    const pb_shape *s = &model->shape;
    static const pb_part small[] = {PB_PART_POSITIONS, PB_PART_FINAL_GAIN, PB_PART_FINAL_BIAS};
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        pb_status status = read_part(load, small[i], 0, load->common[small[i]], error);
        if (status != PB_OK)
            return status;
    }
    if (!model->raw)
        pb_centre_rows(s->n_positions, s->d_model, model->embedding.positions);
    size_t chunks = (s->n_vocab + CHUNK - 1) / CHUNK;
    double *sums = pb_calloc(3 * s->n_vocab + chunks * s->d_model, sizeof *sums);
    if (!sums)
        return pb_fail_memory(error);
    pb_status status = load_matrices(load, sums, error);
    free(sums);
    if (status == PB_OK && model->raw) {
        model->final_gain = load->common[PB_PART_FINAL_GAIN];
        model->final_bias = load->common[PB_PART_FINAL_BIAS];
    }
    return status;
}

/* ---- the whole ---- */

/* Whether the unembedding is the embedding: the configuration says so, or there is no other. */
static pb_status find_tie(loader *load, pb_error **error)
{
    const pb_weight *unembed;
    pb_status status = pb_family_part(load->family, load->weights, &load->model->shape,
                                      PB_PART_UNEMBED, 0, &unembed, error);
    load->model->tied = load->model->config->tie_word_embeddings || !unembed;
    return status;
}

static const char *dtype_word(pb_dtype dtype)
{
    switch (dtype) {
    case PB_DTYPE_F32: return "float32";
    case PB_DTYPE_F16: return "float16";
    case PB_DTYPE_BF16: return "bfloat16";
    case PB_DTYPE_F64: return "float64";
    default: return pb_dtype_name(dtype);
    }
}

static size_t count_parameters(const pb_model *model)
{
    const pb_shape *s = &model->shape;
    size_t d = s->d_model, m = s->d_mlp;
    size_t layer = 4 * d * d + 4 * d + 2 * d * m + m + d + 4 * d;
    size_t tables = (s->n_vocab * (model->tied ? 1 : 2) + s->n_positions) * d;
    return s->n_layer * layer + tables + 2 * d;
}

static pb_status load_all(loader *load, pb_error **error)
{
    pb_model *model = load->model;
    const pb_weight *embed;
    pb_status status = check_shapes(load, error);
    if (status == PB_OK)
        status = find_tie(load, error);
    if (status == PB_OK)
        status = pb_family_part(load->family, load->weights, &model->shape, PB_PART_EMBED, 0,
                                &embed, error);
    if (status == PB_OK)
        status = allocate(load, error);
    if (status != PB_OK)
        return status;
    model->dtype = dtype_word(embed->dtype);
    model->parameters = count_parameters(model);
    pb_math_use_threads(model->threads);
    status = load_embedding(load, error);
    return status == PB_OK ? load_layers(load, error) : status;
}

pb_status pb_load_weights(pb_model *model, const pb_watch *watch, pb_error **error)
{
    loader load = {.model = model, .watch = watch};
    pb_weights *weights = NULL;
    pb_status status = check_vocabulary(model, error);
    if (status == PB_OK)
        status = pb_family_find(model->config->model_type, &load.family, error);
    if (status == PB_OK)
        status = pb_weights_open(model->path, &weights, error);
    load.weights = weights;
    if (status == PB_OK)
        status = load_all(&load, error);
    pb_weights_close(&weights);
    free(load.layers);
    return status;
}
