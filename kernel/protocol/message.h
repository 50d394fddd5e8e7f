/* Messages: from frames to what a handler reads, and from what it says to frames. */
#ifndef PB_PROTOCOL_MESSAGE_H
#define PB_PROTOCOL_MESSAGE_H

#include <jansson.h>
#include <stdatomic.h>

#include "base/error.h"
#include "frames.h"
#include "json.h"
#include "signer.h"
#include "writer.h"

#define PB_PROTOCOL_VERSION "5.5"

/* Limits on what comes in. */
#define PB_MESSAGE_FRAMES     1024              /* frames of one message */
#define PB_MESSAGE_BYTES      ((size_t)8 << 20) /* bytes of one message, buffers included */
#define PB_MESSAGE_IDENTITIES 16                /* routing frames */
#define PB_MESSAGE_IDENTITY   512               /* bytes of one routing frame */

typedef struct pb_message {
    pb_frames frames;
    size_t n_identities;    /* frames[0 .. n) say where a reply goes */
    const pb_frame *header; /* as it came, for the replies' parent_header */
    json_t *header_json, *parent, *metadata, *content;
    pb_error *fault;  /* what is wrong with parent, metadata or content; NULL if they are good */
    pb_text id, type; /* of the header */
    pb_text subshell; /* of the header; no data for the main shell */
} pb_message;

/*
 * Takes the frames, also on failure. Fails, and the message is to be dropped, when there is no
 * delimiter, a limit is passed, the signature is wrong, or the header is broken. With a good
 * signature and header it succeeds; anything else that is wrong is in `fault`.
 */
pb_status pb_message_parse(pb_signer *signer, pb_frames *frames, pb_message **message,
                           pb_error **error);
void pb_message_destroy(pb_message **message);

/* What identifies the kernel in the messages it sends; there is one in a process. */
typedef struct pb_sender {
    char session[37]; /* a random UUID */
    long process;
    atomic_ullong sent;
    const pb_signer *signer;
} pb_sender;

pb_status pb_sender_init(pb_sender *sender, const pb_signer *signer, pb_error **error);

/* A random UUID in its usual form. */
pb_status pb_uuid(char text[37], pb_error **error);

/*
 * Appends the delimiter, the signature and the four frames of a new message to `frames`, which may
 * hold routing frames already. `parent` is the parent's header as it came, or NULL; `metadata` is
 * the text of an object, or NULL; `content` likewise, and taken (malloc'ed; NULL is an allocation
 * that failed). On failure `frames` is cleared.
 */
pb_status pb_message_build(pb_sender *sender, const char *type, const pb_frame *parent,
                           const char *metadata, char *content, pb_frames *frames,
                           pb_error **error);

/* The same as a whole message for iopub, into empty frames. `topic` may be NULL: that is then
 * "kernel.SESSION.TYPE". Takes the content's text. */
pb_status pb_message_build_published(pb_sender *sender, const pb_text *topic, const char *type,
                                     const pb_frame *parent, pb_writer *content, pb_frames *frames,
                                     pb_error **error);

#endif
