/*
 * Watches how much each TCP connection sends, and ends those that send without end.
 *
 * Connecting takes no key, and ZeroMQ keeps in memory what a connection sends before the kernel has
 * read and checked it: the topics a subscriber asks for, or the frames of a message that never
 * ends. So there is a limit on how many bytes a connection may have sent that were not yet read
 * from it: a few of the largest messages. The channels iopub and heartbeat take small requests
 * only; there the limit is on all that was sent, less a little for each second. The system counts
 * what each connection sends, the routers note what they read, and a thread compares the two.
 *
 * Connections of ipc are not watched: only who may write to the socket's file can make one.
 */
#ifndef PB_PROTOCOL_DOORMAN_H
#define PB_PROTOCOL_DOORMAN_H

#include "base/log.h"
#include "connection.h"

#define PB_AHEAD_BYTES          ((size_t)32 << 20) /* sent and not read: shell, control, stdin */
#define PB_AHEAD_REQUESTS_BYTES ((size_t)8 << 10)  /* sent, read or not: iopub, heartbeat */
#define PB_FORGIVEN_BYTES       1024               /* taken off what was sent, each second */

typedef struct pb_doorman pb_doorman;

/* NULL in *doorman where the connection's transport is ipc; all that follows takes that. */
pb_status pb_doorman_create(void *context, const pb_connection *connection, const pb_log *log,
                            pb_doorman **doorman, pb_error **error);

/* Watches a socket's connections; to be called before it is bound. */
pb_status pb_doorman_watch(pb_doorman *doorman, void *socket, pb_channel channel, pb_error **error);

/* Once all sockets are bound. */
pb_status pb_doorman_start(pb_doorman *doorman, pb_error **error);

/* To be called for each message that is read: the descriptor of the connection it came from, and
 * its size. From any thread. */
void pb_doorman_note(pb_doorman *doorman, int source, size_t bytes);

/* Once all sockets are closed. */
void pb_doorman_stop(pb_doorman **doorman);

#endif
