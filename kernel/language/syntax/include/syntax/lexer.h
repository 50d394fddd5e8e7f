/*
 * Tokens, one at a time. A lexer is a small struct that can be copied to look ahead.
 *
 * Inside brackets line ends are spaces; the lexer keeps the brackets it has seen, so that the end
 * of the text inside an open one is known to be a state ("more is coming") and not a mistake.
 */
#ifndef PB_SYNTAX_LEXER_H
#define PB_SYNTAX_LEXER_H

#include <stdbool.h>

#include "base/error.h"
#include "base/source.h"

#define PB_MAX_NESTING 200

typedef enum pb_token_kind {
    PB_TOKEN_END,
    PB_TOKEN_NEWLINE,
    PB_TOKEN_NAME, /* keywords too: the parser knows which */
    PB_TOKEN_NUMBER,
    PB_TOKEN_STRING,
    PB_TOKEN_SYMBOL, /* an operator or a bracket, in `symbol` */
    PB_TOKEN_BAD     /* no token; the lexer's error says why */
} pb_token_kind;

typedef struct pb_token {
    pb_token_kind kind;
    pb_span span;
    char symbol[4];   /* of a SYMBOL: "(", "**", "//=", ... */
    bool after_space; /* white space or a line end lies before it */
    /* of a STRING: where its text lies, and how it is written */
    pb_span body;
    bool raw, formatted;
} pb_token;

typedef struct pb_lexer {
    const char *text;
    size_t at, end; /* lexes [at, end) */
    unsigned depth; /* open brackets */
    char open[PB_MAX_NESTING];
    size_t opened[PB_MAX_NESTING]; /* where */
    bool more;         /* the text ended inside a bracket, a triple quote, or after a backslash */
    bool quote_open;   /* it ended inside a triple-quoted string */
    pb_source *source; /* borrowed */
    pb_error **error;  /* set where a BAD token is given */
} pb_lexer;

void pb_lexer_start(pb_lexer *lexer, pb_source *source, pb_span range, pb_error **error);
pb_token pb_lexer_next(pb_lexer *lexer);

bool pb_token_is(const pb_lexer *lexer, const pb_token *token, const char *word_or_symbol);
/* Is the token this very text? For names. */
bool pb_token_text_is(const pb_lexer *lexer, const pb_token *token, const char *text);

#endif
