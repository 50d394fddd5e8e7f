/* The table of model families, and how their tensors are found. */
#include "family.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"

/* ---- GPT-2: https://huggingface.co/openai-community/gpt2, GPT2LMHeadModel ---- */

/* Conv1D weights lie (in, out). */
static const char *const gpt2_prefixes[] = {"transformer.", "", NULL};

/* The causal mask, and what masked scores once were. */
static const char *const gpt2_buffers[] = {"h.%zu.attn.bias", "h.%zu.attn.masked_bias", NULL};

static const pb_part_row gpt2_parts[PB_N_PARTS] = {
    {PB_PART_EMBED, "wte.weight", false, false, {PB_SIDE_VOCAB, PB_SIDE_MODEL}},
    {PB_PART_POSITIONS, "wpe.weight", false, false, {PB_SIDE_POSITIONS, PB_SIDE_MODEL}},
    {PB_PART_FINAL_GAIN, "ln_f.weight", false, false, {PB_SIDE_MODEL, PB_SIDE_NONE}},
    {PB_PART_FINAL_BIAS, "ln_f.bias", false, false, {PB_SIDE_MODEL, PB_SIDE_NONE}},
    {PB_PART_UNEMBED, "lm_head.weight", false, true, {PB_SIDE_VOCAB, PB_SIDE_MODEL}},
    {PB_PART_LN1_GAIN, "h.%zu.ln_1.weight", true, false, {PB_SIDE_MODEL, PB_SIDE_NONE}},
    {PB_PART_LN1_BIAS, "h.%zu.ln_1.bias", true, false, {PB_SIDE_MODEL, PB_SIDE_NONE}},
    {PB_PART_W_QKV, "h.%zu.attn.c_attn.weight", true, false, {PB_SIDE_MODEL, PB_SIDE_QKV}},
    {PB_PART_B_QKV, "h.%zu.attn.c_attn.bias", true, false, {PB_SIDE_QKV, PB_SIDE_NONE}},
    {PB_PART_W_O, "h.%zu.attn.c_proj.weight", true, false, {PB_SIDE_MODEL, PB_SIDE_MODEL}},
    {PB_PART_B_O, "h.%zu.attn.c_proj.bias", true, false, {PB_SIDE_MODEL, PB_SIDE_NONE}},
    {PB_PART_LN2_GAIN, "h.%zu.ln_2.weight", true, false, {PB_SIDE_MODEL, PB_SIDE_NONE}},
    {PB_PART_LN2_BIAS, "h.%zu.ln_2.bias", true, false, {PB_SIDE_MODEL, PB_SIDE_NONE}},
    {PB_PART_W_IN, "h.%zu.mlp.c_fc.weight", true, false, {PB_SIDE_MODEL, PB_SIDE_MLP}},
    {PB_PART_B_IN, "h.%zu.mlp.c_fc.bias", true, false, {PB_SIDE_MLP, PB_SIDE_NONE}},
    {PB_PART_W_OUT, "h.%zu.mlp.c_proj.weight", true, false, {PB_SIDE_MLP, PB_SIDE_MODEL}},
    {PB_PART_B_OUT, "h.%zu.mlp.c_proj.bias", true, false, {PB_SIDE_MODEL, PB_SIDE_NONE}},
};

/* ---- the table ---- */

static const pb_family families[] = {
    {"gpt2", gpt2_prefixes, gpt2_parts, gpt2_buffers},
};

enum { N_FAMILIES = sizeof families / sizeof *families, MAX_NAME = 256 };

pb_status pb_family_find(const char *model_type, const pb_family **family, pb_error **error)
{
    for (size_t i = 0; i < N_FAMILIES; i++) {
        if (strcmp(families[i].model_type, model_type) == 0) {
            *family = &families[i];
            return PB_OK;
        }
    }
    pb_buffer list = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < N_FAMILIES; i++)
        pb_buffer_format(&list, "%s\"%s\"", i ? ", " : "", families[i].model_type);
    pb_status status =
        pb_fail(error, PB_UNSUPPORTED, "models of type \"%s\" cannot be run; expected %s",
                model_type, list.data ? list.data : "another");
    pb_buffer_free(&list);
    return status;
}

/* ---- finding a part ---- */

static size_t side_length(const pb_shape *shape, pb_side side)
{
    switch (side) {
    case PB_SIDE_MODEL: return shape->d_model;
    case PB_SIDE_QKV: return 3 * shape->d_model;
    case PB_SIDE_MLP: return shape->d_mlp;
    case PB_SIDE_VOCAB: return shape->n_vocab;
    case PB_SIDE_POSITIONS: return shape->n_positions;
    case PB_SIDE_NONE: break;
    }
    return 0;
}

static const char *side_name(pb_side side)
{
    switch (side) {
    case PB_SIDE_MODEL: return "n_embd";
    case PB_SIDE_QKV: return "3 n_embd";
    case PB_SIDE_MLP: return "n_inner";
    case PB_SIDE_VOCAB: return "vocab_size";
    case PB_SIDE_POSITIONS: return "n_positions";
    case PB_SIDE_NONE: break;
    }
    return "";
}

static void part_name(const pb_part_row *row, const char *prefix, size_t layer, char *text)
{
    int used = snprintf(text, MAX_NAME, "%s", prefix);
    if (!row->per_layer) {
        snprintf(text + used, MAX_NAME - (size_t)used, "%s", row->name);
        return;
    }
    const char *hole = strstr(row->name, "%zu");
    snprintf(text + used, MAX_NAME - (size_t)used, "%.*s%zu%s", (int)(hole - row->name), row->name,
             layer, hole + 3);
}

/* "[768, 2304]" */
static void append_shape(pb_buffer *out, size_t rank, const size_t *shape)
{
    pb_buffer_byte(out, '[');
    for (size_t i = 0; i < rank && i < PB_WEIGHTS_MAX_RANK; i++)
        pb_buffer_format(out, "%s%zu", i ? ", " : "", shape[i]);
    pb_buffer_text(out, rank > PB_WEIGHTS_MAX_RANK ? ", ...]" : "]");
}

static pb_status wrong_shape(const pb_part_row *row, const pb_weight *weight, size_t rank,
                             const size_t *expected, pb_error **error)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_buffer_format(&text, "'%s' in %s has shape ", weight->name, weight->file);
    append_shape(&text, weight->rank, weight->shape);
    pb_buffer_text(&text, "; expected ");
    append_shape(&text, rank, expected);
    pb_buffer_text(&text, ", from config.json's ");
    pb_buffer_text(&text, side_name(row->shape[0]));
    if (rank == 2)
        pb_buffer_format(&text, " and %s", side_name(row->shape[1]));
    pb_status status =
        text.failed ? pb_fail_memory(error) : pb_fail(error, PB_FORMAT, "%s", text.data);
    pb_buffer_free(&text);
    return status;
}

static pb_status check_shape(const pb_part_row *row, const pb_weight *weight, const pb_shape *shape,
                             pb_error **error)
{
    size_t rank = row->shape[1] == PB_SIDE_NONE ? 1 : 2, expected[2];
    bool same = weight->rank == rank;
    for (size_t i = 0; i < rank; i++) {
        expected[i] = side_length(shape, row->shape[i]);
        same = same && weight->shape[i] == expected[i];
    }
    return same ? PB_OK : wrong_shape(row, weight, rank, expected, error);
}

/* `name` is the last that was tried, of MAX_NAME. */
static const pb_weight *find_part(const pb_family *family, const pb_weights *weights, pb_part part,
                                  size_t layer, char *name)
{
    const pb_weight *weight = NULL;
    const pb_part_row *row = &family->parts[part];
    size_t n = 0;
    while (family->prefixes[n])
        n++;
    for (size_t i = 0; i < n && !weight; i++) {
        part_name(row, family->prefixes[row->outside ? n - 1 - i : i], layer, name);
        weight = pb_weights_find(weights, name);
    }
    return weight;
}

pb_status pb_family_part(const pb_family *family, const pb_weights *weights, const pb_shape *shape,
                         pb_part part, size_t layer, const pb_weight **weight, pb_error **error)
{
    char name[MAX_NAME];
    *weight = find_part(family, weights, part, layer, name);
    if (*weight)
        return check_shape(&family->parts[part], *weight, shape, error);
    if (part == PB_PART_UNEMBED)
        return PB_OK;
    const pb_weight *some = pb_weights_count(weights) ? pb_weights_at(weights, 0) : NULL;
    return pb_fail(error, PB_FORMAT, "the weights have no tensor '%s', which the model needs (%s)",
                   name, some ? some->file : "the file is empty");
}

/* ---- whether a tensor is one ---- */

/* Whether a name is the pattern with a number in its hole, if it has one: *layer. */
static bool fits_pattern(const char *pattern, const char *name, size_t *layer)
{
    const char *hole = strstr(pattern, "%zu");
    size_t before = hole ? (size_t)(hole - pattern) : 0;
    *layer = 0;
    if (!hole)
        return strcmp(pattern, name) == 0;
    if (strncmp(pattern, name, before) != 0)
        return false;
    const char *digit = name + before;
    bool number = (*digit >= '1' && *digit <= '9') || (*digit == '0' && digit[1] == '.');
    for (; number && *digit >= '0' && *digit <= '9' && *layer < SIZE_MAX / 100; digit++)
        *layer = *layer * 10 + (size_t)(*digit - '0');
    return number && strcmp(digit, hole + 3) == 0;
}

static bool is_part(const pb_family *family, const pb_weights *weights, const pb_shape *shape,
                    const char *name, const pb_weight *weight)
{
    char tried[MAX_NAME];
    size_t layer;
    for (size_t part = 0; part < PB_N_PARTS; part++) {
        const pb_part_row *row = &family->parts[part];
        if (fits_pattern(row->name, name, &layer) && (!row->per_layer || layer < shape->n_layer))
            return find_part(family, weights, (pb_part)part, layer, tried) == weight;
    }
    for (size_t i = 0; family->buffers[i]; i++)
        if (fits_pattern(family->buffers[i], name, &layer))
            return true;
    return false;
}

bool pb_family_knows(const pb_family *family, const pb_weights *weights, const pb_shape *shape,
                     const pb_weight *weight)
{
    for (size_t i = 0; family->prefixes[i]; i++) {
        size_t length = strlen(family->prefixes[i]);
        if (strncmp(weight->name, family->prefixes[i], length) == 0)
            return is_part(family, weights, shape, weight->name + length, weight);
    }
    return false;
}
