/* Fits in the space that the rows span, where there are as few unknowns as rows. */
#include "math/classify.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "math/linear.h"

struct pb_lessons {
    size_t rows, columns, k; /* k: the smaller of the two */
    double *x;               /* [rows][columns], as it came */
    double *mean, *scale;    /* [columns] */
    double *u, *s, *vt;      /* of the standardised x */
    double *z;               /* u diag(s) [rows][k]: x in the space of its rows */
};

/* ---- taking apart ---- */

static void measure(pb_lessons *l)
{
    for (size_t j = 0; j < l->columns; j++) {
        double mean = 0, squares = 0, largest = 0;
        for (size_t i = 0; i < l->rows; i++)
            mean += l->x[i * l->columns + j] / (double)l->rows;
        for (size_t i = 0; i < l->rows; i++) {
            double away = l->x[i * l->columns + j] - mean;
            squares += away * away;
            largest = fmax(largest, fabs(l->x[i * l->columns + j]));
        }
        double deviation = sqrt(squares / (double)l->rows);
        l->mean[j] = mean;
        /* what differs by rounding alone does not vary */
        l->scale[j] = deviation > 100 * DBL_EPSILON * largest ? deviation : 1;
    }
}

static bool make_room(pb_lessons *l)
{
    l->x = pb_doubles_create(l->rows, l->columns);
    l->mean = pb_doubles_create(l->columns, 1);
    l->scale = pb_doubles_create(l->columns, 1);
    l->u = pb_doubles_create(l->rows, l->k);
    l->s = pb_doubles_create(l->k, 1);
    l->vt = pb_doubles_create(l->k, l->columns);
    l->z = pb_doubles_create(l->rows, l->k);
    return l->x && l->mean && l->scale && l->u && l->s && l->vt && l->z;
}

static pb_status take_apart(pb_lessons *l, const double *x, const pb_watch *watch, pb_error **error)
{
    double *standard = pb_doubles_create(l->rows, l->columns);
    if (!standard)
        return pb_fail_memory(error);
    for (size_t i = 0; i < l->rows * l->columns; i++)
        l->x[i] = x[i];
    measure(l);
    for (size_t i = 0; i < l->rows * l->columns; i++)
        standard[i] = (x[i] - l->mean[i % l->columns]) / l->scale[i % l->columns];
    pb_status status =
        pb_linear_svd(l->rows, l->columns, standard, l->u, l->s, l->vt, watch, error);
    for (size_t i = 0; !status && i < l->rows * l->k; i++)
        l->z[i] = l->u[i] * l->s[i % l->k];
    pb_doubles_free(&standard);
    return status;
}

pb_status pb_lessons_create(size_t rows, size_t columns, const double *x, pb_lessons **lessons,
                            const pb_watch *watch, pb_error **error)
{
    pb_lessons *l = calloc(1, sizeof *l);
    if (!l)
        return pb_fail_memory(error);
    *l = (pb_lessons){.rows = rows, .columns = columns, .k = rows < columns ? rows : columns};
    pb_status status = make_room(l) ? take_apart(l, x, watch, error) : pb_fail_memory(error);
    if (status)
        pb_lessons_destroy(&l);
    *lessons = l;
    return status;
}

void pb_lessons_destroy(pb_lessons **lessons)
{
    pb_lessons *l = *lessons;
    if (!l)
        return;
    pb_doubles_free(&l->x);
    pb_doubles_free(&l->mean);
    pb_doubles_free(&l->scale);
    pb_doubles_free(&l->u);
    pb_doubles_free(&l->s);
    pb_doubles_free(&l->vt);
    pb_doubles_free(&l->z);
    free(l);
    *lessons = NULL;
}

/* From c in the space of the rows to weights in x's units. */
static void bring_back(const pb_lessons *l, const double *c, double bias, double *weights,
                       double *intercept)
{
    pb_linear_multiply(1, l->columns, l->k, c, false, l->vt, false, weights);
    *intercept = bias;
    for (size_t j = 0; j < l->columns; j++) {
        weights[j] /= l->scale[j];
        *intercept -= weights[j] * l->mean[j];
    }
}

/* ---- ridge, mean ---- */

static pb_status fit_ridge(const pb_lessons *l, const bool *positive, double *weights,
                           double *intercept, pb_error **error)
{
    double mean = 0, *c = pb_doubles_create(l->k, 1);
    if (!c)
        return pb_fail_memory(error);
    for (size_t i = 0; i < l->rows; i++)
        mean += (positive[i] ? 1 : -1) / (double)l->rows;
    for (size_t j = 0; j < l->k; j++) {
        double along = 0;
        for (size_t i = 0; i < l->rows; i++)
            along += l->u[i * l->k + j] * ((positive[i] ? 1 : -1) - mean);
        c[j] = along * l->s[j] / (l->s[j] * l->s[j] + 1);
    }
    bring_back(l, c, mean, weights, intercept);
    pb_doubles_free(&c);
    return PB_OK;
}

static void fit_mean(const pb_lessons *l, const bool *positive, double *weights, double *intercept)
{
    size_t count[2] = {0, 0};
    *intercept = 0;
    for (size_t i = 0; i < l->rows; i++)
        count[positive[i]]++;
    for (size_t j = 0; j < l->columns; j++) {
        double sum[2] = {0, 0};
        for (size_t i = 0; i < l->rows; i++)
            sum[positive[i]] += l->x[i * l->columns + j];
        double low = sum[0] / (double)count[0], high = sum[1] / (double)count[1];
        weights[j] = high - low;
        *intercept -= weights[j] * (high + low) / 2;
    }
}

/* ---- logistic, by Newton's method ---- */

/* c and, behind it, the intercept: k + 1 unknowns. */
typedef struct newton {
    const pb_lessons *lessons;
    const bool *positive;
    size_t n;
    double *at, *trial, *gradient, *step; /* [n] */
    double *curve;                        /* [n][n] */
} newton;

static double score_of(const newton *w, const double *at, size_t row)
{
    const pb_lessons *l = w->lessons;
    double score = at[l->k];
    for (size_t j = 0; j < l->k; j++)
        score += at[j] * l->z[row * l->k + j];
    return score;
}

static double loss_of(const newton *w, const double *at)
{
    double loss = 0;
    for (size_t j = 0; j < w->lessons->k; j++)
        loss += at[j] * at[j] / 2;
    for (size_t i = 0; i < w->lessons->rows; i++) {
        double margin = score_of(w, at, i) * (w->positive[i] ? 1 : -1);
        loss += margin > 0 ? log1p(exp(-margin)) : log1p(exp(margin)) - margin;
    }
    return loss;
}

static void add_row(newton *w, size_t row)
{
    const pb_lessons *l = w->lessons;
    const double *z = l->z + row * l->k;
    double p = 1 / (1 + exp(-score_of(w, w->at, row)));
    double slope = p - w->positive[row], bend = p * (1 - p);
    for (size_t i = 0; i < w->n; i++) {
        double left = i < l->k ? z[i] : 1;
        w->gradient[i] += slope * left;
        for (size_t j = 0; j < l->k; j++)
            w->curve[i * w->n + j] += bend * left * z[j];
        w->curve[i * w->n + l->k] += bend * left;
    }
}

static pb_status differentiate(newton *w, const pb_watch *watch, pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; i < w->n; i++) {
        w->gradient[i] = i < w->lessons->k ? w->at[i] : 0;
        for (size_t j = 0; j < w->n; j++)
            w->curve[i * w->n + j] = i == j && i < w->lessons->k;
    }
    for (size_t i = 0; !status && i < w->lessons->rows; i++) {
        add_row(w, i);
        if (i % 16 == 0)
            status = pb_watch_check(watch, error);
    }
    return status;
}

/* The step, or the largest half of a half of it that loses nothing; false when there is none. */
static bool advance(newton *w)
{
    double before = loss_of(w, w->at);
    for (double share = 1; share > 1e-9; share /= 2) {
        for (size_t i = 0; i < w->n; i++)
            w->trial[i] = w->at[i] - share * w->step[i];
        if (loss_of(w, w->trial) <= before) {
            double *held = w->at;
            w->at = w->trial;
            w->trial = held;
            return true;
        }
    }
    return false;
}

static pb_status descend(newton *w, const pb_watch *watch, pb_error **error)
{
    for (int round = 0; round < 100; round++) {
        double slope = 0;
        pb_status status = differentiate(w, watch, error);
        for (size_t i = 0; i < w->n; i++)
            slope = fmax(slope, fabs(w->gradient[i]));
        if (status || slope < 1e-10)
            return status;
        status = pb_linear_solve(w->n, w->curve, 1, w->gradient, w->step, watch, error);
        if (status)
            return status;
        if (!advance(w))
            return PB_OK; /* as near as double goes */
    }
    return PB_OK;
}

static pb_status fit_logistic(const pb_lessons *l, const bool *positive, double *weights,
                              double *intercept, const pb_watch *watch, pb_error **error)
{
    newton w = {.lessons = l, .positive = positive, .n = l->k + 1};
    w.at = pb_doubles_create(w.n, 1);
    w.trial = pb_doubles_create(w.n, 1);
    w.gradient = pb_doubles_create(w.n, 1);
    w.step = pb_doubles_create(w.n, 1);
    w.curve = pb_doubles_create(w.n, w.n);
    pb_status status = w.at && w.trial && w.gradient && w.step && w.curve
                           ? descend(&w, watch, error)
                           : pb_fail_memory(error);
    if (!status)
        bring_back(l, w.at, w.at[l->k], weights, intercept);
    pb_doubles_free(&w.at);
    pb_doubles_free(&w.trial);
    pb_doubles_free(&w.gradient);
    pb_doubles_free(&w.step);
    pb_doubles_free(&w.curve);
    return status;
}

pb_status pb_lessons_fit(const pb_lessons *lessons, pb_classifier method, const bool *positive,
                         double *weights, double *intercept, const pb_watch *watch,
                         pb_error **error)
{
    switch (method) {
    case PB_CLASSIFY_LOGISTIC:
        return fit_logistic(lessons, positive, weights, intercept, watch, error);
    case PB_CLASSIFY_RIDGE: return fit_ridge(lessons, positive, weights, intercept, error);
    case PB_CLASSIFY_MEAN: fit_mean(lessons, positive, weights, intercept); return PB_OK;
    }
    return PB_OK;
}
