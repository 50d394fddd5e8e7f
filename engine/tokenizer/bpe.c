/*
 * Merging by a heap of candidate pairs over a linked list of symbols, as Hugging Face's tokenizers
 * do it: a candidate whose symbols have changed since it was pushed is recognised when it is
 * popped.
 */
#include "bpe.h"

#include <stdlib.h>

#include "base/memory.h"

enum { NONE = -1 };

/* Pairs pushed or merged between two looks at the stop flag: some ms, where a word is too long for
 * the cache. */
enum { MERGES_UNCHECKED = 4096 };

struct bpe_symbol {
    int32_t id; /* NONE once it was merged into the one before */
    int32_t previous, next;
};

struct bpe_candidate {
    uint32_t rank;
    int32_t at;   /* the left symbol of the pair */
    int32_t made; /* what it becomes: if the pair there makes something else now, it is stale */
};

typedef struct bpe_symbol symbol;
typedef struct bpe_candidate candidate;

/* ---- the table ---- */

static int by_pair(const void *a, const void *b)
{
    const bpe_merge *x = a, *y = b;
    if (x->left != y->left)
        return x->left < y->left ? -1 : 1;
    if (x->right != y->right)
        return x->right < y->right ? -1 : 1;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

pb_status bpe_table_create(bpe_merge *merges, size_t n_merges, size_t n_tokens, bpe_table *table,
                           pb_error **error)
{
    size_t *first = pb_calloc(n_tokens + 1, sizeof *first);
    if (!first) {
        free(merges);
        return pb_fail_memory(error);
    }
    qsort(merges, n_merges, sizeof *merges, by_pair);
    size_t kept = 0;
    for (size_t i = 0; i < n_merges; i++) {
        if (kept > 0 && merges[kept - 1].left == merges[i].left &&
            merges[kept - 1].right == merges[i].right)
            kept--;
        merges[kept++] = merges[i];
    }
    for (size_t i = 0; i < kept; i++)
        first[merges[i].left + 1]++;
    for (size_t i = 0; i < n_tokens; i++)
        first[i + 1] += first[i];
    *table = (bpe_table){merges, kept, first};
    return PB_OK;
}

void bpe_table_free(bpe_table *table)
{
    free(table->merges);
    free(table->first);
    *table = (bpe_table){NULL, 0, NULL};
}

static const bpe_merge *find_merge(const bpe_table *table, int32_t left, int32_t right)
{
    size_t low = table->first[left], high = table->first[left + 1];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const bpe_merge *merge = &table->merges[middle];
        if (merge->right == right)
            return merge;
        if (merge->right < right)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- the heap: the candidate that comes first lies on top ---- */

static bool comes_before(const candidate *a, const candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

/* There is room: reserve() made it for all a word can push. */
static void push(bpe_scratch *scratch, candidate added)
{
    candidate *heap = scratch->heap;
    size_t at = scratch->n_heap++;
    while (at > 0 && comes_before(&added, &heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = added;
}

static candidate pop(bpe_scratch *scratch)
{
    candidate *heap = scratch->heap, top = heap[0];
    size_t n = --scratch->n_heap, at = 0;
    candidate moved = heap[n];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && comes_before(&heap[child + 1], &heap[child]))
            child++;
        if (!comes_before(&heap[child], &moved))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
    return top;
}

/* ---- merging ---- */

/* `count` symbols push at most count - 1 pairs at first, and two more for each of count - 1 merges.
 */
static pb_status reserve(bpe_scratch *scratch, size_t count, pb_error **error)
{
    if (count > INT32_MAX / 4)
        return pb_fail(error, PB_LIMIT, "a word of %zu bytes is too long to be encoded", count);
    if (count > scratch->symbol_capacity) {
        symbol *symbols = pb_realloc(scratch->symbols, count, sizeof *symbols);
        if (!symbols)
            return pb_fail_memory(error);
        scratch->symbols = symbols;
        scratch->symbol_capacity = count;
    }
    if (3 * count > scratch->heap_capacity) {
        candidate *heap = pb_realloc(scratch->heap, 3 * count, sizeof *heap);
        if (!heap)
            return pb_fail_memory(error);
        scratch->heap = heap;
        scratch->heap_capacity = 3 * count;
    }
    return PB_OK;
}

void bpe_scratch_free(bpe_scratch *scratch)
{
    free(scratch->symbols);
    free(scratch->heap);
    *scratch = (bpe_scratch){NULL, 0, NULL, 0, 0};
}

static void push_pair(const bpe_table *table, bpe_scratch *scratch, int32_t at)
{
    const symbol *left = &scratch->symbols[at];
    const bpe_merge *merge = find_merge(table, left->id, scratch->symbols[left->next].id);
    if (merge)
        push(scratch, (candidate){merge->rank, at, merge->made});
}

/* Merges the symbol at `at` with the next one, if that is still what the candidate says. */
static void apply(const bpe_table *table, bpe_scratch *scratch, candidate top)
{
    symbol *symbols = scratch->symbols, *left = &symbols[top.at];
    if (left->id == NONE || left->next == NONE)
        return;
    symbol *right = &symbols[left->next];
    const bpe_merge *merge = find_merge(table, left->id, right->id);
    if (!merge || merge->made != top.made)
        return;
    left->id = merge->made;
    left->next = right->next;
    right->id = NONE;
    if (left->next != NONE) {
        symbols[left->next].previous = top.at;
        push_pair(table, scratch, top.at);
    }
    if (left->previous != NONE)
        push_pair(table, scratch, left->previous);
}

pb_status bpe_merge_word(const bpe_table *table, bpe_scratch *scratch, int32_t *ids, size_t *count,
                         const pb_watch *watch, pb_error **error)
{
    if (*count < 2)
        return PB_OK;
    pb_status status = reserve(scratch, *count, error);
    if (status)
        return status;
    int32_t n = (int32_t)*count;
    for (int32_t i = 0; i < n; i++)
        scratch->symbols[i] = (symbol){ids[i], i - 1, i + 1 < n ? i + 1 : NONE};
    scratch->n_heap = 0;
    for (int32_t i = 0; i + 1 < n; i++) {
        if (i % MERGES_UNCHECKED == 0 && pb_watch_stopped(watch))
            return pb_watch_fail(error);
        push_pair(table, scratch, i);
    }
    for (size_t merged = 0; scratch->n_heap > 0; merged++) {
        if (merged % MERGES_UNCHECKED == 0 && pb_watch_stopped(watch))
            return pb_watch_fail(error);
        apply(table, scratch, pop(scratch));
    }

    *count = 0;
    for (int32_t i = 0; i != NONE; i = scratch->symbols[i].next)
        ids[(*count)++] = scratch->symbols[i].id;
    return PB_OK;
}
