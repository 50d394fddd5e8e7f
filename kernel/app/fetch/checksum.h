/* Whether a file on disk is the one the hub described. */
#ifndef PB_FETCH_CHECKSUM_H
#define PB_FETCH_CHECKSUM_H

#include <stdbool.h>

#include "hub.h"

/* Reads the whole file again: what is checked is what is on disk. PB_INTERRUPTED if stopped. */
pb_status fetch_checksum(const char *path, const fetch_file *file,
                         const pb_fetch_listener *listener, bool *same, pb_error **error);

#endif
