/*
 * Sums of products over named axes, as matrix products.
 *
 * Every axis plays one part: it is summed, shared by both sides ("batch"), a row (only in a), or a
 * column (only in b). Axes of one part that follow each other in memory on all sides are merged.
 * The last row axis, the last column axis and the summed axis make one matrix product; the rest is
 * walked over, one product at a time.
 */
#include <stdlib.h>
#include <string.h>

#include "base/gap.h"
#include "base/memory.h"
#include "math/matmul.h"
#include "tensor_internal.h"

enum { A, B, C, SIDES }; /* c = a . b */

/* Below so many multiplications the library's call costs more than the work. */
enum { SMALL_PRODUCT = 4096 };

/* The stop flag is read after so many products, and after so many values of a long one. */
enum { POLL_PRODUCTS = 1024, POLL_VALUES = 1 << 22 };

typedef enum part { BATCH, ROW, COLUMN, SUMMED, PARTS } part;

static const bool part_of[PARTS][SIDES] = {
    [BATCH] = {true, true, true},
    [ROW] = {true, false, true},
    [COLUMN] = {false, true, true},
    [SUMMED] = {true, true, false},
};

/* An axis, or several merged: its length and its stride on each side (0 where it is not). */
typedef struct term {
    size_t length;
    size_t stride[SIDES];
} term;

typedef struct term_list {
    term terms[PB_MAX_RANK];
    size_t count;
} term_list;

typedef struct plan {
    term_list parts[PARTS];
    pb_axis *axes[2 * PB_MAX_RANK]; /* of the result: a's that stay, then b's others; owned */
    size_t rank;
    const float *data[2];
    float *packed[2]; /* copies of a and b in another order, where one was needed */
} plan;

static void plan_free(plan *p)
{
    for (size_t i = 0; i < p->rank; i++)
        pb_axis_release(&p->axes[i]);
    free(p->packed[A]);
    free(p->packed[B]);
}

/* ---- who plays which part ---- */

static bool is_named(size_t n, const char *const *names, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static pb_status check_over(const pb_tensor *a, const pb_tensor *b, size_t n,
                            const char *const *over, pb_error **error)
{
    if (n == 0) {
        pb_status status = pb_fail(error, PB_TYPE, "dot needs to know which axis to sum over");
        pb_hint(error, "name it: dot(a, b, over=\"d_model\")");
        return status;
    }
    for (size_t i = 0; i < n; i++) {
        size_t which = 0;
        pb_status status = pb_tensor_need_axis(a, over[i], &which, error);
        if (!status)
            status = pb_tensor_need_axis(b, over[i], &which, error);
        if (status)
            return status;
    }
    return PB_OK;
}

/* Adds an axis of a: summed, shared or a row. */
static pb_status add_left(plan *p, pb_axis *axis, size_t stride, const pb_tensor *b,
                          const size_t *strides_b, bool summed, pb_error **error)
{
    int other = pb_tensor_find_axis(b, axis->name);
    term added = {axis->length, {stride, 0, 0}};
    pb_axis *joined = NULL;
    if (other >= 0) {
        added.stride[B] = strides_b[other];
        pb_status status = pb_axis_join(axis, b->axes[other], &joined, error);
        if (status)
            return status;
    }
    term_list *list = &p->parts[summed ? SUMMED : other >= 0 ? BATCH : ROW];
    list->terms[list->count++] = added;
    if (summed)
        pb_axis_release(&joined);
    else
        p->axes[p->rank++] = joined ? joined : pb_axis_retain(axis);
    return PB_OK;
}

static void add_right(plan *p, pb_axis *axis, size_t stride)
{
    term_list *list = &p->parts[COLUMN];
    list->terms[list->count++] = (term){axis->length, {0, stride, 0}};
    p->axes[p->rank++] = pb_axis_retain(axis);
}

static pb_status cast_parts(plan *p, const pb_tensor *a, const pb_tensor *b, size_t n,
                            const char *const *over, pb_error **error)
{
    size_t strides_a[PB_MAX_RANK], strides_b[PB_MAX_RANK];
    pb_tensor_strides(a, strides_a);
    pb_tensor_strides(b, strides_b);
    for (size_t i = 0; i < a->rank; i++) {
        pb_axis *axis = a->axes[i];
        pb_status status =
            add_left(p, axis, strides_a[i], b, strides_b, is_named(n, over, axis->name), error);
        if (status)
            return status;
    }
    for (size_t i = 0; i < b->rank; i++)
        if (pb_tensor_find_axis(a, b->axes[i]->name) < 0)
            add_right(p, b->axes[i], strides_b[i]);
    return PB_OK;
}

/* The result's strides: its axes are a's, where batch and row terms alternate, then the columns. */
static void stride_result(plan *p, const pb_tensor *b)
{
    size_t stride = 1, batch = p->parts[BATCH].count, row = p->parts[ROW].count;
    for (size_t i = p->parts[COLUMN].count; i-- > 0;) {
        p->parts[COLUMN].terms[i].stride[C] = stride;
        stride *= p->parts[COLUMN].terms[i].length;
    }
    for (size_t i = p->rank - p->parts[COLUMN].count; i-- > 0;) {
        bool shared = pb_tensor_find_axis(b, p->axes[i]->name) >= 0;
        term *t = shared ? &p->parts[BATCH].terms[--batch] : &p->parts[ROW].terms[--row];
        t->stride[C] = stride;
        stride *= t->length;
    }
}

/* ---- merging and packing ---- */

static bool follows(const term *outer, const term *inner, const bool sides[SIDES])
{
    for (size_t side = 0; side < SIDES; side++)
        if (sides[side] && outer->stride[side] != inner->stride[side] * inner->length)
            return false;
    return true;
}

static void merge_terms(term_list *list, const bool sides[SIDES])
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        term next = list->terms[i];
        if (next.length == 1)
            continue;
        if (kept > 0 && follows(&list->terms[kept - 1], &next, sides)) {
            next.length *= list->terms[kept - 1].length;
            kept--;
        }
        list->terms[kept++] = next;
    }
    list->count = kept;
}

static void merge_all(plan *p)
{
    for (size_t which = 0; which < PARTS; which++)
        merge_terms(&p->parts[which], part_of[which]);
}

/* The innermost term of a part, or one of length 1. Its unit strides are never used. */
static term last_term(const term_list *list)
{
    return list->count > 0 ? list->terms[list->count - 1] : (term){1, {1, 1, 1}};
}

/* A product wants one summed axis, and it or the other axis of the matrix dense. */
static bool needs_packing(const plan *p, size_t side)
{
    term summed = last_term(&p->parts[SUMMED]);
    term other = last_term(&p->parts[side == A ? ROW : COLUMN]);
    return p->parts[SUMMED].count > 1 || (summed.stride[side] != 1 && other.stride[side] != 1);
}

/* Copies a side into the order batch, other, summed, and takes its strides from the copy. */
static pb_status pack(plan *p, size_t side, size_t size, const pb_watch *watch, pb_error **error)
{
    pb_poll poll = {.watch = watch};
    const part order[] = {BATCH, side == A ? ROW : COLUMN, SUMMED};
    size_t lengths[PB_MAX_RANK], strides[PB_MAX_RANK], rank = 0, stride = size;
    p->packed[side] = pb_malloc(size, sizeof(float));
    if (!p->packed[side])
        return pb_fail_memory(error);
    for (size_t k = 0; k < 3; k++) {
        term_list *list = &p->parts[order[k]];
        for (size_t i = 0; i < list->count; i++, rank++) {
            term *t = &list->terms[i];
            lengths[rank] = t->length;
            strides[rank] = t->stride[side];
            stride /= t->length;
            t->stride[side] = stride;
        }
    }
    pb_gather(&poll, p->packed[side], p->data[side], rank, lengths, strides);
    p->data[side] = p->packed[side];
    return pb_poll_status(&poll, error);
}

static pb_status pack_where_needed(plan *p, const pb_tensor *a, const pb_tensor *b,
                                   const pb_watch *watch, pb_error **error)
{
    bool pack_a = needs_packing(p, A), pack_b = needs_packing(p, B);
    pb_status status = pack_a ? pack(p, A, a->size, watch, error) : PB_OK;
    if (!status && pack_b)
        status = pack(p, B, b->size, watch, error);
    merge_all(p);
    return status;
}

/* ---- multiplying ---- */

/* One side of a matrix product: how it is stored, and the distance between its rows. */
typedef struct matrix {
    pb_transpose transpose;
    size_t ld;
} matrix;

/* `rows` by `columns`, one of them dense; plain when the columns are. */
static matrix describe(size_t rows, size_t row_stride, size_t columns, size_t column_stride)
{
    if (columns == 1 || column_stride == 1)
        return (matrix){PB_PLAIN, rows == 1 ? columns : row_stride};
    return (matrix){PB_TRANSPOSED, column_stride};
}

/* One product at the innermost terms. */
typedef struct product {
    size_t m, n, k, ldc;
    matrix a, b;
    size_t step_a, step_b; /* along the summed axis, for m = n = 1 */
} product;

static product describe_product(const plan *p)
{
    term row = last_term(&p->parts[ROW]), column = last_term(&p->parts[COLUMN]);
    term summed = last_term(&p->parts[SUMMED]);
    product job = {.m = row.length, .n = column.length, .k = summed.length};
    job.a = describe(job.m, row.stride[A], job.k, summed.stride[A]);
    job.b = describe(job.k, summed.stride[B], job.n, column.stride[B]);
    job.ldc = job.m == 1 ? job.n : row.stride[C];
    job.step_a = summed.stride[A];
    job.step_b = summed.stride[B];
    return job;
}

/* One row times one column, in double. */
static pb_status multiply_vectors(const product *job, const float *a, const float *b, float *c,
                                  const pb_watch *watch, pb_error **error)
{
    double sum = 0;
    for (size_t i = 0; i < job->k;) {
        size_t end = job->k - i > POLL_VALUES ? i + POLL_VALUES : job->k;
        for (; i < end; i++)
            sum += (double)a[i * job->step_a] * (double)b[i * job->step_b];
        if (i < job->k && pb_watch_check(watch, error))
            return PB_INTERRUPTED;
    }
    *c = (float)sum;
    return PB_OK;
}

static pb_status multiply(const product *job, const float *a, const float *b, float *c,
                          const pb_watch *watch, pb_error **error)
{
    if (job->m == 1 && job->n == 1)
        return multiply_vectors(job, a, b, c, watch, error);
    size_t work = job->m * job->n; /* at most PB_MAX_VALUES */
    if (work <= SMALL_PRODUCT && work * job->k <= SMALL_PRODUCT) {
        pb_matmul_small(job->a.transpose, job->b.transpose, job->m, job->n, job->k, 1, a, job->a.ld,
                        b, job->b.ld, 0, c, job->ldc);
        return PB_OK;
    }
    return pb_matmul(job->a.transpose, job->b.transpose, job->m, job->n, job->k, 1, a, job->a.ld, b,
                     job->b.ld, 0, c, job->ldc, watch, error);
}

/* The terms around the product: all batch terms, and all but the last rows and columns. */
static size_t outer_terms(const plan *p, size_t lengths[], size_t strides[][PB_MAX_RANK])
{
    size_t rank = 0;
    for (size_t which = BATCH; which <= COLUMN; which++) {
        const term_list *list = &p->parts[which];
        size_t count = which == BATCH || list->count == 0 ? list->count : list->count - 1;
        for (size_t i = 0; i < count; i++, rank++) {
            lengths[rank] = list->terms[i].length;
            for (size_t side = 0; side < SIDES; side++)
                strides[side][rank] = list->terms[i].stride[side];
        }
    }
    return rank;
}

static pb_status run(const plan *p, float *out, const pb_watch *watch, pb_error **error)
{
    size_t lengths[PB_MAX_RANK], strides[SIDES][PB_MAX_RANK] = {{0}};
    size_t rank = outer_terms(p, lengths, strides), done = 0;
    product job = describe_product(p);
    pb_walk walk;
    /* No values but products: polled here, and not by the walk. */
    pb_walk_start(&walk, rank, lengths, SIDES, (const size_t(*)[PB_MAX_RANK])strides, NULL);
    for (; !walk.done; pb_walk_next(&walk)) {
        for (size_t i = 0; i < walk.length; i++, done++) {
            pb_status status = PB_OK;
            if (done % POLL_PRODUCTS == 0)
                status = pb_watch_check(watch, error);
            if (!status)
                status = multiply(&job, p->data[A] + walk.offset[A] + i * walk.step[A],
                                  p->data[B] + walk.offset[B] + i * walk.step[B],
                                  out + walk.offset[C] + i * walk.step[C], watch, error);
            if (status)
                return status;
        }
    }
    return PB_OK;
}

static pb_status make_and_run(plan *p, const pb_tensor *a, const pb_tensor *b,
                              const pb_watch *watch, pb_tensor **result, pb_error **error)
{
    float *out = NULL;
    pb_tensor *made = NULL;
    pb_status status = pb_tensor_create(p->rank, p->axes, &made, &out, error);
    if (status)
        return status;
    if (made->size > 0 && a->size > 0) {
        stride_result(p, b);
        merge_all(p);
        status = pack_where_needed(p, a, b, watch, error);
        if (!status)
            status = run(p, out, watch, error);
    }
    if (!status)
        *result = made;
    else
        pb_tensor_release(&made);
    return status;
}

/* The sums of the products that are there: of zeros in place of the gaps, and a gap where no
 * product is. */
static pb_status dot_present(const pb_tensor *a, const pb_tensor *b, size_t n,
                             const char *const *over, const pb_watch *watch, pb_tensor **result,
                             pb_error **error)
{
    const pb_tensor *sides[] = {a, b};
    pb_tensor *filled[2] = {NULL}, *present[2] = {NULL}, *sums = NULL, *counts = NULL;
    pb_status status = PB_OK;
    for (size_t i = 0; i < 2 && !status; i++) {
        status = pb_fill_gaps(sides[i], 0, watch, &filled[i], error);
        if (!status)
            status = pb_tensor_present(sides[i], watch, &present[i], error);
    }
    if (!status)
        status = pb_tensor_dot(filled[0], filled[1], n, over, watch, &sums, error);
    if (!status)
        status = pb_tensor_dot(present[0], present[1], n, over, watch, &counts, error);
    if (!status) {
        for (size_t i = 0; i < sums->size; i++)
            if (counts->data[i] == 0)
                sums->storage->own[i] = pb_gap();
        pb_tensor_mark_gaps(sums);
        *result = pb_tensor_retain(sums);
    }
    for (size_t i = 0; i < 2; i++) {
        pb_tensor_release(&filled[i]);
        pb_tensor_release(&present[i]);
    }
    pb_tensor_release(&sums);
    pb_tensor_release(&counts);
    return status;
}

pb_status pb_tensor_dot(const pb_tensor *a, const pb_tensor *b, size_t n, const char *const *over,
                        const pb_watch *watch, pb_tensor **result, pb_error **error)
{
    if (a->gaps || b->gaps)
        return dot_present(a, b, n, over, watch, result, error);
    plan p = {.data = {a->data, b->data}};
    pb_status status = check_over(a, b, n, over, error);
    if (!status)
        status = cast_parts(&p, a, b, n, over, error);
    if (!status)
        status = pb_math_begin(0, error);
    if (!status)
        status = make_and_run(&p, a, b, watch, result, error);
    plan_free(&p);
    return status;
}
