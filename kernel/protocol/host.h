/* A running cell's way to the outside: the pb_host of one execute request. */
#ifndef PB_PROTOCOL_HOST_H
#define PB_PROTOCOL_HOST_H

#include "internal.h"
#include "progress.h"

#define PB_UPDATE_MS 100 /* least time between two updates of one display */

typedef struct pb_update pb_update;

typedef struct pb_asked_cell {
    pb_request *request;
    bool silent;        /* nothing is published */
    bool allow_stdin;   /* the front end answers questions */
    pb_writer payload;  /* the array's items so far */
    pb_update *updates; /* displays that were updated, and what is held back of them */
    pb_progress progress;
} pb_asked_cell;

/* The host calls may be made until pb_asked_cell_clear. Both are borrowed by the host. */
void pb_asked_cell_init(pb_asked_cell *cell, pb_request *request, bool silent, bool allow_stdin);
pb_host pb_asked_cell_host(pb_asked_cell *cell);

/* A display_data's content: `shown` without what is transient, and what front ends are to call it,
 * or NULL. */
pb_writer pb_display_content(const pb_buffer *shown, const char *name);

/* Publishes the updates held back so far. */
void pb_asked_cell_flush(pb_asked_cell *cell);
void pb_asked_cell_clear(pb_asked_cell *cell);

#endif
