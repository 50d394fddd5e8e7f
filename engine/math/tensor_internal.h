/* What the files of the tensor half share: the structs behind the handles, lining up, walking. */
#ifndef PB_TENSOR_INTERNAL_H
#define PB_TENSOR_INTERNAL_H

#include <stdatomic.h>

#include "base/buffer.h"
#include "math/tensor.h"

/* A coordinate and where it lies, for axes whose coordinates are not in ascending order. */
typedef struct pb_ordered_place {
    int64_t coordinate;
    size_t offset;
} pb_ordered_place;

struct pb_axis {
    atomic_size_t references;
    size_t length;
    int64_t extent;
    int64_t *coordinates;     /* [length]; NULL when they are 0, 1, ... */
    pb_ordered_place *places; /* [length] by coordinate; NULL when ascending */
    char **labels; /* [length] pointers, their text behind them in the same block; or NULL */
    char name[];
};

/* The values of one or several tensors, and how to let go of them. */
typedef struct pb_storage {
    atomic_size_t references;
    size_t size;
    void (*release)(void *user); /* NULL when the values follow in `own` */
    void *user;
    float own[];
} pb_storage;

struct pb_tensor {
    atomic_size_t references;
    size_t rank, size;
    bool boolean;
    bool gaps;         /* some of its cells may be gaps */
    const float *data; /* [size], inside storage or borrowed with it */
    pb_storage *storage;
    pb_axis *axes[PB_MAX_RANK];
};

/* ---- messages (messages.c) ---- */

/* pb_fail() and pb_error_hint() with a text that was put together in a buffer, which is freed. */
pb_status pb_fail_with(pb_error **error, pb_status code, pb_buffer *text);
void pb_hint_with(pb_error **error, pb_buffer *text);
void pb_hint(pb_error **error, const char *hint, ...) PB_PRINTF(2, 3);

/* "0 to 11", or "3, 5, 9 and 40 more" when they do not follow each other. */
void pb_say_coordinates(pb_buffer *out, const pb_axis *axis);
/* "layer, head, query, key". */
void pb_say_axes(pb_buffer *out, const pb_tensor *tensor);

/* The axis has no such label, or none at all: PB_NAME, with the nearest. */
pb_status pb_fail_label(const pb_axis *axis, const char *label, pb_error **error);
/* The label names several places, or `occurrence` asks for more than there are. */
pb_status pb_fail_occurrence(const pb_axis *axis, const char *label, int occurrence,
                             pb_error **error);

/* ---- making (axis.c, tensor.c) ---- */

/* Gives `made` as the result, or releases it if `status` is not PB_OK. Returns status. */
pb_status pb_tensor_finish(pb_status status, pb_tensor *made, pb_tensor **result);

/* `extent` is at least one past the largest coordinate. */
pb_status pb_axis_build(const char *name, size_t length, const int64_t *coordinates,
                        const char *const *labels, int64_t extent, const pb_watch *watch,
                        pb_axis **axis, pb_error **error);

/* pb_tensor_create() without zeros. */
pb_status pb_tensor_blank(size_t rank, pb_axis *const *axes, pb_tensor **tensor, float **data,
                          pb_error **error);
/* A tensor over part of another's values, starting at `data`. */
pb_status pb_tensor_share(const pb_tensor *whole, size_t rank, pb_axis *const *axes,
                          const float *data, pb_tensor **tensor, pb_error **error);

/* The strides of a tensor's axes, in values. */
void pb_tensor_strides(const pb_tensor *tensor, size_t strides[PB_MAX_RANK]);

/* ---- gaps (gap.c) ---- */

size_t pb_count_gaps(const pb_tensor *tensor);
/* A copy with a number in place of each gap. */
pb_status pb_fill_gaps(const pb_tensor *a, float with, const pb_watch *watch, pb_tensor **result,
                       pb_error **error);
/* Puts a's gaps into `made`, which has as many values at `out`. */
void pb_restore_gaps(const pb_tensor *a, pb_tensor *made, float *out);

/* ---- lining up (lineup.c) ---- */

#define PB_OPERANDS 3

/* Tensors lined up by the names of their axes: a joint list of axes, and each operand's stride
 * along them (0 where the operand is broadcast). Owns references to the axes. */
typedef struct pb_lineup {
    size_t rank;
    pb_axis *axes[PB_MAX_RANK];
    size_t strides[PB_OPERANDS][PB_MAX_RANK];
} pb_lineup;

#define PB_LINEUP_EMPTY                                                                            \
    {                                                                                              \
        0, {NULL},                                                                                 \
        {                                                                                          \
            {                                                                                      \
                0                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

/* Adds the axes of operand number `which`, in order, joining them with those already there. */
pb_status pb_lineup_add(pb_lineup *lineup, size_t which, const pb_tensor *operand,
                        pb_error **error);
void pb_lineup_free(pb_lineup *lineup);

/* The axis that stands for both of two axes of one name, or an error that says what differs. */
pb_status pb_axis_join(pb_axis *a, pb_axis *b, pb_axis **joined, pb_error **error);

/* ---- stopping and walking (walk.c) ---- */

/* Values between two looks at the stop flag. The slowest operators (pow, a remainder of numbers far
 * apart) take some 0.1 us a value, so that these are a few ms, and looking costs nothing. */
#define PB_POLL_VALUES ((size_t)1 << 16)

/* The stop flag, read once in PB_POLL_VALUES values. `watch` may be NULL. */
typedef struct pb_poll {
    const pb_watch *watch;
    size_t values; /* left until it is read again */
    bool stopped;
} pb_poll;

/* Before a step of so many values: false when there should be none, and then it stays so. */
static inline bool pb_poll_step(pb_poll *poll, size_t values)
{
    if (values < poll->values) {
        poll->values -= values;
        return true;
    }
    poll->stopped = poll->stopped || pb_watch_stopped(poll->watch);
    poll->values = poll->stopped ? 0 : PB_POLL_VALUES;
    return !poll->stopped;
}

/* PB_OK, or PB_INTERRUPTED with an error. */
pb_status pb_poll_status(const pb_poll *poll, pb_error **error);

/* memcpy() of n floats; false when it was stopped. */
bool pb_poll_copy(pb_poll *poll, float *out, const float *in, size_t n);

/*
 * Steps through a shape row by row, a row being the innermost axis, keeping each operand's offset.
 * Axes that every operand passes through at one stride are merged first, so rows are long; what is
 * longer than PB_POLL_VALUES comes in several rows. A walk ends early when it is stopped.
 *
 *     for (pb_walk_start(&walk, rank, lengths, n, strides, watch); !walk.done; pb_walk_next(&walk))
 *         row(data + walk.offset[0], walk.step[0], walk.length, ...);
 *     status = pb_walk_status(&walk, error);
 */
typedef struct pb_walk {
    bool done;
    size_t length;               /* of a row */
    size_t step[PB_OPERANDS];    /* of each operand along a row */
    size_t offset[PB_OPERANDS];  /* of each operand at the start of the row */
    size_t operands, rank;       /* rank: outer axes */
    size_t lengths[PB_MAX_RANK]; /* of the outer axes, then of the innermost */
    size_t strides[PB_OPERANDS][PB_MAX_RANK];
    size_t index[PB_MAX_RANK];
    size_t at, whole; /* where the row begins along the innermost axis, and how long that is */
    pb_poll poll;
} pb_walk;

void pb_walk_start(pb_walk *walk, size_t rank, const size_t *lengths, size_t operands,
                   const size_t strides[][PB_MAX_RANK], const pb_watch *watch);
/* One operand of `size` values that lie close together. */
void pb_walk_flat(pb_walk *walk, size_t size, const pb_watch *watch);
void pb_walk_next(pb_walk *walk);
pb_status pb_walk_status(const pb_walk *walk, pb_error **error);

/* out[i][j]... = in[i * strides[0] + j * strides[1] + ...]: a permuted copy, dense in `out`. False
 * when it was stopped. */
bool pb_gather(pb_poll *poll, float *out, const float *in, size_t rank, const size_t *lengths,
               const size_t *strides);

#endif
