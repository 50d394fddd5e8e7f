/* Large pages, where the system has them; the thread's stack. */
#define _GNU_SOURCE
#include "base/memory.h"

#include <pthread.h>
#include <sys/mman.h>

/* Enough for a large page, wherever the block starts. */
#define LARGE_BLOCK ((size_t)4 << 20)
#define PAGE        ((uintptr_t)4096)

void *pb_large_pages(void *block, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    if (!block || bytes < LARGE_BLOCK)
        return block;
    uintptr_t start = ((uintptr_t)block + PAGE - 1) / PAGE * PAGE;
    uintptr_t end = ((uintptr_t)block + bytes) / PAGE * PAGE;
    (void)madvise((void *)start, end - start, MADV_HUGEPAGE); /* advice: it may be refused */
#else
    (void)bytes;
#endif
    return block;
}

size_t pb_stack_left(void)
{
    const size_t unknown = (size_t)1 << 20; /* what any thread has */
    pthread_attr_t attributes;
    void *lowest = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes))
        return unknown;
    int failure = pthread_attr_getstack(&attributes, &lowest, &size);
    pthread_attr_destroy(&attributes);
    const char *here = __builtin_frame_address(0), *end = lowest;
    return !failure && here > end ? (size_t)(here - end) : unknown;
}
