/* A piece of source text with a name, shared by the values and errors that point into it. */
#ifndef PB_BASE_SOURCE_H
#define PB_BASE_SOURCE_H

#include <stddef.h>

typedef struct pb_source pb_source; /* immutable, atomically counted */

/* A half-open range of bytes of a source. An empty span at the end means "here, more was needed".
 */
typedef struct pb_span {
    size_t start, end;
} pb_span;

/* Where a byte lies, for people: line and column count from 1, columns in code points. */
typedef struct pb_position {
    size_t line, column;
    size_t line_start, line_end; /* byte range of the line, without its newline */
} pb_position;

/* Copies `name` ("cell 4") and `text`. NULL when memory is out. The caller owns one reference. */
pb_source *pb_source_create(const char *name, const char *text, size_t length);
pb_source *pb_source_retain(pb_source *source); /* returns its argument; NULL is fine */
void pb_source_release(pb_source **source);

const char *pb_source_name(const pb_source *source);
const char *pb_source_text(const pb_source *source); /* NUL-terminated; may hold NULs */
size_t pb_source_length(const pb_source *source);
pb_position pb_source_position(const pb_source *source, size_t offset);

#endif
