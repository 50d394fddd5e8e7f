/* Large pages, where the system has them. */
#define _GNU_SOURCE
#include "base/memory.h"

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
