/* Shell patterns over UTF-8 text. */
#ifndef PB_HISTORY_GLOB_H
#define PB_HISTORY_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the whole text matches the pattern: `*` any run of characters, `?` one character, `[a-z]`
 * one of a set, `[^a-z]` or `[!a-z]` one outside it, anything else itself, case counting. A `[`
 * that no `]` closes stands for itself. Time is at most the product of both lengths.
 */
bool pb_glob_match(const char *pattern, size_t pattern_length, const char *text,
                   size_t text_length);

#endif
