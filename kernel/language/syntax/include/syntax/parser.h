/* From the text of a cell to its tree. */
#ifndef PB_LANGUAGE_PARSER_H
#define PB_LANGUAGE_PARSER_H

#include "session/session.h"
#include "syntax/ast.h"

/* What the parser knows of the end of a text that does not parse. */
typedef struct pb_parse_end {
    pb_parse state;
    unsigned open_brackets;
    bool in_quotes; /* inside a triple-quoted string, where indentation would become text */
} pb_parse_end;

/*
 * The program of a source, which it retains. PB_SYNTAX with a place if it does not parse; `end`
 * (may be NULL) then says whether more text could still make it one. The caller releases *program.
 */
pb_status pb_parse_program(pb_source *source, pb_program **program, pb_parse_end *end,
                           pb_error **error);

bool pb_is_reserved(const char *word, size_t length); /* for, if, else, in, and, or, ... */
const char *const *pb_reserved_words(size_t *count);  /* those of the language itself */

#endif
