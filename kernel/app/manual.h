/* What man and shells know of the commands, and where install puts it. */
#ifndef PB_APP_MANUAL_H
#define PB_APP_MANUAL_H

#include "base/buffer.h"

typedef struct pb_manual_row {
    const char *shell; /* "" for the manual page */
    const char *place; /* below a prefix */
    void (*write)(pb_buffer *out);
} pb_manual_row;

extern const pb_manual_row pb_manual_rows[];
extern const size_t pb_manual_row_count;

#endif
