/* Who may connect to an encrypted socket: ZeroMQ's authentication protocol, RFC 27. */
#include "heartbeat.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/memory.h"
#include "outbox.h"
#include "socket.h"
#include "thread.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"

/* The frames of a request. */
enum { VERSION, REQUEST_ID, DOMAIN, ADDRESS, IDENTITY, MECHANISM, CREDENTIAL, REQUEST_FRAMES };

struct pb_zap {
    void *socket;
    pb_outbox *outbox; /* only to wake the thread */
    unsigned char key[32];
    const pb_log *log;
    atomic_bool stopping;
    pthread_t thread;
};

static bool is_text(const pb_frame *frame, const char *text)
{
    return frame->size == strlen(text) && memcmp(frame->data, text, frame->size) == 0;
}

static bool is_allowed(const pb_zap *zap, const pb_frames *request)
{
    const pb_frame *items = request->items;
    if (request->count != REQUEST_FRAMES || !is_text(&items[VERSION], "1.0") ||
        !is_text(&items[MECHANISM], "CURVE") || items[CREDENTIAL].size != sizeof zap->key)
        return false;
    if (is_text(&items[DOMAIN], PB_DOMAIN_OPEN))
        return true;
    return is_text(&items[DOMAIN], PB_DOMAIN_PINNED) &&
           CRYPTO_memcmp(items[CREDENTIAL].data, zap->key, sizeof zap->key) == 0;
}

static void answer(pb_zap *zap, const pb_frames *request)
{
    bool allowed = is_allowed(zap, request);
    if (!allowed)
        pb_log_write(zap->log, PB_LOG_WARNING,
                     "a client with an unknown encryption key is refused");
    const pb_frame none = {(char[]){""}, 0};
    const pb_frame *id = request->count > REQUEST_ID ? &request->items[REQUEST_ID] : &none;
    const char *code = allowed ? "200" : "400", *text = allowed ? "OK" : "unknown key";
    pb_frames reply = PB_FRAMES_EMPTY;
    bool good = pb_frames_append(&reply, "1.0", 3) &&
                pb_frames_append(&reply, id->data, id->size) && pb_frames_append(&reply, code, 3) &&
                pb_frames_append(&reply, text, strlen(text)) && pb_frames_append(&reply, "", 0) &&
                pb_frames_append(&reply, "", 0);
    if (good)
        pb_socket_send(zap->socket, &reply, ZMQ_DONTWAIT);
    pb_frames_clear(&reply);
}

static void *run(void *user)
{
    pb_zap *zap = user;
    zmq_pollitem_t items[] = {
        {.socket = zap->socket, .events = ZMQ_POLLIN},
        {.fd = pb_outbox_descriptor(zap->outbox), .events = ZMQ_POLLIN},
    };
    while (!atomic_load(&zap->stopping)) {
        pb_frames request = PB_FRAMES_EMPTY;
        zmq_poll(items, 2, -1);
        if (pb_socket_receive(zap->socket, &request) == PB_RECEIVED)
            answer(zap, &request);
        pb_frames_clear(&request);
    }
    pb_socket_close(&zap->socket);
    return NULL;
}

static void destroy(pb_zap **zap)
{
    pb_socket_close(&(*zap)->socket);
    pb_outbox_destroy(&(*zap)->outbox);
    OPENSSL_cleanse((*zap)->key, sizeof(*zap)->key);
    free(*zap);
    *zap = NULL;
}

pb_status pb_zap_start(void *context, const pb_connection *connection, const pb_log *log,
                       pb_zap **zap, pb_error **error)
{
    *zap = NULL;
    if (!connection->encrypted)
        return PB_OK;
    if (!zmq_has("curve"))
        return pb_fail(
            error, PB_UNSUPPORTED,
            "the connection file asks for encryption, which this ZeroMQ was built without");
    pb_zap *new = pb_calloc(1, sizeof *new);
    if (!new)
        return pb_fail_memory(error);
    *zap = new;
    new->log = log;
    new->outbox = pb_outbox_create();
    new->socket = zmq_socket(context, ZMQ_REP);
    pb_status status = PB_OK;
    if (!new->outbox || !new->socket)
        status = pb_fail_memory(error);
    else if (!zmq_z85_decode(new->key, connection->curve_public))
        status = pb_fail(error, PB_FORMAT, "the connection file's public key is not Z85");
    else if (zmq_bind(new->socket, ZAP_ENDPOINT) != 0)
        status = pb_fail_errno(error, errno, "the check of encryption keys cannot start");
    if (!status)
        status = pb_thread_start(&new->thread, "pb-zap", run, new, error);
    if (status)
        destroy(zap);
    return status;
}

void pb_zap_stop(pb_zap **zap)
{
    if (!*zap)
        return;
    atomic_store(&(*zap)->stopping, true);
    pb_outbox_wake((*zap)->outbox);
    pthread_join((*zap)->thread, NULL);
    destroy(zap);
}
