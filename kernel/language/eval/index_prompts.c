/*
 * Indexes that take other places in one part of a tensor than in another: per([...]), and places
 * counted from the end where prompts have several lengths, which are resolved for each prompt.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "interp_private.h"

/* ---- prompt by prompt ---- */

/* The part that a tensor over `prompt` is asked for, beside its prompts. */
typedef struct prompt_index {
    size_t n;
    const char *const *names;
    const pb_select *selects;
    const pb_watch *watch;
} prompt_index;

static bool is_positional(const char *axis)
{
    return strcmp(axis, "pos") == 0 || strcmp(axis, "query") == 0 || strcmp(axis, "key") == 0;
}

static bool counts_from_end(const pb_select *select)
{
    if (select->kind == PB_SELECT_INDEX)
        return select->index < 0;
    if (select->kind == PB_SELECT_SLICE)
        return (select->has_first && select->first < 0) || (select->has_last && select->last < 0);
    for (size_t i = 0; select->kind == PB_SELECT_LIST && i < select->n_items; i++)
        if (counts_from_end(&select->items[i]))
            return true;
    return false;
}

bool pb_index_differs(const pb_tensor *tensor, size_t n, const char *const *names,
                      const pb_select *selects)
{
    bool differs = false;
    if (pb_tensor_find_axis(tensor, "prompt") < 0)
        return false;
    for (size_t i = 0; i < n; i++)
        differs =
            differs || selects[i].kind == PB_SELECT_PER ||
            (pb_tensor_has_gaps(tensor) && is_positional(names[i]) && counts_from_end(&selects[i]));
    return differs;
}

/* How many places along an axis hold anything. */
static pb_status count_places(const pb_tensor *part, const char *name, const pb_watch *watch,
                              size_t *count, pb_error **error)
{
    const char *others[PB_MAX_RANK];
    size_t n = 0;
    pb_tensor *there = NULL, *along = NULL;
    for (size_t i = 0; i < pb_tensor_rank(part); i++)
        if (strcmp(pb_axis_name(pb_tensor_axis(part, i)), name) != 0)
            others[n++] = pb_axis_name(pb_tensor_axis(part, i));
    pb_status status = pb_tensor_present(part, watch, &there, error);
    if (!status && n > 0)
        status = pb_tensor_reduce(PB_ANY, there, n, others, watch, &along, error);
    const pb_tensor *places = n > 0 ? along : there;
    *count = status ? 0 : pb_tensor_size(places);
    while (*count > 0 && pb_tensor_data(places)[*count - 1] == 0)
        --*count;
    pb_tensor_release(&there);
    pb_tensor_release(&along);
    return status;
}

/* Cuts the places that a prompt lacks off the end of an axis, so that -1 is its own last. */
static pb_status cut_to_length(pb_tensor **part, const char *name, const pb_watch *watch,
                               pb_error **error)
{
    int which = pb_tensor_find_axis(*part, name);
    size_t length = 0;
    pb_tensor *cut = NULL, *counted = NULL;
    pb_axis *axis = NULL, *fresh = NULL;
    if (which < 0 || !pb_tensor_has_gaps(*part))
        return PB_OK;
    pb_status status = count_places(*part, name, watch, &length, error);
    axis = pb_tensor_axis(*part, (size_t)which);
    int64_t *coordinates = pb_calloc(length + 1, sizeof *coordinates);
    const char **labels = pb_calloc(length + 1, sizeof *labels);
    if (!status && (!coordinates || !labels))
        status = pb_fail_memory(error);
    for (size_t i = 0; i < length && !status; i++) {
        coordinates[i] = pb_axis_coordinate(axis, i);
        labels[i] = pb_axis_label(axis, i);
    }
    if (!status)
        status = pb_axis_create(name, length, coordinates, pb_axis_has_labels(axis) ? labels : NULL,
                                &fresh, error);
    const pb_select ends = {.kind = PB_SELECT_SLICE,
                            .step = 1,
                            .has_last = length < pb_axis_length(axis),
                            .last = length < pb_axis_length(axis) ? pb_axis_coordinate(axis, length)
                                                                  : 0};
    if (!status)
        status = pb_tensor_select(*part, 1, &name, &ends, watch, &cut, error);
    if (!status)
        status = pb_tensor_replace_axis(cut, (size_t)which, fresh, &counted, error);
    free(coordinates);
    free(labels);
    pb_axis_release(&fresh);
    pb_tensor_release(&cut);
    if (!status) {
        pb_tensor_release(part);
        *part = counted;
    }
    return status;
}

static pb_status part_of_prompt(const prompt_index *index, const pb_tensor *tensor, size_t prompt,
                                pb_tensor **part, pb_error **error)
{
    const char *const name = "prompt", *names[PB_MAX_RANK];
    pb_select selects[PB_MAX_RANK];
    const pb_axis *prompts = pb_tensor_axis(tensor, (size_t)pb_tensor_find_axis(tensor, name));
    const pb_select one = {.kind = PB_SELECT_INDEX, .index = pb_axis_coordinate(prompts, prompt)};
    pb_tensor *own = NULL;
    size_t n = 0;
    pb_status status = pb_tensor_select(tensor, 1, &name, &one, index->watch, &own, error);
    for (size_t i = 0; i < index->n && !status; i++) {
        if (strcmp(index->names[i], name) == 0 || pb_tensor_find_axis(own, index->names[i]) < 0)
            continue;
        names[n] = index->names[i];
        selects[n] = *pb_select_for(&index->selects[i], prompt);
        if (is_positional(names[n]) && counts_from_end(&selects[n]))
            status = cut_to_length(&own, names[n], index->watch, error);
        n++;
    }
    if (!status)
        status = pb_tensor_select(own, n, names, selects, index->watch, part, error);
    pb_tensor_release(&own);
    if (status && status != PB_INTERRUPTED && error && *error)
        pb_error_precede(*error, "in prompt %zu: ", prompt);
    return status;
}

/* Puts the first axis where it lay in the whole: after the `before` axes that are still there. */
static pb_status move_first_axis(pb_tensor **tensor, size_t before, const pb_watch *watch,
                                 pb_error **error)
{
    const char *names[PB_MAX_RANK];
    size_t rank = pb_tensor_rank(*tensor);
    pb_tensor *turned = NULL;
    if (before == 0)
        return PB_OK;
    for (size_t i = 0; i < rank; i++)
        names[i] = pb_axis_name(pb_tensor_axis(*tensor, i < before ? i + 1 : i == before ? 0 : i));
    pb_status status = pb_tensor_transpose(*tensor, names, watch, &turned, error);
    pb_tensor_release(tensor);
    *tensor = turned;
    return status;
}

/* How many axes of the whole that lie before `name` the part has. */
static size_t axes_before(const pb_tensor *whole, const char *name, const pb_tensor *part)
{
    size_t before = 0;
    for (size_t i = 0; i < pb_tensor_rank(whole); i++) {
        const char *axis = pb_axis_name(pb_tensor_axis(whole, i));
        if (strcmp(axis, name) == 0)
            return before;
        before += pb_tensor_find_axis(part, axis) >= 0;
    }
    return 0;
}

static pb_status index_each_prompt(const prompt_index *index, const pb_tensor *tensor,
                                   pb_tensor **result, pb_error **error)
{
    pb_axis *prompts = pb_tensor_axis(tensor, (size_t)pb_tensor_find_axis(tensor, "prompt"));
    size_t count = pb_axis_length(prompts);
    pb_tensor **parts = pb_calloc(count, sizeof *parts);
    pb_status status = parts ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; i < count && !status; i++)
        status = part_of_prompt(index, tensor, i, &parts[i], error);
    if (!status)
        status = pb_tensor_stack_ragged(prompts, (const pb_tensor *const *)parts, index->watch,
                                        result, error);
    if (!status)
        status =
            move_first_axis(result, axes_before(tensor, "prompt", parts[0]), index->watch, error);
    for (size_t i = 0; parts && i < count; i++)
        pb_tensor_release(&parts[i]);
    free(parts);
    return status;
}

/* A field that is not over prompts stays, and one that is is indexed too. */
static pb_status index_field(const void *data, const pb_field *field, const pb_tensor *const *of,
                             pb_tensor **result, pb_error **error)
{
    const prompt_index *index = data;
    for (size_t i = 0; i < index->n; i++)
        if (field->whole && pb_tensor_find_axis(of[0], index->names[i]) < 0)
            return PB_OK; /* said of all places along that axis */
    if (pb_tensor_find_axis(of[0], "prompt") >= 0)
        return index_each_prompt(data, of[0], result, error);
    *result = pb_tensor_retain((pb_tensor *)of[0]);
    return PB_OK;
}

static pb_status check_per(const prompt_index *index, size_t prompts, pb_error **error)
{
    for (size_t i = 0; i < index->n; i++)
        if (index->selects[i].kind == PB_SELECT_PER && index->selects[i].n_items != prompts)
            return pb_fail(error, PB_VALUE,
                           "per() of %s= has %zu place%s, and there are %zu prompts here",
                           index->names[i], index->selects[i].n_items,
                           index->selects[i].n_items == 1 ? "" : "s", prompts);
    return PB_OK;
}

pb_status pb_index_by_prompt(pb_interp *interp, const pb_value *value, size_t n,
                             const char *const *names, const pb_select *selects, pb_value **result,
                             pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const prompt_index index = {n, names, selects, pb_interp_watch(interp)};
    const pb_operation operation = {.apply = index_field, .how = &index, .arranges = true};
    size_t which = (size_t)pb_tensor_find_axis(tensor, "prompt");
    pb_tensor *picked = NULL;
    pb_value *each = NULL;
    pb_status status = check_per(&index, pb_axis_length(pb_tensor_axis(tensor, which)), error);
    if (!status)
        status = index_each_prompt(&index, tensor, &picked, error);
    if (!status)
        status = pb_value_carry(&operation, 1, &value, pb_value_meta(value), &picked, &each, error);
    size_t prompt = 0;
    while (!status && prompt < n && strcmp(names[prompt], "prompt") != 0)
        prompt++;
    if (!status && prompt < n)
        status =
            pb_value_part(each, 1, &names[prompt], &selects[prompt], index.watch, result, error);
    else if (!status)
        *result = pb_value_retain(each);
    pb_value_release(&each);
    return status;
}
