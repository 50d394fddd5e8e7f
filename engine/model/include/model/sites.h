/*
 * The sites: places in a forward pass whose activations can be read, edited and patched. They carry
 * the names of TransformerLens' hooks.
 *
 * A site is one row, and what the rest of the program does with a site it does by its row: which
 * arguments a word takes, what a refusal lists, where a pass may begin to show it, which cells of a
 * sweep are known without computing. To add one, write its name into pb_site, its row into sites.c,
 * and the line of the forward pass that shows it (pb_pass_show).
 */
#ifndef PB_MODEL_SITES_H
#define PB_MODEL_SITES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "model/model.h"

typedef enum pb_site {
    PB_SITE_EMBED,
    PB_SITE_POS_EMBED,
    PB_SITE_RESID_PRE,
    PB_SITE_LN1_SCALE,
    PB_SITE_LN1,
    PB_SITE_Q,
    PB_SITE_K,
    PB_SITE_V,
    PB_SITE_ROT_Q,
    PB_SITE_ROT_K,
    PB_SITE_ATTN_SCORES,
    PB_SITE_PATTERN,
    PB_SITE_Z,
    PB_SITE_RESULT,
    PB_SITE_ATTN_OUT,
    PB_SITE_RESID_MID,
    PB_SITE_LN2_SCALE,
    PB_SITE_LN2,
    PB_SITE_MLP_PRE,
    PB_SITE_MLP_PRE_LINEAR,
    PB_SITE_MLP_POST,
    PB_SITE_MLP_OUT,
    PB_SITE_RESID_POST,
    PB_SITE_LN_FINAL_SCALE,
    PB_SITE_LN_FINAL,
    PB_N_SITES
} pb_site;

/* The part of a forward pass that computes a site. A pass that is to show it, or to go on with it
 * changed, may begin there instead of with the tokens. */
typedef enum pb_stage {
    PB_STAGE_EMBEDDING, /* begin with the tokens, which is right for every site */
    PB_STAGE_INPUT,     /* before q, k and v: begin with the stream before the layer */
    PB_STAGE_LAYER,     /* from q, k and v on: the same, with the layer's q, k and v if they are
                           there */
    PB_STAGE_END        /* after the last layer: begin with the stream there */
} pb_stage;

/* Which of the streams that a run keeps a site is: the one before its layer, or the one after it,
 * which the next layer begins with. */
typedef enum pb_checkpoint {
    PB_CHECKPOINT_NONE,
    PB_CHECKPOINT_BEFORE,
    PB_CHECKPOINT_AFTER
} pb_checkpoint;

/* The layer norms: before attention, before the MLP, after the last layer. */
typedef enum pb_norm { PB_NORM_NONE, PB_NORM_ATTENTION, PB_NORM_MLP, PB_NORM_FINAL } pb_norm;

/* What of a model a site needs to be there. */
typedef enum pb_site_needs {
    PB_NEEDS_NOTHING,
    PB_NEEDS_EMBEDDED_POSITIONS,
    PB_NEEDS_ROTATION,
    PB_NEEDS_GATE,
    PB_NEEDS_PARTS_IN_TURN /* an MLP that reads what attention wrote */
} pb_site_needs;

typedef struct pb_site_row {
    const char *name;    /* "resid_pre" */
    const char *hook;    /* TransformerLens' name, behind "blocks.0." where there are layers */
    const char *summary; /* one line for help */

    /* What it has; see pb_site_axes(). */
    bool layers;          /* one for each layer */
    const char *heads;    /* its axis over heads: "head", or "kv_head" of keys and values, which is
                             "head" where each head has its own; NULL: none */
    bool keys;            /* its rows are queries, and a row has a number for each key */
    const char *features; /* the axis along a row, "d_model"; NULL: a single number, or keys */
    pb_site_needs needs;

    /* Where it lies in a pass. What is left out is never wrong: it only computes more. */
    pb_stage stage;
    bool rows_alone; /* from here to the end of the layer no row reads what another one holds */
    bool stream;     /* it is the residual stream: all that follows is computed from it alone */
    pb_checkpoint checkpoint;
    pb_norm norm;          /* it is this norm's scale or output, or a product of its output */
    const char *component; /* "attn": what it is called as a part of the stream, to which it is
                              added as it is; NULL: it is not */
} pb_site_row;

/* The row of a site. Never NULL for a site below PB_N_SITES. */
const pb_site_row *pb_site_info(pb_site site);

/* By name. PB_NAME otherwise, with the nearest name as a hint. */
pb_status pb_site_find(const char *name, pb_site *site, pb_error **error);

/* Whether a model has the site. The refusal, PB_UNSUPPORTED, says why not. */
bool pb_site_is_in(const pb_model *model, pb_site site);
pb_status pb_site_check(const pb_model *model, pb_site site, pb_error **error);

/* TransformerLens' name of the site at a layer, into `text`; cut if it does not fit. */
void pb_site_hook_name(pb_site site, size_t layer, char *text, size_t size);

/* ---- axes ---- */

/* What a place of a site may be named along, beside its position. */
typedef enum pb_along {
    PB_ALONG_LAYERS,
    PB_ALONG_HEADS,
    PB_ALONG_QUERIES, /* positions, where they are called so because there are keys too */
    PB_ALONG_KEYS,
    PB_ALONG_FEATURES
} pb_along;

bool pb_site_has(pb_site site, pb_along along);

/* The refusal of a place the site does not have, PB_TYPE: "mlp_out has no heads; the sites that do
 * are q, k, ..." of those that the model has. PB_OK where it has them. */
pb_status pb_site_need(const pb_model *model, pb_site site, pb_along along, pb_error **error);

/* Appends the names of the sites of a kind that the model has: "resid_pre, resid_mid or resid_post"
 * with `last` being "or". NULL: of any model. */
void pb_sites_list(const pb_model *model, bool (*is_of_kind)(const pb_site_row *row),
                   const char *last, pb_buffer *out);
bool pb_site_is_stream(const pb_site_row *row);

/* The names of the axes of one layer, in the order in which the values lie: {"pos", heads,
 * features} of those that the site has, or {heads, "query", "key"}. Gives how many. The model may
 * be NULL where it is not known yet: of most models. */
size_t pb_site_axes(const pb_model *model, pb_site site, const char *axes[3]);
const char *pb_site_heads_axis(const pb_model *model, pb_site site); /* NULL: none */
const char *pb_site_row_axis(pb_site site);                          /* "pos" or "query" */
const char *pb_site_last_axis(pb_site site); /* features or "key"; NULL: a single number */

/* How many a model has: of layers and heads 1 where the site has none; the width is of one row of
 * one head, and 0 where that is the keys, of which a prompt has its own number. */
size_t pb_site_layers(const pb_model *model, pb_site site);
size_t pb_site_heads(const pb_model *model, pb_site site);
size_t pb_site_width(const pb_model *model, pb_site site);

#endif
