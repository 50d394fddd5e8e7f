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
    size_t start; /* of what is scanned: the code, or the field of an f-string the place lies in */
    pb_token *tokens; /* up to the place */
    size_t count, capacity;
    bool in_string; /* the place lies inside a string that begins at `quote`, its text at `body` */
    size_t quote, body;
    bool in_comment; /* the place lies behind a # */
} pb_scan;

/* Scans code[0, at). False when memory is out; free it either way. */
bool pb_scan_start(pb_scan *scan, const char *code, size_t length, size_t at);
void pb_scan_free(pb_scan *scan);

bool pb_scan_is(const pb_scan *scan, size_t which, const char *word_or_symbol);
/* The text of token `which`, malloc'ed. */
char *pb_scan_text(const pb_scan *scan, size_t which);

/* The innermost bracket open before token `which`: its index, or SIZE_MAX. */
size_t pb_scan_bracket(const pb_scan *scan, size_t which);

/* Whether token `which` ends an expression: a name, a number, a string, a closing bracket. */
bool pb_scan_ends_operand(const pb_scan *scan, size_t which);
/* The first token of the expression that ends before token `end`, with what is called, indexed and
 * dotted in it: a.b(c)[d]. `end` itself if none does. */
size_t pb_scan_operand(const pb_scan *scan, size_t end);

/* What the user's name stands for, borrowed; or NULL. */
pb_value *pb_scan_name(const pb_snapshot *snapshot, const char *name);

/* An argument of the call or index that opens at `bracket`: tokens [start, end) without its name.
 */
typedef struct pb_scan_argument {
    bool named;
    size_t name;     /* the token that names it */
    size_t position; /* arguments before it that go by place */
    size_t start, end;
    bool whole; /* a comma follows it */
} pb_scan_argument;

/* Walks them, from one of zeroes up to the one that is being written at token `end`, which is not
 * whole. False behind that one. */
bool pb_scan_next_argument(const pb_scan *scan, size_t bracket, size_t end,
                           pb_scan_argument *argument);
/* The one that is being written at token `end`. */
pb_scan_argument pb_scan_last_argument(const pb_scan *scan, size_t bracket, size_t end);

#endif
