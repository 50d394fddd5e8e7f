/* Telling the listener, and hearing from it that the work should stop. */
#ifndef PB_FETCH_LISTENER_H
#define PB_FETCH_LISTENER_H

#include <stdbool.h>

#include "fetch/fetch.h"

void fetch_tell(const pb_fetch_listener *listener, pb_fetch_event event, const char *file,
                uint64_t done, uint64_t total);
bool fetch_stopped(const pb_fetch_listener *listener);
pb_status fetch_fail_stopped(pb_error **error);

/* Sleeps; PB_INTERRUPTED as soon as the listener says stop. */
pb_status fetch_pause(const pb_fetch_listener *listener, long milliseconds, pb_error **error);

#endif
