/*
 * An activation of many prompts, computed in batches and handed on piece by piece: nothing of it is
 * kept, so that a corpus takes no more memory than a batch.
 */
#ifndef PB_MODEL_STREAM_H
#define PB_MODEL_STREAM_H

#include "model/run.h"

typedef struct pb_stream {
    pb_model *model;
    size_t n;
    const pb_prompt *prompts; /* not edited */
    pb_site site;
    bool normed;        /* instead of a site: what W_U multiplies, [pos, d_model] */
    const bool *layers; /* [n_layer] which are wanted; NULL for all */
} pb_stream;

/*
 * Called once for each prompt and layer (0 where there are none), in no promised order. `values`
 * lie as pb_run_activation_into() gives them, and are gone after the call. A failing call ends it.
 */
typedef pb_status pb_stream_piece(void *user, size_t prompt, size_t layer, const float *values,
                                  pb_error **error);

pb_status pb_stream_activations(const pb_stream *stream, pb_stream_piece *piece, void *user,
                                const pb_context *context, pb_error **error);

/* How many values a piece of a prompt of so many tokens has. */
size_t pb_stream_piece_size(const pb_stream *stream, size_t tokens);

#endif
