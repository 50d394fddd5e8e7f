/* All general words. A file of them adds one line here and one in words.h. */
#include "words/tables.h"

#include "words.h"

static const pb_builtin *const builtins[] = {
    pb_builtins_place,   pb_builtins_table,      pb_builtins_tensor,
    pb_builtins_reduce,  pb_builtins_number,     pb_builtins_list,
    pb_builtins_text,    pb_builtins_cell,       pb_builtins_file,
    pb_builtins_algebra, pb_builtins_statistics, pb_builtins_random,
    pb_builtins_probe,   pb_builtins_generalize, NULL,
};

const pb_word_table pb_general_words = {builtins, pb_constants_place, pb_usual_general,
                                        pb_habits_general};
