/*
 * Linear algebra in double, by LAPACK. Matrices are dense, a row behind another; each function
 * overwrites nothing but what it is given to fill. Signs are fixed, so that results are the same
 * whatever computes them: of each left vector the component that is largest by magnitude is
 * positive, the first of equals.
 *
 * A call of the library cannot be stopped: a long one runs on a thread of its own, which is left to
 * itself when the watch stops the caller, and lets go of its memory when it is done.
 */
#ifndef PB_MATH_LINEAR_H
#define PB_MATH_LINEAR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/watch.h"

/* Doubles in the account of what values hold (base/budget.h); NULL when they are refused. */
double *pb_doubles_create(size_t rows, size_t columns);
void pb_doubles_free(double **doubles);

/* a [m][n] = u diag(s) vt, s falling; u [m][k], s [k], vt [k][n], k the smaller of m and n. */
pb_status pb_linear_svd(size_t m, size_t n, const double *a, double *u, double *s, double *vt,
                        const pb_watch *watch, pb_error **error);
/* Turns each column of u [m][k], and that of v [n][k] with it, to what a left vector's sign is. */
void pb_linear_fix_signs(size_t m, size_t n, size_t k, double *u, double *v);
/* a [n][n] v = v diag(real + i imag), by falling magnitude; the columns of vectors [n][n] and
 * vectors_imag are of length one. */
pb_status pb_linear_eig(size_t n, const double *a, double *real, double *imag, double *vectors,
                        double *vectors_imag, const pb_watch *watch, pb_error **error);
/* a [n][n] x = b [n][columns]. PB_VALUE if a is singular, as far as double can tell. */
pb_status pb_linear_solve(size_t n, const double *a, size_t columns, const double *b, double *x,
                          const pb_watch *watch, pb_error **error);
/* The shortest x [n][columns] of those that make |a x - b| least; a [m][n], b [m][columns]. */
pb_status pb_linear_lstsq(size_t m, size_t n, const double *a, size_t columns, const double *b,
                          double *x, size_t *rank, const pb_watch *watch, pb_error **error);
/* a [m][n] = q r, m >= n: q [m][n] has orthonormal columns, r [n][n] is upper triangular. */
pb_status pb_linear_qr(size_t m, size_t n, const double *a, double *q, double *r,
                       const pb_watch *watch, pb_error **error);
/* out [m][n] = a b; transposed, a is [k][m] and b [n][k], else [m][k] and [k][n]. */
void pb_linear_multiply(size_t m, size_t n, size_t k, const double *a, bool a_transposed,
                        const double *b, bool b_transposed, double *out);

#endif
