/* Completion: what could stand at a place, from tokens, rows and a snapshot of names. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "assist/assist.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "base/visible.h"
#include "complete_private.h"
#include "eval/interp.h"
#include "eval/members.h"
#include "sight.h"
#include "syntax/parser.h"

static void add_builtin(pb_names *names, const pb_builtin *row)
{
    pb_buffer signature = PB_BUFFER_EMPTY;
    pb_builtin_signature(row, &signature);
    pb_names_add(names, row->name, "function", signature.data ? signature.data : "");
    pb_buffer_free(&signature);
}

/* ---- names anywhere ---- */

/* Names the cell itself gives before the place: `name =` and `for name in`. In the brackets of a
 * call `name =` is an argument. */
static void add_names_of_cell(pb_completion *c)
{
    bool call[PB_MAX_NESTING + 1] = {false}; /* of the brackets that are open */
    size_t depth = 0;
    for (size_t i = 0; i + 1 < c->end; i++) {
        const pb_token *token = &c->scan.tokens[i];
        bool opens = token->kind == PB_TOKEN_SYMBOL && strchr("([{", token->symbol[0]);
        bool closes = token->kind == PB_TOKEN_SYMBOL && strchr(")]}", token->symbol[0]);
        if (opens && depth < PB_MAX_NESTING)
            call[++depth] = i > 0 && pb_scan_ends_operand(&c->scan, i - 1);
        depth -= closes && depth > 0;
        if (token->kind != PB_TOKEN_NAME)
            continue;
        bool assigned = pb_scan_is(&c->scan, i + 1, "=") && !call[depth];
        bool walked =
            i > 0 && (pb_scan_is(&c->scan, i - 1, "for") || pb_scan_is(&c->scan, i + 1, "in"));
        char *name = assigned || walked ? pb_scan_text(&c->scan, i) : NULL;
        if (name && !pb_is_reserved(name, strlen(name)))
            pb_names_add(c->names[PB_FIT_OTHER_OWN], name, "instance", "");
        free(name);
    }
}

/* Where anything may stand, only objects are told apart: those of the types the row names. */
static bool takes_anything(const pb_parameter *wanted)
{
    return (wanted->types & PB_TAKES_ANY_NAME) == PB_TAKES_ANY_NAME;
}

static bool is_of_types(const pb_parameter *wanted, const pb_value *value)
{
    const pb_object_type *type = pb_value_object_type(value);
    for (size_t i = 0; type && i < 6 && wanted->objects[i]; i++)
        if (wanted->objects[i] == type)
            return true;
    return false;
}

/* The user's names, each with the type that front ends show beside a completion. */
static void add_users(pb_completion *c, const pb_parameter *wanted)
{
    for (size_t i = 0; i < c->snapshot->n_names; i++) {
        pb_entry entry = c->snapshot->names[i];
        bool fits = wanted && pb_parameter_takes(wanted, entry.value) &&
                    (!takes_anything(wanted) || is_of_types(wanted, entry.value));
        pb_names_add(c->names[fits ? PB_FIT_OWN : PB_FIT_OTHER_OWN], entry.name,
                     pb_value_is_callable(entry.value) ? "function" : "instance", "");
    }
}

/* Whether what a word gives is just what a parameter takes. */
static bool gives_wanted(const pb_builtin *row, const pb_parameter *wanted)
{
    for (size_t i = 0; wanted && row->gives_object && i < 6 && wanted->objects[i]; i++)
        if (wanted->objects[i] == row->gives_object)
            return true;
    return wanted && !takes_anything(wanted) && !row->gives_object &&
           (row->gives & wanted->types) != 0;
}

static void add_words(pb_completion *c, const pb_parameter *wanted)
{
    size_t at = 0;
    for (const pb_builtin *row; (row = pb_lexicon_next_builtin(c->snapshot->lexicon, &at));)
        add_builtin(c->names[gives_wanted(row, wanted) ? PB_FIT_WORDS : PB_FIT_OTHERS], row);
    at = 0;
    bool places = wanted && !takes_anything(wanted) && (wanted->types & PB_TAKES_SELECTOR);
    for (const pb_constant *row; (row = pb_lexicon_next_constant(c->snapshot->lexicon, &at));)
        pb_names_add(c->names[places ? PB_FIT_WORDS : PB_FIT_OTHERS], row->name, "instance", "");
}

/* The words of the syntax that may begin an expression, or stand behind one. */
static void add_keywords(pb_completion *c, bool behind_operand)
{
    static const char *const begin[] = {"True", "False", "None", "lambda", "not"};
    static const char *const behind[] = {"and", "else", "for", "if", "in", "is", "not", "or"};
    const char *const *words = behind_operand ? behind : begin;
    size_t count = behind_operand ? sizeof behind / sizeof *behind : sizeof begin / sizeof *begin;
    for (size_t i = 0; i < count; i++)
        pb_names_add(c->names[PB_FIT_KEYWORDS], words[i], "keyword", "");
}

/* ---- after a dot ---- */

static void add_members(pb_completion *c, size_t dot)
{
    pb_sight owner;
    if (dot > 0 && c->scan.tokens[dot - 1].kind == PB_TOKEN_NUMBER)
        return;
    pb_sight_before(&c->scan, c->snapshot, dot, &owner);
    const pb_object_type *type = pb_sight_type(&owner);
    bool known = owner.value || owner.tensor || type;
    pb_kind kind = owner.value ? pb_value_kind(owner.value) : owner.tensor ? PB_TENSOR : PB_OBJECT;
    if (owner.value)
        pb_member_names(owner.value, c->names[PB_FIT_PLACE]);
    else if (owner.tensor)
        pb_kind_names(PB_TENSOR, c->names[PB_FIT_PLACE]);
    else if (type)
        pb_type_names(type, c->names[PB_FIT_PLACE]);
    for (size_t i = 0; owner.tensor && i < pb_sight_axes(&owner); i++)
        pb_names_add(c->names[PB_FIT_PLACE], pb_sight_axis(&owner, i), "property", "");
    size_t at = 0;
    for (const pb_builtin *row; (row = pb_lexicon_next_builtin(c->snapshot->lexicon, &at));)
        if (!known || pb_builtin_takes_kind(row, kind, type))
            add_builtin(c->names[PB_FIT_OTHERS], row);
    pb_sight_free(&owner);
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

/* How close what is typed has to be to the start of a name. */
typedef enum pb_closeness { PB_AS_TYPED, PB_ANY_CASE_OR_SPACE } pb_closeness;

static bool matches(const char *text, const char *typed, size_t length, pb_closeness closeness)
{
    if (closeness == PB_AS_TYPED)
        return begins(text, typed, length, true);
    return begins(text, typed, length, false) ||
           (*text == ' ' && begins(text + 1, typed, length, false));
}

/* Adds those of one fit that match, and are not there yet; the first that could not be written down
 * fails. */
static pb_status pick(const pb_completion *c, const pb_names *names, pb_closeness closeness,
                      pb_map *seen, pb_names *fits, pb_error **error)
{
    const char *typed = c->scan.lexer.text + c->range.start;
    size_t length = c->range.end - c->range.start;
    uint64_t before;
    for (size_t i = 0; i < pb_names_count(names); i++) {
        const pb_name *name = pb_names_item(names, i);
        char *text = c->scan.in_string ? text_inside(c, name->text) : strdup(name->text);
        if (!text)
            return pb_fail_memory(error);
        bool hidden = !*text || (*text == '_' && length == 0) || is_obeyed(text);
        if (!hidden && matches(text, typed, length, closeness) &&
            !pb_map_get(seen, text, strlen(text), &before)) {
            pb_map_put(seen, text, strlen(text), 0);
            pb_names_add(fits, text, name->type, name->signature);
        }
        free(text);
    }
    return PB_OK;
}

static pb_status pick_fits(pb_completion *c, pb_names **fits, pb_error **error)
{
    pb_status status = PB_OK;
    pb_map *seen = pb_map_create(64);
    *fits = pb_names_create();
    if (!*fits || !seen)
        status = pb_fail_memory(error);
    for (int fit = PB_FIT_PLACE + 1; fit < PB_N_FITS; fit++)
        pb_names_sort(c->names[fit]);
    for (int closeness = PB_AS_TYPED; !status && closeness <= PB_ANY_CASE_OR_SPACE; closeness++)
        for (int fit = 0; !status && fit < PB_N_FITS; fit++)
            if (closeness == PB_AS_TYPED || pb_names_count(*fits) == 0 || c->scan.in_string)
                status = pick(c, c->names[fit], (pb_closeness)closeness, seen, *fits, error);
    pb_map_destroy(&seen);
    if (status)
        pb_names_destroy(fits);
    return status;
}

/* ---- what the place is ---- */

/* Whether what is typed begins one of what only this place has. */
static bool begins_one(const pb_completion *c)
{
    size_t length = c->range.end - c->range.start;
    const char *typed = c->scan.lexer.text + c->range.start;
    for (size_t i = 0; length > 0 && i < pb_names_count(c->names[PB_FIT_PLACE]); i++)
        if (begins(pb_names_item(c->names[PB_FIT_PLACE], i)->text, typed, length, true))
            return true;
    return false;
}

/* In brackets, or in none: an expression begins, of which some is known. */
static void add_expression(pb_completion *c)
{
    size_t open = pb_scan_bracket(&c->scan, c->end);
    const pb_parameter *wanted = NULL;
    bool index = false;
    if (open != SIZE_MAX && pb_scan_is(&c->scan, open, "("))
        wanted = pb_complete_arguments(c, open);
    else if (open != SIZE_MAX && pb_scan_is(&c->scan, open, "["))
        index = pb_scan_ends_operand(&c->scan, open - 1) && pb_complete_axes(c, open);
    add_users(c, wanted);
    add_names_of_cell(c);
    if (!index || !begins_one(c)) /* t[la is layer=, not the word last */
        add_words(c, wanted);
    if (!index) /* no place along an axis is called True, nor begins with lambda */
        add_keywords(c, false);
}

static void gather(pb_completion *c, size_t at)
{
    pb_scan *scan = &c->scan;
    c->end = scan->count;
    c->range = (pb_span){at, at};
    if (scan->in_comment)
        return;
    if (scan->in_string) {
        c->range.start = scan->body;
        pb_complete_string(c);
        return;
    }
    bool in_word = scan->count > 0 && scan->tokens[scan->count - 1].span.end == at;
    if (in_word && scan->tokens[scan->count - 1].kind == PB_TOKEN_NUMBER)
        return;
    if (in_word && scan->tokens[scan->count - 1].kind == PB_TOKEN_NAME)
        c->range.start = scan->tokens[--c->end].span.start;
    bool names_one = c->end > 0 && (pb_scan_is(scan, c->end - 1, "for") ||
                                    pb_scan_is(scan, c->end - 1, "lambda"));
    if (c->end > 0 && pb_scan_is(scan, c->end - 1, "."))
        add_members(c, c->end - 1);
    else if (c->end > 0 && pb_scan_ends_operand(scan, c->end - 1))
        add_keywords(c, true);
    else if (!names_one) /* behind those two a name is made up */
        add_expression(c);
}

static void free_names(pb_completion *c)
{
    for (int fit = 0; fit < PB_N_FITS; fit++)
        pb_names_destroy(&c->names[fit]);
}

static bool make_names(pb_completion *c)
{
    bool whole = true;
    for (int fit = 0; fit < PB_N_FITS; fit++)
        whole = (c->names[fit] = pb_names_create()) && whole;
    return whole;
}

pb_status pb_complete(const pb_snapshot *snapshot, const char *code, size_t length, size_t at,
                      pb_span *range, pb_names **fits, pb_error **error)
{
    pb_completion c = {.snapshot = snapshot};
    pb_status status = PB_OK;
    *fits = NULL;
    at = at < length ? at : length;
    bool scanned = pb_scan_start(&c.scan, code, length, at);
    if (make_names(&c) && scanned)
        gather(&c, at);
    else
        status = pb_fail_memory(error);
    if (!status)
        status = pick_fits(&c, fits, error);
    *range = c.range;
    pb_scan_free(&c.scan);
    free_names(&c);
    return status;
}
