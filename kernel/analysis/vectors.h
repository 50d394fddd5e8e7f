/* What lens() and logits() make of vectors of the stream, in place of prompts. */
#ifndef PB_ANALYSIS_VECTORS_H
#define PB_ANALYSIS_VECTORS_H

#include "domain.h"

bool pb_is_of_vectors(const pb_value *value);
/* The argument `prompt` of lens(), through the last norm, and `prompts` of logits(), without it. */
pb_status pb_lens_of_vectors(pb_call *call, pb_value **result, pb_error **error);
pb_status pb_logits_of_vectors(pb_call *call, pb_value **result, pb_error **error);

/* The axis of words: coordinates are ids, labels their texts (predict.c). */
pb_status pb_axis_of_words(pb_model *model, const pb_targets *words, pb_axis **axis,
                           pb_error **error);

#endif
