/* Python's `def` said as a function of this language, where its body is simple enough. */
#include <string.h>

#include "parser_private.h"

/* A statement of the body, by what it begins with. */
typedef enum step_kind { STEP_IF, STEP_ELIF, STEP_ELSE, STEP_RETURN, STEP_OTHER } step_kind;

typedef struct step {
    step_kind kind;
    pb_span span; /* the condition, what is returned, or all of it */
    size_t indent;
    bool loose; /* `a, b` or `a if b else c`: within another it needs brackets */
} step;

#define MOST_STEPS 24

typedef struct body {
    pb_lexer lexer;
    pb_token token;
    size_t outer; /* the indent of the def itself */
    step steps[MOST_STEPS];
    size_t count, at;
    bool failed;
} body;

static void advance(body *b)
{
    b->token = pb_lexer_next(&b->lexer);
    b->failed = b->failed || b->token.kind == PB_TOKEN_BAD;
}

static bool is(const body *b, const char *word_or_symbol)
{
    return pb_token_is(&b->lexer, &b->token, word_or_symbol);
}

static bool at_end(const body *b)
{
    return b->failed || b->token.kind == PB_TOKEN_END;
}

/* How far a place stands from the start of its line. */
static size_t indent_of(const body *b, size_t at)
{
    size_t start = at;
    while (start > 0 && b->lexer.text[start - 1] != '\n')
        start--;
    return at - start;
}

/* A line end inside brackets, with the indent after it, becomes a space. */
static void append(const body *b, pb_span span, pb_buffer *out)
{
    const char *text = b->lexer.text;
    for (size_t at = span.start; at < span.end; at++) {
        size_t next = at;
        while (next < span.end && strchr(" \t\r\n", text[next]))
            next++;
        bool broken = next > at && memchr(text + at, '\n', next - at);
        bool opens = at > span.start && strchr("([{", text[at - 1]);
        if (broken && !opens && !strchr(")]}", text[next]))
            pb_buffer_byte(out, ' ');
        if (broken)
            at = next;
        if (at < span.end)
            pb_buffer_byte(out, text[at]);
    }
}

/* ---- the head: f(x: int, y=1) -> int: without its types ---- */

static void read_head(body *b, pb_buffer *out)
{
    size_t depth = 0, last = b->token.span.start;
    bool type = false;
    do {
        if (depth == 1 && is(b, ":"))
            type = true;
        else if (depth == 1 && (is(b, ",") || is(b, "=") || is(b, ")")))
            type = false;
        if (is(b, "(") || is(b, "[") || is(b, "{"))
            depth++;
        else if (is(b, ")") || is(b, "]") || is(b, "}"))
            depth -= depth > 0;
        if (!type) {
            pb_span gap = {last, b->token.span.start};
            bool tight = out->length == 0 || out->data[out->length - 1] == '=' || is(b, "=");
            if (gap.end > gap.start && !tight)
                pb_buffer_byte(out, ' ');
            append(b, b->token.span, out);
        }
        last = b->token.span.end;
        advance(b);
    } while (!at_end(b) && (depth > 0 || is(b, "(")));
}

/* Past the colon that ends the head. */
static void skip_to_body(body *b)
{
    while (!at_end(b) && b->token.kind != PB_TOKEN_NEWLINE && !is(b, ":"))
        advance(b);
    b->failed = b->failed || !is(b, ":");
    advance(b);
}

/* ---- the body as steps ---- */

/* A statement of one word: in an expression it would be read as a name. */
static bool is_bare_word(const body *b)
{
    return is(b, "pass") || is(b, "break") || is(b, "continue") || is(b, "yield");
}

static step_kind kind_of(const body *b)
{
    static const char *const words[] = {"if", "elif", "else", "return"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is(b, words[i]))
            return (step_kind)i;
    return STEP_OTHER;
}

/* Takes the statement at the token as a step: up to the end of its line, a `;` or, of an `if`, its
 * colon. */
static void read_step(body *b, size_t indent)
{
    step made = {.kind = kind_of(b), .indent = indent};
    bool choice = made.kind <= STEP_ELSE, text = b->token.kind == PB_TOKEN_STRING;
    size_t tokens = 0;
    b->failed = b->failed || is_bare_word(b);
    if (made.kind != STEP_OTHER)
        advance(b);
    made.span = (pb_span){b->token.span.start, b->token.span.start};
    while (!at_end(b)) {
        bool inside = b->lexer.depth > 0 && !is(b, "(") && !is(b, "[") && !is(b, "{");
        if (!inside && (b->token.kind == PB_TOKEN_NEWLINE || is(b, ";") || (choice && is(b, ":"))))
            break;
        made.loose = made.loose || (!inside && (is(b, ",") || is(b, "if") || is(b, "lambda")));
        made.span.end = b->token.span.end;
        tokens++;
        advance(b);
    }
    if (text && tokens == 1)
        return; /* a doc string */
    b->failed = b->failed || b->count == MOST_STEPS || (choice && !is(b, ":")) ||
                (made.kind != STEP_ELSE && tokens == 0);
    if (!b->failed)
        b->steps[b->count++] = made;
}

static void read_steps(body *b)
{
    size_t indent = b->outer + 1; /* of what stands on the line of the def */
    while (!at_end(b)) {
        if (b->token.kind == PB_TOKEN_NEWLINE) {
            advance(b);
            if (at_end(b) || b->token.kind == PB_TOKEN_NEWLINE)
                continue;
            indent = indent_of(b, b->token.span.start);
            if (indent <= b->outer)
                return; /* the cell goes on after the function */
        } else if (is(b, ";")) {
            advance(b);
        } else if (is(b, ":")) {
            indent++; /* if a: return b */
            advance(b);
        } else {
            read_step(b, indent);
        }
    }
}

/* ---- the steps as an expression ---- */

static bool write_block(body *b, size_t indent, bool branch, pb_buffer *out, bool *loose);

static const step *next_step(const body *b, size_t indent)
{
    return b->at < b->count && b->steps[b->at].indent == indent ? &b->steps[b->at] : NULL;
}

/* Writes the steps that follow and are indented by more than `indent`. */
static bool write_branch(body *b, size_t indent, pb_buffer *out, bool *loose)
{
    return b->at < b->count && b->steps[b->at].indent > indent &&
           write_block(b, b->steps[b->at].indent, true, out, loose);
}

static void append_bracketed(const char *text, bool brackets, pb_buffer *out)
{
    pb_buffer_format(out, brackets ? "(%s)" : "%s", text ? text : "");
}

/* `if a: return b` and what follows as b if a else ... */
static bool write_choice(body *b, size_t indent, bool branch, pb_buffer *out)
{
    const step *condition = &b->steps[b->at++];
    pb_buffer then = PB_BUFFER_EMPTY, test = PB_BUFFER_EMPTY, other = PB_BUFFER_EMPTY;
    bool loose = false, other_loose = false;
    bool written = write_branch(b, indent, &then, &loose);
    const step *next = next_step(b, indent);
    if (written && next && next->kind == STEP_ELIF) {
        written = write_choice(b, indent, branch, &other);
    } else if (written && next && next->kind == STEP_ELSE) {
        b->at++;
        written = write_branch(b, indent, &other, &other_loose);
    } else if (written) {
        written = write_block(b, indent, true, &other, &other_loose);
    }
    append(b, condition->span, &test);
    append_bracketed(then.data, loose, out);
    pb_buffer_text(out, " if ");
    append_bracketed(test.data, condition->loose, out);
    pb_buffer_text(out, " else ");
    pb_buffer_text(out, other.data ? other.data : "");
    pb_buffer_free(&then);
    pb_buffer_free(&test);
    pb_buffer_free(&other);
    return written;
}

/* Skips the steps of a block that a return has made unreachable. */
static void leave_block(body *b, size_t indent)
{
    while (b->at < b->count && b->steps[b->at].indent >= indent &&
           !(b->steps[b->at].indent == indent &&
             (b->steps[b->at].kind == STEP_ELIF || b->steps[b->at].kind == STEP_ELSE)))
        b->at++;
}

/* Writes the steps of one indent as (a = ...; b = ...; what is returned). A branch has to return;
 * the whole body may end with an expression instead. */
static bool write_block(body *b, size_t indent, bool branch, pb_buffer *out, bool *loose)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    size_t before = 0;
    bool written = false;
    *loose = false;
    for (const step *s; !written && (s = next_step(b, indent));) {
        bool last = !branch && b->at + 1 == b->count;
        if (before > 0)
            pb_buffer_text(&text, "; ");
        if (s->kind == STEP_RETURN || (s->kind == STEP_OTHER && last)) {
            if (s->loose && s->kind == STEP_RETURN)
                *loose = true;
            append(b, s->span, &text);
            b->at++;
            written = true;
        } else if (s->kind == STEP_IF) {
            written = *loose = write_choice(b, indent, branch, &text);
            if (!written)
                break;
        } else if (s->kind == STEP_OTHER) {
            append(b, s->span, &text);
            before++;
            b->at++;
        } else {
            break;
        }
    }
    if (written)
        leave_block(b, indent);
    append_bracketed(text.data, before > 0, out);
    if (before > 0)
        *loose = false;
    pb_buffer_free(&text);
    return written;
}

/* Whether the line is one of this language, and short enough to be shown. */
static bool is_fine(const pb_buffer *line)
{
    pb_program *program = NULL;
    if (line->failed || !line->data || line->length > 200 || strchr(line->data, '#') ||
        strstr(line->data, "\"\"\"") || strstr(line->data, "'''"))
        return false;
    pb_source *source = pb_source_create("hint", line->data, line->length);
    bool fine = source && !pb_parse_program(source, NULL, NULL, &program, NULL, NULL);
    pb_program_release(&program);
    pb_source_release(&source);
    return fine;
}

void pb_parser_advise_def(pb_parser *p)
{
    body b = {.lexer = p->lexer};
    pb_buffer head = PB_BUFFER_EMPTY, line = PB_BUFFER_EMPTY;
    bool loose;
    b.lexer.error = NULL;
    b.outer = indent_of(&b, p->token.span.start);
    advance(&b);
    read_head(&b, &head);
    pb_buffer_format(&line, "%s = ", head.data ? head.data : "f(x)");
    bool bare = b.token.kind == PB_TOKEN_END && !b.failed; /* no body yet */
    if (!bare) {
        skip_to_body(&b);
        read_steps(&b);
    }
    bool written = !bare && !b.failed && b.count > 0 &&
                   write_block(&b, b.steps[0].indent, false, &line, &loose) && is_fine(&line);
    pb_parser_fail(p, p->token.span, "functions are defined without def");
    if (written)
        pb_parser_hint(p, "%s", line.data);
    else if (bare && !head.failed && head.length > 0 && head.length < 200 &&
             head.data[head.length - 1] == ')')
        pb_parser_hint(p, "%s = ...", head.data);
    else
        pb_parser_hint(p, "a function is one expression: f(x) = x + 1; (a = ...; b = ...; a + b) "
                          "has names of its own, and a if condition else b chooses");
    pb_buffer_free(&head);
    pb_buffer_free(&line);
}
