/* What front ends ask beside cells: is this complete, what could stand here, what is this. */
#include <stdlib.h>
#include <string.h>

#include "assist/assist.h"
#include "assist/reference.h"
#include "base/memory.h"
#include "session_private.h"
#include "syntax/parser.h"

/* ---- is it complete? ---- */

/* The spaces the last line begins with. */
static size_t last_indent(const char *code, size_t length)
{
    size_t start = length, spaces = 0;
    while (start > 0 && code[start - 1] != '\n')
        start--;
    while (start + spaces < length && code[start + spaces] == ' ')
        spaces++;
    return spaces;
}

pb_parse pb_session_is_complete(const char *code, size_t length, char **indent)
{
    pb_parse_end end = {0};
    pb_program *program = NULL;
    pb_error *error = NULL;
    if (indent)
        *indent = NULL;
    pb_source *source = pb_source_create("cell", code, length);
    if (!source)
        return PB_PARSE_INVALID;
    bool parsed = !pb_parse_program(source, NULL, NULL, &program, &end, &error);
    pb_program_release(&program);
    pb_source_release(&source);
    pb_error_destroy(&error);
    if (parsed || !end.more)
        return parsed ? PB_PARSE_COMPLETE : PB_PARSE_INVALID;
    if (indent) {
        size_t spaces = end.in_quotes ? 0 : last_indent(code, length);
        if (spaces == 0 && !end.in_quotes)
            spaces = end.open_brackets > 0 ? 4 : 0;
        *indent = calloc(spaces + 1, 1);
        if (*indent)
            memset(*indent, ' ', spaces);
    }
    return PB_PARSE_INCOMPLETE;
}

/* ---- completion and inspection, of what is known at this moment ---- */

static pb_status matches_of(const pb_names *names, pb_span range, pb_matches **matches,
                            pb_error **error)
{
    size_t count = pb_names_count(names);
    bool whole = true;
    pb_matches *made = pb_calloc(1, sizeof *made);
    pb_match *items = pb_calloc(count, sizeof *items);
    if (!made || !items) {
        free(made);
        free(items);
        return pb_fail_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        const pb_name *name = pb_names_item(names, i);
        items[i] = (pb_match){strdup(name->text), strdup(name->type), strdup(name->signature)};
        whole = whole && items[i].text && items[i].type && items[i].signature;
    }
    *made = (pb_matches){range.start, range.end, count, items};
    *matches = made;
    if (whole)
        return PB_OK;
    pb_matches_destroy(matches);
    return pb_fail_memory(error);
}

void pb_matches_destroy(pb_matches **matches)
{
    pb_matches *old = *matches;
    *matches = NULL;
    if (!old)
        return;
    for (size_t i = 0; i < old->count; i++) {
        free((char *)old->items[i].text);
        free((char *)old->items[i].type);
        free((char *)old->items[i].signature);
    }
    free((pb_match *)old->items);
    free(old);
}

pb_status pb_session_complete(pb_session *session, const char *code, size_t length, size_t at,
                              pb_matches **matches, pb_error **error)
{
    pb_entry *users;
    size_t n_users;
    pb_names *fits = NULL;
    pb_span range = {0, 0};
    *matches = NULL;
    pb_status status = pb_session_copy_names(session, &users, &n_users, error);
    if (status)
        return status;
    const pb_snapshot snapshot = {session, session->lexicon, n_users, users};
    status = pb_complete(&snapshot, code, length, at, &range, &fits, error);
    if (!status)
        status = matches_of(fits, range, matches, error);
    pb_names_destroy(&fits);
    pb_session_free_names(users, n_users);
    return status;
}

pb_status pb_session_inspect(pb_session *session, const char *code, size_t length, size_t at,
                             int detail, pb_bundle **found, pb_error **error)
{
    pb_entry *users;
    size_t n_users;
    *found = NULL;
    pb_status status = pb_session_copy_names(session, &users, &n_users, error);
    if (status)
        return status;
    const pb_snapshot snapshot = {session, session->lexicon, n_users, users};
    status = pb_inspect(&snapshot, code, length, at, detail, found, error);
    pb_session_free_names(users, n_users);
    return status;
}

void pb_session_advise(pb_session *session, pb_error *error)
{
    pb_entry *users;
    size_t n_users;
    if (!error || pb_session_copy_names(session, &users, &n_users, NULL))
        return;
    const pb_snapshot snapshot = {session, session->lexicon, n_users, users};
    pb_advise(&snapshot, error);
    pb_session_free_names(users, n_users);
}

char *pb_session_reference_markdown(pb_session *session)
{
    pb_buffer out = PB_BUFFER_EMPTY;
    pb_reference_words(session->lexicon, &out);
    char *text = pb_buffer_take(&out);
    pb_buffer_free(&out);
    return text;
}
