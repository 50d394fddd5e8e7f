/* Requests that steer the kernel: interrupt, shutdown, subshells; and the control thread. */
#include <string.h>

#include "internal.h"

static void reply_ok(pb_request *request)
{
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_ok(&content);
    pb_write_close(&content, '}');
    pb_request_reply(request, NULL, &content);
}

static pb_status no_such_subshell(const pb_text *id, pb_error **error)
{
    return pb_fail(error, PB_NAME, "there is no subshell '%s'", id->data);
}

pb_status pb_handle_interrupt(pb_request *request, pb_error **error)
{
    const pb_text *subshell = &request->message->subshell;
    if (!pb_executors_interrupt(&request->kernel->executors, subshell))
        return no_such_subshell(subshell, error);
    reply_ok(request);
    return PB_OK;
}

/* The reply goes to who asked, and as a message of its own to everyone else. */
pb_status pb_handle_shutdown(pb_request *request, pb_error **error)
{
    bool restart;
    pb_status status = pb_json_flag(request->message->content, "restart", false, &restart, error);
    if (status)
        return status;
    pb_writer reply = PB_WRITER_EMPTY, news = PB_WRITER_EMPTY;
    pb_writer *const both[] = {&reply, &news};
    for (size_t i = 0; i < 2; i++) {
        pb_write_ok(both[i]);
        pb_write_key(both[i], "restart");
        pb_write_boolean(both[i], restart);
        pb_write_close(both[i], '}');
    }
    pb_request_reply(request, NULL, &reply);
    pb_request_publish(request, "shutdown_reply", &news);
    request->stops_kernel = true;
    return PB_OK;
}

/* ---- subshells (JEP 91) ---- */

pb_status pb_handle_create_subshell(pb_request *request, pb_error **error)
{
    pb_executor *executor = NULL;
    pb_status status = pb_executor_start(request->kernel, PB_EXECUTOR_SUBSHELL, &executor, error);
    if (status)
        return status;
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_ok(&content);
    pb_write_pair(&content, "subshell_id", executor->id);
    pb_write_close(&content, '}');
    pb_request_reply(request, NULL, &content);
    return PB_OK;
}

pb_status pb_handle_delete_subshell(pb_request *request, pb_error **error)
{
    pb_text id;
    pb_status status = pb_json_needed_text(request->message->content, "subshell_id", &id, error);
    if (status)
        return status;
    if (!pb_executors_remove(&request->kernel->executors, &id))
        return no_such_subshell(&id, error);
    reply_ok(request);
    return PB_OK;
}

static void write_id(void *user, const char *id)
{
    pb_write_string(user, id);
}

pb_status pb_handle_list_subshell(pb_request *request, pb_error **error)
{
    (void)error;
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_ok(&content);
    pb_write_key(&content, "subshell_id");
    pb_write_open(&content, '[');
    pb_executors_list(&request->kernel->executors, write_id, &content);
    pb_write_close(&content, ']');
    pb_write_close(&content, '}');
    pb_request_reply(request, NULL, &content);
    return PB_OK;
}

/* ---- the control thread ---- */

void pb_control_received(void *user, size_t socket, pb_frames *frames)
{
    (void)socket;
    pb_kernel *kernel = user;
    pb_message *message = NULL;
    pb_error *fault = NULL;
    if (!pb_message_parse(kernel->signer, frames, &message, &fault)) {
        pb_request *request =
            pb_request_create(kernel, kernel->control, PB_CHANNEL_CONTROL, message);
        if (request)
            pb_request_handle(request);
        pb_request_destroy(&request);
    } else {
        pb_log_write(kernel->options->log, PB_LOG_WARNING, "control: dropped %s",
                     pb_error_text(fault));
    }
    pb_error_destroy(&fault);
}
