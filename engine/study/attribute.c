/*
 * Direct logit attribution; see study/attribute.h.
 *
 * (c - mean c) . u = c . (u - mean u), so the direction is centred once instead of every component.
 * At the last position of an unedited prompt the run has kept what its components wrote. Elsewhere
 * one forward pass over all runs reads each contribution as it goes by. Either way nothing larger
 * than a number per component is made.
 */
#include "study/attribute.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "math/kernels.h"
#include "places.h"
#include "positions.h"
#include "route.h"

/* A prompt's target, as the last layer norm's output sees it and as the stream does. */
typedef struct target {
    float *normed;   /* [d_model] W_U[:, target] (- W_U[:, against]) */
    float *centred;  /* [d_model] the same times the norm's gain, less its mean */
    double bias;     /* b_U */
    double constant; /* beta . W_U[:, target] of unfolded norms */
} target;

/* What is being added up, a row per run and position. */
typedef struct ledger {
    pb_run *const *runs;
    size_t n_runs, n_each, n_rows; /* n_rows = n_runs * n_each */
    const pb_positions *positions; /* [n_runs] */
    const pb_model *model;
    const pb_shape *shape;
    const pb_attribute_spec *spec;
    target *targets; /* [n_runs] or [1] */
    size_t n_targets;
    bool edited;
    bool stream_edited; /* an edit writes to the residual stream itself: a component of its own */
    size_t n_components;
    double *parts;          /* [n_rows, n_components] */
    double *heads;          /* [n_rows, n_layer, n_head] */
    float *head_directions; /* [n_targets, n_head, d_head] of the layer at hand */
    float *sigma;           /* [n_rows] */
} ledger;

/* ---- components ---- */

enum { EMBED, POS_EMBED, FIRST_LAYER };

size_t pb_component_count(const pb_model *model)
{
    return FIRST_LAYER + 2 * pb_model_shape(model)->n_layer + (pb_model_final_bias(model) != NULL);
}

pb_component pb_component_at(const pb_model *model, size_t index)
{
    size_t n_layer = pb_model_shape(model)->n_layer;
    if (index == EMBED)
        return (pb_component){-1, "embed"};
    if (index == POS_EMBED)
        return (pb_component){-1, "pos_embed"};
    if (index < FIRST_LAYER + 2 * n_layer)
        return (pb_component){(int)((index - FIRST_LAYER) / 2), index % 2 ? "mlp" : "attn"};
    return (pb_component){-1, index < pb_component_count(model) ? "ln_final_bias" : "edits"};
}

enum { COMPONENT_NAME_SIZE = 40 };

static pb_status component_axis(const pb_model *model, size_t n, pb_axis **axis, pb_error **error)
{
    char(*names)[COMPONENT_NAME_SIZE] = pb_malloc(n, sizeof *names);
    const char **labels = pb_malloc(n, sizeof *labels);
    pb_status status = names && labels ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < n; i++) {
        pb_component what = pb_component_at(model, i);
        if (what.layer < 0)
            snprintf(names[i], COMPONENT_NAME_SIZE, "%s", what.part);
        else
            snprintf(names[i], COMPONENT_NAME_SIZE, "L%d_%s", what.layer, what.part);
        labels[i] = names[i];
    }
    if (!status)
        status = pb_axis_create("component", n, NULL, labels, axis, error);
    free(labels);
    free(names);
    return status;
}

/* ---- targets ---- */

enum { LANES = 8 }; /* sums that do not wait for one another, and fill vector registers */

static double dot(const float *a, const float *b, size_t n)
{
    double sums[LANES] = {0}, sum = 0;
    size_t whole = n - n % LANES;
    for (size_t i = 0; i < whole; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            sums[lane] += (double)a[i + lane] * b[i + lane];
    for (size_t i = whole; i < n; i++)
        sum += (double)a[i] * b[i];
    for (size_t lane = 0; lane < LANES; lane++)
        sum += sums[lane];
    return sum;
}

static pb_status subtract_against(const ledger *book, size_t which, target *to, pb_error **error)
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

static pb_status target_fill(const ledger *book, size_t which, target *to, pb_error **error)
{
    const pb_attribute_spec *spec = book->spec;
    size_t d = book->shape->d_model;
    float bias = 0;
    to->normed = pb_malloc(d, sizeof *to->normed);
    to->centred = pb_malloc(d, sizeof *to->centred);
    if (!to->normed || !to->centred)
        return pb_fail_memory(error);
    const int32_t *token = &spec->targets[spec->n_targets > 1 ? which : 0];
    pb_status status = pb_model_unembed_columns(book->model, 1, token, to->normed, &bias, error);
    to->bias = bias;
    if (!status && spec->n_against)
        status = subtract_against(book, which, to, error);
    if (status)
        return status;
    const float *gain = pb_model_final_gain(book->model), *beta = pb_model_final_bias(book->model);
    double mean = 0;
    for (size_t i = 0; i < d; i++) {
        to->centred[i] = gain ? to->normed[i] * gain[i] : to->normed[i];
        mean += to->centred[i] / (double)d;
    }
    for (size_t i = 0; i < d; i++)
        to->centred[i] = (float)(to->centred[i] - mean);
    to->constant = beta ? dot(beta, to->normed, d) : 0;
    return PB_OK;
}

static pb_status targets_create(ledger *book, pb_error **error)
{
    const pb_attribute_spec *spec = book->spec;
    if (spec->n_targets == 0)
        return pb_fail(error, PB_TYPE, "attribution needs a target token");
    pb_status status = pb_check_count("targets", spec->n_targets, book->n_runs, error);
    if (!status)
        status = pb_check_count("targets to compare with", spec->n_against, book->n_runs, error);
    if (status)
        return status;
    book->n_targets = spec->n_targets > 1 || spec->n_against > 1 ? book->n_runs : 1;
    book->targets = pb_calloc(book->n_targets, sizeof *book->targets);
    if (!book->targets)
        return pb_fail_memory(error);
    for (size_t i = 0; !status && i < book->n_targets; i++)
        status = target_fill(book, i, &book->targets[i], error);
    return status;
}

static const target *target_of_row(const ledger *book, size_t row)
{
    return &book->targets[book->n_targets > 1 ? row / book->n_each : 0];
}

/* ---- reading contributions ---- */

/* The row of the ledger a row of a view is, SIZE_MAX if none. */
static size_t find_row(const ledger *book, pb_row row)
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

static void read_component(ledger *book, const pb_view *view, size_t component)
{
    for (size_t r = 0; r < view->n_rows; r++) {
        size_t row = find_row(book, view->rows[r]);
        if (row != SIZE_MAX)
            book->parts[row * book->n_components + component] = dot(
                view->data + r * view->row_stride, target_of_row(book, row)->centred, view->width);
    }
}

/* directions[t, h, :] = W_O[h] u_t: a head's contribution is then z . direction. */
static void project_through_w_o(ledger *book, size_t layer)
{
    const pb_shape *shape = book->shape;
    const float *w_o = pb_model_layer(book->model, layer)->w_o;
    size_t inner = shape->n_head * shape->d_head;
    for (size_t t = 0; t < book->n_targets; t++) {
        for (size_t i = 0; i < inner; i++)
            book->head_directions[t * inner + i] =
                (float)dot(w_o + i * shape->d_model, book->targets[t].centred, shape->d_model);
    }
}

static void read_heads(ledger *book, const pb_view *view)
{
    const pb_shape *shape = book->shape;
    bool by_z = view->site == PB_SITE_Z;
    if (by_z)
        project_through_w_o(book, view->layer);
    for (size_t r = 0; r < view->n_rows; r++) {
        size_t row = find_row(book, view->rows[r]);
        if (row == SIZE_MAX)
            continue;
        size_t which = book->n_targets > 1 ? row / book->n_each : 0;
        for (size_t h = 0; h < shape->n_head; h++) {
            const float *direction =
                by_z ? book->head_directions + (which * shape->n_head + h) * shape->d_head
                     : book->targets[which].centred;
            const float *x = view->data + r * view->row_stride + h * view->head_stride;
            book->heads[(row * shape->n_layer + view->layer) * shape->n_head + h] =
                dot(x, direction, view->width);
        }
    }
}

static void read_scale(ledger *book, const pb_view *view)
{
    for (size_t r = 0; r < view->n_rows; r++) {
        size_t row = find_row(book, view->rows[r]);
        if (row != SIZE_MAX)
            book->sigma[row] = view->data[r * view->row_stride];
    }
}

/* An edit of `result` is not seen in z. */
static pb_site head_site(const ledger *book)
{
    return book->edited ? PB_SITE_RESULT : PB_SITE_Z;
}

static bool ledger_wants(void *user, pb_site site, size_t layer)
{
    const ledger *book = user;
    (void)layer;
    switch (site) {
    case PB_SITE_EMBED:
    case PB_SITE_POS_EMBED:
    case PB_SITE_ATTN_OUT:
    case PB_SITE_MLP_OUT:
    case PB_SITE_LN_FINAL_SCALE: return true;
    default: return book->spec->by == PB_BY_HEAD && site == head_site(book);
    }
}

static pb_status ledger_at(void *user, const pb_view *view, pb_error **error)
{
    ledger *book = user;
    (void)error;
    switch (view->site) {
    case PB_SITE_EMBED: read_component(book, view, EMBED); break;
    case PB_SITE_POS_EMBED: read_component(book, view, POS_EMBED); break;
    case PB_SITE_ATTN_OUT: read_component(book, view, FIRST_LAYER + 2 * view->layer); break;
    case PB_SITE_MLP_OUT: read_component(book, view, FIRST_LAYER + 2 * view->layer + 1); break;
    case PB_SITE_LN_FINAL_SCALE: read_scale(book, view); break;
    default:
        if (book->spec->by == PB_BY_HEAD && view->site == head_site(book))
            read_heads(book, view);
    }
    return PB_OK;
}

static pb_status read_pass(ledger *book, const pb_context *context, pb_error **error)
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
    pb_batch batch = {.sequences = sequences, .n = book->n_runs, .hooks = hooks, .n_hooks = 2};
    if (!status)
        status = pb_forward(book->model, &batch, context, NULL, normed, error);
    free(sequences);
    free(normed);
    return status;
}

/* The runs have kept all that is asked for: no edits, and no position but the last. */
static bool is_kept(const ledger *book)
{
    for (size_t i = 0; i < book->n_runs; i++)
        if (book->positions[i].n != 1 ||
            book->positions[i].at[0] + 1 != pb_run_length(book->runs[i]))
            return false;
    return !book->edited;
}

/* A site's values of the i-th run at its last position. */
static void copy_kept(const ledger *book, pb_site site, size_t layer, size_t i, float *to)
{
    const pb_run *run = book->runs[i];
    size_t d = book->shape->d_model, last = pb_run_length(run) - 1;
    if (site == PB_SITE_EMBED)
        pb_model_embedding(book->model, (size_t)pb_run_tokens(run)[last], to);
    else if (site == PB_SITE_POS_EMBED)
        pb_model_position(book->model, last, to);
    else if (site == PB_SITE_LN_FINAL_SCALE)
        pb_layer_norm_scale(1, d, pb_model_eps(book->model),
                            pb_run_resid(run, book->shape->n_layer) + last * d, d, to);
    else
        memcpy(to, pb_run_last(run, site, layer), d * sizeof *to);
}

/* Shows the ledger a site as the pass would, a row per run. */
static pb_status show_kept(ledger *book, pb_site site, size_t layer, pb_row *rows, float *values,
                           pb_error **error)
{
    const pb_shape *shape = book->shape;
    bool heads = site == PB_SITE_Z;
    size_t width = site == PB_SITE_LN_FINAL_SCALE ? 1 : shape->d_model;
    for (size_t i = 0; i < book->n_runs; i++) {
        rows[i] = (pb_row){i, pb_run_length(book->runs[i]) - 1};
        copy_kept(book, site, layer, i, values + i * width);
    }
    pb_view view = {.site = site,
                    .layer = layer,
                    .data = values,
                    .n_rows = book->n_runs,
                    .n_heads = heads ? shape->n_head : 1,
                    .width = heads ? shape->d_head : width,
                    .row_stride = width,
                    .head_stride = heads ? shape->d_head : width,
                    .rows = rows};
    return ledger_at(book, &view, error);
}

static pb_status read_kept(ledger *book, pb_error **error)
{
    static const pb_site once[] = {PB_SITE_EMBED, PB_SITE_POS_EMBED, PB_SITE_LN_FINAL_SCALE};
    static const pb_site each[] = {PB_SITE_ATTN_OUT, PB_SITE_MLP_OUT, PB_SITE_Z};
    pb_row *rows = pb_malloc(book->n_runs, sizeof *rows);
    float *values = pb_malloc(book->n_runs, book->shape->d_model * sizeof *values);
    pb_status status = rows && values ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < sizeof once / sizeof *once; i++)
        status = show_kept(book, once[i], 0, rows, values, error);
    for (size_t layer = 0; layer < book->shape->n_layer; layer++)
        for (size_t i = 0; !status && i < sizeof each / sizeof *each; i++)
            status = show_kept(book, each[i], layer, rows, values, error);
    free(values);
    free(rows);
    return status;
}

/* ---- adding up ---- */

/* What edits wrote to the stream beside the components, and the constant of an unfolded norm. */
static void complete_row(ledger *book, size_t row)
{
    const target *to = target_of_row(book, row);
    size_t d = book->shape->d_model, run = row / book->n_each;
    size_t position = book->positions[run].at[row % book->n_each];
    size_t last = book->n_components - 1;
    double *parts = book->parts + row * book->n_components, written = 0;
    size_t n_written = FIRST_LAYER + 2 * book->shape->n_layer;
    for (size_t c = 0; c < n_written; c++)
        written += parts[c];
    if (book->stream_edited) {
        const float *stream = pb_run_resid(book->runs[run], book->shape->n_layer) + position * d;
        parts[last] = dot(stream, to->centred, d) - written;
    }
    double scale = book->spec->scale ? 1 / (double)book->sigma[row] : 1;
    for (size_t c = 0; c < book->n_components; c++)
        parts[c] *= scale;
    if (pb_model_final_bias(book->model))
        parts[n_written] = to->constant; /* not divided: the norm adds it after */
    size_t grid = book->shape->n_layer * book->shape->n_head;
    for (size_t h = 0; book->heads && h < grid; h++)
        book->heads[row * grid + h] *= scale;
}

/* The results' axes [prompt?, pos?], then room for two more. */
typedef struct frame {
    pb_axis *axes[4];
    size_t rank;
    pb_axis *positions; /* ours, if any */
} frame;

static pb_status tensor_of_rows(const frame *outer, size_t n_inner, pb_axis *const *inner,
                                pb_tensor **tensor, float **data, pb_error **error)
{
    pb_axis *axes[4];
    memcpy(axes, outer->axes, sizeof axes);
    for (size_t i = 0; i < n_inner; i++)
        axes[outer->rank + i] = inner[i];
    return pb_tensor_create(outer->rank + n_inner, axes, tensor, data, error);
}

static pb_status write_components(const ledger *book, const frame *outer, pb_attribution *out,
                                  pb_error **error)
{
    pb_axis *axis = NULL;
    float *data = NULL;
    pb_status status = component_axis(book->model, book->n_components, &axis, error);
    if (!status)
        status = tensor_of_rows(outer, 1, &axis, &out->parts, &data, error);
    for (size_t i = 0; !status && i < book->n_rows * book->n_components; i++)
        data[i] = (float)book->parts[i];
    pb_axis_release(&axis);
    return status;
}

static pb_status write_all_heads(const ledger *book, const frame *outer, pb_attribution *out,
                                 pb_error **error)
{
    pb_axis *axes[2] = {pb_model_axis(book->model, "layer"), pb_model_axis(book->model, "head")};
    float *data = NULL;
    pb_status status = tensor_of_rows(outer, 2, axes, &out->parts, &data, error);
    size_t grid = book->shape->n_layer * book->shape->n_head;
    for (size_t i = 0; !status && i < book->n_rows * grid; i++)
        data[i] = (float)book->heads[i];
    return status;
}

static pb_status write_chosen_heads(const ledger *book, const frame *outer, pb_attribution *out,
                                    pb_error **error)
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
                (float)book->heads[(row * book->shape->n_layer + spec->heads[i].layer) *
                                       book->shape->n_head +
                                   spec->heads[i].head];
    }
    pb_axis_release(&axis);
    return status;
}

/* What the heads of the result wrote in a row. */
static double sum_of_heads(const ledger *book, size_t row)
{
    const pb_attribute_spec *spec = book->spec;
    size_t n_head = book->shape->n_head, grid = book->shape->n_layer * n_head;
    const double *heads = book->heads + row * grid;
    double sum = 0;
    for (size_t i = 0; spec->heads && i < spec->n_heads; i++)
        sum += heads[spec->heads[i].layer * n_head + spec->heads[i].head];
    for (size_t i = 0; !spec->heads && i < grid; i++)
        sum += heads[i];
    return sum;
}

static pb_status write_check(const ledger *book, const frame *outer, pb_attribution *out,
                             pb_error **error)
{
    float *rest = NULL, *bias = NULL, *sum = NULL, *logit = NULL, *difference = NULL;
    pb_status status = PB_OK;
    if (book->heads)
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
        const target *to = target_of_row(book, row);
        size_t d = book->shape->d_model, run = row / book->n_each;
        const float *normed =
            pb_run_normed(book->runs[run]) + book->positions[run].at[row % book->n_each] * d;
        double total = 0, truth = dot(normed, to->normed, d) + to->bias;
        for (size_t c = 0; c < book->n_components; c++)
            total += book->parts[row * book->n_components + c];
        if (rest)
            rest[row] = (float)(total - sum_of_heads(book, row));
        bias[row] = (float)to->bias;
        sum[row] = (float)(total + to->bias);
        logit[row] = (float)truth;
        difference[row] = (float)(total + to->bias - truth);
    }
    return status;
}

static pb_status write_results(const ledger *book, const frame *outer, pb_attribution *out,
                               pb_error **error)
{
    pb_status status;
    if (book->spec->by == PB_BY_COMPONENT)
        status = write_components(book, outer, out, error);
    else if (book->spec->heads)
        status = write_chosen_heads(book, outer, out, error);
    else
        status = write_all_heads(book, outer, out, error);
    return status ? status : write_check(book, outer, out, error);
}

/* ---- the call ---- */

static pb_status ledger_fill(ledger *book, const pb_context *context, pb_error **error)
{
    const pb_shape *shape = book->shape;
    pb_route route = {book->runs, book->n_runs};
    book->edited = pb_route_edits(&route);
    book->stream_edited = pb_route_edits_stream(&route);
    book->n_components = pb_component_count(book->model) + book->stream_edited;
    pb_status status = targets_create(book, error);
    if (!status && book->spec->heads)
        status = pb_heads_check(book->model, book->spec->heads, book->spec->n_heads, error);
    if (status)
        return status;
    bool by_head = book->spec->by == PB_BY_HEAD;
    size_t grid = shape->n_layer * shape->n_head;
    book->parts = pb_calloc(book->n_rows * book->n_components, sizeof *book->parts);
    book->sigma = pb_calloc(book->n_rows, sizeof *book->sigma);
    book->heads = by_head ? pb_calloc(book->n_rows * grid, sizeof *book->heads) : NULL;
    book->head_directions =
        pb_malloc(book->n_targets * shape->n_head * shape->d_head, sizeof(float));
    if (!book->parts || !book->sigma || !book->head_directions || (by_head && !book->heads))
        return pb_fail_memory(error);
    status = is_kept(book) ? read_kept(book, error) : read_pass(book, context, error);
    for (size_t row = 0; !status && row < book->n_rows; row++)
        complete_row(book, row);
    return status;
}

static void ledger_clear(ledger *book)
{
    for (size_t i = 0; book->targets && i < book->n_targets; i++) {
        free(book->targets[i].normed);
        free(book->targets[i].centred);
    }
    free(book->targets);
    free(book->parts);
    free(book->heads);
    free(book->head_directions);
    free(book->sigma);
}

static pb_status attribute_at(pb_run *const *runs, size_t n_runs, pb_axis *prompts,
                              const pb_positions *positions, bool one,
                              const pb_attribute_spec *spec, const pb_context *context,
                              pb_attribution *out, pb_error **error)
{
    pb_model *model = pb_run_model(runs[0]);
    ledger book = {.runs = runs,
                   .n_runs = n_runs,
                   .n_each = positions[0].n,
                   .n_rows = n_runs * positions[0].n,
                   .positions = positions,
                   .model = model,
                   .shape = pb_model_shape(model),
                   .spec = spec};
    frame outer = {{NULL}, 0, NULL};
    pb_status status = ledger_fill(&book, context, error);
    if (prompts)
        outer.axes[outer.rank++] = prompts;
    if (!status && !one)
        status = pb_positions_axis("pos", runs, n_runs, positions, &outer.positions, error);
    if (outer.positions)
        outer.axes[outer.rank++] = outer.positions;
    if (!status)
        status = write_results(&book, &outer, out, error);
    pb_axis_release(&outer.positions);
    ledger_clear(&book);
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
        status = pb_positions_resolve_all(runs, n_runs, spec->positions, spec->n_positions,
                                          positions, &one, error);
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
