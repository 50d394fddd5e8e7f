/* A checker that knows the whole grammar (RFC 8259), and readers that rely on it having passed. */
#include "io/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "io/file.h"

enum { DEEPEST = 512 };

/* ---- checking ---- */

/* A text while it is checked; it ends before `end`, where there need not be a NUL. */
typedef struct checker {
    const char *start, *at, *end;
    const char *fault; /* what is wrong at `at`; NULL while nothing is */
} checker;

static bool fail(checker *c, const char *fault)
{
    c->fault = fault;
    return false;
}

static int peek(const checker *c)
{
    return c->at < c->end ? (unsigned char)*c->at : -1;
}

static bool is_space(int byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool is_digit(int byte)
{
    return byte >= '0' && byte <= '9';
}

static void skip_spaces(checker *c)
{
    while (is_space(peek(c)))
        c->at++;
}

static int hex_value(int byte)
{
    if (is_digit(byte))
        return byte - '0';
    byte |= 0x20; /* to lower case */
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* What follows a backslash. */
static bool check_escape(checker *c)
{
    int byte = peek(c);
    if (byte <= 0 || !strchr("\"\\/bfnrtu", byte))
        return fail(c, "a backslash that begins no escape");
    c->at++;
    for (int i = 0; byte == 'u' && i < 4; i++, c->at++) {
        if (hex_value(peek(c)) < 0)
            return fail(c, "\\u without four digits");
    }
    return true;
}

static bool check_text(checker *c)
{
    if (peek(c) != '"')
        return fail(c, "a string was expected");
    c->at++;
    for (;;) {
        int byte = peek(c);
        if (byte < 0)
            return fail(c, "a string does not end");
        if (byte < 0x20)
            return fail(c, "a control character in a string");
        c->at++;
        if (byte == '"')
            return true;
        if (byte == '\\' && !check_escape(c))
            return false;
    }
}

static bool check_digits(checker *c)
{
    if (!is_digit(peek(c)))
        return fail(c, "a digit was expected");
    while (is_digit(peek(c)))
        c->at++;
    return true;
}

static bool check_word(checker *c, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0)
        return fail(c, "a value was expected");
    c->at += length;
    return true;
}

static bool check_number(checker *c)
{
    if (peek(c) == '-')
        c->at++;
    if (peek(c) == 'I')
        return check_word(c, "Infinity");
    if (peek(c) == '0') {
        c->at++;
        if (is_digit(peek(c)))
            return fail(c, "a number with a leading zero");
    } else if (!check_digits(c)) {
        return false;
    }
    if (peek(c) == '.') {
        c->at++;
        if (!check_digits(c))
            return false;
    }
    if (peek(c) == 'e' || peek(c) == 'E') {
        c->at++;
        if (peek(c) == '+' || peek(c) == '-')
            c->at++;
        return check_digits(c);
    }
    return true;
}

/* A value that holds no others. */
static bool check_scalar(checker *c)
{
    switch (peek(c)) {
    case '"': return check_text(c);
    case 't': return check_word(c, "true");
    case 'f': return check_word(c, "false");
    case 'n': return check_word(c, "null");
    case 'N': return check_word(c, "NaN");
    case '-':
    case 'I': return check_number(c);
    default: return is_digit(peek(c)) ? check_number(c) : fail(c, "a value was expected");
    }
}

/* A key and its colon. */
static bool check_key(checker *c)
{
    if (!check_text(c))
        return false;
    skip_spaces(c);
    if (peek(c) != ':')
        return fail(c, "':' was expected");
    c->at++;
    skip_spaces(c);
    return true;
}

/* After a value inside `depth` lists and objects: their ends, and the comma or the end of all. */
static bool check_ends(checker *c, const char *closers, size_t *depth)
{
    for (;;) {
        skip_spaces(c);
        if (*depth == 0)
            return true;
        char closer = closers[*depth - 1];
        if (peek(c) == ',') {
            c->at++;
            skip_spaces(c);
            return closer == ']' || check_key(c);
        }
        if (peek(c) != closer)
            return fail(c, closer == ']' ? "',' or ']' was expected" : "',' or '}' was expected");
        c->at++;
        --*depth;
    }
}

/* A list or an object, without recursion: `closers` are the brackets that are open. */
static bool check_values(checker *c)
{
    char closers[DEEPEST];
    size_t depth = 0;
    do {
        int byte = peek(c);
        if (byte == '[' || byte == '{') {
            if (depth == DEEPEST)
                return fail(c, "values lie too deep in each other");
            closers[depth++] = byte == '[' ? ']' : '}';
            c->at++;
            skip_spaces(c);
            if (peek(c) != closers[depth - 1]) {
                if (byte == '{' && !check_key(c))
                    return false;
                continue; /* with the first value in it */
            }
        } else if (!check_scalar(c)) {
            return false;
        }
        if (byte == '[' || byte == '{') { /* an empty one */
            c->at++;
            depth--;
        }
        if (!check_ends(c, closers, &depth))
            return false;
    } while (depth > 0);
    return c->at == c->end || fail(c, "the end was expected");
}

static pb_status refuse(const char *path, const checker *c, pb_error **error)
{
    size_t line = 1;
    for (const char *at = c->start; at < c->at; at++)
        line += *at == '\n';
    return pb_fail(error, PB_FORMAT, "'%s' is not valid JSON: line %zu: %s", path, line, c->fault);
}

pb_status pb_json_object(const char *path, const char *bytes, size_t length, pb_json *root,
                         pb_error **error)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* which some editors put before UTF-8 */
    size_t marked = sizeof mark - 1;
    checker c = {bytes, bytes, bytes + length, NULL};
    *root = (pb_json){NULL};
    if (length >= marked && memcmp(bytes, mark, marked) == 0)
        c.at += marked;
    size_t valid = pb_utf8_valid_prefix(bytes, length);
    if (valid < length) {
        c.at = bytes + valid;
        c.fault = "a byte that is not UTF-8";
        return refuse(path, &c, error);
    }
    skip_spaces(&c);
    pb_json first = {c.at};
    if (peek(&c) == '[')
        return pb_fail(error, PB_FORMAT, "'%s' holds a JSON array, and an object was expected",
                       path);
    if (peek(&c) != '{')
        c.fault = "an object was expected";
    if (c.fault || !check_values(&c))
        return refuse(path, &c, error);
    *root = first;
    return PB_OK;
}

pb_status pb_json_read_file(const char *path, size_t limit, char **bytes, pb_json *root,
                            pb_error **error)
{
    char *read = NULL;
    size_t length = 0;
    pb_status status = pb_file_read(path, limit, NULL, &read, &length, error);
    if (!status)
        status = pb_json_object(path, read, length, root, error);
    if (status) {
        free(read);
        return status;
    }
    *bytes = read;
    return PB_OK;
}

/* ---- walking ---- */

static const char *after_spaces(const char *at)
{
    while (is_space((unsigned char)*at))
        at++;
    return at;
}

static const char *after_text(const char *at)
{
    for (at++; *at != '"'; at++)
        at += *at == '\\';
    return at + 1;
}

static const char *after_value(const char *at)
{
    size_t depth = 0;
    do {
        if (*at == '"') {
            at = after_text(at);
            continue;
        }
        if (*at == '[' || *at == '{')
            depth++;
        else if (*at == ']' || *at == '}')
            depth--;
        else if (depth == 0) { /* a word or a number */
            while (!is_space((unsigned char)*at) && !strchr(",]}", *at))
                at++;
            return at;
        }
        at++;
    } while (depth > 0);
    return at;
}

pb_json_items pb_json_each(pb_json value)
{
    pb_json_kind kind = pb_json_kind_of(value);
    if (kind != PB_JSON_LIST && kind != PB_JSON_OBJECT)
        return (pb_json_items){NULL, false};
    const char *first = after_spaces(value.at + 1);
    return (pb_json_items){*first == ']' || *first == '}' ? NULL : first, kind == PB_JSON_OBJECT};
}

bool pb_json_next(pb_json_items *items, pb_json *key, pb_json *value)
{
    const char *at = items->at;
    if (!at)
        return false;
    if (key)
        *key = (pb_json){items->keyed ? at : NULL};
    if (items->keyed)
        at = after_spaces(after_spaces(after_text(at)) + 1);
    *value = (pb_json){at};
    at = after_spaces(after_value(at));
    items->at = *at == ',' ? after_spaces(at + 1) : NULL;
    return true;
}

size_t pb_json_count(pb_json value)
{
    size_t count = 0;
    pb_json each;
    for (pb_json_items items = pb_json_each(value); pb_json_next(&items, NULL, &each);)
        count++;
    return count;
}

pb_json pb_json_get(pb_json object, const char *key)
{
    pb_json name, value, found = {NULL};
    if (pb_json_kind_of(object) != PB_JSON_OBJECT)
        return found;
    for (pb_json_items items = pb_json_each(object); pb_json_next(&items, &name, &value);) {
        if (pb_json_says(name, key))
            found = value;
    }
    return found;
}

pb_json pb_json_given(pb_json object, const char *key)
{
    pb_json value = pb_json_get(object, key);
    return pb_json_kind_of(value) == PB_JSON_NULL ? (pb_json){NULL} : value;
}

/* ---- values ---- */

pb_json_kind pb_json_kind_of(pb_json value)
{
    switch (value.at ? *value.at : '\0') {
    case '\0': return PB_JSON_ABSENT;
    case '"': return PB_JSON_TEXT;
    case '[': return PB_JSON_LIST;
    case '{': return PB_JSON_OBJECT;
    case 'n': return PB_JSON_NULL;
    case 't':
    case 'f': return PB_JSON_BOOL;
    default: return PB_JSON_NUMBER;
    }
}

bool pb_json_is_true(pb_json value)
{
    return value.at && *value.at == 't';
}

bool pb_json_as_integer(pb_json value, int64_t *number)
{
    if (pb_json_kind_of(value) != PB_JSON_NUMBER)
        return false;
    const char *at = value.at;
    bool negative = *at == '-';
    int64_t read = 0; /* kept negative, whose range is the larger one */
    for (at += negative; is_digit((unsigned char)*at); at++) {
        int digit = *at - '0';
        if (read < (INT64_MIN + digit) / 10)
            return false;
        read = read * 10 - digit;
    }
    if (*at == '.' || *at == 'e' || *at == 'E' || *at == 'I' || *at == 'N' ||
        (!negative && read == INT64_MIN))
        return false;
    *number = negative ? read : -read;
    return true;
}

bool pb_json_as_number(pb_json value, double *number)
{
    if (pb_json_kind_of(value) != PB_JSON_NUMBER)
        return false;
    const char *at = value.at;
    if (*at == 'N')
        *number = NAN;
    else if (*at == 'I' || at[1] == 'I')
        *number = *at == 'I' ? (double)INFINITY : -(double)INFINITY;
    else
        *number = strtod(at, NULL);
    return true;
}

/* ---- texts ---- */

static uint32_t read_hex(const char *at)
{
    uint32_t code = 0;
    for (int i = 0; i < 4; i++)
        code = code << 4 | (uint32_t)hex_value((unsigned char)at[i]);
    return code;
}

/* The code point of "\uXXXX", or of two that are a surrogate pair; *at is at the first digit. */
static uint32_t read_escape(const char **at)
{
    uint32_t code = read_hex(*at);
    *at += 4;
    if (code < 0xD800 || code > 0xDFFF)
        return code;
    if (code < 0xDC00 && (*at)[0] == '\\' && (*at)[1] == 'u') {
        uint32_t low = read_hex(*at + 2);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            *at += 6;
            return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        }
    }
    return 0xFFFD;
}

/* The next piece of a text: its bytes, or NULL at the end. `escaped` has room for a character. */
static const char *next_piece(const char **at, char escaped[4], size_t *length)
{
    const char *start = *at;
    if (*start == '"')
        return NULL;
    if (*start != '\\') {
        while (**at != '"' && **at != '\\')
            ++*at;
        *length = (size_t)(*at - start);
        return start;
    }
    static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
    char letter = start[1];
    *at += 2;
    *length = 1;
    if (letter == 'u') {
        *length = pb_utf8_encode(read_escape(at), escaped);
        return escaped;
    }
    const char *found = strchr(letters, letter);
    escaped[0] = found ? meant[found - letters] : letter;
    return escaped;
}

void pb_json_append(pb_json text, pb_buffer *out)
{
    pb_buffer_append(out, "", 0);
    if (pb_json_kind_of(text) != PB_JSON_TEXT)
        return;
    char escaped[4];
    const char *at = text.at + 1, *piece;
    for (size_t length; (piece = next_piece(&at, escaped, &length));)
        pb_buffer_append(out, piece, length);
}

bool pb_json_says(pb_json value, const char *text)
{
    if (pb_json_kind_of(value) != PB_JSON_TEXT)
        return false;
    char escaped[4];
    const char *at = value.at + 1, *piece;
    for (size_t length; (piece = next_piece(&at, escaped, &length)); text += length) {
        if (strncmp(text, piece, length) != 0 || memchr(piece, '\0', length))
            return false;
    }
    return *text == '\0';
}

const char *pb_json_show(pb_json value, char out[PB_JSON_SHOWN])
{
    static const char cut[] = "...";
    size_t room = PB_JSON_SHOWN - sizeof cut, used = 0;
    bool inside = false; /* a string, where spaces count */
    const char *end = after_value(value.at);
    for (const char *at = value.at; at < end; at++) {
        if (!inside && is_space((unsigned char)*at))
            continue;
        size_t length = *at == '\\' ? 2 : 1;
        if (used + length > room) { /* which may be amid a character: end before it */
            strcpy(out + pb_utf8_valid_prefix(out, used), cut);
            return out;
        }
        memcpy(out + used, at, length);
        used += length;
        inside = inside != (*at == '"');
        at += length - 1;
    }
    out[used] = '\0';
    return out;
}
