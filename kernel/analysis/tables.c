/* All words about models. A file of them adds one line here and one in words.h. */
#include "analysis/tables.h"

#include "words.h"

static const pb_builtin *const builtins[] = {
    pb_builtins_model,     pb_builtins_run,     pb_builtins_set,
    pb_builtins_shade,     pb_builtins_predict, pb_builtins_ranking,
    pb_builtins_metric,    pb_builtins_any_of,  pb_builtins_attribute,
    pb_builtins_lens,      pb_builtins_edit,    pb_builtins_patch,
    pb_builtins_path,      pb_builtins_heads,   pb_builtins_similar,
    pb_builtins_circuit,   pb_builtins_plot,    pb_builtins_heatmap,
    pb_builtins_attention, pb_builtins_decode,  NULL,
};

const pb_word_table pb_model_words = {builtins, NULL, pb_usual_model, pb_habits_model};
