/* Mean ablation: an activation's mean over runs, as an edit that sets it; see study/edit.h. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "edits.h"
#include "places.h"

/* The mean of a site at each layer an edit touches. */
typedef struct averaging {
    const pb_model *model;
    pb_site site;
    pb_run *const *runs;
    size_t n_runs;
    bool by_position;
    size_t n_layers, per_position; /* values of one position */
    size_t size;                   /* values of one layer's mean */
    double *sum;                   /* [size] */
} averaging;

bool pb_begins_with_start(const pb_run *run)
{
    const pb_tokenizer *tokenizer = pb_model_tokenizer(pb_run_model(run));
    return pb_run_tokens(run)[0] == pb_tokenizer_start(tokenizer);
}

/* Adds one run's activation; returns how many samples of the mean it was. */
static double add_run(averaging *mean, const pb_run *run, const float *values)
{
    if (mean->by_position) {
        for (size_t i = 0; i < mean->size; i++)
            mean->sum[i] += values[i];
        return 1;
    }
    size_t first = pb_begins_with_start(run), length = pb_run_length(run);
    for (size_t p = first; p < length; p++) {
        for (size_t i = 0; i < mean->per_position; i++)
            mean->sum[i] += values[p * mean->per_position + i];
    }
    return (double)(length - first);
}

static pb_status mean_of_layer(averaging *mean, size_t layer, const pb_context *context, float *out,
                               pb_error **error)
{
    double samples = 0;
    pb_status status = PB_OK;
    memset(mean->sum, 0, mean->size * sizeof *mean->sum);
    for (size_t r = 0; !status && r < mean->n_runs; r++) {
        pb_run *run = mean->runs[r];
        float *values = pb_malloc(pb_run_activation_size(run, mean->site), sizeof *values);
        if (!values)
            return pb_fail_memory(error);
        status = pb_run_activation_into(run, mean->site, layer, context, values, error);
        if (!status)
            samples += add_run(mean, run, values);
        free(values);
    }
    if (!status && samples == 0)
        status = pb_fail(error, PB_VALUE,
                         "the mean leaves out the start token, and these prompts have no other");
    for (size_t i = 0; !status && i < mean->size; i++)
        out[i] = (float)(mean->sum[i] / samples);
    return status;
}

/* ---- the value's axes ---- */

/* [layer?, the site's own], without its positions where they are averaged. */
static pb_status mean_axes(const averaging *mean, pb_axis *axes[4], size_t *rank,
                           pb_axis **positions, pb_axis **keys, pb_error **error)
{
    const char *names[3];
    size_t n = pb_site_axes(mean->model, mean->site, names);
    *rank = 0;
    if (pb_site_has(mean->site, PB_ALONG_LAYERS))
        axes[(*rank)++] = pb_model_axis(mean->model, "layer");
    for (size_t i = 0; i < n; i++) {
        const char *name = names[i];
        pb_axis **made = !strcmp(name, "key") ? keys : positions;
        size_t length = pb_run_length(mean->runs[0]);
        if (!strcmp(name, "pos") && !mean->by_position)
            continue;
        if (!strcmp(name, "pos") || !strcmp(name, "query") || !strcmp(name, "key")) {
            pb_status status = pb_axis_create(name, length, NULL, NULL, made, error);
            if (status)
                return status;
            axes[(*rank)++] = *made;
        } else {
            axes[(*rank)++] = pb_model_axis(mean->model, name);
        }
    }
    return PB_OK;
}

static pb_status mean_tensor(averaging *mean, const pb_edit *where, const pb_context *context,
                             pb_tensor **value, pb_error **error)
{
    pb_axis *axes[4] = {NULL}, *positions = NULL, *keys = NULL;
    size_t rank = 0;
    float *data = NULL;
    pb_status status = mean_axes(mean, axes, &rank, &positions, &keys, error);
    if (!status)
        status = pb_tensor_create(rank, axes, value, &data, error);
    if (!status) {
        mean->size = pb_tensor_size(*value) / mean->n_layers;
        mean->sum = pb_calloc(mean->size, sizeof *mean->sum);
        status = mean->sum ? PB_OK : pb_fail_memory(error);
    }
    for (size_t l = 0; !status && l < mean->n_layers; l++) {
        if (pb_edit_at_layer(where, l))
            status = mean_of_layer(mean, l, context, data + l * mean->size, error);
    }
    free(mean->sum);
    pb_axis_release(&positions);
    pb_axis_release(&keys);
    return status;
}

/* ---- the call ---- */

static pb_status check_runs(const averaging *mean, pb_error **error)
{
    if (mean->n_runs == 0)
        return pb_fail(error, PB_VALUE, "a mean needs prompts to be taken over");
    if (pb_site_has(mean->site, PB_ALONG_KEYS) && !mean->by_position)
        return pb_fail(error, PB_VALUE,
                       "the mean of %s is taken position by position: say by=\"pos\"",
                       pb_site_info(mean->site)->name);
    pb_status status = pb_same_model(mean->runs, mean->n_runs, mean->model, error);
    for (size_t r = 1; !status && mean->by_position && r < mean->n_runs; r++) {
        if (pb_run_length(mean->runs[r]) == pb_run_length(mean->runs[0]))
            continue;
        char name[32];
        snprintf(name, sizeof name, "prompt %zu", r);
        status = pb_lengths_differ((pb_named_run){"prompt 0", mean->runs[0]},
                                   (pb_named_run){name, mean->runs[r]},
                                   "a mean by position needs prompts of one length", error);
        if (error)
            pb_error_hint(*error, "by=\"all\" averages over all positions but the start token");
    }
    return status;
}

/* The specification without a value, to learn which layers it touches. */
static pb_status bare_edit(const pb_model *model, const pb_edit_spec *spec, pb_edit **edit,
                           pb_error **error)
{
    pb_edit_spec bare = *spec;
    bare.op = PB_EDIT_SET;
    bare.value = NULL;
    bare.from = NULL;
    bare.n_from = 0;
    return pb_edit_create(model, &bare, edit, error);
}

pb_status pb_edit_mean(const pb_model *model, const pb_edit_spec *spec, pb_run *const *over,
                       size_t n_over, bool by_position, const pb_context *context, pb_edit **edit,
                       pb_error **error)
{
    pb_context with = pb_context_or_none(context);
    averaging mean = {.model = model,
                      .site = spec->site,
                      .runs = over,
                      .n_runs = n_over,
                      .by_position = by_position,
                      .n_layers = pb_site_layers(model, spec->site),
                      .per_position =
                          pb_site_heads(model, spec->site) * pb_site_width(model, spec->site)};
    pb_edit *where = NULL;
    pb_tensor *value = NULL;
    pb_status status = check_runs(&mean, error);
    if (!status)
        status = bare_edit(model, spec, &where, error);
    if (!status)
        status = mean_tensor(&mean, where, &with, &value, error);
    if (!status) {
        pb_edit_spec set = *spec;
        set.op = PB_EDIT_SET;
        set.value = value;
        set.from = NULL;
        set.n_from = 0;
        set.spares_start = !by_position;
        status = pb_edit_create(model, &set, edit, error);
    }
    pb_edit_release(&where);
    pb_tensor_release(&value);
    return status;
}
