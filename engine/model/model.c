/* A model as a value: made, shared, asked what it is. */
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "family.h"
#include "io/file.h"
#include "io/gguf.h"
#include "load.h"
#include "math/matmul.h"
#include "model/families.h"
#include "model_internal.h"
#include "rotate.h"

/* ---- axes ---- */

static const char *const axis_names[PB_N_MODEL_AXES] = {"layer", "head",  "d_model", "d_head",
                                                        "d_mlp", "token", "kv_head"};

static pb_status plain_axis(const char *name, size_t n, pb_axis **axis, pb_error **error)
{
    return pb_axis_create(name, n, NULL, NULL, axis, error);
}

/* Labels L0, L1, ... */
static pb_status numbered_axis(const char *name, const char *letters, size_t n, pb_axis **axis,
                               pb_error **error)
{
    enum { WIDTH = 24 };
    char *text = pb_malloc(n, WIDTH);
    const char **labels = pb_malloc(n, sizeof *labels);
    pb_status status = text && labels ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < n; i++) {
        snprintf(text + i * WIDTH, WIDTH, "%s%zu", letters, i);
        labels[i] = text + i * WIDTH;
    }
    if (!status)
        status = pb_axis_create(name, n, NULL, labels, axis, error);
    free(labels);
    free(text);
    return status;
}

static pb_status token_axis(const pb_tokenizer *tokenizer, pb_axis **axis, pb_error **error)
{
    size_t n = pb_tokenizer_count(tokenizer);
    const char **labels = pb_malloc(n, sizeof *labels);
    if (!labels)
        return pb_fail_memory(error);
    for (size_t i = 0; i < n; i++)
        labels[i] = pb_tokenizer_label(tokenizer, (int32_t)i);
    pb_status status = pb_axis_create("token", n, NULL, labels, axis, error);
    free(labels);
    return status;
}

static pb_status make_axes(pb_model *model, pb_error **error)
{
    const pb_shape *s = &model->shape;
    pb_status status = numbered_axis("layer", "L", s->n_layer, &model->axes[0], error);
    if (!status)
        status = numbered_axis("head", "H", s->n_head, &model->axes[1], error);
    if (!status)
        status = plain_axis("d_model", s->d_model, &model->axes[2], error);
    if (!status)
        status = plain_axis("d_head", s->d_head, &model->axes[3], error);
    if (!status)
        status = plain_axis("d_mlp", s->d_mlp, &model->axes[4], error);
    if (!status)
        status = token_axis(model->tokenizer, &model->axes[5], error);
    if (!status && s->n_kv_head != s->n_head)
        status = numbered_axis("kv_head", "KV", s->n_kv_head, &model->axes[6], error);
    return status;
}

pb_axis *pb_model_axis(const pb_model *model, const char *name)
{
    for (size_t i = 0; i < PB_N_MODEL_AXES; i++)
        if (strcmp(axis_names[i], name) == 0)
            return model->axes[i];
    return NULL;
}

const char *pb_model_axis_name(const pb_model *model, const char *name)
{
    bool shared = model && model->shape.n_kv_head != model->shape.n_head;
    return strcmp(name, "kv_head") == 0 && !shared ? "head" : name;
}

/* ---- making ---- */

/* The last part of a path, without trailing slashes; malloc'ed. */
static char *folder_name(const char *path)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    return strndup(path + start, end - start);
}

static pb_status refuse_activation(const pb_config *config, pb_error **error)
{
    pb_buffer known = PB_BUFFER_EMPTY;
    for (size_t i = 0; pb_activation_at(i); i++)
        pb_buffer_format(&known, "%s%s", i ? ", " : "", pb_activation_at(i)->name);
    pb_status status =
        pb_fail(error, PB_UNSUPPORTED,
                "the activation function \"%s\" in %s is not known; expected one of %s",
                config->activation_function, config->path, known.data ? known.data : "others");
    pb_buffer_free(&known);
    return status;
}

static size_t rotary_dim(const pb_config *c)
{
    double share = c->rotary_share > 0 && c->rotary_share < 1 ? c->rotary_share : 1;
    return c->rope_theta > 0 ? (size_t)(share * (double)c->d_head) : 0;
}

static pb_shape shape_of(const pb_config *c, const pb_family *family)
{
    size_t d_q = c->n_head * c->d_head, d_kv = c->n_kv_head * c->d_head;
    return (pb_shape){.n_layer = c->n_layer,
                      .n_head = c->n_head,
                      .d_model = c->n_embd,
                      .d_head = c->d_head,
                      .d_mlp = c->n_inner,
                      .n_vocab = c->vocab_size,
                      .n_positions = c->n_positions,
                      .n_kv_head = c->n_kv_head,
                      .d_q = d_q,
                      .d_kv = d_kv,
                      .d_qkv = d_q + 2 * d_kv,
                      .rotary_dim = rotary_dim(c),
                      .rms = family->rms,
                      .gated = family->gated,
                      .parallel = c->parallel_residual};
}

static pb_status refuse_window(const pb_config *c, pb_error **error)
{
    return pb_fail(error, PB_UNSUPPORTED,
                   "'%s' asks for a sliding window, of the last keys alone; models that see all "
                   "keys can be run",
                   c->path);
}

static pb_status read_config(pb_model *model, pb_error **error)
{
    char *file = NULL;
    pb_status status = pb_gguf_find(model->path, &file, error);
    model->in_gguf = file != NULL;
    free(file);
    if (!status)
        status = pb_config_read(model->path, pb_family_keys, &model->config, error);
    if (status)
        return status;
    const pb_config *c = model->config;
    model->family = pb_family_find(c->model_type);
    model->shape = shape_of(c, model->family);
    if (c->sliding_window)
        return refuse_window(c, error);
    if (model->shape.rotary_dim % 2)
        return pb_fail(error, PB_UNSUPPORTED,
                       "'%s': %zu dimensions of each head are rotated, and an even number was "
                       "expected",
                       c->path, model->shape.rotary_dim);
    status = pb_rope_create(c, model->shape.rotary_dim, &model->frequencies, error);
    if (status)
        return status;
    model->eps = (float)c->layer_norm_epsilon;
    model->activation = pb_activation_find(c->activation_function);
    return model->activation ? PB_OK : refuse_activation(c, error);
}

/* Of all files that a model may be read from; those of an index change with it. */
static pb_status take_stamp(const char *folder, uint64_t *stamp, pb_error **error)
{
    static const char *const names[] = {"config.json",
                                        "vocab.json",
                                        "merges.txt",
                                        "added_tokens.json",
                                        "tokenizer.json",
                                        "tokenizer_config.json",
                                        "special_tokens_map.json",
                                        "generation_config.json",
                                        "model.safetensors",
                                        "model.safetensors.index.json"};
    *stamp = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = pb_file_join(folder, names[i]);
        if (!path)
            return pb_fail_memory(error);
        *stamp = *stamp * 31 + pb_file_stamp(path);
        free(path);
    }
    char *gguf = NULL;
    pb_status status = pb_gguf_find(folder, &gguf, error);
    if (gguf)
        *stamp = *stamp * 31 + pb_file_stamp(gguf);
    free(gguf);
    return status;
}

bool pb_model_is_of(const pb_model *model, const char *folder)
{
    uint64_t stamp;
    return !take_stamp(folder, &stamp, NULL) && stamp == model->stamp;
}

static pb_status fill(pb_model *model, const pb_watch *watch, pb_error **error)
{
    pb_status status = take_stamp(model->path, &model->stamp, error);
    if (!status)
        status = read_config(model, error);
    if (!status)
        status = pb_tokenizer_open(model->path, &model->tokenizer, error);
    if (!status)
        status = pb_load_weights(model, watch, error);
    if (!status)
        status = make_axes(model, error);
    return status;
}

pb_status pb_model_load(const char *path, const pb_load_options *options, const pb_watch *watch,
                        pb_model **model, pb_error **error)
{
    pb_model *made = pb_calloc(1, sizeof *made);
    if (!made)
        return pb_fail_memory(error);
    atomic_init(&made->references, 1);
    made->raw = options && options->raw;
    made->threads = pb_math_cores();
    made->path = strdup(path);
    made->name = options && options->name ? strdup(options->name) : folder_name(path);
    pb_status status = made->path && made->name ? fill(made, watch, error) : pb_fail_memory(error);
    if (!status)
        *model = made;
    else
        pb_model_release(&made);
    return status;
}

pb_model *pb_model_retain(pb_model *model)
{
    if (model)
        atomic_fetch_add_explicit(&model->references, 1, memory_order_relaxed);
    return model;
}

void pb_model_release(pb_model **model)
{
    pb_model *old = model ? *model : NULL;
    if (!old)
        return;
    *model = NULL;
    if (atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < PB_N_MODEL_AXES; i++)
        pb_axis_release(&old->axes[i]);
    free(old->frequencies);
    free(old->layers);
    free(old->store);
    pb_tokenizer_destroy(&old->tokenizer);
    pb_config_destroy(&old->config);
    free(old->name);
    free(old->path);
    free(old->notes);
    free(old);
}

/* ---- what it is ---- */

const pb_shape *pb_model_shape(const pb_model *model)
{
    return &model->shape;
}

const pb_config *pb_model_config(const pb_model *model)
{
    return model->config;
}

const pb_tokenizer *pb_model_tokenizer(const pb_model *model)
{
    return model->tokenizer;
}

const char *pb_model_name(const pb_model *model)
{
    return model->name;
}

const char *pb_model_family(const pb_model *model)
{
    return model->family->title;
}

bool pb_model_prepends_start(const pb_model *model)
{
    switch (model->family->start) {
    case PB_START_PREPENDED: break;
    case PB_START_NONE: return false;
    case PB_START_TOKENIZERS: return pb_tokenizer_start_rule(model->tokenizer) != PB_START_NEVER;
    }
    return true;
}

const char *pb_model_start_reason(const pb_model *model)
{
    switch (model->family->start) {
    case PB_START_PREPENDED: break;
    case PB_START_NONE: return "its family has none";
    case PB_START_TOKENIZERS:
        return pb_tokenizer_start_rule(model->tokenizer) == PB_START_UNSAID
                   ? "its tokenizer says nothing"
                   : "as its tokenizer says";
    }
    return "";
}

const char *pb_model_path(const pb_model *model)
{
    return model->path;
}

const char *pb_model_notes(const pb_model *model)
{
    return model->notes;
}

bool pb_model_ends_with(const pb_model *model, int32_t token)
{
    const pb_config *config = model->config;
    for (size_t i = 0; i < config->n_ends; i++)
        if (config->ends[i] == token)
            return true;
    return !config->ends && token == pb_tokenizer_end(model->tokenizer);
}

const char *pb_model_dtype(const pb_model *model)
{
    return model->dtype;
}

bool pb_model_is_raw(const pb_model *model)
{
    return model->raw;
}

size_t pb_model_parameters(const pb_model *model)
{
    return model->parameters;
}

size_t pb_model_memory(const pb_model *model)
{
    return model->store_size;
}

uint64_t pb_model_id(const pb_model *model)
{
    return (uint64_t)(uintptr_t)model;
}

const pb_layer_weights *pb_model_layer(const pb_model *model, size_t layer)
{
    return &model->layers[layer];
}

void pb_model_norm_scale(const pb_model *model, size_t n, const float *resid, float *scale)
{
    size_t d = model->shape.d_model;
    if (model->shape.rms)
        pb_rms_norm_scale(n, d, model->eps, resid, d, scale);
    else
        pb_layer_norm_scale(n, d, model->eps, resid, d, scale);
}

void pb_norm_by(const pb_model *model, size_t n, const float *x, const float *scale, float *out)
{
    size_t d = model->shape.d_model;
    if (model->shape.rms)
        pb_rms_norm_apply(n, d, x, d, scale, out, d);
    else
        pb_layer_norm_apply(n, d, x, d, scale, out, d);
}

void pb_norm_rows(const pb_model *model, size_t n, const float *x, float *out)
{
    size_t d = model->shape.d_model;
    if (model->shape.rms)
        pb_rms_norm(n, d, model->eps, x, d, NULL, out, d);
    else
        pb_layer_norm(n, d, model->eps, x, d, NULL, out, d);
}

const float *pb_model_final_gain(const pb_model *model)
{
    return model->final_gain;
}

const float *pb_model_final_bias(const pb_model *model)
{
    return model->final_bias;
}
