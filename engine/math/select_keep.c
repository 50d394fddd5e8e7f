/* Selectors that are kept: copies that own what they hold, their end, and whether two are equal. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tensor_internal.h"

const pb_select pb_select_all = {.kind = PB_SELECT_ALL};
const pb_select pb_select_each = {.kind = PB_SELECT_EACH};

void pb_select_free(pb_select *select)
{
    pb_tensor *mask = (pb_tensor *)select->mask;
    pb_select *items = (pb_select *)select->items;
    for (size_t i = 0; items && i < select->n_items; i++)
        pb_select_free(&items[i]);
    free(items);
    free((char *)select->label);
    pb_tensor_release(&mask);
    *select = (pb_select){.kind = PB_SELECT_ALL};
}

static pb_status copy_items(const pb_select *select, pb_select *copy, pb_error **error)
{
    pb_select *items = pb_calloc(select->n_items, sizeof *items);
    if (!items)
        return pb_fail_memory(error);
    copy->items = items;
    for (; copy->n_items < select->n_items; copy->n_items++) {
        pb_status status =
            pb_select_copy(&select->items[copy->n_items], &items[copy->n_items], error);
        if (status)
            return status;
    }
    return PB_OK;
}

pb_status pb_select_copy(const pb_select *select, pb_select *copy, pb_error **error)
{
    char *label = select->label ? strdup(select->label) : NULL;
    *copy = (pb_select){.kind = PB_SELECT_ALL};
    if (select->label && !label)
        return pb_fail_memory(error);
    *copy = *select;
    copy->label = label;
    copy->mask = select->mask ? pb_tensor_retain((pb_tensor *)select->mask) : NULL;
    copy->items = NULL;
    copy->n_items = 0;
    pb_status status = select->items ? copy_items(select, copy, error) : PB_OK;
    if (status)
        pb_select_free(copy);
    return status;
}

static bool labels_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Masks are equal that pick the same places. */
static bool masks_equal(const pb_tensor *a, const pb_tensor *b)
{
    if (!a || !b)
        return a == b;
    return a->size == b->size && memcmp(a->data, b->data, a->size * sizeof *a->data) == 0;
}

bool pb_select_equal(const pb_select *a, const pb_select *b)
{
    bool same = a->kind == b->kind && a->index == b->index && a->occurrence == b->occurrence &&
                a->has_first == b->has_first && a->has_last == b->has_last &&
                a->first == b->first && a->last == b->last && a->step == b->step &&
                a->n_items == b->n_items && labels_equal(a->label, b->label) &&
                masks_equal(a->mask, b->mask);
    for (size_t i = 0; same && i < a->n_items; i++)
        same = pb_select_equal(&a->items[i], &b->items[i]);
    return same;
}

pb_status pb_select_create(const pb_select *select, pb_select **copy, pb_error **error)
{
    pb_select *made = pb_malloc(1, sizeof *made);
    pb_status status = made ? pb_select_copy(select, made, error) : pb_fail_memory(error);
    if (status) {
        free(made);
        return status;
    }
    *copy = made;
    return PB_OK;
}

void pb_select_destroy(pb_select **select)
{
    if (*select)
        pb_select_free(*select);
    free(*select);
    *select = NULL;
}

/* ---- what they say ---- */

bool pb_select_walks(const pb_select *select)
{
    return select && select->kind == PB_SELECT_EACH;
}

bool pb_select_is_every(const pb_select *select)
{
    return !select || select->kind == PB_SELECT_ALL ||
           (select->kind == PB_SELECT_EACH && select->n_items == 0);
}

bool pb_select_is_one(const pb_select *select)
{
    if (!select || select->kind != PB_SELECT_PER)
        return select && (select->kind == PB_SELECT_INDEX || select->kind == PB_SELECT_LABEL);
    bool one = select->n_items > 0;
    for (size_t i = 0; one && i < select->n_items; i++)
        one = pb_select_is_one(&select->items[i]);
    return one;
}

const pb_select *pb_select_for(const pb_select *select, size_t prompt)
{
    if (select && select->kind == PB_SELECT_EACH && select->n_items > 0)
        select = select->items;
    if (select && select->kind == PB_SELECT_PER && select->n_items > 0)
        return &select->items[select->n_items > 1 ? prompt : 0];
    return select;
}
