/* Rotary positions; see rotate.c. */
#ifndef PB_MODEL_ROTATE_H
#define PB_MODEL_ROTATE_H

#include "pass.h"

/* How far a position turns each pair of dimensions: *frequencies [rotary_dim / 2], NULL for none;
 * the caller's. PB_UNSUPPORTED for a scaling that is not known. */
pb_status pb_rope_create(const pb_config *config, size_t rotary_dim, float **frequencies,
                         pb_error **error);

/* Makes the table of turns that the pass needs; nothing where positions are embedded. */
pb_status pb_pass_start_rotation(pb_pass *pass, pb_error **error);
/* q of the rows that attend and k of all rows, in place. */
void pb_pass_rotate(pb_pass *pass);

#endif
