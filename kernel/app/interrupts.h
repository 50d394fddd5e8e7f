/* Ctrl-C as a flag: while code runs it is polled; at a prompt, a descriptor becomes readable. */
#ifndef PB_APP_INTERRUPTS_H
#define PB_APP_INTERRUPTS_H

#include <stdatomic.h>

#include "base/error.h"

typedef struct pb_interrupts pb_interrupts;

/* To be called before any thread is made. A second Ctrl-C that finds the first one still unanswered
 * ends the process. */
pb_status pb_interrupts_start(pb_interrupts **interrupts, pb_error **error);

const atomic_bool *pb_interrupts_flag(const pb_interrupts *interrupts);
int pb_interrupts_descriptor(const pb_interrupts *interrupts);
void pb_interrupts_reset(pb_interrupts *interrupts); /* lowers the flag */
void pb_interrupts_stop(pb_interrupts **interrupts);

#endif
