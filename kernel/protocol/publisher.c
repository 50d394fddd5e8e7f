/* The queue in front of the iopub socket. */
#include "publisher.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "thread.h"

#define STOP_CHECK_MS 20 /* how often a waiting writer looks at its stop flag */

/* A whole message, or text that may still grow. */
typedef struct entry {
    struct entry *next, *previous;
    pb_frames frames; /* the message; for text the parent's header alone */
    int stream;       /* 0 for a message */
    pb_buffer text;
    int64_t since; /* when its first text came */
    bool due;      /* then all text before it is, too */
} entry;

struct pb_publisher {
    pb_sender *sender;
    size_t limit;
    int event;
    pthread_mutex_t lock;
    pthread_cond_t room; /* signalled when the queue shrinks */
    entry *first, *last; /* all from here under the lock */
    size_t bytes;
    bool closed;
};

pb_publisher *pb_publisher_create(pb_sender *sender, size_t limit)
{
    pb_publisher *publisher = pb_calloc(1, sizeof *publisher);
    if (!publisher)
        return NULL;
    publisher->event = pb_event_create();
    if (publisher->event < 0) {
        free(publisher);
        return NULL;
    }
    publisher->sender = sender;
    publisher->limit = limit;
    pthread_mutex_init(&publisher->lock, NULL);
    pb_condition_init(&publisher->room);
    return publisher;
}

static void destroy_entry(entry *old)
{
    pb_frames_clear(&old->frames);
    pb_buffer_free(&old->text);
    free(old);
}

void pb_publisher_destroy(pb_publisher **publisher)
{
    if (!*publisher)
        return;
    for (entry *old = (*publisher)->first; old;) {
        entry *next = old->next;
        destroy_entry(old);
        old = next;
    }
    close((*publisher)->event);
    pthread_cond_destroy(&(*publisher)->room);
    pthread_mutex_destroy(&(*publisher)->lock);
    free(*publisher);
    *publisher = NULL;
}

int pb_publisher_descriptor(const pb_publisher *publisher)
{
    return publisher->event;
}

static void append(pb_publisher *publisher, entry *new)
{
    if (publisher->last)
        publisher->last->next = new;
    else
        publisher->first = new;
    new->previous = publisher->last;
    publisher->last = new;
    publisher->bytes += new->frames.bytes;
}

/* The text at the queue's end is to be sent now, not merged with more. */
static void make_due(pb_publisher *publisher)
{
    for (entry *text = publisher->last; text && text->stream && !text->due; text = text->previous)
        text->due = true;
}

bool pb_publisher_send(pb_publisher *publisher, pb_frames *frames)
{
    entry *new = pb_calloc(1, sizeof *new);
    if (!new) {
        pb_frames_clear(frames);
        return false;
    }
    pb_frames_move(&new->frames, frames);
    pthread_mutex_lock(&publisher->lock);
    make_due(publisher);
    append(publisher, new);
    pthread_mutex_unlock(&publisher->lock);
    pb_event_raise(publisher->event);
    return true;
}

/* ---- text ---- */

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

/* How many bytes of the text are whole characters: all, but for a last character that is cut. */
static size_t whole(const char *text, size_t length)
{
    size_t start = length;
    while (start > 0 && length - start < 3 && is_continuation(text[start - 1]))
        start--;
    if (start == 0)
        return length; /* continuation bytes alone: not a character that more bytes could finish */
    unsigned char lead = (unsigned char)text[start - 1];
    size_t needed = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    return length - start + 1 < needed ? start - 1 : length;
}

/* How much of `text` the entry takes: up to its limit, and then on to the end of a character. */
static size_t share(const entry *open, const char *text, size_t length)
{
    size_t used = open->text.length;
    size_t count = used < PB_TEXT_BYTES ? PB_TEXT_BYTES - used : 0;
    bool cut = used > 0 && whole(open->text.data, used) < used;
    if (count >= length)
        return length;
    if (count > 0 || cut)
        for (int extra = 0; extra < 3 && count < length && is_continuation(text[count]); extra++)
            count++;
    return count;
}

static bool ends_whole(const entry *text)
{
    return whole(text->text.data, text->text.length) == text->text.length;
}

static bool is_of(const entry *text, const pb_frame *parent)
{
    const pb_frame *mine = &text->frames.items[0];
    return mine->size == parent->size && memcmp(mine->data, parent->data, parent->size) == 0;
}

/* The entry that text may be added to: the last one of its cell, if nothing but text of other cells
 * came after it. So two cells that print at once do not make an entry for each line. NULL if there
 * is none. */
static entry *find_open(pb_publisher *publisher, const pb_frame *parent, int stream)
{
    entry *text = publisher->last;
    while (text && text->stream && !is_of(text, parent))
        text = text->previous;
    if (!text || !text->stream)
        return NULL;
    if (text->stream == stream && !(text->due && ends_whole(text)))
        return text;
    make_due(publisher); /* the cell has turned to its other stream, or is to begin anew */
    return NULL;
}

/* A new, empty entry for text at the end of the queue; NULL when memory is out. */
static entry *append_text_entry(pb_publisher *publisher, const pb_frame *parent, int stream)
{
    entry *new = pb_calloc(1, sizeof *new);
    if (!new)
        return NULL;
    if (!pb_frames_append(&new->frames, parent->data, parent->size)) {
        destroy_entry(new);
        return NULL;
    }
    new->stream = stream;
    new->since = pb_clock_ms();
    append(publisher, new);
    return new;
}

/* Adds text to the queue's end; *news is set if the sending thread should look. */
static bool add_text(pb_publisher *publisher, const pb_frame *parent, int stream, const char *text,
                     size_t length, bool *news)
{
    while (length > 0) {
        entry *open = find_open(publisher, parent, stream);
        size_t count = open ? share(open, text, length) : 0;
        if (count == 0) {
            open = append_text_entry(publisher, parent, stream);
            if (!open)
                return false;
            count = share(open, text, length);
            *news = true;
        }
        pb_buffer_append(&open->text, text, count);
        if (open->text.failed)
            return false;
        if (open->text.length >= PB_TEXT_BYTES) {
            make_due(publisher);
            *news = true;
        }
        publisher->bytes += count;
        text += count;
        length -= count;
    }
    return true;
}

static bool raised(const atomic_bool *stop)
{
    return stop && atomic_load_explicit(stop, memory_order_relaxed);
}

static bool is_full(const pb_publisher *publisher)
{
    return publisher->bytes >= publisher->limit && !publisher->closed;
}

static void wait_for_room(pb_publisher *publisher, const atomic_bool *stop)
{
    while (is_full(publisher) && !raised(stop))
        pb_condition_wait(&publisher->room, &publisher->lock, pb_clock_ms() + STOP_CHECK_MS);
}

bool pb_publisher_text(pb_publisher *publisher, const pb_frame *parent, int stream,
                       const char *text, size_t length, const atomic_bool *stop)
{
    bool news = false, good = true;
    pthread_mutex_lock(&publisher->lock);
    wait_for_room(publisher, stop);
    if (!is_full(publisher))
        good = add_text(publisher, parent, stream, text, length, &news);
    pthread_mutex_unlock(&publisher->lock);
    if (news)
        pb_event_raise(publisher->event);
    return good;
}

void pb_publisher_wait(pb_publisher *publisher, const atomic_bool *stop)
{
    pthread_mutex_lock(&publisher->lock);
    wait_for_room(publisher, stop);
    pthread_mutex_unlock(&publisher->lock);
}

void pb_publisher_flush(pb_publisher *publisher)
{
    pthread_mutex_lock(&publisher->lock);
    make_due(publisher);
    pthread_mutex_unlock(&publisher->lock);
    pb_event_raise(publisher->event);
}

void pb_publisher_close(pb_publisher *publisher)
{
    pthread_mutex_lock(&publisher->lock);
    publisher->closed = true;
    pthread_cond_broadcast(&publisher->room);
    pthread_mutex_unlock(&publisher->lock);
    pb_event_raise(publisher->event);
}

bool pb_publisher_done(pb_publisher *publisher)
{
    pthread_mutex_lock(&publisher->lock);
    bool done = publisher->closed && !publisher->first;
    pthread_mutex_unlock(&publisher->lock);
    return done;
}

/* ---- taking ---- */

/* Milliseconds until the entry may be sent; 0: now. */
static int64_t time_left(const pb_publisher *publisher, const entry *next, int64_t now)
{
    if (!next->stream || next->due || publisher->closed)
        return 0;
    int64_t age = now - next->since;
    return age >= PB_TEXT_AGE_MS ? 0 : PB_TEXT_AGE_MS - age;
}

/* Unlinks the first entry. */
static entry *remove_first(pb_publisher *publisher)
{
    entry *taken = publisher->first;
    publisher->first = taken->next;
    if (publisher->first)
        publisher->first->previous = NULL;
    else
        publisher->last = NULL;
    publisher->bytes -= taken->frames.bytes + taken->text.length;
    pthread_cond_broadcast(&publisher->room);
    return taken;
}

/* Puts back the start of a character that ended the text, if its rest may still come. */
static void keep_cut_character(pb_publisher *publisher, entry *taken)
{
    size_t end = whole(taken->text.data, taken->text.length);
    size_t cut = taken->text.length - end;
    if (cut == 0 || publisher->first || publisher->closed)
        return;
    entry *rest = append_text_entry(publisher, &taken->frames.items[0], taken->stream);
    if (!rest)
        return;
    pb_buffer_append(&rest->text, taken->text.data + end, cut);
    publisher->bytes += cut;
    taken->text.length = end;
}

/* Makes the stream message of an entry's text. */
static bool build_text(pb_sender *sender, const entry *taken, pb_frames *frames)
{
    const char *name = taken->stream == 2 ? "stderr" : "stdout";
    const pb_text topic = {taken->stream == 2 ? "stream.stderr" : "stream.stdout",
                           strlen("stream.stdout")};
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_open(&content, '{');
    pb_write_pair(&content, "name", name);
    pb_write_key(&content, "text");
    pb_write_bytes(&content, taken->text.data, taken->text.length);
    pb_write_close(&content, '}');
    return !pb_message_build_published(sender, &topic, "stream", &taken->frames.items[0], &content,
                                       frames, NULL);
}

bool pb_publisher_take(pb_publisher *publisher, int64_t now, pb_frames *frames, int *wait)
{
    pb_event_clear(publisher->event);
    entry *taken = NULL;
    *wait = -1;
    pthread_mutex_lock(&publisher->lock);
    if (publisher->first) {
        *wait = (int)time_left(publisher, publisher->first, now);
        if (*wait == 0) {
            taken = remove_first(publisher);
            if (taken->stream)
                keep_cut_character(publisher, taken);
        }
    }
    pthread_mutex_unlock(&publisher->lock);
    if (!taken)
        return false;
    bool good = true;
    if (!taken->stream)
        pb_frames_move(frames, &taken->frames);
    else
        good = taken->text.length > 0 && build_text(publisher->sender, taken, frames);
    destroy_entry(taken);
    if (!good) { /* memory is out, or a lone cut character waits for its rest */
        pb_frames_clear(frames);
        *wait = PB_TEXT_AGE_MS;
    }
    return good;
}
