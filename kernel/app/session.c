/* The session a command works with. */
#include "session.h"

#include "locations.h"

#define DEFAULT_MODEL "reviews-4m"

pb_status pb_app_session(const pb_log *log, bool load_default, pb_session **session,
                         pb_error **error)
{
    pb_model_paths paths;
    pb_status status = pb_model_paths_find(&paths, error);
    if (status != PB_OK)
        return status;
    const pb_session_options options = {
        .model_paths = (const char *const *)paths.items,
        .n_model_paths = paths.count,
        .default_model = DEFAULT_MODEL,
        .load_default = load_default,
        .log = log,
    };
    status = pb_session_create(&options, session, error);
    pb_model_paths_free(&paths);
    return status;
}
