/* UTF-8 as of RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF. */
#include "base/utf8.h"

#include <utf8proc.h>

/* The bytes a sequence has by its first byte, and the least code point that needs that many. */
static size_t sequence_length(unsigned char first, uint32_t *least)
{
    if (first < 0x80)
        return *least = 0, 1;
    if (first >= 0xC2 && first < 0xE0)
        return *least = 0x80, 2;
    if (first >= 0xE0 && first < 0xF0)
        return *least = 0x800, 3;
    if (first >= 0xF0 && first < 0xF5)
        return *least = 0x10000, 4;
    return 0;
}

uint32_t pb_utf8_next(const char *text, size_t length, size_t *at)
{
    const unsigned char *bytes = (const unsigned char *)text + *at;
    uint32_t least = 0;
    size_t count = sequence_length(bytes[0], &least);
    if (count == 0 || count > length - *at) {
        *at += 1;
        return PB_UTF8_INVALID;
    }
    static const unsigned char payload[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code = bytes[0] & payload[count];
    bool valid = true;
    for (size_t i = 1; i < count; i++) {
        valid = valid && (bytes[i] & 0xC0) == 0x80;
        code = code << 6 | (bytes[i] & 0x3F);
    }
    if (!valid || code < least || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
        *at += 1;
        return PB_UTF8_INVALID;
    }
    *at += count;
    return code;
}

size_t pb_utf8_encode(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        return 0;
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

size_t pb_utf8_valid_prefix(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        size_t start = at;
        if (pb_utf8_next(text, length, &at) == PB_UTF8_INVALID)
            return start;
    }
    return length;
}

size_t pb_utf8_count(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t at = 0; at < length; count++)
        pb_utf8_next(text, length, &at);
    return count;
}

size_t pb_utf8_offset(const char *text, size_t length, size_t code_points)
{
    size_t at = 0;
    while (at < length && code_points-- > 0)
        pb_utf8_next(text, length, &at);
    return at;
}

size_t pb_utf8_width(const char *text, size_t length)
{
    size_t width = 0;
    for (size_t at = 0; at < length;) {
        uint32_t code = pb_utf8_next(text, length, &at);
        width += code == PB_UTF8_INVALID ? 1 : (size_t)utf8proc_charwidth((utf8proc_int32_t)code);
    }
    return width;
}
