/* The execute request: a cell is run, its results are published, its reply is sent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

/* What an execute request asks. */
typedef struct {
    pb_text code;
    bool silent, store_history, allow_stdin, stop_on_error;
    const json_t *expressions;
    long long count; /* the execution count */
} question;

static pb_status read_question(const json_t *content, question *asked, pb_error **error)
{
    pb_status status = pb_json_needed_text(content, "code", &asked->code, error);
    if (!status)
        status = pb_json_flag(content, "silent", false, &asked->silent, error);
    if (!status)
        status =
            pb_json_flag(content, "store_history", !asked->silent, &asked->store_history, error);
    if (!status)
        status = pb_json_flag(content, "allow_stdin", false, &asked->allow_stdin, error);
    if (!status)
        status = pb_json_flag(content, "stop_on_error", true, &asked->stop_on_error, error);
    if (status)
        return status;
    asked->store_history = asked->store_history && !asked->silent;
    asked->expressions = json_object_get(content, "user_expressions");
    if (asked->expressions && !json_is_object(asked->expressions) &&
        !json_is_null(asked->expressions))
        return pb_fail(error, PB_FORMAT, "the request's 'user_expressions' is not an object");
    return PB_OK;
}

/* ---- what is published ---- */

static void publish_input(pb_request *request, const question *asked)
{
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_open(&content, '{');
    pb_write_key(&content, "code");
    pb_write_bytes(&content, asked->code.data, asked->code.length);
    pb_write_key(&content, "execution_count");
    pb_write_integer(&content, asked->count);
    pb_write_close(&content, '}');
    pb_request_publish(request, "execute_input", &content);
}

static void publish_result(pb_request *request, const question *asked, const pb_bundle *result)
{
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_open(&content, '{');
    pb_write_key(&content, "execution_count");
    pb_write_integer(&content, asked->count);
    pb_write_bundle(&content, result);
    pb_write_close(&content, '}');
    pb_request_publish(request, "execute_result", &content);
}

static void publish_error(pb_request *request, const pb_error *fault)
{
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_open(&content, '{');
    pb_write_failure(&content, NULL, fault);
    pb_write_close(&content, '}');
    pb_request_publish(request, "error", &content);
}

/* ---- the reply ---- */

static void write_expression(pb_writer *reply, pb_session *session, const pb_host *host,
                             const json_t *code)
{
    pb_bundle *value = NULL;
    pb_error *fault = NULL;
    pb_status status;
    if (json_is_string(code))
        status = pb_session_evaluate(session, json_string_value(code), json_string_length(code),
                                     host, &value, &fault);
    else
        status = pb_fail(&fault, PB_FORMAT, "a user expression is not a string");
    if (!status) {
        pb_write_ok(reply);
        pb_write_bundle(reply, value);
    } else {
        pb_write_open(reply, '{');
        pb_write_failure(reply, "error", fault);
    }
    pb_write_close(reply, '}');
    pb_bundle_destroy(&value);
    pb_error_destroy(&fault);
}

static void write_expressions(pb_writer *reply, pb_request *request, const question *asked,
                              const pb_host *host)
{
    pb_write_key(reply, "user_expressions");
    pb_write_open(reply, '{');
    if (json_is_object(asked->expressions)) {
        json_t *object = (json_t *)asked->expressions, *code;
        const char *name;
        json_object_foreach(object, name, code)
        {
            pb_write_key(reply, name);
            write_expression(reply, request->kernel->options->session, host, code);
        }
    }
    pb_write_close(reply, '}');
}

static void write_payload(pb_writer *reply, pb_asked_cell *cell)
{
    char *items = pb_buffer_take(&cell->payload.text);
    pb_write_key(reply, "payload");
    pb_write_open(reply, '[');
    if (items && *items)
        pb_write_raw(reply, items);
    pb_write_close(reply, ']');
    free(items);
}

static void reply(pb_asked_cell *cell, const question *asked, const pb_host *host,
                  const pb_error *fault)
{
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_open(&content, '{');
    if (fault) {
        pb_write_failure(&content, "error", fault);
    } else {
        pb_write_pair(&content, "status", "ok");
        write_expressions(&content, cell->request, asked, host);
    }
    pb_write_key(&content, "execution_count");
    pb_write_integer(&content, asked->count);
    write_payload(&content, cell);
    pb_write_close(&content, '}');
    pb_request_reply(cell->request, NULL, &content);
}

static void remember(pb_request *request, const question *asked, const pb_bundle *result)
{
    const char *output = result ? pb_bundle_find(result, "text/plain") : NULL;
    pb_history_add(request->kernel->options->history, asked->count, asked->code.data,
                   asked->code.length, output, output ? strlen(output) : 0);
}

/* Runs the code and publishes what it comes to. */
static pb_status run(pb_asked_cell *cell, const question *asked, const pb_host *host,
                     pb_bundle **result, pb_error **fault)
{
    char name[48];
    snprintf(name, sizeof name, asked->store_history ? "cell %lld" : "a cell", asked->count);
    pb_request *request = cell->request;
    pb_status status = pb_session_run(request->kernel->options->session, name, asked->code.data,
                                      asked->code.length, host, result, fault);
    pb_asked_cell_flush(cell);
    pb_progress_end(&cell->progress, status || *result);
    if (asked->silent)
        return status;
    if (status)
        publish_error(request, *fault);
    else if (*result)
        publish_result(request, asked, *result);
    return status;
}

pb_status pb_handle_execute(pb_request *request, pb_error **error)
{
    question asked = {.count = 0};
    pb_status status = read_question(request->message->content, &asked, error);
    if (status)
        return status;
    pb_kernel *kernel = request->kernel;
    asked.count =
        asked.store_history ? atomic_fetch_add(&kernel->count, 1) + 1 : atomic_load(&kernel->count);
    if (!asked.silent)
        publish_input(request, &asked);
    pb_asked_cell cell;
    pb_bundle *result = NULL;
    pb_error *fault = NULL;
    pb_asked_cell_init(&cell, request, asked.silent, asked.allow_stdin);
    const pb_host host = pb_asked_cell_host(&cell);
    status = run(&cell, &asked, &host, &result, &fault);
    bool stopped = status || atomic_load(&request->executor->stop); /* though not heard in time */
    if (stopped && asked.stop_on_error && !asked.silent)
        pb_executor_abort_queue(request->executor); /* before anyone can react to the reply */
    if (asked.store_history)
        remember(request, &asked, result); /* before anyone can ask for it, having the reply */
    reply(&cell, &asked, &host, fault);
    pb_asked_cell_clear(&cell);
    pb_bundle_destroy(&result);
    pb_error_destroy(&fault);
    pb_session_tidy(kernel->options->session);
    return PB_OK;
}
