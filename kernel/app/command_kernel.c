/* patchbay kernel: serves a Jupyter front end. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "history/history.h"
#include "locations.h"
#include "protocol/kernel.h"
#include "session.h"

/* The process that started us, as Jupyter names it; 0 if it does not. */
static long parent_process(void)
{
    const char *text = pb_setting("JPY_PARENT_PID");
    char *end;
    long process = text ? strtol(text, &end, 10) : 0;
    return process > 0 && *end == '\0' ? process : 0;
}

static const char *connection_file(int count, char **arguments)
{
    if (count == 2 && (strcmp(arguments[0], "-f") == 0 || strcmp(arguments[0], "--file") == 0))
        return arguments[1];
    return NULL;
}

int pb_command_kernel(const pb_command *command, const pb_log *log, int count, char **arguments)
{
    pb_kernel_block_signals();
    pb_kernel_options options = {
        .connection_file = connection_file(count, arguments),
        .version = PB_VERSION,
        .log = log,
        .parent = parent_process(),
    };
    if (!options.connection_file)
        return pb_usage(command);
    pb_error *error = NULL;
    bool abandoned = false;
    char *path = pb_history_default_path();
    pb_status status = pb_app_session(log, false, &options.session, &error);
    if (!status)
        status = pb_history_open(path, log, &options.history, &error);
    free(path);
    if (!status)
        status = pb_kernel_run(&options, &abandoned, &error);
    int code = !status ? PB_EXIT_OK : pb_report(&error);
    if (abandoned) /* a cell that would not stop still uses the session */
        _exit(code);
    pb_history_close(&options.history);
    pb_session_destroy(&options.session);
    return code;
}
