/*
 * Model families: what a kind of model says in its config.json, and how it names and shapes its
 * weights on disk. A family is a file in families/ and a line of the table in family.c.
 *
 * Weights in memory are parts, the same for every family, (in, out). A row says which tensor on
 * disk fills a part, or a section of it, and how it lies there.
 */
#ifndef PB_MODEL_FAMILY_H
#define PB_MODEL_FAMILY_H

#include "io/config.h"
#include "io/safetensors.h"
#include "model/model.h"

typedef enum pb_part {
    PB_PART_EMBED,      /* [n_vocab, d_model] */
    PB_PART_POSITIONS,  /* [n_positions, d_model] */
    PB_PART_FINAL_GAIN, /* [d_model] */
    PB_PART_FINAL_BIAS, /* [d_model] */
    PB_PART_UNEMBED,    /* [n_vocab, d_model]; may be missing: tied to PB_PART_EMBED */
    PB_PART_LN1_GAIN,   /* [d_model] */
    PB_PART_LN1_BIAS,   /* [d_model] */
    PB_PART_W_QKV,      /* [d_model, d_qkv] */
    PB_PART_B_QKV,      /* [d_qkv] */
    PB_PART_W_O,        /* [d_q, d_model] */
    PB_PART_B_O,        /* [d_model] */
    PB_PART_LN2_GAIN,   /* [d_model] */
    PB_PART_LN2_BIAS,   /* [d_model] */
    PB_PART_W_IN,       /* [d_model, d_mlp] */
    PB_PART_B_IN,       /* [d_mlp] */
    PB_PART_W_GATE,     /* [d_model, d_mlp] */
    PB_PART_B_GATE,     /* [d_mlp] */
    PB_PART_W_OUT,      /* [d_mlp, d_model] */
    PB_PART_B_OUT,      /* [d_model] */
    PB_N_PARTS
} pb_part;

enum { PB_N_COMMON_PARTS = PB_PART_LN1_GAIN }; /* those without layers */

/* A side of a weight, in terms of the configuration. */
typedef enum pb_side {
    PB_SIDE_NONE,
    PB_SIDE_MODEL,     /* d_model */
    PB_SIDE_Q,         /* d_q: all heads of q, or of z */
    PB_SIDE_KV,        /* d_kv: all heads of k, or of v */
    PB_SIDE_QKV,       /* d_qkv: q, k and v side by side */
    PB_SIDE_MLP,       /* d_mlp */
    PB_SIDE_VOCAB,     /* vocab_size */
    PB_SIDE_POSITIONS, /* n_positions */
    PB_N_SIDES
} pb_side;

/* Which columns of PB_PART_W_QKV or PB_PART_B_QKV a tensor fills. */
typedef enum pb_section { PB_SECTION_ALL, PB_SECTION_Q, PB_SECTION_K, PB_SECTION_V } pb_section;

/* How a tensor's outputs lie on disk. */
typedef enum pb_outputs {
    PB_OUTPUTS_PLAIN,   /* as the part's columns do */
    PB_OUTPUTS_BY_HEAD, /* q, k and v of a head, then of the next */
    PB_OUTPUTS_IN_PAIRS /* dimensions i and i + d_head / 2 of a head side by side */
} pb_outputs;

/* Whether the files must hold a tensor; one that is not there is zeros. */
typedef enum pb_presence {
    PB_ALWAYS,
    PB_MAY_LACK,
    PB_IF_ATTENTION_BIAS, /* it is read if config.json says so, and passed over if not */
    PB_IF_MLP_BIAS
} pb_presence;

typedef struct pb_part_row {
    pb_part part;
    const char *name; /* the tensor's; "h.%zu.attn.c_attn.weight" for those of layers */
    pb_side shape[2]; /* on disk */
    bool per_layer;
    bool outside; /* the last of the prefixes is tried first */
    bool turned;  /* a matrix that lies (out, in) on disk */
    pb_presence presence;
    pb_section section;
    pb_outputs outputs;
} pb_part_row;

/* The tensors of a kind of file. */
typedef struct pb_tensor_names {
    const char *const *prefixes; /* what may stand before names, ended by NULL */
    const pb_part_row *rows;
    size_t n_rows;
    const char *const *buffers; /* tensors that files carry and that hold nothing of their own,
                                   ended by NULL; "h.%zu.attn.bias" */
    const char *rope_factors;   /* what a rotation's frequencies are divided by; NULL: nothing */
} pb_tensor_names;

/* Whether prompts begin with the start token, unless a person says otherwise. */
typedef enum pb_start {
    PB_START_PREPENDED,
    PB_START_NONE,
    PB_START_TOKENIZERS /* as the tokenizer's files say; prepended where they say nothing */
} pb_start;

typedef struct pb_family {
    const char *model_type; /* as config.json says it */
    const char *title;      /* as people say it */
    pb_config_keys keys;
    const char *sides[PB_N_SIDES]; /* what config.json calls them */
    pb_tensor_names names;
    const char *architecture; /* as GGUF says it */
    pb_tensor_names gguf;     /* of a GGUF file */
    bool rms;                 /* pb_shape.rms */
    bool gated;               /* pb_shape.gated */
    pb_start start;
} pb_family;

/* The one whose model_type, or architecture in GGUF, that is; NULL if there is none. */
const pb_family *pb_family_find(const char *model_type);

/* The names that the model's files have for its tensors. */
const pb_tensor_names *pb_family_names(const pb_model *model);

/* ---- what a model has of what rows say ---- */

/*
 * The tensor of a row at a layer (0 for those without layers), its shape checked. PB_FORMAT names
 * the tensor, the shape that was expected and the one that was found. One that the model has not is
 * NULL.
 */
pb_status pb_family_tensor(const pb_model *model, const pb_weights *weights, const pb_part_row *row,
                           size_t layer, const pb_weight **weight, pb_error **error);

/* The same for a part that one tensor fills, which may have several names; NULL where there is
 * none. */
pb_status pb_family_part(const pb_model *model, const pb_weights *weights, pb_part part,
                         size_t layer, const pb_weight **weight, pb_error **error);

/* Whether config.json asks for the row's tensor. */
bool pb_family_reads(const pb_model *model, const pb_part_row *row);

/* How long a side is. */
size_t pb_family_side(const pb_shape *shape, pb_side side);

/* Which column of its part a tensor's output `o` is. */
size_t pb_family_column(const pb_part_row *row, const pb_shape *shape, size_t o);

/* Whether a tensor is a part of the model, or one of the family's buffers. */
bool pb_family_knows(const pb_model *model, const pb_weights *weights, const pb_weight *weight);

#endif
