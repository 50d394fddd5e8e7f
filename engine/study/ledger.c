/* Reading and adding up what each component wrote; see ledger.h. */
#include "ledger.h"

#include <string.h>

#include "base/memory.h"
#include "components.h"
#include "math/kernels.h"
#include "model/route.h"
#include "places.h"

/* ---- targets ---- */

static pb_status subtract_against(const pb_ledger *book, size_t which, pb_ledger_column *to,
                                  pb_error **error)
{
    const pb_attribute_spec *spec = book->spec;
    size_t d = book->shape->d_model;
    float bias = 0, *against = pb_malloc(d, sizeof *against);
    if (!against)
        return pb_fail_memory(error);
    const int32_t *token = &spec->against[spec->n_against > 1 ? which : 0];
    pb_status status = pb_model_unembed_columns(book->model, 1, token, against, &bias, error);
    for (size_t i = 0; !status && i < d; i++)
        to->normed[i] -= against[i];
    to->bias -= bias;
    free(against);
    return status;
}

static pb_status target_fill(const pb_ledger *book, size_t which, pb_ledger_column *to,
                             pb_error **error)
{
    const pb_attribute_spec *spec = book->spec;
    size_t d = book->shape->d_model;
    float bias = 0;
    to->normed = pb_malloc(d, sizeof *to->normed);
    to->centred = pb_malloc(d, sizeof *to->centred);
    if (!to->normed || !to->centred)
        return pb_fail_memory(error);
    pb_status status = PB_OK;
    if (spec->directions) {
        memcpy(to->normed, spec->directions + (spec->n_directions > 1 ? which * d : 0),
               d * sizeof *to->normed);
    } else {
        const int32_t *token = &spec->targets[spec->n_targets > 1 ? which : 0];
        status = pb_model_unembed_columns(book->model, 1, token, to->normed, &bias, error);
    }
    to->bias = bias;
    if (!status && spec->n_against)
        status = subtract_against(book, which, to, error);
    if (status)
        return status;
    if (spec->inner) {
        memcpy(to->centred, to->normed, d * sizeof *to->centred);
        return PB_OK;
    }
    const float *gain = pb_model_final_gain(book->model), *beta = pb_model_final_bias(book->model);
    double mean = 0;
    for (size_t i = 0; i < d; i++) {
        to->centred[i] = gain ? to->normed[i] * gain[i] : to->normed[i];
        mean += to->centred[i] / (double)d;
    }
    for (size_t i = 0; !book->shape->rms && i < d; i++)
        to->centred[i] = (float)(to->centred[i] - mean);
    to->constant = beta ? pb_dot(d, beta, to->normed) : 0;
    return PB_OK;
}

static pb_status targets_create(pb_ledger *book, pb_error **error)
{
    const pb_attribute_spec *spec = book->spec;
    if (spec->n_targets == 0 && spec->n_directions == 0)
        return pb_fail(error, PB_TYPE, "attribution needs a target token");
    pb_status status = pb_check_count("targets", spec->n_targets, book->n_runs, error);
    if (!status)
        status = pb_check_count("directions", spec->n_directions, book->n_runs, error);
    if (!status)
        status = pb_check_count("targets to compare with", spec->n_against, book->n_runs, error);
    if (status)
        return status;
    bool many = spec->n_targets > 1 || spec->n_against > 1 || spec->n_directions > 1;
    book->n_targets = many ? book->n_runs : 1;
    book->targets = pb_calloc(book->n_targets, sizeof *book->targets);
    if (!book->targets)
        return pb_fail_memory(error);
    for (size_t i = 0; !status && i < book->n_targets; i++)
        status = target_fill(book, i, &book->targets[i], error);
    return status;
}

const pb_ledger_column *pb_ledger_target(const pb_ledger *book, size_t row)
{
    return &book->targets[book->n_targets > 1 ? row / book->n_each : 0];
}

/* ---- reading contributions ---- */

/* The row of the ledger a row of a view is, SIZE_MAX if none. */
static size_t find_row(const pb_ledger *book, pb_row row)
{
    const pb_positions *positions = &book->positions[row.sequence];
    size_t low = 0, high = positions->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (positions->at[middle] < row.position)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < positions->n && positions->at[low] == row.position;
    return found ? row.sequence * book->n_each + low : SIZE_MAX;
}

static void read_component(pb_ledger *book, const pb_view *view, size_t component)
{
    for (size_t r = 0; r < view->n_rows; r++) {
        size_t row = find_row(book, view->rows[r]);
        if (row != SIZE_MAX)
            book->parts[row * book->n_components + component] =
                pb_dot(view->width, view->data + r * view->row_stride,
                       pb_ledger_target(book, row)->centred);
    }
}

/* Which rows write to the stream: a head's of W_O, a neuron's of W_out. */
static const float *unit_weights(const pb_ledger *book, size_t layer)
{
    const pb_layer_weights *weights = pb_model_layer(book->model, layer);
    return book->spec->by == PB_BY_HEAD ? weights->w_o : weights->w_out;
}

/* What a unit holds before it writes. An edit of `result` is not seen in z, nor one of mlp_out in
 * mlp_post: that goes to the rest. */
static pb_site unit_site(const pb_ledger *book)
{
    if (book->spec->by == PB_BY_NEURON)
        return PB_SITE_MLP_POST;
    return book->edited ? PB_SITE_RESULT : PB_SITE_Z;
}

/* directions[t, unit, :] = W[unit] u_t: what a unit writes is then its activation . direction. Once
 * a layer, of which long prompts are shown in several views. */
static pb_status project_targets(pb_ledger *book, size_t layer, pb_error **error)
{
    size_t d = book->shape->d_model, inner = book->n_units * book->unit_width;
    const float *weights = unit_weights(book, layer);
    pb_status status = PB_OK;
    if (book->directions_of == layer)
        return PB_OK;
    for (size_t t = 0; !status && t < book->n_targets; t++) {
        status = pb_watch_check(book->context->watch, error);
        for (size_t i = 0; !status && i < inner; i++)
            book->unit_directions[t * inner + i] =
                (float)pb_dot(d, weights + i * d, book->targets[t].centred);
    }
    book->directions_of = layer;
    return status;
}

/* A view of neurons is one row of numbers; to the ledger each is a unit of width 1. */
static pb_status read_units(pb_ledger *book, const pb_view *view, pb_error **error)
{
    bool written = view->site == PB_SITE_RESULT; /* already as it goes to the stream */
    size_t width = written ? view->width : book->unit_width;
    size_t stride = book->spec->by == PB_BY_NEURON ? 1 : view->head_stride;
    pb_status status = written ? PB_OK : project_targets(book, view->layer, error);
    for (size_t r = 0; !status && r < view->n_rows; r++) {
        size_t row = find_row(book, view->rows[r]);
        if (row == SIZE_MAX)
            continue;
        size_t which = book->n_targets > 1 ? row / book->n_each : 0;
        const float *x = view->data + r * view->row_stride;
        double *out = book->units + (row * book->shape->n_layer + view->layer) * book->n_units;
        for (size_t i = 0; i < book->n_units; i++) {
            const float *direction =
                written ? book->targets[which].centred
                        : book->unit_directions + (which * book->n_units + i) * width;
            out[i] = pb_dot(width, x + i * stride, direction);
        }
    }
    return status;
}

static void read_scale(pb_ledger *book, const pb_view *view)
{
    for (size_t r = 0; r < view->n_rows; r++) {
        size_t row = find_row(book, view->rows[r]);
        if (row != SIZE_MAX)
            book->sigma[row] = view->data[r * view->row_stride];
    }
}

static bool ledger_wants(void *user, pb_site site, size_t layer)
{
    const pb_ledger *book = user;
    const pb_attribute_spec *spec = book->spec;
    if (spec->inner &&
        (site == PB_SITE_LN_FINAL_SCALE || (pb_site_info(site)->layers && layer > spec->layer)))
        return false;
    return (pb_site_info(site)->component && pb_site_is_in(book->model, site)) ||
           site == PB_SITE_LN_FINAL_SCALE || (book->n_units && site == unit_site(book));
}

static pb_status ledger_at(void *user, const pb_view *view, pb_error **error)
{
    pb_ledger *book = user;
    if (pb_site_info(view->site)->component)
        read_component(book, view, pb_component_of(book->model, view->site, view->layer));
    if (view->site == PB_SITE_LN_FINAL_SCALE)
        read_scale(book, view);
    if (book->n_units && view->site == unit_site(book))
        return read_units(book, view, error);
    return PB_OK;
}

static pb_status read_pass(pb_ledger *book, pb_error **error)
{
    pb_sequence *sequences = pb_calloc(book->n_runs, sizeof *sequences);
    float *normed = pb_malloc(book->n_rows * book->shape->d_model, sizeof *normed);
    pb_route route = {book->runs, book->n_runs};
    pb_hooks theirs = pb_route_hooks(&route), ours = {book, ledger_wants, ledger_at};
    const pb_hooks *hooks[2] = {&theirs, &ours};
    pb_status status = sequences && normed ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < book->n_runs; i++)
        sequences[i] = (pb_sequence){.n = pb_run_length(book->runs[i]),
                                     .tokens = pb_run_tokens(book->runs[i]),
                                     .wanted = book->positions[i].at,
                                     .n_wanted = book->positions[i].n};
    bool inner = book->spec->inner;
    pb_batch batch = {.sequences = sequences,
                      .n = book->n_runs,
                      .hooks = hooks,
                      .n_hooks = 2,
                      .stop = inner ? book->spec->layer + 1 : 0};
    if (!status)
        status = pb_forward(book->model, &batch, book->context, inner ? normed : NULL,
                            inner ? NULL : normed, error);
    free(sequences);
    free(normed);
    return status;
}

/* The runs have kept all that is asked for: no edits, no neurons, no position but the last. */
static bool is_kept(const pb_ledger *book)
{
    for (size_t i = 0; i < book->n_runs; i++)
        if (book->positions[i].n != 1 ||
            book->positions[i].at[0] + 1 != pb_run_length(book->runs[i]))
            return false;
    return !book->edited && book->spec->by != PB_BY_NEURON;
}

/* A site's values of the i-th run at its last position. */
static void copy_kept(const pb_ledger *book, pb_site site, size_t layer, size_t i, float *to)
{
    const pb_run *run = book->runs[i];
    size_t d = book->shape->d_model, last = pb_run_length(run) - 1;
    if (site == PB_SITE_EMBED)
        pb_model_embedding(book->model, (size_t)pb_run_tokens(run)[last], to);
    else if (site == PB_SITE_POS_EMBED)
        pb_model_position(book->model, last, to);
    else if (site == PB_SITE_LN_FINAL_SCALE)
        pb_model_norm_scale(book->model, 1, pb_run_resid(run, book->shape->n_layer) + last * d, to);
    else
        memcpy(to, pb_run_last(run, site, layer),
               pb_site_heads(book->model, site) * pb_site_width(book->model, site) * sizeof *to);
}

/* Shows the ledger a site as the pass would, a row per run. */
static pb_status show_kept(pb_ledger *book, pb_site site, size_t layer, pb_row *rows, float *values,
                           pb_error **error)
{
    size_t n_heads = pb_site_heads(book->model, site), width = pb_site_width(book->model, site);
    for (size_t i = 0; i < book->n_runs; i++) {
        rows[i] = (pb_row){i, pb_run_length(book->runs[i]) - 1};
        copy_kept(book, site, layer, i, values + i * n_heads * width);
    }
    pb_view view = {.site = site,
                    .layer = layer,
                    .data = values,
                    .n_rows = book->n_runs,
                    .n_heads = n_heads,
                    .width = width,
                    .row_stride = n_heads * width,
                    .head_stride = width,
                    .rows = rows};
    return ledger_at(book, &view, error);
}

static pb_status read_kept(pb_ledger *book, pb_error **error)
{
    pb_row *rows = pb_malloc(book->n_runs, sizeof *rows);
    size_t widest =
        book->shape->d_q > book->shape->d_model ? book->shape->d_q : book->shape->d_model;
    float *values = pb_malloc(book->n_runs, widest * sizeof *values);
    pb_status status = rows && values ? PB_OK : pb_fail_memory(error);
    for (int site = 0; site < PB_N_SITES; site++) {
        size_t n_layers = pb_site_layers(book->model, (pb_site)site);
        for (size_t l = 0; !status && ledger_wants(book, (pb_site)site, l) && l < n_layers; l++)
            status = show_kept(book, (pb_site)site, l, rows, values, error);
    }
    free(values);
    free(rows);
    return status;
}

/* ---- adding up ---- */

/* What edits wrote to the stream beside the components, and the constant of an unfolded norm. */
static void complete_row(pb_ledger *book, size_t row)
{
    const pb_ledger_column *to = pb_ledger_target(book, row);
    size_t d = book->shape->d_model, run = row / book->n_each;
    size_t position = book->positions[run].at[row % book->n_each];
    size_t last = book->n_components - 1;
    double *parts = book->parts + row * book->n_components, written = 0;
    size_t n_written = book->n_components - book->stream_edited;
    if (!book->spec->inner)
        n_written = pb_components_written(book->model);
    for (size_t c = 0; c < n_written; c++)
        written += parts[c];
    if (book->stream_edited) {
        size_t layer = book->spec->inner ? book->spec->layer + 1 : book->shape->n_layer;
        const float *stream = pb_run_resid(book->runs[run], layer) + position * d;
        parts[last] = pb_dot(d, stream, to->centred) - written;
    }
    bool scaled = book->spec->scale && !book->spec->inner;
    double scale = scaled ? 1 / (double)book->sigma[row] : 1;
    for (size_t c = 0; c < book->n_components; c++)
        parts[c] *= scale;
    if (pb_model_final_bias(book->model) && !book->spec->inner)
        parts[n_written] = to->constant; /* not divided: the norm adds it after */
    size_t grid = book->shape->n_layer * book->n_units;
    for (size_t i = 0; i < grid; i++)
        book->units[row * grid + i] *= scale;
}

/* The number of heads or neurons, and how many numbers each holds at its site. */
static void choose_units(pb_ledger *book)
{
    const pb_shape *shape = book->shape;
    switch (book->spec->by) {
    case PB_BY_COMPONENT: break;
    case PB_BY_HEAD: book->n_units = shape->n_head, book->unit_width = shape->d_head; break;
    case PB_BY_NEURON: book->n_units = shape->d_mlp, book->unit_width = 1; break;
    }
}

static pb_status reserve(pb_ledger *book, pb_error **error)
{
    size_t grid, inner = book->n_units * book->unit_width;
    if (!pb_size_mul(book->shape->n_layer * book->n_units, book->n_rows, &grid))
        return pb_fail_memory(error);
    book->parts = pb_calloc(book->n_rows * book->n_components, sizeof *book->parts);
    book->sigma = pb_calloc(book->n_rows, sizeof *book->sigma);
    if (!book->parts || !book->sigma)
        return pb_fail_memory(error);
    if (book->n_units == 0)
        return PB_OK;
    book->units = pb_calloc(grid, sizeof *book->units);
    book->unit_directions = pb_malloc(book->n_targets, inner * sizeof *book->unit_directions);
    return book->units && book->unit_directions ? PB_OK : pb_fail_memory(error);
}

pb_status pb_ledger_fill(pb_ledger *book, pb_error **error)
{
    pb_route route = {book->runs, book->n_runs};
    book->edited = pb_route_edits(&route);
    book->stream_edited = pb_route_edits_stream(&route);
    book->n_components = book->spec->inner
                             ? pb_components_before(book->model, book->spec->layer + 1)
                             : pb_component_count(book->model);
    book->n_components += book->stream_edited;
    book->directions_of = SIZE_MAX;
    choose_units(book);
    pb_status status = targets_create(book, error);
    if (!status && book->spec->heads)
        status =
            pb_heads_check(book->model, PB_SITE_Z, book->spec->heads, book->spec->n_heads, error);
    if (!status)
        status = reserve(book, error);
    if (!status)
        status = is_kept(book) ? read_kept(book, error) : read_pass(book, error);
    for (size_t row = 0; !status && row < book->n_rows; row++)
        complete_row(book, row);
    return status;
}

void pb_ledger_clear(pb_ledger *book)
{
    for (size_t i = 0; book->targets && i < book->n_targets; i++) {
        free(book->targets[i].normed);
        free(book->targets[i].centred);
    }
    free(book->targets);
    free(book->parts);
    free(book->units);
    free(book->unit_directions);
    free(book->sigma);
}
