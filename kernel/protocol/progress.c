/* The line that says how far a cell is, and what the cell has published beside it. */
#include "progress.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "host.h"
#include "publisher.h"
#include "thread.h"

/* A cell's text, as long as it would be one message, or a display. */
struct pb_piece {
    pb_piece *next;
    int stream;      /* 1 or 2; 0: a display */
    int64_t since;   /* when its first text came */
    pb_buffer bytes; /* the text; of a display its content without what is transient */
    char *id;        /* what the cell calls the display; NULL if it has no name */
    char name[37];   /* what front ends call it now; "": as the cell does */
};

/* ---- what is published ---- */

static void publish_text(pb_progress *progress, int stream, const char *text, size_t length)
{
    pb_executor *executor = progress->request->executor;
    (void)pb_publisher_text(progress->request->kernel->publisher,
                            progress->request->message->header, stream, text, length,
                            &executor->stop);
}

/* Front ends take the newest name for a display that is shown again: updates of the old one would
 * go to where it was. */
static void publish_display(pb_progress *progress, pb_piece *piece)
{
    if (piece->id && pb_uuid(piece->name, NULL))
        piece->name[0] = '\0';
    pb_writer content = pb_display_content(&piece->bytes, piece->name[0] ? piece->name : piece->id);
    pb_request_publish(progress->request, "display_data", &content);
}

#define ERASE_REST "\x1b[K"

/* Some front ends know no escapes and take their bytes for columns: blanks cover the line there. */
static void write_over(pb_progress *progress, const char *line)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    if (progress->stands) {
        pb_buffer_byte(&text, '\r');
        pb_buffer_repeat(&text, ' ', progress->stands + strlen(ERASE_REST));
    }
    pb_buffer_format(&text, "\r" ERASE_REST "%s", line);
    if (!text.failed)
        publish_text(progress, 1, text.data, text.length);
    pb_buffer_free(&text);
    progress->stands = pb_utf8_width(line, strlen(line));
}

static void erase_line(pb_progress *progress)
{
    if (progress->stands)
        write_over(progress, "");
}

/* ---- what is kept ---- */

static void free_piece(pb_piece *piece)
{
    pb_buffer_free(&piece->bytes);
    free(piece->id);
    free(piece);
}

static void drop_pieces(pb_progress *progress)
{
    while (progress->first) {
        pb_piece *old = progress->first;
        progress->first = old->next;
        free_piece(old);
    }
    progress->last = NULL;
    progress->bytes = 0;
}

/* Keeps the names alone, for updates to come. */
static void keep_no_more(pb_progress *progress)
{
    progress->over = true;
    for (pb_piece *piece = progress->first; piece; piece = piece->next)
        pb_buffer_free(&piece->bytes);
}

static pb_piece *add_piece(pb_progress *progress, int stream, const char *id)
{
    pb_piece *piece = pb_calloc(1, sizeof *piece);
    char *copy = id ? strdup(id) : NULL;
    if (!piece || (id && !copy)) {
        free(piece);
        free(copy);
        return NULL;
    }
    *piece = (pb_piece){.stream = stream, .since = pb_clock_ms(), .id = copy};
    if (progress->last)
        progress->last->next = piece;
    else
        progress->first = piece;
    progress->last = piece;
    return piece;
}

/* The piece that text goes to: the last, as long as it would still wait to be sent. */
static pb_piece *piece_for_text(pb_progress *progress, int stream)
{
    pb_piece *last = progress->last;
    bool open = last && last->stream == stream && last->bytes.length < PB_TEXT_BYTES &&
                pb_clock_ms() - last->since < PB_TEXT_AGE_MS;
    return open ? last : add_piece(progress, stream, NULL);
}

static void keep(pb_progress *progress, pb_piece *piece, const char *bytes, size_t length)
{
    if (piece)
        pb_buffer_append(&piece->bytes, bytes, length);
    progress->bytes += length;
    if (!piece || piece->bytes.failed) /* memory is out: what was said cannot be said again */
        keep_no_more(progress);
}

/* Whether so much more can be kept; if not, this is the end of it. */
static bool has_room(pb_progress *progress, size_t length)
{
    if (!progress->over && progress->bytes + length > PB_KEPT_BYTES)
        pb_progress_end(progress, true);
    return !progress->over;
}

/* Output comes: the line goes, and so does what it takes the place of. False: nothing is kept. */
static bool make_way(pb_progress *progress, size_t length)
{
    erase_line(progress);
    if (progress->clears)
        drop_pieces(progress);
    progress->clears = progress->apart = false;
    return has_room(progress, length);
}

void pb_progress_text(pb_progress *progress, int stream, const char *text, size_t length)
{
    if (make_way(progress, length))
        keep(progress, piece_for_text(progress, stream), text, length);
}

void pb_progress_display(pb_progress *progress, const pb_buffer *content, const char *id)
{
    if (make_way(progress, content->length))
        keep(progress, add_piece(progress, 0, id), content->data, content->length);
}

static pb_piece *find_display(const pb_progress *progress, const char *id)
{
    pb_piece *piece = progress->first;
    while (piece && !(piece->id && strcmp(piece->id, id) == 0))
        piece = piece->next;
    return piece;
}

void pb_progress_update(pb_progress *progress, const pb_buffer *content, const char *id)
{
    pb_piece *piece = find_display(progress, id);
    if (!piece || !has_room(progress, content->length))
        return;
    progress->bytes -= piece->bytes.length;
    pb_buffer_clear(&piece->bytes);
    keep(progress, piece, content->data, content->length);
}

void pb_progress_cleared(pb_progress *progress, bool wait)
{
    erase_line(progress);
    progress->clears = wait;
    if (wait)
        return;
    drop_pieces(progress);
    progress->stood = false;
}

const char *pb_progress_name(const pb_progress *progress, const char *id)
{
    const pb_piece *piece = find_display(progress, id);
    return piece && piece->name[0] ? piece->name : id;
}

/* ---- the line ---- */

static bool inside_line(const pb_progress *progress)
{
    const pb_piece *last = progress->last;
    return last && last->stream && last->bytes.length > 0 &&
           last->bytes.data[last->bytes.length - 1] != '\n';
}

void pb_progress_show(pb_progress *progress, const char *line)
{
    if (progress->over)
        return;
    if (!line) {
        erase_line(progress);
        return;
    }
    if (!progress->apart && inside_line(progress))
        publish_text(progress, 1, "\n", 1);
    progress->apart = true;
    write_over(progress, line);
    progress->stood = true;
}

static void publish_again(pb_progress *progress)
{
    for (pb_piece *piece = progress->first; piece; piece = piece->next) {
        if (piece->stream) {
            publish_text(progress, piece->stream, piece->bytes.data, piece->bytes.length);
            pb_publisher_flush(progress->request->kernel->publisher);
        } else {
            publish_display(progress, piece);
        }
    }
}

void pb_progress_end(pb_progress *progress, bool more)
{
    bool again = progress->first && !(progress->clears && more);
    erase_line(progress);
    if (progress->stood && !progress->over) {
        pb_writer content = PB_WRITER_EMPTY;
        pb_write_open(&content, '{');
        pb_write_key(&content, "wait");
        pb_write_boolean(&content, again || more);
        pb_write_close(&content, '}');
        pb_request_publish(progress->request, "clear_output", &content);
        if (again)
            publish_again(progress);
    }
    keep_no_more(progress);
}

void pb_progress_free(pb_progress *progress)
{
    drop_pieces(progress);
}
