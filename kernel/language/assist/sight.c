/* What is known of an expression without running it. */
#include "sight.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "eval/interp.h"
#include "syntax/parser.h"

#define MOST_ITEMS 200 /* of a list that is written out */

static void see(const pb_snapshot *snapshot, const pb_node *node, pb_sight *sight);

/* ---- members ---- */

/* x.name, where it is stored and need not be computed. */
static pb_value *stored_member(const pb_value *value, const char *name)
{
    const pb_table_cells *column = pb_table_find(value, name);
    pb_value *found = pb_record_find(value, name);
    if (!found)
        found = pb_meta_field(pb_value_meta(value), name);
    if (!found && column)
        found = column->cells;
    return pb_value_retain(found);
}

static void see_member(const pb_snapshot *snapshot, const pb_node *node, pb_sight *sight)
{
    pb_sight owner = {0};
    see(snapshot, node->items[0], &owner);
    const pb_object_type *type = pb_sight_type(&owner);
    sight->value = owner.value ? stored_member(owner.value, node->name) : NULL;
    if (!sight->value && type && type->foresee &&
        type->foresee(owner.value, node->name, &sight->prospect)) {
        sight->tensor = true;
        sight->owner = pb_value_retain(owner.value);
        sight->owner_type = type;
    }
    pb_sight_free(&owner);
}

/* ---- calls and lists ---- */

static void see_call(const pb_snapshot *snapshot, const pb_node *node, pb_sight *sight)
{
    const pb_node *function = node->items[0];
    bool named = function->kind == PB_NODE_NAME || function->kind == PB_NODE_ATTRIBUTE;
    const pb_value *own =
        function->kind == PB_NODE_NAME ? pb_scan_name(snapshot, function->name) : NULL;
    if (!named || (own && pb_value_is_callable(own)))
        return;
    const pb_builtin *row = pb_lexicon_builtin(snapshot->lexicon, function->name);
    sight->type = row && !row->gives ? row->gives_object : NULL; /* else it may be another */
}

/* A list of those of its items that are known. */
static void see_list(const pb_snapshot *snapshot, const pb_node *node, pb_sight *sight)
{
    pb_list_builder out = {0};
    for (size_t i = 0; i < node->n_items && i < MOST_ITEMS; i++) {
        pb_sight item = {0};
        see(snapshot, node->items[i], &item);
        if (item.value)
            pb_list_take(&out, pb_value_retain(item.value));
        pb_sight_free(&item);
    }
    if (pb_list_finish(&out, false, &sight->value, NULL))
        pb_list_discard(&out);
}

/* ---- parts ---- */

static bool is_one_place(const pb_node *node)
{
    return node->kind == PB_NODE_UNARY ||
           (node->kind == PB_NODE_CONSTANT &&
            (pb_value_kind(node->value) == PB_NUMBER || pb_value_kind(node->value) == PB_STRING));
}

/* t[layer=0]: a tensor of the axes along which not one place is taken. */
static void see_part(const pb_snapshot *snapshot, const pb_node *node, pb_sight *sight)
{
    pb_sight whole = {0};
    see(snapshot, node->items[0], &whole);
    for (size_t i = 0; i < pb_sight_axes(&whole) && i < PB_PROSPECT_AXES; i++) {
        const char *axis = pb_sight_axis(&whole, i);
        bool taken = false;
        for (size_t k = 0; k < node->n_arguments; k++)
            taken = taken || (node->arguments[k].name && is_one_place(node->arguments[k].value) &&
                              strcmp(node->arguments[k].name, axis) == 0);
        if (!taken)
            sight->prospect.axes[sight->prospect.n_axes++] = axis;
    }
    sight->tensor = sight->prospect.n_axes > 0;
    sight->prospect.summary = "a part of a tensor";
    /* the names of the axes are the tensor's, which the part therefore holds on to */
    sight->owner = pb_value_retain(whole.value ? whole.value : whole.owner);
    pb_sight_free(&whole);
}

static void see(const pb_snapshot *snapshot, const pb_node *node, pb_sight *sight)
{
    switch (node->kind) {
    case PB_NODE_CONSTANT: sight->value = pb_value_retain(node->value); break;
    case PB_NODE_NAME: sight->value = pb_value_retain(pb_scan_name(snapshot, node->name)); break;
    case PB_NODE_LIST: see_list(snapshot, node, sight); break;
    case PB_NODE_ATTRIBUTE: see_member(snapshot, node, sight); break;
    case PB_NODE_INDEX: see_part(snapshot, node, sight); break;
    case PB_NODE_CALL: see_call(snapshot, node, sight); break;
    default: break;
    }
}

/* ---- from tokens ---- */

void pb_sight_tokens(const pb_scan *scan, const pb_snapshot *snapshot, size_t start, size_t end,
                     pb_sight *sight)
{
    pb_program *program = NULL;
    *sight = (pb_sight){0};
    if (start >= end)
        return;
    size_t first = scan->tokens[start].span.start, last = scan->tokens[end - 1].span.end;
    pb_source *source = pb_source_create("cell", scan->lexer.text + first, last - first);
    if (source && !pb_parse_program(source, NULL, NULL, &program, NULL, NULL) &&
        program->n_statements == 1)
        see(snapshot, program->statements[0], sight);
    pb_program_release(&program);
    pb_source_release(&source);
}

void pb_sight_before(const pb_scan *scan, const pb_snapshot *snapshot, size_t end, pb_sight *sight)
{
    pb_sight_tokens(scan, snapshot, pb_scan_operand(scan, end), end, sight);
}

void pb_sight_free(pb_sight *sight)
{
    pb_value_release(&sight->value);
    pb_value_release(&sight->owner);
    *sight = (pb_sight){0};
}

const pb_object_type *pb_sight_type(const pb_sight *sight)
{
    const pb_object_type *type = pb_value_object_type(sight->value);
    return type ? type : sight->type;
}

size_t pb_sight_axes(const pb_sight *sight)
{
    const pb_tensor *tensor = pb_value_get_tensor(sight->value);
    if (tensor)
        return pb_tensor_rank(tensor);
    return sight->tensor ? sight->prospect.n_axes : 0;
}

const char *pb_sight_axis(const pb_sight *sight, size_t which)
{
    const pb_tensor *tensor = pb_value_get_tensor(sight->value);
    return tensor ? pb_axis_name(pb_tensor_axis(tensor, which)) : sight->prospect.axes[which];
}
