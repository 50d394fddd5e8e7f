/* Receivers, senders and frozen activations; see path_parts.h. */
#include "path_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "edits.h"
#include "places.h"

/* ---- receivers ---- */

/* What receivers read, and how it is written behind the head: "L4H1.q". */
static const struct {
    pb_site site;
    const char *suffix; /* NULL: not by heads */
} inputs[] = {
    [PB_PATH_Q] = {PB_SITE_Q, "q"},
    [PB_PATH_K] = {PB_SITE_K, "k"},
    [PB_PATH_V] = {PB_SITE_V, "v"},
    [PB_PATH_MLP] = {PB_SITE_MLP_PRE, NULL},
    [PB_PATH_MLP_LINEAR] = {PB_SITE_MLP_PRE_LINEAR, NULL},
    [PB_PATH_LOGITS] = {PB_N_SITES, NULL},
};

enum { N_INPUTS = sizeof inputs / sizeof *inputs };

pb_site pb_receiver_site(const pb_receiver *receiver)
{
    return inputs[receiver->input].site;
}

bool pb_receiver_reads(const pb_model *model, const pb_receiver *receiver,
                       const pb_path_sender *sender)
{
    bool later = sender->output == PB_PATH_FROM_EMBED || receiver->layer > sender->layer;
    if (receiver->input == PB_PATH_LOGITS || later)
        return true;
    /* In its own layer a head is read through the norm that comes after attention. */
    return sender->output == PB_PATH_FROM_HEAD && receiver->layer == sender->layer &&
           !pb_model_shape(model)->parallel &&
           pb_site_info(pb_receiver_site(receiver))->norm == PB_NORM_MLP;
}

void pb_receiver_name(const pb_receiver *receiver, char *text, size_t size)
{
    const char *suffix = inputs[receiver->input].suffix;
    if (receiver->input == PB_PATH_LOGITS)
        snprintf(text, size, "logits");
    else if (suffix)
        snprintf(text, size, "L%zuH%zu.%s", receiver->layer, receiver->head, suffix);
    else
        snprintf(text, size, "L%zu_mlp", receiver->layer);
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

/* "L4_mlp" */
static bool layer_of_mlp(const char *name, size_t *layer)
{
    char *end = NULL;
    if (name[0] != 'L' || name[1] < '0' || name[1] > '9')
        return false;
    *layer = strtoul(name + 1, &end, 10);
    return strcmp(end, "_mlp") == 0;
}

static pb_status parse_head_input(const pb_model *model, const char *name, const char *dot,
                                  pb_receiver *receiver, pb_error **error)
{
    char text[32];
    size_t input = 0, length = (size_t)(dot - name);
    while (input < N_INPUTS && (!inputs[input].suffix || strcmp(inputs[input].suffix, dot + 1)))
        input++;
    if (input == N_INPUTS || length >= sizeof text)
        return not_a_receiver(name, error);
    memcpy(text, name, length);
    text[length] = '\0';
    pb_head head;
    pb_status status = pb_head_parse(model, text, &head, error);
    if (!status)
        *receiver = (pb_receiver){(pb_path_input)input, head.layer, head.head};
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
    size_t layer = 0;
    if (!layer_of_mlp(name, &layer))
        return not_a_receiver(name, error);
    *receiver = (pb_receiver){PB_PATH_MLP, layer, 0};
    return layer_in_range(model, layer, error);
}

pb_status pb_receivers_all(const pb_model *model, pb_receiver **receivers, size_t *n,
                           pb_error **error)
{
    const pb_shape *shape = pb_model_shape(model);
    size_t most = shape->n_layer * (shape->n_head + 2 * shape->n_kv_head + 1) + 1;
    pb_receiver *all = pb_malloc(most, sizeof *all);
    if (!all)
        return pb_fail_memory(error);
    *n = 0;
    for (size_t layer = 0; layer < shape->n_layer; layer++) {
        for (int input = PB_PATH_Q; input <= PB_PATH_V; input++) {
            size_t heads = input == PB_PATH_Q ? shape->n_head : shape->n_kv_head;
            for (size_t head = 0; head < heads; head++)
                all[(*n)++] = (pb_receiver){(pb_path_input)input, layer, head};
        }
        all[(*n)++] = (pb_receiver){PB_PATH_MLP, layer, 0};
    }
    all[(*n)++] = (pb_receiver){PB_PATH_LOGITS, 0, 0};
    *receivers = all;
    return PB_OK;
}

/* ---- senders ---- */

pb_site pb_path_sender_site(const pb_path_sender *sender)
{
    static const pb_site sites[] = {[PB_PATH_FROM_HEAD] = PB_SITE_Z,
                                    [PB_PATH_FROM_MLP] = PB_SITE_MLP_OUT,
                                    [PB_PATH_FROM_EMBED] = PB_SITE_EMBED};
    return sites[sender->output];
}

void pb_path_sender_name(const pb_path_sender *sender, char *text, size_t size)
{
    switch (sender->output) {
    case PB_PATH_FROM_HEAD: snprintf(text, size, "L%zuH%zu", sender->layer, sender->head); break;
    case PB_PATH_FROM_MLP: snprintf(text, size, "L%zu_mlp", sender->layer); break;
    case PB_PATH_FROM_EMBED: snprintf(text, size, "embed"); break;
    }
}

pb_status pb_path_sender_parse(const pb_model *model, const char *name, pb_path_sender *sender,
                               pb_error **error)
{
    size_t layer = 0;
    pb_head head;
    if (!strcmp(name, "embed")) {
        *sender = (pb_path_sender){PB_PATH_FROM_EMBED, 0, 0};
        return PB_OK;
    }
    if (layer_of_mlp(name, &layer)) {
        *sender = (pb_path_sender){PB_PATH_FROM_MLP, layer, 0};
        return layer_in_range(model, layer, error);
    }
    if (!strchr(name, 'H') && !strchr(name, 'h'))
        return pb_fail(error, PB_NAME,
                       "'%s' is not a sender: senders are written \"L4H1\", \"L4_mlp\" or "
                       "\"embed\"",
                       name);
    pb_status status = pb_head_parse(model, name, &head, error);
    if (!status)
        *sender = (pb_path_sender){PB_PATH_FROM_HEAD, head.layer, head.head};
    return status;
}

pb_status pb_path_senders_all(const pb_model *model, pb_path_sender **senders, size_t *n,
                              pb_error **error)
{
    const pb_shape *shape = pb_model_shape(model);
    pb_path_sender *all = pb_malloc(shape->n_layer * (shape->n_head + 1) + 1, sizeof *all);
    if (!all)
        return pb_fail_memory(error);
    *n = 0;
    all[(*n)++] = (pb_path_sender){PB_PATH_FROM_EMBED, 0, 0};
    for (size_t layer = 0; layer < shape->n_layer; layer++) {
        for (size_t head = 0; head < shape->n_head; head++)
            all[(*n)++] = (pb_path_sender){PB_PATH_FROM_HEAD, layer, head};
        all[(*n)++] = (pb_path_sender){PB_PATH_FROM_MLP, layer, 0};
    }
    *senders = all;
    return PB_OK;
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
        if (receiver->input == PB_PATH_LOGITS && spec->n_receivers > 1 && !spec->each_receiver)
            status = pb_fail(error, PB_VALUE,
                             "the logits come after every other receiver, and stand alone");
        else if (receiver->input == PB_PATH_MLP)
            status = layer_in_range(model, receiver->layer, error);
        else if (receiver->input != PB_PATH_LOGITS)
            status = pb_heads_check(model, pb_receiver_site(receiver), &head, 1, error);
    }
    return status;
}

static pb_status check_outputs(const pb_path_spec *spec, const pb_model *model, pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < spec->n_outputs; i++) {
        const pb_path_sender *sender = &spec->outputs[i];
        const pb_head head = {sender->layer, sender->head};
        if (sender->output == PB_PATH_FROM_HEAD)
            status = pb_heads_check(model, PB_SITE_Z, &head, 1, error);
        else if (sender->output == PB_PATH_FROM_MLP)
            status = layer_in_range(model, sender->layer, error);
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
    if (!status && pb_select_walks(spec->positions))
        status = pb_fail(error, PB_UNSUPPORTED, "path patching does not walk positions: name one");
    if (!status)
        status = pb_about("pos", pb_check_per(spec->positions, spec->n_pairs, error), error);
    if (!status && !spec->metric)
        status = pb_fail(error, PB_TYPE, "path patching needs a metric");
    if (!status && !spec->prompts && spec->n_pairs > 1)
        status = pb_fail(error, PB_INTERNAL, "several pairs need an axis over them");
    if (!status && spec->senders && spec->n_senders == 0)
        status = pb_fail(error, PB_VALUE, "path patching needs a sender");
    if (!status && spec->senders)
        status = pb_heads_check(model, PB_SITE_Z, spec->senders, spec->n_senders, error);
    if (!status)
        status = check_outputs(spec, model, error);
    return status ? status : check_receivers(spec, model, error);
}

pb_status pb_path_receivers_create(const pb_path_spec *spec, pb_receiver **receivers,
                                   size_t **owners, size_t *n, pb_error **error)
{
    bool gated = pb_model_shape(pb_run_model(spec->into[0]))->gated;
    *receivers = pb_malloc(2 * spec->n_receivers, sizeof **receivers);
    *owners = pb_malloc(2 * spec->n_receivers, sizeof **owners);
    if (!*receivers || !*owners)
        return pb_fail_memory(error);
    *n = 0;
    for (size_t r = 0; r < spec->n_receivers; r++) {
        pb_receiver receiver = spec->receivers[r];
        (*owners)[*n] = r;
        (*receivers)[(*n)++] = receiver;
        if (gated && receiver.input == PB_PATH_MLP) {
            receiver.input = PB_PATH_MLP_LINEAR;
            (*owners)[*n] = r;
            (*receivers)[(*n)++] = receiver;
        }
    }
    return PB_OK;
}

/* ---- groups ---- */

/* The i-th of what sends: of the specification's, or of all heads. */
static pb_path_sender sender_at(const pb_path_spec *spec, const pb_shape *shape, size_t i)
{
    pb_head head = {i / shape->n_head, i % shape->n_head};
    if (spec->outputs)
        return spec->outputs[i];
    if (spec->senders)
        head = spec->senders[i];
    return (pb_path_sender){PB_PATH_FROM_HEAD, head.layer, head.head};
}

pb_status pb_path_groups_create(const pb_path_spec *spec, pb_path_group **groups, size_t *n,
                                pb_error **error)
{
    const pb_shape *shape = pb_model_shape(pb_run_model(spec->into[0]));
    size_t given = spec->outputs ? spec->n_outputs : spec->n_senders;
    bool named = spec->outputs || spec->senders, together = named && !spec->each_sender;
    size_t count = together ? 1 : named ? given : shape->n_layer * shape->n_head;
    pb_path_group *made = pb_calloc(count, sizeof *made);
    pb_status status = made ? PB_OK : pb_fail_memory(error);
    for (size_t g = 0; !status && g < count; g++) {
        made[g].n = together ? given : 1;
        made[g].senders = pb_malloc(made[g].n, sizeof *made[g].senders);
        if (!made[g].senders)
            status = pb_fail_memory(error);
        for (size_t i = 0; !status && i < made[g].n; i++)
            made[g].senders[i] = sender_at(spec, shape, together ? i : g);
    }
    if (status && made)
        pb_path_groups_free(&made, count);
    else
        *groups = made;
    *n = status ? 0 : count;
    return status;
}

void pb_path_groups_free(pb_path_group **groups, size_t n)
{
    for (size_t g = 0; *groups && g < n; g++)
        free((*groups)[g].senders);
    free(*groups);
    *groups = NULL;
}

/* ---- frozen activations ---- */

static pb_status read_layers(pb_run *run, pb_site site, const pb_context *context, float ***layers,
                             pb_error **error)
{
    size_t n_layers = pb_site_layers(pb_run_model(run), site);
    *layers = pb_calloc(n_layers, sizeof **layers);
    pb_status status = *layers ? PB_OK : pb_fail_memory(error);
    for (size_t l = 0; !status && l < n_layers; l++) {
        float *values = pb_malloc(pb_run_activation_size(run, site), sizeof *values);
        (*layers)[l] = values;
        status = values ? pb_run_activation_into(run, site, l, context, values, error)
                        : pb_fail_memory(error);
    }
    return status;
}

/* Of the sites that what is sent passes on its way, those that the mode holds to into's: heads,
 * what MLPs write, and what norms divide by. */
static bool freezes(pb_path_mode mode, pb_site site)
{
    if (site == PB_SITE_Z)
        return true;
    const pb_site_row *row = pb_site_info(site);
    bool scale = row->norm != PB_NORM_NONE && !pb_site_last_axis(site);
    return (site == PB_SITE_MLP_OUT && mode != PB_PATH_IOI) || (scale && mode == PB_PATH_LINEAR);
}

static bool any_sends(const pb_path_group *groups, size_t n, pb_site site)
{
    bool sends = false;
    for (size_t g = 0; g < n && !sends; g++) {
        for (size_t i = 0; i < groups[g].n; i++)
            sends = sends || pb_path_sender_site(&groups[g].senders[i]) == site;
    }
    return sends;
}

pb_status pb_path_pair_read(pb_path_pair *pair, const pb_path_spec *spec,
                            const pb_path_group *groups, size_t n_groups, const pb_context *context,
                            pb_error **error)
{
    const pb_select *select = pb_select_for(spec->positions, pair->index);
    pb_status status = pb_about_prompt(
        "pos", pair->index,
        pb_places_mask(pb_run_positions(pair->into), select, &pair->sent, NULL, error), error);
    for (int site = 0; !status && site < PB_N_SITES; site++) {
        if (freezes(spec->mode, (pb_site)site))
            status = read_layers(pair->into, (pb_site)site, context, &pair->frozen[site], error);
        if (!status && any_sends(groups, n_groups, (pb_site)site))
            status = read_layers(pair->from, (pb_site)site, context, &pair->out[site], error);
    }
    return status;
}

static void free_layers(const pb_path_pair *pair, pb_site site, float **layers)
{
    size_t n_layers = pb_site_layers(pb_run_model(pair->into), site);
    for (size_t l = 0; layers && l < n_layers; l++)
        free(layers[l]);
    free(layers);
}

void pb_path_pair_clear(pb_path_pair *pair)
{
    free(pair->sent);
    for (int site = 0; site < PB_N_SITES; site++) {
        free_layers(pair, (pb_site)site, pair->frozen[site]);
        free_layers(pair, (pb_site)site, pair->out[site]);
    }
}

/* ---- what receivers read ---- */

pb_status pb_path_recorder_create(pb_path_batch *batch, pb_error **error)
{
    const pb_model *model = pb_run_model(batch->pair->into);
    batch->recorded = pb_calloc(batch->n_receivers, sizeof *batch->recorded);
    if (!batch->recorded)
        return pb_fail_memory(error);
    for (size_t r = 0; r < batch->n_receivers; r++) {
        if (batch->receivers[r].input == PB_PATH_LOGITS)
            continue;
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
