/* The general words of the language: lists, text, tables, tensors, files. One array a file. */
#ifndef PB_WORDS_TABLES_H
#define PB_WORDS_TABLES_H

#include "eval/builtin.h"

extern const pb_builtin pb_builtins_cell[];
extern const pb_builtin pb_builtins_number[];
extern const pb_builtin pb_builtins_list[];
extern const pb_builtin pb_builtins_text[];
extern const pb_builtin pb_builtins_tensor[];
extern const pb_builtin pb_builtins_reduce[];
extern const pb_builtin pb_builtins_table[];
extern const pb_builtin pb_builtins_file[];
extern const pb_builtin pb_builtins_place[];
extern const pb_constant pb_constants_place[];
extern const size_t pb_constants_place_count;

#endif
