/* patchbay reference: every word of the language, in Markdown; docs/reference.md is its output. */
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "session.h"

int pb_command_reference(const pb_command *command, const pb_log *log, int count, char **arguments)
{
    if (count != 0)
        return pb_usage(command, count, arguments);
    pb_session *session = NULL;
    pb_error *error = NULL;
    if (pb_app_session(log, false, &session, &error))
        return pb_report(&error);
    char *text = pb_session_reference_markdown(session);
    pb_session_destroy(&session);
    if (!text) {
        pb_fail_memory(&error);
        return pb_report(&error);
    }
    bool written = fputs(text, stdout) >= 0 && fflush(stdout) == 0;
    free(text);
    return written ? PB_EXIT_OK : PB_EXIT_FAILED;
}
