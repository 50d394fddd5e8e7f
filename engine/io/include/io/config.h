/* What a model's config.json says, with every number checked before anyone allocates by it. */
#ifndef PB_IO_CONFIG_H
#define PB_IO_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct pb_config {
    char *path;                /* of the file it was read from, for messages */
    char *model_type;          /* "gpt2"; which types run is the model layer's to say */
    char *activation_function; /* "gelu_new" */
    size_t n_layer, n_head, n_embd;
    size_t n_kv_head;   /* heads that keys and values have; n_head where the file says nothing */
    size_t d_head;      /* n_embd / n_head where the file says nothing */
    size_t n_inner;     /* width of the MLP; 4 * n_embd where the file says null */
    size_t n_positions; /* the longest prompt */
    size_t vocab_size;
    double layer_norm_epsilon;
    bool scale_attn_weights; /* divide attention scores by sqrt(d_head) */
    bool scale_attn_by_inverse_layer_idx;
    bool tie_word_embeddings;
    bool attention_bias, mlp_bias; /* whether the matrices of attention, of the MLP have biases */
    bool parallel_residual;        /* attention and MLP read the same stream */
    bool sliding_window;           /* attention sees the last keys only */
    double rope_theta;   /* base of the rotation's frequencies; 0: positions are embedded */
    double rotary_share; /* of a head that is rotated; 0 where the file says nothing: all */
    char *rope_type;     /* how frequencies are stretched; NULL without rotation */
    double rope_factor, rope_low, rope_high;
    size_t rope_original; /* the context before stretching; 0 where the file says nothing */
    int32_t
        *ends; /* tokens that end a text: eos_token_id of generation_config.json, or else here */
    size_t n_ends;
} pb_config;

/* ---- the keys of a kind of model ---- */

/* Sizes beyond these are a mistake in the file, not a model. */
enum {
    PB_MOST_LAYERS = 1024,
    PB_MOST_HEADS = 1024,
    PB_MOST_WIDTH = 1 << 16,
    PB_MOST_INNER = 1 << 20,
    PB_MOST_POSITIONS = 1 << 20,
    PB_MOST_TOKENS = 1 << 24,
    PB_MOST_BASE = 1 << 30 /* of a rotation's frequencies */
};

typedef enum pb_config_type {
    PB_CONFIG_SIZE,   /* size_t, from 1 to `most`; 0 where the key is absent and has no default */
    PB_CONFIG_NUMBER, /* double, finite; above 0 and at most `most` where that is given */
    PB_CONFIG_FLAG,   /* bool */
    PB_CONFIG_NAME    /* char * */
} pb_config_type;

/* A key, where in pb_config its value goes, and what that is where the file has no such key. */
typedef struct pb_config_key {
    const char *names[3]; /* the last of them that is there counts; "a.b" is b in the object a */
    pb_config_type type;
    size_t field; /* offsetof(pb_config, ...) */
    size_t most;  /* of a number that is above 0; 0: any number */
    double otherwise;
    const char *otherwise_name;
} pb_config_key;

typedef struct pb_config_keys {
    const pb_config_key *rows;
    size_t n;
    const struct pb_config_keys *more; /* NULL: none */
} pb_config_keys;

/* The keys that a model_type has; PB_UNSUPPORTED for one that nobody knows, with the file's path in
 * the message. */
typedef pb_status pb_config_find(const char *path, const char *model_type,
                                 const pb_config_keys **keys, pb_error **error);

/*
 * Reads folder/config.json, or the metadata of a GGUF file where `path` is one or a folder that
 * holds one in place of safetensors, as transformers does: what is absent has the default of its
 * family's class, and keys that decide nothing here may hold anything. PB_FORMAT names the file,
 * the key, its value and what was expected. A generation_config.json beside it is read where it can
 * be.
 */
pb_status pb_config_read(const char *path, pb_config_find *find, pb_config **config,
                         pb_error **error);
/* The same for JSON in memory; `path` is what messages call it. */
pb_status pb_config_parse(const char *path, const char *json, size_t length, pb_config_find *find,
                          pb_config **config, pb_error **error);
void pb_config_destroy(pb_config **config);

#endif
