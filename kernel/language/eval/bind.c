/* Arguments to parameters: of built-ins, by their rows, and of the user's functions. */
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "interp_private.h"

/* ---- rows ---- */

const pb_parameter *pb_builtin_parameter(const pb_builtin *row, size_t which)
{
    const pb_parameter *at = row->parameters;
    for (size_t group = 0;; at = row->also[group++]) {
        for (; at->name; at++)
            if (which-- == 0)
                return at;
        if (group == PB_MAX_GROUPS || !row->also[group])
            return NULL;
    }
}

void pb_builtin_signature(const pb_builtin *row, pb_buffer *out)
{
    bool keywords = false, after_normal = false;
    if (row->signature) {
        pb_buffer_text(out, row->signature);
        return;
    }
    pb_buffer_byte(out, '(');
    const pb_parameter *p;
    for (size_t i = 0; (p = pb_builtin_parameter(row, i)); i++) {
        if (i > 0)
            pb_buffer_text(out, ", ");
        if (p->mode == PB_PARAMETER_KEYWORD && !keywords && after_normal)
            pb_buffer_text(out, "*, ");
        after_normal = p->mode == PB_PARAMETER_NORMAL;
        keywords = keywords || p->mode == PB_PARAMETER_KEYWORD;
        if (p->mode == PB_PARAMETER_REST)
            pb_buffer_format(out, "*%s", p->name);
        else if (p->mode == PB_PARAMETER_NAMED)
            pb_buffer_format(out, "%s=...", p->name);
        else if (p->fallback)
            pb_buffer_format(out, "%s=%s", p->name, p->fallback);
        else
            pb_buffer_text(out, p->name);
    }
    pb_buffer_byte(out, ')');
}

bool pb_builtin_takes_kind(const pb_builtin *row, pb_kind kind, const pb_object_type *type)
{
    const pb_parameter *p = pb_builtin_parameter(row, 0);
    if (!p || p->mode == PB_PARAMETER_KEYWORD || p->mode == PB_PARAMETER_NAMED)
        return false;
    if (p->types & (1u << kind))
        return true;
    for (size_t i = 0; type && i < 6 && p->objects[i]; i++)
        if (p->objects[i] == type || p->objects[i] == type->stands_for)
            return true;
    return false;
}

bool pb_builtin_takes_first(const pb_builtin *row, const pb_value *value)
{
    return pb_builtin_takes_kind(row, pb_value_kind(value), pb_value_object_type(value));
}

/* ---- fallbacks ---- */

/* The value of a fallback: a number, a string in quotes, True, False, None, [], each, all. */
static pb_status fallback_value(const pb_lexicon *lexicon, const char *text, pb_value **result,
                                pb_error **error)
{
    size_t length = strlen(text);
    char *end = NULL;
    const pb_constant *constant = pb_lexicon_constant(lexicon, text);
    if (constant)
        return constant->make(result, error);
    if (strcmp(text, "True") == 0 || strcmp(text, "False") == 0)
        return pb_value_bool(text[0] == 'T', result, error);
    if (strcmp(text, "[]") == 0)
        return pb_value_take_list(NULL, 0, result, error);
    if (strcmp(text, "\"\\n\"") == 0)
        return pb_value_text("\n", result, error);
    if (length >= 2 && (text[0] == '"' || text[0] == '\''))
        return pb_value_string(text + 1, length - 2, result, error);
    double number = strtod(text, &end);
    if (end != text && *end == '\0')
        return pb_value_number(number, strpbrk(text, ".eE") ? PB_DOUBLE : PB_INTEGER, result,
                               error);
    return pb_value_none(result, error);
}

/* ---- what a parameter takes ---- */

static bool takes_object(const pb_parameter *parameter, const pb_value *value)
{
    const pb_object_type *type = pb_value_object_type(value);
    size_t most = sizeof parameter->objects / sizeof *parameter->objects;
    for (size_t i = 0; type && i < most && parameter->objects[i]; i++)
        if (parameter->objects[i] == type)
            return true;
    return false;
}

bool pb_parameter_takes(const pb_parameter *parameter, const pb_value *value)
{
    pb_kind kind = pb_value_kind(value);
    if (parameter->types & (1u << kind))
        return true;
    if (kind == PB_NONE)
        return parameter->fallback && strcmp(parameter->fallback, "None") == 0;
    if (kind == PB_BOOL && (parameter->types & PB_TAKES_NUMBER))
        return true;
    if (kind == PB_NUMBER && (parameter->types & PB_TAKES_INTEGER)) {
        double number = pb_value_get_number(value);
        return number == floor(number) && fabs(number) <= 9007199254740992.0;
    }
    return takes_object(parameter, value);
}

void pb_parameter_wanted(const pb_parameter *parameter, pb_buffer *out)
{
    static const struct {
        unsigned type;
        const char *word;
    } words[] = {
        {PB_TAKES_NUMBER, "a number"},     {PB_TAKES_INTEGER, "an integer"},
        {PB_TAKES_BOOL, "True or False"},  {PB_TAKES_STRING, "a string"},
        {PB_TAKES_LIST, "a list"},         {PB_TAKES_TENSOR, "a tensor"},
        {PB_TAKES_TABLE, "a table"},       {PB_TAKES_RECORD, "a record"},
        {PB_TAKES_SELECTOR, "a selector"}, {1u << PB_FUNCTION, "a function"},
        {PB_TAKES_OBJECT, "an object"},
    };
    const char *list[24];
    size_t count = 0;
    if (parameter->what) {
        pb_buffer_text(out, parameter->what);
        return;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (parameter->types & words[i].type)
            list[count++] = words[i].word;
    for (size_t i = 0; i < 6 && parameter->objects[i]; i++)
        list[count++] = parameter->objects[i]->article;
    for (size_t i = 0; i < count; i++)
        pb_buffer_format(out, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", list[i]);
    if (count == 0)
        pb_buffer_text(out, "a value");
}

/* For over=0 of a tensor: the name of that axis. NULL for anything else. */
static const char *axis_by_number(const pb_call *call, const char *parameter, const pb_value *value)
{
    const pb_value *first = call->n_rest ? call->rest[0].value : call->arguments[0].value;
    const pb_tensor *tensor = first ? pb_value_get_tensor(first) : NULL;
    if (!parameter || strcmp(parameter, "over") != 0 || !tensor || !pb_value_is_integer(value))
        return NULL;
    double number = pb_value_get_number(value), rank = (double)pb_tensor_rank(tensor);
    number += number < 0 ? rank : 0;
    return number >= 0 && number < rank ? pb_axis_name(pb_tensor_axis(tensor, (size_t)number))
                                        : NULL;
}

static pb_status wrong_type(const pb_call *call, const pb_parameter *parameter,
                            const pb_argument *argument, pb_error **error)
{
    char got[200];
    pb_buffer wanted = PB_BUFFER_EMPTY;
    pb_parameter_wanted(parameter, &wanted);
    pb_fail(error, PB_TYPE, "%s() takes %s as %s, not %s", call->row->name,
            wanted.data ? wanted.data : "a value", argument->name,
            pb_value_describe(argument->value, got, sizeof got));
    pb_buffer_free(&wanted);
    const char *text = pb_value_get_text(argument->value, NULL);
    const char *maker = parameter->objects[0] ? parameter->objects[0]->made_by : NULL;
    const char *axis = axis_by_number(call, parameter->name, argument->value);
    if (error && *error && text && maker && strlen(text) < 100)
        pb_error_hint(*error, "%s=%s(\"%s\")", argument->name, maker, text);
    else if (error && *error && axis)
        pb_error_hint(*error, "axes have names: over=\"%s\"", axis);
    if (error && *error && call->source)
        pb_error_place(*error, call->source, argument->span);
    return PB_TYPE;
}

int pb_choice_of(const char *choices, const char *text)
{
    size_t length = strlen(text);
    int which = 0;
    for (const char *at = choices; *at; which++) {
        size_t word = strcspn(at, " ");
        if (word == length && memcmp(at, text, length) == 0)
            return which;
        at += word + (at[word] == ' ');
    }
    return -1;
}

/* Appends "a", "b" or "c". Splits `words` in place; `names` point to the single words. */
static size_t list_choices(char *words, const char *names[32], pb_buffer *out)
{
    size_t count = 0;
    char *rest = NULL;
    for (char *at = strtok_r(words, " ", &rest); at && count < 32; at = strtok_r(NULL, " ", &rest))
        names[count++] = at;
    for (size_t i = 0; i < count; i++)
        pb_buffer_format(out, "%s\"%s\"", i == 0 ? "" : i + 1 == count ? " or " : ", ", names[i]);
    return count;
}

static pb_status wrong_choice(const pb_call *call, const pb_parameter *parameter,
                              const pb_argument *argument, pb_error **error)
{
    char words[512];
    const char *names[32] = {NULL};
    pb_buffer listed = PB_BUFFER_EMPTY;
    const char *text = pb_value_get_text(argument->value, NULL);
    snprintf(words, sizeof words, "%s", parameter->choices);
    size_t count = list_choices(words, names, &listed);
    pb_fail(error, PB_VALUE, "%s= of %s() is %s, not \"%s\"", parameter->name, call->row->name,
            listed.data ? listed.data : "something else", text);
    pb_buffer_free(&listed);
    const char *near = pb_nearest(text, names, count);
    if (error && *error && near)
        pb_error_hint(*error, "did you mean \"%s\"?", near);
    if (error && *error && call->source)
        pb_error_place(*error, call->source, argument->span);
    return PB_VALUE;
}

static pb_status check_argument(const pb_call *call, const pb_parameter *parameter,
                                const pb_argument *argument, pb_error **error)
{
    if (!pb_parameter_takes(parameter, argument->value))
        return wrong_type(call, parameter, argument, error);
    if (!(parameter->types & PB_TAKES_NUL)) {
        pb_status status = pb_value_check_names(argument->value, error);
        if (status && error && *error && call->source)
            pb_error_place(*error, call->source, argument->span);
        if (status)
            return status;
    }
    const char *text = pb_value_get_text(argument->value, NULL);
    if (parameter->choices && text && pb_choice_of(parameter->choices, text) < 0)
        return wrong_choice(call, parameter, argument, error);
    return PB_OK;
}

/* ---- binding a built-in's arguments ---- */

static void hint_signature(const pb_builtin *row, pb_error **error)
{
    pb_buffer signature = PB_BUFFER_EMPTY;
    if (!error || !*error)
        return;
    pb_builtin_signature(row, &signature);
    pb_error_hint(*error, "%s%s", row->name, signature.data ? signature.data : "()");
    pb_buffer_free(&signature);
}

static pb_status place_actual(const pb_call *call, const pb_actual *actual, pb_status status,
                              pb_error **error)
{
    if (error && *error && call->source)
        pb_error_place(*error, call->source, actual ? actual->whole : call->span);
    return status;
}

static pb_status too_many(const pb_call *call, const pb_actual *actual, size_t most,
                          pb_error **error)
{
    pb_fail(error, PB_TYPE, "%s() takes %zu argument%s without a name, this is one more",
            call->row->name, most, most == 1 ? "" : "s");
    hint_signature(call->row, error);
    return place_actual(call, actual, PB_TYPE, error);
}

/* Names that other libraries have for a parameter of the row: the parameter's name here, or NULL.
 */
static const char *other_name(const pb_builtin *row, const char *keyword)
{
    static const struct {
        const char *theirs, *ours;
    } names[] = {{"axis", "over"},
                 {"dim", "over"},
                 {"clean", "from"},
                 {"corrupted", "into"},
                 {"clean_prompt", "from"},
                 {"corrupted_prompt", "into"},
                 {"source", "from"},
                 {"position", "pos"},
                 {"positions", "pos"},
                 {"layers", "layer"},
                 {"hook", "at"},
                 {"site", "at"},
                 {"hook_point", "at"},
                 {"name", "at"},
                 {"at", "site"},
                 {"activation", "at"},
                 {"activation", "site"},
                 {"facet_col", "facet"},
                 {"facet_row", "facet"},
                 {"facet_col_wrap", "columns"},
                 {"max_new_tokens", "n"},
                 {"word", "target"},
                 {"words", "target"},
                 {"token", "target"},
                 {"n", "k"},
                 {"topk", "k"},
                 {"colour", "color"},
                 {"hue", "color"},
                 {"ascending", "reverse"},
                 {"descending", "reverse"},
                 {"target", "metric"},
                 {"filename", "path"},
                 {"prepend_bos", "bos"},
                 {"separator", "sep"}};
    const pb_parameter *p;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t k = 0; (p = pb_builtin_parameter(row, k)); k++)
            if (strcmp(names[i].theirs, keyword) == 0 && strcmp(names[i].ours, p->name) == 0)
                return p->name;
    return NULL;
}

static pb_status unknown_keyword(const pb_call *call, const pb_actual *actual, pb_error **error)
{
    const char *names[PB_MAX_PARAMETERS] = {NULL};
    char listed[400] = "";
    size_t count = 0, used = 0;
    const pb_parameter *p;
    for (size_t i = 0; (p = pb_builtin_parameter(call->row, i)); i++)
        if (p->mode <= PB_PARAMETER_KEYWORD)
            names[count++] = p->name;
    for (size_t i = 0; i < count && used < sizeof listed - 40; i++)
        used +=
            (size_t)snprintf(listed + used, sizeof listed - used, "%s%s=", i ? ", " : "", names[i]);
    const char *near = other_name(call->row, actual->name);
    if (!near)
        near = pb_nearest(actual->name, names, count);
    if (count == 0)
        pb_fail(error, PB_TYPE, "%s() takes no argument called %s=", call->row->name, actual->name);
    else
        pb_fail(error, PB_TYPE, "%s() takes %s, not %s=", call->row->name, listed, actual->name);
    const char *axis = axis_by_number(call, near, actual->value);
    if (error && *error && axis)
        pb_error_hint(*error, "axes have names: over=\"%s\"", axis);
    else if (error && *error && near)
        pb_error_hint(*error, "did you mean %s=?", near);
    return place_actual(call, actual, PB_TYPE, error);
}

static pb_status missing(const pb_call *call, const pb_parameter *parameter, pb_error **error)
{
    pb_buffer wanted = PB_BUFFER_EMPTY;
    pb_parameter_wanted(parameter, &wanted);
    pb_fail(error, PB_TYPE, "%s() needs %s: %s", call->row->name, parameter->name,
            wanted.data ? wanted.data : "a value");
    pb_buffer_free(&wanted);
    hint_signature(call->row, error);
    return place_actual(call, NULL, PB_TYPE, error);
}

static int find_parameter(const pb_builtin *row, const char *name)
{
    const pb_parameter *p;
    for (int i = 0; (p = pb_builtin_parameter(row, (size_t)i)); i++)
        if (p->mode <= PB_PARAMETER_KEYWORD && strcmp(p->name, name) == 0)
            return i;
    return -1;
}

/* The parameter a positional argument goes to: the next normal one, or the rest. */
static int next_positional(const pb_builtin *row, int after)
{
    const pb_parameter *p;
    for (int i = after + 1; (p = pb_builtin_parameter(row, (size_t)i)); i++)
        if (p->mode == PB_PARAMETER_NORMAL || p->mode == PB_PARAMETER_REST)
            return i;
    return -1;
}

static bool has_mode(const pb_builtin *row, pb_parameter_mode mode, int *which)
{
    const pb_parameter *p;
    for (int i = 0; (p = pb_builtin_parameter(row, (size_t)i)); i++) {
        if (p->mode == mode) {
            *which = i;
            return true;
        }
    }
    return false;
}

/* Finds where one actual argument goes: *which, or -1 for the rest of the named ones. */
static pb_status place_of(const pb_call *call, const pb_actual *actual, int *positional,
                          size_t passed, int *which, pb_error **error)
{
    const pb_builtin *row = call->row;
    if (actual->name) {
        *which = find_parameter(row, actual->name);
        if (*which < 0 && !has_mode(row, PB_PARAMETER_NAMED, which))
            return unknown_keyword(call, actual, error);
        bool twice = pb_builtin_parameter(row, (size_t)*which)->mode != PB_PARAMETER_NAMED &&
                     call->arguments[*which].given;
        if (twice)
            return place_actual(call, actual,
                                pb_fail(error, PB_TYPE,
                                        "%s= of %s() is given twice, once without its name",
                                        actual->name, row->name),
                                error);
        return PB_OK;
    }
    bool in_rest = *positional >= 0 &&
                   pb_builtin_parameter(row, (size_t)*positional)->mode == PB_PARAMETER_REST;
    *which = in_rest ? *positional : next_positional(row, *positional);
    if (*which < 0)
        return too_many(call, actual, passed, error);
    *positional = *which;
    return PB_OK;
}

static pb_status fill_fallbacks(pb_call *call, pb_value *held[PB_MAX_PARAMETERS], pb_error **error)
{
    const pb_parameter *parameter;
    for (size_t i = 0; (parameter = pb_builtin_parameter(call->row, i)); i++) {
        pb_argument *argument = &call->arguments[i];
        if (argument->given || parameter->mode > PB_PARAMETER_KEYWORD)
            continue;
        if (!parameter->fallback)
            return missing(call, parameter, error);
        pb_status status =
            fallback_value(call->interp->lexicon, parameter->fallback, &held[i], error);
        if (status)
            return status;
        argument->value = held[i];
        argument->span = call->span;
    }
    return PB_OK;
}

/* What stands for a value of a type that the parameter takes is given as that, held in *held. */
static pb_status stand_in(const pb_call *call, const pb_parameter *parameter, pb_argument *argument,
                          pb_value **held, pb_error **error)
{
    const pb_object_type *type = pb_value_object_type(argument->value);
    size_t most = sizeof parameter->objects / sizeof *parameter->objects;
    bool wanted = false;
    if (!type || !type->stands_for || pb_parameter_takes(parameter, argument->value))
        return PB_OK;
    for (size_t i = 0; i < most && parameter->objects[i]; i++)
        wanted = wanted || parameter->objects[i] == type->stands_for;
    if (!wanted)
        return PB_OK;
    pb_status status = type->become(call->interp, argument->value, held, error);
    argument->value = status ? argument->value : *held;
    return status;
}

pb_status pb_bind_builtin(pb_call *call, const pb_actual *actuals, size_t count,
                          pb_value *held[PB_MAX_PARAMETERS], pb_error **error)
{
    const pb_parameter *parameter;
    int positional = -1, which = -1;
    for (size_t i = 0; (parameter = pb_builtin_parameter(call->row, i)); i++)
        call->arguments[i].name = parameter->name;
    for (size_t i = 0; i < count; i++) {
        const pb_actual *actual = &actuals[i];
        pb_status status = place_of(call, actual, &positional, i, &which, error);
        if (status)
            return status;
        parameter = pb_builtin_parameter(call->row, (size_t)which);
        bool rest = parameter->mode > PB_PARAMETER_KEYWORD;
        const char *name = actual->name ? actual->name : parameter->name;
        pb_argument argument = {name, actual->value, actual->span, true, actual->node};
        if (!rest)
            status = stand_in(call, parameter, &argument, &held[which], error);
        if (!status)
            status = check_argument(call, parameter, &argument, error);
        if (status)
            return status;
        if (rest)
            call->rest[call->n_rest++] = argument;
        else
            call->arguments[which] = argument;
    }
    return fill_fallbacks(call, held, error);
}

/* ---- the user's functions ---- */

static void function_signature(const pb_node *node, pb_buffer *out)
{
    pb_buffer_format(out, "%s(", node->name ? node->name : "lambda");
    for (size_t i = 0; i < node->n_parameters; i++)
        pb_buffer_format(out, "%s%s%s", i ? ", " : "", node->parameters[i].name,
                         node->parameters[i].fallback ? "=..." : "");
    pb_buffer_byte(out, ')');
}

static pb_status fail_function(const pb_node *node, const pb_call_site *site, const pb_span *span,
                               pb_error **error, const char *text, ...) PB_PRINTF(5, 6);

static pb_status fail_function(const pb_node *node, const pb_call_site *site, const pb_span *span,
                               pb_error **error, const char *text, ...)
{
    char message[300];
    va_list arguments;
    pb_buffer signature = PB_BUFFER_EMPTY;
    va_start(arguments, text);
    vsnprintf(message, sizeof message, text, arguments);
    va_end(arguments);
    pb_fail(error, PB_TYPE, "%s", message);
    function_signature(node, &signature);
    if (error && *error) {
        pb_error_hint(*error, "it is defined as %s", signature.data ? signature.data : "...");
        if (site->source)
            pb_error_place(*error, site->source, span ? *span : site->span);
    }
    pb_buffer_free(&signature);
    return PB_TYPE;
}

static pb_status assign_actuals(const pb_node *node, const pb_actual *actuals, size_t count,
                                const pb_call_site *site, const pb_value **values, pb_error **error)
{
    const char *name = node->name ? node->name : "this lambda";
    for (size_t i = 0; i < count; i++) {
        size_t which = i;
        if (actuals[i].name)
            for (which = 0; which < node->n_parameters; which++)
                if (strcmp(node->parameters[which].name, actuals[i].name) == 0)
                    break;
        if (which >= node->n_parameters && actuals[i].name)
            return fail_function(node, site, &actuals[i].whole, error, "%s has no parameter %s",
                                 name, actuals[i].name);
        if (which >= node->n_parameters)
            return fail_function(node, site, &actuals[i].span, error,
                                 "%s takes %zu argument%s, got %zu", name, node->n_parameters,
                                 node->n_parameters == 1 ? "" : "s", count);
        if (values[which])
            return fail_function(node, site, &actuals[i].span, error, "%s is given twice",
                                 node->parameters[which].name);
        values[which] = actuals[i].value;
    }
    return PB_OK;
}

static pb_status bind_parameters(const pb_function_parts *parts, const pb_value *const *values,
                                 const pb_call_site *site, pb_scope **scope, pb_error **error)
{
    const pb_node *node = parts->node;
    for (size_t i = 0; i < node->n_parameters; i++) {
        const pb_value *value = values[i] ? values[i] : parts->fallbacks[i];
        pb_scope *inner = NULL;
        if (!value)
            return fail_function(node, site, NULL, error, "%s needs a value for %s",
                                 node->name ? node->name : "this lambda", node->parameters[i].name);
        pb_status status = pb_scope_bind(*scope, node->parameters[i].name, value, &inner, error);
        if (status)
            return status;
        pb_scope_release(scope);
        *scope = inner;
    }
    return PB_OK;
}

pb_status pb_bind_function(const pb_value *function, const pb_actual *actuals, size_t count,
                           const pb_call_site *site, pb_scope **scope, pb_error **error)
{
    pb_function_parts parts = pb_value_function_parts(function);
    pb_status status = PB_OK;
    const pb_value **values = calloc(parts.node->n_parameters + 1, sizeof *values);
    *scope = pb_scope_retain(parts.scope);
    if (!values)
        status = pb_fail_memory(error);
    /* a function that was defined in a block is bound there to its own name, so that it can call
     * itself */
    if (!status && parts.node->name) {
        pb_scope *inner = NULL;
        status = pb_scope_bind(*scope, parts.node->name, function, &inner, error);
        pb_scope_release(scope);
        *scope = inner;
    }
    if (!status)
        status = assign_actuals(parts.node, actuals, count, site, values, error);
    if (!status)
        status = bind_parameters(&parts, values, site, scope, error);
    if (status)
        pb_scope_release(scope);
    free(values);
    return status;
}
