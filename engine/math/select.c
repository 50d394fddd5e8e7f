/* Selectors: from what a person writes in brackets to offsets along an axis, and to a tensor. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tensor_internal.h"

/* Offsets being collected; room for every place of the axis is made at the start. */
typedef struct picks {
    size_t *offsets;
    size_t count;
    pb_poll poll;
} picks;

static pb_status resolve_index(const pb_axis *axis, int64_t index, size_t *offset, pb_error **error)
{
    int64_t coordinate = index < 0 && index >= -axis->extent ? index + axis->extent : index;
    if (pb_axis_find(axis, coordinate, offset))
        return PB_OK;
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_buffer_format(&text, "the axis %s has no coordinate %lld", axis->name, (long long)index);
    if (coordinate != index)
        pb_buffer_format(&text, ", which is %lld counted from the end", (long long)coordinate);
    pb_buffer_text(&text, "; it has ");
    pb_say_coordinates(&text, axis);
    pb_status status = pb_fail_with(error, PB_RANGE, &text);
    if (axis->length > 0)
        pb_hint(error, "%s=-1 is %lld, counted from the end of the axis", axis->name,
                (long long)(axis->extent - 1));
    return status;
}

static pb_status resolve_label(const pb_axis *axis, const char *label, int occurrence,
                               size_t *offset, pb_error **error)
{
    size_t seen = 0, found = 0;
    for (size_t i = 0; axis->labels && i < axis->length; i++) {
        if (strcmp(axis->labels[i], label) != 0)
            continue;
        seen++;
        if (occurrence <= 0 || seen == (size_t)occurrence)
            found = i;
    }
    if (seen == 0)
        return pb_fail_label(axis, label, error);
    if (occurrence == PB_OCCURRENCE_ONLY && seen > 1)
        return pb_fail_occurrence(axis, label, occurrence, error);
    if (occurrence < PB_OCCURRENCE_LAST || (occurrence > 0 && seen < (size_t)occurrence))
        return pb_fail_occurrence(axis, label, occurrence, error);
    *offset = found;
    return PB_OK;
}

/* One end of a slice as a coordinate in [low, extent]; `low` is -1 where "before the first" must
 * be sayable. */
static int64_t slice_end(const pb_axis *axis, int64_t end, int64_t low)
{
    if (end < 0)
        end = end < -axis->extent ? low : end + axis->extent;
    return end > axis->extent ? axis->extent : end;
}

static int64_t extreme_coordinate(const pb_axis *axis, bool largest)
{
    int64_t extreme = pb_axis_coordinate(axis, 0);
    for (size_t i = 1; i < axis->length; i++) {
        int64_t c = pb_axis_coordinate(axis, i);
        if (largest ? c > extreme : c < extreme)
            extreme = c;
    }
    return extreme;
}

/* Whether coordinate c is on first, first + step, ... before last. */
static bool is_in_slice(int64_t c, int64_t first, int64_t last, int64_t step)
{
    if (step > 0)
        return c >= first && c < last && (uint64_t)(c - first) % (uint64_t)step == 0;
    uint64_t stride = (uint64_t)0 - (uint64_t)step;
    return c <= first && c > last && (uint64_t)(first - c) % stride == 0;
}

/* Python's slices, on coordinates: ends out of range are cut off, a negative step goes backwards.
 * Without a first end, steps count from the first place the axis still has. */
static pb_status resolve_slice(const pb_axis *axis, const pb_select *select, picks *out,
                               pb_error **error)
{
    int64_t step = select->step;
    if (step == 0) {
        pb_status status = pb_fail(error, PB_VALUE, "the step of a slice cannot be 0");
        pb_hint(error, "%s=::2 takes every second place, %s=::-1 turns the axis around", axis->name,
                axis->name);
        return status;
    }
    if (axis->length == 0)
        return PB_OK;
    int64_t low = step > 0 ? 0 : -1;
    int64_t first = select->has_first ? slice_end(axis, select->first, low)
                                      : extreme_coordinate(axis, step < 0);
    int64_t last =
        select->has_last ? slice_end(axis, select->last, low) : (step > 0 ? axis->extent : -1);
    if (step < 0 && first >= axis->extent)
        first = axis->extent - 1;
    for (size_t i = 0; i < axis->length; i++) {
        size_t offset = step > 0 ? i : axis->length - 1 - i;
        if (!pb_poll_step(&out->poll, 1))
            break;
        if (is_in_slice(pb_axis_coordinate(axis, offset), first, last, step))
            out->offsets[out->count++] = offset;
    }
    return PB_OK;
}

static pb_status resolve_mask(const pb_axis *axis, const pb_tensor *mask, picks *out,
                              pb_error **error)
{
    if (!mask || !mask->boolean || mask->rank != 1 ||
        (mask->axes[0]->name[0] && strcmp(mask->axes[0]->name, axis->name) != 0)) {
        pb_status status =
            pb_fail(error, PB_TYPE, "a mask for %s must be a comparison over %s alone", axis->name,
                    axis->name);
        pb_hint(error, "write t[%s=v > 0], where v has the one axis %s", axis->name, axis->name);
        return status;
    }
    for (size_t i = 0; i < axis->length && pb_poll_step(&out->poll, 1); i++)
        if (mask->axes[0]->length != axis->length ||
            pb_axis_coordinate(mask->axes[0], i) != pb_axis_coordinate(axis, i))
            return pb_fail(error, PB_VALUE,
                           "the mask does not have the coordinates of the axis %s it picks from",
                           axis->name);
    for (size_t i = 0; i < axis->length && pb_poll_step(&out->poll, 1); i++)
        if (mask->data[i] != 0)
            out->offsets[out->count++] = i;
    return PB_OK;
}

static pb_status resolve_one(const pb_axis *axis, const pb_select *select, size_t *offset,
                             pb_error **error)
{
    if (select->kind == PB_SELECT_INDEX)
        return resolve_index(axis, select->index, offset, error);
    if (select->kind == PB_SELECT_LABEL)
        return resolve_label(axis, select->label, select->occurrence, offset, error);
    return pb_fail(error, PB_TYPE, "a list along %s picks by coordinates or labels", axis->name);
}

static pb_status resolve_list(const pb_axis *axis, const pb_select *select, picks *out,
                              pb_error **error)
{
    bool *taken = pb_calloc(axis->length, sizeof *taken);
    pb_status status = taken ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < select->n_items; i++) {
        size_t offset = 0;
        /* A label is looked for along the whole axis. */
        if (!pb_poll_step(&out->poll, select->items[i].kind == PB_SELECT_LABEL ? axis->length : 1))
            break;
        status = resolve_one(axis, &select->items[i], &offset, error);
        if (status) {
            pb_error_of_item(error ? *error : NULL, i);
            break;
        }
        if (taken[offset])
            status = pb_fail(error, PB_VALUE, "the list picks %lld along %s twice",
                             (long long)pb_axis_coordinate(axis, offset), axis->name);
        else
            out->offsets[out->count++] = offset;
        taken[offset] = true;
    }
    free(taken);
    return status;
}

static pb_status resolve_into(const pb_axis *axis, const pb_select *select, picks *out,
                              pb_error **error)
{
    switch (select->kind) {
    case PB_SELECT_ALL:
    case PB_SELECT_EACH:
        for (size_t i = 0; i < axis->length && pb_poll_step(&out->poll, 1); i++)
            out->offsets[out->count++] = i;
        return PB_OK;
    case PB_SELECT_INDEX:
    case PB_SELECT_LABEL: out->count = 1; return resolve_one(axis, select, out->offsets, error);
    case PB_SELECT_SLICE: return resolve_slice(axis, select, out, error);
    case PB_SELECT_LIST: return resolve_list(axis, select, out, error);
    case PB_SELECT_MASK: return resolve_mask(axis, select->mask, out, error);
    case PB_SELECT_PER:
        return pb_fail(error, PB_TYPE,
                       "per([...]) gives one place for each prompt; it is for patch() and edits "
                       "over several prompts, not for an index");
    }
    return pb_fail(error, PB_INTERNAL, "an unknown kind of selector along %s", axis->name);
}

pb_status pb_axis_resolve(const pb_axis *axis, const pb_select *select, const pb_watch *watch,
                          size_t **offsets, size_t *count, bool *drops, pb_error **error)
{
    picks out = {pb_malloc(axis->length, sizeof *out.offsets), 0, {.watch = watch}};
    if (!out.offsets)
        return pb_fail_memory(error);
    if (select->kind == PB_SELECT_EACH && select->n_items > 0)
        select = select->items;
    pb_status status = resolve_into(axis, select, &out, error);
    if (!status)
        status = pb_poll_status(&out.poll, error);
    if (status) {
        free(out.offsets);
        return status;
    }
    *offsets = out.offsets;
    *count = out.count;
    *drops = select->kind == PB_SELECT_INDEX || select->kind == PB_SELECT_LABEL;
    return PB_OK;
}

/* ---- selecting from a tensor ---- */

/* What is taken along each axis of the tensor; offsets NULL for the whole axis. */
typedef struct selection {
    size_t *offsets[PB_MAX_RANK];
    size_t counts[PB_MAX_RANK];
    bool drops[PB_MAX_RANK];
} selection;

static void selection_free(selection *taken)
{
    for (size_t i = 0; i < PB_MAX_RANK; i++)
        free(taken->offsets[i]);
}

static bool is_whole(const size_t *offsets, size_t count, size_t length)
{
    if (count != length)
        return false;
    for (size_t i = 0; i < count; i++)
        if (offsets[i] != i)
            return false;
    return true;
}

static pb_status take_axis(const pb_tensor *tensor, const char *name, const pb_select *select,
                           const pb_watch *watch, selection *taken, pb_error **error)
{
    size_t which = 0;
    pb_status status = pb_tensor_need_axis(tensor, name, &which, error);
    if (status)
        return status;
    if (taken->offsets[which] || taken->drops[which])
        return pb_fail(error, PB_VALUE, "the axis %s is selected twice", name);
    const pb_axis *axis = tensor->axes[which];
    status = pb_axis_resolve(axis, select, watch, &taken->offsets[which], &taken->counts[which],
                             &taken->drops[which], error);
    return status;
}

/* The axes of the result, each owned by the caller. */
static pb_status selected_axes(const pb_tensor *tensor, const selection *taken,
                               const pb_watch *watch, pb_axis *axes[PB_MAX_RANK], size_t *rank,
                               pb_error **error)
{
    *rank = 0;
    for (size_t i = 0; i < tensor->rank; i++) {
        if (taken->drops[i])
            continue;
        pb_axis *axis = tensor->axes[i];
        if (!taken->offsets[i] || is_whole(taken->offsets[i], taken->counts[i], axis->length)) {
            axes[(*rank)++] = pb_axis_retain(axis);
            continue;
        }
        pb_status status =
            pb_axis_pick(axis, taken->offsets[i], taken->counts[i], watch, &axes[*rank], error);
        if (status)
            return status;
        (*rank)++;
    }
    return PB_OK;
}

/* The i-th offset taken along an axis. */
static size_t taken_at(const selection *taken, size_t axis, size_t i)
{
    return taken->offsets[axis] ? taken->offsets[axis][i] : i;
}

/* How many trailing axes are taken whole: they are copied as one block. */
static size_t outer_rank(const pb_tensor *tensor, const selection *taken)
{
    size_t outer = tensor->rank;
    while (outer > 0) {
        size_t i = outer - 1;
        const size_t *offsets = taken->offsets[i];
        if (offsets && !is_whole(offsets, taken->counts[i], tensor->axes[i]->length))
            break;
        outer--;
    }
    return outer;
}

static void copy_selected(pb_poll *poll, const pb_tensor *tensor, const selection *taken,
                          float *out, size_t size)
{
    size_t strides[PB_MAX_RANK], index[PB_MAX_RANK] = {0};
    pb_tensor_strides(tensor, strides);
    size_t outer = outer_rank(tensor, taken);
    size_t block = outer == 0 ? tensor->size : strides[outer - 1];
    for (size_t done = 0; done < size; done += block) {
        size_t from = 0;
        for (size_t i = 0; i < outer; i++)
            from += taken_at(taken, i, index[i]) * strides[i];
        if (!pb_poll_copy(poll, out + done, tensor->data + from, block))
            return;
        for (size_t i = outer; i-- > 0;) {
            if (++index[i] < taken->counts[i])
                break;
            index[i] = 0;
        }
    }
}

/* Where the selection starts, if it is one piece: single places, one run, then whole axes. */
static bool is_one_piece(const pb_tensor *tensor, const selection *taken, size_t *start)
{
    size_t strides[PB_MAX_RANK];
    pb_tensor_strides(tensor, strides);
    size_t outer = outer_rank(tensor, taken);
    *start = 0;
    for (size_t i = 0; i < outer; i++) {
        size_t count = taken->counts[i];
        if (count == 0 || (i + 1 < outer && count != 1))
            return false;
        for (size_t j = 1; j < count; j++)
            if (taken_at(taken, i, j) != taken_at(taken, i, 0) + j)
                return false;
        *start += taken_at(taken, i, 0) * strides[i];
    }
    return true;
}

static pb_status take(const pb_tensor *tensor, const selection *taken, size_t rank,
                      pb_axis *const *axes, const pb_watch *watch, pb_tensor **result,
                      pb_error **error)
{
    pb_poll poll = {.watch = watch};
    pb_tensor *made = NULL;
    size_t size = 1, start;
    for (size_t i = 0; i < rank; i++)
        size *= axes[i]->length; /* no more than the tensor's own size */
    if (size >= tensor->storage->size / 2 && size > 0 && is_one_piece(tensor, taken, &start))
        return pb_tensor_share(tensor, rank, axes, tensor->data + start, result, error);
    float *data = NULL;
    pb_status status = pb_tensor_blank(rank, axes, &made, &data, error);
    if (status)
        return status;
    made->boolean = tensor->boolean;
    copy_selected(&poll, tensor, taken, data, size);
    if (tensor->gaps)
        pb_tensor_mark_gaps(made);
    return pb_tensor_finish(pb_poll_status(&poll, error), made, result);
}

pb_status pb_tensor_select(const pb_tensor *tensor, size_t n, const char *const *names,
                           const pb_select *selects, const pb_watch *watch, pb_tensor **result,
                           pb_error **error)
{
    selection taken = {{NULL}, {0}, {false}};
    pb_axis *axes[PB_MAX_RANK] = {NULL};
    size_t rank = 0;
    for (size_t i = 0; i < tensor->rank; i++)
        taken.counts[i] = tensor->axes[i]->length;

    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < n; i++)
        status = take_axis(tensor, names[i], &selects[i], watch, &taken, error);
    if (!status)
        status = selected_axes(tensor, &taken, watch, axes, &rank, error);
    if (!status)
        status = take(tensor, &taken, rank, axes, watch, result, error);
    for (size_t i = 0; i < rank; i++)
        pb_axis_release(&axes[i]);
    selection_free(&taken);
    return status;
}
