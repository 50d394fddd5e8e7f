/* The frames of one multipart message, owned. */
#ifndef PB_PROTOCOL_FRAMES_H
#define PB_PROTOCOL_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct pb_frame {
    char *data; /* `size` bytes with a NUL after them */
    size_t size;
} pb_frame;

typedef struct pb_frames {
    pb_frame *items;
    size_t count, capacity;
    size_t bytes; /* of all frames together */
} pb_frames;

#define PB_FRAMES_EMPTY                                                                            \
    {                                                                                              \
        NULL, 0, 0, 0                                                                              \
    }

bool pb_frames_append(pb_frames *frames, const void *data, size_t size); /* false: out of memory */
/* The same, but takes `data` (malloc'ed, a NUL after it; NULL is an allocation that failed). */
bool pb_frames_give(pb_frames *frames, char *data, size_t size);
void pb_frames_move(pb_frames *to, pb_frames *from); /* `to` was empty; `from` is afterwards */
void pb_frames_clear(pb_frames *frames);             /* frees; empty and usable again */

#endif
