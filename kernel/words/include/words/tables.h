/* The general words of the language: lists, text, tables, tensors, files. */
#ifndef PB_WORDS_TABLES_H
#define PB_WORDS_TABLES_H

#include "eval/lexicon.h"

extern const pb_word_table pb_general_words;

#endif
