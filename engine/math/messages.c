/* The sentences of tensor errors: what there is, what was asked for, what was perhaps meant. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "base/visible.h"
#include "tensor_internal.h"

enum { MOST_LISTED = 12 }; /* things listed in one message before the rest is counted */

pb_status pb_fail_with(pb_error **error, pb_status code, pb_buffer *text)
{
    char *line = pb_buffer_take(text);
    if (!line)
        return pb_fail_memory(error);
    pb_status status = pb_fail(error, code, "%s", line);
    free(line);
    return status;
}

void pb_hint_with(pb_error **error, pb_buffer *text)
{
    char *line = pb_buffer_take(text);
    if (line && error)
        pb_error_hint(*error, "%s", line);
    free(line);
}

void pb_hint(pb_error **error, const char *hint, ...)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    va_list arguments;
    va_start(arguments, hint);
    pb_buffer_vformat(&text, hint, arguments);
    va_end(arguments);
    pb_hint_with(error, &text);
}

/* ", " before all but the first. */
static void say_separator(pb_buffer *out, size_t i)
{
    if (i > 0)
        pb_buffer_text(out, ", ");
}

static void say_rest(pb_buffer *out, size_t total)
{
    if (total > MOST_LISTED)
        pb_buffer_format(out, " and %zu more", total - MOST_LISTED);
}

static bool is_unbroken(const pb_axis *axis)
{
    for (size_t i = 1; i < axis->length; i++)
        if (pb_axis_coordinate(axis, i) != pb_axis_coordinate(axis, i - 1) + 1)
            return false;
    return axis->length > 2;
}

void pb_say_coordinates(pb_buffer *out, const pb_axis *axis)
{
    if (axis->length == 0)
        pb_buffer_text(out, "none");
    if (is_unbroken(axis)) {
        pb_buffer_format(out, "%lld to %lld", (long long)pb_axis_coordinate(axis, 0),
                         (long long)pb_axis_coordinate(axis, axis->length - 1));
        return;
    }
    for (size_t i = 0; i < axis->length && i < MOST_LISTED; i++) {
        say_separator(out, i);
        pb_buffer_format(out, "%lld", (long long)pb_axis_coordinate(axis, i));
    }
    say_rest(out, axis->length);
}

void pb_say_axes(pb_buffer *out, const pb_tensor *tensor)
{
    for (size_t i = 0; i < tensor->rank; i++) {
        say_separator(out, i);
        pb_buffer_text(out, tensor->axes[i]->name);
    }
}

/* ---- labels ---- */

static void say_quoted(pb_buffer *out, const char *text)
{
    pb_quoted_text(out, text, strlen(text));
}

static void say_labels(pb_buffer *out, const pb_axis *axis)
{
    for (size_t i = 0; i < axis->length && i < MOST_LISTED; i++) {
        say_separator(out, i);
        say_quoted(out, axis->labels[i]);
    }
    say_rest(out, axis->length);
}

/* Equal but for spaces around them: "love" for the token " love". */
static bool is_same_trimmed(const char *a, const char *b)
{
    a += strspn(a, " ");
    b += strspn(b, " ");
    size_t n = strlen(a), m = strlen(b);
    while (n > 0 && a[n - 1] == ' ')
        n--;
    while (m > 0 && b[m - 1] == ' ')
        m--;
    return n > 0 && n == m && memcmp(a, b, n) == 0;
}

static bool is_part_of(const char *label, const char *part)
{
    return strchr(label, '|') && strlen(part) > 1 && strstr(label, part);
}

static const char *likely_label(const pb_axis *axis, const char *wanted)
{
    for (size_t i = 0; i < axis->length; i++)
        if (is_same_trimmed(axis->labels[i], wanted))
            return axis->labels[i];
    for (size_t i = 0; i < axis->length; i++)
        if (is_part_of(axis->labels[i], wanted))
            return axis->labels[i];
    return pb_nearest(wanted, (const char *const *)axis->labels, axis->length);
}

pb_status pb_fail_label(const pb_axis *axis, const char *label, pb_error **error)
{
    pb_buffer text = PB_BUFFER_EMPTY, hint = PB_BUFFER_EMPTY;
    if (!axis->labels) {
        pb_buffer_format(&text, "the axis %s has no labels, so ", axis->name);
        say_quoted(&text, label);
        pb_buffer_text(&text, " names nothing along it");
        pb_buffer_format(&hint, "name a place of %s by its coordinate: ", axis->name);
        pb_say_coordinates(&hint, axis);
    } else {
        pb_buffer_format(&text, "the axis %s has no label ", axis->name);
        say_quoted(&text, label);
        const char *likely = likely_label(axis, label);
        pb_buffer_text(&hint, likely ? "did you mean " : "its labels are ");
        if (likely) {
            say_quoted(&hint, likely);
            pb_buffer_byte(&hint, '?');
        } else {
            say_labels(&hint, axis);
        }
    }
    pb_status status = pb_fail_with(error, PB_NAME, &text);
    pb_hint_with(error, &hint);
    return status;
}

/* "at 2 and 7", "at 2, 5 and 7", "at 0, 1, ... and 30 more": the coordinates of a label. */
static size_t say_occurrences(pb_buffer *out, const pb_axis *axis, const char *label)
{
    size_t total = 0, said = 0;
    for (size_t i = 0; i < axis->length; i++)
        total += strcmp(axis->labels[i], label) == 0;
    pb_buffer_format(out, " %zu time%s along %s, at ", total, total == 1 ? "" : "s", axis->name);
    for (size_t i = 0; i < axis->length && said < MOST_LISTED; i++) {
        if (strcmp(axis->labels[i], label) != 0)
            continue;
        bool is_last = said + 1 == total;
        pb_buffer_text(out, said == 0 ? "" : is_last ? " and " : ", ");
        pb_buffer_format(out, "%lld", (long long)pb_axis_coordinate(axis, i));
        said++;
    }
    say_rest(out, total);
    return total;
}

pb_status pb_fail_occurrence(const pb_axis *axis, const char *label, int occurrence,
                             pb_error **error)
{
    pb_buffer text = PB_BUFFER_EMPTY, hint = PB_BUFFER_EMPTY;
    say_quoted(&text, label);
    pb_buffer_text(&text, " occurs");
    size_t total = say_occurrences(&text, axis, label);
    if (occurrence == PB_OCCURRENCE_ONLY) {
        pb_buffer_text(&hint, "say which: at(");
        say_quoted(&hint, label);
        pb_buffer_text(&hint, ", 2) is the second; there are first(");
        say_quoted(&hint, label);
        pb_buffer_text(&hint, ") and last(");
        say_quoted(&hint, label);
        pb_buffer_byte(&hint, ')');
    } else {
        pb_buffer_format(&text, ", so there is no occurrence %d", occurrence);
        pb_buffer_format(&hint, "occurrences count from 1 to %zu", total);
    }
    pb_status status =
        pb_fail_with(error, occurrence == PB_OCCURRENCE_ONLY ? PB_VALUE : PB_RANGE, &text);
    pb_hint_with(error, &hint);
    return status;
}
