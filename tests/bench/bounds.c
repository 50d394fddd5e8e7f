/*
 * What the machine can do, measured on the model's own weights: the library's matrix products, and
 * reading memory. Both stream all layers, as a forward pass does.
 */
#include <stdlib.h>
#include <time.h>

#include "matmul_library.h"
#include "subject.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* y [rows, out] = x [rows, in] w [in, out] */
static void product(size_t rows, size_t in, size_t out, const float *x, const float *w, float *y)
{
    pb_error *error = NULL;
    must(pb_library_sgemm(PB_PLAIN, PB_PLAIN, rows, out, in, 1, x, in, w, out, 0, y, out, &error),
         error);
}

static void all_products(const subject *s, size_t rows, const float *x, float *y)
{
    const pb_shape *shape = pb_model_shape(s->model);
    size_t d = shape->d_model, m = shape->d_mlp, inner = shape->n_head * shape->d_head;
    for (size_t layer = 0; layer < shape->n_layer; layer++) {
        const pb_layer_weights *w = pb_model_layer(s->model, layer);
        product(rows, d, 3 * inner, x, w->w_qkv, y);
        product(rows, inner, d, x, w->w_o, y);
        product(rows, d, m, x, w->w_in, y);
        product(rows, m, d, x, w->w_out, y);
    }
}

double bound_products(subject *s, size_t a, size_t b, count *counted)
{
    const pb_shape *shape = pb_model_shape(s->model);
    size_t rows = a ? a : 1, inner = 3 * shape->n_head * shape->d_head;
    size_t widest = shape->d_mlp > inner ? shape->d_mlp : inner;
    float *x = need(rows * widest, sizeof *x), *y = need(rows * widest, sizeof *y);
    for (size_t i = 0; i < rows * widest; i++)
        x[i] = (float)(i % 17) - 8.0f;
    double best = 1e30;
    for (size_t i = 0; i < b + 1; i++) { /* the first try warms up */
        double start = now();
        all_products(s, rows, x, y);
        double took = now() - start;
        best = i > 0 && took < best ? took : best;
    }
    counted->row_layers = rows * shape->n_layer;
    free(y);
    free(x);
    return best;
}

static double total(size_t n, const float *values)
{
    double sum = 0;
#pragma omp parallel for simd reduction(+ : sum) schedule(static)
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return sum;
}

/* The layers' matrices; `cells` is the bytes read. */
double bound_read(subject *s, size_t a, size_t b, count *counted)
{
    (void)a;
    const pb_shape *shape = pb_model_shape(s->model);
    size_t d = shape->d_model, m = shape->d_mlp, inner = shape->n_head * shape->d_head;
    volatile double sink = 0; /* keeps the sums from being left out */
    double best = 1e30;
    for (size_t i = 0; i < b + 1; i++) {
        double start = now();
        for (size_t layer = 0; layer < shape->n_layer; layer++) {
            const pb_layer_weights *w = pb_model_layer(s->model, layer);
            sink = sink + total(3 * d * inner, w->w_qkv) + total(d * inner, w->w_o) +
                   total(d * m, w->w_in) + total(m * d, w->w_out);
        }
        double took = now() - start;
        best = i > 0 && took < best ? took : best;
    }
    counted->cells = sizeof(float) * shape->n_layer * (4 * d * inner + 2 * d * m);
    return best;
}
