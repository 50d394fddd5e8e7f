/* Sorting that can be stopped. */
#ifndef PB_BASE_SORT_H
#define PB_BASE_SORT_H

#include <stddef.h>

#include "base/watch.h"

/*
 * Sorts `count` items of `size` bytes as qsort() does; the order of equal ones is not said. `watch`
 * may be NULL; PB_INTERRUPTED and PB_MEMORY leave the items in any order, some of them twice.
 */
pb_status pb_sort(void *items, size_t count, size_t size,
                  int (*compare)(const void *, const void *), const pb_watch *watch,
                  pb_error **error);

#endif
