/* Trying again what failed in a way that may pass: a bounded number of times, at growing intervals.
 */
#ifndef PB_FETCH_RETRY_H
#define PB_FETCH_RETRY_H

#include "request.h"

/* What an attempt that failed says about another one. */
typedef struct fetch_outcome {
    bool transient; /* another attempt may do better */
    bool gained;    /* it brought enough that its failure does not count */
    long wait_ms;   /* the server asked for so long a pause; 0: it did not */
} fetch_outcome;

typedef pb_status fetch_attempt(void *user, fetch_outcome *outcome, pb_error **error);

/* Makes attempts until one succeeds or there is no point; the last one's error is passed up. `file`
 * is what the listener is told. */
pb_status fetch_retry(const fetch_http *http, const char *file, fetch_attempt *attempt, void *user,
                      pb_error **error);

#endif
