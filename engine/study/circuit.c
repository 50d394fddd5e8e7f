/* Products of factors, and never the matrices themselves; see study/circuit.h. */
#include "study/circuit.h"

#include <stdlib.h>

#include "base/memory.h"
#include "math/kernels.h"
#include "math/linear.h"
#include "math/matmul.h"

enum { TOKENS_AT_ONCE = 256 };

/* ---- factors ---- */

/* Columns of w_qkv as [d][n]. */
static void take_columns(const float *w, size_t stride, size_t d, size_t n, double *out)
{
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < n; j++)
            out[i * n + j] = (double)w[i * stride + j];
}

/* W_O of a head [n][d], as [d][n]. */
static void take_output(const float *w_o, size_t d, size_t n, double *out)
{
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < n; j++)
            out[i * n + j] = (double)w_o[j * d + i];
}

pb_status pb_circuit_create(const pb_model *model, pb_circuit_kind kind, size_t layer, size_t head,
                            pb_circuit **circuit, pb_error **error)
{
    const pb_shape *s = pb_model_shape(model);
    const pb_layer_weights *w = pb_model_layer(model, layer);
    size_t kv = head / (s->n_head / s->n_kv_head) * s->d_head;
    pb_circuit *c = calloc(1, sizeof *c);
    if (!c)
        return pb_fail_memory(error);
    *c = (pb_circuit){.d = s->d_model, .n = s->d_head};
    c->left = pb_doubles_create(c->d, c->n);
    c->right = pb_doubles_create(c->d, c->n);
    if (!c->left || !c->right) {
        pb_circuit_destroy(&c);
        return pb_fail_memory(error);
    }
    if (kind == PB_CIRCUIT_OV) {
        take_columns(w->w_qkv + s->d_q + s->d_kv + kv, s->d_qkv, c->d, c->n, c->left);
        take_output(w->w_o + head * c->n * c->d, c->d, c->n, c->right);
    } else {
        take_columns(w->w_qkv + head * c->n, s->d_qkv, c->d, c->n, c->left);
        take_columns(w->w_qkv + s->d_q + kv, s->d_qkv, c->d, c->n, c->right);
    }
    *circuit = c;
    return PB_OK;
}

void pb_circuit_destroy(pb_circuit **circuit)
{
    pb_circuit *c = *circuit;
    if (!c)
        return;
    pb_doubles_free(&c->left);
    pb_doubles_free(&c->right);
    free(c);
    *circuit = NULL;
}

/* ---- singular values ---- */

/* left = q_l r_l and right = q_r r_r, so that left right^T = q_l (r_l r_r^T) q_r^T, and the middle
 * is n x n. */
typedef struct factor_core {
    double *q_left, *q_right;          /* [d][n] */
    double *r_left, *r_right, *middle; /* [n][n] */
    double *u, *vt;                    /* [n][n] of the middle */
} factor_core;

static bool make_core(const pb_circuit *c, factor_core *m)
{
    m->q_left = pb_doubles_create(c->d, c->n);
    m->q_right = pb_doubles_create(c->d, c->n);
    m->r_left = pb_doubles_create(c->n, c->n);
    m->r_right = pb_doubles_create(c->n, c->n);
    m->middle = pb_doubles_create(c->n, c->n);
    m->u = pb_doubles_create(c->n, c->n);
    m->vt = pb_doubles_create(c->n, c->n);
    return m->q_left && m->q_right && m->r_left && m->r_right && m->middle && m->u && m->vt;
}

static void free_core(factor_core *m)
{
    pb_doubles_free(&m->q_left);
    pb_doubles_free(&m->q_right);
    pb_doubles_free(&m->r_left);
    pb_doubles_free(&m->r_right);
    pb_doubles_free(&m->middle);
    pb_doubles_free(&m->u);
    pb_doubles_free(&m->vt);
}

static pb_status decompose(const pb_circuit *c, factor_core *m, double *u, double *s, double *v,
                           const pb_watch *watch, pb_error **error)
{
    size_t d = c->d, n = c->n;
    pb_status status = pb_linear_qr(d, n, c->left, m->q_left, m->r_left, watch, error);
    if (!status)
        status = pb_linear_qr(d, n, c->right, m->q_right, m->r_right, watch, error);
    if (status)
        return status;
    pb_linear_multiply(n, n, n, m->r_left, false, m->r_right, true, m->middle);
    status = pb_linear_svd(n, n, m->middle, m->u, s, m->vt, watch, error);
    if (status)
        return status;
    pb_linear_multiply(d, n, n, m->q_left, false, m->u, false, u);
    pb_linear_multiply(d, n, n, m->q_right, false, m->vt, true, v);
    pb_linear_fix_signs(d, d, n, u, v);
    return PB_OK;
}

pb_status pb_circuit_svd(const pb_circuit *circuit, double *u, double *s, double *v,
                         const pb_watch *watch, pb_error **error)
{
    factor_core m = {0};
    pb_status status = PB_OK;
    if (circuit->n > circuit->d)
        status = pb_fail(error, PB_VALUE, "these heads have more dimensions than the stream");
    if (!status)
        status = make_core(circuit, &m) ? decompose(circuit, &m, u, s, v, watch, error)
                                        : pb_fail_memory(error);
    free_core(&m);
    return status;
}

/* ---- eigenvalues ---- */

/* right^T G left [n][n]. */
static pb_status close_loop(const pb_circuit *c, const float *between, double *loop,
                            pb_error **error)
{
    double *moved = pb_doubles_create(c->d, c->n);
    if (!moved)
        return pb_fail_memory(error);
    for (size_t i = 0; i < c->d * c->n; i++)
        moved[i] = between ? 0 : c->left[i];
    for (size_t i = 0; between && i < c->d; i++)
        for (size_t k = 0; k < c->d; k++)
            for (size_t j = 0; j < c->n; j++)
                moved[i * c->n + j] += (double)between[i * c->d + k] * c->left[k * c->n + j];
    pb_linear_multiply(c->n, c->n, c->d, c->right, true, moved, false, loop);
    pb_doubles_free(&moved);
    return PB_OK;
}

pb_status pb_circuit_eig(const pb_circuit *circuit, const float *between, double *real,
                         double *imag, const pb_watch *watch, pb_error **error)
{
    size_t n = circuit->n;
    double *loop = pb_doubles_create(n, n), *vectors = pb_doubles_create(2 * n, n);
    pb_status status =
        loop && vectors ? close_loop(circuit, between, loop, error) : pb_fail_memory(error);
    if (!status)
        status = pb_linear_eig(n, loop, real, imag, vectors, vectors + n * n, watch, error);
    pb_doubles_free(&loop);
    pb_doubles_free(&vectors);
    return status;
}

/* ---- between logits and tokens ---- */

typedef struct embedder {
    const pb_model *model;
    bool effective;
    int32_t tokens[TOKENS_AT_ONCE];
    float *embedded, *read, *scale, *normed; /* [TOKENS_AT_ONCE][d_model]; scale one a row */
    float *hidden, *gate;                    /* [TOKENS_AT_ONCE][d_mlp] */
    float *between;                          /* [d_model][d_model] */
    const pb_watch *watch;
} embedder;

static bool make_embedder(embedder *e)
{
    const pb_shape *s = pb_model_shape(e->model);
    e->embedded = pb_malloc(TOKENS_AT_ONCE * s->d_model, sizeof *e->embedded);
    e->read = pb_malloc(TOKENS_AT_ONCE * s->d_model, sizeof *e->read);
    e->normed = pb_malloc(TOKENS_AT_ONCE * s->d_model, sizeof *e->normed);
    e->scale = pb_malloc(TOKENS_AT_ONCE, sizeof *e->scale);
    e->hidden = pb_malloc(TOKENS_AT_ONCE * s->d_mlp, sizeof *e->hidden);
    e->gate = pb_malloc(TOKENS_AT_ONCE * s->d_mlp, sizeof *e->gate);
    e->between = pb_calloc(s->d_model * s->d_model, sizeof *e->between);
    return e->embedded && e->read && e->normed && e->scale && e->hidden && e->gate && e->between;
}

static void free_embedder(embedder *e)
{
    free(e->embedded);
    free(e->read);
    free(e->normed);
    free(e->scale);
    free(e->hidden);
    free(e->gate);
    free(e->between);
}

static void norm_rows(embedder *e, size_t rows)
{
    const pb_shape *s = pb_model_shape(e->model);
    const pb_layer_weights *w = pb_model_layer(e->model, 0);
    size_t d = s->d_model;
    pb_model_norm_scale(e->model, rows, e->embedded, e->scale);
    if (s->rms)
        pb_rms_norm_apply(rows, d, e->embedded, d, e->scale, e->normed, d);
    else
        pb_layer_norm_apply(rows, d, e->embedded, d, e->scale, e->normed, d);
    if (w->ln2_gain)
        pb_gain_bias(rows, d, w->ln2_gain, w->ln2_bias, e->normed, d);
}

/* embedded += mlp0(ln2(embedded)) */
static pb_status add_mlp(embedder *e, size_t rows, pb_error **error)
{
    const pb_shape *s = pb_model_shape(e->model);
    const pb_layer_weights *w = pb_model_layer(e->model, 0);
    const pb_activation *act = pb_activation_find(pb_model_config(e->model)->activation_function);
    size_t d = s->d_model, m = s->d_mlp;
    norm_rows(e, rows);
    pb_status status = pb_matmul(PB_PLAIN, PB_PLAIN, rows, m, d, 1, e->normed, d, w->w_in, m, 0,
                                 e->hidden, m, e->watch, error);
    if (!status && s->gated)
        status = pb_matmul(PB_PLAIN, PB_PLAIN, rows, m, d, 1, e->normed, d, w->w_gate, m, 0,
                           e->gate, m, e->watch, error);
    if (status)
        return status;
    if (s->gated) {
        if (w->b_in)
            pb_add_bias(rows, m, e->hidden, m, w->b_in);
        pb_activate(act, rows, m, e->gate, m, w->b_gate, e->gate, m);
        pb_multiply_rows(rows, m, e->hidden, m, e->gate, m);
    } else {
        pb_activate(act, rows, m, e->hidden, m, w->b_in, e->hidden, m);
    }
    if (w->b_out)
        pb_add_bias(rows, d, e->embedded, d, w->b_out);
    return pb_matmul(PB_PLAIN, PB_PLAIN, rows, d, m, 1, e->hidden, m, w->w_out, d, 1, e->embedded,
                     d, e->watch, error);
}

/* between += (columns of W_U) (rows of E), of some tokens. */
static pb_status add_tokens(embedder *e, size_t first, size_t rows, pb_error **error)
{
    size_t d = pb_model_shape(e->model)->d_model;
    for (size_t i = 0; i < rows; i++) {
        e->tokens[i] = (int32_t)(first + i);
        pb_model_embedding(e->model, first + i, e->embedded + i * d);
    }
    pb_status status = e->effective ? add_mlp(e, rows, error) : PB_OK;
    if (!status)
        status = pb_model_unembed_columns(e->model, rows, e->tokens, e->read, NULL, error);
    if (!status)
        status = pb_matmul(PB_TRANSPOSED, PB_PLAIN, d, d, rows, 1, e->read, d, e->embedded, d, 1,
                           e->between, d, e->watch, error);
    return status;
}

pb_status pb_circuit_tokens(const pb_model *model, bool effective, float **between,
                            const pb_watch *watch, pb_error **error)
{
    size_t n_vocab = pb_model_shape(model)->n_vocab;
    embedder e = {.model = model, .effective = effective, .watch = watch};
    pb_status status = make_embedder(&e) ? pb_math_begin(0, error) : pb_fail_memory(error);
    for (size_t t = 0; !status && t < n_vocab; t += TOKENS_AT_ONCE) {
        size_t rows = n_vocab - t < TOKENS_AT_ONCE ? n_vocab - t : TOKENS_AT_ONCE;
        status = pb_watch_check(watch, error);
        if (!status)
            status = add_tokens(&e, t, rows, error);
    }
    if (!status) {
        *between = e.between;
        e.between = NULL;
    }
    free_embedder(&e);
    return status;
}
