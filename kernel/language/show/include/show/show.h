/* Values as bundles: text/plain always, and more where there is more to see. */
#ifndef PB_SHOW_SHOW_H
#define PB_SHOW_SHOW_H

#include "display/bundle.h"
#include "value/object.h"

/* The bundle of any value, text/plain always among its forms. The caller destroys it. `interp` is
 * the cell it is shown in. */
pb_status pb_interp_bundle(pb_interp *interp, const pb_value *value, pb_bundle **bundle,
                           pb_error **error);

/* As print() writes it: a string is its bytes, tensors and tables are whole or cut in the middle.
 */
void pb_value_str(const pb_value *value, pb_buffer *out);

/* A value that is a finished drawing: a plot, a card. Takes the bundle. `repr` is its one line. */
pb_status pb_value_take_drawing(pb_bundle *bundle, const char *repr, pb_value **result,
                                pb_error **error);
const pb_bundle *pb_value_drawing(const pb_value *value); /* borrowed; NULL if it is not one */

#endif
