/* Lines typed at a terminal, with editing, completion and what was typed before; libedit does the
 * editing, and heeds the person's ~/.editrc. */
#ifndef PB_APP_EDITOR_H
#define PB_APP_EDITOR_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/log.h"
#include "interrupts.h"
#include "session/session.h"

typedef struct pb_editor pb_editor;

/* Whether there is a terminal on which lines can be edited. */
bool pb_editor_fits(void);

/* The session and the interrupts are borrowed. What was typed is kept where the kernel keeps it. */
pb_status pb_editor_open(pb_session *session, pb_interrupts *interrupts, const pb_log *log,
                         pb_editor **editor, pb_error **error);
void pb_editor_close(pb_editor **editor);

/*
 * Shows the prompt and adds a line to `line`, without its newline; `before` are the lines of the
 * cell that were typed already. PB_INTERRUPTED on Ctrl-C, and PB_IO at the end of the input.
 */
pb_status pb_editor_read(pb_editor *editor, const char *prompt, const pb_buffer *before,
                         pb_buffer *line, pb_error **error);

/* Keeps a cell, which has that number, for later lines and later sessions. */
void pb_editor_keep(pb_editor *editor, long number, const pb_buffer *cell);

#endif
