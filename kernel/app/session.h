/* The session a command works with. */
#ifndef PB_APP_SESSION_H
#define PB_APP_SESSION_H

#include <stdbool.h>

#include "base/log.h"
#include "session/session.h"

/* Makes a session that finds the models of this installation. With load_default, words that need a
 * model load the default one where none is loaded. */
pb_status pb_app_session(const pb_log *log, bool load_default, pb_session **session,
                         pb_error **error);

#endif
