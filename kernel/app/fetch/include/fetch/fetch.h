/*
 * patchbay fetch: a model's files, from the Hugging Face hub or a mirror of it into the cache that
 * Hugging Face's own libraries use, so that either finds what the other has fetched.
 *
 * A file gets its name only when all of it is there and its hash is right; the model gets its name
 * only when all of its files have theirs. What an interrupt leaves is continued the next time.
 */
#ifndef PB_FETCH_FETCH_H
#define PB_FETCH_FETCH_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"

typedef struct pb_fetch_options {
    const char *endpoint;     /* where the hub is: "https://huggingface.co" */
    const char *token;        /* sent to the endpoint's host and to no other; NULL: none */
    const char *token_from;   /* where it was found, for messages: "HF_TOKEN" */
    const char *certificates; /* a file of certificates to trust; NULL: the system's */
    const char *hub;          /* the cache: the folder that holds models--* */
    long connect_seconds;     /* in which a connection must stand */
    long stall_seconds;       /* a transfer under 1 kB a second is ended after so long */
    unsigned tries;           /* of one file, one after the other, that bring next to nothing */
    long pause_ms;            /* before the second try; doubles with each further one */
} pb_fetch_options;

/* The hub itself, no token, and times that suit a slow line; `hub` is left NULL. */
pb_fetch_options pb_fetch_defaults(void);

typedef enum pb_fetch_event {
    PB_FETCH_HERE,     /* the file is in the cache already */
    PB_FETCH_BEGUN,    /* its transfer begins; `done` bytes are there from an earlier one */
    PB_FETCH_MOVED,    /* `done` of `total` bytes are there */
    PB_FETCH_CHECKING, /* `done` of `total` bytes have been read again for their hash */
    PB_FETCH_DONE,     /* the file is whole, checked and in its place */
    PB_FETCH_RETRY,    /* a try failed for `reason`; the next begins in `done` milliseconds */
    PB_FETCH_WAITING   /* another process is fetching this file */
} pb_fetch_event;

typedef struct pb_fetch_news {
    pb_fetch_event event;
    const char *file; /* "model.safetensors" */
    uint64_t done, total;
    const char *reason; /* for PB_FETCH_RETRY */
} pb_fetch_news;

/* Who hears what happens, on the calling thread, and may stop it. */
typedef struct pb_fetch_listener {
    void *user;
    const atomic_bool *stop;                             /* may be NULL; seen within 100 ms */
    void (*tell)(void *user, const pb_fetch_news *news); /* may be NULL */
} pb_fetch_listener;

/*
 * Fetches a model by the name of a known model ("gpt2") or by its hub id ("ORG/NAME"), either of
 * which may end in "@REVISION": a branch, a tag or a commit, else main. *folder is
 * the snapshot it lies in, malloc'ed, the caller's. PB_NAME for a name that is neither, or that the
 * hub does not know; PB_IO for the network, the disk and refusals; PB_FORMAT for a file that is not
 * what was promised, which is removed; PB_INTERRUPTED.
 */
pb_status pb_fetch(const char *name, const pb_fetch_options *options,
                   const pb_fetch_listener *listener, char **folder, pb_error **error);

/* A number of bytes for people: "548.1 MB". */
enum { PB_FETCH_SIZE = 24 };
const char *pb_fetch_size(uint64_t bytes, char out[PB_FETCH_SIZE]);

#endif
