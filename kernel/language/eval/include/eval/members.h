/* The names a value answers to after a dot. */
#ifndef PB_EVAL_MEMBERS_H
#define PB_EVAL_MEMBERS_H

#include "value/names.h"
#include "value/object.h"

/* What every value of a kind answers to, beside its fields, columns, look or type; or NULL. */
const pb_member *pb_kind_members(pb_kind kind);

/* The names x.name answers to. Safe on any thread. */
void pb_member_names(const pb_value *self, pb_names *names);
/* The same for a value of which no more is known than its kind, or its type. */
void pb_kind_names(pb_kind kind, pb_names *names);
void pb_type_names(const pb_object_type *type, pb_names *names);

/* "This table has no column x; it has ...", with the nearest as the hint: near, or parameter="near"
 * unless that is NULL. */
pb_status pb_fail_column(const pb_value *table, const char *parameter, const char *name,
                         pb_error **error);

#endif
