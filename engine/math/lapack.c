/* Calls of LAPACK, the only ones, and the thread that a long one runs on. */
#include "lapack.h"

#include <float.h>
#include <lapacke.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

/* Multiplications that take some 20 ms at most: not worth a thread. */
#define SHORT_CALL 2e7
#define LOOK_EVERY 10000000L /* ns between two looks at the stop flag */

/* ---- memory ---- */

double *pb_doubles_create(size_t rows, size_t columns)
{
    size_t count;
    if (!pb_size_mul(rows, columns, &count))
        return NULL;
    return pb_hold(pb_calloc(count, sizeof(double)));
}

void pb_doubles_free(double **doubles)
{
    pb_let_go(*doubles);
    *doubles = NULL;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* One part of the factors, where it has any values. */
static bool make_part(double **part, size_t rows, size_t columns)
{
    if (rows == 0 || columns == 0)
        return true;
    *part = pb_doubles_create(rows, columns);
    return *part != NULL;
}

static bool make_parts(pb_factoring kind, pb_factors *f)
{
    size_t m = f->m, n = f->n, k = smaller(m, n);
    if (!make_part(&f->a, m, n))
        return false;
    switch (kind) {
    case PB_FACTOR_SVD:
        return make_part(&f->one, m, k) && make_part(&f->two, k, 1) && make_part(&f->three, k, n);
    case PB_FACTOR_EIG:
        return make_part(&f->one, n, 1) && make_part(&f->two, n, 1) && make_part(&f->three, n, n);
    case PB_FACTOR_SYMMETRIC: return make_part(&f->one, n, 1);
    case PB_FACTOR_SOLVE: return make_part(&f->one, n, f->columns);
    case PB_FACTOR_LSTSQ: return make_part(&f->one, larger(m, n), f->columns);
    case PB_FACTOR_QR: return make_part(&f->one, n, n);
    }
    return false;
}

pb_status pb_factors_create(pb_factoring kind, size_t m, size_t n, size_t columns,
                            pb_factors **factors, pb_error **error)
{
    const size_t most = INT32_MAX; /* LAPACK counts in 32 bits */
    if (m > most || n > most || columns > most)
        return pb_fail(error, PB_LIMIT, "a matrix has at most %zu rows and columns", most);
    pb_factors *f = calloc(1, sizeof *f);
    if (!f)
        return pb_fail_memory(error);
    *f = (pb_factors){.m = m, .n = n, .columns = columns};
    if (!make_parts(kind, f)) {
        pb_factors_free(&f);
        return pb_fail_memory(error);
    }
    *factors = f;
    return PB_OK;
}

void pb_factors_free(pb_factors **factors)
{
    pb_factors *f = *factors;
    if (!f)
        return;
    pb_doubles_free(&f->a);
    pb_doubles_free(&f->one);
    pb_doubles_free(&f->two);
    pb_doubles_free(&f->three);
    free(f);
    *factors = NULL;
}

/* ---- the calls ---- */

/* x, and whether the matrix has an inverse: one whose condition is past double's digits has none */
static lapack_int solve(pb_factors *f)
{
    int n = (int)f->n, columns = (int)f->columns;
    double norm = LAPACKE_dlange(LAPACK_ROW_MAJOR, '1', n, n, f->a, n), condition = 0;
    lapack_int *pivots = pb_malloc(f->n, sizeof *pivots);
    if (!pivots)
        return LAPACK_WORK_MEMORY_ERROR;
    lapack_int info = LAPACKE_dgesv(LAPACK_ROW_MAJOR, n, columns, f->a, n, pivots, f->one, columns);
    free(pivots);
    f->singular = info > 0;
    if (info == 0)
        info = LAPACKE_dgecon(LAPACK_ROW_MAJOR, '1', n, f->a, n, norm, &condition);
    f->singular = f->singular || condition < DBL_EPSILON;
    return info > 0 ? 0 : info;
}

static lapack_int lstsq(pb_factors *f)
{
    int m = (int)f->m, n = (int)f->n, columns = (int)f->columns;
    double *s = pb_malloc(smaller(f->m, f->n), sizeof *s);
    lapack_int rank = 0;
    if (!s)
        return LAPACK_WORK_MEMORY_ERROR;
    lapack_int info = LAPACKE_dgelsd(LAPACK_ROW_MAJOR, m, n, columns, f->a, n, f->one, columns, s,
                                     DBL_EPSILON * (double)larger(f->m, f->n), &rank);
    f->rank = (size_t)rank;
    free(s);
    return info;
}

static lapack_int qr(pb_factors *f)
{
    int m = (int)f->m, n = (int)f->n;
    double *scale = pb_malloc(f->n, sizeof *scale);
    if (!scale)
        return LAPACK_WORK_MEMORY_ERROR;
    lapack_int info = LAPACKE_dgeqrf(LAPACK_ROW_MAJOR, m, n, f->a, n, scale);
    for (size_t i = 0; i < f->n; i++)
        memcpy(f->one + i * f->n + i, f->a + i * f->n + i, (f->n - i) * sizeof *f->one);
    if (info == 0)
        info = LAPACKE_dorgqr(LAPACK_ROW_MAJOR, m, n, n, f->a, n, scale);
    free(scale);
    return info;
}

static lapack_int call_library(pb_factoring kind, pb_factors *f)
{
    int m = (int)f->m, n = (int)f->n, k = (int)smaller(f->m, f->n);
    switch (kind) {
    case PB_FACTOR_SVD:
        return LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'S', m, n, f->a, n, f->two, f->one, k, f->three, n);
    case PB_FACTOR_EIG:
        return LAPACKE_dgeev(LAPACK_ROW_MAJOR, 'N', 'V', n, f->a, n, f->one, f->two, NULL, n,
                             f->three, n);
    case PB_FACTOR_SYMMETRIC: return LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'V', 'U', n, f->a, n, f->one);
    case PB_FACTOR_SOLVE: return solve(f);
    case PB_FACTOR_LSTSQ: return lstsq(f);
    case PB_FACTOR_QR: return qr(f);
    }
    return 0;
}

static pb_status judge(lapack_int info, pb_error **error)
{
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
        return pb_fail_memory(error);
    if (info == 0)
        return PB_OK;
    return pb_fail(error, PB_VALUE,
                   "the decomposition did not converge; are there values of very "
                   "different sizes in the matrix");
}

/* ---- a thread that may be left behind ---- */

typedef struct errand {
    pb_factoring kind;
    pb_factors *factors;
    lapack_int info;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool done, left; /* left: nobody waits, and the thread frees all */
} errand;

static void errand_free(errand *e)
{
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->ended);
    pb_factors_free(&e->factors);
    free(e);
}

static void *run_errand(void *data)
{
    errand *e = data;
    lapack_int info = call_library(e->kind, e->factors);
    pthread_mutex_lock(&e->lock);
    e->info = info;
    e->done = true;
    bool left = e->left;
    pthread_cond_signal(&e->ended);
    pthread_mutex_unlock(&e->lock);
    if (left)
        errand_free(e);
    return NULL;
}

/* Whether it came to its end before the watch stopped it. */
static bool await(errand *e, const pb_watch *watch)
{
    pthread_mutex_lock(&e->lock);
    while (!e->done && !e->left) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_EVERY;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&e->ended, &e->lock, &until);
        e->left = !e->done && pb_watch_stopped(watch);
    }
    bool done = e->done;
    pthread_mutex_unlock(&e->lock);
    return done;
}

static pb_status run_apart(pb_factoring kind, pb_factors **factors, const pb_watch *watch,
                           pb_error **error)
{
    pthread_t thread;
    errand *e = calloc(1, sizeof *e);
    if (!e)
        return pb_fail_memory(error);
    *e = (errand){.kind = kind, .factors = *factors};
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->ended, NULL);
    if (pthread_create(&thread, NULL, run_errand, e) != 0) {
        e->factors = NULL;
        errand_free(e);
        return judge(call_library(kind, *factors), error);
    }
    pthread_detach(thread);
    if (!await(e, watch)) {
        *factors = NULL;
        return pb_watch_fail(error);
    }
    lapack_int info = e->info;
    e->factors = NULL;
    errand_free(e);
    return judge(info, error);
}

pb_status pb_factors_run(pb_factoring kind, pb_factors **factors, const pb_watch *watch,
                         pb_error **error)
{
    const pb_factors *f = *factors;
    double work = (double)f->m * (double)f->n * (double)smaller(f->m, larger(f->n, f->columns));
    pb_status status = pb_watch_check(watch, error);
    if (status || f->m == 0 || f->n == 0)
        return status;
    if (work < SHORT_CALL || !watch || !watch->stop)
        return judge(call_library(kind, *factors), error);
    return run_apart(kind, factors, watch, error);
}
