/*
 * The line that says how far a cell is, on its stdout, and how nothing is left of it.
 *
 * Front ends save what passes over stdout, a line that was written over too. So everything else
 * that the cell publishes is kept here, and at the cell's end its output is cleared and published
 * again as it would have been without the line. A cell that publishes more than PB_KEPT_BYTES
 * shows no progress from there on, and neither does one that asks a question, since what was
 * answered stands in the front end's output alone.
 */
#ifndef PB_PROTOCOL_PROGRESS_H
#define PB_PROTOCOL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "internal.h"

#define PB_KEPT_BYTES ((size_t)4 << 20)

typedef struct pb_piece pb_piece;

typedef struct pb_progress {
    pb_request *request;
    pb_piece *first, *last; /* what the cell has published; once `over`, its displays' names only */
    size_t bytes;
    size_t stands; /* columns of the line that stands on stdout; 0 if none does */
    bool clears;   /* what is published next takes the place of all that came before it */
    bool apart; /* the cell's text ends inside a line, which was ended for the line of progress */
    bool stood; /* it did since the output was last cleared */
    bool over;  /* no line is shown any more */
} pb_progress;

/* Writes the line, in place of the one before; takes it away with NULL. */
void pb_progress_show(pb_progress *progress, const char *line);

/* Each is called before the cell publishes the like. */
void pb_progress_text(pb_progress *progress, int stream, const char *text, size_t length);
/* `content` is a display_data's without what is transient. `id` may be NULL. */
void pb_progress_display(pb_progress *progress, const pb_buffer *content, const char *id);
void pb_progress_update(pb_progress *progress, const pb_buffer *content, const char *id);
void pb_progress_cleared(pb_progress *progress, bool wait);

/* What front ends call the display that the cell calls `id`. */
const char *pb_progress_name(const pb_progress *progress, const char *id);

/* The end of it: clears the output and publishes it again, if a line stood there. `more`: something
 * follows it. */
void pb_progress_end(pb_progress *progress, bool more);
void pb_progress_free(pb_progress *progress);

#endif
