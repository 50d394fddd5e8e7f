/* Colours: shading by opacity, series, contrast. */
#include "palette.h"

#include <math.h>

void pb_extend(double *low, double *high, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            continue;
        *low = fmin(*low, values[i]);
        *high = fmax(*high, values[i]);
    }
}

void pb_extend_floats(double *low, double *high, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            continue;
        *low = fmin(*low, (double)values[i]);
        *high = fmax(*high, (double)values[i]);
    }
}

/* Below this share of the greatest value the least counts as near zero. */
#define NEARLY_ZERO 0.4

pb_shading pb_shading_settle(pb_shade shade, pb_range range, double least, double greatest)
{
    if (!(least <= greatest)) /* no finite values */
        least = greatest = 0.0;
    double low = range.fixed ? range.low : least, high = range.fixed ? range.high : greatest;
    if (shade == PB_SHADE_AUTO)
        shade = low < 0.0 ? PB_SHADE_DIVERGING : PB_SHADE_SEQUENTIAL;
    if (shade == PB_SHADE_DIVERGING) {
        high = fmax(fabs(low), fabs(high));
        low = -high;
    } else if (!range.fixed && low > 0.0 && (low < NEARLY_ZERO * high || low == high)) {
        low = 0.0;
    }
    return (pb_shading){.shade = shade, .low = low, .high = high};
}

pb_shading pb_shading_about(double middle, double least, double greatest)
{
    bool any = least <= greatest;
    double half = any ? fmax(fabs(least - middle), fabs(greatest - middle)) : 0.0;
    return (pb_shading){PB_SHADE_DIVERGING, middle - half, middle + half, middle};
}

/* Relative luminance, WCAG 2. */
static double luminance(pb_colour colour)
{
    const unsigned char parts[3] = {colour.red, colour.green, colour.blue};
    static const double weights[3] = {0.2126, 0.7152, 0.0722};
    double sum = 0.0;
    for (int i = 0; i < 3; i++) {
        double part = parts[i] / 255.0;
        sum += weights[i] * (part <= 0.03928 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4));
    }
    return sum;
}

double pb_contrast(pb_colour a, pb_colour b)
{
    double first = luminance(a) + 0.05, second = luminance(b) + 0.05;
    return first > second ? first / second : second / first;
}

static unsigned char mix(unsigned char over, unsigned char page, double alpha)
{
    return (unsigned char)lround(alpha * over + (1.0 - alpha) * page);
}

pb_colour pb_blend(pb_colour over, pb_colour page, double alpha)
{
    return (pb_colour){mix(over.red, page.red, alpha), mix(over.green, page.green, alpha),
                       mix(over.blue, page.blue, alpha)};
}

/* White text where it reads better than the page's own on the worse of the two pages. */
static bool wants_white(pb_colour hue, double alpha)
{
    const pb_colour white = {255, 255, 255};
    pb_colour light = pb_blend(hue, PB_LIGHT_PAGE, alpha);
    pb_colour dark = pb_blend(hue, PB_DARK_PAGE, alpha);
    double own = fmin(pb_contrast(PB_LIGHT_TEXT, light), pb_contrast(PB_DARK_TEXT, dark));
    return fmin(pb_contrast(white, light), pb_contrast(white, dark)) > own;
}

pb_fill pb_shading_fill(const pb_shading *shading, double value)
{
    pb_fill fill = {PB_BLUE, 0.0, false};
    bool diverging = shading->shade == PB_SHADE_DIVERGING;
    double start = diverging ? shading->middle : shading->low, span = shading->high - start;
    if (shading->shade == PB_SHADE_NONE || isnan(value) || !(span > 0.0))
        return fill;
    double away = diverging ? fabs(value - start) : value - start;
    if (diverging && value < start)
        fill.hue = PB_ORANGE;
    fill.alpha = fmax(0.0, fmin(1.0, away / span));
    fill.white_text = wants_white(fill.hue, fill.alpha);
    return fill;
}

/* M. Okabe and K. Ito, "Color Universal Design" (2008), without black, and grey last. */
pb_colour pb_series_colour(size_t index)
{
    static const pb_colour colours[8] = {{0, 114, 178},   {230, 159, 0}, {0, 158, 115},
                                         {204, 121, 167}, {213, 94, 0},  {86, 180, 233},
                                         {140, 140, 140}, {194, 178, 20}};
    return colours[index % 8];
}
