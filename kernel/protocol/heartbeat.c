/* The heartbeat: an echo on a thread of its own, so that a busy kernel is seen to live. */
#include "heartbeat.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <zmq.h>

#include "base/memory.h"
#include "outbox.h"
#include "socket.h"
#include "thread.h"

struct pb_heartbeat {
    void *socket;
    pb_outbox *outbox; /* only to wake the thread */
    atomic_bool stopping;
    pthread_t thread;
};

static void *run(void *user)
{
    pb_heartbeat *heartbeat = user;
    zmq_pollitem_t items[] = {
        {.socket = heartbeat->socket, .events = ZMQ_POLLIN},
        {.fd = pb_outbox_descriptor(heartbeat->outbox), .events = ZMQ_POLLIN},
    };
    while (!atomic_load(&heartbeat->stopping)) {
        pb_frames frames = PB_FRAMES_EMPTY;
        zmq_poll(items, 2, -1);
        if (pb_socket_receive(heartbeat->socket, &frames) == PB_RECEIVED)
            pb_socket_send(heartbeat->socket, &frames, ZMQ_DONTWAIT);
        pb_frames_clear(&frames);
    }
    pb_socket_close(&heartbeat->socket);
    return NULL;
}

static void destroy(pb_heartbeat **heartbeat)
{
    pb_socket_close(&(*heartbeat)->socket);
    pb_outbox_destroy(&(*heartbeat)->outbox);
    free(*heartbeat);
    *heartbeat = NULL;
}

pb_status pb_heartbeat_start(void *socket, pb_heartbeat **heartbeat, pb_error **error)
{
    pb_heartbeat *new = pb_calloc(1, sizeof *new);
    *heartbeat = new;
    if (!new) {
        zmq_close(socket);
        return pb_fail_memory(error);
    }
    new->socket = socket;
    new->outbox = pb_outbox_create();
    pb_status status = new->outbox ? pb_thread_start(&new->thread, "pb-heartbeat", run, new, error)
                                   : pb_fail_memory(error);
    if (status)
        destroy(heartbeat);
    return status;
}

void pb_heartbeat_stop(pb_heartbeat **heartbeat)
{
    if (!*heartbeat)
        return;
    atomic_store(&(*heartbeat)->stopping, true);
    pb_outbox_wake((*heartbeat)->outbox);
    pthread_join((*heartbeat)->thread, NULL);
    destroy(heartbeat);
}
