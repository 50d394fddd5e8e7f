/* Threads with a name, a known stack, and no signals; clock, conditions and events. */
#include "thread.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

typedef struct {
    const char *name;
    void *(*run)(void *);
    void *user;
} start;

static void *enter(void *argument)
{
    start begun = *(start *)argument;
    free(argument);
    prctl(PR_SET_NAME, begun.name);
    return begun.run(begun.user);
}

pb_status pb_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *user,
                          pb_error **error)
{
    start *begin = pb_malloc(1, sizeof *begin);
    if (!begin)
        return pb_fail_memory(error);
    *begin = (start){name, run, user};
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, PB_STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(thread, &attributes, enter, begin);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (failure == 0)
        return PB_OK;
    free(begin);
    return pb_fail_errno(error, failure, "the kernel's thread '%s' cannot be started", name);
}

int64_t pb_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void pb_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

bool pb_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until)
{
    const struct timespec end = {(time_t)(until / 1000), (long)(until % 1000) * 1000000};
    return pthread_cond_timedwait(condition, lock, &end) == 0;
}

int pb_event_create(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void pb_event_raise(int event)
{
    const uint64_t one = 1;
    ssize_t written = write(event, &one, sizeof one);
    (void)written; /* it fails only where the counter is full: readable anyway */
}

void pb_event_clear(int event)
{
    uint64_t count;
    ssize_t got = read(event, &count, sizeof count);
    (void)got; /* nothing to read is fine: the event was not raised */
}
