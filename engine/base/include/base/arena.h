/* Many small allocations that end together: a syntax tree, a request. Not thread-safe. */
#ifndef PB_BASE_ARENA_H
#define PB_BASE_ARENA_H

#include <stddef.h>

typedef struct pb_arena pb_arena;

pb_arena *pb_arena_create(void);
void *pb_arena_alloc(pb_arena *arena, size_t size); /* zeroed, aligned for any type; NULL if out */
void *pb_arena_array(pb_arena *arena, size_t count, size_t size); /* the same, overflow checked */
char *pb_arena_text(pb_arena *arena, const char *text, size_t length); /* a copy with a NUL */
size_t pb_arena_used(const pb_arena *arena);
void pb_arena_destroy(pb_arena **arena);

#endif
