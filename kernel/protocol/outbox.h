/* What other threads ask of the thread that owns some sockets: an unbounded queue with a file
 * descriptor that becomes readable. Every letter belongs to a request, so requests bound it. */
#ifndef PB_PROTOCOL_OUTBOX_H
#define PB_PROTOCOL_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frames.h"

typedef struct pb_outbox pb_outbox;

typedef struct pb_letter {
    struct pb_letter *next;
    size_t socket;            /* which of the thread's sockets the frames go to */
    int64_t expires;          /* set by the router: when it stops trying to send this */
    pb_frames frames;         /* what to send; empty for a letter that asks for a call */
    void (*call)(void *user); /* called on the thread once it has handled all that has arrived */
    /* Called on the thread if the frames could not be delivered. May be NULL. */
    void (*failed)(void *user, const pb_frames *frames);
    void *user;
} pb_letter;

pb_outbox *pb_outbox_create(void); /* NULL when memory or descriptors are out */

/* Takes the frames, also on failure (false: memory is out). */
bool pb_outbox_send(pb_outbox *outbox, size_t socket, pb_frames *frames);
/* The same; `failed` is called on the thread when the letter could not be delivered. */
bool pb_outbox_send_or(pb_outbox *outbox, size_t socket, pb_frames *frames,
                       void (*failed)(void *user, const pb_frames *frames), void *user);
bool pb_outbox_call(pb_outbox *outbox, void (*call)(void *user), void *user);

/* Makes the descriptor readable without a letter, so that the thread looks around. */
void pb_outbox_wake(pb_outbox *outbox);

int pb_outbox_descriptor(const pb_outbox *outbox);

/* All letters, oldest first, and the descriptor quiet again. NULL if there are none. */
pb_letter *pb_outbox_take(pb_outbox *outbox);
void pb_letter_destroy(pb_letter **letter); /* one letter, not those after it */

void pb_outbox_destroy(pb_outbox **outbox);

#endif
