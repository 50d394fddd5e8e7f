/*
 * Path patching; see study/path.h.
 *
 * A cell is a prompt pair and a group of senders. Cells of a pair go through both passes in
 * batches: pass 1 with everything frozen but the senders (and, by mode, MLPs and norms), recording
 * what the receivers read; pass 2 with the receivers set to that.
 */
#include "study/path.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "meter.h"
#include "model/route.h"
#include "normalize.h"
#include "path_parts.h"
#include "places.h"

enum { BATCH_ROWS = 1024 };

/* ---- pass 1: what is frozen, what is sent, what is recorded ---- */

static void copy_rows(const pb_view *view, size_t row, const float *source)
{
    size_t position = view->rows[row].position;
    for (size_t h = 0; h < view->n_heads; h++)
        memcpy(view->data + row * view->row_stride + h * view->head_stride,
               source + (position * view->n_heads + h) * view->width, view->width * sizeof *source);
}

/* z of every head is into's, but for the senders' at the chosen positions. */
static void freeze_heads(const pb_path_batch *batch, const pb_view *view, size_t row)
{
    const pb_path_pair *pair = batch->pair;
    size_t position = view->rows[row].position;
    const pb_path_group *senders = &batch->groups[view->rows[row].sequence];
    copy_rows(view, row, pair->into_z[view->layer]);
    for (size_t i = 0; pair->sent[position] && i < senders->n; i++) {
        size_t h = senders->heads[i].head;
        if (senders->heads[i].layer == view->layer)
            memcpy(view->data + row * view->row_stride + h * view->head_stride,
                   pair->from_z[view->layer] + (position * view->n_heads + h) * view->width,
                   view->width * sizeof(float));
    }
}

static const float *frozen_at(const pb_path_batch *batch, pb_site site, size_t layer)
{
    float **frozen = batch->pair->frozen[site];
    return frozen ? frozen[layer] : NULL;
}

/* What a receiver reads at a row, kept or put back. */
static void exchange(const pb_path_batch *batch, const pb_view *view, size_t row, bool record)
{
    for (size_t r = 0; r < batch->n_receivers; r++) {
        const pb_receiver *receiver = &batch->receivers[r];
        if (pb_receiver_site(receiver) != view->site || receiver->layer != view->layer)
            continue;
        size_t head = view->n_heads > 1 ? receiver->head : 0;
        float *here = view->data + row * view->row_stride + head * view->head_stride;
        float *kept =
            batch->recorded[r] +
            (view->rows[row].sequence * batch->length + view->rows[row].position) * view->width;
        memcpy(record ? kept : here, record ? here : kept, view->width * sizeof *kept);
    }
}

static bool is_received(const pb_path_batch *batch, pb_site site, size_t layer)
{
    for (size_t r = 0; r < batch->n_receivers; r++) {
        if (pb_receiver_site(&batch->receivers[r]) == site && batch->receivers[r].layer == layer)
            return true;
    }
    return false;
}

static bool first_wants(void *user, pb_site site, size_t layer)
{
    const pb_path_batch *batch = user;
    return site == PB_SITE_Z || frozen_at(batch, site, layer) || is_received(batch, site, layer);
}

static pb_status first_at(void *user, const pb_view *view, pb_error **error)
{
    const pb_path_batch *batch = user;
    const float *frozen = frozen_at(batch, view->site, view->layer);
    (void)error;
    for (size_t row = 0; row < view->n_rows; row++) {
        if (view->site == PB_SITE_Z)
            freeze_heads(batch, view, row);
        else if (frozen)
            copy_rows(view, row, frozen);
        exchange(batch, view, row, true);
    }
    return PB_OK;
}

/* ---- pass 2 ---- */

static bool second_wants(void *user, pb_site site, size_t layer)
{
    return is_received(user, site, layer);
}

static pb_status second_at(void *user, const pb_view *view, pb_error **error)
{
    (void)error;
    for (size_t row = 0; row < view->n_rows; row++)
        exchange(user, view, row, false);
    return PB_OK;
}

/* ---- both ---- */

/* Every sequence is `into` from `layer` on; an edited prompt starts from its tokens, so that its
 * edits are made once. */
static pb_status forward(const pb_path_batch *batch, const pb_hooks *ours, size_t layer,
                         size_t stop, const size_t *wanted, size_t n_wanted, float *normed,
                         const pb_context *context, pb_error **error)
{
    pb_run *into = batch->pair->into;
    bool edited = pb_run_is_edited(into);
    pb_entry_rows rows = {.n = batch->length, .resid = pb_run_resid(into, layer)};
    pb_sequence *sequences = pb_calloc(batch->n, sizeof *sequences);
    pb_run **runs = pb_calloc(batch->n, sizeof *runs);
    pb_status status = sequences && runs ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < batch->n; i++) {
        runs[i] = into;
        sequences[i] = (pb_sequence){.n = batch->length,
                                     .tokens = edited ? pb_run_tokens(into) : NULL,
                                     .layer = edited ? 0 : layer,
                                     .entry = edited ? NULL : &rows,
                                     .n_entry = edited ? 0 : 1,
                                     .wanted = wanted,
                                     .n_wanted = n_wanted};
    }
    pb_route route = {runs, batch->n};
    pb_hooks theirs = pb_route_hooks(&route);
    const pb_hooks *hooks[2] = {&theirs, ours};
    pb_batch all = {.sequences = sequences,
                    .n = batch->n,
                    .hooks = hooks,
                    .n_hooks = 2,
                    .stop = stop,
                    .whole = !status && pb_route_is_whole(&route)};
    if (!status)
        status = pb_forward(pb_run_model(into), &all, context, NULL, normed, error);
    free(sequences);
    free(runs);
    return status;
}

/* The rows the metric reads, after ln_final: of pass 1 if the receivers are the logits, else of
 * pass 2. */
static pb_status two_passes(pb_path_batch *batch, const size_t *wanted, size_t n_wanted,
                            float *normed, const pb_context *context, pb_error **error)
{
    const pb_hooks first = {batch, first_wants, first_at},
                   second = {batch, second_wants, second_at};
    size_t n_layer = pb_model_shape(pb_run_model(batch->pair->into))->n_layer;
    size_t start = n_layer, earliest = n_layer, latest = 0;
    for (size_t i = 0; i < batch->n; i++) {
        for (size_t s = 0; s < batch->groups[i].n; s++)
            start =
                batch->groups[i].heads[s].layer < start ? batch->groups[i].heads[s].layer : start;
    }
    if (batch->to_logits)
        return forward(batch, &first, start, 0, wanted, n_wanted, normed, context, error);
    for (size_t r = 0; r < batch->n_receivers; r++) {
        size_t layer = batch->receivers[r].layer;
        earliest = layer < earliest ? layer : earliest;
        latest = layer > latest ? layer : latest;
    }
    /* Receivers that come before every sender read what they read in `into`; pass 1 begins early
     * enough to record that too. */
    start = start < earliest ? start : earliest;
    pb_status status = forward(batch, &first, start, latest + 1, NULL, 0, NULL, context, error);
    return status ? status
                  : forward(batch, &second, earliest, 0, wanted, n_wanted, normed, context, error);
}

/* ---- the metric ---- */

static pb_status no_whole_run(const pb_seen *seen, const pb_context *context, pb_run **made,
                              pb_error **error)
{
    (void)seen;
    (void)context;
    (void)made;
    return pb_fail(error, PB_UNSUPPORTED,
                   "a metric of your own sees the logits of a path, and none of its activations");
}

static pb_status read_values(const pb_path_batch *batch, const pb_meter *meter,
                             const size_t *wanted, size_t n_wanted, const float *normed,
                             const pb_context *context, double *values, pb_error **error)
{
    const int32_t *tokens = pb_run_tokens(batch->pair->into);
    size_t d = pb_model_shape(pb_run_model(batch->pair->into))->d_model, index = batch->pair->index;
    pb_status status = PB_OK;
    if (pb_meter_calls(meter)) {
        for (size_t i = 0; !status && i < batch->n; i++) {
            pb_seen seen = {.prompt = index,
                            .run = batch->pair->into,
                            .normed = normed + i * n_wanted * d,
                            .whole = no_whole_run};
            status = pb_meter_call(meter, &seen, &values[i], error);
        }
        return status;
    }
    pb_meter_row *rows = pb_malloc(batch->n * n_wanted, sizeof *rows);
    double *numbers = pb_malloc(batch->n * n_wanted, sizeof *numbers);
    status = rows && numbers ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < batch->n * n_wanted; i++)
        rows[i] = (pb_meter_row){index, wanted[i % n_wanted], tokens};
    if (!status)
        status = pb_meter_rows(meter, batch->n * n_wanted, rows, normed, context, numbers, error);
    for (size_t i = 0; !status && i < batch->n; i++) {
        values[i] = 0;
        for (size_t w = 0; w < n_wanted; w++)
            values[i] += numbers[i * n_wanted + w] / (double)n_wanted;
    }
    free(rows);
    free(numbers);
    return status;
}

static pb_status compute_batch(pb_path_batch *batch, const pb_meter *meter,
                               const pb_context *context, double *values, pb_error **error)
{
    size_t n_wanted = 0, d = pb_model_shape(pb_run_model(batch->pair->into))->d_model;
    const size_t *wanted = pb_meter_positions(meter, batch->pair->index, &n_wanted);
    float *normed = pb_malloc(batch->n * n_wanted * d, sizeof *normed);
    pb_status status = normed ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = pb_path_recorder_create(batch, error);
    if (!status)
        status = two_passes(batch, wanted, n_wanted, normed, context, error);
    if (!status)
        status = read_values(batch, meter, wanted, n_wanted, normed, context, values, error);
    pb_path_recorder_free(batch);
    free(normed);
    return status;
}

/* ---- all cells ---- */

typedef struct tracer {
    const pb_path_spec *spec;
    pb_model *model;
    pb_context context;
    pb_meter *meter;
    pb_receiver *receivers;
    size_t n_receivers;
    pb_path_group *groups;
    size_t n_groups;
    double *values; /* [n_pairs, n_groups], NaN where not done */
    double *into, *from;
    size_t done;
} tracer;

static bool has_path(const tracer *trace, const pb_path_group *group)
{
    for (size_t r = 0; r < trace->n_receivers; r++) {
        for (size_t s = 0; s < group->n; s++) {
            if (pb_receiver_reads_head(trace->model, &trace->receivers[r], &group->heads[s]))
                return true;
        }
    }
    return false;
}

static pb_status trace_pair(tracer *trace, size_t index, pb_error **error)
{
    const pb_path_spec *spec = trace->spec;
    pb_path_pair pair = {.index = index, .into = spec->into[index], .from = spec->from[index]};
    double *values = trace->values + index * trace->n_groups;
    size_t length = pb_run_length(pair.into);
    size_t most = BATCH_ROWS / length > 0 ? BATCH_ROWS / length : 1;
    pb_status status = pb_path_pair_read(&pair, spec, &trace->context, error);
    for (size_t g = 0; !status && g < trace->n_groups;) {
        size_t n = 0;
        if (!has_path(trace, &trace->groups[g])) {
            values[g] = trace->into[index];
            n = 1;
        } else {
            while (g + n < trace->n_groups && n < most && has_path(trace, &trace->groups[g + n]))
                n++;
            pb_path_batch batch = {.pair = &pair,
                                   .groups = trace->groups + g,
                                   .n = n,
                                   .length = length,
                                   .receivers = trace->receivers,
                                   .n_receivers = trace->n_receivers,
                                   .to_logits = trace->receivers[0].input == PB_PATH_LOGITS};
            status = pb_watch_check(trace->context.watch, error);
            if (!status)
                status = compute_batch(&batch, trace->meter, &trace->context, values + g, error);
        }
        g += n;
        trace->done += status ? 0 : n;
        pb_watch_progress(trace->context.watch, trace->done, spec->n_pairs * trace->n_groups);
    }
    pb_path_pair_clear(&pair);
    return status;
}

static pb_status trace_all(tracer *trace, pb_error **error)
{
    const pb_path_spec *spec = trace->spec;
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < spec->n_pairs; i++) {
        status = pb_meter_of_run(trace->meter, i, spec->into[i], &trace->context, &trace->into[i],
                                 error);
        if (!status)
            status = pb_meter_of_run(trace->meter, i, spec->from[i], &trace->context,
                                     &trace->from[i], error);
    }
    for (size_t i = 0; !status && i < spec->n_pairs; i++)
        status = trace_pair(trace, i, error);
    return status;
}

/* ---- the result ---- */

static pb_status fill_tensor(size_t rank, pb_axis *const *axes, const double *values, size_t n,
                             pb_tensor **tensor, pb_error **error)
{
    float *data = NULL;
    pb_status status = pb_tensor_create(rank, axes, tensor, &data, error);
    for (size_t i = 0; !status && i < n; i++)
        data[i] = (float)values[i];
    return status;
}

/* The normalised values in place of the metric's, and their mean over several pairs. */
static pb_status write_normalized(tracer *trace, size_t rank, pb_axis *const *axes,
                                  pb_path_result *result, pb_error **error)
{
    const pb_path_spec *spec = trace->spec;
    const pb_measured measured = {.n_pairs = spec->n_pairs,
                                  .n_cells = trace->n_groups,
                                  .into = trace->into,
                                  .from = trace->from,
                                  .cells = trace->values};
    pb_status status = pb_check_ends_differ(&measured, error);
    if (!status && spec->prompts)
        status = pb_normalized_mean(&measured, rank - 1, axes + 1, &result->mean, error);
    for (size_t i = 0; !status && i < spec->n_pairs * trace->n_groups; i++)
        trace->values[i] = pb_normalized(&measured, i / trace->n_groups, i % trace->n_groups);
    return status;
}

static pb_status write_values(tracer *trace, pb_axis *senders, pb_path_result *result,
                              pb_error **error)
{
    const pb_path_spec *spec = trace->spec;
    pb_axis *axes[3] = {spec->prompts};
    size_t rank = spec->prompts ? 1 : 0;
    if (!spec->senders) {
        axes[rank++] = pb_model_axis(trace->model, "layer");
        axes[rank++] = pb_model_axis(trace->model, "head");
    } else if (spec->each_sender) {
        axes[rank++] = senders;
    }
    pb_status status = spec->normalize ? write_normalized(trace, rank, axes, result, error) : PB_OK;
    return status ? status
                  : fill_tensor(rank, axes, trace->values, spec->n_pairs * trace->n_groups,
                                &result->values, error);
}

static pb_status write_result(tracer *trace, pb_path_result *result, pb_error **error)
{
    const pb_path_spec *spec = trace->spec;
    pb_axis *prompts[1] = {spec->prompts}, *senders = NULL;
    size_t rank = spec->prompts ? 1 : 0;
    pb_status status = PB_OK;
    if (spec->senders && spec->each_sender)
        status = pb_axis_of_heads(trace->model, spec->senders, spec->n_senders, &senders, error);
    if (!status)
        status = write_values(trace, senders, result, error);
    if (!status)
        status = fill_tensor(rank, prompts, trace->into, spec->n_pairs, &result->into, error);
    if (!status)
        status = fill_tensor(rank, prompts, trace->from, spec->n_pairs, &result->from, error);
    pb_axis_release(&senders);
    return status;
}

/* ---- the call ---- */

static pb_status tracer_start(tracer *trace, pb_error **error)
{
    const pb_path_spec *spec = trace->spec;
    pb_status status = pb_path_check(spec, error);
    if (status)
        return status;
    status = pb_meter_create(spec->metric, spec->into, spec->n_pairs, true, &trace->context,
                             &trace->meter, error);
    if (status && error && pb_error_argument(*error))
        pb_error_about(*error, "metric");
    if (!status)
        status = pb_path_receivers_create(spec, &trace->receivers, &trace->n_receivers, error);
    if (!status)
        status = pb_path_groups_create(spec, &trace->groups, &trace->n_groups, error);
    if (status)
        return status;
    size_t cells = spec->n_pairs * trace->n_groups;
    trace->values = pb_calloc(cells, sizeof *trace->values);
    trace->into = pb_calloc(spec->n_pairs, sizeof *trace->into);
    trace->from = pb_calloc(spec->n_pairs, sizeof *trace->from);
    if (!trace->values || !trace->into || !trace->from)
        return pb_fail_memory(error);
    for (size_t i = 0; i < cells; i++)
        trace->values[i] = NAN;
    return PB_OK;
}

static void tracer_clear(tracer *trace)
{
    pb_meter_destroy(&trace->meter);
    pb_path_groups_free(&trace->groups, trace->n_groups);
    free(trace->receivers);
    free(trace->values);
    free(trace->into);
    free(trace->from);
}

pb_status pb_path_patch(const pb_path_spec *spec, const pb_context *context, pb_path_result *result,
                        pb_error **error)
{
    memset(result, 0, sizeof *result);
    if (spec->n_pairs == 0)
        return pb_fail(error, PB_TYPE, "path patching needs a prompt and one to take from");
    tracer trace = {
        .spec = spec, .model = pb_run_model(spec->into[0]), .context = pb_context_or_none(context)};
    pb_error *fault = NULL;
    pb_status status = tracer_start(&trace, &fault);
    if (!status)
        status = trace_all(&trace, &fault);
    if (status == PB_INTERRUPTED && trace.done > 0) {
        result->partial = true;
        status = PB_OK;
        pb_error_destroy(&fault);
    }
    result->paths = spec->n_pairs * trace.n_groups;
    result->paths_done = trace.done;
    if (!status)
        status = write_result(&trace, result, &fault);
    if (status && error && !*error)
        *error = fault;
    else
        pb_error_destroy(&fault);
    if (status)
        pb_path_result_release(result);
    tracer_clear(&trace);
    return status;
}

void pb_path_result_release(pb_path_result *result)
{
    pb_tensor_release(&result->values);
    pb_tensor_release(&result->into);
    pb_tensor_release(&result->from);
    pb_tensor_release(&result->mean);
}
