/* The parts of the operators: numbers, and whatever is combined element by element. */
#ifndef PB_EVAL_OPERATORS_H
#define PB_EVAL_OPERATORS_H

#include "interp_private.h"
#include "syntax/ast.h"

const char *pb_operator_text(pb_operator op); /* "+", "not in" */
/* The engine's name of an operator; false if it has none. */
bool pb_operator_binary(pb_operator op, pb_binary *binary);

pb_status pb_number_operator(pb_operator op, const pb_value *a, const pb_value *b,
                             pb_value **result, pb_error **error);
/* The items of both, one after the other. */
pb_status pb_join_lists(pb_interp *interp, const pb_value *a, const pb_value *b, pb_value **result,
                        pb_error **error);
/* One of a and b is a tensor or a column. */
pb_status pb_elementwise_operator(pb_interp *interp, pb_operator op, const pb_value *a,
                                  const pb_value *b, pb_value **result, pb_error **error);
/* Functions that have no operator sign: the larger and the smaller of two tensors, or of a tensor
 * and a number. */
pb_status pb_elementwise_function(pb_interp *interp, pb_binary op, const pb_value *a,
                                  const pb_value *b, pb_value **result, pb_error **error);

#endif
