/* Text that is shown to people, made so that nothing in it can hide or break a line. */
#ifndef PB_BASE_VISIBLE_H
#define PB_BASE_VISIBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* Code points that a terminal obeys instead of drawing them: controls, line separators, changes of
 * direction. */
bool pb_is_control(uint32_t code_point);

/*
 * Appends text that may come from anywhere, a file or a server, so that nothing in it is obeyed:
 * pb_visible_text()'s pictures for control characters, all else as it is. With `lines`, newlines
 * and tabs stay. Doing it twice changes nothing more.
 */
void pb_harmless_text(pb_buffer *out, const char *text, size_t length, bool lines);

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
 * other control characters and invalid bytes as \x7f or \u202e.
 */
void pb_quoted_text(pb_buffer *out, const char *text, size_t length);

#endif
