/*
 * A growing byte string. Appending never needs checking: after a failed allocation the buffer is
 * marked failed, further appends do nothing, and the one check is at the end, pb_buffer_take() or
 * pb_buffer_status() (error.h: errors are written in buffers).
 */
#ifndef PB_BASE_BUFFER_H
#define PB_BASE_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#if defined(__GNUC__)
#define PB_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define PB_PRINTF(text, first)
#endif

typedef struct pb_buffer {
    char *data; /* NUL-terminated once anything was appended; NULL before */
    size_t length, capacity;
    bool failed;
} pb_buffer;

#define PB_BUFFER_EMPTY                                                                            \
    {                                                                                              \
        NULL, 0, 0, false                                                                          \
    }

void pb_buffer_append(pb_buffer *buffer, const void *bytes, size_t length);
void pb_buffer_text(pb_buffer *buffer, const char *text);
void pb_buffer_byte(pb_buffer *buffer, char byte);
void pb_buffer_repeat(pb_buffer *buffer, char byte, size_t count);
void pb_buffer_code_point(pb_buffer *buffer, unsigned code_point); /* as UTF-8 */
void pb_buffer_format(pb_buffer *buffer, const char *format, ...) PB_PRINTF(2, 3);
void pb_buffer_vformat(pb_buffer *buffer, const char *format, va_list arguments);
void pb_buffer_clear(pb_buffer *buffer); /* keeps the storage */

/* The string, owned by the caller ("" if nothing was appended); the buffer is empty again. NULL if
 * an append failed. */
char *pb_buffer_take(pb_buffer *buffer);
void pb_buffer_free(pb_buffer *buffer);

#endif
