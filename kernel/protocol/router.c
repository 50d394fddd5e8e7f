/* A thread that owns ROUTER sockets: reads them in turn, and sends what is put in its outbox. */
#include "router.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <zmq.h>

#include "base/memory.h"
#include "socket.h"
#include "thread.h"

/* A socket's turn, before the next one is read, ends after so many messages or so much time; one
 * message is read in any case. */
#define BATCH   64
#define TURN_MS 5
/* receive_all(): when nothing came for so long, all has arrived; and the most it may take. */
#define QUIET_MS 2
#define FLOOD_MS 100
/* A letter to a client that is not connected yet is tried again so often, and for so long. */
#define RETRY_MS     5
#define RETRY_FOR_MS 3000

struct pb_router {
    const char *name;
    pb_doorman *doorman;
    const pb_log *log;
    void *sockets[PB_ROUTER_SOCKETS];
    size_t count;
    pb_router_received received;
    void *user;
    pb_outbox *outbox;
    pb_letter *undelivered; /* tried again; only the thread itself looks at them */
    atomic_bool stopping;
    bool running;
    pthread_t thread;
};

/* Handles some messages of one socket; false when no more are there. */
static bool receive_some(pb_router *router, size_t socket)
{
    int64_t end = pb_clock_ms() + TURN_MS;
    for (size_t i = 0; i == 0 || (i < BATCH && pb_clock_ms() < end); i++) {
        pb_frames frames = PB_FRAMES_EMPTY;
        pb_origin origin;
        pb_received received = pb_socket_receive_from(router->sockets[socket], &frames, &origin);
        if (received == PB_RECEIVED_NONE)
            return false;
        pb_doorman_note(router->doorman, origin.descriptor, origin.bytes);
        if (received == PB_RECEIVED)
            router->received(router->user, socket, &frames);
        else
            pb_log_write(router->log, PB_LOG_WARNING, "%s: a message that is too large is dropped",
                         router->name);
    }
    return true;
}

/* Waits for something to read; gives false when nothing comes. */
static bool wait_for_more(pb_router *router)
{
    zmq_pollitem_t items[PB_ROUTER_SOCKETS];
    for (size_t i = 0; i < router->count; i++)
        items[i] = (zmq_pollitem_t){.socket = router->sockets[i], .events = ZMQ_POLLIN};
    return zmq_poll(items, (int)router->count, QUIET_MS) > 0;
}

/* Handles all that clients have sent by now. ZeroMQ holds only a little of it, and takes up more as
 * it is read: so read until nothing more comes for QUIET_MS, or, of a client that never stops
 * sending, for FLOOD_MS. */
static void receive_all(pb_router *router)
{
    int64_t end = pb_clock_ms() + FLOOD_MS;
    do
        for (size_t socket = 0; socket < router->count; socket++)
            receive_some(router, socket);
    while (wait_for_more(router) && pb_clock_ms() < end);
}

/* Sends a letter, or makes the call that it asks for. False if its client is not connected yet and
 * it is to be tried again. */
static bool deliver(pb_router *router, pb_letter *letter)
{
    if (letter->call) {
        receive_all(router);
        letter->call(letter->user);
        return true;
    }
    void *socket = router->sockets[letter->socket];
    if (pb_socket_send(socket, &letter->frames, ZMQ_DONTWAIT))
        return true;
    int failure = zmq_errno();
    if (letter->expires == 0)
        letter->expires = pb_clock_ms() + RETRY_FOR_MS;
    if (failure == EHOSTUNREACH && pb_clock_ms() < letter->expires)
        return false;
    pb_log_write(router->log, PB_LOG_WARNING, "%s: a message could not be sent: %s", router->name,
                 zmq_strerror(failure));
    if (letter->failed)
        letter->failed(letter->user, &letter->frames);
    return true;
}

/* Delivers a list of letters; those for clients not connected yet go back to `undelivered`. */
static bool deliver_all(pb_router *router, pb_letter *letter)
{
    bool any = letter != NULL;
    while (letter) {
        pb_letter *next = letter->next;
        if (deliver(router, letter)) {
            pb_letter_destroy(&letter);
        } else {
            letter->next = router->undelivered;
            router->undelivered = letter;
        }
        letter = next;
    }
    return any;
}

static void retry_undelivered(pb_router *router)
{
    pb_letter *letters = router->undelivered;
    router->undelivered = NULL;
    deliver_all(router, letters);
}

static void *run(void *user)
{
    pb_router *router = user;
    zmq_pollitem_t items[PB_ROUTER_SOCKETS + 1];
    for (size_t i = 0; i < router->count; i++)
        items[i] = (zmq_pollitem_t){.socket = router->sockets[i], .events = ZMQ_POLLIN};
    items[router->count] =
        (zmq_pollitem_t){.fd = pb_outbox_descriptor(router->outbox), .events = ZMQ_POLLIN};
    while (!atomic_load(&router->stopping)) {
        zmq_poll(items, (int)router->count + 1, router->undelivered ? RETRY_MS : -1);
        for (size_t i = 0; i < router->count; i++)
            receive_some(router, i);
        retry_undelivered(router);
        deliver_all(router, pb_outbox_take(router->outbox));
    }
    while (deliver_all(router, pb_outbox_take(router->outbox)))
        continue;
    for (size_t i = 0; i < router->count; i++)
        pb_socket_close(&router->sockets[i]);
    return NULL;
}

pb_status pb_router_start(const char *name, void *const *sockets, size_t count,
                          pb_router_received received, void *user, pb_doorman *doorman,
                          const pb_log *log, pb_router **router, pb_error **error)
{
    pb_router *new = pb_calloc(1, sizeof *new);
    *router = new;
    if (new) {
        *new = (pb_router){.name = name,
                           .doorman = doorman,
                           .log = log,
                           .count = count,
                           .received = received,
                           .user = user,
                           .outbox = pb_outbox_create()};
        for (size_t i = 0; i < count; i++)
            new->sockets[i] = sockets[i];
    }
    if (!new || !new->outbox) {
        for (size_t i = 0; i < count; i++)
            zmq_close(sockets[i]);
        free(new);
        *router = NULL;
        return pb_fail_memory(error);
    }
    pb_status status = pb_thread_start(&new->thread, name, run, new, error);
    new->running = !status;
    if (status)
        pb_router_destroy(router);
    return status;
}

pb_outbox *pb_router_outbox(pb_router *router)
{
    return router->outbox;
}

void pb_router_stop(pb_router *router)
{
    if (!router->running)
        return;
    atomic_store(&router->stopping, true);
    pb_outbox_wake(router->outbox);
    pthread_join(router->thread, NULL);
    router->running = false;
}

void pb_router_destroy(pb_router **router)
{
    if (!*router)
        return;
    pb_router_stop(*router);
    for (size_t i = 0; i < (*router)->count; i++)
        pb_socket_close(&(*router)->sockets[i]);
    while ((*router)->undelivered) {
        pb_letter *letter = (*router)->undelivered;
        (*router)->undelivered = letter->next;
        pb_letter_destroy(&letter);
    }
    pb_outbox_destroy(&(*router)->outbox);
    free(*router);
    *router = NULL;
}
