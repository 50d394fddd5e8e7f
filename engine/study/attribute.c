/*
 * Direct logit attribution; see study/attribute.h. What is read of the runs is in ledger.h; here it
 * becomes tensors.
 */
#include "study/attribute.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "ledger.h"
#include "math/kernels.h"
#include "places.h"
#include "positions.h"

/* ---- components ---- */

enum { COMPONENT_NAME_SIZE = 40 };

/* Coordinates are places among all components of the model, of which an inner layer has the first;
 * what edits wrote comes behind all. */
static pb_status component_axis(const pb_ledger *book, pb_axis **axis, pb_error **error)
{
    size_t n = book->n_components, all = pb_component_count(book->model);
    char(*names)[COMPONENT_NAME_SIZE] = pb_malloc(n, sizeof *names);
    const char **labels = pb_malloc(n, sizeof *labels);
    int64_t *coordinates = pb_malloc(n, sizeof *coordinates);
    pb_status status = names && labels && coordinates ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < n; i++) {
        size_t place = book->stream_edited && i + 1 == n ? all : i;
        pb_component what = pb_component_at(book->model, place);
        coordinates[i] = (int64_t)place;
        if (what.layer < 0)
            snprintf(names[i], COMPONENT_NAME_SIZE, "%s", what.part);
        else
            snprintf(names[i], COMPONENT_NAME_SIZE, "L%d_%s", what.layer, what.part);
        labels[i] = names[i];
    }
    if (!status)
        status = pb_axis_create("component", n, coordinates, labels, axis, error);
    free(coordinates);
    free(labels);
    free(names);
    return status;
}

/* ---- results ---- */

/* The results' axes [prompt?, pos?], then room for two more. */
typedef struct outer_axes {
    pb_axis *axes[4];
    size_t rank;
    pb_axis *positions; /* ours, if any */
} outer_axes;

static pb_status tensor_of_rows(const outer_axes *outer, size_t n_inner, pb_axis *const *inner,
                                pb_tensor **tensor, float **data, pb_error **error)
{
    pb_axis *axes[4];
    memcpy(axes, outer->axes, sizeof axes);
    for (size_t i = 0; i < n_inner; i++)
        axes[outer->rank + i] = inner[i];
    return pb_tensor_create(outer->rank + n_inner, axes, tensor, data, error);
}

static pb_status write_components(const pb_ledger *book, const outer_axes *outer,
                                  pb_attribution *out, pb_error **error)
{
    pb_axis *axis = NULL;
    float *data = NULL;
    pb_status status = component_axis(book, &axis, error);
    if (!status)
        status = tensor_of_rows(outer, 1, &axis, &out->parts, &data, error);
    for (size_t i = 0; !status && i < book->n_rows * book->n_components; i++)
        data[i] = (float)book->parts[i];
    pb_axis_release(&axis);
    return status;
}

static pb_status first_layers(const pb_ledger *book, size_t count, pb_axis **axis, pb_error **error)
{
    pb_axis *whole = pb_model_axis(book->model, "layer");
    size_t *offsets = pb_calloc(count, sizeof *offsets);
    if (!offsets)
        return pb_fail_memory(error);
    for (size_t i = 0; i < count; i++)
        offsets[i] = i;
    pb_status status = pb_axis_pick(whole, offsets, count, NULL, axis, error);
    free(offsets);
    return status;
}

/* Every head, or every neuron: [..., layer, head] or [..., layer, d_mlp]. */
static pb_status write_units(const pb_ledger *book, const outer_axes *outer, pb_attribution *out,
                             pb_error **error)
{
    const char *unit = book->spec->by == PB_BY_HEAD ? "head" : "d_mlp";
    size_t n_layer = book->shape->n_layer,
           kept = book->spec->inner ? book->spec->layer + 1 : n_layer;
    pb_axis *axes[2] = {NULL, pb_model_axis(book->model, unit)};
    float *data = NULL;
    pb_status status = first_layers(book, kept, &axes[0], error);
    if (!status)
        status = tensor_of_rows(outer, 2, axes, &out->parts, &data, error);
    size_t grid = n_layer * book->n_units, shown = kept * book->n_units;
    for (size_t row = 0; !status && row < book->n_rows; row++)
        for (size_t i = 0; i < shown; i++)
            data[row * shown + i] = (float)book->units[row * grid + i];
    pb_axis_release(&axes[0]);
    return status;
}

static pb_status write_chosen_heads(const pb_ledger *book, const outer_axes *outer,
                                    pb_attribution *out, pb_error **error)
{
    const pb_attribute_spec *spec = book->spec;
    pb_axis *axis = NULL;
    float *data = NULL;
    pb_status status = pb_axis_of_heads(book->model, spec->heads, spec->n_heads, &axis, error);
    if (!status)
        status = tensor_of_rows(outer, 1, &axis, &out->parts, &data, error);
    for (size_t row = 0; !status && row < book->n_rows; row++) {
        for (size_t i = 0; i < spec->n_heads; i++)
            data[row * spec->n_heads + i] =
                (float)book
                    ->units[(row * book->shape->n_layer + spec->heads[i].layer) * book->n_units +
                            spec->heads[i].head];
    }
    pb_axis_release(&axis);
    return status;
}

/* What the heads or neurons of the result wrote in a row. */
static double sum_of_units(const pb_ledger *book, size_t row)
{
    const pb_attribute_spec *spec = book->spec;
    size_t grid = book->shape->n_layer * book->n_units;
    const double *units = book->units + row * grid;
    double sum = 0;
    for (size_t i = 0; spec->heads && i < spec->n_heads; i++)
        sum += units[spec->heads[i].layer * book->n_units + spec->heads[i].head];
    for (size_t i = 0; !spec->heads && i < grid; i++)
        sum += units[i];
    return sum;
}

static pb_status write_check(const pb_ledger *book, const outer_axes *outer, pb_attribution *out,
                             pb_error **error)
{
    float *rest = NULL, *bias = NULL, *sum = NULL, *logit = NULL, *difference = NULL;
    pb_status status = PB_OK;
    if (book->n_units)
        status = tensor_of_rows(outer, 0, NULL, &out->rest, &rest, error);
    if (!status)
        status = tensor_of_rows(outer, 0, NULL, &out->bias, &bias, error);
    if (!status)
        status = tensor_of_rows(outer, 0, NULL, &out->sum, &sum, error);
    if (!status)
        status = tensor_of_rows(outer, 0, NULL, &out->logit, &logit, error);
    if (!status)
        status = tensor_of_rows(outer, 0, NULL, &out->difference, &difference, error);
    for (size_t row = 0; !status && row < book->n_rows; row++) {
        const pb_ledger_column *to = pb_ledger_target(book, row);
        size_t d = book->shape->d_model, run = row / book->n_each;
        const pb_run *read = book->runs[run];
        const float *states =
            book->spec->inner ? pb_run_resid(read, book->spec->layer + 1) : pb_run_normed(read);
        const float *normed = states + book->positions[run].at[row % book->n_each] * d;
        double total = 0, truth = pb_dot(d, normed, to->normed) + to->bias;
        for (size_t c = 0; c < book->n_components; c++)
            total += book->parts[row * book->n_components + c];
        if (rest)
            rest[row] = (float)(total - sum_of_units(book, row));
        bias[row] = (float)to->bias;
        sum[row] = (float)(total + to->bias);
        logit[row] = (float)truth;
        difference[row] = (float)(total + to->bias - truth);
    }
    return status;
}

static pb_status write_results(const pb_ledger *book, const outer_axes *outer, pb_attribution *out,
                               pb_error **error)
{
    pb_status status;
    if (book->spec->by == PB_BY_COMPONENT)
        status = write_components(book, outer, out, error);
    else if (book->spec->heads)
        status = write_chosen_heads(book, outer, out, error);
    else
        status = write_units(book, outer, out, error);
    return status ? status : write_check(book, outer, out, error);
}

/* ---- the call ---- */

static pb_status attribute_at(pb_run *const *runs, size_t n_runs, pb_axis *prompts,
                              const pb_positions *positions, bool one,
                              const pb_attribute_spec *spec, const pb_context *context,
                              pb_attribution *out, pb_error **error)
{
    pb_model *model = pb_run_model(runs[0]);
    pb_ledger book = {.runs = runs,
                      .n_runs = n_runs,
                      .n_each = positions[0].n,
                      .n_rows = n_runs * positions[0].n,
                      .positions = positions,
                      .model = model,
                      .shape = pb_model_shape(model),
                      .spec = spec,
                      .context = context};
    outer_axes outer = {{NULL}, 0, NULL};
    pb_status status = pb_ledger_fill(&book, error);
    if (prompts)
        outer.axes[outer.rank++] = prompts;
    if (!status && !one)
        status = pb_positions_axis("pos", runs, n_runs, positions, false, &outer.positions, error);
    if (outer.positions)
        outer.axes[outer.rank++] = outer.positions;
    if (!status)
        status = write_results(&book, &outer, out, error);
    pb_axis_release(&outer.positions);
    pb_ledger_clear(&book);
    return status;
}

pb_status pb_attribute(pb_run *const *runs, size_t n_runs, pb_axis *prompts,
                       const pb_attribute_spec *spec, const pb_context *context,
                       pb_attribution *attribution, pb_error **error)
{
    memset(attribution, 0, sizeof *attribution);
    if (n_runs == 0 || (!prompts && n_runs > 1))
        return pb_fail(error, PB_INTERNAL, "attribution of %zu prompts needs an axis over them",
                       n_runs);
    pb_context with = pb_context_or_none(context);
    bool one = true;
    pb_positions *positions = pb_calloc(n_runs, sizeof *positions);
    pb_status status = positions ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = pb_same_model(runs, n_runs, pb_run_model(runs[0]), error);
    if (!status)
        status = pb_positions_resolve_all(runs, n_runs, spec->positions, positions, &one, error);
    if (!status)
        status =
            attribute_at(runs, n_runs, prompts, positions, one, spec, &with, attribution, error);
    pb_positions_free(&positions, n_runs);
    if (status)
        pb_attribution_release(attribution);
    return status;
}

void pb_attribution_release(pb_attribution *attribution)
{
    pb_tensor_release(&attribution->parts);
    pb_tensor_release(&attribution->rest);
    pb_tensor_release(&attribution->bias);
    pb_tensor_release(&attribution->sum);
    pb_tensor_release(&attribution->logit);
    pb_tensor_release(&attribution->difference);
}
