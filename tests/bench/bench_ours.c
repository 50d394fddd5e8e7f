/*
 * bench_ours FOLDER: the engine, asked from another program (bench.py), so that its answers can be
 * timed in turns with those of other libraries.
 *
 * Reads lines "NAME [A] [B]" and answers each with a line of JSON: the milliseconds it took, and
 * the cells and row-layers that were computed. The first line it prints is about the model.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "math/matmul.h"
#include "subject.h"

void must(pb_status status, pb_error *error)
{
    if (!status)
        return;
    fprintf(stderr, "bench_ours: %s\n", error ? pb_error_text(error) : pb_status_name(status));
    exit(1);
}

void *need(size_t n, size_t size)
{
    pb_error *error = NULL;
    void *data = calloc(n ? n : 1, size);
    if (!data)
        must(pb_fail_memory(&error), error);
    return data;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static const struct row {
    const char *name;
    work_function *work;
} rows[] = {
    {"top", ask_top},                 /* [length] */
    {"attribution", ask_attribution}, /* two prompts, by component */
    {"heads", ask_heads},             /* two prompts, by head */
    {"patch", ask_patch},             /* [length]: every layer, one position */
    {"resid_sweep", ask_resid_sweep}, /* [length] [pairs]: layer x position */
    {"head_sweep", ask_head_sweep},   /* [length] [pairs]: layer x head */
    {"generate", ask_generate},       /* [tokens] */
    {"forward", ask_forward},         /* [length]: all logits */
    {"products", bound_products},     /* rows tries */
    {"attention", bound_attention},   /* tokens tries */
    {"read", bound_read},             /* 0 tries */
    {"copy", bound_copy},             /* 0 tries */
};

static const struct row *row_called(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    fprintf(stderr, "bench_ours: no such work: %s\n", name);
    exit(2);
}

static void answer(subject *s, const char *line)
{
    char name[32];
    size_t a = 0, b = 0;
    count counted = {0};
    if (sscanf(line, "%31s %zu %zu", name, &a, &b) < 1)
        return;
    const struct row *row = row_called(name);
    s->work = (pb_work){0};
    double start = now(), own = row->work(s, a, b, &counted), took = now() - start;
    printf("{\"ms\": %.4f, \"cells\": %zu, \"closed\": %zu, \"row_layers\": %zu, "
           "\"rows_computed\": %zu}\n",
           own > 0 ? own : took, counted.cells, counted.closed, counted.row_layers,
           s->work.mlp_rows);
}

static void introduce(const subject *s, double load_ms)
{
    const pb_shape *shape = pb_model_shape(s->model);
    char library[64];
    pb_math_library(library, sizeof library);
    printf("{\"load_ms\": %.3f, \"library\": \"%s\", \"cores\": %zu, \"layers\": %zu, "
           "\"heads\": %zu, \"width\": %zu, \"mlp\": %zu, \"words\": %zu, \"context\": %zu, "
           "\"parameters\": %zu, \"weight_bytes\": %zu}\n",
           load_ms, library, pb_math_cores(), shape->n_layer, shape->n_head, shape->d_model,
           shape->d_mlp, shape->n_vocab, shape->n_positions, pb_model_parameters(s->model),
           pb_model_memory(s->model));
}

int main(int argc, char **argv)
{
    char line[128];
    pb_error *error = NULL;
    if (argc != 2) {
        fprintf(stderr, "usage: bench_ours FOLDER\n");
        return 2;
    }
    subject s = {.context = {.scratch = pb_scratch_create()}};
    s.context.work = &s.work;
    pb_math_begin(pb_math_cores(), NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    double start = now();
    must(pb_model_load(argv[1], NULL, NULL, &s.model, &error), error);
    introduce(&s, now() - start);
    while (fgets(line, sizeof line, stdin))
        answer(&s, line);
    pb_scratch_destroy(&s.context.scratch);
    pb_model_release(&s.model);
    return 0;
}
