/* Memory for the strings of one view. */
#include "scratch.h"

#include <stdarg.h>

#include "base/arena.h"
#include "base/memory.h"

struct pb_view_scratch {
    pb_arena *arena;
    bool failed;
};

pb_view_scratch *pb_view_scratch_create(void)
{
    pb_view_scratch *scratch = pb_calloc(1, sizeof *scratch);
    pb_arena *arena = scratch ? pb_arena_create() : NULL;
    if (!arena) {
        free(scratch);
        return NULL;
    }
    scratch->arena = arena;
    return scratch;
}

bool pb_view_scratch_failed(const pb_view_scratch *scratch)
{
    return scratch->failed;
}

void pb_view_scratch_destroy(pb_view_scratch **scratch)
{
    if (!*scratch)
        return;
    pb_arena_destroy(&(*scratch)->arena);
    free(*scratch);
    *scratch = NULL;
}

void *pb_view_scratch_array(pb_view_scratch *scratch, size_t count, size_t size)
{
    void *array = pb_arena_array(scratch->arena, count ? count : 1, size);
    scratch->failed = scratch->failed || !array;
    return array;
}

const char *pb_view_scratch_text(pb_view_scratch *scratch, const char *text, size_t length)
{
    const char *copy = pb_arena_text(scratch->arena, text, length);
    scratch->failed = scratch->failed || !copy;
    return copy ? copy : "";
}

const char *pb_view_scratch_take(pb_view_scratch *scratch, pb_buffer *buffer)
{
    scratch->failed = scratch->failed || buffer->failed;
    const char *copy = buffer->failed || !buffer->data
                           ? ""
                           : pb_view_scratch_text(scratch, buffer->data, buffer->length);
    pb_buffer_free(buffer);
    return copy;
}

const char *pb_view_scratch_format(pb_view_scratch *scratch, const char *format, ...)
{
    pb_buffer out = PB_BUFFER_EMPTY;
    va_list arguments;
    va_start(arguments, format);
    pb_buffer_vformat(&out, format, arguments);
    va_end(arguments);
    return pb_view_scratch_take(scratch, &out);
}
