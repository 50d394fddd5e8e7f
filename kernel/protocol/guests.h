/*
 * Counts the requests of each connection to a socket, and ends a connection that makes more than a
 * limit. Not thread-safe.
 *
 * A subscription takes memory inside ZeroMQ, until its connection ends, and ZeroMQ has no call to
 * end one. But it tells which descriptor a message came from, and that can be shut down. By then
 * the descriptor may belong to another connection: so it is shut down only if it is still the
 * connection that was counted.
 */
#ifndef PB_PROTOCOL_GUESTS_H
#define PB_PROTOCOL_GUESTS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct pb_guests pb_guests;

typedef enum pb_guest {
    PB_GUEST_WELCOME, /* may ask */
    PB_GUEST_GONE,    /* its connection has ended */
    PB_GUEST_CUT_OFF  /* this request was one too many: its connection was ended */
} pb_guest;

/* For the connections to a bound socket; each may ask `limit` times. NULL when memory is out. */
pb_guests *pb_guests_create(void *socket, size_t limit);

/* Counts a request that came from a descriptor. */
pb_guest pb_guests_count(pb_guests *guests, int source);

void pb_guests_destroy(pb_guests **guests);

#endif
