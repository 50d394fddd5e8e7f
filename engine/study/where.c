/* Selectors and heads to offsets; see study/where.h. */
#include "study/where.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "places.h"

/* ---- of several prompts ---- */

pb_status pb_check_count(const char *what, size_t n, size_t n_prompts, pb_error **error)
{
    if (n <= 1 || n == n_prompts)
        return PB_OK;
    return pb_fail(error, PB_VALUE,
                   "there are %zu %s for %zu prompt%s: give one for all, or one for each prompt", n,
                   what, n_prompts, n_prompts == 1 ? "" : "s");
}

pb_status pb_check_per(const pb_select *select, size_t n_prompts, pb_error **error)
{
    if (pb_select_walks(select))
        select = select->n_items ? select->items : NULL;
    if (!select || select->kind != PB_SELECT_PER)
        return PB_OK;
    if (select->n_items == 1 || select->n_items == n_prompts)
        return PB_OK;
    return pb_fail(
        error, PB_VALUE, "per() names %zu places, and there %s %zu prompt%s; give one for each",
        select->n_items, n_prompts == 1 ? "is" : "are", n_prompts, n_prompts == 1 ? "" : "s");
}

pb_status pb_about(const char *argument, pb_status status, pb_error **error)
{
    if (status && error)
        pb_error_about(*error, argument);
    return status;
}

pb_status pb_about_prompt(const char *argument, size_t prompt, pb_status status, pb_error **error)
{
    if (status && error)
        pb_error_of_prompt(*error, prompt);
    return pb_about(argument, status, error);
}

/* ---- offsets along an axis ---- */

pb_status pb_axis_by_number(const pb_axis *axis, const char *name, pb_axis **numbers,
                            pb_error **error)
{
    return pb_axis_create(name, pb_axis_length(axis), NULL, NULL, numbers, error);
}

static pb_status flags_of(const pb_axis *axis, const pb_select *select, unsigned char *mask,
                          size_t *n, bool *dropped, pb_error **error)
{
    size_t *offsets = NULL, count = 0;
    pb_status status = pb_axis_resolve(axis, select, NULL, &offsets, &count, dropped, error);
    if (status)
        return status;
    *n = 0;
    for (size_t i = 0; i < count; i++) {
        *n += !mask[offsets[i]];
        mask[offsets[i]] = 1;
    }
    free(offsets);
    return PB_OK;
}

static pb_status flags_or_all(const pb_axis *axis, const pb_select *select, unsigned char **mask,
                              size_t *n, bool *dropped, pb_error **error)
{
    size_t length = pb_axis_length(axis);
    unsigned char *flags = pb_calloc(length, 1);
    if (!flags)
        return pb_fail_memory(error);
    *n = length;
    *dropped = false;
    pb_status status = PB_OK;
    if (select)
        status = flags_of(axis, select, flags, n, dropped, error);
    else
        memset(flags, 1, length);
    if (status) {
        free(flags);
        return status;
    }
    *mask = flags;
    return PB_OK;
}

static pb_status no_place(const pb_axis *axis, pb_error **error)
{
    return pb_fail(error, PB_VALUE, "no place along %s is chosen: the list or slice is empty",
                   pb_axis_name(axis));
}

pb_status pb_places_mask(const pb_axis *axis, const pb_select *select, unsigned char **mask,
                         size_t *n, pb_error **error)
{
    size_t count = 0;
    bool dropped = false;
    pb_status status = flags_or_all(axis, select, mask, &count, &dropped, error);
    if (!status && count == 0 && !n)
        return no_place(axis, error);
    if (n)
        *n = count;
    return status;
}

pb_status pb_places(const pb_axis *axis, const pb_select *select, size_t **offsets, size_t *n,
                    bool *dropped, pb_error **error)
{
    unsigned char *mask = NULL;
    bool one = false;
    pb_status status = flags_or_all(axis, select, &mask, n, &one, error);
    if (status)
        return status;
    *offsets = *n ? pb_malloc(*n, sizeof **offsets) : NULL;
    if (!*offsets) {
        free(mask);
        return *n ? pb_fail_memory(error) : no_place(axis, error);
    }
    size_t length = pb_axis_length(axis), filled = 0;
    for (size_t i = 0; i < length; i++) {
        if (mask[i])
            (*offsets)[filled++] = i;
    }
    free(mask);
    if (dropped)
        *dropped = one;
    return PB_OK;
}

/* ---- heads ---- */

enum { HEAD_NAME_SIZE = 48 };

pb_status pb_axis_of_heads(const pb_model *model, const pb_head *heads, size_t n, pb_axis **axis,
                           pb_error **error)
{
    int64_t *coordinates = pb_malloc(n, sizeof *coordinates);
    const char **labels = pb_malloc(n, sizeof *labels);
    char(*names)[HEAD_NAME_SIZE] = pb_malloc(n, sizeof *names);
    pb_status status = PB_OK;
    if (!coordinates || !labels || !names) {
        status = pb_fail_memory(error);
    } else {
        size_t n_head = pb_model_shape(model)->n_head;
        for (size_t i = 0; i < n; i++) {
            snprintf(names[i], HEAD_NAME_SIZE, "L%zuH%zu", heads[i].layer, heads[i].head);
            labels[i] = names[i];
            coordinates[i] = (int64_t)(heads[i].layer * n_head + heads[i].head);
        }
        status = pb_axis_create("component", n, coordinates, labels, axis, error);
    }
    free(coordinates);
    free(labels);
    free(names);
    return status;
}

static pb_status head_in_range(const pb_model *model, pb_site site, pb_head head, pb_error **error)
{
    const pb_shape *shape = pb_model_shape(model);
    size_t n_heads = pb_site_heads(model, site);
    if (head.layer < shape->n_layer && head.head < n_heads)
        return PB_OK;
    if (head.layer < shape->n_layer && head.head < shape->n_head)
        return pb_fail(error, PB_RANGE,
                       "%s has no kv_head %zu: each layer has %zu, which groups of %zu heads read",
                       pb_site_info(site)->name, head.head, n_heads, shape->n_head / n_heads);
    return pb_fail(error, PB_RANGE,
                   "there is no head L%zuH%zu: the model has layers L0 to L%zu, each with heads H0 "
                   "to H%zu",
                   head.layer, head.head, shape->n_layer - 1, shape->n_head - 1);
}

pb_status pb_heads_check(const pb_model *model, pb_site site, const pb_head *heads, size_t n,
                         pb_error **error)
{
    for (size_t i = 0; i < n; i++) {
        pb_status status = head_in_range(model, site, heads[i], error);
        if (status)
            return status;
        for (size_t j = 0; j < i; j++) {
            if (heads[j].layer == heads[i].layer && heads[j].head == heads[i].head)
                return pb_fail(error, PB_VALUE, "head L%zuH%zu is listed twice", heads[i].layer,
                               heads[i].head);
        }
    }
    return PB_OK;
}

/* Digits only: no sign, no space, at most 9 of them. */
static bool read_number(const char **text, size_t *number)
{
    size_t digits = 0;
    *number = 0;
    for (; **text >= '0' && **text <= '9' && digits < 9; (*text)++, digits++)
        *number = *number * 10 + (size_t)(**text - '0');
    return digits > 0;
}

pb_status pb_head_parse(const pb_model *model, const char *name, pb_head *head, pb_error **error)
{
    const char *at = name;
    bool right = (*at == 'L' || *at == 'l') && at++ && read_number(&at, &head->layer) &&
                 (*at == 'H' || *at == 'h') && at++ && read_number(&at, &head->head) && !*at;
    if (!right)
        return pb_fail(error, PB_NAME,
                       "'%s' is not a head: heads are written \"L4H1\", for layer 4, head 1", name);
    return head_in_range(model, PB_SITE_Z, *head, error);
}

pb_status pb_heads_except(const pb_model *model, const pb_head *heads, size_t n, pb_head **others,
                          size_t *n_others, pb_error **error)
{
    pb_status status = pb_heads_check(model, PB_SITE_Z, heads, n, error);
    if (status)
        return status;
    const pb_shape *shape = pb_model_shape(model);
    pb_head *found = pb_malloc(shape->n_layer * shape->n_head, sizeof *found);
    if (!found)
        return pb_fail_memory(error);
    *n_others = 0;
    for (size_t i = 0; i < shape->n_layer * shape->n_head; i++) {
        pb_head head = {i / shape->n_head, i % shape->n_head};
        bool listed = false;
        for (size_t j = 0; j < n; j++)
            listed = listed || (heads[j].layer == head.layer && heads[j].head == head.head);
        if (!listed)
            found[(*n_others)++] = head;
    }
    *others = found;
    return PB_OK;
}

/* ---- prompts ---- */

pb_status pb_position_resolve(const pb_run *run, const pb_select *select, size_t *position,
                              pb_error **error)
{
    *position = pb_run_length(run) - 1;
    if (!select)
        return PB_OK;
    size_t *offsets = NULL, n = 0;
    pb_status status = pb_places(pb_run_positions(run), select, &offsets, &n, NULL, error);
    if (status)
        return pb_about("pos", status, error);
    if (n == 1)
        *position = offsets[0];
    else
        status = pb_fail(error, PB_VALUE, "one position was expected, and this names %zu", n);
    free(offsets);
    return pb_about("pos", status, error);
}

pb_status pb_same_model(pb_run *const *runs, size_t n, const pb_model *model, pb_error **error)
{
    for (size_t i = 0; i < n; i++) {
        const pb_model *other = pb_run_model(runs[i]);
        if (pb_model_id(other) != pb_model_id(model))
            return pb_fail(error, PB_VALUE,
                           "runs of two models do not mix: one is of %s, another of %s",
                           pb_model_name(model), pb_model_name(other));
    }
    return PB_OK;
}
