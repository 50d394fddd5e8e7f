/*
 * What the machine can do, measured on the model's own weights: the library's matrix products,
 * reading memory, and bringing files into it. The first two stream all layers, as a forward pass
 * does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "io/file.h"
#include "io/safetensors.h"
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
        product(rows, d, shape->d_qkv, x, w->w_qkv, y);
        product(rows, inner, d, x, w->w_o, y);
        product(rows, d, m, x, w->w_in, y);
        if (w->w_gate)
            product(rows, d, m, x, w->w_gate, y);
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

enum { QUERIES = 64 }; /* rows of a product of attention: the scores of as many stay in a cache */

/* One head's scores and mix, q k^T and pattern v, for QUERIES queries and the keys that they see.
 */
static void attention_products(size_t n, size_t d_head, size_t ld, const float *qkv, size_t d,
                               float *scores, float *z)
{
    pb_error *error = NULL;
    for (size_t first = 0; first < n; first += QUERIES) {
        size_t rows = n - first < QUERIES ? n - first : QUERIES, keys = first + rows;
        must(pb_library_sgemm(PB_PLAIN, PB_TRANSPOSED, rows, keys, d_head, 1, qkv + first * ld, ld,
                              qkv + d, ld, 0, scores, keys, &error),
             error);
        must(pb_library_sgemm(PB_PLAIN, PB_PLAIN, rows, d_head, keys, 1, scores, keys, qkv + 2 * d,
                              ld, 0, z, d_head, &error),
             error);
    }
}

/* Attention's products of all layers for one prompt of `a` tokens, heads on threads. */
double bound_attention(subject *s, size_t a, size_t b, count *counted)
{
    const pb_shape *shape = pb_model_shape(s->model);
    size_t n = a ? a : 1, d = shape->d_q, ld = shape->d_qkv;
    float *qkv = need(n * ld, sizeof *qkv);
    for (size_t i = 0; i < n * ld; i++)
        qkv[i] = (float)(i % 17) / 16.0f - 0.5f;
    double best = 1e30;
    for (size_t i = 0; i < b + 1; i++) { /* the first try warms up */
        double start = now();
        for (size_t layer = 0; layer < shape->n_layer; layer++) {
#pragma omp parallel for schedule(dynamic)
            for (size_t head = 0; head < shape->n_head; head++) {
                float *scores = need(QUERIES * (n + shape->d_head), sizeof *scores);
                attention_products(n, shape->d_head, ld, qkv + head * shape->d_head, d, scores,
                                   scores + QUERIES * n);
                free(scores);
            }
        }
        double took = now() - start;
        best = i > 0 && took < best ? took : best;
    }
    counted->row_layers = n * shape->n_layer;
    free(qkv);
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
            sink = sink + total(d * shape->d_qkv, w->w_qkv) + total(d * inner, w->w_o) +
                   total(d * m, w->w_in) + total(m * d, w->w_out) +
                   (w->w_gate ? total(d * m, w->w_gate) : 0);
        }
        double took = now() - start;
        best = i > 0 && took < best ? took : best;
    }
    counted->cells = sizeof(float) * shape->n_layer *
                     (d * shape->d_qkv + d * inner + (shape->gated ? 3 : 2) * d * m);
    return best;
}

/* ---- loading ---- */

enum { PIECE = 1 << 20 };

/* One file into memory that nobody has touched, in large pages if the system has them. */
static double copy_file(const char *path, size_t *bytes)
{
    int file = -1;
    uint64_t size = 0;
    pb_error *error = NULL;
    must(pb_file_open(path, &file, &size, &error), error);
    double start = now();
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        must(pb_fail_memory(&error), error);
    madvise(memory, size, MADV_HUGEPAGE);
    size_t pieces = (size + PIECE - 1) / PIECE, failed = 0;
#pragma omp parallel for schedule(dynamic) reduction(+ : failed)
    for (size_t i = 0; i < pieces; i++) {
        uint64_t at = (uint64_t)i * PIECE;
        size_t length = size - at < PIECE ? (size_t)(size - at) : PIECE;
        if (pb_file_read_at(file, path, at, memory + at, length, NULL))
            failed++;
    }
    double took = now() - start;
    if (failed)
        must(pb_fail(&error, PB_IO, "cannot read '%s'", path), error);
    munmap(memory, size);
    close(file);
    *bytes += size;
    return took;
}

/* `cells` is the bytes copied. */
double bound_copy(subject *s, size_t a, size_t b, count *counted)
{
    (void)a;
    pb_weights *weights = NULL;
    pb_error *error = NULL;
    double best = 1e30;
    must(pb_weights_open(pb_model_path(s->model), &weights, &error), error);
    for (size_t i = 0; i < b + 1; i++) { /* the first try fills the system's cache */
        const char *last = "";
        double took = 0;
        counted->cells = 0;
        for (size_t k = 0; k < pb_weights_count(weights); k++) { /* in the order of the files */
            const char *file = pb_weights_at(weights, k)->file;
            if (strcmp(file, last) != 0)
                took += copy_file(file, &counted->cells);
            last = file;
        }
        best = i > 0 && took < best ? took : best;
    }
    pb_weights_close(&weights);
    return best;
}
