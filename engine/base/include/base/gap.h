/*
 * Gaps: cells of a tensor that are not there, such as the positions that a shorter prompt of a set
 * lacks. Among float32 numbers a gap is one NaN that no computation makes; a tensor says whether it
 * may hold some. A gap is no NaN: NaN is a number that went wrong, and goes on.
 */
#ifndef PB_BASE_GAP_H
#define PB_BASE_GAP_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define PB_GAP_BITS UINT32_C(0x7fc6a90f)

static inline float pb_gap(void)
{
    const uint32_t bits = PB_GAP_BITS;
    float gap;
    memcpy(&gap, &bits, sizeof gap);
    return gap;
}

static inline bool pb_is_gap(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits == PB_GAP_BITS;
}

#endif
