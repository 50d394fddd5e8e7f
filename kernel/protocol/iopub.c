/*
 * The iopub thread.
 *
 * With NODROP a send fails while any subscriber's pipe is full, so that everything arrives at those
 * who read slowly. One that has not read for PATIENCE_MS is taken for stuck: the message is then
 * sent without NODROP, which makes ZeroMQ leave the stuck pipe out, of this and of what follows,
 * until its reader has caught up. NODROP is on again at once, for the others.
 */
#include "iopub.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "guests.h"
#include "socket.h"
#include "thread.h"

#define PATIENCE_MS 2000
#define RECOVERY_MS 10000 /* no subscriber was stuck for so long: PATIENCE_MS holds again */
#define SLICE_MS    50    /* between two looks at new subscribers while a send waits */

/* What subscribers may ask for; front ends send a request or two. */
#define REQUESTS    16  /* of one connection in its life; one more and it is cut off */
#define TOPIC_BYTES 256 /* of a topic; ours are shorter */
/* Requests handled before a message of a cell is sent; and read, where most are of connections that
 * were cut off and are not handled. */
#define REQUESTS_HEEDED 32
#define REQUESTS_READ   10000

/* A welcome that is not sent yet. */
typedef struct welcome {
    struct welcome *next;
    pb_frames frames;
} welcome;

struct pb_iopub {
    void *socket;
    pb_publisher *publisher;
    pb_sender *sender;
    const pb_log *log;
    pb_guests *guests;
    welcome *first, **last; /* oldest first; they go before any other message */
    size_t exclusions;      /* how often a stuck subscriber was left out, since the last recovery */
    int64_t excluded_at;    /* when that was last */
    atomic_bool stopping;
    pthread_t thread;
};

/* ---- subscribers ---- */

/* A welcome's topic is the subscription itself (JEP 65), so others who subscribed to that, or to
 * what it begins with, get it too. */
static bool build_welcome(const pb_iopub *iopub, const char *subscription, size_t length,
                          pb_frames *frames)
{
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_open(&content, '{');
    pb_write_key(&content, "subscription");
    pb_write_bytes(&content, subscription, length);
    pb_write_close(&content, '}');
    return !pb_message_build_published(iopub->sender, &(pb_text){subscription, length},
                                       "iopub_welcome", NULL, &content, frames, NULL);
}

/* A welcome goes to all who subscribed to its topic, so that one that waits is for the next of them
 * too. */
static bool is_being_welcomed(const pb_iopub *iopub, const char *subscription, size_t length)
{
    for (const welcome *waiting = iopub->first; waiting; waiting = waiting->next) {
        const pb_frame *topic = &waiting->frames.items[0];
        if (topic->size == length && memcmp(topic->data, subscription, length) == 0)
            return true;
    }
    return false;
}

/*
 * Subscribes the client whose request was just read, and queues its welcome. Subscribing must be
 * the next call: ZeroMQ applies it to the pipe that was read from last, and forgets which that was
 * when another call makes it notice that some subscriber has left.
 */
static void subscribe(pb_iopub *iopub, const char *subscription, size_t length)
{
    if (length > TOPIC_BYTES || pb_utf8_valid_prefix(subscription, length) < length)
        return; /* JEP 65 has it ignored, and it is no start of a topic of ours */
    zmq_setsockopt(iopub->socket, ZMQ_SUBSCRIBE, subscription, length);
    if (is_being_welcomed(iopub, subscription, length))
        return;
    welcome *new = pb_calloc(1, sizeof *new);
    if (!new || !build_welcome(iopub, subscription, length, &new->frames)) {
        free(new);
        pb_log_write(iopub->log, PB_LOG_ERROR, "memory is out: a subscriber is not welcomed");
        return;
    }
    *iopub->last = new;
    iopub->last = &new->next;
}

static void remove_first_welcome(pb_iopub *iopub)
{
    welcome *old = iopub->first;
    iopub->first = old->next;
    if (!iopub->first)
        iopub->last = &iopub->first;
    pb_frames_clear(&old->frames);
    free(old);
}

/* A request to subscribe is a 1 and the topic; one to unsubscribe, a 0 and the topic. */
static void handle_subscription(pb_iopub *iopub, const pb_frame *request)
{
    if (request->size == 0)
        return;
    const char *topic = request->data + 1;
    size_t length = request->size - 1;
    if (request->data[0] == 1)
        subscribe(iopub, topic, length);
    else if (request->data[0] == 0)
        zmq_setsockopt(iopub->socket, ZMQ_UNSUBSCRIBE, topic, length);
}

/* Whether a request is to be handled. Those that ZeroMQ makes for clients that left have no source.
 */
static bool is_welcome(pb_iopub *iopub, int source)
{
    pb_guest guest = pb_guests_count(iopub->guests, source);
    if (guest == PB_GUEST_CUT_OFF)
        pb_log_write(iopub->log, PB_LOG_WARNING,
                     "a subscriber of iopub that made more than %d requests is cut off", REQUESTS);
    return guest == PB_GUEST_WELCOME;
}

/* Handles what subscribers ask for; not all of it, since one of them may ask without end. */
static void greet(pb_iopub *iopub)
{
    size_t heeded = 0;
    for (size_t read = 0; read < REQUESTS_READ && heeded < REQUESTS_HEEDED; read++) {
        pb_frames frames = PB_FRAMES_EMPTY;
        pb_origin origin;
        pb_received received = pb_socket_receive_from(iopub->socket, &frames, &origin);
        if (received == PB_RECEIVED_NONE)
            return;
        if (received == PB_RECEIVED && is_welcome(iopub, origin.descriptor)) {
            handle_subscription(iopub, &frames.items[0]);
            heeded++;
        }
        pb_frames_clear(&frames);
    }
}

/* ---- messages ---- */

static void set_nodrop(pb_iopub *iopub, int on)
{
    zmq_setsockopt(iopub->socket, ZMQ_XPUB_NODROP, &on, sizeof on);
}

/* How long a subscriber that does not read is waited for. Each one that is found stuck halves that,
 * until all have read for RECOVERY_MS: many stuck ones, one after the other, cost no more time than
 * two. */
static int patience(const pb_iopub *iopub)
{
    return iopub->exclusions < 8 ? PATIENCE_MS >> iopub->exclusions : 0;
}

static void note_exclusion(pb_iopub *iopub)
{
    if (iopub->exclusions++ == 0)
        pb_log_write(iopub->log, PB_LOG_WARNING,
                     "a subscriber of iopub has not read for %d s; it loses messages until it does",
                     PATIENCE_MS / 1000);
    iopub->excluded_at = pb_clock_ms();
}

static void note_recovery(pb_iopub *iopub)
{
    if (iopub->exclusions > 0 && pb_clock_ms() - iopub->excluded_at > RECOVERY_MS) {
        pb_log_write(iopub->log, PB_LOG_INFO, "iopub delivers everything to all who read again");
        iopub->exclusions = 0;
    }
}

/* Sends what welcomes are due and then the message (NULL: none); false with errno EAGAIN when a
 * subscriber's pipe is full. */
static bool send_in_order(pb_iopub *iopub, const pb_frames *message, int flags)
{
    while (iopub->first) {
        if (!pb_socket_send(iopub->socket, &iopub->first->frames, flags) && errno == EAGAIN)
            return false;
        remove_first_welcome(iopub);
    }
    return !message || pb_socket_send(iopub->socket, message, flags);
}

/* Sends one message, or welcomes alone: with all subscribers if they read, else without the stuck
 * ones. */
static void send_message(pb_iopub *iopub, const pb_frames *message)
{
    int64_t end = pb_clock_ms() + patience(iopub);
    while (!send_in_order(iopub, message, 0)) {
        if (errno != EAGAIN)
            return;
        greet(iopub);
        if (pb_clock_ms() < end && !atomic_load(&iopub->stopping))
            continue;
        note_exclusion(iopub);
        set_nodrop(iopub, 0);
        send_in_order(iopub, message, ZMQ_DONTWAIT);
        set_nodrop(iopub, 1);
        return;
    }
    note_recovery(iopub);
}

/* Sends all that is due; gives the milliseconds until more may be. */
static int send_due(pb_iopub *iopub)
{
    int wait;
    pb_frames frames = PB_FRAMES_EMPTY;
    while (pb_publisher_take(iopub->publisher, pb_clock_ms(), &frames, &wait)) {
        greet(iopub);
        send_message(iopub, &frames);
        pb_frames_clear(&frames);
    }
    if (iopub->first)
        send_message(iopub, NULL);
    return wait;
}

static void *run(void *user)
{
    pb_iopub *iopub = user;
    zmq_pollitem_t items[] = {
        {.socket = iopub->socket, .events = ZMQ_POLLIN},
        {.fd = pb_publisher_descriptor(iopub->publisher), .events = ZMQ_POLLIN},
    };
    int wait = 0;
    while (!pb_publisher_done(iopub->publisher)) {
        zmq_poll(items, 2, wait);
        greet(iopub);
        wait = send_due(iopub);
    }
    while (iopub->first)
        remove_first_welcome(iopub);
    pb_guests_destroy(&iopub->guests);
    pb_socket_close(&iopub->socket);
    return NULL;
}

pb_status pb_iopub_start(void *socket, pb_publisher *publisher, pb_sender *sender,
                         const pb_log *log, pb_iopub **iopub, pb_error **error)
{
    const int slice = SLICE_MS;
    zmq_setsockopt(socket, ZMQ_SNDTIMEO, &slice, sizeof slice);
    pb_iopub *new = pb_calloc(1, sizeof *new);
    pb_guests *guests = pb_guests_create(socket, REQUESTS);
    *iopub = NULL;
    if (!new || !guests) {
        zmq_close(socket);
        pb_guests_destroy(&guests);
        free(new);
        return pb_fail_memory(error);
    }
    *new = (pb_iopub){.socket = socket,
                      .guests = guests,
                      .publisher = publisher,
                      .sender = sender,
                      .log = log,
                      .last = &new->first};
    pb_status status = pb_thread_start(&new->thread, "pb-iopub", run, new, error);
    if (!status) {
        *iopub = new;
    } else {
        zmq_close(socket);
        pb_guests_destroy(&guests);
        free(new);
    }
    return status;
}

void pb_iopub_stop(pb_iopub **iopub)
{
    if (!*iopub)
        return;
    atomic_store(&(*iopub)->stopping, true);
    pb_publisher_close((*iopub)->publisher);
    pthread_join((*iopub)->thread, NULL);
    free(*iopub);
    *iopub = NULL;
}
