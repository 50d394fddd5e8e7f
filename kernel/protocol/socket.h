/* ZeroMQ sockets as the kernel uses them. A socket belongs to the thread that runs it. */
#ifndef PB_PROTOCOL_SOCKET_H
#define PB_PROTOCOL_SOCKET_H

#include <stdbool.h>

#include "base/log.h"
#include "connection.h"
#include "frames.h"

#define PB_LINGER_MS 300 /* what a closed socket may still take to send its last messages */

/* ZAP domains: clients of the first must hold the key of the connection file. */
#define PB_DOMAIN_PINNED "patchbay"
#define PB_DOMAIN_OPEN   "patchbay-heartbeat"

/*
 * Makes a socket of a ZeroMQ type, with encryption where the connection has keys, and binds it to
 * one of the connection's ports. A port still held by the kernel's predecessor is tried again for
 * `patience` milliseconds.
 */
pb_status pb_socket_open(void *context, int type, const pb_connection *connection,
                         pb_channel channel, int patience, void **socket, pb_error **error);
void pb_socket_close(void **socket);

typedef enum pb_received {
    PB_RECEIVED,      /* a whole message is in `frames` */
    PB_RECEIVED_NONE, /* nothing was there */
    PB_RECEIVED_BAD   /* a message was there, too large or for want of memory dropped */
} pb_received;

/* Takes one message that is there already; never waits. `frames` was empty. */
pb_received pb_socket_receive(void *socket, pb_frames *frames);

/* Sends a message; false with errno EAGAIN when it cannot be sent without waiting. The frames are
 * kept. After the first frame went, the others follow. */
bool pb_socket_send(void *socket, const pb_frames *frames, int flags);

#endif
