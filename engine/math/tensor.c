/* Tensors: making, sharing and asking. */
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "tensor_internal.h"

/* ---- storage ---- */

static pb_storage *storage_create(size_t size, bool zeroed)
{
    size_t bytes;
    if (!pb_size_mul(size, sizeof(float), &bytes) ||
        !pb_size_add(bytes, sizeof(pb_storage), &bytes))
        return NULL;
    pb_storage *storage = pb_hold(zeroed ? pb_calloc(1, bytes) : pb_malloc(1, bytes));
    if (!storage)
        return NULL;
    atomic_init(&storage->references, 1);
    storage->size = size;
    storage->release = NULL;
    storage->user = NULL;
    return storage;
}

static void storage_release(pb_storage *storage)
{
    if (!storage)
        return;
    if (atomic_fetch_sub_explicit(&storage->references, 1, memory_order_acq_rel) != 1)
        return;
    if (storage->release)
        storage->release(storage->user);
    pb_let_go(storage);
}

/* ---- making ---- */

static pb_status check_axes(size_t rank, pb_axis *const *axes, pb_error **error)
{
    if (rank > PB_MAX_RANK)
        return pb_fail(error, PB_LIMIT,
                       "a tensor can have %d axes at most, and this would have %zu", PB_MAX_RANK,
                       rank);
    for (size_t i = 0; i < rank; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(axes[i]->name, axes[j]->name) != 0)
                continue;
            const char *name = axes[i]->name;
            pb_status status = pb_fail(error, PB_VALUE, "the axis %s would repeat", name);
            pb_hint(error, "give one of them another name first: rename(t, %s=\"%s_2\")", name,
                    name);
            return status;
        }
    }
    return PB_OK;
}

static pb_status count_values(size_t rank, pb_axis *const *axes, size_t *size, pb_error **error)
{
    size_t values = 1;
    bool fits = true, empty = false;
    for (size_t i = 0; i < rank; i++) {
        empty = empty || axes[i]->length == 0;
        fits = fits && pb_size_mul(values, axes[i]->length, &values) && values <= PB_MAX_VALUES;
    }
    *size = empty ? 0 : values;
    if (fits || empty)
        return PB_OK;

    pb_buffer text = PB_BUFFER_EMPTY;
    pb_buffer_text(&text, "a tensor of ");
    for (size_t i = 0; i < rank; i++)
        pb_buffer_format(&text, "%s%zu", i > 0 ? " x " : "", axes[i]->length);
    pb_buffer_format(&text, " values is too large; the most is %zu values", PB_MAX_VALUES);
    pb_status status = pb_fail_with(error, PB_LIMIT, &text);
    pb_hint(error, "select fewer places along %s first", axes[0]->name);
    return status;
}

/* A handle without storage: axes retained, size counted. */
static pb_status handle_create(size_t rank, pb_axis *const *axes, pb_tensor **result,
                               pb_error **error)
{
    size_t size = 0;
    pb_status status = check_axes(rank, axes, error);
    if (!status)
        status = count_values(rank, axes, &size, error);
    if (status)
        return status;
    pb_tensor *tensor = pb_calloc(1, sizeof *tensor);
    if (!tensor)
        return pb_fail_memory(error);
    atomic_init(&tensor->references, 1);
    tensor->rank = rank;
    tensor->size = size;
    for (size_t i = 0; i < rank; i++)
        tensor->axes[i] = pb_axis_retain(axes[i]);
    *result = tensor;
    return PB_OK;
}

static pb_status make(size_t rank, pb_axis *const *axes, bool zeroed, pb_tensor **result,
                      float **data, pb_error **error)
{
    pb_tensor *tensor = NULL;
    pb_status status = handle_create(rank, axes, &tensor, error);
    if (status)
        return status;
    tensor->storage = storage_create(tensor->size, zeroed);
    if (!tensor->storage) {
        pb_tensor_release(&tensor);
        return pb_fail_memory(error);
    }
    tensor->data = tensor->storage->own;
    *data = tensor->storage->own;
    *result = tensor;
    return PB_OK;
}

pb_status pb_tensor_finish(pb_status status, pb_tensor *made, pb_tensor **result)
{
    if (!status)
        *result = made;
    else
        pb_tensor_release(&made);
    return status;
}

pb_status pb_tensor_create(size_t rank, pb_axis *const *axes, pb_tensor **tensor, float **data,
                           pb_error **error)
{
    return make(rank, axes, true, tensor, data, error);
}

pb_status pb_tensor_blank(size_t rank, pb_axis *const *axes, pb_tensor **tensor, float **data,
                          pb_error **error)
{
    return make(rank, axes, false, tensor, data, error);
}

pb_status pb_tensor_from(size_t rank, pb_axis *const *axes, const float *values, pb_tensor **tensor,
                         pb_error **error)
{
    float *data = NULL;
    pb_status status = pb_tensor_blank(rank, axes, tensor, &data, error);
    if (!status && (*tensor)->size > 0)
        memcpy(data, values, (*tensor)->size * sizeof *data);
    return status;
}

pb_status pb_tensor_borrow(size_t rank, pb_axis *const *axes, const float *values,
                           void (*release)(void *user), void *user, pb_tensor **result,
                           pb_error **error)
{
    pb_tensor *tensor = NULL;
    pb_status status = handle_create(rank, axes, &tensor, error);
    if (status)
        return status;
    tensor->storage = storage_create(0, false);
    if (!tensor->storage) {
        pb_tensor_release(&tensor);
        return pb_fail_memory(error);
    }
    tensor->storage->size = tensor->size;
    tensor->storage->release = release;
    tensor->storage->user = user;
    tensor->data = values;
    *result = tensor;
    return PB_OK;
}

pb_status pb_tensor_share(const pb_tensor *whole, size_t rank, pb_axis *const *axes,
                          const float *data, pb_tensor **result, pb_error **error)
{
    pb_tensor *tensor = NULL;
    pb_status status = handle_create(rank, axes, &tensor, error);
    if (status)
        return status;
    atomic_fetch_add_explicit(&whole->storage->references, 1, memory_order_relaxed);
    tensor->storage = whole->storage;
    tensor->data = data;
    tensor->boolean = whole->boolean;
    tensor->gaps = whole->gaps;
    *result = tensor;
    return PB_OK;
}

pb_status pb_tensor_replace_axis(const pb_tensor *tensor, size_t which, pb_axis *axis,
                                 pb_tensor **result, pb_error **error)
{
    const pb_axis *old = tensor->axes[which];
    if (old->length != axis->length)
        return pb_fail(error, PB_VALUE, "the axis %s has %zu places and cannot become one of %zu",
                       old->name, old->length, axis->length);
    pb_axis *axes[PB_MAX_RANK];
    for (size_t i = 0; i < tensor->rank; i++)
        axes[i] = i == which ? axis : tensor->axes[i];
    return pb_tensor_share(tensor, tensor->rank, axes, tensor->data, result, error);
}

pb_tensor *pb_tensor_retain(pb_tensor *tensor)
{
    if (tensor)
        atomic_fetch_add_explicit(&tensor->references, 1, memory_order_relaxed);
    return tensor;
}

void pb_tensor_release(pb_tensor **tensor)
{
    pb_tensor *old = *tensor;
    *tensor = NULL;
    if (!old || atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < old->rank; i++)
        pb_axis_release(&old->axes[i]);
    storage_release(old->storage);
    free(old);
}

/* ---- asking ---- */

size_t pb_tensor_rank(const pb_tensor *tensor)
{
    return tensor->rank;
}

size_t pb_tensor_size(const pb_tensor *tensor)
{
    return tensor->size;
}

pb_axis *pb_tensor_axis(const pb_tensor *tensor, size_t which)
{
    return tensor->axes[which];
}

int pb_tensor_find_axis(const pb_tensor *tensor, const char *name)
{
    for (size_t i = 0; i < tensor->rank; i++)
        if (strcmp(tensor->axes[i]->name, name) == 0)
            return (int)i;
    return -1;
}

const float *pb_tensor_data(const pb_tensor *tensor)
{
    return tensor->data;
}

bool pb_tensor_is_boolean(const pb_tensor *tensor)
{
    return tensor->boolean;
}

void pb_tensor_mark_boolean(pb_tensor *tensor)
{
    tensor->boolean = true;
}

pb_status pb_tensor_need_axis(const pb_tensor *tensor, const char *name, size_t *which,
                              pb_error **error)
{
    int found = pb_tensor_find_axis(tensor, name);
    if (found >= 0) {
        *which = (size_t)found;
        return PB_OK;
    }
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_buffer_format(&text, "there is no axis '%s' here; ", name);
    pb_buffer_text(&text, tensor->rank == 0   ? "this is a single number, without axes"
                          : tensor->rank == 1 ? "the one axis is "
                                              : "the axes are ");
    pb_say_axes(&text, tensor);
    pb_status status = pb_fail_with(error, PB_NAME, &text);

    const char *names[PB_MAX_RANK];
    for (size_t i = 0; i < tensor->rank; i++)
        names[i] = tensor->axes[i]->name;
    const char *nearest = pb_nearest(name, names, tensor->rank);
    if (nearest)
        pb_hint(error, "did you mean %s?", nearest);
    return status;
}

void pb_tensor_strides(const pb_tensor *tensor, size_t strides[PB_MAX_RANK])
{
    size_t stride = 1;
    for (size_t i = tensor->rank; i-- > 0;) {
        strides[i] = stride;
        stride *= tensor->axes[i]->length;
    }
}

void pb_tensor_unravel(const pb_tensor *a, size_t flat, size_t offsets[PB_MAX_RANK])
{
    for (size_t i = a->rank; i-- > 0;) {
        offsets[i] = flat % a->axes[i]->length;
        flat /= a->axes[i]->length;
    }
}
