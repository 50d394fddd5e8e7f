/* Activation patching: the call, its checks and its result; see study/patch.h. */
#include "study/patch.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "normalize.h"
#include "patch_cells.h"
#include "patch_run.h"
#include "places.h"

void pb_patch_defaults(pb_site site, pb_patch_spec *spec)
{
    const pb_site_row *row = pb_site_info(site);
    spec->layers = &pb_select_each;
    spec->heads = row->heads ? &pb_select_each : NULL;
    spec->positions = row->heads ? NULL : &pb_select_each;
    spec->keys = NULL;
}

/* ---- the checks of a residual sweep ---- */

/* The group of one position, SIZE_MAX if the sweep has none. */
static size_t group_at(const pb_patch_plan *plan, size_t pair, size_t position)
{
    for (size_t g = 0; g < plan->n_positions; g++) {
        const pb_group *group = &plan->positions[pair * plan->n_positions + g];
        if (group->n == 1 && group->items[0] == position)
            return g;
    }
    return SIZE_MAX;
}

static size_t component_at(const pb_patch_plan *plan, size_t layer)
{
    for (size_t c = 0; c < plan->n_components; c++) {
        if (plan->components[c].n == 1 && plan->components[c].items[0].layer == layer)
            return c;
    }
    return SIZE_MAX;
}

/* The metric reads only the last position of the pair, and its prompts are unedited. */
static bool checkable(const pb_patch_plan *plan, size_t pair)
{
    size_t n = 0;
    const size_t *read = pb_meter_positions(plan->meter, pair, &n);
    return plan->site->checkpoint == PB_CHECKPOINT_AFTER && !pb_run_is_edited(plan->into[pair]) &&
           !pb_run_is_edited(plan->from[pair]) && n == 1 &&
           read[0] == pb_run_length(plan->into[pair]) - 1;
}

static bool agrees(double expected, double got)
{
    double scale = fabs(expected) > 1 ? fabs(expected) : 1;
    return fabs(expected - got) <= 1e-4 * scale;
}

/* Keeps the pair that is furthest off. */
static void note_check(pb_patch_result *result, const char *text, double expected, double got,
                       size_t pair, size_t layer, size_t position)
{
    pb_patch_check check = {
        text,           expected,         got, got - expected, agrees(expected, got), (int64_t)pair,
        (int64_t)layer, (int64_t)position};
    for (size_t i = 0; i < result->n_checks; i++) {
        if (strcmp(result->checks[i].text, text) != 0)
            continue;
        if (fabs(check.difference) > fabs(result->checks[i].difference))
            result->checks[i] = check;
        return;
    }
    if (result->n_checks < PB_PATCH_MAX_CHECKS)
        result->checks[result->n_checks++] = check;
}

static const char LAST_IS_FROM[] =
    "in the last layer the final position carries everything, so patching it gives the other "
    "prompt's value";
static const char BEFORE_CHANGES_NOTHING[] = "positions before the first difference change nothing";

static void check_last_layer(const pb_patch_plan *plan, const pb_patch_run *run,
                             pb_patch_result *result)
{
    size_t layer = plan->shape->n_layer - 1, component = component_at(plan, layer);
    for (size_t pair = 0; component != SIZE_MAX && pair < plan->n_pairs; pair++) {
        size_t last = pb_run_length(plan->into[pair]) - 1, group = group_at(plan, pair, last);
        if (group == SIZE_MAX || !checkable(plan, pair))
            continue;
        size_t place = ((pair * plan->n_components + component) * plan->n_positions + group);
        note_check(result, LAST_IS_FROM, run->from[pair], run->values[place], pair, layer, last);
    }
}

/* A cell for each pair, before its first difference, where the sweep takes the value as known: it
 * is computed after all, to see that it is so. Its place in the extra values is the pair. */
static size_t cells_before(const pb_patch_plan *plan, pb_cell *cells)
{
    size_t layer = (plan->shape->n_layer - 1) / 2, n = 0;
    size_t component = component_at(plan, layer);
    for (size_t pair = 0; component != SIZE_MAX && pair < plan->n_pairs; pair++) {
        if (!checkable(plan, pair) || plan->differs[pair] == 0 ||
            plan->differs[pair] == pb_run_length(plan->into[pair]))
            continue;
        size_t position = plan->differs[pair] - 1, group = group_at(plan, pair, position);
        if (group == SIZE_MAX || plan->spec->one_by_one || layer + 1 >= plan->shape->n_layer)
            continue;
        cells[n] = (pb_cell){.pair = pair,
                             .component = component,
                             .position = group,
                             .place = pair,
                             .entry = PB_CELL_REPLACED,
                             .first = position,
                             .layer = layer + 1,
                             .n_wanted = 1};
        n += pb_patch_cell_fits(plan, &cells[n]);
    }
    return n;
}

static void check_before(const pb_patch_plan *plan, const pb_patch_run *run,
                         pb_patch_result *result)
{
    for (size_t i = 0; i < run->n_extra; i++) {
        const pb_cell *cell = &run->extra[i];
        note_check(result, BEFORE_CHANGES_NOTHING, run->into[cell->pair],
                   run->extra_values[cell->pair], cell->pair,
                   plan->components[cell->component].items[0].layer, cell->first);
    }
}

/* ---- the result ---- */

static pb_status write_values(const pb_patch_plan *plan, const pb_measured *measured,
                              pb_patch_result *result, pb_error **error)
{
    float *data = NULL;
    size_t per_pair = measured->n_cells;
    pb_status status = pb_tensor_create(plan->rank, plan->axes, &result->values, &data, error);
    for (size_t i = 0; !status && i < plan->n_cells; i++) {
        data[i] =
            (float)(plan->spec->normalize ? pb_normalized(measured, i / per_pair, i % per_pair)
                                          : measured->cells[i]);
    }
    return status;
}

static pb_status write_end(const pb_patch_plan *plan, const double *values, pb_tensor **tensor,
                           pb_error **error)
{
    pb_axis *axes[1] = {plan->spec->prompts};
    float *data = NULL;
    pb_status status = pb_tensor_create(plan->spec->prompts ? 1 : 0, axes, tensor, &data, error);
    for (size_t i = 0; !status && i < plan->n_pairs; i++)
        data[i] = (float)values[i];
    return status;
}

static pb_status write_result(const pb_patch_plan *plan, const pb_patch_run *run,
                              pb_patch_result *result, pb_error **error)
{
    const pb_measured measured = {.n_pairs = plan->n_pairs,
                                  .n_cells = plan->n_cells / plan->n_pairs,
                                  .into = run->into,
                                  .from = run->from,
                                  .cells = run->values};
    pb_status status = PB_OK;
    result->normalized = plan->spec->normalize;
    result->cells = plan->n_cells;
    result->cells_done = run->cells_done;
    result->closed = plan->n_closed;
    result->row_layers = run->work.mlp_rows;
    if (result->normalized)
        status = pb_check_ends_differ(&measured, error);
    if (!status)
        status = write_values(plan, &measured, result, error);
    if (!status)
        status = write_end(plan, run->into, &result->into, error);
    if (!status)
        status = write_end(plan, run->from, &result->from, error);
    if (!status && result->normalized && plan->spec->prompts)
        status =
            pb_normalized_mean(&measured, plan->rank - 1, plan->axes + 1, &result->mean, error);
    return status;
}

/* ---- the call ---- */

static pb_status reserve(pb_patch_run *run, pb_error **error)
{
    const pb_patch_plan *plan = run->plan;
    run->values = pb_calloc(plan->n_cells, sizeof *run->values);
    run->into = pb_calloc(plan->n_pairs, sizeof *run->into);
    run->from = pb_calloc(plan->n_pairs, sizeof *run->from);
    run->extra = pb_calloc(plan->n_pairs, sizeof *run->extra);
    run->extra_values = pb_calloc(plan->n_pairs, sizeof *run->extra_values);
    bool got = run->values && run->into && run->from && run->extra && run->extra_values;
    return got ? PB_OK : pb_fail_memory(error);
}

static void release(pb_patch_run *run)
{
    free(run->values);
    free(run->into);
    free(run->from);
    free(run->extra);
    free(run->extra_values);
}

/* All cells; what was done before an interrupt is worth having. */
static pb_status compute(pb_patch_run *run, const pb_context *context, pb_patch_result *result,
                         pb_error **error)
{
    pb_error *fault = NULL;
    run->n_extra = cells_before(run->plan, run->extra);
    pb_status status = pb_patch_run_all(run, context, &fault);
    if (status == PB_INTERRUPTED && run->cells_done > 0)
        status = PB_OK;
    result->partial = run->cells_done < run->plan->n_cells;
    if (status && error && !*error)
        *error = fault;
    else
        pb_error_destroy(&fault);
    return status;
}

static void count_work(const pb_patch_run *run, const pb_context *context)
{
    if (!context->work)
        return;
    context->work->qkv_rows += run->work.qkv_rows;
    context->work->mlp_rows += run->work.mlp_rows;
    context->work->logit_rows += run->work.logit_rows;
}

static pb_status patch_with(const pb_patch_plan *plan, const pb_context *context,
                            pb_patch_result *result, pb_error **error)
{
    pb_patch_run run = {.plan = plan};
    pb_status status = reserve(&run, error);
    if (!status)
        status = compute(&run, context, result, error);
    if (!status)
        status = write_result(plan, &run, result, error);
    if (!status && !result->partial) {
        check_last_layer(plan, &run, result);
        check_before(plan, &run, result);
    }
    count_work(&run, context);
    release(&run);
    return status;
}

/* The plan with its cells. */
static pb_status lay_out(const pb_patch_spec *spec, const pb_context *context, pb_patch_plan **plan,
                         pb_error **error)
{
    pb_status status = pb_patch_plan_create(spec, context, plan, error);
    if (!status)
        status = pb_patch_plan_cells(*plan, error);
    if (status)
        pb_patch_plan_destroy(plan);
    return status;
}

pb_status pb_patch(const pb_patch_spec *spec, const pb_context *context, pb_patch_result *result,
                   pb_error **error)
{
    pb_context with = pb_context_or_none(context);
    pb_patch_plan *plan = NULL;
    memset(result, 0, sizeof *result);
    pb_status status = lay_out(spec, &with, &plan, error);
    if (!status)
        status = patch_with(plan, &with, result, error);
    pb_patch_plan_destroy(&plan);
    if (status)
        pb_patch_result_release(result);
    return status;
}

void pb_patch_result_release(pb_patch_result *result)
{
    pb_tensor_release(&result->values);
    pb_tensor_release(&result->into);
    pb_tensor_release(&result->from);
    pb_tensor_release(&result->mean);
}

pb_status pb_patch_cost(const pb_patch_spec *spec, size_t *row_layers, pb_error **error)
{
    pb_context none = pb_context_or_none(NULL);
    pb_patch_plan *plan = NULL;
    pb_status status = lay_out(spec, &none, &plan, error);
    if (!status)
        *row_layers = plan->row_layers;
    pb_patch_plan_destroy(&plan);
    return status;
}
