/* Whether two texts say the same, numbers differing by rounding at most. */
#ifndef PB_TEST_NEAR_H
#define PB_TEST_NEAR_H

#include <stdbool.h>

/*
 * Texts are compared word by word, lines and all. Two words are the same if only the numbers in
 * them differ, by no more than two units of the last digit shown, or 1e-4. Carets under a line say
 * a place, and stand exactly there. Bars of block characters are not compared: their ends move with
 * the last digits.
 */
bool near_text(const char *a, const char *b);

#endif
