/* The weights as tensors, called and shaped as TransformerLens does: a row and a function each. */
#include <string.h>

#include "base/nearest.h"
#include "model_internal.h"

typedef void weight_fill(const pb_model *model, size_t layer, float *out);

/* ---- from columns of [d_model, d_qkv]: out [heads, d_model, d_head] ---- */

static void split_qkv(const pb_model *model, size_t layer, size_t from, size_t n_heads, float *out)
{
    const pb_shape *s = &model->shape;
    const float *w = model->layers[layer].w_qkv + from;
    for (size_t head = 0; head < n_heads; head++)
        for (size_t i = 0; i < s->d_model; i++, out += s->d_head)
            memcpy(out, w + i * s->d_qkv + head * s->d_head, s->d_head * sizeof *out);
}

static void fill_w_q(const pb_model *model, size_t layer, float *out)
{
    split_qkv(model, layer, 0, model->shape.n_head, out);
}

static void fill_w_k(const pb_model *model, size_t layer, float *out)
{
    split_qkv(model, layer, model->shape.d_q, model->shape.n_kv_head, out);
}

static void fill_w_v(const pb_model *model, size_t layer, float *out)
{
    split_qkv(model, layer, model->shape.d_q + model->shape.d_kv, model->shape.n_kv_head, out);
}

static void copy_bias(const pb_model *model, size_t layer, size_t from, size_t n, float *out)
{
    memcpy(out, model->layers[layer].b_qkv + from, n * sizeof *out);
}

static void fill_b_q(const pb_model *model, size_t layer, float *out)
{
    copy_bias(model, layer, 0, model->shape.d_q, out);
}

static void fill_b_k(const pb_model *model, size_t layer, float *out)
{
    copy_bias(model, layer, model->shape.d_q, model->shape.d_kv, out);
}

static void fill_b_v(const pb_model *model, size_t layer, float *out)
{
    copy_bias(model, layer, model->shape.d_q + model->shape.d_kv, model->shape.d_kv, out);
}

/* ---- as they lie ---- */

static void fill_w_o(const pb_model *model, size_t layer, float *out)
{
    memcpy(out, model->layers[layer].w_o, model->shape.d_q * model->shape.d_model * sizeof *out);
}

static void fill_b_o(const pb_model *model, size_t layer, float *out)
{
    memcpy(out, model->layers[layer].b_o, model->shape.d_model * sizeof *out);
}

static void fill_w_in(const pb_model *model, size_t layer, float *out)
{
    memcpy(out, model->layers[layer].w_in, model->shape.d_model * model->shape.d_mlp * sizeof *out);
}

static void fill_b_in(const pb_model *model, size_t layer, float *out)
{
    memcpy(out, model->layers[layer].b_in, model->shape.d_mlp * sizeof *out);
}

static void fill_w_gate(const pb_model *model, size_t layer, float *out)
{
    memcpy(out, model->layers[layer].w_gate,
           model->shape.d_model * model->shape.d_mlp * sizeof *out);
}

static void fill_b_gate(const pb_model *model, size_t layer, float *out)
{
    memcpy(out, model->layers[layer].b_gate, model->shape.d_mlp * sizeof *out);
}

static void fill_w_out(const pb_model *model, size_t layer, float *out)
{
    memcpy(out, model->layers[layer].w_out,
           model->shape.d_model * model->shape.d_mlp * sizeof *out);
}

static void fill_b_out(const pb_model *model, size_t layer, float *out)
{
    memcpy(out, model->layers[layer].b_out, model->shape.d_model * sizeof *out);
}

static void fill_ln1_w(const pb_model *model, size_t layer, float *out)
{
    memcpy(out, model->layers[layer].ln1_gain, model->shape.d_model * sizeof *out);
}

static void fill_ln1_b(const pb_model *model, size_t layer, float *out)
{
    memcpy(out, model->layers[layer].ln1_bias, model->shape.d_model * sizeof *out);
}

static void fill_ln2_w(const pb_model *model, size_t layer, float *out)
{
    memcpy(out, model->layers[layer].ln2_gain, model->shape.d_model * sizeof *out);
}

static void fill_ln2_b(const pb_model *model, size_t layer, float *out)
{
    memcpy(out, model->layers[layer].ln2_bias, model->shape.d_model * sizeof *out);
}

/* ---- without layers ---- */

static void fill_w_e(const pb_model *model, size_t layer, float *out)
{
    (void)layer;
    for (size_t t = 0; t < model->shape.n_vocab; t++)
        pb_model_embedding(model, t, out + t * model->shape.d_model);
}

static void fill_w_pos(const pb_model *model, size_t layer, float *out)
{
    (void)layer;
    memcpy(out, model->embedding.positions,
           model->shape.n_positions * model->shape.d_model * sizeof *out);
}

/* [d_model, token], from columns in squares that fit a cache. */
static void fill_w_u(const pb_model *model, size_t layer, float *out)
{
    enum { SIDE = 32 };
    size_t d = model->shape.d_model, n = model->shape.n_vocab;
    (void)layer;
    for (size_t t0 = 0; t0 < n; t0 += SIDE)
        for (size_t i = 0; i < d; i++)
            for (size_t t = t0; t < n && t < t0 + SIDE; t++)
                out[i * n + t] = (float)pb_unembed_weight(model, t, i);
}

static void fill_b_u(const pb_model *model, size_t layer, float *out)
{
    (void)layer;
    if (model->embedding.bias)
        memcpy(out, model->embedding.bias, model->shape.n_vocab * sizeof *out);
    else
        memset(out, 0, model->shape.n_vocab * sizeof *out);
}

static void fill_ln_final_w(const pb_model *model, size_t layer, float *out)
{
    (void)layer;
    memcpy(out, model->final_gain, model->shape.d_model * sizeof *out);
}

static void fill_ln_final_b(const pb_model *model, size_t layer, float *out)
{
    (void)layer;
    memcpy(out, model->final_bias, model->shape.d_model * sizeof *out);
}

/* ---- the table ---- */

static bool embeds_positions(const pb_shape *shape)
{
    return shape->rotary_dim == 0;
}

static bool is_gated(const pb_shape *shape)
{
    return shape->gated;
}

static bool has_norm_biases(const pb_shape *shape)
{
    return !shape->rms;
}

typedef struct weight {
    pb_model_weight_row row;
    weight_fill *fill;
} weight;

static const weight weights[] = {
    {.row = {.name = "W_E", .axes = {"token", "d_model"}, .summary = "embedding of tokens"},
     .fill = fill_w_e},
    {.row = {.name = "W_pos",
             .axes = {"pos", "d_model"},
             .of = embeds_positions,
             .otherwise = "its positions rotate queries and keys",
             .summary = "embedding of positions"},
     .fill = fill_w_pos},
    {.row = {.name = "W_Q",
             .axes = {"head", "d_model", "d_head"},
             .per_layer = true,
             .summary = "stream to queries"},
     .fill = fill_w_q},
    {.row = {.name = "W_K",
             .axes = {"kv_head", "d_model", "d_head"},
             .per_layer = true,
             .summary = "stream to keys"},
     .fill = fill_w_k},
    {.row = {.name = "W_V",
             .axes = {"kv_head", "d_model", "d_head"},
             .per_layer = true,
             .summary = "stream to values"},
     .fill = fill_w_v},
    {.row = {.name = "W_O",
             .axes = {"head", "d_head", "d_model"},
             .per_layer = true,
             .summary = "z to the stream"},
     .fill = fill_w_o},
    {.row = {.name = "W_in",
             .axes = {"d_model", "d_mlp"},
             .per_layer = true,
             .summary = "stream to neurons"},
     .fill = fill_w_in},
    {.row = {.name = "W_gate",
             .axes = {"d_model", "d_mlp"},
             .per_layer = true,
             .of = is_gated,
             .otherwise = "its MLP has no gate",
             .summary = "stream to the neurons' gates"},
     .fill = fill_w_gate},
    {.row = {.name = "W_out",
             .axes = {"d_mlp", "d_model"},
             .per_layer = true,
             .summary = "neurons to the stream"},
     .fill = fill_w_out},
    {.row = {.name = "W_U", .axes = {"d_model", "token"}, .summary = "stream to logits"},
     .fill = fill_w_u},
    {.row = {.name = "b_Q",
             .axes = {"head", "d_head"},
             .per_layer = true,
             .summary = "bias of queries"},
     .fill = fill_b_q},
    {.row = {.name = "b_K",
             .axes = {"kv_head", "d_head"},
             .per_layer = true,
             .summary = "bias of keys"},
     .fill = fill_b_k},
    {.row = {.name = "b_V",
             .axes = {"kv_head", "d_head"},
             .per_layer = true,
             .summary = "bias of values: zero once folded"},
     .fill = fill_b_v},
    {.row = {.name = "b_O",
             .axes = {"d_model"},
             .per_layer = true,
             .summary = "bias of attention's output"},
     .fill = fill_b_o},
    {.row = {.name = "b_in", .axes = {"d_mlp"}, .per_layer = true, .summary = "bias of neurons"},
     .fill = fill_b_in},
    {.row = {.name = "b_gate",
             .axes = {"d_mlp"},
             .per_layer = true,
             .of = is_gated,
             .otherwise = "its MLP has no gate",
             .summary = "bias of the gates"},
     .fill = fill_b_gate},
    {.row = {.name = "b_out",
             .axes = {"d_model"},
             .per_layer = true,
             .summary = "bias of the MLP's output"},
     .fill = fill_b_out},
    {.row = {.name = "b_U", .axes = {"token"}, .summary = "bias of logits"}, .fill = fill_b_u},
    {.row = {.name = "ln1_w",
             .axes = {"d_model"},
             .per_layer = true,
             .raw_only = true,
             .summary = "gain of the norm before attention"},
     .fill = fill_ln1_w},
    {.row = {.name = "ln1_b",
             .of = has_norm_biases,
             .otherwise = "its norms have no biases",
             .axes = {"d_model"},
             .per_layer = true,
             .raw_only = true,
             .summary = "bias of the norm before attention"},
     .fill = fill_ln1_b},
    {.row = {.name = "ln2_w",
             .axes = {"d_model"},
             .per_layer = true,
             .raw_only = true,
             .summary = "gain of the norm before the MLP"},
     .fill = fill_ln2_w},
    {.row = {.name = "ln2_b",
             .of = has_norm_biases,
             .otherwise = "its norms have no biases",
             .axes = {"d_model"},
             .per_layer = true,
             .raw_only = true,
             .summary = "bias of the norm before the MLP"},
     .fill = fill_ln2_b},
    {.row = {.name = "ln_final_w",
             .axes = {"d_model"},
             .raw_only = true,
             .summary = "gain of the last norm"},
     .fill = fill_ln_final_w},
    {.row = {.name = "ln_final_b",
             .of = has_norm_biases,
             .otherwise = "its norms have no biases",
             .axes = {"d_model"},
             .raw_only = true,
             .summary = "bias of the last norm"},
     .fill = fill_ln_final_b},
};

enum { N_WEIGHTS = sizeof weights / sizeof *weights };

size_t pb_model_weight_count(void)
{
    return N_WEIGHTS;
}

const pb_model_weight_row *pb_model_weight_info(size_t which)
{
    return &weights[which].row;
}

/* ---- making the tensor ---- */

static pb_status find(const char *name, const weight **found, pb_error **error)
{
    const char *names[N_WEIGHTS];
    for (size_t i = 0; i < N_WEIGHTS; i++) {
        names[i] = weights[i].row.name;
        if (strcmp(names[i], name) == 0) {
            *found = &weights[i];
            return PB_OK;
        }
    }
    pb_status status = pb_fail(error, PB_NAME, "models have no weights called '%s'", name);
    const char *near = pb_nearest(name, names, N_WEIGHTS);
    if (error && near)
        pb_error_hint(*error, "did you mean %s?", near);
    else if (error)
        pb_error_hint(*error, "there are W_E W_pos W_Q W_K W_V W_O W_in W_out W_U and their "
                              "biases b_Q, b_K, ...");
    return status;
}

bool pb_model_has_weight(const pb_model *model, size_t which)
{
    const pb_model_weight_row *row = &weights[which].row;
    return (!row->of || row->of(&model->shape)) && (!row->raw_only || model->raw);
}

static pb_status check_layer(const pb_model *model, const weight *w, size_t layer, pb_error **error)
{
    if (w->row.of && !w->row.of(&model->shape))
        return pb_fail(error, PB_UNSUPPORTED, "%s has no %s: %s", model->name, w->row.name,
                       w->row.otherwise);
    if (w->row.raw_only && !model->raw) {
        pb_status status =
            pb_fail(error, PB_VALUE, "%s is folded into the weights that follow it", w->row.name);
        if (error)
            pb_error_hint(*error, "load the model with raw=True to see it");
        return status;
    }
    if (layer == PB_ALL_LAYERS)
        return PB_OK;
    if (!w->row.per_layer)
        return pb_fail(error, PB_RANGE, "%s has no layers", w->row.name);
    if (layer >= model->shape.n_layer)
        return pb_fail(error, PB_RANGE, "there is no layer %zu; %s has layers 0 to %zu", layer,
                       model->name, model->shape.n_layer - 1);
    return PB_OK;
}

/* The axis of a name, a reference of the caller's. */
static pb_status axis_of(const pb_model *model, const char *name, pb_axis **axis, pb_error **error)
{
    if (strcmp(name, "pos") == 0)
        return pb_axis_create(name, model->shape.n_positions, NULL, NULL, axis, error);
    *axis = pb_axis_retain(pb_model_axis(model, pb_model_axis_name(model, name)));
    return PB_OK;
}

static pb_status fill(const pb_model *model, const weight *w, size_t layer, bool all,
                      const pb_watch *watch, size_t size, float *data, pb_error **error)
{
    if (!all) {
        w->fill(model, layer, data);
        return PB_OK;
    }
    size_t n = model->shape.n_layer;
    for (size_t i = 0; i < n; i++) {
        pb_status status = pb_watch_check(watch, error);
        if (status)
            return status;
        w->fill(model, i, data + i * (size / n));
    }
    return PB_OK;
}

pb_status pb_model_weight(const pb_model *model, const char *name, size_t layer,
                          const pb_watch *watch, pb_tensor **tensor, pb_error **error)
{
    const weight *w = NULL;
    pb_axis *axes[4] = {NULL};
    pb_tensor *made = NULL;
    float *data;
    size_t rank = 0;
    pb_status status = find(name, &w, error);
    if (!status)
        status = check_layer(model, w, layer, error);
    if (status)
        return status;
    bool all = w->row.per_layer && layer == PB_ALL_LAYERS;
    if (all)
        status = axis_of(model, "layer", &axes[rank++], error);
    for (size_t i = 0; !status && i < 3 && w->row.axes[i]; i++)
        status = axis_of(model, w->row.axes[i], &axes[rank++], error);
    if (!status)
        status = pb_tensor_create(rank, axes, &made, &data, error);
    if (!status)
        status = fill(model, w, layer, all, watch, pb_tensor_size(made), data, error);
    for (size_t i = 0; i < rank; i++)
        pb_axis_release(&axes[i]);
    if (!status)
        *tensor = made;
    else
        pb_tensor_release(&made);
    return status;
}
