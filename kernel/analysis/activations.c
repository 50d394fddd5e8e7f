/*
 * Activations of a set of runs, computed where they are used: run(set).mlp_post[layer=2].max("pos")
 * computes in batches what was picked, reduces each prompt's part, and stores that alone.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/gap.h"
#include "base/memory.h"
#include "model/stream.h"
#include "runs.h"
#include "value/text.h"

/* What is read: a site, or what the unembedding makes of the last state. */
typedef enum pending_kind { READS_SITE, READS_LOGITS, READS_LOGPROBS } pending_kind;

/* An activation that nothing has asked for yet, and what was picked of it, by axis. */
typedef struct pending {
    pb_value *runs;
    pending_kind reading;
    pb_site site;
    size_t n; /* picked */
    char *names[PB_MAX_RANK];
    pb_value *values[PB_MAX_RANK];
} pending;

static void pending_destroy(void *data)
{
    pending *p = data;
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++) {
        free(p->names[i]);
        pb_value_release(&p->values[i]);
    }
    pb_value_release(&p->runs);
    free(p);
}

static const pb_object_type activation_type;

static const char *reading_name(const pending *p)
{
    return p->reading == READS_LOGITS     ? "logits"
           : p->reading == READS_LOGPROBS ? "logprobs"
                                          : pb_site_info(p->site)->name;
}

static void pending_repr(const pb_value *self, pb_buffer *out)
{
    pb_buffer_format(out, "the %s of a set of runs",
                     reading_name(pb_value_object(self, &activation_type)));
}

pb_status pb_runs_activation(const pb_value *runs, const char *name, pb_value **result,
                             pb_error **error)
{
    pb_site site = PB_SITE_EMBED;
    pending_kind what = strcmp(name, "logits") == 0     ? READS_LOGITS
                        : strcmp(name, "logprobs") == 0 ? READS_LOGPROBS
                                                        : READS_SITE;
    if (what == READS_SITE && pb_site_find(name, &site, NULL))
        return PB_OK;
    pending *made = pb_calloc(1, sizeof *made);
    if (!made)
        return pb_fail_memory(error);
    *made = (pending){.runs = pb_value_retain(runs), .reading = what, .site = site};
    return pb_value_take_object(&activation_type, made, result, error);
}

/* ---- axes ---- */

/* The axes of one prompt's part, beside the layer. */
static size_t part_axes(const pending *p, const char *axes[3])
{
    if (p->reading == READS_SITE)
        return pb_site_axes(pb_model_of(pb_runs_of(p->runs)->model), p->site, axes);
    axes[0] = "pos";
    axes[1] = "token";
    return 2;
}

static bool has_layers(const pending *p)
{
    return p->reading == READS_SITE && pb_site_info(p->site)->layers;
}

static bool is_positional(const char *axis)
{
    return strcmp(axis, "pos") == 0 || strcmp(axis, "query") == 0 || strcmp(axis, "key") == 0;
}

/* The name of an axis it has, which may be given as neuron; NULL for another. */
static const char *own_axis(const pending *p, const char *name)
{
    const char *axes[3];
    size_t n = part_axes(p, axes);
    if (!name || strcmp(name, "prompt") == 0 || (strcmp(name, "layer") == 0 && has_layers(p)))
        return name;
    for (size_t i = 0; i < n; i++)
        if (strcmp(axes[i], name) == 0 ||
            (strcmp(name, "neuron") == 0 && strcmp(axes[i], "d_mlp") == 0))
            return axes[i];
    return NULL;
}

static bool is_picked(const pending *p, const char *axis)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->names[i], axis) == 0)
            return true;
    return false;
}

/* ---- x[...] ---- */

/* Whether all entries name axes of it that nothing was picked along yet. */
static bool stays_pending(const pending *p, size_t count, const pb_index_entry *entries)
{
    for (size_t i = 0; i < count; i++) {
        const char *axis = entries[i].name ? own_axis(p, entries[i].name) : NULL;
        if (!axis || is_picked(p, axis) || p->n + count > PB_MAX_RANK)
            return false;
        for (size_t k = 0; k < i; k++)
            if (strcmp(own_axis(p, entries[k].name), axis) == 0)
                return false;
    }
    return count > 0;
}

static pb_status settle_and_index(pb_interp *interp, const pb_value *self, size_t count,
                                  const pb_index_entry *entries, pb_value **result,
                                  pb_error **error)
{
    pb_value *settled = NULL;
    pb_status status = activation_type.settle(interp, self, &settled, error);
    if (!status)
        status = pb_interp_index(interp, settled, count, entries, result, error);
    pb_value_release(&settled);
    return status;
}

static pb_status pending_index(pb_interp *interp, const pb_value *self, size_t count,
                               const pb_index_entry *entries, pb_value **result, pb_error **error)
{
    const pending *p = pb_value_object(self, &activation_type);
    if (!stays_pending(p, count, entries))
        return settle_and_index(interp, self, count, entries, result, error);
    pending *made = pb_calloc(1, sizeof *made);
    if (!made)
        return pb_fail_memory(error);
    *made = (pending){.runs = pb_value_retain(p->runs), .reading = p->reading, .site = p->site};
    for (size_t i = 0; i < p->n + count; i++) {
        bool old = i < p->n;
        made->names[i] = strdup(old ? p->names[i] : own_axis(p, entries[i - p->n].name));
        made->values[i] = pb_value_retain(old ? p->values[i] : entries[i - p->n].value);
        made->n = i + 1;
        if (!made->names[i]) {
            pending_destroy(made);
            return pb_fail_memory(error);
        }
    }
    return pb_value_take_object(&activation_type, made, result, error);
}

/* ---- what is wanted, resolved ---- */

/* Places along an axis that all prompts have in common: prompt and layer. */
typedef struct common_places {
    size_t *offsets, count;
    bool drops;
    pb_axis *axis; /* those places */
} common_places;

static void common_free(common_places *c)
{
    free(c->offsets);
    pb_axis_release(&c->axis);
}

typedef struct wanted {
    pb_interp *interp;
    const pending *p;
    pb_runs *runs;
    const pb_model *model;
    common_places prompts, layers;
    bool *computes; /* [n_layer] */
    size_t n_axes;  /* of a prompt's part */
    const char *axes[3];
    bool picks[3]; /* along which of them something was picked, by `selects` */
    pb_select selects[3];
} wanted;

static void wanted_free(wanted *w)
{
    common_free(&w->prompts);
    common_free(&w->layers);
    free(w->computes);
    for (size_t i = 0; i < w->n_axes; i++)
        if (w->picks[i])
            pb_select_free(&w->selects[i]);
}

static const pb_watch *watch_of(const wanted *w)
{
    return pb_interp_watch(w->interp);
}

static const pb_value *picked_along(const pending *p, const char *axis)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->names[i], axis) == 0)
            return p->values[i];
    return NULL;
}

static pb_status resolve_common(const wanted *w, const char *name, pb_axis *axis, common_places *c,
                                pb_error **error)
{
    const pb_value *value = picked_along(w->p, name);
    pb_select select = pb_select_all;
    pb_status status = PB_OK;
    if (value)
        status = pb_value_to_select(pb_interp_keeper(w->interp), value, name, &select, error);
    if (!status)
        status =
            pb_axis_resolve(axis, &select, watch_of(w), &c->offsets, &c->count, &c->drops, error);
    pb_select_free(&select);
    if (!status)
        status = pb_axis_pick(axis, c->offsets, c->count, watch_of(w), &c->axis, error);
    return status;
}

static pb_status fail_per(const wanted *w, const char *axis, size_t given, pb_error **error)
{
    return pb_fail(error, PB_VALUE, "per() of %s= has %zu places, and there are %zu prompts", axis,
                   given, w->runs->count);
}

/* What was picked along the axes of each prompt's part. */
static pb_status take_selects(wanted *w, pb_error **error)
{
    pb_status status = PB_OK;
    w->n_axes = part_axes(w->p, w->axes);
    for (size_t i = 0; i < w->n_axes && !status; i++) {
        const pb_value *value = picked_along(w->p, w->axes[i]);
        if (!value)
            continue;
        status = pb_value_to_select(pb_interp_keeper(w->interp), value, w->axes[i], &w->selects[i],
                                    error);
        w->picks[i] = !status;
        if (!status && w->selects[i].kind == PB_SELECT_PER &&
            w->selects[i].n_items != w->runs->count)
            status = fail_per(w, w->axes[i], w->selects[i].n_items, error);
    }
    return status;
}

static pb_status resolve(pb_interp *interp, const pending *p, wanted *w, pb_error **error)
{
    pb_runs *runs = pb_runs_of(p->runs);
    pb_model *model = pb_model_of(runs->model);
    pb_axis *prompts = NULL;
    *w = (wanted){.interp = interp, .p = p, .runs = runs, .model = model};
    pb_status status = p->reading == READS_SITE ? pb_site_check(model, p->site, error) : PB_OK;
    if (!status)
        status = pb_axis_create("prompt", runs->count, NULL, (const char *const *)runs->texts,
                                &prompts, error);
    if (!status)
        status = resolve_common(w, "prompt", prompts, &w->prompts, error);
    pb_axis_release(&prompts);
    if (!status && has_layers(p))
        status = resolve_common(w, "layer", pb_model_axis(model, "layer"), &w->layers, error);
    if (!status)
        status = take_selects(w, error);
    size_t n_layer = pb_model_shape(model)->n_layer;
    w->computes = status ? NULL : pb_calloc(n_layer, sizeof *w->computes);
    if (!status && !w->computes)
        status = pb_fail_memory(error);
    for (size_t i = 0; !status && i < w->layers.count; i++)
        w->computes[w->layers.offsets[i]] = true;
    return status;
}

/* ---- one prompt's part ---- */

/* In which prompt a place is not there. */
static pb_status of_prompt(const wanted *w, size_t prompt, pb_status status, pb_error **error)
{
    if (status && status != PB_INTERRUPTED && error && *error)
        pb_error_in_prompt(*error, prompt, w->runs->texts[prompt]);
    return status;
}

/* The axis of a prompt's part, whole: a reference. */
static pb_status whole_axis(const wanted *w, const char *name, size_t prompt, pb_axis **axis,
                            pb_error **error)
{
    pb_axis *known = pb_model_axis(w->model, name);
    size_t n = w->runs->lengths[prompt];
    if (known) {
        *axis = pb_axis_retain(known);
        return PB_OK;
    }
    const char **labels = pb_malloc(n, sizeof *labels);
    if (!labels)
        return pb_fail_memory(error);
    for (size_t i = 0; i < n; i++)
        labels[i] = pb_tokenizer_label(pb_model_tokenizer(w->model), w->runs->tokens[prompt][i]);
    pb_status status = pb_axis_create(name, n, NULL, labels, axis, error);
    free(labels);
    return status;
}

/* What is picked of it: NULL where the axis goes away. */
static pb_status picked_axis(const wanted *w, size_t which, size_t prompt, pb_axis **axis,
                             pb_error **error)
{
    pb_axis *whole = NULL;
    size_t *offsets = NULL, count = 0;
    bool drops = false;
    *axis = NULL;
    pb_status status = whole_axis(w, w->axes[which], prompt, &whole, error);
    if (!status && !w->picks[which]) {
        *axis = whole;
        return PB_OK;
    }
    if (!status)
        status = pb_axis_resolve(whole, pb_select_for(&w->selects[which], prompt), watch_of(w),
                                 &offsets, &count, &drops, error);
    if (!status && !drops)
        status = pb_axis_pick(whole, offsets, count, watch_of(w), axis, error);
    free(offsets);
    pb_axis_release(&whole);
    return of_prompt(w, prompt, status, error);
}

/* The values of one site or state of a prompt as a tensor that borrows them, and the part picked
 * along their axes. */
static pb_status pick_part(const wanted *w, size_t prompt, size_t rank, const char *const *names,
                           const float *values, pb_tensor **part, pb_error **error)
{
    pb_axis *axes[3] = {NULL};
    pb_tensor *whole = NULL;
    const char *chosen[3];
    pb_select selects[3];
    size_t n = 0;
    pb_status status = PB_OK;
    for (size_t i = 0; i < rank && !status; i++)
        status = whole_axis(w, names[i], prompt, &axes[i], error);
    if (!status)
        status = pb_tensor_borrow(rank, axes, values, NULL, NULL, &whole, error);
    for (size_t i = 0; i < w->n_axes; i++)
        if (w->picks[i] && !status && pb_tensor_find_axis(whole, w->axes[i]) >= 0) {
            chosen[n] = w->axes[i];
            selects[n++] = *pb_select_for(&w->selects[i], prompt);
        }
    if (!status)
        status =
            of_prompt(w, prompt,
                      pb_tensor_select(whole, n, chosen, selects, watch_of(w), part, error), error);
    for (size_t i = 0; i < rank; i++)
        pb_axis_release(&axes[i]);
    pb_tensor_release(&whole);
    return status;
}

/* Logits of the positions that were picked, and of those the words that were. */
static pb_status unembed_part(const wanted *w, size_t prompt, const float *normed, pb_tensor **part,
                              pb_error **error)
{
    static const char *const state_axes[] = {"pos", "d_model"};
    pb_tensor *states = NULL, *logits = NULL;
    float *data = NULL;
    pb_status status = pick_part(w, prompt, 2, state_axes, normed, &states, error);
    if (status)
        return status;
    bool one = pb_tensor_rank(states) == 1;
    pb_axis *token = pb_model_axis(w->model, "token");
    pb_axis *axes[] = {one ? token : pb_tensor_axis(states, 0), token};
    pb_context context = {.watch = watch_of(w)};
    status = pb_tensor_create(one ? 1 : 2, axes, &logits, &data, error);
    if (!status)
        status = pb_unembed(w->model, one ? 1 : pb_axis_length(axes[0]), pb_tensor_data(states),
                            &context, data, error);
    pb_tensor_release(&states);
    if (!status && w->p->reading == READS_LOGPROBS) {
        pb_tensor *normal = NULL;
        status = pb_tensor_softmax(logits, "token", true, watch_of(w), &normal, error);
        pb_tensor_release(&logits);
        logits = normal;
    }
    if (!status && w->picks[1])
        status = pb_tensor_select(logits, 1, &w->axes[1], &w->selects[1], watch_of(w), part, error);
    else if (!status)
        *part = pb_tensor_retain(logits);
    pb_tensor_release(&logits);
    return status;
}

static pb_status part_of(const wanted *w, size_t prompt, const float *values, pb_tensor **part,
                         pb_error **error)
{
    return w->p->reading == READS_SITE
               ? pick_part(w, prompt, w->n_axes, w->axes, values, part, error)
               : unembed_part(w, prompt, values, part, error);
}

/* ---- each part in turn ---- */

typedef struct each_part {
    const wanted *w;
    pb_status (*take)(void *user, size_t prompt, size_t layer, const pb_tensor *part,
                      pb_error **error); /* the prompt and layer by their places in the result */
    void *user;
} each_part;

static pb_status take_piece(void *user, size_t which, size_t layer, const float *values,
                            pb_error **error)
{
    const each_part *each = user;
    const wanted *w = each->w;
    pb_tensor *part = NULL;
    size_t at = 0;
    while (has_layers(w->p) && w->layers.offsets[at] != layer)
        at++;
    pb_status status = part_of(w, w->prompts.offsets[which], values, &part, error);
    if (!status)
        status = each->take(each->user, which, at, part, error);
    pb_tensor_release(&part);
    return status;
}

/* Of runs that are there already, a layer of a run at a time. */
static pb_status from_runs(const wanted *w, const pb_value *list, each_part *each, pb_error **error)
{
    pb_context context = {.watch = watch_of(w)};
    bool normed = w->p->reading != READS_SITE;
    size_t n_layers = has_layers(w->p) ? w->layers.count : 1;
    pb_status status = PB_OK;
    for (size_t i = 0; i < w->prompts.count && !status; i++) {
        const pb_run *run = pb_run_of(pb_list_item(list, w->prompts.offsets[i]));
        float *values =
            normed ? NULL : pb_malloc(pb_run_activation_size(run, w->p->site), sizeof *values);
        if (!normed && !values)
            return pb_fail_memory(error);
        for (size_t k = 0; k < n_layers && !status; k++) {
            size_t layer = has_layers(w->p) ? w->layers.offsets[k] : 0;
            if (!normed)
                status = pb_run_activation_into(run, w->p->site, layer, &context, values, error);
            if (!status)
                status = take_piece(each, i, layer, normed ? pb_run_normed(run) : values, error);
        }
        free(values);
    }
    return status;
}

static pb_status from_prompts(const wanted *w, each_part *each, pb_error **error)
{
    pb_prompt *prompts = pb_calloc(w->prompts.count, sizeof *prompts);
    if (!prompts)
        return pb_fail_memory(error);
    for (size_t i = 0; i < w->prompts.count; i++) {
        size_t prompt = w->prompts.offsets[i];
        prompts[i] = (pb_prompt){.tokens = w->runs->tokens[prompt], .n = w->runs->lengths[prompt]};
    }
    pb_context context = {.watch = watch_of(w)};
    pb_stream stream = {.model = pb_model_of(w->runs->model),
                        .n = w->prompts.count,
                        .prompts = prompts,
                        .site = w->p->site,
                        .normed = w->p->reading != READS_SITE,
                        .layers = w->computes};
    pb_status status = pb_stream_activations(&stream, take_piece, each, &context, error);
    free(prompts);
    return status;
}

static pb_status go_through(const wanted *w, each_part *each, pb_error **error)
{
    const pb_value *list = atomic_load(&w->runs->list);
    return list ? from_runs(w, list, each, error) : from_prompts(w, each, error);
}

/* ---- the axes of the result ---- */

/* An axis of positions that prompts of several lengths share: as long as the longest, with the
 * coordinates and labels on which they agree. */
typedef struct ragged_axis {
    size_t length, fewest, capacity;
    int64_t *coordinates;
    char **labels;
    unsigned char *variants; /* how many labels were joined at each place */
    bool moves;              /* coordinates differ between prompts */
} ragged_axis;

enum { MOST_VARIANTS = 3 };

static void shared_free(ragged_axis *s)
{
    for (size_t i = 0; i < s->length; i++)
        free(s->labels[i]);
    free(s->labels);
    free(s->coordinates);
    free(s->variants);
}

static bool shared_grow(ragged_axis *s, size_t length)
{
    if (length <= s->capacity)
        return true;
    int64_t *coordinates = pb_realloc(s->coordinates, length, sizeof *coordinates);
    s->coordinates = coordinates ? coordinates : s->coordinates;
    char **labels = pb_realloc(s->labels, length, sizeof *labels);
    s->labels = labels ? labels : s->labels;
    unsigned char *variants = pb_realloc(s->variants, length, 1);
    s->variants = variants ? variants : s->variants;
    s->capacity = coordinates && labels && variants ? length : s->capacity;
    return s->capacity == length;
}

/* "love|hate", and where prompts have more tokens than a few at a place, the first of them. */
static bool join_label(ragged_axis *s, size_t at, const char *label)
{
    size_t length = strlen(label);
    if (s->variants[at] > MOST_VARIANTS)
        return true;
    for (const char *part = s->labels[at]; part; part = strchr(part, '|')) {
        part += part != s->labels[at];
        if (strncmp(part, label, length) == 0 && (part[length] == '|' || !part[length]))
            return true;
    }
    pb_buffer joined = PB_BUFFER_EMPTY;
    bool full = ++s->variants[at] > MOST_VARIANTS;
    pb_buffer_format(&joined, "%s|%s", s->labels[at], full ? "\xE2\x80\xA6" : label);
    char *text = pb_buffer_take(&joined);
    if (!text)
        return false;
    free(s->labels[at]);
    s->labels[at] = text;
    return true;
}

static pb_status share_axis(ragged_axis *s, const pb_axis *axis, pb_error **error)
{
    size_t count = pb_axis_length(axis);
    if (!shared_grow(s, count))
        return pb_fail_memory(error);
    for (size_t i = 0; i < count; i++) {
        const char *label = pb_axis_label(axis, i);
        label = label ? label : "";
        if (i < s->length) {
            s->moves = s->moves || s->coordinates[i] != pb_axis_coordinate(axis, i);
            if (!join_label(s, i, label))
                return pb_fail_memory(error);
            continue;
        }
        s->labels[i] = strdup(label);
        if (!s->labels[i])
            return pb_fail_memory(error);
        s->coordinates[i] = pb_axis_coordinate(axis, i);
        s->variants[i] = 1;
        s->length = i + 1;
    }
    s->fewest = count < s->fewest ? count : s->fewest;
    return PB_OK;
}

/* Where each part goes in the result, and what its axes are. */
typedef struct layout {
    const wanted *w;
    size_t rank;
    pb_axis *axes[PB_MAX_RANK];
    size_t strides[PB_MAX_RANK];
    bool over_prompts, over_layers; /* those axes are there */
    bool ragged;                    /* an axis that is there is longer than some prompts' */
    size_t fewest, most;            /* cells that are reduced along positions; 1 for none */
} layout;

static void layout_free(layout *l)
{
    for (size_t i = 0; i < l->rank; i++)
        pb_axis_release(&l->axes[i]);
}

static bool names_axis(size_t n, const char *const *names, const char *axis)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], axis) == 0)
            return true;
    return false;
}

/* The axis of positions number `which` of all prompts' parts; NULL where it goes away. */
static pb_status positions_of_all(const wanted *w, size_t which, ragged_axis *s, pb_axis **axis,
                                  pb_error **error)
{
    bool dropped = false;
    pb_status status = PB_OK;
    *s = (ragged_axis){.fewest = SIZE_MAX};
    for (size_t i = 0; i < w->prompts.count && !status; i++) {
        pb_axis *picked = NULL;
        status = picked_axis(w, which, w->prompts.offsets[i], &picked, error);
        if (!status && i > 0 && dropped != !picked)
            status = pb_fail(error, PB_VALUE,
                             "per() of %s= picks one place of some prompts and several of others",
                             w->axes[which]);
        dropped = !picked;
        if (!status && picked)
            status = share_axis(s, picked, error);
        pb_axis_release(&picked);
    }
    if (!status && !dropped)
        status = pb_axis_create(w->axes[which], s->length, s->moves ? NULL : s->coordinates,
                                (const char *const *)s->labels, axis, error);
    return status;
}

static pb_status lay_positions(const wanted *w, size_t which, bool reduced, layout *l,
                               pb_error **error)
{
    ragged_axis shared = {0};
    pb_axis *axis = NULL;
    pb_status status = positions_of_all(w, which, &shared, &axis, error);
    if (!status && axis && reduced) {
        l->fewest *= shared.fewest;
        l->most *= shared.length;
    } else if (!status && axis) {
        l->ragged = l->ragged || shared.fewest < shared.length;
        l->axes[l->rank++] = pb_axis_retain(axis);
    }
    pb_axis_release(&axis);
    shared_free(&shared);
    return status;
}

/* The axes that are left when those named go. */
static pb_status lay_out(const wanted *w, size_t n, const char *const *over, layout *l,
                         pb_error **error)
{
    *l = (layout){.w = w, .fewest = 1, .most = 1};
    l->over_prompts = !w->prompts.drops && !names_axis(n, over, "prompt");
    l->over_layers = has_layers(w->p) && !w->layers.drops && !names_axis(n, over, "layer");
    if (l->over_prompts)
        l->axes[l->rank++] = pb_axis_retain(w->prompts.axis);
    if (l->over_layers)
        l->axes[l->rank++] = pb_axis_retain(w->layers.axis);
    pb_status status = PB_OK;
    for (size_t i = 0; i < w->n_axes && !status; i++) {
        bool reduced = names_axis(n, over, w->axes[i]);
        if (is_positional(w->axes[i]))
            status = lay_positions(w, i, reduced, l, error);
        else if (!reduced) {
            pb_axis *axis = NULL;
            status = picked_axis(w, i, w->prompts.count ? w->prompts.offsets[0] : 0, &axis, error);
            if (axis)
                l->axes[l->rank++] = axis;
        }
    }
    size_t stride = 1;
    for (size_t i = l->rank; i-- > 0; stride *= pb_axis_length(l->axes[i]))
        l->strides[i] = stride;
    return status;
}

/* Where the part of a prompt and layer begins in the result, and the number of the axis that its
 * first one is there. */
static size_t begin_part(const layout *l, size_t prompt, size_t layer, size_t *first)
{
    size_t start = 0;
    *first = 0;
    if (l->over_prompts)
        start += prompt * l->strides[(*first)++];
    if (l->over_layers)
        start += layer * l->strides[(*first)++];
    return start;
}

/* ---- all of it ---- */

typedef struct gathering {
    const layout *l;
    float *out;
    /* What is done to each part first; n = 0: nothing. */
    pb_reduction op;
    size_t n;
    const char *const *over;
} gathering;

/* Copies a part that is dense to where it belongs, whose rows may be longer. */
static void place_part(const pb_tensor *part, size_t axis, const size_t *strides, const float *from,
                       float *to)
{
    size_t rank = pb_tensor_rank(part), below = 1;
    if (axis == rank) {
        *to = *from;
        return;
    }
    size_t length = pb_axis_length(pb_tensor_axis(part, axis));
    for (size_t i = axis + 1; i < rank; i++)
        below *= pb_axis_length(pb_tensor_axis(part, i));
    if (axis + 1 == rank) {
        memcpy(to, from, length * sizeof *to);
        return;
    }
    for (size_t i = 0; i < length; i++)
        place_part(part, axis + 1, strides + 1, from + i * below, to + i * strides[0]);
}

static pb_status gather_part(void *user, size_t prompt, size_t layer, const pb_tensor *part,
                             pb_error **error)
{
    gathering *g = user;
    pb_tensor *reduced = NULL;
    size_t first = 0, start = begin_part(g->l, prompt, layer, &first);
    pb_status status = PB_OK;
    if (g->n > 0)
        status = pb_tensor_reduce(g->op, part, g->n, g->over, watch_of(g->l->w), &reduced, error);
    const pb_tensor *kept = g->n > 0 ? reduced : part;
    if (!status)
        place_part(kept, 0, g->l->strides + first, pb_tensor_data(kept), g->out + start);
    pb_tensor_release(&reduced);
    return status;
}

/* The memory that all of it would take is not there: the reduction that needs none. */
static void hint_reduction(const wanted *w, pb_status status, pb_error **error)
{
    if ((status == PB_MEMORY || status == PB_LIMIT) && error)
        pb_error_hint(*error,
                      "pick or reduce in the same line, so that the rest is never stored: "
                      "run(set).%s[layer=0].max(\"%s\")",
                      reading_name(w->p), w->n_axes ? w->axes[0] : "pos");
}

static const char *units_of(const pending *p)
{
    return p->reading == READS_LOGITS ? "logits" : p->reading == READS_LOGPROBS ? "nats" : NULL;
}

static void say_activation(const pending *p, pb_buffer *out)
{
    if (p->reading == READS_SITE)
        pb_buffer_format(out, "%s: %s", reading_name(p), pb_site_info(p->site)->summary);
    else
        pb_buffer_text(out, p->reading == READS_LOGITS ? "Logits of the next token"
                                                       : "Log probabilities of the next token");
}

static pb_status gather(const wanted *w, const layout *l, gathering *g, pb_tensor **tensor,
                        pb_error **error)
{
    each_part each = {w, gather_part, g};
    pb_status status = pb_tensor_create(l->rank, l->axes, tensor, &g->out, error);
    hint_reduction(w, status, error);
    for (size_t i = 0; !status && l->ragged && i < pb_tensor_size(*tensor); i++)
        g->out[i] = pb_gap();
    if (!status)
        status = go_through(w, &each, error);
    if (!status && l->ragged)
        pb_tensor_mark_gaps(*tensor);
    return status;
}

static pb_status pending_settle(pb_interp *interp, const pb_value *self, pb_value **result,
                                pb_error **error)
{
    const pending *p = pb_value_object(self, &activation_type);
    wanted w;
    layout l = {0};
    pb_tensor *tensor = NULL;
    pb_buffer caption = PB_BUFFER_EMPTY;
    pb_status status = resolve(interp, p, &w, error);
    if (!status)
        status = lay_out(&w, 0, NULL, &l, error);
    gathering g = {.l = &l};
    if (!status)
        status = gather(&w, &l, &g, &tensor, error);
    say_activation(p, &caption);
    if (!status)
        status = pb_result_captioned(&tensor, w.runs->model, NULL, units_of(p), &caption, 0, NULL,
                                     result, error);
    pb_buffer_free(&caption);
    pb_tensor_release(&tensor);
    layout_free(&l);
    wanted_free(&w);
    return status;
}

/* ---- reductions ---- */

/* Over prompts or layers: numbers that come together part by part, in double. */
typedef struct folding {
    const layout *l;
    pb_reduction op;
    size_t n;
    const char *const *over; /* of those, the axes that a part has */
    double *sums;            /* or extremes, or sums of squares */
    size_t *counts;
} folding;

static void fold_value(const folding *f, size_t at, double value, size_t count)
{
    double *sum = &f->sums[at];
    bool first = f->counts[at] == 0;
    f->counts[at] += count;
    switch (f->op) {
    case PB_MIN: *sum = first || value < *sum || isnan(value) ? value : *sum; break;
    case PB_MAX: *sum = first || value > *sum || isnan(value) ? value : *sum; break;
    case PB_NORM: *sum += value * value; break;
    default: *sum += value; break;
    }
}

static void fold_cells(const folding *f, const pb_tensor *part, size_t axis, const size_t *strides,
                       const float **from, size_t to, size_t count)
{
    if (axis == pb_tensor_rank(part)) {
        fold_value(f, to, (double)*(*from)++, count);
        return;
    }
    size_t length = pb_axis_length(pb_tensor_axis(part, axis));
    for (size_t i = 0; i < length; i++)
        fold_cells(f, part, axis + 1, strides + 1, from, to + i * strides[0], count);
}

static pb_status fold_part(void *user, size_t prompt, size_t layer, const pb_tensor *part,
                           pb_error **error)
{
    folding *f = user;
    pb_tensor *reduced = NULL;
    size_t first = 0, start = begin_part(f->l, prompt, layer, &first);
    pb_reduction op = f->op == PB_MEAN ? PB_SUM : f->op;
    pb_status status = PB_OK;
    if (f->n > 0)
        status = pb_tensor_reduce(op, part, f->n, f->over, watch_of(f->l->w), &reduced, error);
    const pb_tensor *kept = f->n > 0 ? reduced : part;
    if (!status && pb_tensor_size(kept) > 0) {
        const float *from = pb_tensor_data(kept);
        fold_cells(f, kept, 0, f->l->strides + first, &from, start,
                   pb_tensor_size(part) / pb_tensor_size(kept));
    }
    pb_tensor_release(&reduced);
    return status;
}

static float folded(const folding *f, size_t at)
{
    double sum = f->sums[at];
    if (f->counts[at] == 0 && (f->l->ragged || (f->op != PB_SUM && f->op != PB_NORM)))
        return pb_gap();
    return (float)(f->op == PB_MEAN   ? sum / (double)f->counts[at]
                   : f->op == PB_NORM ? sqrt(sum)
                                      : sum);
}

/* The fewest and the most cells that one number was made of, which its caption tells. */
static void count_cells(layout *l, const folding *f, size_t size)
{
    l->fewest = SIZE_MAX;
    l->most = 0;
    for (size_t i = 0; i < size; i++) {
        l->most = f->counts[i] > l->most ? f->counts[i] : l->most;
        l->fewest = f->counts[i] > 0 && f->counts[i] < l->fewest ? f->counts[i] : l->fewest;
    }
}

static pb_status fold(const wanted *w, layout *l, folding *f, pb_tensor **tensor, pb_error **error)
{
    each_part each = {w, fold_part, f};
    float *out = NULL;
    pb_status status = pb_tensor_create(l->rank, l->axes, tensor, &out, error);
    hint_reduction(w, status, error);
    size_t size = status ? 0 : pb_tensor_size(*tensor);
    f->sums = pb_calloc(size + 1, sizeof *f->sums);
    f->counts = pb_calloc(size + 1, sizeof *f->counts);
    if (!status && (!f->sums || !f->counts))
        status = pb_fail_memory(error);
    if (!status)
        status = go_through(w, &each, error);
    for (size_t i = 0; i < size && !status; i++)
        out[i] = folded(f, i);
    if (!status && l->ragged)
        pb_tensor_mark_gaps(*tensor);
    if (!status)
        count_cells(l, f, size);
    free(f->sums);
    free(f->counts);
    return status;
}

/* "Max over pos, of the 4 to 15 that are there: mlp_post: ..." */
static void say_reduction(const wanted *w, const layout *l, pb_reduction op, size_t n,
                          const char *const *over, pb_buffer *out)
{
    static const char *const words[] = {
        [PB_SUM] = "Sum",       [PB_MEAN] = "Mean",     [PB_MIN] = "Min", [PB_MAX] = "Max",
        [PB_ARGMAX] = "Argmax", [PB_ARGMIN] = "Argmin", [PB_STD] = "Std", [PB_NORM] = "Norm",
        [PB_ANY] = "Any",       [PB_EVERY] = "All"};
    pb_buffer_text(out, words[op]);
    for (size_t i = 0; i < n; i++)
        pb_buffer_format(out, "%s%s", i ? " and " : " over ", over[i]);
    if (l->most > 1 && l->fewest < l->most)
        pb_buffer_format(out, ", of the %zu to %zu that are there", l->fewest, l->most);
    pb_buffer_text(out, ": ");
    say_activation(w->p, out);
}

static bool folds(pb_reduction op)
{
    return op == PB_SUM || op == PB_MEAN || op == PB_MIN || op == PB_MAX || op == PB_NORM;
}

/* Over axes that each prompt's part has any reduction is one of each part; over prompts and layers
 * those that come together part by part. */
static pb_status reduce_wanted(const wanted *w, pb_reduction op, size_t n, const char *const *over,
                               layout *l, pb_tensor **tensor, pb_error **error)
{
    const char *own[3];
    size_t n_own = 0;
    for (size_t i = 0; i < n; i++)
        if (strcmp(over[i], "prompt") != 0 && strcmp(over[i], "layer") != 0)
            own[n_own++] = over[i];
    if (n_own == n) {
        gathering g = {.l = l, .op = op, .n = n, .over = over};
        return gather(w, l, &g, tensor, error);
    }
    folding f = {.l = l, .op = op, .n = n_own, .over = own};
    return fold(w, l, &f, tensor, error);
}

/* Whether all named axes are there to be reduced, each once, and can be without all of it. */
static bool can_reduce(const pending *p, pb_reduction op, size_t n, const char *const *over)
{
    bool own_alone = true;
    for (size_t i = 0; i < n; i++) {
        const char *axis = own_axis(p, over[i]);
        if (!axis || strcmp(axis, over[i]) != 0 || names_axis(i, over, axis))
            return false;
        const pb_value *value = picked_along(p, axis);
        pb_kind kind = value ? pb_value_kind(value) : PB_NONE;
        if (value && kind != PB_LIST && kind != PB_SELECTOR)
            return false; /* one place: the axis has gone, which the settled tensor says */
        own_alone = own_alone && strcmp(axis, "prompt") != 0 && strcmp(axis, "layer") != 0;
    }
    return n > 0 && (own_alone || folds(op));
}

static pb_status pending_reduce(pb_interp *interp, const pb_value *self, pb_reduction op, size_t n,
                                const char *const *over, pb_value **result, pb_error **error)
{
    const pending *p = pb_value_object(self, &activation_type);
    wanted w;
    layout l = {0};
    pb_tensor *tensor = NULL;
    pb_buffer caption = PB_BUFFER_EMPTY;
    if (!can_reduce(p, op, n, over))
        return PB_OK;
    pb_status status = resolve(interp, p, &w, error);
    if (!status)
        status = lay_out(&w, n, over, &l, error);
    if (!status)
        status = reduce_wanted(&w, op, n, over, &l, &tensor, error);
    if (!status)
        say_reduction(&w, &l, op, n, over, &caption);
    if (!status)
        status = pb_result_captioned(&tensor, w.runs->model, NULL,
                                     op == PB_ARGMAX || op == PB_ARGMIN ? NULL : units_of(p),
                                     &caption, 0, NULL, result, error);
    pb_buffer_free(&caption);
    pb_tensor_release(&tensor);
    layout_free(&l);
    wanted_free(&w);
    return status;
}

static const pb_object_type activation_type = {
    .name = "activation of a set",
    .article = "an activation of a set of runs",
    .summary = "An activation of a set of runs, computed where it is used.",
    .destroy = pending_destroy,
    .repr = pending_repr,
    .index = pending_index,
    .settle = pending_settle,
    .reduce = pending_reduce};
