/*
 * The hub's ways. A file is asked for with HEAD: X-Repo-Commit says which commit `main` is, and
 * X-Linked-Etag and X-Linked-Size describe a file that is stored elsewhere (large ones, by
 * SHA-256); a small one is described by its own ETag (git's SHA-1) and Content-Length.
 * See https://huggingface.co/docs/huggingface_hub/guides/manage-cache.
 */
#include "hub.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "io/locate.h"

/* ---- names ---- */

static const char *nearest_known(const char *name)
{
    const char **names = pb_malloc(pb_known_model_count(), 2 * sizeof *names);
    if (!names)
        return NULL;
    size_t count = 0;
    for (size_t i = 0; i < pb_known_model_count(); i++) {
        names[count++] = pb_known_model_at(i)->name;
        names[count++] = pb_known_model_at(i)->hub_id;
    }
    const char *slash = strrchr(name, '/');
    const char *nearest = pb_nearest(name, names, count);
    if (!nearest && slash)
        nearest = pb_nearest(slash + 1, names, count);
    free(names);
    return nearest;
}

static bool is_name(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("-_.", text[i]))
            return false;
    return length > 0 && length <= 96 && text[0] != '.' && text[0] != '-';
}

static bool is_id(const char *text)
{
    const char *slash = strchr(text, '/');
    return slash && is_name(text, (size_t)(slash - text)) &&
           is_name(slash + 1, strlen(slash + 1)) && !strstr(text, "--") && !strstr(text, "..");
}

static pb_status fail_name(const char *name, pb_error **error)
{
    pb_status status = pb_fail(error, PB_NAME,
                               "'%s' is no name of a model on the hub; a known one such as gpt2 or "
                               "ORG/NAME was expected",
                               name);
    const char *nearest = nearest_known(name);
    if (error && nearest)
        pb_error_hint(*error, "did you mean %s?", nearest);
    return status;
}

pb_status fetch_hub_id(const char *name, char **id, const char **revision, pb_error **error)
{
    size_t length;
    const char *wanted = pb_locate_revision(name, &length);
    char *bare = strndup(name, length);
    if (!bare)
        return pb_fail_memory(error);
    const pb_known_model *known = pb_known_model_find(bare);
    pb_status status = PB_OK;
    if (!known && !is_id(bare))
        status = fail_name(bare, error);
    else if (wanted && !pb_locate_is_revision(wanted))
        status = pb_fail(error, PB_NAME,
                         "'%s' is no revision; a branch, a tag or a commit was expected after @",
                         wanted);
    else if (known && !(*id = strdup(known->hub_id)))
        status = pb_fail_memory(error);
    else if (!known)
        *id = bare, bare = NULL;
    free(bare);
    *revision = wanted ? wanted : "main";
    return status;
}

char *fetch_hub_url(const pb_fetch_options *options, const char *id, const char *revision,
                    const char *name)
{
    pb_buffer url = PB_BUFFER_EMPTY;
    size_t length = strlen(options->endpoint);
    while (length > 0 && options->endpoint[length - 1] == '/')
        length--;
    pb_buffer_append(&url, options->endpoint, length);
    pb_buffer_format(&url, "/%s/resolve/", id);
    for (const char *c = revision; *c; c++) /* its slashes are none of the path's */
        pb_buffer_text(&url, *c == '/' ? "%2F" : (const char[]){*c, '\0'});
    pb_buffer_format(&url, "/%s", name);
    return pb_buffer_take(&url);
}

/* ---- refusals ---- */

static bool says(const fetch_reply *reply, const char *code)
{
    return reply->error_code && strcmp(reply->error_code, code) == 0;
}

static pb_status fail_unknown(const fetch_http *http, const char *id, pb_error **error)
{
    pb_status status =
        pb_fail(error, PB_NAME, "%s has no model '%s'%s", fetch_http_origin(http), id,
                fetch_http_options(http)->token ? "" : ", or it is a private one");
    const char *nearest = nearest_known(id);
    if (error && nearest && strcmp(nearest, id) != 0)
        pb_error_hint(*error, "did you mean %s?", nearest);
    else if (error)
        pb_error_hint(*error, "check the name on the model's page; a private model wants a token "
                              "in HF_TOKEN, or that `hf auth login` leaves");
    return status;
}

static pb_status fail_forbidden(const fetch_http *http, const char *id, const fetch_reply *reply,
                                pb_error **error)
{
    const char *origin = fetch_http_origin(http);
    const pb_fetch_options *options = fetch_http_options(http);
    bool token = options->token != NULL;
    pb_status status;
    if (says(reply, "GatedRepo")) {
        status =
            pb_fail(error, PB_IO, "'%s' is open only to those who have accepted its terms", id);
        if (error)
            pb_error_hint(*error,
                          "accept them on %s/%s, then put a token of that account into HF_TOKEN",
                          origin, id);
        return status;
    }
    if (token)
        status = pb_fail(error, PB_IO, "%s refuses the token from %s for '%s' (status %ld)", origin,
                         options->token_from, id, reply->status);
    else
        status = pb_fail(error, PB_IO, "%s does not give '%s' to everyone (status %ld)", origin, id,
                         reply->status);
    if (error)
        pb_error_hint(*error,
                      token ? "make a new token on %s/settings/tokens that may read this "
                              "model, and put it into HF_TOKEN"
                            : "make a token on %s/settings/tokens and put it into HF_TOKEN",
                      origin);
    return status;
}

/*
 * How long the server wants to be left alone, in milliseconds: Retry-After as seconds or a date, or
 * the seconds until a new count begins, as the hub says them: RateLimit: "api";r=0;t=55.
 */
static long asked_pause(const fetch_reply *reply)
{
    const char *text = reply->retry_after, *limit = reply->rate_limit;
    const char *until = limit ? strstr(limit, ";t=") : NULL;
    char *end = NULL;
    long seconds = 0;
    if (text) {
        seconds = strtol(text, &end, 10);
        if (end == text || *end != '\0') {
            time_t date = curl_getdate(text, NULL);
            seconds = date > 0 ? (long)(date - time(NULL)) : 0;
        }
    } else if (until) {
        seconds = strtol(until + strlen(";t="), NULL, 10);
    }
    return seconds <= 0 ? 0 : seconds < 3600 ? seconds * 1000 : 3600 * 1000;
}

pb_status fetch_hub_refusal(const fetch_http *http, const char *id, const char *name,
                            const fetch_reply *reply, fetch_outcome *outcome, pb_error **error)
{
    const char *origin = reply->home ? fetch_http_origin(http) : "the store behind the hub";
    long code = reply->status;
    bool stale = !reply->home && code >= 400 && code < 500; /* a link that ran out; ask anew */
    bool token = fetch_http_options(http)->token != NULL;
    outcome->transient = stale || code == 408 || code == 429 || code >= 500;
    outcome->wait_ms = asked_pause(reply);
    if (code == 429)
        return pb_fail(error, PB_IO, "%s asks for a pause: too many downloads (status 429)",
                       origin);
    if (code >= 500)
        return pb_fail(error, PB_IO, "%s has trouble of its own (status %ld)", origin, code);
    if (!reply->home)
        return pb_fail(error, PB_IO, "%s refused '%s' (status %ld)", origin, name, code);
    if (says(reply, "RepoNotFound") ||
        (!reply->error_code && (code == 404 || (code == 401 && !token))))
        return fail_unknown(http, id, error);
    if (code == 401 || code == 403)
        return fail_forbidden(http, id, reply, error);
    return pb_fail(error, PB_IO, "%s answered with status %ld where '%s' was expected", origin,
                   code, name);
}

/* ---- what the hub says of a file ---- */

bool fetch_hub_size(const char *text, uint64_t *size)
{
    char *end = NULL;
    if (!text || !isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *size = value;
    return errno == 0 && *end == '\0' && value <= INT64_MAX;
}

/* Copies a hexadecimal number of one of two lengths out of an ETag: quotes and W/ are left out. */
static bool copy_hex(const char *text, size_t one, size_t other, char *out)
{
    if (!text)
        return false;
    if (strncmp(text, "W/", 2) == 0)
        text += 2;
    text += *text == '"';
    size_t length = strspn(text, "0123456789abcdef");
    bool ended = text[length] == '\0' || strcmp(text + length, "\"") == 0;
    if (!ended || (length != one && length != other))
        return false;
    memcpy(out, text, length);
    out[length] = '\0';
    return true;
}

static bool is_redirect(const fetch_reply *reply)
{
    return reply->status >= 300 && reply->status < 400 && reply->location;
}

static pb_status describe(const fetch_http *http, const fetch_reply *reply, fetch_file *file,
                          char commit[FETCH_COMMIT + 1], pb_error **error)
{
    const char *hash = reply->linked_etag ? reply->linked_etag : reply->etag;
    const char *size = reply->linked_size;
    if (!size && !is_redirect(reply)) /* else that is the length of the redirect itself */
        size = reply->content_length;
    const char *lacks = NULL;
    if (!copy_hex(reply->commit, FETCH_COMMIT, FETCH_COMMIT, commit))
        lacks = "the commit it is from (X-Repo-Commit)";
    else if (!copy_hex(hash, FETCH_SHA1, FETCH_SHA256, file->hash))
        lacks = "its hash (X-Linked-Etag or ETag)";
    else if (!fetch_hub_size(size, &file->size))
        lacks = "its size (X-Linked-Size or Content-Length)";
    if (!lacks)
        return PB_OK;
    pb_status status = pb_fail(error, PB_FORMAT, "%s answers for '%s', but does not say %s",
                               fetch_http_origin(http), file->name, lacks);
    if (error)
        pb_error_hint(*error, "this is not how a Hugging Face hub answers: check HF_ENDPOINT, and "
                              "whether a login page of this network is in between");
    return status;
}

typedef struct question {
    fetch_http *http;
    const char *id, *revision, *url;
    fetch_file *file;
    char *commit;
    bool *missing;
} question;

/* A mirror may leave out X-Error-Code; what has no config.json is no model then. */
static bool lacks_file(const fetch_reply *reply, const char *name)
{
    return reply->status == 404 &&
           (reply->error_code ? says(reply, "EntryNotFound") : strcmp(name, "config.json") != 0);
}

static pb_status ask_once(void *user, fetch_outcome *outcome, pb_error **error)
{
    question *q = user;
    const fetch_request request = {.url = q->url, .head = true};
    fetch_reply reply;
    pb_status status = fetch_http_perform(q->http, &request, &reply, error);
    outcome->transient = reply.transient;
    reply.home = true; /* who describes files is the hub, also behind a mirror */
    if (!status) {
        *q->missing = lacks_file(&reply, q->file->name);
        if (reply.status == 200 || is_redirect(&reply))
            status = describe(q->http, &reply, q->file, q->commit, error);
        else if (says(&reply, "RevisionNotFound"))
            status = pb_fail(error, PB_NAME, "'%s' on %s has no revision '%s'", q->id,
                             fetch_http_origin(q->http), q->revision);
        else if (!*q->missing)
            status = fetch_hub_refusal(q->http, q->id, q->file->name, &reply, outcome, error);
    }
    fetch_reply_free(&reply);
    return status;
}

pb_status fetch_hub_ask(fetch_http *http, const char *id, const char *revision, const char *name,
                        fetch_file *file, char commit[FETCH_COMMIT + 1], bool *missing,
                        pb_error **error)
{
    char *url = fetch_hub_url(fetch_http_options(http), id, revision, name);
    *file = (fetch_file){.name = strdup(name)};
    *missing = false;
    question q = {http, id, revision, url, file, commit, missing};
    pb_status status =
        url && file->name ? fetch_retry(http, name, ask_once, &q, error) : pb_fail_memory(error);
    free(url);
    if (status || *missing) {
        free(file->name);
        file->name = NULL;
    }
    return status;
}
