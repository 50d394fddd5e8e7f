/* Whether a kernel starts: as Jupyter would start it, up to the first beat of its heart. */
#include "trial.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "files.h"
#include "locations.h"

enum { PATIENCE_MS = 10000, MOMENT_MS = 100 };

extern char **environ;

static const char connection[] = "{\"transport\": \"ipc\", \"ip\": \"%s/k\", \"shell_port\": 1, "
                                 "\"iopub_port\": 2, \"stdin_port\": 3, \"control_port\": 4, "
                                 "\"hb_port\": 5, \"key\": \"a trial\", "
                                 "\"signature_scheme\": \"hmac-sha256\"}";

/* A socket to a kernel's heart that is tried for a moment at a time. */
static void *open_heart(void *context, const char *folder)
{
    void *heart = context ? zmq_socket(context, ZMQ_REQ) : NULL;
    char address[256];
    int wait = MOMENT_MS, linger = 0;
    snprintf(address, sizeof address, "ipc://%s/k-5", folder);
    if (heart && (zmq_setsockopt(heart, ZMQ_RCVTIMEO, &wait, sizeof wait) != 0 ||
                  zmq_setsockopt(heart, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
                  zmq_connect(heart, address) != 0)) {
        zmq_close(heart);
        return NULL;
    }
    return heart;
}

/* Sends one beat, and waits for it to come back or for the process to end, which is waited for
 * then. */
static bool beats(const char *folder, pid_t process, bool *ended)
{
    void *context = zmq_ctx_new(), *heart = open_heart(context, folder);
    char back[8];
    bool beat = false;
    *ended = false;
    if (heart && zmq_send(heart, "beat", 4, 0) == 4)
        for (int waited = 0; !beat && !*ended && waited < PATIENCE_MS; waited += MOMENT_MS) {
            beat = zmq_recv(heart, back, sizeof back, 0) == 4;
            *ended = !beat && waitpid(process, NULL, WNOHANG) == process;
        }
    if (heart)
        zmq_close(heart);
    if (context)
        zmq_ctx_term(context);
    return beat;
}

static pb_status spawn(const char *program, const char *file, pid_t *process, pb_error **error)
{
    char kernel[] = "kernel", flag[] = "-f";
    char *const arguments[] = {(char *)program, kernel, flag, (char *)file, NULL};
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return pb_fail_memory(error);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    int failure = posix_spawnp(process, program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return failure == 0 ? PB_OK : pb_fail_errno(error, failure, "cannot start '%s'", program);
}

static void end(pid_t process)
{
    kill(process, SIGTERM);
    for (int tries = 0; tries < 30; tries++) {
        if (waitpid(process, NULL, WNOHANG) != 0)
            return;
        usleep(100000);
    }
    kill(process, SIGKILL);
    waitpid(process, NULL, 0);
}

static pb_status try_in(const char *folder, const char *program, pb_error **error)
{
    pid_t process;
    char *file = pb_path("%s/kernel.json", folder), *text = pb_path(connection, folder);
    pb_status status = file && text ? pb_app_file_write(file, text, strlen(text), 0600, error)
                                    : pb_fail_memory(error);
    if (!status)
        status = spawn(program, file, &process, error);
    if (!status) {
        bool ended;
        if (!beats(folder, process, &ended))
            status = ended ? pb_fail(error, PB_IO, "'%s' ended at once", program)
                           : pb_fail(error, PB_IO, "'%s' did not answer within %d s", program,
                                     PATIENCE_MS / 1000);
        if (!ended)
            end(process);
    }
    free(file);
    free(text);
    return status;
}

pb_status pb_trial_start(const char *program, pb_error **error)
{
    char folder[] = "/tmp/patchbay-XXXXXX";
    if (!mkdtemp(folder))
        return pb_fail_errno(error, errno, "cannot make a folder to try the kernel in");
    pb_status status = try_in(folder, program, error);
    pb_file_remove(folder, NULL);
    return status;
}
