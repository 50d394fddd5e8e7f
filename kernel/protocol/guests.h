/*
 * What each connection to a socket has asked for so far, so that one that asks without end is cut
 * off. Not thread-safe.
 *
 * ZeroMQ keeps what is asked for before anybody can refuse it, and gives it back once the
 * connection ends; it has no call that ends one. The descriptor that a message came from can be
 * shut down, though. It may have been closed by then and be another connection's: what is shut down
 * is the very connection that was counted, or nothing.
 */
#ifndef PB_PROTOCOL_GUESTS_H
#define PB_PROTOCOL_GUESTS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct pb_guests pb_guests;

typedef enum pb_guest {
    PB_GUEST_WELCOME, /* may ask */
    PB_GUEST_GONE,    /* its connection has ended */
    PB_GUEST_CUT_OFF  /* it asked once too often, and its connection ends by that */
} pb_guest;

/* For the connections to a bound socket; each may ask `limit` times. NULL when memory is out. */
pb_guests *pb_guests_create(void *socket, size_t limit);

/* Counts a request that came from a descriptor. */
pb_guest pb_guests_count(pb_guests *guests, int source);

void pb_guests_destroy(pb_guests **guests);

#endif
