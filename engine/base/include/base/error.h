/*
 * Errors as values: code, text, hint, and the place in a cell they point at.
 *
 * Whoever sees a fault first fills the error with pb_fail() and returns its status; callers pass it
 * up unchanged, or add the hint and the place only they know. A `pb_error **` out-parameter may be
 * NULL when the caller only wants the status. The first fault wins: pb_fail() on an error that is
 * already set keeps the old one.
 */
#ifndef PB_BASE_ERROR_H
#define PB_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/source.h"
#include "base/status.h"

typedef struct pb_error pb_error;

/*
 * Sets *error (if error is not NULL and *error is) to a new error and returns `code`, so that
 * `return pb_fail(error, PB_NAME, "...", ...)` reads as one step. `text` is one sentence without
 * the error's name: what is wrong, then what was expected and got. Control characters in it are
 * made visible, and a very long one is cut in its middle, so that what a file holds may be quoted.
 * Never fails: when memory is out, *error becomes the static out-of-memory error.
 */
pb_status pb_fail(pb_error **error, pb_status code, const char *text, ...) PB_PRINTF(3, 4);

/* The same for an allocation that failed. The error may be the static one, which keeps no place. */
pb_status pb_fail_memory(pb_error **error);

/* That of a buffer in which an append failed; else PB_OK. */
pb_status pb_buffer_status(const pb_buffer *buffer, pb_error **error);

/* The same for an errno: "cannot open 'x': No such file or directory". `what` may hold the path. */
pb_status pb_fail_errno(pb_error **error, int errnum, const char *what, ...) PB_PRINTF(3, 4);

/* Replaces the hint: the corrected line, the nearest name, or where to look. NULL error is fine. */
void pb_error_hint(pb_error *error, const char *hint, ...) PB_PRINTF(2, 3);

/* Puts words in front of the text: "row 3: ". An error that is NULL or the static one is left. */
void pb_error_precede(pb_error *error, const char *text, ...) PB_PRINTF(2, 3);

/* Adds the place, unless a deeper place is known already. The source is kept (retained). */
void pb_error_place(pb_error *error, pb_source *source, pb_span span);

/* Adds one line of the call trail, innermost first ("in effect, called at cell 3, line 2"). */
void pb_error_trail(pb_error *error, pb_source *source, pb_span span, const char *function);

/* Says which argument the error is about, by a name that outlives it, and of several prompts which
 * one; whoever knows the call then adds the place. The last word counts. */
void pb_error_about(pb_error *error, const char *argument);
void pb_error_of_prompt(pb_error *error, size_t prompt);
/* The same of the items of an argument that is a list. */
void pb_error_of_item(pb_error *error, size_t item);
const char *pb_error_argument(const pb_error *error); /* NULL if it is about none */
bool pb_error_prompt(const pb_error *error, size_t *prompt);
bool pb_error_item(const pb_error *error, size_t *item);

pb_status pb_error_code(const pb_error *error);
const char *pb_error_text(const pb_error *error);        /* never NULL */
const char *pb_error_hint_text(const pb_error *error);   /* NULL if there is none */
const pb_source *pb_error_source(const pb_error *error); /* NULL if there is no place */
pb_span pb_error_span(const pb_error *error);

/*
 * The whole message for a person, in plain text, ending in a newline:
 *
 *     NameError: there is no word 'attribut'
 *       cell 4, line 2
 *         a = attribut(love, " great")
 *             ^^^^^^^^
 *       hint: did you mean attribute?
 *
 * Owned by the caller; NULL when memory is out.
 */
char *pb_error_render(const pb_error *error);

/* Hands an error on where none is set yet, and destroys it otherwise; nulls *from. */
void pb_error_move(pb_error **from, pb_error **to);
void pb_error_destroy(pb_error **error);

#endif
