/* Tensors of three and four axes as small multiples: which axis is what, and the view. */
#ifndef PB_SHOW_FACETS_H
#define PB_SHOW_FACETS_H

#include "show/views.h"

/* The axes by name, borrowed. */
typedef struct pb_facet_axes {
    const char *down;   /* a line of panels for each place; NULL with three axes */
    const char *across; /* a panel for each place */
    const char *rows, *columns;
    size_t per_line; /* panels beside each other, with three axes; 0: as many as suit them */
} pb_facet_axes;

/* The last two axes in every panel, and a panel for every place of those before. False where a
 * tensor has other than three or four axes, or more places than a page has room for. */
bool pb_facet_axes_usual(const pb_tensor *tensor, pb_facet_axes *axes);

/* A sweep's colours part at its unpatched value. Words are borrowed. */
pb_status pb_facets_of(const pb_value *tensor, const pb_facet_axes *axes, const pb_words *words,
                       pb_bundle **bundle, pb_error **error);

/* Three axes and more: grids of numbers as text, which says what it leaves out, and beside it the
 * panels where they are few enough. Adds the forms to `bundle`. */
pb_status pb_show_many_axes(const pb_value *tensor, const pb_words *words, pb_bundle *bundle,
                            pb_error **error);

#endif
