/* The words about models. */
#ifndef PB_ANALYSIS_TABLES_H
#define PB_ANALYSIS_TABLES_H

#include "eval/lexicon.h"

extern const pb_word_table pb_model_words;

#endif
