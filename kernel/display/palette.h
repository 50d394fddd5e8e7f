/*
 * Colours. Shading is a hue laid over the page with an opacity that grows with the value, so that
 * zero is the page's own colour in light and dark themes alike; hues are told apart by people who
 * see colours differently (blue against orange; Okabe and Ito's set for series).
 */
#ifndef PB_PALETTE_H
#define PB_PALETTE_H

#include "display/view.h"

typedef struct pb_colour {
    unsigned char red, green, blue;
} pb_colour;

#define PB_BLUE   ((pb_colour){43, 116, 201})
#define PB_ORANGE ((pb_colour){190, 83, 12})

/* A shaded cell: hue, opacity, and whether its text is white rather than the page's. */
typedef struct pb_fill {
    pb_colour hue;
    double alpha; /* 0 to 1 */
    bool white_text;
} pb_fill;

/* How the values of a column or a picture become fills. */
typedef struct pb_shading {
    pb_shade shade; /* NONE, SEQUENTIAL or DIVERGING */
    double low, high;
    double middle; /* of a diverging one: the value that has the page's colour */
} pb_shading;

/* Widens [*low, *high] by the finite values; start with INFINITY and -INFINITY. */
void pb_extend(double *low, double *high, const double *values, size_t count);
void pb_extend_floats(double *low, double *high, const float *values, size_t count);

/* Settles PB_SHADE_AUTO and the range from the least and greatest value. Diverging comes back
 * symmetric about zero; sequential starts at zero when the values nearly do. */
pb_shading pb_shading_settle(pb_shade shade, pb_range range, double least, double greatest);

/* Diverging about another value than zero. */
pb_shading pb_shading_about(double middle, double least, double greatest);

/* NaN gives alpha 0. Values beyond the range take its ends. */
pb_fill pb_shading_fill(const pb_shading *shading, double value);

/* A colour for the i-th series; after eight they repeat. */
pb_colour pb_series_colour(size_t index);

/* The contrast ratio of WCAG 2 between two opaque colours, 1 to 21. */
double pb_contrast(pb_colour a, pb_colour b);
/* `over` laid over `page` with an opacity. */
pb_colour pb_blend(pb_colour over, pb_colour page, double alpha);

/* The pages fills are made for: a light and a dark one, and their text. */
#define PB_LIGHT_PAGE ((pb_colour){255, 255, 255})
#define PB_LIGHT_TEXT ((pb_colour){33, 33, 33})
#define PB_DARK_PAGE  ((pb_colour){17, 17, 17})
#define PB_DARK_TEXT  ((pb_colour){225, 225, 225})

#endif
