/*
 * A cell of a path as a run of its own, for a user's function that reads more of it than logits:
 * made by edits that do what the passes do.
 */
#include <string.h>

#include "base/memory.h"
#include "path_parts.h"
#include "study/edit.h"

typedef struct edit_list {
    pb_edit **items;
    size_t n;
} edit_list;

static void list_clear(edit_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        pb_edit_release(&list->items[i]);
    free(list->items);
}

static pb_status add_edit(edit_list *list, const pb_run *into, pb_edit_spec spec, pb_error **error)
{
    spec.op = PB_EDIT_SET;
    pb_status status = pb_edit_create(pb_run_model(into), &spec, &list->items[list->n], error);
    list->n += !status;
    return status;
}

/* ---- pass 1 ---- */

static pb_status add_sender(edit_list *list, const pb_path_batch *batch,
                            const pb_path_sender *sender, pb_error **error)
{
    const pb_path_pair *pair = batch->pair;
    const pb_select layer = {.kind = PB_SELECT_INDEX, .index = (int64_t)sender->layer};
    const pb_head head = {sender->layer, sender->head};
    bool of_head = sender->output == PB_PATH_FROM_HEAD;
    const pb_edit_spec spec = {.site = pb_path_sender_site(sender),
                               .layers = sender->output == PB_PATH_FROM_MLP ? &layer : NULL,
                               .pairs = of_head ? &head : NULL,
                               .n_pairs = of_head ? 1 : 0,
                               .positions = pb_select_for(batch->spec->positions, pair->index),
                               .from = &pair->from,
                               .n_from = 1};
    return add_edit(list, pair->into, spec, error);
}

/* What is frozen is set to into's, what is sent to from's. */
static pb_status list_first(edit_list *list, const pb_path_batch *batch, size_t group,
                            pb_error **error)
{
    const pb_path_pair *pair = batch->pair;
    pb_status status = PB_OK;
    for (int site = 0; !status && site < PB_N_SITES; site++) {
        const pb_edit_spec frozen = {.site = (pb_site)site, .from = &pair->into, .n_from = 1};
        if (pair->frozen[site])
            status = add_edit(list, pair->into, frozen, error);
    }
    for (size_t i = 0; !status && i < batch->groups[group].n; i++)
        status = add_sender(list, batch, &batch->groups[group].senders[i], error);
    return status;
}

/* ---- pass 2 ---- */

/* What a receiver read of a group, [pos, features]. */
static pb_status recorded_tensor(const pb_path_batch *batch, size_t which, size_t group,
                                 pb_tensor **tensor, pb_error **error)
{
    const pb_model *model = pb_run_model(batch->pair->into);
    pb_site site = pb_receiver_site(&batch->receivers[which]);
    pb_axis *axes[2] = {NULL, pb_model_axis(model, pb_site_info(site)->features)};
    float *data = NULL;
    pb_status status = pb_axis_create("pos", batch->length, NULL, NULL, &axes[0], error);
    if (!status)
        status = pb_tensor_create(2, axes, tensor, &data, error);
    size_t size = batch->length * pb_site_width(model, site);
    if (!status)
        memcpy(data, batch->recorded[which] + group * size, size * sizeof *data);
    pb_axis_release(&axes[0]);
    return status;
}

static pb_status add_receiver(edit_list *list, const pb_path_batch *batch, size_t which,
                              size_t group, pb_error **error)
{
    const pb_receiver *receiver = &batch->receivers[which];
    pb_site site = pb_receiver_site(receiver);
    const pb_select layer = {.kind = PB_SELECT_INDEX, .index = (int64_t)receiver->layer};
    const pb_head head = {receiver->layer, receiver->head};
    bool by_head = pb_site_info(site)->heads != NULL;
    pb_tensor *value = NULL;
    pb_status status = recorded_tensor(batch, which, group, &value, error);
    const pb_edit_spec spec = {.site = site,
                               .layers = by_head ? NULL : &layer,
                               .pairs = by_head ? &head : NULL,
                               .n_pairs = by_head ? 1 : 0,
                               .value = value};
    if (!status)
        status = add_edit(list, batch->pair->into, spec, error);
    pb_tensor_release(&value);
    return status;
}

static pb_status list_second(edit_list *list, const pb_path_batch *batch, pb_path_cell cell,
                             pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t r = 0; !status && r < batch->n_receivers; r++) {
        bool set = cell.receiver == SIZE_MAX || cell.receiver == batch->owners[r];
        if (set && batch->receivers[r].input != PB_PATH_LOGITS)
            status = add_receiver(list, batch, r, cell.group, error);
    }
    return status;
}

/* ---- both ---- */

pb_status pb_path_whole_run(const pb_seen *seen, const pb_context *context, pb_run **made,
                            pb_error **error)
{
    const pb_path_seen *own = seen->user;
    const pb_path_batch *batch = own->batch;
    pb_run *into = batch->pair->into;
    size_t most = PB_N_SITES + batch->n_receivers;
    if (!batch->cells)
        most += batch->groups[own->sequence].n;
    edit_list list = {.items = pb_calloc(most, sizeof *list.items)};
    pb_status status = list.items ? PB_OK : pb_fail_memory(error);
    if (!status && batch->cells)
        status = list_second(&list, batch, batch->cells[own->sequence], error);
    else if (!status)
        status = list_first(&list, batch, own->sequence, error);
    if (!status)
        status = pb_run_edited(&into, 1, list.items, list.n, context, made, error);
    list_clear(&list);
    return status;
}
