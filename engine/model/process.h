/*
 * TransformerLens' default processing of weights, one step a function (its names: fold_ln,
 * center_writing_weights, center_unembed, fold_value_biases). Everything is in place. As there,
 * every step is rounded to float32, so that the weights come out the same; only sums are in double.
 */
#ifndef PB_MODEL_PROCESS_H
#define PB_MODEL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Folds a layer norm's gain and bias [n_in] into the weight w [n_in, n_out] and bias b [n_out] that
 * read its output: b += beta w; w <- diag(gain) w, less its mean over n_in, since what the norm
 * gives is centred; with `centred` false the norm takes no mean, and the weight keeps its.
 * pb_fold_rows() takes all rows in turn, n at a time with their gain and beta,
 * and pb_finish_fold() comes once, at the end. `sums` is [2, n_out], zeros before the first rows.
 */
void pb_fold_rows(size_t n, size_t n_out, const float *gain, const float *beta, float *rows,
                  double *sums);
void pb_finish_fold(size_t n_in, size_t n_out, bool centred, float *w, float *b, double *sums);

/* Takes from each row [d] its mean: what is written to the stream, since every reader centres. */
void pb_centre_rows(size_t rows, size_t d, float *w);

/*
 * b_o [d_out] += b_v [n] w_o [n, d_out]; b_v <- 0. A pattern's rows sum to one, so that a value's
 * bias reaches the output whole. pb_sum_value_bias() takes all rows in turn, n at a time, into
 * `sums` [d_out], which begin as zeros; pb_fold_value_bias() comes once, at the end.
 */
void pb_sum_value_bias(size_t n, size_t d_out, const float *b_v, const float *rows, double *sums);
void pb_fold_value_bias(size_t n, size_t d_out, float *b_v, float *b_o, const double *sums);

/* The index of the first value that is NaN or infinite; n if there is none. */
size_t pb_find_not_finite(size_t n, const float *values);

#endif
