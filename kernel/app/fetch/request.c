/*
 * One HTTP request by libcurl. Redirects are followed here and not by libcurl, so that one place
 * decides for each hop whether it may be made and whether the token goes along.
 */
#include "request.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "listener.h"
#include "url.h"

enum {
    MOST_HOPS = 6,
    POLL_MS = 50,
    SLOW_BYTES = 1024,           /* a second */
    MOST_HEADER_BYTES = 1 << 18, /* of one answer */
    MOST_WASTE = 1 << 14         /* bytes of a body nobody wants, read to keep the connection */
};

struct fetch_http {
    const pb_fetch_options *options;
    const pb_fetch_listener *listener;
    CURLU *endpoint;
    char *origin;
    CURLM *multi;
    CURL *easy;
    bool global, reached;
};

/* One hop of a request. */
typedef struct hop {
    fetch_http *http;
    const fetch_request *request;
    fetch_reply *reply;
    CURLU *url;
    struct curl_slist *headers;
    size_t header_bytes, waste;
    bool enough; /* the body was ended from here */
    bool no_memory;
    char message[CURL_ERROR_SIZE];
} hop;

/* ---- headers ---- */

static void clear(char **value)
{
    free(*value);
    *value = NULL;
}

/* Forgets what belongs to one answer alone. */
static void begin_answer(fetch_reply *reply)
{
    clear(&reply->etag);
    clear(&reply->content_length);
    clear(&reply->content_range);
    clear(&reply->location);
    clear(&reply->retry_after);
    clear(&reply->rate_limit);
    clear(&reply->error_code);
}

void fetch_reply_free(fetch_reply *reply)
{
    begin_answer(reply);
    clear(&reply->linked_etag);
    clear(&reply->linked_size);
    clear(&reply->commit);
}

static char **field(fetch_reply *reply, const char *name, size_t length)
{
    const struct {
        const char *name;
        char **value;
    } fields[] = {
        {"etag", &reply->etag},
        {"content-length", &reply->content_length},
        {"content-range", &reply->content_range},
        {"location", &reply->location},
        {"retry-after", &reply->retry_after},
        {"ratelimit", &reply->rate_limit},
        {"x-error-code", &reply->error_code},
        {"x-linked-etag", &reply->linked_etag},
        {"x-linked-size", &reply->linked_size},
        {"x-repo-commit", &reply->commit},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strlen(fields[i].name) == length && strncasecmp(fields[i].name, name, length) == 0)
            return fields[i].value;
    return NULL;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* libcurl's callback: a line of the headers, not terminated. */
static size_t take_header(char *line, size_t size, size_t count, void *user)
{
    hop *h = user;
    size_t length = size * count;
    h->header_bytes += length;
    if (h->header_bytes > MOST_HEADER_BYTES)
        return 0;
    if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        begin_answer(h->reply);
        return length;
    }
    const char *colon = memchr(line, ':', length);
    char **value = colon ? field(h->reply, line, (size_t)(colon - line)) : NULL;
    if (!value)
        return length;
    const char *first = colon + 1, *end = line + length;
    while (first < end && is_space(*first))
        first++;
    while (end > first && is_space(end[-1]))
        end--;
    free(*value);
    *value = strndup(first, (size_t)(end - first));
    h->no_memory = !*value;
    return *value ? length : 0;
}

/* ---- the body ---- */

static size_t take_body(char *bytes, size_t size, size_t count, void *user)
{
    hop *h = user;
    size_t length = size * count;
    curl_easy_getinfo(h->http->easy, CURLINFO_RESPONSE_CODE, &h->reply->status);
    if (h->request->body && (h->reply->status == 200 || h->reply->status == 206)) {
        h->enough = !h->request->body(h->request->user, h->reply, bytes, length);
    } else {
        h->waste += length;
        h->enough = h->waste > MOST_WASTE;
    }
    return h->enough ? 0 : length;
}

/* ---- a hop ---- */

static bool add_header(hop *h, const char *format, const char *value)
{
    pb_buffer line = PB_BUFFER_EMPTY;
    pb_buffer_text(&line, format);
    pb_buffer_text(&line, value);
    char *text = pb_buffer_take(&line);
    struct curl_slist *longer = text ? curl_slist_append(h->headers, text) : NULL;
    free(text);
    if (longer)
        h->headers = longer;
    return longer != NULL;
}

/* The token goes to the endpoint's own scheme, host and port, and nowhere else. */
static bool add_headers(hop *h)
{
    const char *token = h->http->options->token;
    bool home = h->reply->home;
    const char *tag = home ? h->request->home_tag : h->request->other_tag;
    bool complete = add_header(h, "Accept-Encoding: ", "identity");
    if (token && home)
        complete = complete && add_header(h, "Authorization: Bearer ", token);
    if (h->request->from > 0 && tag)
        complete = complete && add_header(h, "If-Range: ", tag);
    return complete;
}

static void set_limits(CURL *easy, const pb_fetch_options *options)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, options->connect_seconds);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, options->stall_seconds);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* do not wait for a resolver on Ctrl-C */
#endif
}

static pb_status set_up(hop *h, pb_error **error)
{
    CURL *easy = h->http->easy;
    const pb_fetch_options *options = h->http->options;
    curl_easy_reset(easy);
    if (!add_headers(h))
        return pb_fail_memory(error);
    set_limits(easy, options);
    curl_easy_setopt(easy, CURLOPT_CURLU, h->url);
    curl_easy_setopt(easy, CURLOPT_NOBODY, h->request->head ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, h->headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "patchbay");
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, h);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, h);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, h->message);
    if (options->certificates)
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->certificates);
    if (h->request->from > 0) {
        char range[32];
        snprintf(range, sizeof range, "%llu-", (unsigned long long)h->request->from);
        curl_easy_setopt(easy, CURLOPT_RANGE, range); /* copied */
    }
    return PB_OK;
}

/* Runs the transfer that is set up. False if the listener stopped it. */
static bool drive(fetch_http *http, CURLcode *result)
{
    int running = 0;
    *result = CURLE_FAILED_INIT;
    if (curl_multi_add_handle(http->multi, http->easy) != CURLM_OK)
        return true;
    do {
        CURLMcode code = curl_multi_perform(http->multi, &running);
        if (code == CURLM_OK && running)
            code = curl_multi_poll(http->multi, NULL, 0, POLL_MS, NULL);
        if (code != CURLM_OK)
            break;
    } while (running && !fetch_stopped(http->listener));
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(http->multi, &left));)
        if (message->msg == CURLMSG_DONE)
            *result = message->data.result;
    curl_multi_remove_handle(http->multi, http->easy);
    return !fetch_stopped(http->listener);
}

/* ---- what libcurl says, in words ---- */

static bool is_out_of_reach(CURLcode code)
{
    return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
           code == CURLE_COULDNT_CONNECT;
}

/* Whether the same request may go well a moment later. Before the first answer nobody is kept
 * waiting for a network that is not there. */
static bool may_pass(const fetch_http *http, CURLcode code)
{
    switch (code) {
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return true;
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR: return http->reached;
    default: return http->reached && is_out_of_reach(code);
    }
}

static const char *hint_for(CURLcode code)
{
    if (is_out_of_reach(code))
        return "is this machine online? Where it cannot be, HF_ENDPOINT may name a mirror of the "
               "hub, and a model's folder that was copied here is found through PATCHBAY_MODELS";
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
        return "install the package ca-certificates, or name a file of the certificates to trust "
               "in SSL_CERT_FILE";
    return NULL;
}

static pb_status fail_transfer(const hop *h, CURLcode code, pb_error **error)
{
    if (h->no_memory || code == CURLE_OUT_OF_MEMORY)
        return pb_fail_memory(error);
    char *origin = fetch_url_origin(h->url);
    const char *where = origin ? origin : "the server";
    pb_status status;
    h->reply->transient = may_pass(h->http, code);
    if (code == CURLE_OPERATION_TIMEDOUT)
        status = pb_fail(error, PB_IO, "%s stopped answering", where);
    else if (code == CURLE_PARTIAL_FILE || code == CURLE_GOT_NOTHING)
        status = pb_fail(error, PB_IO, "%s hung up before all was sent", where);
    else if (code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL)
        status = pb_fail(error, PB_IO, "what %s answers is not HTTP", where);
    else if (h->header_bytes > MOST_HEADER_BYTES)
        status = pb_fail(error, PB_IO, "%s sends headers without end", where);
    else
        status = pb_fail(error, PB_IO, "cannot reach %s: %s", where,
                         h->message[0] ? h->message : curl_easy_strerror(code));
    free(origin);
    if (error && hint_for(code))
        pb_error_hint(*error, "%s", hint_for(code));
    return status;
}

static pb_status make_hop(hop *h, pb_error **error)
{
    CURLcode result = CURLE_OK;
    begin_answer(h->reply);
    h->reply->status = 0;
    h->reply->home = fetch_url_same_origin(h->url, h->http->endpoint);
    pb_status status = set_up(h, error);
    if (!status && !drive(h->http, &result))
        status = fetch_fail_stopped(error);
    if (!status) {
        curl_easy_getinfo(h->http->easy, CURLINFO_RESPONSE_CODE, &h->reply->status);
        h->http->reached |= h->reply->status > 0;
        if (result != CURLE_OK && !h->enough)
            status = fail_transfer(h, result, error);
    }
    curl_easy_reset(h->http->easy); /* it must not keep what ends here */
    curl_slist_free_all(h->headers);
    return status;
}

/* ---- a request ---- */

static bool is_redirect(const fetch_reply *reply)
{
    switch (reply->status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308: return reply->location != NULL;
    default: return false;
    }
}

static pb_status follow(fetch_http *http, const fetch_request *request, CURLU *url,
                        fetch_reply *reply, pb_error **error)
{
    for (int hops = 0; hops < MOST_HOPS; hops++) {
        hop h = {.http = http, .request = request, .reply = reply, .url = url};
        pb_status status = make_hop(&h, error);
        if (status || !is_redirect(reply))
            return status;
        CURLU *next = curl_url_dup(url);
        if (!next)
            return pb_fail_memory(error);
        status = fetch_url_follow(next, reply->location, error);
        bool stays = !status && fetch_url_same_origin(next, http->endpoint);
        curl_url_cleanup(next);
        if (status || (request->head && !stays && reply->commit))
            return status;
        status = fetch_url_follow(url, reply->location, error);
        if (status)
            return status;
    }
    return pb_fail(error, PB_IO, "%s sent the download on more than %d times", http->origin,
                   MOST_HOPS - 1);
}

pb_status fetch_http_perform(fetch_http *http, const fetch_request *request, fetch_reply *reply,
                             pb_error **error)
{
    CURLU *url = NULL;
    *reply = (fetch_reply){.status = 0};
    pb_status status = fetch_url_parse(request->url, &url, error);
    if (!status)
        status = follow(http, request, url, reply, error);
    curl_url_cleanup(url);
    return status;
}

/* ---- opening ---- */

pb_status fetch_http_open(const pb_fetch_options *options, const pb_fetch_listener *listener,
                          fetch_http **http, pb_error **error)
{
    fetch_http *opened = pb_calloc(1, sizeof *opened);
    if (!opened)
        return pb_fail_memory(error);
    opened->options = options;
    opened->listener = listener;
    opened->global = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    pb_status status = opened->global ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = fetch_url_parse(options->endpoint, &opened->endpoint, error);
    if (!status) {
        opened->origin = fetch_url_origin(opened->endpoint);
        opened->multi = curl_multi_init();
        opened->easy = curl_easy_init();
        if (!opened->origin || !opened->multi || !opened->easy)
            status = pb_fail_memory(error);
    }
    if (status)
        fetch_http_close(&opened);
    *http = opened;
    return status;
}

void fetch_http_close(fetch_http **http)
{
    fetch_http *closed = *http;
    if (!closed)
        return;
    curl_easy_cleanup(closed->easy);
    if (closed->multi)
        curl_multi_cleanup(closed->multi);
    curl_url_cleanup(closed->endpoint);
    if (closed->global)
        curl_global_cleanup();
    free(closed->origin);
    free(closed);
    *http = NULL;
}

const pb_fetch_options *fetch_http_options(const fetch_http *http)
{
    return http->options;
}

const pb_fetch_listener *fetch_http_listener(const fetch_http *http)
{
    return http->listener;
}

const char *fetch_http_origin(const fetch_http *http)
{
    return http->origin;
}
