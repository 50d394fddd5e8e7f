/* Tokens of the language: Python's, where the language has them. */
#include "syntax/lexer.h"

#include <ctype.h>
#include <string.h>

#include "base/utf8.h"

void pb_lexer_start(pb_lexer *lexer, pb_source *source, pb_span range, pb_error **error)
{
    memset(lexer, 0, sizeof *lexer);
    lexer->text = pb_source_text(source);
    lexer->at = range.start;
    lexer->end = range.end;
    lexer->source = source;
    lexer->error = error;
    if (range.start == 0 && range.end >= 3 && memcmp(lexer->text, "\xef\xbb\xbf", 3) == 0)
        lexer->at = 3; /* a byte order mark */
}

bool pb_token_text_is(const pb_lexer *lexer, const pb_token *token, const char *text)
{
    size_t length = token->span.end - token->span.start;
    return token->kind == PB_TOKEN_NAME && strlen(text) == length &&
           memcmp(lexer->text + token->span.start, text, length) == 0;
}

bool pb_token_is(const pb_lexer *lexer, const pb_token *token, const char *word_or_symbol)
{
    if (token->kind == PB_TOKEN_SYMBOL)
        return strcmp(token->symbol, word_or_symbol) == 0;
    return pb_token_text_is(lexer, token, word_or_symbol);
}

static char byte_at(const pb_lexer *lexer, size_t at)
{
    return at < lexer->end ? lexer->text[at] : '\0';
}

/* A BAD token over [start, end) with its reason. */
static pb_token bad(pb_lexer *lexer, size_t start, size_t end, const char *text, const char *hint)
{
    pb_span span = {start, end};
    pb_fail(lexer->error, PB_SYNTAX, "%s", text);
    if (lexer->error) {
        if (hint)
            pb_error_hint(*lexer->error, "%s", hint);
        pb_error_place(*lexer->error, lexer->source, span);
    }
    lexer->at = lexer->end;
    return (pb_token){.kind = PB_TOKEN_BAD, .span = span};
}

/* ---- white space ---- */

/* The length of a space at `at` that is not a line end; 0 if there is none. No-break and
 * ideographic spaces come along when code is pasted from a page. */
static size_t space_length(const pb_lexer *lexer, size_t at)
{
    char c = byte_at(lexer, at);
    if (at < lexer->end && (c == ' ' || c == '\t' || c == '\f' || c == '\r'))
        return 1;
    if (lexer->end - at >= 2 && memcmp(lexer->text + at, "\xc2\xa0", 2) == 0)
        return 2;
    if (lexer->end - at >= 3 && (memcmp(lexer->text + at, "\xe3\x80\x80", 3) == 0 ||
                                 memcmp(lexer->text + at, "\xe2\x80\xaf", 3) == 0))
        return 3;
    return 0;
}

/* Past `\` at the end of a line; 0 if this is no such backslash. */
static size_t continuation_length(const pb_lexer *lexer, size_t at)
{
    if (byte_at(lexer, at) != '\\' || at >= lexer->end)
        return 0;
    size_t next = at + 1;
    while (byte_at(lexer, next) == ' ' || byte_at(lexer, next) == '\t' ||
           byte_at(lexer, next) == '\r')
        next++;
    return next >= lexer->end || lexer->text[next] == '\n' ? next - at : 0;
}

/* Skips spaces, comments, continued lines and, in brackets, line ends. */
static bool skip_space(pb_lexer *lexer)
{
    size_t start = lexer->at;
    while (lexer->at < lexer->end) {
        size_t space = space_length(lexer, lexer->at);
        size_t continued = continuation_length(lexer, lexer->at);
        if (space > 0) {
            lexer->at += space;
        } else if (continued > 0) {
            lexer->at += continued;
            if (lexer->at >= lexer->end)
                lexer->more = true;
            else
                lexer->at++;
        } else if (lexer->text[lexer->at] == '#') {
            while (lexer->at < lexer->end && lexer->text[lexer->at] != '\n')
                lexer->at++;
        } else if (lexer->text[lexer->at] == '\n' && lexer->depth > 0) {
            lexer->at++;
        } else {
            break;
        }
    }
    return lexer->at > start;
}

/* ---- names ---- */

/* Letters beyond ASCII are letters, except where Unicode keeps punctuation, symbols and emoji. */
static bool letter_beyond_ascii(uint32_t c)
{
    if (c == PB_UTF8_INVALID || c < 0xaa)
        return false;
    if (c < 0xc0)
        return c == 0xaa || c == 0xb5 || c == 0xba;
    if (c == 0xd7 || c == 0xf7)
        return false;
    return !((c >= 0x2000 && c <= 0x206f) || (c >= 0x20a0 && c <= 0x20cf) ||
             (c >= 0x2190 && c <= 0x2bff) || (c >= 0x3000 && c <= 0x3004) ||
             (c >= 0x3008 && c <= 0x3020) || (c >= 0xe000 && c <= 0xf8ff) ||
             (c >= 0xfe00 && c <= 0xfe6f) || c == 0xfeff || (c >= 0xff00 && c <= 0xff0f) ||
             (c >= 0xff1a && c <= 0xff20) || (c >= 0xfff0 && c <= 0xffff) ||
             (c >= 0x1f000 && c <= 0x1faff) || c >= 0xe0000);
}

/* The length of the name character at `at`; 0 if there is none. */
static size_t name_length(const pb_lexer *lexer, size_t at, bool first)
{
    if (at >= lexer->end)
        return 0;
    unsigned char c = (unsigned char)lexer->text[at];
    if (c < 0x80)
        return isalpha(c) || c == '_' || (!first && isdigit(c)) ? 1 : 0;
    size_t next = at;
    return letter_beyond_ascii(pb_utf8_next(lexer->text, lexer->end, &next)) ? next - at : 0;
}

static pb_token lex_name(pb_lexer *lexer)
{
    size_t start = lexer->at, length;
    while ((length = name_length(lexer, lexer->at, lexer->at == start)) > 0)
        lexer->at += length;
    return (pb_token){.kind = PB_TOKEN_NAME, .span = {start, lexer->at}};
}

/* ---- numbers ---- */

static bool digit_of(char c, int base)
{
    if (base == 16)
        return isxdigit((unsigned char)c) != 0;
    return c >= '0' && c < '0' + base;
}

/* Digits with single underscores between them. */
static size_t skip_digits(const pb_lexer *lexer, size_t at, int base)
{
    while (digit_of(byte_at(lexer, at), base) ||
           (byte_at(lexer, at) == '_' && digit_of(byte_at(lexer, at + 1), base)))
        at++;
    return at;
}

static size_t skip_exponent(const pb_lexer *lexer, size_t at)
{
    if (byte_at(lexer, at) != 'e' && byte_at(lexer, at) != 'E')
        return at;
    size_t digits = at + 1;
    if (byte_at(lexer, digits) == '+' || byte_at(lexer, digits) == '-')
        digits++;
    return isdigit((unsigned char)byte_at(lexer, digits)) ? skip_digits(lexer, digits, 10) : at;
}

static pb_token lex_number(pb_lexer *lexer)
{
    size_t start = lexer->at, at = start;
    char second = (char)tolower((unsigned char)byte_at(lexer, at + 1));
    int base = second == 'x' ? 16 : second == 'o' ? 8 : second == 'b' ? 2 : 10;
    if (lexer->text[at] == '0' && base != 10) {
        at = skip_digits(lexer, at + 2, base);
        if (at == start + 2)
            return bad(lexer, start, at, "this number has no digits", NULL);
    } else {
        at = skip_digits(lexer, at, 10);
        if (byte_at(lexer, at) == '.')
            at = skip_digits(lexer, at + 1, 10);
        at = skip_exponent(lexer, at);
    }
    if (name_length(lexer, at, false) > 0) {
        size_t end = at;
        for (size_t n; (n = name_length(lexer, end, false)) > 0;)
            end += n;
        return bad(
            lexer, start, end, "a number runs into a name here",
            "a name cannot begin with a digit; text stands in quotes; for a product write *, as in "
            "3 * x");
    }
    lexer->at = at;
    return (pb_token){.kind = PB_TOKEN_NUMBER, .span = {start, at}};
}

/* ---- strings ---- */

/* The length of a string's prefix (r, f, b, u, in any case and order) at `at`, if a quote follows.
 */
static bool string_prefix(const pb_lexer *lexer, size_t at, size_t *length)
{
    size_t n = 0;
    while (n < 3 && byte_at(lexer, at + n) && strchr("rRfFbBuU", byte_at(lexer, at + n)))
        n++;
    *length = n;
    return byte_at(lexer, at + n) == '"' || byte_at(lexer, at + n) == '\'';
}

static size_t quote_length(const pb_lexer *lexer, size_t at)
{
    char quote = lexer->text[at];
    return byte_at(lexer, at + 1) == quote && byte_at(lexer, at + 2) == quote ? 3 : 1;
}

static bool closes(const pb_lexer *lexer, size_t at, char quote, size_t quotes)
{
    for (size_t i = 0; i < quotes; i++)
        if (byte_at(lexer, at + i) != quote || at + i >= lexer->end)
            return false;
    return true;
}

/* One past the end of the string at `at`, whose text is *body; `end` + 1 if it does not end. With
 * `fields` it is an f-string: what stands in its braces is code, in which quotes may stand. */
static size_t skip_string(const pb_lexer *lexer, size_t at, bool fields, unsigned nesting,
                          pb_span *body);

/* One past the `}` of a field {value:format} of an f-string, whose inside starts at `at`; `end` + 1
 * if there is none. In the format, quotes are text. */
static size_t skip_field(const pb_lexer *lexer, size_t at, char quote, size_t quotes,
                         unsigned nesting)
{
    unsigned brackets = 0;
    bool spec = false;
    while (at < lexer->end && nesting < 8) {
        char c = lexer->text[at];
        size_t prefix;
        pb_span inner;
        if (c == '}' && brackets == 0)
            return at + 1;
        if (quotes == 1 && c == '\n')
            break;
        if (spec && closes(lexer, at, quote, quotes))
            break;
        if (!spec && (c == '"' || c == '\'')) {
            prefix = 0;
            while (prefix < 2 && at - prefix > 0 && strchr("rRfF", lexer->text[at - prefix - 1]))
                prefix++;
            at = skip_string(lexer, at - prefix, true, nesting + 1, &inner);
            continue;
        }
        if (c == '(' || c == '[' || c == '{')
            brackets++;
        else if (c == ')' || c == ']' || c == '}')
            brackets -= brackets > 0;
        else if (c == ':' && brackets == 0)
            spec = true;
        at++;
    }
    return lexer->end + 1;
}

static size_t skip_string(const pb_lexer *lexer, size_t at, bool fields, unsigned nesting,
                          pb_span *body)
{
    size_t prefix;
    bool formatted = false;
    if (!string_prefix(lexer, at, &prefix))
        return lexer->end + 1;
    for (size_t i = 0; i < prefix; i++)
        formatted = formatted || (fields && tolower((unsigned char)lexer->text[at + i]) == 'f');
    at += prefix;
    char quote = lexer->text[at];
    size_t quotes = quote_length(lexer, at);
    at += quotes;
    body->start = at;
    while (at < lexer->end) {
        char c = lexer->text[at];
        if (closes(lexer, at, quote, quotes)) {
            body->end = at;
            return at + quotes;
        }
        if (c == '\n' && quotes == 1)
            break;
        if (c == '\\')
            at += at + 1 < lexer->end && lexer->text[at + 1] == '\r' ? 3 : 2;
        else if (formatted && c == '{' && byte_at(lexer, at + 1) == '{')
            at += 2;
        else if (formatted && c == '{')
            at = skip_field(lexer, at + 1, quote, quotes, nesting);
        else
            at++;
    }
    body->end = at;
    return lexer->end + 1;
}

static pb_token unterminated(pb_lexer *lexer, size_t start, size_t quotes)
{
    size_t end = start;
    if (quotes == 3)
        lexer->more = lexer->quote_open = true;
    while (end < lexer->end && lexer->text[end] != '\n')
        end++;
    return bad(lexer, start, end,
               quotes == 3 ? "this string is not closed: the three quotes that end it are missing"
                           : "this string is not closed: the quote that ends it is missing",
               quotes == 3 ? NULL : "close it on the same line, or open it with three quotes");
}

/* For an f-string that ends only where its braces are taken as text: one of them opens a field and
 * is never closed. */
static pb_token unclosed_field(pb_lexer *lexer, pb_span body)
{
    size_t open = body.end;
    for (size_t i = body.start; i < body.end; i++) {
        if (lexer->text[i] == '{' && byte_at(lexer, i + 1) == '{')
            i++;
        else if (lexer->text[i] == '{')
            open = i;
    }
    return bad(
        lexer, open, open + 1, "this { is not closed",
        "in an f-string {x} writes the value of x; a brace that is text is written twice: {{");
}

static pb_token lex_string(pb_lexer *lexer, size_t prefix)
{
    size_t start = lexer->at, quotes = quote_length(lexer, start + prefix);
    pb_token token = {.kind = PB_TOKEN_STRING};
    for (size_t i = 0; i < prefix; i++) {
        switch (tolower((unsigned char)lexer->text[start + i])) {
        case 'r': token.raw = true; break;
        case 'f': token.formatted = true; break;
        case 'b':
            return bad(lexer, start, start + prefix, "there are no byte strings here",
                       "leave out the b");
        default: break;
        }
    }
    size_t end = skip_string(lexer, start, true, 0, &token.body);
    if (end > lexer->end && token.formatted &&
        skip_string(lexer, start, false, 0, &token.body) <= lexer->end)
        return unclosed_field(lexer, token.body);
    if (end > lexer->end)
        return unterminated(lexer, start, quotes);
    token.span = (pb_span){start, end};
    lexer->at = end;
    return token;
}

/* ---- symbols ---- */

/* The longest first. */
static const char *const symbols[] = {
    "**=", "//=", "<<=", ">>=", "...", "**", "//", "==", "!=", "<=", ">=", "+=", "-=", "*=",
    "/=",  "%=",  "&=",  "|=",  "^=",  "@=", "->", ":=", "<<", ">>", "<>", "&&", "||", "++",
    "--",  "(",   ")",   "[",   "]",   "{",  "}",  ",",  ":",  ".",  ";",  "=",  "+",  "-",
    "*",   "/",   "%",   "<",   ">",   "&",  "|",  "^",  "~",  "@",  "!",  "?",  "$"};

typedef struct pb_stranger {
    const char *text, *message, *hint;
} pb_stranger;

static const pb_stranger strangers[] = {
    {"“", "this is a typographic quote", "strings are written with straight quotes: \"like this\""},
    {"”", "this is a typographic quote", "strings are written with straight quotes: \"like this\""},
    {"„", "this is a typographic quote", "strings are written with straight quotes: \"like this\""},
    {"‘", "this is a typographic quote", "strings are written with straight quotes: 'like this'"},
    {"’", "this is a typographic quote", "strings are written with straight quotes: 'like this'"},
    {"«", "this is a typographic quote", "strings are written with straight quotes: \"like this\""},
    {"»", "this is a typographic quote", "strings are written with straight quotes: \"like this\""},
    {"−", "this is a typographic minus sign", "write -"},
    {"–", "this is a dash", "the minus sign is -"},
    {"—", "this is a dash", "the minus sign is -"},
    {"×", "this sign is not used here", "write * for a product"},
    {"÷", "this sign is not used here", "write / for a quotient"},
    {"≤", "this sign is not used here", "write <="},
    {"≥", "this sign is not used here", "write >="},
    {"≠", "this sign is not used here", "write !="},
    {"…", "this sign is not used here", "write three dots, or leave it out"},
    {"·", "a · stands for a space in displays, and is none in code",
     "write the space itself, inside quotes: \" great\""},
    {"`", "backquotes mean nothing here", "strings are written with \" or '"},
    {"\\", "a backslash continues a line, and only at its end", NULL},
};

static pb_token lex_stranger(pb_lexer *lexer)
{
    size_t start = lexer->at, end = start;
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        size_t length = strlen(strangers[i].text);
        if (lexer->end - start >= length &&
            memcmp(lexer->text + start, strangers[i].text, length) == 0)
            return bad(lexer, start, start + length, strangers[i].message, strangers[i].hint);
    }
    uint32_t c = pb_utf8_next(lexer->text, lexer->end, &end);
    if (c == PB_UTF8_INVALID)
        return bad(lexer, start, end, "this byte is not valid UTF-8", NULL);
    return bad(lexer, start, end, "this character means nothing here",
               "in a string, inside quotes, any character is fine");
}

static bool track_bracket(pb_lexer *lexer, char c, size_t at)
{
    if (c == '(' || c == '[' || c == '{') {
        if (lexer->depth == PB_MAX_NESTING)
            return false;
        lexer->opened[lexer->depth] = at;
        lexer->open[lexer->depth++] = c;
    } else if ((c == ')' || c == ']' || c == '}') && lexer->depth > 0) {
        lexer->depth--;
    }
    return true;
}

static pb_token lex_symbol(pb_lexer *lexer)
{
    size_t start = lexer->at, left = lexer->end - start;
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        size_t length = strlen(symbols[i]);
        if (length > left || memcmp(lexer->text + start, symbols[i], length) != 0)
            continue;
        if (length == 2 && (symbols[i][0] == '+' || symbols[i][0] == '-') &&
            symbols[i][1] == symbols[i][0])
            continue; /* 1 - -1 may be written 1--1 */
        if (!track_bracket(lexer, symbols[i][0], start))
            return bad(lexer, start, start + 1, "brackets nest at most 200 deep", NULL);
        pb_token token = {.kind = PB_TOKEN_SYMBOL, .span = {start, start + length}};
        memcpy(token.symbol, symbols[i], length);
        lexer->at = start + length;
        return token;
    }
    return lex_stranger(lexer);
}

pb_token pb_lexer_next(pb_lexer *lexer)
{
    size_t prefix;
    bool spaced = skip_space(lexer);
    pb_token token;
    if (lexer->at >= lexer->end) {
        lexer->more = lexer->more || lexer->depth > 0;
        return (pb_token){
            .kind = PB_TOKEN_END, .span = {lexer->end, lexer->end}, .after_space = spaced};
    }
    char c = lexer->text[lexer->at];
    if (c == '\n') {
        token = (pb_token){.kind = PB_TOKEN_NEWLINE, .span = {lexer->at, lexer->at + 1}};
        lexer->at++;
    } else if (string_prefix(lexer, lexer->at, &prefix)) {
        token = lex_string(lexer, prefix);
    } else if (isdigit((unsigned char)c) ||
               (c == '.' && isdigit((unsigned char)byte_at(lexer, lexer->at + 1)))) {
        token = lex_number(lexer);
    } else if (name_length(lexer, lexer->at, true) > 0) {
        token = lex_name(lexer);
    } else {
        token = lex_symbol(lexer);
    }
    token.after_space = spaced;
    return token;
}
