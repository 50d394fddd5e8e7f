/* Threads that serve a socket of their own: the heartbeat, and the check of encryption keys. */
#ifndef PB_PROTOCOL_HEARTBEAT_H
#define PB_PROTOCOL_HEARTBEAT_H

#include "base/log.h"
#include "connection.h"

typedef struct pb_heartbeat pb_heartbeat;
typedef struct pb_zap pb_zap;

/* Echoes whatever arrives, until stopped. Takes the socket (a ROUTER), also on failure. */
pb_status pb_heartbeat_start(void *socket, pb_heartbeat **heartbeat, pb_error **error);
void pb_heartbeat_stop(pb_heartbeat **heartbeat);

/*
 * Answers ZeroMQ's authentication requests (RFC 27): on the sockets of PB_DOMAIN_PINNED only the
 * key of the connection file may connect; on those of PB_DOMAIN_OPEN any, since heartbeat clients
 * make a new key each. To be started before those sockets are bound.
 */
pb_status pb_zap_start(void *context, const pb_connection *connection, const pb_log *log,
                       pb_zap **zap, pb_error **error);
void pb_zap_stop(pb_zap **zap);

#endif
