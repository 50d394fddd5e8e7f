/* What holds of every view, whatever is in it. */
#ifndef DISPLAY_VIEW_CHECKS_H
#define DISPLAY_VIEW_CHECKS_H

#include <stddef.h>

#include "display/bundle.h"

/* Checks all forms of what a view was shown as, under the name of the sample, and destroys it. */
void check_bundle(const char *name, pb_status status, pb_bundle **bundle);
/* How often a part stands in a text, none within another. */
size_t count_of(const char *text, const char *part);

#endif
