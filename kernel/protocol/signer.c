/* HMAC-SHA256 over the four signed frames. */
#include "signer.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "replay.h"

struct pb_signer {
    EVP_MAC_CTX *keyed; /* copied for each message; NULL with an empty key */
    pthread_mutex_t lock;
    pb_replay *seen; /* under the lock */
};

static EVP_MAC_CTX *keyed_context(const char *key, size_t length)
{
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);
    if (context && EVP_MAC_init(context, (const unsigned char *)key, length, parameters) != 1) {
        EVP_MAC_CTX_free(context);
        context = NULL;
    }
    return context;
}

pb_status pb_signer_create(const char *key, size_t length, pb_signer **signer, pb_error **error)
{
    *signer = pb_calloc(1, sizeof **signer);
    if (!*signer)
        return pb_fail_memory(error);
    pthread_mutex_init(&(*signer)->lock, NULL);
    if (length == 0)
        return PB_OK;
    (*signer)->keyed = keyed_context(key, length);
    (*signer)->seen = pb_replay_create(PB_REPLAY_MEMORY);
    if ((*signer)->keyed && (*signer)->seen)
        return PB_OK;
    bool no_memory = !(*signer)->seen;
    pb_signer_destroy(signer);
    return no_memory ? pb_fail_memory(error)
                     : pb_fail(error, PB_INTERNAL, "OpenSSL offers no HMAC-SHA256");
}

void pb_signer_destroy(pb_signer **signer)
{
    if (!*signer)
        return;
    EVP_MAC_CTX_free((*signer)->keyed);
    pb_replay_destroy(&(*signer)->seen);
    pthread_mutex_destroy(&(*signer)->lock);
    free(*signer);
    *signer = NULL;
}

static bool digest_frames(const pb_signer *signer, const pb_frame *frames,
                          unsigned char digest[PB_DIGEST_BYTES])
{
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(signer->keyed);
    bool good = context != NULL;
    for (size_t i = 0; good && i < PB_SIGNED_FRAMES; i++)
        good = EVP_MAC_update(context, (const unsigned char *)frames[i].data, frames[i].size) == 1;
    size_t size = 0;
    good = good && EVP_MAC_final(context, digest, &size, PB_DIGEST_BYTES) == 1 &&
           size == PB_DIGEST_BYTES;
    EVP_MAC_CTX_free(context);
    return good;
}

static void to_hexadecimal(const unsigned char digest[PB_DIGEST_BYTES], char *signature)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < PB_DIGEST_BYTES; i++) {
        signature[2 * i] = digits[digest[i] >> 4];
        signature[2 * i + 1] = digits[digest[i] & 15];
    }
    signature[PB_SIGNATURE_LENGTH] = '\0';
}

pb_status pb_signer_sign(const pb_signer *signer, const pb_frame frames[PB_SIGNED_FRAMES],
                         char signature[PB_SIGNATURE_LENGTH + 1], pb_error **error)
{
    signature[0] = '\0';
    if (!signer->keyed)
        return PB_OK;
    unsigned char digest[PB_DIGEST_BYTES];
    if (!digest_frames(signer, frames, digest))
        return pb_fail_memory(error);
    to_hexadecimal(digest, signature);
    return PB_OK;
}

pb_status pb_signer_check(pb_signer *signer, const pb_frame frames[PB_SIGNED_FRAMES],
                          const pb_frame *signature, pb_error **error)
{
    if (!signer->keyed)
        return PB_OK;
    if (signature->size != PB_SIGNATURE_LENGTH)
        return pb_fail(error, PB_FORMAT, "a signature of %zu bytes where %d were expected",
                       signature->size, PB_SIGNATURE_LENGTH);
    unsigned char digest[PB_DIGEST_BYTES];
    char expected[PB_SIGNATURE_LENGTH + 1];
    if (!digest_frames(signer, frames, digest))
        return pb_fail_memory(error);
    to_hexadecimal(digest, expected);
    if (CRYPTO_memcmp(expected, signature->data, PB_SIGNATURE_LENGTH) != 0)
        return pb_fail(error, PB_FORMAT, "a signature that does not fit the message");
    pthread_mutex_lock(&signer->lock);
    bool fresh = pb_replay_add(signer->seen, digest);
    pthread_mutex_unlock(&signer->lock);
    return fresh ? PB_OK : pb_fail(error, PB_FORMAT, "a signature that was used before");
}
