/* An error as a person reads it: the sentence, the line with a caret under the place, the hint. */
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/utf8.h"
#include "base/visible.h"
#include "error_parts.h"

enum {
    TAB_STOP = 4,
    WIDEST = 100,     /* columns of a source line shown; longer ones are cut around the caret */
    BEFORE_CARET = 40 /* columns kept before the caret of a cut line */
};

/* One code point of a source line as it is drawn. */
typedef struct glyph {
    uint32_t code_point; /* what to draw; a tab is drawn as `width` spaces */
    size_t width;        /* columns */
} glyph;

/* The next glyph of a line: tabs go to the next stop, and what has no picture gets one. */
static glyph next_glyph(const char *text, size_t length, size_t *at, size_t column)
{
    size_t start = *at;
    uint32_t code = pb_utf8_next(text, length, at);
    if (code == '\t')
        return (glyph){' ', TAB_STOP - column % TAB_STOP};
    if (code < 0x20)
        return (glyph){0x2400 + code, 1}; /* the control pictures */
    if (code == 0x7F)
        return (glyph){0x2421, 1};
    if (code == PB_UTF8_INVALID || pb_is_control(code))
        return (glyph){0xFFFD, 1};
    return (glyph){code, pb_utf8_width(text + start, *at - start)};
}

/* Columns of the line, and of the caret in it. */
typedef struct span_columns {
    size_t total, caret, caret_end;
} span_columns;

static span_columns measure(const char *line, size_t length, size_t start, size_t end)
{
    span_columns found = {0, 0, 0};
    size_t column = 0;
    for (size_t at = 0; at < length;) {
        if (at <= start)
            found.caret = column;
        size_t before = at;
        column += next_glyph(line, length, &at, column).width;
        if (before < end)
            found.caret_end = column;
    }
    if (start >= length)
        found.caret = column;
    if (found.caret_end <= found.caret)
        found.caret_end = found.caret + 1; /* an empty span still shows one caret */
    found.total = column;
    return found;
}

/* The columns from..to of a line, with an ellipsis where something was cut. */
static void draw_line(pb_buffer *out, const char *line, size_t length, size_t from, size_t to)
{
    size_t column = 0;
    if (from > 0)
        pb_buffer_code_point(out, 0x2026);
    for (size_t at = 0; at < length && column < to;) {
        glyph drawn = next_glyph(line, length, &at, column);
        size_t next = column + drawn.width;
        if (column < from && next > from)
            pb_buffer_repeat(out, ' ', next - from); /* a wide one across the cut */
        else if (column >= from && drawn.code_point == ' ')
            pb_buffer_repeat(out, ' ', drawn.width);
        else if (column >= from && !(column == from && from > 0 && drawn.width == 0))
            pb_buffer_code_point(out, drawn.code_point);
        column = next;
    }
}

static void draw_place(pb_buffer *out, const pb_source *source, pb_span span)
{
    pb_position place = pb_source_position(source, span.start);
    const char *line = pb_source_text(source) + place.line_start;
    size_t length = place.line_end - place.line_start;
    size_t start = span.start < place.line_start ? 0 : span.start - place.line_start;
    size_t end = span.end < place.line_end ? span.end : place.line_end;
    end = end < place.line_start ? 0 : end - place.line_start;
    span_columns columns = measure(line, length, start, end);

    size_t from = 0, to = columns.total;
    if (columns.total > WIDEST) {
        from = columns.caret > BEFORE_CARET ? columns.caret - BEFORE_CARET : 0;
        if (columns.total - from < WIDEST)
            from = columns.total - WIDEST;
        to = from + WIDEST;
    }
    pb_buffer_format(out, "  %s, line %zu\n    ", pb_source_name(source), place.line);
    draw_line(out, line, length, from, to);
    if (to < columns.total)
        pb_buffer_code_point(out, 0x2026);
    if (columns.caret_end > to && columns.caret < to)
        columns.caret_end = to;
    pb_buffer_text(out, "\n    ");
    pb_buffer_repeat(out, ' ', columns.caret - from + (from > 0));
    pb_buffer_repeat(out, '^', columns.caret_end - columns.caret);
    pb_buffer_byte(out, '\n');
}

static void draw_trail(pb_buffer *out, const pb_error *error)
{
    for (size_t i = 0; i < error->n_trail; i++) {
        const trail_call *call = &error->trail[i];
        if (i == TRAIL_INNER && error->skipped > 0)
            pb_buffer_format(out, "  ... %zu more calls ...\n", error->skipped);
        pb_buffer_format(out, "  in %s", call->function ? call->function : "?");
        if (call->source) {
            size_t line = pb_source_position(call->source, call->span.start).line;
            pb_buffer_format(out, ", called at %s, line %zu", pb_source_name(call->source), line);
        }
        pb_buffer_byte(out, '\n');
    }
}

/* A hint may have several lines; those after the first line up under it. */
static void draw_hint(pb_buffer *out, const char *hint)
{
    pb_buffer_text(out, "  hint: ");
    for (const char *line = hint; line;) {
        const char *newline = strchr(line, '\n');
        pb_buffer_append(out, line, newline ? (size_t)(newline - line) : strlen(line));
        pb_buffer_byte(out, '\n');
        line = newline && newline[1] ? newline + 1 : NULL;
        if (line)
            pb_buffer_repeat(out, ' ', strlen("  hint: "));
    }
}

char *pb_error_render(const pb_error *error)
{
    pb_buffer out = PB_BUFFER_EMPTY;
    if (!error)
        return pb_buffer_take(&out);
    pb_buffer_format(&out, "%s: %s\n", pb_status_name(error->code), error->text);
    if (error->source)
        draw_place(&out, error->source, error->span);
    draw_trail(&out, error);
    if (error->hint)
        draw_hint(&out, error->hint);
    return pb_buffer_take(&out);
}
