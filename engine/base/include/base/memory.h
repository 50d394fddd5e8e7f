/* Sizes that cannot overflow silently, and allocation in terms of them. What is large is refused
 * where the system would promise it and not keep the promise: see room.h. */
#ifndef PB_BASE_MEMORY_H
#define PB_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/room.h"

/* For a block just allocated, before it is filled: asks for large pages if it is a large one. With
 * small ones, giving back 1 GB takes the system 0.1 s, in which nothing can be interrupted; with
 * large ones, some ms. */
void pb_large_pages(void *block, size_t bytes);

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

/* count * size zeroed bytes; NULL when memory is out or the product overflows. Never NULL for 0. */
static inline void *pb_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (!pb_size_mul(count, size, &bytes) || !pb_room_for(bytes))
        return NULL;
    return calloc(count ? count : 1, size ? size : 1);
}

/* The same without zeroing. */
static inline void *pb_malloc(size_t count, size_t size)
{
    size_t bytes;
    if (!pb_size_mul(count, size, &bytes) || !pb_room_for(bytes))
        return NULL;
    return malloc(bytes ? bytes : 1);
}

static inline void *pb_realloc(void *old, size_t count, size_t size)
{
    size_t bytes;
    if (!pb_size_mul(count, size, &bytes) || !pb_room_for(bytes))
        return NULL;
    return realloc(old, bytes ? bytes : 1);
}

#endif
