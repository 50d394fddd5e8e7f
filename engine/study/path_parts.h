/* Inside study: what path patching is made of: receivers, senders, frozen activations. */
#ifndef STUDY_PATH_PARTS_H
#define STUDY_PATH_PARTS_H

#include "study/path.h"

/* What sends together. */
typedef struct pb_path_group {
    pb_path_sender *senders;
    size_t n;
} pb_path_group;

/* What goes through pass 2: what one group sent, set at one receiver of the specification, or at
 * all of them with SIZE_MAX. */
typedef struct pb_path_cell {
    size_t group, receiver;
} pb_path_cell;

/* A pair's activations, [layers of the site] arrays of [length, ...]. */
typedef struct pb_path_pair {
    size_t index;
    pb_run *into, *from;        /* borrowed */
    unsigned char *sent;        /* [length]: positions of the sender's output that are replaced */
    float **frozen[PB_N_SITES]; /* into's; NULL where the mode leaves a site free */
    float **out[PB_N_SITES];    /* from's, where some group sends */
} pb_path_pair;

/* Cells of one pair that go together. */
typedef struct pb_path_batch {
    const pb_path_spec *spec;
    const pb_path_pair *pair;
    const pb_path_group *groups; /* [n], one per sequence */
    size_t n, length;
    const pb_receiver *receivers;
    const size_t *owners; /* [n_receivers]: which of the specification's each is */
    size_t n_receivers;
    float **recorded;          /* [n_receivers] of [n, length, width]; NULL for the logits */
    const pb_path_cell *cells; /* of pass 2, one per sequence; NULL in pass 1 */
} pb_path_batch;

pb_status pb_path_check(const pb_path_spec *spec, pb_error **error);

/* The inputs that receive: the specification's, and the other one of a gated MLP; and which of the
 * specification's each is. */
pb_status pb_path_receivers_create(const pb_path_spec *spec, pb_receiver **receivers,
                                   size_t **owners, size_t *n, pb_error **error);

pb_status pb_path_groups_create(const pb_path_spec *spec, pb_path_group **groups, size_t *n,
                                pb_error **error);
void pb_path_groups_free(pb_path_group **groups, size_t n);

/* Where a receiver reads; PB_N_SITES for the logits. */
pb_site pb_receiver_site(const pb_receiver *receiver);
/* Where a sender writes. */
pb_site pb_path_sender_site(const pb_path_sender *sender);

/* Reads what a mode freezes and what the groups send. */
pb_status pb_path_pair_read(pb_path_pair *pair, const pb_path_spec *spec,
                            const pb_path_group *groups, size_t n_groups, const pb_context *context,
                            pb_error **error);
void pb_path_pair_clear(pb_path_pair *pair);

pb_status pb_path_recorder_create(pb_path_batch *batch, pb_error **error);
void pb_path_recorder_free(pb_path_batch *batch);

/* Which sequence of a batch a user's function sees: what pb_seen.user points at for
 * pb_path_whole_run(), which is its whole() (path_seen.c). */
typedef struct pb_path_seen {
    const pb_path_batch *batch;
    size_t sequence;
} pb_path_seen;
pb_status pb_path_whole_run(const pb_seen *seen, const pb_context *context, pb_run **made,
                            pb_error **error);

#endif
