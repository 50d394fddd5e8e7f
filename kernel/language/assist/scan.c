/* Tokens around a place in code that may be broken. */
#include "scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "syntax/parser.h"

/* ---- tokens ---- */

static bool push(pb_scan *scan, pb_token token)
{
    if (scan->count == scan->capacity) {
        size_t capacity = scan->capacity ? scan->capacity * 2 : 64;
        pb_token *tokens = pb_realloc(scan->tokens, capacity, sizeof *tokens);
        if (!tokens)
            return false;
        scan->tokens = tokens;
        scan->capacity = capacity;
    }
    scan->tokens[scan->count++] = token;
    return true;
}

/* Where the text of a string begins that starts at `at`; 0 if none does. */
static size_t string_body(const char *text, size_t at, size_t end, bool *formatted)
{
    size_t quote = at;
    *formatted = false;
    while (quote < end && quote - at < 3 && strchr("rRfFbBuU", text[quote]) && text[quote]) {
        *formatted = *formatted || text[quote] == 'f' || text[quote] == 'F';
        quote++;
    }
    if (quote >= end || (text[quote] != '"' && text[quote] != '\''))
        return 0;
    bool triple =
        quote + 2 < end && text[quote + 1] == text[quote] && text[quote + 2] == text[quote];
    return quote + (triple ? 3 : 1);
}

/* The `{` of an f-string's text that is still open at its end; 0 if there is none. */
static size_t open_field(const char *text, size_t start, size_t end)
{
    size_t open = 0;
    for (size_t i = start; i < end; i++) {
        if (text[i] == '{' && !open && i + 1 < end && text[i + 1] == '{')
            i++;
        else if (text[i] == '{' && !open)
            open = i;
        else if (text[i] == '}')
            open = 0;
    }
    return open;
}

/* Lexes [start, at). An open f-string field is lexed in turn, as if it stood alone. */
static bool lex(pb_scan *scan, size_t start, size_t at, unsigned depth)
{
    scan->start = start;
    pb_lexer_start(&scan->lexer, scan->source, (pb_span){start, at}, NULL);
    for (;;) {
        pb_token token = pb_lexer_next(&scan->lexer);
        if (token.kind == PB_TOKEN_END)
            return true;
        if (token.kind != PB_TOKEN_BAD) {
            if (!push(scan, token))
                return false;
            continue;
        }
        bool formatted;
        size_t body = string_body(scan->lexer.text, token.span.start, at, &formatted);
        size_t open = body && formatted ? open_field(scan->lexer.text, body, at) : 0;
        if (open && depth < 8) {
            scan->count = 0;
            return lex(scan, open + 1, at, depth + 1);
        }
        scan->in_string = body != 0;
        scan->quote = token.span.start;
        scan->body = body;
        return true;
    }
}

/* Whether what lies behind the last token, where only spaces and comments can, has an open comment.
 */
static bool ends_in_comment(const pb_scan *scan, size_t at)
{
    size_t start = scan->count ? scan->tokens[scan->count - 1].span.end : scan->start;
    for (; at > start && scan->lexer.text[at - 1] != '\n'; at--)
        if (scan->lexer.text[at - 1] == '#')
            return true;
    return false;
}

bool pb_scan_start(pb_scan *scan, const char *code, size_t length, size_t at)
{
    memset(scan, 0, sizeof *scan);
    scan->source = pb_source_create("cell", code, length);
    at = at < length ? at : length;
    if (!scan->source || !lex(scan, 0, at, 0))
        return false;
    scan->in_comment = !scan->in_string && ends_in_comment(scan, at);
    return true;
}

void pb_scan_free(pb_scan *scan)
{
    free(scan->tokens);
    pb_source_release(&scan->source);
}

bool pb_scan_is(const pb_scan *scan, size_t which, const char *word_or_symbol)
{
    return which < scan->count && pb_token_is(&scan->lexer, &scan->tokens[which], word_or_symbol);
}

char *pb_scan_text(const pb_scan *scan, size_t which)
{
    pb_span span = scan->tokens[which].span;
    return strndup(scan->lexer.text + span.start, span.end - span.start);
}

/* ---- brackets ---- */

static bool opens(const pb_scan *scan, size_t which)
{
    return pb_scan_is(scan, which, "(") || pb_scan_is(scan, which, "[") ||
           pb_scan_is(scan, which, "{");
}

static bool closes(const pb_scan *scan, size_t which)
{
    return pb_scan_is(scan, which, ")") || pb_scan_is(scan, which, "]") ||
           pb_scan_is(scan, which, "}");
}

size_t pb_scan_bracket(const pb_scan *scan, size_t which)
{
    size_t closed = 0;
    while (which-- > 0) {
        if (closes(scan, which))
            closed++;
        else if (opens(scan, which) && closed-- == 0)
            return which;
    }
    return SIZE_MAX;
}

bool pb_scan_next_argument(const pb_scan *scan, size_t bracket, size_t end,
                           pb_scan_argument *argument)
{
    size_t depth = 0, at = argument->end ? argument->end + 1 : bracket + 1;
    if (argument->end && !argument->whole)
        return false;
    if (argument->end && !argument->named)
        argument->position++;
    argument->named =
        at + 1 < end && scan->tokens[at].kind == PB_TOKEN_NAME && pb_scan_is(scan, at + 1, "=");
    argument->name = at;
    argument->start = at + (argument->named ? 2 : 0);
    while (at < end && !(depth == 0 && pb_scan_is(scan, at, ","))) {
        if (opens(scan, at))
            depth++;
        else if (closes(scan, at))
            depth -= depth > 0;
        at++;
    }
    argument->end = at;
    argument->whole = at < end;
    return true;
}

pb_scan_argument pb_scan_last_argument(const pb_scan *scan, size_t bracket, size_t end)
{
    pb_scan_argument argument = {0};
    while (pb_scan_next_argument(scan, bracket, end, &argument))
        ;
    return argument;
}

/* ---- expressions ---- */

bool pb_scan_ends_operand(const pb_scan *scan, size_t which)
{
    if (which >= scan->count)
        return false;
    pb_token token = scan->tokens[which];
    const char *text = scan->lexer.text + token.span.start;
    size_t length = token.span.end - token.span.start;
    bool constant = pb_scan_is(scan, which, "True") || pb_scan_is(scan, which, "False") ||
                    pb_scan_is(scan, which, "None");
    return token.kind == PB_TOKEN_NUMBER || token.kind == PB_TOKEN_STRING || closes(scan, which) ||
           (token.kind == PB_TOKEN_NAME && (constant || !pb_is_reserved(text, length)));
}

size_t pb_scan_operand(const pb_scan *scan, size_t end)
{
    size_t at = end;
    while (at > 0 && pb_scan_ends_operand(scan, at - 1)) {
        bool bracketed = closes(scan, at - 1);
        size_t open = bracketed ? pb_scan_bracket(scan, at - 1) : at - 1;
        if (open == SIZE_MAX)
            return end;
        at = open;
        if (bracketed && pb_scan_ends_operand(scan, at - 1) && at > 0 &&
            scan->tokens[at - 1].kind != PB_TOKEN_NUMBER)
            continue; /* what is called or indexed */
        if (at < 2 || !pb_scan_is(scan, at - 1, "."))
            return at;
        at--;
    }
    return end;
}

/* ---- values ---- */

pb_value *pb_scan_name(const pb_snapshot *snapshot, const char *name)
{
    for (size_t i = 0; i < snapshot->n_names; i++)
        if (strcmp(snapshot->names[i].name, name) == 0)
            return snapshot->names[i].value;
    return NULL;
}
