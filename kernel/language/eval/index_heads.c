/* t[heads=["L4H0", "L3H2"]]: places along two axes at once, layer and head, by the names of heads.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "interp_private.h"

typedef struct head_place {
    unsigned layer, head;     /* coordinates */
    size_t at_layer, at_head; /* offsets along the axes */
} head_place;

typedef struct head_list {
    head_place *items;
    size_t n;
    pb_axis *axis; /* "component", labelled by their names */
} head_list;

static void list_clear(head_list *list)
{
    free(list->items);
    pb_axis_release(&list->axis);
}

bool pb_has_heads(const pb_tensor *tensor)
{
    return pb_tensor_find_axis(tensor, "layer") >= 0 && pb_tensor_find_axis(tensor, "head") >= 0;
}

/* ---- which ---- */

static pb_status place_on(const pb_tensor *tensor, const char *axis, unsigned coordinate,
                          size_t *offset, pb_error **error)
{
    const pb_select select = {.kind = PB_SELECT_INDEX, .index = coordinate};
    size_t which = 0, *offsets = NULL, n = 0;
    bool drops;
    pb_status status = pb_tensor_need_axis(tensor, axis, &which, error);
    if (!status)
        status = pb_axis_resolve(pb_tensor_axis(tensor, which), &select, NULL, &offsets, &n, &drops,
                                 error);
    if (!status)
        *offset = offsets[0];
    free(offsets);
    return status;
}

static pb_status read_head(const pb_tensor *tensor, const pb_value *name, head_place *head,
                           pb_error **error)
{
    char what[160];
    int length = -1;
    const char *text = pb_value_get_text(name, NULL);
    if (!text || sscanf(text, "L%uH%u%n", &head->layer, &head->head, &length) != 2 || length < 0 ||
        text[length])
        return pb_fail(error, PB_TYPE, "heads are written \"L4H1\", for layer 4, head 1, not %s",
                       pb_value_describe(name, what, sizeof what));
    pb_status status = place_on(tensor, "layer", head->layer, &head->at_layer, error);
    return status ? status : place_on(tensor, "head", head->head, &head->at_head, error);
}

/* The names: a string, a list, or what a ranking answers as .heads. */
static pb_status names_of(pb_interp *interp, const pb_value *given, pb_value **names,
                          pb_error **error)
{
    if (pb_value_kind(given) == PB_OBJECT)
        return pb_interp_attribute(interp, given, "heads", names, error);
    *names = pb_value_retain((pb_value *)given);
    return PB_OK;
}

static pb_status list_axis(const pb_tensor *tensor, const pb_value *names, head_list *list,
                           pb_error **error)
{
    size_t which = 0;
    pb_tensor_need_axis(tensor, "head", &which, NULL);
    const pb_axis *heads = pb_tensor_axis(tensor, which);
    int64_t per_layer = pb_axis_coordinate(heads, pb_axis_length(heads) - 1) + 1;
    int64_t *coordinates = pb_malloc(list->n, sizeof *coordinates);
    const char **labels = pb_malloc(list->n, sizeof *labels);
    pb_status status = coordinates && labels ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < list->n; i++) {
        coordinates[i] = list->items[i].layer * per_layer + list->items[i].head;
        labels[i] = pb_value_get_text(
            pb_value_kind(names) == PB_LIST ? pb_list_item(names, i) : names, NULL);
    }
    if (!status)
        status = pb_axis_create("component", list->n, coordinates, labels, &list->axis, error);
    free(coordinates);
    free(labels);
    return status;
}

static pb_status read_heads(const pb_tensor *tensor, const pb_value *names, head_list *list,
                            pb_error **error)
{
    bool many = pb_value_kind(names) == PB_LIST;
    list->n = many ? pb_list_count(names) : 1;
    list->items = pb_calloc(list->n, sizeof *list->items);
    if (list->n == 0)
        return pb_fail(error, PB_VALUE, "the list of heads is empty");
    pb_status status = list->items ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < list->n; i++)
        status = read_head(tensor, many ? pb_list_item(names, i) : names, &list->items[i], error);
    return status ? status : list_axis(tensor, names, list, error);
}

/* ---- picking ---- */

/* One number of the picked tensor: its place among the whole's. */
static size_t source_of(const pb_tensor *whole, const pb_tensor *picked, const head_list *list,
                        size_t number)
{
    size_t places[PB_MAX_RANK], at = 0, component = 0;
    for (size_t a = pb_tensor_rank(picked); a-- > 0;) {
        size_t length = pb_axis_length(pb_tensor_axis(picked, a));
        places[a] = number % length;
        number /= length;
    }
    size_t axis = 0;
    for (size_t a = 0; a < pb_tensor_rank(picked); a++)
        if (pb_tensor_axis(picked, a) == list->axis)
            component = places[a];
    for (size_t a = 0; a < pb_tensor_rank(whole); a++) {
        const char *name = pb_axis_name(pb_tensor_axis(whole, a));
        bool head = strcmp(name, "head") == 0, layer = strcmp(name, "layer") == 0;
        size_t place = head    ? list->items[component].at_head
                       : layer ? list->items[component].at_layer
                               : places[axis];
        axis += !head; /* the component stands where layer stood */
        at = at * pb_axis_length(pb_tensor_axis(whole, a)) + place;
    }
    return at;
}

static pb_status pick(const head_list *list, const pb_tensor *whole, pb_tensor **picked,
                      pb_error **error)
{
    pb_axis *axes[PB_MAX_RANK];
    size_t rank = 0;
    float *data = NULL;
    for (size_t a = 0; a < pb_tensor_rank(whole); a++) {
        pb_axis *axis = pb_tensor_axis(whole, a);
        bool layer = strcmp(pb_axis_name(axis), "layer") == 0;
        if (layer)
            axes[rank++] = list->axis;
        else if (strcmp(pb_axis_name(axis), "head") != 0)
            axes[rank++] = axis;
    }
    pb_status status = pb_tensor_create(rank, axes, picked, &data, error);
    for (size_t i = 0; !status && i < pb_tensor_size(*picked); i++)
        data[i] = pb_tensor_data(whole)[source_of(whole, *picked, list, i)];
    return status;
}

/* Fields along both axes are picked too; along neither they stay. */
static pb_status apply_heads(const void *how, const pb_field *field, const pb_tensor *const *of,
                             pb_tensor **result, pb_error **error)
{
    const head_list *list = how;
    if (!of[0])
        return PB_OK;
    if (pb_has_heads(of[0]))
        return pick(list, of[0], result, error);
    bool either =
        pb_tensor_find_axis(of[0], "layer") >= 0 || pb_tensor_find_axis(of[0], "head") >= 0;
    /* what is said of all heads (.check) does not hold of some */
    *result = either || field->whole ? NULL : pb_tensor_retain((pb_tensor *)of[0]);
    return PB_OK;
}

pb_status pb_index_heads(pb_interp *interp, const pb_value *value, const pb_value *heads,
                         pb_value **result, pb_error **error)
{
    head_list list = {0};
    pb_value *names = NULL;
    pb_tensor *picked = NULL;
    const pb_tensor *tensor = pb_value_get_tensor(value);
    pb_status status = names_of(interp, heads, &names, error);
    if (!status)
        status = read_heads(tensor, names, &list, error);
    if (!status)
        status = pick(&list, tensor, &picked, error);
    const pb_operation chosen = {.apply = apply_heads, .how = &list, .arranges = true};
    if (!status)
        status = pb_value_carry(&chosen, 1, &value, pb_value_meta(value), &picked, result, error);
    pb_value_release(&names);
    list_clear(&list);
    return status;
}
