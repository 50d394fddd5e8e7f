/* UTF-8: checking, stepping, counting, and how wide text is on a terminal. */
#ifndef PB_BASE_UTF8_H
#define PB_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PB_UTF8_INVALID UINT32_MAX

/* The code point at text[*at]; advances *at past it. At a byte that starts no valid sequence,
 * returns PB_UTF8_INVALID and advances by one. The caller ensures *at < length. */
uint32_t pb_utf8_next(const char *text, size_t length, size_t *at);

/* Writes 1 to 4 bytes and returns how many; 0 for surrogates and values past U+10FFFF. */
size_t pb_utf8_encode(uint32_t code_point, char out[4]);

/* The offset of the first byte that is not valid UTF-8, or `length` if all is. */
size_t pb_utf8_valid_prefix(const char *text, size_t length);

/* Code points in text (an invalid byte counts as one), and the byte offset of the n-th of them
 * (`length` if there are fewer). */
size_t pb_utf8_count(const char *text, size_t length);
size_t pb_utf8_offset(const char *text, size_t length, size_t code_points);

/* Columns on a terminal: 0 for combining marks, 2 for wide characters, 1 for an invalid byte. */
size_t pb_utf8_width(const char *text, size_t length);

#endif
