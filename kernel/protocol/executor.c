/* The threads that run cells, and the one that answers other requests meanwhile. */
#include "executor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "internal.h"
#include "thread.h"

/* ---- its own thread ---- */

/* Waits for the next request; NULL when it is time to end. */
static pb_request *next_request(pb_executor *executor)
{
    pthread_mutex_lock(&executor->lock);
    while (!executor->first && !executor->closing) {
        atomic_store(&executor->stop, false); /* what was to be stopped is over */
        pthread_cond_wait(&executor->news, &executor->lock);
    }
    pb_request *request = executor->closing ? NULL : executor->first;
    if (request) {
        executor->first = request->next;
        if (!executor->first)
            executor->last = &executor->first;
    }
    pthread_mutex_unlock(&executor->lock);
    return request;
}

static void answer(pb_executor *executor, pb_request *request)
{
    if (executor->called_off > 0) {
        executor->called_off--;
        pb_request_abort(request);
    } else {
        pb_request_handle(request);
    }
    pb_request_destroy(&request);
}

/* Refuses the requests that still wait when the thread ends, so that no client waits for ever. */
static void refuse_rest(pb_executor *executor)
{
    pthread_mutex_lock(&executor->lock);
    pb_request *rest = executor->first;
    executor->first = NULL;
    executor->last = &executor->first;
    pthread_mutex_unlock(&executor->lock);
    pb_error *fault = NULL;
    pb_fail(&fault, PB_NAME, "this shell ended before it came to the request");
    while (rest) {
        pb_request *next = rest->next;
        pb_request_refuse(rest, fault);
        pb_request_destroy(&rest);
        rest = next;
    }
    pb_error_destroy(&fault);
}

static void *run(void *user)
{
    pb_executor *executor = user;
    pb_request *request;
    while ((request = next_request(executor)))
        answer(executor, request);
    refuse_rest(executor);
    pthread_mutex_lock(&executor->lock);
    executor->finished = true;
    pthread_cond_broadcast(&executor->news);
    pthread_mutex_unlock(&executor->lock);
    return NULL;
}

/* Queues a request and takes it. False, and it stays the caller's, if the executor is ending. */
static bool post(pb_executor *executor, pb_request *request)
{
    pthread_mutex_lock(&executor->lock);
    bool open = !executor->closing;
    if (open) {
        request->executor = executor;
        request->next = NULL;
        *executor->last = request;
        executor->last = &request->next;
        pthread_cond_broadcast(&executor->news);
    }
    pthread_mutex_unlock(&executor->lock);
    return open;
}

/* What ask_to_read() has called on the shell's thread. */
static void note_read(void *user)
{
    pb_executor *executor = user;
    pthread_mutex_lock(&executor->lock);
    executor->unread--;
    pthread_cond_broadcast(&executor->news);
    pthread_mutex_unlock(&executor->lock);
}

/* Asks the shell's thread to read all messages that have arrived by now: `unread` is one larger
 * until it has. False: memory is out. Under the lock. */
static bool ask_to_read(pb_executor *executor)
{
    if (!pb_outbox_call(pb_router_outbox(executor->kernel->shell), note_read, executor))
        return false;
    executor->unread++;
    return true;
}

void pb_executor_abort_queue(pb_executor *executor)
{
    pthread_mutex_lock(&executor->lock);
    bool asked = ask_to_read(executor);
    while (asked && executor->unread > 0 && !executor->closing)
        pthread_cond_wait(&executor->news, &executor->lock);
    for (const pb_request *next = asked ? executor->first : NULL; next; next = next->next)
        executor->called_off++;
    pthread_mutex_unlock(&executor->lock);
    if (!asked)
        pb_log_write(executor->kernel->options->log, PB_LOG_ERROR,
                     "memory is out: cells run although one before them failed");
}

/* ---- cells ---- */

void pb_executor_resume(pb_executor *executor)
{
    pthread_mutex_lock(&executor->lock);
    atomic_store(&executor->stop, executor->closing);
    pthread_mutex_unlock(&executor->lock);
}

void pb_executor_begin(pb_executor *executor)
{
    pthread_mutex_lock(&executor->lock);
    if (executor->closing)
        atomic_store(&executor->stop, true);
    executor->running = true;
    pthread_mutex_unlock(&executor->lock);
}

void pb_executor_end(pb_executor *executor)
{
    pthread_mutex_lock(&executor->lock);
    executor->running = false;
    atomic_store(&executor->stop, executor->closing);
    pthread_mutex_unlock(&executor->lock);
}

static void interrupt(pb_executor *executor)
{
    pthread_mutex_lock(&executor->lock);
    if (executor->running || executor->first) {
        atomic_store(&executor->stop, true);
        pthread_cond_broadcast(&executor->news);
    }
    pthread_mutex_unlock(&executor->lock);
}

/* Whether the cell waits for an answer of the client with this identity. Under the lock. */
static bool asks(const pb_executor *executor, const pb_frame *identity)
{
    const pb_frame *of = executor->asked_of;
    return executor->asking && identity->size == of->size &&
           memcmp(identity->data, of->data, of->size) == 0;
}

/* Called on the shell's thread when the question's client turned out not to be connected. */
static void note_unreached(void *user, const pb_frames *question)
{
    pb_executor *executor = user;
    pthread_mutex_lock(&executor->lock);
    if (asks(executor, &question->items[0])) {
        executor->unreached = true;
        pthread_cond_broadcast(&executor->news);
    }
    pthread_mutex_unlock(&executor->lock);
}

/* Sends the question, which it takes, and notes whose answer is waited for. False: memory is out.
 * Under the lock. */
static bool send_question(pb_executor *executor, const char *request_id, const pb_frame *asked_of,
                          pb_frames *question)
{
    pb_outbox *outbox = pb_router_outbox(executor->kernel->shell);
    if (!ask_to_read(executor)) {
        pb_frames_clear(question);
        return false;
    }
    if (!pb_outbox_send_or(outbox, PB_SOCKET_STDIN, question, note_unreached, executor))
        return false;
    snprintf(executor->asked, sizeof executor->asked, "%s", request_id);
    executor->asked_of = asked_of;
    executor->unreached = false;
    executor->asking = true;
    return true;
}

pb_status pb_executor_ask(pb_executor *executor, const char *request_id, const pb_frame *asked_of,
                          pb_frames *question, pb_buffer *line, pb_error **error)
{
    pthread_mutex_lock(&executor->lock);
    bool sent = send_question(executor, request_id, asked_of, question);
    while (sent && !executor->line.data && !executor->unreached && !atomic_load(&executor->stop))
        pthread_cond_wait(&executor->news, &executor->lock);
    pb_text answer = executor->line;
    bool stopped = atomic_load(&executor->stop);
    executor->line = (pb_text){NULL, 0};
    executor->asking = false;
    pthread_mutex_unlock(&executor->lock);
    if (!sent)
        return pb_fail_memory(error);
    if (answer.data) {
        pb_buffer_append(line, answer.data, answer.length);
        free((char *)answer.data);
        return PB_OK;
    }
    return stopped ? pb_fail(error, PB_INTERRUPTED, "the question was interrupted")
                   : pb_fail(error, PB_UNSUPPORTED,
                             "this front end does not answer questions: it could not be reached "
                             "on the stdin channel");
}

/* Whether an input_reply is the answer that the executor waits for: it names the question, or, if
 * it names none, comes from the client that was asked. Under the executor's lock. */
static bool is_answer(const pb_executor *executor, const pb_message *reply)
{
    if (!executor->asking || executor->unread > 0 || executor->line.data)
        return false;
    const char *parent = json_string_value(json_object_get(reply->parent, "msg_id"));
    if (parent)
        return strcmp(parent, executor->asked) == 0;
    return reply->n_identities > 0 && asks(executor, &reply->frames.items[0]);
}

/* ---- all of them ---- */

void pb_executors_init(pb_executors *executors)
{
    *executors = (pb_executors){.first = NULL, .last = &executors->first};
    pthread_mutex_init(&executors->lock, NULL);
}

static pb_executor *create(pb_kernel *kernel)
{
    pb_executor *executor = pb_calloc(1, sizeof *executor);
    if (!executor)
        return NULL;
    executor->kernel = kernel;
    executor->last = &executor->first;
    atomic_init(&executor->stop, false);
    pthread_mutex_init(&executor->lock, NULL);
    pb_condition_init(&executor->news);
    return executor;
}

static void destroy(pb_executor *executor)
{
    pthread_cond_destroy(&executor->news);
    pthread_mutex_destroy(&executor->lock);
    free(executor);
}

/* Waits until `until` (pb_clock_ms; 0: no time at all) for an executor to end, and joins its
 * thread. */
static bool join(pb_executor *executor, int64_t until)
{
    pthread_mutex_lock(&executor->lock);
    while (!executor->finished && pb_condition_wait(&executor->news, &executor->lock, until))
        continue;
    bool finished = executor->finished;
    pthread_mutex_unlock(&executor->lock);
    if (finished && !executor->joined)
        pthread_join(executor->thread, NULL);
    executor->joined = finished;
    return finished;
}

/* Gives back the threads of deleted subshells. */
static void join_removed(pb_executors *executors)
{
    for (pb_executor *executor = executors->first; executor; executor = executor->next)
        if (executor->removed)
            join(executor, 0);
}

/* Puts an executor that was just started where others find it. Under the list's lock. */
static void enter(pb_executors *executors, pb_executor_kind kind, pb_executor *executor)
{
    if (kind == PB_EXECUTOR_BESIDE) {
        executors->beside = executor;
        return;
    }
    *executors->last = executor;
    executors->last = &executor->next;
    executors->living++;
}

pb_status pb_executor_start(pb_kernel *kernel, pb_executor_kind kind, pb_executor **executor,
                            pb_error **error)
{
    static const char *const names[] = {[PB_EXECUTOR_MAIN] = "pb-main",
                                        [PB_EXECUTOR_SUBSHELL] = "pb-subshell",
                                        [PB_EXECUTOR_BESIDE] = "pb-beside"};
    pb_executors *all = &kernel->executors;
    *executor = NULL;
    pb_executor *new = create(kernel);
    if (!new)
        return pb_fail_memory(error);
    pthread_mutex_lock(&all->lock);
    join_removed(all);
    pb_status status = kind == PB_EXECUTOR_SUBSHELL ? pb_uuid(new->id, error) : PB_OK;
    if (!status && all->closed)
        status = pb_fail(error, PB_INTERRUPTED, "the kernel is shutting down");
    if (!status && all->living > PB_SUBSHELLS)
        status = pb_fail(error, PB_LIMIT, "a kernel has at most %d subshells", PB_SUBSHELLS);
    if (!status)
        status = pb_thread_start(&new->thread, names[kind], run, new, error);
    if (!status) {
        enter(all, kind, new);
        *executor = new;
    }
    pthread_mutex_unlock(&all->lock);
    if (status)
        destroy(new);
    return status;
}

/* The living executor of an id; the main shell's without one. Under the list's lock. */
static pb_executor *find(pb_executors *executors, const pb_text *id)
{
    size_t length = id && id->data ? id->length : 0;
    for (pb_executor *executor = executors->first; executor; executor = executor->next)
        if (!executor->removed && strlen(executor->id) == length &&
            (length == 0 || memcmp(executor->id, id->data, length) == 0))
            return executor;
    return NULL;
}

bool pb_executors_post(pb_executors *executors, pb_request *request)
{
    pthread_mutex_lock(&executors->lock);
    pb_executor *executor = find(executors, &request->message->subshell);
    if (executor && !pb_request_is_cell(request))
        executor = executors->beside;
    bool posted = executor && post(executor, request);
    pthread_mutex_unlock(&executors->lock);
    return posted;
}

bool pb_executors_interrupt(pb_executors *executors, const pb_text *id)
{
    bool all = !id || !id->data;
    pthread_mutex_lock(&executors->lock);
    pb_executor *only = all ? NULL : find(executors, id);
    for (pb_executor *executor = executors->first; executor; executor = executor->next)
        if (all || executor == only)
            interrupt(executor);
    pthread_mutex_unlock(&executors->lock);
    return all || only;
}

bool pb_executors_answer(pb_executors *executors, const pb_message *reply, const pb_text *line)
{
    bool answered = false;
    pthread_mutex_lock(&executors->lock);
    for (pb_executor *executor = executors->first; executor && !answered;
         executor = executor->next) {
        pthread_mutex_lock(&executor->lock);
        if (is_answer(executor, reply)) {
            char *copy = pb_malloc(line->length + 1, 1);
            answered = copy != NULL;
            if (answered)
                executor->line = (pb_text){memcpy(copy, line->data, line->length), line->length};
            pthread_cond_broadcast(&executor->news);
        }
        pthread_mutex_unlock(&executor->lock);
    }
    pthread_mutex_unlock(&executors->lock);
    return answered;
}

/* Tells an executor to end as soon as it can. */
static void close_executor(pb_executor *executor)
{
    pthread_mutex_lock(&executor->lock);
    executor->closing = true;
    atomic_store(&executor->stop, true);
    pthread_cond_broadcast(&executor->news);
    pthread_mutex_unlock(&executor->lock);
}

bool pb_executors_remove(pb_executors *executors, const pb_text *id)
{
    pthread_mutex_lock(&executors->lock);
    pb_executor *executor = id->length > 0 ? find(executors, id) : NULL;
    if (executor) {
        close_executor(executor);
        executor->removed = true;
        executors->living--;
    }
    pthread_mutex_unlock(&executors->lock);
    return executor != NULL;
}

void pb_executors_list(pb_executors *executors, void (*each)(void *user, const char *id),
                       void *user)
{
    pthread_mutex_lock(&executors->lock);
    for (const pb_executor *executor = executors->first; executor; executor = executor->next)
        if (executor->id[0] && !executor->removed)
            each(user, executor->id);
    pthread_mutex_unlock(&executors->lock);
}

bool pb_executors_stop(pb_executors *executors, int patience_ms)
{
    int64_t until = pb_clock_ms() + patience_ms;
    bool all_ended = true;
    pthread_mutex_lock(&executors->lock);
    executors->closed = true;
    for (pb_executor *executor = executors->first; executor; executor = executor->next)
        close_executor(executor);
    if (executors->beside)
        close_executor(executors->beside);
    for (pb_executor *executor = executors->first; executor; executor = executor->next)
        all_ended = join(executor, until) && all_ended;
    if (executors->beside)
        all_ended = join(executors->beside, until) && all_ended;
    pthread_mutex_unlock(&executors->lock);
    return all_ended;
}

void pb_executors_destroy(pb_executors *executors)
{
    while (executors->first) {
        pb_executor *old = executors->first;
        executors->first = old->next;
        destroy(old);
    }
    if (executors->beside)
        destroy(executors->beside);
    pthread_mutex_destroy(&executors->lock);
}
