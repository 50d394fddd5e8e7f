/* The program's commands: a row each, and what they share. */
#ifndef PB_APP_COMMAND_H
#define PB_APP_COMMAND_H

#include <stddef.h>

#include "base/error.h"
#include "base/log.h"

/* Exit codes. */
enum { PB_EXIT_OK = 0, PB_EXIT_FAILED = 1, PB_EXIT_USAGE = 2, PB_EXIT_INTERRUPTED = 130 };

enum { PB_COMMAND_OPTIONS = 8 };

/* What may stand after a command. */
typedef struct pb_command_option {
    const char *name;     /* "--prefix", or "" for an argument */
    const char *argument; /* "DIR", or "" for an option without; a word in small letters is meant */
    const char *text;     /* what it does, in one line or more */
} pb_command_option;

typedef struct pb_command {
    const char *name;
    const char *usage;                             /* its arguments */
    const char *summary;                           /* one line */
    pb_command_option options[PB_COMMAND_OPTIONS]; /* ended by one without text */
    /* Arguments after the command's name. Gives the exit code. */
    int (*run)(const struct pb_command *command, const pb_log *log, int count, char **arguments);
} pb_command;

/* The commands, in the order they are listed. */
const pb_command *pb_commands(size_t *count);

/* The environment variables that the program heeds, ended by one without a name. */
typedef struct pb_setting_row {
    const char *name, *text; /* "PATCHBAY_LOG", "is how much is said ..." */
} pb_setting_row;
extern const pb_setting_row pb_setting_rows[];

int pb_command_kernel(const pb_command *command, const pb_log *log, int count, char **arguments);
int pb_command_run(const pb_command *command, const pb_log *log, int count, char **arguments);
int pb_command_eval(const pb_command *command, const pb_log *log, int count, char **arguments);
int pb_command_reference(const pb_command *command, const pb_log *log, int count, char **arguments);
int pb_command_console(const pb_command *command, const pb_log *log, int count, char **arguments);
int pb_command_fetch(const pb_command *command, const pb_log *log, int count, char **arguments);
int pb_command_install(const pb_command *command, const pb_log *log, int count, char **arguments);
int pb_command_uninstall(const pb_command *command, const pb_log *log, int count, char **arguments);
int pb_command_doctor(const pb_command *command, const pb_log *log, int count, char **arguments);
int pb_command_manual(const pb_command *command, const pb_log *log, int count, char **arguments);
int pb_command_completion(const pb_command *command, const pb_log *log, int count,
                          char **arguments);

/* Says on stderr how the command is called, and what was meant by the first option it does not
 * know; gives PB_EXIT_USAGE. */
int pb_usage(const pb_command *command, int count, char **arguments);

/* Says on stderr what went wrong, with the hint; takes the error. Gives PB_EXIT_FAILED. */
int pb_report(pb_error **error);

#endif
