/* patchbay kernel: serves a Jupyter front end. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "history/history.h"
#include "locations.h"
#include "protocol/journal.h"
#include "protocol/kernel.h"
#include "protocol/means.h"
#include "session.h"

#define LAST_WORDS_MS 300 /* what writing the end of the log may take */

/* The process that started us, as Jupyter names it; 0 if it does not. */
static long parent_process(void)
{
    const char *text = pb_setting("JPY_PARENT_PID");
    char *end;
    long process = text ? strtol(text, &end, 10) : 0;
    return process > 0 && *end == '\0' ? process : 0;
}

/* What follows the file is the front end's: `jupyter run` hands on the names of what it runs. */
static const char *connection_file(int count, char **arguments)
{
    if (count >= 2 && (strcmp(arguments[0], "-f") == 0 || strcmp(arguments[0], "--file") == 0))
        return arguments[1];
    return NULL;
}

/* Runs a kernel that says what there is to say to options->log. */
static pb_status serve(pb_kernel_options *options, bool *abandoned, pb_error **error)
{
    char *path = pb_history_default_path();
    pb_status status = pb_app_session(options->log, false, &options->session, error);
    if (!status)
        status = pb_history_open(path, options->log, &options->history, error);
    free(path);
    if (!status)
        status = pb_kernel_run(options, abandoned, error);
    if (!*abandoned) { /* else a cell that would not stop still uses them */
        pb_history_close(&options->history);
        pb_session_destroy(&options->session);
    }
    return status;
}

/* Whether a line can be written now: stderr may be a pipe that is full and read by nobody. */
static bool is_heard(void)
{
    struct pollfd errors = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&errors, 1, LAST_WORDS_MS) > 0;
}

int pb_command_kernel(const pb_command *command, const pb_log *log, int count, char **arguments)
{
    pb_kernel_block_signals();
    pb_kernel_options options = {
        .connection_file = connection_file(count, arguments),
        .version = PB_VERSION,
        .parent = parent_process(),
    };
    if (!options.connection_file)
        return pb_usage(command, count, arguments);
    pb_error *error = NULL;
    bool abandoned = false;
    pb_journal *journal = NULL;
    pb_status status = pb_means_check(&error);
    if (!status)
        status = pb_journal_start(log, &journal, &error);
    if (!status) {
        options.log = pb_journal_log(journal);
        status = serve(&options, &abandoned, &error);
    }
    bool ended = pb_journal_end(journal, LAST_WORDS_MS);
    int code = !status ? PB_EXIT_OK : PB_EXIT_FAILED;
    if (status && is_heard())
        pb_report(&error);
    pb_error_destroy(&error);
    if (!ended || abandoned) /* a thread that would not stop still uses the journal */
        _exit(code);
    pb_journal_destroy(&journal);
    return code;
}
