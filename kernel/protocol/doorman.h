/*
 * Watches how much each TCP connection sends, and ends those that send without end.
 *
 * Who connects needs no key for that, and ZeroMQ takes what comes before anybody can refuse it: the
 * topics a subscriber asks for, or the frames of a message that never ends. So a connection may be
 * ahead of what was read from it by a few of the largest messages; on the channels that take small
 * requests only, by some of those. The system counts its bytes; a thread compares.
 *
 * Connections of ipc are not watched. Only whoever may write to the socket's file can make one.
 */
#ifndef PB_PROTOCOL_DOORMAN_H
#define PB_PROTOCOL_DOORMAN_H

#include "base/log.h"
#include "connection.h"

#define PB_AHEAD_BYTES          ((size_t)32 << 20) /* of what was read: shell, control, stdin */
#define PB_AHEAD_REQUESTS_BYTES ((size_t)8 << 10)  /* in all: iopub, heartbeat; ... */
#define PB_FORGIVEN_BYTES       1024               /* ... of which so much is forgotten a second */

typedef struct pb_doorman pb_doorman;

/* NULL in *doorman where the connection's transport is ipc; all that follows takes that. */
pb_status pb_doorman_create(void *context, const pb_connection *connection, const pb_log *log,
                            pb_doorman **doorman, pb_error **error);

/* Watches a socket's connections; to be called before it is bound. */
pb_status pb_doorman_watch(pb_doorman *doorman, void *socket, pb_channel channel, pb_error **error);

/* Once all sockets are bound. */
pb_status pb_doorman_start(pb_doorman *doorman, pb_error **error);

/* A message of so many bytes was read from the connection that had the descriptor. Any thread. */
void pb_doorman_note(pb_doorman *doorman, int source, size_t bytes);

/* Once all sockets are closed. */
void pb_doorman_stop(pb_doorman **doorman);

#endif
