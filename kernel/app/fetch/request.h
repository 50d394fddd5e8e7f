/* One HTTP request by libcurl: its redirects, its headers, its time limits, and who gets the token.
 */
#ifndef PB_FETCH_REQUEST_H
#define PB_FETCH_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "fetch/fetch.h"

typedef struct fetch_http fetch_http; /* connections that are used again; for one thread */

/* Options and listener are borrowed until the end. PB_VALUE if the endpoint is no address. */
pb_status fetch_http_open(const pb_fetch_options *options, const pb_fetch_listener *listener,
                          fetch_http **http, pb_error **error);
void fetch_http_close(fetch_http **http);
const pb_fetch_options *fetch_http_options(const fetch_http *http);
const pb_fetch_listener *fetch_http_listener(const fetch_http *http);
const char *fetch_http_origin(const fetch_http *http); /* "https://huggingface.co" */

/* What was answered. Values of headers are malloc'ed, and NULL where they are missing. */
typedef struct fetch_reply {
    long status; /* of the last answer */
    bool home;   /* it came from the endpoint's own host */
    /* of the last answer */
    char *etag, *content_length, *content_range, *location, *retry_after, *rate_limit, *error_code;
    /* of the last answer that had them */
    char *linked_etag, *linked_size, *commit;
    bool transient; /* it failed in a way that may pass */
} fetch_reply;

void fetch_reply_free(fetch_reply *reply);

typedef struct fetch_request {
    const char *url;
    /* Ask for the headers alone. A redirect to another host is then followed only while nobody has
     * said which commit this is (mirrors send everything on to the hub): the hub's answer is what
     * was asked for. */
    bool head;
    uint64_t from;         /* the first byte wanted */
    const char *home_tag;  /* what makes the endpoint's host give a part, quoted; may be NULL */
    const char *other_tag; /* the same for another host */
    /* Gets the bytes of an answer 200 or 206. False ends the transfer, which then is PB_OK. */
    bool (*body)(void *user, const fetch_reply *reply, const char *bytes, size_t length);
    void *user;
} fetch_request;

/*
 * Makes a request. PB_OK for any answer of HTTP, also one that says 404; `reply` is the caller's to
 * free in any case. PB_IO for the network and for refused redirects, PB_INTERRUPTED.
 */
pb_status fetch_http_perform(fetch_http *http, const fetch_request *request, fetch_reply *reply,
                             pb_error **error);

#endif
