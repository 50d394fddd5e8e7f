/* The shell's thread: hands requests to executors, and answers on stdin to the cells that asked. */
#include <string.h>

#include "internal.h"

static void log_drop(const pb_kernel *kernel, const char *channel, const pb_error *fault)
{
    pb_log_write(kernel->options->log, PB_LOG_WARNING, "%s: dropped %s", channel,
                 pb_error_text(fault));
}

static void refuse_unknown_subshell(pb_request *request)
{
    pb_error *fault = NULL;
    pb_fail(&fault, PB_NAME, "there is no subshell '%s'", request->message->subshell.data);
    pb_request_refuse(request, fault);
    pb_error_destroy(&fault);
}

static void route(pb_kernel *kernel, pb_message *message)
{
    pb_request *request = pb_request_create(kernel, kernel->shell, PB_CHANNEL_SHELL, message);
    if (!request)
        return;
    if (pb_request_is_urgent(request))
        pb_request_handle(request);
    else if (pb_executors_post(&kernel->executors, request))
        return; /* it is the executor's now */
    else if (request->message->subshell.data)
        refuse_unknown_subshell(request);
    pb_request_destroy(&request);
}

static void answer_question(pb_kernel *kernel, const pb_message *message)
{
    pb_text line;
    pb_error *fault = NULL;
    pb_status status = PB_OK;
    if (message->fault || strcmp(message->type.data, "input_reply") != 0)
        status = pb_fail(&fault, PB_FORMAT, "a message that is no good input_reply");
    if (!status)
        status = pb_json_needed_text(message->content, "value", &line, &fault);
    if (!status && !pb_executors_answer(&kernel->executors, message, &line))
        status = pb_fail(&fault, PB_VALUE, "an input_reply nobody waits for");
    if (status)
        log_drop(kernel, "stdin", fault);
    pb_error_destroy(&fault);
}

void pb_shell_received(void *user, size_t socket, pb_frames *frames)
{
    pb_kernel *kernel = user;
    pb_message *message = NULL;
    pb_error *fault = NULL;
    if (pb_message_parse(kernel->signer, frames, &message, &fault)) {
        log_drop(kernel, socket == PB_SOCKET_STDIN ? "stdin" : "shell", fault);
        pb_error_destroy(&fault);
    } else if (socket == PB_SOCKET_STDIN) {
        answer_question(kernel, message);
        pb_message_destroy(&message);
    } else {
        route(kernel, message);
    }
}
