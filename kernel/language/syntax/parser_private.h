/*
 * The parser's parts, for its own files: recursive descent, one function for each level of Python's
 * precedence. A function that gives NULL has failed, and the parser's error says why.
 */
#ifndef PB_SYNTAX_PARSER_PRIVATE_H
#define PB_SYNTAX_PARSER_PRIVATE_H

#include "syntax/ast.h"
#include "syntax/lexer.h"
#include "syntax/parser.h"

typedef struct pb_parser {
    pb_lexer lexer;
    pb_token token; /* the one being looked at */
    size_t last;    /* where the token before it ended */
    pb_span string; /* the last string that was read */
    pb_program *program;
    pb_source *source;
    pb_error **error;
    pb_is_word *is_word; /* may be NULL */
    const void *words;
    unsigned nesting;
    bool failed;
    bool field;  /* inside an f-string's braces */
    bool at_end; /* the fault was at the end of the text */
} pb_parser;

/* ---- looking and moving (parser.c) ---- */

void pb_parser_next(pb_parser *p);
pb_token pb_parser_peek(const pb_parser *p); /* the token after this one */
bool pb_parser_is(const pb_parser *p, const char *word_or_symbol);
bool pb_parser_accept(pb_parser *p, const char *word_or_symbol);
bool pb_parser_ends(const pb_parser *p); /* at the end of a statement? */

/* Fails at a span; gives NULL so that `return pb_parser_fail(...)` is one step. */
void *pb_parser_fail(pb_parser *p, pb_span span, const char *text, ...) PB_PRINTF(3, 4);
void *pb_parser_out(pb_parser *p); /* fails: memory is out */
void pb_parser_hint(pb_parser *p, const char *hint, ...) PB_PRINTF(2, 3);
/* "expected X, got Y", at the token. */
void *pb_parser_expected(pb_parser *p, const char *what);
/* A closing bracket for the one opened at `open`. */
bool pb_parser_close(pb_parser *p, const char *symbol, size_t open);

/* At most one *name takes the rest of a list; else fails at the span. */
bool pb_parser_check_rest(pb_parser *p, const pb_pattern *pattern, pb_span span);

/* ---- making nodes (parser.c) ---- */

typedef struct pb_node_list {
    pb_node **items;
    size_t count, capacity;
} pb_node_list;

pb_node *pb_node_new(pb_parser *p, pb_node_kind kind, size_t start);
/* Sets the end of the span and the depth; every node passes through here when it is complete. */
pb_node *pb_node_done(pb_parser *p, pb_node *node);
bool pb_node_append(pb_parser *p, pb_node_list *list, pb_node *node);
/* Room for one more in an array in the arena that grows by doubling; NULL when memory is out. */
void *pb_parser_grow(pb_parser *p, void *array, size_t count, size_t size);
pb_node *pb_node_constant(pb_parser *p, pb_value *value, size_t start); /* takes the value */
const char *pb_parser_word(pb_parser *p, const pb_token *token);        /* its text, in the arena */
bool pb_parser_enter(pb_parser *p); /* one bracket deeper, if that may be; then leave */
void pb_parser_leave(pb_parser *p);

/* ---- the grammar ---- */

pb_node *pb_parse_statement(pb_parser *p);  /* parser.c */
pb_node *pb_parse_tuple(pb_parser *p);      /* parser.c: expression, or a, b, c */
pb_node *pb_parse_expression(pb_parser *p); /* parser_expression.c */
pb_node *pb_parse_item(pb_parser *p);       /* parser_atoms.c: an expression, or *xs */
pb_node *pb_parse_or(pb_parser *p);         /* parser_expression.c */
pb_node *pb_parse_postfix(pb_parser *p);    /* parser_atoms.c */
pb_node *pb_parse_lambda(pb_parser *p);     /* parser_atoms.c */
pb_node *pb_parse_strings(pb_parser *p);    /* parser_text.c */
pb_node *pb_parse_number(pb_parser *p);     /* parser_text.c */

#define PB_LONGEST_HINT 400 /* bytes of code that a hint proposes */

bool pb_parser_at_reserved(const pb_parser *p); /* parser_advice.c: a word of the grammar? */
/* Habits from Python, and other starts that cannot be right: fails with advice and gives true. */
bool pb_parser_advise_start(pb_parser *p);
/* parser_def.c: at `def`, `for` or `if`, how all of it is said here. */
void pb_parser_advise_def(pb_parser *p);
void pb_parser_advise_for(pb_parser *p);
bool pb_parser_advise_if(pb_parser *p); /* false where it cannot be said */
/* 'I don't know': fails with advice if a string ended at a quote that was meant as text. */
bool pb_parser_advise_quote(pb_parser *p);
/* After a statement that does not end here. Always fails. */
void *pb_parser_advise_rest(pb_parser *p, const pb_node *statement);

#endif
