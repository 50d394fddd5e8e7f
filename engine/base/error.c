/* Errors: made, completed and read. How they look to a person is in render.c. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/budget.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/visible.h"
#include "error_parts.h"

static const pb_error out_of_memory = {
    .code = PB_MEMORY,
    .is_static = true,
    .text = (char *)"there is not enough memory for this",
    .hint = (char *)"ask for less at once, or close what else uses memory",
};

const char *pb_status_name(pb_status status)
{
    switch (status) {
    case PB_OK: return "Ok";
    case PB_MEMORY: return "MemoryError";
    case PB_IO: return "FileError";
    case PB_FORMAT: return "FormatError";
    case PB_SYNTAX: return "SyntaxError";
    case PB_NAME: return "NameError";
    case PB_TYPE: return "TypeError";
    case PB_VALUE: return "ValueError";
    case PB_RANGE: return "RangeError";
    case PB_LIMIT: return "LimitError";
    case PB_INTERRUPTED: return "Interrupted";
    case PB_UNSUPPORTED: return "UnsupportedError";
    case PB_INTERNAL: return "InternalError";
    }
    return "Error";
}

#define MOST_TEXT 2000 /* bytes of a sentence or a hint; of longer ones both ends are kept */

/* What goes into an error comes from files and servers too, and may be long: made harmless, and
 * cut. Takes `text`. NULL when memory is out. */
static char *take_text(pb_buffer *text)
{
    const char *bytes = text->data ? text->data : "";
    size_t length = text->length, head = length, tail = length;
    pb_buffer shown = PB_BUFFER_EMPTY;
    if (length > MOST_TEXT) {
        head = MOST_TEXT * 3 / 4;
        tail = length - MOST_TEXT / 4;
        while (head > 0 && ((unsigned char)bytes[head] & 0xC0) == 0x80)
            head--;
        while (tail < length && ((unsigned char)bytes[tail] & 0xC0) == 0x80)
            tail++;
    }
    pb_harmless_text(&shown, bytes, head, true);
    if (head < tail)
        pb_buffer_format(&shown, " \u2026 %zu bytes \u2026 ", tail - head);
    pb_harmless_text(&shown, bytes + tail, length - tail, true);
    shown.failed = shown.failed || text->failed;
    pb_buffer_free(text);
    return pb_buffer_take(&shown);
}

/* Formatted text of its own, or NULL when memory is out. */
static char *format_text(const char *format, va_list arguments)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_buffer_vformat(&text, format, arguments);
    return take_text(&text);
}

/* A new error that owns `text`, or the static one if either could not be had. */
static pb_error *create_error(pb_status code, char *text)
{
    pb_error *error = text ? pb_calloc(1, sizeof *error) : NULL;
    if (!error) {
        free(text);
        return (pb_error *)&out_of_memory; /* never written to: is_static says so */
    }
    error->code = code;
    error->text = text;
    return error;
}

pb_status pb_fail(pb_error **error, pb_status code, const char *text, ...)
{
    if (!error || *error)
        return code;
    va_list arguments;
    va_start(arguments, text);
    *error = create_error(code, format_text(text, arguments));
    va_end(arguments);
    return code;
}

/* One of its own where there is room for that: what was refused was large, most of the time, and
 * only such an error can be told its place. */
pb_status pb_fail_memory(pb_error **error)
{
    if (!error || *error)
        return PB_MEMORY;
    char said[256];
    bool bounded = pb_budget_explain(said, sizeof said);
    const char *why = bounded ? said : out_of_memory.text;
    char *text = pb_malloc(strlen(why) + 1, 1);
    if (text)
        strcpy(text, why);
    *error = create_error(PB_MEMORY, text);
    pb_error_hint(*error, "%s", bounded ? pb_budget_hint : out_of_memory.hint);
    return PB_MEMORY;
}

pb_status pb_buffer_status(const pb_buffer *buffer, pb_error **error)
{
    return buffer->failed ? pb_fail_memory(error) : PB_OK;
}

pb_status pb_fail_errno(pb_error **error, int errnum, const char *what, ...)
{
    if (errnum == ENOMEM)
        return pb_fail_memory(error);
    if (!error || *error)
        return PB_IO;
    char reason[128];
    if (strerror_r(errnum, reason, sizeof reason) != 0)
        strcpy(reason, "unknown reason");
    pb_buffer text = PB_BUFFER_EMPTY;
    va_list arguments;
    va_start(arguments, what);
    pb_buffer_vformat(&text, what, arguments);
    va_end(arguments);
    pb_buffer_format(&text, ": %s", reason);
    *error = create_error(PB_IO, take_text(&text));
    return PB_IO;
}

void pb_error_precede(pb_error *error, const char *text, ...)
{
    if (!error || error->is_static)
        return;
    pb_buffer joined = PB_BUFFER_EMPTY;
    va_list arguments;
    va_start(arguments, text);
    pb_buffer_vformat(&joined, text, arguments);
    va_end(arguments);
    pb_buffer_text(&joined, error->text);
    char *whole = take_text(&joined);
    if (!whole)
        return;
    free(error->text);
    error->text = whole;
}

void pb_error_hint(pb_error *error, const char *hint, ...)
{
    if (!error || error->is_static)
        return;
    free(error->hint);
    error->hint = NULL;
    if (!hint)
        return;
    va_list arguments;
    va_start(arguments, hint);
    error->hint = format_text(hint, arguments);
    va_end(arguments);
}

void pb_error_place(pb_error *error, pb_source *source, pb_span span)
{
    if (!error || error->is_static || error->source || !source)
        return;
    error->source = pb_source_retain(source);
    error->span = span;
}

static void end_call(trail_call *call)
{
    free(call->function);
    pb_source_release(&call->source);
}

void pb_error_trail(pb_error *error, pb_source *source, pb_span span, const char *function)
{
    if (!error || error->is_static)
        return;
    if (error->n_trail == TRAIL_MAX) {
        end_call(&error->trail[TRAIL_INNER]);
        memmove(&error->trail[TRAIL_INNER], &error->trail[TRAIL_INNER + 1],
                (TRAIL_OUTER - 1) * sizeof error->trail[0]);
        error->n_trail--;
        error->skipped++;
    }
    trail_call *call = &error->trail[error->n_trail++];
    pb_buffer name = PB_BUFFER_EMPTY;
    pb_buffer_text(&name, function);
    call->function = take_text(&name);
    call->source = pb_source_retain(source);
    call->span = span;
}

void pb_error_about(pb_error *error, const char *argument)
{
    if (error && !error->is_static)
        error->argument = argument;
}

void pb_error_of_prompt(pb_error *error, size_t prompt)
{
    if (!error || error->is_static)
        return;
    error->has_prompt = true;
    error->prompt = prompt;
}

void pb_error_of_item(pb_error *error, size_t item)
{
    if (!error || error->is_static)
        return;
    error->has_item = true;
    error->item = item;
}

bool pb_error_item(const pb_error *error, size_t *item)
{
    if (!error || !error->has_item)
        return false;
    *item = error->item;
    return true;
}

const char *pb_error_argument(const pb_error *error)
{
    return error ? error->argument : NULL;
}

bool pb_error_prompt(const pb_error *error, size_t *prompt)
{
    if (!error || !error->has_prompt)
        return false;
    *prompt = error->prompt;
    return true;
}

pb_status pb_error_code(const pb_error *error)
{
    return error ? error->code : PB_OK;
}

const char *pb_error_text(const pb_error *error)
{
    return error ? error->text : "";
}

const char *pb_error_hint_text(const pb_error *error)
{
    return error ? error->hint : NULL;
}

const pb_source *pb_error_source(const pb_error *error)
{
    return error ? error->source : NULL;
}

pb_span pb_error_span(const pb_error *error)
{
    return error ? error->span : (pb_span){0, 0};
}

void pb_error_move(pb_error **from, pb_error **to)
{
    pb_error *error = *from;
    *from = NULL;
    if (to && !*to)
        *to = error;
    else
        pb_error_destroy(&error);
}

void pb_error_destroy(pb_error **error)
{
    if (!error || !*error)
        return;
    pb_error *ended = *error;
    *error = NULL;
    if (ended->is_static)
        return;
    for (size_t i = 0; i < ended->n_trail; i++)
        end_call(&ended->trail[i]);
    pb_source_release(&ended->source);
    free(ended->text);
    free(ended->hint);
    free(ended);
}
