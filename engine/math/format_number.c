/* How numbers are written. printf's decimal point follows the locale; ours is always a point. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "math/format.h"

enum { MOST_DECIMALS = 9 };

/* Puts a point where the locale put something else, one byte or several. */
static void fix_point(char *text)
{
    char *out = text;
    bool replaced = false;
    for (const char *in = text; *in; in++) {
        if (strchr("0123456789+-einfa", *in)) {
            *out++ = *in;
        } else if (!replaced) {
            *out++ = '.';
            replaced = true;
        }
    }
    *out = '\0';
}

/* NaN has no sign here, whatever its bits say. */
static bool write_special(char out[PB_FORMAT_SIZE], double value)
{
    if (isfinite(value))
        return false;
    strcpy(out, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
    return true;
}

/* The exponent of a magnitude rounded to `digits` significant digits: 9.9996 has 1 at 4 digits. */
static int exponent_of(double magnitude, int digits)
{
    char text[PB_FORMAT_SIZE];
    int exponent = 0;
    snprintf(text, sizeof text, "%.*e", digits - 1, magnitude);
    const char *e = strchr(text, 'e');
    if (e)
        sscanf(e + 1, "%d", &exponent);
    return exponent;
}

/* "-0.00" and "-0" read as if something was lost; zero has no sign. */
static void drop_sign_of_zero(char *text)
{
    if (text[0] == '-' && strspn(text + 1, "0.") == strlen(text + 1))
        memmove(text, text + 1, strlen(text));
}

pb_format_style pb_format_choose(const float *values, size_t count, size_t stride, int digits)
{
    double largest = 0;
    bool whole = true;
    for (size_t i = 0; i < count; i++) {
        double value = (double)values[i * stride];
        if (!isfinite(value))
            continue;
        largest = fmax(largest, fabs(value));
        whole = whole && value == nearbyint(value);
    }
    if (whole && largest < 1e7)
        return (pb_format_style){0, false};
    int exponent = exponent_of(largest, digits);
    if (exponent >= 6 || exponent < -4)
        return (pb_format_style){digits - 1, true};
    int decimals = digits - 1 - exponent;
    if (decimals < 0)
        decimals = 0;
    return (pb_format_style){decimals < MOST_DECIMALS ? decimals : MOST_DECIMALS, false};
}

void pb_format_write(char out[PB_FORMAT_SIZE], double value, pb_format_style style)
{
    if (write_special(out, value))
        return;
    /* A style is made for a column; a value far outside it is written short instead. */
    if (!style.scientific && fabs(value) >= 1e15)
        style = (pb_format_style){3, true};
    if (style.scientific && value == 0)
        style = (pb_format_style){0, false};
    snprintf(out, PB_FORMAT_SIZE, style.scientific ? "%.*e" : "%.*f", style.decimals, value);
    fix_point(out);
    drop_sign_of_zero(out);
}

/* Removes zeros at the end of the decimals, and the point if none are left. */
static void trim_zeros(char *text)
{
    char *e = strchr(text, 'e');
    char *end = e ? e : text + strlen(text);
    char *last = end;
    if (!strchr(text, '.'))
        return;
    while (last[-1] == '0')
        last--;
    if (last[-1] == '.')
        last--;
    memmove(last, end, strlen(end) + 1);
}

void pb_format_short(char out[PB_FORMAT_SIZE], double value, int digits)
{
    if (write_special(out, value))
        return;
    if (value == nearbyint(value) && fabs(value) < 1e15) {
        pb_format_write(out, value, (pb_format_style){0, false});
        return;
    }
    int exponent = exponent_of(fabs(value), digits);
    bool scientific = exponent < -4 || exponent >= 15;
    int decimals = scientific ? digits - 1 : digits - 1 - exponent;
    pb_format_write(out, value, (pb_format_style){decimals > 0 ? decimals : 0, scientific});
    trim_zeros(out);
}

void pb_format_exact(char out[PB_FORMAT_SIZE], float value)
{
    if (write_special(out, (double)value))
        return;
    snprintf(out, PB_FORMAT_SIZE, "%.9g", (double)value);
    fix_point(out);
}
