/* The queue in front of a thread that owns sockets. */
#include "outbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "thread.h"

struct pb_outbox {
    pthread_mutex_t lock;
    pb_letter *first, **last; /* under the lock */
    int event;
};

pb_outbox *pb_outbox_create(void)
{
    pb_outbox *outbox = pb_calloc(1, sizeof *outbox);
    if (!outbox)
        return NULL;
    outbox->event = pb_event_create();
    if (outbox->event < 0) {
        free(outbox);
        return NULL;
    }
    pthread_mutex_init(&outbox->lock, NULL);
    outbox->last = &outbox->first;
    return outbox;
}

void pb_outbox_wake(pb_outbox *outbox)
{
    pb_event_raise(outbox->event);
}

static bool post(pb_outbox *outbox, pb_letter *letter)
{
    pthread_mutex_lock(&outbox->lock);
    *outbox->last = letter;
    outbox->last = &letter->next;
    pthread_mutex_unlock(&outbox->lock);
    pb_outbox_wake(outbox);
    return true;
}

bool pb_outbox_send_or(pb_outbox *outbox, size_t socket, pb_frames *frames,
                       void (*failed)(void *user, const pb_frames *frames), void *user)
{
    pb_letter *letter = pb_calloc(1, sizeof *letter);
    if (!letter) {
        pb_frames_clear(frames);
        return false;
    }
    letter->socket = socket;
    letter->failed = failed;
    letter->user = user;
    pb_frames_move(&letter->frames, frames);
    return post(outbox, letter);
}

bool pb_outbox_send(pb_outbox *outbox, size_t socket, pb_frames *frames)
{
    return pb_outbox_send_or(outbox, socket, frames, NULL, NULL);
}

bool pb_outbox_call(pb_outbox *outbox, void (*call)(void *user), void *user)
{
    pb_letter *letter = pb_calloc(1, sizeof *letter);
    if (!letter)
        return false;
    letter->call = call;
    letter->user = user;
    return post(outbox, letter);
}

int pb_outbox_descriptor(const pb_outbox *outbox)
{
    return outbox->event;
}

pb_letter *pb_outbox_take(pb_outbox *outbox)
{
    pb_event_clear(outbox->event);
    pthread_mutex_lock(&outbox->lock);
    pb_letter *first = outbox->first;
    outbox->first = NULL;
    outbox->last = &outbox->first;
    pthread_mutex_unlock(&outbox->lock);
    return first;
}

void pb_letter_destroy(pb_letter **letter)
{
    pb_frames_clear(&(*letter)->frames);
    free(*letter);
    *letter = NULL;
}

void pb_outbox_destroy(pb_outbox **outbox)
{
    if (!*outbox)
        return;
    for (pb_letter *letter = (*outbox)->first; letter;) {
        pb_letter *next = letter->next;
        pb_letter_destroy(&letter);
        letter = next;
    }
    close((*outbox)->event);
    pthread_mutex_destroy(&(*outbox)->lock);
    free(*outbox);
    *outbox = NULL;
}
