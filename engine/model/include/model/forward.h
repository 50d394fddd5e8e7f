/*
 * The forward pass: one function for a single prompt, a batch of prompts of different lengths, a
 * patch sweep that enters in the middle, one layer computed again, and generation.
 *
 * A batch is a list of sequences. A sequence is a run of rows, the positions first, first + 1, ...
 * of one prompt; keys and values of the positions before `first` come from a cache, which several
 * sequences may share. All rows of all sequences are one matrix [rows, d_model] for layer norm,
 * products and MLP: nothing is padded. Attention goes sequence by sequence; sequences that share a
 * cache and `first` attend to it together.
 *
 * A row is one position of one sequence. A row-layer is one row through one layer: the unit in
 * which work is counted, and in which the cost of a sweep is told. A piece is some consecutive rows
 * of those with which a sequence enters in the middle.
 */
#ifndef PB_MODEL_FORWARD_H
#define PB_MODEL_FORWARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/watch.h"
#include "model/model.h"
#include "model/sites.h"

/* ---- context: what goes along with every computation ---- */

/* Work buffers, kept between calls and grown to need. One per computing thread at a time. */
typedef struct pb_scratch pb_scratch;

pb_scratch *pb_scratch_create(void); /* NULL when memory is out */
size_t pb_scratch_bytes(const pb_scratch *scratch);
void pb_scratch_destroy(pb_scratch **scratch);

/* What was computed, in row-layers. Added to, never reset. */
typedef struct pb_work {
    size_t qkv_rows;   /* rows whose q, k, v were computed (layer norm and product) */
    size_t mlp_rows;   /* rows that went through an MLP, and so through the layer */
    size_t logit_rows; /* rows unembedded to the whole vocabulary */
} pb_work;

typedef struct pb_context {
    const pb_watch *watch; /* may be NULL; polled at least every 50 ms, progress is not reported */
    pb_scratch *scratch;   /* may be NULL: one is made for the call */
    pb_work *work;         /* may be NULL */
    void *caller;          /* passed on to hooks, for those that call a user's function */
} pb_context;

/* ---- keys and values of positions already computed ---- */

/*
 * For each layer v and k as attention reads it, and if asked for q and k before rotation, rows
 * [capacity, d_kv] and [capacity, d_q]. Written by pb_forward() through a sequence's `keep`; after
 * that only read, from any number of threads.
 */
typedef struct pb_cache pb_cache;

pb_status pb_cache_create(const pb_model *model, size_t capacity, bool with_q, pb_cache **cache,
                          pb_error **error);
pb_cache *pb_cache_retain(pb_cache *cache);
void pb_cache_release(pb_cache **cache);
size_t pb_cache_capacity(const pb_cache *cache);
size_t pb_cache_bytes(const pb_cache *cache);
const float *pb_cache_k(const pb_cache *cache, size_t layer); /* [capacity, d_kv], before
                                                                    rotation; NULL if not kept */
const float *pb_cache_v(const pb_cache *cache, size_t layer);
const float *pb_cache_q(const pb_cache *cache,
                        size_t layer); /* [capacity, d_q]; NULL unless made with_q */

/* ---- hooks ---- */

/* Which position of which sequence (index into the batch) a row is. */
typedef struct pb_row {
    size_t sequence, position;
} pb_row;

/*
 * A window on an activation while the forward pass is at it. The value of head h at row r is
 *     data[r * row_stride + h * head_stride + i],  i < width,
 * with n_heads = 1 where the site has no heads. At sites that have keys the rows are queries,
 * all of one sequence, and i is the key's position, 0 <= i < width; keys after the query are masked
 * (-inf in scores, 0 in a pattern) and are masked again after an edit. What is written is what the
 * pass goes on with.
 *
 * A site may be shown in several views; every row that is computed is in exactly one. Rows that
 * nothing asks for (pb_sequence.wanted) are not computed in the last layer after their k and v.
 */
typedef struct pb_view {
    pb_site site;
    size_t layer; /* 0 for sites without layers */
    float *data;
    size_t n_rows, n_heads, width;
    size_t row_stride, head_stride;
    const pb_row *rows; /* [n_rows] */
    void *caller;       /* of the context */
} pb_view;

/*
 * Called on the computing thread. `wants` must answer the same throughout a pass; sites nobody
 * wants are not materialised. A failing `at` ends the pass with its status.
 */
typedef struct pb_hooks {
    void *user;
    bool (*wants)(void *user, pb_site site, size_t layer);
    pb_status (*at)(void *user, const pb_view *view, pb_error **error);
} pb_hooks;

/* ---- batches ---- */

/* A piece: n consecutive rows with which a sequence enters, wherever they lie. */
typedef struct pb_entry_rows {
    size_t n;
    const float *resid;     /* [n, d_model]: resid_pre of the entry layer, or its resid_mid */
    const float *q, *k, *v; /* [n, d_q], [n, d_kv], [n, d_kv], ready; or all NULL */
} pb_entry_rows;

typedef struct pb_sequence {
    size_t n;     /* rows, at least 1 */
    size_t first; /* the position of row 0 */

    /* Where it enters. From tokens (entry NULL): row i is the embedding of tokens[i]. Otherwise at
     * `layer` with the rows of `entry`, in order, their n adding up to the sequence's: before the
     * layer, or (`at_mid`) between its attention and its MLP. If every piece brings q, k and v the
     * layer computes none of them; hooks then see q, k, v of these rows but not ln1, and at_mid
     * nothing before resid_mid. */
    const int32_t *tokens; /* [n] */
    size_t layer;
    bool at_mid;
    const pb_entry_rows *entry;
    size_t n_entry;

    const pb_cache *past; /* k and v of positions 0 .. first - 1; NULL when first is 0 */
    pb_cache *keep;       /* NULL, or gets k, v (and q) of the rows, at their positions; may be the
                             same as `past`, but no other sequence's */

    /* The rows whose final state is asked for, ascending offsets 0 <= r < n. NULL for all. */
    const size_t *wanted;
    size_t n_wanted;
} pb_sequence;

typedef struct pb_batch {
    const pb_sequence *sequences;
    size_t n;
    const pb_hooks *const *hooks; /* applied in order at each site; may be NULL */
    size_t n_hooks;
    size_t stop; /* layers computed: those below this; 0 for all */
    bool whole;  /* every view has all rows of the sequences it has rows of, wanted or not */
} pb_batch;

/* How many rows the batch asks for: the rows of the two outputs below, sequence by sequence. */
size_t pb_batch_wanted(const pb_batch *batch);

/*
 * Computes the batch. Either output may be NULL.
 *   resid  [wanted rows, d_model]  the stream after the last computed layer (its resid_post)
 *   normed [wanted rows, d_model]  after ln_final, gain and bias included: what W_U multiplies;
 *                                  only when all layers are computed
 * ln_final's hooks are called only when `normed` is asked for, on the wanted rows.
 *
 * PB_RANGE for tokens outside the vocabulary or positions outside the context, PB_INTERRUPTED,
 * PB_MEMORY, or what a hook returned. Outputs are undefined after an error.
 */
pb_status pb_forward(const pb_model *model, const pb_batch *batch, const pb_context *context,
                     float *resid, float *normed, pb_error **error);

/* ln_final on any rows [n, d_model], with their own statistics, gain and bias included. `normed`
 * may be `resid`. */
void pb_final_norm(const pb_model *model, size_t n, const float *resid, float *normed);

/* logits [n, n_vocab] = normed [n, d_model] W_U + b_U. Reads W_E once. */
pb_status pb_unembed(const pb_model *model, size_t n, const float *normed,
                     const pb_context *context, float *logits, pb_error **error);

/* The same for some tokens only: logits [n, n_tokens]. */
pb_status pb_unembed_tokens(const pb_model *model, size_t n, const float *normed, size_t n_tokens,
                            const int32_t *tokens, float *logits, pb_error **error);

#endif
