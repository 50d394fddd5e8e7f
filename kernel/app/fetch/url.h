/* Addresses: taken apart by libcurl, which also uses them, so that both read them alike. */
#ifndef PB_FETCH_URL_H
#define PB_FETCH_URL_H

#include <curl/curl.h>
#include <stdbool.h>

#include "base/error.h"

/* An address of the scheme http or https. PB_VALUE for any other; the caller's curl_url_cleanup().
 */
pb_status fetch_url_parse(const char *text, CURLU **url, pb_error **error);

/*
 * Moves *url to where a redirect leads. PB_IO if that is no address, of another scheme, or leads
 * from https to http.
 */
pb_status fetch_url_follow(CURLU *url, const char *location, pb_error **error);

/* Whether scheme, host and port are the same. False also when memory is out. */
bool fetch_url_same_origin(CURLU *a, CURLU *b);

/* "https://host" or "https://host:port" for a message, without a password or a query; malloc'ed,
 * NULL when memory is out. */
char *fetch_url_origin(CURLU *url);

#endif
