/* What a model's config.json says, with every number checked before anyone allocates by it. */
#ifndef PB_IO_CONFIG_H
#define PB_IO_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { PB_CONFIG_NO_TOKEN = -1 };

typedef struct pb_config {
    char *path;                /* of the file it was read from, for messages */
    char *model_type;          /* "gpt2"; which types run is the model layer's to say */
    char *name_or_path;        /* "_name_or_path"; NULL if absent or empty */
    char *activation_function; /* "gelu_new" unless it says otherwise */
    size_t n_layer, n_head, n_embd;
    size_t d_head;      /* n_embd / n_head */
    size_t n_inner;     /* width of the MLP; 4 * n_embd where the file says null */
    size_t n_positions; /* the longest prompt; n_ctx where n_positions is absent */
    size_t vocab_size;
    double layer_norm_epsilon;
    bool scale_attn_weights; /* divide attention scores by sqrt(d_head) */
    bool scale_attn_by_inverse_layer_idx;
    bool reorder_and_upcast_attn;
    bool tie_word_embeddings;
    bool add_cross_attention;           /* layers attend to an encoder's states too */
    int64_t bos_token_id, eos_token_id; /* PB_CONFIG_NO_TOKEN where absent or null */
} pb_config;

/*
 * Reads folder/config.json. Keys that GPT-2's own configuration gives a default may be absent; the
 * sizes (n_layer, n_head, n_embd, n_positions or n_ctx, vocab_size) may not. PB_FORMAT names the
 * file, the key, its value and what was expected.
 */
pb_status pb_config_read(const char *folder, pb_config **config, pb_error **error);
/* The same for JSON in memory; `path` is what messages call it. */
pb_status pb_config_parse(const char *path, const char *json, size_t length, pb_config **config,
                          pb_error **error);
void pb_config_destroy(pb_config **config);

#endif
