/* Python's format specifications: [[fill]align][sign][#][0][width][,][.precision][type]. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "value/text.h"

typedef struct pb_spec {
    char fill[5];
    char align; /* < > = ^, or 0 */
    char sign;  /* + - or space, or 0 */
    bool alternate;
    size_t width;
    char grouping; /* , or _, or 0 */
    int precision; /* -1 if not given */
    char type;     /* or 0 */
} pb_spec;

#define PB_MAX_WIDTH     100000
#define PB_MAX_PRECISION 100

static pb_status bad_spec(const char *spec, size_t length, const char *why, pb_error **error)
{
    pb_status status = pb_fail(error, PB_VALUE, "the format '%.*s' %s", (int)length, spec, why);
    if (error && *error)
        pb_error_hint(*error, "{x:.2f} has two decimals, {x:>8} eight columns, {x:,} thousands, "
                              "{x:.1%%} percent");
    return status;
}

static bool is_align(char c)
{
    return c == '<' || c == '>' || c == '=' || c == '^';
}

static size_t read_fill(const char *text, size_t length, pb_spec *spec)
{
    size_t first = 0;
    snprintf(spec->fill, sizeof spec->fill, " ");
    if (length == 0)
        return 0;
    pb_utf8_next(text, length, &first);
    if (first < length && is_align(text[first])) {
        memcpy(spec->fill, text, first);
        spec->fill[first] = '\0';
        spec->align = text[first];
        return first + 1;
    }
    if (is_align(text[0])) {
        spec->align = text[0];
        return 1;
    }
    return 0;
}

static bool read_count(const char *text, size_t length, size_t *at, size_t most, size_t *count)
{
    *count = 0;
    while (*at < length && isdigit((unsigned char)text[*at])) {
        *count = *count * 10 + (size_t)(text[(*at)++] - '0');
        if (*count > most)
            return false;
    }
    return true;
}

static pb_status parse_spec(const char *text, size_t length, pb_spec *spec, pb_error **error)
{
    size_t precision;
    *spec = (pb_spec){.precision = -1};
    size_t at = read_fill(text, length, spec);
    if (at < length && strchr("+- ", text[at]))
        spec->sign = text[at++];
    if (at < length && text[at] == 'z')
        at++;
    if (at < length && text[at] == '#') {
        spec->alternate = true;
        at++;
    }
    if (at < length && text[at] == '0') {
        if (!spec->align) {
            spec->align = '=';
            snprintf(spec->fill, sizeof spec->fill, "0");
        }
        at++;
    }
    if (!read_count(text, length, &at, PB_MAX_WIDTH, &spec->width))
        return bad_spec(text, length, "is too wide", error);
    if (at < length && (text[at] == ',' || text[at] == '_'))
        spec->grouping = text[at++];
    if (at < length && text[at] == '.') {
        at++;
        if (at >= length || !isdigit((unsigned char)text[at]))
            return bad_spec(text, length, "needs a number of digits after the point", error);
        if (!read_count(text, length, &at, PB_MAX_PRECISION, &precision))
            return bad_spec(text, length, "asks for more than 100 digits", error);
        spec->precision = (int)precision;
    }
    if (at < length)
        spec->type = text[at++];
    if (at < length)
        return bad_spec(text, length, "has something after its end", error);
    return PB_OK;
}

/* `text` padded to the width; `numeric` texts keep their sign in front of "=" filling. */
static void pad(const pb_spec *spec, const char *text, size_t length, bool numeric, pb_buffer *out)
{
    size_t columns = pb_utf8_count(text, length);
    size_t missing = spec->width > columns ? spec->width - columns : 0;
    char align = spec->align ? spec->align : numeric ? '>' : '<';
    bool has_sign = numeric && length > 0 && strchr("+- ", text[0]);
    size_t before = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
    if (align == '=' && has_sign) {
        pb_buffer_append(out, text, 1);
        text++;
        length--;
    }
    for (size_t i = 0; i < before; i++)
        pb_buffer_text(out, spec->fill);
    pb_buffer_append(out, text, length);
    for (size_t i = before; i < missing; i++)
        pb_buffer_text(out, spec->fill);
}

/* Separators between the digits before the point. */
static void group(const char *digits, char separator, pb_buffer *out)
{
    size_t n = 0;
    while (isdigit((unsigned char)digits[n]))
        n++;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            pb_buffer_byte(out, separator);
        pb_buffer_byte(out, digits[i]);
    }
    pb_buffer_text(out, digits + n);
}

static void based_digits(double number, unsigned base, bool upper, pb_buffer *out)
{
    char digits[80];
    size_t n = 0;
    uint64_t left = (uint64_t)number;
    do {
        unsigned digit = (unsigned)(left % base);
        digits[n++] = (char)(digit < 10 ? '0' + digit : (upper ? 'A' : 'a') + digit - 10);
        left /= base;
    } while (left > 0 && n < sizeof digits);
    while (n > 0)
        pb_buffer_byte(out, digits[--n]);
}

/* Of the types x, X, o and b, which take whole numbers that a double holds exactly. */
static bool based_number(const pb_spec *spec, double number, pb_buffer *out)
{
    unsigned base = spec->type == 'o' ? 8 : spec->type == 'b' ? 2 : 16;
    if (number != floor(number) || number > 9007199254740992.0)
        return false;
    if (spec->alternate)
        pb_buffer_format(out, "0%c", spec->type);
    based_digits(number, base, spec->type == 'X', out);
    return true;
}

/* Where the specification names no type: as print() writes it, or so many digits of it. */
static void plain_number(const pb_spec *spec, double number, pb_precision kind, pb_buffer *out)
{
    if (kind == PB_INTEGER || spec->precision < 0)
        pb_number_text(number, kind, out);
    else
        pb_buffer_format(out, "%.*g", spec->precision ? spec->precision : 1, number);
}

/* The digits of a magnitude, without its sign. */
static bool number_digits(const pb_spec *spec, double number, pb_precision kind, pb_buffer *out)
{
    char format[8] = "%.*f";
    int precision = spec->precision < 0 ? 6 : spec->precision;
    switch (spec->type) {
    case 0: plain_number(spec, number, kind, out); return true;
    case 'd':
    case 'n':
        if (number != floor(number))
            return false;
        pb_buffer_format(out, "%.0f", number);
        return true;
    case 'f':
    case 'F':
    case 'e':
    case 'E':
    case 'g':
    case 'G':
        format[3] = spec->type;
        pb_buffer_format(out, format, precision, number);
        return true;
    case '%': pb_buffer_format(out, "%.*f%%", precision, number * 100); return true;
    case 'x':
    case 'X':
    case 'o':
    case 'b': return based_number(spec, number, out);
    default: return false;
    }
}

static pb_status format_number(const pb_value *value, const pb_spec *spec, const char *text,
                               size_t length, pb_buffer *out, pb_error **error)
{
    double number = pb_value_get_number(value);
    pb_buffer digits = PB_BUFFER_EMPTY, signed_digits = PB_BUFFER_EMPTY;
    bool negative =
        signbit(number) && !isnan(number) && (number != 0 || !pb_value_is_integer(value));
    if (!number_digits(spec, fabs(number), pb_value_precision(value), &digits)) {
        pb_buffer_free(&digits);
        return bad_spec(text, length, "does not fit this number", error);
    }
    if (negative)
        pb_buffer_byte(&signed_digits, '-');
    else if (spec->sign == '+' || spec->sign == ' ')
        pb_buffer_byte(&signed_digits, spec->sign);
    if (digits.data && spec->grouping)
        group(digits.data, spec->grouping, &signed_digits);
    else
        pb_buffer_append(&signed_digits, digits.data, digits.length);
    if (signed_digits.data)
        pad(spec, signed_digits.data, signed_digits.length, true, out);
    out->failed = out->failed || digits.failed || signed_digits.failed;
    pb_buffer_free(&digits);
    pb_buffer_free(&signed_digits);
    return PB_OK;
}

static pb_status format_text(const char *bytes, size_t n, const pb_spec *spec, const char *text,
                             size_t length, pb_buffer *out, pb_error **error)
{
    if ((spec->type && spec->type != 's') || spec->align == '=' || spec->sign)
        return bad_spec(text, length, "is for numbers, and this is text", error);
    if (spec->precision >= 0)
        n = pb_utf8_offset(bytes, n, (size_t)spec->precision);
    pad(spec, bytes, n, false, out);
    return PB_OK;
}

pb_status pb_format_value(const pb_value *value, const char *text, size_t length, pb_buffer *out,
                          pb_error **error)
{
    pb_spec spec;
    pb_kind kind = pb_value_kind(value);
    char what[160];
    size_t n;
    pb_status status = parse_spec(text, length, &spec, error);
    if (status)
        return status;
    if (kind == PB_NUMBER || (kind == PB_BOOL && spec.type && spec.type != 's'))
        return format_number(value, &spec, text, length, out, error);
    double number;
    if (kind == PB_TENSOR && pb_value_scalar(value, &number)) {
        pb_value *held = NULL;
        status = pb_value_number(number, PB_SINGLE, &held, error);
        if (!status)
            status = format_number(held, &spec, text, length, out, error);
        pb_value_release(&held);
        return status;
    }
    if (kind == PB_STRING) {
        const char *bytes = pb_value_get_text(value, &n);
        return format_text(bytes, n, &spec, text, length, out, error);
    }
    if (kind == PB_BOOL || kind == PB_NONE) {
        pb_buffer written = PB_BUFFER_EMPTY;
        pb_value_repr(value, false, &written);
        status = format_text(written.data ? written.data : "", written.length, &spec, text, length,
                             out, error);
        pb_buffer_free(&written);
        return status;
    }
    status = pb_fail(error, PB_TYPE, "a format is for one number or string, not %s",
                     pb_value_describe(value, what, sizeof what));
    if (error && *error)
        pb_error_hint(*error, "write each item: [f\"{x:.2f}\" for x in xs]");
    return status;
}
