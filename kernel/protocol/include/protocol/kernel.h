/*
 * The kernel: a session behind the five sockets of the Jupyter messaging protocol 5.5.
 *
 * pb_kernel_run() reads the connection file a front end wrote, binds the sockets, and answers until
 * it is told to shut down, its parent dies, or a SIGTERM comes. Whoever links this library also
 * links the pb_session_* functions of language/session.h.
 */
#ifndef PB_PROTOCOL_KERNEL_H
#define PB_PROTOCOL_KERNEL_H

#include <stdbool.h>

#include "base/error.h"
#include "base/log.h"
#include "history/history.h"
#include "session/session.h"

typedef struct pb_kernel_options {
    const char *connection_file;
    const char *version; /* of Patchbay, for kernel_info */
    pb_session *session; /* borrowed */
    pb_history *history; /* borrowed */
    const pb_log *log;   /* borrowed; may be NULL */
    long parent;         /* process whose death ends the kernel; 0 for none */
} pb_kernel_options;

/*
 * Blocks SIGINT, SIGTERM and SIGHUP for the calling thread, and so for those it makes later, so
 * that the kernel can read them as messages. To be called before any other thread is made, and
 * before anything slow: a front end may interrupt a kernel that has just been born.
 */
void pb_kernel_block_signals(void);

/*
 * Runs a kernel. PB_OK means that it ended as it was told to. *abandoned is set when a cell would
 * not stop in time: its thread still uses the session and the history, so that the caller must end
 * the process without destroying them.
 */
pb_status pb_kernel_run(const pb_kernel_options *options, bool *abandoned, pb_error **error);

#endif
