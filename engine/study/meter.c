/* Metrics made ready for prompts; see meter.h. */
#include "meter.h"

#include <math.h>

#include "base/memory.h"
#include "math/kernels.h"
#include "places.h"

/* Logits held at a time where whole rows are needed: 64 MiB. */
enum { LOGIT_BYTES = 64 * 1024 * 1024 };

typedef struct reading {
    size_t *positions;
    size_t n;
    float *reference; /* KL: logits, [n, n_vocab] */
} reading;

struct pb_meter {
    const pb_metric *metric;
    pb_model *model; /* borrowed from the runs */
    pb_run *const *runs;
    size_t n_runs;
    bool scalar;
    reading *readings; /* [n_runs] */
    pb_reads *reads;   /* [n_runs], CALL: what the function was seen to read */
    pb_meter **parts;  /* SUM: [n_parts], each with its own positions; here are those of all */

    /* Columns-only metrics: the directions of each target set, [n_directions, d_model]. */
    float *directions;
    double *biases;
    size_t n_directions; /* 1 shared, or one per prompt */
};

/* ---- what is read ---- */

static pb_status no_next_token(pb_run *run, pb_error **error)
{
    return pb_fail(error, PB_VALUE,
                   "loss compares predictions with the tokens that follow, and a prompt of %zu "
                   "token%s has none",
                   pb_run_length(run), pb_run_length(run) == 1 ? "" : "s");
}

/* LOSS without positions: all but the last. CALL: all. Else the last. */
static pb_status default_positions(const pb_meter *meter, pb_run *run, reading *read,
                                   pb_error **error)
{
    size_t length = pb_run_length(run);
    pb_metric_kind kind = meter->metric->kind;
    if (kind == PB_METRIC_LOSS && length < 2)
        return no_next_token(run, error);
    read->n = kind == PB_METRIC_LOSS ? length - 1 : kind == PB_METRIC_CALL ? length : 1;
    read->positions = pb_malloc(read->n, sizeof *read->positions);
    if (!read->positions)
        return pb_fail_memory(error);
    for (size_t i = 0; i < read->n; i++)
        read->positions[i] = read->n == 1 && kind != PB_METRIC_LOSS ? length - 1 : i;
    return PB_OK;
}

static pb_status chosen_positions(pb_meter *meter, pb_run *run, const pb_select *select,
                                  reading *read, pb_error **error)
{
    bool one = false;
    pb_status status =
        pb_places(pb_run_positions(run), select, &read->positions, &read->n, &one, error);
    if (status)
        return status;
    meter->scalar = meter->scalar && one;
    if (meter->metric->kind == PB_METRIC_LOSS) { /* the last token has no next one */
        while (read->n && read->positions[read->n - 1] + 1 >= pb_run_length(run))
            read->n--;
        if (read->n == 0)
            return no_next_token(run, error);
    }
    return PB_OK;
}

static pb_status read_positions(pb_meter *meter, bool one_place, pb_error **error)
{
    const pb_metric *metric = meter->metric;
    bool whole = metric->kind == PB_METRIC_CALL || metric->kind == PB_METRIC_LOSS;
    meter->scalar = true;
    for (size_t i = 0; i < meter->n_runs; i++) {
        const pb_select *select = pb_select_for(metric->positions, i);
        reading *read = &meter->readings[i];
        pb_status status =
            select && metric->kind != PB_METRIC_CALL
                ? pb_about_prompt(
                      "pos", i, chosen_positions(meter, meter->runs[i], select, read, error), error)
                : default_positions(meter, meter->runs[i], read, error);
        if (status)
            return status;
        if (one_place && !whole && read->n != 1)
            return pb_fail(error, PB_VALUE,
                           "here the metric is one number, and it names %zu positions", read->n);
    }
    return PB_OK;
}

/* ---- sums ---- */

static bool reads_position(const reading *read, size_t position)
{
    size_t low = 0, high = read->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (read->positions[middle] < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low < read->n && read->positions[low] == position;
}

/* What any of the parts reads of a prompt. */
static pb_status read_any(pb_meter *meter, size_t prompt, pb_error **error)
{
    reading *read = &meter->readings[prompt];
    size_t length = pb_run_length(meter->runs[prompt]);
    read->positions = pb_malloc(length, sizeof *read->positions);
    if (!read->positions)
        return pb_fail_memory(error);
    for (size_t position = 0; position < length; position++) {
        bool wanted = false;
        for (size_t i = 0; !wanted && i < meter->metric->n_parts; i++)
            wanted = reads_position(&meter->parts[i]->readings[prompt], position);
        if (wanted)
            read->positions[read->n++] = position;
    }
    return PB_OK;
}

/* A sum of numbers over several positions is one for each of them. */
static pb_status check_same_positions(const pb_meter *meter, pb_error **error)
{
    for (size_t i = 0; i < meter->metric->n_parts && !meter->scalar; i++) {
        bool same = !meter->parts[i]->scalar;
        for (size_t p = 0; same && p < meter->n_runs; p++)
            same = meter->parts[i]->readings[p].n == meter->readings[p].n;
        if (!same)
            return pb_fail(error, PB_VALUE,
                           "the metrics of a sum read different positions, so that there is no one "
                           "number for each");
    }
    return PB_OK;
}

static pb_status create_parts(pb_meter *meter, bool one_place, const pb_context *context,
                              pb_error **error)
{
    const pb_metric *metric = meter->metric;
    meter->parts = pb_calloc(metric->n_parts, sizeof(pb_meter *));
    pb_status status = meter->parts ? PB_OK : pb_fail_memory(error);
    meter->scalar = true;
    for (size_t i = 0; !status && i < metric->n_parts; i++) {
        status = pb_meter_create(metric->parts[i].metric, meter->runs, meter->n_runs, one_place,
                                 context, &meter->parts[i], error);
        meter->scalar = meter->scalar && !status && meter->parts[i]->scalar;
    }
    for (size_t p = 0; !status && p < meter->n_runs; p++)
        status = read_any(meter, p, error);
    return status ? status : check_same_positions(meter, error);
}

/* ---- what it is compared with ---- */

static pb_status read_directions(pb_meter *meter, pb_error **error)
{
    const pb_metric *metric = meter->metric;
    size_t d = pb_model_shape(meter->model)->d_model;
    bool own = metric->n_targets > 1 || metric->n_against > 1;
    meter->n_directions = own ? meter->n_runs : 1;
    meter->directions = pb_malloc(meter->n_directions * d, sizeof *meter->directions);
    meter->biases = pb_calloc(meter->n_directions, sizeof *meter->biases);
    float *against = pb_malloc(d, sizeof *against);
    pb_status status =
        meter->directions && meter->biases && against ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < meter->n_directions; i++) {
        float *direction = meter->directions + i * d, bias = 0, other = 0;
        const int32_t *target = &metric->targets[metric->n_targets > 1 ? i : 0];
        status = pb_model_unembed_columns(meter->model, 1, target, direction, &bias, error);
        if (!status && metric->kind == PB_METRIC_LOGIT_DIFF) {
            const int32_t *second = &metric->against[metric->n_against > 1 ? i : 0];
            status = pb_model_unembed_columns(meter->model, 1, second, against, &other, error);
            for (size_t j = 0; !status && j < d; j++)
                direction[j] -= against[j];
        }
        meter->biases[i] = (double)bias - other;
    }
    free(against);
    return status;
}

/* Where the reference is read for the i-th position of a prompt: what is counted from the end, as
 * the last position is, is counted from the reference's own; else it is the same index. */
static pb_status reference_position(const pb_meter *meter, size_t prompt, size_t i,
                                    const pb_run *reference, size_t *position, pb_error **error)
{
    const pb_metric *metric = meter->metric;
    const pb_select *select = pb_select_for(metric->positions, prompt);
    bool from_end = !select || (select->kind == PB_SELECT_INDEX && select->index < 0);
    size_t length = pb_run_length(reference), at = meter->readings[prompt].positions[i];
    size_t back = pb_run_length(meter->runs[prompt]) - at;
    *position = !from_end ? at : back <= length ? length - back : length;
    if (*position < length)
        return PB_OK;
    return pb_lengths_differ((pb_named_run){"prompt", meter->runs[prompt]},
                             (pb_named_run){"reference", reference},
                             "the reference of kl has no such position", error);
}

/* KL: the reference's logits at the positions read. */
static pb_status read_reference(const pb_meter *meter, size_t prompt, const pb_context *context,
                                pb_error **error)
{
    const pb_metric *metric = meter->metric;
    pb_run *reference = metric->reference[metric->n_reference > 1 ? prompt : 0];
    reading *read = &meter->readings[prompt];
    size_t n_vocab = pb_model_shape(meter->model)->n_vocab;
    size_t *positions = pb_malloc(read->n, sizeof *positions);
    read->reference = pb_malloc(read->n * n_vocab, sizeof *read->reference);
    pb_status status = positions && read->reference ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < read->n; i++)
        status = reference_position(meter, prompt, i, reference, &positions[i], error);
    if (!status)
        status = pb_run_logits_at(reference, read->n, positions, context, read->reference, error);
    free(positions);
    return status;
}

/* ---- life ---- */

static pb_status start_reads(pb_meter *meter, pb_error **error)
{
    meter->reads = pb_calloc(meter->n_runs, sizeof *meter->reads);
    pb_status status = meter->reads ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < meter->n_runs; i++)
        status = pb_reads_start(&meter->reads[i], meter->runs[i], error);
    return status;
}

pb_status pb_meter_create(const pb_metric *metric, pb_run *const *runs, size_t n_runs,
                          bool one_place, const pb_context *context, pb_meter **meter,
                          pb_error **error)
{
    pb_model *model = pb_run_model(runs[0]);
    pb_status status = pb_same_model(runs, n_runs, model, error);
    if (!status)
        status = pb_metric_check(metric, model, n_runs, error);
    if (status)
        return status;
    pb_meter *made = pb_calloc(1, sizeof *made);
    if (!made)
        return pb_fail_memory(error);
    *made = (pb_meter){.metric = metric, .model = model, .runs = runs, .n_runs = n_runs};
    made->readings = pb_calloc(n_runs, sizeof *made->readings);
    bool sum = metric->kind == PB_METRIC_SUM;
    status = !made->readings ? pb_fail_memory(error)
             : sum           ? create_parts(made, one_place, context, error)
                             : read_positions(made, one_place, error);
    if (!status && metric->kind == PB_METRIC_CALL)
        status = start_reads(made, error);
    if (!status && !sum && pb_metric_needs_columns_only(metric))
        status = read_directions(made, error);
    for (size_t i = 0; !status && metric->kind == PB_METRIC_KL && i < n_runs; i++)
        status = read_reference(made, i, context, error);
    if (status)
        pb_meter_destroy(&made);
    else
        *meter = made;
    return status;
}

void pb_meter_destroy(pb_meter **meter)
{
    pb_meter *left = *meter;
    *meter = NULL;
    if (!left)
        return;
    for (size_t i = 0; left->reads && i < left->n_runs; i++)
        pb_reads_clear(&left->reads[i]);
    free(left->reads);
    for (size_t i = 0; left->parts && i < left->metric->n_parts; i++)
        pb_meter_destroy(&left->parts[i]);
    free(left->parts);
    for (size_t i = 0; left->readings && i < left->n_runs; i++) {
        free(left->readings[i].positions);
        free(left->readings[i].reference);
    }
    free(left->readings);
    free(left->directions);
    free(left->biases);
    free(left);
}

const size_t *pb_meter_positions(const pb_meter *meter, size_t prompt, size_t *n)
{
    *n = meter->readings[prompt].n;
    return meter->readings[prompt].positions;
}

bool pb_meter_is_scalar(const pb_meter *meter)
{
    return meter->scalar;
}

const pb_metric *pb_meter_metric(const pb_meter *meter)
{
    return meter->metric;
}

bool pb_meter_calls(const pb_meter *meter)
{
    return meter->metric->kind == PB_METRIC_CALL;
}

/* ---- numbers ---- */

static double number_by_columns(const pb_meter *meter, pb_meter_row row, const float *normed)
{
    size_t d = pb_model_shape(meter->model)->d_model;
    size_t which = meter->n_directions > 1 ? row.prompt : 0;
    return meter->biases[which] + pb_dot(d, normed, meter->directions + which * d);
}

static double number_of_row(const pb_meter *meter, pb_meter_row row, const float *normed,
                            const float *logits);

/* A part is a mean over its own positions, and the sum one over those of all: where a part reads
 * fewer, each of its numbers counts for more. */
static double number_of_sum(const pb_meter *meter, pb_meter_row row, const float *normed,
                            const float *logits)
{
    double sum = meter->metric->constant;
    for (size_t i = 0; i < meter->metric->n_parts; i++) {
        const pb_meter *part = meter->parts[i];
        const reading *read = &part->readings[row.prompt];
        double share = (double)meter->readings[row.prompt].n / (double)read->n;
        if (reads_position(read, row.position))
            sum +=
                meter->metric->parts[i].weight * share * number_of_row(part, row, normed, logits);
    }
    return sum;
}

/* Of a row after ln_final, and its logits where columns alone are not enough. */
static double number_of_row(const pb_meter *meter, pb_meter_row row, const float *normed,
                            const float *logits)
{
    const reading *read = &meter->readings[row.prompt];
    size_t n_vocab = pb_model_shape(meter->model)->n_vocab;
    if (meter->parts)
        return number_of_sum(meter, row, normed, logits);
    if (meter->directions)
        return number_by_columns(meter, row, normed);
    if (meter->metric->kind == PB_METRIC_LOSS) {
        int32_t next = row.tokens[row.position + 1];
        return pb_log_sum_exp(n_vocab, logits) - logits[next];
    }
    const float *reference = read->reference;
    for (size_t i = 0; reference && i < read->n; i++) {
        if (read->positions[i] == row.position)
            return pb_metric_of_logits(meter->metric, row.prompt, logits, n_vocab,
                                       reference + i * n_vocab);
    }
    return pb_metric_of_logits(meter->metric, row.prompt, logits, n_vocab, NULL);
}

void pb_meter_rows_of(const pb_meter *meter, size_t n, const pb_meter_row *rows,
                      const float *normed, const float *logits, double *numbers)
{
    const pb_shape *shape = pb_model_shape(meter->model);
    for (size_t r = 0; r < n; r++)
        numbers[r] =
            number_of_row(meter, rows[r], normed + r * shape->d_model, logits + r * shape->n_vocab);
}

pb_status pb_meter_rows(const pb_meter *meter, size_t n, const pb_meter_row *rows,
                        const float *normed, const pb_context *context, double *numbers,
                        pb_error **error)
{
    const pb_shape *shape = pb_model_shape(meter->model);
    if (pb_metric_needs_columns_only(meter->metric)) {
        for (size_t r = 0; r < n; r++)
            numbers[r] = number_of_row(meter, rows[r], normed + r * shape->d_model, NULL);
        return PB_OK;
    }
    size_t chunk = LOGIT_BYTES / (shape->n_vocab * sizeof(float));
    chunk = chunk < 1 ? 1 : chunk > n ? n : chunk;
    float *logits = pb_malloc(chunk * shape->n_vocab, sizeof *logits);
    pb_status status = logits ? PB_OK : pb_fail_memory(error);
    for (size_t done = 0; !status && done < n; done += chunk) {
        size_t rows_now = n - done < chunk ? n - done : chunk;
        status = pb_unembed(meter->model, rows_now, normed + done * shape->d_model, context, logits,
                            error);
        if (!status)
            pb_meter_rows_of(meter, rows_now, rows + done, normed + done * shape->d_model, logits,
                             numbers + done);
    }
    free(logits);
    return status;
}

pb_status pb_meter_call(const pb_meter *meter, pb_seen *seen, double *value, pb_error **error)
{
    seen->like = meter->runs[seen->prompt];
    seen->reads = &meter->reads[seen->prompt];
    return meter->metric->call(meter->metric->user, seen, value, error);
}

const pb_reads *pb_meter_reads(const pb_meter *meter, size_t prompt)
{
    return meter->reads ? &meter->reads[prompt] : NULL;
}

/* Whether the function reads activations of which the rows are only computed where they are asked
 * for: of the last layer, and after it. */
static bool reads_last(const pb_meter *meter, const pb_reads *reads)
{
    size_t n_layer = pb_model_shape(meter->model)->n_layer;
    for (size_t site = 0; site < PB_N_SITES; site++) {
        bool end = pb_site_info((pb_site)site)->stage == PB_STAGE_END;
        if (reads->sites[site * n_layer + (end ? 0 : n_layer - 1)])
            return true;
    }
    return false;
}

void pb_meter_settle(pb_meter *meter, size_t prompt)
{
    reading *read = &meter->readings[prompt];
    const pb_reads *reads = &meter->reads[prompt];
    size_t length = pb_run_length(meter->runs[prompt]);
    if (reads_last(meter, reads))
        return;
    read->n = 0;
    for (size_t i = 0; i < length; i++) { /* a pass has to ask for a row */
        if (reads->rows[i] || (i + 1 == length && (!read->n || reads->hidden)))
            read->positions[read->n++] = i;
    }
}
