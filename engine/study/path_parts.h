/* Inside study: what path patching is made of: receivers, senders, frozen activations. */
#ifndef STUDY_PATH_PARTS_H
#define STUDY_PATH_PARTS_H

#include "study/path.h"

/* Heads that send together. */
typedef struct pb_path_group {
    pb_head *heads;
    size_t n;
} pb_path_group;

/* A pair's activations, [layers of the site] arrays of [length, ...]. */
typedef struct pb_path_pair {
    size_t index;
    pb_run *into, *from; /* borrowed */
    unsigned char *sent; /* [length]: positions of the sender's output that are replaced */
    float **into_z, **from_z;
    float **frozen[PB_N_SITES]; /* into's, beside z; NULL where the mode leaves a site free */
} pb_path_pair;

/* Cells of one pair that go together. */
typedef struct pb_path_batch {
    const pb_path_pair *pair;
    const pb_path_group *groups; /* [n], one per sequence */
    size_t n, length;
    const pb_receiver *receivers;
    size_t n_receivers;
    bool to_logits;
    float **recorded; /* [n_receivers] of [n, length, width] */
} pb_path_batch;

pb_status pb_path_check(const pb_path_spec *spec, pb_error **error);

/* The inputs that receive: the specification's, and the other one of a gated MLP. */
pb_status pb_path_receivers_create(const pb_path_spec *spec, pb_receiver **receivers, size_t *n,
                                   pb_error **error);

pb_status pb_path_groups_create(const pb_path_spec *spec, pb_path_group **groups, size_t *n,
                                pb_error **error);
void pb_path_groups_free(pb_path_group **groups, size_t n);

/* Where a receiver reads; PB_N_SITES for the logits. */
pb_site pb_receiver_site(const pb_receiver *receiver);

/* Reads what a mode freezes and what the senders send. */
pb_status pb_path_pair_read(pb_path_pair *pair, const pb_path_spec *spec, const pb_context *context,
                            pb_error **error);
void pb_path_pair_clear(pb_path_pair *pair);

pb_status pb_path_recorder_create(pb_path_batch *batch, pb_error **error);
void pb_path_recorder_free(pb_path_batch *batch);

#endif
