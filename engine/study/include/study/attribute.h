/*
 * Direct logit attribution: how much of a logit each component wrote, and the logit lens.
 *
 *     attr(c) = ((c - mean c) / sigma) . W_U[:, target]
 *
 * with sigma taken once from the full final residual at that position, so that the parts and
 * b_U[target] sum to the logit. (Nanda's "direct logit attribution"; TransformerLens'
 * ActivationCache.logit_attrs with apply_ln.) A head's c is z W_O, a neuron's mlp_post W_out
 * (TransformerLens' stack_head_results and stack_neuron_results).
 */
#ifndef PB_STUDY_ATTRIBUTE_H
#define PB_STUDY_ATTRIBUTE_H

#include "math/tensor.h"
#include "model/forward.h"
#include "model/run.h"
#include "study/where.h"

typedef enum pb_attribute_by { PB_BY_COMPONENT, PB_BY_HEAD, PB_BY_NEURON } pb_attribute_by;

/* Borrowed for the call. */
typedef struct pb_attribute_spec {
    pb_attribute_by by;
    const int32_t *targets; /* 1 shared, or one per prompt */
    size_t n_targets;
    const int32_t *against; /* NULL, or what to subtract: W_U[:, target] - W_U[:, against] */
    size_t n_against;
    /* Instead of targets: vectors [n, d_model], 1 shared or one per prompt, that the last norm's
     * output is multiplied with, where W_U[:, target] would be. */
    const float *directions;
    size_t n_directions;
    /* With directions: of the stream after this layer, as it is, instead of the last norm's output.
     * What later layers write is no part of it. */
    bool inner;
    size_t layer;
    const pb_select *positions; /* NULL: the last. One that names several gives an axis pos */
    bool scale;                 /* divide by sigma; false is the plain dot product */
    const pb_head *heads;       /* BY_HEAD: only these, the others going into `rest`; NULL: all */
    size_t n_heads;
} pb_attribute_spec;

/*
 * Tensors are over [prompt?, pos?, ...]: prompt if an axis was given, pos if several were asked
 * for. With scale = false the sum is that of the plain dot products, and does not equal the logit.
 */
typedef struct pb_attribution {
    pb_tensor *parts;      /* [..., component]; by head [..., layer, head], or with `heads` given
                              [..., component] labelled "L9H6"; by neuron [..., layer, d_mlp] */
    pb_tensor *rest;       /* what no head (of those asked for) or no neuron wrote; by component
                              NULL */
    pb_tensor *bias;       /* b_U[target] (- b_U[against]) */
    pb_tensor *sum;        /* parts + rest + bias */
    pb_tensor *logit;      /* the true logit (difference), from the run itself */
    pb_tensor *difference; /* sum - logit */
} pb_attribution;

/*
 * Attributes a logit on each run (its activations are computed again, layer by layer). `prompts` is
 * the axis of the results, of length n_runs, or NULL with one run.
 * The component axis has the labels embed, pos_embed, L0_attn, L0_mlp, ... and, on unprocessed
 * weights, ln_final_bias (beta . W_U[:, target]); W is then multiplied by gamma.
 */
pb_status pb_attribute(pb_run *const *runs, size_t n_runs, pb_axis *prompts,
                       const pb_attribute_spec *spec, const pb_context *context,
                       pb_attribution *attribution, pb_error **error);
void pb_attribution_release(pb_attribution *attribution);

/* What a place along the component axis is. */
typedef struct pb_component {
    int layer;        /* -1 for embed, pos_embed and ln_final_bias */
    const char *part; /* "embed", "pos_embed", "attn", "mlp", "ln_final_bias"; static */
} pb_component;

/* How many components the model's attributions have, and what the index-th (a coordinate of the
 * component axis) is. They are the sites whose rows name a component: those without layers, then
 * those of each layer. */
size_t pb_component_count(const pb_model *model);
pb_component pb_component_at(const pb_model *model, size_t index);

/*
 * Logit lens: unembeds the residual state `site` of the layers with each state's own statistics,
 * b_U included. With tokens NULL the result is over the whole vocabulary: [layer, pos, token]; the
 * token axis' coordinates are ids, its labels their texts. PB_VALUE for a site that is not the
 * residual stream.
 */
pb_status pb_logit_lens(pb_run *run, pb_site site, const pb_select *layers,
                        const pb_select *positions, const int32_t *tokens, size_t n_tokens,
                        const pb_context *context, pb_tensor **lens, pb_error **error);

/* PB_VALUE, with the sites there are, for one that the lens does not read. */
pb_status pb_logit_lens_check(const pb_model *model, pb_site site, pb_error **error);

/* The lens' best token for every layer and position: ids, logits and probabilities, each
 * [layer, pos]. Any of the three may be NULL. */
pb_status pb_logit_lens_top(pb_run *run, pb_site site, const pb_select *layers,
                            const pb_select *positions, const pb_context *context, pb_tensor **ids,
                            pb_tensor **logits, pb_tensor **probabilities, pb_error **error);

#endif
