/* Numbers as people read them. */
#include "display/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/gap.h"

/* What settling needs to know of a column. */
typedef struct pb_extent {
    double largest; /* magnitude */
    bool whole;     /* every finite value is an integer */
    bool any;       /* there is a finite value */
} pb_extent;

static void extent_add(pb_extent *extent, double value)
{
    if (!isfinite(value))
        return;
    extent->any = true;
    extent->largest = fmax(extent->largest, fabs(value));
    extent->whole = extent->whole && value == floor(value);
}

/* About four significant digits of the largest, and never more than the column can use. */
static pb_number_format settle_extent(pb_number_format format, pb_extent extent)
{
    double largest = extent.largest;
    if (!extent.any || (extent.whole && largest < 1e15)) {
        format.style = PB_NUMBER_INTEGER;
        format.digits = 0;
        return format;
    }
    if (largest >= 1e7 || largest < 1e-4) {
        format.style = PB_NUMBER_SCIENTIFIC;
        format.digits = 2;
        return format;
    }
    format.style = PB_NUMBER_FIXED;
    format.digits = largest >= 1000 ? 1 : largest >= 10 ? 2 : largest >= 0.1 ? 3 : 5;
    return format;
}

pb_number_format pb_number_settle(pb_number_format format, const double *values, size_t count)
{
    if (format.style != PB_NUMBER_AUTO)
        return format;
    pb_extent extent = {.whole = true};
    for (size_t i = 0; i < count; i++)
        extent_add(&extent, values[i]);
    return settle_extent(format, extent);
}

pb_number_format pb_number_settle_floats(pb_number_format format, const float *values, size_t count)
{
    if (format.style != PB_NUMBER_AUTO)
        return format;
    pb_extent extent = {.whole = true};
    for (size_t i = 0; i < count; i++)
        extent_add(&extent, (double)values[i]);
    return settle_extent(format, extent);
}

/* 1234567 -> 1,234,567; a sign in front stays. */
static size_t group_thousands(char out[PB_NUMBER_SIZE], const char *digits)
{
    size_t length = strlen(digits), at = 0;
    size_t first = digits[0] == '-' || digits[0] == '+' ? 1 : 0;
    for (size_t i = 0; i < length && at + 2 < PB_NUMBER_SIZE; i++) {
        if (i > first && (length - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return at;
}

static bool reads_as_zero(const char *text)
{
    return strpbrk(text, "123456789") == NULL;
}

static size_t write_integer(char out[PB_NUMBER_SIZE], double value, bool sign)
{
    char digits[PB_NUMBER_SIZE];
    snprintf(digits, sizeof digits, sign ? "%+.0f" : "%.0f", value + 0.0);
    return group_thousands(out, digits);
}

static size_t write_special(char out[PB_NUMBER_SIZE], double value)
{
    const char *text = pb_is_gap((float)value) ? ""
                       : isnan(value)          ? "NaN"
                       : value > 0             ? "inf"
                                               : "-inf";
    size_t length = strlen(text);
    memcpy(out, text, length + 1);
    return length;
}

size_t pb_number_write(char out[PB_NUMBER_SIZE], double value, pb_number_format format)
{
    if (!isfinite(value))
        return write_special(out, value);
    format = pb_number_settle(format, &value, 1);
    bool sign = format.sign && value != 0.0;
    int digits = format.digits < 0 ? 0 : format.digits > 17 ? 17 : format.digits;
    if (format.style == PB_NUMBER_INTEGER && fabs(value) < 1e15 && value == floor(value))
        return write_integer(out, value, sign);

    double shown = format.style == PB_NUMBER_PERCENT ? 100.0 * value : value;
    const char *suffix = format.style == PB_NUMBER_PERCENT ? "%" : "";
    bool scientific = format.style == PB_NUMBER_SCIENTIFIC || fabs(shown) >= 1e15;
    int length =
        snprintf(out, PB_NUMBER_SIZE,
                 scientific ? (sign ? "%+.*e%s" : "%.*e%s") : (sign ? "%+.*f%s" : "%.*f%s"), digits,
                 shown + 0.0, suffix);
    if (value != 0.0 && !scientific && reads_as_zero(out)) {
        const char *small =
            fabs(shown) < 1e-4 ? (sign ? "%+.1e%s" : "%.1e%s") : (sign ? "%+.1g%s" : "%.1g%s");
        length = snprintf(out, PB_NUMBER_SIZE, small, shown, suffix);
    }
    return (size_t)length;
}
