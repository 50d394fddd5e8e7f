/* Calls: who is called, with what, and what a built-in's function may ask of its call. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "interp_private.h"

/* ---- calling a value ---- */

bool pb_value_is_callable(const pb_value *value)
{
    const pb_object_type *type = pb_value_object_type(value);
    return pb_value_kind(value) == PB_FUNCTION || pb_value_kind(value) == PB_BUILTIN ||
           (type && type->call);
}

/* A bound call lies on the heap: it is large, and calls nest. */
typedef struct pb_bound_call {
    pb_call call;
    pb_value *held[PB_MAX_PARAMETERS]; /* the values of fallbacks */
} pb_bound_call;

static pb_bound_call *bound_call_create(pb_interp *interp, const pb_builtin *row, size_t count,
                                        const pb_call_site *site)
{
    pb_bound_call *bound = pb_calloc(1, sizeof *bound);
    pb_argument *rest = pb_calloc(count, sizeof *rest);
    if (!bound || !rest) {
        free(bound);
        free(rest);
        return NULL;
    }
    bound->call.interp = interp;
    bound->call.keeper = &interp->keeper;
    bound->call.row = row;
    bound->call.span = site->span;
    bound->call.name_span = site->word;
    bound->call.source = site->source;
    bound->call.rest = rest;
    return bound;
}

static void bound_call_destroy(pb_bound_call *bound)
{
    for (size_t i = 0; i < PB_MAX_PARAMETERS; i++)
        pb_value_release(&bound->held[i]);
    free(bound->call.rest);
    free(bound);
}

static pb_status call_builtin(pb_interp *interp, const pb_builtin *row, const pb_actual *actuals,
                              size_t count, const pb_call_site *site, pb_value **result,
                              pb_error **error)
{
    pb_bound_call *bound = bound_call_create(interp, row, count, site);
    pb_chore chore;
    if (!bound)
        return pb_fail_memory(error);
    pb_chore_begin(interp, &chore, row->name);
    pb_status status = pb_bind_builtin(&bound->call, actuals, count, bound->held, error);
    if (!status)
        status = row->function(&bound->call, result, error);
    if (!status && !*result)
        status = pb_value_none(result, error);
    if (status)
        pb_value_release(result);
    bound_call_destroy(bound);
    pb_chore_end(interp, &chore, status);
    if (status && error && *error && site->source)
        pb_error_place(*error, site->source, site->span);
    return status;
}

static pb_status check_depth(const pb_interp *interp, const pb_call_site *site, pb_error **error)
{
    if (interp->calls < PB_MAX_CALL_DEPTH)
        return PB_OK;
    pb_status status = pb_fail(error, PB_LIMIT,
                               "the calls here nest too deeply: %d functions at most wait for one "
                               "another",
                               PB_MAX_CALL_DEPTH);
    if (error && *error) {
        pb_error_hint(*error, "does a function call itself without an end?");
        if (site->source)
            pb_error_place(*error, site->source, site->span);
    }
    return status;
}

static pb_status call_function(pb_interp *interp, const pb_value *function,
                               const pb_actual *actuals, size_t count, const pb_call_site *site,
                               pb_value **result, pb_error **error)
{
    pb_function_parts parts = pb_value_function_parts(function);
    pb_place place = {parts.program, NULL};
    pb_status status = check_depth(interp, site, error);
    if (!status)
        status = pb_bind_function(function, actuals, count, site, &place.scope, error);
    if (status)
        return status;
    interp->calls++;
    status = pb_interp_check(interp, error);
    if (!status)
        status = pb_evaluate(interp, &place, parts.node->items[0], result, error);
    interp->calls--;
    pb_scope_release(&place.scope);
    if (status && status != PB_INTERRUPTED && error && *error && site->source)
        pb_error_trail(*error, site->source, site->span, pb_function_name(function));
    return status;
}

static pb_status call_object(pb_interp *interp, const pb_value *object, const pb_actual *actuals,
                             size_t count, pb_value **result, pb_error **error)
{
    const pb_object_type *type = pb_value_object_type(object);
    pb_value **values = pb_calloc(count, sizeof *values);
    pb_status status = values ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < count; i++) {
        values[i] = actuals[i].value;
        if (actuals[i].name)
            status = pb_fail(error, PB_TYPE, "%s takes no argument called %s=", type->article,
                             actuals[i].name);
    }
    if (!status)
        status = type->call(interp, object, count, values, result, error);
    free(values);
    return status;
}

static pb_status not_callable(const pb_value *value, pb_error **error)
{
    char what[160];
    return pb_fail(error, PB_TYPE, "%s cannot be called like a function",
                   pb_value_describe(value, what, sizeof what));
}

pb_status pb_call_value(pb_interp *interp, const pb_value *function, const pb_actual *actuals,
                        size_t count, const pb_call_site *site, pb_value **result, pb_error **error)
{
    *result = NULL;
    switch (pb_value_kind(function)) {
    case PB_FUNCTION: return call_function(interp, function, actuals, count, site, result, error);
    case PB_BUILTIN:
        return call_builtin(interp, pb_value_get_builtin(function), actuals, count, site, result,
                            error);
    case PB_OBJECT:
        if (pb_value_object_type(function)->call)
            return call_object(interp, function, actuals, count, result, error);
        break;
    default: break;
    }
    return not_callable(function, error);
}

pb_status pb_interp_call(pb_interp *interp, const pb_value *function, size_t count,
                         pb_value *const *arguments, pb_value **result, pb_error **error)
{
    *result = NULL;
    pb_actual *actuals = pb_calloc(count, sizeof *actuals);
    if (!actuals)
        return pb_fail_memory(error);
    for (size_t i = 0; i < count; i++)
        actuals[i].value = arguments[i];
    interp->inside++;
    pb_status status =
        pb_call_value(interp, function, actuals, count, &(pb_call_site){0}, result, error);
    interp->inside--;
    free(actuals);
    return status;
}

/* ---- a call in the code ---- */

/* What a call is given, as it grows: *xs is as many arguments as xs has items. */
typedef struct pb_actuals {
    pb_actual *items;
    size_t count, capacity;
} pb_actuals;

/* Takes the value's reference, also on failure. */
static pb_status add_actual(pb_actuals *actuals, pb_actual actual, pb_error **error)
{
    if (actuals->count == actuals->capacity) {
        size_t capacity = actuals->capacity ? 2 * actuals->capacity : 4;
        pb_actual *items = pb_realloc(actuals->items, capacity, sizeof *items);
        if (!items) {
            pb_value_release(&actual.value);
            return pb_fail_memory(error);
        }
        actuals->items = items;
        actuals->capacity = capacity;
    }
    actuals->items[actuals->count++] = actual;
    return PB_OK;
}

static pb_status add_spread(pb_interp *interp, const pb_place *place,
                            const pb_node_argument *argument, pb_actuals *actuals, pb_error **error)
{
    const pb_node *node = argument->value;
    pb_value *value = NULL, *items = NULL;
    pb_status status = pb_evaluate(interp, place, node->items[0], &value, error);
    if (!status)
        status =
            pb_place_error(place, node->span, pb_interp_items(interp, value, &items, error), error);
    for (size_t i = 0; !status && i < pb_list_count(items); i++)
        status = add_actual(actuals,
                            (pb_actual){NULL, pb_value_retain(pb_list_item(items, i)), node->span,
                                        argument->span, NULL},
                            error);
    pb_interp_bury(interp, &items);
    pb_interp_bury(interp, &value);
    return status;
}

static pb_status evaluate_actuals(pb_interp *interp, const pb_place *place, const pb_node *node,
                                  bool unsettled, pb_actuals *actuals, pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < node->n_arguments; i++) {
        const pb_node_argument *argument = &node->arguments[i];
        pb_actual actual = {argument->name, NULL, argument->value->span, argument->span,
                            argument->value};
        if (argument->value->kind == PB_NODE_SPREAD) {
            status = add_spread(interp, place, argument, actuals, error);
            continue;
        }
        status = unsettled && i == 0
                     ? pb_evaluate_unsettled(interp, place, argument->value, &actual.value, error)
                     : pb_evaluate(interp, place, argument->value, &actual.value, error);
        if (!status)
            status = add_actual(actuals, actual, error);
    }
    return status;
}

/* A name that is called: the user's function, or else the built-in, or else whatever it is. */
static pb_status callee_of_name(pb_interp *interp, const pb_place *place, const pb_node *node,
                                pb_value **callee, pb_error **error)
{
    pb_value *value = pb_find_name(interp, place->scope, node->name);
    char what[160];
    if (value && pb_value_is_callable(value)) {
        *callee = value;
        return PB_OK;
    }
    const pb_builtin *row = pb_lexicon_builtin(interp->lexicon, node->name);
    if (row) {
        pb_value_release(&value);
        return pb_value_builtin(row, row->name, callee, error);
    }
    pb_status status =
        value ? pb_fail(error, PB_TYPE, "%s is %s, which cannot be called like a function",
                        node->name, pb_value_describe(value, what, sizeof what))
              : pb_fail_unknown(interp, place->scope, node->name, true, error);
    pb_value_release(&value);
    return pb_place_error(place, node->span, status, error);
}

/* x has something called f, but it cannot be called. */
static pb_status not_a_method(pb_interp *interp, const pb_place *place, const pb_node *node,
                              const pb_value *subject, pb_error **error)
{
    pb_value *member = NULL;
    pb_error *fault = NULL;
    char what[160];
    pb_status status = pb_interp_attribute(interp, subject, node->name, &member, &fault);
    bool found = !status && member;
    pb_error_destroy(&fault);
    if (found) {
        status = pb_fail(error, PB_TYPE, "%s is %s, not a function", node->name,
                         pb_value_describe(member, what, sizeof what));
        if (error && *error)
            pb_error_hint(*error, "write .%s without brackets after it", node->name);
    } else {
        status = pb_fail(error, PB_NAME, "%s has no .%s()",
                         pb_value_describe(subject, what, sizeof what), node->name);
        pb_hint_method(interp, subject, node->name, error);
    }
    pb_value_release(&member);
    return pb_place_error(place, node->word, status, error);
}

/* In model.generate(prompt) the model is no first argument but a keyword, model=. The keyword that
 * takes the subject, or NULL. */
static const char *keyword_for(const pb_value *callee, const pb_value *subject)
{
    const pb_builtin *row = pb_value_get_builtin(callee);
    const pb_object_type *type = pb_value_object_type(subject);
    if (!row || !type || pb_builtin_takes_first(row, subject))
        return NULL;
    const pb_parameter *p;
    for (size_t k = 0; (p = pb_builtin_parameter(row, k)); k++)
        for (size_t i = 0; p->mode == PB_PARAMETER_KEYWORD && i < 6 && p->objects[i]; i++)
            if (p->objects[i] == type)
                return p->name;
    return NULL;
}

/* What x.f(...) calls: a function that is a field of the record x, or the word f, which then takes
 * x as its first argument (*takes_subject). */
static pb_status callee_of_method(pb_interp *interp, const pb_place *place, const pb_node *node,
                                  const pb_value *subject, pb_value **callee, bool *takes_subject,
                                  pb_error **error)
{
    pb_value *field = pb_record_find(subject, node->name);
    *takes_subject = false;
    if (field && pb_value_is_callable(field)) {
        *callee = pb_value_retain(field);
        return PB_OK;
    }
    *takes_subject = true;
    pb_value *value = pb_find_name(interp, place->scope, node->name);
    if (value && pb_value_is_callable(value)) {
        *callee = value;
        return PB_OK;
    }
    pb_value_release(&value);
    const pb_builtin *row = pb_lexicon_builtin(interp->lexicon, node->name);
    /* a.check() of a result that has a .check: not the word check() */
    bool is_field = pb_value_kind(subject) == PB_TENSOR &&
                    pb_meta_field(pb_value_meta(subject), node->name) != NULL;
    return row && !is_field ? pb_value_builtin(row, row->name, callee, error)
                            : not_a_method(interp, place, node, subject, error);
}

static bool reduces(const pb_value *callee)
{
    const pb_builtin *row = pb_value_get_builtin(callee);
    return row && row->reduces;
}

/* What x.f(...) calls, and x as the first argument if it takes that. */
static pb_status evaluate_method(pb_interp *interp, const pb_place *place, const pb_node *node,
                                 pb_value **callee, pb_actuals *actuals, pb_error **error)
{
    const pb_node *subject = node->items[0];
    pb_actual first = {.span = subject->span, .whole = subject->span, .node = subject};
    bool takes_subject = false;
    pb_status status = pb_evaluate_unsettled(interp, place, subject, &first.value, error);
    const pb_builtin *row = pb_lexicon_builtin(interp->lexicon, node->name);
    if (!status && (!row || !row->reduces))
        status =
            pb_place_error(place, subject->span, pb_settle(interp, &first.value, error), error);
    if (!status)
        status = callee_of_method(interp, place, node, first.value, callee, &takes_subject, error);
    if (!status && !reduces(*callee)) /* the user's own word of that name */
        status = pb_settle(interp, &first.value, error);
    if (status || !takes_subject) {
        pb_interp_bury(interp, &first.value);
        return status;
    }
    first.name = keyword_for(*callee, first.value);
    return add_actual(actuals, first, error);
}

pb_status pb_evaluate_call(pb_interp *interp, const pb_place *place, const pb_node *node,
                           pb_value **result, pb_error **error)
{
    const pb_node *callee_node = node->items[0];
    pb_value *callee = NULL;
    pb_actuals actuals = {0};
    pb_status status;
    if (callee_node->kind == PB_NODE_NAME)
        status = callee_of_name(interp, place, callee_node, &callee, error);
    else if (callee_node->kind == PB_NODE_ATTRIBUTE)
        status = evaluate_method(interp, place, callee_node, &callee, &actuals, error);
    else
        status = pb_evaluate(interp, place, callee_node, &callee, error);
    if (!status)
        status = evaluate_actuals(interp, place, node, reduces(callee) && actuals.count == 0,
                                  &actuals, error);
    if (!status) {
        pb_call_site site = {place->program->source, node->span, callee_node->word};
        status = pb_call_value(interp, callee, actuals.items, actuals.count, &site, result, error);
    }
    for (size_t i = 0; i < actuals.count; i++)
        pb_interp_bury(interp, &actuals.items[i].value);
    pb_value_release(&callee);
    free(actuals.items);
    return pb_place_error(place, node->span, status, error);
}

/* ---- what a built-in sees of its call ---- */

const pb_argument *pb_argument_of(const pb_call *call, const char *name)
{
    static const pb_argument absent = {0};
    const pb_parameter *parameter;
    for (size_t i = 0; (parameter = pb_builtin_parameter(call->row, i)); i++)
        if (strcmp(parameter->name, name) == 0)
            return &call->arguments[i];
    return &absent;
}

bool pb_given(const pb_call *call, const char *name)
{
    return pb_argument_of(call, name)->given;
}

pb_value *pb_argument_value(const pb_call *call, const char *name)
{
    return pb_argument_of(call, name)->value;
}

bool pb_argument_is_none(const pb_call *call, const char *name)
{
    return pb_value_is_none(pb_argument_value(call, name));
}

double pb_argument_number(const pb_call *call, const char *name)
{
    return pb_value_get_number(pb_argument_value(call, name));
}

int64_t pb_argument_integer(const pb_call *call, const char *name)
{
    double number = pb_argument_number(call, name);
    return fabs(number) <= 9.2e18 ? (int64_t)number : 0;
}

int pb_argument_choice(const pb_call *call, const char *name)
{
    size_t which = (size_t)(pb_argument_of(call, name) - call->arguments);
    return pb_choice_of(pb_builtin_parameter(call->row, which)->choices,
                        pb_argument_text(call, name));
}

bool pb_argument_bool(const pb_call *call, const char *name)
{
    return pb_argument_number(call, name) != 0 && !pb_argument_is_none(call, name);
}

const char *pb_argument_text(const pb_call *call, const char *name)
{
    return pb_value_get_text(pb_argument_value(call, name), NULL);
}

pb_status pb_argument_texts(const pb_call *call, const char *name, const char *const **texts,
                            size_t *count, pb_error **error)
{
    const pb_value *value = pb_argument_value(call, name);
    bool one = pb_value_kind(value) == PB_STRING;
    char what[160];
    *texts = NULL;
    *count = 0;
    if (pb_value_is_none(value))
        return PB_OK;
    if (!one && !pb_list_of(value, PB_STRING))
        return pb_fail_argument(call, name, error, PB_TYPE,
                                "%s is a string or a list of strings, not %s", name,
                                pb_value_describe(value, what, sizeof what));
    size_t n = one ? 1 : pb_list_count(value);
    const char **list = pb_calloc(n, sizeof *list);
    if (!list)
        return pb_fail_memory(error);
    for (size_t i = 0; i < n; i++)
        list[i] = pb_value_get_text(one ? value : pb_list_item(value, i), NULL);
    *texts = list;
    *count = n;
    return PB_OK;
}

pb_status pb_argument_count(const pb_call *call, const char *name, size_t *count, pb_error **error)
{
    double number = pb_argument_number(call, name);
    *count = 0;
    if (number < 0 || number > 9007199254740992.0 || number != floor(number))
        return pb_fail_argument(call, name, error, PB_VALUE, "%s is a count, so it cannot be %.9g",
                                name, number);
    *count = (size_t)number;
    return PB_OK;
}

pb_status pb_fail_argument(const pb_call *call, const char *name, pb_error **error, pb_status code,
                           const char *text, ...)
{
    char message[600];
    va_list arguments;
    va_start(arguments, text);
    vsnprintf(message, sizeof message, text, arguments);
    va_end(arguments);
    return pb_place_argument(call, name, pb_fail(error, code, "%s", message), error);
}

pb_span pb_item_span(const pb_node *node, const pb_value *value, pb_span whole,
                     const pb_error *error)
{
    size_t item;
    bool named = node && node->kind == PB_NODE_LIST && pb_error_item(error, &item) &&
                 item < node->n_items && pb_list_count(value) == node->n_items;
    return named ? node->items[item]->span : whole;
}

pb_status pb_place_argument(const pb_call *call, const char *name, pb_status status,
                            pb_error **error)
{
    if (!status || !error || !*error || !call->source)
        return status;
    const char *about = pb_error_argument(*error);
    if (about && pb_given(call, about))
        name = about;
    const pb_argument *given = name && pb_given(call, name) ? pb_argument_of(call, name) : NULL;
    pb_error_place(*error, call->source,
                   given ? pb_item_span(given->node, given->value, given->span, *error)
                         : call->span);
    return status;
}
