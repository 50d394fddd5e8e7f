#include "dictionary/dictionary.h"

#include "analysis/tables.h"
#include "words/tables.h"

const pb_word_table *const *pb_dictionary(size_t *count)
{
    static const pb_word_table *const tables[] = {&pb_model_words, &pb_general_words};
    *count = sizeof tables / sizeof *tables;
    return tables;
}
