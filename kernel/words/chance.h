/* Each use of chance draws from a stream of its own: one seed in two words gives numbers that have
 * nothing in common. */
#ifndef PB_WORDS_CHANCE_H
#define PB_WORDS_CHANCE_H

#include "math/random.h"

enum {
    PB_STREAM_RANDOM,
    PB_STREAM_SHUFFLE,
    PB_STREAM_SAMPLE,
    PB_STREAM_SPLIT,     /* which prompts a probe learns from */
    PB_STREAM_CONTROL,   /* its shuffled labels */
    PB_STREAM_BOOTSTRAP, /* generalize: resamples, and flips behind them */
    PB_STREAM_FLIPS
};

#endif
