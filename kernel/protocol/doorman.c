/* Ends connections that send without end. */
#include "doorman.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "base/memory.h"
#include "frames.h"
#include "socket.h"
#include "thread.h"

#define DESCRIPTORS 65536 /* connections with a larger descriptor are not watched */
#define PAUSE_MS    10    /* between two looks at the connections that have sent something */
#define AT_ONCE     64    /* connections looked at between two pauses, at most */

/* The connection that a descriptor belongs to. Descriptors are used again, so it is told by its
 * inode. */
typedef struct {
    ino_t socket; /* the inode, which no other open connection has; 0: no connection */
    pb_channel channel;
    uint64_t noted_before; /* what was noted as read of the descriptor's earlier connections */
    uint64_t forgiven;     /* bytes, PB_FORGIVEN_BYTES for each second so far */
    int64_t seen;          /* when `forgiven` was last added to */
} visitor;

typedef struct {
    void *socket; /* a ZeroMQ monitor: tells which connections one channel accepts */
    pb_channel channel;
} door;

struct pb_doorman {
    void *context;
    const pb_connection *connection;
    const pb_log *log;
    int senders; /* an epoll, readable when a connection has sent something */
    int end;     /* an event: the thread is to end */
    door doors[PB_CHANNELS];
    size_t n_doors;
    visitor *visitors;    /* by descriptor */
    atomic_ullong *noted; /* bytes that were read, by descriptor */
    pthread_t thread;
    bool running;
};

/* ---- the thread ---- */

static bool is_small(pb_channel channel)
{
    return channel == PB_CHANNEL_IOPUB || channel == PB_CHANNEL_HEARTBEAT;
}

/* The port a descriptor was accepted on; 0 if it is no connection any more. */
static int local_port(int descriptor)
{
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } name = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t size = sizeof name;
    if (getsockname(descriptor, &name.any, &size) != 0)
        return 0;
    if (name.any.sa_family == AF_INET6)
        return ntohs(name.six.sin6_port);
    return name.any.sa_family == AF_INET ? ntohs(name.four.sin_port) : 0;
}

/* Begins to watch a connection that was accepted a moment ago. Its descriptor may already be closed
 * or be something else's, which is then left alone. */
static void let_in(pb_doorman *doorman, int descriptor, pb_channel channel)
{
    struct stat facts;
    if (descriptor < 0 || descriptor >= DESCRIPTORS || fstat(descriptor, &facts) != 0 ||
        local_port(descriptor) != doorman->connection->ports[channel])
        return;
    doorman->visitors[descriptor] =
        (visitor){.socket = facts.st_ino,
                  .channel = channel,
                  .noted_before = atomic_load(&doorman->noted[descriptor]),
                  .seen = pb_clock_ms()};
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = descriptor};
    if (epoll_ctl(doorman->senders, EPOLL_CTL_ADD, descriptor, &event) != 0 && errno == EEXIST)
        epoll_ctl(doorman->senders, EPOLL_CTL_MOD, descriptor, &event);
}

/* Reads the monitor's events. Each is a frame with the event's number, in two bytes, and its value,
 * in four, here the descriptor; a second frame has the address. */
static void read_door(pb_doorman *doorman, const door *from)
{
    pb_frames news = PB_FRAMES_EMPTY;
    while (pb_socket_receive(from->socket, &news) == PB_RECEIVED) {
        uint32_t descriptor;
        if (news.items[0].size == sizeof(uint16_t) + sizeof descriptor) {
            memcpy(&descriptor, news.items[0].data + sizeof(uint16_t), sizeof descriptor);
            let_in(doorman, (int)descriptor, from->channel);
        }
        pb_frames_clear(&news);
    }
}

/* How many bytes a connection has sent that were neither read from it nor forgiven. */
static uint64_t ahead(pb_doorman *doorman, int descriptor, visitor *sender)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return 0;
    int64_t now = pb_clock_ms();
    sender->forgiven += (uint64_t)(now - sender->seen) * PB_FORGIVEN_BYTES / 1000;
    sender->seen = now;
    uint64_t known = sender->forgiven;
    if (!is_small(sender->channel))
        known += atomic_load(&doorman->noted[descriptor]) - sender->noted_before;
    if (info.tcpi_bytes_received > known)
        return info.tcpi_bytes_received - known;
    sender->noted_before += known - info.tcpi_bytes_received; /* silence earns no credit */
    return 0;
}

static void look_at(pb_doorman *doorman, int descriptor)
{
    struct stat facts;
    visitor *sender = &doorman->visitors[descriptor];
    if (fstat(descriptor, &facts) != 0 || facts.st_ino != sender->socket)
        return;
    size_t limit = is_small(sender->channel) ? PB_AHEAD_REQUESTS_BYTES : PB_AHEAD_BYTES;
    if (ahead(doorman, descriptor, sender) <= limit)
        return;
    shutdown(descriptor, SHUT_RDWR);
    pb_log_write(doorman->log, PB_LOG_WARNING,
                 "a connection to the %s sent more than was asked of it, and is cut off",
                 pb_connection_port_name(sender->channel));
}

static void look_at_senders(pb_doorman *doorman)
{
    struct epoll_event events[AT_ONCE];
    int count = epoll_wait(doorman->senders, events, AT_ONCE, 0);
    for (int i = 0; i < count; i++)
        look_at(doorman, events[i].data.fd);
}

static void *run(void *user)
{
    pb_doorman *doorman = user;
    zmq_pollitem_t items[PB_CHANNELS + 2];
    size_t n = doorman->n_doors;
    for (size_t i = 0; i < n; i++)
        items[i] = (zmq_pollitem_t){.socket = doorman->doors[i].socket, .events = ZMQ_POLLIN};
    items[n] = (zmq_pollitem_t){.fd = doorman->senders, .events = ZMQ_POLLIN};
    items[n + 1] = (zmq_pollitem_t){.fd = doorman->end, .events = ZMQ_POLLIN};
    do {
        zmq_poll(items, (int)n + 2, -1);
        for (size_t i = 0; i < n; i++)
            read_door(doorman, &doorman->doors[i]);
        look_at_senders(doorman);
    } while (zmq_poll(&items[n + 1], 1, PAUSE_MS) == 0);
    return NULL;
}

/* ---- from the thread that opens the sockets ---- */

static void destroy(pb_doorman **doorman)
{
    for (size_t i = 0; i < (*doorman)->n_doors; i++)
        zmq_close((*doorman)->doors[i].socket);
    if ((*doorman)->senders >= 0)
        close((*doorman)->senders);
    if ((*doorman)->end >= 0)
        close((*doorman)->end);
    free((*doorman)->visitors);
    free((*doorman)->noted);
    free(*doorman);
    *doorman = NULL;
}

pb_status pb_doorman_create(void *context, const pb_connection *connection, const pb_log *log,
                            pb_doorman **doorman, pb_error **error)
{
    *doorman = NULL;
    if (strcmp(connection->transport, "tcp") != 0)
        return PB_OK;
    pb_doorman *new = pb_calloc(1, sizeof *new);
    if (!new)
        return pb_fail_memory(error);
    *new = (pb_doorman){.context = context, .connection = connection, .log = log};
    new->senders = epoll_create1(EPOLL_CLOEXEC);
    new->end = pb_event_create();
    int failure = errno;
    new->visitors = pb_calloc(DESCRIPTORS, sizeof *new->visitors);
    new->noted = pb_calloc(DESCRIPTORS, sizeof *new->noted);
    *doorman = new;
    pb_status status = PB_OK;
    if (new->senders < 0 || new->end < 0)
        status = pb_fail_errno(error, failure, "the kernel cannot watch its connections");
    else if (!new->visitors || !new->noted)
        status = pb_fail_memory(error);
    if (status)
        destroy(doorman);
    return status;
}

pb_status pb_doorman_watch(pb_doorman *doorman, void *socket, pb_channel channel, pb_error **error)
{
    if (!doorman)
        return PB_OK;
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "inproc://doorman-%d", (int)channel);
    door *new = &doorman->doors[doorman->n_doors];
    *new = (door){.socket = zmq_socket(doorman->context, ZMQ_PAIR), .channel = channel};
    if (!new->socket)
        return pb_fail_errno(error, errno, "the kernel cannot watch its connections");
    doorman->n_doors++;
    const int all = 0; /* ZeroMQ's thread must never wait for us */
    zmq_setsockopt(new->socket, ZMQ_RCVHWM, &all, sizeof all);
    if (zmq_socket_monitor(socket, endpoint, ZMQ_EVENT_ACCEPTED) == 0 &&
        zmq_connect(new->socket, endpoint) == 0)
        return PB_OK;
    return pb_fail_errno(error, errno, "the kernel cannot watch its connections");
}

pb_status pb_doorman_start(pb_doorman *doorman, pb_error **error)
{
    if (!doorman)
        return PB_OK;
    pb_status status = pb_thread_start(&doorman->thread, "pb-doorman", run, doorman, error);
    doorman->running = !status;
    return status;
}

void pb_doorman_note(pb_doorman *doorman, int source, size_t bytes)
{
    if (doorman && source >= 0 && source < DESCRIPTORS)
        atomic_fetch_add(&doorman->noted[source], bytes);
}

void pb_doorman_stop(pb_doorman **doorman)
{
    if (!*doorman)
        return;
    pb_event_raise((*doorman)->end);
    if ((*doorman)->running)
        pthread_join((*doorman)->thread, NULL);
    destroy(doorman);
}
