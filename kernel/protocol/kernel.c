/* The kernel: puts its parts together, and takes them apart in an order that loses nothing. */
#include "protocol/kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

#include "base/memory.h"
#include "internal.h"
#include "socket.h"
#include "thread.h"

#define BIND_PATIENCE_MS 3000 /* a predecessor may still hold the ports after a restart */
#define STOP_PATIENCE_MS 400  /* what a running cell may take to stop */

void pb_kernel_stop(pb_kernel *kernel)
{
    atomic_store(&kernel->stopping, true);
    pb_event_raise(kernel->stop_event);
}

/* ---- starting ---- */

static pb_status open_socket(pb_kernel *kernel, int type, pb_channel channel, void **socket,
                             pb_error **error)
{
    return pb_socket_open(kernel->context, type, &kernel->connection, channel, kernel->doorman,
                          BIND_PATIENCE_MS, socket, error);
}

static pb_status start_iopub(pb_kernel *kernel, pb_error **error)
{
    void *socket = NULL;
    kernel->publisher = pb_publisher_create(&kernel->sender, PB_QUEUE_BYTES);
    if (!kernel->publisher)
        return pb_fail_memory(error);
    pb_status status = open_socket(kernel, ZMQ_XPUB, PB_CHANNEL_IOPUB, &socket, error);
    if (!status)
        status = pb_iopub_start(socket, kernel->publisher, &kernel->sender, kernel->options->log,
                                &kernel->iopub, error);
    return status;
}

static pb_status start_heartbeat(pb_kernel *kernel, pb_error **error)
{
    void *socket = NULL;
    pb_status status = open_socket(kernel, ZMQ_ROUTER, PB_CHANNEL_HEARTBEAT, &socket, error);
    return status ? status : pb_heartbeat_start(socket, &kernel->heartbeat, error);
}

static pb_status start_shell(pb_kernel *kernel, pb_error **error)
{
    void *sockets[2] = {NULL, NULL};
    pb_executor *started = NULL;
    pb_status status = pb_executor_start(kernel, PB_EXECUTOR_MAIN, &started, error);
    if (!status)
        status = pb_executor_start(kernel, PB_EXECUTOR_BESIDE, &started, error);
    if (!status)
        status =
            open_socket(kernel, ZMQ_ROUTER, PB_CHANNEL_SHELL, &sockets[PB_SOCKET_SHELL], error);
    if (!status)
        status =
            open_socket(kernel, ZMQ_ROUTER, PB_CHANNEL_STDIN, &sockets[PB_SOCKET_STDIN], error);
    if (status) {
        pb_socket_close(&sockets[PB_SOCKET_SHELL]);
        return status;
    }
    return pb_router_start("pb-shell", sockets, 2, pb_shell_received, kernel, kernel->doorman,
                           kernel->options->log, &kernel->shell, error);
}

static pb_status start_control(pb_kernel *kernel, pb_error **error)
{
    void *socket = NULL;
    pb_status status = open_socket(kernel, ZMQ_ROUTER, PB_CHANNEL_CONTROL, &socket, error);
    if (status)
        return status;
    return pb_router_start("pb-control", &socket, 1, pb_control_received, kernel, kernel->doorman,
                           kernel->options->log, &kernel->control, error);
}

/* Publishes the status "starting": once in the kernel's life, with no request as its parent. */
static pb_status say_starting(pb_kernel *kernel, pb_error **error)
{
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_open(&content, '{');
    pb_write_pair(&content, "execution_state", "starting");
    pb_write_close(&content, '}');
    pb_frames frames = PB_FRAMES_EMPTY;
    pb_status status =
        pb_message_build_published(&kernel->sender, NULL, "status", NULL, &content, &frames, error);
    if (!status && !pb_publisher_send(kernel->publisher, &frames))
        status = pb_fail_memory(error);
    return status;
}

static pb_status start(pb_kernel *kernel, pb_error **error)
{
    const pb_kernel_options *options = kernel->options;
    pb_connection *connection = &kernel->connection;
    pb_status status =
        pb_connection_load(options->connection_file, options->log, connection, error);
    if (!status)
        status = pb_signer_create(connection->key, connection->key_length, &kernel->signer, error);
    if (!status)
        status = pb_sender_init(&kernel->sender, kernel->signer, error);
    if (!status)
        status = pb_zap_start(kernel->context, connection, options->log, &kernel->zap, error);
    if (!status)
        status =
            pb_doorman_create(kernel->context, connection, options->log, &kernel->doorman, error);
    if (!status)
        status = start_heartbeat(kernel, error);
    if (!status)
        status = start_iopub(kernel, error);
    if (!status)
        status = say_starting(kernel, error);
    if (!status)
        status = start_control(kernel, error);
    if (!status)
        status = start_shell(kernel, error);
    if (!status)
        status = pb_doorman_start(kernel->doorman, error);
    return status;
}

/* ---- ending ---- */

/* Ends the threads: first those that make messages, then those that send them. False if a cell
 * would not stop. */
static bool stop(pb_kernel *kernel)
{
    bool stopped = pb_executors_stop(&kernel->executors, STOP_PATIENCE_MS);
    if (kernel->shell)
        pb_router_stop(kernel->shell);
    if (kernel->control)
        pb_router_stop(kernel->control);
    pb_iopub_stop(&kernel->iopub);
    pb_heartbeat_stop(&kernel->heartbeat);
    pb_doorman_stop(&kernel->doorman);
    pb_zap_stop(&kernel->zap);
    while (zmq_ctx_term(kernel->context) != 0 && errno == EINTR)
        continue;
    pb_connection_clear(&kernel->connection);
    return stopped;
}

static void destroy(pb_kernel *kernel)
{
    pb_executors_destroy(&kernel->executors);
    pthread_mutex_destroy(&kernel->status_lock);
    pb_router_destroy(&kernel->shell);
    pb_router_destroy(&kernel->control);
    pb_publisher_destroy(&kernel->publisher);
    pb_signer_destroy(&kernel->signer);
    close(kernel->stop_event);
    free(kernel);
}

static pb_kernel *create(const pb_kernel_options *options, pb_error **error)
{
    pb_kernel *kernel = pb_calloc(1, sizeof *kernel);
    if (!kernel) {
        pb_fail_memory(error);
        return NULL;
    }
    kernel->options = options;
    pb_executors_init(&kernel->executors);
    pthread_mutex_init(&kernel->status_lock, NULL);
    kernel->stop_event = pb_event_create();
    kernel->context = kernel->stop_event >= 0 ? zmq_ctx_new() : NULL;
    if (!kernel->context) {
        pb_fail_errno(error, errno, "the kernel cannot start");
        free(kernel);
        return NULL;
    }
    return kernel;
}

pb_status pb_kernel_run(const pb_kernel_options *options, bool *abandoned, pb_error **error)
{
    *abandoned = false;
    pb_kernel *kernel = create(options, error);
    if (!kernel)
        return PB_INTERNAL;
    pb_status status = start(kernel, error);
    if (!status)
        pb_signals_wait(kernel);
    *abandoned = !stop(kernel);
    if (!*abandoned) /* else its threads still use it, until the process ends */
        destroy(kernel);
    return status;
}
