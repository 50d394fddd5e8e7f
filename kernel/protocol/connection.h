/* The connection file: where to listen, and the secrets shared with the front end. */
#ifndef PB_PROTOCOL_CONNECTION_H
#define PB_PROTOCOL_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/log.h"

typedef enum pb_channel {
    PB_CHANNEL_SHELL,
    PB_CHANNEL_CONTROL,
    PB_CHANNEL_IOPUB,
    PB_CHANNEL_STDIN,
    PB_CHANNEL_HEARTBEAT,
    PB_CHANNELS
} pb_channel;

#define PB_ENDPOINT_SIZE 512
#define PB_KEY_SIZE      1024

typedef struct pb_connection {
    char transport[8]; /* "tcp" or "ipc" */
    char ip[256];      /* for ipc the start of the sockets' paths */
    int ports[PB_CHANNELS];
    char key[PB_KEY_SIZE];
    size_t key_length;
    bool encrypted;
    char curve_public[41], curve_secret[41]; /* Z85 */
} pb_connection;

/* The field of the connection file that holds a channel's port: "shell_port". */
const char *pb_connection_port_name(pb_channel channel);

/*
 * Reads a connection file. Warns in the log if others can read it; refuses unknown transports and
 * signature schemes, and an empty key anywhere but on the local machine. No error holds a key.
 */
pb_status pb_connection_load(const char *path, const pb_log *log, pb_connection *connection,
                             pb_error **error);

/* The same from the file's text, which stays the caller's. */
pb_status pb_connection_read(const char *text, size_t length, pb_connection *connection,
                             pb_error **error);

void pb_connection_endpoint(const pb_connection *connection, pb_channel channel,
                            char endpoint[PB_ENDPOINT_SIZE]);

/* Overwrites the secrets. */
void pb_connection_clear(pb_connection *connection);

#endif
