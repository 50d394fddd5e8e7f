/* Inspection: what is known of the name at a place. */
#include <stdlib.h>
#include <string.h>

#include "assist/assist.h"
#include "assist/reference.h"
#include "eval/interp.h"
#include "eval/members.h"
#include "scan.h"
#include "show/show.h"
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

static void explain_row(const pb_builtin *row, int detail, pb_buffer *out)
{
    if (detail > 0)
        pb_reference_entry(row, out);
    else
        pb_reference_summary(row, out);
}

/* What a member is, where its value would have to be computed and so is not shown. */
static bool explain_member(const pb_scan *scan, const pb_snapshot *snapshot, size_t which,
                           const char *name, pb_buffer *out)
{
    pb_value *owner = pb_scan_value(scan, snapshot, which - 1);
    const pb_object_type *type = pb_value_object_type(owner);
    const pb_meta *meta = pb_value_meta(owner);
    const pb_member *lists[3] = {type ? type->members : NULL,
                                 meta && meta->look ? meta->look->members : NULL,
                                 pb_kind_members(pb_value_kind(owner))};
    const pb_member *found = NULL;
    for (size_t i = 0; i < 3; i++)
        for (const pb_member *m = lists[i]; !found && m && m->name; m++)
            if (strcmp(m->name, name) == 0)
                found = m;
    if (found)
        pb_buffer_format(out, "**.%s**: %s\n", name, found->summary ? found->summary : "");
    pb_value_release(&owner);
    return found != NULL;
}

static void explain(const pb_scan *scan, const pb_snapshot *snapshot, size_t which, int detail,
                    bool called, pb_buffer *out)
{
    char *name = pb_scan_text(scan, which);
    if (!name)
        return;
    bool member = which > 0 && pb_scan_is(scan, which - 1, ".");
    const pb_builtin *row = pb_lexicon_builtin(snapshot->lexicon, name);
    const pb_constant *constant = pb_lexicon_constant(snapshot->lexicon, name);
    pb_value *value = pb_scan_value(scan, snapshot, which + 1);
    if (value && !(called && row && !pb_value_is_callable(value)))
        explain_value(value, detail, out);
    else if (member && explain_member(scan, snapshot, which, name, out))
        ;
    else if (row)
        explain_row(row, detail, out);
    else if (constant)
        pb_buffer_format(out, "**%s**: %s\n", name, constant->summary);
    pb_value_release(&value);
    free(name);
}

/* Explains what lies at `at`, or is called around it; leaves `out` empty if nothing is known. */
static bool explain_at(const pb_snapshot *snapshot, const char *code, size_t length, size_t at,
                       int detail, pb_buffer *out)
{
    pb_scan scan;
    bool scanned = pb_scan_start(&scan, code, length, at);
    size_t which = scanned ? subject(&scan, at) : SIZE_MAX;
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
