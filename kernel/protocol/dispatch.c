/* From a request to its handler and back: busy, the reply, idle. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "internal.h"

/* Where a type is accepted, and which thread answers it: the router's own (urgent), that of the
 * shell's cells, or the one beside them. */
enum { ON_SHELL = 1, ON_CONTROL = 2, URGENT = 4, CELL = 8 };

typedef struct {
    const char *type;
    unsigned where;
    pb_handle *handle;
} row;

static const row rows[] = {
    {"execute_request", ON_SHELL | CELL, pb_handle_execute},
    {"complete_request", ON_SHELL, pb_handle_complete},
    {"inspect_request", ON_SHELL, pb_handle_inspect},
    {"is_complete_request", ON_SHELL, pb_handle_is_complete},
    {"history_request", ON_SHELL, pb_handle_history},
    {"kernel_info_request", ON_SHELL | ON_CONTROL, pb_handle_kernel_info},
    {"connect_request", ON_SHELL | ON_CONTROL, pb_handle_connect},
    {"comm_info_request", ON_SHELL | ON_CONTROL, pb_handle_comm_info},
    {"comm_open", ON_SHELL, pb_handle_comm_open},
    {"comm_msg", ON_SHELL, pb_handle_comm_ignored},
    {"comm_close", ON_SHELL, pb_handle_comm_ignored},
    {"interrupt_request", ON_SHELL | ON_CONTROL | URGENT, pb_handle_interrupt},
    {"shutdown_request", ON_SHELL | ON_CONTROL | URGENT, pb_handle_shutdown},
    {"create_subshell_request", ON_CONTROL, pb_handle_create_subshell},
    {"delete_subshell_request", ON_CONTROL, pb_handle_delete_subshell},
    {"list_subshell_request", ON_CONTROL, pb_handle_list_subshell},
};

static const row *find_row(const pb_request *request)
{
    unsigned here = request->channel == PB_CHANNEL_CONTROL ? ON_CONTROL : ON_SHELL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if ((rows[i].where & here) && strcmp(rows[i].type, request->message->type.data) == 0)
            return &rows[i];
    return NULL;
}

bool pb_request_is_urgent(const pb_request *request)
{
    const row *found = find_row(request);
    return found && (found->where & URGENT);
}

bool pb_request_is_cell(const pb_request *request)
{
    const row *found = find_row(request);
    return found && (found->where & CELL);
}

pb_request *pb_request_create(pb_kernel *kernel, pb_router *router, pb_channel channel,
                              pb_message *message)
{
    pb_request *request = pb_calloc(1, sizeof *request);
    if (request) {
        *request = (pb_request){
            .kernel = kernel, .router = router, .channel = channel, .message = message};
    } else {
        pb_log_write(kernel->options->log, PB_LOG_ERROR,
                     "memory is out: a message of type '%s' is dropped", message->type.data);
        pb_message_destroy(&message);
    }
    return request;
}

void pb_request_destroy(pb_request **request)
{
    if (!*request)
        return;
    pb_message_destroy(&(*request)->message);
    free(*request);
    *request = NULL;
}

/* ---- what is said ---- */

static void say_status(pb_request *request, const char *state)
{
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_open(&content, '{');
    pb_write_pair(&content, "execution_state", state);
    pb_write_close(&content, '}');
    pb_request_publish(request, "status", &content);
}

/*
 * Front ends show a kernel as busy or idle by the last status that came, whatever its parent was:
 * JupyterLab's indicator does, and Jupyter Server's culling of idle kernels. So when a request has
 * become idle while a cell still runs, it is said again that the cell is busy. Both are said under
 * a lock, so that no cell is called busy after it was called idle.
 */
static void say_busy(pb_request *request)
{
    pb_kernel *kernel = request->kernel;
    pthread_mutex_lock(&kernel->status_lock);
    if (pb_request_is_cell(request)) {
        request->next = kernel->busy;
        kernel->busy = request;
    }
    say_status(request, "busy");
    pthread_mutex_unlock(&kernel->status_lock);
}

static void say_idle(pb_request *request)
{
    pb_kernel *kernel = request->kernel;
    pthread_mutex_lock(&kernel->status_lock);
    pb_request **link = &kernel->busy;
    while (*link && *link != request)
        link = &(*link)->next;
    if (*link)
        *link = request->next;
    say_status(request, "idle");
    if (kernel->busy)
        say_status(kernel->busy, "busy");
    pthread_mutex_unlock(&kernel->status_lock);
}

static void log_lost(const pb_request *request, const char *type)
{
    pb_log_write(request->kernel->options->log, PB_LOG_ERROR, "memory is out: a %s message is lost",
                 type);
}

void pb_request_publish(pb_request *request, const char *type, pb_writer *content)
{
    pb_kernel *kernel = request->kernel;
    pb_frames frames = PB_FRAMES_EMPTY;
    if (pb_message_build_published(&kernel->sender, NULL, type, request->message->header, content,
                                   &frames, NULL) ||
        !pb_publisher_send(kernel->publisher, &frames))
        log_lost(request, type);
}

/* The reply's type: "x_request" becomes "x_reply". False for types that ask for none. */
static bool reply_type(const pb_message *message, char *type, size_t size)
{
    static const char suffix[] = "_request";
    size_t stem = message->type.length - (sizeof suffix - 1);
    if (message->type.length < sizeof suffix || stem + sizeof "_reply" > size ||
        strcmp(message->type.data + stem, suffix) != 0)
        return false;
    memcpy(type, message->type.data, stem);
    strcpy(type + stem, "_reply");
    return true;
}

static bool append_route(const pb_message *message, pb_frames *frames)
{
    for (size_t i = 0; i < message->n_identities; i++) {
        const pb_frame *identity = &message->frames.items[i];
        if (!pb_frames_append(frames, identity->data, identity->size))
            return false;
    }
    return true;
}

void pb_request_reply(pb_request *request, const char *metadata, pb_writer *content)
{
    const pb_message *message = request->message;
    pb_frames frames = PB_FRAMES_EMPTY;
    char *json = pb_buffer_take(&content->text);
    char type[128];
    if (!reply_type(message, type, sizeof type)) {
        free(json);
        return;
    }
    bool good = append_route(message, &frames);
    if (!good) {
        free(json);
        pb_frames_clear(&frames);
    }
    good = good && !pb_message_build(&request->kernel->sender, type, message->header, metadata,
                                     json, &frames, NULL);
    if (!good || !pb_outbox_send(pb_router_outbox(request->router), PB_SOCKET_SHELL, &frames))
        log_lost(request, type);
}

/* The reply to a cell that was not run has no execution count: front ends would number the cell by
 * it. */
static bool has_count(const pb_request *request, const char *status)
{
    return strcmp(request->message->type.data, "execute_request") == 0 &&
           strcmp(status, "aborted") != 0;
}

static void reply_failure(pb_request *request, const char *status, const pb_error *fault)
{
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_open(&content, '{');
    pb_write_failure(&content, status, fault);
    if (has_count(request, status)) {
        pb_write_key(&content, "execution_count");
        pb_write_integer(&content, atomic_load(&request->kernel->count));
    }
    pb_write_close(&content, '}');
    pb_request_reply(request, NULL, &content);
}

/* ---- what is done ---- */

static pb_status call_handler(pb_request *request, pb_error **error)
{
    const row *found = find_row(request);
    if (!found)
        return pb_fail(error, PB_UNSUPPORTED, "this kernel does not answer messages of type '%s'",
                       request->message->type.data);
    return found->handle(request, error);
}

void pb_request_handle(pb_request *request)
{
    bool cell = pb_request_is_cell(request);
    if (cell)
        pb_executor_begin(request->executor);
    say_busy(request);
    pb_error *error = NULL;
    if (request->message->fault)
        reply_failure(request, "error", request->message->fault);
    else if (call_handler(request, &error))
        reply_failure(request, "error", error);
    pb_error_destroy(&error);
    if (cell)
        pb_executor_end(request->executor);
    say_idle(request);
    if (request->stops_kernel)
        pb_kernel_stop(request->kernel);
}

void pb_request_refuse(pb_request *request, const pb_error *fault)
{
    say_busy(request);
    reply_failure(request, "error", fault);
    say_idle(request);
}

void pb_request_abort(pb_request *request)
{
    pb_error *fault = NULL;
    pb_fail(&fault, PB_INTERRUPTED, "not run, because a cell before it failed");
    say_busy(request);
    reply_failure(request, "aborted", fault);
    say_idle(request);
    pb_error_destroy(&fault);
}

/* ---- writing common parts ---- */

void pb_write_ok(pb_writer *writer)
{
    pb_write_open(writer, '{');
    pb_write_pair(writer, "status", "ok");
}

/* The lines of the rendered error, its name in red; front ends join them with newlines. */
static void write_traceback(pb_writer *writer, const char *name, const char *rendered)
{
    size_t length = strlen(name);
    pb_write_open(writer, '[');
    while (rendered && *rendered) {
        size_t line = strcspn(rendered, "\n");
        if (length > 0 && line >= length && memcmp(rendered, name, length) == 0) {
            pb_buffer colored = PB_BUFFER_EMPTY;
            pb_buffer_format(&colored, "\x1b[31m%s\x1b[39m", name);
            pb_buffer_append(&colored, rendered + length, line - length);
            pb_write_bytes(writer, colored.data, colored.length);
            pb_buffer_free(&colored);
        } else {
            pb_write_bytes(writer, rendered, line);
        }
        length = 0; /* only in the first line */
        rendered += line + (rendered[line] == '\n');
    }
    pb_write_close(writer, ']');
}

void pb_write_failure(pb_writer *writer, const char *status, const pb_error *fault)
{
    const char *name = pb_status_name(pb_error_code(fault));
    char *rendered = pb_error_render(fault);
    if (status)
        pb_write_pair(writer, "status", status);
    pb_write_pair(writer, "ename", name);
    pb_write_pair(writer, "evalue", pb_error_text(fault));
    pb_write_key(writer, "traceback");
    write_traceback(writer, name, rendered);
    free(rendered);
}

static bool is_json(const pb_form *form)
{
    json_error_t fault;
    json_t *value = json_loadb(form->data, form->length, JSON_DECODE_ANY, &fault);
    json_decref(value);
    return value != NULL;
}

/* A picture whose HTML is sent holds the SVG in it; the SVG itself is what files are saved from.
 * Sent too, it would end nbconvert's latex and pdf, which hand it to Inkscape, where there is none.
 */
static bool stays_here(const pb_bundle *bundle, const pb_form *form)
{
    return strcmp(form->mime, "image/svg+xml") == 0 && pb_bundle_find(bundle, "text/html");
}

void pb_write_bundle(pb_writer *writer, const pb_bundle *bundle)
{
    pb_write_key(writer, "data");
    pb_write_open(writer, '{');
    for (size_t i = 0; i < pb_bundle_count(bundle); i++) {
        pb_form form = pb_bundle_form(bundle, i);
        if (stays_here(bundle, &form))
            continue;
        pb_write_key(writer, form.mime);
        if (form.json && is_json(&form))
            pb_write_raw(writer, form.data);
        else
            pb_write_bytes(writer, form.data, form.length);
    }
    if (!pb_bundle_find(bundle, "text/plain"))
        pb_write_pair(writer, "text/plain", "");
    pb_write_close(writer, '}');
    const char *metadata = pb_bundle_metadata(bundle);
    pb_write_key(writer, "metadata");
    pb_write_raw(writer, metadata ? metadata : "{}");
}
