/*
 * A function of the user's as a metric: it gets the run of each cell of a sweep, whose logits and
 * metrics it may read, and gives a number.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "metrics.h"

/* ---- the run of a cell ---- */

/* A sweep computes each cell up to the final norm; logits are made of that when they are asked for.
 */
typedef struct cell_run {
    pb_seen seen;  /* its runs retained */
    float *normed; /* what seen.normed points at */
    pb_value *model;
} cell_run;

static void cell_run_destroy(void *data)
{
    cell_run *cell = data;
    if (!cell)
        return;
    pb_run_release(&cell->seen.run);
    pb_run_release(&cell->seen.like);
    free(cell->normed);
    pb_value_release(&cell->model);
    free(cell);
}

static pb_status cell_run_value(const pb_seen *seen, pb_value *model, pb_value **result,
                                pb_error **error)
{
    size_t rows = pb_run_length(seen->run), d = pb_model_shape(pb_run_model(seen->run))->d_model;
    cell_run *cell = pb_calloc(1, sizeof *cell);
    float *normed = pb_malloc(rows * d, sizeof *normed);
    if (!cell || !normed) {
        free(cell);
        free(normed);
        return pb_fail_memory(error);
    }
    memcpy(normed, seen->normed, rows * d * sizeof *normed);
    *cell = (cell_run){*seen, normed, pb_value_retain(model)};
    cell->seen.run = pb_run_retain(seen->run);
    cell->seen.like = pb_run_retain(seen->like);
    cell->seen.normed = normed;
    return pb_value_take_object(&pb_cell_run_type, cell, result, error);
}

static void cell_run_repr(const pb_value *self, pb_buffer *out)
{
    (void)self;
    pb_buffer_text(out, "the run of one cell of a sweep");
}

const pb_seen *pb_cell_run_seen(const pb_value *value)
{
    const cell_run *cell = pb_value_object(value, &pb_cell_run_type);
    return cell ? &cell->seen : NULL;
}

pb_value *pb_cell_run_model(const pb_value *value)
{
    return ((cell_run *)pb_value_object(value, &pb_cell_run_type))->model;
}

static pb_status get_logits(pb_interp *interp, const pb_value *self, pb_value **result,
                            pb_error **error)
{
    pb_context context = {.watch = pb_interp_watch(interp)};
    pb_tensor *logits = NULL;
    pb_status status = pb_seen_logits(pb_cell_run_seen(self), &context, &logits, error);
    return status ? status
                  : pb_result_tensor(&logits, pb_cell_run_model(self), NULL, "logits", NULL, 0,
                                     NULL, result, error);
}

static pb_status get_logprobs(pb_interp *interp, const pb_value *self, pb_value **result,
                              pb_error **error)
{
    pb_context context = {.watch = pb_interp_watch(interp)};
    pb_tensor *logits = NULL, *logprobs = NULL;
    pb_status status = pb_seen_logits(pb_cell_run_seen(self), &context, &logits, error);
    if (!status)
        status = pb_tensor_softmax(logits, "token", true, context.watch, &logprobs, error);
    pb_tensor_release(&logits);
    return status ? status
                  : pb_result_tensor(&logprobs, pb_cell_run_model(self), NULL, "nats", NULL, 0,
                                     NULL, result, error);
}

static const pb_member cell_run_members[] = {
    {"logits", "Logits of the next token: [pos, token].", get_logits},
    {"logprobs", "Log probabilities, nats: [pos, token].", get_logprobs},
    {NULL, NULL, NULL}};

/* What run.name gives in a metric of one's own: logits and the like, but no activations, which a
 * sweep does not compute. */
static pb_status cell_run_attribute(pb_interp *interp, const pb_value *self, const char *name,
                                    pb_value **result, pb_error **error)
{
    (void)interp;
    (void)self;
    (void)result;
    pb_site site;
    if (pb_site_find(name, &site, NULL))
        return PB_OK;
    pb_status status = pb_fail(error, PB_NAME,
                               "in a sweep a metric of your own sees .logits and .logprobs, not "
                               ".%s",
                               name);
    if (error)
        pb_error_hint(*error, "metrics take it too: logit_diff(r, \" great\", \" bad\")");
    return status;
}

const pb_object_type pb_cell_run_type = {
    .name = "run in a sweep",
    .article = "a run in a sweep",
    .summary = "One cell of a sweep, as a metric of your own sees it: .logits, .logprobs, and "
               "whatever the metrics make of it.",
    .destroy = cell_run_destroy,
    .repr = cell_run_repr,
    .members = cell_run_members,
    .attribute = cell_run_attribute};

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

static pb_status call_function(void *user, const pb_seen *seen, double *value, pb_error **error)
{
    struct pb_metric_caller *caller = user;
    pb_value *argument = NULL, *answer = NULL;
    pb_status status = cell_run_value(seen, caller->model, &argument, error);
    if (!status)
        status = pb_interp_call(caller->interp, caller->function, 1, &argument, &answer, error);
    const pb_tensor *tensor = pb_value_get_tensor(answer);
    if (!status && tensor && pb_tensor_size(tensor) == 1)
        *value = pb_tensor_data(tensor)[0];
    else if (!status && !pb_value_scalar(answer, value))
        status = not_a_number(answer, error);
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
