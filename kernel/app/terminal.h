/* A cell's way to the outside when that is a terminal: the pb_host of run, eval and console. */
#ifndef PB_APP_TERMINAL_H
#define PB_APP_TERMINAL_H

#include "base/buffer.h"
#include "interrupts.h"
#include "session/session.h"

typedef struct pb_terminal {
    pb_interrupts *interrupts;
    pb_buffer input; /* read from stdin and not used yet */
    bool ended;      /* stdin has no more */
    bool progress;   /* a line of progress stands on stderr, without its newline */
    bool passing;    /* it is taken away when something else is written, and not ended */
} pb_terminal;

pb_status pb_terminal_open(pb_terminal *terminal, pb_error **error);
void pb_terminal_close(pb_terminal *terminal);
pb_host pb_terminal_host(pb_terminal *terminal);

/*
 * Shows a prompt and adds a line to `line`, without its newline. PB_INTERRUPTED on Ctrl-C, and
 * PB_IO at the end of the input.
 */
pb_status pb_terminal_read(pb_terminal *terminal, const char *prompt, bool secret, pb_buffer *line,
                           pb_error **error);

/* Runs a cell, prints the text/plain of its value, or its error on stderr; gives the exit code. */
int pb_terminal_run(pb_terminal *terminal, pb_session *session, const char *name, const char *code,
                    size_t length);

#endif
