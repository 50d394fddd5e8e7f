/* Large pages, where the system has them. */
#include "base/memory.h"

#include <sys/mman.h>

/* Smaller blocks may come from the middle of the heap, and are given back soon enough. */
#define LARGE_BLOCK ((size_t)32 << 20)
#define PAGE        ((uintptr_t)4096)

void pb_large_pages(void *block, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    if (!block || bytes < LARGE_BLOCK)
        return;
    uintptr_t start = ((uintptr_t)block + PAGE - 1) / PAGE * PAGE;
    uintptr_t end = ((uintptr_t)block + bytes) / PAGE * PAGE;
    (void)madvise((void *)start, end - start, MADV_HUGEPAGE); /* advice: it may be refused */
#else
    (void)block;
    (void)bytes;
#endif
}
