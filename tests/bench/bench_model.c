/*
 * bench_model FOLDER: how long loading and forward passes of a model take, beside the products
 * alone that they cannot do without. Prints the best of several tries, in milliseconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "math/matmul.h"
#include "model/forward.h"
#include "model/model.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void stop_on(pb_status status, pb_error *error)
{
    if (status == PB_OK)
        return;
    fprintf(stderr, "bench_model: %s\n", pb_error_text(error));
    exit(1);
}

static void *need(size_t count, size_t size)
{
    void *data = calloc(count, size);
    if (!data) {
        fprintf(stderr, "bench_model: out of memory\n");
        exit(1);
    }
    return data;
}

typedef struct subject {
    pb_model *model;
    pb_context context;
    size_t n; /* tokens of the prompt */
    int32_t *tokens;
    float *normed, *logits;
} subject;

/* ---- what is timed ---- */

static void forward(subject *s)
{
    pb_error *error = NULL;
    pb_sequence sequence = {.n = s->n, .tokens = s->tokens};
    pb_batch batch = {.sequences = &sequence, .n = 1};
    stop_on(pb_forward(s->model, &batch, &s->context, NULL, s->normed, &error), error);
}

/* The products of the blocks alone, on the model's own weights. */
static void bare_products(subject *s)
{
    const pb_shape *shape = pb_model_shape(s->model);
    size_t d = shape->d_model, m = shape->d_mlp;
    size_t wide = m > 3 * d ? m : 3 * d;
    float *x = need(s->n, d * sizeof *x), *y = need(s->n, wide * sizeof *y);
    double start = now();
    for (size_t layer = 0; layer < shape->n_layer; layer++) {
        const pb_layer_weights *w = pb_model_layer(s->model, layer);
        pb_matmul(PB_PLAIN, PB_PLAIN, s->n, 3 * d, d, 1, x, d, w->w_qkv, 3 * d, 0, y, 3 * d, NULL,
                  NULL);
        pb_matmul(PB_PLAIN, PB_PLAIN, s->n, d, d, 1, y, 3 * d, w->w_o, d, 0, x, d, NULL, NULL);
        pb_matmul(PB_PLAIN, PB_PLAIN, s->n, m, d, 1, x, d, w->w_in, m, 0, y, m, NULL, NULL);
        pb_matmul(PB_PLAIN, PB_PLAIN, s->n, d, m, 1, y, m, w->w_out, d, 0, x, d, NULL, NULL);
    }
    s->context.work->logit_rows += now() > start; /* keeps the products from being left out */
    free(y);
    free(x);
}

static void last_logits(subject *s)
{
    pb_error *error = NULL;
    const float *row = s->normed + (s->n - 1) * pb_model_shape(s->model)->d_model;
    stop_on(pb_unembed(s->model, 1, row, &s->context, s->logits, &error), error);
}

static void all_logits(subject *s)
{
    pb_error *error = NULL;
    stop_on(pb_unembed(s->model, s->n, s->normed, &s->context, s->logits, &error), error);
}

static double best_of(int tries, void (*work)(subject *), subject *s)
{
    double best = 1e30;
    for (int i = 0; i < tries; i++) {
        double start = now();
        work(s);
        double took = now() - start;
        best = took < best ? took : best;
    }
    return best;
}

/* ---- the table ---- */

static void bench_length(subject *s, size_t n)
{
    const pb_shape *shape = pb_model_shape(s->model);
    s->n = n;
    s->tokens = need(n, sizeof *s->tokens);
    s->normed = need(n, shape->d_model * sizeof *s->normed);
    s->logits = need(n, shape->n_vocab * sizeof *s->logits);
    for (size_t i = 0; i < n; i++)
        s->tokens[i] = (int32_t)((i * 7919 + 13) % shape->n_vocab);
    int tries = n > 100 ? 3 : 20;
    pb_math_use_threads(pb_math_cores());
    double products = best_of(tries, bare_products, s), blocks = best_of(tries, forward, s);
    printf("%5zu tokens: blocks %8.2f  products alone %8.2f  ratio %.2f  last logits %7.2f  "
           "all %8.2f\n",
           n, blocks, products, blocks / products, best_of(tries, last_logits, s),
           best_of(tries, all_logits, s));
    free(s->logits);
    free(s->normed);
    free(s->tokens);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: bench_model FOLDER\n");
        return 2;
    }
    pb_error *error = NULL;
    pb_work work = {0};
    subject s = {.context = {.scratch = pb_scratch_create(), .work = &work}};
    double start = now();
    stop_on(pb_model_load(argv[1], NULL, NULL, &s.model, &error), error);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("load %.0f ms, weights %.0f MB, peak memory %.0f MB\n", now() - start,
           (double)pb_model_memory(s.model) / 1e6, (double)usage.ru_maxrss / 1e3);
    const size_t lengths[] = {1, 8, 16, 64, 256, 1024};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        if (lengths[i] <= pb_model_shape(s.model)->n_positions)
            bench_length(&s, lengths[i]);
    pb_scratch_destroy(&s.context.scratch);
    pb_model_release(&s.model);
    return 0;
}
