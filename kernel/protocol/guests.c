/* Counts the requests of each connection, and ends a connection that makes too many. */
#include "guests.h"

#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <zmq.h>

#include "base/memory.h"
#include "connection.h"

#define MOST_DESCRIPTORS ((size_t)1 << 20)

/* The connection that a descriptor belongs to. */
typedef struct {
    ino_t socket; /* the inode, which no other open connection has; 0: none was seen */
    uint64_t asked;
} guest;

struct pb_guests {
    char endpoint[PB_ENDPOINT_SIZE]; /* where the socket listens */
    size_t limit;
    guest *items; /* by descriptor */
    size_t count;
};

pb_guests *pb_guests_create(void *socket, size_t limit)
{
    pb_guests *guests = pb_calloc(1, sizeof *guests);
    if (!guests)
        return NULL;
    size_t size = sizeof guests->endpoint;
    zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, guests->endpoint, &size);
    guests->limit = limit;
    return guests;
}

void pb_guests_destroy(pb_guests **guests)
{
    if (!*guests)
        return;
    free((*guests)->items);
    free(*guests);
    *guests = NULL;
}

/* Whether a descriptor is a connection to the socket, not to another one of the process. */
static bool is_to_us(const pb_guests *guests, int source)
{
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
        struct sockaddr_un local;
    } name;
    socklen_t size = sizeof name;
    memset(&name, 0, sizeof name);
    if (getsockname(source, &name.any, &size) != 0)
        return false;
    if (name.any.sa_family == AF_UNIX)
        return strcmp(guests->endpoint + strlen("ipc://"), name.local.sun_path) == 0;
    in_port_t port = name.any.sa_family == AF_INET6 ? name.six.sin6_port : name.four.sin_port;
    const char *ours = strrchr(guests->endpoint, ':');
    return ours && atoi(ours + 1) == ntohs(port);
}

/* The place of a descriptor; NULL if there is none. */
static guest *find(pb_guests *guests, int source)
{
    size_t place = (size_t)source;
    if (source < 0 || place >= MOST_DESCRIPTORS)
        return NULL;
    if (place >= guests->count) {
        guest *grown = pb_realloc(guests->items, 2 * place + 16, sizeof *grown);
        if (!grown)
            return NULL;
        memset(grown + guests->count, 0, (2 * place + 16 - guests->count) * sizeof *grown);
        guests->items = grown;
        guests->count = 2 * place + 16;
    }
    return &guests->items[place];
}

pb_guest pb_guests_count(pb_guests *guests, int source)
{
    struct stat facts;
    guest *asking = find(guests, source);
    if (!asking || fstat(source, &facts) != 0 || !S_ISSOCK(facts.st_mode))
        return PB_GUEST_GONE;
    if (asking->socket != facts.st_ino) {
        if (!is_to_us(guests, source))
            return PB_GUEST_GONE;
        *asking = (guest){.socket = facts.st_ino, .asked = 0};
    }
    asking->asked++;
    if (asking->asked <= guests->limit)
        return PB_GUEST_WELCOME;
    if (asking->asked > guests->limit + 1)
        return PB_GUEST_GONE;
    shutdown(source, SHUT_RDWR);
    return PB_GUEST_CUT_OFF;
}
