/* Lines typed at a terminal: libedit, asked for what it does and told what to complete. */
#include "editor.h"

#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "history/history.h"
#include "locations.h"

enum { RECALLED = 1000, LISTED = 200 }; /* cells of earlier sessions; completions shown at once */

struct pb_editor {
    EditLine *lines;
    History *recent; /* what the arrows go through */
    pb_history *history;
    pb_session *session;
    pb_interrupts *interrupts;
    const char *prompt;      /* of the line being read */
    const pb_buffer *before; /* the lines of its cell that stand above it */
    bool interrupted;
};

static pb_editor *editor_of(EditLine *lines)
{
    void *editor = NULL;
    el_get(lines, EL_CLIENTDATA, &editor);
    return editor;
}

/* ---- keys ---- */

static char *show_prompt(EditLine *lines)
{
    return (char *)editor_of(lines)->prompt;
}

/* Waits for a key or an interrupt; a byte of the key, or -1. */
static int next_byte(pb_editor *editor)
{
    struct pollfd events[] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = pb_interrupts_descriptor(editor->interrupts), .events = POLLIN},
    };
    for (;;) {
        if (poll(events, 2, -1) < 0 && errno != EINTR)
            return -1;
        editor->interrupted = events[1].revents != 0;
        if (editor->interrupted)
            return -1;
        unsigned char byte;
        ssize_t got = events[0].revents ? read(STDIN_FILENO, &byte, 1) : -1;
        if (got == 0 || (got < 0 && events[0].revents && errno != EINTR))
            return -1;
        if (got == 1)
            return byte;
    }
}

/* How many bytes follow the first one of a code point. */
static int bytes_after(int first)
{
    return first < 0xC0 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
}

/* What libedit asks for: 1 and a code point, or -1. */
static int next_key(EditLine *lines, wchar_t *key)
{
    pb_editor *editor = editor_of(lines);
    char bytes[4];
    int length = 0, byte = next_byte(editor);
    for (int left = byte >= 0 ? bytes_after(byte) : 0; byte >= 0; left--) {
        bytes[length++] = (char)byte;
        if (left == 0)
            break;
        byte = next_byte(editor);
    }
    if (byte < 0)
        return -1;
    size_t at = 0;
    uint32_t code_point = pb_utf8_next(bytes, (size_t)length, &at);
    *key = code_point == PB_UTF8_INVALID ? L'\uFFFD' : (wchar_t)code_point;
    return 1;
}

/* ---- completion ---- */

static size_t terminal_width(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* In columns, one after another as a line is read. */
static void list_matches(const pb_matches *matches)
{
    size_t count = matches->count < LISTED ? matches->count : LISTED, widest = 0;
    for (size_t i = 0; i < count; i++) {
        size_t width = pb_utf8_width(matches->items[i].text, strlen(matches->items[i].text));
        widest = width > widest ? width : widest;
    }
    size_t columns = terminal_width() / (widest + 2);
    for (size_t i = 0; i < count; i++) {
        const char *text = matches->items[i].text;
        bool last = columns == 0 || (i + 1) % columns == 0 || i + 1 == count;
        size_t padding = last ? 0 : widest + 2 - pb_utf8_width(text, strlen(text));
        printf("%s%s%*s%s", i == 0 ? "\n" : "", text, (int)padding, "", last ? "\n" : "");
    }
    if (count < matches->count)
        printf("and %zu more\n", matches->count - count);
    fflush(stdout);
}

/* The bytes that all matches begin with; whole code points. */
static size_t shared_beginning(const pb_matches *matches)
{
    const char *first = matches->items[0].text;
    size_t shared = strlen(first);
    for (size_t i = 1; i < matches->count; i++) {
        size_t same = 0;
        while (same < shared && first[same] == matches->items[i].text[same])
            same++;
        shared = same;
    }
    return pb_utf8_valid_prefix(first, shared);
}

/* Puts text in the place of the bytes from start to end of the line. */
static bool replace(EditLine *lines, size_t start, size_t end, const char *text, size_t length)
{
    const LineInfo *info = el_line(lines);
    const char *cursor = info->cursor, *from = info->buffer + start, *to = info->buffer + end;
    int forward = to > cursor ? (int)pb_utf8_count(cursor, (size_t)(to - cursor)) : 0;
    int removed = (int)pb_utf8_count(from, (size_t)(to - from));
    char *copy = strndup(text, length);
    if (!copy)
        return false;
    el_cursor(lines, forward);
    el_deletestr(lines, removed);
    bool inserted = el_insertstr(lines, copy) == 0;
    free(copy);
    return inserted;
}

static unsigned char use_matches(EditLine *lines, size_t above, const pb_matches *matches)
{
    const LineInfo *info = el_line(lines);
    size_t typed = (size_t)(info->cursor - info->buffer);
    if (matches->count == 0 || matches->start < above || matches->start - above > typed ||
        matches->end < above + typed)
        return CC_ERROR;
    size_t start = matches->start - above, end = matches->end - above;
    const char *first = matches->items[0].text;
    size_t shared = shared_beginning(matches);
    bool grows = shared > typed - start && strncmp(first, info->buffer + start, typed - start) == 0;
    if (matches->count > 1 && !grows) {
        list_matches(matches);
        return CC_REDISPLAY;
    }
    if (matches->count > 1)
        end = typed; /* what stands behind the cursor stays */
    return replace(lines, start, end, first, shared) ? CC_REFRESH : CC_ERROR;
}

/* At the beginning of a line the key indents; elsewhere it completes. */
static unsigned char complete(EditLine *lines, int key)
{
    (void)key;
    pb_editor *editor = editor_of(lines);
    const LineInfo *info = el_line(lines);
    size_t typed = (size_t)(info->cursor - info->buffer);
    if (strspn(info->buffer, " ") >= typed)
        return el_insertstr(lines, "    ") == 0 ? CC_REFRESH : CC_ERROR;
    pb_buffer code = PB_BUFFER_EMPTY;
    pb_buffer_append(&code, editor->before->data ? editor->before->data : "",
                     editor->before->length);
    if (code.length > 0)
        pb_buffer_byte(&code, '\n');
    size_t above = code.length;
    pb_buffer_append(&code, info->buffer, (size_t)(info->lastchar - info->buffer));
    pb_matches *matches = NULL;
    unsigned char done = CC_ERROR;
    if (!pb_buffer_status(&code, NULL) &&
        !pb_session_complete(editor->session, code.data, code.length, above + typed, &matches,
                             NULL))
        done = use_matches(lines, above, matches);
    pb_matches_destroy(&matches);
    pb_buffer_free(&code);
    return done;
}

/* ---- what was typed before ---- */

/* Lines with NULs cannot be typed, and are left out. */
static void recall(pb_editor *editor, const char *source, size_t length)
{
    HistEvent event;
    if (length > 0 && strlen(source) == length)
        history(editor->recent, &event, H_ENTER, source);
}

static pb_status open_history(pb_editor *editor, const pb_log *log, pb_error **error)
{
    HistEvent event;
    char *path = pb_history_default_path();
    pb_status status = pb_history_open(path, log, &editor->history, error);
    free(path);
    if (status)
        return status;
    history(editor->recent, &event, H_SETSIZE, 2 * RECALLED);
    history(editor->recent, &event, H_SETUNIQUE, 1);
    pb_history_list *list = NULL;
    status = pb_history_tail(editor->history, RECALLED, true, &list, error);
    for (size_t i = 0; !status && i < list->count; i++)
        recall(editor, list->cells[i].source, list->cells[i].source_length);
    pb_history_list_destroy(&list);
    return status;
}

void pb_editor_keep(pb_editor *editor, long number, const pb_buffer *cell)
{
    recall(editor, cell->data, cell->length);
    pb_history_add(editor->history, number, cell->data, cell->length, NULL, 0);
}

/* ---- an editor ---- */

bool pb_editor_fits(void)
{
    const char *kind = pb_setting("TERM");
    return kind && strcmp(kind, "dumb") != 0 && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

/* libedit asks the locale what bytes mean, and what is typed here is UTF-8 in any case. */
static void speak_utf8(void)
{
    if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

static void set_up(pb_editor *editor)
{
    EditLine *lines = editor->lines;
    el_set(lines, EL_CLIENTDATA, editor);
    el_set(lines, EL_PROMPT, show_prompt);
    el_set(lines, EL_GETCFN, next_key);
    el_set(lines, EL_SIGNAL, 1);
    el_set(lines, EL_HIST, history, editor->recent);
    el_set(lines, EL_EDITOR, "emacs");
    el_wset(lines, EL_ADDFN, L"pb-complete", L"Completes the word at the cursor", complete);
    el_set(lines, EL_BIND, "^I", "pb-complete", NULL);
    el_set(lines, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_set(lines, EL_BIND, "\\e[1;5C", "em-next-word", NULL); /* Ctrl and the arrows */
    el_set(lines, EL_BIND, "\\e[1;5D", "ed-prev-word", NULL);
    el_set(lines, EL_BIND, "\\e[3~", "ed-delete-next-char", NULL);
    /* Return is a newline already while a line is edited: what was typed ahead may answer ask(). */
    el_set(lines, EL_SETTY, "-d", "-inlcr", "+icrnl", NULL);
    el_source(lines, NULL);
}

pb_status pb_editor_open(pb_session *session, pb_interrupts *interrupts, const pb_log *log,
                         pb_editor **editor, pb_error **error)
{
    pb_editor *made = pb_calloc(1, sizeof *made);
    *editor = made;
    if (!made)
        return pb_fail_memory(error);
    made->session = session;
    made->interrupts = interrupts;
    made->prompt = "";
    speak_utf8();
    made->recent = history_init();
    made->lines = made->recent ? el_init("patchbay", stdin, stdout, stderr) : NULL;
    pb_status status = made->lines ? open_history(made, log, error) : pb_fail_memory(error);
    if (status)
        pb_editor_close(editor);
    else
        set_up(made);
    return status;
}

void pb_editor_close(pb_editor **editor)
{
    pb_editor *old = *editor;
    *editor = NULL;
    if (!old)
        return;
    if (old->lines)
        el_end(old->lines);
    if (old->recent)
        history_end(old->recent);
    pb_history_close(&old->history);
    free(old);
}

pb_status pb_editor_read(pb_editor *editor, const char *prompt, const pb_buffer *before,
                         pb_buffer *line, pb_error **error)
{
    editor->prompt = prompt;
    editor->before = before;
    editor->interrupted = false;
    int length = 0;
    el_set(editor->lines, EL_PREP_TERM, 1); /* before the prompt, which says that keys are heeded */
    const char *typed = el_gets(editor->lines, &length);
    if (editor->interrupted)
        return pb_fail(error, PB_INTERRUPTED, "the input was interrupted");
    if (!typed || length <= 0) {
        fputc('\n', stdout);
        return pb_fail(error, PB_IO, "standard input has no more lines");
    }
    size_t bytes = strlen(typed);
    while (bytes > 0 && (typed[bytes - 1] == '\n' || typed[bytes - 1] == '\r'))
        bytes--;
    pb_buffer_append(line, typed, bytes);
    return pb_buffer_status(line, error);
}
