/* The session a command works with. */
#ifndef PB_APP_SESSION_H
#define PB_APP_SESSION_H

#include "base/log.h"
#include "language/session.h"

/* Makes a session that finds the models of this installation. */
pb_status pb_app_session(const pb_log *log, pb_session **session, pb_error **error);

#endif
