/* Cuts a text into the words that byte-pair encoding works on. */
#ifndef PB_TOKENIZER_WORD_PATTERN_H
#define PB_TOKENIZER_WORD_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* How a text is cut into words, a row each in word_pattern.c. */
typedef enum words_by {
    WORDS_BY_KIND,          /* GPT-2: letters, digits, others, each with a space before them */
    WORDS_SINGLE_DIGITS,    /* the same, but each digit is a word */
    WORDS_THREE_DIGITS,     /* Llama 3: any one sign before letters; digits by up to three */
    WORDS_SIGN_AND_LETTERS, /* Qwen 2: the same, but each digit is a word */
    N_WORDS_BY
} words_by;

/* The one whose regular expression a tokenizer.json writes so; N_WORDS_BY if it is none. */
words_by word_pattern_of_regex(const char *regex, size_t length);

typedef struct word_pattern word_pattern; /* immutable; several threads may use it */
typedef struct word_cutter word_cutter;   /* what one thread needs to use it */

pb_status word_pattern_create(words_by way, word_pattern **pattern, pb_error **error);
void word_pattern_destroy(word_pattern **pattern);

word_cutter *word_cutter_create(const word_pattern *pattern); /* NULL when memory is out */
void word_cutter_destroy(word_cutter **cutter);

/* Where the word that starts at `start` ends. The text is valid UTF-8, and start < length. Words
 * follow each other without gaps. */
pb_status word_cutter_next(word_cutter *cutter, const char *text, size_t length, size_t start,
                           size_t *end, pb_error **error);

/* Whether the character at `at` is what regular expressions call a word character (UTS #18's \w).
 * False, too, where that cannot be found out; word_cutter_status() then says why. */
bool word_cutter_is_letter(word_cutter *cutter, const char *text, size_t length, size_t at);
pb_status word_cutter_status(const word_cutter *cutter, pb_error **error);

#endif
