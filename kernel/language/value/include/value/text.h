/* Values in plain text that stands alone, and Python's format specifications. */
#ifndef PB_VALUE_TEXT_H
#define PB_VALUE_TEXT_H

#include "value/value.h"

/* The whole of a small tensor; of a large one its ends. No newline at the end. */
void pb_tensor_text(const pb_value *tensor, pb_buffer *out);
/* Text whose bytes may be anything as valid UTF-8: what is not becomes U+FFFD. */
void pb_clean_text(const char *text, size_t length, pb_buffer *out);
/* Bytes of text gone through between two looks at the stop flag: 0.1 ms or so. */
#define PB_BYTES_UNCHECKED 65536
/* Where `part` comes next in text[from, length): *found is SIZE_MAX if it does not, or is empty. */
pb_status pb_find_text(pb_keeper *keeper, const char *text, size_t length, size_t from,
                       const char *part, size_t part_length, size_t *found, pb_error **error);
/* The user's own definition: "f(x, y=1) = x + y", "lambda x: x + 1". */
void pb_function_text(const pb_value *function, pb_buffer *out);

/* Whether the labels along an axis of this name are tokens, whose spaces are made visible. */
bool pb_axis_is_tokens(const char *name);
/* What the person sees an axis called: "position" for pos. */
const char *pb_axis_heading(const char *name);
/* A prompt's text, quoted and cut to about `width` columns. malloc'ed. */
char *pb_prompt_title(const char *text, size_t width);

/* format(value, spec) as Python's, for strings and numbers; `spec` is not empty. */
pb_status pb_format_value(const pb_value *value, const char *spec, size_t length, pb_buffer *out,
                          pb_error **error);

#endif
