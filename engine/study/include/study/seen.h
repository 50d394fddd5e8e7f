/*
 * What a user's function is given as a metric: a prompt as a sweep left it. A sweep computes of it
 * what the function was seen to read of both ends; anything else is computed when it is read.
 */
#ifndef PB_STUDY_SEEN_H
#define PB_STUDY_SEEN_H

#include "math/tensor.h"
#include "model/forward.h"
#include "model/run.h"
#include "model/sites.h"

/* What a function has read of a prompt. */
typedef struct pb_reads {
    unsigned char *rows;  /* [length]: which rows after ln_final */
    unsigned char *sites; /* [PB_N_SITES, n_layer]: which activations */
    bool hidden;          /* any of those, or the run as a whole */
    bool tokens;          /* the prompt's own tokens */
} pb_reads;

pb_status pb_reads_start(pb_reads *reads, const pb_run *run, pb_error **error);
void pb_reads_clear(pb_reads *reads);

typedef struct pb_seen pb_seen;

/* All borrowed but `made`. A run as it is has none of the functions. */
struct pb_seen {
    size_t prompt;                 /* counts from 0 along the prompts evaluated */
    pb_run *run;                   /* whose tokens they are */
    pb_run *like;                  /* in whose positions places are found, a prompt as long */
    const float *normed;           /* [length, d_model], the rows after ln_final */
    const unsigned char *computed; /* [length]: which of those are there; NULL: all */
    pb_reads *reads;               /* where it is noted what is read; NULL: nowhere */

    /* Makes the run that was left, the caller's. NULL: it is `run`. */
    pb_status (*whole)(const pb_seen *seen, const pb_context *context, pb_run **made,
                       pb_error **error);
    /* An activation that was kept, in the order of its axes; NULL where it was not. */
    const float *(*kept)(const pb_seen *seen, pb_site site, size_t layer);
    /* The logits of a row, [n_vocab], where many rows' are made together; NULL in *row where they
     * are not. */
    pb_status (*logits)(const pb_seen *seen, size_t position, const pb_context *context,
                        const float **row, pb_error **error);
    void *user; /* of those three */

    pb_run *made; /* by whole() */
};

/* The run that was left, borrowed: computed when it is first asked for. */
pb_status pb_seen_run(pb_seen *seen, const pb_context *context, pb_run **run, pb_error **error);
void pb_seen_clear(pb_seen *seen);

/* Rows after ln_final: out [n, d_model]. */
pb_status pb_seen_rows(pb_seen *seen, size_t n, const size_t *positions, const pb_context *context,
                       float *out, pb_error **error);
/* Logits of rows: out [n, n_vocab]. */
pb_status pb_seen_logit_rows(pb_seen *seen, size_t n, const size_t *positions,
                             const pb_context *context, float *out, pb_error **error);
/* Its logits, [pos, token], of n positions, or of all with positions NULL. */
pb_status pb_seen_logits(pb_seen *seen, size_t n, const size_t *positions,
                         const pb_context *context, pb_tensor **logits, pb_error **error);
/* An activation as pb_run_activation() gives it, along the positions of `like`: of all layers, or
 * of one, which is then an axis of length one. */
pb_status pb_seen_activation(pb_seen *seen, pb_site site, size_t layer, const pb_context *context,
                             pb_tensor **tensor, pb_error **error);
/* Notes that the prompt's own tokens were read. */
void pb_seen_note_tokens(pb_seen *seen);

#endif
