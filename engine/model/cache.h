/* A cache as the forward pass sees it: rows it may write. */
#ifndef PB_MODEL_CACHE_H
#define PB_MODEL_CACHE_H

#include "model/forward.h"

/* Keys before rotation and after it are one where nothing is rotated. */
typedef enum pb_cache_array { PB_CACHE_ROT_K, PB_CACHE_V, PB_CACHE_Q, PB_CACHE_K } pb_cache_array;

bool pb_cache_has_q(const pb_cache *cache);
bool pb_cache_has_k(const pb_cache *cache); /* keys before rotation */
/* The row of a position, [d_kv], or [d_q] of q; PB_CACHE_Q and PB_CACHE_K only where there is. */
float *pb_cache_row(const pb_cache *cache, size_t layer, pb_cache_array which, size_t position);

#endif
