/* patchbay console: cells typed line by line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "command.h"
#include "session.h"
#include "terminal.h"

#define PROMPT      "> "
#define PROMPT_MORE ". "

static bool is_farewell(const pb_buffer *line)
{
    static const char *const words[] = {"exit", "quit", "exit()", "quit()"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (line->data && line->length == strlen(words[i]) &&
            memcmp(line->data, words[i], line->length) == 0)
            return true;
    return false;
}

/* Whether the cell typed so far can be run; an empty line ends one that could go on. */
static bool is_whole(const pb_buffer *cell, bool empty)
{
    return empty || pb_session_is_complete(cell->data, cell->length, NULL) != PB_PARSE_INCOMPLETE;
}

/* Reads lines until they make a cell. *left is set at the end of the input, or on a farewell. */
static pb_status read_cell(pb_terminal *terminal, pb_buffer *cell, bool *left, pb_error **error)
{
    bool shown = isatty(STDIN_FILENO);
    pb_buffer_clear(cell);
    for (;;) {
        pb_buffer line = PB_BUFFER_EMPTY;
        const char *prompt = !shown ? "" : cell->length > 0 ? PROMPT_MORE : PROMPT;
        pb_status status = pb_terminal_read(terminal, prompt, false, &line, error);
        *left = status == PB_IO || (cell->length == 0 && is_farewell(&line));
        if (status || *left) {
            pb_buffer_free(&line);
            return status == PB_IO && cell->length > 0 ? PB_OK : status;
        }
        if (cell->length > 0)
            pb_buffer_byte(cell, '\n');
        pb_buffer_append(cell, line.data ? line.data : "", line.length);
        bool whole = is_whole(cell, line.length == 0);
        pb_buffer_free(&line);
        status = pb_buffer_status(cell, error);
        if (whole || status)
            return status;
    }
}

static int converse(pb_terminal *terminal, pb_session *session)
{
    pb_buffer cell = PB_BUFFER_EMPTY;
    bool left = false;
    int code = PB_EXIT_OK;
    for (long number = 1; !left; number++) {
        pb_error *error = NULL;
        char name[32];
        snprintf(name, sizeof name, "cell %ld", number);
        pb_interrupts_reset(terminal->interrupts);
        pb_status status = read_cell(terminal, &cell, &left, &error);
        if (status == PB_INTERRUPTED)
            fputc('\n', stdout);
        else if (status && status != PB_IO)
            code = pb_report(&error);
        else if (cell.length > 0)
            pb_terminal_run(terminal, session, name, cell.data, cell.length);
        pb_error_destroy(&error);
    }
    pb_buffer_free(&cell);
    return code;
}

int pb_command_console(const pb_command *command, const pb_log *log, int count, char **arguments)
{
    (void)arguments;
    if (count != 0)
        return pb_usage(command);
    pb_terminal terminal;
    pb_session *session = NULL;
    pb_error *error = NULL;
    if (pb_terminal_open(&terminal, &error))
        return pb_report(&error);
    int code;
    if (!pb_app_session(log, false, &session, &error)) {
        if (isatty(STDIN_FILENO))
            puts("Patchbay " PB_VERSION ". Begin with  load()  and  help(); leave with Ctrl-D.");
        code = converse(&terminal, session);
    } else {
        code = pb_report(&error);
    }
    pb_session_destroy(&session);
    pb_terminal_close(&terminal);
    return code;
}
