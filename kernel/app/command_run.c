/* patchbay run and patchbay eval: code from a file or the command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "files.h"
#include "session.h"
#include "terminal.h"

#define CELL_MARK "# %%"

/* The length of the cell at the start of the text: up to the next line that begins with the mark.
 */
static size_t cell_length(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        const char *newline = memchr(text + at, '\n', length - at);
        if (!newline)
            return length;
        at = (size_t)(newline - text) + 1;
        if (length - at >= strlen(CELL_MARK) &&
            memcmp(text + at, CELL_MARK, strlen(CELL_MARK)) == 0)
            return at;
    }
    return length;
}

/* Runs the cells one after another until one fails. */
static int run_cells(pb_terminal *terminal, pb_session *session, const char *text, size_t length)
{
    int code = PB_EXIT_OK;
    for (size_t at = 0, number = 1; at < length && code == PB_EXIT_OK; number++) {
        char name[32];
        snprintf(name, sizeof name, "cell %zu", number);
        size_t size = cell_length(text + at, length - at);
        code = pb_terminal_run(terminal, session, name, text + at, size);
        at += size;
    }
    return code;
}

static int run_text(const pb_log *log, bool load_default, const char *text, size_t length)
{
    pb_terminal terminal;
    pb_session *session = NULL;
    pb_error *error = NULL;
    if (pb_terminal_open(&terminal, &error))
        return pb_report(&error);
    int code;
    if (!pb_app_session(log, load_default, &session, &error))
        code = run_cells(&terminal, session, text, length);
    else
        code = pb_report(&error);
    pb_session_destroy(&session);
    pb_terminal_close(&terminal);
    return code;
}

int pb_command_eval(const pb_command *command, const pb_log *log, int count, char **arguments)
{
    if (count != 1)
        return pb_usage(command);
    /* One expression, as a rule about the model that came with Patchbay. */
    return run_text(log, true, arguments[0], strlen(arguments[0]));
}

int pb_command_run(const pb_command *command, const pb_log *log, int count, char **arguments)
{
    if (count != 1)
        return pb_usage(command);
    char *text;
    size_t length;
    pb_error *error = NULL;
    if (pb_app_file_read(arguments[0], &text, &length, &error))
        return pb_report(&error);
    int code = run_text(log, false, text, length);
    free(text);
    return code;
}
