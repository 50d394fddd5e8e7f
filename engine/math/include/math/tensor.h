/*
 * Tensors with named axes.
 *
 * A tensor is an immutable array of float32, row-major, whose axes have names ("layer", "pos",
 * ...), original coordinates, and labels along them. Selecting keeps the coordinates: t[layer=3:5]
 * still calls its rows 3 and 4, and integers in an index always mean coordinates, never offsets.
 *
 * Ownership: tensors and axes are atomically counted. A function that returns one through an
 * out-parameter gives the caller a reference; arguments are borrowed.
 *
 * Stopping: what takes a watch (which may be NULL) looks at its stop flag every few ms, and gives
 * PB_INTERRUPTED and no result once it is raised. Progress is not reported.
 */
#ifndef PB_MATH_TENSOR_H
#define PB_MATH_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/watch.h"

#define PB_MAX_RANK   8
#define PB_MAX_VALUES ((size_t)1 << 31) /* of one tensor; more is PB_LIMIT */

typedef struct pb_axis pb_axis;
typedef struct pb_tensor pb_tensor;

/* ---- axes ---- */

/*
 * An axis of `length` places. `coordinates` (copied; NULL for 0, 1, ...) must be distinct and not
 * negative, in any order; `labels` (copied; NULL for none) need not be distinct. Names are copied.
 */
pb_status pb_axis_create(const char *name, size_t length, const int64_t *coordinates,
                         const char *const *labels, pb_axis **axis, pb_error **error);
pb_axis *pb_axis_retain(pb_axis *axis);
void pb_axis_release(pb_axis **axis);

const char *pb_axis_name(const pb_axis *axis);
size_t pb_axis_length(const pb_axis *axis);
int64_t pb_axis_coordinate(const pb_axis *axis, size_t index);
/* One past the largest coordinate the axis had when it was made: what negative indices count from.
 */
int64_t pb_axis_extent(const pb_axis *axis);
const char *pb_axis_label(const pb_axis *axis, size_t index); /* NULL if the axis has no labels */
bool pb_axis_has_labels(const pb_axis *axis);

/* The same names, coordinates and labels? */
bool pb_axis_same(const pb_axis *a, const pb_axis *b);

/* The offset of a coordinate (which is not counted from the end), or false if it is not there. */
bool pb_axis_find(const pb_axis *axis, int64_t coordinate, size_t *offset);

/* The places at `offsets`, in that order, with their coordinates, labels and the old extent.
 * PB_RANGE for an offset past the end, PB_VALUE for one given twice. */
pb_status pb_axis_pick(const pb_axis *axis, const size_t *offsets, size_t count,
                       const pb_watch *watch, pb_axis **result, pb_error **error);

/* The same places under another name, or with other labels (NULL for none). */
pb_status pb_axis_rename(const pb_axis *axis, const char *name, pb_axis **result, pb_error **error);
pb_status pb_axis_relabel(const pb_axis *axis, const char *const *labels, pb_axis **result,
                          pb_error **error);

/* ---- selectors: how a person names places along an axis ---- */

typedef enum pb_select_kind {
    PB_SELECT_ALL,
    PB_SELECT_INDEX, /* one coordinate; the axis goes away */
    PB_SELECT_LABEL, /* one label, the `occurrence`-th; the axis goes away */
    PB_SELECT_SLICE, /* coordinates first <= c < last, by step */
    PB_SELECT_LIST, /* indices or labels, each PB_SELECT_INDEX or PB_SELECT_LABEL; the axis stays */
    PB_SELECT_MASK, /* a boolean tensor over the one axis, or over one without a name */
    PB_SELECT_EACH, /* the places of its one item, or of ALL, which a sweep walks one by one */
    PB_SELECT_PER   /* items: one selector for each of several prompts; no place by itself */
} pb_select_kind;

enum { PB_OCCURRENCE_ONLY = 0, PB_OCCURRENCE_FIRST = 1, PB_OCCURRENCE_LAST = -1 };

/* A literal borrows what it points at; what pb_select_copy() fills owns it. */
typedef struct pb_select {
    pb_select_kind kind;
    int64_t index;     /* INDEX: the coordinate; negative counts from the end */
    const char *label; /* LABEL */
    int occurrence;    /* LABEL: 0 it must occur once, n the n-th, -1 the last */
    bool has_first, has_last;
    int64_t first, last, step; /* SLICE; step is not 0 */
    const struct pb_select *items;
    size_t n_items;        /* LIST, PER; EACH: 0 or 1 */
    const pb_tensor *mask; /* MASK */
} pb_select;

extern const pb_select pb_select_all, pb_select_each;

/* A copy with its own label, items and hold on the mask. *copy holds nothing on failure. */
pb_status pb_select_copy(const pb_select *select, pb_select *copy, pb_error **error);
/* Frees what a selector owns, which becomes ALL. */
void pb_select_free(pb_select *select);
/* The same for one that is kept by itself. */
pb_status pb_select_create(const pb_select *select, pb_select **copy, pb_error **error);
void pb_select_destroy(pb_select **select);
bool pb_select_equal(const pb_select *a, const pb_select *b);

/* Of arguments that name places; NULL is one that was left out. */
bool pb_select_walks(const pb_select *select);    /* EACH */
bool pb_select_is_every(const pb_select *select); /* left out, ALL, or EACH of all */
bool pb_select_is_one(const pb_select *select);   /* a place: INDEX or LABEL, in PER each of them */
/* What it is of one of several prompts: the item of PER, else itself. */
const pb_select *pb_select_for(const pb_select *select, size_t prompt);

/*
 * Resolves a selector to offsets along the axis. *offsets is malloc'ed, the caller's; *drops says
 * whether the axis goes away. PB_RANGE for a coordinate that is not there (the error says what is),
 * PB_NAME for a label that is not (with the nearest), PB_VALUE for one that occurs more than once
 * (listing its positions and `at("x", 2)`).
 */
pb_status pb_axis_resolve(const pb_axis *axis, const pb_select *select, const pb_watch *watch,
                          size_t **offsets, size_t *count, bool *drops, pb_error **error);

/* ---- tensors ---- */

/* A tensor over `axes` (retained) whose values are zero; *data points at them for filling, until
 * the tensor is first shared. `axes` may not repeat a name. */
pb_status pb_tensor_create(size_t rank, pb_axis *const *axes, pb_tensor **tensor, float **data,
                           pb_error **error);
/* The same with values copied in. */
pb_status pb_tensor_from(size_t rank, pb_axis *const *axes, const float *values, pb_tensor **tensor,
                         pb_error **error);
/* The same over values that stay where they are, such as a model's weights. `values` must not
 * change until release(user) is called, once, when the last tensor that shares them is gone (or not
 * at all, when this call fails). */
pb_status pb_tensor_borrow(size_t rank, pb_axis *const *axes, const float *values,
                           void (*release)(void *user), void *user, pb_tensor **tensor,
                           pb_error **error);
/* The same values with one axis replaced by another of the same length; nothing is copied. */
pb_status pb_tensor_replace_axis(const pb_tensor *tensor, size_t which, pb_axis *axis,
                                 pb_tensor **result, pb_error **error);
pb_tensor *pb_tensor_retain(pb_tensor *tensor);
void pb_tensor_release(pb_tensor **tensor);

size_t pb_tensor_rank(const pb_tensor *tensor);
size_t pb_tensor_size(const pb_tensor *tensor);                     /* how many values */
pb_axis *pb_tensor_axis(const pb_tensor *tensor, size_t which);     /* borrowed */
int pb_tensor_find_axis(const pb_tensor *tensor, const char *name); /* -1 if absent */
const float *pb_tensor_data(const pb_tensor *tensor);
bool pb_tensor_is_boolean(const pb_tensor *tensor); /* values are 0 and 1, made by a comparison */
void pb_tensor_mark_boolean(pb_tensor *tensor);     /* before it is shared */

/*
 * Gaps (base/gap.h) are cells that are not there. What is computed with one is one; a comparison
 * with one is false; reductions, softmax, products and rankings leave them out, and what would be
 * made of gaps alone is a gap.
 */
bool pb_tensor_has_gaps(const pb_tensor *tensor);
void pb_tensor_mark_gaps(pb_tensor *tensor); /* once it is filled, before it is shared */
/* Where there is a cell, as a mask. */
pb_status pb_tensor_present(const pb_tensor *a, const pb_watch *watch, pb_tensor **result,
                            pb_error **error);

/* Like pb_tensor_find_axis, but an error that lists the axes and the nearest name. */
pb_status pb_tensor_need_axis(const pb_tensor *tensor, const char *name, size_t *which,
                              pb_error **error);

/* t[name=select, ...]: axes not named are taken whole. A part of a tensor is a copy, unless it is
 * one piece and at least half of the values. */
pb_status pb_tensor_select(const pb_tensor *tensor, size_t n, const char *const *names,
                           const pb_select *selects, const pb_watch *watch, pb_tensor **result,
                           pb_error **error);

typedef enum pb_binary {
    PB_ADD,
    PB_SUB,
    PB_MUL,
    PB_DIV,
    PB_FLOORDIV,
    PB_MOD,
    PB_POW,
    PB_EQ,
    PB_NE,
    PB_LT,
    PB_LE,
    PB_GT,
    PB_GE,
    PB_AND,
    PB_OR,
    PB_MINIMUM,
    PB_MAXIMUM
} pb_binary;

typedef enum pb_unary {
    PB_NEGATE,
    PB_NOT,
    PB_ABS,
    PB_SQRT,
    PB_EXP,
    PB_LOG,
    PB_ROUND,
    PB_SIGN,
    PB_TANH,
    PB_COS,
    PB_SIN
} pb_unary;

typedef enum pb_reduction {
    PB_SUM,
    PB_MEAN,
    PB_MIN,
    PB_MAX,
    PB_ARGMAX,
    PB_ARGMIN,
    PB_STD,
    PB_NORM,
    PB_ANY,
    PB_EVERY
} pb_reduction;

/*
 * Element by element. Axes are lined up by name, missing ones broadcast; the result has a's axes,
 * then b's others. Coordinates and labels must be equal (PB_VALUE otherwise, naming the axis and
 * what differs; an axis without labels takes the other's), except that along positions ("pos",
 * "query", "key") and prompts ("prompt") of equal length and coordinates, which line up in order,
 * different labels join into "love|hate".
 *
 * Values are float32 and follow IEEE: 1 / 0 is inf, NaN passes through. // and % round towards
 * minus infinity as Python's do. Comparisons, PB_AND and PB_OR make boolean tensors; for the last
 * two whatever is not 0 is true. A number is rounded to float32 first.
 */
pb_status pb_tensor_binary(pb_binary op, const pb_tensor *a, const pb_tensor *b,
                           const pb_watch *watch, pb_tensor **result, pb_error **error);
/* With a number on one side (`left` says it is the left operand). */
pb_status pb_tensor_binary_number(pb_binary op, const pb_tensor *a, double number, bool left,
                                  const pb_watch *watch, pb_tensor **result, pb_error **error);
pb_status pb_tensor_unary(pb_unary op, const pb_tensor *a, const pb_watch *watch,
                          pb_tensor **result, pb_error **error);

/* where(condition, a, b), all three lined up; a and b may be rank 0. */
pb_status pb_tensor_where(const pb_tensor *condition, const pb_tensor *a, const pb_tensor *b,
                          const pb_watch *watch, pb_tensor **result, pb_error **error);

/*
 * Over the named axes, or over all with n = 0. Sums are in double. PB_STD is the population's (the
 * mean of squares, not divided by n - 1), PB_NORM the root of the sum of squares. PB_ARGMAX and
 * PB_ARGMIN go over one axis and give its coordinates, the first of equals; NaN counts as the
 * extreme. PB_VALUE for an axis of length 0, except for PB_SUM, PB_NORM, PB_ANY and PB_EVERY.
 */
pb_status pb_tensor_reduce(pb_reduction op, const pb_tensor *a, size_t n, const char *const *over,
                           const pb_watch *watch, pb_tensor **result, pb_error **error);
pb_status pb_tensor_softmax(const pb_tensor *a, const char *over, bool logarithm,
                            const pb_watch *watch, pb_tensor **result, pb_error **error);

/*
 * Sums a * b over the named axes, lining up the other shared ones. An axis that would have to
 * appear twice is an error that shows rename().
 */
pb_status pb_tensor_dot(const pb_tensor *a, const pb_tensor *b, size_t n, const char *const *over,
                        const pb_watch *watch, pb_tensor **result, pb_error **error);

pb_status pb_tensor_rename(const pb_tensor *a, const char *from, const char *to, pb_tensor **result,
                           pb_error **error);
/* Reorders axes; `names` lists all of them. */
pb_status pb_tensor_transpose(const pb_tensor *a, const char *const *names, const pb_watch *watch,
                              pb_tensor **result, pb_error **error);
/* Joins tensors with the same axes along a new first axis (lines up by name and coordinates). */
pb_status pb_tensor_stack(pb_axis *axis, const pb_tensor *const *parts, const pb_watch *watch,
                          pb_tensor **result, pb_error **error);

/* The same of parts that may differ in length along some axes, which line up from their starts:
 * what a shorter one lacks are gaps. Coordinates and labels stay where all parts agree. */
pb_status pb_tensor_stack_ragged(pb_axis *axis, const pb_tensor *const *parts,
                                 const pb_watch *watch, pb_tensor **result, pb_error **error);

/* Joins tensors along an axis they all have, whose coordinates count from 0 then; all other axes
 * are the same, in any order. */
pb_status pb_tensor_concat(size_t n, const pb_tensor *const *parts, const char *over,
                           const pb_watch *watch, pb_tensor **result, pb_error **error);

/* What is done along an axis: `in` are the n values of a lane, which it may overwrite; `out` takes
 * as many as the new axis has places, one without. */
typedef pb_status pb_lane_function(const void *how, size_t n, double *in, float *out,
                                   pb_error **error);
/* `function` of each lane along `over`, in whose place comes `axis`, or none if that is NULL: gaps
 * are then left out of the lane, and one of gaps alone gives a gap. */
pb_status pb_tensor_lanes(const pb_tensor *a, const char *over, pb_axis *axis,
                          pb_lane_function *function, const void *how, const pb_watch *watch,
                          pb_tensor **result, pb_error **error);

typedef enum pb_order { PB_BY_MAGNITUDE, PB_BY_VALUE, PB_BY_SMALLEST } pb_order;

/* The flat offsets of the k first values in an order; ties by offset; NaN last, gaps not at all.
 * malloc'ed. */
pb_status pb_tensor_top(const pb_tensor *a, size_t k, pb_order order, const pb_watch *watch,
                        size_t **offsets, size_t *count, pb_error **error);
/* The offset along each axis of a flat offset. */
void pb_tensor_unravel(const pb_tensor *a, size_t flat, size_t offsets[PB_MAX_RANK]);

#endif
