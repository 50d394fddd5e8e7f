/* Sizes that cannot overflow silently, and allocation in terms of them. What is large is refused
 * where the system would promise it and not keep the promise, and past what values may hold: see
 * room.h and budget.h. */
#ifndef PB_BASE_MEMORY_H
#define PB_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/budget.h"
#include "base/room.h"

static inline bool pb_size_mul(size_t a, size_t b, size_t *product)
{
    if (a != 0 && b > SIZE_MAX / a)
        return false;
    *product = a * b;
    return true;
}

static inline bool pb_size_add(size_t a, size_t b, size_t *sum)
{
    if (b > SIZE_MAX - a)
        return false;
    *sum = a + b;
    return true;
}

/* Asks for large pages under a block that was just allocated, if it is a large one; gives it back.
 * In small pages, touching 1 GB takes some 0.3 s and giving it back 0.1 s, in which nothing can be
 * interrupted; in large ones a fraction of that. */
void *pb_large_pages(void *block, size_t bytes);

/* Bytes of the calling thread's stack that it has not used. */
size_t pb_stack_left(void);

/* count * size zeroed bytes; NULL when memory is out or the product overflows. Never NULL for 0. */
static inline void *pb_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (!pb_size_mul(count, size, &bytes) || !pb_budget_allows(bytes))
        return NULL;
    return pb_large_pages(calloc(count ? count : 1, size ? size : 1), bytes);
}

/* The same without zeroing. */
static inline void *pb_malloc(size_t count, size_t size)
{
    size_t bytes;
    if (!pb_size_mul(count, size, &bytes) || !pb_budget_allows(bytes))
        return NULL;
    return pb_large_pages(malloc(bytes ? bytes : 1), bytes);
}

/* The same starting at a multiple of `alignment`, a power of two; `bytes` is a multiple of it. For
 * weights and for what work needs beside them: values' budget does not bound it. */
static inline void *pb_malloc_aligned(size_t alignment, size_t bytes)
{
    return pb_room_for(bytes) ? pb_large_pages(aligned_alloc(alignment, bytes), bytes) : NULL;
}

static inline void *pb_realloc(void *old, size_t count, size_t size)
{
    size_t bytes;
    if (!pb_size_mul(count, size, &bytes) || !pb_budget_allows(bytes))
        return NULL;
    return pb_large_pages(realloc(old, bytes ? bytes : 1), bytes);
}

#endif
