/*
 * A function of the user's as a metric: it gets the run of each cell of a sweep and gives a number.
 * That run answers what any run does; what the sweep has of it is read, the rest computed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "metrics.h"

/* ---- the run of a cell ---- */

typedef struct cell_run {
    pb_seen *seen; /* borrowed for the call of the function; NULL when that is over */
    pb_value *model;
    pb_value *whole; /* as a run of its own, once that was asked for */
} cell_run;

static void cell_run_destroy(void *data)
{
    cell_run *cell = data;
    if (!cell)
        return;
    pb_value_release(&cell->model);
    pb_value_release(&cell->whole);
    free(cell);
}

static cell_run *cell_of(const pb_value *value)
{
    return pb_value_object(value, &pb_cell_run_type);
}

static void cell_run_repr(const pb_value *self, pb_buffer *out)
{
    (void)self;
    pb_buffer_text(out, "the run of one cell of a sweep");
}

pb_seen *pb_cell_run_seen(const pb_value *value)
{
    const cell_run *cell = cell_of(value);
    return cell ? cell->seen : NULL;
}

pb_value *pb_cell_run_model(const pb_value *value)
{
    return cell_of(value)->model;
}

static pb_status is_over(pb_error **error)
{
    return pb_fail(error, PB_VALUE, "the run of a sweep's cell is gone once its metric is known");
}

static char *text_of(const pb_run *run)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    /* Called by no name, so that its tokens are written out. */
    if (pb_prompt_bytes(run, "\\x00", &text, NULL))
        text.failed = true;
    return pb_buffer_take(&text);
}

static pb_status run_as_value(pb_run *run, pb_value *model, const char *edits, pb_value **result,
                              pb_error **error)
{
    pb_run *taken = pb_run_retain(run);
    char *text = text_of(run);
    pb_status status =
        text ? pb_run_value(&taken, model, text, edits, result, error) : pb_fail_memory(error);
    pb_run_release(&taken);
    free(text);
    return status;
}

/* The cell as a run, for words that take one. */
static pb_status cell_run_become(pb_interp *interp, const pb_value *self, pb_value **result,
                                 pb_error **error)
{
    cell_run *cell = cell_of(self);
    pb_context context = {.watch = pb_interp_watch(interp), .caller = interp};
    pb_run *run = NULL;
    pb_status status = cell->seen ? PB_OK : is_over(error);
    if (!status)
        status = pb_seen_run(cell->seen, &context, &run, error);
    if (!status && !cell->whole)
        status = run_as_value(run, cell->model, cell->seen->whole ? "as the sweep does" : NULL,
                              &cell->whole, error);
    if (!status)
        *result = pb_value_retain(cell->whole);
    return status;
}

/* ---- what it answers ---- */

static pb_status logits_of(pb_interp *interp, pb_seen *seen, pb_value *model, bool logarithm,
                           size_t n, const size_t *positions, pb_value **result, pb_error **error)
{
    pb_context context = {.watch = pb_interp_watch(interp), .caller = interp};
    pb_tensor *logits = NULL, *normal = NULL;
    pb_status status = pb_seen_logits(seen, n, positions, &context, &logits, error);
    if (!status && logarithm) {
        status = pb_tensor_softmax(logits, "token", true, context.watch, &normal, error);
        pb_tensor_release(&logits);
        logits = normal;
    }
    return status ? status
                  : pb_result_tensor(&logits, model, NULL, logarithm ? "nats" : "logits",
                                     logarithm ? "Log probabilities of the next token"
                                               : "Logits of the next token",
                                     0, NULL, result, error);
}

static pb_status activation_of(pb_interp *interp, pb_seen *seen, pb_value *model, pb_site site,
                               size_t layer, pb_value **result, pb_error **error)
{
    pb_context context = {.watch = pb_interp_watch(interp), .caller = interp};
    pb_tensor *tensor = NULL;
    char caption[160];
    pb_status status = pb_seen_activation(seen, site, layer, &context, &tensor, error);
    snprintf(caption, sizeof caption, "%s: %s", pb_site_info(site)->name,
             pb_site_info(site)->summary);
    return status ? status
                  : pb_result_tensor(&tensor, model, NULL, NULL, caption, 0, NULL, result, error);
}

static pb_status get_all_logits(pb_interp *interp, const pb_value *self, bool logarithm,
                                pb_value **result, pb_error **error)
{
    cell_run *cell = cell_of(self);
    return cell->seen
               ? logits_of(interp, cell->seen, cell->model, logarithm, 0, NULL, result, error)
               : is_over(error);
}

static pb_status get_logits(pb_interp *interp, const pb_value *self, pb_value **result,
                            pb_error **error)
{
    return get_all_logits(interp, self, false, result, error);
}

static pb_status get_logprobs(pb_interp *interp, const pb_value *self, pb_value **result,
                              pb_error **error)
{
    return get_all_logits(interp, self, true, result, error);
}

static pb_status get_index(pb_interp *interp, const pb_value *self, pb_value **result,
                           pb_error **error)
{
    const pb_seen *seen = pb_cell_run_seen(self);
    (void)interp;
    return seen ? pb_value_integer((int64_t)seen->prompt, result, error) : is_over(error);
}

static pb_status get_model(pb_interp *interp, const pb_value *self, pb_value **result,
                           pb_error **error)
{
    (void)interp;
    (void)error;
    *result = pb_value_retain(pb_cell_run_model(self));
    return PB_OK;
}

/* What needs no more than the tokens is answered by the run they are of. */
static pb_status of_its_tokens(pb_interp *interp, const pb_value *self, const char *name,
                               pb_value **result, pb_error **error)
{
    pb_seen *seen = pb_cell_run_seen(self);
    pb_value *run = NULL;
    if (!seen)
        return is_over(error);
    pb_seen_note_tokens(seen);
    pb_status status = run_as_value(seen->run, pb_cell_run_model(self), NULL, &run, error);
    if (!status)
        status = pb_interp_attribute(interp, run, name, result, error);
    pb_value_release(&run);
    return status;
}

static pb_status get_prompt(pb_interp *interp, const pb_value *self, pb_value **result,
                            pb_error **error)
{
    return of_its_tokens(interp, self, "prompt", result, error);
}

static pb_status get_tokens(pb_interp *interp, const pb_value *self, pb_value **result,
                            pb_error **error)
{
    return of_its_tokens(interp, self, "tokens", result, error);
}

static pb_status get_ids(pb_interp *interp, const pb_value *self, pb_value **result,
                         pb_error **error)
{
    return of_its_tokens(interp, self, "ids", result, error);
}

static const pb_member cell_run_members[] = {
    {"logits", "Logits of the next token: [pos, token].", get_logits},
    {"logprobs", "Log probabilities, nats: [pos, token].", get_logprobs},
    {"index", "Which of the pairs it is of, from 0.", get_index},
    {"prompt", "The prompt's text.", get_prompt},
    {"tokens", "The prompt's tokens, the start token included.", get_tokens},
    {"ids", "The tokens' numbers.", get_ids},
    {"model", "The model it ran on.", get_model},
    {NULL, NULL, NULL}};

/* Any activation by its name; what else a run may be asked, it is asked as one. */
static pb_status cell_run_attribute(pb_interp *interp, const pb_value *self, const char *name,
                                    pb_value **result, pb_error **error)
{
    cell_run *cell = cell_of(self);
    pb_site site;
    pb_value *run = NULL;
    if (!cell->seen)
        return is_over(error);
    if (!pb_site_find(name, &site, NULL))
        return activation_of(interp, cell->seen, cell->model, site, PB_ALL_LAYERS, result, error);
    pb_status status = run_as_value(cell->seen->run, cell->model, NULL, &run, error);
    if (!status) /* it says how a name that was tried is called here */
        status = pb_run_type.attribute(interp, run, name, result, error);
    pb_value_release(&run);
    return status;
}

static void cell_run_names(const pb_value *self, pb_names *names)
{
    (void)self;
    for (int site = 0; site < PB_N_SITES; site++)
        pb_names_add(names, pb_site_info((pb_site)site)->name, "tensor", "");
}

/* ---- parts of an activation ---- */

/* The one place that an entry names along an axis of a run, as an offset. */
static bool one_place(const pb_value *value, const char *name, const pb_axis *axis, size_t *offset)
{
    pb_select *places = NULL;
    size_t *offsets = NULL, n = 0;
    bool drops = false, one = false;
    if (!axis || pb_places_of(value, name, &places, NULL) || !places ||
        places->kind == PB_SELECT_PER ||
        pb_axis_resolve(axis, places, NULL, &offsets, &n, &drops, NULL))
        drops = false;
    if (drops && n == 1) {
        *offset = offsets[0];
        one = true;
    }
    free(offsets);
    pb_select_destroy(&places);
    return one;
}

/* Indexes what was computed for one entry, which now names its only place. What is wrong with the
 * others is told of the whole activation. */
static pb_status index_rest(pb_interp *interp, const pb_value *tensor, size_t which,
                            size_t coordinate, size_t count, const pb_index_entry *entries,
                            pb_value **result, pb_error **error)
{
    pb_index_entry *all = pb_calloc(count, sizeof *all);
    pb_value *place = NULL;
    pb_status status =
        all ? pb_value_integer((int64_t)coordinate, &place, error) : pb_fail_memory(error);
    for (size_t i = 0; !status && i < count; i++) {
        all[i] = entries[i];
        all[i].value = i == which ? place : entries[i].value;
    }
    if (!status)
        pb_interp_index(interp, tensor, count, all, result, NULL);
    pb_value_release(&place);
    free(all);
    return status;
}

static pb_status part_of(pb_interp *interp, pb_seen *seen, pb_value *model, const char *name,
                         size_t count, const pb_index_entry *entries, pb_value **result,
                         pb_error **error)
{
    pb_site site = PB_N_SITES;
    bool logprobs = strcmp(name, "logprobs") == 0, logits = strcmp(name, "logits") == 0;
    bool layers = !pb_site_find(name, &site, NULL) && pb_site_info(site)->layers;
    const char *along = layers ? "layer" : "pos";
    const pb_axis *axis =
        layers ? pb_model_axis(pb_run_model(seen->run), "layer") : pb_run_positions(seen->like);
    pb_value *tensor = NULL;
    size_t which = 0, at = 0;
    while (which < count && (!entries[which].name || strcmp(entries[which].name, along) != 0))
        which++;
    if ((!layers && !logits && !logprobs) || which == count ||
        !one_place(entries[which].value, along, axis, &at))
        return PB_OK;
    pb_status status = layers ? activation_of(interp, seen, model, site, at, &tensor, error)
                              : logits_of(interp, seen, model, logprobs, 1, &at, &tensor, error);
    if (!status)
        status = index_rest(interp, tensor, which, at, count, entries, result, error);
    pb_value_release(&tensor);
    return status;
}

static pb_status cell_run_part(pb_interp *interp, const pb_value *self, const char *name,
                               size_t count, const pb_index_entry *entries, pb_value **result,
                               pb_error **error)
{
    cell_run *cell = cell_of(self);
    return cell->seen
               ? part_of(interp, cell->seen, cell->model, name, count, entries, result, error)
               : is_over(error);
}

pb_status pb_part_of_run(pb_interp *interp, const pb_value *run, const char *name, size_t count,
                         const pb_index_entry *entries, pb_value **result, pb_error **error)
{
    pb_run *own = pb_run_of(run);
    pb_seen seen = {.run = own, .like = own, .normed = pb_run_normed(own)};
    return part_of(interp, &seen, pb_run_model_value(run), name, count, entries, result, error);
}

const pb_object_type pb_cell_run_type = {
    .name = "run in a sweep",
    .article = "a run in a sweep",
    .summary = "One cell of a sweep, as a metric of your own sees it: a run, with .index.",
    .destroy = cell_run_destroy,
    .repr = cell_run_repr,
    .members = cell_run_members,
    .attribute = cell_run_attribute,
    .names = cell_run_names,
    .part = cell_run_part,
    .stands_for = &pb_run_type,
    .become = cell_run_become};

/* ---- the function ---- */

struct pb_metric_caller {
    pb_interp *interp;
    pb_value *function, *model;
};

static pb_status not_a_number(const pb_value *answer, pb_error **error)
{
    char text[96];
    pb_status status = pb_fail(error, PB_TYPE, "a metric gives one number for a run; yours gave %s",
                               pb_value_describe(answer, text, sizeof text));
    if (error)
        pb_error_hint(*error, "pick one: lambda r: r.logits[pos=-1, token=\" great\"]");
    return status;
}

static pb_status call_function(void *user, pb_seen *seen, double *value, pb_error **error)
{
    struct pb_metric_caller *caller = user;
    pb_value *argument = NULL, *answer = NULL;
    cell_run *cell = pb_calloc(1, sizeof *cell);
    if (!cell)
        return pb_fail_memory(error);
    *cell = (cell_run){seen, pb_value_retain(caller->model), NULL};
    pb_status status = pb_value_take_object(&pb_cell_run_type, cell, &argument, error);
    if (status)
        return status;
    status = pb_interp_call(caller->interp, caller->function, 1, &argument, &answer, error);
    const pb_tensor *tensor = pb_value_get_tensor(answer);
    if (!status && tensor && pb_tensor_size(tensor) == 1)
        *value = pb_tensor_data(tensor)[0];
    else if (!status && !pb_value_scalar(answer, value))
        status = not_a_number(answer, error);
    cell->seen = NULL;
    pb_value_release(&argument);
    pb_value_release(&answer);
    return status;
}

pb_status pb_metric_bind_function(pb_interp *interp, pb_value *function, pb_value *model,
                                  pb_bound_metric *bound, pb_error **error)
{
    bound->caller = pb_calloc(1, sizeof *bound->caller);
    bound->name = strdup("your metric");
    if (!bound->caller || !bound->name)
        return pb_fail_memory(error);
    *bound->caller =
        (struct pb_metric_caller){interp, pb_value_retain(function), pb_value_retain(model)};
    bound->units = NULL;
    bound->metric.kind = PB_METRIC_CALL;
    bound->metric.call = call_function;
    bound->metric.user = bound->caller;
    return PB_OK;
}

void pb_metric_caller_free(struct pb_metric_caller **caller)
{
    struct pb_metric_caller *old = *caller;
    *caller = NULL;
    if (!old)
        return;
    pb_value_release(&old->function);
    pb_value_release(&old->model);
    free(old);
}
