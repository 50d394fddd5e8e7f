/* Decompositions as they are wanted: signs fixed, in order of size, copied out of LAPACK's parts.
 */
#include "math/linear.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "lapack.h"

static void copy(double *to, const double *from, size_t count)
{
    if (count > 0)
        memcpy(to, from, count * sizeof *to);
}

/* 1 or -1: what makes the largest of a column's values positive. */
static double sign_of_column(const double *a, size_t rows, size_t columns, size_t which)
{
    double largest = 0;
    for (size_t i = 0; i < rows; i++) {
        double value = a[i * columns + which];
        /* by more than rounding, so that the first of equals decides */
        if (fabs(value) > fabs(largest) * (1 + 1e-9))
            largest = value;
    }
    return largest < 0 ? -1 : 1;
}

static void scale_column(double *a, size_t rows, size_t columns, size_t which, double by)
{
    for (size_t i = 0; i < rows; i++)
        a[i * columns + which] *= by;
}

void pb_linear_fix_signs(size_t m, size_t n, size_t k, double *u, double *v)
{
    for (size_t j = 0; j < k; j++) {
        double sign = sign_of_column(u, m, k, j);
        scale_column(u, m, k, j, sign);
        scale_column(v, n, k, j, sign);
    }
}

/* ---- singular values ---- */

pb_status pb_linear_svd(size_t m, size_t n, const double *a, double *u, double *s, double *vt,
                        const pb_watch *watch, pb_error **error)
{
    size_t k = m < n ? m : n;
    pb_factors *f = NULL;
    pb_status status = pb_factors_create(PB_FACTOR_SVD, m, n, 0, &f, error);
    if (status)
        return status;
    copy(f->a, a, m * n);
    status = pb_factors_run(PB_FACTOR_SVD, &f, watch, error);
    for (size_t j = 0; !status && j < k; j++) {
        double sign = sign_of_column(f->one, m, k, j);
        scale_column(f->one, m, k, j, sign);
        for (size_t i = 0; i < n; i++)
            f->three[j * n + i] *= sign;
    }
    if (!status) {
        copy(u, f->one, m * k);
        copy(s, f->two, k);
        copy(vt, f->three, k * n);
    }
    pb_factors_free(&f);
    return status;
}

/* ---- eigenvalues ---- */

typedef struct ranked {
    double real, imag;
    size_t at;
} ranked;

/* By falling magnitude; of a pair the one above the real axis first. */
static int compare_ranked(const void *left, const void *right)
{
    const ranked *a = left, *b = right;
    double size_a = hypot(a->real, a->imag), size_b = hypot(b->real, b->imag);
    if (size_a != size_b)
        return size_a < size_b ? 1 : -1;
    if (a->real != b->real)
        return a->real < b->real ? 1 : -1;
    if (a->imag != b->imag)
        return a->imag < b->imag ? 1 : -1;
    return a->at < b->at ? -1 : 1;
}

static bool is_symmetric(const double *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (a[i * n + j] != a[j * n + i])
                return false;
    return true;
}

/* Column `to` of the vectors from LAPACK's: a pair shares two columns, the real and imaginary. */
static void take_vector(size_t n, const double *packed, const ranked *from, size_t to,
                        double *vectors, double *vectors_imag)
{
    size_t pair = from->imag < 0 ? from->at - 1 : from->at;
    double side = from->imag > 0 ? 1 : from->imag < 0 ? -1 : 0;
    for (size_t i = 0; i < n; i++) {
        vectors[i * n + to] = packed[i * n + pair];
        vectors_imag[i * n + to] = side != 0 ? side * packed[i * n + pair + 1] : 0;
    }
    double sign = sign_of_column(vectors, n, n, to);
    scale_column(vectors, n, n, to, sign);
    scale_column(vectors_imag, n, n, to, sign);
}

static pb_status sort_eigen(size_t n, const double *real, const double *imag, const double *packed,
                            double *out_real, double *out_imag, double *vectors,
                            double *vectors_imag, pb_error **error)
{
    ranked *order = pb_malloc(n, sizeof *order);
    if (!order)
        return pb_fail_memory(error);
    for (size_t i = 0; i < n; i++)
        order[i] = (ranked){real[i], imag ? imag[i] : 0, i};
    qsort(order, n, sizeof *order, compare_ranked);
    for (size_t i = 0; i < n; i++) {
        out_real[i] = order[i].real;
        out_imag[i] = order[i].imag;
        take_vector(n, packed, &order[i], i, vectors, vectors_imag);
    }
    free(order);
    return PB_OK;
}

pb_status pb_linear_eig(size_t n, const double *a, double *real, double *imag, double *vectors,
                        double *vectors_imag, const pb_watch *watch, pb_error **error)
{
    pb_factoring kind = is_symmetric(a, n) ? PB_FACTOR_SYMMETRIC : PB_FACTOR_EIG;
    pb_factors *f = NULL;
    pb_status status = pb_factors_create(kind, n, n, 0, &f, error);
    if (status)
        return status;
    copy(f->a, a, n * n);
    status = pb_factors_run(kind, &f, watch, error);
    if (!status)
        status = sort_eigen(n, f->one, f->two, kind == PB_FACTOR_EIG ? f->three : f->a, real, imag,
                            vectors, vectors_imag, error);
    pb_factors_free(&f);
    return status;
}

/* ---- systems ---- */

pb_status pb_linear_solve(size_t n, const double *a, size_t columns, const double *b, double *x,
                          const pb_watch *watch, pb_error **error)
{
    pb_factors *f = NULL;
    pb_status status = pb_factors_create(PB_FACTOR_SOLVE, n, n, columns, &f, error);
    if (status)
        return status;
    copy(f->a, a, n * n);
    copy(f->one, b, n * columns);
    status = pb_factors_run(PB_FACTOR_SOLVE, &f, watch, error);
    if (!status && f->singular)
        status = pb_fail(error, PB_VALUE,
                         "the matrix is singular: its rows depend on each other, "
                         "so there is no one solution");
    if (!status)
        copy(x, f->one, n * columns);
    pb_factors_free(&f);
    return status;
}

pb_status pb_linear_lstsq(size_t m, size_t n, const double *a, size_t columns, const double *b,
                          double *x, size_t *rank, const pb_watch *watch, pb_error **error)
{
    pb_factors *f = NULL;
    pb_status status = pb_factors_create(PB_FACTOR_LSTSQ, m, n, columns, &f, error);
    if (status)
        return status;
    copy(f->a, a, m * n);
    copy(f->one, b, m * columns);
    status = pb_factors_run(PB_FACTOR_LSTSQ, &f, watch, error);
    if (!status) {
        copy(x, f->one, n * columns);
        *rank = f->rank;
    }
    pb_factors_free(&f);
    return status;
}

pb_status pb_linear_qr(size_t m, size_t n, const double *a, double *q, double *r,
                       const pb_watch *watch, pb_error **error)
{
    pb_factors *f = NULL;
    pb_status status = pb_factors_create(PB_FACTOR_QR, m, n, 0, &f, error);
    if (status)
        return status;
    copy(f->a, a, m * n);
    status = pb_factors_run(PB_FACTOR_QR, &f, watch, error);
    if (!status) {
        copy(q, f->a, m * n);
        copy(r, f->one, n * n);
    }
    pb_factors_free(&f);
    return status;
}

void pb_linear_multiply(size_t m, size_t n, size_t k, const double *a, bool a_transposed,
                        const double *b, bool b_transposed, double *out)
{
    for (size_t i = 0; i < m * n; i++)
        out[i] = 0;
    for (size_t i = 0; i < m; i++) {
        for (size_t l = 0; !b_transposed && l < k; l++) {
            double left = a_transposed ? a[l * m + i] : a[i * k + l];
            for (size_t j = 0; j < n; j++)
                out[i * n + j] += left * b[l * n + j];
        }
        for (size_t j = 0; b_transposed && j < n; j++)
            for (size_t l = 0; l < k; l++)
                out[i * n + j] += (a_transposed ? a[l * m + i] : a[i * k + l]) * b[j * k + l];
    }
}
