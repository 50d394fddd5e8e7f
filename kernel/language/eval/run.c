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
    if (assigns && !interp->halted && !(type && type->shown_when_bound))
        pb_value_release(value);
    return status;
}

/* ---- interrupts ---- */

/* Adds the names that a pattern gives, parted by commas. */
static void list_names(const pb_pattern *pattern, pb_buffer *out, size_t *count)
{
    if (pattern->name)
        pb_buffer_format(out, "%s%s", (*count)++ ? ", " : "", pattern->name);
    for (size_t i = 0; !pattern->name && i < pattern->n_items; i++)
        list_names(&pattern->items[i], out, count);
}

static size_t list_targets(const pb_node *statement, pb_buffer *out)
{
    size_t count = 0;
    for (size_t i = 0; i < statement->n_targets; i++) {
        const pb_target *target = &statement->targets[i];
        if (target->kind == PB_TARGET_UNPACK)
            list_names(&target->pattern, out, &count);
        else
            pb_buffer_format(out, "%s%s%s%s", count++ ? ", " : "", target->name,
                             target->kind == PB_TARGET_COLUMN ? "." : "",
                             target->kind == PB_TARGET_COLUMN ? target->column : "");
    }
    return count;
}

/* What became of the names that the statement was to give. */
static void say_bound(const pb_interp *interp, const pb_node *statement, bool bound, pb_buffer *out)
{
    pb_buffer names = PB_BUFFER_EMPTY;
    size_t count = list_targets(statement, &names);
    const char *one = count == 1 ? "s" : "";
    if (count == 0 && bound)
        pb_buffer_text(out, "; no name holds what was computed");
    else if (count > 0 && bound)
        pb_buffer_format(out, "; %s hold%s %s", names.data, one,
                         interp->halted ? "what was computed" : "all of it");
    else if (count > 0)
        pb_buffer_format(out, "; %s %s not bound", names.data, count == 1 ? "was" : "were");
    out->failed = out->failed || names.failed;
    pb_buffer_free(&names);
}

/* The end of a cell that was interrupted: one line that says what was stopped, how far it was, and
 * what is bound. `bound`: the statement has come to a value, or to a part of one. */
static pb_status fail_stopped(const pb_interp *interp, const pb_place *place,
                              const pb_node *statement, bool bound, pb_error **error)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    const pb_buffer *stopped = &interp->stopped;
    size_t line = pb_source_position(place->program->source, statement->span.start).line;
    bool whole = bound && !interp->halted;
    pb_buffer_text(&text, whole             ? "the cell was stopped at its end"
                          : stopped->length ? stopped->data
                                            : "the cell was stopped");
    if (place->program->n_statements > 1 && !whole)
        pb_buffer_format(&text, ", in line %zu", line);
    say_bound(interp, statement, bound, &text);
    if (error)
        pb_error_destroy(error);
    pb_status status = pb_buffer_status(&text, error);
    status = status ? status : pb_fail(error, PB_INTERRUPTED, "%s", text.data);
    pb_buffer_free(&text);
    return status;
}

/* Looks, once a statement has ended, whether it was interrupted. */
static pb_status end_statement(pb_interp *interp, const pb_place *place, const pb_node *statement,
                               bool last, pb_status status, pb_error **error)
{
    if (status == PB_INTERRUPTED)
        return fail_stopped(interp, place, statement, false, error);
    if (status || !(interp->halted || (last && pb_watch_stopped(pb_interp_watch(interp)))))
        return status;
    if (!interp->halted)
        pb_interp_resume(interp);
    return fail_stopped(interp, place, statement, true, error);
}

pb_status pb_run_program(pb_interp *interp, pb_program *program, pb_value **last, pb_error **error)
{
    pb_place place = {program, NULL};
    pb_status status = PB_OK;
    *last = NULL;
    for (size_t i = 0; !status && i < program->n_statements; i++) {
        const pb_node *statement = program->statements[i];
        pb_value_release(last);
        status = pb_interp_check(interp, error);
        if (!status)
            status = run_statement(interp, &place, statement, last, error);
        status =
            end_statement(interp, &place, statement, i + 1 == program->n_statements, status, error);
        if (statement->quiet)
            pb_value_release(last);
    }
    return status;
}
