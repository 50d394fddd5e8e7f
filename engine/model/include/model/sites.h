/*
 * The places in a forward pass that can be read, edited and patched. They carry the names of
 * TransformerLens' hooks; one row each, in the order in which a forward pass reaches them.
 */
#ifndef PB_MODEL_SITES_H
#define PB_MODEL_SITES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef enum pb_site {
    PB_SITE_EMBED,
    PB_SITE_POS_EMBED,
    PB_SITE_RESID_PRE,
    PB_SITE_LN1_SCALE,
    PB_SITE_LN1,
    PB_SITE_Q,
    PB_SITE_K,
    PB_SITE_V,
    PB_SITE_ATTN_SCORES,
    PB_SITE_PATTERN,
    PB_SITE_Z,
    PB_SITE_RESULT,
    PB_SITE_ATTN_OUT,
    PB_SITE_RESID_MID,
    PB_SITE_LN2_SCALE,
    PB_SITE_LN2,
    PB_SITE_MLP_PRE,
    PB_SITE_MLP_POST,
    PB_SITE_MLP_OUT,
    PB_SITE_RESID_POST,
    PB_SITE_LN_FINAL_SCALE,
    PB_SITE_LN_FINAL,
    PB_N_SITES
} pb_site;

/* How a patch walks the site when it is not told: every layer at every position, or every layer
 * and head over all positions; PB_SWEEP_NONE where there is no layer to walk. */
typedef enum pb_sweep { PB_SWEEP_NONE, PB_SWEEP_LAYER_POS, PB_SWEEP_LAYER_HEAD } pb_sweep;

typedef struct pb_site_row {
    pb_site site;
    const char *name; /* "resid_pre" */
    const char *hook; /* TransformerLens' name, "%zu" for the layer: "blocks.%zu.hook_resid_pre" */
    const char *axes[3]; /* without the layer: {"pos", "head", "d_head"}; NULL after the last */
    size_t n_axes;
    bool per_layer; /* one for each layer, so that a tensor over all has a layer axis in front */
    bool by_head;   /* has a head axis */
    bool by_query;  /* [head, query, key] rather than rows of positions */
    pb_sweep sweep;
    const char *summary; /* one line for help */
} pb_site_row;

/* The row of a site. Never NULL for a site below PB_N_SITES. */
const pb_site_row *pb_site_info(pb_site site);

/* By name. PB_NAME otherwise, with the nearest name as a hint. */
pb_status pb_site_find(const char *name, pb_site *site, pb_error **error);

/* TransformerLens' name of the site at a layer, into `text`; cut if it does not fit. */
void pb_site_hook_name(pb_site site, size_t layer, char *text, size_t size);

#endif
