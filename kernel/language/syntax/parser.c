/* Programs and statements, and what all of the parser shares. */
#include "syntax/parser.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "parser_private.h"

#define PB_MAX_TREE_DEPTH 1200

/* ---- programs ---- */

static pb_program *program_create(pb_source *source)
{
    pb_program *program = pb_calloc(1, sizeof *program);
    if (!program)
        return NULL;
    atomic_init(&program->references, 1);
    program->source = pb_source_retain(source);
    program->arena = pb_arena_create();
    if (!program->arena)
        pb_program_release(&program);
    return program;
}

pb_program *pb_program_retain(pb_program *program)
{
    if (program)
        atomic_fetch_add_explicit(&program->references, 1, memory_order_relaxed);
    return program;
}

void pb_program_release(pb_program **program)
{
    pb_program *old = *program;
    *program = NULL;
    if (!old || atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) != 1)
        return;
    pb_list_discard(&old->constants);
    pb_arena_destroy(&old->arena);
    pb_source_release(&old->source);
    free(old);
}

/* ---- looking and moving ---- */

void pb_parser_next(pb_parser *p)
{
    p->last = p->token.span.end;
    if (p->token.kind == PB_TOKEN_STRING)
        p->string = p->token.span;
    p->token = pb_lexer_next(&p->lexer);
    if (p->token.kind == PB_TOKEN_BAD)
        p->failed = true;
}

pb_token pb_parser_peek(const pb_parser *p)
{
    pb_lexer ahead = p->lexer;
    ahead.error = NULL;
    return pb_lexer_next(&ahead);
}

bool pb_parser_is(const pb_parser *p, const char *word_or_symbol)
{
    return pb_token_is(&p->lexer, &p->token, word_or_symbol);
}

bool pb_parser_accept(pb_parser *p, const char *word_or_symbol)
{
    if (p->failed || !pb_parser_is(p, word_or_symbol))
        return false;
    pb_parser_next(p);
    return !p->failed;
}

bool pb_parser_ends(const pb_parser *p)
{
    return p->token.kind == PB_TOKEN_END || p->token.kind == PB_TOKEN_NEWLINE ||
           pb_parser_is(p, ";");
}

void *pb_parser_fail(pb_parser *p, pb_span span, const char *text, ...)
{
    char message[512];
    va_list arguments;
    if (p->failed)
        return NULL;
    va_start(arguments, text);
    vsnprintf(message, sizeof message, text, arguments);
    va_end(arguments);
    p->failed = true;
    p->at_end = span.start >= p->lexer.end;
    pb_fail(p->error, PB_SYNTAX, "%s", message);
    if (p->error)
        pb_error_place(*p->error, p->source, span);
    return NULL;
}

void *pb_parser_out(pb_parser *p)
{
    p->failed = true;
    pb_fail_memory(p->error);
    return NULL;
}

void pb_parser_hint(pb_parser *p, const char *hint, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, hint);
    vsnprintf(message, sizeof message, hint, arguments);
    va_end(arguments);
    if (p->error)
        pb_error_hint(*p->error, "%s", message);
}

static char closing(char open)
{
    return open == '(' ? ')' : open == '[' ? ']' : '}';
}

/* The text ends inside a bracket: that is what is wrong, whatever else is missing. */
static void *unclosed_at_end(pb_parser *p)
{
    size_t open = p->lexer.opened[p->lexer.depth - 1];
    pb_parser_fail(p, (pb_span){open, open + 1}, "this %c is not closed", p->lexer.text[open]);
    pb_parser_hint(p, "close it with %c", closing(p->lexer.text[open]));
    p->at_end = true;
    return NULL;
}

void *pb_parser_expected(pb_parser *p, const char *what)
{
    pb_span span = p->token.span;
    switch (p->token.kind) {
    case PB_TOKEN_BAD: return NULL;
    case PB_TOKEN_END:
        if (p->lexer.depth > 0 && !p->field)
            return unclosed_at_end(p);
        return pb_parser_fail(p, span, "%s is missing here: the %s ends", what,
                              p->field ? "replacement" : "cell");
    case PB_TOKEN_NEWLINE:
        return pb_parser_fail(p, (pb_span){span.start, span.start},
                              "%s is missing here: the line ends", what);
    default:
        pb_parser_fail(p, span, "%s was expected here, not %.*s", what,
                       (int)(span.end - span.start > 40 ? 40 : span.end - span.start),
                       p->lexer.text + span.start);
        if (pb_parser_is(p, ","))
            pb_parser_hint(p, "is this a comma too many?");
        else if (pb_parser_is(p, "//"))
            pb_parser_hint(p, "a comment begins with #");
        return NULL;
    }
}

bool pb_parser_close(pb_parser *p, const char *symbol, size_t open)
{
    if (pb_parser_accept(p, symbol))
        return true;
    if (p->failed || pb_parser_advise_quote(p))
        return false;
    char opened = p->lexer.text[open];
    pb_span span = p->token.span;
    if (p->token.kind == PB_TOKEN_END) {
        pb_parser_fail(p, (pb_span){open, open + 1}, "this %c is not closed", opened);
        pb_parser_hint(p, "close it with %s", symbol);
        p->at_end = true;
        return false;
    }
    if (memchr(p->lexer.text + p->last, '\n', span.start - p->last)) {
        pb_parser_fail(p, (pb_span){open, open + 1},
                       "this %c is not closed on its line, and the "
                       "next does not continue it",
                       opened);
        pb_parser_hint(p, "close it with %s", symbol);
        return false;
    }
    if (p->token.kind == PB_TOKEN_SYMBOL && strchr(")]}", p->token.symbol[0])) {
        pb_parser_fail(p, span, "this %s does not close the %c", p->token.symbol, opened);
        pb_parser_hint(p, "close it with %s", symbol);
        return false;
    }
    if (pb_parser_is(p, "=")) {
        pb_parser_fail(p, span,
                       "= gives a name its value, and there is no name to give one to here");
        pb_parser_hint(p, "== compares");
        return false;
    }
    pb_parser_fail(p, span, "a comma or %s is missing before %.*s", symbol,
                   (int)(span.end - span.start > 40 ? 40 : span.end - span.start),
                   p->lexer.text + span.start);
    return false;
}

/* ---- making nodes ---- */

pb_node *pb_node_new(pb_parser *p, pb_node_kind kind, size_t start)
{
    pb_node *node = pb_arena_alloc(p->program->arena, sizeof *node);
    if (!node)
        return pb_parser_out(p);
    node->kind = kind;
    node->span = (pb_span){start, start};
    node->word = node->span;
    return node;
}

static void deepen(unsigned *deepest, const pb_node *child)
{
    if (child && child->depth > *deepest)
        *deepest = child->depth;
}

pb_node *pb_node_done(pb_parser *p, pb_node *node)
{
    unsigned deepest = 0;
    if (p->failed)
        return NULL;
    for (size_t i = 0; i < node->n_items; i++)
        deepen(&deepest, node->items[i]);
    for (size_t i = 0; i < node->n_arguments; i++)
        deepen(&deepest, node->arguments[i].value);
    for (size_t i = 0; i < node->n_parameters; i++)
        deepen(&deepest, node->parameters[i].fallback);
    for (size_t i = 0; i < node->n_clauses; i++)
        deepen(&deepest, node->clauses[i].source);
    node->depth = deepest + 1;
    node->span.end = p->last;
    if (node->depth > PB_MAX_TREE_DEPTH)
        return pb_parser_fail(p, node->span, "this expression is nested too deeply");
    return node;
}

void *pb_parser_grow(pb_parser *p, void *array, size_t count, size_t size)
{
    bool power = count == 0 || (count >= 4 && (count & (count - 1)) == 0);
    if (!power)
        return array;
    void *larger = pb_arena_array(p->program->arena, count ? count * 2 : 4, size);
    if (!larger)
        return pb_parser_out(p);
    if (count > 0)
        memcpy(larger, array, count * size);
    return larger;
}

bool pb_node_append(pb_parser *p, pb_node_list *list, pb_node *node)
{
    if (!node)
        return false;
    pb_node **items = pb_parser_grow(p, list->items, list->count, sizeof *items);
    if (!items)
        return false;
    list->items = items;
    list->items[list->count++] = node;
    return true;
}

pb_node *pb_node_constant(pb_parser *p, pb_value *value, size_t start)
{
    pb_list_builder *constants = &p->program->constants;
    pb_node *node = value ? pb_node_new(p, PB_NODE_CONSTANT, start) : pb_parser_out(p);
    if (!node) {
        pb_value_release(&value);
        return NULL;
    }
    node->value = value;
    pb_list_take(constants, value);
    if (constants->status) {
        pb_error_move(&constants->error, p->error);
        p->failed = true;
        return NULL;
    }
    return pb_node_done(p, node);
}

const char *pb_parser_word(pb_parser *p, const pb_token *token)
{
    const char *word = pb_arena_text(p->program->arena, p->lexer.text + token->span.start,
                                     token->span.end - token->span.start);
    return word ? word : pb_parser_out(p);
}

bool pb_parser_enter(pb_parser *p)
{
    if (p->failed)
        return false;
    if (++p->nesting > PB_MAX_NESTING) {
        pb_parser_fail(p, p->token.span, "expressions nest at most %d deep", PB_MAX_NESTING);
        p->nesting--;
        return false;
    }
    return true;
}

void pb_parser_leave(pb_parser *p)
{
    p->nesting--;
}

/* ---- statements ---- */

bool pb_parser_check_rest(pb_parser *p, const pb_pattern *pattern, pb_span span)
{
    size_t rests = 0;
    for (size_t i = 0; i < pattern->n_items; i++)
        rests += pattern->items[i].rest;
    return rests <= 1 ||
           pb_parser_fail(p, span, "only one name with a * can take what is left") != NULL;
}

/* `a, b, c` without brackets is a list; a trailing comma is fine. */
pb_node *pb_parse_tuple(pb_parser *p)
{
    size_t start = p->token.span.start;
    pb_node *first = pb_parse_item(p);
    if (first && first->kind == PB_NODE_SPREAD && !pb_parser_is(p, ","))
        return pb_parser_expected(p, "a comma after a list with a *");
    if (!first || !pb_parser_is(p, ","))
        return first;
    pb_node_list items = {0};
    pb_node *list = pb_node_new(p, PB_NODE_LIST, start);
    if (!list || !pb_node_append(p, &items, first))
        return NULL;
    while (pb_parser_accept(p, ",")) {
        if (pb_parser_ends(p) || pb_parser_is(p, "=") || pb_parser_is(p, ")"))
            break;
        if (!pb_node_append(p, &items, pb_parse_item(p)))
            return NULL;
    }
    list->items = items.items;
    list->n_items = items.count;
    return pb_node_done(p, list);
}

/* a, (b, *c): the names of a list that is taken apart. */
static bool read_pattern(pb_parser *p, const pb_node *node, pb_pattern *pattern)
{
    bool rest = node->kind == PB_NODE_SPREAD && node->items[0]->kind == PB_NODE_NAME;
    *pattern = (pb_pattern){.rest = rest};
    if (node->kind == PB_NODE_NAME || rest) {
        pattern->name = rest ? node->items[0]->name : node->name;
        return true;
    }
    if (node->kind != PB_NODE_LIST)
        return pb_parser_fail(p, node->span,
                              "only names can stand left of = when a list is unpacked") != NULL;
    pattern->n_items = node->n_items;
    pattern->items = pb_arena_array(p->program->arena, node->n_items, sizeof *pattern->items);
    if (!pattern->items)
        return pb_parser_out(p) != NULL;
    for (size_t i = 0; i < node->n_items; i++)
        if (!read_pattern(p, node->items[i], &pattern->items[i]))
            return false;
    return pb_parser_check_rest(p, pattern, node->span);
}

static void refuse_target(pb_parser *p, const pb_node *left)
{
    switch (left->kind) {
    case PB_NODE_INDEX:
        pb_parser_fail(p, left->span,
                       "values do not change, so nothing can be assigned to a place "
                       "inside one");
        pb_parser_hint(p, "make a new value: where(condition, new, old), a comprehension, or, for "
                          "an activation, edit=set(...)");
        break;
    case PB_NODE_ATTRIBUTE:
        pb_parser_fail(p, left->span, "only a column of a named table can be assigned to");
        pb_parser_hint(p, "name the table first: t = ...; then t.%s = ...", left->name);
        break;
    case PB_NODE_COMPARE:
        pb_parser_fail(p, left->span, "a comparison cannot be assigned to");
        pb_parser_hint(p, "== compares, = gives a name");
        break;
    default:
        pb_parser_fail(p, left->span, "only a name can stand left of =");
        pb_parser_hint(p, "== compares, = gives a name");
        break;
    }
}

static bool read_target(pb_parser *p, const pb_node *left, pb_target *target)
{
    *target = (pb_target){.span = left->span};
    if (left->kind == PB_NODE_NAME) {
        target->kind = PB_TARGET_NAME;
        target->name = left->name;
        return true;
    }
    if (left->kind == PB_NODE_ATTRIBUTE && left->items[0]->kind == PB_NODE_NAME) {
        target->kind = PB_TARGET_COLUMN;
        target->name = left->items[0]->name;
        target->column = left->name;
        return true;
    }
    if (left->kind == PB_NODE_LIST) {
        target->kind = PB_TARGET_UNPACK;
        return read_pattern(p, left, &target->pattern);
    }
    refuse_target(p, left);
    return false;
}

/* f(x, y=1): the arguments of what looked like a call are the parameters of a definition. */
static bool read_parameters(pb_parser *p, const pb_node *call, pb_node *function)
{
    size_t count = call->n_arguments;
    function->parameters = pb_arena_array(p->program->arena, count, sizeof *function->parameters);
    if (!function->parameters)
        return pb_parser_out(p) != NULL;
    for (size_t i = 0; i < count; i++) {
        const pb_node_argument *argument = &call->arguments[i];
        pb_node_parameter *parameter = &function->parameters[i];
        if (!argument->name && argument->value->kind != PB_NODE_NAME) {
            pb_parser_fail(p, argument->span,
                           "a parameter of a function is a name, or a name with a default");
            pb_parser_hint(p, "f(x, y=1) = x + y defines a function; == compares");
            return false;
        }
        const char *name = argument->name ? argument->name : argument->value->name;
        pb_node *fallback = argument->name ? argument->value : NULL;
        *parameter = (pb_node_parameter){name, fallback, argument->span};
        for (size_t k = 0; k < i; k++)
            if (strcmp(function->parameters[k].name, name) == 0)
                return pb_parser_fail(p, argument->span, "two parameters are called %s", name) !=
                       NULL;
        if (i > 0 && !fallback && function->parameters[i - 1].fallback)
            return pb_parser_fail(p, argument->span,
                                  "the parameter %s needs a default too, as one before it has one",
                                  name) != NULL;
    }
    function->n_parameters = count;
    return true;
}

/* f(x, y=1) = expression, after the `=`. */
static pb_node *parse_definition(pb_parser *p, const pb_node *call)
{
    const pb_node *callee = call->items[0];
    pb_node *assign = pb_node_new(p, PB_NODE_ASSIGN, call->span.start);
    pb_node *function = pb_node_new(p, PB_NODE_FUNCTION, call->span.start);
    if (!assign || !function)
        return NULL;
    if (callee->kind != PB_NODE_NAME)
        return pb_parser_fail(p, callee->span, "a function is defined under a name: f(x) = ...");
    function->name = callee->name;
    function->word = callee->span;
    function->items = pb_arena_array(p->program->arena, 1, sizeof *function->items);
    assign->items = pb_arena_array(p->program->arena, 1, sizeof *assign->items);
    assign->targets = pb_arena_array(p->program->arena, 1, sizeof *assign->targets);
    if (!function->items || !assign->items || !assign->targets)
        return pb_parser_out(p);
    if (!read_parameters(p, call, function))
        return NULL;
    function->items[0] = pb_parse_tuple(p);
    function->n_items = 1;
    if (!function->items[0] || !pb_node_done(p, function))
        return NULL;
    assign->items[0] = function;
    assign->n_items = 1;
    assign->targets[0] =
        (pb_target){.kind = PB_TARGET_NAME, .name = callee->name, .span = callee->span};
    assign->n_targets = 1;
    return pb_node_done(p, assign);
}

/* name = expression, a, b = expression, a = b = expression: after the first `=`. */
static pb_node *parse_assignment(pb_parser *p, pb_node *left)
{
    pb_node *assign = pb_node_new(p, PB_NODE_ASSIGN, left->span.start);
    pb_node *value = left;
    if (!assign)
        return NULL;
    do {
        assign->targets =
            pb_parser_grow(p, assign->targets, assign->n_targets, sizeof *assign->targets);
        if (!assign->targets || !read_target(p, value, &assign->targets[assign->n_targets]))
            return NULL;
        assign->n_targets++;
        value = pb_parse_tuple(p);
    } while (value && pb_parser_accept(p, "="));
    assign->items = value ? pb_arena_array(p->program->arena, 1, sizeof *assign->items) : NULL;
    if (!value)
        return NULL;
    if (!assign->items)
        return pb_parser_out(p);
    assign->items[0] = value;
    assign->n_items = 1;
    return pb_node_done(p, assign);
}

/* x? asks for help on x. */
static pb_node *parse_question(pb_parser *p, pb_node *subject)
{
    pb_node *word = pb_node_new(p, PB_NODE_NAME, subject->span.start);
    pb_node *call = pb_node_new(p, PB_NODE_CALL, subject->span.start);
    if (!word || !call)
        return NULL;
    word->name = "help";
    word->span = subject->span;
    call->items = pb_arena_array(p->program->arena, 1, sizeof *call->items);
    call->arguments = pb_arena_array(p->program->arena, 1, sizeof *call->arguments);
    if (!call->items || !call->arguments)
        return pb_parser_out(p);
    call->items[0] = word;
    call->n_items = 1;
    call->arguments[0] = (pb_node_argument){NULL, subject, subject->span};
    call->n_arguments = 1;
    call->word = subject->span;
    return pb_node_done(p, call);
}

pb_node *pb_parse_statement(pb_parser *p)
{
    if (pb_parser_advise_start(p))
        return NULL;
    pb_node *left = pb_parse_tuple(p);
    if (!left)
        return NULL;
    if (pb_parser_accept(p, "="))
        return left->kind == PB_NODE_CALL ? parse_definition(p, left) : parse_assignment(p, left);
    if (pb_parser_accept(p, "?"))
        return parse_question(p, left);
    return p->failed ? NULL : left;
}

static void skip_separators(pb_parser *p)
{
    while (!p->failed && (p->token.kind == PB_TOKEN_NEWLINE || pb_parser_is(p, ";")))
        pb_parser_next(p);
}

static bool parse_statements(pb_parser *p, pb_node_list *statements)
{
    for (skip_separators(p); !p->failed && p->token.kind != PB_TOKEN_END; skip_separators(p)) {
        pb_node *statement = pb_parse_statement(p);
        if (!statement)
            return false;
        if (!pb_parser_ends(p))
            return pb_parser_advise_rest(p, statement) != NULL;
        statement->quiet = pb_parser_is(p, ";");
        if (!pb_node_append(p, statements, statement))
            return false;
    }
    return !p->failed;
}

static void describe_end(const pb_parser *p, pb_parse_end *end)
{
    bool more =
        p->lexer.more && (p->at_end || p->token.kind == PB_TOKEN_END || p->lexer.quote_open);
    end->more = more;
    end->open_brackets = p->lexer.depth;
    end->in_quotes = p->lexer.quote_open;
}

pb_status pb_parse_program(pb_source *source, pb_is_word *is_word, const void *words,
                           pb_program **program, pb_parse_end *end, pb_error **error)
{
    pb_error *fault = NULL;
    pb_node_list statements = {0};
    *program = NULL;
    if (end)
        *end = (pb_parse_end){0};
    pb_parser *p = pb_calloc(1, sizeof *p);
    pb_program *made = p ? program_create(source) : NULL;
    if (!made) {
        free(p);
        return pb_fail_memory(error);
    }
    p->program = made;
    p->source = source;
    p->error = &fault;
    p->is_word = is_word;
    p->words = words;
    pb_lexer_start(&p->lexer, source, (pb_span){0, pb_source_length(source)}, &fault);
    pb_parser_next(p);
    bool parsed = parse_statements(p, &statements);
    if (parsed && p->lexer.more) /* a backslash at the very end */
        parsed = pb_parser_fail(p, p->token.span, "the line after this \\ is missing") != NULL;
    made->statements = statements.items;
    made->n_statements = statements.count;
    if (!parsed && end)
        describe_end(p, end);
    free(p);
    if (parsed) {
        *program = made;
        return PB_OK;
    }
    pb_program_release(&made);
    pb_status status = fault ? pb_error_code(fault) : PB_SYNTAX;
    if (error && !*error)
        *error = fault;
    else
        pb_error_destroy(&fault);
    return status;
}
