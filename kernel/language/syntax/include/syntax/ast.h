/*
 * The syntax tree of a cell. Nodes live in the program's arena and point into its source by spans;
 * a program is counted, because the functions it defines outlive its run.
 *
 * Chains of one precedence (a + b - c, a and b and c, a < b <= c) are one node with many operands,
 * so that the depth of the tree is the depth of the brackets, whatever the length of a line.
 */
#ifndef PB_SYNTAX_AST_H
#define PB_SYNTAX_AST_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/source.h"
#include "value/value.h"

typedef enum pb_node_kind {
    PB_NODE_CONSTANT,      /* value */
    PB_NODE_NAME,          /* name */
    PB_NODE_LIST,          /* items */
    PB_NODE_RECORD,        /* items: key, value, key, value, ...; or a SPREAD and NULL */
    PB_NODE_SPREAD,        /* *items[0] in a list, **items[0] in a record */
    PB_NODE_TEXT,          /* items: the parts of an f-string, constants and PB_NODE_FORMAT */
    PB_NODE_FORMAT,        /* items[0] the value, items[1] the spec (a TEXT; may be NULL); name: the
                              conversion "r" or "s", or NULL */
    PB_NODE_UNARY,         /* operators[0], items[0] */
    PB_NODE_BINARY,        /* items[0] operators[0] items[1] operators[1] ..., from the left */
    PB_NODE_COMPARE,       /* the same, chained as in Python */
    PB_NODE_AND,           /* items */
    PB_NODE_OR,            /* items */
    PB_NODE_CHOICE,        /* items: condition, then, else */
    PB_NODE_FUNCTION,      /* parameters, items[0] the body; name, or NULL for a lambda */
    PB_NODE_COMPREHENSION, /* items[0] the element, or items[0] and [1] of a record; clauses */
    PB_NODE_CALL,          /* items[0] the function, arguments */
    PB_NODE_INDEX,         /* items[0] the thing, arguments */
    PB_NODE_SLICE,         /* items: first, last, step, each may be NULL */
    PB_NODE_ATTRIBUTE,     /* items[0].name */
    PB_NODE_BLOCK,         /* items: statements, the last an expression */
    PB_NODE_ASSIGN,        /* items[0]: the value; targets */
} pb_node_kind;

typedef enum pb_operator {
    PB_OP_ADD,
    PB_OP_SUB,
    PB_OP_MUL,
    PB_OP_DIV,
    PB_OP_FLOORDIV,
    PB_OP_MOD,
    PB_OP_POW,
    PB_OP_EQ,
    PB_OP_NE,
    PB_OP_LT,
    PB_OP_LE,
    PB_OP_GT,
    PB_OP_GE,
    PB_OP_IN,
    PB_OP_NOT_IN,
    PB_OP_IS,
    PB_OP_IS_NOT,
    PB_OP_BIT_AND,
    PB_OP_BIT_OR,
    PB_OP_BIT_XOR,
    PB_OP_SHIFT_LEFT,
    PB_OP_SHIFT_RIGHT,
    PB_OP_NEGATE,
    PB_OP_PLUS,
    PB_OP_NOT,
    PB_OP_INVERT
} pb_operator;

typedef struct pb_node pb_node;

/* One entry of f(...) or x[...]: positional if name is NULL. */
typedef struct pb_node_argument {
    const char *name;
    pb_node *value;
    pb_span span; /* with its name */
} pb_node_argument;

typedef struct pb_node_parameter {
    const char *name;
    pb_node *fallback; /* NULL if it is required */
    pb_span span;
} pb_node_parameter;

/* What takes a value: a name, or several that take a list apart: a, (b, *c). */
typedef struct pb_pattern {
    const char *name; /* NULL: the items */
    bool rest;        /* *name: a list of what the others leave */
    size_t n_items;
    struct pb_pattern *items;
} pb_pattern;

/* `for pattern in items`, or `if condition` when there is no pattern. */
typedef struct pb_node_clause {
    pb_pattern *pattern;
    pb_node *source; /* of a for: what is walked; of an if: the condition */
} pb_node_clause;

/* What an assignment binds. */
typedef enum pb_target_kind { PB_TARGET_NAME, PB_TARGET_COLUMN, PB_TARGET_UNPACK } pb_target_kind;

typedef struct pb_target {
    pb_target_kind kind;
    const char *name;   /* NAME; COLUMN: the table's */
    const char *column; /* COLUMN */
    pb_pattern pattern; /* UNPACK */
    pb_span span;
} pb_target;

struct pb_node {
    pb_node_kind kind;
    bool quiet;     /* of a statement: a `;` follows it */
    bool bracketed; /* written in (...) of its own: such a list is not a bare tuple */
    unsigned depth;
    pb_span span;
    pb_span word; /* the operator, attribute name or function name errors point at */
    const char *name;
    pb_value *value; /* owned by the program */
    size_t n_items;
    pb_node **items;
    pb_operator *operators;
    pb_span *operator_spans;
    size_t n_arguments;
    pb_node_argument *arguments;
    size_t n_parameters;
    pb_node_parameter *parameters;
    size_t n_clauses;
    pb_node_clause *clauses;
    size_t n_targets;
    pb_target *targets;
};

typedef struct pb_program {
    atomic_size_t references;
    pb_source *source;
    pb_arena *arena;
    pb_list_builder constants;
    size_t n_statements;
    pb_node **statements;
} pb_program;

pb_program *pb_program_retain(pb_program *program);
void pb_program_release(pb_program **program);

#endif
