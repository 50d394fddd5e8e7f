/* What the files behind top() share. */
#ifndef PB_ANALYSIS_RANKING_H
#define PB_ANALYSIS_RANKING_H

#include "domain.h"

/* top() of prompts. */
pb_status pb_predict(pb_call *call, pb_value **result, pb_error **error);

/* The k largest values of a tensor, as a ranking. */
pb_status pb_rank_by_value(pb_interp *interp, const pb_value *tensor, size_t k, pb_value **ranking,
                           pb_error **error);

/* The k values of a tensor that are largest by magnitude, as top() shows them; `note` (may be NULL)
 * ends the caption. Adds the forms to `bundle`. */
pb_status pb_show_largest(pb_interp *interp, const pb_value *tensor, size_t k, const char *note,
                          pb_bundle *bundle, pb_error **error);

#endif
