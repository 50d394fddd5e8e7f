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

/* Whether a name is one of the words that can be called; for advice only. `words` is what came with
 * it. */
typedef bool pb_is_word(const void *words, const char *name);

/*
 * The program of a source, which it retains. PB_SYNTAX with a place if it does not parse, and what
 * is known of its end in `end` (may be NULL). `is_word` may be NULL: no names are known then. The
 * caller releases *program.
 */
pb_status pb_parse_program(pb_source *source, pb_is_word *is_word, const void *words,
                           pb_program **program, pb_parse_end *end, pb_error **error);

bool pb_is_reserved(const char *word, size_t length); /* for, if, else, in, and, or, ... */
const char *const *pb_reserved_words(size_t *count);  /* those of the language itself */

#endif
