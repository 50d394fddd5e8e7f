/* The kernel's main thread: waits for signals, for the parent's death, and for the end. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

#define PARENT_CHECK_MS 500 /* where the system has no pidfd */

static void kernel_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
}

void pb_kernel_block_signals(void)
{
    sigset_t set;
    kernel_signals(&set);
    sigaddset(&set, SIGPIPE); /* a log nobody reads any more is no reason to die */
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* A descriptor that becomes readable when the process dies; -1 with errno if there is none. */
static int watch_process(long process)
{
    return (int)syscall(SYS_pidfd_open, (pid_t)process, 0U);
}

static bool is_alive(long process)
{
    return kill((pid_t)process, 0) == 0 || errno == EPERM;
}

static void read_signals(pb_kernel *kernel, int signals)
{
    struct signalfd_siginfo signal;
    while (read(signals, &signal, sizeof signal) == (ssize_t)sizeof signal) {
        if (signal.ssi_signo == SIGINT)
            pb_executors_interrupt(&kernel->executors, NULL);
        else
            pb_kernel_stop(kernel);
    }
}

static void note_orphaned(pb_kernel *kernel)
{
    pb_log_write(kernel->options->log, PB_LOG_INFO,
                 "the process that started the kernel has ended");
    pb_kernel_stop(kernel);
}

void pb_signals_wait(pb_kernel *kernel)
{
    long parent = kernel->options->parent;
    sigset_t set;
    kernel_signals(&set);
    int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    int life = parent > 0 ? watch_process(parent) : -1;
    bool look = parent > 0 && life < 0; /* no pidfd: look from time to time whether it lives */
    struct pollfd events[] = {
        {.fd = kernel->stop_event, .events = POLLIN},
        {.fd = signals, .events = POLLIN},
        {.fd = life, .events = POLLIN}, /* ignored where it is -1 */
    };
    while (!atomic_load(&kernel->stopping)) {
        if (look && !is_alive(parent))
            note_orphaned(kernel);
        else if (poll(events, 3, look ? PARENT_CHECK_MS : -1) > 0) {
            if (events[1].revents)
                read_signals(kernel, signals);
            if (events[2].revents)
                note_orphaned(kernel);
        }
    }
    if (signals >= 0)
        close(signals);
    if (life >= 0)
        close(life);
}
