/* The hub's ways: names of models, addresses of files, what it says of a file, and its refusals. */
#ifndef PB_FETCH_HUB_H
#define PB_FETCH_HUB_H

#include "request.h"
#include "retry.h"

enum { FETCH_COMMIT = 40, FETCH_SHA1 = 40, FETCH_SHA256 = 64 }; /* hexadecimal digits */

/* A file as the hub describes it. */
typedef struct fetch_file {
    char *name;
    uint64_t size;
    char hash[FETCH_SHA256 + 1]; /* 64 digits: SHA-256; 40: SHA-1 as git hashes it */
} fetch_file;

/*
 * The hub id that a name stands for, malloc'ed, and the revision it ends in: borrowed from the
 * name, or "main". PB_NAME with the nearest known name.
 */
pb_status fetch_hub_id(const char *name, char **id, const char **revision, pb_error **error);

/* The address of a file of a model at a revision, malloc'ed; NULL when memory is out. */
char *fetch_hub_url(const pb_fetch_options *options, const char *id, const char *revision,
                    const char *name);

/*
 * Asks for a file's size and hash, and for the commit that the revision is. *missing instead, where
 * the model has no such file. The file's name is the caller's to free.
 */
pb_status fetch_hub_ask(fetch_http *http, const char *id, const char *revision, const char *name,
                        fetch_file *file, char commit[FETCH_COMMIT + 1], bool *missing,
                        pb_error **error);

/* Makes an error of an answer that is not what was asked for, and says whether it may pass. */
pb_status fetch_hub_refusal(const fetch_http *http, const char *id, const char *name,
                            const fetch_reply *reply, fetch_outcome *outcome, pb_error **error);

/* Reads a size. False if the text is no number of bytes. */
bool fetch_hub_size(const char *text, uint64_t *size);

#endif
