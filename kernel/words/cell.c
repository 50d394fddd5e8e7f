/* Words that speak to the cell: print, warn, show, ask, clear, help, names, type. */
#include <stdlib.h>
#include <string.h>

#include "assist/reference.h"
#include "eval/lexicon.h"
#include "session/cell.h"
#include "show/show.h"
#include "words.h"

/* ---- print, warn, show ---- */

/* What shows itself is written as it shows, without its pictures. */
static pb_status write_value(pb_call *call, const pb_value *value, pb_buffer *out, pb_error **error)
{
    const pb_object_type *type = pb_value_object_type(value);
    bool looks = pb_value_kind(value) == PB_TENSOR && pb_value_meta(value)->look;
    pb_bundle *bundle = NULL;
    if (!looks && !(type && type->show)) {
        pb_value_str(value, out);
        return PB_OK;
    }
    pb_status status = pb_interp_bundle(call->interp, value, &bundle, error);
    const char *text = !status ? pb_bundle_find(bundle, "text/plain") : NULL;
    size_t length = text ? strlen(text) : 0;
    while (length > 0 && text[length - 1] == '\n')
        length--;
    pb_buffer_append(out, text ? text : "", length);
    pb_bundle_destroy(&bundle);
    return status;
}

static pb_status write_values(pb_call *call, int fd, pb_error **error)
{
    pb_buffer out = PB_BUFFER_EMPTY;
    size_t between_length, end_length;
    const char *between = pb_value_get_text(pb_argument_value(call, "sep"), &between_length);
    const char *end = pb_value_get_text(pb_argument_value(call, "end"), &end_length);
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < call->n_rest; i++) {
        if (i > 0)
            pb_buffer_append(&out, between, between_length);
        status = write_value(call, call->rest[i].value, &out, error);
    }
    pb_buffer_append(&out, end, end_length);
    if (!status)
        status = pb_buffer_status(&out, error);
    if (!status)
        pb_interp_text(call->interp, fd, out.data, out.length);
    pb_buffer_free(&out);
    return status;
}

static pb_status call_print(pb_call *call, pb_value **result, pb_error **error)
{
    (void)result;
    return write_values(call, 1, error);
}

static pb_status call_warn(pb_call *call, pb_value **result, pb_error **error)
{
    (void)result;
    return write_values(call, 2, error);
}

static pb_status call_show(pb_call *call, pb_value **result, pb_error **error)
{
    (void)result;
    for (size_t i = 0; i < call->n_rest; i++) {
        pb_status status = pb_interp_show(call->interp, call->rest[i].value, error);
        if (status)
            return status;
    }
    return PB_OK;
}

/* ---- ask, clear ---- */

static pb_status call_ask(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_host *host = pb_call_host(call);
    pb_buffer line = PB_BUFFER_EMPTY;
    if (!host || !host->ask)
        return pb_fail_argument(call, NULL, error, PB_UNSUPPORTED,
                                "nobody can be asked here: this front end has no input line");
    pb_status status = host->ask(host->user, pb_argument_text(call, "prompt"),
                                 pb_argument_bool(call, "secret"), &line, error);
    if (!status)
        status = pb_buffer_status(&line, error);
    if (!status)
        status = pb_value_string(line.data ? line.data : "", line.length, result, error);
    pb_buffer_free(&line);
    return status;
}

static pb_status call_clear(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_host *host = pb_call_host(call);
    (void)result;
    (void)error;
    if (host && host->clear)
        host->clear(host->user, pb_argument_bool(call, "wait"));
    return PB_OK;
}

/* ---- help ---- */

static pb_status page(pb_call *call, pb_buffer *markdown, pb_error **error)
{
    const pb_host *host = pb_call_host(call);
    pb_bundle *bundle = NULL;
    pb_status status = pb_reference_bundle(markdown, &bundle, error);
    if (!status && host && host->page)
        host->page(host->user, bundle);
    else if (!status) {
        const char *text = pb_bundle_find(bundle, "text/plain");
        pb_interp_text(call->interp, 1, text, text ? strlen(text) : 0);
    }
    pb_bundle_destroy(&bundle);
    return status;
}

static pb_status call_help(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *subject = pb_argument_value(call, "word");
    const char *name = pb_value_get_text(subject, NULL);
    const pb_builtin *row =
        name ? pb_lexicon_builtin(pb_call_lexicon(call), name) : pb_value_get_builtin(subject);
    pb_buffer text = PB_BUFFER_EMPTY;
    (void)result;
    if (name && !row && pb_reference_category(pb_call_lexicon(call), name, &text))
        return page(call, &text, error);
    if (name && !row)
        return pb_place_argument(call, "word",
                                 pb_fail_unknown(call->interp, NULL, name, true, error), error);
    if (row)
        pb_reference_entry(pb_call_lexicon(call), row, &text);
    else if (pb_value_is_none(subject))
        pb_reference_overview(pb_call_lexicon(call), &text);
    else
        pb_reference_value(subject, &text);
    return page(call, &text, error);
}

/* ---- names, type ---- */

static pb_status call_names(pb_call *call, pb_value **result, pb_error **error)
{
    pb_list_builder names = {0}, kinds = {0};
    pb_table_builder made = {.keeper = call->keeper};
    pb_value *snapshot = NULL;
    made.status = pb_session_snapshot(pb_call_session(call), &snapshot, &made.error);
    for (size_t i = 0; i < pb_record_count(snapshot); i++) {
        pb_entry entry = pb_record_entry(snapshot, i);
        char what[160];
        pb_list_take_text(&names, entry.name);
        pb_list_take_text(&kinds, pb_value_describe(entry.value, what, sizeof what));
    }
    pb_value_release(&snapshot);
    pb_table_take_list(&made, &names, (pb_table_cells){.name = "name", .look = PB_CELLS_KEY});
    pb_table_take_list(&made, &kinds, (pb_table_cells){.name = "value"});
    return pb_table_finish(&made, result, error);
}

static pb_status call_type(pb_call *call, pb_value **result, pb_error **error)
{
    return pb_value_text(pb_value_type_name(pb_argument_value(call, "x")), result, error);
}

const pb_builtin pb_builtins_cell[] = {
    {.name = "print",
     .category = "The cell",
     .summary = "Writes values as text to the cell's output.",
     .result = "None",
     .example = "print(\"layers:\", 6)",
     .expected = "layers: 6\n",
     .see = "warn show",
     .parameters = {{.name = "values", .types = PB_TAKES_ANY, .mode = PB_PARAMETER_REST},
                    {.name = "sep",
                     .types = PB_TAKES_TEXT,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "\" \""},
                    {.name = "end",
                     .types = PB_TAKES_TEXT,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "\"\\n\""}},
     .function = call_print},
    {.name = "warn",
     .category = "The cell",
     .summary = "Writes values as text to the cell's error output.",
     .result = "None",
     .example = "warn(\"only\", 3, \"prompts\")",
     .expected = "only 3 prompts\n",
     .see = "print",
     .parameters = {{.name = "values", .types = PB_TAKES_ANY, .mode = PB_PARAMETER_REST},
                    {.name = "sep",
                     .types = PB_TAKES_TEXT,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "\" \""},
                    {.name = "end",
                     .types = PB_TAKES_TEXT,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "\"\\n\""}},
     .function = call_warn},
    {.name = "show",
     .category = "The cell",
     .summary = "Shows values now, before the cell ends.",
     .doc = "A cell shows its last expression by itself; show() is for those before it.",
     .result = "None",
     .example = "show([1, 2])",
     .see = "print",
     .parameters = {{.name = "values", .types = PB_TAKES_ANY, .mode = PB_PARAMETER_REST}},
     .function = call_show},
    {.name = "ask",
     .category = "The cell",
     .summary = "Reads a line from the person at the notebook.",
     .result = "a string",
     .example = "name = ask(\"Your name? \")",
     .parameters = {{.name = "prompt", .types = PB_TAKES_STRING, .fallback = "\"\""},
                    {.name = "secret",
                     .types = PB_TAKES_BOOL,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "False"}},
     .function = call_ask},
    {.name = "clear",
     .category = "The cell",
     .summary = "Clears the cell's output; with wait=True when the next output comes.",
     .result = "None",
     .example = "clear()",
     .parameters = {{.name = "wait", .types = PB_TAKES_BOOL, .fallback = "False"}},
     .function = call_clear},
    {.name = "help",
     .category = "The cell",
     .summary = "Opens the reference: of a word, of a value, or the list of all words.",
     .doc = "A group of the list is its own page: `help(\"Patching\")` says what each of its words "
            "does. A question mark after a name does the same: `top?`.",
     .result = "None",
     .example = "help(range)",
     .parameters = {{.name = "word", .types = PB_TAKES_ANY_NAME, .fallback = "None"}},
     .function = call_help},
    {.name = "names",
     .category = "The cell",
     .summary = "The names you have given, and what each is.",
     .result = "a table of name and value",
     .example = "names()",
     .function = call_names},
    {.name = "type",
     .category = "The cell",
     .summary = "What kind of value this is.",
     .result = "a string",
     .example = "type([1, 2])",
     .expected = "'list'",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY}},
     .function = call_type},
    {0}};
