/* ZeroMQ sockets as the kernel uses them. */
#include "socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "message.h"
#include "thread.h"

#define BIND_PAUSE_MS  20
#define IOPUB_MESSAGES 1000 /* waiting for one subscriber inside ZeroMQ */
#define FRAMING_BYTES  64   /* that a frame takes on the wire beside its content, at most */
#define REQUEST_BYTES  1024 /* what a subscription, a beat or a step of a handshake may have */

/* The system's receive buffer of a connection; REQUEST_BYTES on the channels that take small
 * requests only. ZeroMQ handles all it has read before it notices that a connection was ended: the
 * smaller the buffer, the sooner. */
#define BUFFER_BYTES (1 << 20)

/* One client's messages that wait inside ZeroMQ, each of which may be large. */
#define ROUTER_REQUESTS 2

/* A subscriber's requests that wait inside ZeroMQ. When it handles them it goes on as long as there
 * are more: with so few at a time it gets to an end even if they come fast. */
#define IOPUB_REQUESTS 1

static void set_number(void *socket, int option, int value)
{
    zmq_setsockopt(socket, option, &value, sizeof value);
}

static void set_options(void *socket, int type, const pb_connection *connection, pb_channel channel)
{
    bool small = type == ZMQ_XPUB || channel == PB_CHANNEL_HEARTBEAT;
    int64_t largest = small ? REQUEST_BYTES : (int64_t)PB_MESSAGE_BYTES;
    set_number(socket, ZMQ_RCVBUF, small ? REQUEST_BYTES : BUFFER_BYTES);
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
    set_number(socket, ZMQ_LINGER, PB_LINGER_MS);
    set_number(socket, ZMQ_IPV6, strchr(connection->ip, ':') != NULL);
    if (type == ZMQ_ROUTER)
        set_number(socket, ZMQ_ROUTER_HANDOVER, 1);
    bool replies = type == ZMQ_ROUTER && channel != PB_CHANNEL_HEARTBEAT;
    if (replies) { /* no limit: as many replies wait for a client as it has made requests */
        set_number(socket, ZMQ_SNDHWM, 0);
        set_number(socket, ZMQ_RCVHWM, ROUTER_REQUESTS);
    }
    if (channel == PB_CHANNEL_STDIN) /* a question to a client not connected yet is tried again */
        set_number(socket, ZMQ_ROUTER_MANDATORY, 1);
    if (type == ZMQ_XPUB) {
        set_number(socket, ZMQ_XPUB_MANUAL, 1);
        set_number(socket, ZMQ_XPUB_NODROP, 1);
        set_number(socket, ZMQ_RCVHWM, IOPUB_REQUESTS);
        set_number(socket, ZMQ_SNDHWM, IOPUB_MESSAGES);
    }
}

static bool set_encryption(void *socket, const pb_connection *connection, pb_channel channel)
{
    if (!connection->encrypted)
        return true;
    const char *domain = channel == PB_CHANNEL_HEARTBEAT ? PB_DOMAIN_OPEN : PB_DOMAIN_PINNED;
    const int server = 1;
    return zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &server, sizeof server) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, connection->curve_secret,
                          sizeof connection->curve_secret) == 0;
}

static void pause_ms(long ms)
{
    const struct timespec pause = {0, ms * 1000000};
    nanosleep(&pause, NULL);
}

static pb_status bind_socket(void *socket, const char *endpoint, int patience, pb_error **error)
{
    int64_t end = pb_clock_ms() + patience;
    while (zmq_bind(socket, endpoint) != 0) {
        int failure = errno;
        if (failure != EADDRINUSE || pb_clock_ms() >= end)
            return pb_fail(error, PB_IO, "the kernel cannot listen on %s: %s", endpoint,
                           zmq_strerror(failure));
        pause_ms(BIND_PAUSE_MS);
    }
    return PB_OK;
}

pb_status pb_socket_open(void *context, int type, const pb_connection *connection,
                         pb_channel channel, pb_doorman *doorman, int patience, void **socket,
                         pb_error **error)
{
    char endpoint[PB_ENDPOINT_SIZE];
    pb_connection_endpoint(connection, channel, endpoint);
    *socket = zmq_socket(context, type);
    if (!*socket)
        return pb_fail(error, PB_IO, "ZeroMQ gives no socket for %s: %s", endpoint,
                       zmq_strerror(errno));
    set_options(*socket, type, connection, channel);
    pb_status status = PB_OK;
    if (!set_encryption(*socket, connection, channel))
        status = pb_fail(error, PB_FORMAT, "the connection file's encryption keys are not usable");
    if (!status)
        status = pb_doorman_watch(doorman, *socket, channel, error);
    if (!status)
        status = bind_socket(*socket, endpoint, patience, error);
    if (status)
        pb_socket_close(socket);
    return status;
}

void pb_socket_close(void **socket)
{
    if (*socket) {
        zmq_socket_monitor(*socket, NULL, 0); /* no more events: nobody will read them */
        zmq_close(*socket);
    }
    *socket = NULL;
}

/* Receives one frame into `frames`; with `keep` false only takes it off the socket. */
static int receive_frame(void *socket, pb_frames *frames, bool *keep, pb_origin *origin)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    int size = zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT);
    if (size >= 0 && *keep) {
        *keep = frames->count < PB_MESSAGE_FRAMES && frames->bytes <= PB_MESSAGE_BYTES &&
                pb_frames_append(frames, zmq_msg_data(&frame), (size_t)size);
    }
    int more = size >= 0 ? zmq_msg_more(&frame) : -1;
    if (size >= 0) {
        origin->descriptor = zmq_msg_get(&frame, ZMQ_SRCFD);
        origin->bytes += (size_t)size + FRAMING_BYTES;
    }
    zmq_msg_close(&frame);
    return more;
}

pb_received pb_socket_receive_from(void *socket, pb_frames *frames, pb_origin *origin)
{
    bool keep = true;
    *origin = (pb_origin){.descriptor = -1, .bytes = 0};
    int more = receive_frame(socket, frames, &keep, origin);
    if (more < 0)
        return PB_RECEIVED_NONE;
    while (more > 0) /* the rest of a message is there as soon as its start is */
        more = receive_frame(socket, frames, &keep, origin);
    if (keep)
        return PB_RECEIVED;
    pb_frames_clear(frames);
    return PB_RECEIVED_BAD;
}

pb_received pb_socket_receive(void *socket, pb_frames *frames)
{
    pb_origin origin;
    return pb_socket_receive_from(socket, frames, &origin);
}

bool pb_socket_send(void *socket, const pb_frames *frames, int flags)
{
    for (size_t i = 0; i < frames->count; i++) {
        int more = i + 1 < frames->count ? ZMQ_SNDMORE : 0;
        const pb_frame *frame = &frames->items[i];
        while (zmq_send(socket, frame->data, frame->size, more | flags) < 0) {
            if (errno != EINTR)
                return false;
        }
    }
    return true;
}
