/*
 * A test double of the language: a session whose cells are plain commands, one a line, so that
 * tests of the protocol say exactly what happens. A `=` makes a value, everything else acts at
 * once:
 *
 *     print TEXT, warn TEXT     a line on stdout or stderr
 *     bytes HEX                 these bytes on stdout, as one piece
 *     lines N                   N numbered lines
 *     sleep SECONDS             waits, and can be interrupted
 *     stubborn SECONDS          waits, and cannot
 *     show ID TEXT, update ID TEXT    a display; an ID of - is none
 *     shows N SIZE              N displays of so many bytes
 *     clear, clear wait         clears the output
 *     at TEXT, at               a line of progress; without a text it goes
 *     page TEXT, next TEXT      payloads
 *     ask PROMPT, secret PROMPT prints the line that comes
 *     error TEXT                fails
 *     html TEXT                 shows text/html and a JSON form
 *     = TEXT                    the cell's value
 *     # TEXT                    nothing
 *
 * Inspecting `stubborn SECONDS` takes so long, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "session/session.h"

struct pb_session {
    const pb_log *log;
};

typedef struct {
    const pb_host *host;
    pb_bundle **value;
    pb_error **error;
} cell;

typedef struct {
    const char *name;
    pb_status (*act)(cell *, const char *rest);
} command;

static pb_bundle *bundle(const char *mime, const char *text)
{
    pb_bundle *made = pb_bundle_create();
    if (made && pb_bundle_add(made, mime, text, NULL))
        pb_bundle_destroy(&made);
    return made;
}

static bool stopped(const cell *c)
{
    return c->host->stop && atomic_load(c->host->stop);
}

static void say(const cell *c, int fd, const char *text)
{
    c->host->text(c->host->user, fd, text, strlen(text));
    c->host->text(c->host->user, fd, "\n", 1);
}

static pb_status act_print(cell *c, const char *rest)
{
    say(c, 1, rest);
    return PB_OK;
}

static pb_status act_warn(cell *c, const char *rest)
{
    say(c, 2, rest);
    return PB_OK;
}

static pb_status act_bytes(cell *c, const char *rest)
{
    char bytes[512];
    size_t count = 0;
    unsigned value;
    for (; count < sizeof bytes && sscanf(rest, "%2x", &value) == 1; rest += 2)
        bytes[count++] = (char)value;
    c->host->text(c->host->user, 1, bytes, count);
    return PB_OK;
}

static pb_status act_lines(cell *c, const char *rest)
{
    long count = strtol(rest, NULL, 10);
    for (long i = 0; i < count; i++) {
        if (stopped(c))
            return pb_fail(c->error, PB_INTERRUPTED, "stopped at line %ld", i);
        char line[32];
        c->host->text(c->host->user, 1, line, (size_t)snprintf(line, sizeof line, "%ld\n", i));
    }
    return PB_OK;
}

/* `c` is NULL where there is no cell to be interrupted. */
static pb_status wait_for(cell *c, double seconds)
{
    const struct timespec step = {0, 5000000};
    struct timespec begun, now;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    do {
        if (c && stopped(c))
            return pb_fail(c->error, PB_INTERRUPTED, "stopped while asleep");
        nanosleep(&step, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((double)(now.tv_sec - begun.tv_sec) + 1e-9 * (double)(now.tv_nsec - begun.tv_nsec) <
             seconds);
    return PB_OK;
}

static pb_status act_sleep(cell *c, const char *rest)
{
    return wait_for(c, strtod(rest, NULL));
}

static pb_status act_stubborn(cell *c, const char *rest)
{
    (void)c;
    return wait_for(NULL, strtod(rest, NULL));
}

static pb_status display(cell *c, const char *rest, bool update)
{
    char id[32] = "";
    int used = 0;
    if (sscanf(rest, "%31s %n", id, &used) != 1)
        return pb_fail(c->error, PB_SYNTAX, "a display needs an id");
    pb_bundle *shown = bundle("text/plain", rest + used);
    if (!shown)
        return pb_fail_memory(c->error);
    c->host->show(c->host->user, shown, strcmp(id, "-") == 0 ? NULL : id, update);
    pb_bundle_destroy(&shown);
    return PB_OK;
}

static pb_status act_show(cell *c, const char *rest)
{
    return display(c, rest, false);
}

static pb_status act_update(cell *c, const char *rest)
{
    return display(c, rest, true);
}

static pb_status act_shows(cell *c, const char *rest)
{
    char *after;
    long count = strtol(rest, &after, 10), size = strtol(after, NULL, 10);
    char *text = pb_malloc((size_t)size + 1, 1);
    if (!text)
        return pb_fail_memory(c->error);
    memset(text, 'x', (size_t)size);
    text[size] = '\0';
    pb_bundle *shown = bundle("text/plain", text);
    for (long i = 0; shown && i < count && !stopped(c); i++)
        c->host->show(c->host->user, shown, NULL, false);
    bool made = shown != NULL;
    pb_bundle_destroy(&shown);
    free(text);
    return made ? PB_OK : pb_fail_memory(c->error);
}

static pb_status act_html(cell *c, const char *rest)
{
    pb_bundle *shown = bundle("text/html", rest);
    if (!shown ||
        pb_bundle_give(shown, "application/json", strdup("{\"a\": [1, 2]}"), true, c->error)) {
        pb_bundle_destroy(&shown);
        return pb_fail_memory(c->error);
    }
    pb_status status = pb_bundle_set_metadata(shown, "{\"isolated\": true}", c->error);
    c->host->show(c->host->user, shown, NULL, false);
    pb_bundle_destroy(&shown);
    return status;
}

static pb_status act_clear(cell *c, const char *rest)
{
    c->host->clear(c->host->user, strcmp(rest, "wait") == 0);
    return PB_OK;
}

static pb_status act_at(cell *c, const char *rest)
{
    c->host->progress(c->host->user, *rest ? rest : NULL);
    return PB_OK;
}

static pb_status act_page(cell *c, const char *rest)
{
    pb_bundle *shown = bundle("text/plain", rest);
    if (!shown)
        return pb_fail_memory(c->error);
    c->host->page(c->host->user, shown);
    pb_bundle_destroy(&shown);
    return PB_OK;
}

static pb_status act_next(cell *c, const char *rest)
{
    c->host->next_input(c->host->user, rest, false);
    return PB_OK;
}

static pb_status question(cell *c, const char *prompt, bool secret)
{
    pb_buffer line = PB_BUFFER_EMPTY;
    pb_status status = c->host->ask(c->host->user, prompt, secret, &line, c->error);
    pb_buffer_byte(&line, '\n');
    if (!status)
        c->host->text(c->host->user, 1, line.data, line.length);
    pb_buffer_free(&line);
    return status;
}

static pb_status act_ask(cell *c, const char *rest)
{
    return question(c, rest, false);
}

static pb_status act_secret(cell *c, const char *rest)
{
    return question(c, rest, true);
}

static pb_status act_error(cell *c, const char *rest)
{
    return pb_fail(c->error, PB_VALUE, "%s", rest);
}

static pb_status act_value(cell *c, const char *rest)
{
    pb_bundle_destroy(c->value);
    *c->value = bundle("text/plain", rest);
    return *c->value ? PB_OK : pb_fail_memory(c->error);
}

static pb_status act_nothing(cell *c, const char *rest)
{
    (void)c;
    (void)rest;
    return PB_OK;
}

static const command commands[] = {
    {"print", act_print}, {"warn", act_warn},         {"bytes", act_bytes}, {"lines", act_lines},
    {"sleep", act_sleep}, {"stubborn", act_stubborn}, {"show", act_show},   {"update", act_update},
    {"clear", act_clear}, {"shows", act_shows},       {"page", act_page},   {"next", act_next},
    {"ask", act_ask},     {"secret", act_secret},     {"error", act_error}, {"html", act_html},
    {"=", act_value},     {"#", act_nothing},         {"at", act_at},
};

static pb_status run_line(cell *c, char *line)
{
    char *rest = line + strcspn(line, " ");
    if (*rest)
        *rest++ = '\0';
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, line) == 0)
            return commands[i].act(c, rest);
    return pb_fail(c->error, PB_NAME, "there is no command '%s'", line);
}

pb_status pb_session_run(pb_session *session, const char *name, const char *code, size_t length,
                         const pb_host *host, pb_bundle **last, pb_error **error)
{
    (void)session;
    (void)name;
    *last = NULL;
    cell c = {host, last, error};
    pb_buffer copy = PB_BUFFER_EMPTY;
    pb_buffer_append(&copy, code, length);
    char *text = pb_buffer_take(&copy);
    if (!text)
        return pb_fail_memory(error);
    pb_status status = PB_OK;
    char *rest = text;
    for (char *line = rest; line && !status; line = rest) {
        rest = strchr(line, '\n');
        if (rest)
            *rest++ = '\0';
        if (*line)
            status = run_line(&c, line);
    }
    free(text);
    if (status)
        pb_bundle_destroy(last);
    return status;
}

void pb_session_tidy(pb_session *session)
{
    (void)session;
}

pb_status pb_session_evaluate(pb_session *session, const char *code, size_t length,
                              const pb_host *host, pb_bundle **value, pb_error **error)
{
    pb_status status = pb_session_run(session, "expression", code, length, host, value, error);
    if (!status && !*value)
        *value = bundle("text/plain", "None");
    return !status && !*value ? pb_fail_memory(error) : status;
}

pb_status pb_session_create(const pb_session_options *options, pb_session **session,
                            pb_error **error)
{
    *session = pb_calloc(1, sizeof **session);
    if (!*session)
        return pb_fail_memory(error);
    (*session)->log = options->log;
    return PB_OK;
}

void pb_session_destroy(pb_session **session)
{
    free(*session);
    *session = NULL;
}

/* ---- questions about code ---- */

static size_t word_start(const char *code, size_t at)
{
    while (at > 0 && code[at - 1] >= 'a' && code[at - 1] <= 'z')
        at--;
    return at;
}

pb_status pb_session_complete(pb_session *session, const char *code, size_t length, size_t at,
                              pb_matches **matches, pb_error **error)
{
    (void)session;
    (void)length;
    size_t start = word_start(code, at), total = sizeof commands / sizeof *commands;
    pb_match *items = pb_calloc(total, sizeof *items);
    *matches = pb_calloc(1, sizeof **matches);
    if (!items || !*matches) {
        free(items);
        free(*matches);
        return pb_fail_memory(error);
    }
    size_t count = 0;
    for (size_t i = 0; i < total; i++)
        if (strncmp(commands[i].name, code + start, at - start) == 0)
            items[count++] = (pb_match){commands[i].name, "function", "(rest)"};
    **matches = (pb_matches){.start = start, .end = at, .count = count, .items = items};
    return PB_OK;
}

void pb_matches_destroy(pb_matches **matches)
{
    if (*matches)
        free((void *)(*matches)->items);
    free(*matches);
    *matches = NULL;
}

pb_status pb_session_inspect(pb_session *session, const char *code, size_t length, size_t at,
                             int detail, pb_bundle **found, pb_error **error)
{
    (void)session;
    *found = NULL;
    double seconds;
    if (sscanf(code, "stubborn %lf", &seconds) == 1)
        wait_for(NULL, seconds);
    size_t start = word_start(code, at), end = at;
    while (end < length && code[end] >= 'a' && code[end] <= 'z')
        end++;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const char *name = commands[i].name;
        if (strlen(name) != end - start || strncmp(name, code + start, end - start) != 0)
            continue;
        *found = bundle("text/plain", detail ? "a command, at length" : "a command");
        return *found ? PB_OK : pb_fail_memory(error);
    }
    return PB_OK;
}

/* A backslash at the end asks for more, a bang can never be right. */
pb_parse pb_session_is_complete(const char *code, size_t length, char **indent)
{
    bool more = length > 0 && code[length - 1] == '\\';
    if (indent)
        *indent = more ? strdup("  ") : NULL;
    if (memchr(code, '!', length))
        return PB_PARSE_INVALID;
    return more ? PB_PARSE_INCOMPLETE : PB_PARSE_COMPLETE;
}

char *pb_session_reference_markdown(pb_session *session)
{
    (void)session;
    return strdup("");
}
