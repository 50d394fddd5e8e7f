/* Whether a kernel starts. */
#ifndef PB_APP_TRIAL_H
#define PB_APP_TRIAL_H

#include "base/error.h"

/* Starts `program` as a kernel, as Jupyter would, waits for its heartbeat, and ends it. */
pb_status pb_trial_start(const char *program, pb_error **error);

#endif
