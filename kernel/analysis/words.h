/* The rows of the words about models, one array a file, gathered in tables.c. */
#ifndef PB_ANALYSIS_WORDS_H
#define PB_ANALYSIS_WORDS_H

#include "eval/builtin.h"
#include "eval/habit.h"

extern const pb_builtin pb_builtins_model[];
extern const pb_builtin pb_builtins_run[];
extern const pb_builtin pb_builtins_set[];
extern const pb_builtin pb_builtins_shade[];
extern const pb_builtin pb_builtins_predict[];
extern const pb_builtin pb_builtins_ranking[];
extern const pb_builtin pb_builtins_metric[];
extern const pb_builtin pb_builtins_any_of[];
extern const pb_builtin pb_builtins_attribute[];
extern const pb_builtin pb_builtins_lens[];
extern const pb_builtin pb_builtins_edit[];
extern const pb_builtin pb_builtins_patch[];
extern const pb_builtin pb_builtins_path[];
extern const pb_builtin pb_builtins_heads[];
extern const pb_builtin pb_builtins_circuit[];
extern const pb_builtin pb_builtins_similar[];
extern const pb_builtin pb_builtins_plot[];
extern const pb_builtin pb_builtins_heatmap[];
extern const pb_builtin pb_builtins_attention[];
extern const pb_builtin pb_builtins_decode[];

/* What parameters of a name are in all of them (usual.c). */
extern const pb_parameter pb_usual_model[];
/* What is typed from habit (habits.c). */
extern const pb_habit pb_habits_model[];

#endif
