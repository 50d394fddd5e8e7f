/*
 * How numbers and tensors are written: for people, with few digits in columns that line up, and for
 * machines, with the nine digits that bring a float32 back. Never dependent on the locale.
 */
#ifndef PB_MATH_FORMAT_H
#define PB_MATH_FORMAT_H

#include <stddef.h>

#include "base/buffer.h"
#include "math/tensor.h"

#define PB_FORMAT_SIZE   40 /* room for any number below, its NUL included */
#define PB_TABLE_DIGITS  4  /* significant digits in tables */
#define PB_SCALAR_DIGITS 6  /* significant digits of a number on its own */

/*
 * How the numbers of one column are written, so that their points line up. With `decimals` d, the
 * number has d digits after the point; `scientific` writes d digits of mantissa after the point and
 * an exponent.
 */
typedef struct pb_format_style {
    int decimals;
    bool scientific;
} pb_format_style;

/*
 * The style that shows the largest magnitude of `values` with `digits` significant digits and
 * everything else with as many decimals. Whole numbers below ten million get no decimals;
 * magnitudes from a million up and below a ten-thousandth are scientific. NaN and infinities do not
 * count. `stride` is in values.
 */
pb_format_style pb_format_choose(const float *values, size_t count, size_t stride, int digits);

/* Writes value in a style: "-0.25", "1.2e-05", "nan", "inf", "-inf"; never "-0.00". */
void pb_format_write(char out[PB_FORMAT_SIZE], double value, pb_format_style style);

/* A number on its own: at most `digits` significant digits, no zeros at the end: "0.5", "12". */
void pb_format_short(char out[PB_FORMAT_SIZE], double value, int digits);

/* Nine significant digits (C's %.9g): reading it back gives the same float32. */
void pb_format_exact(char out[PB_FORMAT_SIZE], float value);

#define PB_TEXT_SLICES 3

/* What a plain-text rendering may take; zeros mean the defaults. */
typedef struct pb_text_limits {
    size_t rows;        /* rows of a grid or a list; 24 */
    size_t columns;     /* terminal columns of a line; 96 */
    size_t slices;      /* grids shown of a tensor of higher rank; PB_TEXT_SLICES */
    size_t label_width; /* terminal columns of a label; 20 */
} pb_text_limits;

/*
 * Appends "[query=9, key=9]", and "" for rank 0. In a tensor's axes, length and not coordinates.
 */
void pb_tensor_write_shape(pb_buffer *out, const pb_tensor *tensor);

/*
 * Appends a tensor as text that stands alone, every line ended by a newline:
 *
 *     pattern [query=9, key=9] L4H0
 *     query \ key  0 <|endoftext|>   1 I   ...
 *
 * `name` comes before the shape, `note` after it; both may be NULL. Rank 0 is its number, rank 1 a
 * line a value, rank 2 a grid, higher ranks the grids of the first slices. What is left out is
 * counted ("... 744 more columns"), and of grids it says which. Check the buffer for memory.
 */
void pb_tensor_write_text(pb_buffer *out, const pb_tensor *tensor, const char *name,
                          const char *note, const pb_text_limits *limits);

#endif
