/*
 * Reading a model: shapes are checked before anything is allocated by them, then there is room for
 * all weights, then every tensor is read straight into its place and processed there.
 */
#include "load.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/room.h"
#include "base/visible.h"
#include "loader.h"
#include "math/matmul.h"

/* ---- checking ---- */

static pb_status check_shapes(const loader *load, pb_error **error)
{
    const pb_tensor_names *names = pb_family_names(load->model);
    for (size_t i = 0; i < names->n_rows; i++) {
        const pb_part_row *row = &names->rows[i];
        size_t n_layers = row->per_layer ? load->model->shape.n_layer : 1;
        for (size_t layer = 0; layer < n_layers; layer++) {
            const pb_weight *weight;
            pb_status status =
                row->part == PB_PART_EMBED
                    ? loader_embedding(load, &weight, error)
                    : pb_family_tensor(load->model, load->weights, row, layer, &weight, error);
            if (status)
                return status;
        }
    }
    return PB_OK;
}

/* ---- room ---- */

/* Hands out pieces of one block, each starting on a cache line; without a block it only counts. */
typedef struct block_room {
    float *block;
    size_t used; /* floats */
} block_room;

static float *take(block_room *room, size_t n)
{
    float *piece = room->block ? room->block + room->used : NULL;
    room->used += (n + 15) / 16 * 16;
    return piece;
}

/* Whether the family has a tensor for a part. */
static bool is_read(const pb_model *model, pb_part part)
{
    const pb_tensor_names *names = pb_family_names(model);
    for (size_t i = 0; i < names->n_rows; i++)
        if (names->rows[i].part == part && pb_family_reads(model, &names->rows[i]))
            return true;
    return false;
}

static void lay_out_common(const loader *load, block_room *room, pb_embedding *e, float **common)
{
    const pb_model *model = load->model;
    const pb_shape *s = &model->shape;
    common[PB_PART_EMBED] = take(room, s->n_vocab * s->d_model);
    common[PB_PART_POSITIONS] = take(room, s->rotary_dim ? 0 : s->n_positions * s->d_model);
    common[PB_PART_FINAL_GAIN] = take(room, s->d_model);
    common[PB_PART_FINAL_BIAS] = take(room, s->d_model);
    if (room->block && !is_read(model, PB_PART_FINAL_BIAS))
        memset(common[PB_PART_FINAL_BIAS], 0, s->d_model * sizeof(float));
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

static void lay_out_layer(const pb_model *model, block_room *room, float **parts)
{
    const pb_shape *s = &model->shape;
    size_t gate = s->gated ? 1 : 0;
    const struct {
        pb_part part;
        size_t n;
    } sizes[] = {
        {PB_PART_LN1_GAIN, s->d_model},
        {PB_PART_LN1_BIAS, s->d_model},
        {PB_PART_W_QKV, s->d_model * s->d_qkv},
        {PB_PART_B_QKV, s->d_qkv},
        {PB_PART_W_O, s->d_q * s->d_model},
        {PB_PART_B_O, s->d_model},
        {PB_PART_LN2_GAIN, s->d_model},
        {PB_PART_LN2_BIAS, s->d_model},
        {PB_PART_W_IN, s->d_model * s->d_mlp},
        {PB_PART_B_IN, s->d_mlp},
        {PB_PART_W_GATE, gate * s->d_model * s->d_mlp},
        {PB_PART_B_GATE, gate * s->d_mlp},
        {PB_PART_W_OUT, s->d_mlp * s->d_model},
        {PB_PART_B_OUT, s->d_model},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        float *part = parts[sizes[i].part] = take(room, sizes[i].n);
        if (part && !is_read(model, sizes[i].part))
            memset(part, 0, sizes[i].n * sizeof *part);
    }
}

static size_t lay_out(loader *load, float *block)
{
    block_room room = {block, 0};
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
    if (!pb_room_for(bytes))
        return pb_fail(error, PB_MEMORY,
                       "the weights of %s need %.1f GB of memory, and the machine has no room for "
                       "them",
                       model->path, (double)bytes / 1e9);
    size_t alignment = bytes >= PAGE ? PAGE : 64;
    bytes = (bytes + alignment - 1) / alignment * alignment;
    model->store = pb_malloc_aligned(alignment, bytes);
    if (!model->store)
        return pb_fail_memory(error);
    model->store_size = bytes;
    lay_out(load, model->store);
    return PB_OK;
}

/* ---- the unembedding ---- */

/* Whether two matrices of the model hold the same values. */
static pb_status compare(const loader *load, const pb_weight *a, const pb_weight *b, bool *same,
                         pb_error **error)
{
    enum { STEP = 64 }; /* rows */
    size_t n = a->shape[0], width = a->shape[1];
    float *rows = pb_malloc(2 * STEP * width, sizeof *rows);
    pb_status status = rows ? PB_OK : pb_fail_memory(error);
    *same = true;
    for (size_t first = 0; first < n && *same && !status; first += STEP) {
        size_t step = n - first < STEP ? n - first : STEP;
        status = loader_read_rows(load, a, first, step, rows, error);
        if (!status)
            status = loader_read_rows(load, b, first, step, rows + STEP * width, error);
        if (!status)
            *same = memcmp(rows, rows + STEP * width, step * width * sizeof *rows) == 0;
    }
    free(rows);
    return status;
}

/* Whether the unembedding is the embedding: unless the file has another, whatever the configuration
 * says of it, as transformers has it. */
static pb_status find_tie(loader *load, pb_error **error)
{
    pb_model *model = load->model;
    const pb_config *config = model->config;
    const pb_weight *embed, *unembed;
    pb_status status = pb_family_part(model, load->weights, PB_PART_UNEMBED, 0, &unembed, error);
    if (!status)
        status = loader_embedding(load, &embed, error);
    if (status)
        return status;
    if (!unembed && !config->tie_word_embeddings)
        return pb_fail(error, PB_FORMAT,
                       "tie_word_embeddings in %s is false, and the weights have no tensor "
                       "'lm_head.weight'; expected it, or true, where the embedding serves as "
                       "the unembedding",
                       config->path);
    model->tied = config->tie_word_embeddings;
    if (model->tied && unembed && unembed != embed)
        status = compare(load, embed, unembed, &model->tied, error);
    return status;
}

/* ---- frequencies ---- */

/* GGUF has what stretches a rotation (Llama 3's scaling, worked out) as a tensor. */
static pb_status stretch(const loader *load, pb_error **error)
{
    const pb_model *model = load->model;
    const char *name = pb_family_names(model)->rope_factors;
    const pb_weight *factors = name ? pb_weights_find(load->weights, name) : NULL;
    size_t n = model->shape.rotary_dim / 2;
    if (!factors || n == 0)
        return PB_OK;
    if (factors->count != n)
        return pb_fail(error, PB_FORMAT,
                       "'%s' in %s has %zu values; expected %zu, one for each "
                       "pair of dimensions that is rotated",
                       name, factors->file, factors->count, n);
    float *by = pb_malloc(n, sizeof *by);
    pb_status status =
        by ? pb_weights_read(load->weights, factors, by, error) : pb_fail_memory(error);
    for (size_t i = 0; i < n && !status; i++) {
        if (!(by[i] > 0))
            status =
                pb_fail(error, PB_FORMAT, "'%s' in %s holds %g, and numbers above 0 were expected",
                        name, factors->file, (double)by[i]);
        else
            model->frequencies[i] /= by[i];
    }
    free(by);
    return status;
}

/* ---- what may surprise ---- */

static void note_unused(const loader *load, pb_buffer *out)
{
    enum { NAMES_SHOWN = 4 };
    size_t unused = 0;
    pb_buffer names = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < pb_weights_count(load->weights); i++) {
        const pb_weight *weight = pb_weights_at(load->weights, i);
        if (pb_family_knows(load->model, load->weights, weight))
            continue;
        if (unused++ < NAMES_SHOWN) {
            pb_buffer_text(&names, unused > 1 ? ", " : "");
            pb_visible_text(&names, weight->name, strnlen(weight->name, 80));
        }
    }
    if (unused > 0 && !names.failed)
        pb_buffer_format(out, "%zu tensor%s of the weights %s not used: %s%s\n", unused,
                         unused == 1 ? "" : "s", unused == 1 ? "is" : "are", names.data,
                         unused > NAMES_SHOWN ? ", ..." : ".");
    pb_buffer_free(&names);
}

static pb_status take_notes(const loader *load, pb_error **error)
{
    pb_model *model = load->model;
    pb_buffer notes = PB_BUFFER_EMPTY;
    if (!model->tied && model->config->tie_word_embeddings)
        pb_buffer_text(&notes, "The unembedding is the weights' own lm_head.weight, which differs "
                               "from the embedding; tie_word_embeddings in config.json says "
                               "otherwise.\n");
    note_unused(load, &notes);
    pb_tokenizer_notes(model->tokenizer, &notes);
    model->notes = pb_buffer_take(&notes);
    return model->notes ? PB_OK : pb_fail_memory(error);
}

/* ---- the whole ---- */

static const char *dtype_word(pb_dtype dtype)
{
    static const char *const words[] = {
        [PB_DTYPE_F32] = "float32", [PB_DTYPE_F16] = "float16",       [PB_DTYPE_BF16] = "bfloat16",
        [PB_DTYPE_F64] = "float64", [PB_DTYPE_Q8_0] = "Q8_0",         [PB_DTYPE_Q4_0] = "Q4_0",
        [PB_DTYPE_Q4_1] = "Q4_1",   [PB_DTYPE_OTHER] = "another type"};
    return words[dtype];
}

/* The type of most of the values that are used: a file may mix several. */
static pb_dtype usual_dtype(const loader *load)
{
    size_t values[PB_DTYPE_OTHER + 1] = {0};
    pb_dtype usual = PB_DTYPE_F32;
    for (size_t i = 0; i < pb_weights_count(load->weights); i++) {
        const pb_weight *weight = pb_weights_at(load->weights, i);
        if (!pb_family_knows(load->model, load->weights, weight))
            continue;
        values[weight->dtype] += weight->count;
        if (values[weight->dtype] > values[usual])
            usual = weight->dtype;
    }
    return usual;
}

/* The values of all tensors that the family has; an unembedding that is tied is none. */
static size_t count_parameters(const loader *load)
{
    const pb_shape *s = &load->model->shape;
    const pb_tensor_names *names = pb_family_names(load->model);
    size_t count = 0;
    for (size_t i = 0; i < names->n_rows; i++) {
        const pb_part_row *row = &names->rows[i];
        if (i > 0 && row->part == names->rows[i - 1].part && row->part == PB_PART_UNEMBED)
            continue; /* another name of it */
        size_t values = pb_family_side(s, row->shape[0]);
        if (row->shape[1] != PB_SIDE_NONE)
            values *= pb_family_side(s, row->shape[1]);
        if (pb_family_reads(load->model, row) &&
            (row->part != PB_PART_UNEMBED || !load->model->tied))
            count += values * (row->per_layer ? s->n_layer : 1);
    }
    return count;
}

static pb_status load_all(loader *load, pb_error **error)
{
    pb_model *model = load->model;
    pb_status status = check_shapes(load, error);
    if (!status) /* by as much as the embedding, which is there, has rows for */
        status = pb_tokenizer_fit(model->tokenizer, model->shape.n_vocab, error);
    if (!status)
        status = find_tie(load, error);
    if (!status)
        status = stretch(load, error);
    if (!status)
        status = take_notes(load, error);
    if (!status)
        status = pb_math_begin(model->threads, error);
    if (!status)
        status = allocate(load, error);
    if (status)
        return status;
    model->dtype = dtype_word(usual_dtype(load));
    model->parameters = count_parameters(load);
    status = loader_read_embedding(load, error);
    return status ? status : loader_read_layers(load, error);
}

pb_status pb_load_weights(pb_model *model, const pb_watch *watch, pb_error **error)
{
    loader load = {.model = model, .watch = watch};
    pb_weights *weights = NULL;
    pb_status status = pb_weights_open(model->path, &weights, error);
    load.weights = weights;
    if (!status)
        status = load_all(&load, error);
    pb_weights_close(&weights);
    free(load.layers);
    return status;
}
