/*
 * Entries lie in insertion order in one array; a table of open addressing holds their indices.
 * The hash is SipHash-1-3 (Aumasson and Bernstein, 2012) under a random key per map.
 */
#include "base/map.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

/* Slots hold 0 when free, SLOT_GONE when removed, and otherwise an entry's index plus two. */
enum { SLOT_FREE = 0, SLOT_GONE = 1, SLOT_FIRST = 2, LEAST_SLOTS = 8 };

typedef struct map_entry {
    char *key; /* NULL once removed; NUL-terminated for whoever prints it */
    size_t length;
    uint64_t hash, value;
} map_entry;

struct pb_map {
    map_entry *entries;
    size_t n_entries, capacity; /* removed entries included */
    size_t count;               /* without them */
    size_t *slots;
    size_t n_slots; /* a power of two */
    size_t n_taken; /* slots that are not free */
    uint64_t seed[2];
};

/* ---- hashing ---- */

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
    v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

static uint64_t hash_key(const pb_map *map, const void *key, size_t length)
{
    const unsigned char *bytes = key;
    uint64_t v[4] = {map->seed[0] ^ 0x736f6d6570736575U, map->seed[1] ^ 0x646f72616e646f6dU,
                     map->seed[0] ^ 0x6c7967656e657261U, map->seed[1] ^ 0x7465646279746573U};
    size_t whole = length - length % 8;
    for (size_t i = 0; i <= whole; i += 8) {
        uint64_t word = i < whole ? 0 : (uint64_t)length << 56;
        memcpy(&word, bytes ? bytes + i : (const unsigned char *)"", i < whole ? 8 : length % 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    v[2] ^= 0xFF;
    sip_round(v), sip_round(v), sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void choose_seed(pb_map *map)
{
    if (getentropy(map->seed, sizeof map->seed) == 0)
        return;
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    map->seed[0] = (uint64_t)now.tv_nsec * 0x9E3779B97F4A7C15U;
    map->seed[1] = (uint64_t)(uintptr_t)map ^ (uint64_t)now.tv_sec << 32;
}

/* ---- the table of slots ---- */

/* The slot that holds the key, or the first one free for it. */
static size_t find_slot(const pb_map *map, const void *key, size_t length, uint64_t hash,
                        bool *found)
{
    size_t mask = map->n_slots - 1, at = (size_t)hash & mask, reusable = SIZE_MAX;
    for (;; at = (at + 1) & mask) {
        size_t slot = map->slots[at];
        if (slot == SLOT_FREE) {
            *found = false;
            return reusable != SIZE_MAX ? reusable : at;
        }
        if (slot == SLOT_GONE) {
            if (reusable == SIZE_MAX)
                reusable = at;
            continue;
        }
        const map_entry *held = &map->entries[slot - SLOT_FIRST];
        if (held->hash == hash && held->length == length &&
            (length == 0 || memcmp(held->key, key, length) == 0)) {
            *found = true;
            return at;
        }
    }
}

/* Closes the gaps of removed entries and hashes the rest into `n_slots` new slots. */
static bool rehash(pb_map *map, size_t n_slots)
{
    size_t *slots = pb_calloc(n_slots, sizeof *slots);
    if (!slots)
        return false;
    size_t kept = 0;
    for (size_t i = 0; i < map->n_entries; i++) {
        if (map->entries[i].key)
            map->entries[kept++] = map->entries[i];
    }
    map->n_entries = kept;
    for (size_t i = 0; i < kept; i++) {
        size_t at = (size_t)map->entries[i].hash & (n_slots - 1);
        while (slots[at] != SLOT_FREE)
            at = (at + 1) & (n_slots - 1);
        slots[at] = i + SLOT_FIRST;
    }
    free(map->slots);
    map->slots = slots;
    map->n_slots = n_slots;
    map->n_taken = kept;
    return true;
}

/* Room for one more entry and one more slot: at most two thirds of the slots are taken. */
static bool make_room(pb_map *map)
{
    if (map->n_taken + 1 > map->n_slots / 3 * 2) {
        size_t n_slots = map->count + 1 > map->n_slots / 3 ? map->n_slots * 2 : map->n_slots;
        if (n_slots == 0 || !rehash(map, n_slots))
            return false;
    }
    if (map->n_entries < map->capacity)
        return true;
    size_t capacity = map->capacity ? map->capacity * 2 : LEAST_SLOTS;
    map_entry *grown = pb_realloc(map->entries, capacity, sizeof *grown);
    if (!grown)
        return false;
    map->entries = grown;
    map->capacity = capacity;
    return true;
}

/* ---- the map ---- */

pb_map *pb_map_create(size_t expected)
{
    pb_map *map = pb_calloc(1, sizeof *map);
    if (!map)
        return NULL;
    size_t n_slots = LEAST_SLOTS;
    while (n_slots / 3 * 2 <= expected && n_slots <= SIZE_MAX / 4)
        n_slots *= 2;
    choose_seed(map);
    if (!rehash(map, n_slots))
        pb_map_destroy(&map);
    return map;
}

static char *copy_key(const void *key, size_t length)
{
    size_t bytes;
    char *copy = pb_size_add(length, 1, &bytes) ? pb_malloc(bytes, 1) : NULL;
    if (!copy)
        return NULL;
    if (length > 0)
        memcpy(copy, key, length);
    copy[length] = '\0';
    return copy;
}

bool pb_map_put(pb_map *map, const void *key, size_t length, uint64_t value)
{
    uint64_t hash = hash_key(map, key, length);
    bool found;
    size_t at = find_slot(map, key, length, hash, &found);
    if (found) {
        map->entries[map->slots[at] - SLOT_FIRST].value = value;
        return true;
    }
    if (!make_room(map))
        return false;
    char *copy = copy_key(key, length);
    if (!copy)
        return false;
    at = find_slot(map, key, length, hash, &found);
    if (map->slots[at] == SLOT_FREE)
        map->n_taken++;
    map->slots[at] = map->n_entries + SLOT_FIRST;
    map->entries[map->n_entries++] = (map_entry){copy, length, hash, value};
    map->count++;
    return true;
}

bool pb_map_get(const pb_map *map, const void *key, size_t length, uint64_t *value)
{
    bool found;
    size_t at = find_slot(map, key, length, hash_key(map, key, length), &found);
    if (found && value)
        *value = map->entries[map->slots[at] - SLOT_FIRST].value;
    return found;
}

bool pb_map_remove(pb_map *map, const void *key, size_t length)
{
    bool found;
    size_t at = find_slot(map, key, length, hash_key(map, key, length), &found);
    if (!found)
        return false;
    map_entry *gone = &map->entries[map->slots[at] - SLOT_FIRST];
    free(gone->key);
    gone->key = NULL;
    map->slots[at] = SLOT_GONE;
    map->count--;
    return true;
}

size_t pb_map_count(const pb_map *map)
{
    return map->count;
}

bool pb_map_next(const pb_map *map, size_t *cursor, const char **key, size_t *length,
                 uint64_t *value)
{
    while (*cursor < map->n_entries && !map->entries[*cursor].key)
        *cursor += 1;
    if (*cursor == map->n_entries)
        return false;
    const map_entry *next = &map->entries[*cursor];
    *cursor += 1;
    if (key)
        *key = next->key;
    if (length)
        *length = next->length;
    if (value)
        *value = next->value;
    return true;
}

void pb_map_destroy(pb_map **map)
{
    if (!map || !*map)
        return;
    for (size_t i = 0; i < (*map)->n_entries; i++)
        free((*map)->entries[i].key);
    free((*map)->entries);
    free((*map)->slots);
    free(*map);
    *map = NULL;
}
