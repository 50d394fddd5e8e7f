/* Completion in brackets and strings: arguments and what they may be, axes, labels, columns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "complete_private.h"
#include "eval/members.h"
#include "eval/run.h"
#include "sight.h"

/* ---- the call around a place ---- */

static bool is_method(const pb_scan *scan, size_t open)
{
    return open >= 2 && pb_scan_is(scan, open - 2, ".");
}

const pb_builtin *pb_called_row(const pb_scan *scan, const pb_snapshot *snapshot, size_t open)
{
    if (open == 0 || open == SIZE_MAX || !pb_scan_is(scan, open, "(") ||
        scan->tokens[open - 1].kind != PB_TOKEN_NAME)
        return NULL;
    char *name = pb_scan_text(scan, open - 1);
    pb_value *value = name && !is_method(scan, open) ? pb_scan_name(snapshot, name) : NULL;
    bool shadowed = value && pb_value_is_callable(value);
    const pb_builtin *row = name && !shadowed ? pb_lexicon_builtin(snapshot->lexicon, name) : NULL;
    free(name);
    return row;
}

static bool is_named(const pb_scan *scan, size_t token, const char *name)
{
    return pb_token_text_is(&scan->lexer, &scan->tokens[token], name);
}

const pb_parameter *pb_called_parameter(const pb_scan *scan, const pb_builtin *row, size_t open,
                                        const pb_scan_argument *argument)
{
    const pb_parameter *p;
    size_t position = argument->position + (is_method(scan, open) ? 1 : 0);
    for (size_t i = 0; row && (p = pb_builtin_parameter(row, i)); i++) {
        if (argument->named && p->mode <= PB_PARAMETER_KEYWORD &&
            is_named(scan, argument->name, p->name))
            return p;
        if (!argument->named && p->mode == PB_PARAMETER_REST)
            return p;
        if (!argument->named && p->mode == PB_PARAMETER_NORMAL && position-- == 0)
            return p;
    }
    return NULL;
}

/* The value of argument `name` of the call at `open`, if it stands whole before the place. */
static pb_value *argument_of_call(const pb_completion *c, size_t open, const char *name)
{
    const pb_builtin *row = pb_called_row(&c->scan, c->snapshot, open);
    const pb_parameter *first = row ? pb_builtin_parameter(row, 0) : NULL;
    pb_scan_argument argument = {0};
    pb_sight sight = {0};
    pb_value *value = NULL;
    name = !name && first ? first->name : name;
    if (!row || !name)
        return NULL;
    if (is_method(&c->scan, open) && first && strcmp(first->name, name) == 0)
        pb_sight_before(&c->scan, c->snapshot, open - 2, &sight);
    while (!sight.value && pb_scan_next_argument(&c->scan, open, c->end, &argument)) {
        const pb_parameter *p = pb_called_parameter(&c->scan, row, open, &argument);
        if (argument.whole && p && strcmp(p->name, name) == 0) {
            pb_sight_free(&sight);
            pb_sight_tokens(&c->scan, c->snapshot, argument.start, argument.end, &sight);
        }
    }
    value = pb_value_retain(sight.value);
    pb_sight_free(&sight);
    return value;
}

static pb_value *asked_argument(const pb_asked *asked, const char *name)
{
    const pb_completion *c = asked->place;
    pb_value *value = NULL;
    for (size_t open = pb_scan_bracket(&c->scan, c->end); open != SIZE_MAX && !value;
         open = pb_scan_bracket(&c->scan, open)) {
        value = argument_of_call(c, open, name);
        if (!name && pb_called_row(&c->scan, c->snapshot, open))
            break;
    }
    return value;
}

/* ---- what an argument may be ---- */

static void add_choices(const char *choices, const char *quote, pb_names *names)
{
    char word[128];
    for (const char *at = choices; at && *at;) {
        size_t length = strcspn(at, " ");
        snprintf(word, sizeof word, "%s%.*s%s", quote, (int)length, at, quote);
        pb_names_add(names, word, "value", "");
        at += length + (at[length] == ' ');
    }
}

static void add_keyword(pb_names *names, const char *name)
{
    char text[128];
    snprintf(text, sizeof text, "%s=", name);
    pb_names_add(names, text, "param", "");
}

bool pb_complete_starts_entry(const pb_completion *c, size_t open)
{
    return c->end == open + 1 || pb_scan_is(&c->scan, c->end - 1, ",");
}

/* Whether the call names this parameter already, or gives it by its place. */
static bool is_given(const pb_completion *c, size_t open, const pb_builtin *row,
                     const pb_parameter *parameter)
{
    pb_scan_argument argument = {0};
    if (is_method(&c->scan, open) && parameter == pb_builtin_parameter(row, 0))
        return true;
    while (pb_scan_next_argument(&c->scan, open, c->end, &argument))
        if (argument.whole && pb_called_parameter(&c->scan, row, open, &argument) == parameter)
            return true;
    return false;
}

static bool is_named_already(const pb_completion *c, size_t open, const char *name)
{
    pb_scan_argument argument = {0};
    while (pb_scan_next_argument(&c->scan, open, c->end, &argument))
        if (argument.whole && argument.named && is_named(&c->scan, argument.name, name))
            return true;
    return false;
}

/* Names of further arguments, where the row knows some: the holes of a template. */
static void add_further(pb_completion *c, size_t open, const pb_parameter *p)
{
    const pb_parameter *usual = pb_lexicon_usual(c->snapshot->lexicon, p->name);
    const pb_asked asked = {c->snapshot->session, "", asked_argument, c};
    pb_names *names = pb_names_create();
    if (names && p->suggest)
        p->suggest(&asked, names);
    else if (names && usual && usual->suggest)
        usual->suggest(&asked, names);
    for (size_t i = 0; names && i < pb_names_count(names); i++)
        if (!is_named_already(c, open, pb_names_item(names, i)->text))
            add_keyword(c->names[PB_FIT_PLACE], pb_names_item(names, i)->text);
    pb_names_destroy(&names);
}

static void add_parameters(pb_completion *c, size_t open, const pb_builtin *row)
{
    const pb_parameter *p;
    for (size_t i = 0; (p = pb_builtin_parameter(row, i)); i++)
        if (p->mode == PB_PARAMETER_NAMED)
            add_further(c, open, p);
    for (size_t i = 0; (p = pb_builtin_parameter(row, i)); i++)
        if (p->mode <= PB_PARAMETER_KEYWORD && !is_given(c, open, row, p))
            add_keyword(c->names[PB_FIT_PLACE], p->name);
}

static void add_user_parameters(pb_completion *c, size_t open)
{
    pb_sight function;
    pb_sight_before(&c->scan, c->snapshot, open, &function);
    if (pb_value_kind(function.value) == PB_FUNCTION) {
        const pb_node *node = pb_value_function_node(function.value);
        for (size_t i = 0; i < node->n_parameters; i++)
            add_keyword(c->names[PB_FIT_PLACE], node->parameters[i].name);
    }
    pb_sight_free(&function);
}

const pb_parameter *pb_complete_arguments(pb_completion *c, size_t open)
{
    const pb_builtin *row = pb_called_row(&c->scan, c->snapshot, open);
    pb_scan_argument argument = pb_scan_last_argument(&c->scan, open, c->end);
    const pb_parameter *p = row ? pb_called_parameter(&c->scan, row, open, &argument) : NULL;
    bool begins = argument.start >= c->end; /* of the value: nothing of it stands yet */
    if (pb_complete_starts_entry(c, open) && row)
        add_parameters(c, open, row);
    else if (pb_complete_starts_entry(c, open))
        add_user_parameters(c, open);
    else if (begins && p && p->types == PB_TAKES_BOOL)
        add_choices("True False", "", c->names[PB_FIT_PLACE]);
    if (begins && argument.named && p)
        add_choices(p->choices, "\"", c->names[PB_FIT_PLACE]);
    return begins ? p : NULL;
}

static bool has_axis(const pb_sight *subject, const char *name)
{
    for (size_t i = 0; i < pb_sight_axes(subject); i++)
        if (strcmp(pb_sight_axis(subject, i), name) == 0)
            return true;
    return false;
}

/* What picks along axes under another name, as it does in edits and sweeps. */
static const struct {
    const char *word, *axes[2];
} also_picks[] = {{"heads", {"layer", "head"}}, {"neuron", {"d_mlp", "d_mlp"}}};

enum { ALSO_PICKS = sizeof also_picks / sizeof *also_picks };

static bool picks_from(const pb_sight *subject, size_t which)
{
    return has_axis(subject, also_picks[which].axes[0]) &&
           has_axis(subject, also_picks[which].axes[1]);
}

bool pb_complete_axes(pb_completion *c, size_t open)
{
    pb_sight subject;
    pb_names *names = c->names[PB_FIT_PLACE];
    bool starts = pb_complete_starts_entry(c, open);
    pb_sight_before(&c->scan, c->snapshot, open, &subject);
    const pb_meta *meta = pb_value_meta(subject.value);
    bool found = pb_sight_axes(&subject) > 0 || pb_table_columns(subject.value) > 0;
    for (size_t i = 0; starts && i < pb_sight_axes(&subject); i++)
        add_keyword(names, pb_sight_axis(&subject, i));
    for (size_t i = 0; starts && i < ALSO_PICKS; i++)
        if (picks_from(&subject, i))
            add_keyword(names, also_picks[i].word);
    for (size_t i = 0; starts && meta && i < meta->n_fields; i++)
        if (meta->fields[i].axis) /* t[part=...] along `component` */
            add_keyword(names, meta->fields[i].name);
    for (size_t i = 0; starts && i < pb_table_columns(subject.value); i++)
        add_keyword(names, pb_table_column(subject.value, i)->name);
    pb_sight_free(&subject);
    return found && starts;
}

/* ---- strings ---- */

#define MOST_LABELS 300 /* of an axis */

/* Whether `text` begins as what is typed does, whatever its case and spaces in front. */
static bool may_fit(const char *text, const char *typed)
{
    while (*text == ' ')
        text++;
    while (*typed == ' ')
        typed++;
    for (; *typed; typed++, text++)
        if ((*text | 0x20) != (*typed | 0x20))
            return false;
    return true;
}

/* The labels along an axis, those that may fit where there are many. */
static void add_axis_labels(const pb_axis *axis, const char *typed, pb_names *names)
{
    for (size_t i = 0; i < pb_axis_length(axis) && pb_names_count(names) < MOST_LABELS; i++) {
        const char *label = pb_axis_label(axis, i);
        if (label && may_fit(label, typed))
            pb_names_add(names, label, "token", "");
    }
}

/* The strings in a column: t[part="..."]. */
static void add_cells(const pb_value *cells, pb_names *names)
{
    for (size_t i = 0; i < pb_list_count(cells) && pb_names_count(names) < MOST_LABELS; i++)
        if (pb_value_kind(pb_list_item(cells, i)) == PB_STRING)
            pb_names_add(names, pb_value_get_text(pb_list_item(cells, i), NULL), "value", "");
}

/* t[pos="..."]: labels along the axis, or of a table what the column holds. */
static void add_places(const pb_sight *subject, const char *axis_name, const char *typed,
                       pb_names *names)
{
    const pb_tensor *tensor = pb_value_get_tensor(subject->value);
    int which = tensor ? pb_tensor_find_axis(tensor, axis_name) : -1;
    const pb_table_cells *column = pb_table_find(subject->value, axis_name);
    const pb_value *field = pb_meta_field(pb_value_meta(subject->value), axis_name);
    if (which >= 0)
        add_axis_labels(pb_tensor_axis(tensor, (size_t)which), typed, names);
    else if (column)
        add_cells(column->cells, names);
    else if (field)
        add_cells(field, names);
    else if (subject->owner && subject->owner_type && subject->owner_type->labels)
        subject->owner_type->labels(subject->owner, axis_name, typed, names);
}

/* t["..."]: columns of a table, names of a record. */
static void add_names_inside(const pb_value *value, pb_names *names)
{
    for (size_t i = 0; i < pb_table_columns(value); i++)
        pb_names_add(names, pb_table_column(value, i)->name, "property", "");
    for (size_t i = 0; i < pb_record_count(value); i++)
        pb_names_add(names, pb_record_entry(value, i).name, "property", "");
}

/* What a parameter of this name offers in every word. */
static void suggest_usual(pb_completion *c, const char *name, const char *typed)
{
    const pb_parameter *usual = pb_lexicon_usual(c->snapshot->lexicon, name);
    const pb_asked asked = {c->snapshot->session, typed, asked_argument, c};
    if (usual && usual->suggest)
        usual->suggest(&asked, c->names[PB_FIT_PLACE]);
}

static void add_index_strings(pb_completion *c, size_t open, const char *typed)
{
    pb_scan_argument entry = pb_scan_last_argument(&c->scan, open, c->end);
    char *axis = entry.named ? pb_scan_text(&c->scan, entry.name) : NULL;
    pb_sight subject;
    pb_sight_before(&c->scan, c->snapshot, open, &subject);
    if (axis)
        add_places(&subject, axis, typed, c->names[PB_FIT_PLACE]);
    else if (!entry.named)
        add_names_inside(subject.value, c->names[PB_FIT_PLACE]);
    for (size_t i = 0; axis && i < ALSO_PICKS; i++)
        if (strcmp(axis, also_picks[i].word) == 0 && picks_from(&subject, i))
            suggest_usual(c, axis, typed);
    pb_sight_free(&subject);
    free(axis);
}

static void add_argument_strings(pb_completion *c, size_t open, const char *typed)
{
    const pb_builtin *row = pb_called_row(&c->scan, c->snapshot, open);
    pb_scan_argument argument = pb_scan_last_argument(&c->scan, open, c->end);
    const pb_parameter *p = row ? pb_called_parameter(&c->scan, row, open, &argument) : NULL;
    const pb_parameter *usual = p ? pb_lexicon_usual(c->snapshot->lexicon, p->name) : NULL;
    const pb_asked asked = {c->snapshot->session, typed, asked_argument, c};
    if (!p)
        return;
    add_choices(p->choices, "", c->names[PB_FIT_PLACE]);
    if (p->suggest)
        p->suggest(&asked, c->names[PB_FIT_PLACE]);
    else if (!p->choices && usual && usual->suggest)
        usual->suggest(&asked, c->names[PB_FIT_PLACE]);
    size_t around = pb_scan_bracket(&c->scan, open);
    bool index = around != SIZE_MAX && pb_scan_is(&c->scan, around, "[") &&
                 pb_scan_ends_operand(&c->scan, around - 1);
    if (index && (row->gives & PB_TAKES_SELECTOR)) /* t[pos=first("...")] */
        add_index_strings(c, around, typed);
}

/* The bracket a string at the place stands in, past lists of strings; SIZE_MAX where the string is
 * part of a longer expression. */
static size_t bracket_of_string(const pb_completion *c)
{
    size_t at = c->end;
    for (;;) {
        bool starts =
            at > 0 && (pb_scan_is(&c->scan, at - 1, "(") || pb_scan_is(&c->scan, at - 1, "[") ||
                       pb_scan_is(&c->scan, at - 1, ",") || pb_scan_is(&c->scan, at - 1, "="));
        size_t open = pb_scan_bracket(&c->scan, at);
        if (!starts || open == SIZE_MAX || pb_scan_ends_operand(&c->scan, open - 1))
            return starts ? open : SIZE_MAX;
        at = open;
    }
}

void pb_complete_string(pb_completion *c)
{
    size_t open = bracket_of_string(c);
    const char *text = c->scan.lexer.text + c->range.start;
    char *typed = strndup(text, c->range.end - c->range.start);
    if (typed && open != SIZE_MAX && pb_scan_is(&c->scan, open, "["))
        add_index_strings(c, open, typed);
    else if (typed && open != SIZE_MAX && pb_scan_is(&c->scan, open, "("))
        add_argument_strings(c, open, typed);
    free(typed);
}
