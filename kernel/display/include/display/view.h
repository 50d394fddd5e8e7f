/*
 * What every view shares: labels along an axis, shading, and the notes under a picture.
 *
 * A view is a plain struct that borrows everything it points at, for the length of one call of its
 * pb_show_...(). Those calls make a new bundle, which the caller owns (pb_bundle_destroy), holding
 * text/html and text/plain, and image/svg+xml for pictures. Every text may be hostile: it is
 * escaped, control characters become visible pictures, invalid UTF-8 becomes \xNN.
 *
 * Zero-initialise a view and set what you have; a NULL text is left out.
 */
#ifndef PB_DISPLAY_VIEW_H
#define PB_DISPLAY_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "display/bundle.h"
#include "display/number.h"

/* How a text is written: as it is, or as a token whose spaces and line ends are made visible. */
typedef enum pb_text_kind { PB_TEXT_PLAIN, PB_TEXT_TOKEN } pb_text_kind;

/* The colours of a value. Signed values have zero in the middle, whatever their range. */
typedef enum pb_shade {
    PB_SHADE_NONE,
    PB_SHADE_AUTO,       /* diverging if any value is negative, else sequential */
    PB_SHADE_SEQUENTIAL, /* from the page's colour (zero, or `low`) to blue */
    PB_SHADE_DIVERGING   /* orange, the page's colour at zero, blue */
} pb_shade;

/* The range shading spans. Zero-initialised: taken from the values. */
typedef struct pb_range {
    bool fixed;
    double low, high; /* diverging uses the larger magnitude on both sides */
} pb_range;

/* One axis of a picture or a table: what it is called, and what its places are called. */
typedef struct pb_axis_view {
    const char *name; /* "layer", "position", "token" */
    const char *unit; /* shown in brackets behind the name */
    size_t count;
    const char *const *labels;  /* `count` of them; NULL: the coordinates are the labels */
    const int64_t *coordinates; /* NULL: 0, 1, ...; shown beside labels that are tokens */
    pb_text_kind kind;          /* of the labels */
} pb_axis_view;

/* The words around a view. */
typedef struct pb_words {
    const char *title;
    const char *caption;      /* one or two sentences: what, in which direction, in which unit */
    const char *const *notes; /* footnotes */
    size_t n_notes;
} pb_words;

#endif
