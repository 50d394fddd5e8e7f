/*
 * The bytes of one file. A try asks for what is missing (Range); If-Range makes a server whose file
 * has changed send all of it instead. What comes is never believed to be more than bytes: the size
 * is bounded here and the hash is checked by the caller.
 */
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listener.h"

enum { WORTHWHILE = 1 << 20 }; /* bytes of a try that make its failure one of the line's moods */

typedef struct transfer {
    fetch_http *http;
    const char *id, *url, *path;
    const fetch_file *file;
    int descriptor;
    uint64_t at; /* bytes in the file */
    char home_tag[FETCH_SHA256 + 3];
    char *other_tag; /* of the bytes there are, as the host behind a redirect calls them */
    /* of the try */
    bool begun;      /* the answer's headers were looked at */
    bool misplaced;  /* the answer is another part than was asked for */
    pb_status fault; /* why its bytes were refused; with the error */
    pb_error *error;
} transfer;

/* ---- the file ---- */

static pb_status fail_to_write(const transfer *t, int failure, pb_error **error)
{
    char size[PB_FETCH_SIZE];
    if (failure != ENOSPC && failure != EDQUOT && failure != EFBIG)
        return pb_fail_errno(error, failure, "cannot write '%s'", t->path);
    pb_status status = pb_fail(error, PB_IO, "the disk is full: '%s' wants %s more, in '%s'",
                               t->file->name, pb_fetch_size(t->file->size - t->at, size), t->path);
    if (error)
        pb_error_hint(*error, "free some space and run the same command again, which goes on from "
                              "there; or name a folder on another disk in HF_HUB_CACHE");
    return status;
}

static pb_status append(transfer *t, const char *bytes, size_t length, pb_error **error)
{
    while (length > 0) {
        ssize_t put = pwrite(t->descriptor, bytes, length, (off_t)t->at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return fail_to_write(t, errno, error);
        t->at += (uint64_t)put;
        bytes += put;
        length -= (size_t)put;
    }
    return PB_OK;
}

static pb_status start_over(transfer *t, pb_error **error)
{
    t->at = 0;
    if (ftruncate(t->descriptor, 0) != 0)
        return pb_fail_errno(error, errno, "cannot write '%s'", t->path);
    return PB_OK;
}

static pb_status open_file(transfer *t, pb_error **error)
{
    struct stat about;
    t->descriptor = open(t->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (t->descriptor < 0 || fstat(t->descriptor, &about) != 0)
        return pb_fail_errno(error, errno, "cannot write '%s'", t->path);
    if (!S_ISREG(about.st_mode))
        return pb_fail(error, PB_IO, "cannot write '%s': it is not a regular file", t->path);
    t->at = (uint64_t)about.st_size;
    return t->at > t->file->size ? start_over(t, error) : PB_OK;
}

/* ---- an answer ---- */

static pb_status fail_size(const transfer *t, uint64_t got, pb_error **error)
{
    pb_status status =
        pb_fail(error, PB_FORMAT, "'%s' should have %llu bytes, and the server sends one of %llu",
                t->file->name, (unsigned long long)t->file->size, (unsigned long long)got);
    if (error)
        pb_error_hint(*error, "the model may just have been changed: try again; if this stays, a "
                              "proxy or a login page of this network may be in between");
    return status;
}

/* Reads "bytes 100-199/200"; *size is left alone where the whole's size is "*". */
static bool read_range(const char *text, uint64_t *first, uint64_t *size)
{
    char from[24], to[24], whole[24];
    if (!text || sscanf(text, "bytes %23[0-9]-%23[0-9]/%23[0-9*]", from, to, whole) != 3)
        return false;
    return fetch_hub_size(from, first) && (strcmp(whole, "*") == 0 || fetch_hub_size(whole, size));
}

static bool is_strong(const char *etag)
{
    return etag && etag[0] == '"';
}

/* Looks at the headers of an answer that brings bytes. */
static pb_status begin_bytes(transfer *t, const fetch_reply *reply, pb_error **error)
{
    uint64_t first = 0, size = t->file->size, length;
    t->begun = true;
    if (reply->status == 206 && (!read_range(reply->content_range, &first, &size) ||
                                 (size == t->file->size && first != t->at))) {
        t->misplaced = true;
        return pb_fail(error, PB_IO, "the server sends another part of '%s' than was asked for",
                       t->file->name);
    }
    if (reply->status == 200 && fetch_hub_size(reply->content_length, &length))
        size = length;
    if (size != t->file->size)
        return fail_size(t, size, error);
    if (!reply->home) {
        free(t->other_tag);
        t->other_tag = is_strong(reply->etag) ? strdup(reply->etag) : NULL;
    }
    return reply->status == 200 && t->at > 0 ? start_over(t, error) : PB_OK;
}

/* fetch_request's callback. */
static bool take_bytes(void *user, const fetch_reply *reply, const char *bytes, size_t length)
{
    transfer *t = user;
    if (!t->begun)
        t->fault = begin_bytes(t, reply, &t->error);
    if (!t->fault && length > t->file->size - t->at)
        t->fault = fail_size(t, t->at + length, &t->error);
    if (!t->fault)
        t->fault = append(t, bytes, length, &t->error);
    if (t->fault)
        return false;
    fetch_tell(fetch_http_listener(t->http), PB_FETCH_MOVED, t->file->name, t->at, t->file->size);
    return true;
}

/* ---- a try ---- */

/* After an answer of HTTP whose bytes, if any, were taken. */
static pb_status judge(transfer *t, const fetch_reply *reply, fetch_outcome *outcome,
                       pb_error **error)
{
    pb_status status = PB_OK;
    if (reply->status == 416) { /* what there is cannot be continued */
        outcome->transient = true;
        status = start_over(t, error);
        return status ? status
                      : pb_fail(error, PB_IO, "the server has no more of '%s'", t->file->name);
    }
    if (reply->status != 200 && reply->status != 206)
        return fetch_hub_refusal(t->http, t->id, t->file->name, reply, outcome, error);
    if (!t->begun)
        status = begin_bytes(t, reply, error);
    if (status || t->at == t->file->size)
        return status;
    outcome->transient = true;
    return pb_fail(error, PB_IO, "'%s' ended after %llu of its %llu bytes", t->file->name,
                   (unsigned long long)t->at, (unsigned long long)t->file->size);
}

static pb_status try_once(void *user, fetch_outcome *outcome, pb_error **error)
{
    transfer *t = user;
    const uint64_t before = t->at;
    const fetch_request request = {
        .url = t->url,
        .from = t->at,
        .home_tag = t->home_tag,
        .other_tag = t->other_tag,
        .body = take_bytes,
        .user = t,
    };
    fetch_reply reply;
    t->begun = t->misplaced = false;
    t->fault = PB_OK;
    pb_status status = fetch_http_perform(t->http, &request, &reply, error);
    outcome->transient = reply.transient;
    if (!status && t->fault) {
        status = t->fault;
        *error = t->error;
        t->error = NULL;
    } else if (!status) {
        status = judge(t, &reply, outcome, error);
    }
    pb_error_destroy(&t->error);
    if (t->misplaced) {
        outcome->transient = true;
        (void)start_over(t, NULL); /* if that fails, so will the next write */
    }
    outcome->gained = t->at > before && t->at - before >= WORTHWHILE;
    fetch_reply_free(&reply);
    return status;
}

pb_status fetch_transfer(fetch_http *http, const char *id, const char *url, const fetch_file *file,
                         const char *path, pb_error **error)
{
    transfer t = {.http = http, .id = id, .url = url, .path = path, .file = file, .descriptor = -1};
    snprintf(t.home_tag, sizeof t.home_tag, "\"%s\"", file->hash);
    pb_status status = open_file(&t, error);
    if (!status && (t.at < file->size))
        status = fetch_retry(http, file->name, try_once, &t, error);
    if (t.descriptor >= 0)
        close(t.descriptor);
    if (status == PB_FORMAT)
        unlink(path);
    free(t.other_tag);
    return status;
}
