/* The program's commands: a row each, and what they share. */
#ifndef PB_APP_COMMAND_H
#define PB_APP_COMMAND_H

#include "base/error.h"
#include "base/log.h"

/* Exit codes. */
enum { PB_EXIT_OK = 0, PB_EXIT_FAILED = 1, PB_EXIT_USAGE = 2, PB_EXIT_INTERRUPTED = 130 };

typedef struct pb_command {
    const char *name;
    const char *usage;   /* its arguments */
    const char *summary; /* one line */
    const char *help;    /* the options, each on a line; "" if there are none */
    /* Arguments after the command's name. Gives the exit code. */
    int (*run)(const struct pb_command *command, const pb_log *log, int count, char **arguments);
} pb_command;

int pb_command_kernel(const pb_command *command, const pb_log *log, int count, char **arguments);
int pb_command_run(const pb_command *command, const pb_log *log, int count, char **arguments);
int pb_command_eval(const pb_command *command, const pb_log *log, int count, char **arguments);
int pb_command_reference(const pb_command *command, const pb_log *log, int count, char **arguments);
int pb_command_console(const pb_command *command, const pb_log *log, int count, char **arguments);
int pb_command_fetch(const pb_command *command, const pb_log *log, int count, char **arguments);
int pb_command_install(const pb_command *command, const pb_log *log, int count, char **arguments);
int pb_command_uninstall(const pb_command *command, const pb_log *log, int count, char **arguments);

/* Says on stderr how the command is called; gives PB_EXIT_USAGE. */
int pb_usage(const pb_command *command);

/* Says on stderr what went wrong, with the hint; takes the error. Gives PB_EXIT_FAILED. */
int pb_report(pb_error **error);

#endif
