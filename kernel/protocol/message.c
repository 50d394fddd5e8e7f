/* Messages: frames, the signature, the header. */
#include "message.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

#define DELIMITER "<IDS|MSG>"

/* ---- in ---- */

static bool is_delimiter(const pb_frame *frame)
{
    return frame->size == strlen(DELIMITER) && memcmp(frame->data, DELIMITER, frame->size) == 0;
}

/* Finds the delimiter among the first frames and checks all sizes. */
static pb_status check_shape(pb_message *message, pb_error **error)
{
    const pb_frames *frames = &message->frames;
    if (frames->count > PB_MESSAGE_FRAMES || frames->bytes > PB_MESSAGE_BYTES)
        return pb_fail(error, PB_LIMIT, "a message of %zu frames and %zu bytes is too large",
                       frames->count, frames->bytes);
    size_t at = 0;
    while (at < frames->count && !is_delimiter(&frames->items[at])) {
        if (at == PB_MESSAGE_IDENTITIES || frames->items[at].size > PB_MESSAGE_IDENTITY)
            return pb_fail(error, PB_LIMIT, "a message whose route is too long");
        at++;
    }
    if (at == frames->count)
        return pb_fail(error, PB_FORMAT, "a message without the delimiter " DELIMITER);
    if (frames->count - at < 2 + PB_SIGNED_FRAMES)
        return pb_fail(error, PB_FORMAT, "a message with %zu frames after its delimiter",
                       frames->count - at - 1);
    message->n_identities = at;
    return PB_OK;
}

static pb_status read_header(pb_message *message, pb_error **error)
{
    pb_status status = pb_json_read(message->header->data, message->header->size, "header",
                                    &message->header_json, error);
    const json_t *header = message->header_json;
    if (!status)
        status = pb_json_needed_text(header, "msg_id", &message->id, error);
    if (!status)
        status = pb_json_needed_text(header, "msg_type", &message->type, error);
    if (!status)
        status = pb_json_text(header, "subshell_id", &message->subshell, error);
    if (!status && strlen(message->type.data) != message->type.length)
        status = pb_fail(error, PB_FORMAT, "a message type with a NUL in it");
    return status;
}

static void read_rest(pb_message *message)
{
    const pb_frame *frame = message->header + 1;
    pb_error **fault = &message->fault;
    pb_json_read(frame[0].data, frame[0].size, "parent header", &message->parent, fault);
    pb_json_read(frame[1].data, frame[1].size, "metadata", &message->metadata, fault);
    pb_json_read(frame[2].data, frame[2].size, "content", &message->content, fault);
}

pb_status pb_message_parse(pb_signer *signer, pb_frames *frames, pb_message **message,
                           pb_error **error)
{
    *message = pb_calloc(1, sizeof **message);
    if (!*message) {
        pb_frames_clear(frames);
        return pb_fail_memory(error);
    }
    pb_message *read = *message;
    pb_frames_move(&read->frames, frames);
    pb_status status = check_shape(read, error);
    if (!status) {
        const pb_frame *signature = &read->frames.items[read->n_identities + 1];
        read->header = signature + 1;
        status = pb_signer_check(signer, read->header, signature, error);
    }
    if (!status)
        status = read_header(read, error);
    if (status) {
        pb_message_destroy(message);
        return status;
    }
    read_rest(read);
    return PB_OK;
}

void pb_message_destroy(pb_message **message)
{
    if (!*message)
        return;
    json_decref((*message)->header_json);
    json_decref((*message)->parent);
    json_decref((*message)->metadata);
    json_decref((*message)->content);
    pb_error_destroy(&(*message)->fault);
    pb_frames_clear(&(*message)->frames);
    free(*message);
    *message = NULL;
}

/* ---- out ---- */

pb_status pb_uuid(char text[37], pb_error **error)
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return pb_fail(error, PB_IO, "the system gives no random bytes");
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40); /* version 4, random */
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    static const char digits[] = "0123456789abcdef";
    char *out = text;
    for (size_t i = 0; i < sizeof bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
    return PB_OK;
}

pb_status pb_sender_init(pb_sender *sender, const pb_signer *signer, pb_error **error)
{
    sender->process = (long)getpid();
    sender->signer = signer;
    atomic_init(&sender->sent, 0);
    return pb_uuid(sender->session, error);
}

/* "2024-05-01T12:00:00.123456Z" */
static void write_date(pb_writer *writer)
{
    struct timespec now;
    struct tm parts;
    char date[40], whole[64];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(whole, sizeof whole, "%s.%06ldZ", date, now.tv_nsec / 1000);
    pb_write_pair(writer, "date", whole);
}

static bool append_header(pb_sender *sender, const char *type, pb_frames *frames)
{
    char id[96];
    unsigned long long number = atomic_fetch_add(&sender->sent, 1);
    snprintf(id, sizeof id, "%s_%ld_%llu", sender->session, sender->process, number);
    pb_writer writer = PB_WRITER_EMPTY;
    pb_write_open(&writer, '{');
    pb_write_pair(&writer, "msg_id", id);
    pb_write_pair(&writer, "msg_type", type);
    pb_write_pair(&writer, "username", "kernel");
    pb_write_pair(&writer, "session", sender->session);
    write_date(&writer);
    pb_write_pair(&writer, "version", PB_PROTOCOL_VERSION);
    pb_write_close(&writer, '}');
    size_t length = writer.text.length;
    return pb_frames_give(frames, pb_buffer_take(&writer.text), length);
}

/* The signature's frame is left empty. */
static bool append_frames(pb_sender *sender, const char *type, const pb_frame *parent,
                          const char *metadata, char *content, pb_frames *frames)
{
    const char *above = parent ? parent->data : "{}";
    size_t above_size = parent ? parent->size : strlen(above);
    if (!metadata)
        metadata = "{}";
    bool good = pb_frames_append(frames, DELIMITER, strlen(DELIMITER)) &&
                pb_frames_append(frames, "", 0) && append_header(sender, type, frames) &&
                pb_frames_append(frames, above, above_size) &&
                pb_frames_append(frames, metadata, strlen(metadata));
    if (!good) {
        free(content);
        return false;
    }
    return pb_frames_give(frames, content, content ? strlen(content) : 0);
}

static bool sign(const pb_sender *sender, pb_frame *slot)
{
    char signature[PB_SIGNATURE_LENGTH + 1];
    if (pb_signer_sign(sender->signer, slot + 1, signature, NULL))
        return false;
    char *copy = strdup(signature);
    if (!copy)
        return false;
    free(slot->data);
    *slot = (pb_frame){copy, strlen(copy)};
    return true;
}

pb_status pb_message_build(pb_sender *sender, const char *type, const pb_frame *parent,
                           const char *metadata, char *content, pb_frames *frames, pb_error **error)
{
    size_t start = frames->count;
    if (append_frames(sender, type, parent, metadata, content, frames) &&
        sign(sender, &frames->items[start + 1])) {
        frames->bytes += frames->items[start + 1].size;
        return PB_OK;
    }
    pb_frames_clear(frames);
    return pb_fail_memory(error);
}

pb_status pb_message_build_published(pb_sender *sender, const pb_text *topic, const char *type,
                                     const pb_frame *parent, pb_writer *content, pb_frames *frames,
                                     pb_error **error)
{
    char usual[96];
    int length = snprintf(usual, sizeof usual, "kernel.%s.%s", sender->session, type);
    pb_text first = topic ? *topic : (pb_text){usual, (size_t)length};
    char *json = pb_buffer_take(&content->text);
    if (pb_frames_append(frames, first.data, first.length))
        return pb_message_build(sender, type, parent, NULL, json, frames, error);
    free(json);
    return pb_fail_memory(error);
}
