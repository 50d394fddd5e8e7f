/* The caption of a difference or a sum. */
#ifndef PB_EVAL_CAPTION_H
#define PB_EVAL_CAPTION_H

#include "base/buffer.h"

/* What `a` and `b` are captions of, `sign` ("minus", "plus") between: both whole, "A; minus: B",
 * or, where they differ in one phrase alone, in one sentence. */
void pb_join_captions(const char *a, const char *sign, const char *b, pb_buffer *out);

#endif
