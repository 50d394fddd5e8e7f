/* The evaluator: one function for each kind of node. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "interp_private.h"
#include "value/text.h"

pb_status pb_place_error(const pb_place *place, pb_span span, pb_status status, pb_error **error)
{
    if (status && error && *error)
        pb_error_place(*error, place->program->source, span);
    return status;
}

/* ---- names ---- */

static pb_status evaluate_name(pb_interp *interp, const pb_place *place, const pb_node *node,
                               pb_value **result, pb_error **error)
{
    pb_status status = PB_OK;
    *result = pb_find_name(interp, place->scope, node->name);
    if (*result)
        return PB_OK;
    const pb_constant *constant = pb_lexicon_constant(interp->lexicon, node->name);
    const pb_builtin *row = pb_lexicon_builtin(interp->lexicon, node->name);
    if (constant)
        status = constant->make(result, error);
    else if (row)
        status = pb_value_builtin(row, row->name, result, error);
    else
        status = pb_fail_unknown(interp, place->scope, node->name, false, error);
    return pb_place_error(place, node->span, status, error);
}

/* ---- lists and strings ---- */

/* *xs: its items, one by one. */
static void take_spread(pb_interp *interp, const pb_place *place, const pb_node *node,
                        pb_list_builder *out)
{
    pb_value *value = NULL, *items = NULL;
    out->status = pb_evaluate(interp, place, node->items[0], &value, &out->error);
    if (!out->status)
        out->status = pb_interp_items(interp, value, &items, &out->error);
    pb_list_take_items(out, items, 0, pb_list_count(items));
    pb_interp_bury(interp, &items);
    pb_interp_bury(interp, &value);
    pb_place_error(place, node->span, out->status, &out->error);
}

static pb_status evaluate_list(pb_interp *interp, const pb_place *place, const pb_node *node,
                               pb_value **result, pb_error **error)
{
    pb_list_builder items = {.keeper = pb_interp_keeper(interp)};
    for (size_t i = 0; !items.status && i < node->n_items; i++) {
        const pb_node *item_node = node->items[i];
        pb_value *item = NULL;
        if (item_node->kind == PB_NODE_SPREAD) {
            take_spread(interp, place, item_node, &items);
            continue;
        }
        items.status = pb_evaluate(interp, place, item_node, &item, &items.error);
        pb_list_take(&items, item);
    }
    return pb_place_error(place, node->span, pb_list_finish(&items, false, result, error), error);
}

static pb_status evaluate_text(pb_interp *interp, const pb_place *place, const pb_node *node,
                               pb_value **result, pb_error **error);

/* {value!conversion:spec} of an f-string, appended to `out`. */
static pb_status evaluate_field(pb_interp *interp, const pb_place *place, const pb_node *node,
                                pb_buffer *out, pb_error **error)
{
    pb_value *value = NULL, *spec = NULL, *text = NULL;
    size_t length = 0;
    pb_status status = pb_evaluate(interp, place, node->items[0], &value, error);
    if (!status && node->name) {
        pb_buffer converted = PB_BUFFER_EMPTY;
        if (strcmp(node->name, "r") == 0)
            pb_value_repr(value, false, &converted);
        else
            interp->above->write(value, &converted);
        status = pb_value_take_buffer(&converted, &text, error);
        pb_value_release(&value);
        value = text;
    }
    if (!status && node->items[1])
        status = evaluate_text(interp, place, node->items[1], &spec, error);
    if (!status) {
        const char *format = pb_value_get_text(spec, &length);
        if (length > 0)
            status = pb_format_value(value, format, length, out, error);
        else
            interp->above->write(value, out);
    }
    pb_value_release(&value);
    pb_value_release(&spec);
    return pb_place_error(place, node->span, status, error);
}

static pb_status evaluate_text(pb_interp *interp, const pb_place *place, const pb_node *node,
                               pb_value **result, pb_error **error)
{
    pb_buffer out = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < node->n_items; i++) {
        const pb_node *part = node->items[i];
        if (part->kind == PB_NODE_FORMAT) {
            pb_status status = evaluate_field(interp, place, part, &out, error);
            if (status) {
                pb_buffer_free(&out);
                return status;
            }
            continue;
        }
        size_t length;
        const char *bytes = pb_value_get_text(part->value, &length);
        pb_buffer_append(&out, bytes, length);
    }
    return pb_place_error(place, node->span, pb_value_take_buffer(&out, result, error), error);
}

/* ---- operators ---- */

static pb_status evaluate_binary(pb_interp *interp, const pb_place *place, const pb_node *node,
                                 pb_value **result, pb_error **error)
{
    pb_value *total = NULL;
    pb_status status = pb_evaluate(interp, place, node->items[0], &total, error);
    for (size_t i = 1; !status && i < node->n_items; i++) {
        pb_value *next = NULL, *combined = NULL;
        pb_span span = {node->items[0]->span.start, node->items[i]->span.end};
        status = pb_evaluate(interp, place, node->items[i], &next, error);
        if (!status)
            status = pb_interp_check(interp, error);
        if (!status)
            status =
                pb_apply_operator(interp, node->operators[i - 1], total, next, &combined, error);
        pb_place_error(place, span, status, error);
        pb_value_release(&next);
        pb_value_release(&total);
        total = combined;
    }
    *result = total;
    return status;
}

/* a < b < c is a < b and b < c; element by element for tensors and columns. */
static pb_status compare_step(pb_interp *interp, const pb_place *place, const pb_node *node,
                              size_t i, pb_value **left, pb_value **outcome, pb_error **error)
{
    pb_value *right = NULL, *step = NULL, *both = NULL;
    pb_span span = {node->items[i - 1]->span.start, node->items[i]->span.end};
    pb_status status = pb_evaluate(interp, place, node->items[i], &right, error);
    if (!status)
        status = pb_apply_operator(interp, node->operators[i - 1], *left, right, &step, error);
    if (!status && *outcome && pb_is_elementwise(*outcome)) {
        status = pb_apply_operator(interp, PB_OP_BIT_AND, *outcome, step, &both, error);
        pb_value_release(&step);
        step = both;
    }
    pb_value_release(outcome);
    pb_value_release(left);
    *outcome = step;
    *left = right;
    return pb_place_error(place, span, status, error);
}

static pb_status evaluate_compare(pb_interp *interp, const pb_place *place, const pb_node *node,
                                  pb_value **result, pb_error **error)
{
    pb_value *left = NULL, *outcome = NULL;
    pb_status status = pb_evaluate(interp, place, node->items[0], &left, error);
    for (size_t i = 1; !status && i < node->n_items; i++) {
        bool holds = true;
        if (outcome && !pb_is_elementwise(outcome)) {
            status = pb_value_truth(outcome, &holds, error);
            if (status || !holds)
                break;
        }
        status = compare_step(interp, place, node, i, &left, &outcome, error);
    }
    pb_value_release(&left);
    if (status)
        pb_value_release(&outcome);
    *result = outcome;
    return status;
}

/* `and` and `or`, as in Python: the first operand that decides, or else the last one. */
static pb_status evaluate_logic(pb_interp *interp, const pb_place *place, const pb_node *node,
                                pb_value **result, pb_error **error)
{
    bool deciding = node->kind == PB_NODE_OR;
    for (size_t i = 0;; i++) {
        bool truth;
        pb_value *value = NULL;
        pb_status status = pb_evaluate(interp, place, node->items[i], &value, error);
        if (!status && i + 1 == node->n_items) {
            *result = value;
            return PB_OK;
        }
        if (!status)
            status = pb_value_truth(value, &truth, error);
        if (status) {
            if (pb_is_elementwise(value) && error && *error)
                pb_error_hint(*error, "& and | combine element by element: (a > 0) %s (b > 0)",
                              deciding ? "|" : "&");
            pb_value_release(&value);
            return pb_place_error(place, node->items[i]->span, status, error);
        }
        if (truth == deciding) {
            *result = value;
            return PB_OK;
        }
        pb_value_release(&value);
    }
}

static pb_status evaluate_unary(pb_interp *interp, const pb_place *place, const pb_node *node,
                                pb_value **result, pb_error **error)
{
    pb_value *operand = NULL;
    pb_status status = pb_evaluate(interp, place, node->items[0], &operand, error);
    if (!status)
        status = pb_apply_unary(interp, node->operators[0], operand, result, error);
    pb_value_release(&operand);
    return pb_place_error(place, node->span, status, error);
}

static pb_status evaluate_choice(pb_interp *interp, const pb_place *place, const pb_node *node,
                                 pb_value **result, pb_error **error)
{
    pb_value *condition = NULL;
    bool truth = false;
    pb_status status = pb_evaluate(interp, place, node->items[0], &condition, error);
    if (!status)
        status = pb_place_error(place, node->items[0]->span,
                                pb_value_truth(condition, &truth, error), error);
    pb_value_release(&condition);
    if (status)
        return status;
    return pb_evaluate(interp, place, node->items[truth ? 1 : 2], result, error);
}

/* ---- binding names ---- */

/* Binds a name in front of *scope, which is replaced. */
static pb_status bind_in_scope(pb_interp *interp, void *data, const char *name,
                               const pb_value *value, pb_error **error)
{
    pb_scope **scope = data, *inner = NULL;
    (void)interp;
    pb_status status = pb_scope_bind(*scope, name, value, &inner, error);
    if (!status) {
        pb_scope_release(scope);
        *scope = inner;
    }
    return status;
}

static pb_status does_not_fit(const pb_pattern *pattern, size_t rest, const pb_value *value,
                              size_t count, pb_error **error)
{
    char what[160];
    size_t n = pattern->n_items - (rest < pattern->n_items);
    return pb_fail(error, PB_VALUE, "%s%zu name%s cannot take %s apart, it has %zu item%s",
                   rest < pattern->n_items ? "at least " : "", n, n == 1 ? "" : "s",
                   pb_value_describe(value, what, sizeof what), count, count == 1 ? "" : "s");
}

/* Items [start, start + count) as a list, for *name. */
static pb_status bind_rest(pb_interp *interp, const char *name, const pb_value *items, size_t start,
                           size_t count, pb_binder *bind, void *data, pb_error **error)
{
    pb_list_builder out = {.keeper = pb_interp_keeper(interp)};
    pb_value *list = NULL;
    pb_list_take_items(&out, items, start, start + count);
    pb_status status = pb_list_finish(&out, false, &list, error);
    if (!status)
        status = bind(interp, data, name, list, error);
    pb_value_release(&list);
    return status;
}

pb_status pb_bind_pattern(pb_interp *interp, const pb_pattern *pattern, const pb_value *value,
                          pb_binder *bind, void *data, pb_error **error)
{
    pb_value *items = NULL;
    size_t n = pattern->n_items, rest = 0;
    if (pattern->name)
        return bind(interp, data, pattern->name, value, error);
    while (rest < n && !pattern->items[rest].rest)
        rest++;
    pb_status status = pb_interp_items(interp, value, &items, error);
    size_t count = pb_list_count(items);
    if (!status && (rest < n ? count + 1 < n : count != n))
        status = does_not_fit(pattern, rest, value, count, error);
    for (size_t i = 0; !status && i < n; i++) {
        const pb_pattern *item = &pattern->items[i];
        size_t at = i <= rest ? i : i + count - n; /* after the rest, from the end */
        status = item->rest
                     ? bind_rest(interp, item->name, items, at, count + 1 - n, bind, data, error)
                     : pb_bind_pattern(interp, item, pb_list_item(items, at), bind, data, error);
    }
    pb_value_release(&items);
    return status;
}

pb_status pb_with_column(pb_interp *interp, const pb_value *table, const pb_target *target,
                         const pb_value *value, pb_value **result, pb_error **error)
{
    char what[160];
    if (pb_value_kind(table) != PB_TABLE) {
        pb_status status =
            pb_fail(error, PB_TYPE, "only a table's columns can be assigned to; %s is %s",
                    target->name, pb_value_describe(table, what, sizeof what));
        if (error && *error)
            pb_error_hint(*error, "give the result a name of its own: %s_%s = ...", target->name,
                          target->column);
        return status;
    }
    return pb_table_with(pb_interp_keeper(interp), table, target->column, value, result, error);
}

static pb_status assign_locally(pb_interp *interp, const pb_target *target, const pb_value *value,
                                pb_scope **scope, pb_error **error)
{
    pb_value *table = NULL, *made = NULL;
    pb_scope *inner = NULL;
    pb_status status;
    if (target->kind == PB_TARGET_UNPACK)
        return pb_bind_pattern(interp, &target->pattern, value, bind_in_scope, scope, error);
    if (target->kind == PB_TARGET_COLUMN) {
        table = pb_find_name(interp, *scope, target->name);
        status = table ? pb_with_column(interp, table, target, value, &made, error)
                       : pb_fail_unknown(interp, *scope, target->name, false, error);
        value = made;
    } else {
        status = PB_OK;
    }
    if (!status)
        status = pb_scope_bind(*scope, target->name, value, &inner, error);
    if (!status) {
        pb_scope_release(scope);
        *scope = inner;
    }
    pb_value_release(&table);
    pb_value_release(&made);
    return status;
}

/* (a = 1; b = 2; a + b): each statement sees the names before it. */
static pb_status evaluate_block(pb_interp *interp, const pb_place *place, const pb_node *node,
                                pb_value **result, pb_error **error)
{
    pb_place inner = {place->program, pb_scope_retain(place->scope)};
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < node->n_items; i++) {
        const pb_node *statement = node->items[i];
        pb_value *value = NULL;
        bool assigns = statement->kind == PB_NODE_ASSIGN;
        status =
            pb_evaluate(interp, &inner, assigns ? statement->items[0] : statement, &value, error);
        for (size_t t = 0; !status && assigns && t < statement->n_targets; t++)
            status = pb_place_error(
                place, statement->targets[t].span,
                assign_locally(interp, &statement->targets[t], value, &inner.scope, error), error);
        if (!status && i + 1 == node->n_items)
            *result = pb_value_retain(value);
        pb_value_release(&value);
    }
    pb_scope_release(&inner.scope);
    return status;
}

/* ---- comprehensions ---- */

/* What is made: of [x for ...] the list, of {key: x for ...} the record. Errors go where the one
 * that is made remembers its own. */
typedef struct comprehension {
    pb_list_builder list;
    pb_record_builder record;
} comprehension;

static pb_status walk_clauses(pb_interp *interp, const pb_place *place, const pb_node *node,
                              size_t which, comprehension *out, pb_error **error);

static pb_status walk_if(pb_interp *interp, const pb_place *place, const pb_node *node,
                         size_t which, comprehension *out, pb_error **error)
{
    const pb_node *condition = node->clauses[which].source;
    pb_value *value = NULL;
    bool truth = false;
    pb_status status = pb_evaluate(interp, place, condition, &value, error);
    if (!status)
        status =
            pb_place_error(place, condition->span, pb_value_truth(value, &truth, error), error);
    pb_value_release(&value);
    return !status && truth ? walk_clauses(interp, place, node, which + 1, out, error) : status;
}

static pb_status walk_item(pb_interp *interp, const pb_place *place, const pb_node *node,
                           size_t which, const pb_value *item, comprehension *out, pb_error **error)
{
    const pb_node_clause *clause = &node->clauses[which];
    pb_place inner = {place->program, pb_scope_retain(place->scope)};
    pb_status status =
        pb_bind_pattern(interp, clause->pattern, item, bind_in_scope, &inner.scope, error);
    pb_place_error(place, clause->source->span, status, error);
    if (!status)
        status = walk_clauses(interp, &inner, node, which + 1, out, error);
    pb_scope_release(&inner.scope);
    return status;
}

static pb_status walk_for(pb_interp *interp, const pb_place *place, const pb_node *node,
                          size_t which, comprehension *out, pb_error **error)
{
    const pb_node_clause *clause = &node->clauses[which];
    pb_value *source = NULL, *items = NULL;
    pb_chore chore;
    pb_status status = pb_evaluate(interp, place, clause->source, &source, error);
    if (!status)
        status = pb_place_error(place, clause->source->span,
                                pb_interp_items(interp, source, &items, error), error);
    pb_chore_begin(interp, &chore, NULL);
    interp->inside++;
    for (size_t i = 0; !status && i < pb_list_count(items); i++) {
        pb_chore_at(interp, &chore, i, pb_list_count(items));
        status = pb_interp_check(interp, error);
        if (!status)
            status = walk_item(interp, place, node, which, pb_list_item(items, i), out, error);
    }
    interp->inside--;
    pb_chore_end(interp, &chore, status);
    pb_interp_bury(interp, &items);
    pb_interp_bury(interp, &source);
    return status;
}

static pb_status walk_clauses(pb_interp *interp, const pb_place *place, const pb_node *node,
                              size_t which, comprehension *out, pb_error **error)
{
    if (which < node->n_clauses)
        return node->clauses[which].pattern ? walk_for(interp, place, node, which, out, error)
                                            : walk_if(interp, place, node, which, out, error);
    if (node->n_items == 2)
        return pb_evaluate_entry(interp, place, node->items[0], node->items[1], &out->record);
    pb_value *element = NULL;
    pb_status status = pb_evaluate(interp, place, node->items[0], &element, error);
    if (status)
        return status;
    pb_list_take(&out->list, element);
    return pb_place_error(place, node->span, out->list.status, error);
}

static pb_status evaluate_comprehension(pb_interp *interp, const pb_place *place,
                                        const pb_node *node, pb_value **result, pb_error **error)
{
    pb_keeper *keeper = pb_interp_keeper(interp);
    comprehension made = {{.keeper = keeper}, {.keeper = keeper}};
    pb_status status;
    if (node->n_items == 2) {
        made.record.status = walk_clauses(interp, place, node, 0, &made, &made.record.error);
        status = pb_record_finish(&made.record, result, error);
    } else {
        made.list.status = walk_clauses(interp, place, node, 0, &made, &made.list.error);
        status = pb_list_finish(&made.list, false, result, error);
    }
    return pb_place_error(place, node->span, status, error);
}

/* ---- functions and attributes ---- */

static pb_status evaluate_function(pb_interp *interp, const pb_place *place, const pb_node *node,
                                   pb_value **result, pb_error **error)
{
    pb_value **fallbacks = pb_calloc(node->n_parameters, sizeof *fallbacks);
    pb_status status = fallbacks ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < node->n_parameters; i++)
        if (node->parameters[i].fallback)
            status = pb_evaluate(interp, place, node->parameters[i].fallback, &fallbacks[i], error);
    if (!status)
        status = pb_value_function(
            &(pb_function_parts){place->program, node, place->scope, fallbacks}, result, error);
    for (size_t i = 0; fallbacks && i < node->n_parameters; i++)
        pb_value_release(&fallbacks[i]);
    free(fallbacks);
    return status;
}

static pb_status evaluate_attribute(pb_interp *interp, const pb_place *place, const pb_node *node,
                                    pb_value **result, pb_error **error)
{
    pb_value *subject = NULL;
    pb_status status = pb_evaluate(interp, place, node->items[0], &subject, error);
    if (!status)
        status =
            pb_place_error(place, node->word,
                           pb_interp_attribute(interp, subject, node->name, result, error), error);
    pb_value_release(&subject);
    return status;
}

/* ---- dispatch ---- */

static pb_status evaluate_kind(pb_interp *interp, const pb_place *place, const pb_node *node,
                               pb_value **result, pb_error **error)
{
    switch (node->kind) {
    case PB_NODE_CONSTANT: *result = pb_value_retain(node->value); return PB_OK;
    case PB_NODE_NAME: return evaluate_name(interp, place, node, result, error);
    case PB_NODE_LIST: return evaluate_list(interp, place, node, result, error);
    case PB_NODE_RECORD: return pb_evaluate_record(interp, place, node, result, error);
    case PB_NODE_TEXT: return evaluate_text(interp, place, node, result, error);
    case PB_NODE_UNARY: return evaluate_unary(interp, place, node, result, error);
    case PB_NODE_BINARY: return evaluate_binary(interp, place, node, result, error);
    case PB_NODE_COMPARE: return evaluate_compare(interp, place, node, result, error);
    case PB_NODE_AND:
    case PB_NODE_OR: return evaluate_logic(interp, place, node, result, error);
    case PB_NODE_CHOICE: return evaluate_choice(interp, place, node, result, error);
    case PB_NODE_FUNCTION: return evaluate_function(interp, place, node, result, error);
    case PB_NODE_COMPREHENSION: return evaluate_comprehension(interp, place, node, result, error);
    case PB_NODE_CALL: return pb_evaluate_call(interp, place, node, result, error);
    case PB_NODE_INDEX: return pb_evaluate_index(interp, place, node, result, error);
    case PB_NODE_SLICE: return pb_evaluate_slice(interp, place, node, result, error);
    case PB_NODE_ATTRIBUTE: return evaluate_attribute(interp, place, node, result, error);
    case PB_NODE_BLOCK: return evaluate_block(interp, place, node, result, error);
    case PB_NODE_SPREAD:
    case PB_NODE_FORMAT:
    case PB_NODE_ASSIGN: break;
    }
    return pb_fail(error, PB_INTERNAL, "this cannot be evaluated");
}

/* How much stack was used since the cell began, in whichever direction it grows. */
static size_t stack_used(const pb_interp *interp)
{
    const char *here = __builtin_frame_address(0);
    ptrdiff_t used = interp->stack - here;
    return (size_t)(used < 0 ? -used : used);
}

static pb_status too_deep(const pb_interp *interp, const pb_place *place, const pb_node *node,
                          pb_error **error)
{
    pb_status status =
        pb_fail(error, PB_LIMIT, "the calls here nest too deeply: after %u there is no stack left",
                interp->calls);
    if (error && *error)
        pb_error_hint(*error, "does a function call itself without an end?");
    return pb_place_error(place, node->span, status, error);
}

pb_status pb_evaluate_unsettled(pb_interp *interp, const pb_place *place, const pb_node *node,
                                pb_value **result, pb_error **error)
{
    *result = NULL;
    if (++interp->steps > interp->most_steps && interp->most_steps > 0)
        return pb_fail(error, PB_LIMIT, "this takes more than %zu steps", interp->most_steps);
    if (stack_used(interp) > interp->most_stack)
        return too_deep(interp, place, node, error);
    return evaluate_kind(interp, place, node, result, error);
}

pb_status pb_settle(pb_interp *interp, pb_value **value, pb_error **error)
{
    const pb_object_type *type = pb_value_object_type(*value);
    pb_value *settled = NULL;
    if (!type || !type->settle)
        return PB_OK;
    pb_status status = type->settle(interp, *value, &settled, error);
    pb_value_release(value);
    *value = settled;
    return status;
}

pb_status pb_evaluate(pb_interp *interp, const pb_place *place, const pb_node *node,
                      pb_value **result, pb_error **error)
{
    pb_status status = pb_evaluate_unsettled(interp, place, node, result, error);
    if (!status)
        status = pb_place_error(place, node->span, pb_settle(interp, result, error), error);
    return status;
}
