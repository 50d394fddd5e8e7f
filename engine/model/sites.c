/* The table of activation sites. */
#include "model/sites.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"

#define BLOCK        "blocks.%zu."
#define D_MODEL      {"pos", "d_model", NULL}, 2
#define D_MLP        {"pos", "d_mlp", NULL}, 2
#define SCALE        {"pos", NULL, NULL}, 1
#define D_HEAD       {"pos", "head", "d_head"}, 3
#define HEAD_D_MODEL {"pos", "head", "d_model"}, 3
#define QUERY_KEY    {"head", "query", "key"}, 3

/* In the order of pb_site. Flags: per layer, by head, by query. */
static const pb_site_row sites[PB_N_SITES] = {
    {PB_SITE_EMBED, "embed", "hook_embed", D_MODEL, false, false, false, PB_SWEEP_NONE,
     "the tokens' embeddings, W_E[token]"},
    {PB_SITE_POS_EMBED, "pos_embed", "hook_pos_embed", D_MODEL, false, false, false, PB_SWEEP_NONE,
     "the positions' embeddings, W_pos[pos]"},
    {PB_SITE_RESID_PRE, "resid_pre", BLOCK "hook_resid_pre", D_MODEL, true, false, false,
     PB_SWEEP_LAYER_POS, "the residual stream before a layer"},
    {PB_SITE_LN1_SCALE, "ln1_scale", BLOCK "ln1.hook_scale", SCALE, true, false, false,
     PB_SWEEP_LAYER_POS, "what the norm before attention divides by"},
    {PB_SITE_LN1, "ln1", BLOCK "ln1.hook_normalized", D_MODEL, true, false, false,
     PB_SWEEP_LAYER_POS, "the normalised input of attention, without gain and bias"},
    {PB_SITE_Q, "q", BLOCK "attn.hook_q", D_HEAD, true, true, false, PB_SWEEP_LAYER_HEAD,
     "queries"},
    {PB_SITE_K, "k", BLOCK "attn.hook_k", D_HEAD, true, true, false, PB_SWEEP_LAYER_HEAD, "keys"},
    {PB_SITE_V, "v", BLOCK "attn.hook_v", D_HEAD, true, true, false, PB_SWEEP_LAYER_HEAD, "values"},
    {PB_SITE_ATTN_SCORES, "attn_scores", BLOCK "attn.hook_attn_scores", QUERY_KEY, true, true, true,
     PB_SWEEP_LAYER_HEAD, "scores of keys for queries, scaled; -inf after the query"},
    {PB_SITE_PATTERN, "pattern", BLOCK "attn.hook_pattern", QUERY_KEY, true, true, true,
     PB_SWEEP_LAYER_HEAD, "attention: softmax of the scores over the keys"},
    {PB_SITE_Z, "z", BLOCK "attn.hook_z", D_HEAD, true, true, false, PB_SWEEP_LAYER_HEAD,
     "values mixed by the pattern: what a head hands to its output matrix"},
    {PB_SITE_RESULT, "result", BLOCK "attn.hook_result", HEAD_D_MODEL, true, true, false,
     PB_SWEEP_LAYER_HEAD, "what each head writes to the stream, z W_O, without b_O"},
    {PB_SITE_ATTN_OUT, "attn_out", BLOCK "hook_attn_out", D_MODEL, true, false, false,
     PB_SWEEP_LAYER_POS, "what attention writes to the stream, b_O included"},
    {PB_SITE_RESID_MID, "resid_mid", BLOCK "hook_resid_mid", D_MODEL, true, false, false,
     PB_SWEEP_LAYER_POS, "the residual stream between attention and MLP"},
    {PB_SITE_LN2_SCALE, "ln2_scale", BLOCK "ln2.hook_scale", SCALE, true, false, false,
     PB_SWEEP_LAYER_POS, "what the norm before the MLP divides by"},
    {PB_SITE_LN2, "ln2", BLOCK "ln2.hook_normalized", D_MODEL, true, false, false,
     PB_SWEEP_LAYER_POS, "the normalised input of the MLP, without gain and bias"},
    {PB_SITE_MLP_PRE, "mlp_pre", BLOCK "mlp.hook_pre", D_MLP, true, false, false,
     PB_SWEEP_LAYER_POS, "the MLP's neurons before the activation function"},
    {PB_SITE_MLP_POST, "mlp_post", BLOCK "mlp.hook_post", D_MLP, true, false, false,
     PB_SWEEP_LAYER_POS, "the MLP's neurons after the activation function"},
    {PB_SITE_MLP_OUT, "mlp_out", BLOCK "hook_mlp_out", D_MODEL, true, false, false,
     PB_SWEEP_LAYER_POS, "what the MLP writes to the stream, b_out included"},
    {PB_SITE_RESID_POST, "resid_post", BLOCK "hook_resid_post", D_MODEL, true, false, false,
     PB_SWEEP_LAYER_POS, "the residual stream after a layer"},
    {PB_SITE_LN_FINAL_SCALE, "ln_final_scale", "ln_final.hook_scale", SCALE, false, false, false,
     PB_SWEEP_NONE, "what the last norm divides by"},
    {PB_SITE_LN_FINAL, "ln_final", "ln_final.hook_normalized", D_MODEL, false, false, false,
     PB_SWEEP_NONE, "the normalised final stream, without gain and bias"},
};

const pb_site_row *pb_site_info(pb_site site)
{
    return &sites[site];
}

pb_status pb_site_find(const char *name, pb_site *site, pb_error **error)
{
    const char *names[PB_N_SITES];
    for (size_t i = 0; i < PB_N_SITES; i++) {
        names[i] = sites[i].name;
        if (strcmp(name, names[i]) == 0) {
            *site = sites[i].site;
            return PB_OK;
        }
    }
    pb_status status = pb_fail(error, PB_NAME, "there is no activation called '%s'", name);
    const char *near = pb_nearest(name, names, PB_N_SITES);
    if (error && near)
        pb_error_hint(*error, "did you mean %s?", near);
    else if (error)
        pb_error_hint(*error, "they are named after TransformerLens' hooks: resid_pre, resid_mid, "
                              "resid_post, attn_out, mlp_out, q, k, v, z, pattern, ...");
    return status;
}

/* What comes after BLOCK in a hook of a layer. */
static const char *hook_tail(const pb_site_row *row)
{
    return row->hook + sizeof BLOCK - 1;
}

void pb_site_hook_name(pb_site site, size_t layer, char *text, size_t size)
{
    const pb_site_row *row = pb_site_info(site);
    if (row->per_layer)
        snprintf(text, size, "blocks.%zu.%s", layer, hook_tail(row));
    else
        snprintf(text, size, "%s", row->hook);
}
