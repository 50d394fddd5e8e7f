/*
 * Checksums by OpenSSL: SHA-256 of the bytes, or SHA-1 as git names a blob, of "blob SIZE", a NUL
 * and the bytes (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects).
 */
#include "checksum.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/file.h"
#include "listener.h"

enum { PIECE = 1 << 20 };

static bool begin(EVP_MD_CTX *digest, const fetch_file *file)
{
    if (strlen(file->hash) == FETCH_SHA256)
        return EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1;
    char header[32];
    int length = snprintf(header, sizeof header, "blob %llu", (unsigned long long)file->size);
    return EVP_DigestInit_ex(digest, EVP_sha1(), NULL) == 1 &&
           EVP_DigestUpdate(digest, header, (size_t)length + 1) == 1; /* with the NUL */
}

static bool is_hash(EVP_MD_CTX *digest, const char *expected)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (EVP_DigestFinal_ex(digest, bytes, &length) != 1 || strlen(expected) != 2 * length)
        return false;
    for (unsigned i = 0; i < length; i++) {
        char digits[3];
        snprintf(digits, sizeof digits, "%02x", bytes[i]);
        if (memcmp(digits, expected + 2 * i, 2) != 0)
            return false;
    }
    return true;
}

static pb_status add_bytes(EVP_MD_CTX *digest, int descriptor, const char *path, char *piece,
                           const fetch_file *file, const pb_fetch_listener *listener,
                           pb_error **error)
{
    for (uint64_t at = 0; at < file->size;) {
        uint64_t left = file->size - at;
        size_t length = left < PIECE ? (size_t)left : PIECE;
        pb_status status = pb_file_read_at(descriptor, path, at, piece, length, error);
        if (status)
            return status;
        if (EVP_DigestUpdate(digest, piece, length) != 1)
            return pb_fail(error, PB_INTERNAL, "OpenSSL cannot compute a hash");
        at += length;
        fetch_tell(listener, PB_FETCH_CHECKING, file->name, at, file->size);
        if (fetch_stopped(listener))
            return fetch_fail_stopped(error);
    }
    return PB_OK;
}

pb_status fetch_checksum(const char *path, const fetch_file *file,
                         const pb_fetch_listener *listener, bool *same, pb_error **error)
{
    int descriptor = -1;
    uint64_t size = 0;
    pb_status status = pb_file_open(path, &descriptor, &size, error);
    if (status)
        return status;
    char *piece = pb_malloc(PIECE, 1);
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    *same = false;
    if (!piece || !digest)
        status = pb_fail_memory(error);
    else if (!begin(digest, file))
        status = pb_fail(error, PB_INTERNAL, "OpenSSL cannot compute a hash");
    else if (size == file->size)
        status = add_bytes(digest, descriptor, path, piece, file, listener, error);
    if (!status)
        *same = size == file->size && is_hash(digest, file->hash);
    EVP_MD_CTX_free(digest);
    free(piece);
    close(descriptor);
    return status;
}
