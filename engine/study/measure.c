/* Metrics evaluated on runs; see study/metric.h and meter.h. */
#include "base/memory.h"
#include "meter.h"
#include "places.h"
#include "positions.h"
#include "study/metric.h"

/* The same of rows whose logits are made together with others'. */
static pb_status numbers_of_logits(const pb_meter *meter, pb_seen *seen, size_t n,
                                   const pb_meter_row *rows, const float *normed,
                                   const pb_context *context, double *numbers, pb_error **error)
{
    size_t n_vocab = pb_model_shape(pb_run_model(seen->run))->n_vocab, all;
    size_t *positions = pb_malloc(n, sizeof *positions);
    float *logits = pb_size_mul(n, n_vocab, &all) ? pb_malloc(all, sizeof *logits) : NULL;
    pb_status status = positions && logits ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < n; i++)
        positions[i] = rows[i].position;
    if (!status)
        status = pb_seen_logit_rows(seen, n, positions, context, logits, error);
    if (!status)
        pb_meter_rows_of(meter, n, rows, normed, logits, numbers);
    free(positions);
    free(logits);
    return status;
}

/* Numbers of the positions read in a prompt whose rows are given. */
static pb_status numbers_of_seen(const pb_meter *meter, pb_seen *seen, const pb_context *context,
                                 double *numbers, pb_error **error)
{
    size_t n = 0, d = pb_model_shape(pb_run_model(seen->run))->d_model;
    const size_t *positions = pb_meter_positions(meter, seen->prompt, &n);
    float *normed = pb_malloc(n * d, sizeof *normed);
    pb_meter_row *rows = pb_malloc(n, sizeof *rows);
    pb_status status = normed && rows ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = pb_seen_rows(seen, n, positions, context, normed, error);
    for (size_t i = 0; !status && i < n; i++)
        rows[i] = (pb_meter_row){seen->prompt, positions[i], pb_run_tokens(seen->run)};
    if (!status && seen->logits && !pb_metric_needs_columns_only(pb_meter_metric(meter)))
        status = numbers_of_logits(meter, seen, n, rows, normed, context, numbers, error);
    else if (!status)
        status = pb_meter_rows(meter, n, rows, normed, context, numbers, error);
    free(normed);
    free(rows);
    return status;
}

static pb_status number_of_seen(const pb_meter *meter, pb_seen *seen, const pb_context *context,
                                double *value, pb_error **error)
{
    if (pb_meter_calls(meter))
        return pb_meter_call(meter, seen, value, error);
    size_t n = 0;
    pb_meter_positions(meter, seen->prompt, &n);
    double *numbers = pb_malloc(n, sizeof *numbers);
    if (!numbers)
        return pb_fail_memory(error);
    pb_status status = numbers_of_seen(meter, seen, context, numbers, error);
    *value = 0;
    for (size_t i = 0; !status && i < n; i++)
        *value += numbers[i] / (double)n;
    free(numbers);
    return status;
}

static pb_seen seen_of_run(size_t prompt, pb_run *run)
{
    return (pb_seen){.prompt = prompt, .run = run, .like = run, .normed = pb_run_normed(run)};
}

pb_status pb_meter_numbers_of_run(const pb_meter *meter, size_t prompt, pb_run *run,
                                  const pb_context *context, double *numbers, pb_error **error)
{
    pb_seen seen = seen_of_run(prompt, run);
    return numbers_of_seen(meter, &seen, context, numbers, error);
}

pb_status pb_meter_of_run(const pb_meter *meter, size_t prompt, pb_run *run,
                          const pb_context *context, double *value, pb_error **error)
{
    pb_seen seen = seen_of_run(prompt, run);
    return number_of_seen(meter, &seen, context, value, error);
}

/* Whether it is the loss of every token. The last has no next one: the axis ends before it, and
 * pos=-1 is the last loss. */
static bool is_every_loss(const pb_metric *metric)
{
    const pb_select *select = metric->positions;
    bool per = select && select->kind == PB_SELECT_PER;
    bool all = metric->kind == PB_METRIC_LOSS && select && (per || pb_select_is_every(select));
    for (size_t i = 0; all && per && i < select->n_items; i++)
        all = pb_select_is_every(&select->items[i]);
    return all;
}

/* The axis over several positions. */
static pb_status positions_axis(const pb_metric *metric, const pb_meter *meter, pb_run *const *runs,
                                size_t n_runs, pb_axis **axis, pb_error **error)
{
    pb_positions *read = pb_calloc(n_runs, sizeof *read);
    if (!read)
        return pb_fail_memory(error);
    for (size_t i = 0; i < n_runs; i++) /* borrowed from the meter, and only read */
        read[i].at = (size_t *)pb_meter_positions(meter, i, &read[i].n);
    pb_status status =
        pb_positions_axis("pos", runs, n_runs, read, is_every_loss(metric), axis, error);
    free(read);
    return status;
}

/* `given` is what came of the one prompt; NULL: the runs as they are. */
static pb_status evaluate_values(const pb_meter *meter, pb_run *const *runs, size_t n_runs,
                                 pb_seen *given, size_t per_run, const pb_context *context,
                                 float *values, pb_error **error)
{
    double *numbers = pb_malloc(per_run, sizeof *numbers);
    pb_status status = numbers ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < n_runs; i++) {
        pb_seen own = seen_of_run(i, runs[i]), *seen = given ? given : &own;
        if (pb_meter_is_scalar(meter))
            status = number_of_seen(meter, seen, context, numbers, error);
        else
            status = numbers_of_seen(meter, seen, context, numbers, error);
        for (size_t p = 0; !status && p < per_run; p++)
            values[i * per_run + p] = (float)numbers[p];
        pb_watch_progress(context->watch, i + 1, n_runs);
    }
    free(numbers);
    return status;
}

static pb_status evaluate(const pb_metric *metric, const pb_meter *meter, pb_run *const *runs,
                          size_t n_runs, pb_seen *given, pb_axis *prompts,
                          const pb_context *context, pb_tensor **values, pb_error **error)
{
    pb_axis *axes[2] = {prompts, NULL};
    size_t rank = prompts ? 1 : 0, per_run = 1;
    pb_status status = PB_OK;
    if (!pb_meter_is_scalar(meter)) {
        status = positions_axis(metric, meter, runs, n_runs, &axes[rank], error);
        per_run = status ? 0 : pb_axis_length(axes[rank++]);
    }
    pb_tensor *made = NULL;
    float *data = NULL;
    if (!status)
        status = pb_tensor_create(rank, axes, &made, &data, error);
    if (!status)
        status = evaluate_values(meter, runs, n_runs, given, per_run, context, data, error);
    if (status)
        pb_tensor_release(&made);
    else
        *values = made;
    if (rank && axes[rank - 1] != prompts)
        pb_axis_release(&axes[rank - 1]);
    return status;
}

static pb_status evaluate_rows(const pb_metric *metric, pb_run *const *runs, size_t n_runs,
                               pb_seen *given, pb_axis *prompts, const pb_context *context,
                               pb_tensor **values, pb_error **error)
{
    pb_context with = pb_context_or_none(context);
    pb_meter *meter = NULL;
    pb_status status = pb_meter_create(metric, runs, n_runs, false, &with, &meter, error);
    if (!status)
        status = evaluate(metric, meter, runs, n_runs, given, prompts, &with, values, error);
    pb_meter_destroy(&meter);
    return status;
}

pb_status pb_metric_evaluate(const pb_metric *metric, pb_run *const *runs, size_t n_runs,
                             pb_axis *prompts, const pb_context *context, pb_tensor **values,
                             pb_error **error)
{
    if (n_runs == 0 || (!prompts && n_runs > 1))
        return pb_fail(error, PB_INTERNAL, "a metric of %zu prompts needs an axis over them",
                       n_runs);
    return evaluate_rows(metric, runs, n_runs, NULL, prompts, context, values, error);
}

pb_status pb_metric_of_seen(const pb_metric *metric, pb_seen *seen, const pb_context *context,
                            pb_tensor **values, pb_error **error)
{
    size_t prompt = seen->prompt;
    if (pb_metric_reads_tokens(metric))
        pb_seen_note_tokens(seen);
    seen->prompt = 0; /* the only one that this metric is about */
    pb_status status = evaluate_rows(metric, &seen->like, 1, seen, NULL, context, values, error);
    seen->prompt = prompt;
    return status;
}

pb_status pb_loss_per_token(pb_run *run, const pb_context *context, pb_tensor **losses,
                            pb_error **error)
{
    /* The last has no next token, and is left out. */
    const pb_metric loss = {.kind = PB_METRIC_LOSS, .positions = &pb_select_all};
    return pb_metric_evaluate(&loss, &run, 1, NULL, context, losses, error);
}
