/* What the functions of the general words share. */
#ifndef PB_WORDS_H
#define PB_WORDS_H

#include "eval/builtin.h"
#include "eval/habit.h"
#include "eval/interp.h"

/* The rows, one array a file, gathered in tables.c. */
extern const pb_builtin pb_builtins_place[];
extern const pb_builtin pb_builtins_table[];
extern const pb_builtin pb_builtins_tensor[];
extern const pb_builtin pb_builtins_reduce[];
extern const pb_builtin pb_builtins_number[];
extern const pb_builtin pb_builtins_list[];
extern const pb_builtin pb_builtins_text[];
extern const pb_builtin pb_builtins_cell[];
extern const pb_builtin pb_builtins_file[];
extern const pb_builtin pb_builtins_algebra[];
extern const pb_builtin pb_builtins_statistics[];
extern const pb_builtin pb_builtins_random[];
extern const pb_builtin pb_builtins_probe[];
extern const pb_builtin pb_builtins_generalize[];
extern const pb_constant pb_constants_place[];
/* What parameters of a name are in all of them (usual.c). */
extern const pb_parameter pb_usual_general[];
/* What is typed from habit (habits.c). */
extern const pb_habit pb_habits_general[];

/* What walking the argument `name` gives; a caret under it if it cannot be walked. */
pb_status pb_argument_items(const pb_call *call, const char *name, pb_value **list,
                            pb_error **error);
/* `function` of each item, or the items themselves if it is None. */
pb_status pb_map_items(pb_interp *interp, const pb_value *function, const pb_value *items,
                       pb_value **result, pb_error **error);

/* The argument `name` as a tensor: a list of numbers gets the axis "item", and `list` says it was
 * one. (words/statistics.c) */
pb_status pb_open_numbers(const pb_call *call, const char *name, pb_tensor **tensor, bool *list,
                          pb_error **error);
/* The axis that over= means: where it is left out `usual`, if the tensor has that, or the only one.
 * An empty one is an error. */
pb_status pb_choose_axis(const pb_call *call, const pb_tensor *tensor, const char *usual,
                         const char **over, size_t *which, pb_error **error);
/* PB_VALUE, naming the first place of `tensor` whose value is missing or not finite.
 * (words/matrices.c) */
pb_status pb_check_finite(const pb_call *call, const char *argument, const pb_tensor *tensor,
                          pb_error **error);

/* index() and count() where x is a text (words/text.c). */
pb_status pb_index_in_text(pb_call *call, pb_value **result, pb_error **error);
pb_status pb_count_in_text(pb_call *call, pb_value **result, pb_error **error);

/* The table an object answers as .table, as a ranking does. False if it has none. (words/csv.c) */
bool pb_object_table(pb_interp *interp, const pb_value *object, pb_value **table);
/* A value as CSV, with nine significant digits (words/csv.c). */
pb_status pb_write_csv(pb_interp *interp, const pb_value *value, pb_buffer *out, pb_error **error);
/* A table from CSV, its first row the names; columns of numbers become numbers. */
pb_status pb_read_csv(pb_interp *interp, const char *text, size_t length, pb_value **result,
                      pb_error **error);
/* Values as JSON and back (json_private.h). */
pb_status pb_write_json(pb_interp *interp, const pb_value *value, pb_buffer *out, pb_error **error);
pb_status pb_read_json(pb_interp *interp, const char *text, size_t length, pb_value **result,
                       pb_error **error);

#endif
