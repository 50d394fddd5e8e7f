/* What the files that read a model share: where its parts go, and reading them there. */
#ifndef PB_MODEL_LOADER_H
#define PB_MODEL_LOADER_H

#include "family.h"
#include "model_internal.h"

typedef struct loader {
    pb_model *model;
    const pb_weights *weights;
    const pb_watch *watch;
    float *common[PB_N_COMMON_PARTS]; /* where the parts without layers go, by pb_part */
    float **layers;                   /* [n_layer, PB_N_PARTS]: where the parts of layers go */
} loader;

/* A part of one row: a gain, a bias, or all of a matrix as it is on disk. Zeros where the family
 * has no such tensor. PB_FORMAT for a value that is not finite. */
pb_status loader_read(const loader *load, pb_part part, size_t layer, float *values,
                      pb_error **error);

/* The embedding; where the file has only the unembedding it is tied to, that. */
pb_status loader_embedding(const loader *load, const pb_weight **weight, pb_error **error);

/* What is done with the rows first ... first + n - 1 of a matrix that is being read. */
typedef void loader_work(void *user, size_t first, size_t n, float *rows);

/*
 * A matrix [n_in, n_out], its tensors turned and sorted as the family's rows say. `work` gets some
 * rows at a time while they are in the processor's cache; NULL for none.
 */
pb_status loader_stream(const loader *load, pb_part part, size_t layer, size_t n_in, size_t n_out,
                        float *values, loader_work *work, void *user, pb_error **error);

/* `n` rows of a weight from `first` on, into `rows`. */
pb_status loader_read_rows(const loader *load, const pb_weight *weight, size_t first, size_t n,
                           float *rows, pb_error **error);

/* Does pieces 0 ... n - 1 on all threads; the first fault by number is passed up. `watch` is told
 * how many are done; NULL for none. */
typedef pb_status loader_piece(const void *user, size_t index, pb_error **error);
pb_status loader_side_by_side(size_t n, loader_piece *piece, const void *user,
                              const pb_watch *watch, pb_error **error);

/* The two halves of a load, once there is room: load_layers.c and load_embedding.c. */
pb_status loader_read_layers(const loader *load, pb_error **error);
pb_status loader_read_embedding(const loader *load, pb_error **error);

#endif
