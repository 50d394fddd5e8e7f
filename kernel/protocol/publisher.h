/*
 * The queue in front of the iopub socket.
 *
 * Messages go out in the order they came. Text of one stream for one request is merged while it
 * waits, and is sent when it is PB_TEXT_AGE_MS old, PB_TEXT_BYTES long, or followed by a message or
 * by text of the request's other stream, so that a million printed lines are some hundred messages.
 * Text of several requests, whose cells run at once, is each merged by itself. Text never ends
 * inside a character. Past PB_QUEUE_BYTES whoever writes text waits; a message is taken at any
 * time, and none is ever dropped.
 */
#ifndef PB_PROTOCOL_PUBLISHER_H
#define PB_PROTOCOL_PUBLISHER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "frames.h"
#include "message.h"

#define PB_QUEUE_BYTES ((size_t)64 << 20)
#define PB_TEXT_BYTES  ((size_t)64 << 10)
#define PB_TEXT_AGE_MS 100

typedef struct pb_publisher pb_publisher;

/* `limit` is PB_QUEUE_BYTES but for tests. NULL when memory or descriptors are out. */
pb_publisher *pb_publisher_create(pb_sender *sender, size_t limit);

/* From any thread. ---------------------------------------------------------------------------- */

/* Queues a whole message and takes its frames. False: memory is out. */
bool pb_publisher_send(pb_publisher *publisher, pb_frames *frames);

/* Queues text for stdout (1) or stderr (2). Waits while the queue is full, unless `stop` is raised:
 * then the text is dropped. False: memory is out. `stop` may be NULL. */
bool pb_publisher_text(pb_publisher *publisher, const pb_frame *parent, int stream,
                       const char *text, size_t length, const atomic_bool *stop);

/* Waits until the queue has room, or `stop` is raised. */
void pb_publisher_wait(pb_publisher *publisher, const atomic_bool *stop);

/* All text queued so far is sent now; what comes later is another message. */
void pb_publisher_flush(pb_publisher *publisher);

/* At the kernel's end: all that is queued is sent now, and writers no longer wait for room. */
void pb_publisher_close(pb_publisher *publisher);

/* From the thread that sends. ----------------------------------------------------------------- */

int pb_publisher_descriptor(const pb_publisher *publisher); /* readable when there is news */

/* Takes the next message that is due at `now` (pb_clock_ms) into `frames`, which was empty; a topic
 * comes first. If there is none, gives the milliseconds until there may be one; -1: when the
 * descriptor says so. */
bool pb_publisher_take(pb_publisher *publisher, int64_t now, pb_frames *frames, int *wait);

/* Closed, and nothing is left. */
bool pb_publisher_done(pb_publisher *publisher);

void pb_publisher_destroy(pb_publisher **publisher);

#endif
