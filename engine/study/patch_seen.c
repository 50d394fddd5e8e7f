/*
 * What a user's function may read of the cells of a sweep: rows after ln_final that its call on the
 * ends read too, and activations that it read there, which are kept while the pass goes by. What it
 * reads beside those is had from the cell as a run of its own, made by an edit that does what the
 * sweep does.
 */
#include "patch_seen.h"

#include <string.h>

#include "base/memory.h"
#include "study/edit.h"

/* ---- what is kept ---- */

static size_t slots_of(const pb_patch_plan *plan)
{
    return PB_N_SITES * plan->shape->n_layer;
}

static bool keeps(const pb_patch_plan *plan, const pb_cell *cell, size_t slot)
{
    const pb_reads *reads = pb_meter_reads(plan->meter, cell->pair);
    return reads && reads->sites[slot];
}

static size_t floats_of(const pb_patch_plan *plan, const pb_cell *cell, size_t slot)
{
    return pb_run_activation_size(plan->into[cell->pair], (pb_site)(slot / plan->shape->n_layer));
}

size_t pb_cell_kept_bytes(const pb_patch_plan *plan, const pb_cell *cell)
{
    const pb_reads *reads = pb_meter_reads(plan->meter, cell->pair);
    size_t bytes = 0;
    for (size_t slot = 0; reads && reads->hidden && slot < slots_of(plan); slot++)
        bytes += keeps(plan, cell, slot) ? floats_of(plan, cell, slot) * sizeof(float) : 0;
    return bytes;
}

static float **slot_of(const pb_cell_keeper *keeper, size_t which, size_t slot)
{
    return &keeper->values[which * slots_of(keeper->plan) + slot];
}

/* What a cell's rows do not come by is as it is in `into`. Cells of one pair come one after the
 * other: the first gets it, and the others copies. */
static pb_status start_slot(pb_cell_keeper *keeper, size_t slot, const pb_context *context,
                            pb_error **error)
{
    const pb_patch_plan *plan = keeper->plan;
    size_t layer = slot % plan->shape->n_layer;
    pb_site site = (pb_site)(slot / plan->shape->n_layer);
    for (size_t c = 0; c < keeper->n; c++) {
        const pb_cell *cell = &keeper->cells[c];
        if (!keeps(plan, cell, slot))
            continue;
        size_t n = floats_of(plan, cell, slot);
        float *values = *slot_of(keeper, c, slot) = pb_malloc(n, sizeof *values);
        if (!values)
            return pb_fail_memory(error);
        keeper->wanted[slot] = 1;
        bool shared = c > 0 && keeper->cells[c - 1].pair == cell->pair;
        pb_status status = PB_OK;
        if (shared)
            memcpy(values, *slot_of(keeper, c - 1, slot), n * sizeof *values);
        else
            status =
                pb_run_activation_into(plan->into[cell->pair], site, layer, context, values, error);
        if (status)
            return status;
    }
    return PB_OK;
}

pb_status pb_cell_keeper_start(pb_cell_keeper *keeper, const pb_context *context, pb_error **error)
{
    size_t slots = slots_of(keeper->plan), all;
    keeper->n_layer = keeper->plan->shape->n_layer;
    if (!pb_meter_calls(keeper->plan->meter))
        return PB_OK;
    if (!pb_size_mul(keeper->n, slots, &all))
        return pb_fail_memory(error);
    keeper->values = pb_calloc(all, sizeof *keeper->values);
    keeper->wanted = pb_calloc(slots, 1);
    pb_status status = keeper->values && keeper->wanted ? PB_OK : pb_fail_memory(error);
    for (size_t slot = 0; !status && slot < slots; slot++)
        status = start_slot(keeper, slot, context, error);
    return status;
}

void pb_cell_keeper_clear(pb_cell_keeper *keeper)
{
    for (size_t i = 0; keeper->values && i < keeper->n * slots_of(keeper->plan); i++)
        free(keeper->values[i]);
    free(keeper->values);
    free(keeper->wanted);
    free(keeper->logits);
    free(keeper->into_logits);
}

/* ---- as the pass goes by ---- */

static size_t slot_at(const pb_cell_keeper *keeper, pb_site site, size_t layer)
{
    return (size_t)site * keeper->n_layer + (pb_site_info(site)->layers ? layer : 0);
}

static bool keeper_wants(void *user, pb_site site, size_t layer)
{
    const pb_cell_keeper *keeper = user;
    return keeper->wanted && keeper->wanted[slot_at(keeper, site, layer)];
}

static pb_status keeper_at(void *user, const pb_view *view, pb_error **error)
{
    const pb_cell_keeper *keeper = user;
    size_t slot = slot_at(keeper, view->site, view->layer);
    (void)error;
    for (size_t r = 0; r < view->n_rows; r++) {
        size_t which = view->rows[r].sequence, position = view->rows[r].position;
        size_t length = pb_run_length(keeper->plan->into[keeper->cells[which].pair]);
        float *to = *slot_of(keeper, which, slot);
        for (size_t h = 0; to && h < view->n_heads; h++)
            memcpy(pb_site_info(view->site)->keys
                       ? to + (h * length + position) * length
                       : to + (position * view->n_heads + h) * view->width,
                   view->data + r * view->row_stride + h * view->head_stride,
                   view->width * sizeof *to);
    }
    return PB_OK;
}

pb_hooks pb_cell_keeper_hooks(pb_cell_keeper *keeper)
{
    return (pb_hooks){keeper, keeper_wants, keeper_at};
}

/* ---- a cell as a run ---- */

/* The places of a group as a list; an array of its items, the caller's. */
static pb_status list_of(const pb_positions *group, pb_select *list, pb_select **items,
                         pb_error **error)
{
    *items = pb_calloc(group->n, sizeof **items);
    if (!*items)
        return pb_fail_memory(error);
    for (size_t i = 0; i < group->n; i++)
        (*items)[i] = (pb_select){.kind = PB_SELECT_INDEX, .index = (int64_t)group->at[i]};
    *list = (pb_select){.kind = PB_SELECT_LIST, .items = *items, .n_items = group->n};
    return PB_OK;
}

/* The layers of a component, as places. */
static pb_status layers_of(const pb_head_group *component, pb_select *list, pb_select **items,
                           pb_error **error)
{
    size_t *at = pb_malloc(component->n, sizeof *at);
    if (!at)
        return pb_fail_memory(error);
    for (size_t i = 0; i < component->n; i++)
        at[i] = component->items[i].layer;
    const pb_positions layers = {.at = at, .n = component->n};
    pb_status status = list_of(&layers, list, items, error);
    free(at);
    return status;
}

/* The edit that does what the sweep does at a cell. */
static pb_status edit_of_cell(const pb_patch_plan *plan, const pb_cell *cell, pb_edit **edit,
                              pb_error **error)
{
    const pb_head_group *component = &plan->components[cell->component];
    pb_select layers, positions, keys, *items[3] = {NULL};
    pb_edit_spec spec = {.op = PB_EDIT_SET,
                         .site = plan->spec->site,
                         .positions = &positions,
                         .from = &plan->from[cell->pair],
                         .n_from = 1};
    pb_status status = list_of(pb_cell_positions(plan, cell), &positions, &items[0], error);
    if (!status && (plan->site->keys || plan->features))
        status = list_of(pb_cell_keys(plan, cell), &keys, &items[1], error);
    spec.keys = plan->site->keys ? &keys : NULL;
    spec.neurons = plan->features ? &keys : NULL;
    if (!status && plan->site->heads) {
        spec.pairs = component->items;
        spec.n_pairs = component->n;
    } else if (!status && plan->site->layers) {
        status = layers_of(component, &layers, &items[2], error);
        spec.layers = &layers;
    }
    if (!status)
        status = pb_edit_create(plan->model, &spec, edit, error);
    for (size_t i = 0; i < 3; i++)
        free(items[i]);
    return status;
}

typedef struct seen_cell {
    pb_cell_keeper *keeper;
    size_t which, row;
    const size_t *wanted;
} seen_cell;

static pb_status make_whole(const pb_seen *seen, const pb_context *context, pb_run **made,
                            pb_error **error)
{
    const seen_cell *own = seen->user;
    const pb_patch_plan *plan = own->keeper->plan;
    const pb_cell *cell = &own->keeper->cells[own->which];
    pb_edit *edit = NULL;
    pb_status status = edit_of_cell(plan, cell, &edit, error);
    if (!status)
        status = pb_run_edited(&plan->into[cell->pair], 1, &edit, 1, context, made, error);
    pb_edit_release(&edit);
    return status;
}

static const float *find_kept(const pb_seen *seen, pb_site site, size_t layer)
{
    const seen_cell *own = seen->user;
    return *slot_of(own->keeper, own->which, slot_at(own->keeper, site, layer));
}

/* ---- logits of all cells together ---- */

/* Beyond this each cell makes its own. */
enum { SHARED_LOGIT_BYTES = 64 * 1024 * 1024 };

static pb_status make_logits(pb_cell_keeper *keeper, const pb_context *context, pb_error **error)
{
    const pb_patch_plan *plan = keeper->plan;
    size_t all = keeper->n_rows * plan->shape->n_vocab;
    keeper->logits = pb_malloc(all, sizeof *keeper->logits);
    return keeper->logits ? pb_unembed(plan->model, keeper->n_rows, keeper->normed, context,
                                       keeper->logits, error)
                          : pb_fail_memory(error);
}

/* A row that the cell leaves as it is in `into`. Cells of one pair come one after the other. */
static pb_status find_into_logits(pb_cell_keeper *keeper, size_t pair, size_t position,
                                  const pb_context *context, const float **row, pb_error **error)
{
    const pb_patch_plan *plan = keeper->plan;
    size_t n = pb_run_length(plan->into[pair]), n_vocab = plan->shape->n_vocab;
    pb_status status = PB_OK;
    if (n > SHARED_LOGIT_BYTES / sizeof(float) / n_vocab)
        return PB_OK;
    if (!keeper->into_logits || keeper->into_pair != pair) {
        free(keeper->into_logits);
        keeper->into_logits = pb_malloc(n, n_vocab * sizeof *keeper->into_logits);
        keeper->into_pair = pair;
        status = keeper->into_logits ? pb_unembed(plan->model, n, pb_run_normed(plan->into[pair]),
                                                  context, keeper->into_logits, error)
                                     : pb_fail_memory(error);
    }
    if (!status)
        *row = keeper->into_logits + position * n_vocab;
    return status;
}

static pb_status find_logits(const pb_seen *seen, size_t position, const pb_context *context,
                             const float **row, pb_error **error)
{
    const seen_cell *own = seen->user;
    pb_cell_keeper *keeper = own->keeper;
    const pb_cell *cell = &keeper->cells[own->which];
    size_t n_vocab = keeper->plan->shape->n_vocab, i = 0;
    while (i < cell->n_wanted && cell->first + own->wanted[i] != position)
        i++;
    *row = NULL;
    if (position < cell->first)
        return find_into_logits(keeper, cell->pair, position, context, row, error);
    if (i == cell->n_wanted || keeper->n_rows > SHARED_LOGIT_BYTES / sizeof(float) / n_vocab)
        return PB_OK;
    pb_status status = keeper->logits ? PB_OK : make_logits(keeper, context, error);
    if (!status)
        *row = keeper->logits + (own->row + i) * n_vocab;
    return status;
}

/* ---- the call ---- */

/* Into's rows up to the cell's first one, and those of the cell that were asked for. */
static void fill_rows(const pb_patch_plan *plan, const pb_cell *cell, const size_t *wanted,
                      const float *normed, float *rows, unsigned char *computed)
{
    size_t d = plan->shape->d_model;
    memcpy(rows, pb_run_normed(plan->into[cell->pair]), cell->first * d * sizeof *rows);
    memset(computed, 1, cell->first);
    for (size_t i = 0; i < cell->n_wanted; i++) {
        size_t at = cell->first + wanted[i];
        memcpy(rows + at * d, normed + i * d, d * sizeof *rows);
        computed[at] = 1;
    }
}

pb_status pb_cell_call(pb_cell_keeper *keeper, size_t which, const size_t *wanted, size_t row,
                       double *value, pb_error **error)
{
    const pb_patch_plan *plan = keeper->plan;
    const pb_cell *cell = &keeper->cells[which];
    size_t length = pb_run_length(plan->into[cell->pair]);
    const float *normed = keeper->normed + row * plan->shape->d_model;
    float *rows = pb_malloc(length, plan->shape->d_model * sizeof *rows);
    unsigned char *computed = pb_calloc(length, 1);
    pb_status status = rows && computed ? PB_OK : pb_fail_memory(error);
    if (!status) {
        seen_cell own = {keeper, which, row, wanted};
        pb_seen seen = {.prompt = cell->pair,
                        .run = plan->into[cell->pair],
                        .normed = rows,
                        .computed = computed,
                        .whole = make_whole,
                        .kept = find_kept,
                        .logits = find_logits,
                        .user = &own};
        fill_rows(plan, cell, wanted, normed, rows, computed);
        status = pb_meter_call(plan->meter, &seen, value, error);
        pb_seen_clear(&seen);
    }
    free(rows);
    free(computed);
    return status;
}
