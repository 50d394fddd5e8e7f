/* The table of model families, and how their tensors are found. */
#include "family.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "families/families.h"
#include "model/families.h"
#include "model_internal.h"

static const pb_family *const families[] = {&pb_family_gpt2, &pb_family_gpt_neox, &pb_family_llama,
                                            &pb_family_qwen2};

enum { N_FAMILIES = sizeof families / sizeof *families, MAX_NAME = 256 };

const pb_family *pb_family_find(const char *model_type)
{
    for (size_t i = 0; i < N_FAMILIES; i++)
        if (strcmp(families[i]->model_type, model_type) == 0 ||
            strcmp(families[i]->architecture, model_type) == 0)
            return families[i];
    return NULL;
}

const pb_tensor_names *pb_family_names(const pb_model *model)
{
    return model->in_gguf ? &model->family->gguf : &model->family->names;
}

pb_status pb_family_keys(const char *path, const char *model_type, const pb_config_keys **keys,
                         pb_error **error)
{
    const pb_family *family = pb_family_find(model_type);
    if (family) {
        *keys = &family->keys;
        return PB_OK;
    }
    pb_buffer list = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < N_FAMILIES; i++)
        pb_buffer_format(&list, "%s\"%s\"", i ? ", " : "", families[i]->model_type);
    pb_status status = pb_fail(error, PB_UNSUPPORTED,
                               "models of type \"%s\", as model_type in '%s' has it, cannot be "
                               "run; expected %s",
                               model_type, path, list.data ? list.data : "another");
    pb_buffer_free(&list);
    return status;
}

/* ---- how a tensor lies ---- */

size_t pb_family_side(const pb_shape *shape, pb_side side)
{
    switch (side) {
    case PB_SIDE_MODEL: return shape->d_model;
    case PB_SIDE_Q: return shape->d_q;
    case PB_SIDE_KV: return shape->d_kv;
    case PB_SIDE_QKV: return shape->d_qkv;
    case PB_SIDE_MLP: return shape->d_mlp;
    case PB_SIDE_VOCAB: return shape->n_vocab;
    case PB_SIDE_POSITIONS: return shape->n_positions;
    case PB_SIDE_NONE:
    case PB_N_SIDES: break;
    }
    return 0;
}

static size_t section_start(const pb_shape *shape, pb_section section)
{
    switch (section) {
    case PB_SECTION_ALL:
    case PB_SECTION_Q: return 0;
    case PB_SECTION_K: return shape->d_q;
    case PB_SECTION_V: return shape->d_q + shape->d_kv;
    }
    return 0;
}

size_t pb_family_column(const pb_part_row *row, const pb_shape *shape, size_t o)
{
    size_t d_head = shape->d_head, in_head = o % d_head, head = o / d_head;
    switch (row->outputs) {
    case PB_OUTPUTS_PLAIN: break;
    case PB_OUTPUTS_BY_HEAD: return head % 3 * shape->d_q + head / 3 * d_head + in_head;
    case PB_OUTPUTS_IN_PAIRS: o = head * d_head + in_head % 2 * (d_head / 2) + in_head / 2; break;
    }
    return section_start(shape, row->section) + o;
}

/* ---- finding a tensor ---- */

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

static pb_status wrong_shape(const pb_family *family, const pb_part_row *row,
                             const pb_weight *weight, size_t rank, const size_t *expected,
                             pb_error **error)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_buffer_format(&text, "'%s' in %s has shape ", weight->name, weight->file);
    append_shape(&text, weight->rank, weight->shape);
    pb_buffer_text(&text, "; expected ");
    append_shape(&text, rank, expected);
    pb_buffer_text(&text, ", from config.json's ");
    pb_buffer_text(&text, family->sides[row->shape[0]]);
    if (rank == 2)
        pb_buffer_format(&text, " and %s", family->sides[row->shape[1]]);
    pb_status status =
        text.failed ? pb_fail_memory(error) : pb_fail(error, PB_FORMAT, "%s", text.data);
    pb_buffer_free(&text);
    return status;
}

static pb_status check_shape(const pb_family *family, const pb_part_row *row,
                             const pb_weight *weight, const pb_shape *shape, pb_error **error)
{
    size_t rank = row->shape[1] == PB_SIDE_NONE ? 1 : 2, expected[2];
    bool same = weight->rank == rank;
    for (size_t i = 0; i < rank; i++) {
        expected[i] = pb_family_side(shape, row->shape[i]);
        same = same && weight->shape[i] == expected[i];
    }
    return same ? PB_OK : wrong_shape(family, row, weight, rank, expected, error);
}

/* `name` is the last that was tried, of MAX_NAME. */
static const pb_weight *find_tensor(const pb_tensor_names *names, const pb_weights *weights,
                                    const pb_part_row *row, size_t layer, char *name)
{
    const pb_weight *weight = NULL;
    size_t n = 0;
    while (names->prefixes[n])
        n++;
    for (size_t i = 0; i < n && !weight; i++) {
        part_name(row, names->prefixes[row->outside ? n - 1 - i : i], layer, name);
        weight = pb_weights_find(weights, name);
    }
    return weight;
}

bool pb_family_reads(const pb_model *model, const pb_part_row *row)
{
    switch (row->presence) {
    case PB_ALWAYS:
    case PB_MAY_LACK: return true;
    case PB_IF_ATTENTION_BIAS: return model->config->attention_bias;
    case PB_IF_MLP_BIAS: return model->config->mlp_bias;
    }
    return true;
}

pb_status pb_family_tensor(const pb_model *model, const pb_weights *weights, const pb_part_row *row,
                           size_t layer, const pb_weight **weight, pb_error **error)
{
    char name[MAX_NAME];
    *weight = NULL;
    if (!pb_family_reads(model, row))
        return PB_OK;
    *weight = find_tensor(pb_family_names(model), weights, row, layer, name);
    if (*weight)
        return check_shape(model->family, row, *weight, &model->shape, error);
    if (row->presence == PB_MAY_LACK)
        return PB_OK;
    const pb_weight *some = pb_weights_count(weights) ? pb_weights_at(weights, 0) : NULL;
    return pb_fail(error, PB_FORMAT, "the weights have no tensor '%s', which the model needs (%s)",
                   name, some ? some->file : "the file is empty");
}

pb_status pb_family_part(const pb_model *model, const pb_weights *weights, pb_part part,
                         size_t layer, const pb_weight **weight, pb_error **error)
{
    const pb_tensor_names *names = pb_family_names(model);
    *weight = NULL;
    pb_status status = PB_OK;
    for (size_t i = 0; i < names->n_rows && !status && !*weight; i++)
        if (names->rows[i].part == part)
            status = pb_family_tensor(model, weights, &names->rows[i], layer, weight, error);
    return status;
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

static bool is_part(const pb_model *model, const pb_weights *weights, const char *name,
                    const pb_weight *weight)
{
    char tried[MAX_NAME];
    size_t layer;
    const pb_tensor_names *names = pb_family_names(model);
    for (size_t i = 0; i < names->n_rows; i++) {
        const pb_part_row *row = &names->rows[i];
        if (fits_pattern(row->name, name, &layer) &&
            (!row->per_layer || layer < model->shape.n_layer))
            return pb_family_reads(model, row) &&
                   find_tensor(names, weights, row, layer, tried) == weight;
    }
    if (names->rope_factors && strcmp(names->rope_factors, name) == 0)
        return true;
    for (size_t i = 0; names->buffers[i]; i++)
        if (fits_pattern(names->buffers[i], name, &layer))
            return true;
    return false;
}

bool pb_family_knows(const pb_model *model, const pb_weights *weights, const pb_weight *weight)
{
    const char *const *prefixes = pb_family_names(model)->prefixes;
    for (size_t i = 0; prefixes[i]; i++) {
        size_t length = strlen(prefixes[i]);
        if (strncmp(weight->name, prefixes[i], length) == 0)
            return is_part(model, weights, weight->name + length, weight);
    }
    return false;
}
