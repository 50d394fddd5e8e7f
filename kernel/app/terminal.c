/* A cell's way to the outside when that is a terminal. */
#include "terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "command.h"

#define ERASE "\r\x1b[K" /* to the line's beginning, and nothing on it */

pb_status pb_terminal_open(pb_terminal *terminal, pb_error **error)
{
    *terminal = (pb_terminal){.input = PB_BUFFER_EMPTY};
    return pb_interrupts_start(&terminal->interrupts, error);
}

void pb_terminal_close(pb_terminal *terminal)
{
    pb_interrupts_stop(&terminal->interrupts);
    pb_buffer_free(&terminal->input);
}

/* ---- output ---- */

/* Ends a line of progress, so that what follows begins on a line of its own. */
static void end_progress(pb_terminal *terminal)
{
    if (terminal->progress)
        fputs(terminal->passing ? ERASE : "\n", stderr);
    terminal->progress = false;
}

static void host_text(void *user, int fd, const char *text, size_t length)
{
    end_progress(user);
    fwrite(text, 1, length, fd == 2 ? stderr : stdout);
}

static void host_resume(void *user)
{
    pb_interrupts_reset(((pb_terminal *)user)->interrupts);
}

static void print_bundle(pb_terminal *terminal, const pb_bundle *bundle)
{
    const char *text = pb_bundle_find(bundle, "text/plain");
    end_progress(terminal);
    if (!text)
        return;
    size_t length = strlen(text);
    fwrite(text, 1, length, stdout);
    if (length == 0 || text[length - 1] != '\n')
        fputc('\n', stdout);
}

/* An update is shown on a line that is written again and again, and only to a person. */
static void print_update(pb_terminal *terminal, const pb_bundle *bundle)
{
    const char *text = pb_bundle_find(bundle, "text/plain");
    if (!text || !isatty(STDERR_FILENO))
        return;
    fprintf(stderr, ERASE "%.*s", (int)strcspn(text, "\n"), text);
    fflush(stderr);
    terminal->progress = true;
    terminal->passing = false;
}

/* How far a cell is; shown to a person alone. */
static void host_progress(void *user, const char *line)
{
    pb_terminal *terminal = user;
    if (!line)
        end_progress(terminal);
    if (!line || !isatty(STDERR_FILENO))
        return;
    fflush(stdout);
    fprintf(stderr, ERASE "%s", line);
    fflush(stderr);
    terminal->progress = terminal->passing = true;
}

static void host_show(void *user, const pb_bundle *bundle, const char *display_id, bool update)
{
    (void)display_id;
    if (update)
        print_update(user, bundle);
    else
        print_bundle(user, bundle);
}

/* What was printed stays: a terminal keeps a record. */
static void host_clear(void *user, bool wait)
{
    (void)wait;
    end_progress(user);
}

static void host_page(void *user, const pb_bundle *bundle)
{
    print_bundle(user, bundle);
}

/* ---- input ---- */

/* Waits for input or an interrupt. */
static pb_status wait_for_input(pb_terminal *terminal, pb_error **error)
{
    struct pollfd events[] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = pb_interrupts_descriptor(terminal->interrupts), .events = POLLIN},
    };
    while (poll(events, 2, -1) < 0) {
        if (errno != EINTR)
            return pb_fail_errno(error, errno, "standard input cannot be read");
    }
    return events[1].revents ? pb_fail(error, PB_INTERRUPTED, "the input was interrupted") : PB_OK;
}

static pb_status read_more(pb_terminal *terminal, pb_error **error)
{
    char piece[4096];
    pb_status status = wait_for_input(terminal, error);
    if (status)
        return status;
    ssize_t got = read(STDIN_FILENO, piece, sizeof piece);
    if (got < 0 && errno != EINTR)
        return pb_fail_errno(error, errno, "standard input cannot be read");
    terminal->ended = got == 0;
    if (got > 0)
        pb_buffer_append(&terminal->input, piece, (size_t)got);
    return pb_buffer_status(&terminal->input, error);
}

/* Moves the first line out of what was read. */
static void take_line(pb_buffer *input, size_t length, pb_buffer *line)
{
    size_t used = length < input->length ? length + 1 : length; /* with the newline, if any */
    pb_buffer_append(line, input->data, length);
    memmove(input->data, input->data + used, input->length - used);
    input->length -= used;
}

static pb_status read_line(pb_terminal *terminal, pb_buffer *line, pb_error **error)
{
    pb_buffer *input = &terminal->input;
    size_t searched = 0;
    for (;;) {
        const char *newline = input->length > searched
                                  ? memchr(input->data + searched, '\n', input->length - searched)
                                  : NULL;
        if (newline || (terminal->ended && input->length > 0)) {
            take_line(input, newline ? (size_t)(newline - input->data) : input->length, line);
            return pb_buffer_status(line, error);
        }
        if (terminal->ended)
            return pb_fail(error, PB_IO, "standard input has no more lines");
        searched = input->length;
        pb_status status = read_more(terminal, error);
        if (status)
            return status;
    }
}

pb_status pb_terminal_read(pb_terminal *terminal, const char *prompt, bool secret, pb_buffer *line,
                           pb_error **error)
{
    struct termios before;
    bool hide = secret && tcgetattr(STDIN_FILENO, &before) == 0;
    if (hide) {
        struct termios hidden = before;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    }
    end_progress(terminal);
    fputs(prompt, stdout);
    fflush(stdout);
    pb_status status = read_line(terminal, line, error);
    if (hide) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stdout);
    }
    return status;
}

static pb_status host_ask(void *user, const char *prompt, bool secret, pb_buffer *line,
                          pb_error **error)
{
    return pb_terminal_read(user, prompt, secret, line, error);
}

/* ---- cells ---- */

pb_host pb_terminal_host(pb_terminal *terminal)
{
    return (pb_host){
        .user = terminal,
        .stop = pb_interrupts_flag(terminal->interrupts),
        .resume = host_resume,
        .text = host_text,
        .show = host_show,
        .clear = host_clear,
        .progress = host_progress,
        .page = host_page,
        .ask = host_ask,
    };
}

static void print_error(const pb_error *error)
{
    char *rendered = pb_error_render(error);
    fflush(stdout);
    fputs(rendered ? rendered : pb_error_text(error), stderr);
    free(rendered);
}

int pb_terminal_run(pb_terminal *terminal, pb_session *session, const char *name, const char *code,
                    size_t length)
{
    const pb_host host = pb_terminal_host(terminal);
    pb_bundle *last = NULL;
    pb_error *error = NULL;
    pb_status status = pb_session_run(session, name, code, length, &host, &last, &error);
    if (last)
        print_bundle(terminal, last);
    end_progress(terminal);
    if (status)
        print_error(error);
    fflush(stdout);
    pb_bundle_destroy(&last);
    pb_error_destroy(&error);
    if (!status)
        return PB_EXIT_OK;
    return status == PB_INTERRUPTED ? PB_EXIT_INTERRUPTED : PB_EXIT_FAILED;
}
