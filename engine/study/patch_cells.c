/*
 * A cell for every place of a sweep's result: what its value needs, and in what order cells run.
 *
 * Closed forms, where neither prompt is edited (docs/performance):
 *   - positions before the first difference, and after the last the metric reads, change nothing;
 *   - in the last layer, from where on each row goes alone, a position the metric does not read
 *     changes nothing;
 *   - a residual stream replaced wherever it differs gives from's value.
 */
#include "patch_cells.h"

#include "base/memory.h"

/* Cells are kept in memory: some 100 bytes each. */
static const size_t MOST_CELLS = (size_t)4 << 20;

bool pb_positions_have(const pb_positions *group, size_t item)
{
    size_t low = 0, high = group->n;
    if (high > 0 && group->at[high - 1] - group->at[0] == high - 1) /* no gaps */
        return item >= group->at[0] && item <= group->at[high - 1];
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (group->at[middle] < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low < group->n && group->at[low] == item;
}

/* Items first <= item <= last. */
static size_t items_between(const pb_positions *group, size_t first, size_t last)
{
    size_t count = 0;
    for (size_t i = 0; i < group->n; i++)
        count += group->at[i] >= first && group->at[i] <= last;
    return count;
}

static void close_cell(pb_cell *cell, bool is_from)
{
    cell->entry = PB_CELL_CLOSED;
    cell->is_from = is_from;
}

static bool metric_reads_any(const size_t *read, size_t n_read, const pb_positions *group)
{
    for (size_t i = 0; i < n_read; i++) {
        if (pb_positions_have(group, read[i]))
            return true;
    }
    return false;
}

/* Whether the value is known without computing; fills cell->first. A user's function that reads
 * activations may be changed by what no logit sees. */
static bool close_if_known(const pb_patch_plan *plan, pb_cell *cell)
{
    const pb_positions *group = pb_cell_positions(plan, cell);
    const pb_head_group *component = &plan->components[cell->component];
    size_t n_read = 0, differs = plan->differs[cell->pair];
    const size_t *read = pb_meter_positions(plan->meter, cell->pair, &n_read);
    const pb_reads *reads = pb_meter_reads(plan->meter, cell->pair);
    bool hidden = reads && reads->hidden;
    bool tokens = reads ? reads->tokens : pb_metric_reads_tokens(plan->spec->metric);
    size_t last = hidden ? pb_run_length(plan->into[cell->pair]) - 1 : read[n_read - 1];
    size_t i = 0;
    while (i < group->n && group->at[i] < differs)
        i++;
    if (i == group->n || group->at[i] > last)
        return close_cell(cell, false), true;
    cell->first = group->at[i];
    if (!hidden && plan->site->layers && plan->site->rows_alone &&
        component->items[0].layer == plan->shape->n_layer - 1 &&
        !metric_reads_any(read, n_read, group))
        return close_cell(cell, false), true;
    /* Loss compares with the prompt's own next tokens, which are not from's. */
    if (!hidden && plan->site->stream && !plan->features && !tokens &&
        !pb_run_is_edited(plan->from[cell->pair]) &&
        items_between(group, differs, last) == last - differs + 1)
        return close_cell(cell, true), true;
    return false;
}

/* Where the pass has to begin for a site's hooks to see what they replace. */
static void choose_entry(const pb_patch_plan *plan, pb_cell *cell)
{
    static const pb_cell_entry entries[] = {
        [PB_STAGE_EMBEDDING] = PB_CELL_EMBEDDED,
        [PB_STAGE_INPUT] = PB_CELL_STREAM,
        [PB_STAGE_LAYER] = PB_CELL_CHECKPOINT,
        [PB_STAGE_END] = PB_CELL_STREAM,
    };
    const pb_head_group *component = &plan->components[cell->component];
    pb_checkpoint checkpoint = component->n == 1 ? plan->site->checkpoint : PB_CHECKPOINT_NONE;
    pb_stage stage = plan->site->stage;
    size_t layer = component->items[0].layer;
    cell->entry = entries[stage];
    cell->layer = stage == PB_STAGE_EMBEDDING ? 0
                  : stage == PB_STAGE_END     ? plan->shape->n_layer
                                              : layer;
    const pb_reads *reads = pb_meter_reads(plan->meter, cell->pair);
    /* The pass shows what is replaced, and all that follows; or a row is replaced in part. */
    if ((reads && reads->hidden) || plan->features)
        return;
    if (checkpoint == PB_CHECKPOINT_BEFORE)
        cell->entry = PB_CELL_REPLACED;
    if (checkpoint == PB_CHECKPOINT_AFTER && pb_run_hands_on(plan->from[cell->pair], layer)) {
        cell->entry = PB_CELL_REPLACED;
        cell->layer = layer + 1;
    }
}

static void count_wanted(const pb_patch_plan *plan, pb_cell *cell)
{
    size_t n_read = 0;
    const size_t *read = pb_meter_positions(plan->meter, cell->pair, &n_read);
    cell->n_wanted = 0;
    for (size_t i = 0; i < n_read; i++)
        cell->n_wanted += read[i] >= cell->first;
}

static void decide(const pb_patch_plan *plan, pb_cell *cell)
{
    if (plan->spec->one_by_one || pb_run_is_edited(plan->into[cell->pair])) {
        cell->entry = PB_CELL_TOKENS;
        cell->first = cell->layer = 0;
    } else if (!close_if_known(plan, cell)) {
        choose_entry(plan, cell);
    }
    if (cell->entry != PB_CELL_CLOSED)
        count_wanted(plan, cell);
}

size_t pb_cell_row_layers(const pb_patch_plan *plan, const pb_cell *cell)
{
    size_t n_layer = plan->shape->n_layer;
    if (cell->entry == PB_CELL_CLOSED || cell->layer == n_layer)
        return 0;
    size_t rows = pb_run_length(plan->into[cell->pair]) - cell->first;
    return rows * (n_layer - 1 - cell->layer) + cell->n_wanted;
}

/* ---- order ---- */

static int compare(size_t a, size_t b)
{
    return a < b ? -1 : a > b;
}

static int closed_first(const pb_cell *a, const pb_cell *b)
{
    return compare(a->entry != PB_CELL_CLOSED, b->entry != PB_CELL_CLOSED);
}

/* Cells that share a prompt and a first row attend to the same keys together. */
static int by_first_row(const void *x, const void *y)
{
    const pb_cell *a = x, *b = y;
    int order = closed_first(a, b);
    order = order ? order : compare(a->pair, b->pair);
    order = order ? order : compare(a->first, b->first);
    order = order ? order : compare(a->layer, b->layer);
    return order ? order : compare(a->place, b->place);
}

/* A layer's patterns are large: its cells come one after the other, so that they are read once. */
static int by_layer(const void *x, const void *y)
{
    const pb_cell *a = x, *b = y;
    int order = closed_first(a, b);
    order = order ? order : compare(a->pair, b->pair);
    order = order ? order : compare(a->layer, b->layer);
    order = order ? order : compare(a->first, b->first);
    return order ? order : compare(a->place, b->place);
}

static pb_status count_cells(pb_patch_plan *plan, pb_error **error)
{
    size_t count = plan->n_pairs;
    if (!pb_size_mul(count, plan->n_components, &count) ||
        !pb_size_mul(count, plan->n_positions, &count) ||
        !pb_size_mul(count, plan->n_keys, &count) || count > MOST_CELLS)
        return pb_fail(error, PB_LIMIT,
                       "a sweep over %zu heads or layers, %zu positions and %zu keys has more than "
                       "%zu cells",
                       plan->n_components, plan->n_positions, plan->n_keys, MOST_CELLS);
    plan->n_cells = count;
    plan->cells = pb_calloc(count, sizeof *plan->cells);
    return plan->cells ? PB_OK : pb_fail_memory(error);
}

pb_status pb_patch_plan_cells(pb_patch_plan *plan, pb_error **error)
{
    pb_status status = count_cells(plan, error);
    if (status)
        return status;
    for (size_t place = 0; place < plan->n_cells; place++) {
        pb_cell *cell = &plan->cells[place];
        size_t rest = place;
        cell->place = place;
        cell->key = rest % plan->n_keys;
        rest /= plan->n_keys;
        cell->position = rest % plan->n_positions;
        rest /= plan->n_positions;
        cell->component = rest % plan->n_components;
        cell->pair = rest / plan->n_components;
        decide(plan, cell);
        plan->n_closed += cell->entry == PB_CELL_CLOSED;
        plan->row_layers += pb_cell_row_layers(plan, cell);
    }
    qsort(plan->cells, plan->n_cells, sizeof *plan->cells,
          plan->site->keys ? by_layer : by_first_row);
    return PB_OK;
}
