/* The signatures seen so far: a bounded set that forgets the oldest. Not thread-safe. */
#ifndef PB_PROTOCOL_REPLAY_H
#define PB_PROTOCOL_REPLAY_H

#include <stdbool.h>
#include <stddef.h>

#define PB_DIGEST_BYTES 32

typedef struct pb_replay pb_replay;

pb_replay *pb_replay_create(size_t capacity); /* a power of two; NULL when memory is out */
/* Adds a digest; false if it is there already. */
bool pb_replay_add(pb_replay *replay, const unsigned char digest[PB_DIGEST_BYTES]);
void pb_replay_destroy(pb_replay **replay);

#endif
