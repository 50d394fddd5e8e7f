/* Signs messages with HMAC-SHA256 and checks the signatures of others. Thread-safe. */
#ifndef PB_PROTOCOL_SIGNER_H
#define PB_PROTOCOL_SIGNER_H

#include "base/error.h"
#include "frames.h"

#define PB_SIGNATURE_LENGTH 64    /* hexadecimal digits */
#define PB_SIGNED_FRAMES    4     /* header, parent header, metadata, content */
#define PB_REPLAY_MEMORY    65536 /* signatures remembered */

typedef struct pb_signer pb_signer;

/* The key is copied into OpenSSL's care, which clears it. An empty key signs nothing and accepts
 * everything. */
pb_status pb_signer_create(const char *key, size_t length, pb_signer **signer, pb_error **error);

/* Writes the signature of four frames, with a NUL; "" with an empty key. */
pb_status pb_signer_sign(const pb_signer *signer, const pb_frame frames[PB_SIGNED_FRAMES],
                         char signature[PB_SIGNATURE_LENGTH + 1], pb_error **error);

/* PB_OK if the signature is that of the four frames and was not seen before. The length is looked
 * at first, then the digest in constant time, then whether it is a repetition. */
pb_status pb_signer_check(pb_signer *signer, const pb_frame frames[PB_SIGNED_FRAMES],
                          const pb_frame *signature, pb_error **error);

void pb_signer_destroy(pb_signer **signer);

#endif
