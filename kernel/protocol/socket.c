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

static void set_number(void *socket, int option, int value)
{
    zmq_setsockopt(socket, option, &value, sizeof value);
}

static void set_options(void *socket, int type, const pb_connection *connection, pb_channel channel)
{
    int64_t largest = (int64_t)PB_MESSAGE_BYTES;
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
    set_number(socket, ZMQ_LINGER, PB_LINGER_MS);
    set_number(socket, ZMQ_IPV6, strchr(connection->ip, ':') != NULL);
    if (type == ZMQ_ROUTER)
        set_number(socket, ZMQ_ROUTER_HANDOVER, 1);
    bool replies = type == ZMQ_ROUTER && channel != PB_CHANNEL_HEARTBEAT;
    if (replies) /* as many as were asked for, however late they are read */
        set_number(socket, ZMQ_SNDHWM, 0);
    if (channel == PB_CHANNEL_STDIN) /* a question to a client not connected yet is tried again */
        set_number(socket, ZMQ_ROUTER_MANDATORY, 1);
    if (type == ZMQ_XPUB) {
        set_number(socket, ZMQ_XPUB_MANUAL, 1);
        set_number(socket, ZMQ_XPUB_NODROP, 1);
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
                         pb_channel channel, int patience, void **socket, pb_error **error)
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
        status = bind_socket(*socket, endpoint, patience, error);
    if (status)
        pb_socket_close(socket);
    return status;
}

void pb_socket_close(void **socket)
{
    if (*socket)
        zmq_close(*socket);
    *socket = NULL;
}

/* Receives one frame into `frames`; with `keep` false only takes it off the socket. */
static int receive_frame(void *socket, pb_frames *frames, bool *keep)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    int size = zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT);
    if (size >= 0 && *keep) {
        *keep = frames->count < PB_MESSAGE_FRAMES && frames->bytes <= PB_MESSAGE_BYTES &&
                pb_frames_append(frames, zmq_msg_data(&frame), (size_t)size);
    }
    int more = size >= 0 ? zmq_msg_more(&frame) : -1;
    zmq_msg_close(&frame);
    return more;
}

pb_received pb_socket_receive(void *socket, pb_frames *frames)
{
    bool keep = true;
    int more = receive_frame(socket, frames, &keep);
    if (more < 0)
        return PB_RECEIVED_NONE;
    while (more > 0) /* the rest of a message is there as soon as its start is */
        more = receive_frame(socket, frames, &keep);
    if (keep)
        return PB_RECEIVED;
    pb_frames_clear(frames);
    return PB_RECEIVED_BAD;
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
