#include "near.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number at `text`, its length in *length and the value of its last digit in *unit. */
static bool number_at(const char *text, double *value, double *unit, size_t *length)
{
    const char *digits = text + (*text == '-' || *text == '+');
    if (!is_digit(*digits))
        return false;
    char *end;
    *value = strtod(text, &end);
    *length = (size_t)(end - text);
    const char *point = memchr(text, '.', *length), *e = memchr(text, 'e', *length);
    int decimals = point ? (int)((e ? e : end) - point) - 1 : 0;
    *unit = pow(10, -decimals + (e ? atoi(e + 1) : 0));
    /* Counts and places are exact. */
    if (!point && !e)
        *unit = 0;
    return true;
}

static bool is_bar(const char *text)
{
    /* U+2588 to U+258F: E2 96 88 to E2 96 8F */
    return strncmp(text, "\xE2\x96", 2) == 0 && (unsigned char)text[2] >= 0x88 &&
           (unsigned char)text[2] <= 0x8F;
}

/* The next thing to compare: past blanks (not line ends) and bars. */
static const char *skip(const char *text)
{
    while (*text == ' ' || is_bar(text))
        text += is_bar(text) ? 3 : 1;
    return text;
}

/* The length of a line of blanks and carets, or 0 if it is none. */
static size_t carets(const char *line)
{
    size_t n = strspn(line, " ^");
    return memchr(line, '^', n) && (line[n] == '\n' || line[n] == '\0') ? n : 0;
}

/* At the start of lines: false if only one has carets, or has them elsewhere. */
static bool same_carets(const char *a, const char *b)
{
    size_t n = carets(a);
    return carets(b) == n && memcmp(a, b, n) == 0;
}

bool near_text(const char *a, const char *b)
{
    if (!same_carets(a, b))
        return false;
    for (a = skip(a), b = skip(b); *a && *b; a = skip(a), b = skip(b)) {
        double x, y, unit, unit_b;
        size_t n, m;
        bool number = number_at(a, &x, &unit, &n);
        if (number != number_at(b, &y, &unit_b, &m))
            return false;
        if (!number) {
            bool ends = *a == '\n';
            if (*a++ != *b++ || (ends && !same_carets(a, b)))
                return false;
            continue;
        }
        if (unit_b > unit)
            unit = unit_b;
        if (fabs(x - y) > (unit > 0 ? fmax(2.5 * unit, 1e-4) : 0))
            return false;
        a += n;
        b += m;
    }
    return *a == *b;
}
