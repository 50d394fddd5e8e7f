/* The table of activation sites. */
#include "model/sites.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"

/* In the order in which a forward pass reaches them. */
static const pb_site_row sites[PB_N_SITES] = {
    [PB_SITE_EMBED] = {.name = "embed",
                       .hook = "hook_embed",
                       .summary = "the tokens' embeddings, W_E[token]",
                       .features = "d_model",
                       .stage = PB_STAGE_EMBEDDING,
                       .component = "embed"},
    [PB_SITE_POS_EMBED] = {.name = "pos_embed",
                           .hook = "hook_pos_embed",
                           .summary = "the positions' embeddings, W_pos[pos]",
                           .features = "d_model",
                           .needs = PB_NEEDS_EMBEDDED_POSITIONS,
                           .stage = PB_STAGE_EMBEDDING,
                           .component = "pos_embed"},
    [PB_SITE_RESID_PRE] = {.name = "resid_pre",
                           .hook = "hook_resid_pre",
                           .summary = "the residual stream before a layer",
                           .layers = true,
                           .features = "d_model",
                           .stage = PB_STAGE_INPUT,
                           .stream = true,
                           .checkpoint = PB_CHECKPOINT_BEFORE},
    [PB_SITE_LN1_SCALE] = {.name = "ln1_scale",
                           .hook = "ln1.hook_scale",
                           .summary = "what the norm before attention divides by",
                           .layers = true,
                           .stage = PB_STAGE_INPUT,
                           .norm = PB_NORM_ATTENTION},
    [PB_SITE_LN1] = {.name = "ln1",
                     .hook = "ln1.hook_normalized",
                     .summary = "the normalised input of attention, without gain and bias",
                     .layers = true,
                     .features = "d_model",
                     .stage = PB_STAGE_INPUT,
                     .norm = PB_NORM_ATTENTION},
    [PB_SITE_Q] = {.name = "q",
                   .hook = "attn.hook_q",
                   .summary = "queries",
                   .layers = true,
                   .heads = "head",
                   .features = "d_head",
                   .stage = PB_STAGE_LAYER,
                   .rows_alone = true,
                   .norm = PB_NORM_ATTENTION},
    [PB_SITE_K] = {.name = "k",
                   .hook = "attn.hook_k",
                   .summary = "keys",
                   .layers = true,
                   .heads = "kv_head",
                   .features = "d_head",
                   .stage = PB_STAGE_LAYER,
                   .norm = PB_NORM_ATTENTION},
    [PB_SITE_V] = {.name = "v",
                   .hook = "attn.hook_v",
                   .summary = "values",
                   .layers = true,
                   .heads = "kv_head",
                   .features = "d_head",
                   .stage = PB_STAGE_LAYER,
                   .norm = PB_NORM_ATTENTION},
    [PB_SITE_ROT_Q] = {.name = "rot_q",
                       .hook = "attn.hook_rot_q",
                       .summary = "queries, rotated by their position",
                       .layers = true,
                       .heads = "head",
                       .features = "d_head",
                       .needs = PB_NEEDS_ROTATION,
                       .stage = PB_STAGE_LAYER,
                       .rows_alone = true},
    [PB_SITE_ROT_K] = {.name = "rot_k",
                       .hook = "attn.hook_rot_k",
                       .summary = "keys, rotated by their position",
                       .layers = true,
                       .heads = "kv_head",
                       .features = "d_head",
                       .needs = PB_NEEDS_ROTATION,
                       .stage = PB_STAGE_LAYER},
    [PB_SITE_ATTN_SCORES] = {.name = "attn_scores",
                             .hook = "attn.hook_attn_scores",
                             .summary = "scores of keys for queries, scaled; -inf after the query",
                             .layers = true,
                             .heads = "head",
                             .keys = true,
                             .stage = PB_STAGE_LAYER,
                             .rows_alone = true},
    [PB_SITE_PATTERN] = {.name = "pattern",
                         .hook = "attn.hook_pattern",
                         .summary = "attention: softmax of the scores over the keys",
                         .layers = true,
                         .heads = "head",
                         .keys = true,
                         .stage = PB_STAGE_LAYER,
                         .rows_alone = true},
    [PB_SITE_Z] = {.name = "z",
                   .hook = "attn.hook_z",
                   .summary = "values mixed by the pattern: what a head hands to its output matrix",
                   .layers = true,
                   .heads = "head",
                   .features = "d_head",
                   .stage = PB_STAGE_LAYER,
                   .rows_alone = true},
    [PB_SITE_RESULT] = {.name = "result",
                        .hook = "attn.hook_result",
                        .summary = "what each head writes to the stream, z W_O, without b_O",
                        .layers = true,
                        .heads = "head",
                        .features = "d_model",
                        .stage = PB_STAGE_LAYER,
                        .rows_alone = true},
    [PB_SITE_ATTN_OUT] = {.name = "attn_out",
                          .hook = "hook_attn_out",
                          .summary = "what attention writes to the stream, b_O included",
                          .layers = true,
                          .features = "d_model",
                          .stage = PB_STAGE_LAYER,
                          .rows_alone = true,
                          .component = "attn"},
    [PB_SITE_RESID_MID] = {.name = "resid_mid",
                           .hook = "hook_resid_mid",
                           .summary = "the residual stream between attention and MLP",
                           .layers = true,
                           .features = "d_model",
                           .needs = PB_NEEDS_PARTS_IN_TURN,
                           .stage = PB_STAGE_LAYER,
                           .rows_alone = true,
                           .stream = true},
    [PB_SITE_LN2_SCALE] = {.name = "ln2_scale",
                           .hook = "ln2.hook_scale",
                           .summary = "what the norm before the MLP divides by",
                           .layers = true,
                           .stage = PB_STAGE_LAYER,
                           .rows_alone = true,
                           .norm = PB_NORM_MLP},
    [PB_SITE_LN2] = {.name = "ln2",
                     .hook = "ln2.hook_normalized",
                     .summary = "the normalised input of the MLP, without gain and bias",
                     .layers = true,
                     .features = "d_model",
                     .stage = PB_STAGE_LAYER,
                     .rows_alone = true,
                     .norm = PB_NORM_MLP},
    [PB_SITE_MLP_PRE] = {.name = "mlp_pre",
                         .hook = "mlp.hook_pre",
                         .summary = "the MLP's neurons before the activation function",
                         .layers = true,
                         .features = "d_mlp",
                         .stage = PB_STAGE_LAYER,
                         .rows_alone = true,
                         .norm = PB_NORM_MLP},
    [PB_SITE_MLP_PRE_LINEAR] = {.name = "mlp_pre_linear",
                                .hook = "mlp.hook_pre_linear",
                                .summary = "what a gated MLP multiplies its neurons with, x W_in",
                                .layers = true,
                                .features = "d_mlp",
                                .needs = PB_NEEDS_GATE,
                                .stage = PB_STAGE_LAYER,
                                .rows_alone = true,
                                .norm = PB_NORM_MLP},
    [PB_SITE_MLP_POST] = {.name = "mlp_post",
                          .hook = "mlp.hook_post",
                          .summary = "the MLP's neurons after the activation function",
                          .layers = true,
                          .features = "d_mlp",
                          .stage = PB_STAGE_LAYER,
                          .rows_alone = true},
    [PB_SITE_MLP_OUT] = {.name = "mlp_out",
                         .hook = "hook_mlp_out",
                         .summary = "what the MLP writes to the stream, b_out included",
                         .layers = true,
                         .features = "d_model",
                         .stage = PB_STAGE_LAYER,
                         .rows_alone = true,
                         .component = "mlp"},
    [PB_SITE_RESID_POST] = {.name = "resid_post",
                            .hook = "hook_resid_post",
                            .summary = "the residual stream after a layer",
                            .layers = true,
                            .features = "d_model",
                            .stage = PB_STAGE_LAYER,
                            .rows_alone = true,
                            .stream = true,
                            .checkpoint = PB_CHECKPOINT_AFTER},
    [PB_SITE_LN_FINAL_SCALE] = {.name = "ln_final_scale",
                                .hook = "ln_final.hook_scale",
                                .summary = "what the last norm divides by",
                                .stage = PB_STAGE_END,
                                .norm = PB_NORM_FINAL},
    [PB_SITE_LN_FINAL] = {.name = "ln_final",
                          .hook = "ln_final.hook_normalized",
                          .summary = "the normalised final stream, without gain and bias",
                          .features = "d_model",
                          .stage = PB_STAGE_END,
                          .norm = PB_NORM_FINAL},
};

const pb_site_row *pb_site_info(pb_site site)
{
    return &sites[site];
}

/* ---- in a model ---- */

bool pb_site_is_in(const pb_model *model, pb_site site)
{
    const pb_shape *s = pb_model_shape(model);
    switch (sites[site].needs) {
    case PB_NEEDS_NOTHING: break;
    case PB_NEEDS_EMBEDDED_POSITIONS: return s->rotary_dim == 0;
    case PB_NEEDS_ROTATION: return s->rotary_dim > 0;
    case PB_NEEDS_GATE: return s->gated;
    case PB_NEEDS_PARTS_IN_TURN: return !s->parallel;
    }
    return true;
}

pb_status pb_site_check(const pb_model *model, pb_site site, pb_error **error)
{
    static const char *const why[] = {
        [PB_NEEDS_NOTHING] = "",
        [PB_NEEDS_EMBEDDED_POSITIONS] =
            "its positions are not embedded; they rotate queries and keys, as rot_q and rot_k show",
        [PB_NEEDS_ROTATION] = "its positions are embedded, as pos_embed shows, and rotate nothing",
        [PB_NEEDS_GATE] = "its MLP has one input, mlp_pre",
        [PB_NEEDS_PARTS_IN_TURN] = "its MLP reads resid_pre, beside attention",
    };
    if (pb_site_is_in(model, site))
        return PB_OK;
    return pb_fail(error, PB_UNSUPPORTED, "%s has no %s: %s", pb_model_name(model),
                   sites[site].name, why[sites[site].needs]);
}

/* ---- by name ---- */

static bool is_any(const pb_site_row *row)
{
    (void)row;
    return true;
}

static void hint_names(const char *nearest, pb_error *error)
{
    if (nearest) {
        pb_error_hint(error, "did you mean %s?", nearest);
        return;
    }
    pb_buffer names = PB_BUFFER_EMPTY;
    pb_sites_list(NULL, is_any, "and", &names);
    pb_error_hint(error, "they are named after TransformerLens' hooks: %s",
                  names.data ? names.data : "resid_post, ...");
    pb_buffer_free(&names);
}

pb_status pb_site_find(const char *name, pb_site *site, pb_error **error)
{
    const char *names[PB_N_SITES];
    for (size_t i = 0; i < PB_N_SITES; i++) {
        names[i] = sites[i].name;
        if (strcmp(name, names[i]) == 0) {
            *site = (pb_site)i;
            return PB_OK;
        }
    }
    pb_status status = pb_fail(error, PB_NAME, "there is no activation called '%s'", name);
    if (error)
        hint_names(pb_nearest(name, names, PB_N_SITES), *error);
    return status;
}

void pb_site_hook_name(pb_site site, size_t layer, char *text, size_t size)
{
    const pb_site_row *row = pb_site_info(site);
    if (row->layers)
        snprintf(text, size, "blocks.%zu.%s", layer, row->hook);
    else
        snprintf(text, size, "%s", row->hook);
}

/* ---- kinds of sites ---- */

/* Whether a site is listed as one of a kind; with a model, if it has the site. */
static bool is_listed(const pb_model *model, bool (*is_of_kind)(const pb_site_row *row),
                      size_t site)
{
    return is_of_kind(&sites[site]) && (!model || pb_site_is_in(model, (pb_site)site));
}

static size_t count_kind(const pb_model *model, bool (*is_of_kind)(const pb_site_row *row))
{
    size_t count = 0;
    for (size_t i = 0; i < PB_N_SITES; i++)
        count += is_listed(model, is_of_kind, i);
    return count;
}

void pb_sites_list(const pb_model *model, bool (*is_of_kind)(const pb_site_row *row),
                   const char *last, pb_buffer *out)
{
    size_t left = count_kind(model, is_of_kind);
    for (size_t i = 0; i < PB_N_SITES; i++) {
        if (!is_listed(model, is_of_kind, i))
            continue;
        left--;
        pb_buffer_text(out, sites[i].name);
        if (left == 1)
            pb_buffer_format(out, " %s ", last);
        else if (left > 1)
            pb_buffer_text(out, ", ");
    }
}

bool pb_site_is_stream(const pb_site_row *row)
{
    return row->stream;
}

static bool has_layers(const pb_site_row *row)
{
    return row->layers;
}

static bool has_heads(const pb_site_row *row)
{
    return row->heads != NULL;
}

static bool has_keys(const pb_site_row *row)
{
    return row->keys;
}

static bool has_features(const pb_site_row *row)
{
    return row->features != NULL;
}

/* What a site may have: how that is asked, what it is called, and what a refusal adds; NULL: a list
 * of the sites that have it. */
static const struct {
    bool (*of)(const pb_site_row *row);
    const char *called, *otherwise;
} alongs[] = {
    [PB_ALONG_LAYERS] = {has_layers, "layers", "it is there once, not in each layer"},
    [PB_ALONG_HEADS] = {has_heads, "heads", NULL},
    [PB_ALONG_QUERIES] = {has_keys, "queries", "its positions are given as pos="},
    [PB_ALONG_KEYS] = {has_keys, "keys", NULL},
    [PB_ALONG_FEATURES] = {has_features, "neurons", NULL},
};

bool pb_site_has(pb_site site, pb_along along)
{
    return alongs[along].of(&sites[site]);
}

pb_status pb_site_need(const pb_model *model, pb_site site, pb_along along, pb_error **error)
{
    if (pb_site_has(site, along))
        return PB_OK;
    if (alongs[along].otherwise)
        return pb_fail(error, PB_TYPE, "%s has no %s; %s", sites[site].name, alongs[along].called,
                       alongs[along].otherwise);
    pb_buffer others = PB_BUFFER_EMPTY;
    pb_sites_list(model, alongs[along].of, "and", &others);
    pb_status status = pb_buffer_status(&others, error);
    if (!status)
        status = pb_fail(error, PB_TYPE, "%s has no %s; the sites that do are %s", sites[site].name,
                         alongs[along].called, others.data);
    pb_buffer_free(&others);
    return status;
}

/* ---- axes ---- */

const char *pb_site_row_axis(pb_site site)
{
    return sites[site].keys ? "query" : "pos";
}

const char *pb_site_last_axis(pb_site site)
{
    return sites[site].keys ? "key" : sites[site].features;
}

const char *pb_site_heads_axis(const pb_model *model, pb_site site)
{
    const char *heads = sites[site].heads;
    return heads ? pb_model_axis_name(model, heads) : NULL;
}

size_t pb_site_axes(const pb_model *model, pb_site site, const char *axes[3])
{
    const pb_site_row *row = pb_site_info(site);
    size_t n = 0;
    if (!row->keys)
        axes[n++] = pb_site_row_axis(site);
    if (row->heads)
        axes[n++] = pb_site_heads_axis(model, site);
    if (row->keys)
        axes[n++] = pb_site_row_axis(site);
    if (pb_site_last_axis(site))
        axes[n++] = pb_site_last_axis(site);
    return n;
}

size_t pb_site_layers(const pb_model *model, pb_site site)
{
    return sites[site].layers ? pb_model_shape(model)->n_layer : 1;
}

size_t pb_site_heads(const pb_model *model, pb_site site)
{
    const char *heads = pb_site_heads_axis(model, site);
    return heads ? pb_axis_length(pb_model_axis(model, heads)) : 1;
}

size_t pb_site_width(const pb_model *model, pb_site site)
{
    const pb_site_row *row = pb_site_info(site);
    if (row->keys)
        return 0;
    return row->features ? pb_axis_length(pb_model_axis(model, row->features)) : 1;
}
