/* Where a layer says what a person running the kernel may want to read. Passed in, never global. */
#ifndef PB_BASE_LOG_H
#define PB_BASE_LOG_H

#include "base/error.h"

typedef enum pb_log_level { PB_LOG_DEBUG, PB_LOG_INFO, PB_LOG_WARNING, PB_LOG_ERROR } pb_log_level;

typedef struct pb_log {
    pb_log_level least; /* quieter messages are not formatted */
    void (*write)(void *user, pb_log_level level, const char *line); /* any thread */
    void *user;
} pb_log;

/* NULL log is fine: nothing is written. */
void pb_log_write(const pb_log *log, pb_log_level level, const char *format, ...) PB_PRINTF(3, 4);

#endif
