/* Two prompts of different lengths, shown one above the other with what they share lined up. */
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "base/visible.h"
#include "places.h"

enum { LINE_WIDTH = 88, LONGEST_SHOWN = 256 };

/* One column: an offset in either prompt, or none. */
typedef struct column {
    size_t into, from;
} column;

#define NO_TOKEN SIZE_MAX

/* lengths[i * (m + 1) + j] = the longest common subsequence of into[i:], from[j:]. */
static unsigned *common_lengths(const int32_t *into, size_t n, const int32_t *from, size_t m)
{
    unsigned *lengths = pb_calloc((n + 1) * (m + 1), sizeof *lengths);
    for (size_t i = n; lengths && i-- > 0;) {
        for (size_t j = m; j-- > 0;) {
            unsigned *at = &lengths[i * (m + 1) + j];
            unsigned down = at[m + 1], right = at[1];
            *at = into[i] == from[j] ? at[m + 2] + 1 : (down > right ? down : right);
        }
    }
    return lengths;
}

/* Equal tokens share a column; so do two that differ, where that keeps no equal ones apart. */
static size_t line_up(const int32_t *into, size_t n, const int32_t *from, size_t m,
                      const unsigned *lengths, column *columns)
{
    size_t i = 0, j = 0, count = 0;
    while (i < n || j < m) {
        const unsigned *at = &lengths[i * (m + 1) + j];
        bool both = i < n && j < m;
        if (both && (into[i] == from[j] || at[m + 2] == *at))
            columns[count++] = (column){i++, j++};
        else if (j == m || (i < n && at[m + 1] >= at[1]))
            columns[count++] = (column){i++, NO_TOKEN};
        else
            columns[count++] = (column){NO_TOKEN, j++};
    }
    return count;
}

static void append_cell(pb_buffer *line, const pb_run *run, size_t position, size_t *width)
{
    size_t start = line->length;
    const char *label = position == NO_TOKEN ? "-" : pb_axis_label(pb_run_positions(run), position);
    pb_visible_text(line, label ? label : "?", label ? strlen(label) : 1);
    *width = line->data ? pb_utf8_width(line->data + start, line->length - start) : 0;
}

static void trim_end(pb_buffer *line)
{
    while (line->length > 0 && line->data[line->length - 1] == ' ')
        line->data[--line->length] = '\0';
}

/* "\n  into: ", the tokens behind it in line with those of the other prompt. */
static void append_line(pb_buffer *out, const char *name, size_t width, const pb_buffer *line)
{
    pb_buffer_format(out, "\n  %s: ", name);
    pb_buffer_repeat(out, ' ', width - strlen(name));
    pb_buffer_text(out, line->data ? line->data : "");
}

/* Appends the columns as pairs of lines, wrapped. */
static void append_columns(pb_buffer *out, pb_named_run into, pb_named_run from,
                           const column *columns, size_t count)
{
    size_t above_name = strlen(into.name), below_name = strlen(from.name);
    size_t width = above_name > below_name ? above_name : below_name;
    for (size_t c = 0; c < count;) {
        pb_buffer above = PB_BUFFER_EMPTY, below = PB_BUFFER_EMPTY;
        size_t used = 0;
        while (c < count && used < LINE_WIDTH) {
            size_t a = 0, b = 0;
            append_cell(&above, into.run, columns[c].into, &a);
            append_cell(&below, from.run, columns[c].from, &b);
            size_t wide = (a > b ? a : b) + 2;
            pb_buffer_repeat(&above, ' ', wide - a);
            pb_buffer_repeat(&below, ' ', wide - b);
            used += wide;
            c++;
        }
        trim_end(&above);
        trim_end(&below);
        out->failed = out->failed || above.failed || below.failed;
        append_line(out, into.name, width, &above);
        append_line(out, from.name, width, &below);
        pb_buffer_free(&above);
        pb_buffer_free(&below);
    }
}

static size_t at_most(size_t n, size_t limit)
{
    return n < limit ? n : limit;
}

pb_status pb_lengths_differ(pb_named_run into, pb_named_run from, const char *what,
                            pb_error **error)
{
    const int32_t *above = pb_run_tokens(into.run), *below = pb_run_tokens(from.run);
    size_t n = at_most(pb_run_length(into.run), LONGEST_SHOWN);
    size_t m = at_most(pb_run_length(from.run), LONGEST_SHOWN);
    unsigned *lengths = common_lengths(above, n, below, m);
    column *columns = pb_malloc(n + m, sizeof *columns);
    pb_buffer shown = PB_BUFFER_EMPTY;
    pb_status status;
    if (lengths && columns) {
        size_t count = line_up(above, n, below, m, lengths, columns);
        append_columns(&shown, into, from, columns, count);
    }
    if (!lengths || !columns || shown.failed) {
        status = pb_fail_memory(error);
    } else {
        status =
            pb_fail(error, PB_VALUE, "%s: one has %zu tokens, the other %zu%s", what,
                    pb_run_length(into.run), pb_run_length(from.run), shown.data ? shown.data : "");
        if (error)
            pb_error_hint(*error, "choose words of as many tokens; tokens([...]) shows them");
    }
    pb_buffer_free(&shown);
    free(lengths);
    free(columns);
    return status;
}
