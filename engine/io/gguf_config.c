/*
 * What a GGUF file's metadata says of a model, under the names that config.json has for it: so
 * there is one reader of configurations. GGUF has the same names for all architectures, behind
 * their own; config.json's differ, and a file is written here that has each family's.
 */
#include <math.h>

#include "base/buffer.h"
#include "io/config.h"
#include "io/gguf.h"
#include "io/safetensors.h"

typedef struct config_writer {
    const pb_gguf *gguf;
    const pb_weights *weights;
    pb_buffer *json;
    pb_error **error;
} config_writer;

/* Numbers, by what is behind the architecture and a dot. */
static const struct {
    const char *rest;
    const char *names[3];
} numbers[] = {
    {"block_count", {"num_hidden_layers"}},
    {"embedding_length", {"hidden_size"}},
    {"attention.head_count", {"num_attention_heads"}},
    {"attention.head_count_kv", {"num_key_value_heads"}},
    {"attention.key_length", {"head_dim"}},
    {"feed_forward_length", {"intermediate_size", "n_inner"}},
    {"context_length", {"max_position_embeddings"}},
    {"attention.layer_norm_rms_epsilon", {"rms_norm_eps"}},
    {"attention.layer_norm_epsilon", {"layer_norm_eps", "layer_norm_epsilon"}},
    {"rope.freq_base", {"rope_theta"}},
};

static pb_status refuse_entry(const config_writer *w, const char *rest, pb_gguf_value value,
                              const char *expected)
{
    pb_buffer shown = PB_BUFFER_EMPTY;
    pb_gguf_show(value, &shown);
    pb_status status = shown.failed
                           ? pb_fail_memory(w->error)
                           : pb_fail(w->error, PB_UNSUPPORTED,
                                     "'%s': the architecture's %s is %s, and %s was expected",
                                     pb_gguf_path(w->gguf), rest, shown.data, expected);
    pb_buffer_free(&shown);
    return status;
}

/* As it is read back: whole numbers as such, others to the last bit. */
static void write_number(const config_writer *w, const char *name, pb_gguf_value value)
{
    int64_t whole;
    double number = 0;
    if (pb_gguf_as_integer(value, &whole))
        pb_buffer_format(w->json, ", \"%s\": %lld", name, (long long)whole);
    else if (pb_gguf_as_number(value, &number))
        pb_buffer_format(w->json, ", \"%s\": %.17g", name, number);
}

static pb_status write_numbers(const config_writer *w)
{
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        double number;
        pb_gguf_value value = pb_gguf_get_of_architecture(w->gguf, numbers[i].rest);
        if (value.kind == PB_GGUF_ABSENT)
            continue;
        if (!pb_gguf_as_number(value, &number) || !isfinite(number))
            return refuse_entry(w, numbers[i].rest, value, "a number");
        for (size_t k = 0; k < 3 && numbers[i].names[k]; k++)
            write_number(w, numbers[i].names[k], value);
    }
    return PB_OK;
}

/* ---- what is not one number ---- */

/* The share of a head that is rotated. */
static void write_rotary_share(const config_writer *w)
{
    int64_t rotated, width, heads, d_head;
    if (!pb_gguf_as_integer(pb_gguf_get_of_architecture(w->gguf, "rope.dimension_count"), &rotated))
        return;
    if (!pb_gguf_as_integer(pb_gguf_get_of_architecture(w->gguf, "attention.key_length"),
                            &d_head)) {
        if (!pb_gguf_as_integer(pb_gguf_get_of_architecture(w->gguf, "embedding_length"), &width) ||
            !pb_gguf_as_integer(pb_gguf_get_of_architecture(w->gguf, "attention.head_count"),
                                &heads) ||
            heads <= 0)
            return;
        d_head = width / heads;
    }
    if (d_head <= 0 || rotated <= 0)
        return;
    double share = (double)rotated / (double)d_head;
    pb_buffer_format(w->json, ", \"partial_rotary_factor\": %.17g",
                     share < 1 ? nextafter(share, 1) : share); /* whose product is not just below */
}

/* Linear scaling is said; Llama 3's is the tensor rope_freqs.weight. */
static pb_status write_scaling(const config_writer *w)
{
    pb_gguf_value type = pb_gguf_get_of_architecture(w->gguf, "rope.scaling.type");
    pb_gguf_value factor = pb_gguf_get_of_architecture(w->gguf, "rope.scaling.factor");
    if (factor.kind == PB_GGUF_ABSENT)
        factor = pb_gguf_get_of_architecture(w->gguf, "rope.scale_linear");
    double number = 1;
    (void)pb_gguf_as_number(factor, &number);
    bool none =
        type.kind == PB_GGUF_ABSENT ? factor.kind == PB_GGUF_ABSENT : pb_gguf_says(type, "none");
    if (none)
        return PB_OK;
    if ((type.kind != PB_GGUF_ABSENT && !pb_gguf_says(type, "linear")) || !(number > 0) ||
        !isfinite(number))
        return refuse_entry(w, "rope.scaling.type", type, "none, or linear with a factor above 0");
    pb_buffer_format(w->json, ", \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": %.17g}",
                     number);
    return PB_OK;
}

/* What changes a model's numbers and that nothing here can do. */
static pb_status check_abilities(const config_writer *w)
{
    static const char *const wanted[] = {"attention.sliding_window", "expert_count"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        pb_gguf_value value = pb_gguf_get_of_architecture(w->gguf, wanted[i]);
        double number = 0;
        if (value.kind != PB_GGUF_ABSENT && (!pb_gguf_as_number(value, &number) || number != 0))
            return refuse_entry(w, wanted[i], value, "none");
    }
    return PB_OK;
}

static void write_flag(const config_writer *w, const char *name, bool flag)
{
    pb_buffer_format(w->json, ", \"%s\": %s", name, flag ? "true" : "false");
}

/* What the tensors say. */
static void write_by_tensors(const config_writer *w)
{
    const pb_weight *embedding = pb_weights_find(w->weights, "token_embd.weight");
    if (embedding && embedding->rank == 2)
        pb_buffer_format(w->json, ", \"vocab_size\": %zu", embedding->shape[0]);
    write_flag(w, "tie_word_embeddings", !pb_weights_find(w->weights, "output.weight"));
    write_flag(w, "attention_bias",
               pb_weights_find(w->weights, "blk.0.attn_q.bias") ||
                   pb_weights_find(w->weights, "blk.0.attn_qkv.bias"));
    write_flag(w, "mlp_bias", pb_weights_find(w->weights, "blk.0.ffn_up.bias") != NULL);
}

static pb_status write_architecture(const config_writer *w)
{
    const char *text = "";
    size_t length = 0;
    pb_gguf_value value = pb_gguf_get(w->gguf, "general.architecture");
    bool plain = pb_gguf_as_text(value, &text, &length) && length > 0 && length < 64;
    for (size_t i = 0; i < length && plain; i++)
        plain = text[i] > ' ' && text[i] < 127 && text[i] != '"' && text[i] != '\\';
    if (!plain)
        return refuse_entry(w, "general.architecture", value, "a short name");
    pb_buffer_format(w->json, "{\"model_type\": \"%.*s\"", (int)length, text);
    return PB_OK;
}

static pb_status write_config(const config_writer *w)
{
    pb_status status = write_architecture(w);
    if (!status)
        status = write_numbers(w);
    if (!status)
        status = write_scaling(w);
    if (!status)
        status = check_abilities(w);
    if (status)
        return status;
    pb_gguf_value parallel = pb_gguf_get_of_architecture(w->gguf, "use_parallel_residual");
    if (parallel.kind == PB_GGUF_BOOL)
        write_flag(w, "use_parallel_residual", pb_gguf_is_true(parallel));
    write_rotary_share(w);
    write_by_tensors(w);
    write_number(w, "eos_token_id", pb_gguf_get(w->gguf, "tokenizer.ggml.eos_token_id"));
    pb_buffer_byte(w->json, '}');
    return pb_buffer_status(w->json, w->error);
}

pb_status pb_gguf_config(const char *path, pb_buffer *json, pb_error **error)
{
    pb_gguf *gguf = NULL;
    pb_weights *weights = NULL;
    pb_status status = pb_gguf_read(path, &gguf, error);
    if (!status)
        status = pb_weights_open(path, &weights, error);
    if (!status) {
        const config_writer w = {gguf, weights, json, error};
        status = write_config(&w);
    }
    pb_weights_close(&weights);
    pb_gguf_destroy(&gguf);
    return status;
}
