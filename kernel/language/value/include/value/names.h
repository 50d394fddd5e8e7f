/* Bags of names: for completion, and for what may have been meant by one that is unknown. */
#ifndef PB_VALUE_NAMES_H
#define PB_VALUE_NAMES_H

#include <stddef.h>

typedef struct pb_name {
    char *text, *type, *signature;
} pb_name;

typedef struct pb_names pb_names;

pb_names *pb_names_create(void); /* NULL when memory is out */
void pb_names_destroy(pb_names **names);
/* Copies; what no memory is left for, and half of a character, is left out. */
void pb_names_add(pb_names *names, const char *text, const char *type, const char *signature);
size_t pb_names_count(const pb_names *names);
const pb_name *pb_names_item(const pb_names *names, size_t index);
const char *pb_names_nearest(const pb_names *names, const char *wanted); /* borrowed; or NULL */
/* By text, without repeats: the first of equals stays. */
void pb_names_sort(pb_names *names);

#endif
