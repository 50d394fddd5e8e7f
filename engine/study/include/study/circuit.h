/*
 * What a head does to the stream, and where it looks, as matrices [d_model, d_model] of rank d_head
 * that are kept as their factors: OV = W_V W_O and QK = W_Q W_K^T (Elhage et al. 2021), without
 * biases and rotations. Everything is computed from the factors, in double.
 */
#ifndef PB_STUDY_CIRCUIT_H
#define PB_STUDY_CIRCUIT_H

#include "base/watch.h"
#include "model/model.h"

typedef enum pb_circuit_kind { PB_CIRCUIT_OV, PB_CIRCUIT_QK } pb_circuit_kind;

/* The matrix is left right^T. */
typedef struct pb_circuit {
    size_t d, n;          /* d_model, d_head */
    double *left, *right; /* [d][n] each */
} pb_circuit;

pb_status pb_circuit_create(const pb_model *model, pb_circuit_kind kind, size_t layer, size_t head,
                            pb_circuit **circuit, pb_error **error);
void pb_circuit_destroy(pb_circuit **circuit);

/* The matrix is u diag(s) v^T: u [d][n], s [n], v [d][n]. */
pb_status pb_circuit_svd(const pb_circuit *circuit, double *u, double *s, double *v,
                         const pb_watch *watch, pb_error **error);
/* Its eigenvalues [n], all that are not 0: those of right^T G left, where the matrix acts between
 * `between` = G [d][d]; NULL for none. By falling magnitude. */
pb_status pb_circuit_eig(const pb_circuit *circuit, const float *between, double *real,
                         double *imag, const pb_watch *watch, pb_error **error);

/* G = W_U E [d][d], E being W_E, or W_E + mlp0(ln2(W_E)) where `effective`: what a circuit from
 * tokens to logits has between its end and its beginning. malloc'ed. */
pb_status pb_circuit_tokens(const pb_model *model, bool effective, float **between,
                            const pb_watch *watch, pb_error **error);

#endif
