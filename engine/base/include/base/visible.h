/* Text that is shown to people, made so that nothing in it can hide or break a line. */
#ifndef PB_BASE_VISIBLE_H
#define PB_BASE_VISIBLE_H

#include <stddef.h>

#include "base/buffer.h"

/*
 * Appends `text` as displays show tokens: leading and trailing spaces as `·`, a newline as `⏎`, a
 * tab as `⇥`, other control characters as their pictures (`␀`), an invalid byte as `\xff`, spaces
 * and marks that cannot be seen (a zero-width space, a change of direction) as `⟨U+200B⟩`, and the
 * empty text as `""`. Spaces inside stay spaces, but for one after a `|`, which begins the second
 * of two tokens in a joined label. The result is valid UTF-8 on one line.
 */
void pb_visible_text(pb_buffer *out, const char *text, size_t length);

/*
 * Appends `text` as a string of the language in double quotes, with \" \\ \n \r \t escaped and
 * other control characters and invalid bytes as \x7f.
 */
void pb_quoted_text(pb_buffer *out, const char *text, size_t length);

#endif
