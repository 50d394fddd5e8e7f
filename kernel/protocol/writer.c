/* Writes JSON text. */
#include "writer.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

static void separate(pb_writer *writer)
{
    if (writer->comma)
        pb_buffer_byte(&writer->text, ',');
    writer->comma = true;
}

void pb_write_open(pb_writer *writer, char bracket)
{
    separate(writer);
    pb_buffer_byte(&writer->text, bracket);
    writer->comma = false;
}

void pb_write_close(pb_writer *writer, char bracket)
{
    pb_buffer_byte(&writer->text, bracket);
    writer->comma = true;
}

void pb_write_key(pb_writer *writer, const char *key)
{
    pb_write_string(writer, key);
    pb_buffer_byte(&writer->text, ':');
    writer->comma = false;
}

static void escape(pb_buffer *text, unsigned char byte)
{
    switch (byte) {
    case '"': pb_buffer_text(text, "\\\""); break;
    case '\\': pb_buffer_text(text, "\\\\"); break;
    case '\n': pb_buffer_text(text, "\\n"); break;
    case '\r': pb_buffer_text(text, "\\r"); break;
    case '\t': pb_buffer_text(text, "\\t"); break;
    default: pb_buffer_format(text, "\\u%04x", byte); break;
    }
}

/* Writes valid UTF-8, in runs of bytes that need no escape. */
static void write_valid(pb_buffer *out, const char *text, size_t length)
{
    size_t start = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        pb_buffer_append(out, text + start, i - start);
        escape(out, byte);
        start = i + 1;
    }
    pb_buffer_append(out, text + start, length - start);
}

void pb_write_bytes(pb_writer *writer, const char *text, size_t length)
{
    separate(writer);
    pb_buffer_byte(&writer->text, '"');
    while (length > 0) {
        size_t valid = pb_utf8_valid_prefix(text, length);
        write_valid(&writer->text, text, valid);
        if (valid == length)
            break;
        pb_buffer_text(&writer->text, REPLACEMENT);
        text += valid + 1;
        length -= valid + 1;
    }
    pb_buffer_byte(&writer->text, '"');
}

void pb_write_string(pb_writer *writer, const char *text)
{
    if (text)
        pb_write_bytes(writer, text, strlen(text));
    else
        pb_write_raw(writer, "null");
}

void pb_write_integer(pb_writer *writer, int64_t value)
{
    separate(writer);
    pb_buffer_format(&writer->text, "%" PRId64, value);
}

void pb_write_boolean(pb_writer *writer, bool value)
{
    pb_write_raw(writer, value ? "true" : "false");
}

void pb_write_raw(pb_writer *writer, const char *json)
{
    separate(writer);
    pb_buffer_text(&writer->text, json);
}

void pb_write_pair(pb_writer *writer, const char *key, const char *text)
{
    pb_write_key(writer, key);
    pb_write_string(writer, text);
}
