/* The k most likely next tokens, and numbers about chosen ones. */
#ifndef PB_STUDY_TOP_H
#define PB_STUDY_TOP_H

#include "math/tensor.h"
#include "model/forward.h"
#include "model/run.h"
#include "study/where.h"

typedef struct pb_prediction {
    int32_t token;
    size_t rank; /* 0 is the top */
    float logit;
    float probability, log_probability;
} pb_prediction;

/*
 * The k best tokens after a position (NULL: the last), best first; ties by smaller id. *found is
 * malloc'ed, the caller's; *count is k or the vocabulary's size.
 */
pb_status pb_top_tokens(pb_run *run, const pb_select *position, size_t k, pb_prediction **found,
                        size_t *count, pb_error **error);

/* Chosen tokens instead; found[n_tokens] is the caller's. */
pb_status pb_predictions(pb_run *run, const pb_select *position, const int32_t *tokens,
                         size_t n_tokens, pb_prediction *found, pb_error **error);

/* From a row of logits, [n_vocab]; as pb_top_tokens. */
pb_status pb_top_of_logits(const float *logits, size_t n_vocab, size_t k, pb_prediction **found,
                           size_t *count, pb_error **error);

/*
 * Logits of chosen tokens for many prompts: [prompt, token], one batch, only those columns of the
 * unembedding. `prompts` and `words` are the axes.
 */
pb_status pb_logits_of(pb_run *const *runs, pb_axis *prompts, const pb_select *position,
                       const int32_t *tokens, pb_axis *words, const pb_context *context,
                       pb_tensor **logits, pb_error **error);

#endif
