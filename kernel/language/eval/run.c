/* A cell: its statements in turn, and the names they give. */
#include "interp_private.h"

static pb_status assign_column(pb_interp *interp, const pb_target *target, const pb_value *value,
                               pb_error **error)
{
    pb_value *table = pb_find_name(interp, NULL, target->name), *made = NULL;
    pb_status status = table ? pb_with_column(interp, table, target, value, &made, error)
                             : pb_fail_unknown(interp, NULL, target->name, false, error);
    if (!status)
        status = interp->above->set(interp->session, target->name, made, error);
    pb_value_release(&table);
    pb_value_release(&made);
    return status;
}

static pb_status bind_in_session(pb_interp *interp, void *data, const char *name,
                                 const pb_value *value, pb_error **error)
{
    (void)data;
    return interp->above->set(interp->session, name, value, error);
}

static pb_status assign(pb_interp *interp, const pb_target *target, const pb_value *value,
                        pb_error **error)
{
    switch (target->kind) {
    case PB_TARGET_NAME: return bind_in_session(interp, NULL, target->name, value, error);
    case PB_TARGET_COLUMN: return assign_column(interp, target, value, error);
    case PB_TARGET_UNPACK:
        return pb_bind_pattern(interp, &target->pattern, value, bind_in_session, NULL, error);
    }
    return PB_OK;
}

/* One statement; *value is what an expression gave, NULL for most assignments. */
static pb_status run_statement(pb_interp *interp, const pb_place *place, const pb_node *statement,
                               pb_value **value, pb_error **error)
{
    bool assigns = statement->kind == PB_NODE_ASSIGN;
    pb_status status =
        pb_evaluate(interp, place, assigns ? statement->items[0] : statement, value, error);
    for (size_t i = 0; assigns && !status && i < statement->n_targets; i++)
        status = pb_place_error(place, statement->targets[i].span,
                                assign(interp, &statement->targets[i], *value, error), error);
    const pb_object_type *type = pb_value_object_type(*value);
    if (assigns && !(type && type->shown_when_bound))
        pb_value_release(value);
    return status;
}

pb_status pb_run_program(pb_interp *interp, pb_program *program, pb_value **last, pb_error **error)
{
    pb_place place = {program, NULL};
    pb_status status = PB_OK;
    *last = NULL;
    for (size_t i = 0; !status && i < program->n_statements; i++) {
        pb_value_release(last);
        status = pb_interp_check(interp, error);
        if (!status)
            status = run_statement(interp, &place, program->statements[i], last, error);
    }
    return status;
}
