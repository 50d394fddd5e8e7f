/* Memory for the strings of one view, all freed together, with one check at the end. */
#ifndef PB_SCRATCH_H
#define PB_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* Like pb_buffer, a scratch that ran out of memory stays failed: strings are then "", and
 * pb_frame_bundle() reports it. */
typedef struct pb_view_scratch pb_view_scratch;

pb_view_scratch *pb_view_scratch_create(void); /* NULL when memory is out */
bool pb_view_scratch_failed(const pb_view_scratch *scratch);
void pb_view_scratch_destroy(pb_view_scratch **scratch);

void *pb_view_scratch_array(pb_view_scratch *scratch, size_t count,
                            size_t size); /* zeroed; NULL: failed */
const char *pb_view_scratch_text(pb_view_scratch *scratch, const char *text, size_t length);
const char *pb_view_scratch_format(pb_view_scratch *scratch, const char *format, ...)
    PB_PRINTF(2, 3);
/* The buffer's text; the buffer is freed. */
const char *pb_view_scratch_take(pb_view_scratch *scratch, pb_buffer *buffer);

#endif
