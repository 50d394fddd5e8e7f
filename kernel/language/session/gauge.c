/* How much memory the machine has left. */
#include "gauge.h"

#include "base/room.h"

pb_status pb_gauge_check(pb_error **error)
{
    double available = pb_room_left();
    if (available < 0 || available >= PB_ROOM_RESERVE)
        return PB_OK;
    pb_status status = pb_fail(error, PB_MEMORY, "memory is running out: %.0f MB are left",
                               available / 1024 / 1024);
    if (error && *error)
        pb_error_hint(*error, "work on fewer prompts at a time, or give large names another value: "
                              "x = None");
    return status;
}
