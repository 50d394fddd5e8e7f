/* What the parts of the kernel share: the kernel itself, a request, and how one is answered. */
#ifndef PB_PROTOCOL_INTERNAL_H
#define PB_PROTOCOL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "connection.h"
#include "doorman.h"
#include "executor.h"
#include "heartbeat.h"
#include "iopub.h"
#include "message.h"
#include "protocol/kernel.h"
#include "publisher.h"
#include "router.h"
#include "writer.h"

/* The sockets of the shell's router. */
enum { PB_SOCKET_SHELL, PB_SOCKET_STDIN };

typedef struct pb_kernel {
    const pb_kernel_options *options;
    pb_connection connection;
    pb_signer *signer;
    pb_sender sender;
    void *context; /* ZeroMQ's */
    pb_publisher *publisher;
    pb_iopub *iopub;
    pb_zap *zap;
    pb_doorman *doorman;
    pb_heartbeat *heartbeat;
    pb_router *shell, *control;
    pb_executors executors;
    pthread_mutex_t status_lock;
    pb_request *busy;   /* cells published as busy and not yet as idle; under status_lock */
    atomic_llong count; /* cells run so far, but for those that ask for no history */
    int stop_event;     /* readable once the kernel is to stop; never read */
    atomic_bool stopping;
} pb_kernel;

/* A message to be answered. */
struct pb_request {
    struct pb_request *next; /* in an executor's queue, and later in the kernel's list `busy` */
    pb_kernel *kernel;
    pb_executor *executor; /* that answers it; NULL where the router's own thread does */
    pb_router *router;     /* through which the reply goes */
    pb_channel channel;
    pb_message *message;
    bool stops_kernel; /* the kernel is to stop once this was answered and idle was published */
};

/* Takes the message. NULL when memory is out; the message is gone then, too. */
pb_request *pb_request_create(pb_kernel *kernel, pb_router *router, pb_channel channel,
                              pb_message *message);
void pb_request_destroy(pb_request **request);

/* ---- dispatch.c ---- */

/* True for types that the router's own thread answers at once, whatever the executors are doing. */
bool pb_request_is_urgent(const pb_request *request);

/* True for requests to run a cell, which wait their turn; others are answered while a cell runs. */
bool pb_request_is_cell(const pb_request *request);

/* Says busy, answers, says idle; then stops the kernel if that was asked for. */
void pb_request_handle(pb_request *request);

/* Answers an execute request, without running it, that a cell before it failed. */
void pb_request_abort(pb_request *request);

/* Answers a request with an error. */
void pb_request_refuse(pb_request *request, const pb_error *fault);

/* Replies, "x_request" with "x_reply". Takes the content's text. `metadata` may be NULL. */
void pb_request_reply(pb_request *request, const char *metadata, pb_writer *content);

/* Publishes on iopub with the request as parent. Takes the content's text. */
void pb_request_publish(pb_request *request, const char *type, pb_writer *content);

/* Writes what there is to say of an error: status (unless NULL), ename, evalue, traceback. */
void pb_write_failure(pb_writer *writer, const char *status, const pb_error *fault);

/* Writes {"status": "ok", ready for more fields. */
void pb_write_ok(pb_writer *writer);

/* Writes "data": {...}, "metadata": {...}. */
void pb_write_bundle(pb_writer *writer, const pb_bundle *bundle);

/* ---- the handlers, one a message type; an error that is returned becomes the reply ---- */

typedef pb_status pb_handle(pb_request *request, pb_error **error);

pb_handle pb_handle_kernel_info, pb_handle_connect, pb_handle_comm_info, pb_handle_comm_open,
    pb_handle_comm_ignored; /* info.c */
pb_handle pb_handle_complete, pb_handle_inspect, pb_handle_is_complete, pb_handle_history;
pb_handle pb_handle_execute; /* execute.c */
pb_handle pb_handle_interrupt, pb_handle_shutdown, pb_handle_create_subshell,
    pb_handle_delete_subshell, pb_handle_list_subshell; /* control.c */

/* ---- the threads ---- */

/* What the routers' threads do with a message. `user` is the kernel. */
void pb_shell_received(void *user, size_t socket, pb_frames *frames);
void pb_control_received(void *user, size_t socket, pb_frames *frames);

/* Makes the kernel stop, from any thread. */
void pb_kernel_stop(pb_kernel *kernel);

/* Reads signals and watches the parent until the kernel is to stop. */
void pb_signals_wait(pb_kernel *kernel);

#endif
