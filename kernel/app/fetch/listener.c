/* Telling the listener, and hearing from it that the work should stop. */
#include "listener.h"

#include <time.h>

enum { STEP_MS = 50 };

void fetch_tell(const pb_fetch_listener *listener, pb_fetch_event event, const char *file,
                uint64_t done, uint64_t total)
{
    const pb_fetch_news news = {.event = event, .file = file, .done = done, .total = total};
    if (listener && listener->tell)
        listener->tell(listener->user, &news);
}

bool fetch_stopped(const pb_fetch_listener *listener)
{
    return listener && listener->stop && atomic_load_explicit(listener->stop, memory_order_relaxed);
}

pb_status fetch_fail_stopped(pb_error **error)
{
    pb_status status = pb_fail(error, PB_INTERRUPTED, "the download was stopped");
    if (error)
        pb_error_hint(*error, "what has come so far is kept: the same command goes on from there");
    return status;
}

pb_status fetch_pause(const pb_fetch_listener *listener, long milliseconds, pb_error **error)
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
    for (long slept = 0; slept < milliseconds; slept += STEP_MS) {
        if (fetch_stopped(listener))
            return fetch_fail_stopped(error);
        nanosleep(&step, NULL);
    }
    return fetch_stopped(listener) ? fetch_fail_stopped(error) : PB_OK;
}
