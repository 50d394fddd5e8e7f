/*
 * What stands around a place in code that may be broken: for completion and inspection, which must
 * answer while a line is being typed. It works on tokens alone and never evaluates anything.
 */
#ifndef PB_ASSIST_SCAN_H
#define PB_ASSIST_SCAN_H

#include "assist/assist.h"
#include "syntax/lexer.h"

typedef struct pb_scan {
    pb_source *source;
    pb_lexer lexer;
    pb_token *tokens; /* up to the place */
    size_t count, capacity;
    bool in_string; /* the place lies inside a string that begins at `quote`, its text at `body` */
    size_t quote, body;
} pb_scan;

/* Scans code[0, at). False when memory is out; free it either way. */
bool pb_scan_start(pb_scan *scan, const char *code, size_t length, size_t at);
void pb_scan_free(pb_scan *scan);

bool pb_scan_is(const pb_scan *scan, size_t which, const char *word_or_symbol);
/* The text of token `which`, malloc'ed. */
char *pb_scan_text(const pb_scan *scan, size_t which);

/* The innermost bracket open before token `which`: its index, or SIZE_MAX. */
size_t pb_scan_bracket(const pb_scan *scan, size_t which);

/* The value of the chain of names that ends before token `end` (a.b.c), as far as it can be had
 * without computing. A reference, or NULL. */
pb_value *pb_scan_value(const pb_scan *scan, const pb_snapshot *snapshot, size_t end);
/* What the user's name stands for, borrowed; or NULL. */
pb_value *pb_scan_name(const pb_snapshot *snapshot, const char *name);

/* The keyword whose value is being written at token `end`, malloc'ed; or NULL. *position counts the
 * arguments before it since `bracket`. */
char *pb_scan_keyword(const pb_scan *scan, size_t bracket, size_t end, size_t *position);

#endif
