/* Python's `def`, `for` and `if` said as an expression of this language, where what they hold is
 * simple enough. */
#include <string.h>

#include "parser_private.h"

/* A statement of the body, by what it begins with. */
typedef enum step_kind {
    STEP_IF,
    STEP_ELIF,
    STEP_ELSE,
    STEP_FOR,
    STEP_RETURN,
    STEP_OTHER
} step_kind;

typedef struct step {
    step_kind kind;
    pb_span span; /* the condition, what is returned, or all of it */
    size_t indent;
    bool loose;   /* `a, b` or `a if b else c`: within another it needs brackets */
    bool assigns; /* gives a name a value, so that it has none itself */
} step;

#define MOST_STEPS 24

typedef struct body {
    pb_lexer lexer;
    pb_token token;
    size_t outer;  /* the indent of the def itself */
    bool function; /* its value is what it returns; else what each block ends with */
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
    static const char *const words[] = {"if", "elif", "else", "for", "return"};
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
    bool choice = made.kind <= STEP_FOR, text = b->token.kind == PB_TOKEN_STRING;
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
        made.assigns = made.assigns || (!inside && is(b, "="));
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
            bool more = !b->function && indent == b->outer && (is(b, "elif") || is(b, "else"));
            if (indent <= b->outer && !more)
                return; /* the cell goes on behind it */
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
    } else if (written && !b->function && !next) {
        pb_buffer_text(&other, "None");
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

/* `if a: b`, and nothing else at its indent: then it chooses items. The condition, or NULL. */
static const step *filter_of(const body *b, size_t indent)
{
    const step *s = b->at < b->count ? &b->steps[b->at] : NULL;
    if (!s || s->kind != STEP_IF || s->indent <= indent)
        return NULL;
    for (size_t i = b->at + 1; i < b->count && b->steps[i].indent > indent; i++)
        if (b->steps[i].indent <= s->indent)
            return NULL;
    return s;
}

/* `for x in xs: f(x)` as [f(x) for x in xs]. */
static bool write_loop(body *b, size_t indent, pb_buffer *out)
{
    const step *walk = &b->steps[b->at++];
    const step *filter = filter_of(b, indent);
    pb_buffer item = PB_BUFFER_EMPTY;
    bool loose;
    b->at += filter != NULL;
    bool written = write_branch(b, filter ? filter->indent : indent, &item, &loose);
    pb_buffer_byte(out, '[');
    append_bracketed(item.data, loose, out);
    pb_buffer_text(out, " for ");
    append(b, walk->span, out);
    if (filter) {
        pb_buffer_text(out, " if ");
        append(b, filter->span, out);
    }
    pb_buffer_byte(out, ']');
    pb_buffer_free(&item);
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
        bool ends = b->at + 1 == b->count || b->steps[b->at + 1].indent < indent;
        bool last = b->function ? !branch && b->at + 1 == b->count : ends;
        if (last && s->assigns)
            break;
        if (before > 0)
            pb_buffer_text(&text, "; ");
        if ((s->kind == STEP_RETURN && b->function) || (s->kind == STEP_OTHER && last)) {
            *loose = *loose || (s->loose && (s->kind == STEP_RETURN || !b->function));
            append(b, s->span, &text);
            b->at++;
            written = true;
        } else if (s->kind == STEP_IF) {
            written = *loose = write_choice(b, indent, branch, &text);
            if (!written)
                break;
        } else if (s->kind == STEP_FOR) {
            if (!write_loop(b, indent, &text))
                break;
            written = !b->function && !next_step(b, indent);
            before += !written;
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

/* Whether what is called behind a dot is a word: x.item() is not, though it can be read. */
static bool calls_words(const pb_parser *p, pb_source *source, size_t length)
{
    pb_lexer lexer;
    pb_lexer_start(&lexer, source, (pb_span){0, length}, NULL);
    pb_token before = {0}, name = {0}, token = pb_lexer_next(&lexer);
    for (; token.kind != PB_TOKEN_END && token.kind != PB_TOKEN_BAD;
         token = pb_lexer_next(&lexer)) {
        bool called = pb_token_is(&lexer, &token, "(") && name.kind == PB_TOKEN_NAME &&
                      before.kind == PB_TOKEN_SYMBOL && pb_token_is(&lexer, &before, ".");
        char word[64];
        size_t size = name.span.end - name.span.start;
        if (called && size < sizeof word) {
            memcpy(word, lexer.text + name.span.start, size);
            word[size] = '\0';
            if (!p->is_word || !p->is_word(p->words, word))
                return false;
        }
        before = name;
        name = token;
    }
    return true;
}

/* Whether the line is one of this language, and short enough to be shown. */
static bool is_fine(const pb_parser *p, const pb_buffer *line)
{
    pb_program *program = NULL;
    if (line->failed || !line->data || line->length > PB_LONGEST_HINT || strchr(line->data, '#') ||
        strchr(line->data, '\n') || strstr(line->data, "\"\"\"") || strstr(line->data, "'''"))
        return false;
    pb_source *source = pb_source_create("hint", line->data, line->length);
    bool fine = source && !pb_parse_program(source, NULL, NULL, &program, NULL, NULL) &&
                calls_words(p, source, line->length);
    pb_program_release(&program);
    pb_source_release(&source);
    return fine;
}

/* ---- for and if ---- */

/* The steps from a `for` or an `if` on. */
static void read_from(const pb_parser *p, body *b)
{
    pb_lexer_start(&b->lexer, p->lexer.source, (pb_span){p->token.span.start, p->lexer.end}, NULL);
    b->outer = indent_of(b, p->token.span.start);
    advance(b);
    read_step(b, b->outer);
    read_steps(b);
}

/* `xs.append(f(x))` in a loop makes xs: the line is xs = [f(x) for ...]. */
static void take_append(pb_buffer *line)
{
    static const char call[] = ".append(";
    const char *at = line->data ? strstr(line->data, call) : NULL, *last = NULL;
    size_t name = at ? (size_t)(at - line->data) : 0;
    unsigned depth = 1;
    if (!at || name < 2 || strcspn(line->data + 1, ".([ ") != name - 1)
        return;
    const char *item = at + sizeof call - 1;
    for (const char *c = item; *c && !last; c++) {
        depth += strchr("([{", *c) != NULL;
        depth -= strchr(")]}", *c) != NULL;
        last = depth == 0 ? c : NULL;
    }
    if (!last || strncmp(last + 1, " for ", 5) != 0)
        return;
    pb_buffer made = PB_BUFFER_EMPTY;
    pb_buffer_format(&made, "%.*s = [%.*s%s", (int)name - 1, line->data + 1, (int)(last - item),
                     item, last + 1);
    pb_buffer_free(line);
    *line = made;
}

/* "[w for w in words]", which walks the list and no more; an empty buffer where even that cannot be
 * read. */
static void walk_alone(const pb_parser *p, const body *b, pb_buffer *line)
{
    const step *walk = &b->steps[0];
    pb_lexer lexer;
    bool several = false;
    pb_buffer_clear(line);
    if (b->count == 0)
        return;
    pb_lexer_start(&lexer, p->lexer.source, walk->span, NULL);
    pb_token token = pb_lexer_next(&lexer);
    for (; token.kind != PB_TOKEN_END && token.kind != PB_TOKEN_BAD &&
           !pb_token_is(&lexer, &token, "in");
         token = pb_lexer_next(&lexer))
        several = several || pb_token_is(&lexer, &token, ",");
    size_t end = token.span.start;
    while (end > walk->span.start && lexer.text[end - 1] == ' ')
        end--;
    pb_buffer_text(line, several ? "[[" : "[");
    append(b, (pb_span){walk->span.start, end}, line);
    pb_buffer_text(line, several ? "] for " : " for ");
    append(b, walk->span, line);
    pb_buffer_byte(line, ']');
    if (!is_fine(p, line))
        pb_buffer_clear(line);
}

void pb_parser_advise_for(pb_parser *p)
{
    body b = {0};
    pb_buffer line = PB_BUFFER_EMPTY;
    read_from(p, &b);
    bool written = !b.failed && b.count > 1 && write_loop(&b, b.outer, &line) && !line.failed;
    if (written)
        take_append(&line);
    pb_parser_fail(p, p->token.span, "there are no for loops");
    if (written && is_fine(p, &line)) {
        pb_parser_hint(p, "make a list: %s", line.data);
    } else {
        walk_alone(p, &b, &line);
        pb_parser_hint(p,
                       "a list is made by a comprehension, and most words take a list as it is: %s",
                       line.length ? line.data : "[2 * n for n in range(10)]");
    }
    pb_buffer_free(&line);
}

bool pb_parser_advise_if(pb_parser *p)
{
    body b = {0};
    pb_buffer line = PB_BUFFER_EMPTY;
    read_from(p, &b);
    bool written =
        !b.failed && b.count > 1 && write_choice(&b, b.outer, true, &line) && is_fine(p, &line);
    if (written) {
        pb_parser_fail(p, p->token.span, "there is no if statement");
        pb_parser_hint(p, "choose between values: %s", line.data);
    }
    pb_buffer_free(&line);
    return written;
}

/* ---- def ---- */

void pb_parser_advise_def(pb_parser *p)
{
    body b = {.lexer = p->lexer, .function = true};
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
                   write_block(&b, b.steps[0].indent, false, &line, &loose) && is_fine(p, &line);
    pb_parser_fail(p, p->token.span, "functions are defined without def");
    if (written)
        pb_parser_hint(p, "%s", line.data);
    else
        pb_parser_hint(p,
                       "a function is one expression, whose steps stand in brackets: f(x) = (a = x "
                       "+ 1; b = 2 * a; a + b)");
    pb_buffer_free(&head);
    pb_buffer_free(&line);
}
