/* How much memory there is left, as the system tells it. */
#ifndef PB_SESSION_GAUGE_H
#define PB_SESSION_GAUGE_H

#include "base/error.h"

/*
 * PB_MEMORY if the machine or the control group the process runs in is about to run out. Where the
 * system does not tell, PB_OK. Reads a file or two of /proc: some ten microseconds.
 */
pb_status pb_gauge_check(pb_error **error);

#endif
