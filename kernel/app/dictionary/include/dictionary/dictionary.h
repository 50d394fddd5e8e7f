/* All words of the product, from the layers that have some: what a session is made with. */
#ifndef PB_DICTIONARY_DICTIONARY_H
#define PB_DICTIONARY_DICTIONARY_H

#include <stddef.h>

typedef struct pb_word_table pb_word_table;

const pb_word_table *const *pb_dictionary(size_t *count);

#endif
