/* Byte-pair encoding: the table of merges, and merging the symbols of one word by it. */
#ifndef PB_TOKENIZER_BPE_H
#define PB_TOKENIZER_BPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/watch.h"

typedef struct bpe_merge {
    int32_t left, right; /* the pair of tokens */
    int32_t made;        /* the token it becomes */
    uint32_t rank;       /* lower ones were learned first and merge first */
} bpe_merge;

typedef struct bpe_table {
    bpe_merge *merges; /* by left, then right */
    size_t n_merges;
    size_t *first; /* [n_tokens + 1]: where the merges of each left token start */
} bpe_table;

/* Takes `merges` over (and frees it, even when it fails). Of equal pairs the last one counts. */
pb_status bpe_table_create(bpe_merge *merges, size_t n_merges, size_t n_tokens, bpe_table *table,
                           pb_error **error);
void bpe_table_free(bpe_table *table);

/* Reusable memory for merging; starts as zeros. */
typedef struct bpe_scratch {
    struct bpe_symbol *symbols;
    size_t symbol_capacity;
    struct bpe_candidate *heap;
    size_t n_heap, heap_capacity;
} bpe_scratch;

void bpe_scratch_free(bpe_scratch *scratch);

/*
 * Merges ids[0 .. *count - 1] in place, the pair of lowest rank first, the leftmost of equals
 * first, until no pair is in the table. O(n log n) in the word's length. `watch` may be NULL.
 */
pb_status bpe_merge_word(const bpe_table *table, bpe_scratch *scratch, int32_t *ids, size_t *count,
                         const pb_watch *watch, pb_error **error);

#endif
