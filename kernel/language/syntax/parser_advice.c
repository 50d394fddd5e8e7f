/* Advice: where a cell says it as Python does and this language does not, how it is said here. */
#include <string.h>

#include "parser_private.h"

/* The language's own words, and Python's others that a name cannot be. */
static const char *const reserved[] = {"and",  "else", "False", "false",  "for",
                                       "if",   "in",   "is",    "lambda", "None",
                                       "none", "not",  "or",    "True",   "true"};

const char *const *pb_reserved_words(size_t *count)
{
    *count = sizeof reserved / sizeof *reserved;
    return reserved;
}

bool pb_is_reserved(const char *word, size_t length)
{
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strlen(reserved[i]) == length && memcmp(reserved[i], word, length) == 0)
            return true;
    return false;
}

bool pb_parser_at_reserved(const pb_parser *p)
{
    size_t length = p->token.span.end - p->token.span.start;
    return p->token.kind == PB_TOKEN_NAME &&
           pb_is_reserved(p->lexer.text + p->token.span.start, length);
}

/* `why` and the line to write, which runs as it is. */
typedef struct pb_syntax_habit {
    const char *word, *message, *why, *line;
} pb_syntax_habit;

#define CHOOSE "choose between values", "\"yes\" if 2 > 1 else \"no\""

static const pb_syntax_habit habits[] = {
    {"while", "there are no while loops", "a comprehension walks a list",
     "[n ** 2 for n in range(10)]"},
    {"if", "there is no if statement", CHOOSE},
    {"elif", "there is no elif statement", "choose between values",
     "\"up\" if 2 > 1 else \"down\" if 2 < 1 else \"level\""},
    {"else", "there is no else statement", CHOOSE},
    {"import", "nothing needs importing", "every word is there already", "help()"},
    {"from", "nothing needs importing", "every word is there already", "help()"},
    {"class", "there are no classes", "a record keeps a few values together",
     "{\"head\": \"L4H0\", \"value\": 2}"},
    {"return", "there is no return", "a function is its expression", "f(x) = x + 1"},
    {"yield", "there is no yield", "a comprehension makes a list", "[2 * n for n in range(10)]"},
    {"del", "names are not deleted", "give the name another value", "x = None"},
    {"with", "there is no with statement", "what runs under a change takes edit=",
     "run(\"I love this\", edit=zero(\"z\", layer=3, head=1))"},
    {"try", "there is no try statement", "an error ends the cell and leaves your names as they are",
     NULL},
    {"except", "there is no except statement",
     "an error ends the cell and leaves your names as they are", NULL},
    {"raise", "there is no raise statement", "a warning is written by", "warn(\"too short\")"},
    {"assert", "there is no assert statement", "whether something holds, shows", "check(2 > 1)"},
    {"global", "there is no global statement", "a function reads the session's names as they are",
     NULL},
    {"nonlocal", "there is no nonlocal statement",
     "a function reads the names around it as they are", NULL},
    {"pass", "there is no pass statement", "leave it out", NULL},
    {"break", "there is no break statement", "choose items in a comprehension",
     "[n for n in range(10) if n > 3]"},
    {"continue", "there is no continue statement", "choose items in a comprehension",
     "[n for n in range(10) if n > 3]"},
    {"async", "there is no async statement", "leave it out: each call waits for its result", NULL},
    {"await", "there is no await", "leave it out: each call waits for its result", NULL},
    {"match", "there is no match statement", CHOOSE},
};

/* The rest of the line from `start`, without spaces at its end. */
static pb_span line_from(const pb_parser *p, size_t start)
{
    size_t end = start;
    while (end < p->lexer.end && p->lexer.text[end] != '\n')
        end++;
    while (end > start && strchr(" \t\r", p->lexer.text[end - 1]))
        end--;
    return (pb_span){start, end};
}

/* A span as printf's "%.*s" wants it. */
static int width(pb_span span)
{
    return (int)(span.end - span.start);
}

/* Whether spans are short enough for a hint, where a part of one is no line that runs. */
static bool is_short(pb_span a, pb_span b)
{
    return a.end - a.start + (b.end - b.start) <= PB_LONGEST_HINT;
}

static bool advise_symbol(pb_parser *p)
{
    pb_span line = line_from(p, p->token.span.start);
    if (pb_parser_is(p, "%")) {
        pb_parser_fail(p, line, "there are no magic commands");
        pb_parser_hint(p, "the words there are, lists: help()");
    } else if (pb_parser_is(p, "!")) {
        pb_parser_fail(p, line, "a cell cannot run shell commands");
        pb_parser_hint(p, "open a terminal for it; for a negation write not");
    } else if (pb_parser_is(p, "?")) {
        pb_span name = {p->token.span.end, line.end};
        pb_parser_fail(p, line, "the question mark comes after the name");
        if (name.end > name.start && is_short(name, name))
            pb_parser_hint(p, "help(%.*s)", width(name), p->lexer.text + name.start);
    } else if (pb_parser_is(p, "@")) {
        pb_parser_fail(p, line, "there are no decorators");
        pb_parser_hint(p, "a function stands by itself: f(x) = x + 1");
    } else {
        return false;
    }
    return true;
}

bool pb_parser_advise_start(pb_parser *p)
{
    if (p->failed)
        return true;
    if (p->token.kind == PB_TOKEN_SYMBOL)
        return advise_symbol(p);
    if (p->token.kind != PB_TOKEN_NAME)
        return false;
    if (pb_parser_is(p, "for")) {
        pb_parser_advise_for(p);
        return true;
    }
    if (pb_parser_is(p, "if") && pb_parser_advise_if(p))
        return true;
    pb_token next = pb_parser_peek(p);
    bool used = next.kind == PB_TOKEN_SYMBOL && strchr("=.,)[;", next.symbol[0]);
    if (used && !pb_parser_at_reserved(p))
        return false;
    if (pb_parser_is(p, "def")) {
        pb_parser_advise_def(p);
        return true;
    }
    for (size_t i = 0; i < sizeof habits / sizeof *habits; i++) {
        if (!pb_parser_is(p, habits[i].word))
            continue;
        pb_parser_fail(p, p->token.span, "%s", habits[i].message);
        if (habits[i].line)
            pb_parser_hint(p, "%s: %s", habits[i].why, habits[i].line);
        else
            pb_parser_hint(p, "%s", habits[i].why);
        return true;
    }
    return false;
}

/* `x += 1`: there is no such thing, but there is x = x + 1. */
static void advise_augmented(pb_parser *p, const pb_node *left)
{
    pb_span name = left->span;
    pb_token sign = p->token;
    pb_span value = line_from(p, sign.span.end);
    while (value.start < value.end && p->lexer.text[value.start] == ' ')
        value.start++;
    pb_parser_fail(p, sign.span, "%s is not used here", sign.symbol);
    if (!is_short(name, value))
        return;
    pb_parser_hint(p, "%.*s = %.*s %.*s %.*s", width(name), p->lexer.text + name.start, width(name),
                   p->lexer.text + name.start, (int)strlen(sign.symbol) - 1, sign.symbol,
                   width(value), p->lexer.text + value.start);
}

/* One past the quote that may have been meant to end the string: nothing but a bracket, a comma or
 * the end of the line follows it. 0 if there is none on the line. */
static size_t meant_end(const pb_parser *p, size_t at, char quote)
{
    const char *text = p->lexer.text;
    for (; at < p->lexer.end && text[at] != '\n'; at++) {
        size_t next = at + 1;
        if (text[at] != quote)
            continue;
        while (next < p->lexer.end && strchr(" \t\r", text[next]))
            next++;
        if (next >= p->lexer.end || strchr(",)]}:;\n", text[next]))
            return at + 1;
    }
    return 0;
}

bool pb_parser_advise_quote(pb_parser *p)
{
    pb_span string = p->string;
    if (p->failed || p->token.kind != PB_TOKEN_NAME || string.end != p->token.span.start ||
        string.end == 0)
        return false;
    const char *text = p->lexer.text;
    char quote = text[string.end - 1], other = quote == '"' ? '\'' : '"';
    size_t start = string.start;
    while (text[start] != quote)
        start++; /* the f of f"..." */
    size_t end = meant_end(p, string.end, quote);
    pb_span inside = {start + 1, end ? end - 1 : start + 1};
    bool clean = end && !memchr(text + inside.start, other, inside.end - inside.start);
    pb_parser_fail(p, (pb_span){string.end - 1, string.end}, "the string ends at this quote");
    if (clean && end - start < 200)
        pb_parser_hint(p, "a string with a %c in it stands in the other quotes: %.*s%c%.*s%c",
                       quote, (int)(start - string.start), text + string.start, other,
                       (int)(inside.end - inside.start), text + inside.start, other);
    else
        pb_parser_hint(p, "a %c inside a string is written \\%c", quote, quote);
    return true;
}

static bool starts_value(const pb_parser *p)
{
    return p->token.kind == PB_TOKEN_NAME || p->token.kind == PB_TOKEN_NUMBER ||
           p->token.kind == PB_TOKEN_STRING;
}

void *pb_parser_advise_rest(pb_parser *p, const pb_node *statement)
{
    const char *symbol = p->token.symbol, *text = p->lexer.text;
    size_t length = strlen(symbol);
    if (p->failed || pb_parser_advise_quote(p))
        return NULL;
    if (p->token.kind == PB_TOKEN_SYMBOL && length >= 2 && symbol[length - 1] == '=' &&
        strchr("+-*/%&|^<>@", symbol[0])) {
        advise_augmented(p, statement);
        return NULL;
    }
    const pb_node *value = statement->kind == PB_NODE_ASSIGN ? statement->items[0] : statement;
    if (value->kind == PB_NODE_NAME && starts_value(p)) {
        pb_span rest = line_from(p, p->token.span.start);
        pb_parser_fail(p, p->token.span, "something is missing between %s and this", value->name);
        if (p->is_word && p->is_word(p->words, value->name) && is_short(rest, rest))
            pb_parser_hint(p, "a word is called with brackets: %s(%.*s)", value->name, width(rest),
                           text + rest.start);
        return NULL;
    }
    if (pb_parser_is(p, ":")) {
        pb_parser_fail(p, p->token.span, "this : opens nothing here");
        pb_parser_hint(p, "there are no blocks that a : opens; {\"name\": value} is a record, "
                          "t[2:5] a slice");
        return NULL;
    }
    if (pb_parser_is(p, ")") || pb_parser_is(p, "]") || pb_parser_is(p, "}"))
        return pb_parser_fail(p, p->token.span, "this %s closes nothing", symbol);
    if (pb_parser_is(p, "->"))
        return pb_parser_fail(p, p->token.span, "-> is not used here");
    pb_parser_expected(p, "the end of the line");
    if (starts_value(p))
        pb_parser_hint(p, "statements on one line are separated by ;");
    return NULL;
}
