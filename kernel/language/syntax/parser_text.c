/* Numbers and strings as values; f-strings as trees. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "parser_private.h"

/* ---- numbers ---- */

static double digits_in_base(const char *text, size_t length, int base)
{
    double number = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '_')
            continue;
        char c = (char)tolower((unsigned char)text[i]);
        number = number * base + (isdigit((unsigned char)c) ? c - '0' : c - 'a' + 10);
    }
    return number;
}

pb_node *pb_parse_number(pb_parser *p)
{
    pb_span span = p->token.span;
    const char *text = p->lexer.text + span.start;
    size_t length = span.end - span.start;
    char second = length > 1 ? (char)tolower((unsigned char)text[1]) : '\0';
    int base = second == 'x' ? 16 : second == 'o' ? 8 : second == 'b' ? 2 : 10;
    bool whole = true;
    double number;
    pb_value *value = NULL;
    if (text[0] == '0' && base != 10) {
        number = digits_in_base(text + 2, length - 2, base);
    } else {
        pb_buffer digits = PB_BUFFER_EMPTY;
        for (size_t i = 0; i < length; i++) {
            whole = whole && (isdigit((unsigned char)text[i]) || text[i] == '_');
            if (text[i] != '_')
                pb_buffer_byte(&digits, text[i]);
        }
        number = digits.data ? strtod(digits.data, NULL) : 0;
        bool failed = digits.failed;
        pb_buffer_free(&digits);
        if (failed)
            return pb_parser_out(p);
    }
    pb_parser_next(p);
    if (pb_value_number(number, whole ? PB_INTEGER : PB_DOUBLE, &value, p->error))
        return pb_parser_out(p);
    return pb_node_constant(p, value, span.start);
}

/* ---- escapes ---- */

static bool bad_escape(pb_parser *p, size_t start, size_t end, const char *message)
{
    pb_parser_fail(p, (pb_span){start, end}, "%s", message);
    pb_parser_hint(p, "write \\\\ for a backslash, or r\"...\" for a string without escapes");
    return false;
}

/* Exactly `count` hexadecimal digits as a code point. */
static bool hex_escape(pb_parser *p, size_t start, size_t *at, size_t end, size_t count,
                       pb_buffer *out)
{
    char bytes[4];
    uint32_t code = 0;
    for (size_t i = 0; i < count; i++, (*at)++) {
        if (*at >= end || !isxdigit((unsigned char)p->lexer.text[*at]))
            return bad_escape(p, start, *at, "this escape needs more hexadecimal digits");
        code = code * 16 + (uint32_t)digits_in_base(p->lexer.text + *at, 1, 16);
    }
    size_t length = pb_utf8_encode(code, bytes);
    if (length == 0)
        return bad_escape(p, start, *at, "this escape names no character");
    pb_buffer_append(out, bytes, length);
    return true;
}

static void octal_escape(pb_parser *p, size_t *at, size_t end, pb_buffer *out)
{
    unsigned code = 0;
    for (size_t i = 0; i < 3 && *at < end; i++, (*at)++) {
        char c = p->lexer.text[*at];
        if (c < '0' || c > '7')
            break;
        code = code * 8 + (unsigned)(c - '0');
    }
    pb_buffer_code_point(out, code);
}

/* Reads an escape, at its backslash, and moves past it. They are Python's; of an unknown one the
 * backslash stays. */
static bool read_escape(pb_parser *p, size_t *at, size_t end, pb_buffer *out)
{
    static const char names[] = "abfnrtv\\'\"", bytes[] = "\a\b\f\n\r\t\v\\'\"";
    size_t start = *at;
    if (start + 1 >= end) {
        pb_buffer_byte(out, '\\');
        *at = end;
        return true;
    }
    char c = p->lexer.text[start + 1];
    const char *named = c ? strchr(names, c) : NULL;
    *at = start + 2;
    if (named) {
        pb_buffer_byte(out, bytes[named - names]);
        return true;
    }
    switch (c) {
    case '\n': return true;
    case '\r': *at += *at < end && p->lexer.text[*at] == '\n'; return true;
    case 'x': return hex_escape(p, start, at, end, 2, out);
    case 'u': return hex_escape(p, start, at, end, 4, out);
    case 'U': return hex_escape(p, start, at, end, 8, out);
    case 'N': return bad_escape(p, start, *at, "characters are not written by name here");
    default: break;
    }
    if (c >= '0' && c <= '7') {
        *at = start + 1;
        octal_escape(p, at, end, out);
        return true;
    }
    pb_buffer_byte(out, '\\');
    *at = start + 1;
    return true;
}

/* ---- f-strings ---- */

/* The text being read: its range, and how it is written. */
typedef struct pb_reader {
    size_t at, end;
    bool raw, formatted;
    bool spec; /* a format spec: ends at } */
    pb_node_list parts;
    pb_buffer text; /* the literal text since the last part */
    size_t text_start;
} pb_reader;

static bool flush_text(pb_parser *p, pb_reader *r)
{
    pb_value *value = NULL;
    if (r->text.length == 0 && !r->text.failed)
        return true;
    if (pb_value_take_buffer(&r->text, &value, p->error)) {
        p->failed = true;
        return false;
    }
    return pb_node_append(p, &r->parts, pb_node_constant(p, value, r->text_start));
}

static pb_node *read_text(pb_parser *p, pb_reader *r);

/* !r or !s, then :spec, then }: what may follow the value in a field. */
static bool field_end(pb_parser *p, pb_reader *r, pb_node *field)
{
    if (pb_parser_accept(p, "!")) {
        if (!pb_parser_is(p, "r") && !pb_parser_is(p, "s") && !pb_parser_is(p, "a"))
            return pb_parser_expected(p, "r or s after !") != NULL;
        field->name = pb_parser_is(p, "s") ? "s" : "r";
        pb_parser_next(p);
    }
    if (p->failed)
        return false;
    if (pb_parser_is(p, ":") || pb_parser_is(p, ":=")) {
        pb_reader spec = {.at = p->token.span.start + 1,
                          .end = r->end,
                          .raw = r->raw,
                          .formatted = true,
                          .spec = true,
                          .parts = {0},
                          .text = PB_BUFFER_EMPTY};
        field->items[1] = read_text(p, &spec);
        r->at = spec.at + 1;
        if (field->items[1] && spec.at >= r->end)
            return pb_parser_fail(p, field->span, "this { is not closed") != NULL;
        return field->items[1] != NULL;
    }
    if (!pb_parser_is(p, "}"))
        return pb_parser_expected(p, "a }") != NULL;
    r->at = p->token.span.end;
    return true;
}

/* {x=} writes the code before the value. */
static bool field_echo(pb_parser *p, pb_reader *r, size_t open, pb_node *field)
{
    if (!pb_parser_is(p, "="))
        return true;
    size_t end = p->token.span.end;
    while (end < r->end && p->lexer.text[end] == ' ')
        end++;
    r->text_start = open;
    pb_buffer_append(&r->text, p->lexer.text + open + 1, end - open - 1);
    pb_parser_next(p);
    if (!pb_parser_is(p, ":") && !pb_parser_is(p, "!"))
        field->name = "r";
    return !p->failed && flush_text(p, r);
}

/* The field at the `{`, read with a lexer of its own. */
static bool read_field(pb_parser *p, pb_reader *r)
{
    size_t open = r->at;
    pb_lexer outer = p->lexer;
    pb_token token = p->token;
    size_t last = p->last;
    bool was_field = p->field;
    if (!flush_text(p, r) || !pb_parser_enter(p))
        return false;
    pb_node *field = pb_node_new(p, PB_NODE_FORMAT, open);
    pb_lexer_start(&p->lexer, p->source, (pb_span){open + 1, r->end}, p->error);
    p->lexer.depth = 1; /* line ends are spaces */
    p->lexer.open[0] = '{';
    p->field = true;
    p->token.span = (pb_span){open, open + 1};
    pb_parser_next(p);
    if (field)
        field->items = pb_arena_array(p->program->arena, 2, sizeof *field->items);
    if (field && !field->items)
        field = pb_parser_out(p);
    bool read = field && !p->failed;
    if (read) {
        field->n_items = 2;
        field->items[0] = pb_parse_tuple(p);
        read = field->items[0] && field_echo(p, r, open, field) && field_end(p, r, field);
    }
    p->lexer = outer;
    p->token = token;
    p->field = was_field;
    p->last = r->at;
    read = read && pb_node_append(p, &r->parts, pb_node_done(p, field));
    p->last = last;
    pb_parser_leave(p);
    return read;
}

/* One step at a brace of an f-string. */
static bool read_brace(pb_parser *p, pb_reader *r)
{
    char c = p->lexer.text[r->at];
    bool doubled = r->at + 1 < r->end && p->lexer.text[r->at + 1] == c;
    if (doubled && !r->spec) {
        pb_buffer_byte(&r->text, c);
        r->at += 2;
        return true;
    }
    if (c == '{')
        return read_field(p, r);
    pb_parser_fail(p, (pb_span){r->at, r->at + 1}, "this } closes no {");
    pb_parser_hint(p, "in an f-string a brace that is text is written twice: }}");
    return false;
}

/* The text from r->at as a PB_NODE_TEXT. */
static pb_node *read_text(pb_parser *p, pb_reader *r)
{
    size_t start = r->at;
    r->text_start = start;
    while (r->at < r->end && !p->failed) {
        char c = p->lexer.text[r->at];
        if (r->spec && c == '}')
            break;
        if (r->formatted && (c == '{' || c == '}')) {
            if (!read_brace(p, r))
                break;
        } else if (c == '\\' && !r->raw) {
            if (!read_escape(p, &r->at, r->end, &r->text))
                break;
        } else {
            pb_buffer_byte(&r->text, c);
            r->at++;
        }
    }
    pb_node *node = !p->failed && flush_text(p, r) ? pb_node_new(p, PB_NODE_TEXT, start) : NULL;
    pb_buffer_free(&r->text);
    if (!node)
        return NULL;
    node->items = r->parts.items;
    node->n_items = r->parts.count;
    return pb_node_done(p, node);
}

/* ---- strings, side by side ones joined ---- */

/* Plain strings only: one constant. */
static pb_node *join_plain(pb_parser *p, const pb_node_list *texts, size_t start)
{
    pb_buffer all = PB_BUFFER_EMPTY;
    pb_value *value = NULL;
    for (size_t i = 0; i < texts->count; i++) {
        const pb_node *text = texts->items[i];
        for (size_t k = 0; k < text->n_items; k++) {
            size_t length;
            const char *bytes = pb_value_get_text(text->items[k]->value, &length);
            pb_buffer_append(&all, bytes, length);
        }
    }
    if (pb_value_take_buffer(&all, &value, p->error)) {
        p->failed = true;
        return NULL;
    }
    return pb_node_constant(p, value, start);
}

static pb_node *join_texts(pb_parser *p, const pb_node_list *texts, size_t start)
{
    pb_node_list parts = {0};
    pb_node *node = pb_node_new(p, PB_NODE_TEXT, start);
    for (size_t i = 0; node && i < texts->count; i++)
        for (size_t k = 0; k < texts->items[i]->n_items; k++)
            if (!pb_node_append(p, &parts, texts->items[i]->items[k]))
                return NULL;
    if (!node)
        return NULL;
    node->items = parts.items;
    node->n_items = parts.count;
    return pb_node_done(p, node);
}

pb_node *pb_parse_strings(pb_parser *p)
{
    size_t start = p->token.span.start;
    pb_node_list texts = {0};
    bool formatted = false;
    while (p->token.kind == PB_TOKEN_STRING && !p->failed) {
        pb_reader reader = {.at = p->token.body.start,
                            .end = p->token.body.end,
                            .raw = p->token.raw,
                            .formatted = p->token.formatted,
                            .parts = {0},
                            .text = PB_BUFFER_EMPTY};
        formatted = formatted || p->token.formatted;
        if (!pb_node_append(p, &texts, read_text(p, &reader)))
            return NULL;
        pb_parser_next(p);
    }
    if (p->failed)
        return NULL;
    return formatted ? join_texts(p, &texts, start) : join_plain(p, &texts, start);
}
