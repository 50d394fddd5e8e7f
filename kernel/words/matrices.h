/*
 * A tensor as matrices: two of its axes are rows and columns, and each place of the others is a
 * matrix of its own. A word opens the tensor, says which results it fills, and gives a function
 * that does one matrix.
 */
#ifndef PB_WORDS_MATRICES_H
#define PB_WORDS_MATRICES_H

#include "words.h"

typedef struct pb_matrices {
    const pb_value *value; /* borrowed: whose model results are of */
    pb_tensor *ordered;    /* [outer..., rows, columns] */
    size_t outer;          /* axes around a matrix */
    size_t rows, columns, count;
    const void *user; /* for the function that does one */
} pb_matrices;

/* Of the argument `x`; `rows` and `columns` NULL: its last two axes. PB_VALUE, with a caret, where
 * a value is missing or no finite number: the error says at which place. */
pb_status pb_matrices_open(const pb_call *call, const char *x, const char *rows,
                           const char *columns, pb_matrices *matrices, pb_error **error);
void pb_matrices_close(pb_matrices *matrices);
pb_axis *pb_matrices_row_axis(const pb_matrices *matrices);    /* borrowed */
pb_axis *pb_matrices_column_axis(const pb_matrices *matrices); /* borrowed */
/* The matrix at a place, as doubles in `out` [rows][columns]. */
void pb_matrices_read(const pb_matrices *matrices, size_t which, double *out);

/* A result that is filled a matrix at a time: a tensor [outer..., its own axes]. */
typedef struct pb_filled {
    const char *name, *caption;
    pb_axis *axes[2]; /* borrowed; NULL: fewer */
    pb_tensor *tensor;
    float *data;
    size_t each; /* values of one matrix */
} pb_filled;

/* Fills the results of one matrix from `a`, which it may overwrite. */
typedef pb_status pb_matrix_function(const pb_call *call, const pb_matrices *matrices, double *a,
                                     float *const *out, pb_error **error);

#define PB_MAX_FILLED 6

/* A record of the results, filled by `function`, or the one result alone if `n` is 1. */
pb_status pb_matrices_fill(const pb_call *call, const pb_matrices *matrices, size_t n,
                           pb_filled *filled, pb_matrix_function *function, pb_value **result,
                           pb_error **error);
/* Doubles as the floats of a result; transposed, from [columns][rows]. */
void pb_fill_floats(const double *from, size_t rows, size_t columns, bool transposed, float *to);

#endif
