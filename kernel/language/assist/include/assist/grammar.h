/* The first page of the reference: how the language is written, each rule with code and what it
 * gives. */
#ifndef PB_ASSIST_GRAMMAR_H
#define PB_ASSIST_GRAMMAR_H

#include "base/buffer.h"

/* Rows end with one whose title is NULL. The examples run as tests, one after another in a session
 * with `model = load("reviews-4m")`. */
typedef struct pb_grammar_row {
    const char *title;
    const char *text; /* sentences, Markdown */
    const char *example;
    const char *expected; /* text/plain of its last value, or what it prints */
} pb_grammar_row;

extern const pb_grammar_row pb_grammar_rows[];

/* All rows as Markdown. */
void pb_reference_grammar(pb_buffer *out);

#endif
