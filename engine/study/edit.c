/* Edits as values: checked against a model, kept, described; see study/edit.h. */
#include "study/edit.h"

#include <math.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "edits.h"
#include "places.h"

bool pb_edit_at_layer(const pb_edit *edit, size_t layer)
{
    for (size_t h = 0; h < edit->n_heads; h++) {
        if (edit->where[layer * edit->n_heads + h])
            return true;
    }
    return false;
}

/* ---- which layers and heads ---- */

static pb_status mark_pairs(pb_edit *edit, const pb_edit_spec *spec, pb_error **error)
{
    pb_status status = pb_site_need(edit->model, edit->site, PB_ALONG_HEADS, error);
    if (!status)
        status = pb_heads_check(edit->model, edit->site, spec->pairs, spec->n_pairs, error);
    if (status)
        return status;
    for (size_t i = 0; i < spec->n_pairs; i++)
        edit->where[spec->pairs[i].layer * edit->n_heads + spec->pairs[i].head] = 1;
    return PB_OK;
}

/* Flags along an axis of the model, for places given as `argument`. */
static pb_status flags_by_number(const pb_edit *edit, const char *name, const char *argument,
                                 const pb_select *select, unsigned char **flags, pb_error **error)
{
    pb_axis *numbers = NULL;
    const char *called = strcmp(name, "d_mlp") == 0 ? "neuron" : name;
    pb_status status = pb_axis_by_number(pb_model_axis(edit->model, name), called, &numbers, error);
    if (!status)
        status = pb_places_mask(numbers, select, flags, NULL, error);
    pb_axis_release(&numbers);
    return pb_about(argument, status, error);
}

/* Flags over layers; sites without layers have one place. */
static pb_status layer_flags(const pb_edit *edit, const pb_edit_spec *spec, unsigned char **flags,
                             pb_error **error)
{
    if (pb_site_has(edit->site, PB_ALONG_LAYERS))
        return flags_by_number(edit, "layer", "layer", spec->layers, flags, error);
    pb_status status =
        spec->layers ? pb_site_need(edit->model, edit->site, PB_ALONG_LAYERS, error) : PB_OK;
    if (status)
        return status;
    *flags = pb_malloc(1, 1);
    if (!*flags)
        return pb_fail_memory(error);
    **flags = 1;
    return PB_OK;
}

static pb_status mark_grid(pb_edit *edit, const pb_edit_spec *spec, pb_error **error)
{
    unsigned char *layers = NULL, *heads = NULL;
    pb_status status = PB_OK;
    const char *head_axis = pb_site_heads_axis(edit->model, edit->site);
    if (spec->heads)
        status = pb_site_need(edit->model, edit->site, PB_ALONG_HEADS, error);
    if (!status)
        status = layer_flags(edit, spec, &layers, error);
    if (!status && spec->heads)
        status = flags_by_number(edit, head_axis, "head", spec->heads, &heads, error);
    size_t n_layers = pb_site_layers(edit->model, edit->site);
    for (size_t i = 0; !status && i < n_layers * edit->n_heads; i++)
        edit->where[i] = layers[i / edit->n_heads] && (!heads || heads[i % edit->n_heads]);
    free(layers);
    free(heads);
    return status;
}

/* ---- the value ---- */

static size_t stride_of(const pb_tensor *tensor, size_t which)
{
    size_t stride = 1;
    for (size_t a = which + 1; a < pb_tensor_rank(tensor); a++)
        stride *= pb_axis_length(pb_tensor_axis(tensor, a));
    return stride;
}

static pb_status value_axis_create(pb_value_axis *along, const pb_tensor *value, size_t which,
                                   size_t limit, pb_error **error)
{
    const pb_axis *axis = pb_tensor_axis(value, which);
    size_t stride = stride_of(value, which);
    along->n = limit;
    along->offsets = pb_malloc(limit, sizeof *along->offsets);
    if (!along->offsets)
        return pb_fail_memory(error);
    for (size_t i = 0; i < limit; i++)
        along->offsets[i] = SIZE_MAX;
    for (size_t i = 0; i < pb_axis_length(axis); i++) {
        int64_t coordinate = pb_axis_coordinate(axis, i);
        if (coordinate < 0 || (size_t)coordinate >= limit)
            return pb_fail(error, PB_RANGE,
                           "the value's axis %s has coordinate %lld, past the %zu "
                           "places there are",
                           pb_axis_name(axis), (long long)coordinate, limit);
        along->offsets[coordinate] = i * stride;
    }
    return PB_OK;
}

/* Which part of the address an axis of the value stands for; NULL if the site has no such axis. */
static pb_value_axis *value_axis_of(pb_edit *edit, const char *axis, size_t *limit)
{
    const pb_site_row *row = pb_site_info(edit->site);
    const pb_shape *shape = pb_model_shape(edit->model);
    const char *last = pb_site_last_axis(edit->site);
    if (row->layers && !strcmp(axis, "layer"))
        return *limit = shape->n_layer, &edit->layer;
    if (!strcmp(axis, pb_site_row_axis(edit->site)))
        return *limit = shape->n_positions, &edit->row;
    if (row->heads && !strcmp(axis, pb_site_heads_axis(edit->model, edit->site)))
        return *limit = edit->n_heads, &edit->head;
    if (last && !strcmp(axis, last)) {
        size_t width = pb_site_width(edit->model, edit->site);
        return *limit = width ? width : shape->n_positions, &edit->last;
    }
    return NULL;
}

static pb_status wrong_axis(const pb_edit *edit, const char *axis, pb_error **error)
{
    const char *names[3];
    size_t n = pb_site_axes(edit->model, edit->site, names);
    pb_buffer axes = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < n; i++)
        pb_buffer_format(&axes, "%s%s", i ? ", " : "", names[i]);
    pb_status status = pb_fail(error, PB_VALUE, "the value has an axis %s, and %s has only %s",
                               axis, pb_site_info(edit->site)->name, axes.data ? axes.data : "");
    if (error)
        pb_error_hint(*error, "index the value first, or rename() its axis");
    pb_buffer_free(&axes);
    return status;
}

pb_status pb_edit_value_lacks(const pb_edit *edit, size_t place, pb_error **error)
{
    return pb_fail(error, PB_VALUE, "the value for %s has nothing at %s %zu",
                   pb_site_info(edit->site)->name, pb_site_last_axis(edit->site), place);
}

/* Every layer, head and place the edit touches must be in the value. */
static pb_status value_covers(const pb_edit *edit, pb_error **error)
{
    const char *name = pb_site_info(edit->site)->name;
    size_t n_layers = pb_site_layers(edit->model, edit->site);
    size_t width = pb_site_width(edit->model, edit->site);
    for (size_t i = 0; i < n_layers * edit->n_heads; i++) {
        size_t l = i / edit->n_heads, h = i % edit->n_heads;
        if (edit->where[i] && edit->layer.offsets && edit->layer.offsets[l] == SIZE_MAX)
            return pb_fail(error, PB_VALUE, "the value for %s has no layer %zu", name, l);
        if (edit->where[i] && edit->head.offsets && edit->head.offsets[h] == SIZE_MAX)
            return pb_fail(error, PB_VALUE, "the value for %s has no head %zu", name, h);
    }
    for (size_t i = 0; edit->last.offsets && i < width; i++) {
        if ((!edit->places || edit->places[i]) && edit->last.offsets[i] == SIZE_MAX)
            return pb_edit_value_lacks(edit, i, error);
    }
    return PB_OK;
}

/* A value for each prompt, in order. */
static void keep_prompts(pb_edit *edit, const pb_tensor *value, size_t which)
{
    edit->n_prompts = pb_axis_length(pb_tensor_axis(value, which));
    edit->prompt_stride = stride_of(value, which);
}

static pb_status keep_value(pb_edit *edit, const pb_tensor *value, pb_error **error)
{
    edit->value = pb_tensor_retain((pb_tensor *)value);
    for (size_t a = 0; a < pb_tensor_rank(value); a++) {
        const char *axis = pb_axis_name(pb_tensor_axis(value, a));
        size_t limit = 0;
        if (!strcmp(axis, "prompt")) {
            keep_prompts(edit, value, a);
            continue;
        }
        pb_value_axis *along = value_axis_of(edit, axis, &limit);
        if (!along)
            return wrong_axis(edit, axis, error);
        pb_status status = value_axis_create(along, value, a, limit, error);
        if (status)
            return status;
    }
    return value_covers(edit, error);
}

static pb_status keep_runs(pb_edit *edit, const pb_edit_spec *spec, pb_error **error)
{
    pb_status status = pb_same_model(spec->from, spec->n_from, edit->model, error);
    if (status)
        return status;
    edit->from = pb_calloc(spec->n_from, sizeof(pb_run *));
    if (!edit->from)
        return pb_fail_memory(error);
    for (size_t i = 0; i < spec->n_from; i++)
        edit->from[i] = pb_run_retain(spec->from[i]);
    edit->n_from = spec->n_from;
    return PB_OK;
}

static pb_status check_whole(const pb_edit *edit, pb_error **error)
{
    if (!edit->places && !pb_site_info(edit->site)->keys)
        return PB_OK;
    return pb_fail(error, PB_TYPE,
                   "project takes %s whole: it cannot be limited to neurons or keys",
                   pb_site_info(edit->site)->name);
}

/* Adds a direction to an orthonormal basis, but for what lies in it already (Gram-Schmidt, twice,
 * since once leaves rounding). */
static void extend_basis(pb_edit *edit, const float *direction, size_t width)
{
    double *next = edit->basis + edit->n_basis * width, before = 0, after = 0;
    for (size_t i = 0; i < width; i++) {
        next[i] = direction[i];
        before += next[i] * next[i];
    }
    for (size_t b = 0; b < 2 * edit->n_basis; b++) {
        const double *other = edit->basis + b % edit->n_basis * width;
        double along = 0;
        for (size_t i = 0; i < width; i++)
            along += next[i] * other[i];
        for (size_t i = 0; i < width; i++)
            next[i] -= along * other[i];
    }
    for (size_t i = 0; i < width; i++)
        after += next[i] * next[i];
    if (!(after > 1e-10 * before)) /* as far as float32 directions can tell */
        return;
    for (size_t i = 0; i < width; i++)
        next[i] /= sqrt(after);
    edit->n_basis++;
}

/* The space that several directions span. */
static pb_status keep_directions(pb_edit *edit, const pb_edit_spec *spec, pb_error **error)
{
    const char *last = pb_site_last_axis(edit->site), *site = pb_site_info(edit->site)->name;
    size_t width = pb_site_width(edit->model, edit->site);
    pb_status status = check_whole(edit, error);
    if (status)
        return status;
    edit->basis = pb_calloc(spec->n_directions, width * sizeof *edit->basis);
    if (!edit->basis)
        return pb_fail_memory(error);
    for (size_t d = 0; d < spec->n_directions; d++) {
        const pb_tensor *direction = spec->directions[d];
        bool fits = last && pb_tensor_rank(direction) == 1 &&
                    !strcmp(pb_axis_name(pb_tensor_axis(direction, 0)), last) &&
                    pb_tensor_size(direction) == width;
        if (!fits)
            return pb_fail(error, PB_TYPE,
                           "of several directions each goes over the last axis of %s alone", site);
        extend_basis(edit, pb_tensor_data(direction), width);
    }
    return edit->n_basis ? PB_OK
                         : pb_fail(error, PB_VALUE,
                                   "the directions are zero, so there is nothing to project out");
}

/* x - (x.d / d.d) d wants a direction, whole and not zero. */
static pb_status check_direction(const pb_edit *edit, pb_error **error)
{
    if (edit->basis)
        return PB_OK;
    if (!edit->value || !edit->last.offsets)
        return pb_fail(error, PB_TYPE,
                       "project takes a direction, a tensor over the last axis of %s",
                       pb_site_info(edit->site)->name);
    pb_status status = check_whole(edit, error);
    if (status)
        return status;
    const float *values = pb_tensor_data(edit->value);
    for (size_t i = 0; i < pb_tensor_size(edit->value); i++) {
        if (values[i] != 0)
            return PB_OK;
    }
    return pb_fail(error, PB_VALUE, "the direction is zero, so there is nothing to project out");
}

/* ---- life ---- */

static pb_status keep_selectors(pb_edit *edit, const pb_edit_spec *spec, pb_error **error)
{
    pb_status status =
        spec->keys ? pb_site_need(edit->model, edit->site, PB_ALONG_KEYS, error) : PB_OK;
    if (!status && spec->neurons)
        status = pb_site_need(edit->model, edit->site, PB_ALONG_FEATURES, error);
    if (status)
        return status;
    if (spec->positions)
        status = pb_select_create(spec->positions, &edit->positions, error);
    if (!status && spec->keys)
        status = pb_select_create(spec->keys, &edit->keys, error);
    if (status || !spec->neurons)
        return status;
    return flags_by_number(edit, pb_site_info(edit->site)->features, "neuron", spec->neurons,
                           &edit->places, error);
}

static pb_status fill(pb_edit *edit, const pb_edit_spec *spec, pb_error **error)
{
    pb_status status = pb_site_check(edit->model, edit->site, error);
    if (status)
        return status;
    edit->word = strdup(spec->word ? spec->word : "edit");
    edit->n_heads = pb_site_heads(edit->model, edit->site);
    edit->where = pb_calloc(pb_site_layers(edit->model, edit->site) * edit->n_heads, 1);
    if (!edit->word || !edit->where)
        return pb_fail_memory(error);
    status = spec->pairs ? mark_pairs(edit, spec, error) : mark_grid(edit, spec, error);
    if (!status)
        status = keep_selectors(edit, spec, error);
    if (!status && spec->value)
        status = keep_value(edit, spec->value, error);
    if (!status && spec->n_directions)
        status = keep_directions(edit, spec, error);
    if (!status && spec->n_from)
        status = keep_runs(edit, spec, error);
    if (!status && edit->op == PB_EDIT_PROJECT)
        status = check_direction(edit, error);
    return status;
}

static void keep_call(pb_edit *edit, const pb_edit_call *call)
{
    if (!call)
        return;
    edit->call = *call;
    if (call->retain)
        call->retain(call->user);
}

pb_status pb_edit_create(const pb_model *model, const pb_edit_spec *spec, pb_edit **edit,
                         pb_error **error)
{
    if (spec->value && spec->n_from)
        return pb_fail(error, PB_TYPE, "an edit takes a value or a run to take it from, not both");
    pb_edit *made = pb_calloc(1, sizeof *made);
    if (!made)
        return pb_fail_memory(error);
    atomic_init(&made->count, 1);
    made->model = pb_model_retain((pb_model *)model);
    made->op = spec->op;
    made->site = spec->site;
    made->number = spec->number;
    made->spares_start = spec->spares_start;
    made->one_head = spec->heads && pb_select_is_one(spec->heads);
    made->one_place = spec->neurons && pb_select_is_one(spec->neurons);
    keep_call(made, spec->call);
    pb_status status = fill(made, spec, error);
    if (status)
        pb_edit_release(&made);
    else
        *edit = made;
    return status;
}

pb_edit *pb_edit_retain(pb_edit *edit)
{
    if (edit)
        atomic_fetch_add_explicit(&edit->count, 1, memory_order_relaxed);
    return edit;
}

static void edit_free(pb_edit *edit)
{
    for (size_t i = 0; i < edit->n_from; i++)
        pb_run_release(&edit->from[i]);
    free(edit->from);
    pb_tensor_release(&edit->value);
    free(edit->layer.offsets);
    free(edit->row.offsets);
    free(edit->head.offsets);
    free(edit->last.offsets);
    pb_select_destroy(&edit->positions);
    pb_select_destroy(&edit->keys);
    if (edit->call.release)
        edit->call.release(edit->call.user);
    free(edit->basis);
    free(edit->places);
    free(edit->where);
    free(edit->word);
    pb_model_release(&edit->model);
    free(edit);
}

void pb_edit_release(pb_edit **edit)
{
    if (*edit && atomic_fetch_sub_explicit(&(*edit)->count, 1, memory_order_acq_rel) == 1)
        edit_free(*edit);
    *edit = NULL;
}

size_t pb_edit_end(const pb_edit *edit, size_t prompt)
{
    if (edit->positions)
        return 0;
    if (edit->n_from)
        return pb_run_length(edit->from[edit->n_from > 1 ? prompt : 0]);
    if (!edit->row.offsets)
        return SIZE_MAX;
    size_t end = edit->row.n;
    while (end > 0 && edit->row.offsets[end - 1] == SIZE_MAX)
        end--;
    return end;
}

/* ---- in words ---- */

/* " love", first(" it"), at(" it", 2), last(" it") */
static void describe_label(pb_buffer *out, const pb_select *select)
{
    switch (select->occurrence) {
    case PB_OCCURRENCE_ONLY: pb_buffer_format(out, "\"%s\"", select->label); break;
    case PB_OCCURRENCE_FIRST: pb_buffer_format(out, "first(\"%s\")", select->label); break;
    case PB_OCCURRENCE_LAST: pb_buffer_format(out, "last(\"%s\")", select->label); break;
    default: pb_buffer_format(out, "at(\"%s\", %d)", select->label, select->occurrence);
    }
}

static void describe_select(pb_buffer *out, const pb_select *select)
{
    switch (select->kind) {
    case PB_SELECT_ALL: pb_buffer_text(out, "all"); break;
    case PB_SELECT_EACH: pb_buffer_text(out, "each"); break;
    case PB_SELECT_INDEX: pb_buffer_format(out, "%lld", (long long)select->index); break;
    case PB_SELECT_LABEL: describe_label(out, select); break;
    case PB_SELECT_SLICE:
        if (select->has_first)
            pb_buffer_format(out, "%lld", (long long)select->first);
        pb_buffer_byte(out, ':');
        if (select->has_last)
            pb_buffer_format(out, "%lld", (long long)select->last);
        if (select->step != 1)
            pb_buffer_format(out, ":%lld", (long long)select->step);
        break;
    case PB_SELECT_MASK: pb_buffer_text(out, "a mask"); break;
    case PB_SELECT_LIST:
    case PB_SELECT_PER:
        for (size_t i = 0; i < select->n_items; i++) {
            pb_buffer_text(out, i == 0 ? "" : select->kind == PB_SELECT_PER ? " | " : ", ");
            describe_select(out, &select->items[i]);
        }
    }
}

static size_t count_flags(const unsigned char *flags, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += flags[i];
    return count;
}

enum { MOST_LISTED = 6 };

static void describe_where(pb_buffer *out, const pb_edit *edit)
{
    const pb_site_row *row = pb_site_info(edit->site);
    size_t n_layers = pb_site_layers(edit->model, edit->site), listed = 0;
    size_t all = n_layers * edit->n_heads, marked = count_flags(edit->where, all);
    if (!row->layers && !row->heads)
        return;
    if (marked == all) {
        pb_buffer_text(out, row->heads ? " of all heads" : " at all layers");
        return;
    }
    pb_buffer_text(out, marked ? " at " : " of no heads");
    for (size_t i = 0; i < all && listed < MOST_LISTED; i++) {
        if (!edit->where[i])
            continue;
        pb_buffer_format(out, "%sL%zu", listed++ ? ", " : "", i / edit->n_heads);
        if (row->heads)
            pb_buffer_format(out, "H%zu", i % edit->n_heads);
    }
    if (marked > listed)
        pb_buffer_format(out, " and %zu more", marked - listed);
}

char *pb_edit_describe(const pb_edit *edit)
{
    pb_buffer out = PB_BUFFER_EMPTY;
    pb_buffer_format(&out, "%s %s", edit->word, pb_site_info(edit->site)->name);
    describe_where(&out, edit);
    if (!edit->positions)
        pb_buffer_text(&out, edit->spares_start ? ", all positions but the start token"
                                                : ", all positions");
    if (edit->positions) {
        pb_buffer_text(&out, ", position ");
        describe_select(&out, edit->positions);
    }
    if (edit->keys) {
        pb_buffer_text(&out, ", key ");
        describe_select(&out, edit->keys);
    }
    if (edit->places) {
        size_t count = count_flags(edit->places, pb_site_width(edit->model, edit->site));
        pb_buffer_format(&out, ", %zu neuron%s", count, count == 1 ? "" : "s");
    }
    if (edit->op == PB_EDIT_CALL)
        pb_buffer_text(&out, ", computed");
    if (edit->basis)
        pb_buffer_format(&out, ", %zu dimensions", edit->n_basis);
    return pb_buffer_take(&out);
}
