/* The bytes of one file, from the hub into its incomplete file, however many tries that takes. */
#ifndef PB_FETCH_TRANSFER_H
#define PB_FETCH_TRANSFER_H

#include "hub.h"

/*
 * Brings the file at `path` to file->size bytes, beginning with those it has. PB_FORMAT, the file
 * removed, if the server has another size than it said; PB_IO if the disk is full or the network
 * fails too often, the file left for the next time.
 */
pb_status fetch_transfer(fetch_http *http, const char *id, const char *url, const fetch_file *file,
                         const char *path, pb_error **error);

#endif
