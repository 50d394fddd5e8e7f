/* A thread that owns ROUTER sockets: hands on what comes in, and sends what its outbox holds. */
#ifndef PB_PROTOCOL_ROUTER_H
#define PB_PROTOCOL_ROUTER_H

#include "base/log.h"
#include "doorman.h"
#include "outbox.h"

#define PB_ROUTER_SOCKETS 2

typedef struct pb_router pb_router;

/* Called on the router's thread for each message; takes the frames. */
typedef void (*pb_router_received)(void *user, size_t socket, pb_frames *frames);

/* Takes the sockets, also on failure. `name`, `doorman` and `log` are borrowed. */
pb_status pb_router_start(const char *name, void *const *sockets, size_t count,
                          pb_router_received received, void *user, pb_doorman *doorman,
                          const pb_log *log, pb_router **router, pb_error **error);

pb_outbox *pb_router_outbox(pb_router *router);

/* Sends what is left, closes the sockets and ends the thread. The outbox stays until destroy, since
 * others may still post to it. */
void pb_router_stop(pb_router *router);
void pb_router_destroy(pb_router **router);

#endif
