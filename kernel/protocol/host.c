/* What a running cell may do to the outside. */
#include "host.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "thread.h"

/* A display that is being updated: at most every PB_UPDATE_MS, the newest state last. */
struct pb_update {
    pb_update *next;
    char *id;
    int64_t sent;      /* when an update last went out */
    pb_writer content; /* held back; empty if nothing is */
};

void pb_asked_cell_init(pb_asked_cell *cell, pb_request *request, bool silent, bool allow_stdin)
{
    *cell = (pb_asked_cell){.request = request,
                            .silent = silent,
                            .allow_stdin = allow_stdin,
                            .progress = {.request = request, .over = silent}};
}

static void publish_held(pb_asked_cell *cell, pb_update *update)
{
    if (update->content.text.length == 0)
        return;
    update->sent = pb_clock_ms();
    pb_request_publish(cell->request, "update_display_data", &update->content);
    update->content = (pb_writer)PB_WRITER_EMPTY;
}

void pb_asked_cell_flush(pb_asked_cell *cell)
{
    for (pb_update *update = cell->updates; update; update = update->next)
        publish_held(cell, update);
}

void pb_asked_cell_clear(pb_asked_cell *cell)
{
    while (cell->updates) {
        pb_update *old = cell->updates;
        cell->updates = old->next;
        pb_buffer_free(&old->content.text);
        free(old->id);
        free(old);
    }
    pb_buffer_free(&cell->payload.text);
    pb_progress_free(&cell->progress);
}

static void host_resume(void *user)
{
    pb_executor_resume(((pb_asked_cell *)user)->request->executor);
}

/* ---- text and displays ---- */

static void host_text(void *user, int fd, const char *text, size_t length)
{
    pb_asked_cell *cell = user;
    if (cell->silent)
        return;
    pb_progress_text(&cell->progress, fd, text, length);
    if (!pb_publisher_text(cell->request->kernel->publisher, cell->request->message->header, fd,
                           text, length, &cell->request->executor->stop))
        pb_log_write(cell->request->kernel->options->log, PB_LOG_ERROR,
                     "memory is out: some of a cell's text is lost");
}

pb_writer pb_display_content(const pb_buffer *shown, const char *name)
{
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_open(&content, '{');
    pb_buffer_append(&content.text, shown->data, shown->length);
    content.comma = true;
    pb_write_key(&content, "transient");
    pb_write_open(&content, '{');
    if (name)
        pb_write_pair(&content, "display_id", name);
    pb_write_close(&content, '}');
    pb_write_close(&content, '}');
    return content;
}

/* The record of a display; made if it is new; NULL when memory is out. */
static pb_update *find_update(pb_asked_cell *cell, const char *id)
{
    for (pb_update *update = cell->updates; update; update = update->next)
        if (strcmp(update->id, id) == 0)
            return update;
    pb_update *update = pb_calloc(1, sizeof *update);
    char *copy = strdup(id);
    if (!update || !copy) {
        free(update);
        free(copy);
        return NULL;
    }
    *update = (pb_update){.next = cell->updates, .id = copy, .sent = -PB_UPDATE_MS};
    cell->updates = update;
    return update;
}

static void show_update(pb_asked_cell *cell, const char *id, pb_writer *content)
{
    pb_update *update = find_update(cell, id);
    if (!update) {
        pb_request_publish(cell->request, "update_display_data", content);
        return;
    }
    pb_buffer_free(&update->content.text);
    update->content = *content;
    if (pb_clock_ms() - update->sent >= PB_UPDATE_MS)
        publish_held(cell, update);
}

static void host_show(void *user, const pb_bundle *bundle, const char *display_id, bool update)
{
    pb_asked_cell *cell = user;
    if (cell->silent)
        return;
    update = update && display_id;
    pb_publisher_wait(cell->request->kernel->publisher, &cell->request->executor->stop);
    pb_writer shown = PB_WRITER_EMPTY;
    pb_write_bundle(&shown, bundle);
    (update ? pb_progress_update : pb_progress_display)(&cell->progress, &shown.text, display_id);
    const char *name = display_id ? pb_progress_name(&cell->progress, display_id) : NULL;
    pb_writer content = pb_display_content(&shown.text, name);
    pb_buffer_free(&shown.text);
    if (update)
        show_update(cell, name, &content);
    else
        pb_request_publish(cell->request, "display_data", &content);
}

static void host_progress(void *user, const char *line)
{
    pb_progress_show(&((pb_asked_cell *)user)->progress, line);
}

static void host_clear(void *user, bool wait)
{
    pb_asked_cell *cell = user;
    if (cell->silent)
        return;
    pb_asked_cell_flush(cell);
    pb_progress_cleared(&cell->progress, wait);
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_open(&content, '{');
    pb_write_key(&content, "wait");
    pb_write_boolean(&content, wait);
    pb_write_close(&content, '}');
    pb_request_publish(cell->request, "clear_output", &content);
}

/* ---- payloads ---- */

static void host_page(void *user, const pb_bundle *bundle)
{
    pb_writer *payload = &((pb_asked_cell *)user)->payload;
    pb_write_open(payload, '{');
    pb_write_pair(payload, "source", "page");
    pb_write_bundle(payload, bundle);
    pb_write_key(payload, "start");
    pb_write_integer(payload, 0);
    pb_write_close(payload, '}');
}

static void host_next_input(void *user, const char *code, bool replace)
{
    pb_writer *payload = &((pb_asked_cell *)user)->payload;
    pb_write_open(payload, '{');
    pb_write_pair(payload, "source", "set_next_input");
    pb_write_pair(payload, "text", code);
    pb_write_key(payload, "replace");
    pb_write_boolean(payload, replace);
    pb_write_close(payload, '}');
}

/* ---- questions ---- */

/* The msg_id of a message just built, from its header frame; false if it has none. */
static bool built_id(const pb_frames *frames, size_t header, char *id, size_t size)
{
    json_t *object = NULL;
    const pb_frame *frame = &frames->items[header];
    if (pb_json_read(frame->data, frame->size, "header", &object, NULL))
        return false;
    const char *text = json_string_value(json_object_get(object, "msg_id"));
    bool good = text && strlen(text) < size;
    if (good)
        strcpy(id, text);
    json_decref(object);
    return good;
}

/* Builds the input request for the client that sent the execute request. */
static pb_status build_question(pb_request *request, const char *prompt, bool secret,
                                pb_frames *frames, char *id, size_t size, pb_error **error)
{
    const pb_message *message = request->message;
    for (size_t i = 0; i < message->n_identities; i++)
        if (!pb_frames_append(frames, message->frames.items[i].data, message->frames.items[i].size))
            return pb_fail_memory(error);
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_open(&content, '{');
    pb_write_pair(&content, "prompt", prompt);
    pb_write_key(&content, "password");
    pb_write_boolean(&content, secret);
    pb_write_close(&content, '}');
    pb_status status = pb_message_build(&request->kernel->sender, "input_request", message->header,
                                        NULL, pb_buffer_take(&content.text), frames, error);
    if (!status && !built_id(frames, message->n_identities + 2, id, size))
        status = pb_fail_memory(error);
    return status;
}

static pb_status host_ask(void *user, const char *prompt, bool secret, pb_buffer *line,
                          pb_error **error)
{
    pb_asked_cell *cell = user;
    pb_request *request = cell->request;
    if (!cell->allow_stdin || request->message->n_identities == 0)
        return pb_fail(error, PB_UNSUPPORTED,
                       "this front end does not answer questions while a cell runs");
    pb_progress_end(&cell->progress, false); /* the answer stands in the front end alone */
    pb_asked_cell_flush(cell);
    pb_publisher_flush(request->kernel->publisher);
    pb_frames frames = PB_FRAMES_EMPTY;
    char id[sizeof request->executor->asked];
    pb_status status = build_question(request, prompt, secret, &frames, id, sizeof id, error);
    if (status) {
        pb_frames_clear(&frames);
        return status;
    }
    return pb_executor_ask(request->executor, id, &request->message->frames.items[0], &frames, line,
                           error);
}

pb_host pb_asked_cell_host(pb_asked_cell *cell)
{
    return (pb_host){
        .user = cell,
        .stop = &cell->request->executor->stop,
        .resume = host_resume,
        .text = host_text,
        .show = host_show,
        .clear = host_clear,
        .progress = host_progress,
        .page = host_page,
        .next_input = host_next_input,
        .ask = host_ask,
    };
}
