/* Blocks of a sweep's cells through the forward pass; see patch_plan.h. */
#include "patch_run.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "model/route.h"
#include "patch_cells.h"
#include "patch_seen.h"
#include "places.h"

enum {
    BLOCK_ROWS = 1024, /* beyond some 512 rows, reading the weights again costs nothing */
    DEFAULT_BUDGET = 256 * 1024 * 1024
};

/* A sweep at work: what blocks share. */
typedef struct worker {
    pb_patch_run *run;
    const pb_patch_plan *plan;
    pb_context context;       /* counts the cells' work */
    pb_context aside;         /* counts nothing */
    pb_run **into, **from;    /* [n_pairs], with kept q, k, v where cells enter with them */
    pb_run **wanting, **made; /* runs without q, k, v, and what was made for them */
    size_t n_wanting, n_made;
    double **into_rows; /* [n_pairs], the metric's numbers of into's rows */
    float **sources;    /* [n_sources, layers of the site], from's activations */
    size_t n_sources, n_layers, source_bytes;
    size_t row_layers_done;
} worker;

/* Cells that go through the pass together. */
typedef struct cell_block {
    worker *work;
    const pb_cell *cells;
    size_t n;
    pb_sequence *sequences; /* [n] */
    pb_run **runs;          /* [n], into of each, for its own edits */
    pb_entry_rows *pieces;
    size_t *wanted; /* offsets, cell by cell */
    size_t n_wanted;
    pb_cell_keeper keeper;
} cell_block;

/* ---- the memory budget ---- */

static size_t budget_of(const pb_patch_plan *plan)
{
    return plan->spec->memory_budget ? plan->spec->memory_budget : DEFAULT_BUDGET;
}

/* Rows that the budget holds. A row in the pass takes stream, q, k, v, and what is read of it. */
static size_t rows_in_budget(const pb_patch_plan *plan)
{
    return budget_of(plan) / ((3 * plan->shape->d_model + plan->shape->d_qkv) * sizeof(float));
}

/* Rows that go through the pass together. */
static size_t rows_in_block(const pb_patch_plan *plan)
{
    size_t most = rows_in_budget(plan);
    return most < BLOCK_ROWS ? most : BLOCK_ROWS;
}

static size_t rows_of_cell(const pb_patch_plan *plan, const pb_cell *cell)
{
    return pb_run_length(plan->into[cell->pair]) - cell->first;
}

bool pb_patch_cell_fits(const pb_patch_plan *plan, const pb_cell *cell)
{
    return rows_of_cell(plan, cell) <= rows_in_budget(plan);
}

/* ---- the ends ---- */

static bool needs_cache(const pb_run *run)
{
    return !pb_run_is_edited(run) && !pb_run_cache(run);
}

/* The run with kept q, k, v that stands for `run`. */
static pb_run *stand_in(const worker *work, pb_run *run)
{
    for (size_t i = 0; i < work->n_made; i++) {
        if (work->wanting[i] == run)
            return work->made[i];
    }
    return run;
}

static void note_wanting(worker *work, pb_run *run)
{
    for (size_t i = 0; i < work->n_wanting; i++) {
        if (work->wanting[i] == run)
            return;
    }
    if (needs_cache(run))
        work->wanting[work->n_wanting++] = run;
}

/* The next of the runs that are wanting, as many as the rows of a block hold. */
static pb_status make_some(worker *work, pb_prompt *prompts, pb_error **error)
{
    const pb_run_options keep = {.keep_qkv = true};
    size_t n = 0, rows = 0;
    while (work->n_made + n < work->n_wanting) {
        pb_run *run = work->wanting[work->n_made + n];
        rows += pb_run_length(run);
        if (n > 0 && rows > rows_in_block(work->plan))
            break;
        prompts[n++] = (pb_prompt){pb_run_tokens(run), pb_run_length(run), NULL};
    }
    pb_status status = pb_runs_create(work->plan->model, n, prompts, &keep, &work->aside,
                                      work->made + work->n_made, error);
    work->n_made += status ? 0 : n;
    return status;
}

/* Distinct runs without q, k, v are computed again with them. */
static pb_status make_caches(worker *work, pb_error **error)
{
    const pb_patch_plan *plan = work->plan;
    size_t most = 2 * plan->n_pairs;
    pb_prompt *prompts = pb_calloc(most, sizeof *prompts);
    work->wanting = pb_calloc(most, sizeof *work->wanting);
    work->made = pb_calloc(most, sizeof *work->made);
    pb_status status = prompts && work->wanting && work->made ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < plan->n_pairs; i++) {
        note_wanting(work, plan->into[i]);
        note_wanting(work, plan->from[i]);
    }
    while (!status && work->n_made < work->n_wanting)
        status = make_some(work, prompts, error);
    free(prompts);
    return status;
}

static bool cells_enter_with_rows(const pb_patch_run *run)
{
    const pb_patch_plan *plan = run->plan;
    if (run->n_extra)
        return true;
    for (size_t i = plan->n_closed; i < plan->n_cells; i++) {
        if (plan->cells[i].entry != PB_CELL_TOKENS)
            return true;
    }
    return false;
}

static pb_status get_ends(worker *work, pb_error **error)
{
    const pb_patch_plan *plan = work->plan;
    work->into = pb_calloc(plan->n_pairs, sizeof *work->into);
    work->from = pb_calloc(plan->n_pairs, sizeof *work->from);
    if (!work->into || !work->from)
        return pb_fail_memory(error);
    pb_status status = cells_enter_with_rows(work->run) ? make_caches(work, error) : PB_OK;
    for (size_t i = 0; !status && i < plan->n_pairs; i++) {
        work->into[i] = stand_in(work, plan->into[i]);
        work->from[i] = stand_in(work, plan->from[i]);
    }
    return status;
}

static pb_status numbers_of_into(worker *work, size_t pair, pb_error **error)
{
    const pb_patch_plan *plan = work->plan;
    size_t n = 0;
    pb_meter_positions(plan->meter, pair, &n);
    work->into_rows[pair] = pb_malloc(n, sizeof(double));
    if (!work->into_rows[pair])
        return pb_fail_memory(error);
    return pb_meter_numbers_of_run(plan->meter, pair, plan->into[pair], &work->aside,
                                   work->into_rows[pair], error);
}

static double mean_of(const double *numbers, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += numbers[i];
    return sum / (double)n;
}

static pb_status measure_ends(worker *work, pb_error **error)
{
    const pb_patch_plan *plan = work->plan;
    work->into_rows = pb_calloc(plan->n_pairs, sizeof *work->into_rows);
    pb_status status = work->into_rows ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < plan->n_pairs; i++) {
        size_t n = 0;
        pb_meter_positions(plan->meter, i, &n);
        if (plan->ends) {
            work->run->into[i] = plan->ends[i];
            work->run->from[i] = plan->ends[plan->n_pairs + i];
            continue;
        }
        status = numbers_of_into(work, i, error);
        work->run->into[i] = status ? NAN : mean_of(work->into_rows[i], n);
        if (!status)
            status = pb_meter_of_run(plan->meter, i, plan->from[i], &work->aside,
                                     &work->run->from[i], error);
    }
    return status;
}

/* ---- from's activations ---- */

static bool reads_source(const pb_cell *cell)
{
    return cell->entry != PB_CELL_CLOSED && cell->entry != PB_CELL_REPLACED;
}

static float **source_of(const worker *work, size_t pair, size_t layer)
{
    size_t from = work->plan->spec->n_from > 1 ? pair : 0;
    return &work->sources[from * work->n_layers + layer];
}

/* Of one layer. */
static size_t source_bytes(const worker *work, size_t pair)
{
    return pb_run_activation_size(work->plan->from[pair], work->plan->spec->site) * sizeof(float);
}

static pb_status read_source(worker *work, size_t pair, size_t layer, pb_error **error)
{
    float **source = source_of(work, pair, layer);
    if (*source)
        return PB_OK;
    *source = pb_malloc(source_bytes(work, pair), 1);
    if (!*source)
        return pb_fail_memory(error);
    work->source_bytes += source_bytes(work, pair);
    return pb_run_activation_into(work->plan->from[pair], work->plan->spec->site, layer,
                                  &work->aside, *source, error);
}

static void drop_sources(worker *work)
{
    for (size_t i = 0; work->sources && i < work->n_sources * work->n_layers; i++) {
        free(work->sources[i]);
        work->sources[i] = NULL;
    }
    work->source_bytes = 0;
}

static pb_status read_sources(worker *work, const pb_cell *cell, pb_error **error)
{
    const pb_head_group *component = &work->plan->components[cell->component];
    pb_status status = PB_OK;
    for (size_t i = 0; !status && reads_source(cell) && i < component->n; i++)
        status = read_source(work, cell->pair, component->items[i].layer, error);
    return status;
}

/* ---- replacing on the way ---- */

static bool cell_touches_layer(const worker *work, const pb_cell *cell, size_t layer)
{
    const pb_head_group *component = &work->plan->components[cell->component];
    return reads_source(cell) && layer >= component->items[0].layer &&
           layer <= component->items[component->n - 1].layer;
}

static bool block_wants(void *user, pb_site site, size_t layer)
{
    const cell_block *cells = user;
    if (site == PB_SITE_RESID_POST)
        return true; /* to count progress */
    if (site != cells->work->plan->spec->site)
        return false;
    for (size_t c = 0; c < cells->n; c++) {
        if (cell_touches_layer(cells->work, &cells->cells[c], layer))
            return true;
    }
    return false;
}

/* A row of one head: all of it, or the chosen neurons. */
static void replace_features(const pb_patch_plan *plan, const pb_positions *chosen, size_t width,
                             const float *from, float *to)
{
    if (!plan->features)
        memcpy(to, from, width * sizeof *to);
    for (size_t i = 0; plan->features && i < chosen->n; i++)
        to[chosen->at[i]] = from[chosen->at[i]];
}

/* One row of one cell, at one layer: from's values over its heads, or its keys. */
static void replace_row(const worker *work, const pb_cell *cell, const pb_view *view, size_t row)
{
    const pb_patch_plan *plan = work->plan;
    const pb_head_group *component = &plan->components[cell->component];
    const pb_positions *keys = pb_cell_keys(plan, cell);
    const float *source = *source_of(work, cell->pair, view->layer);
    size_t position = view->rows[row].position;
    size_t length = pb_run_length(plan->into[cell->pair]);
    for (size_t i = 0; i < component->n; i++) {
        size_t head = component->items[i].head;
        if (component->items[i].layer != view->layer)
            continue;
        float *to = view->data + row * view->row_stride + head * view->head_stride;
        if (!plan->site->keys) {
            const float *from = source + (position * view->n_heads + head) * view->width;
            replace_features(plan, keys, view->width, from, to);
            continue;
        }
        const float *from = source + (head * length + position) * length;
        for (size_t k = 0; k < keys->n && keys->at[k] <= position; k++)
            to[keys->at[k]] = from[keys->at[k]];
    }
}

static void count_progress(worker *work, const pb_view *view)
{
    work->row_layers_done += view->n_rows;
    if (work->row_layers_done > work->plan->row_layers) /* a check's own cells */
        return;
    /* Said in cells, which people know; those in work count as far as they are. */
    pb_watch_progress(work->context.watch,
                      work->row_layers_done * work->plan->n_cells / work->plan->row_layers,
                      work->plan->n_cells);
}

static pb_status block_at(void *user, const pb_view *view, pb_error **error)
{
    const cell_block *cells = user;
    worker *work = cells->work;
    (void)error;
    if (view->site == PB_SITE_RESID_POST)
        count_progress(work, view);
    if (view->site != work->plan->spec->site)
        return PB_OK;
    for (size_t r = 0; r < view->n_rows; r++) {
        const pb_cell *cell = &cells->cells[view->rows[r].sequence];
        if (cell_touches_layer(work, cell, view->layer) &&
            pb_positions_have(pb_cell_positions(work->plan, cell), view->rows[r].position))
            replace_row(work, cell, view, r);
    }
    return PB_OK;
}

/* ---- entering ---- */

/* Rows first .. last - 1 of a run before a layer; q, k, v where they are known. */
static pb_entry_rows rows_of(const worker *work, const pb_run *run, size_t layer, size_t first,
                             size_t last, bool ready)
{
    size_t d = work->plan->shape->d_model;
    pb_entry_rows rows = {.n = last - first, .resid = pb_run_resid(run, layer) + first * d};
    const pb_cache *cache = ready && layer < work->plan->shape->n_layer ? pb_run_cache(run) : NULL;
    if (cache && pb_cache_q(cache, layer)) {
        size_t d_q = work->plan->shape->d_q, d_kv = work->plan->shape->d_kv;
        rows.q = pb_cache_q(cache, layer) + first * d_q;
        rows.k = pb_cache_k(cache, layer) + first * d_kv;
        rows.v = pb_cache_v(cache, layer) + first * d_kv;
    }
    return rows;
}

/* How many pieces a cell's rows come in. */
static size_t count_pieces(const pb_patch_plan *plan, const pb_cell *cell)
{
    if (cell->entry == PB_CELL_TOKENS || cell->entry == PB_CELL_EMBEDDED)
        return 0;
    const pb_positions *group = pb_cell_positions(plan, cell);
    return cell->entry == PB_CELL_REPLACED ? 2 * group->n + 1 : 1;
}

/* Into's rows with from's in the places of the group. */
static size_t replaced_pieces(const worker *work, const pb_cell *cell, pb_entry_rows *pieces)
{
    const pb_positions *group = pb_cell_positions(work->plan, cell);
    const pb_run *into = work->into[cell->pair], *from = work->from[cell->pair];
    size_t n = 0, end = pb_run_length(into);
    for (size_t row = cell->first, next; row < end; row = next) {
        bool replaced = pb_positions_have(group, row);
        for (next = row + 1; next < end && pb_positions_have(group, next) == replaced;)
            next++;
        pieces[n++] =
            rows_of(work, replaced ? from : into, cell->layer, row, next, !pb_run_is_edited(from));
    }
    return n;
}

static void enter(const worker *work, const pb_cell *cell, pb_sequence *s, pb_entry_rows *pieces)
{
    const pb_run *into = work->into[cell->pair];
    size_t length = pb_run_length(into);
    s->n = length - cell->first;
    s->first = cell->first;
    s->past = cell->first ? pb_run_cache(into) : NULL;
    if (cell->entry == PB_CELL_TOKENS || cell->entry == PB_CELL_EMBEDDED) {
        s->tokens = pb_run_tokens(into) + cell->first;
        return;
    }
    s->layer = cell->layer;
    s->entry = pieces;
    if (cell->entry == PB_CELL_REPLACED) {
        s->n_entry = replaced_pieces(work, cell, pieces);
        return;
    }
    pieces[0] =
        rows_of(work, into, cell->layer, cell->first, length, cell->entry == PB_CELL_CHECKPOINT);
    s->n_entry = 1;
}

static void want(const pb_patch_plan *plan, const pb_cell *cell, size_t *wanted)
{
    size_t n_read = 0, n = 0;
    const size_t *read = pb_meter_positions(plan->meter, cell->pair, &n_read);
    for (size_t i = 0; i < n_read; i++) {
        if (read[i] >= cell->first)
            wanted[n++] = read[i] - cell->first;
    }
}

static pb_status block_fill(cell_block *cells, pb_error **error)
{
    const pb_patch_plan *plan = cells->work->plan;
    size_t n_pieces = 0, piece = 0, wanted = 0;
    for (size_t c = 0; c < cells->n; c++) {
        n_pieces += count_pieces(plan, &cells->cells[c]);
        cells->n_wanted += cells->cells[c].n_wanted;
    }
    cells->sequences = pb_calloc(cells->n, sizeof *cells->sequences);
    cells->runs = pb_calloc(cells->n, sizeof *cells->runs);
    cells->pieces = pb_calloc(n_pieces, sizeof *cells->pieces);
    cells->wanted = pb_calloc(cells->n_wanted, sizeof *cells->wanted);
    if (!cells->sequences || !cells->runs || !cells->pieces || !cells->wanted)
        return pb_fail_memory(error);
    for (size_t c = 0; c < cells->n; c++) {
        const pb_cell *cell = &cells->cells[c];
        enter(cells->work, cell, &cells->sequences[c], cells->pieces + piece);
        want(plan, cell, cells->wanted + wanted);
        cells->sequences[c].wanted = cells->wanted + wanted;
        cells->sequences[c].n_wanted = cell->n_wanted;
        cells->runs[c] = plan->into[cell->pair];
        piece += count_pieces(plan, cell);
        wanted += cell->n_wanted;
    }
    return PB_OK;
}

static void block_clear(cell_block *cells)
{
    free(cells->sequences);
    free(cells->runs);
    free(cells->pieces);
    free(cells->wanted);
    pb_cell_keeper_clear(&cells->keeper);
}

/* ---- reading the metric ---- */

/* The mean over what the metric reads: into's own numbers before the first changed row. */
static double value_of_cell(const worker *work, const pb_cell *cell, const double *numbers)
{
    size_t n = 0;
    pb_meter_positions(work->plan->meter, cell->pair, &n);
    double sum = 0;
    for (size_t i = 0; i < n - cell->n_wanted; i++)
        sum += work->into_rows[cell->pair][i];
    for (size_t i = 0; i < cell->n_wanted; i++)
        sum += numbers[i];
    return sum / (double)n;
}

static pb_status read_rows(const cell_block *cells, const float *normed, double *values,
                           pb_error **error)
{
    worker *work = cells->work;
    const pb_patch_plan *plan = work->plan;
    pb_meter_row *rows = pb_malloc(cells->n_wanted, sizeof *rows);
    double *numbers = pb_malloc(cells->n_wanted, sizeof *numbers);
    pb_status status = rows && numbers ? PB_OK : pb_fail_memory(error);
    for (size_t c = 0, row = 0; !status && c < cells->n; c++) {
        const pb_cell *cell = &cells->cells[c];
        for (size_t i = 0; i < cell->n_wanted; i++, row++)
            rows[row] = (pb_meter_row){cell->pair, cell->first + cells->wanted[row],
                                       pb_run_tokens(plan->into[cell->pair])};
    }
    if (!status)
        status =
            pb_meter_rows(plan->meter, cells->n_wanted, rows, normed, &work->aside, numbers, error);
    for (size_t c = 0, row = 0; !status && c < cells->n; row += cells->cells[c++].n_wanted)
        values[cells->cells[c].place] = value_of_cell(work, &cells->cells[c], numbers + row);
    free(rows);
    free(numbers);
    return status;
}

static pb_status call_metric(cell_block *cells, const float *normed, double *values,
                             pb_error **error)
{
    pb_status status = PB_OK;
    cells->keeper.normed = normed;
    cells->keeper.n_rows = cells->n_wanted;
    for (size_t c = 0, row = 0; !status && c < cells->n; row += cells->cells[c++].n_wanted)
        status = pb_cell_call(&cells->keeper, c, cells->wanted + row, row,
                              &values[cells->cells[c].place], error);
    return status;
}

static pb_status block_compute(cell_block *cells, double *values, pb_error **error)
{
    worker *work = cells->work;
    const pb_patch_plan *plan = work->plan;
    pb_route route = {cells->runs, cells->n};
    pb_hooks theirs = pb_route_hooks(&route), ours = {cells, block_wants, block_at};
    pb_hooks keeping = pb_cell_keeper_hooks(&cells->keeper);
    const pb_hooks *hooks[] = {&theirs, &ours, &keeping};
    pb_batch batch = {.sequences = cells->sequences,
                      .n = cells->n,
                      .hooks = hooks,
                      .n_hooks = 3,
                      .whole = pb_route_is_whole(&route)};
    float *normed = pb_malloc(cells->n_wanted * plan->shape->d_model, sizeof *normed);
    if (!normed)
        return pb_fail_memory(error);
    pb_status status = pb_forward(plan->model, &batch, &work->context, NULL, normed, error);
    if (!status && pb_meter_calls(plan->meter))
        status = call_metric(cells, normed, values, error);
    else if (!status)
        status = read_rows(cells, normed, values, error);
    free(normed);
    return status;
}

static pb_status block_run(worker *work, const pb_cell *cells, size_t n, double *values,
                           pb_error **error)
{
    cell_block these = {.work = work, .cells = cells, .n = n};
    these.keeper = (pb_cell_keeper){.plan = work->plan, .cells = cells, .n = n};
    pb_status status = block_fill(&these, error);
    if (!status)
        status = pb_cell_keeper_start(&these.keeper, &work->aside, error);
    if (!status)
        status = block_compute(&these, values, error);
    block_clear(&these);
    return status;
}

/* ---- all of it ---- */

/* Bytes of from's activations that a cell reads, and that are not there yet. */
static size_t bytes_to_read(const worker *work, const pb_cell *cell)
{
    const pb_patch_plan *plan = work->plan;
    const pb_head_group *component = &plan->components[cell->component];
    size_t bytes = 0, layer = SIZE_MAX;
    for (size_t i = 0; reads_source(cell) && i < component->n; i++) {
        if (component->items[i].layer != layer &&
            !*source_of(work, cell->pair, component->items[i].layer))
            bytes += source_bytes(work, cell->pair);
        layer = component->items[i].layer;
    }
    return bytes;
}

static pb_status check_cell(const pb_patch_plan *plan, const pb_cell *cell, pb_error **error)
{
    if (pb_patch_cell_fits(plan, cell))
        return PB_OK;
    return pb_fail(error, PB_MEMORY,
                   "one cell of the sweep has %zu rows, and the memory budget of %zu bytes holds "
                   "%zu",
                   rows_of_cell(plan, cell), budget_of(plan), rows_in_budget(plan));
}

/* How many of n cells, one at least, go together: as many as the budget has rows and room for
 * from's activations, which are read here. */
static pb_status take_block(worker *work, const pb_cell *cells, size_t n, size_t *taken,
                            pb_error **error)
{
    const pb_patch_plan *plan = work->plan;
    size_t rows = 0, kept = 0, budget = budget_of(plan);
    pb_status status = check_cell(plan, cells, error);
    if (work->source_bytes > budget / 2)
        drop_sources(work);
    for (*taken = 0; !status && *taken < n; ++*taken) {
        const pb_cell *cell = &cells[*taken];
        rows += rows_of_cell(plan, cell);
        kept += pb_cell_kept_bytes(plan, cell);
        bool fits = rows <= rows_in_block(plan) && kept <= budget &&
                    work->source_bytes + bytes_to_read(work, cell) <= budget;
        if (*taken > 0 && (!fits || plan->spec->one_by_one))
            break;
        status = read_sources(work, cell, error);
    }
    return status;
}

/* Cells in blocks: their values by place. *done counts the cells that have theirs. */
static pb_status run_blocks(worker *work, const pb_cell *cells, size_t n, size_t *done,
                            double *values, pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t at = 0, taken = 0; !status && at < n; at += taken) {
        status = pb_watch_check(work->context.watch, error);
        if (!status)
            status = take_block(work, cells + at, n - at, &taken, error);
        if (!status)
            status = block_run(work, cells + at, taken, values, error);
        *done += status ? 0 : taken;
    }
    return status;
}

static pb_status run_cells(worker *work, pb_error **error)
{
    const pb_patch_plan *plan = work->plan;
    pb_patch_run *run = work->run;
    for (size_t c = 0; c < plan->n_closed; c++) {
        const pb_cell *cell = &plan->cells[c];
        run->values[cell->place] = cell->is_from ? run->from[cell->pair] : run->into[cell->pair];
    }
    run->cells_done = plan->n_closed;
    return run_blocks(work, plan->cells + plan->n_closed, plan->n_cells - plan->n_closed,
                      &run->cells_done, run->values, error);
}

/* The sweep is whole by now: an interrupt only leaves its own check out. */
static pb_status run_extra(worker *work, pb_error **error)
{
    pb_patch_run *run = work->run;
    size_t done = 0;
    work->context = work->aside;
    pb_status status = run_blocks(work, run->extra, run->n_extra, &done, run->extra_values, error);
    if (status)
        run->n_extra = 0;
    if (status != PB_INTERRUPTED)
        return status;
    pb_error_destroy(error);
    return PB_OK;
}

static void worker_clear(worker *work)
{
    drop_sources(work);
    for (size_t i = 0; work->into_rows && i < work->plan->n_pairs; i++)
        free(work->into_rows[i]);
    for (size_t i = 0; i < work->n_made; i++)
        pb_run_release(&work->made[i]);
    free(work->into_rows);
    free(work->sources);
    free(work->wanting);
    free(work->made);
    free(work->into);
    free(work->from);
}

static pb_status worker_start(worker *work, const pb_context *context, pb_error **error)
{
    const pb_patch_plan *plan = work->plan;
    work->context = *context;
    work->context.work = &work->run->work;
    work->aside = *context;
    work->aside.work = NULL;
    work->n_sources = plan->spec->n_from;
    work->n_layers = pb_site_layers(plan->model, plan->spec->site);
    work->sources = pb_calloc(work->n_sources * work->n_layers, sizeof *work->sources);
    pb_status status = work->sources ? get_ends(work, error) : pb_fail_memory(error);
    return status ? status : measure_ends(work, error);
}

pb_status pb_patch_run_all(pb_patch_run *run, const pb_context *context, pb_error **error)
{
    const pb_patch_plan *plan = run->plan;
    worker work = {.run = run, .plan = plan};
    pb_scratch *scratch = context->scratch ? NULL : pb_scratch_create();
    if (!context->scratch && !scratch)
        return pb_fail_memory(error);
    pb_context with = *context;
    with.scratch = context->scratch ? context->scratch : scratch;
    for (size_t i = 0; i < plan->n_cells; i++)
        run->values[i] = NAN;
    pb_status status = worker_start(&work, &with, error);
    if (!status)
        status = run_cells(&work, error);
    if (!status)
        status = run_extra(&work, error);
    worker_clear(&work);
    pb_scratch_destroy(&scratch);
    return status;
}
