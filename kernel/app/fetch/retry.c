/* Trying again, with pauses. */
#include "retry.h"

#include "listener.h"

enum { LONGEST_PAUSE_MS = 30000, LONGEST_ASKED_MS = 310000, MOST_DOUBLINGS = 4 };

static long pause_before(const pb_fetch_options *options, unsigned failures, long asked_ms)
{
    unsigned doublings = failures - 1 < MOST_DOUBLINGS ? failures - 1 : MOST_DOUBLINGS;
    long pause = options->pause_ms << doublings;
    if (pause > LONGEST_PAUSE_MS)
        pause = LONGEST_PAUSE_MS;
    if (asked_ms > LONGEST_ASKED_MS) /* the hub counts requests over five minutes */
        asked_ms = LONGEST_ASKED_MS;
    return asked_ms > pause ? asked_ms : pause;
}

static void tell_retry(const fetch_http *http, const char *file, long pause, const pb_error *error)
{
    const pb_fetch_listener *listener = fetch_http_listener(http);
    const pb_fetch_news news = {
        .event = PB_FETCH_RETRY,
        .file = file,
        .done = (uint64_t)pause,
        .reason = pb_error_text(error),
    };
    if (listener && listener->tell)
        listener->tell(listener->user, &news);
}

pb_status fetch_retry(const fetch_http *http, const char *file, fetch_attempt *attempt, void *user,
                      pb_error **error)
{
    const pb_fetch_options *options = fetch_http_options(http);
    for (unsigned failures = 0;;) {
        fetch_outcome outcome = {.transient = false};
        pb_error *failure = NULL;
        pb_status status = attempt(user, &outcome, &failure);
        if (!status)
            return PB_OK;
        failures = outcome.gained ? 1 : failures + 1;
        if (!outcome.transient || failures >= options->tries) {
            if (error && !*error)
                *error = failure;
            else
                pb_error_destroy(&failure);
            return status;
        }
        long pause = pause_before(options, failures, outcome.wait_ms);
        tell_retry(http, file, pause, failure);
        pb_error_destroy(&failure);
        status = fetch_pause(fetch_http_listener(http), pause, error);
        if (status)
            return status;
    }
}
