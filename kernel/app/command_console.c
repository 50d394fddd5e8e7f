/* patchbay console: cells typed line by line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "command.h"
#include "editor.h"
#include "session.h"
#include "terminal.h"

#define PROMPT      "> "
#define PROMPT_MORE ". "

/* Where cells come from: lines are edited where they are typed, and read where they are piped. */
typedef struct {
    pb_terminal *terminal;
    pb_editor *editor; /* NULL for a pipe */
} typist;

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

static pb_status read_line(const typist *from, const pb_buffer *before, pb_buffer *line,
                           pb_error **error)
{
    const char *prompt = before->length > 0 ? PROMPT_MORE : PROMPT;
    if (from->editor)
        return pb_editor_read(from->editor, prompt, before, line, error);
    return pb_terminal_read(from->terminal, isatty(STDIN_FILENO) ? prompt : "", false, line, error);
}

/* Reads lines until they make a cell. *left is set at the end of the input, or on a farewell. */
static pb_status read_cell(const typist *from, pb_buffer *cell, bool *left, pb_error **error)
{
    pb_buffer_clear(cell);
    for (;;) {
        pb_buffer line = PB_BUFFER_EMPTY;
        pb_status status = read_line(from, cell, &line, error);
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

static void run_cell(const typist *from, pb_session *session, long number, const pb_buffer *cell)
{
    char name[32];
    snprintf(name, sizeof name, "cell %ld", number);
    if (from->editor)
        pb_editor_keep(from->editor, number, cell);
    pb_terminal_run(from->terminal, session, name, cell->data, cell->length);
}

static int converse(const typist *from, pb_session *session)
{
    pb_buffer cell = PB_BUFFER_EMPTY;
    bool left = false;
    int code = PB_EXIT_OK;
    for (long number = 1; !left; number++) {
        pb_error *error = NULL;
        pb_interrupts_reset(from->terminal->interrupts);
        pb_status status = read_cell(from, &cell, &left, &error);
        if (status == PB_INTERRUPTED)
            fputc('\n', stdout);
        else if (status && status != PB_IO)
            code = pb_report(&error);
        else if (cell.length > 0)
            run_cell(from, session, number, &cell);
        pb_error_destroy(&error);
    }
    pb_buffer_free(&cell);
    return code;
}

static int greet_and_converse(const pb_log *log, pb_terminal *terminal, pb_session *session)
{
    typist from = {.terminal = terminal};
    pb_error *error = NULL;
    if (pb_editor_fits() &&
        pb_editor_open(session, terminal->interrupts, log, &from.editor, &error))
        return pb_report(&error);
    if (isatty(STDIN_FILENO))
        printf("Patchbay " PB_VERSION ". Begin with  load()  and  help()%s; leave with Ctrl-D.\n",
               from.editor ? "; Tab completes" : "");
    int code = converse(&from, session);
    pb_editor_close(&from.editor);
    return code;
}

int pb_command_console(const pb_command *command, const pb_log *log, int count, char **arguments)
{
    if (count != 0)
        return pb_usage(command, count, arguments);
    pb_terminal terminal;
    pb_session *session = NULL;
    pb_error *error = NULL;
    if (pb_terminal_open(&terminal, &error))
        return pb_report(&error);
    int code;
    if (!pb_app_session(log, false, &session, &error))
        code = greet_and_converse(log, &terminal, session);
    else
        code = pb_report(&error);
    pb_session_destroy(&session);
    pb_terminal_close(&terminal);
    return code;
}
