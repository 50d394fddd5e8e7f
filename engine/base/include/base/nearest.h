/* "Did you mean": the nearest of some names to one that was not found. */
#ifndef PB_BASE_NEAREST_H
#define PB_BASE_NEAREST_H

#include <stddef.h>

/* Edits (insert, delete, replace, swap of neighbours) between two strings, in half edits: a letter
 * that differs in case alone counts 1, every other edit 2. Only the first 128 letters are compared.
 */
size_t pb_edit_distance(const char *a, const char *b);

/* The name nearest to `wanted`, or NULL if none is near enough to be meant. Borrowed from `names`.
 */
const char *pb_nearest(const char *wanted, const char *const *names, size_t count);

#endif
