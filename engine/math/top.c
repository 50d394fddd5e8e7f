/* The k first values in an order, with a heap of k whose root is the last of them. */
#include <math.h>
#include <stdlib.h>

#include "base/gap.h"
#include "base/memory.h"
#include "tensor_internal.h"

typedef struct ranking {
    const float *values;
    bool gaps; /* which come last, and are cut off */
    pb_order order;
    size_t *heap;
    size_t count;
    pb_poll poll;
} ranking;

/* Sifting down a heap too large for the cache, in values' worth of work. */
enum { SIFT_WORK = 32 };

/* What is sorted, largest first; NaN is below everything. */
static double key(const ranking *r, size_t offset)
{
    double value = (double)r->values[offset];
    switch (r->order) {
    case PB_BY_MAGNITUDE: return fabs(value);
    case PB_BY_VALUE: return value;
    case PB_BY_SMALLEST: return -value;
    }
    return value;
}

static bool comes_before(const ranking *r, size_t i, size_t j)
{
    double a = key(r, i), b = key(r, j);
    bool gap_i = r->gaps && pb_is_gap(r->values[i]), gap_j = r->gaps && pb_is_gap(r->values[j]);
    if (gap_i || gap_j)
        return gap_i == gap_j ? i < j : gap_j;
    if (isnan(a) || isnan(b))
        return isnan(a) == isnan(b) ? i < j : isnan(b);
    return a == b ? i < j : a > b;
}

static void swap(size_t *a, size_t *b)
{
    size_t old = *a;
    *a = *b;
    *b = old;
}

/* Every parent comes after its children. */
static void sift_down(ranking *r, size_t at)
{
    for (;;) {
        size_t last = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < r->count; child++)
            if (comes_before(r, r->heap[last], r->heap[child]))
                last = child;
        if (last == at)
            return;
        swap(&r->heap[at], &r->heap[last]);
        at = last;
    }
}

static void fill_heap(ranking *r)
{
    for (size_t i = 0; i < r->count && pb_poll_step(&r->poll, 1); i++)
        r->heap[i] = i;
    for (size_t i = r->count / 2; i-- > 0 && pb_poll_step(&r->poll, SIFT_WORK);)
        sift_down(r, i);
}

/* The values after those that filled the heap: each may take the place of the last. */
static void see_the_others(ranking *r, size_t size)
{
    for (size_t i = r->count; r->count > 0 && i < size && pb_poll_step(&r->poll, 1); i++) {
        if (!comes_before(r, i, r->heap[0]))
            continue;
        if (!pb_poll_step(&r->poll, SIFT_WORK))
            return;
        r->heap[0] = i;
        sift_down(r, 0);
    }
}

static void sort_heap(ranking *r)
{
    size_t all = r->count;
    while (r->count > 1 && pb_poll_step(&r->poll, SIFT_WORK)) {
        r->count--;
        swap(&r->heap[0], &r->heap[r->count]);
        sift_down(r, 0);
    }
    r->count = all;
}

pb_status pb_tensor_top(const pb_tensor *a, size_t k, pb_order order, const pb_watch *watch,
                        size_t **offsets, size_t *count, pb_error **error)
{
    size_t there = a->gaps ? a->size - pb_count_gaps(a) : a->size;
    size_t kept = k < there ? k : there;
    ranking r = {a->data, a->gaps, order, pb_malloc(kept, sizeof *r.heap), kept, {.watch = watch}};
    if (!r.heap)
        return pb_fail_memory(error);
    fill_heap(&r);
    see_the_others(&r, a->size);
    sort_heap(&r);
    pb_status status = pb_poll_status(&r.poll, error);
    if (status) {
        free(r.heap);
        return status;
    }
    *offsets = r.heap;
    *count = kept;
    return PB_OK;
}
