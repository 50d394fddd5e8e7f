/* Edits bound to a prompt: selectors resolved on its tokens, then applied as the pass goes by. */
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "edits.h"
#include "places.h"

/* ---- applying ---- */

/* The value at one row and head: a base address and, along the last axis, one value or many. */
typedef struct operand {
    const float *base;
    const size_t *offsets; /* along the last axis; NULL: `step` apart */
    size_t step;           /* 0: the same for all */
    float number;
    bool missing; /* no value for this place: leave it alone */
} operand;

static bool add_offset(const pb_value_axis *along, size_t coordinate, size_t *offset)
{
    if (!along->offsets)
        return true;
    if (coordinate >= along->n || along->offsets[coordinate] == SIZE_MAX)
        return false;
    *offset += along->offsets[coordinate];
    return true;
}

static operand operand_of_value(const pb_edit *edit, size_t index, size_t layer, size_t position,
                                size_t head)
{
    operand found = {NULL, edit->last.offsets, 0, 0, false};
    size_t offset = 0;
    offset = edit->n_prompts > 1 ? index * edit->prompt_stride : 0;
    found.missing = !add_offset(&edit->layer, layer, &offset) ||
                    !add_offset(&edit->row, position, &offset) ||
                    !add_offset(&edit->head, head, &offset);
    found.base = pb_tensor_data(edit->value) + (found.missing ? 0 : offset);
    return found;
}

/* Activations lie as [pos, head, i], scores and patterns as [head, query, key]. */
static operand operand_of_source(const pb_bound_edit *bound, size_t layer, size_t position,
                                 size_t head)
{
    const pb_edit *edit = bound->edit;
    operand found = {NULL, NULL, 1, 0, position >= bound->source_length};
    if (found.missing)
        return found;
    size_t width = pb_site_width(edit->model, edit->site);
    if (pb_site_info(edit->site)->keys)
        found.base =
            bound->source[layer] + (head * bound->source_length + position) * bound->source_length;
    else
        found.base = bound->source[layer] + (position * edit->n_heads + head) * width;
    return found;
}

static operand operand_at(const pb_bound_edit *bound, size_t layer, size_t position, size_t head)
{
    const pb_edit *edit = bound->edit;
    if (bound->source)
        return operand_of_source(bound, layer, position, head);
    if (edit->value)
        return operand_of_value(edit, bound->index, layer, position, head);
    return (operand){NULL, NULL, 0, (float)edit->number, false};
}

static bool place_touched(const pb_bound_edit *bound, size_t i)
{
    if (bound->edit->places)
        return bound->edit->places[i];
    return !bound->keys || (i < bound->length && bound->keys[i]);
}

static float value_at(const operand *with, size_t i)
{
    if (!with->base)
        return with->number;
    return with->base[with->offsets ? with->offsets[i] : i * with->step];
}

/* x <- x - (x.d / d.d) d */
static void project_out(float *x, size_t width, const operand *direction)
{
    double along = 0, square = 0;
    for (size_t i = 0; i < width; i++) {
        double d = value_at(direction, i);
        along += x[i] * d;
        square += d * d;
    }
    for (size_t i = 0; square > 0 && i < width; i++)
        x[i] = (float)(x[i] - along / square * value_at(direction, i));
}

/* x minus its components along each of an orthonormal basis. */
static void project_space_out(float *x, size_t width, const pb_edit *edit)
{
    for (size_t b = 0; b < edit->n_basis; b++) {
        const double *direction = edit->basis + b * width;
        double along = 0;
        for (size_t i = 0; i < width; i++)
            along += x[i] * direction[i];
        for (size_t i = 0; i < width; i++)
            x[i] = (float)(x[i] - along * direction[i]);
    }
}

static void apply_to_place(const pb_bound_edit *bound, float *x, size_t width, const operand *with)
{
    pb_edit_op op = bound->edit->op;
    if (op == PB_EDIT_PROJECT && bound->edit->basis) {
        project_space_out(x, width, bound->edit);
        return;
    }
    if (op == PB_EDIT_PROJECT) {
        project_out(x, width, with);
        return;
    }
    for (size_t i = 0; i < width; i++) {
        if (!place_touched(bound, i))
            continue;
        float value = value_at(with, i);
        x[i] = op == PB_EDIT_SET ? value : op == PB_EDIT_ADD ? x[i] + value : x[i] * value;
    }
}

/* How many of a row's places, from the first on, may be touched: keys after the query are masked,
 * and the keys of a value end before the tokens that are generated later. */
static size_t reachable(const pb_bound_edit *bound, const pb_view *view, size_t position)
{
    if (!pb_site_info(view->site)->keys)
        return view->width;
    size_t keys = view->width < position + 1 ? view->width : position + 1;
    const pb_value_axis *last = &bound->edit->last;
    for (size_t i = 0; last->offsets && i < keys; i++) {
        if (last->offsets[i] == SIZE_MAX && place_touched(bound, i))
            return i;
    }
    return keys;
}

pb_status pb_bound_apply(const pb_bound_edit *bound, const pb_view *view, pb_error **error)
{
    const pb_edit *edit = bound->edit;
    if (view->site != edit->site || !pb_edit_at_layer(edit, view->layer))
        return PB_OK;
    if (edit->op == PB_EDIT_CALL)
        return pb_bound_compute(bound, view, error);
    for (size_t r = 0; r < view->n_rows; r++) {
        size_t position = view->rows[r].position;
        if (position < bound->length ? !bound->positions[position] : !bound->open)
            continue;
        size_t width = reachable(bound, view, position);
        for (size_t h = 0; h < view->n_heads; h++) {
            if (!edit->where[view->layer * edit->n_heads + h])
                continue;
            operand with = operand_at(bound, view->layer, position, h);
            if (!with.missing)
                apply_to_place(bound, view->data + r * view->row_stride + h * view->head_stride,
                               width, &with);
        }
    }
    return PB_OK;
}

/* ---- as hooks ---- */

static bool binding_wants(void *user, pb_site site, size_t layer)
{
    const pb_binding *binding = user;
    const pb_run_edits *base = binding->base ? pb_run_edits_of(binding->base) : NULL;
    if (base && base->hooks.wants(base->hooks.user, site, layer))
        return true;
    for (size_t i = 0; i < binding->n; i++) {
        const pb_edit *edit = binding->items[i].edit;
        if (edit->site == site && pb_edit_at_layer(edit, layer))
            return true;
    }
    return false;
}

static pb_status binding_at(void *user, const pb_view *view, pb_error **error)
{
    const pb_binding *binding = user;
    const pb_run_edits *base = binding->base ? pb_run_edits_of(binding->base) : NULL;
    if (base && base->hooks.wants(base->hooks.user, view->site, view->layer)) {
        pb_status status = base->hooks.at(base->hooks.user, view, error);
        if (status)
            return status;
    }
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < binding->n; i++)
        status = pb_bound_apply(&binding->items[i], view, error);
    return status;
}

/* A function sees all positions at once. */
static bool binding_is_whole(const pb_binding *binding)
{
    const pb_run_edits *base = binding->base ? pb_run_edits_of(binding->base) : NULL;
    bool whole = base && base->whole;
    for (size_t i = 0; i < binding->n; i++)
        whole = whole || binding->items[i].edit->op == PB_EDIT_CALL;
    return whole;
}

static void binding_retain(void *user)
{
    pb_binding *binding = user;
    atomic_fetch_add_explicit(&binding->count, 1, memory_order_relaxed);
}

static void bound_clear(pb_bound_edit *bound)
{
    for (size_t l = 0; bound->source && l < pb_site_layers(bound->edit->model, bound->edit->site);
         l++)
        free(bound->source[l]);
    for (size_t l = 0; bound->past && l < pb_site_layers(bound->edit->model, bound->edit->site);
         l++)
        free(bound->past[l]);
    free(bound->source);
    free(bound->past);
    pb_axis_release(&bound->axis);
    free(bound->positions);
    free(bound->keys);
    pb_edit_release(&bound->edit);
}

void pb_binding_release(pb_binding **binding)
{
    pb_binding *left = *binding;
    *binding = NULL;
    if (!left || atomic_fetch_sub_explicit(&left->count, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < left->n; i++)
        bound_clear(&left->items[i]);
    pb_run_release(&left->base);
    free(left);
}

static void binding_unretain(void *user)
{
    pb_binding *binding = user;
    pb_binding_release(&binding);
}

/* ---- binding ---- */

static pb_status fail_edit(const pb_edit *edit, const char *text, pb_error **error)
{
    char *words = pb_edit_describe(edit);
    pb_status status =
        words ? pb_fail(error, PB_VALUE, "the edit '%s' %s", words, text) : pb_fail_memory(error);
    free(words);
    return status;
}

/* A pattern's edit must have a key that its query may see. */
static bool touches_unmasked(const pb_bound_edit *bound)
{
    for (size_t q = 0; q < bound->length; q++) {
        for (size_t k = 0; bound->positions[q] && k <= q; k++) {
            if (!bound->keys || bound->keys[k])
                return true;
        }
    }
    return bound->open;
}

static pb_status bind_positions(pb_bound_edit *bound, pb_run *prompt, size_t index,
                                pb_error **error)
{
    const pb_edit *edit = bound->edit;
    const pb_axis *axis = pb_run_positions(prompt);
    const pb_select *select = pb_select_for(edit->positions, index);
    size_t n = 0;
    bound->length = pb_run_length(prompt);
    bound->open = !select;
    pb_status status = pb_places_mask(axis, select, &bound->positions, &n, error);
    if (!status && n == 0)
        status = fail_edit(edit, "matches no token", error);
    if (!status && !select && edit->spares_start && pb_begins_with_start(prompt))
        bound->positions[0] = 0;
    if (!status && edit->keys)
        status = pb_places_mask(axis, pb_select_for(edit->keys, index), &bound->keys, &n, error);
    if (!status && edit->keys && !touches_unmasked(bound))
        status = fail_edit(edit, "matches only masked places: a key comes after its query", error);
    return status;
}

/* Keys that an edited query may see and the value has not. */
static pb_status check_value_keys(const pb_bound_edit *bound, pb_error **error)
{
    const pb_edit *edit = bound->edit;
    size_t n = 0;
    for (size_t q = 0; q < bound->length; q++)
        n = bound->positions[q] ? q + 1 : n;
    for (size_t k = 0; pb_site_info(edit->site)->keys && edit->last.offsets && k < n; k++) {
        if (!place_touched(bound, k) || edit->last.offsets[k] != SIZE_MAX)
            continue;
        pb_status status = pb_edit_value_lacks(edit, k, error);
        if (error)
            pb_error_hint(*error, "say which keys with key=, or give a value without a key axis");
        return status;
    }
    return PB_OK;
}

/* Positions the prompt has and the value has not. */
static pb_status check_value_positions(const pb_bound_edit *bound, pb_error **error)
{
    const pb_value_axis *row = &bound->edit->row;
    for (size_t p = 0; row->offsets && p < bound->length; p++) {
        if (!bound->positions[p] || (p < row->n && row->offsets[p] != SIZE_MAX))
            continue;
        pb_status status = pb_fail(error, PB_VALUE,
                                   "the value has no position %zu, which the prompt of %zu tokens "
                                   "has",
                                   p, bound->length);
        if (error)
            pb_error_hint(*error, "say which positions with pos=, or give a value without a "
                                  "position axis");
        return status;
    }
    return check_value_keys(bound, error);
}

static pb_status read_source(pb_bound_edit *bound, pb_run *from, const pb_context *context,
                             pb_error **error)
{
    const pb_edit *edit = bound->edit;
    size_t n_layers = pb_site_layers(edit->model, edit->site);
    bound->source_length = pb_run_length(from);
    bound->source = pb_calloc(n_layers, sizeof *bound->source);
    if (!bound->source)
        return pb_fail_memory(error);
    for (size_t l = 0; l < n_layers; l++) {
        if (!pb_edit_at_layer(edit, l))
            continue;
        bound->source[l] = pb_malloc(pb_run_activation_size(from, edit->site), sizeof(float));
        if (!bound->source[l])
            return pb_fail_memory(error);
        pb_status status =
            pb_run_activation_into(from, edit->site, l, context, bound->source[l], error);
        if (status)
            return status;
    }
    return PB_OK;
}

static pb_status bind_source(pb_bound_edit *bound, pb_run *prompt, size_t index,
                             const pb_context *context, pb_error **error)
{
    const pb_edit *edit = bound->edit;
    pb_run *from = edit->from[edit->n_from > 1 ? index : 0];
    for (size_t p = pb_run_length(from); p < bound->length; p++) {
        if (bound->positions[p])
            return pb_lengths_differ((pb_named_run){"prompt", prompt},
                                     (pb_named_run){"source", from},
                                     "the edit takes positions its source lacks", error);
    }
    return read_source(bound, from, context, error);
}

/* A value with an axis prompt has a place for each of them, or one for all. */
static pb_status check_prompts(const pb_edit *edit, size_t n_prompts, pb_error **error)
{
    if (edit->n_prompts <= 1 || edit->n_prompts == n_prompts)
        return PB_OK;
    return pb_fail(
        error, PB_VALUE,
        "the edit's value is for %zu prompts, and there %s %zu: give one for all, or one "
        "for each",
        edit->n_prompts, n_prompts == 1 ? "is" : "are", n_prompts);
}

static pb_status bind_one(pb_bound_edit *bound, pb_run *prompt, size_t index, size_t n_prompts,
                          const pb_context *context, pb_error **error)
{
    const pb_edit *edit = bound->edit;
    if (pb_model_id(edit->model) != pb_model_id(pb_run_model(prompt)))
        return pb_fail(error, PB_VALUE, "the edit was made for %s and the prompt runs on %s",
                       pb_model_name(edit->model), pb_model_name(pb_run_model(prompt)));
    bound->index = index;
    bound->of = n_prompts;
    bound->axis = pb_axis_retain(pb_run_positions(prompt));
    pb_status status = check_prompts(edit, n_prompts, error);
    if (!status)
        status = pb_check_per(edit->positions, n_prompts, error);
    if (!status)
        status = pb_check_per(edit->keys, n_prompts, error);
    if (!status)
        status = pb_check_count("sources", edit->n_from, n_prompts, error);
    if (!status)
        status = bind_positions(bound, prompt, index, error);
    if (!status)
        status = check_value_positions(bound, error);
    if (!status && edit->n_from)
        status = bind_source(bound, prompt, index, context, error);
    return status;
}

static pb_status binding_create(size_t n, pb_binding **binding, pb_error **error)
{
    pb_binding *made = pb_calloc(1, sizeof *made + n * sizeof made->items[0]);
    if (!made)
        return pb_fail_memory(error);
    atomic_init(&made->count, 1);
    *binding = made;
    return PB_OK;
}

static pb_status binding_add(pb_binding *binding, pb_run *prompt, size_t index, size_t n_prompts,
                             pb_edit *edit, const pb_context *context, pb_error **error)
{
    pb_bound_edit *bound = &binding->items[binding->n++];
    bound->edit = pb_edit_retain(edit);
    return bind_one(bound, prompt, index, n_prompts, context, error);
}

/* Gives the binding as hooks, or nothing where something failed. */
static pb_status binding_finish(pb_binding *made, pb_status status, pb_binding **binding,
                                pb_run_edits *hooks)
{
    if (status) {
        pb_binding_release(&made);
        return status;
    }
    *binding = made;
    *hooks = (pb_run_edits){
        .hooks = {made, binding_wants, binding_at},
        .whole = binding_is_whole(made),
        .retain = binding_retain,
        .release = binding_unretain,
    };
    return PB_OK;
}

pb_status pb_edits_bind(pb_run *prompt, size_t index, size_t n_prompts, pb_edit *const *edits,
                        size_t n, const pb_context *context, pb_binding **binding,
                        pb_run_edits *hooks, pb_error **error)
{
    pb_binding *made = NULL;
    pb_status status = binding_create(n, &made, error);
    if (status)
        return status;
    made->base = pb_run_is_edited(prompt) ? pb_run_retain(prompt) : NULL;
    for (size_t i = 0; !status && i < n; i++)
        status = binding_add(made, prompt, index, n_prompts, edits[i], context, error);
    return binding_finish(made, status, binding, hooks);
}

/* What a run was made with; NULL if that is not edits of this kind. */
static const pb_binding *binding_of(const pb_run *run)
{
    const pb_run_edits *edits = run ? pb_run_edits_of(run) : NULL;
    return edits && edits->hooks.at == binding_at ? edits->hooks.user : NULL;
}

static size_t count_edits(const pb_binding *binding)
{
    return binding ? count_edits(binding_of(binding->base)) + binding->n : 0;
}

/* Those of a binding and below it, in the order they are made in. */
static pb_status add_again(pb_binding *made, const pb_binding *from, pb_run *prompt,
                           const pb_context *context, pb_error **error)
{
    pb_status status =
        from ? add_again(made, binding_of(from->base), prompt, context, error) : PB_OK;
    for (size_t i = 0; from && !status && i < from->n; i++)
        status = binding_add(made, prompt, from->items[i].index, from->items[i].of,
                             from->items[i].edit, context, error);
    return status;
}

pb_status pb_edits_bind_writing(pb_run *prompt, size_t index, size_t n_prompts,
                                pb_edit *const *edits, size_t n, size_t rows,
                                const pb_context *context, pb_binding **binding,
                                pb_run_edits *hooks, pb_error **error)
{
    pb_binding *made = NULL;
    const pb_binding *own = binding_of(prompt);
    pb_status status = binding_create(count_edits(own) + n, &made, error);
    if (status)
        return status;
    if (pb_run_is_edited(prompt) && !own)
        made->base = pb_run_retain(prompt);
    status = add_again(made, own, prompt, context, error);
    for (size_t i = 0; !status && i < n; i++)
        status = binding_add(made, prompt, index, n_prompts, edits[i], context, error);
    for (size_t i = 0; !status && i < made->n; i++) {
        if (made->items[i].edit->op == PB_EDIT_CALL)
            status = pb_bound_remember(&made->items[i], rows, error);
    }
    return binding_finish(made, status, binding, hooks);
}

/* Of several prompts some did not match: names them, with the first one's reason. */
static pb_status name_prompts(const pb_buffer *which, const pb_error *first, pb_error **error)
{
    pb_status status = pb_fail(error, pb_error_code(first), "in prompt%s %s: %s",
                               which->data && strchr(which->data, ',') ? "s" : "",
                               which->data ? which->data : "?", pb_error_text(first));
    if (error && pb_error_hint_text(first))
        pb_error_hint(*error, "%s", pb_error_hint_text(first));
    return status;
}

static bool is_mismatch(pb_status status)
{
    return status == PB_NAME || status == PB_VALUE || status == PB_RANGE;
}

pb_status pb_edits_bind_all(pb_run *const *prompts, size_t n_prompts, pb_edit *const *edits,
                            size_t n, const pb_context *context, pb_binding **bindings,
                            pb_run_edits *hooks, pb_error **error)
{
    pb_buffer which = PB_BUFFER_EMPTY;
    pb_error *first = NULL;
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < n; i++)
        status = check_prompts(edits[i], n_prompts, error);
    if (status)
        return status;
    for (size_t i = 0; i < n_prompts; i++) {
        pb_error *fault = NULL;
        pb_status one = pb_edits_bind(prompts[i], i, n_prompts, edits, n, context, &bindings[i],
                                      &hooks[i], &fault);
        if (one) {
            pb_buffer_format(&which, "%s%zu", which.length ? ", " : "", i);
            status = status ? status : one;
        }
        if (one && !first)
            first = fault;
        else
            pb_error_destroy(&fault);
        if (one && !is_mismatch(one))
            break;
    }
    if (status && n_prompts > 1 && is_mismatch(status)) {
        status = name_prompts(&which, first, error);
        pb_error_destroy(&first);
    } else if (status && error && !*error) {
        *error = first;
    } else {
        pb_error_destroy(&first);
    }
    pb_buffer_free(&which);
    return status;
}

pb_status pb_run_edited(pb_run *const *runs, size_t n_runs, pb_edit *const *edits, size_t n_edits,
                        const pb_context *context, pb_run **edited, pb_error **error)
{
    pb_context with = pb_context_or_none(context);
    if (n_runs == 0)
        return PB_OK;
    pb_model *model = pb_run_model(runs[0]);
    pb_binding **bindings = pb_calloc(n_runs, sizeof(pb_binding *));
    pb_run_edits *hooks = pb_calloc(n_runs, sizeof *hooks);
    pb_prompt *prompts = pb_calloc(n_runs, sizeof *prompts);
    pb_status status = bindings && hooks && prompts ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = pb_same_model(runs, n_runs, model, error);
    if (!status)
        status = pb_edits_bind_all(runs, n_runs, edits, n_edits, &with, bindings, hooks, error);
    for (size_t i = 0; !status && i < n_runs; i++)
        prompts[i] = (pb_prompt){pb_run_tokens(runs[i]), pb_run_length(runs[i]), &hooks[i]};
    if (!status)
        status = pb_runs_create(model, n_runs, prompts, NULL, &with, edited, error);
    for (size_t i = 0; bindings && i < n_runs; i++)
        pb_binding_release(&bindings[i]);
    free(bindings);
    free(hooks);
    free(prompts);
    return status;
}
