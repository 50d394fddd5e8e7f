/*
 * What is known of an expression without running it: the value it stands for, where that is there
 * already, or what its word or its owner's type says it will be.
 */
#ifndef PB_ASSIST_SIGHT_H
#define PB_ASSIST_SIGHT_H

#include "scan.h"
#include "value/object.h"

typedef struct pb_sight {
    pb_value *value;            /* what it stands for; a reference */
    const pb_object_type *type; /* else the type of the object it will be */
    bool tensor;                /* else it will be a tensor: `prospect` of `owner` */
    pb_prospect prospect;
    pb_value *owner; /* whose answer or part it is; NULL where only its type is known */
    const pb_object_type *owner_type; /* NULL for a part */
} pb_sight;

/* Of the tokens [start, end), or of the expression that ends before token `end`. Free it. */
void pb_sight_tokens(const pb_scan *scan, const pb_snapshot *snapshot, size_t start, size_t end,
                     pb_sight *sight);
void pb_sight_before(const pb_scan *scan, const pb_snapshot *snapshot, size_t end, pb_sight *sight);
void pb_sight_free(pb_sight *sight);

/* The type of the object it is, or will be; NULL for none. */
const pb_object_type *pb_sight_type(const pb_sight *sight);
/* The axes of the tensor it is, or will be. */
size_t pb_sight_axes(const pb_sight *sight);
const char *pb_sight_axis(const pb_sight *sight, size_t which);

#endif
