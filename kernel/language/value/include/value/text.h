/* Values in plain text that stands alone, and Python's format specifications. */
#ifndef PB_LANGUAGE_TEXT_H
#define PB_LANGUAGE_TEXT_H

#include "value/value.h"

/* The whole of a small tensor; of a large one its ends. No newline at the end. */
void pb_tensor_text(const pb_value *tensor, pb_buffer *out);
/* Aligned columns under their names; long tables are cut in the middle. */
void pb_table_text(const pb_value *table, pb_buffer *out);
/* Text whose bytes may be anything as valid UTF-8: what is not becomes U+FFFD. */
void pb_clean_text(const char *text, size_t length, pb_buffer *out);
/* Bytes of text gone through between two looks at the stop flag: 0.1 ms or so. */
#define PB_BYTES_UNCHECKED 65536
/* Where `part` comes next in text[from, length): *found is SIZE_MAX if it does not, or is empty. */
pb_status pb_find_text(pb_interp *interp, const char *text, size_t length, size_t from,
                       const char *part, size_t part_length, size_t *found, pb_error **error);
/* The user's own definition: "f(x, y=1) = x + y", "lambda x: x + 1". */
void pb_function_text(const pb_value *function, pb_buffer *out);
/* Numbers of a column or tensor that are read together: as many decimals for all, chosen so that
 * the largest has at least three significant digits. Written with "%.*f" or, if `exponent`, "%.*e".
 */
typedef struct pb_digits {
    int decimals;
    bool exponent;
} pb_digits;
pb_digits pb_digits_for(const double *numbers, size_t count);
void pb_digits_text(pb_digits digits, double number, pb_buffer *out);

/* format(value, spec) as Python's, for strings, numbers and, without a spec, anything. */
pb_status pb_format_value(const pb_value *value, const char *spec, size_t length, pb_buffer *out,
                          pb_error **error);

#endif
