/* Keys, values and queries of positions already computed. */
#include "cache.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/memory.h"

struct pb_cache {
    atomic_size_t references;
    size_t n_layer, capacity;
    bool rotates;
    size_t d_q, d_kv; /* d_q is 0 without q */
    size_t d_k;       /* of keys before rotation; 0 where there are none of their own */
    float *data;      /* [n_layer]: rotated k and v [capacity, d_kv], q [capacity, d_q], k */
};

/* Values of one position of one layer. */
static size_t row_width(const pb_cache *cache)
{
    return 2 * cache->d_kv + cache->d_q + cache->d_k;
}

pb_status pb_cache_create(const pb_model *model, size_t capacity, bool with_q, pb_cache **cache,
                          pb_error **error)
{
    const pb_shape *shape = pb_model_shape(model);
    pb_cache *made = pb_calloc(1, sizeof *made);
    if (!made)
        return pb_fail_memory(error);
    atomic_init(&made->references, 1);
    made->n_layer = shape->n_layer;
    made->d_q = with_q ? shape->d_q : 0;
    made->d_kv = shape->d_kv;
    made->rotates = shape->rotary_dim > 0;
    made->d_k = with_q && made->rotates ? shape->d_kv : 0;
    made->capacity = capacity;
    size_t rows;
    if (!pb_size_mul(made->n_layer, capacity, &rows) ||
        !pb_size_mul(rows, row_width(made), &rows) ||
        !(made->data = pb_hold(pb_calloc(rows, sizeof(float))))) {
        free(made);
        return pb_fail_memory(error);
    }
    *cache = made;
    return PB_OK;
}

pb_cache *pb_cache_retain(pb_cache *cache)
{
    if (cache)
        atomic_fetch_add_explicit(&cache->references, 1, memory_order_relaxed);
    return cache;
}

void pb_cache_release(pb_cache **cache)
{
    pb_cache *old = cache ? *cache : NULL;
    if (!old)
        return;
    *cache = NULL;
    if (atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) != 1)
        return;
    pb_let_go(old->data);
    free(old);
}

size_t pb_cache_capacity(const pb_cache *cache)
{
    return cache->capacity;
}

size_t pb_cache_bytes(const pb_cache *cache)
{
    return cache->n_layer * cache->capacity * row_width(cache) * sizeof(float);
}

float *pb_cache_row(const pb_cache *cache, size_t layer, pb_cache_array which, size_t position)
{
    size_t d_kv = cache->d_kv, d_q = cache->d_q;
    const size_t before[] = {[PB_CACHE_ROT_K] = 0,
                             [PB_CACHE_V] = d_kv,
                             [PB_CACHE_Q] = 2 * d_kv,
                             [PB_CACHE_K] = cache->d_k ? 2 * d_kv + d_q : 0};
    size_t width = which == PB_CACHE_Q ? d_q : d_kv;
    return cache->data + (layer * row_width(cache) + before[which]) * cache->capacity +
           position * width;
}

bool pb_cache_has_q(const pb_cache *cache)
{
    return cache->d_q > 0;
}

bool pb_cache_has_k(const pb_cache *cache)
{
    return !cache->rotates || cache->d_k > 0;
}

const float *pb_cache_k(const pb_cache *cache, size_t layer)
{
    return pb_cache_has_k(cache) ? pb_cache_row(cache, layer, PB_CACHE_K, 0) : NULL;
}

const float *pb_cache_v(const pb_cache *cache, size_t layer)
{
    return pb_cache_row(cache, layer, PB_CACHE_V, 0);
}

const float *pb_cache_q(const pb_cache *cache, size_t layer)
{
    return pb_cache_has_q(cache) ? pb_cache_row(cache, layer, PB_CACHE_Q, 0) : NULL;
}
