/*
 * libFuzzer: a multipart message of any bytes. The input is cut into frames; without a key they are
 * parsed as they are, so that the JSON is reached. What is accepted must hold together, and a reply
 * to it must be a message again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

#define SEPARATOR '\x1e' /* between frames, in the input */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void cut(const char *text, size_t size, pb_frames *frames)
{
    size_t start = 0;
    for (size_t i = 0; i <= size; i++) {
        if (i < size && text[i] != SEPARATOR)
            continue;
        if (!pb_frames_append(frames, text + start, i - start))
            return;
        start = i + 1;
    }
}

static void check_accepted(const pb_message *message)
{
    bool whole = message->parent && message->metadata && message->content;
    if (!message->id.data || !message->type.data || whole == (message->fault != NULL))
        abort();
    if (message->n_identities + 6 > message->frames.count)
        abort();
}

/* The parent of a reply is the header as it came: it must be read again as what it was. */
static void check_reply(pb_signer *signer, const pb_message *message)
{
    pb_sender sender;
    pb_frames frames = PB_FRAMES_EMPTY;
    pb_message *reply = NULL;
    if (pb_sender_init(&sender, signer, NULL) ||
        pb_message_build(&sender, "reply", message->header, NULL, strdup("{}"), &frames, NULL))
        return;
    if (pb_message_parse(signer, &frames, &reply, NULL) || reply->fault)
        abort();
    const char *id = json_string_value(json_object_get(reply->parent, "msg_id"));
    if (!id || strcmp(id, message->id.data) != 0)
        abort();
    pb_message_destroy(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pb_signer *signer = NULL;
    pb_frames frames = PB_FRAMES_EMPTY;
    pb_message *message = NULL;
    pb_error *error = NULL;
    if (pb_signer_create("", 0, &signer, NULL))
        return 0;
    cut((const char *)data, size, &frames);
    if (!pb_message_parse(signer, &frames, &message, &error)) {
        check_accepted(message);
        check_reply(signer, message);
    } else if (!error) {
        abort();
    }
    pb_error_destroy(&error);
    pb_message_destroy(&message);
    pb_signer_destroy(&signer);
    return 0;
}
