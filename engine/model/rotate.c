/*
 * Rotary positions: the dimensions i and i + rotary_dim / 2 of a head are turned by an angle that
 * grows with the position. It is done after the hooks at q and k, so that those are what W_Q and
 * W_K give; the hooks at rot_q and rot_k see the rest.
 *
 * As transformers computes it, frequencies and angles are float32: models were trained with those.
 */
#include "rotate.h"

#include <math.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

static const double PI = 3.14159265358979323846;

/* ---- frequencies ---- */

/* Llama 3's: long waves are stretched, short ones stay, those between go over smoothly. */
static double stretch_by_length(const pb_rope *rope, double frequency)
{
    double wave = 2 * PI / frequency, context = (double)rope->original;
    if (wave > context / rope->low)
        return frequency / rope->factor;
    if (wave < context / rope->high)
        return frequency;
    double smooth = (context / wave - rope->low) / (rope->high - rope->low);
    return (1 - smooth) * frequency / rope->factor + smooth * frequency;
}

/* The scalings by the names that config.json has for them. */
static const struct {
    const char *name;
    pb_rope_scaling scaling;
} scalings[] = {
    {"default", PB_ROPE_PLAIN},
    {"linear", PB_ROPE_LINEAR},
    {"llama3", PB_ROPE_BY_LENGTH},
};

enum { N_SCALINGS = sizeof scalings / sizeof *scalings };

static pb_status find_scaling(const pb_config *c, pb_rope_scaling *scaling, pb_error **error)
{
    pb_buffer known = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < N_SCALINGS; i++) {
        if (strcmp(scalings[i].name, c->rope_type) == 0) {
            *scaling = scalings[i].scaling;
            pb_buffer_free(&known);
            return PB_OK;
        }
        pb_buffer_format(&known, "%s\"%s\"", i ? ", " : "", scalings[i].name);
    }
    pb_status status = pb_fail(error, PB_UNSUPPORTED,
                               "the rope scaling \"%s\" in '%s' is not known; expected one of %s",
                               c->rope_type, c->path, known.data ? known.data : "others");
    pb_buffer_free(&known);
    return status;
}

static pb_status check_scaling(const pb_config *c, const pb_rope *rope, pb_error **error)
{
    if (!(rope->factor > 0))
        return pb_fail(error, PB_FORMAT,
                       "'%s': the rope scaling's factor is %g, and a number above 0 was expected",
                       c->path, rope->factor);
    if (rope->scaling != PB_ROPE_BY_LENGTH)
        return PB_OK;
    if (rope->original > 0 && rope->low > 0 && rope->high > rope->low)
        return PB_OK;
    return pb_fail(error, PB_FORMAT,
                   "'%s': the rope scaling has low_freq_factor %g, high_freq_factor %g and "
                   "original_max_position_embeddings %zu; expected two numbers above 0, the second "
                   "the larger, and a context",
                   c->path, rope->low, rope->high, rope->original);
}

static void fill_frequencies(const pb_rope *rope, size_t rotary_dim, float *frequencies)
{
    for (size_t i = 0; i < rotary_dim / 2; i++) {
        double frequency = pow(rope->base, -2.0 * (double)i / (double)rotary_dim);
        switch (rope->scaling) {
        case PB_ROPE_PLAIN: break;
        case PB_ROPE_LINEAR: frequency /= rope->factor; break;
        case PB_ROPE_BY_LENGTH: frequency = stretch_by_length(rope, frequency); break;
        }
        frequencies[i] = (float)frequency;
    }
}

pb_status pb_rope_create(const pb_config *c, size_t rotary_dim, float **frequencies,
                         pb_error **error)
{
    pb_rope rope = {.base = c->rope_theta,
                    .factor = c->rope_factor,
                    .low = c->rope_low,
                    .high = c->rope_high,
                    .original = c->rope_original};
    if (rotary_dim == 0)
        return PB_OK;
    pb_status status = find_scaling(c, &rope.scaling, error);
    if (!status)
        status = check_scaling(c, &rope, error);
    if (status)
        return status;
    *frequencies = pb_malloc(rotary_dim / 2, sizeof **frequencies);
    if (!*frequencies)
        return pb_fail_memory(error);
    fill_frequencies(&rope, rotary_dim, *frequencies);
    return PB_OK;
}

/* ---- a pass ---- */

/* The positions that the batch's rows have. */
static void find_positions(const pb_batch *batch, size_t *first, size_t *end)
{
    *first = SIZE_MAX;
    *end = 0;
    for (size_t i = 0; i < batch->n; i++) {
        const pb_sequence *s = &batch->sequences[i];
        *first = s->first < *first ? s->first : *first;
        *end = s->first + s->n > *end ? s->first + s->n : *end;
    }
}

/* Cosines and sines of all positions that may come, [positions, rotary_dim]. */
pb_status pb_pass_start_rotation(pb_pass *pass, pb_error **error)
{
    size_t half = pass->model->shape.rotary_dim / 2, first, end;
    if (half == 0)
        return PB_OK;
    find_positions(pass->batch, &first, &end);
    pass->turns_first = first;
    pb_status status = pb_scratch_floats(pass->scratch, PB_BUFFER_TURNS, end - first, 2 * half,
                                         &pass->turns, error);
    for (size_t p = first; !status && p < end; p++) {
        float *turn = pass->turns + (p - first) * 2 * half;
        for (size_t i = 0; i < half; i++) {
            double angle = (double)((float)p * pass->model->frequencies[i]);
            turn[i] = (float)cos(angle);
            turn[half + i] = (float)sin(angle);
        }
    }
    return status;
}

/* One head's x [d_head] by the turn [rotary_dim] of its position. */
static void turn_head(size_t half, const float *turn, float *x)
{
    for (size_t i = 0; i < half; i++) {
        float a = x[i], b = x[half + i];
        x[i] = a * turn[i] - b * turn[half + i];
        x[half + i] = b * turn[i] + a * turn[half + i];
    }
}

static void turn_rows(const pb_pass *pass, const pb_row *rows, size_t n, size_t n_heads,
                      float *data, size_t stride)
{
    size_t d_head = pass->model->shape.d_head, half = pass->model->shape.rotary_dim / 2;
#pragma omp parallel for schedule(static) if (n * n_heads * half > 1 << 16)
    for (size_t r = 0; r < n; r++) {
        const float *turn = pass->turns + (rows[r].position - pass->turns_first) * 2 * half;
        for (size_t head = 0; head < n_heads; head++)
            turn_head(half, turn, data + r * stride + head * d_head);
    }
}

void pb_pass_rotate(pb_pass *pass)
{
    const pb_shape *s = &pass->model->shape;
    turn_rows(pass, pass->query_rows, pass->n_queries, s->n_head, pass->queries,
              pass->query_stride);
    turn_rows(pass, pass->rows, pass->n_rows, s->n_kv_head, pass->keys, pass->qkv_stride);
}
