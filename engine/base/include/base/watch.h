/* How long work hears that it should stop, and says how far it is. */
#ifndef PB_BASE_WATCH_H
#define PB_BASE_WATCH_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/error.h"

typedef struct pb_watch {
    const atomic_bool *stop;                                 /* may be NULL: never stopped */
    void (*progress)(void *user, size_t done, size_t total); /* may be NULL; called on the worker */
    void *user;
} pb_watch;

static inline bool pb_watch_stopped(const pb_watch *watch)
{
    return watch && watch->stop && atomic_load_explicit(watch->stop, memory_order_relaxed);
}

/* PB_INTERRUPTED, for what has seen the flag raised. */
pb_status pb_watch_fail(pb_error **error);
/* PB_OK, or PB_INTERRUPTED with an error that says so. Call it at least every 50 ms of work. */
pb_status pb_watch_check(const pb_watch *watch, pb_error **error);

static inline void pb_watch_progress(const pb_watch *watch, size_t done, size_t total)
{
    if (watch && watch->progress)
        watch->progress(watch->user, done, total);
}

#endif
