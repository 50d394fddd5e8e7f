/* Writes JSON text. Like a pb_buffer, it needs no checking before the end. */
#ifndef PB_PROTOCOL_WRITER_H
#define PB_PROTOCOL_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

typedef struct pb_writer {
    pb_buffer text;
    bool comma; /* a value came before: the next one needs a comma */
} pb_writer;

#define PB_WRITER_EMPTY                                                                            \
    {                                                                                              \
        PB_BUFFER_EMPTY, false                                                                     \
    }

void pb_write_open(pb_writer *writer, char bracket); /* '{' or '[' */
void pb_write_close(pb_writer *writer, char bracket);
void pb_write_key(pb_writer *writer, const char *key);
void pb_write_string(pb_writer *writer, const char *text); /* NULL is written as null */
/* Bytes that are not UTF-8 are written as U+FFFD, one each. */
void pb_write_bytes(pb_writer *writer, const char *text, size_t length);
void pb_write_integer(pb_writer *writer, int64_t value);
void pb_write_boolean(pb_writer *writer, bool value);
void pb_write_raw(pb_writer *writer, const char *json); /* a whole value, valid JSON already */

/* A key and its value in one step. */
void pb_write_pair(pb_writer *writer, const char *key, const char *text);

#endif
