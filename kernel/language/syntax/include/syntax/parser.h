/* From the text of a cell to its tree. */
#ifndef PB_SYNTAX_PARSER_H
#define PB_SYNTAX_PARSER_H

#include "syntax/ast.h"

/* What the parser knows of the end of a text that does not parse. */
typedef struct pb_parse_end {
    bool more; /* more text could still make it a program */
    unsigned open_brackets;
    bool in_quotes; /* inside a triple-quoted string, where indentation would become text */
} pb_parse_end;

/* Whether a name is one of the words that can be called; for advice only. `words` is handed to it
 * as pb_parse_program() was given it. */
typedef bool pb_is_word(const void *words, const char *name);

/*
 * The program of a source, which it retains. PB_SYNTAX with a place if it does not parse, and what
 * is known of its end in `end` (may be NULL). Without `is_word` no name is known to be a word. The
 * caller releases *program.
 */
pb_status pb_parse_program(pb_source *source, pb_is_word *is_word, const void *words,
                           pb_program **program, pb_parse_end *end, pb_error **error);

/* Whether no name may be so: for, if, and, ..., and Python's others, class, yield, ... */
bool pb_is_reserved(const char *word, size_t length);
/* Those of them that this language has itself. */
const char *const *pb_reserved_words(size_t *count);

#endif
