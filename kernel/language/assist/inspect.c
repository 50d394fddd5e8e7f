/* Inspection: what is known of the name at a place. */
#include <stdlib.h>
#include <string.h>

#include "assist/assist.h"
#include "assist/reference.h"
#include "complete_private.h"
#include "eval/interp.h"
#include "eval/members.h"
#include "show/show.h"
#include "sight.h"
#include "value/text.h"

/* Past the name the place lies in, so that the scan sees the whole of it. */
static size_t end_of_name(const char *code, size_t length, size_t at)
{
    while (at < length) {
        unsigned char c = (unsigned char)code[at];
        bool in_name = c == '_' || c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                       (c >= 'A' && c <= 'Z');
        if (!in_name)
            break;
        at++;
    }
    return at;
}

/* The token to explain: the name at the place, or the one whose brackets the place lies in. */
static size_t subject(const pb_scan *scan, size_t at)
{
    size_t last = scan->count;
    if (!scan->in_string && last > 0 && scan->tokens[last - 1].span.end == at &&
        scan->tokens[last - 1].kind == PB_TOKEN_NAME)
        return last - 1;
    for (size_t open = pb_scan_bracket(scan, last); open != SIZE_MAX;
         open = pb_scan_bracket(scan, open))
        if (open > 0 && scan->tokens[open - 1].kind == PB_TOKEN_NAME)
            return open - 1;
    bool closed = last > 0 && !scan->in_string && scan->tokens[last - 1].kind == PB_TOKEN_NAME;
    return closed ? last - 1 : SIZE_MAX;
}

static void explain_value(const pb_value *value, int detail, pb_buffer *out)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_reference_value(value, out);
    bool is_short = pb_value_kind(value) <= PB_LIST || pb_value_kind(value) == PB_RECORD;
    if (detail > 0)
        pb_value_str(value, &text);
    else if (is_short)
        pb_value_repr(value, false, &text);
    if (text.length > 0 && pb_value_kind(value) != PB_FUNCTION)
        pb_reference_block("", text.data, out);
    pb_buffer_free(&text);
}

static void explain_row(const pb_snapshot *snapshot, const pb_builtin *row, int detail,
                        pb_buffer *out)
{
    if (detail > 0)
        pb_reference_entry(snapshot->lexicon, row, out);
    else
        pb_reference_summary(snapshot->lexicon, row, out);
}

/* ---- members that would have to be computed ---- */

/* "It will be a tensor [layer, head, query, key]; TransformerLens' attn.hook_pattern." */
static void explain_prospect(const char *name, const pb_prospect *prospect, pb_buffer *out)
{
    pb_buffer_format(out, "**.%s**: %s\n\nA tensor [", name, prospect->summary);
    for (size_t i = 0; i < prospect->n_axes; i++)
        pb_buffer_format(out, "%s%s", i ? ", " : "", prospect->axes[i]);
    pb_buffer_text(out, "].");
    if (prospect->also)
        pb_buffer_format(out, " TransformerLens calls it `%s`.", prospect->also);
    pb_buffer_byte(out, '\n');
}

static const pb_member *find_member(const pb_member *members, const char *name)
{
    for (const pb_member *m = members; m && m->name; m++)
        if (strcmp(m->name, name) == 0)
            return m;
    return NULL;
}

/* `sight` is of owner.name. */
static bool explain_member(const pb_sight *owner, const pb_sight *sight, const char *name,
                           pb_buffer *out)
{
    const pb_object_type *type = pb_sight_type(owner);
    const pb_meta *meta = pb_value_meta(owner->value);
    pb_kind kind = owner->value ? pb_value_kind(owner->value) : owner->tensor ? PB_TENSOR : PB_NONE;
    const pb_member *found = find_member(type ? type->members : NULL, name);
    if (sight->tensor) {
        explain_prospect(name, &sight->prospect, out);
        return true;
    }
    if (!found)
        found = find_member(meta && meta->look ? meta->look->members : NULL, name);
    if (!found)
        found = find_member(pb_kind_members(kind), name);
    if (found)
        pb_buffer_format(out, "**.%s**: %s\n", name, found->summary ? found->summary : "");
    return found != NULL;
}

/* ---- names of arguments and axes ---- */

static void explain_axis(const pb_sight *subject, const char *name, pb_buffer *out)
{
    const pb_tensor *tensor = pb_value_get_tensor(subject->value);
    int which = tensor ? pb_tensor_find_axis(tensor, name) : -1;
    const pb_table_cells *column = pb_table_find(subject->value, name);
    const pb_value *field = pb_meta_field(pb_value_meta(subject->value), name);
    const pb_axis *axis = which >= 0 ? pb_tensor_axis(tensor, (size_t)which) : NULL;
    if (column || field)
        explain_value(column ? column->cells : field, 0, out);
    for (size_t i = 0; subject->tensor && i < pb_sight_axes(subject); i++)
        if (strcmp(pb_sight_axis(subject, i), name) == 0)
            pb_buffer_format(out, "An axis of %s.\n", subject->prospect.summary);
    if (!axis)
        return;
    size_t length = pb_axis_length(axis);
    pb_buffer_format(out, "The axis `%s`: %zu place%s", name, length, length == 1 ? "" : "s");
    if (length > 0)
        pb_buffer_format(out, ", %lld to %lld", (long long)pb_axis_coordinate(axis, 0),
                         (long long)pb_axis_coordinate(axis, length - 1));
    pb_buffer_text(out, ".\n");
}

/* The name of an argument of f(...), or of an axis or a column in x[...]. */
static void explain_argument(const pb_scan *scan, const pb_snapshot *snapshot, size_t which,
                             pb_buffer *out)
{
    size_t open = pb_scan_bracket(scan, which);
    const pb_builtin *row = pb_called_row(scan, snapshot, open);
    char *name = pb_scan_text(scan, which);
    pb_scan_argument argument = {.named = true, .name = which};
    const pb_parameter *p = row ? pb_called_parameter(scan, row, open, &argument) : NULL;
    if (p) {
        pb_buffer_format(out, "**%s** of `%s`: ", p->name, row->name);
        pb_reference_parameter(snapshot->lexicon, p, out);
        pb_buffer_byte(out, '\n');
    } else if (name && open != SIZE_MAX && pb_scan_is(scan, open, "[")) {
        pb_sight subject;
        pb_sight_before(scan, snapshot, open, &subject);
        explain_axis(&subject, name, out);
        pb_sight_free(&subject);
    }
    free(name);
}

/* Whether `name =` stands at the start of an argument: token `which`, with `at` behind it. */
static bool names_argument(const pb_scan *scan, size_t which, const char *code, size_t length,
                           size_t at)
{
    size_t open = pb_scan_bracket(scan, which);
    while (at < length && code[at] == ' ')
        at++;
    bool equals = at < length && code[at] == '=' && !(at + 1 < length && code[at + 1] == '=');
    return equals && open != SIZE_MAX && pb_scan_ends_operand(scan, open - 1) &&
           (which == open + 1 || pb_scan_is(scan, which - 1, ","));
}

/* A column or a name of a record in t["..."]; `end` is the code's. */
static void explain_string(const pb_scan *scan, const pb_snapshot *snapshot, const char *code,
                           size_t length, pb_buffer *out)
{
    size_t open = pb_scan_bracket(scan, scan->count), end = scan->body;
    char quote = scan->body ? code[scan->body - 1] : 0;
    if (!scan->in_string || open == SIZE_MAX || open + 1 != scan->count ||
        !pb_scan_is(scan, open, "[") || !pb_scan_ends_operand(scan, open - 1))
        return;
    while (end < length && code[end] != quote && code[end] != '\n')
        end++;
    char *name = strndup(code + scan->body, end - scan->body);
    pb_sight subject;
    pb_sight_before(scan, snapshot, open, &subject);
    const pb_table_cells *column = name ? pb_table_find(subject.value, name) : NULL;
    const pb_value *found = column ? column->cells
                            : name ? pb_record_find(subject.value, name)
                                   : NULL;
    if (found)
        explain_value(found, 0, out);
    pb_sight_free(&subject);
    free(name);
}

/* ---- a place ---- */

static void explain(const pb_scan *scan, const pb_snapshot *snapshot, size_t which, int detail,
                    bool called, pb_buffer *out)
{
    char *name = pb_scan_text(scan, which);
    pb_sight sight, owner = {0};
    if (!name)
        return;
    bool member = which > 0 && pb_scan_is(scan, which - 1, ".");
    const pb_builtin *row = pb_lexicon_builtin(snapshot->lexicon, name);
    const pb_constant *constant = pb_lexicon_constant(snapshot->lexicon, name);
    pb_sight_before(scan, snapshot, which + 1, &sight);
    if (member)
        pb_sight_before(scan, snapshot, which - 1, &owner);
    if (sight.value && !(called && row && !pb_value_is_callable(sight.value)))
        explain_value(sight.value, detail, out);
    else if (member && explain_member(&owner, &sight, name, out))
        ;
    else if (row)
        explain_row(snapshot, row, detail, out);
    else if (constant)
        pb_buffer_format(out, "**%s**: %s\n", name, constant->summary);
    pb_sight_free(&sight);
    pb_sight_free(&owner);
    free(name);
}

/* Explains what lies at `at`, or is called around it; leaves `out` empty if nothing is known. */
static bool explain_at(const pb_snapshot *snapshot, const char *code, size_t length, size_t at,
                       int detail, pb_buffer *out)
{
    pb_scan scan;
    bool scanned = pb_scan_start(&scan, code, length, at);
    if (scanned && scan.in_comment)
        scan.count = 0;
    size_t which = scanned ? subject(&scan, at) : SIZE_MAX;
    if (which != SIZE_MAX && scan.tokens[which].span.end == at &&
        names_argument(&scan, which, code, length, at))
        explain_argument(&scan, snapshot, which, out);
    else if (scanned)
        explain_string(&scan, snapshot, code, length, out);
    while (which != SIZE_MAX && out->length == 0) {
        bool called = which + 1 < scan.count || (at < length && code[at] == '(');
        explain(&scan, snapshot, which, detail, called, out);
        scan.count = which; /* nothing is known of it: on to the call that it stands in */
        scan.in_string = true;
        which = subject(&scan, at);
    }
    pb_scan_free(&scan);
    return scanned;
}

pb_status pb_inspect(const pb_snapshot *snapshot, const char *code, size_t length, size_t at,
                     int detail, pb_bundle **found, pb_error **error)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_status status = PB_OK;
    *found = NULL;
    at = at < length ? at : length;
    bool in_name = at > 0 && end_of_name(code, at, at - 1) == at;
    bool scanned = true;
    if (!in_name) /* after a bracket or a comma: the call comes before the next argument */
        scanned = explain_at(snapshot, code, length, at, detail, &text);
    if (text.length == 0)
        scanned = scanned &&
                  explain_at(snapshot, code, length, end_of_name(code, length, at), detail, &text);
    if (!scanned)
        status = pb_fail_memory(error);
    else if (text.length > 0)
        status = pb_reference_bundle(&text, found, error);
    pb_buffer_free(&text);
    return status;
}
