/* Axes: a name, coordinates, labels, and how a person names places along them. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sort.h"
#include "tensor_internal.h"

static int compare_places(const void *left, const void *right)
{
    const pb_ordered_place *a = left, *b = right;
    return (a->coordinate > b->coordinate) - (a->coordinate < b->coordinate);
}

static bool is_counting(const int64_t *coordinates, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (coordinates[i] != (int64_t)i)
            return false;
    return true;
}

static bool is_ascending(const int64_t *coordinates, size_t length)
{
    for (size_t i = 1; i < length; i++)
        if (coordinates[i] <= coordinates[i - 1])
            return false;
    return true;
}

/* Sorts the coordinates of an axis that has them out of order, and finds repetitions. */
static pb_status sort_places(pb_axis *axis, const pb_watch *watch, pb_error **error)
{
    axis->places = pb_malloc(axis->length, sizeof *axis->places);
    if (!axis->places)
        return pb_fail_memory(error);
    for (size_t i = 0; i < axis->length; i++)
        axis->places[i] = (pb_ordered_place){axis->coordinates[i], i};
    pb_status status =
        pb_sort(axis->places, axis->length, sizeof *axis->places, compare_places, watch, error);
    for (size_t i = 1; !status && i < axis->length; i++)
        if (axis->places[i].coordinate == axis->places[i - 1].coordinate)
            return pb_fail(error, PB_VALUE, "the axis %s would have the coordinate %lld twice",
                           axis->name, (long long)axis->places[i].coordinate);
    return status;
}

static pb_status copy_coordinates(pb_axis *axis, const int64_t *coordinates, const pb_watch *watch,
                                  pb_error **error)
{
    if (!coordinates || is_counting(coordinates, axis->length))
        return PB_OK;
    for (size_t i = 0; i < axis->length; i++)
        if (coordinates[i] < 0 || coordinates[i] == INT64_MAX)
            return pb_fail(error, PB_VALUE, "the axis %s cannot have the coordinate %lld",
                           axis->name, (long long)coordinates[i]);
    axis->coordinates = pb_malloc(axis->length, sizeof *coordinates);
    if (!axis->coordinates)
        return pb_fail_memory(error);
    memcpy(axis->coordinates, coordinates, axis->length * sizeof *coordinates);
    return is_ascending(coordinates, axis->length) ? PB_OK : sort_places(axis, watch, error);
}

/* One block: the pointers, then the texts they point at. */
static pb_status copy_labels(pb_axis *axis, const char *const *labels, pb_error **error)
{
    if (!labels)
        return PB_OK;
    size_t bytes;
    if (!pb_size_mul(axis->length, sizeof *axis->labels, &bytes))
        return pb_fail_memory(error);
    for (size_t i = 0; i < axis->length; i++)
        if (!pb_size_add(bytes, strlen(labels[i]) + 1, &bytes))
            return pb_fail_memory(error);
    axis->labels = pb_malloc(bytes, 1);
    if (!axis->labels)
        return pb_fail_memory(error);
    char *text = (char *)(axis->labels + axis->length);
    for (size_t i = 0; i < axis->length; i++) {
        size_t size = strlen(labels[i]) + 1;
        axis->labels[i] = memcpy(text, labels[i], size);
        text += size;
    }
    return PB_OK;
}

static int64_t largest_coordinate(const pb_axis *axis)
{
    if (axis->length == 0)
        return -1;
    if (axis->places)
        return axis->places[axis->length - 1].coordinate;
    return pb_axis_coordinate(axis, axis->length - 1);
}

pb_status pb_axis_build(const char *name, size_t length, const int64_t *coordinates,
                        const char *const *labels, int64_t extent, const pb_watch *watch,
                        pb_axis **result, pb_error **error)
{
    if (length > PB_MAX_VALUES)
        return pb_fail(error, PB_LIMIT, "the axis %s would have %zu places; the most is %zu", name,
                       length, PB_MAX_VALUES);
    pb_axis *axis = pb_calloc(1, sizeof *axis + strlen(name) + 1);
    if (!axis)
        return pb_fail_memory(error);
    atomic_init(&axis->references, 1);
    axis->length = length;
    memcpy(axis->name, name, strlen(name) + 1);

    pb_status status = copy_coordinates(axis, coordinates, watch, error);
    if (!status)
        status = copy_labels(axis, labels, error);
    if (status) {
        pb_axis_release(&axis);
        return status;
    }
    int64_t least = largest_coordinate(axis) + 1;
    axis->extent = extent > least ? extent : least;
    *result = axis;
    return PB_OK;
}

pb_status pb_axis_create(const char *name, size_t length, const int64_t *coordinates,
                         const char *const *labels, pb_axis **axis, pb_error **error)
{
    return pb_axis_build(name, length, coordinates, labels, 0, NULL, axis, error);
}

pb_axis *pb_axis_retain(pb_axis *axis)
{
    if (axis)
        atomic_fetch_add_explicit(&axis->references, 1, memory_order_relaxed);
    return axis;
}

void pb_axis_release(pb_axis **axis)
{
    pb_axis *old = *axis;
    *axis = NULL;
    if (!old || atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) != 1)
        return;
    free(old->coordinates);
    free(old->places);
    free(old->labels);
    free(old);
}

const char *pb_axis_name(const pb_axis *axis)
{
    return axis->name;
}

size_t pb_axis_length(const pb_axis *axis)
{
    return axis->length;
}

int64_t pb_axis_coordinate(const pb_axis *axis, size_t index)
{
    return axis->coordinates ? axis->coordinates[index] : (int64_t)index;
}

int64_t pb_axis_extent(const pb_axis *axis)
{
    return axis->extent;
}

const char *pb_axis_label(const pb_axis *axis, size_t index)
{
    return axis->labels ? axis->labels[index] : NULL;
}

bool pb_axis_has_labels(const pb_axis *axis)
{
    return axis->labels != NULL;
}

bool pb_axis_same(const pb_axis *a, const pb_axis *b)
{
    if (a == b)
        return true;
    if (a->length != b->length || strcmp(a->name, b->name) != 0 || !a->labels != !b->labels)
        return false;
    for (size_t i = 0; i < a->length; i++) {
        if (pb_axis_coordinate(a, i) != pb_axis_coordinate(b, i))
            return false;
        if (a->labels && strcmp(a->labels[i], b->labels[i]) != 0)
            return false;
    }
    return true;
}

/* The i-th smallest coordinate and where it lies. */
static pb_ordered_place place_at(const pb_axis *axis, size_t i)
{
    return axis->places ? axis->places[i] : (pb_ordered_place){pb_axis_coordinate(axis, i), i};
}

bool pb_axis_find(const pb_axis *axis, int64_t coordinate, size_t *offset)
{
    size_t low = 0, high = axis->length;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (place_at(axis, middle).coordinate < coordinate)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == axis->length || place_at(axis, low).coordinate != coordinate)
        return false;
    *offset = place_at(axis, low).offset;
    return true;
}

/* ---- axes from axes ---- */

pb_status pb_axis_rename(const pb_axis *axis, const char *name, pb_axis **result, pb_error **error)
{
    return pb_axis_build(name, axis->length, axis->coordinates, (const char *const *)axis->labels,
                         axis->extent, NULL, result, error);
}

pb_status pb_axis_relabel(const pb_axis *axis, const char *const *labels, pb_axis **result,
                          pb_error **error)
{
    return pb_axis_build(axis->name, axis->length, axis->coordinates, labels, axis->extent, NULL,
                         result, error);
}

pb_status pb_axis_pick(const pb_axis *axis, const size_t *offsets, size_t count,
                       const pb_watch *watch, pb_axis **result, pb_error **error)
{
    pb_poll poll = {.watch = watch};
    int64_t *coordinates = pb_malloc(count, sizeof *coordinates);
    const char **labels = pb_malloc(count, sizeof *labels);
    pb_status status = coordinates && labels ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < count && pb_poll_step(&poll, 1); i++) {
        if (offsets[i] >= axis->length) {
            status = pb_fail(error, PB_RANGE, "the axis %s has %zu places, so none at offset %zu",
                             axis->name, axis->length, offsets[i]);
            break;
        }
        coordinates[i] = pb_axis_coordinate(axis, offsets[i]);
        labels[i] = pb_axis_label(axis, offsets[i]);
    }
    if (!status)
        status = pb_poll_status(&poll, error);
    if (!status)
        status = pb_axis_build(axis->name, count, coordinates, axis->labels ? labels : NULL,
                               axis->extent, watch, result, error);
    free(coordinates);
    free(labels);
    return status;
}
