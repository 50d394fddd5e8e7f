/*
 * One forward pass in progress: which sequences are in it, where their rows lie, and the buffers.
 * batch.c brings sequences in and lets rows go, attention.c and blocks.c compute, hooks.c shows.
 */
#ifndef PB_MODEL_PASS_H
#define PB_MODEL_PASS_H

#include "model/forward.h"
#include "model_internal.h"
#include "scratch.h"

/* A sequence that has entered. */
typedef struct pb_active {
    size_t sequence;         /* index into the batch */
    size_t row, n;           /* its rows in `resid` and `qkv` */
    size_t query, n_queries; /* its rows in `queries`: the same, but for the last layer's */
    bool ready;              /* it brought q, k and v into this layer */
} pb_active;

typedef struct pb_pass {
    const pb_model *model;
    const pb_batch *batch;
    const pb_watch *watch;
    pb_scratch *scratch;
    pb_work *work; /* never NULL */
    void *caller;
    size_t layer, stop;
    size_t block; /* rows that go through a product together */

    pb_active *active;
    size_t n_active;
    pb_row *rows; /* [n_rows] */
    size_t n_rows;
    float *resid; /* [n_rows, d_model] */
    float *qkv;   /* [n_rows, d_qkv] */
    /* k and v of the rows, qkv_stride apart: a place in qkv each. */
    float *keys, *values;
    size_t qkv_stride;

    /* The rows that attend: their q, and when attention is done z in its place. These are all rows,
     * as they lie in qkv; in the last layer only the rows asked for, in a buffer of their own. */
    float *queries;
    size_t query_stride, n_queries;
    const pb_row *query_rows;
    const size_t *kept; /* [n_queries] which of all rows they are; NULL when all are */

    float *normed, *hidden, *out, *scale; /* [block, ...] */
    float *linear;                        /* [block, d_mlp], of a gated MLP */

    /* What attention wrote while the MLP reads the stream before it, [n_rows, d_model]; NULL where
     * it writes into the stream. */
    float *beside;

    /* Cosines and sines of the positions from turns_first on, [positions, rotary_dim]. */
    float *turns;
    size_t turns_first;
} pb_pass;

/* ---- batch.c ---- */

/* Checks the batch and gets the buffers. */
pb_status pb_pass_start(pb_pass *pass, pb_error **error);
/* Lets in the sequences that enter at the current layer, before it or at its middle. The rows of
 * those that bring q, k and v come last; *computed is how many rows come before them. The stream of
 * rows that enter from tokens is left to pb_pass_embed(). */
void pb_pass_admit(pb_pass *pass, bool mid, size_t *computed);
/* Decides which rows attend in this layer; before q is computed. */
pb_status pb_pass_choose_queries(pb_pass *pass, pb_error **error);
/* Copies the q, k and v that sequences brought along; after the others' are computed. */
void pb_pass_take_ready(pb_pass *pass);
/* Fills the caches of sequences that keep theirs: with what the rows were projected to, and with
 * keys as attention reads them, rotated. */
void pb_pass_keep(pb_pass *pass);
void pb_pass_keep_rotated(pb_pass *pass);
/* Lets go of the rows that did not attend. */
void pb_pass_drop(pb_pass *pass);

/* ---- hooks.c ---- */

bool pb_pass_wants(const pb_pass *pass, pb_site site);
/* Shows an activation to the hooks that want it; `site` and `layer` are filled in. */
pb_status pb_pass_show(const pb_pass *pass, pb_site site, pb_view view, pb_error **error);
/* The same to one of the batch's hooks. */
pb_status pb_pass_show_to(const pb_pass *pass, size_t which, pb_site site, pb_view view,
                          pb_error **error);
/* The same for n rows without heads, `width` apart, the first of which is `first` in `rows`. */
pb_status pb_pass_show_rows(const pb_pass *pass, pb_site site, const pb_row *rows, size_t n,
                            float *data, size_t width, pb_error **error);

/* ---- blocks.c, attention.c ---- */

/* The stream of those rows from `first_row` on that enter from tokens. */
pb_status pb_pass_embed(pb_pass *pass, size_t first_row, pb_error **error);
/* q, k, v of the rows before `computed`. */
pb_status pb_pass_project(pb_pass *pass, size_t computed, pb_error **error);
/* Turns q and k by their positions, and shows them again. */
pb_status pb_pass_turn(pb_pass *pass, pb_error **error);
pb_status pb_pass_attend(pb_pass *pass, pb_error **error);
/* z through W_O into the stream. */
pb_status pb_pass_write_attention(pb_pass *pass, pb_error **error);
pb_status pb_pass_mlp(pb_pass *pass, pb_error **error);
/* ln_final of rows [n, d_model] with the hooks at it; `rows` says which they are. */
pb_status pb_pass_final_norm(pb_pass *pass, const pb_row *rows, size_t n, const float *resid,
                             float *normed, pb_error **error);

#endif
