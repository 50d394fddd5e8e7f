/*
 * A run: one prompt through one model, kept as checkpoints of the residual stream from which every
 * activation can be had again, by computing one layer. Runs are immutable and atomically counted.
 */
#ifndef PB_MODEL_RUN_H
#define PB_MODEL_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/forward.h"
#include "model/model.h"
#include "model/sites.h"

typedef struct pb_run pb_run;

/* Edits a run was made with. The run retains them, since activations are computed again with them.
 */
typedef struct pb_run_edits {
    pb_hooks hooks;             /* views name the prompt: rows[i].sequence is always 0 */
    bool whole;                 /* they want views of all rows of the prompt: pb_batch.whole */
    void (*retain)(void *user); /* both may be NULL: hooks.user then outlives the run */
    void (*release)(void *user);
} pb_run_edits;

typedef struct pb_prompt {
    const int32_t *tokens; /* copied */
    size_t n;
    const pb_run_edits *edits; /* NULL for none */
} pb_prompt;

typedef struct pb_run_options {
    bool keep_qkv; /* keep q, k, v of every layer too: what a patch sweep enters with */
} pb_run_options;

/*
 * Runs all prompts as one batch; runs[i] is the i-th, the caller's. `options` may be NULL. PB_VALUE
 * for an empty prompt, PB_RANGE for one longer than the context or a token outside the vocabulary.
 */
pb_status pb_runs_create(pb_model *model, size_t n, const pb_prompt *prompts,
                         const pb_run_options *options, const pb_context *context, pb_run **runs,
                         pb_error **error);
pb_status pb_run_create(pb_model *model, const pb_prompt *prompt, const pb_run_options *options,
                        const pb_context *context, pb_run **run, pb_error **error);
pb_run *pb_run_retain(pb_run *run);
void pb_run_release(pb_run **run);

pb_model *pb_run_model(const pb_run *run); /* borrowed */
size_t pb_run_length(const pb_run *run);   /* tokens */
const int32_t *pb_run_tokens(const pb_run *run);
bool pb_run_is_edited(const pb_run *run);
const pb_run_edits *pb_run_edits_of(const pb_run *run); /* NULL if there are none */
size_t pb_run_bytes(const pb_run *run);

/* The axis "pos" of the prompt, labels: its tokens' display strings. Borrowed. */
pb_axis *pb_run_positions(const pb_run *run);

/* Checkpoints, [length, d_model], edits included: the stream before layer 0 <= layer < n_layer, and
 * after the last with layer = n_layer. */
const float *pb_run_resid(const pb_run *run, size_t layer);
/* Whether resid_post of a layer is the checkpoint after it: an edit of resid_pre may come between.
 */
bool pb_run_hands_on(const pb_run *run, size_t layer);
/* [length, d_model] after ln_final, gain and bias included. */
const float *pb_run_normed(const pb_run *run);
/* z [d_q], its heads side by side, or what a part of the layer writes to the stream (attn_out,
 * mlp_out) [d_model], at the last position, edits included. NULL for any other site. */
const float *pb_run_last(const pb_run *run, pb_site site, size_t layer);
/* q, k, v of every layer; NULL unless made with keep_qkv. Borrowed. */
const pb_cache *pb_run_cache(const pb_run *run);

/*
 * The activation at a site as a tensor: [pos, ...] or [head, query, key] for one layer, a layer
 * axis in front for PB_ALL_LAYERS (ignored where the site has no layers). PB_RANGE for a layer that
 * is not there. The caller owns *tensor.
 */
pb_status pb_run_activation(const pb_run *run, pb_site site, size_t layer,
                            const pb_context *context, pb_tensor **tensor, pb_error **error);

/* The axes of such an activation of one layer, n of them, each a reference of the caller's. */
pb_status pb_run_axes(const pb_run *run, pb_site site, pb_axis *axes[3], size_t *n,
                      pb_error **error);

/* The same without axes: `out` holds the site's values in the order of its axes,
 * pb_run_activation_size() of them. */
size_t pb_run_activation_size(const pb_run *run, pb_site site);
pb_status pb_run_activation_into(const pb_run *run, pb_site site, size_t layer,
                                 const pb_context *context, float *out, pb_error **error);

/* Logits of some positions: out [n, n_vocab], or of all as a tensor [pos, token]. */
pb_status pb_run_logits_at(const pb_run *run, size_t n, const size_t *positions,
                           const pb_context *context, float *out, pb_error **error);
pb_status pb_run_logits(const pb_run *run, const pb_context *context, pb_tensor **tensor,
                        pb_error **error);

#endif
