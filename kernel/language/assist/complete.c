/* Completion: what could stand at a place, from tokens, rows and a snapshot of names. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assist/assist.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "base/visible.h"
#include "eval/members.h"
#include "eval/run.h"
#include "scan.h"
#include "syntax/parser.h"

/* What is being completed. */
typedef struct pb_completion {
    const pb_snapshot *snapshot;
    pb_scan scan;
    size_t end;      /* how many tokens stand before the word being completed */
    pb_span range;   /* of the word */
    pb_names *names; /* everything that could stand there */
} pb_completion;

static void add_builtin(pb_names *names, const pb_builtin *row)
{
    pb_buffer signature = PB_BUFFER_EMPTY;
    pb_builtin_signature(row, &signature);
    pb_names_add(names, row->name, "function", signature.data ? signature.data : "");
    pb_buffer_free(&signature);
}

/* A name of the user's, with the type that front ends show beside a completion. */
static void add_users(pb_names *names, pb_entry entry)
{
    pb_names_add(names, entry.name, pb_value_is_callable(entry.value) ? "function" : "instance",
                 "");
}

/* ---- names anywhere ---- */

/* Names the cell itself gives before the place: `name =` and `for name in`. */
static void add_names_of_cell(pb_completion *c)
{
    for (size_t i = 0; i + 1 < c->end; i++) {
        bool assigned = c->scan.tokens[i].kind == PB_TOKEN_NAME && pb_scan_is(&c->scan, i + 1, "=");
        bool walked = c->scan.tokens[i].kind == PB_TOKEN_NAME && i > 0 &&
                      (pb_scan_is(&c->scan, i - 1, "for") || pb_scan_is(&c->scan, i + 1, "in"));
        if (!assigned && !walked)
            continue;
        char *name = pb_scan_text(&c->scan, i);
        if (name && !pb_is_reserved(name, strlen(name)))
            pb_names_add(c->names, name, "instance", "");
        free(name);
    }
}

static void add_all_names(pb_completion *c)
{
    size_t count;
    const char *const *words = pb_reserved_words(&count);
    for (size_t i = 0; i < c->snapshot->n_names; i++)
        add_users(c->names, c->snapshot->names[i]);
    size_t at = 0;
    for (const pb_builtin *row; (row = pb_lexicon_next_builtin(c->snapshot->lexicon, &at));)
        add_builtin(c->names, row);
    add_names_of_cell(c);
    for (size_t i = 0; i < count; i++)
        if (islower((unsigned char)words[i][0]) && strcmp(words[i], "true") != 0 &&
            strcmp(words[i], "false") != 0 && strcmp(words[i], "none") != 0)
            pb_names_add(c->names, words[i], "keyword", "");
    pb_names_add(c->names, "True", "keyword", "");
    pb_names_add(c->names, "False", "keyword", "");
    pb_names_add(c->names, "None", "keyword", "");
    at = 0;
    for (const pb_constant *row; (row = pb_lexicon_next_constant(c->snapshot->lexicon, &at));)
        pb_names_add(c->names, row->name, "instance", "");
}

/* ---- after a dot ---- */

static void add_members(pb_completion *c, size_t dot)
{
    pb_value *value = pb_scan_value(&c->scan, c->snapshot, dot);
    bool text = dot > 0 && c->scan.tokens[dot - 1].kind == PB_TOKEN_STRING;
    if (dot > 0 && c->scan.tokens[dot - 1].kind == PB_TOKEN_NUMBER)
        return;
    if (text)
        pb_value_text("", &value, NULL);
    if (value)
        pb_member_names(value, c->names);
    size_t at = 0;
    for (const pb_builtin *row; (row = pb_lexicon_next_builtin(c->snapshot->lexicon, &at));)
        if (!value || pb_builtin_takes_first(row, value))
            add_builtin(c->names, row);
    pb_value_release(&value);
}

/* ---- in the brackets of a call ---- */

/* The row of the word called at bracket token `open`; NULL if it is no built-in. */
static const pb_builtin *called_row(const pb_completion *c, size_t open)
{
    if (open == 0 || c->scan.tokens[open - 1].kind != PB_TOKEN_NAME)
        return NULL;
    char *name = pb_scan_text(&c->scan, open - 1);
    bool method = open >= 2 && pb_scan_is(&c->scan, open - 2, ".");
    pb_value *value = name && !method ? pb_scan_name(c->snapshot, name) : NULL;
    bool shadowed = value && pb_value_is_callable(value);
    const pb_builtin *row =
        name && !shadowed ? pb_lexicon_builtin(c->snapshot->lexicon, name) : NULL;
    free(name);
    return row;
}

static const pb_parameter *find_parameter(const pb_builtin *row, const char *keyword,
                                          size_t position)
{
    const pb_parameter *p;
    for (size_t i = 0; (p = pb_builtin_parameter(row, i)); i++) {
        if (keyword ? strcmp(p->name, keyword) == 0 && p->mode <= PB_PARAMETER_KEYWORD
                    : p->mode == PB_PARAMETER_NORMAL && position-- == 0)
            return p;
    }
    return NULL;
}

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

static void add_user_parameters(pb_completion *c, size_t open)
{
    pb_value *function = pb_scan_value(&c->scan, c->snapshot, open);
    if (pb_value_kind(function) == PB_FUNCTION) {
        const pb_node *node = pb_value_function_node(function);
        for (size_t i = 0; i < node->n_parameters; i++)
            add_keyword(c->names, node->parameters[i].name);
    }
    pb_value_release(&function);
}

/* In f(...): the keywords at the start of an argument, the choices after `name=`. */
static void add_arguments(pb_completion *c, size_t open)
{
    const pb_builtin *row = called_row(c, open);
    size_t position;
    char *keyword = pb_scan_keyword(&c->scan, open, c->end, &position);
    const pb_parameter *parameter = row && keyword ? find_parameter(row, keyword, 0) : NULL;
    bool starts = c->end == open + 1 || pb_scan_is(&c->scan, c->end - 1, ",");
    if (parameter && pb_scan_is(&c->scan, c->end - 1, "="))
        add_choices(parameter->choices, "\"", c->names);
    for (size_t i = 0; starts && row && (parameter = pb_builtin_parameter(row, i)); i++)
        if (parameter->mode <= PB_PARAMETER_KEYWORD)
            add_keyword(c->names, parameter->name);
    if (starts && !row)
        add_user_parameters(c, open);
    free(keyword);
}

/* In x[...]: axes of a tensor, columns of a table. */
static void add_axes(pb_completion *c, size_t open)
{
    pb_value *value = pb_scan_value(&c->scan, c->snapshot, open);
    const pb_tensor *tensor = pb_value_get_tensor(value);
    bool starts = c->end == open + 1 || pb_scan_is(&c->scan, c->end - 1, ",");
    for (size_t i = 0; starts && tensor && i < pb_tensor_rank(tensor); i++)
        add_keyword(c->names, pb_axis_name(pb_tensor_axis(tensor, i)));
    for (size_t i = 0; starts && i < pb_table_columns(value); i++)
        add_keyword(c->names, pb_table_column(value, i)->name);
    pb_value_release(&value);
}

/* ---- in a string ---- */

/* Labels along an axis: t[pos="..."]; column names: t["..."]. */
static void add_labels(pb_completion *c, size_t open)
{
    size_t position;
    char *axis_name = pb_scan_keyword(&c->scan, open, c->end, &position);
    pb_value *value = pb_scan_value(&c->scan, c->snapshot, open);
    const pb_tensor *tensor = pb_value_get_tensor(value);
    int which = tensor && axis_name ? pb_tensor_find_axis(tensor, axis_name) : -1;
    const pb_axis *axis = which >= 0 ? pb_tensor_axis(tensor, (size_t)which) : NULL;
    for (size_t i = 0; axis && i < pb_axis_length(axis) && i < 2000; i++)
        if (pb_axis_label(axis, i))
            pb_names_add(c->names, pb_axis_label(axis, i), "token", "");
    for (size_t i = 0; !axis_name && i < pb_table_columns(value); i++)
        pb_names_add(c->names, pb_table_column(value, i)->name, "property", "");
    for (size_t i = 0; !axis_name && i < pb_record_count(value); i++)
        pb_names_add(c->names, pb_record_entry(value, i).name, "property", "");
    free(axis_name);
    pb_value_release(&value);
}

static void add_strings(pb_completion *c)
{
    size_t position, open = pb_scan_bracket(&c->scan, c->end);
    while (open != SIZE_MAX && pb_scan_is(&c->scan, open, "[") && open > 0 &&
           c->scan.tokens[open - 1].kind == PB_TOKEN_SYMBOL &&
           !pb_scan_is(&c->scan, open - 1, ")") && !pb_scan_is(&c->scan, open - 1, "]"))
        open = pb_scan_bracket(&c->scan, open); /* a list inside a call */
    if (open == SIZE_MAX)
        return;
    if (pb_scan_is(&c->scan, open, "[")) {
        add_labels(c, open);
        return;
    }
    const pb_builtin *row = called_row(c, open);
    char *keyword = pb_scan_keyword(&c->scan, open, c->end, &position);
    bool method = open >= 2 && pb_scan_is(&c->scan, open - 2, ".");
    const pb_parameter *parameter =
        row ? find_parameter(row, keyword, position + (method ? 1 : 0)) : NULL;
    if (parameter) {
        add_choices(parameter->choices, "", c->names);
        if (parameter->suggest)
            parameter->suggest(c->snapshot->session, c->names);
    }
    free(keyword);
}

/* ---- what fits ---- */

static bool begins(const char *text, const char *prefix, size_t length, bool exact)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char a = (unsigned char)text[i], b = (unsigned char)prefix[i];
        if (exact ? a != b : tolower(a) != tolower(b))
            return false;
    }
    return true;
}

/* Whether the string being written has a letter, in small or capital, before its quotes. */
static bool has_prefix(const pb_completion *c, char letter)
{
    for (size_t i = c->scan.quote; i < c->scan.body; i++)
        if (tolower((unsigned char)c->scan.lexer.text[i]) == letter)
            return true;
    return false;
}

/* A text as it is written inside the string being completed, malloc'ed; "" where a raw string
 * cannot hold it; NULL when memory is out. */
static char *text_inside(const pb_completion *c, const char *text)
{
    bool raw = has_prefix(c, 'r'), formatted = has_prefix(c, 'f');
    char quote = c->scan.lexer.text[c->scan.body - 1];
    pb_buffer quoted = PB_BUFFER_EMPTY, inside = PB_BUFFER_EMPTY;
    pb_quoted_text(&quoted, text, strlen(text));
    for (size_t i = 1; i + 1 < quoted.length; i++) {
        char byte = quoted.data[i];
        if (byte == '\\' && quote == '\'' && quoted.data[i + 1] == '"')
            continue; /* a quote of the other kind stands as it is */
        if (byte == '\\')
            pb_buffer_byte(&inside, quoted.data[i++]);
        else if (byte == '\'' && quote == '\'')
            pb_buffer_byte(&inside, '\\');
        else if (formatted && (byte == '{' || byte == '}'))
            pb_buffer_byte(&inside, byte);
        pb_buffer_byte(&inside, quoted.data[i]);
    }
    inside.failed = inside.failed || quoted.failed;
    pb_buffer_free(&quoted);
    char *written = pb_buffer_take(&inside);
    if (written && raw && strcmp(written, text) != 0)
        written[0] = '\0';
    return written;
}

/* Whether it has control characters, which a terminal would obey: a column's name may come from a
 * file. It is not offered. */
static bool is_obeyed(const char *text)
{
    bool obeyed = false;
    for (size_t at = 0, length = strlen(text); !obeyed && at < length;)
        obeyed = pb_is_control(pb_utf8_next(text, length, &at));
    return obeyed;
}

/* Adds those that begin with `prefix`; the first that could not be written down fails. */
static pb_status pick(const pb_completion *c, const char *prefix, size_t length, bool exact,
                      pb_names *fits, pb_error **error)
{
    for (size_t i = 0; i < pb_names_count(c->names); i++) {
        const pb_name *name = pb_names_item(c->names, i);
        char *text = c->scan.in_string ? text_inside(c, name->text) : strdup(name->text);
        if (!text)
            return pb_fail_memory(error);
        bool hidden = !*text || (*text == '_' && length == 0) || is_obeyed(text);
        if (!hidden && begins(text, prefix, length, exact))
            pb_names_add(fits, text, name->type, name->signature);
        free(text);
    }
    return PB_OK;
}

static pb_status pick_fits(const pb_completion *c, const char *code, pb_names **fits,
                           pb_error **error)
{
    size_t length = c->range.end - c->range.start;
    pb_names_sort(c->names);
    *fits = pb_names_create();
    if (!*fits)
        return pb_fail_memory(error);
    pb_status status = pick(c, code + c->range.start, length, true, *fits, error);
    if (!status && pb_names_count(*fits) == 0 && length > 0)
        status = pick(c, code + c->range.start, length, false, *fits, error);
    if (status)
        pb_names_destroy(fits);
    return status;
}

static void gather(pb_completion *c, size_t at)
{
    pb_scan *scan = &c->scan;
    c->end = scan->count;
    c->range = (pb_span){at, at};
    if (scan->in_string) {
        c->range.start = scan->body;
        add_strings(c);
        return;
    }
    bool in_word = scan->count > 0 && scan->tokens[scan->count - 1].span.end == at;
    if (in_word && scan->tokens[scan->count - 1].kind == PB_TOKEN_NUMBER)
        return;
    if (in_word && scan->tokens[scan->count - 1].kind == PB_TOKEN_NAME)
        c->range.start = scan->tokens[--c->end].span.start;
    if (c->end > 0 && pb_scan_is(scan, c->end - 1, ".")) {
        add_members(c, c->end - 1);
        return;
    }
    size_t open = pb_scan_bracket(scan, c->end);
    if (open != SIZE_MAX && pb_scan_is(scan, open, "("))
        add_arguments(c, open);
    else if (open != SIZE_MAX && pb_scan_is(scan, open, "["))
        add_axes(c, open);
    add_all_names(c);
}

pb_status pb_complete(const pb_snapshot *snapshot, const char *code, size_t length, size_t at,
                      pb_span *range, pb_names **fits, pb_error **error)
{
    pb_completion c = {.snapshot = snapshot, .names = pb_names_create()};
    pb_status status = PB_OK;
    *fits = NULL;
    at = at < length ? at : length;
    bool scanned = pb_scan_start(&c.scan, code, length, at);
    if (scanned && c.names)
        gather(&c, at);
    else
        status = pb_fail_memory(error);
    if (!status)
        status = pick_fits(&c, code, fits, error);
    *range = c.range;
    pb_scan_free(&c.scan);
    pb_names_destroy(&c.names);
    return status;
}
