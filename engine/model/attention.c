/*
 * Attention: softmax(q k^T scale, causal) v, a head and a tile of queries at a time, so that scores
 * stay in the cache and are never all in memory. Where a hook wants scores or pattern, all heads of
 * a tile are laid side by side for it. z is written over q, which nobody reads after.
 */
#include <math.h>
#include <string.h>

#include "cache.h"
#include "math/matmul.h"
#include "pass.h"
#include "worker.h"

enum {
    TILE = 64,               /* queries that share a pass over the keys */
    SMALL_PRODUCT = 1 << 16, /* multiplications below which our own loops are faster */
    SHOWN_SCORES = 1 << 22,  /* scores laid out for a hook at once */
    WORTH_THREADS = 1 << 17  /* multiplications of a layer's attention */
};

/* A head's share of a tile: the keys are `n_past` of a cache, then `n_own` of the sequence. */
typedef struct tile {
    const pb_pass *pass;
    size_t head;
    float *q;                     /* [n, d_head], query_stride apart; becomes z */
    const pb_row *rows;           /* [n] */
    size_t n, first;              /* queries; the position of the sequence's first own row */
    const float *past_k, *past_v; /* [n_past, d_head], d_kv apart */
    size_t n_past;
    const float *own_k, *own_v; /* [n_own, d_head], qkv_stride apart */
    size_t n_own;
} tile;

static pb_status multiply_head(pb_transpose trans_b, size_t m, size_t n, size_t k, float alpha,
                               const float *a, size_t lda, const float *b, size_t ldb, float beta,
                               float *c, size_t ldc)
{
    if (m * n * k > SMALL_PRODUCT)
        return pb_matmul(PB_PLAIN, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, NULL,
                         NULL);
    pb_matmul_small(PB_PLAIN, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    return PB_OK;
}

/* ---- a tile's three steps ---- */

/* scores [n, ld] = scale q k^T over the keys of past and sequence, masked or not. */
static pb_status tile_scores(const tile *t, float *scores, size_t ld)
{
    size_t d_head = t->pass->model->shape.d_head, d_kv = t->pass->model->shape.d_kv;
    size_t stride = t->pass->query_stride;
    float scale = t->pass->model->layers[t->pass->layer].attn_scale;
    pb_status status = PB_OK;
    if (t->n_past > 0)
        status = multiply_head(PB_TRANSPOSED, t->n, t->n_past, d_head, scale, t->q, stride,
                               t->past_k, d_kv, 0.0f, scores, ld);
    if (!status)
        status = multiply_head(PB_TRANSPOSED, t->n, t->n_own, d_head, scale, t->q, stride, t->own_k,
                               t->pass->qkv_stride, 0.0f, scores + t->n_past, ld);
    return status;
}

/* Writes `value` over the scores of the keys after each query. */
static void tile_mask(const tile *t, float *scores, size_t ld, size_t n_keys, float value)
{
    for (size_t r = 0; r < t->n; r++)
        for (size_t key = t->rows[r].position + 1; key < n_keys; key++)
            scores[r * ld + key] = value;
}

/* z [n, d_head] = pattern v, over q. */
static pb_status tile_mix(const tile *t, const float *pattern, size_t ld)
{
    size_t d_head = t->pass->model->shape.d_head, d_kv = t->pass->model->shape.d_kv;
    size_t stride = t->pass->query_stride;
    pb_status status = PB_OK;
    if (t->n_past > 0)
        status = multiply_head(PB_PLAIN, t->n, d_head, t->n_past, 1.0f, pattern, ld, t->past_v,
                               d_kv, 0.0f, t->q, stride);
    if (!status)
        status =
            multiply_head(PB_PLAIN, t->n, d_head, t->n_own, 1.0f, pattern + t->n_past, ld, t->own_v,
                          t->pass->qkv_stride, t->n_past > 0 ? 1.0f : 0.0f, t->q, stride);
    return status;
}

/* Scores, softmax and mix, over the keys that some query of the tile sees. */
static pb_status attend_tile(const tile *t, float *scores)
{
    size_t ld = t->n_past + t->n_own;
    pb_status status = tile_scores(t, scores, ld);
    for (size_t r = 0; !status && r < t->n; r++) {
        float *row = scores + r * ld;
        size_t seen = t->rows[r].position + 1;
        pb_softmax_row(seen, row);
        memset(row + seen, 0, (ld - seen) * sizeof *row);
    }
    return status ? status : tile_mix(t, scores, ld);
}

/* ---- which tiles there are ---- */

/* n queries of a sequence from its query `start`, all its keys. */
static tile make_tile(const pb_pass *pass, const pb_active *a, size_t head, size_t start, size_t n)
{
    const pb_sequence *s = &pass->batch->sequences[a->sequence];
    const pb_shape *shape = &pass->model->shape;
    size_t column = head / (shape->n_head / shape->n_kv_head) * shape->d_head;
    size_t query = a->query + start, own = a->row * pass->qkv_stride + column;
    tile t = {.pass = pass,
              .head = head,
              .q = pass->queries + query * pass->query_stride + head * shape->d_head,
              .rows = pass->query_rows + query,
              .n = n,
              .first = s->first,
              .n_past = s->first,
              .own_k = pass->keys + own,
              .own_v = pass->values + own,
              .n_own = a->n};
    if (s->first > 0) {
        t.past_k = pb_cache_row(s->past, pass->layer, PB_CACHE_ROT_K, 0) + column;
        t.past_v = pb_cache_v(s->past, pass->layer) + column;
    }
    return t;
}

/* A tile without the keys that come after its last query. */
static void trim_keys(tile *t)
{
    t->n_own = t->rows[t->n - 1].position - t->first + 1;
}

/* One piece of work for a thread. */
typedef struct task {
    size_t active, head, start, n;
} task;

static size_t count_tasks(const pb_pass *pass, size_t *most_keys, size_t *multiplications)
{
    size_t tasks = 0, d_q = pass->model->shape.d_q;
    for (size_t i = 0; i < pass->n_active; i++) {
        const pb_active *a = &pass->active[i];
        size_t keys = pass->batch->sequences[a->sequence].first + a->n;
        if (keys > *most_keys)
            *most_keys = keys;
        *multiplications += 2 * a->n_queries * keys * d_q;
        tasks += (a->n_queries + TILE - 1) / TILE * pass->model->shape.n_head;
    }
    return tasks;
}

/* Late queries first: they see the most keys, and the last task to end should be a short one. */
static void list_tasks(const pb_pass *pass, task *tasks)
{
    for (size_t i = 0; i < pass->n_active; i++) {
        size_t n = pass->active[i].n_queries;
        for (size_t tiles = (n + TILE - 1) / TILE; tiles > 0; tiles--) {
            size_t start = (tiles - 1) * TILE;
            for (size_t head = 0; head < pass->model->shape.n_head; head++)
                *tasks++ = (task){i, head, start, n - start < TILE ? n - start : TILE};
        }
    }
}

static pb_status run_task(const pb_pass *pass, const task *job, float *scores)
{
    if (pb_watch_stopped(pass->watch))
        return PB_INTERRUPTED;
    tile t = make_tile(pass, &pass->active[job->active], job->head, job->start, job->n);
    trim_keys(&t);
    return attend_tile(&t, scores);
}

/* An error for a status that came out of a thread. */
static pb_status report(pb_status status, pb_error **error)
{
    if (!status)
        return PB_OK;
    return status == PB_INTERRUPTED ? pb_watch_fail(error) : pb_fail_memory(error);
}

static pb_status attend_in_tiles(pb_pass *pass, pb_error **error)
{
    size_t most_keys = 0, multiplications = 0;
    size_t n = count_tasks(pass, &most_keys, &multiplications);
    void *tasks_data;
    float *scores;
    pb_status status =
        pb_scratch_need(pass->scratch, PB_BUFFER_TASKS, n, sizeof(task), &tasks_data, error);
    if (!status)
        status = pb_scratch_floats(pass->scratch, PB_BUFFER_SCORES, pass->model->threads * TILE,
                                   most_keys, &scores, error);
    if (status)
        return status;
    task *tasks = tasks_data;
    list_tasks(pass, tasks);
    int worst = PB_OK;
#pragma omp parallel for schedule(dynamic) reduction(max                                           \
                                                     : worst) if (multiplications > WORTH_THREADS)
    for (size_t i = 0; i < n; i++) {
        float *own = scores + worker_index() * TILE * most_keys;
        int got = (int)run_task(pass, &tasks[i], own);
        worst = got > worst ? got : worst;
    }
    return report((pb_status)worst, error);
}

/* ---- scores and pattern laid out for hooks ---- */

typedef struct shown {
    pb_pass *pass;
    const pb_active *active;
    size_t start, n, n_keys; /* queries of the sequence; keys */
    float *scores;           /* [head, n, n_keys] */
    bool scores_wanted, pattern_wanted;
} shown;

static pb_view view_of(const shown *s)
{
    return (pb_view){.data = s->scores,
                     .n_rows = s->n,
                     .n_heads = s->pass->model->shape.n_head,
                     .width = s->n_keys,
                     .row_stride = s->n_keys,
                     .head_stride = s->n * s->n_keys,
                     .rows = s->pass->query_rows + s->active->query + s->start};
}

static tile shown_tile(const shown *s, size_t head)
{
    return make_tile(s->pass, s->active, head, s->start, s->n);
}

static pb_status shown_scores(const shown *s)
{
    int worst = PB_OK;
#pragma omp parallel for schedule(static) reduction(max : worst)
    for (size_t head = 0; head < s->pass->model->shape.n_head; head++) {
        tile t = shown_tile(s, head);
        float *scores = s->scores + head * s->n * s->n_keys;
        int got = (int)tile_scores(&t, scores, s->n_keys);
        worst = got > worst ? got : worst;
        tile_mask(&t, scores, s->n_keys, s->n_keys, -INFINITY);
    }
    return (pb_status)worst;
}

static void mask_again(const shown *s, float value)
{
    for (size_t head = 0; head < s->pass->model->shape.n_head; head++) {
        tile t = shown_tile(s, head);
        tile_mask(&t, s->scores + head * s->n * s->n_keys, s->n_keys, s->n_keys, value);
    }
}

static pb_status shown_mix(const shown *s)
{
    int worst = PB_OK;
#pragma omp parallel for schedule(static) reduction(max : worst)
    for (size_t head = 0; head < s->pass->model->shape.n_head; head++) {
        tile t = shown_tile(s, head);
        int got = (int)tile_mix(&t, s->scores + head * s->n * s->n_keys, s->n_keys);
        worst = got > worst ? got : worst;
    }
    return (pb_status)worst;
}

/* Shows the scores or the pattern, masking after each hook what it may have written there. */
static pb_status show_masked(const shown *s, pb_site site, float masked, pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < s->pass->batch->n_hooks; i++) {
        status = pb_pass_show_to(s->pass, i, site, view_of(s), error);
        mask_again(s, masked);
    }
    return status;
}

static pb_status attend_shown(const shown *s, pb_error **error)
{
    size_t rows = s->pass->model->shape.n_head * s->n;
    pb_status status = pb_watch_check(s->pass->watch, error);
    if (!status)
        status = report(shown_scores(s), error);
    if (!status && s->scores_wanted)
        status = show_masked(s, PB_SITE_ATTN_SCORES, -INFINITY, error);
    if (status)
        return status;
    pb_softmax(rows, s->n_keys, s->scores, s->n_keys);
    status = pb_watch_check(s->pass->watch, error);
    if (!status && s->pattern_wanted)
        status = show_masked(s, PB_SITE_PATTERN, 0.0f, error);
    return status ? status : report(shown_mix(s), error);
}

static pb_status attend_for_hooks(pb_pass *pass, pb_error **error)
{
    shown s = {.pass = pass,
               .scores_wanted = pb_pass_wants(pass, PB_SITE_ATTN_SCORES),
               .pattern_wanted = pb_pass_wants(pass, PB_SITE_PATTERN)};
    size_t n_head = pass->model->shape.n_head;
    for (size_t i = 0; i < pass->n_active; i++) {
        s.active = &pass->active[i];
        s.n_keys = pass->batch->sequences[s.active->sequence].first + s.active->n;
        size_t most = SHOWN_SCORES / (n_head * s.n_keys) + 1;
        for (s.start = 0; s.start < s.active->n_queries; s.start += s.n) {
            size_t left = s.active->n_queries - s.start;
            s.n = left < most || pass->batch->whole ? left : most;
            pb_status status = pb_scratch_floats(pass->scratch, PB_BUFFER_SCORES, n_head * s.n,
                                                 s.n_keys, &s.scores, error);
            if (!status)
                status = attend_shown(&s, error);
            if (status)
                return status;
        }
    }
    return PB_OK;
}

pb_status pb_pass_attend(pb_pass *pass, pb_error **error)
{
    if (pb_pass_wants(pass, PB_SITE_ATTN_SCORES) || pb_pass_wants(pass, PB_SITE_PATTERN))
        return attend_for_hooks(pass, error);
    return attend_in_tiles(pass, error);
}
