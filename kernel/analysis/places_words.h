/* Parameters that several words of patching have. */
#ifndef PB_ANALYSIS_PLACES_WORDS_H
#define PB_ANALYSIS_PLACES_WORDS_H

#include "domain.h"

#define PB_PLACE(word)                                                                             \
    {                                                                                              \
        .name = word,                                                                              \
        .types = PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR,           \
        .mode = PB_PARAMETER_KEYWORD, .what = "a place, a list, a slice, each or all",             \
        .fallback = "None"                                                                         \
    }
#define PB_PROMPT(word)                                                                            \
    {                                                                                              \
        .name = word, .types = PB_PROMPT_TYPES, .what = "a prompt or a list of prompts",           \
        .objects = PB_PROMPT_OBJECTS                                                               \
    }
#define PB_METRIC_PARAMETER                                                                        \
    {                                                                                              \
        .name = "metric", .types = PB_TAKES_ANY,                                                   \
        .what = "a metric such as logit(\" great\"), or a function of a run", .objects = {         \
            &pb_metric_type                                                                        \
        }                                                                                          \
    }

#endif
