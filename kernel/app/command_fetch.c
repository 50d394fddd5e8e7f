/* patchbay fetch: a model's files from the Hugging Face hub. What is done is fetch/'s; this says
 * how it goes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "fetch/fetch.h"
#include "fetch_settings.h"
#include "interrupts.h"
#include "io/locate.h"

#define CLEAR_LINE "\r\x1b[K"

/* How often progress is shown: to a person, and in a log. */
static const double redraw_seconds = 0.1, log_seconds = 10;

/* What is said on stderr. */
typedef struct reporter {
    bool terminal;
    bool line;    /* a line of progress stands there, without its newline */
    bool fetched; /* anything at all */
    uint64_t from;
    double begun, shown; /* seconds */
} reporter;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- progress ---- */

static void end_line(reporter *r)
{
    if (r->line)
        fputs(CLEAR_LINE, stderr);
    r->line = false;
}

static void begin_file(reporter *r, const pb_fetch_news *news)
{
    char done[PB_FETCH_SIZE], total[PB_FETCH_SIZE];
    r->fetched = true;
    r->from = news->done;
    r->begun = r->shown = now();
    pb_fetch_size(news->done, done);
    pb_fetch_size(news->total, total);
    if (news->done > 0)
        fprintf(stderr, "%s: going on after %s of %s\n", news->file, done, total);
    else if (!r->terminal)
        fprintf(stderr, "%s: %s to fetch\n", news->file, total);
}

/* ", 11.2 MB/s, 38 s left", once there is enough to judge by. */
static void print_speed(const reporter *r, const pb_fetch_news *news)
{
    char speed[PB_FETCH_SIZE];
    double seconds = now() - r->begun;
    if (seconds < 1 || news->done <= r->from)
        return;
    double rate = (double)(news->done - r->from) / seconds;
    double left = (double)(news->total - news->done) / rate;
    fprintf(stderr, ", %s/s", pb_fetch_size((uint64_t)rate, speed));
    if (left < 100)
        fprintf(stderr, ", %.0f s left", left);
    else if (left < 100 * 60)
        fprintf(stderr, ", %.0f min left", left / 60);
}

static void print_progress(reporter *r, const pb_fetch_news *news)
{
    char done[PB_FETCH_SIZE], total[PB_FETCH_SIZE];
    double time = now();
    if (news->total == 0 || time - r->shown < (r->terminal ? redraw_seconds : log_seconds))
        return;
    r->shown = time;
    r->line = r->terminal;
    double percent = 100.0 * (double)news->done / (double)news->total;
    if (r->terminal)
        fputs(CLEAR_LINE, stderr);
    if (news->event == PB_FETCH_CHECKING) {
        fprintf(stderr, "%s: checking, %.0f%%", news->file, percent);
    } else {
        fprintf(stderr, "%s: %s of %s, %.0f%%", news->file, pb_fetch_size(news->done, done),
                pb_fetch_size(news->total, total), percent);
        print_speed(r, news);
    }
    if (!r->terminal)
        fputc('\n', stderr);
    fflush(stderr);
}

static void tell(void *user, const pb_fetch_news *news)
{
    reporter *r = user;
    char size[PB_FETCH_SIZE];
    if (news->event == PB_FETCH_MOVED || news->event == PB_FETCH_CHECKING) {
        print_progress(r, news);
        return;
    }
    end_line(r);
    switch (news->event) {
    case PB_FETCH_HERE:
        fprintf(stderr, "%s: already here, %s\n", news->file, pb_fetch_size(news->total, size));
        break;
    case PB_FETCH_BEGUN: begin_file(r, news); break;
    case PB_FETCH_DONE:
        fprintf(stderr, "%s: fetched and checked, %s\n", news->file,
                pb_fetch_size(news->total, size));
        break;
    case PB_FETCH_RETRY:
        fprintf(stderr, "%s: %s; trying again in %.1f s\n", news->file, news->reason,
                (double)news->done / 1000);
        break;
    case PB_FETCH_WAITING:
        fprintf(stderr, "%s: another process is fetching it; waiting\n", news->file);
        break;
    default: break;
    }
}

/* ---- the command ---- */

static bool read_arguments(int count, char **arguments, const char **name,
                           pb_fetch_options *options)
{
    *name = NULL;
    for (int i = 0; i < count; i++) {
        long tries;
        if (strcmp(arguments[i], "--tries") == 0 && i + 1 < count) {
            if (!pb_read_number(arguments[++i], 1000, &tries))
                return false;
            options->tries = (unsigned)tries;
        } else if (arguments[i][0] != '-' && arguments[i][0] && !*name) {
            *name = arguments[i];
        } else {
            return false;
        }
    }
    return *name != NULL;
}

/* A copy from another day works without the network that is missing now. */
static void mention_copy(const char *name, const pb_locate_paths *paths)
{
    char *folder = NULL;
    if (!pb_locate(name, paths, &folder, NULL))
        fprintf(stderr, "The copy that is here still loads: load(\"%s\"), from %s\n", name, folder);
    free(folder);
}

static int fetch(const char *name, const pb_fetch_options *options, const pb_locate_paths *paths)
{
    reporter r = {.terminal = isatty(STDERR_FILENO)};
    pb_interrupts *interrupts = NULL;
    pb_error *error = NULL;
    char *folder = NULL;
    pb_status status = pb_interrupts_start(&interrupts, &error);
    if (!status) {
        const pb_fetch_listener listener = {
            .user = &r, .stop = pb_interrupts_flag(interrupts), .tell = tell};
        status = pb_fetch(name, options, &listener, &folder, &error);
    }
    pb_interrupts_stop(&interrupts);
    end_line(&r);
    int code = !status                    ? PB_EXIT_OK
               : status == PB_INTERRUPTED ? PB_EXIT_INTERRUPTED
                                          : PB_EXIT_FAILED;
    if (!status)
        printf("%s %s: %s\n", name, r.fetched ? "is here now" : "was here already", folder);
    else
        pb_report(&error);
    if (status == PB_IO)
        mention_copy(name, paths);
    free(folder);
    return code;
}

int pb_command_fetch(const pb_command *command, const pb_log *log, int count, char **arguments)
{
    (void)log;
    const char *name;
    pb_fetch_options options = pb_fetch_defaults();
    pb_fetch_settings settings;
    pb_error *error = NULL;
    if (!read_arguments(count, arguments, &name, &options))
        return pb_usage(command, count, arguments);
    int code;
    if (!pb_fetch_settings_read(&settings, &options, &error)) {
        code = fetch(name, &options, &settings.paths);
    } else {
        code = pb_report(&error);
        mention_copy(name, &settings.paths);
    }
    pb_fetch_settings_free(&settings);
    return code;
}
