/* Names of a cell: what they stand for, and what is meant by those that stand for nothing. */
#include <string.h>

#include "interp_private.h"

/* ---- habits ---- */

/* The row for a name by itself, or behind a dot; NULL if it is no habit. */
static const pb_habit *find_habit(const pb_lexicon *lexicon, const char *name, bool dotted)
{
    pb_habit_kind kind = dotted ? PB_HABIT_MEMBER : PB_HABIT_NAME;
    const pb_habit *row;
    for (size_t at = 0; (row = pb_lexicon_next_habit(lexicon, &at));)
        if ((row->kind == kind || row->kind == PB_HABIT_ANY ||
             (!dotted && row->kind == PB_HABIT_MODULE)) &&
            strcmp(row->typed, name) == 0)
            return row;
    return NULL;
}

/* As long as it is not known what is written around the name, which pb_advise() puts in. */
bool pb_hint_habit(const pb_lexicon *lexicon, const char *name, bool dotted, pb_error *error)
{
    const pb_habit *row = find_habit(lexicon, name, dotted);
    const char *line = row && row->given ? row->given : row ? row->line : NULL;
    if (line && strstr(line, "{prompt}"))
        line = NULL;
    if (row && row->why && line)
        pb_error_hint(error, "%s: %s", row->why, line);
    else if (row && (row->why || line))
        pb_error_hint(error, "%s", row->why ? row->why : line);
    return row != NULL;
}

/* ---- names ---- */

pb_value *pb_find_name(pb_interp *interp, const pb_scope *scope, const char *name)
{
    pb_value *local = pb_scope_find(scope, name);
    return local ? pb_value_retain(local) : interp->above->get(interp->session, name);
}

pb_status pb_fail_unknown(pb_interp *interp, const pb_scope *scope, const char *name, bool called,
                          pb_error **error)
{
    pb_status status = pb_fail(
        error, PB_NAME, called ? "there is no word '%s' to call" : "there is no name '%s'", name);
    if (!error || !*error)
        return status;
    if (pb_hint_habit(interp->lexicon, name, false, *error))
        return status;
    pb_names *names = pb_names_create();
    if (!names)
        return status;
    for (; scope; scope = scope->parent)
        pb_names_add(names, scope->name, "instance", "");
    interp->above->names(interp->session, names);
    size_t at = 0;
    for (const pb_builtin *row; (row = pb_lexicon_next_builtin(interp->lexicon, &at));)
        pb_names_add(names, row->name, "function", "");
    const char *near = pb_names_nearest(names, name);
    if (near)
        pb_error_hint(*error, "did you mean %s?", near);
    else if (!called)
        pb_error_hint(*error, "give it a value first: %s = ...; text stands in quotes: \"%s\"",
                      name, name);
    else
        pb_error_hint(*error, "help() lists the words there are");
    pb_names_destroy(&names);
    return status;
}

void pb_hint_method(pb_interp *interp, const pb_value *subject, const char *name, pb_error **error)
{
    if (!error || !*error || pb_hint_habit(interp->lexicon, name, true, *error))
        return;
    pb_names *names = pb_names_create();
    if (!names)
        return;
    size_t at = 0;
    for (const pb_builtin *row; (row = pb_lexicon_next_builtin(interp->lexicon, &at));)
        if (pb_builtin_takes_first(row, subject))
            pb_names_add(names, row->name, "function", "");
    const char *near = pb_names_nearest(names, name);
    if (near)
        pb_error_hint(*error, "did you mean .%s()?", near);
    pb_names_destroy(&names);
}
