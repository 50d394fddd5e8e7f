/*
 * A model: its configuration, its tokenizer and its weights, read once and never changed.
 *
 * By default the weights are processed as TransformerLens does: layer norms folded into what reads
 * them, what writes to the residual stream and the unembedding centred, value biases folded into
 * the output bias. With `raw` they stay as they are on disk, and the same forward pass applies the
 * norms' gain and bias itself.
 *
 * Models are atomically counted; a model may be used from several threads at once.
 */
#ifndef PB_MODEL_MODEL_H
#define PB_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/watch.h"
#include "io/config.h"
#include "math/tensor.h"
#include "tokenizer/tokenizer.h"

typedef struct pb_model pb_model;

typedef struct pb_load_options {
    bool raw;         /* keep the weights as they are on disk */
    const char *name; /* what the model is called; NULL for the folder's own name */
} pb_load_options;

/*
 * Reads the folder `path` (Hugging Face's layout). `options` may be NULL. Errors: PB_IO for a file
 * that cannot be read, PB_UNSUPPORTED for a model type or activation function Patchbay does not
 * know, PB_FORMAT for weights or a configuration that do not fit each other (naming the
 * tensor, what was expected and what was found) and for weights that are not finite numbers.
 */
pb_status pb_model_load(const char *path, const pb_load_options *options, const pb_watch *watch,
                        pb_model **model, pb_error **error);
pb_model *pb_model_retain(pb_model *model); /* returns its argument; NULL is fine */
void pb_model_release(pb_model **model);

/* ---- what it is ---- */

typedef struct pb_shape {
    size_t n_layer, n_head, d_model, d_head, d_mlp, n_vocab, n_positions;
    size_t n_kv_head;  /* of keys and values: each is read by n_head / n_kv_head heads in a row */
    size_t d_q;        /* n_head * d_head: a row of q, or of z */
    size_t d_kv;       /* n_kv_head * d_head: a row of k, or of v */
    size_t d_qkv;      /* d_q + 2 d_kv: q, k and v of a row, side by side */
    size_t rotary_dim; /* of d_head, rotated by position in q and k; 0: positions are embedded */
    bool rms;          /* norms divide by the root of the mean square, and take no mean away */
    bool gated;        /* an MLP is act(x W_gate) times x W_in */
    bool parallel;     /* attention and MLP of a layer read the same stream */
} pb_shape;

const pb_shape *pb_model_shape(const pb_model *model);
const pb_config *pb_model_config(const pb_model *model);
const pb_tokenizer *pb_model_tokenizer(const pb_model *model);
const char *pb_model_name(const pb_model *model);
const char *pb_model_family(const pb_model *model); /* as people say it: "GPT-2" */
/* Whether prompts begin with the start token unless a person says otherwise, and why; "" where that
 * is the usual. */
bool pb_model_prepends_start(const pb_model *model);
const char *pb_model_start_reason(const pb_model *model);
const char *pb_model_path(const pb_model *model);
const char *pb_model_dtype(const pb_model *model); /* on disk, of most values: "float32", "Q4_1" */
/* What may surprise someone who knows the files or the family: what was read and is not used, what
 * is done otherwise than the configuration says. A sentence a line; empty as a rule. */
const char *pb_model_notes(const pb_model *model);
/* Whether a text that is being written ends with that token: eos_token_id. */
bool pb_model_ends_with(const pb_model *model, int32_t token);
bool pb_model_is_raw(const pb_model *model);
size_t pb_model_parameters(const pb_model *model); /* a tied unembedding counts once */
size_t pb_model_memory(const pb_model *model);     /* bytes of its weights */
uint64_t pb_model_id(const pb_model *model);       /* distinct among the models alive */
/* Whether it was read from the files of this folder, by whatever path, as they are now. */
bool pb_model_is_of(const pb_model *model, const char *folder);

/* Axes shared by everything this model makes, borrowed: "layer" (labels L0, L1, ...), "head" (H0,
 * H1, ...), "kv_head" (KV0, KV1, ...) where heads share keys and values, "d_model", "d_head",
 * "d_mlp", "token" (labels: the tokens' display strings). NULL for another name. */
pb_axis *pb_model_axis(const pb_model *model, const char *name);
/* The axis that is meant by a name: "kv_head" is "head" where heads share nothing, and of no model
 * (NULL). Others are as they are. */
const char *pb_model_axis_name(const pb_model *model, const char *name);

/* ---- weights as the forward pass uses them: row-major float32, (in, out) ---- */

typedef struct pb_layer_weights {
    const float *w_qkv, *b_qkv;   /* [d_model, d_qkv], [d_qkv]: columns of q, of k, of v */
    const float *w_o, *b_o;       /* [n_head, d_head, d_model], [d_model] */
    const float *w_in, *b_in;     /* [d_model, d_mlp], [d_mlp] */
    const float *w_gate, *b_gate; /* the same; NULL where the MLP has no gate */
    const float *w_out, *b_out;   /* [d_mlp, d_model], [d_model] */
    /* [d_model]; NULL when they are folded into w_qkv and w_in; biases also where norms have none
     */
    const float *ln1_gain, *ln1_bias, *ln2_gain, *ln2_bias;
    float attn_scale; /* scores are q . k times this */
} pb_layer_weights;

const pb_layer_weights *pb_model_layer(const pb_model *model, size_t layer);

/* Gain and bias of the last norm [d_model]; NULL when folded into the unembedding, the bias also
 * where norms have none. */
const float *pb_model_final_gain(const pb_model *model);
const float *pb_model_final_bias(const pb_model *model);
/* What the last norm divides rows of the stream [n, d_model] by: scale [n]. */
void pb_model_norm_scale(const pb_model *model, size_t n, const float *resid, float *scale);

/* W_E[token] into out [d_model]; W_pos[position] likewise, where positions are embedded. Indices
 * are the caller's to check. */
void pb_model_embedding(const pb_model *model, size_t token, float *out);
void pb_model_position(const pb_model *model, size_t position, float *out);

/*
 * Columns of W_U, as rows: out[i, :] = W_U[:, tokens[i]] ([n, d_model]), bias[i] = b_U[tokens[i]]
 * (may be NULL). W_U itself is not stored where it is tied to W_E. PB_RANGE for a token that is
 * not in the vocabulary.
 */
pb_status pb_model_unembed_columns(const pb_model *model, size_t n, const int32_t *tokens,
                                   float *out, float *bias, pb_error **error);

/* ---- weights as tensors, by TransformerLens' names ---- */

typedef struct pb_model_weight_row {
    const char *name;    /* "W_Q" */
    const char *axes[3]; /* without the layer: {"head", "d_model", "d_head"}; NULL after them */
    bool per_layer;
    bool raw_only;                     /* ln1_w and its like: only a raw model has them */
    bool (*of)(const pb_shape *shape); /* which models have it; NULL: all */
    const char *otherwise;             /* what a model without it has */
    const char *summary;
} pb_model_weight_row;

/* The table: W_E W_pos W_Q W_K W_V W_O W_in W_out W_U b_Q ... ln_final_b. */
bool pb_model_has_weight(const pb_model *model, size_t which);
size_t pb_model_weight_count(void);
const pb_model_weight_row *pb_model_weight_info(size_t which);

#define PB_ALL_LAYERS SIZE_MAX

/*
 * The weight called `name` at one layer, or with a layer axis in front for PB_ALL_LAYERS. PB_NAME
 * for an unknown name (with the nearest), PB_RANGE for a layer that is not there or a name without
 * layers, PB_VALUE for a folded norm's weights. The caller owns *tensor.
 */
pb_status pb_model_weight(const pb_model *model, const char *name, size_t layer,
                          const pb_watch *watch, pb_tensor **tensor, pb_error **error);

#endif
