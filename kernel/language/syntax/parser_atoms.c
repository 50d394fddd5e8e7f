/* Atoms, and what follows them: calls, indices, attributes; comprehensions and lambdas. */
#include <string.h>

#include "parser_private.h"

/* ---- comprehensions ---- */

static bool parse_pattern(pb_parser *p, pb_pattern *pattern);

/* [a] takes a list of one item apart, which (a) does not. */
static bool wrap_pattern(pb_parser *p, pb_pattern *pattern)
{
    pb_pattern *one = pb_arena_alloc(p->program->arena, sizeof *one);
    if (!one)
        return pb_parser_out(p) != NULL;
    *one = *pattern;
    *pattern = (pb_pattern){.n_items = 1, .items = one};
    return true;
}

/* A name, or names in brackets. */
static bool pattern_item(pb_parser *p, pb_pattern *item)
{
    size_t open = p->token.span.start;
    bool round = pb_parser_is(p, "("), square = pb_parser_is(p, "[");
    *item = (pb_pattern){.rest = pb_parser_accept(p, "*")};
    if (!item->rest && (round || square)) {
        if (!pb_parser_enter(p))
            return false;
        pb_parser_next(p);
        bool parsed = parse_pattern(p, item) && pb_parser_close(p, round ? ")" : "]", open);
        pb_parser_leave(p);
        return parsed && (round || item->n_items > 0 || wrap_pattern(p, item));
    }
    if (p->token.kind != PB_TOKEN_NAME || pb_parser_at_reserved(p))
        return pb_parser_expected(p, "a name for each item") != NULL;
    item->name = pb_parser_word(p, &p->token);
    pb_parser_next(p);
    return item->name && !p->failed;
}

/* a, or a, b, or a, (b, c) */
static bool parse_pattern(pb_parser *p, pb_pattern *pattern)
{
    size_t start = p->token.span.start;
    pb_pattern first;
    if (!pattern_item(p, &first))
        return false;
    if (first.rest && !pb_parser_is(p, ","))
        return pb_parser_expected(p, "a comma after *name") != NULL;
    if (!pb_parser_is(p, ",")) {
        *pattern = first;
        return true;
    }
    *pattern = (pb_pattern){0};
    for (pb_pattern item = first;;) {
        pattern->items =
            pb_parser_grow(p, pattern->items, pattern->n_items, sizeof *pattern->items);
        if (!pattern->items)
            return false;
        pattern->items[pattern->n_items++] = item;
        if (!pb_parser_accept(p, ",") || pb_parser_is(p, "in") || pb_parser_is(p, ")") ||
            pb_parser_is(p, "]"))
            return !p->failed && pb_parser_check_rest(p, pattern, (pb_span){start, p->last});
        if (!pattern_item(p, &item))
            return false;
    }
}

static bool parse_clause(pb_parser *p, pb_node_clause *clause)
{
    if (pb_parser_accept(p, "if")) {
        clause->source = pb_parse_or(p);
        return clause->source != NULL;
    }
    pb_parser_next(p); /* for */
    clause->pattern = pb_arena_alloc(p->program->arena, sizeof *clause->pattern);
    if (!clause->pattern)
        return pb_parser_out(p) != NULL;
    if (p->failed || !parse_pattern(p, clause->pattern))
        return false;
    if (!pb_parser_accept(p, "in"))
        return pb_parser_expected(p, "in") != NULL;
    clause->source = pb_parse_or(p);
    return clause->source != NULL;
}

/* [element for a in b if c], {key: element for a in b}: at the first `for`. `key` may be NULL. */
static pb_node *parse_comprehension(pb_parser *p, pb_node *key, pb_node *element, size_t start)
{
    pb_node_list items = {0};
    pb_node *node = pb_node_new(p, PB_NODE_COMPREHENSION, start);
    if (!node || (key && !pb_node_append(p, &items, key)) || !pb_node_append(p, &items, element))
        return NULL;
    while (pb_parser_is(p, "for") || pb_parser_is(p, "if")) {
        node->clauses = pb_parser_grow(p, node->clauses, node->n_clauses, sizeof *node->clauses);
        if (!node->clauses || !parse_clause(p, &node->clauses[node->n_clauses]))
            return NULL;
        node->n_clauses++;
    }
    node->items = items.items;
    node->n_items = items.count;
    return pb_node_done(p, node);
}

/* ---- brackets ---- */

/* x[*a], x[**r] and f(**r) are not in the language; f(*a) is. */
static bool refuse_star(pb_parser *p, pb_node_kind kind)
{
    bool records = pb_parser_is(p, "**");
    if (!records && (kind == PB_NODE_CALL || !pb_parser_is(p, "*")))
        return false;
    pb_parser_fail(p, p->token.span, "a %s is not spread with %s here", records ? "record" : "list",
                   p->token.symbol);
    if (records)
        pb_parser_hint(p, "write the arguments: name=r.name");
    else
        pb_parser_hint(p, "lists are passed whole, and joined with +");
    return true;
}

/* *xs in a list, **r in a record: at the stars. */
static pb_node *parse_spread(pb_parser *p)
{
    pb_node_list items = {0};
    pb_node *node = pb_node_new(p, PB_NODE_SPREAD, p->token.span.start);
    pb_parser_next(p);
    if (!node || !pb_node_append(p, &items, pb_parse_or(p)))
        return NULL;
    node->items = items.items;
    node->n_items = items.count;
    return pb_node_done(p, node);
}

pb_node *pb_parse_item(pb_parser *p)
{
    return pb_parser_is(p, "*") ? parse_spread(p) : pb_parse_expression(p);
}

/* Expressions up to `close`; the first may be given. */
static bool parse_items(pb_parser *p, const char *close, pb_node_list *items)
{
    while (!pb_parser_is(p, close)) {
        if (!pb_node_append(p, items, pb_parse_item(p)))
            return false;
        if (!pb_parser_accept(p, ","))
            break;
    }
    return !p->failed;
}

static pb_node *list_node(pb_parser *p, const pb_node_list *items, size_t start)
{
    pb_node *node = pb_node_new(p, PB_NODE_LIST, start);
    if (!node)
        return NULL;
    node->items = items->items;
    node->n_items = items->count;
    node->bracketed = true;
    return pb_node_done(p, node);
}

static pb_node *parse_list(pb_parser *p)
{
    pb_node_list items = {0};
    size_t open = p->token.span.start;
    pb_parser_next(p);
    if (!p->failed && !pb_parser_is(p, "]")) {
        pb_node *first = pb_parse_item(p);
        if (first && first->kind != PB_NODE_SPREAD && pb_parser_is(p, "for")) {
            pb_node *node = parse_comprehension(p, NULL, first, open);
            if (!node || !pb_parser_close(p, "]", open))
                return NULL;
            node->span.end = p->last;
            return node;
        }
        if (!pb_node_append(p, &items, first))
            return NULL;
        if (pb_parser_accept(p, ",") && !parse_items(p, "]", &items))
            return NULL;
    }
    return pb_parser_close(p, "]", open) ? list_node(p, &items, open) : NULL;
}

/* (a = 1 and a line end, or another statement, where a ; was wanted. */
static void refuse_next_statement(pb_parser *p, const pb_node *before)
{
    pb_span span = before->span;
    int length = (int)(span.end - span.start);
    if (p->failed || pb_parser_advise_quote(p))
        return;
    pb_parser_fail(p, span, "a ; is missing after this statement");
    if (length < 200 && !memchr(p->lexer.text + span.start, '\n', (size_t)length))
        pb_parser_hint(p,
                       "in brackets, statements are separated by ;, also on lines of their own: "
                       "%.*s;",
                       length, p->lexer.text + span.start);
}

/* (a = 1; b = 2; a + b), after the first statement. */
static pb_node *parse_block(pb_parser *p, pb_node *first, size_t open)
{
    pb_node_list items = {0};
    pb_node *node = pb_node_new(p, PB_NODE_BLOCK, open);
    if (!node || !pb_node_append(p, &items, first))
        return NULL;
    while (pb_parser_accept(p, ";")) {
        if (pb_parser_is(p, ")"))
            break;
        if (!pb_node_append(p, &items, pb_parse_statement(p)))
            return NULL;
    }
    if (p->token.kind == PB_TOKEN_NAME || p->token.kind == PB_TOKEN_NUMBER ||
        p->token.kind == PB_TOKEN_STRING) {
        refuse_next_statement(p, items.items[items.count - 1]);
        return NULL;
    }
    if (!pb_parser_close(p, ")", open))
        return NULL;
    if (items.items[items.count - 1]->kind == PB_NODE_ASSIGN) {
        pb_parser_fail(p, items.items[items.count - 1]->span,
                       "a block in brackets ends with the expression it gives");
        pb_parser_hint(p, "(a = 1; b = 2; a + b)");
        return NULL;
    }
    node->items = items.items;
    node->n_items = items.count;
    return pb_node_done(p, node);
}

/* (a, b) after its first comma. */
static pb_node *parse_tuple_rest(pb_parser *p, pb_node *first, size_t open)
{
    pb_node_list items = {0};
    if (!pb_node_append(p, &items, first) || !parse_items(p, ")", &items))
        return NULL;
    return pb_parser_close(p, ")", open) ? list_node(p, &items, open) : NULL;
}

static pb_node *parse_group(pb_parser *p)
{
    size_t open = p->token.span.start;
    pb_node_list none = {0};
    pb_parser_next(p);
    if (pb_parser_accept(p, ")"))
        return list_node(p, &none, open);
    if (p->failed)
        return NULL;
    pb_node *first = pb_parse_statement(p);
    if (!first)
        return NULL;
    if (pb_parser_is(p, "for")) {
        first = parse_comprehension(p, NULL, first, open);
        if (!first || !pb_parser_close(p, ")", open))
            return NULL;
        return first;
    }
    if (first->kind == PB_NODE_ASSIGN || pb_parser_is(p, ";"))
        return parse_block(p, first, open);
    if (pb_parser_accept(p, ","))
        return parse_tuple_rest(p, first, open);
    if (!pb_parser_close(p, ")", open))
        return NULL;
    first->bracketed = true;
    first->span = (pb_span){open, p->last};
    return first;
}

/* A key and its value, or **r and NULL. */
static bool parse_entry_of_record(pb_parser *p, size_t open, pb_node_list *items)
{
    if (pb_parser_is(p, "**")) {
        if (!pb_node_append(p, items, parse_spread(p)))
            return false;
        pb_node **grown = pb_parser_grow(p, items->items, items->count, sizeof *grown);
        if (!grown)
            return false;
        items->items = grown;
        items->items[items->count++] = NULL;
        return true;
    }
    if (refuse_star(p, PB_NODE_LIST) || !pb_node_append(p, items, pb_parse_expression(p)))
        return false;
    if (!pb_parser_accept(p, ":")) {
        if (p->token.kind == PB_TOKEN_END)
            return pb_parser_close(p, "}", open);
        pb_parser_expected(p, "a : after the key");
        pb_parser_hint(p, "{\"name\": value} makes a record; a list is written [a, b]");
        return false;
    }
    return pb_node_append(p, items, pb_parse_expression(p));
}

static pb_node *parse_record(pb_parser *p)
{
    pb_node_list items = {0};
    size_t open = p->token.span.start;
    pb_node *node = pb_node_new(p, PB_NODE_RECORD, open);
    pb_parser_next(p);
    while (node && !p->failed && !pb_parser_is(p, "}")) {
        if (!parse_entry_of_record(p, open, &items))
            return NULL;
        if (pb_parser_is(p, "for") && items.count == 2 && items.items[1]) {
            node = parse_comprehension(p, items.items[0], items.items[1], open);
            if (!node || !pb_parser_close(p, "}", open))
                return NULL;
            node->span.end = p->last;
            return node;
        }
        if (!pb_parser_accept(p, ","))
            break;
    }
    if (!node || !pb_parser_close(p, "}", open))
        return NULL;
    node->items = items.items;
    node->n_items = items.count;
    return pb_node_done(p, node);
}

/* ---- lambda ---- */

static bool lambda_parameter(pb_parser *p, pb_node *function)
{
    pb_node_parameter *parameter;
    if (refuse_star(p, PB_NODE_LIST))
        return false;
    if (p->token.kind != PB_TOKEN_NAME || pb_parser_at_reserved(p))
        return pb_parser_expected(p, "the name of a parameter") != NULL;
    function->parameters = pb_parser_grow(p, function->parameters, function->n_parameters,
                                          sizeof *function->parameters);
    if (!function->parameters)
        return false;
    parameter = &function->parameters[function->n_parameters];
    *parameter = (pb_node_parameter){pb_parser_word(p, &p->token), NULL, p->token.span};
    for (size_t i = 0; parameter->name && i < function->n_parameters; i++)
        if (strcmp(function->parameters[i].name, parameter->name) == 0)
            return pb_parser_fail(p, parameter->span, "two parameters are called %s",
                                  parameter->name) != NULL;
    pb_parser_next(p);
    if (pb_parser_accept(p, "=")) {
        parameter->fallback = pb_parse_expression(p);
        if (!parameter->fallback)
            return false;
    } else if (function->n_parameters > 0 && !p->failed &&
               function->parameters[function->n_parameters - 1].fallback) {
        return pb_parser_fail(p, parameter->span,
                              "the parameter %s needs a default too, as one before it has one",
                              parameter->name) != NULL;
    }
    function->n_parameters++;
    return !p->failed && parameter->name;
}

pb_node *pb_parse_lambda(pb_parser *p)
{
    pb_node_list items = {0};
    pb_node *function = pb_node_new(p, PB_NODE_FUNCTION, p->token.span.start);
    if (!function)
        return NULL;
    function->word = p->token.span;
    pb_parser_next(p);
    while (!p->failed && !pb_parser_is(p, ":")) {
        if (!lambda_parameter(p, function))
            return NULL;
        if (!pb_parser_accept(p, ","))
            break;
    }
    if (!pb_parser_accept(p, ":"))
        return pb_parser_expected(p, "a : before what the lambda gives");
    if (!pb_node_append(p, &items, pb_parse_expression(p)))
        return NULL;
    function->items = items.items;
    function->n_items = items.count;
    return pb_node_done(p, function);
}

/* ---- names ---- */

static pb_node *parse_word(pb_parser *p)
{
    size_t start = p->token.span.start;
    pb_value *value = NULL;
    pb_status status = PB_OK;
    bool yes = pb_parser_is(p, "True") || pb_parser_is(p, "true");
    bool no = pb_parser_is(p, "False") || pb_parser_is(p, "false");
    bool none = pb_parser_is(p, "None") || pb_parser_is(p, "none");
    if (yes || no || none) {
        pb_parser_next(p);
        status = none ? pb_value_none(&value, p->error) : pb_value_bool(yes, &value, p->error);
        return !status ? pb_node_constant(p, value, start) : pb_parser_out(p);
    }
    if (pb_parser_at_reserved(p))
        return pb_parser_expected(p, "a value");
    pb_node *node = pb_node_new(p, PB_NODE_NAME, start);
    if (!node)
        return NULL;
    node->name = pb_parser_word(p, &p->token);
    node->word = p->token.span;
    pb_parser_next(p);
    return node->name ? pb_node_done(p, node) : NULL;
}

static pb_node *parse_atom(pb_parser *p)
{
    switch (p->token.kind) {
    case PB_TOKEN_NAME: return parse_word(p);
    case PB_TOKEN_NUMBER: return pb_parse_number(p);
    case PB_TOKEN_STRING: return pb_parse_strings(p);
    default: break;
    }
    if (pb_parser_is(p, "("))
        return parse_group(p);
    if (pb_parser_is(p, "["))
        return parse_list(p);
    if (pb_parser_is(p, "{"))
        return parse_record(p);
    return pb_parser_expected(p, "a value");
}

/* ---- arguments ---- */

/* first:last:step, any of them left out; `first` may have been read. */
static pb_node *parse_slice(pb_parser *p, pb_node *first, size_t start)
{
    pb_node *node = pb_node_new(p, PB_NODE_SLICE, start);
    if (!node)
        return NULL;
    node->items = pb_arena_array(p->program->arena, 3, sizeof *node->items);
    if (!node->items)
        return pb_parser_out(p);
    node->items[0] = first;
    node->n_items = 3;
    for (size_t i = 1; i < 3 && pb_parser_accept(p, ":"); i++) {
        if (pb_parser_is(p, ",") || pb_parser_is(p, "]") || pb_parser_is(p, ")") ||
            pb_parser_is(p, ":"))
            continue;
        node->items[i] = pb_parse_expression(p);
        if (!node->items[i])
            return NULL;
    }
    return pb_node_done(p, node);
}

static pb_node *parse_entry(pb_parser *p, bool slices)
{
    size_t start = p->token.span.start;
    if (slices && pb_parser_is(p, ":"))
        return parse_slice(p, NULL, start);
    pb_node *value = pb_parse_expression(p);
    if (value && slices && pb_parser_is(p, ":"))
        return parse_slice(p, value, start);
    return value;
}

static bool at_keyword(const pb_parser *p)
{
    if (p->token.kind != PB_TOKEN_NAME)
        return false;
    pb_token next = pb_parser_peek(p);
    return next.kind == PB_TOKEN_SYMBOL && strcmp(next.symbol, "=") == 0;
}

static bool check_argument(pb_parser *p, const pb_node *node, const pb_node_argument *argument)
{
    for (size_t i = 0; i < node->n_arguments; i++) {
        const char *before = node->arguments[i].name;
        if (argument->name && before && strcmp(argument->name, before) == 0)
            return pb_parser_fail(p, argument->span, "%s= is given twice", before) != NULL;
        if (!argument->name && before && node->kind == PB_NODE_CALL) {
            pb_parser_fail(p, argument->span,
                           "this argument follows one that has a name, so it "
                           "needs its name too");
            pb_parser_hint(p, "put it first, or write name=value");
            return false;
        }
    }
    return true;
}

static bool parse_argument(pb_parser *p, pb_node *node, size_t open)
{
    pb_node_argument argument = {.span = p->token.span};
    bool named = at_keyword(p);
    if (refuse_star(p, node->kind))
        return false;
    bool spread = pb_parser_is(p, "*");
    if (named) {
        argument.name = pb_parser_word(p, &p->token);
        pb_parser_next(p);
        pb_parser_next(p);
    }
    argument.value = p->failed ? NULL
                     : spread  ? parse_spread(p)
                               : parse_entry(p, named || node->kind == PB_NODE_INDEX);
    if (argument.value && !spread && pb_parser_is(p, "for"))
        argument.value = parse_comprehension(p, NULL, argument.value, open);
    if (!argument.value)
        return false;
    argument.span.end = p->last;
    if (!check_argument(p, node, &argument))
        return false;
    node->arguments =
        pb_parser_grow(p, node->arguments, node->n_arguments, sizeof *node->arguments);
    if (!node->arguments)
        return false;
    node->arguments[node->n_arguments++] = argument;
    return true;
}

/* f(...) and x[...], at the opening bracket. */
static pb_node *parse_bracketed(pb_parser *p, pb_node *subject, pb_node_kind kind)
{
    const char *close = kind == PB_NODE_CALL ? ")" : "]";
    size_t open = p->token.span.start;
    pb_node_list items = {0};
    pb_node *node = pb_node_new(p, kind, subject->span.start);
    if (!node || !pb_node_append(p, &items, subject))
        return NULL;
    node->word = subject->word;
    node->items = items.items;
    node->n_items = items.count;
    pb_parser_next(p);
    while (!p->failed && !pb_parser_is(p, close) && p->token.kind != PB_TOKEN_END) {
        if (!parse_argument(p, node, open))
            return NULL;
        if (!pb_parser_accept(p, ","))
            break;
    }
    if (!pb_parser_close(p, close, open))
        return NULL;
    if (kind == PB_NODE_INDEX && node->n_arguments == 0)
        return pb_parser_fail(p, (pb_span){open, p->last}, "an index is missing between [ and ]");
    return pb_node_done(p, node);
}

static pb_node *parse_attribute(pb_parser *p, pb_node *subject)
{
    pb_node_list items = {0};
    pb_node *node = pb_node_new(p, PB_NODE_ATTRIBUTE, subject->span.start);
    pb_parser_next(p);
    if (!node || !pb_node_append(p, &items, subject))
        return NULL;
    if (p->token.kind != PB_TOKEN_NAME)
        return pb_parser_expected(p, "a name after the dot");
    node->items = items.items;
    node->n_items = items.count;
    node->name = pb_parser_word(p, &p->token);
    node->word = p->token.span;
    pb_parser_next(p);
    return node->name ? pb_node_done(p, node) : NULL;
}

pb_node *pb_parse_postfix(pb_parser *p)
{
    pb_node *node = parse_atom(p);
    while (node && !p->failed) {
        if (pb_parser_is(p, "("))
            node = parse_bracketed(p, node, PB_NODE_CALL);
        else if (pb_parser_is(p, "["))
            node = parse_bracketed(p, node, PB_NODE_INDEX);
        else if (pb_parser_is(p, "."))
            node = parse_attribute(p, node);
        else
            break;
    }
    return p->failed ? NULL : node;
}
