/* Text made visible: tokens for people, string literals for the language. */
#include "base/visible.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/utf8.h"

bool pb_is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* Code points that take no ink, or turn the rest of the line around. The joiners U+200C and U+200D
 * stay: emoji are built with them. */
static bool is_hidden(uint32_t c)
{
    return (c >= 0x80 && c <= 0xa0) || c == 0xad || c == 0x61c || c == 0x180e ||
           (c >= 0x2000 && c <= 0x200b) || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202f) || (c >= 0x205f && c <= 0x206f) || c == 0x3000 ||
           c == 0xfeff;
}

static void append_code_point(pb_buffer *out, uint32_t c)
{
    if (c == '\n')
        pb_buffer_text(out, "⏎");
    else if (c == '\t')
        pb_buffer_text(out, "⇥");
    else if (c < 0x20)
        pb_buffer_code_point(out, 0x2400 + c);
    else if (c == 0x7f)
        pb_buffer_code_point(out, 0x2421);
    else if (is_hidden(c))
        pb_buffer_format(out, "⟨U+%04X⟩", (unsigned)c);
    else
        pb_buffer_code_point(out, c);
}

void pb_visible_text(pb_buffer *out, const char *text, size_t length)
{
    size_t first = 0, last = length;
    while (first < length && text[first] == ' ')
        first++;
    while (last > first && text[last - 1] == ' ')
        last--;

    if (length == 0)
        pb_buffer_text(out, "\"\"");
    for (size_t i = 0; i < first; i++)
        pb_buffer_text(out, "·");
    for (size_t at = first; at < last;) {
        size_t start = at;
        uint32_t c = pb_utf8_next(text, last, &at);
        if (c == PB_UTF8_INVALID)
            pb_buffer_format(out, "\\x%02x", (unsigned char)text[start]);
        else if (c == ' ' && text[start - 1] == '|')
            pb_buffer_text(out, "·"); /* of the second token in a label that joins two */
        else
            append_code_point(out, c);
    }
    for (size_t i = last; i < length; i++)
        pb_buffer_text(out, "·");
}

void pb_harmless_text(pb_buffer *out, const char *text, size_t length, bool lines)
{
    for (size_t at = 0; at < length;) {
        size_t start = at;
        uint32_t c = pb_utf8_next(text, length, &at);
        if (c == PB_UTF8_INVALID)
            pb_buffer_format(out, "\\x%02x", (unsigned char)text[start]);
        else if (pb_is_control(c) && !(lines && (c == '\n' || c == '\t')))
            append_code_point(out, c);
        else
            pb_buffer_append(out, text + start, at - start);
    }
}

static void append_escaped(pb_buffer *out, unsigned char byte)
{
    switch (byte) {
    case '"': pb_buffer_text(out, "\\\""); break;
    case '\\': pb_buffer_text(out, "\\\\"); break;
    case '\n': pb_buffer_text(out, "\\n"); break;
    case '\r': pb_buffer_text(out, "\\r"); break;
    case '\t': pb_buffer_text(out, "\\t"); break;
    default: pb_buffer_format(out, "\\x%02x", byte); break;
    }
}

void pb_quoted_text(pb_buffer *out, const char *text, size_t length)
{
    pb_buffer_byte(out, '"');
    for (size_t at = 0; at < length;) {
        size_t start = at;
        uint32_t c = pb_utf8_next(text, length, &at);
        if (c == PB_UTF8_INVALID || c < 0x20 || c == 0x7f || c == '"' || c == '\\')
            append_escaped(out, (unsigned char)text[start]);
        else if (pb_is_control(c))
            pb_buffer_format(out, c < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)c);
        else
            pb_buffer_append(out, text + start, at - start);
    }
    pb_buffer_byte(out, '"');
}
