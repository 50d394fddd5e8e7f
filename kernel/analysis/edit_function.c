/*
 * A function of the user's as what an edit writes: set("mlp_out", layer=4, to=lambda x: x * 0.5).
 * It is called from within a pass, by whoever runs the pass then, which may be another cell than
 * the one that made the edit.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"
#include "domain.h"
#include "session/cell.h"

/* Counted, since edits hold it, and runs edits. */
typedef struct edit_function {
    atomic_size_t count;
    pb_value *function, *model;
} edit_function;

static void function_retain(void *user)
{
    edit_function *held = user;
    atomic_fetch_add_explicit(&held->count, 1, memory_order_relaxed);
}

static void function_release(void *user)
{
    edit_function *held = user;
    if (atomic_fetch_sub_explicit(&held->count, 1, memory_order_acq_rel) != 1)
        return;
    pb_value_release(&held->function);
    pb_value_release(&held->model);
    free(held);
}

static pb_status not_an_activation(const pb_value *answer, pb_error **error)
{
    char text[96];
    pb_status status =
        pb_fail(error, PB_TYPE, "the function of an edit gives a tensor or a number; yours gave %s",
                pb_value_describe(answer, text, sizeof text));
    if (error)
        pb_error_hint(*error, "to=lambda x: x * 0.5");
    return status;
}

static pb_status take_answer(const pb_value *answer, pb_tensor **then, pb_error **error)
{
    double number;
    float *data = NULL;
    if (pb_value_kind(answer) == PB_TENSOR) {
        *then = pb_tensor_retain(pb_value_get_tensor(answer));
        return PB_OK;
    }
    if (!pb_value_scalar(answer, &number))
        return not_an_activation(answer, error);
    pb_status status = pb_tensor_create(0, NULL, then, &data, error);
    if (!status)
        *data = (float)number;
    return status;
}

/* The pass has its buffers still in use: what the function computes needs others. */
static pb_status call_with_other_buffers(pb_interp *interp, const pb_value *function,
                                         pb_value *argument, pb_value **answer, pb_error **error)
{
    pb_value *buffers = pb_value_retain(pb_interp_workspace(interp));
    pb_interp_give_workspace(interp, NULL);
    pb_status status = pb_interp_call(interp, function, 1, &argument, answer, error);
    pb_interp_give_workspace(interp, buffers);
    return status;
}

static pb_status compute(void *user, void *caller, pb_tensor *now, pb_tensor **then,
                         pb_error **error)
{
    const edit_function *held = user;
    pb_value *argument = NULL, *answer = NULL;
    pb_tensor *shared = pb_tensor_retain(now);
    if (!caller) {
        pb_tensor_release(&shared);
        return pb_fail(error, PB_INTERNAL, "nothing here can call the function of an edit");
    }
    pb_status status =
        pb_result_tensor(&shared, held->model, NULL, NULL, NULL, 0, NULL, &argument, error);
    if (!status)
        status = call_with_other_buffers(caller, held->function, argument, &answer, error);
    if (!status)
        status = take_answer(answer, then, error);
    pb_value_release(&argument);
    pb_value_release(&answer);
    return status;
}

pb_status pb_edit_function_create(pb_value *function, pb_value *model, pb_edit_call *call,
                                  pb_error **error)
{
    edit_function *made = pb_calloc(1, sizeof *made);
    if (!made)
        return pb_fail_memory(error);
    atomic_init(&made->count, 1);
    made->function = pb_value_retain(function);
    made->model = pb_value_retain(model);
    *call = (pb_edit_call){compute, made, function_retain, function_release};
    return PB_OK;
}
