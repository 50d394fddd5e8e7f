/*
 * Model families: how a kind of model names and shapes its weights on disk. A new family is a row
 * here, if its layers compute what GPT-2's do.
 */
#ifndef PB_MODEL_FAMILY_H
#define PB_MODEL_FAMILY_H

#include "io/config.h"
#include "io/safetensors.h"
#include "model/model.h"

typedef enum pb_part {
    PB_PART_EMBED,
    PB_PART_POSITIONS,
    PB_PART_FINAL_GAIN,
    PB_PART_FINAL_BIAS,
    PB_PART_UNEMBED, /* may be missing: tied to PB_PART_EMBED */
    PB_PART_LN1_GAIN,
    PB_PART_LN1_BIAS,
    PB_PART_W_QKV,
    PB_PART_B_QKV,
    PB_PART_W_O,
    PB_PART_B_O,
    PB_PART_LN2_GAIN,
    PB_PART_LN2_BIAS,
    PB_PART_W_IN,
    PB_PART_B_IN,
    PB_PART_W_OUT,
    PB_PART_B_OUT,
    PB_N_PARTS
} pb_part;

/* A side of a weight, in terms of the configuration. */
typedef enum pb_side {
    PB_SIDE_NONE,
    PB_SIDE_MODEL,     /* d_model */
    PB_SIDE_QKV,       /* 3 d_model: q, k and v side by side */
    PB_SIDE_MLP,       /* d_mlp */
    PB_SIDE_VOCAB,     /* vocab_size */
    PB_SIDE_POSITIONS, /* n_positions */
} pb_side;

typedef struct pb_part_row {
    pb_part part;
    const char *name;        /* the tensor's; "h.%zu.attn.c_attn.weight" for those of layers */
    bool per_layer, outside; /* outside: the last of the prefixes is tried first */
    pb_side shape[2];
} pb_part_row;

typedef struct pb_family {
    const char *model_type;      /* as config.json says it */
    const char *const *prefixes; /* what may stand before names, ended by NULL */
    const pb_part_row *parts;    /* PB_N_PARTS of them, in the order of pb_part */
    const char *const *buffers;  /* tensors that files carry and that hold nothing of their own,
                                    ended by NULL; "h.%zu.attn.bias" */
} pb_family;

/* PB_UNSUPPORTED, listing the families there are. */
pb_status pb_family_find(const char *model_type, const pb_family **family, pb_error **error);

/*
 * The tensor of a part of a layer (0 for those without layers), its shape checked. PB_FORMAT names
 * the tensor, the shape that was expected and the one that was found. An optional part that is
 * missing is NULL.
 */
pb_status pb_family_part(const pb_family *family, const pb_weights *weights, const pb_shape *shape,
                         pb_part part, size_t layer, const pb_weight **weight, pb_error **error);

/* Whether a tensor is a part of the model, or one of the family's buffers. */
bool pb_family_knows(const pb_family *family, const pb_weights *weights, const pb_shape *shape,
                     const pb_weight *weight);

#endif
