/* Tokens around a place in code that may be broken. */
#include "scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

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

bool pb_scan_start(pb_scan *scan, const char *code, size_t length, size_t at)
{
    memset(scan, 0, sizeof *scan);
    scan->source = pb_source_create("cell", code, length);
    return scan->source && lex(scan, 0, at < length ? at : length, 0);
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

char *pb_scan_keyword(const pb_scan *scan, size_t bracket, size_t end, size_t *position)
{
    size_t depth = 0, last = bracket;
    *position = 0;
    for (size_t i = bracket + 1; i < end; i++) {
        if (opens(scan, i)) {
            depth++;
        } else if (closes(scan, i)) {
            depth -= depth > 0;
        } else if (depth == 0 && pb_scan_is(scan, i, ",")) {
            *position += 1;
            last = i;
        }
    }
    bool named = last + 2 < end && scan->tokens[last + 1].kind == PB_TOKEN_NAME &&
                 pb_scan_is(scan, last + 2, "=");
    return named ? pb_scan_text(scan, last + 1) : NULL;
}

/* ---- values ---- */

/* x.name, where it is stored and need not be computed. */
static pb_value *stored_member(const pb_value *value, const char *name)
{
    const pb_table_cells *column = pb_table_find(value, name);
    pb_value *found = pb_record_find(value, name);
    if (!found)
        found = pb_meta_field(pb_value_meta(value), name);
    if (!found && column)
        found = column->cells;
    return pb_value_retain(found);
}

pb_value *pb_scan_name(const pb_snapshot *snapshot, const char *name)
{
    for (size_t i = 0; i < snapshot->n_names; i++)
        if (strcmp(snapshot->names[i].name, name) == 0)
            return snapshot->names[i].value;
    return NULL;
}

pb_value *pb_scan_value(const pb_scan *scan, const pb_snapshot *snapshot, size_t end)
{
    pb_value *value = NULL;
    size_t start = end;
    if (end == 0 || scan->tokens[end - 1].kind != PB_TOKEN_NAME)
        return NULL;
    start = end - 1;
    while (start >= 2 && pb_scan_is(scan, start - 1, ".") &&
           scan->tokens[start - 2].kind == PB_TOKEN_NAME)
        start -= 2;
    if (start > 0 && pb_scan_is(scan, start - 1, "."))
        return NULL;
    for (size_t i = start; i < end; i += 2) {
        char *name = pb_scan_text(scan, i);
        pb_value *next = NULL;
        if (name)
            next = i == start ? pb_value_retain(pb_scan_name(snapshot, name))
                              : stored_member(value, name);
        pb_value_release(&value);
        free(name);
        value = next;
        if (!value)
            return NULL;
    }
    return value;
}
