/* A tensor that is a result, as it is shown. */
#ifndef PB_SHOW_VALUES_H
#define PB_SHOW_VALUES_H

#include "display/bundle.h"
#include "display/view.h"
#include "value/value.h"

/* A tensor of any rank under its words: a number, a table whose column is called `name`, a heat
 * map, or panels of heat maps with grids of numbers as their text. Adds the forms to `bundle`. */
pb_status pb_show_values(const pb_value *tensor, const pb_words *words, const char *name,
                         pb_bundle *bundle, pb_error **error);

#endif
