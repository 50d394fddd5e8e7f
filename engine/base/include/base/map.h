/*
 * A hash map from byte strings to 64-bit values (an id, or a pointer cast through uintptr_t).
 * Keys are copied. The hash is seeded per map, so that crafted keys cannot make it quadratic.
 */
#ifndef PB_BASE_MAP_H
#define PB_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pb_map pb_map;

pb_map *pb_map_create(size_t expected); /* NULL when memory is out */
/* Adds or replaces. False when memory is out; the map is then unchanged. */
bool pb_map_put(pb_map *map, const void *key, size_t length, uint64_t value);
bool pb_map_get(const pb_map *map, const void *key, size_t length, uint64_t *value);
bool pb_map_remove(pb_map *map, const void *key, size_t length);
size_t pb_map_count(const pb_map *map);

/* Walks in insertion order (removals keep the order of the rest). Start with *cursor = 0. */
bool pb_map_next(const pb_map *map, size_t *cursor, const char **key, size_t *length,
                 uint64_t *value);
void pb_map_destroy(pb_map **map);

#endif
