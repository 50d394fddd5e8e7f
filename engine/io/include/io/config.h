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
    char *activation_function; /* "gelu_new" unless it says otherwise */
    size_t n_layer, n_head, n_embd;
    size_t d_head;      /* n_embd / n_head */
    size_t n_inner;     /* width of the MLP; 4 * n_embd where the file says null */
    size_t n_positions; /* the longest prompt */
    size_t vocab_size;
    double layer_norm_epsilon;
    bool scale_attn_weights; /* divide attention scores by sqrt(d_head) */
    bool scale_attn_by_inverse_layer_idx;
    bool tie_word_embeddings;
    int32_t
        *ends; /* tokens that end a text: eos_token_id of generation_config.json, or else here */
    size_t n_ends;
} pb_config;

/*
 * Reads folder/config.json as transformers' GPT2Config does: what is absent has that class'
 * default, num_hidden_layers and its like are other names of the sizes, and keys that decide
 * nothing here may hold anything. PB_FORMAT names the file, the key, its value and what was
 * expected. A configuration of another family that lacks GPT-2's sizes is PB_UNSUPPORTED. A
 * generation_config.json beside it is read where it can be.
 */
pb_status pb_config_read(const char *folder, pb_config **config, pb_error **error);
/* The same for JSON in memory; `path` is what messages call it. */
pb_status pb_config_parse(const char *path, const char *json, size_t length, pb_config **config,
                          pb_error **error);
void pb_config_destroy(pb_config **config);

#endif
