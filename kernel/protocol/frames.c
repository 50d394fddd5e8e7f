/* The frames of one multipart message. */
#include "frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

bool pb_frames_append(pb_frames *frames, const void *data, size_t size)
{
    size_t with_nul;
    char *copy = pb_size_add(size, 1, &with_nul) ? pb_malloc(with_nul, 1) : NULL;
    if (copy) {
        if (size > 0)
            memcpy(copy, data, size);
        copy[size] = '\0';
    }
    return pb_frames_give(frames, copy, size);
}

bool pb_frames_give(pb_frames *frames, char *data, size_t size)
{
    if (data && frames->count == frames->capacity) {
        size_t capacity = frames->capacity ? 2 * frames->capacity : 8;
        void *grown = pb_realloc(frames->items, capacity, sizeof *frames->items);
        if (!grown) {
            free(data);
            return false;
        }
        frames->items = grown;
        frames->capacity = capacity;
    }
    if (!data)
        return false;
    frames->items[frames->count++] = (pb_frame){data, size};
    frames->bytes += size;
    return true;
}

void pb_frames_move(pb_frames *to, pb_frames *from)
{
    *to = *from;
    *from = (pb_frames)PB_FRAMES_EMPTY;
}

void pb_frames_clear(pb_frames *frames)
{
    for (size_t i = 0; i < frames->count; i++)
        free(frames->items[i].data);
    free(frames->items);
    *frames = (pb_frames)PB_FRAMES_EMPTY;
}
