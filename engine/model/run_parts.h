/* What a run is made of: shared by run.c, which keeps it, and record.c, which fills it. */
#ifndef PB_MODEL_RUN_PARTS_H
#define PB_MODEL_RUN_PARTS_H

#include <stdatomic.h>

#include "model/run.h"

struct pb_run {
    atomic_size_t references;
    pb_model *model;
    int32_t *tokens;
    size_t n;
    bool edited;
    pb_run_edits edits;
    float *resid;  /* [n_layer + 1, n, d_model] */
    float *normed; /* [n, d_model] */
    float *last;   /* [n_layer, its width] of each kept site, at the last position */
    pb_cache *cache;
    pb_axis *positions;
};

/* A run of a prompt with room for what it will hold. */
pb_status pb_run_blank(pb_model *model, const pb_prompt *prompt, bool keep_qkv, pb_run **run,
                       pb_error **error);

/* The stream before a layer, [n, d_model]; after the last with layer = n_layer. */
float *pb_run_checkpoint(const pb_run *run, size_t layer);

/* Where the last position of a layer of a site is kept; NULL if it is not. */
float *pb_run_kept(const pb_run *run, pb_site site, size_t layer);

#endif
