/* Words on strings. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "show/show.h"
#include "value/text.h"
#include "words.h"

typedef struct pb_slice {
    const char *bytes;
    size_t length;
} pb_slice;

static pb_slice slice_of(const pb_call *call, const char *name)
{
    pb_slice slice = {NULL, 0};
    slice.bytes = pb_value_get_text(pb_argument_value(call, name), &slice.length);
    return slice;
}

/* Where `part` comes next from `from` on: *found is SIZE_MAX if it does not. */
static pb_status find(const pb_call *call, pb_slice whole, size_t from, pb_slice part,
                      size_t *found, pb_error **error)
{
    return pb_find_text(call->keeper, whole.bytes, whole.length, from, part.bytes, part.length,
                        found, error);
}

/* ---- str, repr ---- */

static pb_status call_str(pb_call *call, pb_value **result, pb_error **error)
{
    pb_buffer out = PB_BUFFER_EMPTY;
    pb_value_str(pb_argument_value(call, "x"), &out);
    return pb_value_take_buffer(&out, result, error);
}

static pb_status call_repr(pb_call *call, pb_value **result, pb_error **error)
{
    pb_buffer out = PB_BUFFER_EMPTY;
    pb_value_repr(pb_argument_value(call, "x"), false, &out);
    return pb_value_take_buffer(&out, result, error);
}

/* ---- case: of ASCII letters ---- */

static pb_status change_case(pb_call *call, int (*change)(int), pb_value **result, pb_error **error)
{
    pb_slice text = slice_of(call, "text");
    pb_buffer out = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.bytes[i];
        pb_buffer_byte(&out, c < 0x80 ? (char)change(c) : (char)c);
        pb_status status =
            i % PB_BYTES_UNCHECKED == 0 ? pb_interp_check(call->interp, error) : PB_OK;
        if (status) {
            pb_buffer_free(&out);
            return status;
        }
    }
    return pb_value_take_buffer(&out, result, error);
}

static pb_status call_upper(pb_call *call, pb_value **result, pb_error **error)
{
    return change_case(call, toupper, result, error);
}

static pb_status call_lower(pb_call *call, pb_value **result, pb_error **error)
{
    return change_case(call, tolower, result, error);
}

/* ---- strip ---- */

/* Is the code point text[at, end) among those of `set`? Without a set: is it a space? */
static bool in_set(const char *text, size_t at, size_t end, pb_slice set)
{
    if (!set.bytes)
        return end - at == 1 && strchr(" \t\n\r\f\v", text[at]) && text[at];
    for (size_t i = 0; i < set.length;) {
        size_t start = i;
        pb_utf8_next(set.bytes, set.length, &i);
        if (i - start == end - at && memcmp(set.bytes + start, text + at, end - at) == 0)
            return true;
    }
    return false;
}

static pb_status strip(pb_call *call, bool left, bool right, pb_value **result, pb_error **error)
{
    pb_slice text = slice_of(call, "text"), set = slice_of(call, "characters");
    size_t start = 0, end = text.length;
    while (left && start < end) {
        size_t next = start;
        pb_utf8_next(text.bytes, end, &next);
        if (!in_set(text.bytes, start, next, set))
            break;
        start = next;
    }
    while (right && end > start) {
        size_t last = end - 1;
        while (last > start && ((unsigned char)text.bytes[last] & 0xc0) == 0x80)
            last--;
        if (!in_set(text.bytes, last, end, set))
            break;
        end = last;
    }
    return pb_value_string(text.bytes + start, end - start, result, error);
}

static pb_status call_strip(pb_call *call, pb_value **result, pb_error **error)
{
    return strip(call, true, true, result, error);
}

static pb_status call_lstrip(pb_call *call, pb_value **result, pb_error **error)
{
    return strip(call, true, false, result, error);
}

static pb_status call_rstrip(pb_call *call, pb_value **result, pb_error **error)
{
    return strip(call, false, true, result, error);
}

/* ---- replace, startswith, endswith ---- */

static pb_status call_replace(pb_call *call, pb_value **result, pb_error **error)
{
    pb_slice text = slice_of(call, "text"), old = slice_of(call, "old"),
             made = slice_of(call, "new");
    pb_buffer out = PB_BUFFER_EMPTY;
    size_t at = 0, found = 0;
    if (old.length == 0)
        return pb_fail_argument(call, "old", error, PB_VALUE, "the text to replace is empty");
    pb_status status = find(call, text, 0, old, &found, error);
    while (!status && found != SIZE_MAX) {
        status = pb_string_fits((double)out.length + (double)made.length, error);
        if (status)
            break;
        pb_buffer_append(&out, text.bytes + at, found - at);
        pb_buffer_append(&out, made.bytes, made.length);
        at = found + old.length;
        status = find(call, text, at, old, &found, error);
    }
    if (status) {
        pb_buffer_free(&out);
        return status;
    }
    pb_buffer_append(&out, text.bytes + at, text.length - at);
    return pb_value_take_buffer(&out, result, error);
}

static bool begins(pb_slice text, pb_slice part)
{
    return part.length <= text.length && memcmp(text.bytes, part.bytes, part.length) == 0;
}

static pb_status call_startswith(pb_call *call, pb_value **result, pb_error **error)
{
    return pb_value_bool(begins(slice_of(call, "text"), slice_of(call, "start")), result, error);
}

static pb_status call_endswith(pb_call *call, pb_value **result, pb_error **error)
{
    pb_slice text = slice_of(call, "text"), end = slice_of(call, "end");
    bool ends = end.length <= text.length &&
                memcmp(text.bytes + text.length - end.length, end.bytes, end.length) == 0;
    return pb_value_bool(ends, result, error);
}

/* ---- find, and index() and count() of a text ---- */

/* Where a text stands in another from byte `from` on: SIZE_MAX if nowhere. */
static pb_status find_part(pb_call *call, size_t from, size_t *found, pb_error **error)
{
    const pb_value *item = pb_argument_value(call, "item");
    size_t length, part_length;
    char what[160];
    const char *text = pb_value_get_text(pb_argument_value(call, "x"), &length);
    const char *part = pb_value_get_text(item, &part_length);
    if (!part)
        return pb_fail_argument(call, "item", error, PB_TYPE,
                                "only a string is in a string, not %s",
                                pb_value_describe(item, what, sizeof what));
    *found = from;
    return part_length == 0
               ? PB_OK
               : pb_find_text(call->keeper, text, length, from, part, part_length, found, error);
}

pb_status pb_index_in_text(pb_call *call, pb_value **result, pb_error **error)
{
    size_t found = 0;
    char what[160];
    const char *text = pb_argument_text(call, "x");
    pb_status status = find_part(call, 0, &found, error);
    if (!status && found == SIZE_MAX)
        status =
            pb_fail_argument(call, "item", error, PB_VALUE, "%s is not in the text",
                             pb_value_describe(pb_argument_value(call, "item"), what, sizeof what));
    return status ? status : pb_value_integer((int64_t)pb_utf8_count(text, found), result, error);
}

/* Without overlaps; an empty text stands before each character and at the end. */
pb_status pb_count_in_text(pb_call *call, pb_value **result, pb_error **error)
{
    size_t found = 0, count = 0, length, part_length = 0;
    const char *text = pb_value_get_text(pb_argument_value(call, "x"), &length);
    pb_status status = find_part(call, 0, &found, error);
    if (!status)
        pb_value_get_text(pb_argument_value(call, "item"), &part_length);
    if (!status && part_length == 0)
        return pb_value_integer((int64_t)pb_utf8_count(text, length) + 1, result, error);
    for (; !status && found != SIZE_MAX; count++)
        status = find_part(call, found + part_length, &found, error);
    return status ? status : pb_value_integer((int64_t)count, result, error);
}

/* find(): as index(), with -1 where it is not. */
static pb_status call_find(pb_call *call, pb_value **result, pb_error **error)
{
    size_t found = 0;
    const char *text = pb_argument_text(call, "x");
    pb_status status = find_part(call, 0, &found, error);
    int64_t at = found == SIZE_MAX ? -1 : (int64_t)pb_utf8_count(text, found);
    return status ? status : pb_value_integer(at, result, error);
}

/* ---- split, join ---- */

static void take_piece(pb_list_builder *out, const char *bytes, size_t length)
{
    pb_value *piece = NULL;
    if (!out->status)
        out->status = pb_value_string(bytes, length, &piece, &out->error);
    pb_list_take(out, piece);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void split_at_spaces(pb_slice text, pb_list_builder *out)
{
    for (size_t at = 0; !out->status && at < text.length;) {
        size_t start = at;
        while (at < text.length && !is_space(text.bytes[at]))
            at++;
        if (at > start)
            take_piece(out, text.bytes + start, at - start);
        while (at < text.length && is_space(text.bytes[at]))
            at++;
    }
}

static void split_at(const pb_call *call, pb_slice text, pb_slice by, pb_list_builder *out)
{
    size_t at = 0, found = 0;
    out->status = find(call, text, 0, by, &found, &out->error);
    while (!out->status && found != SIZE_MAX) {
        take_piece(out, text.bytes + at, found - at);
        at = found + by.length;
        if (!out->status)
            out->status = find(call, text, at, by, &found, &out->error);
    }
    take_piece(out, text.bytes + at, text.length - at);
}

static pb_status call_split(pb_call *call, pb_value **result, pb_error **error)
{
    pb_slice text = slice_of(call, "text"), by = slice_of(call, "by");
    pb_list_builder out = {.keeper = call->keeper};
    if (by.bytes && by.length == 0)
        return pb_fail_argument(call, "by", error, PB_VALUE, "the separator is empty");
    if (by.bytes)
        split_at(call, text, by, &out);
    else
        split_at_spaces(text, &out);
    return pb_list_finish(&out, false, result, error);
}

/* PB_OK if all items are strings and there may be one of them all, with so much between them. */
static pb_status check_joined(pb_call *call, const pb_value *items, size_t between,
                              pb_error **error)
{
    char what[160];
    double total = 0;
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < pb_list_count(items); i++) {
        size_t length = 0;
        status = pb_interp_check(call->interp, error);
        if (!status && !pb_value_get_text(pb_list_item(items, i), &length)) {
            status =
                pb_fail_argument(call, NULL, error, PB_TYPE, "join() joins strings; item %zu is %s",
                                 i, pb_value_describe(pb_list_item(items, i), what, sizeof what));
            if (error && *error)
                pb_error_hint(*error, "[str(x) for x in xs] makes strings of anything");
        }
        total += (double)(i > 0 ? between : 0) + (double)length;
    }
    return status ? status : pb_string_fits(total, error);
}

/* join(", ", list), as in Python, or list.join(", "). */
static pb_status call_join(pb_call *call, pb_value **result, pb_error **error)
{
    bool turned = pb_value_kind(pb_argument_value(call, "separator")) != PB_STRING;
    pb_slice between = slice_of(call, turned ? "items" : "separator");
    pb_value *items = NULL;
    pb_buffer out = PB_BUFFER_EMPTY;
    if (!between.bytes)
        return pb_fail_argument(call, NULL, error, PB_TYPE,
                                "join() takes a separator and a list of strings");
    pb_status status = pb_argument_items(call, turned ? "separator" : "items", &items, error);
    if (!status)
        status = check_joined(call, items, between.length, error);
    for (size_t i = 0; !status && i < pb_list_count(items); i++) {
        size_t length;
        const char *text = pb_value_get_text(pb_list_item(items, i), &length);
        status = pb_interp_check(call->interp, error);
        if (i > 0)
            pb_buffer_append(&out, between.bytes, between.length);
        pb_buffer_append(&out, text, length);
    }
    if (!status)
        status = pb_value_take_buffer(&out, result, error);
    pb_buffer_free(&out);
    pb_value_release(&items);
    return status;
}

const pb_builtin pb_builtins_text[] = {
    {.name = "str",
     .category = "Text",
     .summary = "A value as text, as print() writes it.",
     .result = "a string",
     .example = "str(3) + \" layers\"",
     .expected = "'3 layers'",
     .see = "repr print",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY}},
     .function = call_str},
    {.name = "repr",
     .category = "Text",
     .summary = "A value as code writes it: strings in quotes.",
     .result = "a string",
     .example = "print(repr(\" great\"))",
     .expected = "' great'\n",
     .see = "str",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY}},
     .function = call_repr},
    {.name = "upper",
     .category = "Text",
     .summary = "The text with its letters a to z as capitals.",
     .result = "a string",
     .example = "\"cat\".upper()",
     .expected = "'CAT'",
     .see = "lower",
     .parameters = {{.name = "text", .types = PB_TAKES_TEXT}},
     .function = call_upper},
    {.name = "lower",
     .category = "Text",
     .summary = "The text with its letters A to Z as small ones.",
     .result = "a string",
     .example = "\"CAT\".lower()",
     .expected = "'cat'",
     .see = "upper",
     .parameters = {{.name = "text", .types = PB_TAKES_TEXT}},
     .function = call_lower},
    {.name = "strip",
     .category = "Text",
     .summary = "The text without spaces, or the characters given, at both ends.",
     .result = "a string",
     .example = "\" great \".strip()",
     .expected = "'great'",
     .see = "lstrip rstrip",
     .parameters = {{.name = "text", .types = PB_TAKES_TEXT},
                    {.name = "characters", .types = PB_TAKES_TEXT, .fallback = "None"}},
     .function = call_strip},
    {.name = "lstrip",
     .category = "Text",
     .summary = "The text without spaces, or the characters given, at its start.",
     .result = "a string",
     .example = "\" great\".lstrip()",
     .expected = "'great'",
     .see = "strip",
     .parameters = {{.name = "text", .types = PB_TAKES_TEXT},
                    {.name = "characters", .types = PB_TAKES_TEXT, .fallback = "None"}},
     .function = call_lstrip},
    {.name = "rstrip",
     .category = "Text",
     .summary = "The text without spaces, or the characters given, at its end.",
     .result = "a string",
     .example = "\"great!!\".rstrip(\"!\")",
     .expected = "'great'",
     .see = "strip",
     .parameters = {{.name = "text", .types = PB_TAKES_TEXT},
                    {.name = "characters", .types = PB_TAKES_TEXT, .fallback = "None"}},
     .function = call_rstrip},
    {.name = "replace",
     .category = "Text",
     .summary = "The text with every occurrence of one text replaced by another.",
     .result = "a string",
     .example = "\"I love it\".replace(\"love\", \"hate\")",
     .expected = "'I hate it'",
     .parameters = {{.name = "text", .types = PB_TAKES_TEXT},
                    {.name = "old", .types = PB_TAKES_TEXT},
                    {.name = "new", .types = PB_TAKES_TEXT}},
     .function = call_replace},
    {.name = "startswith",
     .category = "Text",
     .summary = "Whether the text begins with another.",
     .result = "True or False",
     .example = "\" great\".startswith(\" \")",
     .expected = "True",
     .see = "endswith",
     .parameters = {{.name = "text", .types = PB_TAKES_TEXT},
                    {.name = "start", .types = PB_TAKES_TEXT}},
     .function = call_startswith},
    {.name = "endswith",
     .category = "Text",
     .summary = "Whether the text ends with another.",
     .result = "True or False",
     .example = "\"L3_mlp\".endswith(\"_mlp\")",
     .expected = "True",
     .see = "startswith",
     .parameters = {{.name = "text", .types = PB_TAKES_TEXT},
                    {.name = "end", .types = PB_TAKES_TEXT}},
     .function = call_endswith},
    {.name = "find",
     .category = "Text",
     .summary = "Where a text first stands in a text, counted from 0; -1 where it does not.",
     .result = "an integer",
     .example = "\"I love it\".find(\"love\")",
     .expected = "2",
     .see = "index count replace",
     .parameters = {{.name = "x", .types = PB_TAKES_TEXT, .what = "a text"},
                    {.name = "item", .types = PB_TAKES_TEXT, .what = "a text"}},
     .function = call_find},
    {.name = "split",
     .category = "Text",
     .summary = "The pieces of the text between spaces, or between a separator.",
     .result = "a list of strings",
     .example = "\"a, b\".split(\", \")",
     .expected = "['a', 'b']",
     .see = "join",
     .parameters = {{.name = "text", .types = PB_TAKES_TEXT},
                    {.name = "by", .types = PB_TAKES_TEXT, .fallback = "None"}},
     .function = call_split},
    {.name = "join",
     .category = "Text",
     .summary = "Strings put together with a separator between them.",
     .doc = "Python's way, `\", \".join(words)`, and `words.join(\", \")` do the same.",
     .result = "a string",
     .example = "\", \".join([\"a\", \"b\"])",
     .expected = "'a, b'",
     .see = "split",
     .parameters = {{.name = "separator", .types = PB_TAKES_TEXT | PB_TAKES_LIST},
                    {.name = "items", .types = PB_TAKES_ANY, .what = "a list of strings"}},
     .function = call_join},
    {0}};
