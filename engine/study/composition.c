/*
 * Composition between heads; see study/heads.h.
 *
 * The matrices are d_model x d_model of rank d_head, and never formed. With L = A B and R = C D,
 * M = B C and the Gram matrices G_A = A^T A, G_D = D D^T (all d_head x d_head):
 *
 *     |L R|^2 = |A M D|^2 = sum((G_A M) * (M G_D))        |L|^2 = sum(G_A * (B B^T))
 */
#include <math.h>

#include "base/memory.h"
#include "math/kernels.h"
#include "math/matmul.h"
#include "study/heads.h"

/* A head's four matrices, as Grams over d_model: W_Q^T W_Q, W_K^T W_K, W_V^T W_V, W_O W_O^T. */
typedef enum gram { GRAM_Q, GRAM_K, GRAM_V, GRAM_O, N_GRAMS } gram;

typedef struct composer {
    const pb_model *model;
    const pb_shape *shape;
    pb_composition kind;
    const pb_watch *watch;
    float *grams;        /* [n_layer, n_head, N_GRAMS, d_head, d_head] */
    float *inner;        /* [d_q, d_q or d_kv]: W_O of a layer times C of a later one */
    float *left, *right; /* [d_head, d_head] */
    float *scores;       /* [n_layer, n_head, n_layer, n_head] */
} composer;

static const float *gram_of(const composer *c, size_t layer, size_t head, gram which)
{
    size_t square = c->shape->d_head * c->shape->d_head;
    return c->grams + ((layer * c->shape->n_head + head) * N_GRAMS + which) * square;
}

/* How many columns of w_qkv a matrix of all heads has, and which of them are a head's. */
static size_t columns_of(const composer *c, gram which)
{
    return which == GRAM_Q ? c->shape->d_q : c->shape->d_kv;
}

static size_t column_of(const composer *c, gram which, size_t head)
{
    size_t group = which == GRAM_Q ? 1 : c->shape->n_head / c->shape->n_kv_head;
    return head / group * c->shape->d_head;
}

/* W_Q, W_K or W_V of all heads: columns of w_qkv. */
static const float *qkv_columns(const composer *c, size_t layer, gram which)
{
    size_t before = which == GRAM_Q   ? 0
                    : which == GRAM_K ? c->shape->d_q
                                      : c->shape->d_q + c->shape->d_kv;
    return pb_model_layer(c->model, layer)->w_qkv + before;
}

static pb_status fill_grams(const composer *c, size_t layer, pb_error **error)
{
    size_t d = c->shape->d_model, n = c->shape->d_head, stride = c->shape->d_qkv;
    pb_status status = PB_OK;
    for (size_t h = 0; !status && h < c->shape->n_head; h++) {
        for (size_t g = GRAM_Q; !status && g < GRAM_O; g++) {
            const float *w = qkv_columns(c, layer, (gram)g) + column_of(c, (gram)g, h);
            status = pb_matmul(PB_TRANSPOSED, PB_PLAIN, n, n, d, 1, w, stride, w, stride, 0,
                               (float *)gram_of(c, layer, h, (gram)g), n, c->watch, error);
        }
        const float *w_o = pb_model_layer(c->model, layer)->w_o + h * n * d;
        if (!status)
            status = pb_matmul(PB_PLAIN, PB_TRANSPOSED, n, n, d, 1, w_o, d, w_o, d, 0,
                               (float *)gram_of(c, layer, h, GRAM_O), n, c->watch, error);
    }
    return status;
}

/* R = C D: the Grams of C and D. */
static void reads_with(pb_composition kind, gram *of_c, gram *of_d)
{
    *of_c = kind == PB_COMPOSE_Q ? GRAM_Q : kind == PB_COMPOSE_K ? GRAM_K : GRAM_V;
    *of_d = kind == PB_COMPOSE_Q ? GRAM_K : kind == PB_COMPOSE_K ? GRAM_Q : GRAM_O;
}

static double score_pair(const composer *c, size_t l, size_t h, size_t to_l, size_t to_h)
{
    size_t n = c->shape->d_head, square = n * n;
    gram of_c, of_d;
    reads_with(c->kind, &of_c, &of_d);
    size_t wide = columns_of(c, of_c);
    const float *m = c->inner + h * n * wide + column_of(c, of_c, to_h);
    const float *g_a = gram_of(c, l, h, GRAM_V), *g_d = gram_of(c, to_l, to_h, of_d);
    pb_matmul_small(PB_PLAIN, PB_PLAIN, n, n, n, 1, g_a, n, m, wide, 0, c->left, n);
    pb_matmul_small(PB_PLAIN, PB_PLAIN, n, n, n, 1, m, wide, g_d, n, 0, c->right, n);
    double both = pb_dot(square, c->left, c->right);
    double left = pb_dot(square, g_a, gram_of(c, l, h, GRAM_O));
    double right = pb_dot(square, gram_of(c, to_l, to_h, of_c), g_d);
    return sqrt((both > 0 ? both : 0) / (left * right));
}

static pb_status score_layers(const composer *c, size_t l, size_t to_l, pb_error **error)
{
    size_t n_head = c->shape->n_head, d = c->shape->d_model;
    gram of_c, of_d;
    reads_with(c->kind, &of_c, &of_d);
    size_t wide = columns_of(c, of_c);
    pb_status status = pb_matmul(PB_PLAIN, PB_PLAIN, c->shape->d_q, wide, d, 1,
                                 pb_model_layer(c->model, l)->w_o, d, qkv_columns(c, to_l, of_c),
                                 c->shape->d_qkv, 0, c->inner, wide, c->watch, error);
    for (size_t h = 0; !status && h < n_head; h++) {
        for (size_t to_h = 0; to_h < n_head; to_h++)
            c->scores[((l * n_head + h) * c->shape->n_layer + to_l) * n_head + to_h] =
                (float)score_pair(c, l, h, to_l, to_h);
        status = pb_watch_check(c->watch, error);
    }
    return status;
}

static pb_status score_all(const composer *c, pb_error **error)
{
    size_t n_layer = c->shape->n_layer, done = 0, total = n_layer * (n_layer - 1) / 2;
    pb_status status = PB_OK;
    for (size_t l = 0; !status && l < n_layer; l++)
        status = fill_grams(c, l, error);
    for (size_t l = 0; !status && l < n_layer; l++) {
        for (size_t to_l = l + 1; !status && to_l < n_layer; to_l++) {
            status = score_layers(c, l, to_l, error);
            pb_watch_progress(c->watch, ++done, total);
        }
    }
    return status;
}

/* ---- axes ---- */

static pb_status create_scores(composer *c, pb_tensor **scores, pb_error **error)
{
    pb_axis *axes[4] = {pb_model_axis(c->model, "layer"), pb_model_axis(c->model, "head"), NULL,
                        NULL};
    pb_status status = pb_axis_rename(axes[0], "to_layer", &axes[2], error);
    if (!status)
        status = pb_axis_rename(axes[1], "to_head", &axes[3], error);
    if (!status)
        status = pb_tensor_create(4, axes, scores, &c->scores, error);
    pb_axis_release(&axes[2]);
    pb_axis_release(&axes[3]);
    return status;
}

pb_status pb_composition_scores(const pb_model *model, pb_composition kind,
                                const pb_context *context, pb_tensor **scores, pb_error **error)
{
    const pb_shape *shape = pb_model_shape(model);
    size_t square = shape->d_head * shape->d_head;
    pb_tensor *made = NULL;
    composer c = {.model = model,
                  .shape = shape,
                  .kind = kind,
                  .watch = context ? context->watch : NULL,
                  .grams =
                      pb_malloc(shape->n_layer * shape->n_head * N_GRAMS * square, sizeof *c.grams),
                  .inner = pb_malloc(shape->d_q * shape->d_q, sizeof *c.inner),
                  .left = pb_malloc(square, sizeof *c.left),
                  .right = pb_malloc(square, sizeof *c.right)};
    pb_status status = c.grams && c.inner && c.left && c.right ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = pb_math_begin(0, error);
    if (!status)
        status = create_scores(&c, &made, error);
    if (!status)
        status = score_all(&c, error);
    free(c.grams);
    free(c.inner);
    free(c.left);
    free(c.right);
    if (status)
        pb_tensor_release(&made);
    else
        *scores = made;
    return status;
}
