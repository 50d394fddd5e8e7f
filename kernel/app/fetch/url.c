/* Addresses, by libcurl's own parser. */
#include "url.h"

#include <string.h>
#include <strings.h>

#include "base/buffer.h"

/* A part of an address, for curl_free(); NULL where it has none. */
static char *part_of_url(CURLU *url, CURLUPart which)
{
    char *value = NULL;
    return curl_url_get(url, which, &value, CURLU_DEFAULT_PORT) == CURLUE_OK ? value : NULL;
}

static bool has_scheme(CURLU *url, const char *wanted)
{
    char *scheme = part_of_url(url, CURLUPART_SCHEME);
    bool same = scheme && strcasecmp(scheme, wanted) == 0;
    curl_free(scheme);
    return same;
}

static bool is_web(CURLU *url)
{
    return has_scheme(url, "https") || has_scheme(url, "http");
}

pb_status fetch_url_parse(const char *text, CURLU **url, pb_error **error)
{
    CURLU *parsed = curl_url();
    if (!parsed)
        return pb_fail_memory(error);
    if (curl_url_set(parsed, CURLUPART_URL, text, 0) == CURLUE_OK && is_web(parsed)) {
        *url = parsed;
        return PB_OK;
    }
    curl_url_cleanup(parsed);
    return pb_fail(error, PB_VALUE,
                   "'%s' is no address of a hub; one such as https://huggingface.co was expected",
                   text);
}

pb_status fetch_url_follow(CURLU *url, const char *location, pb_error **error)
{
    bool secure = has_scheme(url, "https");
    if (curl_url_set(url, CURLUPART_URL, location, CURLU_URLENCODE) != CURLUE_OK || !is_web(url))
        return pb_fail(error, PB_IO,
                       "the server sent the download on to something that is no "
                       "address of the web");
    if (secure && !has_scheme(url, "https")) {
        pb_status status = pb_fail(error, PB_IO,
                                   "the server sent the download on from https to http, where "
                                   "anyone on the way could change it");
        if (error)
            pb_error_hint(*error, "a proxy or a login page of this network may be in between");
        return status;
    }
    return PB_OK;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart which)
{
    char *one = part_of_url(a, which), *two = part_of_url(b, which);
    bool same = one && two && strcasecmp(one, two) == 0;
    curl_free(one);
    curl_free(two);
    return same;
}

bool fetch_url_same_origin(CURLU *a, CURLU *b)
{
    return same_part(a, b, CURLUPART_SCHEME) && same_part(a, b, CURLUPART_HOST) &&
           same_part(a, b, CURLUPART_PORT);
}

char *fetch_url_origin(CURLU *url)
{
    char *scheme = part_of_url(url, CURLUPART_SCHEME), *host = part_of_url(url, CURLUPART_HOST),
         *port = NULL;
    pb_buffer text = PB_BUFFER_EMPTY;
    (void)curl_url_get(url, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT);
    pb_buffer_format(&text, "%s://%s", scheme ? scheme : "", host ? host : "");
    if (port)
        pb_buffer_format(&text, ":%s", port);
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return pb_buffer_take(&text);
}
