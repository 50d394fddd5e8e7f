/* The work buffers of a forward pass, by name. */
#ifndef PB_MODEL_SCRATCH_H
#define PB_MODEL_SCRATCH_H

#include "model/forward.h"

typedef enum pb_buffer_name {
    PB_BUFFER_RESID,      /* the residual stream, [rows, d_model] */
    PB_BUFFER_QKV,        /* [rows, d_qkv]; z comes to lie where q was */
    PB_BUFFER_QUERIES,    /* q of the rows that are asked for, in the last layer */
    PB_BUFFER_NORMED,     /* the input of a product, a block of rows */
    PB_BUFFER_HIDDEN,     /* the MLP's neurons, a block of rows */
    PB_BUFFER_LINEAR,     /* what a gated MLP multiplies its neurons with, a block of rows */
    PB_BUFFER_OUT,        /* attn_out or mlp_out, a block of rows */
    PB_BUFFER_BESIDE,     /* what attention wrote in a layer whose MLP does not read it */
    PB_BUFFER_TURNS,      /* cosines and sines by position */
    PB_BUFFER_SCALE,      /* a norm's scale, one a row */
    PB_BUFFER_RESULT,     /* result, a block of rows */
    PB_BUFFER_SCORES,     /* attention scores, a tile for each thread */
    PB_BUFFER_ROWS,       /* which sequence and position a row is */
    PB_BUFFER_ACTIVE,     /* which rows a sequence has */
    PB_BUFFER_TASKS,      /* pieces of attention */
    PB_BUFFER_KEPT,       /* which rows are asked for */
    PB_BUFFER_QUERY_ROWS, /* PB_BUFFER_ROWS of those */
    PB_BUFFER_UNEMBED,    /* what the unembedding multiplies, gain applied */
    PB_N_BUFFERS
} pb_buffer_name;

/* A buffer of at least count * size bytes, contents undefined; valid until it is asked for again.
 * Borrowed from the scratch. */
pb_status pb_scratch_need(pb_scratch *scratch, pb_buffer_name name, size_t count, size_t size,
                          void **data, pb_error **error);
pb_status pb_scratch_floats(pb_scratch *scratch, pb_buffer_name name, size_t rows, size_t width,
                            float **data, pb_error **error);

#endif
