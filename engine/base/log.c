/* Formats a line and hands it to whoever listens. */
#include "base/log.h"

#include <stdarg.h>

#include "base/buffer.h"
#include "base/visible.h"

void pb_log_write(const pb_log *log, pb_log_level level, const char *format, ...)
{
    if (!log || !log->write || level < log->least)
        return;
    pb_buffer line = PB_BUFFER_EMPTY;
    va_list arguments;
    va_start(arguments, format);
    pb_buffer_vformat(&line, format, arguments);
    va_end(arguments);
    pb_buffer shown = PB_BUFFER_EMPTY;
    pb_harmless_text(&shown, line.data ? line.data : "", line.length, false);
    bool failed = line.failed || shown.failed;
    log->write(log->user, level,
               failed       ? "there was no memory for this line"
               : shown.data ? shown.data
                            : "");
    pb_buffer_free(&line);
    pb_buffer_free(&shown);
}
