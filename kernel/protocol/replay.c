/*
 * The signatures seen so far. Digests lie in a ring, oldest first; an open-addressed table of twice
 * as many slots finds them. A digest is a MAC under a secret key, so its first bytes are the hash.
 */
#include "replay.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct pb_replay {
    size_t capacity, count, oldest;
    unsigned char (*ring)[PB_DIGEST_BYTES];
    uint32_t *slots; /* place in the ring plus one; 0 is an empty slot */
};

pb_replay *pb_replay_create(size_t capacity)
{
    pb_replay *replay = pb_calloc(1, sizeof *replay);
    if (!replay)
        return NULL;
    replay->capacity = capacity;
    replay->ring = pb_calloc(capacity, sizeof *replay->ring);
    replay->slots = pb_calloc(2 * capacity, sizeof *replay->slots);
    if (!replay->ring || !replay->slots)
        pb_replay_destroy(&replay);
    return replay;
}

void pb_replay_destroy(pb_replay **replay)
{
    if (!*replay)
        return;
    free((*replay)->ring);
    free((*replay)->slots);
    free(*replay);
    *replay = NULL;
}

static size_t home(const pb_replay *replay, const unsigned char *digest)
{
    uint64_t hash;
    memcpy(&hash, digest, sizeof hash);
    return (size_t)hash & (2 * replay->capacity - 1);
}

static size_t following(const pb_replay *replay, size_t slot)
{
    return (slot + 1) & (2 * replay->capacity - 1);
}

/* The slot that holds the digest, or the empty one where it belongs. */
static size_t find(const pb_replay *replay, const unsigned char *digest)
{
    size_t slot = home(replay, digest);
    while (replay->slots[slot] != 0 &&
           memcmp(replay->ring[replay->slots[slot] - 1], digest, PB_DIGEST_BYTES) != 0)
        slot = following(replay, slot);
    return slot;
}

/* Empties a slot, and moves up entries behind it that a search would no longer find past the gap.
 */
static void vacate(pb_replay *replay, size_t slot)
{
    size_t mask = 2 * replay->capacity - 1;
    size_t gap = slot;
    for (size_t at = following(replay, gap); replay->slots[at] != 0; at = following(replay, at)) {
        size_t from_home = (at - home(replay, replay->ring[replay->slots[at] - 1])) & mask;
        if (from_home >= ((at - gap) & mask)) {
            replay->slots[gap] = replay->slots[at];
            gap = at;
        }
    }
    replay->slots[gap] = 0;
}

bool pb_replay_add(pb_replay *replay, const unsigned char digest[PB_DIGEST_BYTES])
{
    if (replay->slots[find(replay, digest)] != 0)
        return false;
    size_t place = (replay->oldest + replay->count) & (replay->capacity - 1);
    if (replay->count == replay->capacity) {
        vacate(replay, find(replay, replay->ring[replay->oldest]));
        replay->oldest = (replay->oldest + 1) & (replay->capacity - 1);
        replay->count--;
    }
    memcpy(replay->ring[place], digest, PB_DIGEST_BYTES);
    replay->slots[find(replay, digest)] = (uint32_t)place + 1;
    replay->count++;
    return true;
}
