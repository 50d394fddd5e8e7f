/*
 * Path patching; see study/path.h.
 *
 * A cell is a prompt pair, a group of senders, and all receivers, or one of them. The groups of a
 * pair go through pass 1 in batches, with everything frozen but the senders (and, by mode, MLPs and
 * norms), which records what every receiver reads; pass 2 takes the cells, with their receivers set
 * to that. What the logits receive is the end of pass 1.
 */
#include "study/path.h"

#include <math.h>
#include <string.h>

#include "base/gap.h"
#include "base/memory.h"
#include "meter.h"
#include "model/route.h"
#include "normalize.h"
#include "path_parts.h"
#include "places.h"

enum {
    BATCH_ROWS = 1024,
    RECORD_BYTES = 128 * 1024 * 1024 /* of what receivers read, held at a time */
};

/* ---- pass 1: what is frozen, what is sent, what is recorded ---- */

static void copy_rows(const pb_view *view, size_t row, const float *source)
{
    size_t position = view->rows[row].position;
    for (size_t h = 0; h < view->n_heads; h++)
        memcpy(view->data + row * view->row_stride + h * view->head_stride,
               source + (position * view->n_heads + h) * view->width, view->width * sizeof *source);
}

/* What a row's group sends here, at the chosen positions. */
static void send(const pb_path_batch *batch, const pb_view *view, size_t row)
{
    const pb_path_pair *pair = batch->pair;
    size_t position = view->rows[row].position;
    const pb_path_group *group = &batch->groups[view->rows[row].sequence];
    for (size_t i = 0; pair->sent[position] && i < group->n; i++) {
        const pb_path_sender *sender = &group->senders[i];
        size_t head = sender->output == PB_PATH_FROM_HEAD ? sender->head : 0;
        if (pb_path_sender_site(sender) == view->site && sender->layer == view->layer)
            memcpy(view->data + row * view->row_stride + head * view->head_stride,
                   pair->out[view->site][view->layer] +
                       (position * view->n_heads + head) * view->width,
                   view->width * sizeof(float));
    }
}

static const float *frozen_at(const pb_path_batch *batch, pb_site site, size_t layer)
{
    float **frozen = batch->pair->frozen[site];
    return frozen ? frozen[layer] : NULL;
}

/* What a receiver reads at a row, kept or put back: of the row's sequence in pass 1, of its cell in
 * pass 2. */
static void exchange(const pb_path_batch *batch, const pb_view *view, size_t row, bool record)
{
    size_t sequence = view->rows[row].sequence;
    const pb_path_cell *cell = record ? NULL : &batch->cells[sequence];
    for (size_t r = 0; r < batch->n_receivers; r++) {
        const pb_receiver *receiver = &batch->receivers[r];
        bool other = cell && cell->receiver != SIZE_MAX && cell->receiver != batch->owners[r];
        if (other || pb_receiver_site(receiver) != view->site || receiver->layer != view->layer)
            continue;
        size_t head = view->n_heads > 1 ? receiver->head : 0;
        float *here = view->data + row * view->row_stride + head * view->head_stride;
        size_t place = (cell ? cell->group : sequence) * batch->length + view->rows[row].position;
        float *kept = batch->recorded[r] + place * view->width;
        memcpy(record ? kept : here, record ? here : kept, view->width * sizeof *kept);
    }
}

static bool is_sent(const pb_path_batch *batch, pb_site site, size_t layer)
{
    for (size_t g = 0; g < batch->n; g++) {
        for (size_t i = 0; i < batch->groups[g].n; i++) {
            const pb_path_sender *sender = &batch->groups[g].senders[i];
            if (pb_path_sender_site(sender) == site && sender->layer == layer)
                return true;
        }
    }
    return false;
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
    return frozen_at(batch, site, layer) || is_sent(batch, site, layer) ||
           is_received(batch, site, layer);
}

static pb_status first_at(void *user, const pb_view *view, pb_error **error)
{
    const pb_path_batch *batch = user;
    const float *frozen = frozen_at(batch, view->site, view->layer);
    (void)error;
    for (size_t row = 0; row < view->n_rows; row++) {
        if (frozen)
            copy_rows(view, row, frozen);
        send(batch, view, row);
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

/* What goes through a pass: sequences of the pair's `into`, each from a layer on. */
typedef struct passage {
    const pb_path_batch *batch;
    const size_t *layers; /* [n]; SIZE_MAX: from its tokens */
    size_t n, stop;
    const size_t *wanted; /* NULL with n_wanted 0: nothing is read at its end */
    size_t n_wanted;
} passage;

/* An edited prompt starts from its tokens, so that its edits are made once. */
static pb_sequence sequence_of(const passage *way, size_t which, pb_entry_rows *rows)
{
    pb_run *into = way->batch->pair->into;
    size_t layer = way->layers[which];
    pb_sequence made = {.n = way->batch->length, .wanted = way->wanted, .n_wanted = way->n_wanted};
    if (pb_run_is_edited(into) || layer == SIZE_MAX) {
        made.tokens = pb_run_tokens(into);
        return made;
    }
    *rows = (pb_entry_rows){.n = way->batch->length, .resid = pb_run_resid(into, layer)};
    made.layer = layer;
    made.entry = rows;
    made.n_entry = 1;
    return made;
}

static pb_status forward(const passage *way, const pb_hooks *ours, float *normed,
                         const pb_context *context, pb_error **error)
{
    pb_run *into = way->batch->pair->into;
    pb_sequence *sequences = pb_calloc(way->n, sizeof *sequences);
    pb_entry_rows *rows = pb_calloc(way->n, sizeof *rows);
    pb_run **runs = pb_calloc(way->n, sizeof *runs);
    pb_status status = sequences && rows && runs ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < way->n; i++) {
        runs[i] = into;
        sequences[i] = sequence_of(way, i, &rows[i]);
    }
    pb_route route = {runs, way->n};
    pb_hooks theirs = pb_route_hooks(&route);
    const pb_hooks *hooks[2] = {&theirs, ours};
    pb_batch all = {.sequences = sequences,
                    .n = way->n,
                    .hooks = hooks,
                    .n_hooks = 2,
                    .stop = way->stop,
                    .whole = !status && pb_route_is_whole(&route)};
    if (!status)
        status = pb_forward(pb_run_model(into), &all, context, NULL, normed, error);
    free(sequences);
    free(rows);
    free(runs);
    return status;
}

/* ---- where they begin and end ---- */

/* The first layer that a group changes; SIZE_MAX: the tokens. */
static size_t start_of(const pb_path_group *group)
{
    size_t start = SIZE_MAX;
    for (size_t i = 0; i < group->n; i++) {
        if (group->senders[i].output == PB_PATH_FROM_EMBED)
            return SIZE_MAX;
        start = group->senders[i].layer < start ? group->senders[i].layer : start;
    }
    return start;
}

/* The first and last layers with a receiver but the logits; whether those are one. */
static bool span_of(const pb_path_batch *batch, size_t *earliest, size_t *latest)
{
    bool logits = false;
    *earliest = SIZE_MAX;
    *latest = 0;
    for (size_t r = 0; r < batch->n_receivers; r++) {
        size_t layer = batch->receivers[r].layer;
        if (batch->receivers[r].input == PB_PATH_LOGITS) {
            logits = true;
            continue;
        }
        *earliest = layer < *earliest ? layer : *earliest;
        *latest = layer > *latest ? layer : *latest;
    }
    return logits;
}

/* ---- the metric ---- */

/* Of n sequences of the pair. */
static pb_status read_values(const pb_path_batch *batch, const pb_meter *meter, size_t n,
                             const size_t *wanted, size_t n_wanted, const float *normed,
                             const pb_context *context, double *values, pb_error **error)
{
    const int32_t *tokens = pb_run_tokens(batch->pair->into);
    size_t d = pb_model_shape(pb_run_model(batch->pair->into))->d_model, index = batch->pair->index;
    pb_status status = PB_OK;
    if (pb_meter_calls(meter)) {
        for (size_t i = 0; !status && i < n; i++) {
            pb_path_seen own = {batch, i};
            pb_seen seen = {.prompt = index,
                            .run = batch->pair->into,
                            .normed = normed + i * n_wanted * d,
                            .whole = pb_path_whole_run,
                            .user = &own};
            status = pb_meter_call(meter, &seen, &values[i], error);
            pb_seen_clear(&seen);
        }
        return status;
    }
    pb_meter_row *rows = pb_malloc(n * n_wanted, sizeof *rows);
    double *numbers = pb_malloc(n * n_wanted, sizeof *numbers);
    status = rows && numbers ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < n * n_wanted; i++)
        rows[i] = (pb_meter_row){index, wanted[i % n_wanted], tokens};
    if (!status)
        status = pb_meter_rows(meter, n * n_wanted, rows, normed, context, numbers, error);
    for (size_t i = 0; !status && i < n; i++) {
        values[i] = 0;
        for (size_t w = 0; w < n_wanted; w++)
            values[i] += numbers[i * n_wanted + w] / (double)n_wanted;
    }
    free(rows);
    free(numbers);
    return status;
}

/* ---- both passes ---- */

/* A batch at work. */
typedef struct tracing {
    pb_path_batch *batch;
    const pb_meter *meter;
    const pb_context *context;
    const size_t *wanted; /* the positions that the metric reads */
    size_t n_wanted;
    size_t earliest, latest;
    bool to_logits;
    bool each; /* receivers one at a time */
} tracing;

static float *final_rows(const tracing *work, size_t n)
{
    size_t d = pb_model_shape(pb_run_model(work->batch->pair->into))->d_model;
    return pb_malloc(n * work->n_wanted * d, sizeof(float));
}

/* Pass 1 of every group; with the logits among the receivers also their values. Receivers that come
 * before every sender read what they read in `into`: with all set together pass 1 begins early
 * enough to record that too. */
static pb_status first_pass(const tracing *work, double *values, pb_error **error)
{
    const pb_path_batch *batch = work->batch;
    const pb_hooks hooks = {work->batch, first_wants, first_at};
    size_t *layers = pb_malloc(batch->n, sizeof *layers);
    float *normed = work->to_logits ? final_rows(work, batch->n) : NULL;
    pb_status status = layers && (normed || !work->to_logits) ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < batch->n; i++) {
        layers[i] = start_of(&batch->groups[i]);
        if (!work->each && layers[i] != SIZE_MAX && work->earliest < layers[i])
            layers[i] = work->earliest;
    }
    const passage way = {.batch = batch,
                         .layers = layers,
                         .n = batch->n,
                         .stop = work->to_logits ? 0 : work->latest + 1,
                         .wanted = work->to_logits ? work->wanted : NULL,
                         .n_wanted = work->to_logits ? work->n_wanted : 0};
    if (!status)
        status = forward(&way, &hooks, normed, work->context, error);
    if (!status && work->to_logits)
        status = read_values(batch, work->meter, batch->n, work->wanted, work->n_wanted, normed,
                             work->context, values, error);
    free(layers);
    free(normed);
    return status;
}

/* Pass 2 of some cells. */
static pb_status second_pass(const tracing *work, const pb_path_cell *cells, size_t n,
                             double *values, pb_error **error)
{
    const pb_hooks hooks = {work->batch, second_wants, second_at};
    size_t *layers = pb_malloc(n, sizeof *layers);
    float *normed = final_rows(work, n);
    pb_status status = layers && normed ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < n; i++) {
        layers[i] = work->earliest;
        for (size_t r = 0; work->each && r < work->batch->n_receivers; r++) {
            if (work->batch->owners[r] == cells[i].receiver)
                layers[i] = work->batch->receivers[r].layer;
        }
    }
    work->batch->cells = cells;
    const passage way = {.batch = work->batch,
                         .layers = layers,
                         .n = n,
                         .wanted = work->wanted,
                         .n_wanted = work->n_wanted};
    if (!status)
        status = forward(&way, &hooks, normed, work->context, error);
    if (!status)
        status = read_values(work->batch, work->meter, n, work->wanted, work->n_wanted, normed,
                             work->context, values, error);
    free(layers);
    free(normed);
    return status;
}

/* ---- all cells ---- */

typedef struct tracer {
    const pb_path_spec *spec;
    pb_model *model;
    pb_context context; /* counts the work of both passes */
    pb_context aside;   /* counts nothing */
    pb_meter *meter;
    pb_receiver *receivers;
    size_t *owners;
    size_t n_receivers;
    pb_path_group *groups;
    size_t n_groups, n_columns; /* columns: the receivers, where they are taken one at a time */
    pb_work work;
    double *values; /* [n_pairs, n_groups, n_columns], NaN where not done */
    double *into, *from;
    size_t done;
} tracer;

/* Does anything that a group sends reach a receiver of the specification, or with SIZE_MAX any? */
static bool has_path(const tracer *trace, const pb_path_group *group, size_t receiver)
{
    for (size_t r = 0; r < trace->n_receivers; r++) {
        for (size_t s = 0; s < group->n; s++) {
            bool asked = receiver == SIZE_MAX || receiver == trace->owners[r];
            if (asked && pb_receiver_reads(trace->model, &trace->receivers[r], &group->senders[s]))
                return true;
        }
    }
    return false;
}

/* The cells of a batch's groups that need pass 2. */
static size_t list_cells(const tracer *trace, const tracing *work, pb_path_cell *cells)
{
    size_t n = 0;
    for (size_t g = 0; g < work->batch->n; g++) {
        if (!work->each) {
            cells[n++] = (pb_path_cell){g, SIZE_MAX};
            continue;
        }
        for (size_t r = 0; r < trace->n_columns; r++) {
            if (trace->spec->receivers[r].input != PB_PATH_LOGITS &&
                has_path(trace, &work->batch->groups[g], r))
                cells[n++] = (pb_path_cell){g, r};
        }
    }
    return n;
}

/* Puts numbers of cells where they belong among the batch's values, [n, n_columns]. */
static void place_values(const tracer *trace, const pb_path_cell *cells, size_t n,
                         const double *numbers, double *values)
{
    for (size_t i = 0; i < n; i++) {
        size_t column = cells[i].receiver == SIZE_MAX ? 0 : cells[i].receiver;
        values[cells[i].group * trace->n_columns + column] = numbers[i];
    }
}

static pb_status second_passes(tracer *trace, const tracing *work, double *values, pb_error **error)
{
    size_t most = BATCH_ROWS / work->batch->length > 0 ? BATCH_ROWS / work->batch->length : 1;
    pb_path_cell *cells = pb_malloc(work->batch->n * trace->n_columns, sizeof *cells);
    double *numbers = pb_malloc(most, sizeof *numbers);
    pb_status status = cells && numbers ? PB_OK : pb_fail_memory(error);
    size_t n = status ? 0 : list_cells(trace, work, cells);
    for (size_t at = 0, taken; !status && at < n; at += taken) {
        taken = n - at < most ? n - at : most;
        status = pb_watch_check(trace->context.watch, error);
        if (!status)
            status = second_pass(work, cells + at, taken, numbers, error);
        if (!status)
            place_values(trace, cells + at, taken, numbers, values);
    }
    work->batch->cells = NULL;
    free(cells);
    free(numbers);
    return status;
}

/* The logits' values stand in the column of that receiver. */
static void place_logits(const tracer *trace, size_t n, const double *numbers, double *values)
{
    for (size_t r = 0; r < trace->n_columns; r++) {
        for (size_t g = 0; trace->spec->receivers[r].input == PB_PATH_LOGITS && g < n; g++)
            values[g * trace->n_columns + r] = numbers[g];
    }
}

static pb_status compute_batch(tracer *trace, pb_path_batch *batch, double *values,
                               pb_error **error)
{
    tracing work = {.batch = batch,
                    .meter = trace->meter,
                    .context = &trace->context,
                    .each = trace->spec->each_receiver};
    double *numbers = pb_malloc(batch->n, sizeof *numbers);
    pb_status status = numbers ? pb_path_recorder_create(batch, error) : pb_fail_memory(error);
    work.wanted = pb_meter_positions(trace->meter, batch->pair->index, &work.n_wanted);
    work.to_logits = span_of(batch, &work.earliest, &work.latest);
    if (!status)
        status = first_pass(&work, numbers, error);
    if (!status && work.to_logits)
        place_logits(trace, batch->n, numbers, values);
    if (!status && (work.each || !work.to_logits))
        status = second_passes(trace, &work, values, error);
    pb_path_recorder_free(batch);
    free(numbers);
    return status;
}

/* Bytes of what is recorded of one group. */
static size_t recorded_bytes(const tracer *trace, size_t length)
{
    size_t floats = 0;
    for (size_t r = 0; r < trace->n_receivers; r++) {
        if (trace->receivers[r].input != PB_PATH_LOGITS)
            floats += pb_site_width(trace->model, pb_receiver_site(&trace->receivers[r]));
    }
    return floats * length * sizeof(float);
}

/* How many groups go through pass 1 together. */
static size_t groups_in_batch(const tracer *trace, size_t length)
{
    size_t by_rows = BATCH_ROWS / length, bytes = recorded_bytes(trace, length);
    size_t most = bytes && RECORD_BYTES / bytes < by_rows ? RECORD_BYTES / bytes : by_rows;
    return most ? most : 1;
}

/* A group from which nothing leads to any receiver leaves `into` as it is; of single receivers it
 * has no path. */
static void without_path(const tracer *trace, size_t index, double *values)
{
    if (!trace->spec->each_receiver)
        values[0] = trace->into[index];
}

static pb_status trace_pair(tracer *trace, size_t index, pb_error **error)
{
    const pb_path_spec *spec = trace->spec;
    pb_path_pair pair = {.index = index, .into = spec->into[index], .from = spec->from[index]};
    double *values = trace->values + index * trace->n_groups * trace->n_columns;
    size_t length = pb_run_length(pair.into), most = groups_in_batch(trace, length);
    pb_status status =
        pb_path_pair_read(&pair, spec, trace->groups, trace->n_groups, &trace->aside, error);
    for (size_t g = 0; !status && g < trace->n_groups;) {
        size_t n = 0;
        double *own = values + g * trace->n_columns;
        if (!has_path(trace, &trace->groups[g], SIZE_MAX)) {
            without_path(trace, index, own);
            n = 1;
        } else {
            while (g + n < trace->n_groups && n < most &&
                   has_path(trace, &trace->groups[g + n], SIZE_MAX))
                n++;
            pb_path_batch batch = {.spec = spec,
                                   .pair = &pair,
                                   .groups = trace->groups + g,
                                   .n = n,
                                   .length = length,
                                   .receivers = trace->receivers,
                                   .owners = trace->owners,
                                   .n_receivers = trace->n_receivers};
            status = pb_watch_check(trace->context.watch, error);
            if (!status)
                status = compute_batch(trace, &batch, own, error);
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
        status =
            pb_meter_of_run(trace->meter, i, spec->into[i], &trace->aside, &trace->into[i], error);
        if (!status)
            status = pb_meter_of_run(trace->meter, i, spec->from[i], &trace->aside, &trace->from[i],
                                     error);
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
    size_t cells = trace->n_groups * trace->n_columns;
    const pb_measured measured = {.n_pairs = spec->n_pairs,
                                  .n_cells = cells,
                                  .into = trace->into,
                                  .from = trace->from,
                                  .cells = trace->values};
    pb_status status = pb_check_ends_differ(&measured, error);
    if (!status && spec->prompts)
        status = pb_normalized_mean(&measured, rank - 1, axes + 1, &result->mean, error);
    for (size_t i = 0; !status && i < spec->n_pairs * cells; i++)
        trace->values[i] = pb_normalized(&measured, i / cells, i % cells);
    return status;
}

enum { NAME_SIZE = 48 };

/* An axis labelled by the names of senders, or else of receivers. */
static pb_status axis_of_names(const char *name, size_t n, const pb_path_sender *senders,
                               const pb_receiver *receivers, pb_axis **axis, pb_error **error)
{
    char(*names)[NAME_SIZE] = pb_malloc(n, sizeof *names);
    const char **labels = pb_malloc(n, sizeof *labels);
    pb_status status = names && labels ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < n; i++) {
        if (senders)
            pb_path_sender_name(&senders[i], names[i], sizeof names[i]);
        else
            pb_receiver_name(&receivers[i], names[i], sizeof names[i]);
        labels[i] = names[i];
    }
    if (!status)
        status = pb_axis_create(name, n, NULL, labels, axis, error);
    free(names);
    free(labels);
    return status;
}

/* The axes of the values, references of the caller's. */
static pb_status axes_of(const tracer *trace, pb_axis *axes[4], size_t *rank, pb_error **error)
{
    const pb_path_spec *spec = trace->spec;
    pb_status status = PB_OK;
    *rank = 0;
    if (spec->prompts)
        axes[(*rank)++] = pb_axis_retain(spec->prompts);
    if (!spec->senders && !spec->outputs) {
        axes[(*rank)++] = pb_axis_retain(pb_model_axis(trace->model, "layer"));
        axes[(*rank)++] = pb_axis_retain(pb_model_axis(trace->model, "head"));
    } else if (spec->each_sender) {
        status = spec->outputs ? axis_of_names("sender", spec->n_outputs, spec->outputs, NULL,
                                               &axes[*rank], error)
                               : pb_axis_of_heads(trace->model, spec->senders, spec->n_senders,
                                                  &axes[*rank], error);
        *rank += !status;
    }
    if (!status && spec->each_receiver) {
        status = axis_of_names("receiver", spec->n_receivers, NULL, spec->receivers, &axes[*rank],
                               error);
        *rank += !status;
    }
    return status;
}

/* Which cells of a pair have no path: of single receivers, those that come before the group. */
static unsigned char *cells_without_path(const tracer *trace)
{
    size_t n = trace->n_groups * trace->n_columns;
    unsigned char *without = pb_calloc(n, 1);
    for (size_t i = 0; without && trace->spec->each_receiver && i < n; i++)
        without[i] = !has_path(trace, &trace->groups[i / trace->n_columns], i % trace->n_columns);
    return without;
}

/* The same numbers with gaps where there is no path, in place of *tensor. */
static pb_status leave_gaps(const tracer *trace, pb_tensor **tensor, pb_error **error)
{
    size_t cells = trace->n_groups * trace->n_columns;
    pb_axis *axes[4];
    pb_tensor *made = NULL;
    float *data = NULL;
    unsigned char *without = cells_without_path(trace);
    for (size_t a = 0; a < pb_tensor_rank(*tensor); a++)
        axes[a] = pb_tensor_axis(*tensor, a);
    pb_status status = without
                           ? pb_tensor_create(pb_tensor_rank(*tensor), axes, &made, &data, error)
                           : pb_fail_memory(error);
    for (size_t i = 0; !status && i < pb_tensor_size(made); i++)
        data[i] = without[i % cells] ? pb_gap() : pb_tensor_data(*tensor)[i];
    free(without);
    if (status)
        return status;
    pb_tensor_mark_gaps(made);
    pb_tensor_release(tensor);
    *tensor = made;
    return PB_OK;
}

static pb_status write_values(tracer *trace, pb_path_result *result, pb_error **error)
{
    const pb_path_spec *spec = trace->spec;
    size_t rank = 0, n = spec->n_pairs * trace->n_groups * trace->n_columns;
    pb_axis *axes[4] = {NULL};
    pb_status status = axes_of(trace, axes, &rank, error);
    if (!status && spec->normalize)
        status = write_normalized(trace, rank, axes, result, error);
    if (!status)
        status = fill_tensor(rank, axes, trace->values, n, &result->values, error);
    if (!status && spec->each_receiver)
        status = leave_gaps(trace, &result->values, error);
    if (!status && spec->each_receiver && result->mean)
        status = leave_gaps(trace, &result->mean, error);
    for (size_t i = 0; i < rank; i++)
        pb_axis_release(&axes[i]);
    return status;
}

static pb_status write_result(tracer *trace, pb_path_result *result, pb_error **error)
{
    const pb_path_spec *spec = trace->spec;
    pb_axis *prompts[1] = {spec->prompts};
    size_t rank = spec->prompts ? 1 : 0;
    pb_status status = write_values(trace, result, error);
    if (!status)
        status = fill_tensor(rank, prompts, trace->into, spec->n_pairs, &result->into, error);
    if (!status)
        status = fill_tensor(rank, prompts, trace->from, spec->n_pairs, &result->from, error);
    result->row_layers = trace->work.mlp_rows;
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
        status = pb_path_receivers_create(spec, &trace->receivers, &trace->owners,
                                          &trace->n_receivers, error);
    if (!status)
        status = pb_path_groups_create(spec, &trace->groups, &trace->n_groups, error);
    if (status)
        return status;
    size_t cells = spec->n_pairs * trace->n_groups;
    trace->n_columns = spec->each_receiver ? spec->n_receivers : 1;
    if (!pb_size_mul(cells, trace->n_columns, &cells))
        return pb_fail_memory(error);
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
    free(trace->owners);
    free(trace->values);
    free(trace->into);
    free(trace->from);
}

static void count_work(const tracer *trace, const pb_context *context)
{
    if (!context || !context->work)
        return;
    context->work->qkv_rows += trace->work.qkv_rows;
    context->work->mlp_rows += trace->work.mlp_rows;
    context->work->logit_rows += trace->work.logit_rows;
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
    trace.aside = trace.context;
    trace.aside.work = NULL;
    trace.context.work = &trace.work;
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
    count_work(&trace, context);
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
