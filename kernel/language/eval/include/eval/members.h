/* The names a value answers to after a dot, and bags of names. */
#ifndef PB_LANGUAGE_MEMBERS_H
#define PB_LANGUAGE_MEMBERS_H

#include "value/object.h"

extern const pb_member pb_tensor_members[];
extern const pb_member pb_table_members[];

/* The names x.name answers to. Safe on any thread. */
void pb_member_names(const pb_value *self, pb_names *names);

/* "This table has no column x; it has ...", with the nearest as the hint: near, or parameter="near"
 * unless that is NULL. */
pb_status pb_fail_column(const pb_value *table, const char *parameter, const char *name,
                         pb_error **error);

/* ---- bags of names (names.c) ---- */

typedef struct pb_name {
    char *text, *type, *signature;
} pb_name;

pb_names *pb_names_create(void); /* NULL when memory is out */
void pb_names_destroy(pb_names **names);
size_t pb_names_count(const pb_names *names);
const pb_name *pb_names_item(const pb_names *names, size_t index);
const char *pb_names_nearest(const pb_names *names, const char *wanted); /* borrowed; or NULL */
/* By text, without repeats: the first of equals stays. */
void pb_names_sort(pb_names *names);

#endif
