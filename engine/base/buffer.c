/* The growing byte string. Every append goes through reserve(), the one place that allocates. */
#include "base/buffer.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

/* Room for `more` bytes and the NUL; false, and the buffer failed, if there is none. */
static bool reserve(pb_buffer *buffer, size_t more)
{
    size_t needed;
    if (buffer->failed)
        return false;
    if (!pb_size_add(buffer->length, more, &needed) || !pb_size_add(needed, 1, &needed)) {
        buffer->failed = true;
        return false;
    }
    if (needed <= buffer->capacity)
        return true;
    size_t doubled = buffer->capacity <= SIZE_MAX / 2 ? buffer->capacity * 2 : SIZE_MAX;
    size_t capacity = needed > doubled ? needed : doubled;
    if (capacity < 64)
        capacity = 64;
    char *grown = pb_realloc(buffer->data, capacity, 1);
    if (!grown) {
        buffer->failed = true;
        return false;
    }
    buffer->data = grown;
    buffer->capacity = capacity;
    return true;
}

void pb_buffer_append(pb_buffer *buffer, const void *bytes, size_t length)
{
    if (!reserve(buffer, length))
        return;
    if (length > 0)
        memcpy(buffer->data + buffer->length, bytes, length);
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
}

void pb_buffer_text(pb_buffer *buffer, const char *text)
{
    pb_buffer_append(buffer, text, strlen(text));
}

void pb_buffer_byte(pb_buffer *buffer, char byte)
{
    pb_buffer_append(buffer, &byte, 1);
}

void pb_buffer_repeat(pb_buffer *buffer, char byte, size_t count)
{
    if (!reserve(buffer, count))
        return;
    memset(buffer->data + buffer->length, byte, count);
    buffer->length += count;
    buffer->data[buffer->length] = '\0';
}

void pb_buffer_code_point(pb_buffer *buffer, unsigned code_point)
{
    char bytes[4];
    pb_buffer_append(buffer, bytes, pb_utf8_encode(code_point, bytes));
}

void pb_buffer_format(pb_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pb_buffer_vformat(buffer, format, arguments);
    va_end(arguments);
}

void pb_buffer_vformat(pb_buffer *buffer, const char *format, va_list arguments)
{
    va_list measured;
    va_copy(measured, arguments);
    int length = vsnprintf(NULL, 0, format, measured);
    va_end(measured);
    if (length < 0) {
        buffer->failed = true;
        return;
    }
    if (!reserve(buffer, (size_t)length))
        return;
    vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, arguments);
    buffer->length += (size_t)length;
}

void pb_buffer_clear(pb_buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
    if (buffer->data)
        buffer->data[0] = '\0';
}

char *pb_buffer_take(pb_buffer *buffer)
{
    pb_buffer_append(buffer, "", 0);
    char *text = NULL;
    if (buffer->failed)
        free(buffer->data);
    else
        text = buffer->data;
    *buffer = (pb_buffer)PB_BUFFER_EMPTY;
    return text;
}

void pb_buffer_free(pb_buffer *buffer)
{
    free(buffer->data);
    *buffer = (pb_buffer)PB_BUFFER_EMPTY;
}
