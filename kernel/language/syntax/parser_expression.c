/* Expressions, one function for each level of Python's precedence, loosest first. */
#include <string.h>

#include "parser_private.h"

/* A chain of one level being read: operands and the operators between them. */
typedef struct pb_chain {
    pb_node_list items;
    pb_operator *operators;
    pb_span *spans;
    size_t count;
} pb_chain;

static bool chain_operator(pb_parser *p, pb_chain *chain, pb_operator op, pb_span span)
{
    chain->operators = pb_parser_grow(p, chain->operators, chain->count, sizeof *chain->operators);
    chain->spans = pb_parser_grow(p, chain->spans, chain->count, sizeof *chain->spans);
    if (!chain->operators || !chain->spans)
        return false;
    chain->operators[chain->count] = op;
    chain->spans[chain->count++] = span;
    return true;
}

static pb_node *chain_node(pb_parser *p, pb_node_kind kind, const pb_chain *chain)
{
    pb_node *node = pb_node_new(p, kind, chain->items.items[0]->span.start);
    if (!node)
        return NULL;
    node->items = chain->items.items;
    node->n_items = chain->items.count;
    node->operators = chain->operators;
    node->operator_spans = chain->spans;
    if (chain->count > 0)
        node->word = chain->spans[0];
    return pb_node_done(p, node);
}

/* ---- arithmetic: | ^ & << >> + - * / // % @ ---- */

typedef struct pb_level_operator {
    int level;
    const char *symbol;
    pb_operator op;
} pb_level_operator;

enum { LEVEL_OR, LEVEL_XOR, LEVEL_AND, LEVEL_SHIFT, LEVEL_SUM, LEVEL_PRODUCT, LEVEL_UNARY };

static const pb_level_operator level_operators[] = {
    {LEVEL_OR, "|", PB_OP_BIT_OR},
    {LEVEL_XOR, "^", PB_OP_BIT_XOR},
    {LEVEL_AND, "&", PB_OP_BIT_AND},
    {LEVEL_SHIFT, "<<", PB_OP_SHIFT_LEFT},
    {LEVEL_SHIFT, ">>", PB_OP_SHIFT_RIGHT},
    {LEVEL_SUM, "+", PB_OP_ADD},
    {LEVEL_SUM, "-", PB_OP_SUB},
    {LEVEL_PRODUCT, "*", PB_OP_MUL},
    {LEVEL_PRODUCT, "/", PB_OP_DIV},
    {LEVEL_PRODUCT, "//", PB_OP_FLOORDIV},
    {LEVEL_PRODUCT, "%", PB_OP_MOD},
};

static bool operator_at(const pb_parser *p, int level, pb_operator *op)
{
    if (p->token.kind != PB_TOKEN_SYMBOL)
        return false;
    for (size_t i = 0; i < sizeof level_operators / sizeof *level_operators; i++) {
        if (level_operators[i].level == level &&
            strcmp(level_operators[i].symbol, p->token.symbol) == 0) {
            *op = level_operators[i].op;
            return true;
        }
    }
    return false;
}

static pb_node *parse_unary(pb_parser *p);

static pb_node *parse_level(pb_parser *p, int level)
{
    pb_chain chain = {0};
    pb_operator op;
    if (level == LEVEL_UNARY)
        return parse_unary(p);
    pb_node *first = parse_level(p, level + 1);
    if (first && level == LEVEL_PRODUCT && pb_parser_is(p, "@")) {
        pb_parser_fail(p, p->token.span, "@ is not used here");
        pb_parser_hint(p, "dot(a, b, over=\"d_model\") multiplies along a named axis");
        return NULL;
    }
    if (!first || !operator_at(p, level, &op))
        return first;
    if (!pb_node_append(p, &chain.items, first))
        return NULL;
    while (operator_at(p, level, &op)) {
        if (!chain_operator(p, &chain, op, p->token.span))
            return NULL;
        pb_parser_next(p);
        if (!pb_node_append(p, &chain.items, parse_level(p, level + 1)))
            return NULL;
    }
    return chain_node(p, PB_NODE_BINARY, &chain);
}

static pb_node *unary_node(pb_parser *p, pb_operator op, pb_span word, pb_node *operand)
{
    pb_chain chain = {0};
    if (!operand || !pb_node_append(p, &chain.items, operand) ||
        !chain_operator(p, &chain, op, word))
        return NULL;
    pb_node *node = chain_node(p, PB_NODE_UNARY, &chain);
    if (node)
        node->span.start = word.start;
    return node;
}

/* Binds tighter than unary minus on its left, looser on its right: -2 ** -1 is -(2 ** (-1)). */
static pb_node *parse_power(pb_parser *p)
{
    pb_chain chain = {0};
    pb_node *base = pb_parse_postfix(p);
    pb_span word = p->token.span;
    if (!base || !pb_parser_accept(p, "**"))
        return base;
    if (!pb_node_append(p, &chain.items, base) || !chain_operator(p, &chain, PB_OP_POW, word) ||
        !pb_parser_enter(p))
        return NULL;
    pb_node *exponent = parse_unary(p);
    pb_parser_leave(p);
    return pb_node_append(p, &chain.items, exponent) ? chain_node(p, PB_NODE_BINARY, &chain) : NULL;
}

static pb_node *parse_unary(pb_parser *p)
{
    pb_operator op = pb_parser_is(p, "-")   ? PB_OP_NEGATE
                     : pb_parser_is(p, "+") ? PB_OP_PLUS
                                            : PB_OP_INVERT;
    pb_span word = p->token.span;
    if (op == PB_OP_INVERT && !pb_parser_is(p, "~"))
        return parse_power(p);
    if (!pb_parser_enter(p))
        return NULL;
    pb_parser_next(p);
    pb_node *operand = parse_unary(p);
    pb_parser_leave(p);
    return unary_node(p, op, word, operand);
}

/* ---- comparisons, in, is ---- */

/* The comparison at the token, and past it. */
static bool accept_comparison(pb_parser *p, pb_operator *op, pb_span *span)
{
    static const struct {
        const char *word;
        pb_operator op;
    } words[] = {{"==", PB_OP_EQ}, {"!=", PB_OP_NE}, {"<=", PB_OP_LE}, {"<", PB_OP_LT},
                 {">=", PB_OP_GE}, {">", PB_OP_GT},  {"in", PB_OP_IN}, {"is", PB_OP_IS}};
    *span = p->token.span;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!pb_parser_accept(p, words[i].word))
            continue;
        *op = words[i].op;
        if (*op == PB_OP_IS && pb_parser_accept(p, "not"))
            *op = PB_OP_IS_NOT;
        span->end = p->last;
        return true;
    }
    if (!pb_parser_is(p, "not"))
        return false;
    pb_token next = pb_parser_peek(p);
    if (!pb_token_is(&p->lexer, &next, "in"))
        return false;
    pb_parser_next(p);
    pb_parser_next(p);
    *op = PB_OP_NOT_IN;
    span->end = p->last;
    return true;
}

static pb_node *parse_comparison(pb_parser *p)
{
    pb_chain chain = {0};
    pb_operator op;
    pb_span span;
    pb_node *first = parse_level(p, LEVEL_OR);
    if (!first || !accept_comparison(p, &op, &span))
        return p->failed ? NULL : first;
    if (!pb_node_append(p, &chain.items, first))
        return NULL;
    do {
        if (!chain_operator(p, &chain, op, span) ||
            !pb_node_append(p, &chain.items, parse_level(p, LEVEL_OR)))
            return NULL;
    } while (accept_comparison(p, &op, &span));
    return p->failed ? NULL : chain_node(p, PB_NODE_COMPARE, &chain);
}

/* ---- not, and, or, if else ---- */

static pb_node *parse_not(pb_parser *p)
{
    pb_span word = p->token.span;
    if (!pb_parser_is(p, "not"))
        return parse_comparison(p);
    if (!pb_parser_enter(p))
        return NULL;
    pb_parser_next(p);
    pb_node *operand = parse_not(p);
    pb_parser_leave(p);
    return unary_node(p, PB_OP_NOT, word, operand);
}

static pb_node *parse_and(pb_parser *p)
{
    pb_chain chain = {0};
    pb_node *first = parse_not(p);
    if (!first || !pb_parser_is(p, "and"))
        return first;
    if (!pb_node_append(p, &chain.items, first))
        return NULL;
    while (pb_parser_accept(p, "and"))
        if (!pb_node_append(p, &chain.items, parse_not(p)))
            return NULL;
    return chain_node(p, PB_NODE_AND, &chain);
}

pb_node *pb_parse_or(pb_parser *p)
{
    pb_chain chain = {0};
    pb_node *first = parse_and(p);
    if (!first || !pb_parser_is(p, "or"))
        return first;
    if (!pb_node_append(p, &chain.items, first))
        return NULL;
    while (pb_parser_accept(p, "or"))
        if (!pb_node_append(p, &chain.items, parse_and(p)))
            return NULL;
    return chain_node(p, PB_NODE_OR, &chain);
}

/* `then if condition else other`, after the `if`. */
static pb_node *parse_choice(pb_parser *p, pb_node *then)
{
    pb_node_list items = {0};
    pb_node *node = pb_node_new(p, PB_NODE_CHOICE, then->span.start);
    pb_node *condition = pb_parse_or(p);
    if (!node || !condition)
        return NULL;
    if (!pb_parser_accept(p, "else")) {
        pb_parser_expected(p, "else, for when the condition is false,");
        pb_parser_hint(p, "a choice has two sides: a if condition else b");
        return NULL;
    }
    if (!pb_node_append(p, &items, condition) || !pb_node_append(p, &items, then) ||
        !pb_node_append(p, &items, pb_parse_expression(p)))
        return NULL;
    node->items = items.items;
    node->n_items = items.count;
    return pb_node_done(p, node);
}

pb_node *pb_parse_expression(pb_parser *p)
{
    if (!pb_parser_enter(p))
        return NULL;
    pb_node *node = pb_parser_is(p, "lambda") ? pb_parse_lambda(p) : pb_parse_or(p);
    if (node && pb_parser_accept(p, "if"))
        node = parse_choice(p, node);
    if (node && !p->field && pb_parser_is(p, ":=")) {
        pb_parser_fail(p, p->token.span, ":= is not used here");
        pb_parser_hint(p, "give the name in a block: (a = 1; b = 2; a + b)");
    }
    pb_parser_leave(p);
    return p->failed ? NULL : node;
}
