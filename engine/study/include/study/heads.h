/* What heads do: detector scores, stripes on repeated tokens, composition between heads. */
#ifndef PB_STUDY_HEADS_H
#define PB_STUDY_HEADS_H

#include "math/tensor.h"
#include "model/forward.h"
#include "model/run.h"

typedef enum pb_detector {
    PB_DETECT_PREVIOUS,  /* D[i, i-1] = 1 */
    PB_DETECT_DUPLICATE, /* D[i, j] = 1 where t_j = t_i, j < i */
    PB_DETECT_INDUCTION  /* D[i, j] = 1 where t_{j-1} = t_i, 1 <= j <= i */
} pb_detector;

typedef enum pb_detector_measure {
    PB_DETECT_MUL, /* sum(A D) / sum(A) */
    PB_DETECT_ABS  /* 1 - sum|A - D| / T */
} pb_detector_measure;

typedef struct pb_detector_spec {
    pb_detector detector;
    pb_detector_measure measure;
    bool exclude_bos;           /* leave out attention to position 0 */
    bool exclude_current_token; /* leave out the diagonal */
} pb_detector_spec;

/* TransformerLens' detect_head, unrounded: [layer, head]. */
pb_status pb_head_scores(pb_run *run, const pb_detector_spec *spec, const pb_context *context,
                         pb_tensor **scores, pb_error **error);

typedef enum pb_stripe {
    PB_STRIPE_PREVIOUS,  /* mean A[i, i-1] */
    PB_STRIPE_DUPLICATE, /* mean A[i, i-S] */
    PB_STRIPE_INDUCTION  /* mean A[i, i-S+1] */
} pb_stripe;

/*
 * Stripe means on a start token and S tokens repeated, over the second copy, i = S+1..2S:
 * [layer, head]. PB_VALUE if the prompt is not a start token and a sequence twice.
 */
pb_status pb_head_stripes(pb_run *run, pb_stripe stripe, const pb_context *context,
                          pb_tensor **means, pb_error **error);

typedef enum pb_composition { PB_COMPOSE_Q, PB_COMPOSE_K, PB_COMPOSE_V } pb_composition;

/*
 * |L R|_F / (|L|_F |R|_F), L = W_V W_O of the earlier head, R = W_Q W_K^T, its transpose, or
 * W_V W_O of the later one. [layer, head, to_layer, to_head]; zero where the second is not in a
 * later layer. (Elhage et al. 2021; TransformerLens' all_composition_scores.)
 */
pb_status pb_composition_scores(const pb_model *model, pb_composition kind,
                                const pb_context *context, pb_tensor **scores, pb_error **error);

#endif
