/* Values as text: repr, str, and numbers with the fewest digits that read back the same. */
#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "math/format.h"
#include "value/object.h"
#include "value/text.h"
#include "value_private.h"

#define PB_REPR_ITEMS 60   /* of a list, before an ellipsis */
#define PB_REPR_BYTES 4000 /* of anything */

/* ---- numbers ---- */

/* The shortest %.*e of `number` that reads back the same, between two counts of digits. */
static void shortest_digits(double number, bool single, char text[40])
{
    int least = single ? 6 : 15, most = single ? 9 : 17;
    if (fabs(number) < (single ? FLT_MIN : DBL_MIN)) /* fewer digits are kept down there */
        least = 1;
    for (int digits = least; digits <= most; digits++) {
        snprintf(text, 40, "%.*e", digits - 1, number);
        bool same = single ? strtof(text, NULL) == (float)number : strtod(text, NULL) == number;
        if (same)
            return;
    }
}

/* "1.250e+03" -> digits "125", exponent 3. */
static int split_digits(const char *text, char digits[24])
{
    size_t n = 0;
    const char *at = text;
    for (; *at && *at != 'e'; at++)
        if (isdigit((unsigned char)*at) && n < 23)
            digits[n++] = *at;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    digits[n] = '\0';
    return *at == 'e' ? atoi(at + 1) : 0;
}

static void write_fixed(const char *digits, int exponent, pb_buffer *out)
{
    int n = (int)strlen(digits);
    if (exponent < 0) {
        pb_buffer_text(out, "0.");
        pb_buffer_repeat(out, '0', (size_t)(-exponent - 1));
        pb_buffer_text(out, digits);
        return;
    }
    for (int i = 0; i <= exponent; i++)
        pb_buffer_byte(out, i < n ? digits[i] : '0');
    pb_buffer_byte(out, '.');
    pb_buffer_text(out, n > exponent + 1 ? digits + exponent + 1 : "0");
}

void pb_number_text(double number, pb_precision precision, pb_buffer *out)
{
    if (isnan(number)) {
        pb_buffer_text(out, "nan");
        return;
    }
    if (signbit(number) && (number != 0 || precision != PB_INTEGER))
        pb_buffer_byte(out, '-');
    number = fabs(number);
    if (isinf(number)) {
        pb_buffer_text(out, "inf");
        return;
    }
    if (precision == PB_INTEGER) {
        pb_buffer_format(out, "%.0f", number);
        return;
    }
    char text[40], digits[24];
    shortest_digits(number, precision == PB_SINGLE, text);
    int exponent = split_digits(text, digits);
    if (exponent >= -4 && exponent < 16) {
        write_fixed(digits, exponent, out);
        return;
    }
    pb_buffer_byte(out, digits[0]);
    if (digits[1])
        pb_buffer_format(out, ".%s", digits + 1);
    pb_buffer_format(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}

/* ---- strings ---- */

static void quote_code_point(uint32_t c, char quote, const char *text, size_t start, size_t end,
                             pb_buffer *out)
{
    switch (c) {
    case '\n': pb_buffer_text(out, "\\n"); return;
    case '\r': pb_buffer_text(out, "\\r"); return;
    case '\t': pb_buffer_text(out, "\\t"); return;
    case '\\': pb_buffer_text(out, "\\\\"); return;
    case PB_UTF8_INVALID: pb_buffer_format(out, "\\x%02x", (unsigned char)text[start]); return;
    default: break;
    }
    if (c < 0x20 || c == 0x7f)
        pb_buffer_format(out, "\\x%02x", (unsigned)c);
    else if (c >= 0x80 && c < 0xa0)
        pb_buffer_format(out, "\\x%02x", (unsigned)c);
    else if (c == 0x2028 || c == 0x2029 || c == 0xfeff || (c >= 0x200b && c <= 0x200f))
        pb_buffer_format(out, "\\u%04x", (unsigned)c);
    else if (c == (unsigned char)quote)
        pb_buffer_format(out, "\\%c", quote);
    else
        pb_buffer_append(out, text + start, end - start);
}

void pb_quote(const char *text, size_t length, pb_buffer *out)
{
    bool single = memchr(text, '\'', length) != NULL, dbl = memchr(text, '"', length) != NULL;
    char quote = single && !dbl ? '"' : '\'';
    pb_buffer_byte(out, quote);
    for (size_t at = 0; at < length;) {
        size_t start = at;
        uint32_t c = pb_utf8_next(text, length, &at);
        quote_code_point(c, quote, text, start, at, out);
    }
    pb_buffer_byte(out, quote);
}

void pb_clean_text(const char *text, size_t length, pb_buffer *out)
{
    for (size_t at = 0; at < length;) {
        size_t valid = pb_utf8_valid_prefix(text + at, length - at);
        pb_buffer_append(out, text + at, valid);
        at += valid;
        if (at < length) {
            pb_buffer_text(out, "\xef\xbf\xbd");
            at++;
        }
    }
}

pb_status pb_find_text(pb_keeper *keeper, const char *text, size_t length, size_t from,
                       const char *part, size_t part_length, size_t *found, pb_error **error)
{
    *found = SIZE_MAX;
    for (size_t i = from; part_length > 0 && i + part_length <= length; i++) {
        if (text[i] == part[0] && memcmp(text + i, part, part_length) == 0) {
            *found = i;
            return PB_OK;
        }
        if (i % PB_BYTES_UNCHECKED == 0) {
            pb_status status = pb_keeper_check(keeper, error);
            if (status)
                return status;
        }
    }
    return PB_OK;
}

bool pb_axis_is_tokens(const char *name)
{
    static const char *const names[] = {"pos", "query", "key", "token"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

const char *pb_axis_heading(const char *name)
{
    return strcmp(name, "pos") == 0 ? "position" : name;
}

char *pb_prompt_title(const char *text, size_t width)
{
    pb_buffer title = PB_BUFFER_EMPTY;
    size_t length = strlen(text), cut = length;
    if (pb_utf8_count(text, length) > width)
        cut = pb_utf8_offset(text, length, width - 1);
    pb_buffer_byte(&title, '"');
    pb_buffer_append(&title, text, cut);
    pb_buffer_text(&title, cut < length ? "\xE2\x80\xA6\"" : "\"");
    return pb_buffer_take(&title);
}

/* ---- everything else ---- */

void pb_tensor_text(const pb_value *tensor, pb_buffer *out)
{
    const pb_meta *meta = pb_value_meta(tensor);
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_tensor_write_text(&text, pb_value_get_tensor(tensor),
                         meta->look ? meta->look->name : "tensor", meta->units, NULL);
    size_t length = text.length;
    while (length > 0 && text.data[length - 1] == '\n')
        length--;
    if (text.failed)
        out->failed = true;
    pb_buffer_append(out, text.data, length);
    pb_buffer_free(&text);
}

void pb_function_text(const pb_value *function, pb_buffer *out)
{
    function->as.function.type->text(function->as.function.data, out);
}

static bool full(const pb_buffer *out, size_t start, bool whole)
{
    return out->failed || (!whole && out->length - start > PB_REPR_BYTES);
}

static void repr_list(const pb_value *list, bool whole, pb_buffer *out)
{
    size_t count = pb_list_count(list), start = out->length;
    pb_buffer_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            pb_buffer_text(out, ", ");
        if (!whole && (i >= PB_REPR_ITEMS || full(out, start, whole))) {
            pb_buffer_format(out, "... %zu more", count - i);
            break;
        }
        pb_value_repr(pb_list_item(list, i), whole, out);
    }
    pb_buffer_byte(out, ']');
}

static void repr_record(const pb_value *record, bool whole, pb_buffer *out)
{
    size_t count = pb_record_count(record), start = out->length;
    pb_buffer_byte(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i)
            pb_buffer_text(out, ", ");
        if (!whole && (i >= PB_REPR_ITEMS || full(out, start, whole))) {
            pb_buffer_format(out, "... %zu more", count - i);
            break;
        }
        pb_entry entry = pb_record_entry(record, i);
        pb_quote(entry.name, strlen(entry.name), out);
        pb_buffer_text(out, ": ");
        pb_value_repr(entry.value, whole, out);
    }
    pb_buffer_byte(out, '}');
}

static void repr_slice(const pb_select *s, pb_buffer *out)
{
    if (s->has_first)
        pb_buffer_format(out, "%lld", (long long)s->first);
    pb_buffer_byte(out, ':');
    if (s->has_last)
        pb_buffer_format(out, "%lld", (long long)s->last);
    if (s->step != 1)
        pb_buffer_format(out, ":%lld", (long long)s->step);
}

static void repr_label(const pb_select *s, pb_buffer *out)
{
    const char *word = s->occurrence == PB_OCCURRENCE_LAST    ? "last("
                       : s->occurrence == PB_OCCURRENCE_FIRST ? "first("
                       : s->occurrence == PB_OCCURRENCE_ONLY  ? ""
                                                              : "at(";
    pb_buffer_text(out, word);
    pb_quote(s->label, strlen(s->label), out);
    if (s->occurrence > 1)
        pb_buffer_format(out, ", %d", s->occurrence);
    pb_buffer_text(out, *word ? ")" : "");
}

static void repr_selector(const pb_select *s, bool whole, pb_buffer *out);

/* The items of a list, or the places of a mask as true and false. */
static void repr_places(const pb_select *s, bool whole, pb_buffer *out)
{
    size_t count = s->mask ? pb_tensor_size(s->mask) : s->n_items, start = out->length;
    pb_buffer_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            pb_buffer_text(out, ", ");
        if (!whole && (i >= PB_REPR_ITEMS || full(out, start, whole))) {
            pb_buffer_format(out, "... %zu more", count - i);
            break;
        }
        if (s->mask)
            pb_buffer_text(out, pb_tensor_data(s->mask)[i] != 0 ? "True" : "False");
        else
            repr_selector(&s->items[i], whole, out);
    }
    pb_buffer_byte(out, ']');
}

static void repr_selector(const pb_select *s, bool whole, pb_buffer *out)
{
    switch (s->kind) {
    case PB_SELECT_EACH: pb_buffer_text(out, "each"); break;
    case PB_SELECT_ALL: pb_buffer_text(out, "all"); break;
    case PB_SELECT_INDEX: pb_buffer_format(out, "%lld", (long long)s->index); break;
    case PB_SELECT_LABEL: repr_label(s, out); break;
    case PB_SELECT_SLICE: repr_slice(s, out); break;
    case PB_SELECT_LIST:
    case PB_SELECT_MASK: repr_places(s, whole, out); break;
    case PB_SELECT_PER:
        pb_buffer_text(out, "per(");
        repr_places(s, whole, out);
        pb_buffer_byte(out, ')');
        break;
    }
}

void pb_value_repr(const pb_value *value, bool whole, pb_buffer *out)
{
    char what[200];
    switch (pb_value_kind(value)) {
    case PB_NONE: pb_buffer_text(out, "None"); break;
    case PB_BOOL: pb_buffer_text(out, value->truth ? "True" : "False"); break;
    case PB_NUMBER: pb_number_text(value->as.number, pb_value_precision(value), out); break;
    case PB_STRING: pb_quote(value->as.string.bytes, value->as.string.length, out); break;
    case PB_LIST: repr_list(value, whole, out); break;
    case PB_RECORD: repr_record(value, whole, out); break;
    case PB_SELECTOR: repr_selector(value->as.selector, whole, out); break;
    case PB_FUNCTION: pb_function_text(value, out); break;
    case PB_BUILTIN: pb_buffer_format(out, "<built-in %s>", value->as.builtin.name); break;
    case PB_OBJECT: value->as.object.type->repr(value, out); break;
    case PB_TENSOR:
    case PB_TABLE: {
        double number;
        if (pb_value_scalar(value, &number)) {
            pb_number_text(number, PB_SINGLE, out);
            break;
        }
        const char *said = pb_value_describe(value, what, sizeof what);
        said += strncmp(said, "a ", 2) == 0 ? 2 : strncmp(said, "an ", 3) == 0 ? 3 : 0;
        pb_buffer_format(out, "<%s>", said);
        break;
    }
    }
}

char *pb_value_drawn(const pb_value *value)
{
    pb_buffer drawn = PB_BUFFER_EMPTY;
    size_t length;
    const char *text = pb_value_get_text(value, &length);
    if (!text)
        pb_value_repr(value, false, &drawn);
    for (size_t i = 0; text && i < length; i++) {
        if (text[i])
            pb_buffer_byte(&drawn, text[i]);
        else
            pb_buffer_code_point(&drawn, 0x2400);
    }
    return pb_buffer_take(&drawn);
}
