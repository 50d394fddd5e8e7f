/* An arena is a list of blocks; the newest is filled from its front, and all end together. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "base/budget.h"
#include "base/memory.h"

enum { FIRST_BLOCK = 4096, LARGEST_STEP = 1 << 20 };

typedef struct block {
    struct block *older;
    size_t size, used; /* of bytes */
    alignas(max_align_t) unsigned char bytes[];
} block;

struct pb_arena {
    block *newest;
    size_t next_size; /* of the next block, doubling up to LARGEST_STEP */
    size_t used;      /* bytes handed out */
};

pb_arena *pb_arena_create(void)
{
    pb_arena *arena = pb_calloc(1, sizeof *arena);
    if (arena)
        arena->next_size = FIRST_BLOCK;
    return arena;
}

static block *add_block(pb_arena *arena, size_t at_least)
{
    size_t size = at_least > arena->next_size ? at_least : arena->next_size;
    size_t bytes;
    if (!pb_size_add(size, sizeof(block), &bytes))
        return NULL;
    block *added = pb_hold(pb_calloc(1, bytes));
    if (!added)
        return NULL;
    added->size = size;
    added->older = arena->newest;
    arena->newest = added;
    if (arena->next_size < LARGEST_STEP)
        arena->next_size *= 2;
    return added;
}

void *pb_arena_alloc(pb_arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    size_t rounded;
    if (!pb_size_add(size ? size : 1, align - 1, &rounded))
        return NULL;
    rounded -= rounded % align;
    block *from = arena->newest;
    if (!from || rounded > from->size - from->used)
        from = add_block(arena, rounded);
    if (!from)
        return NULL;
    void *memory = from->bytes + from->used;
    from->used += rounded;
    arena->used += rounded;
    return memory;
}

void *pb_arena_array(pb_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    return pb_size_mul(count, size, &bytes) ? pb_arena_alloc(arena, bytes) : NULL;
}

char *pb_arena_text(pb_arena *arena, const char *text, size_t length)
{
    size_t bytes;
    char *copy = pb_size_add(length, 1, &bytes) ? pb_arena_alloc(arena, bytes) : NULL;
    if (copy && length > 0)
        memcpy(copy, text, length);
    return copy;
}

size_t pb_arena_used(const pb_arena *arena)
{
    return arena->used;
}

void pb_arena_destroy(pb_arena **arena)
{
    if (!arena || !*arena)
        return;
    block *each = (*arena)->newest;
    while (each) {
        block *older = each->older;
        pb_let_go(each);
        each = older;
    }
    free(*arena);
    *arena = NULL;
}
