/* Receivers, senders and frozen activations; see path_parts.h. */
#include "path_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "edits.h"
#include "places.h"

/* ---- receivers ---- */

pb_site pb_receiver_site(const pb_receiver *receiver)
{
    switch (receiver->input) {
    case PB_PATH_Q: return PB_SITE_Q;
    case PB_PATH_K: return PB_SITE_K;
    case PB_PATH_V: return PB_SITE_V;
    case PB_PATH_MLP: return PB_SITE_MLP_PRE;
    case PB_PATH_LOGITS: break;
    }
    return PB_N_SITES;
}

static pb_status not_a_receiver(const char *name, pb_error **error)
{
    return pb_fail(error, PB_NAME,
                   "'%s' is not a receiver: receivers are written \"L4H1.q\" (or .k, .v), "
                   "\"L4_mlp\", or \"logits\"",
                   name);
}

static pb_status layer_in_range(const pb_model *model, size_t layer, pb_error **error)
{
    size_t n_layer = pb_model_shape(model)->n_layer;
    if (layer < n_layer)
        return PB_OK;
    return pb_fail(error, PB_RANGE, "there is no layer %zu: the model has layers 0 to %zu", layer,
                   n_layer - 1);
}

static pb_status parse_head_input(const pb_model *model, const char *name, const char *dot,
                                  pb_receiver *receiver, pb_error **error)
{
    static const char letters[] = "qkv";
    const char *letter = strchr(letters, dot[1]);
    char text[32];
    if (!dot[1] || dot[2] || !letter || (size_t)(dot - name) >= sizeof text)
        return not_a_receiver(name, error);
    memcpy(text, name, (size_t)(dot - name));
    text[dot - name] = '\0';
    pb_head head;
    pb_status status = pb_head_parse(model, text, &head, error);
    if (!status)
        *receiver =
            (pb_receiver){(pb_path_input)(PB_PATH_Q + (letter - letters)), head.layer, head.head};
    return status;
}

pb_status pb_receiver_parse(const pb_model *model, const char *name, pb_receiver *receiver,
                            pb_error **error)
{
    const char *dot = strchr(name, '.');
    if (!strcmp(name, "logits")) {
        *receiver = (pb_receiver){PB_PATH_LOGITS, 0, 0};
        return PB_OK;
    }
    if (dot)
        return parse_head_input(model, name, dot, receiver, error);
    char *end = NULL;
    if (name[0] != 'L' || name[1] < '0' || name[1] > '9')
        return not_a_receiver(name, error);
    unsigned long layer = strtoul(name + 1, &end, 10);
    if (strcmp(end, "_mlp") != 0)
        return not_a_receiver(name, error);
    *receiver = (pb_receiver){PB_PATH_MLP, layer, 0};
    return layer_in_range(model, layer, error);
}

/* ---- checks ---- */

static pb_status check_receivers(const pb_path_spec *spec, const pb_model *model, pb_error **error)
{
    pb_status status = PB_OK;
    if (spec->n_receivers == 0)
        return pb_fail(error, PB_TYPE, "path patching needs receivers, such as \"L4H1.q\"");
    for (size_t r = 0; !status && r < spec->n_receivers; r++) {
        const pb_receiver *receiver = &spec->receivers[r];
        pb_head head = {receiver->layer, receiver->head};
        if (receiver->input == PB_PATH_LOGITS && spec->n_receivers > 1)
            status = pb_fail(error, PB_VALUE,
                             "the logits come after every other receiver, and stand alone");
        else if (receiver->input == PB_PATH_MLP)
            status = layer_in_range(model, receiver->layer, error);
        else if (receiver->input != PB_PATH_LOGITS)
            status = pb_heads_check(model, &head, 1, error);
    }
    return status;
}

pb_status pb_path_check(const pb_path_spec *spec, pb_error **error)
{
    pb_model *model = pb_run_model(spec->into[0]);
    pb_status status = pb_same_model(spec->into, spec->n_pairs, model, error);
    if (!status)
        status = pb_same_model(spec->from, spec->n_pairs, model, error);
    for (size_t i = 0; !status && i < spec->n_pairs; i++) {
        if (pb_run_length(spec->into[i]) != pb_run_length(spec->from[i]))
            status = pb_lengths_differ((pb_named_run){"into", spec->into[i]},
                                       (pb_named_run){"from", spec->from[i]},
                                       "path patching needs prompts of the same length", error);
    }
    if (!status && spec->positions.each)
        status = pb_fail(error, PB_UNSUPPORTED, "path patching does not walk positions: name one");
    if (!status && !spec->metric)
        status = pb_fail(error, PB_TYPE, "path patching needs a metric");
    if (!status && !spec->prompts && spec->n_pairs > 1)
        status = pb_fail(error, PB_INTERNAL, "several pairs need an axis over them");
    if (!status && spec->senders && spec->n_senders == 0)
        status = pb_fail(error, PB_VALUE, "path patching needs a sender");
    if (!status && spec->senders)
        status = pb_heads_check(model, spec->senders, spec->n_senders, error);
    return status ? status : check_receivers(spec, model, error);
}

/* ---- senders ---- */

static pb_status group_fill(pb_path_group *group, const pb_head *heads, size_t n, pb_error **error)
{
    group->heads = pb_malloc(n, sizeof *group->heads);
    if (!group->heads)
        return pb_fail_memory(error);
    memcpy(group->heads, heads, n * sizeof *heads);
    group->n = n;
    return PB_OK;
}

pb_status pb_path_groups_create(const pb_path_spec *spec, pb_path_group **groups, size_t *n,
                                pb_error **error)
{
    const pb_shape *shape = pb_model_shape(pb_run_model(spec->into[0]));
    bool together = spec->senders && !spec->each_sender;
    size_t count = together ? 1 : spec->senders ? spec->n_senders : shape->n_layer * shape->n_head;
    pb_path_group *made = pb_calloc(count, sizeof *made);
    pb_status status = made ? PB_OK : pb_fail_memory(error);
    for (size_t g = 0; !status && g < count; g++) {
        pb_head head = {g / shape->n_head, g % shape->n_head};
        const pb_head *heads = spec->senders ? &spec->senders[g] : &head;
        status = group_fill(&made[g], heads, together ? spec->n_senders : 1, error);
    }
    if (status)
        pb_path_groups_free(&made, count);
    else
        *groups = made;
    *n = status ? 0 : count;
    return status;
}

void pb_path_groups_free(pb_path_group **groups, size_t n)
{
    for (size_t g = 0; *groups && g < n; g++)
        free((*groups)[g].heads);
    free(*groups);
    *groups = NULL;
}

/* ---- frozen activations ---- */

static pb_status read_site(pb_run *run, pb_site site, size_t layer, const pb_context *context,
                           float **values, pb_error **error)
{
    *values = pb_malloc(pb_run_activation_size(run, site), sizeof **values);
    if (!*values)
        return pb_fail_memory(error);
    return pb_run_activation_into(run, site, layer, context, *values, error);
}

static pb_status read_layers(pb_run *run, pb_site site, bool wanted, const pb_context *context,
                             float ***layers, pb_error **error)
{
    size_t n_layer = pb_model_shape(pb_run_model(run))->n_layer;
    *layers = pb_calloc(n_layer, sizeof **layers);
    pb_status status = *layers ? PB_OK : pb_fail_memory(error);
    for (size_t l = 0; !status && wanted && l < n_layer; l++)
        status = read_site(run, site, l, context, &(*layers)[l], error);
    return status;
}

pb_status pb_path_pair_read(pb_path_pair *pair, const pb_path_spec *spec, const pb_context *context,
                            pb_error **error)
{
    bool mlps = spec->mode != PB_PATH_IOI, norms = spec->mode == PB_PATH_LINEAR;
    const pb_select *select =
        pb_select_for(spec->positions.select, spec->positions.n_selects, pair->index);
    pb_status status =
        pb_places_mask(pb_run_positions(pair->into), select, &pair->sent, NULL, error);
    if (!status)
        status = read_layers(pair->into, PB_SITE_Z, true, context, &pair->into_z, error);
    if (!status)
        status = read_layers(pair->from, PB_SITE_Z, true, context, &pair->from_z, error);
    if (!status)
        status = read_layers(pair->into, PB_SITE_MLP_OUT, mlps, context, &pair->into_mlp, error);
    if (!status)
        status = read_layers(pair->into, PB_SITE_LN1_SCALE, norms, context, &pair->into_ln1, error);
    if (!status)
        status = read_layers(pair->into, PB_SITE_LN2_SCALE, norms, context, &pair->into_ln2, error);
    if (!status && norms)
        status =
            read_site(pair->into, PB_SITE_LN_FINAL_SCALE, 0, context, &pair->into_ln_final, error);
    return status;
}

static void free_layers(float **layers, size_t n)
{
    for (size_t l = 0; layers && l < n; l++)
        free(layers[l]);
    free(layers);
}

void pb_path_pair_clear(pb_path_pair *pair)
{
    size_t n_layer = pb_model_shape(pb_run_model(pair->into))->n_layer;
    free(pair->sent);
    free_layers(pair->into_z, n_layer);
    free_layers(pair->from_z, n_layer);
    free_layers(pair->into_mlp, n_layer);
    free_layers(pair->into_ln1, n_layer);
    free_layers(pair->into_ln2, n_layer);
    free(pair->into_ln_final);
}

/* ---- what receivers read ---- */

pb_status pb_path_recorder_create(pb_path_batch *batch, pb_error **error)
{
    const pb_model *model = pb_run_model(batch->pair->into);
    batch->recorded = pb_calloc(batch->n_receivers, sizeof *batch->recorded);
    if (!batch->recorded)
        return pb_fail_memory(error);
    for (size_t r = 0; !batch->to_logits && r < batch->n_receivers; r++) {
        size_t width = pb_site_width(model, pb_receiver_site(&batch->receivers[r]));
        batch->recorded[r] =
            pb_malloc(batch->n * batch->length, width * sizeof *batch->recorded[r]);
        if (!batch->recorded[r])
            return pb_fail_memory(error);
    }
    return PB_OK;
}

void pb_path_recorder_free(pb_path_batch *batch)
{
    for (size_t r = 0; batch->recorded && r < batch->n_receivers; r++)
        free(batch->recorded[r]);
    free(batch->recorded);
    batch->recorded = NULL;
}
