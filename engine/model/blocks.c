/* The parts of a layer that go row by row: norms, products with weights, the MLP. */
#include <string.h>

#include "math/matmul.h"
#include "pass.h"
#include "rotate.h"

/* Of `result` at most this many floats are laid out for a hook at once. */
enum { SHOWN_RESULT = 1 << 22 };

static size_t at_most(size_t n, size_t most)
{
    return n < most ? n : most;
}

/* ---- embedding ---- */

/* One of the two embeddings of n rows that enter from tokens, which lies in `out`: shown, and added
 * to the stream. */
static pb_status add_embedding(pb_pass *pass, pb_site site, size_t first, size_t n,
                               pb_error **error)
{
    size_t d = pass->model->shape.d_model;
    pb_status status = pb_pass_show_rows(pass, site, pass->rows + first, n, pass->out, d, error);
    if (!status)
        pb_add_rows(n, d, pass->resid + first * d, d, pass->out, d);
    return status;
}

static pb_status embed_block(pb_pass *pass, size_t first, size_t n, pb_error **error)
{
    size_t d = pass->model->shape.d_model;
    const pb_row *rows = pass->rows + first;
    memset(pass->resid + first * d, 0, n * d * sizeof(float));
    for (size_t r = 0; r < n; r++) {
        const pb_sequence *s = &pass->batch->sequences[rows[r].sequence];
        size_t token = (size_t)s->tokens[rows[r].position - s->first];
        pb_model_embedding(pass->model, token, pass->out + r * d);
    }
    pb_status status = add_embedding(pass, PB_SITE_EMBED, first, n, error);
    if (pass->model->shape.rotary_dim)
        return status;
    for (size_t r = 0; !status && r < n; r++)
        pb_model_position(pass->model, rows[r].position, pass->out + r * d);
    return status ? status : add_embedding(pass, PB_SITE_POS_EMBED, first, n, error);
}

static bool from_tokens(const pb_pass *pass, size_t row)
{
    return !pass->batch->sequences[pass->rows[row].sequence].entry;
}

pb_status pb_pass_embed(pb_pass *pass, size_t first_row, pb_error **error)
{
    size_t end;
    for (; first_row < pass->n_rows; first_row = end) {
        end = first_row;
        while (end < pass->n_rows && end - first_row < pass->block && from_tokens(pass, end))
            end++;
        if (end == first_row) { /* a row that came as it is */
            end++;
            continue;
        }
        pb_status status = embed_block(pass, first_row, end - first_row, error);
        if (status)
            return status;
    }
    return PB_OK;
}

/* ---- a norm with its hooks ---- */

typedef struct norm {
    pb_site scale_site, site;
    const float *gain, *bias; /* NULL when folded */
} norm;

static pb_status apply_norm(pb_pass *pass, norm which, const pb_row *rows, size_t n,
                            const float *resid, float *normed, pb_error **error)
{
    size_t d = pass->model->shape.d_model;
    pb_status status = PB_OK;
    if (pb_pass_wants(pass, which.scale_site)) {
        pb_model_norm_scale(pass->model, n, resid, pass->scale);
        status = pb_pass_show_rows(pass, which.scale_site, rows, n, pass->scale, 1, error);
        pb_norm_by(pass->model, n, resid, pass->scale, normed);
    } else {
        pb_norm_rows(pass->model, n, resid, normed);
    }
    if (!status)
        status = pb_pass_show_rows(pass, which.site, rows, n, normed, d, error);
    if (!status && which.gain)
        pb_gain_bias(n, d, which.gain, which.bias, normed, d);
    return status;
}

pb_status pb_pass_final_norm(pb_pass *pass, const pb_row *rows, size_t n, const float *resid,
                             float *normed, pb_error **error)
{
    const pb_model *model = pass->model;
    size_t d = model->shape.d_model;
    norm final = {PB_SITE_LN_FINAL_SCALE, PB_SITE_LN_FINAL, model->final_gain, model->final_bias};
    for (size_t first = 0; first < n; first += pass->block) {
        pb_status status = apply_norm(pass, final, rows + first, at_most(n - first, pass->block),
                                      resid + first * d, normed + first * d, error);
        if (status)
            return status;
    }
    return PB_OK;
}

/* ---- q, k and v ---- */

/* columns [from, from + n) of x W_qkv + b_qkv, x [rows, d_model]. */
static pb_status project(const pb_pass *pass, const float *x, size_t rows, size_t from, size_t n,
                         float *out, size_t ld, pb_error **error)
{
    const pb_layer_weights *w = &pass->model->layers[pass->layer];
    const pb_shape *s = &pass->model->shape;
    pb_status status = pb_matmul(PB_PLAIN, PB_PLAIN, rows, n, s->d_model, 1.0f, x, s->d_model,
                                 w->w_qkv + from, s->d_qkv, 0.0f, out, ld, pass->watch, error);
    if (!status)
        pb_add_bias(rows, n, out, ld, w->b_qkv + from);
    return status;
}

/* q of those rows of the block [first, first + n) that attend. *kept counts the rows that have
 * theirs, of all blocks so far. */
static pb_status project_kept(pb_pass *pass, size_t first, size_t n, size_t *kept, pb_error **error)
{
    size_t d = pass->model->shape.d_model, d_q = pass->model->shape.d_q;
    size_t start = *kept, end = start;
    for (; end < pass->n_queries && pass->kept[end] < first + n; end++)
        memcpy(pass->out + (end - start) * d, pass->normed + (pass->kept[end] - first) * d,
               d * sizeof(float));
    *kept = end;
    if (end == start)
        return PB_OK;
    return project(pass, pass->out, end - start, 0, d_q, pass->queries + start * d_q, d_q, error);
}

static pb_status project_rows(pb_pass *pass, size_t computed, pb_error **error)
{
    const pb_layer_weights *w = &pass->model->layers[pass->layer];
    size_t d = pass->model->shape.d_model, d_q = pass->model->shape.d_q;
    size_t stride = pass->qkv_stride, kept = 0;
    norm before = {PB_SITE_LN1_SCALE, PB_SITE_LN1, w->ln1_gain, w->ln1_bias};
    for (size_t first = 0; first < computed; first += pass->block) {
        size_t n = at_most(computed - first, pass->block);
        float *qkv = pass->qkv + first * stride;
        pb_status status = apply_norm(pass, before, pass->rows + first, n, pass->resid + first * d,
                                      pass->normed, error);
        if (!status && !pass->kept)
            status = project(pass, pass->normed, n, 0, stride, qkv, stride, error);
        else if (!status)
            status = project(pass, pass->normed, n, d_q, stride - d_q, qkv + d_q, stride, error);
        if (!status && pass->kept)
            status = project_kept(pass, first, n, &kept, error);
        if (status)
            return status;
    }
    return PB_OK;
}

/* q, k or v to the hooks, a head each. */
static pb_status show_heads(const pb_pass *pass, pb_site site, float *data, size_t stride,
                            const pb_row *rows, size_t n, pb_error **error)
{
    const pb_shape *s = &pass->model->shape;
    pb_view view = {.data = data,
                    .n_rows = n,
                    .n_heads = pb_site_heads(pass->model, site),
                    .width = s->d_head,
                    .row_stride = stride,
                    .head_stride = s->d_head,
                    .rows = rows};
    return pb_pass_show(pass, site, view, error);
}

pb_status pb_pass_project(pb_pass *pass, size_t computed, pb_error **error)
{
    pb_status status = project_rows(pass, computed, error);
    if (status)
        return status;
    pass->work->qkv_rows += computed;
    pb_pass_take_ready(pass);
    status = show_heads(pass, PB_SITE_Q, pass->queries, pass->query_stride, pass->query_rows,
                        pass->n_queries, error);
    if (!status)
        status = show_heads(pass, PB_SITE_K, pass->keys, pass->qkv_stride, pass->rows, pass->n_rows,
                            error);
    if (!status)
        status = show_heads(pass, PB_SITE_V, pass->values, pass->qkv_stride, pass->rows,
                            pass->n_rows, error);
    return status;
}

pb_status pb_pass_turn(pb_pass *pass, pb_error **error)
{
    if (!pass->model->shape.rotary_dim)
        return PB_OK;
    pb_pass_rotate(pass);
    pb_status status = show_heads(pass, PB_SITE_ROT_Q, pass->queries, pass->query_stride,
                                  pass->query_rows, pass->n_queries, error);
    if (!status)
        status = show_heads(pass, PB_SITE_ROT_K, pass->keys, pass->qkv_stride, pass->rows,
                            pass->n_rows, error);
    if (!status)
        pb_pass_keep_rotated(pass);
    return status;
}

/* ---- attention's output ---- */

/* Each head's z W_O for n rows: result [n, n_head, d_model]. */
static pb_status head_results(const pb_pass *pass, const float *z, size_t n, float *result,
                              pb_error **error)
{
    const pb_shape *s = &pass->model->shape;
    const float *w_o = pass->model->layers[pass->layer].w_o;
    for (size_t head = 0; head < s->n_head; head++) {
        pb_status status =
            pb_matmul(PB_PLAIN, PB_PLAIN, n, s->d_model, s->d_head, 1.0f, z + head * s->d_head,
                      pass->query_stride, w_o + head * s->d_head * s->d_model, s->d_model, 0.0f,
                      result + head * s->d_model, s->n_head * s->d_model, pass->watch, error);
        if (status)
            return status;
    }
    return PB_OK;
}

/* out [n, d_model] = sum over heads of result, after the hooks have seen it. */
static pb_status out_from_results(const pb_pass *pass, const float *z, const pb_row *rows, size_t n,
                                  float *out, pb_error **error)
{
    const pb_shape *s = &pass->model->shape;
    float *result;
    pb_status status = pb_scratch_floats(pass->scratch, PB_BUFFER_RESULT, n * s->n_head, s->d_model,
                                         &result, error);
    if (!status)
        status = head_results(pass, z, n, result, error);
    if (status)
        return status;
    pb_view view = {.data = result,
                    .n_rows = n,
                    .n_heads = s->n_head,
                    .width = s->d_model,
                    .row_stride = s->n_head * s->d_model,
                    .head_stride = s->d_model,
                    .rows = rows};
    status = pb_pass_show(pass, PB_SITE_RESULT, view, error);
    memset(out, 0, n * s->d_model * sizeof *out);
    for (size_t head = 0; head < s->n_head; head++)
        pb_add_rows(n, s->d_model, out, s->d_model, result + head * s->d_model,
                    s->n_head * s->d_model);
    return status;
}

/* to += z W_O + b_O for n rows from `first`, by way of attn_out where a hook wants that. */
static pb_status write_block(pb_pass *pass, size_t first, size_t n, bool results, bool shown,
                             pb_error **error)
{
    const pb_layer_weights *w = &pass->model->layers[pass->layer];
    size_t d = pass->model->shape.d_model, d_q = pass->model->shape.d_q;
    const float *z = pass->queries + first * pass->query_stride;
    const pb_row *rows = pass->query_rows + first;
    float *to = (pass->beside ? pass->beside : pass->resid) + first * d;
    pb_status status;
    if (!results && !shown) {
        status = pb_matmul(PB_PLAIN, PB_PLAIN, n, d, d_q, 1.0f, z, pass->query_stride, w->w_o, d,
                           1.0f, to, d, pass->watch, error);
        if (!status)
            pb_add_bias(n, d, to, d, w->b_o);
        return status;
    }
    if (results)
        status = out_from_results(pass, z, rows, n, pass->out, error);
    else
        status = pb_matmul(PB_PLAIN, PB_PLAIN, n, d, d_q, 1.0f, z, pass->query_stride, w->w_o, d,
                           0.0f, pass->out, d, pass->watch, error);
    if (status)
        return status;
    pb_add_bias(n, d, pass->out, d, w->b_o);
    status = pb_pass_show_rows(pass, PB_SITE_ATTN_OUT, rows, n, pass->out, d, error);
    pb_add_rows(n, d, to, d, pass->out, d);
    return status;
}

pb_status pb_pass_write_attention(pb_pass *pass, pb_error **error)
{
    const pb_shape *s = &pass->model->shape;
    pb_status status = show_heads(pass, PB_SITE_Z, pass->queries, pass->query_stride,
                                  pass->query_rows, pass->n_queries, error);
    pb_pass_drop(pass);
    bool results = pb_pass_wants(pass, PB_SITE_RESULT);
    bool shown = pb_pass_wants(pass, PB_SITE_ATTN_OUT);
    size_t block = pass->block;
    if (pass->beside)
        memset(pass->beside, 0, pass->n_queries * s->d_model * sizeof *pass->beside);
    if (results && !pass->batch->whole)
        block = at_most(block, SHOWN_RESULT / (s->n_head * s->d_model) + 1);
    for (size_t first = 0; !status && first < pass->n_queries; first += block)
        status = write_block(pass, first, at_most(pass->n_queries - first, block), results, shown,
                             error);
    return status;
}

/* ---- MLP ---- */

/* linear [n, d_mlp] = normed W_in + b_in, what a gate is multiplied with. */
static pb_status gated_input(pb_pass *pass, const pb_row *rows, size_t n, pb_error **error)
{
    const pb_layer_weights *w = &pass->model->layers[pass->layer];
    size_t d = pass->model->shape.d_model, d_mlp = pass->model->shape.d_mlp;
    pb_status status = pb_matmul(PB_PLAIN, PB_PLAIN, n, d_mlp, d, 1.0f, pass->normed, d, w->w_in,
                                 d_mlp, 0.0f, pass->linear, d_mlp, pass->watch, error);
    if (status)
        return status;
    pb_add_bias(n, d_mlp, pass->linear, d_mlp, w->b_in);
    return pb_pass_show_rows(pass, PB_SITE_MLP_PRE_LINEAR, rows, n, pass->linear, d_mlp, error);
}

/* hidden [n, d_mlp] = f(normed W + b), with the hooks before and after f; W is the gate where there
 * is one, and hidden is then multiplied with linear. */
static pb_status neurons(pb_pass *pass, const pb_row *rows, size_t n, pb_error **error)
{
    const pb_layer_weights *w = &pass->model->layers[pass->layer];
    size_t d = pass->model->shape.d_model, d_mlp = pass->model->shape.d_mlp;
    bool gated = pass->model->shape.gated;
    const float *matrix = gated ? w->w_gate : w->w_in, *bias = gated ? w->b_gate : w->b_in;
    pb_status status = pb_matmul(PB_PLAIN, PB_PLAIN, n, d_mlp, d, 1.0f, pass->normed, d, matrix,
                                 d_mlp, 0.0f, pass->hidden, d_mlp, pass->watch, error);
    if (!status && pb_pass_wants(pass, PB_SITE_MLP_PRE)) {
        pb_add_bias(n, d_mlp, pass->hidden, d_mlp, bias);
        bias = NULL;
        status = pb_pass_show_rows(pass, PB_SITE_MLP_PRE, rows, n, pass->hidden, d_mlp, error);
    }
    if (!status && gated)
        status = gated_input(pass, rows, n, error);
    if (status)
        return status;
    pb_activate(pass->model->activation, n, d_mlp, pass->hidden, d_mlp, bias, pass->hidden, d_mlp);
    if (gated)
        pb_multiply_rows(n, d_mlp, pass->hidden, d_mlp, pass->linear, d_mlp);
    return pb_pass_show_rows(pass, PB_SITE_MLP_POST, rows, n, pass->hidden, d_mlp, error);
}

/* resid += hidden W_out + b_out, by way of mlp_out where a hook wants that. */
static pb_status write_mlp(pb_pass *pass, const pb_row *rows, size_t n, float *resid,
                           pb_error **error)
{
    const pb_layer_weights *w = &pass->model->layers[pass->layer];
    size_t d = pass->model->shape.d_model, d_mlp = pass->model->shape.d_mlp;
    bool shown = pb_pass_wants(pass, PB_SITE_MLP_OUT);
    float *out = shown ? pass->out : resid;
    pb_status status = pb_matmul(PB_PLAIN, PB_PLAIN, n, d, d_mlp, 1.0f, pass->hidden, d_mlp,
                                 w->w_out, d, shown ? 0.0f : 1.0f, out, d, pass->watch, error);
    if (status)
        return status;
    pb_add_bias(n, d, out, d, w->b_out);
    if (!shown)
        return PB_OK;
    status = pb_pass_show_rows(pass, PB_SITE_MLP_OUT, rows, n, out, d, error);
    pb_add_rows(n, d, resid, d, out, d);
    return status;
}

pb_status pb_pass_mlp(pb_pass *pass, pb_error **error)
{
    const pb_layer_weights *w = &pass->model->layers[pass->layer];
    size_t d = pass->model->shape.d_model;
    norm before = {PB_SITE_LN2_SCALE, PB_SITE_LN2, w->ln2_gain, w->ln2_bias};
    for (size_t first = 0; first < pass->n_rows; first += pass->block) {
        size_t n = at_most(pass->n_rows - first, pass->block);
        const pb_row *rows = pass->rows + first;
        float *resid = pass->resid + first * d;
        pb_status status = apply_norm(pass, before, rows, n, resid, pass->normed, error);
        if (!status)
            status = neurons(pass, rows, n, error);
        if (!status)
            status = write_mlp(pass, rows, n, resid, error);
        if (status)
            return status;
    }
    pass->work->mlp_rows += pass->n_rows;
    return PB_OK;
}
