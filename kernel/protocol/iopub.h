/* The thread that owns the iopub socket: greets subscribers, and sends what the publisher holds. */
#ifndef PB_PROTOCOL_IOPUB_H
#define PB_PROTOCOL_IOPUB_H

#include "base/log.h"
#include "publisher.h"

typedef struct pb_iopub pb_iopub;

/* Takes the socket (an XPUB with manual subscriptions and NODROP), also on failure; the rest is
 * borrowed. */
pb_status pb_iopub_start(void *socket, pb_publisher *publisher, pb_sender *sender,
                         const pb_log *log, pb_iopub **iopub, pb_error **error);

/* Closes the publisher, sends what is left for at most PB_LINGER_MS, and ends the thread. */
void pb_iopub_stop(pb_iopub **iopub);

#endif
