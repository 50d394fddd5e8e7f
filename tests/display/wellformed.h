/* A strict reader of the markup the display layer writes. */
#ifndef DISPLAY_WELLFORMED_H
#define DISPLAY_WELLFORMED_H

#include <stdbool.h>
#include <stddef.h>

/*
 * NULL if `text` is well formed: elements closed in order, attributes quoted and not repeated, only
 * the five entities, no control characters, valid UTF-8, and only elements and attributes that the
 * display layer means to write (no handlers, no links out). Otherwise what is wrong; *at says
 * where.
 */
const char *markup_fault(const char *text, size_t *at);

#endif
