/* The one door to LAPACK. Everything else of it stays behind lapack.c. */
#ifndef PB_MATH_LAPACK_H
#define PB_MATH_LAPACK_H

#include "math/linear.h"

/* What is computed: overwrites `a` and fills the other parts, whose shapes stand at each. */
typedef enum pb_factoring {
    PB_FACTOR_SVD,       /* a [m][n]; one: u [m][k], two: s [k], three: vt [k][n] */
    PB_FACTOR_EIG,       /* a [n][n]; one: real [n], two: imag [n], three: packed vectors [n][n] */
    PB_FACTOR_SYMMETRIC, /* a [n][n], the vectors afterwards; one: real [n], rising */
    PB_FACTOR_SOLVE,     /* a [n][n]; one: b [n][columns], x afterwards */
    PB_FACTOR_LSTSQ,     /* a [m][n]; one: b [larger of m, n][columns], x in its first n rows */
    PB_FACTOR_QR         /* a [m][n], q afterwards; one: r [n][n] */
} pb_factoring;

typedef struct pb_factors {
    size_t m, n, columns; /* columns of the right side */
    double *a, *one, *two, *three;
    size_t rank;   /* LSTSQ */
    bool singular; /* SOLVE: there is no x */
} pb_factors;

/* Zeroed parts for a kind; pb_factors_free() lets go of them. */
pb_status pb_factors_create(pb_factoring kind, size_t m, size_t n, size_t columns,
                            pb_factors **factors, pb_error **error);
void pb_factors_free(pb_factors **factors);
/* Nulls *factors and fails with PB_INTERRUPTED when the watch stops it. */
pb_status pb_factors_run(pb_factoring kind, pb_factors **factors, const pb_watch *watch,
                         pb_error **error);

#endif
