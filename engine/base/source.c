/* Source text with a name; one allocation holds both. */
#include "base/source.h"

#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

struct pb_source {
    atomic_size_t references;
    size_t length;
    char *name;  /* behind the text */
    char text[]; /* NUL-terminated */
};

pb_source *pb_source_create(const char *name, const char *text, size_t length)
{
    size_t name_size = strlen(name) + 1, bytes;
    if (!pb_size_add(length, 1 + sizeof(pb_source), &bytes) ||
        !pb_size_add(bytes, name_size, &bytes))
        return NULL;
    pb_source *source = pb_malloc(1, bytes);
    if (!source)
        return NULL;
    atomic_init(&source->references, 1);
    source->length = length;
    if (length > 0)
        memcpy(source->text, text, length);
    source->text[length] = '\0';
    source->name = source->text + length + 1;
    memcpy(source->name, name, name_size);
    return source;
}

pb_source *pb_source_retain(pb_source *source)
{
    if (source)
        atomic_fetch_add_explicit(&source->references, 1, memory_order_relaxed);
    return source;
}

void pb_source_release(pb_source **source)
{
    if (!source || !*source)
        return;
    if (atomic_fetch_sub_explicit(&(*source)->references, 1, memory_order_acq_rel) == 1)
        free(*source);
    *source = NULL;
}

const char *pb_source_name(const pb_source *source)
{
    return source->name;
}

const char *pb_source_text(const pb_source *source)
{
    return source->text;
}

size_t pb_source_length(const pb_source *source)
{
    return source->length;
}

pb_position pb_source_position(const pb_source *source, size_t offset)
{
    const char *text = source->text;
    if (offset > source->length)
        offset = source->length;
    pb_position place = {.line = 1};
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            place.line++;
            place.line_start = i + 1;
        }
    }
    const char *newline = memchr(text + offset, '\n', source->length - offset);
    place.line_end = newline ? (size_t)(newline - text) : source->length;
    if (place.line_end > offset && text[place.line_end - 1] == '\r')
        place.line_end--;
    place.column = 1 + pb_utf8_count(text + place.line_start, offset - place.line_start);
    return place;
}
