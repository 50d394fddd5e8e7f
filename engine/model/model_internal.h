/* What a model holds. The loader fills it; after that nothing in it changes. */
#ifndef PB_MODEL_INTERNAL_H
#define PB_MODEL_INTERNAL_H

#include <stdatomic.h>

#include "math/kernels.h"
#include "model/model.h"

/*
 * The embedding, and the unembedding that is derived from it. With E the matrix on disk, m_t the
 * mean of its row t, e the mean over the vocabulary of the centred rows, g and b the final norm's
 * gain and bias, c_t = mean_d(g_d E[t, d]), and a bar for a mean over the vocabulary, the processed
 * weights are
 *
 *     F[t, d]   = E[t, d] - m_t - e_d                                      what is stored
 *     W_E[t, d] = F[t, d] + e_d
 *     W_U[d, t] = g_d (F[t, d] + m_t - mbar) - (c_t - cbar)                when tied
 *     b_U[t]    = b . E[t] - mean over the vocabulary
 *
 * so that one matrix serves both, centred as closely as the unembedding is.
 */
typedef struct pb_embedding {
    float *rows;        /* F [n_vocab, d_model]; E in a raw model */
    float *mean;        /* e [d_model]; NULL in a raw model */
    float *positions;   /* W_pos [n_positions, d_model] */
    float *unembed;     /* [n_vocab, d_model]: `rows` when tied, else W_U transposed */
    float *gain;        /* g [d_model]; NULL where `unembed` is W_U itself */
    float *row_offset;  /* m_t - mbar [n_vocab]; with gain only */
    float *gain_offset; /* c_t - cbar [n_vocab]; with gain only */
    float *bias;        /* b_U [n_vocab]; NULL in a raw model, where it is zero */
} pb_embedding;

enum { PB_N_MODEL_AXES = 6 };

struct pb_model {
    atomic_size_t references;
    bool raw, tied;
    char *name, *path;
    const char *dtype; /* static */
    pb_config *config;
    pb_tokenizer *tokenizer;
    pb_shape shape;
    float eps;
    const pb_activation *activation;
    size_t threads;
    size_t parameters;

    float *store; /* one block that all weights lie in */
    size_t store_size;
    pb_embedding embedding;
    pb_layer_weights *layers;
    float *final_gain, *final_bias; /* raw models only */

    pb_axis *axes[PB_N_MODEL_AXES];
};

#endif
