/* What a model holds. The loader fills it; after that nothing in it changes. */
#ifndef PB_MODEL_INTERNAL_H
#define PB_MODEL_INTERNAL_H

#include <stdatomic.h>

#include "math/kernels.h"
#include "model/model.h"

/*
 * The embedding, and the unembedding that is derived from it. With E the matrix on disk, m_t the
 * mean of its row t, g and b the final norm's gain and bias, c_t = mean_d(g_d E[t, d]), and a bar
 * for a mean over the vocabulary, the processed weights are
 *
 *     W_E[t, d] = E[t, d] - m_t                                            what is stored
 *     e_d       = mean over t of W_E[t, d]
 *     W_U[d, t] = g_d (W_E[t, d] - e_d + m_t - mbar) - (c_t - cbar)        when tied
 *     b_U[t]    = b . E[t] - mean over the vocabulary
 *
 * e is large in trained models, and would cost the product x W_U its last digits: what x has along
 * e goes another way, by a_t = (W_E[t] - e) . e / |e|. See unembed.c.
 */
typedef struct pb_embedding {
    float *rows;      /* W_E [n_vocab, d_model]; E in a raw model */
    float *positions; /* W_pos [n_positions, d_model] */
    float *unembed;   /* [n_vocab, d_model]: `rows` when tied, else W_U transposed */
    float *bias;      /* b_U [n_vocab]; NULL in a raw model, where it is zero */

    /* Only where W_U is derived from W_E; else NULL. */
    float *gain;        /* g [d_model] */
    float *mean;        /* e [d_model] */
    float *direction;   /* e / |e| [d_model]; 0 if e is */
    float *along;       /* a_t [n_vocab] */
    float *row_offset;  /* m_t - mbar [n_vocab] */
    float *gain_offset; /* c_t - cbar [n_vocab] */
} pb_embedding;

enum { PB_N_MODEL_AXES = 7 };

/* How the frequencies of a rotation follow from its base. */
typedef enum pb_rope_scaling {
    PB_ROPE_PLAIN,
    PB_ROPE_LINEAR,   /* all divided by the factor */
    PB_ROPE_BY_LENGTH /* Llama 3's: long waves are, short ones not */
} pb_rope_scaling;

typedef struct pb_rope {
    double base;
    pb_rope_scaling scaling;
    double factor, low, high;
    size_t original; /* context */
} pb_rope;

struct pb_model {
    atomic_size_t references;
    bool raw, tied;
    char *name, *path;
    char *notes;       /* a sentence a line */
    uint64_t stamp;    /* of the files in `path` as they were before they were read */
    const char *dtype; /* static */
    pb_config *config;
    pb_tokenizer *tokenizer;
    const struct pb_family *family;
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
    bool in_gguf;                   /* its files are one GGUF file */
    float *frequencies;             /* [rotary_dim / 2]; NULL where positions are embedded */

    pb_axis *axes[PB_N_MODEL_AXES];
};

/* The model's norm of rows [n, d_model], without gain and bias; the same by a scale that is given.
 */
void pb_norm_rows(const pb_model *model, size_t n, const float *x, float *out);
void pb_norm_by(const pb_model *model, size_t n, const float *x, const float *scale, float *out);

/* W_U[i, token]. */
double pb_unembed_weight(const pb_model *model, size_t token, size_t i);

#endif
