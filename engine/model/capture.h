/* Copying what a hook is shown into an array in the order of the site's axes. */
#ifndef PB_MODEL_CAPTURE_H
#define PB_MODEL_CAPTURE_H

#include "model/run.h"

/* One site of one layer of one sequence. */
typedef struct pb_capture {
    pb_site site;
    size_t layer;
    size_t n_rows; /* positions of the sequence */
    float *out;    /* [pos, head?, ...] or [head, query, key] */
} pb_capture;

/* Hooks that fill a capture; `capture` must outlive the pass. */
pb_hooks pb_capture_hooks(pb_capture *capture);

#endif
