/* The stop flag as an error. */
#include "base/watch.h"

pb_status pb_watch_check(const pb_watch *watch, pb_error **error)
{
    if (!pb_watch_stopped(watch))
        return PB_OK;
    return pb_fail(error, PB_INTERRUPTED, "you stopped this before it was done");
}
