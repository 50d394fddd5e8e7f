/* Numbers as people read them: one width and one number of digits for a whole column. */
#ifndef PB_DISPLAY_NUMBER_H
#define PB_DISPLAY_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

typedef enum pb_number_style {
    PB_NUMBER_AUTO,      /* digits chosen from the largest magnitude, about four significant */
    PB_NUMBER_FIXED,     /* `digits` after the point */
    PB_NUMBER_PERCENT,   /* 0.153 as 15.3%, `digits` after the point */
    PB_NUMBER_INTEGER,   /* 12,345 */
    PB_NUMBER_SCIENTIFIC /* 1.53e-07, `digits` after the point */
} pb_number_style;

/* Zero-initialised it means: choose for me. */
typedef struct pb_number_format {
    pb_number_style style;
    int digits;
    bool sign; /* +0.51: for differences and changes */
} pb_number_format;

#define PB_NUMBER_SIZE 48

/*
 * Settles PB_NUMBER_AUTO for a column of values: all integers -> PB_NUMBER_INTEGER, else as many
 * digits as the largest finite magnitude deserves (15.67, 0.513, 0.0042), else scientific. Other
 * styles come back unchanged.
 */
pb_number_format pb_number_settle(pb_number_format format, const double *values, size_t count);
pb_number_format pb_number_settle_floats(pb_number_format format, const float *values,
                                         size_t count);

/*
 * Writes one value and returns its length. A value that is not zero but would print as zero is
 * written with a digit or two instead (0.003%, 1.2e-05); NaN is "NaN", infinities "inf", "-inf".
 * PB_NUMBER_AUTO is settled for this value alone.
 */
size_t pb_number_write(char out[PB_NUMBER_SIZE], double value, pb_number_format format);

#endif
