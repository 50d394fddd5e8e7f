/* Which tokens a direction is most like, by the cosine with what stands for each of them. */
#ifndef PB_STUDY_SIMILAR_H
#define PB_STUDY_SIMILAR_H

#include "math/tensor.h"
#include "model/forward.h"
#include "model/model.h"

/* What stands for a token: its row of W_E (what reading it writes), or its column of W_U (what
 * raises its logit). */
typedef enum pb_token_vectors { PB_TOKENS_EMBEDDED, PB_TOKENS_UNEMBEDDED } pb_token_vectors;

/*
 * x . w_t / (|x| |w_t|) for every token t, x being [d_model]: [token]. 0 where a length is 0.
 * PB_VALUE for an x that is all zeros or not finite.
 */
pb_status pb_token_similarity(const pb_model *model, const float *x, pb_token_vectors with,
                              const pb_context *context, pb_tensor **cosines, pb_error **error);

/* The vector of one token, into x [d_model]. PB_RANGE for one that is not in the vocabulary. */
pb_status pb_token_vector(const pb_model *model, int32_t token, pb_token_vectors with, float *x,
                          pb_error **error);

#endif
