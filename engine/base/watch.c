/* The stop flag as an error. */
#include "base/watch.h"

pb_status pb_watch_fail(pb_error **error)
{
    return pb_fail(error, PB_INTERRUPTED, "you stopped this before it was done");
}

pb_status pb_watch_check(const pb_watch *watch, pb_error **error)
{
    return pb_watch_stopped(watch) ? pb_watch_fail(error) : PB_OK;
}
