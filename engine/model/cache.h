/* A cache as the forward pass sees it: rows it may write. */
#ifndef PB_MODEL_CACHE_H
#define PB_MODEL_CACHE_H

#include "model/forward.h"

typedef enum pb_cache_array { PB_CACHE_K, PB_CACHE_V, PB_CACHE_Q } pb_cache_array;

bool pb_cache_has_q(const pb_cache *cache);
/* The row of a position, [d_kv], or [d_q] of q; PB_CACHE_Q only where there is q. */
float *pb_cache_row(const pb_cache *cache, size_t layer, pb_cache_array which, size_t position);

#endif
