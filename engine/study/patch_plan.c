/* What a sweep walks: pairs of prompts, groups of layers, heads, positions and keys. */
#include "patch_plan.h"

#include <string.h>

#include "base/memory.h"
#include "places.h"

/* ---- pairs ---- */

static pb_status check_pairs(const pb_patch_spec *spec, size_t n_pairs, pb_error **error)
{
    if (spec->n_into == 0 || spec->n_from == 0)
        return pb_fail(error, PB_TYPE,
                       "patching needs a prompt to patch into and one to take from");
    if ((spec->n_into != 1 && spec->n_into != n_pairs) ||
        (spec->n_from != 1 && spec->n_from != n_pairs))
        return pb_fail(error, PB_VALUE,
                       "%zu prompts to patch into and %zu to take from do not pair up: give one, "
                       "or as many",
                       spec->n_into, spec->n_from);
    if (!spec->metric)
        return pb_fail(error, PB_TYPE, "patching needs a metric, such as logit(\" great\")");
    if (!spec->prompts && n_pairs > 1)
        return pb_fail(error, PB_INTERNAL, "patching %zu pairs needs an axis over them", n_pairs);
    return PB_OK;
}

static size_t first_difference(const pb_run *a, const pb_run *b)
{
    size_t n = pb_run_length(a), at = 0;
    while (at < n && pb_run_tokens(a)[at] == pb_run_tokens(b)[at])
        at++;
    return at;
}

static pb_status keep_pairs(pb_patch_plan *plan, pb_error **error)
{
    const pb_patch_spec *spec = plan->spec;
    plan->into = pb_calloc(plan->n_pairs, sizeof *plan->into);
    plan->from = pb_calloc(plan->n_pairs, sizeof *plan->from);
    plan->differs = pb_calloc(plan->n_pairs, sizeof *plan->differs);
    if (!plan->into || !plan->from || !plan->differs)
        return pb_fail_memory(error);
    for (size_t i = 0; i < plan->n_pairs; i++) {
        pb_run *into = spec->into[spec->n_into > 1 ? i : 0];
        pb_run *from = spec->from[spec->n_from > 1 ? i : 0];
        plan->into[i] = pb_run_retain(into);
        plan->from[i] = pb_run_retain(from);
        if (pb_run_length(into) != pb_run_length(from))
            return pb_lengths_differ((pb_named_run){"into", into}, (pb_named_run){"from", from},
                                     "patching needs prompts of the same length", error);
        /* Edits can make activations differ anywhere. */
        bool edited = pb_run_is_edited(into) || pb_run_is_edited(from);
        plan->differs[i] = edited ? 0 : first_difference(into, from);
    }
    pb_status status = pb_same_model(plan->into, plan->n_pairs, plan->model, error);
    return status ? status : pb_same_model(plan->from, plan->n_pairs, plan->model, error);
}

/* ---- layers and heads ---- */

static pb_status groups_alloc(pb_patch_plan *plan, size_t n, pb_error **error)
{
    plan->components = pb_calloc(n, sizeof *plan->components);
    plan->n_components = plan->components ? n : 0;
    return plan->components ? PB_OK : pb_fail_memory(error);
}

static pb_status group_of_heads(pb_head_group *group, size_t n, pb_error **error)
{
    group->items = pb_malloc(n, sizeof *group->items);
    return group->items ? PB_OK : pb_fail_memory(error);
}

static int by_layer(const void *a, const void *b)
{
    const pb_head *x = a, *y = b;
    if (x->layer != y->layer)
        return x->layer < y->layer ? -1 : 1;
    return x->head < y->head ? -1 : x->head > y->head;
}

/* Heads given as a list: one group each, or all in one. */
static pb_status walk_list(pb_patch_plan *plan, pb_error **error)
{
    const pb_patch_spec *spec = plan->spec;
    size_t n_groups = pb_select_walks(spec->heads) ? spec->n_pairs : 1;
    size_t n_each = pb_select_walks(spec->heads) ? 1 : spec->n_pairs;
    pb_status status = pb_site_need(plan->model, spec->site, PB_ALONG_HEADS, error);
    if (!status && spec->n_pairs == 0)
        status = pb_fail(error, PB_VALUE, "no heads to patch");
    if (!status)
        status = pb_heads_check(plan->model, spec->site, spec->pairs, spec->n_pairs, error);
    if (!status)
        status = groups_alloc(plan, n_groups, error);
    for (size_t g = 0; !status && g < n_groups; g++) {
        pb_head_group *group = &plan->components[g];
        status = group_of_heads(group, n_each, error);
        for (; !status && group->n < n_each; group->n++)
            group->items[group->n] = spec->pairs[g * n_each + group->n];
        if (!status)
            qsort(group->items, group->n, sizeof *group->items, by_layer);
    }
    if (!status && pb_select_walks(spec->heads))
        status = pb_axis_of_heads(plan->model, spec->pairs, spec->n_pairs, &plan->axes[plan->rank],
                                  error);
    plan->rank += !status && pb_select_walks(spec->heads);
    return status;
}

/* Places along one axis of the model, walked or together. */
typedef struct walk {
    size_t *offsets, n;
    bool each;
} walk;

static pb_status walk_axis(pb_patch_plan *plan, const char *name, const pb_select *select,
                           walk *steps, pb_error **error)
{
    const pb_axis *axis = pb_model_axis(plan->model, name);
    bool one = false;
    pb_axis *numbers = NULL;
    pb_status status = pb_axis_by_number(axis, name, &numbers, error);
    if (!status)
        status = pb_places(numbers, select, &steps->offsets, &steps->n, &one, error);
    pb_axis_release(&numbers);
    steps->each = pb_select_walks(select);
    if (status || !steps->each || one)
        return status;
    status = pb_axis_pick(axis, steps->offsets, steps->n, NULL, &plan->axes[plan->rank], error);
    plan->rank += !status;
    return status;
}

static pb_status fill_grid(pb_patch_plan *plan, const walk *layers, const walk *heads,
                           pb_error **error)
{
    size_t l_groups = layers->each ? layers->n : 1, h_groups = heads->each ? heads->n : 1;
    size_t l_each = layers->n / l_groups, h_each = heads->n / h_groups;
    pb_status status = groups_alloc(plan, l_groups * h_groups, error);
    for (size_t g = 0; !status && g < l_groups * h_groups; g++) {
        pb_head_group *group = &plan->components[g];
        const size_t *layer = layers->offsets + g / h_groups * l_each;
        const size_t *head = heads->offsets + g % h_groups * h_each;
        status = group_of_heads(group, l_each * h_each, error);
        for (; !status && group->n < l_each * h_each; group->n++)
            group->items[group->n] = (pb_head){layer[group->n / h_each], head[group->n % h_each]};
    }
    return status;
}

/* The one place along an axis that the site does not have; PB_TYPE if places are chosen there. */
static pb_status walk_nothing(const pb_patch_plan *plan, pb_along along, const pb_select *select,
                              walk *steps, pb_error **error)
{
    if (!pb_select_is_every(select))
        return pb_site_need(plan->model, plan->spec->site, along, error);
    *steps = (walk){.offsets = pb_calloc(1, sizeof *steps->offsets), .n = 1};
    return steps->offsets ? PB_OK : pb_fail_memory(error);
}

static pb_status walk_grid(pb_patch_plan *plan, pb_error **error)
{
    const pb_patch_spec *spec = plan->spec;
    walk layers = {NULL, 0, false}, heads = {NULL, 0, false};
    pb_status status =
        plan->site->layers
            ? pb_about("layer", walk_axis(plan, "layer", spec->layers, &layers, error), error)
            : walk_nothing(plan, PB_ALONG_LAYERS, spec->layers, &layers, error);
    if (!status)
        status = plan->site->heads
                     ? pb_about("head",
                                walk_axis(plan, pb_site_heads_axis(plan->model, spec->site),
                                          spec->heads, &heads, error),
                                error)
                     : walk_nothing(plan, PB_ALONG_HEADS, spec->heads, &heads, error);
    if (!status)
        status = fill_grid(plan, &layers, &heads, error);
    free(layers.offsets);
    free(heads.offsets);
    return status;
}

/* ---- positions and keys ---- */

static pb_status fill_groups(pb_positions *groups, size_t n_groups, const pb_positions *chosen,
                             pb_error **error)
{
    size_t n_each = chosen->n / n_groups;
    for (size_t g = 0; g < n_groups; g++) {
        groups[g].at = pb_malloc(n_each, sizeof *groups[g].at);
        if (!groups[g].at)
            return pb_fail_memory(error);
        memcpy(groups[g].at, chosen->at + g * n_each, n_each * sizeof *chosen->at);
        groups[g].n = n_each;
    }
    return PB_OK;
}

/* The positions of a pair that are patched; every one without a selector. */
static pb_status resolve_places(pb_run *run, const pb_select *select, pb_positions *chosen,
                                bool *one, pb_error **error)
{
    return pb_positions_resolve(run, select ? select : &pb_select_all, chosen, one, error);
}

static pb_status groups_of_pairs(pb_patch_plan *plan, const char *axis, bool each,
                                 const pb_positions *chosen, bool one, pb_positions **groups,
                                 size_t *n_groups, pb_error **error)
{
    pb_status status = PB_OK;
    if (each && !one) {
        status = pb_positions_axis(axis, plan->into, plan->n_pairs, chosen, false,
                                   &plan->axes[plan->rank], error);
        plan->rank += !status;
    }
    if (status)
        return status;
    *n_groups = each ? chosen[0].n : 1;
    *groups = pb_calloc(plan->n_pairs * *n_groups, sizeof **groups);
    if (!*groups)
        return pb_fail_memory(error);
    for (size_t i = 0; !status && i < plan->n_pairs; i++)
        status = fill_groups(*groups + i * *n_groups, *n_groups, &chosen[i], error);
    return status;
}

/* `argument` is what the places are given as, to a call. */
static pb_status walk_positions(pb_patch_plan *plan, const char *axis, const char *argument,
                                const pb_select *select, pb_positions **groups, size_t *n_groups,
                                pb_error **error)
{
    pb_positions *chosen = pb_calloc(plan->n_pairs, sizeof *chosen);
    if (!chosen)
        return pb_fail_memory(error);
    bool one = true;
    pb_status status = pb_about(argument, pb_check_per(select, plan->n_pairs, error), error);
    for (size_t i = 0; !status && i < plan->n_pairs; i++)
        status = pb_about_prompt(
            argument, i,
            resolve_places(plan->into[i], pb_select_for(select, i), &chosen[i], &one, error),
            error);
    if (!status)
        status = groups_of_pairs(plan, axis, pb_select_walks(select), chosen, one, groups, n_groups,
                                 error);
    pb_positions_free(&chosen, plan->n_pairs);
    return status;
}

/* Neurons, or whatever the site's rows consist of: the same for every pair. */
static pb_status walk_features(pb_patch_plan *plan, pb_error **error)
{
    const pb_select *select = plan->spec->neurons;
    const char *name = plan->site->features;
    pb_axis *axis = name ? pb_model_axis(plan->model, name) : NULL, *numbers = NULL;
    size_t *offsets = NULL, n = 0;
    bool each = pb_select_walks(select), one = false;
    pb_status status = pb_site_need(plan->model, plan->spec->site, PB_ALONG_FEATURES, error);
    if (!status)
        status = pb_axis_by_number(axis, "neuron", &numbers, error);
    if (!status)
        status = pb_places(numbers, select, &offsets, &n, &one, error);
    if (!status && each && !one) {
        status = pb_axis_pick(axis, offsets, n, NULL, &plan->axes[plan->rank], error);
        plan->rank += !status;
    }
    plan->features = true;
    plan->n_keys = each ? n : 1;
    plan->keys = status ? NULL : pb_calloc(plan->n_keys, sizeof *plan->keys);
    if (!status)
        status = plan->keys ? fill_groups(plan->keys, plan->n_keys,
                                          &(const pb_positions){.at = offsets, .n = n}, error)
                            : pb_fail_memory(error);
    pb_axis_release(&numbers);
    free(offsets);
    return pb_about("neuron", status, error);
}

static pb_status walk_places(pb_patch_plan *plan, pb_error **error)
{
    const pb_patch_spec *spec = plan->spec;
    const pb_select *keys = plan->site->keys ? spec->keys : NULL;
    pb_status status = pb_select_is_every(spec->keys)
                           ? PB_OK
                           : pb_site_need(plan->model, spec->site, PB_ALONG_KEYS, error);
    if (!status)
        status = walk_positions(plan, pb_site_row_axis(spec->site), "pos", spec->positions,
                                &plan->positions, &plan->n_positions, error);
    if (!status && spec->neurons)
        status = walk_features(plan, error);
    else if (!status)
        status = walk_positions(plan, "key", "key", keys, &plan->keys, &plan->n_keys, error);
    return status;
}

/* ---- life ---- */

/* A user's function of both ends of each pair. */
static pb_status call_on_ends(pb_patch_plan *plan, const pb_context *context, pb_error **error)
{
    plan->ends = pb_calloc(2 * plan->n_pairs, sizeof *plan->ends);
    pb_status status = plan->ends ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < plan->n_pairs; i++) {
        status = pb_meter_of_run(plan->meter, i, plan->into[i], context, &plan->ends[i], error);
        if (!status)
            status = pb_meter_of_run(plan->meter, i, plan->from[i], context,
                                     &plan->ends[plan->n_pairs + i], error);
        if (!status)
            pb_meter_settle(plan->meter, i);
    }
    return status;
}

static pb_status plan_fill(pb_patch_plan *plan, const pb_context *context, pb_error **error)
{
    const pb_patch_spec *spec = plan->spec;
    pb_status status = keep_pairs(plan, error);
    if (status)
        return status;
    status = pb_meter_create(spec->metric, plan->into, plan->n_pairs, true, context, &plan->meter,
                             error);
    if (status && error && pb_error_argument(*error))
        pb_error_about(*error, "metric");
    if (!status && pb_meter_calls(plan->meter))
        status = call_on_ends(plan, context, error);
    if (!status && spec->prompts)
        plan->axes[plan->rank++] = pb_axis_retain(spec->prompts);
    if (!status)
        status = spec->pairs ? walk_list(plan, error) : walk_grid(plan, error);
    if (!status)
        status = walk_places(plan, error);
    return status;
}

pb_status pb_patch_plan_create(const pb_patch_spec *spec, const pb_context *context,
                               pb_patch_plan **plan, pb_error **error)
{
    size_t n_pairs = spec->n_into > spec->n_from ? spec->n_into : spec->n_from;
    pb_status status = check_pairs(spec, n_pairs, error);
    if (status)
        return status;
    pb_patch_plan *made = pb_calloc(1, sizeof *made);
    if (!made)
        return pb_fail_memory(error);
    made->spec = spec;
    made->n_pairs = n_pairs;
    made->model = pb_model_retain(pb_run_model(spec->into[0]));
    made->shape = pb_model_shape(made->model);
    made->site = pb_site_info(spec->site);
    status = pb_about("at", pb_site_check(made->model, spec->site, error), error);
    if (!status)
        status = plan_fill(made, context, error);
    if (status)
        pb_patch_plan_destroy(&made);
    else
        *plan = made;
    return status;
}

static void free_groups(pb_positions *groups, size_t n)
{
    for (size_t i = 0; groups && i < n; i++)
        free(groups[i].at);
    free(groups);
}

void pb_patch_plan_destroy(pb_patch_plan **plan)
{
    pb_patch_plan *left = *plan;
    *plan = NULL;
    if (!left)
        return;
    for (size_t i = 0; i < left->n_pairs; i++) {
        if (left->into)
            pb_run_release(&left->into[i]);
        if (left->from)
            pb_run_release(&left->from[i]);
    }
    for (size_t i = 0; i < left->n_components; i++)
        free(left->components[i].items);
    for (size_t i = 0; i < left->rank; i++)
        pb_axis_release(&left->axes[i]);
    free_groups(left->positions, left->n_pairs * left->n_positions);
    free_groups(left->keys, (left->features ? 1 : left->n_pairs) * left->n_keys);
    pb_meter_destroy(&left->meter);
    pb_model_release(&left->model);
    free(left->into);
    free(left->from);
    free(left->differs);
    free(left->ends);
    free(left->components);
    free(left->cells);
    free(left);
}
