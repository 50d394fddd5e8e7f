/*
 * Inside study: a patch sweep laid out before it runs.
 *
 * To walk an axis is to patch one place of it at a time, which gives the result that axis; places
 * that are not walked are patched together. Places patched together are a group; layers and heads
 * patched together are a component. A cell is one place of the result: a pair of prompts, a
 * component, a group of positions and one of keys. Cells enter the forward pass as late as they
 * can, and go through it in blocks.
 *
 *     patch_plan.c   what is walked: groups of heads, positions, keys; the result's axes
 *     patch_cells.c  a cell for every place of the result: what its value needs, and in what order
 *     patch_run.c    blocks of cells through the forward pass
 *     patch_seen.c   what a user's function reads of a cell
 *     patch.c        the call, its checks and its result
 */
#ifndef STUDY_PATCH_PLAN_H
#define STUDY_PATCH_PLAN_H

#include "meter.h"
#include "positions.h"
#include "study/patch.h"

/* Layers, or heads of layers, that are patched together; ascending by layer. */
typedef struct pb_head_group {
    pb_head *items; /* head 0 where the site has no heads */
    size_t n;
} pb_head_group;

typedef enum pb_cell_entry {
    PB_CELL_CLOSED,     /* the value is known: into's or from's */
    PB_CELL_TOKENS,     /* the prompt from its first token on, the activation replaced on the way */
    PB_CELL_EMBEDDED,   /* the same from the first changed position on */
    PB_CELL_STREAM,     /* into's stream before the layer, q, k and v computed again */
    PB_CELL_CHECKPOINT, /* into's stream before the layer, q, k and v ready */
    PB_CELL_REPLACED    /* the stream before the layer with from's rows already in it */
} pb_cell_entry;

/* One place of the result. */
typedef struct pb_cell {
    size_t pair, component, position, key; /* groups */
    size_t place;                          /* in the values */
    pb_cell_entry entry;
    bool is_from;        /* CLOSED: from's value, not into's */
    size_t first, layer; /* the first row computed, and the layer it enters before */
    size_t n_wanted;     /* rows the metric reads from first on */
} pb_cell;

/* A sweep. Arrays over pairs have n_pairs entries; runs are retained. */
typedef struct pb_patch_plan {
    const pb_patch_spec *spec;
    pb_model *model;
    const pb_shape *shape;
    const pb_site_row *site;
    size_t n_pairs;
    pb_run **into, **from;
    size_t *differs; /* the first position where a patched activation can differ */
    pb_meter *meter; /* about into */
    double *ends;    /* [2, n_pairs], a user's function of into's and from's; else NULL */

    pb_head_group *components;
    size_t n_components;
    pb_positions *positions; /* [n_pairs, n_positions], each patched together */
    size_t n_positions;
    /* Places along a row: keys, [n_pairs, n_keys], or with `features` those, [n_keys], of every
     * pair. One whole group where neither is chosen. */
    pb_positions *keys;
    size_t n_keys;
    bool features;
    pb_axis *axes[6]; /* of the result */
    size_t rank;

    /* filled by pb_patch_plan_cells() */
    pb_cell *cells; /* [n_cells] in the order they run, closed ones first */
    size_t n_cells, n_closed;
    size_t row_layers;
} pb_patch_plan;

/* Everything but the cells; nothing is computed but a reference's logits for kl, and a user's
 * function of the ends, by which it is known what it reads. */
pb_status pb_patch_plan_create(const pb_patch_spec *spec, const pb_context *context,
                               pb_patch_plan **plan, pb_error **error);
void pb_patch_plan_destroy(pb_patch_plan **plan);

static inline const pb_positions *pb_cell_positions(const pb_patch_plan *plan, const pb_cell *cell)
{
    return &plan->positions[cell->pair * plan->n_positions + cell->position];
}

static inline const pb_positions *pb_cell_keys(const pb_patch_plan *plan, const pb_cell *cell)
{
    return &plan->keys[(plan->features ? 0 : cell->pair * plan->n_keys) + cell->key];
}

#endif
