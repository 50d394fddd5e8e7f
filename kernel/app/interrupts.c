/* Ctrl-C as a flag: a thread waits for the signal. */
#include "interrupts.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/memory.h"

struct pb_interrupts {
    atomic_bool raised;
    int signals; /* a signalfd */
    int news;    /* readable while the flag is raised */
    int end;     /* readable when the thread is to end */
    pthread_t thread;
};

static void signal_event(int event)
{
    const uint64_t one = 1;
    ssize_t written = write(event, &one, sizeof one);
    (void)written; /* a full counter is readable too */
}

/* The way out of code that does not poll its flag. */
static void give_up(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(SIGINT);
}

static void *run(void *user)
{
    pb_interrupts *interrupts = user;
    struct pollfd events[] = {
        {.fd = interrupts->signals, .events = POLLIN},
        {.fd = interrupts->end, .events = POLLIN},
    };
    while (poll(events, 2, -1) < 0 || !events[1].revents) {
        struct signalfd_siginfo signal;
        if (read(interrupts->signals, &signal, sizeof signal) != (ssize_t)sizeof signal)
            continue;
        if (atomic_exchange(&interrupts->raised, true))
            give_up();
        signal_event(interrupts->news);
    }
    return NULL;
}

static void destroy(pb_interrupts **interrupts)
{
    const int open[] = {(*interrupts)->signals, (*interrupts)->news, (*interrupts)->end};
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        if (open[i] >= 0)
            close(open[i]);
    free(*interrupts);
    *interrupts = NULL;
}

pb_status pb_interrupts_start(pb_interrupts **interrupts, pb_error **error)
{
    pb_interrupts *new = pb_calloc(1, sizeof *new);
    *interrupts = new;
    if (!new)
        return pb_fail_memory(error);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    atomic_init(&new->raised, false);
    new->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    new->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    new->end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int failure = errno;
    if (new->signals >= 0 && new->news >= 0 && new->end >= 0) {
        failure = pthread_create(&new->thread, NULL, run, new);
        if (failure == 0)
            return PB_OK;
    }
    destroy(interrupts);
    return pb_fail_errno(error, failure, "the program cannot listen for Ctrl-C");
}

const atomic_bool *pb_interrupts_flag(const pb_interrupts *interrupts)
{
    return &interrupts->raised;
}

int pb_interrupts_descriptor(const pb_interrupts *interrupts)
{
    return interrupts->news;
}

void pb_interrupts_reset(pb_interrupts *interrupts)
{
    uint64_t count;
    ssize_t got = read(interrupts->news, &count, sizeof count);
    (void)got; /* nothing to read: it was not raised */
    atomic_store(&interrupts->raised, false);
}

void pb_interrupts_stop(pb_interrupts **interrupts)
{
    if (!*interrupts)
        return;
    signal_event((*interrupts)->end);
    pthread_join((*interrupts)->thread, NULL);
    destroy(interrupts);
}
