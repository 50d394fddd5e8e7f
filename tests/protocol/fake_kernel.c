/*
 * The kernel around the fake session, for tests on the wire:
 * fake_kernel -f FILE [--history FILE]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/journal.h"
#include "protocol/kernel.h"

static void write_line(void *user, pb_log_level level, const char *line)
{
    (void)user;
    static const char *const names[] = {"debug", "info", "warning", "error"};
    dprintf(STDERR_FILENO, "[%s] %s\n", names[level], line); /* locks no stream */
}

static long parent_process(void)
{
    const char *text = getenv("JPY_PARENT_PID");
    return text ? strtol(text, NULL, 10) : 0;
}

static int run(pb_kernel_options *options, const char *history_path)
{
    pb_error *error = NULL;
    bool abandoned = false;
    pb_session *session = NULL;
    pb_history *history = NULL;
    pb_journal *journal = NULL;
    pb_status status = pb_journal_start(options->log, &journal, &error);
    if (!status)
        options->log = pb_journal_log(journal);
    const pb_session_options session_options = {.log = options->log};
    if (!status)
        status = pb_session_create(&session_options, &session, &error);
    if (!status)
        status = pb_history_open(history_path, options->log, &history, &error);
    options->session = session;
    options->history = history;
    if (!status)
        status = pb_kernel_run(options, &abandoned, &error);
    if (!abandoned) {
        pb_history_close(&history);
        pb_session_destroy(&session);
    }
    bool ended = pb_journal_end(journal, 300) && !abandoned;
    if (status)
        fprintf(stderr, "fake_kernel: %s\n", pb_error_text(error));
    pb_error_destroy(&error);
    if (!ended)
        _exit(status ? 1 : 0);
    pb_journal_destroy(&journal);
    return status ? 1 : 0;
}

int main(int count, char **arguments)
{
    pb_kernel_block_signals();
    const pb_log log = {.least = PB_LOG_INFO, .write = write_line};
    pb_kernel_options options = {.version = "0.0", .log = &log, .parent = parent_process()};
    const char *history = NULL;
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "-f") == 0 && i + 1 < count)
            options.connection_file = arguments[++i];
        else if (strcmp(arguments[i], "--history") == 0 && i + 1 < count)
            history = arguments[++i];
    }
    if (!options.connection_file) {
        fprintf(stderr, "usage: fake_kernel -f FILE [--history FILE]\n");
        return 2;
    }
    return run(&options, history);
}
