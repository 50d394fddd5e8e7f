/* Completion, inspection, is_complete and history. Positions on the wire count code points. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "internal.h"

/* The code and the byte offset of the cursor, which is the code's end where none is given. */
static pb_status read_cursor(const json_t *content, pb_text *code, size_t *at, pb_error **error)
{
    int64_t position;
    pb_status status = pb_json_needed_text(content, "code", code, error);
    if (!status)
        status = pb_json_integer(content, "cursor_pos", INT64_MAX, &position, error);
    if (!status && position < 0)
        status = pb_fail(error, PB_RANGE, "the request's cursor_pos is negative");
    if (!status)
        *at = pb_utf8_offset(code->data, code->length, (size_t)position);
    return status;
}

/* ---- completion ---- */

static void write_matches(pb_writer *content, const pb_matches *matches)
{
    pb_write_key(content, "matches");
    pb_write_open(content, '[');
    for (size_t i = 0; i < matches->count; i++)
        pb_write_string(content, matches->items[i].text);
    pb_write_close(content, ']');
}

/* What JupyterLab shows beside a match. */
static void write_types(pb_writer *content, const pb_matches *matches, int64_t start, int64_t end)
{
    pb_write_key(content, "metadata");
    pb_write_open(content, '{');
    pb_write_key(content, "_jupyter_types_experimental");
    pb_write_open(content, '[');
    for (size_t i = 0; i < matches->count; i++) {
        const pb_match *match = &matches->items[i];
        pb_write_open(content, '{');
        pb_write_key(content, "start");
        pb_write_integer(content, start);
        pb_write_key(content, "end");
        pb_write_integer(content, end);
        pb_write_pair(content, "text", match->text);
        pb_write_pair(content, "type", match->type ? match->type : "");
        pb_write_pair(content, "signature", match->signature ? match->signature : "");
        pb_write_close(content, '}');
    }
    pb_write_close(content, ']');
    pb_write_close(content, '}');
}

pb_status pb_handle_complete(pb_request *request, pb_error **error)
{
    pb_text code;
    size_t at;
    pb_matches *matches = NULL;
    pb_status status = read_cursor(request->message->content, &code, &at, error);
    if (!status)
        status = pb_session_complete(request->kernel->options->session, code.data, code.length, at,
                                     &matches, error);
    if (status)
        return status;
    int64_t start = (int64_t)pb_utf8_count(code.data, matches->start);
    int64_t end = (int64_t)pb_utf8_count(code.data, matches->end);
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_ok(&content);
    pb_write_key(&content, "cursor_start");
    pb_write_integer(&content, start);
    pb_write_key(&content, "cursor_end");
    pb_write_integer(&content, end);
    write_matches(&content, matches);
    write_types(&content, matches, start, end);
    pb_write_close(&content, '}');
    pb_matches_destroy(&matches);
    pb_request_reply(request, NULL, &content);
    return PB_OK;
}

/* ---- inspection ---- */

pb_status pb_handle_inspect(pb_request *request, pb_error **error)
{
    pb_text code;
    size_t at;
    int64_t detail;
    pb_bundle *found = NULL;
    const json_t *asked = request->message->content;
    pb_status status = read_cursor(asked, &code, &at, error);
    if (!status)
        status = pb_json_integer(asked, "detail_level", 0, &detail, error);
    if (!status)
        status = pb_session_inspect(request->kernel->options->session, code.data, code.length, at,
                                    detail > 0, &found, error);
    if (status)
        return status;
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_ok(&content);
    pb_write_key(&content, "found");
    pb_write_boolean(&content, found != NULL);
    if (found) {
        pb_write_bundle(&content, found);
    } else {
        pb_write_key(&content, "data");
        pb_write_raw(&content, "{}");
        pb_write_key(&content, "metadata");
        pb_write_raw(&content, "{}");
    }
    pb_write_close(&content, '}');
    pb_bundle_destroy(&found);
    pb_request_reply(request, NULL, &content);
    return PB_OK;
}

/* ---- is_complete ---- */

pb_status pb_handle_is_complete(pb_request *request, pb_error **error)
{
    static const char *const names[] = {
        [PB_PARSE_COMPLETE] = "complete",
        [PB_PARSE_INCOMPLETE] = "incomplete",
        [PB_PARSE_INVALID] = "invalid",
    };
    pb_text code;
    pb_status status = pb_json_needed_text(request->message->content, "code", &code, error);
    if (status)
        return status;
    char *indent = NULL;
    pb_parse parse = pb_session_is_complete(code.data, code.length, &indent);
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_open(&content, '{');
    pb_write_pair(&content, "status", names[parse]);
    if (parse == PB_PARSE_INCOMPLETE)
        pb_write_pair(&content, "indent", indent ? indent : "");
    pb_write_close(&content, '}');
    free(indent);
    pb_request_reply(request, NULL, &content);
    return PB_OK;
}

/* ---- history ---- */

typedef struct {
    pb_text access, pattern;
    int64_t session, start, stop, n;
    bool output, unique;
} history_question;

static pb_status read_question(const json_t *content, history_question *asked, pb_error **error)
{
    pb_status status = pb_json_needed_text(content, "hist_access_type", &asked->access, error);
    if (!status)
        status = pb_json_text(content, "pattern", &asked->pattern, error);
    if (!status)
        status = pb_json_integer(content, "session", 0, &asked->session, error);
    if (!status)
        status = pb_json_integer(content, "start", 0, &asked->start, error);
    if (!status)
        status = pb_json_integer(content, "stop", -1, &asked->stop, error);
    if (!status)
        status = pb_json_integer(content, "n", PB_HISTORY_REPLY, &asked->n, error);
    if (!status)
        status = pb_json_flag(content, "output", false, &asked->output, error);
    if (!status)
        status = pb_json_flag(content, "unique", false, &asked->unique, error);
    if (asked->n < 0)
        asked->n = 0;
    if (!asked->pattern.data)
        asked->pattern = (pb_text){"*", 1};
    return status;
}

static pb_status ask_history(pb_history *history, const history_question *asked,
                             pb_history_list **list, pb_error **error)
{
    const char *access = asked->access.data;
    if (strcmp(access, "tail") == 0)
        return pb_history_tail(history, (size_t)asked->n, asked->unique, list, error);
    if (strcmp(access, "range") == 0)
        return pb_history_range(history, asked->session, asked->start, asked->stop, list, error);
    if (strcmp(access, "search") == 0)
        return pb_history_search(history, asked->pattern.data, asked->pattern.length,
                                 (size_t)asked->n, asked->unique, list, error);
    return pb_fail(error, PB_VALUE,
                   "history is asked for by tail, range or search; the request says '%s'", access);
}

/* [session, line, source], or [session, line, [source, output]] */
static void write_cell(pb_writer *content, const pb_history_cell *cell, bool output)
{
    pb_write_open(content, '[');
    pb_write_integer(content, cell->session);
    pb_write_integer(content, cell->line);
    if (output)
        pb_write_open(content, '[');
    pb_write_bytes(content, cell->source, cell->source_length);
    if (output && cell->output)
        pb_write_bytes(content, cell->output, cell->output_length);
    else if (output)
        pb_write_raw(content, "null");
    if (output)
        pb_write_close(content, ']');
    pb_write_close(content, ']');
}

pb_status pb_handle_history(pb_request *request, pb_error **error)
{
    history_question asked = {.n = 0};
    pb_history_list *list = NULL;
    pb_status status = read_question(request->message->content, &asked, error);
    if (!status)
        status = ask_history(request->kernel->options->history, &asked, &list, error);
    if (status)
        return status;
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_ok(&content);
    pb_write_key(&content, "history");
    pb_write_open(&content, '[');
    for (size_t i = 0; i < list->count; i++)
        write_cell(&content, &list->cells[i], asked.output);
    pb_write_close(&content, ']');
    pb_write_close(&content, '}');
    pb_history_list_destroy(&list);
    pb_request_reply(request, NULL, &content);
    return PB_OK;
}
