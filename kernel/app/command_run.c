/* patchbay run and patchbay eval: code from a file or the command line. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "script.h"
#include "session.h"
#include "terminal.h"

typedef struct {
    bool load_default; /* words that need a model load the default one */
    bool keep_going;   /* on after a cell that failed */
} manner;

/* Runs the cells one after another; the code is that of the last one that failed. */
static int run_cells(pb_terminal *terminal, pb_session *session, const pb_script *script,
                     bool keep_going)
{
    int code = PB_EXIT_OK;
    for (size_t i = 0; i < script->count; i++) {
        char name[32];
        snprintf(name, sizeof name, "cell %zu", i + 1);
        const pb_script_cell *cell = &script->cells[i];
        int ended =
            pb_terminal_run(terminal, session, name, script->code.data + cell->at, cell->length);
        if (ended != PB_EXIT_OK)
            code = ended;
        if (ended == PB_EXIT_INTERRUPTED || (ended != PB_EXIT_OK && !keep_going))
            break;
    }
    return code;
}

static int run_script(const pb_log *log, const manner *how, const pb_script *script)
{
    pb_terminal terminal;
    pb_session *session = NULL;
    pb_error *error = NULL;
    if (pb_terminal_open(&terminal, &error))
        return pb_report(&error);
    int code;
    if (!pb_app_session(log, how->load_default, &session, &error))
        code = run_cells(&terminal, session, script, how->keep_going);
    else
        code = pb_report(&error);
    pb_session_destroy(&session);
    pb_terminal_close(&terminal);
    return code;
}

int pb_command_eval(const pb_command *command, const pb_log *log, int count, char **arguments)
{
    if (count != 1)
        return pb_usage(command, count, arguments);
    pb_script script;
    pb_error *error = NULL;
    pb_status status = pb_script_of_code(&script, arguments[0], &error);
    /* One expression, as a rule about the model that came with Patchbay. */
    const manner how = {.load_default = true};
    int code = status ? pb_report(&error) : run_script(log, &how, &script);
    pb_script_free(&script);
    return code;
}

/* A notebook's cells run in its folder, as in every front end of Jupyter. */
static pb_status enter_folder(const pb_script *script, pb_error **error)
{
    if (!script->folder || chdir(script->folder) == 0)
        return PB_OK;
    return pb_fail_errno(error, errno, "cannot work in the folder '%s'", script->folder);
}

int pb_command_run(const pb_command *command, const pb_log *log, int count, char **arguments)
{
    manner how = {.keep_going = count > 0 && strcmp(arguments[0], "--keep-going") == 0};
    int file = how.keep_going ? 1 : 0;
    if (count != file + 1)
        return pb_usage(command, count, arguments);
    pb_script script;
    pb_error *error = NULL;
    pb_status status = pb_script_read(&script, arguments[file], &error);
    if (!status)
        status = enter_folder(&script, &error);
    int code = status ? pb_report(&error) : run_script(log, &how, &script);
    pb_script_free(&script);
    return code;
}
