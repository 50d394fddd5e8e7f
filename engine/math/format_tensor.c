/* Tensors as plain text that stands alone. */
#include <stdlib.h>
#include <string.h>

#include "base/gap.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "base/visible.h"
#include "math/format.h"
#include "tensor_internal.h"

/* ---- limits ---- */

static size_t or_default(size_t value, size_t fallback)
{
    return value ? value : fallback;
}

static pb_text_limits settle_limits(const pb_text_limits *limits)
{
    pb_text_limits wanted = limits ? *limits : (pb_text_limits){0};
    return (pb_text_limits){
        .rows = or_default(wanted.rows, 24),
        .columns = or_default(wanted.columns, 96),
        .slices = or_default(wanted.slices, PB_TEXT_SLICES),
        .label_width = or_default(wanted.label_width, 20),
    };
}

static size_t at_most(size_t value, size_t limit)
{
    return value < limit ? value : limit;
}

/* ---- pieces of text ---- */

/* Appends text cut to `width` terminal columns, the last of them "…" where something is cut. */
static void append_cut(pb_buffer *out, const char *text, size_t width)
{
    size_t length = strlen(text), at = 0;
    if (pb_utf8_width(text, length) <= width) {
        pb_buffer_append(out, text, length);
        return;
    }
    while (at < length) {
        size_t next = at;
        pb_utf8_next(text, length, &next);
        if (pb_utf8_width(text, next) + 1 > width)
            break;
        at = next;
    }
    pb_buffer_append(out, text, at);
    pb_buffer_text(out, "…");
}

/* A label made visible and cut; the coordinate where there are no labels. */
static void append_label(pb_buffer *out, const pb_axis *axis, size_t i, size_t width)
{
    const char *label = pb_axis_label(axis, i);
    if (!label) {
        pb_buffer_format(out, "%lld", (long long)pb_axis_coordinate(axis, i));
        return;
    }
    pb_buffer visible = PB_BUFFER_EMPTY;
    pb_visible_text(&visible, label, strlen(label));
    if (visible.data && !visible.failed)
        append_cut(out, visible.data, width);
    out->failed = out->failed || visible.failed;
    pb_buffer_free(&visible);
}

/* Digits of the largest coordinate of the first `rows` places. */
static int coordinate_digits(const pb_axis *axis, size_t rows)
{
    int digits = 1;
    for (size_t i = 0; i < rows; i++) {
        int own = 1;
        for (int64_t c = pb_axis_coordinate(axis, i); c > 9; c /= 10)
            own++;
        digits = own > digits ? own : digits;
    }
    return digits;
}

/* The heading of a row: its coordinate in so many digits, and its label beside it. */
static void append_row_heading(pb_buffer *out, const pb_axis *axis, size_t i, int digits,
                               size_t width)
{
    pb_buffer_format(out, "%*lld", digits, (long long)pb_axis_coordinate(axis, i));
    if (!pb_axis_has_labels(axis))
        return;
    pb_buffer_byte(out, ' ');
    append_label(out, axis, i, width);
}

static void append_value(pb_buffer *out, const pb_tensor *tensor, size_t at, pb_format_style style)
{
    char text[PB_FORMAT_SIZE];
    if (tensor->boolean) {
        pb_buffer_text(out, tensor->data[at] != 0 ? "True" : "False");
        return;
    }
    if (tensor->gaps && pb_is_gap(tensor->data[at]))
        return;
    pb_format_write(text, (double)tensor->data[at], style);
    pb_buffer_text(out, text);
}

/* ---- lines of cells ---- */

/* Cells of text, several to a row, kept until their widths are known. */
typedef struct sheet {
    pb_buffer text; /* all cells one after the other */
    size_t *ends;   /* [rows * columns] where each ends in `text` */
    size_t rows, columns, count;
} sheet;

static bool sheet_create(sheet *s, size_t rows, size_t columns)
{
    *s = (sheet){.text = PB_BUFFER_EMPTY, .rows = rows, .columns = columns};
    s->ends = pb_malloc(rows * columns, sizeof *s->ends);
    return s->ends != NULL;
}

static void sheet_free(sheet *s)
{
    pb_buffer_free(&s->text);
    free(s->ends);
}

/* Ends the cell that was being appended to s->text. */
static void end_cell(sheet *s)
{
    s->ends[s->count++] = s->text.length;
}

static const char *cell_text(const sheet *s, size_t row, size_t column, size_t *length)
{
    size_t i = row * s->columns + column;
    size_t start = i > 0 ? s->ends[i - 1] : 0;
    *length = s->ends[i] - start;
    return *length > 0 ? s->text.data + start : "";
}

static size_t cell_width(const sheet *s, size_t row, size_t column)
{
    size_t length;
    const char *text = cell_text(s, row, column, &length);
    return pb_utf8_width(text, length);
}

static size_t column_width(const sheet *s, size_t column)
{
    size_t width = 0;
    for (size_t row = 0; row < s->rows; row++) {
        size_t cell = cell_width(s, row, column);
        width = cell > width ? cell : width;
    }
    return width;
}

/* How many columns fit a line; the heading always does, and one column of values. */
static size_t columns_that_fit(const sheet *s, const pb_text_limits *limits)
{
    size_t used = column_width(s, 0), fit = 1;
    while (fit < s->columns) {
        used += 2 + column_width(s, fit);
        if (used > limits->columns && fit > 1)
            break;
        fit++;
    }
    return fit;
}

/* Headings to the left, values to the right, two spaces between, and none at the end of a line. */
static void write_sheet(pb_buffer *out, const sheet *s, size_t columns)
{
    for (size_t row = 0; row < s->rows; row++) {
        size_t owed = 0; /* spaces not written yet: they may be the line's end */
        for (size_t column = 0; column < columns; column++) {
            size_t length, padding = column_width(s, column) - cell_width(s, row, column);
            const char *text = cell_text(s, row, column, &length);
            owed += column > 0 ? 2 + padding : 0;
            if (length > 0) {
                pb_buffer_repeat(out, ' ', owed);
                pb_buffer_append(out, text, length);
                owed = 0;
            }
            owed += column == 0 ? padding : 0;
        }
        pb_buffer_byte(out, '\n');
    }
}

static void say_more(pb_buffer *out, size_t count, const char *what, const pb_axis *axis)
{
    if (count > 0)
        pb_buffer_format(out, "... %zu more %s%s along %s\n", count, what, count == 1 ? "" : "s",
                         pb_axis_name(axis));
}

/* ---- ranks ---- */

/* One line a value. */
static void write_list(pb_buffer *out, const pb_tensor *tensor, const pb_text_limits *limits)
{
    const pb_axis *axis = tensor->axes[0];
    size_t rows = at_most(axis->length, limits->rows);
    pb_format_style style = pb_format_choose(tensor->data, rows, 1, PB_TABLE_DIGITS);
    sheet s;
    if (!sheet_create(&s, rows, 2)) {
        out->failed = true;
        return;
    }
    int digits = coordinate_digits(axis, rows);
    for (size_t i = 0; i < rows; i++) {
        append_row_heading(&s.text, axis, i, digits, limits->label_width);
        end_cell(&s);
        append_value(&s.text, tensor, i, style);
        end_cell(&s);
    }
    out->failed = out->failed || s.text.failed;
    if (!out->failed)
        write_sheet(out, &s, 2);
    sheet_free(&s);
    say_more(out, axis->length - rows, "row", axis);
}

/* A key behind its query, which attention cannot see: its weight is no number worth reading. */
static bool is_unseen(const pb_axis *down, const pb_axis *across, size_t i, size_t j, float value)
{
    return value == 0.0f && strcmp(down->name, "query") == 0 && strcmp(across->name, "key") == 0 &&
           pb_axis_coordinate(across, j) > pb_axis_coordinate(down, i);
}

/* The first rows and columns of the grid that starts at `start`; the last two axes span it. */
static void fill_grid(sheet *s, const pb_tensor *tensor, size_t start, const pb_text_limits *limits)
{
    const pb_axis *down = tensor->axes[tensor->rank - 2];
    const pb_axis *across = tensor->axes[tensor->rank - 1];
    size_t shown = s->columns - 1;
    pb_buffer_format(&s->text, "%s \\ %s", down->name, across->name);
    end_cell(s);
    for (size_t j = 0; j < shown; j++) {
        append_label(&s->text, across, j, limits->label_width);
        end_cell(s);
    }
    pb_format_style style =
        pb_format_choose(tensor->data + start, (s->rows - 1) * across->length, 1, PB_TABLE_DIGITS);
    int digits = coordinate_digits(down, s->rows - 1);
    for (size_t i = 0; i + 1 < s->rows; i++) {
        append_row_heading(&s->text, down, i, digits, limits->label_width);
        end_cell(s);
        for (size_t j = 0; j < shown; j++) {
            size_t at = start + i * across->length + j;
            if (!is_unseen(down, across, i, j, tensor->data[at]))
                append_value(&s->text, tensor, at, style);
            end_cell(s);
        }
    }
}

static void write_grid(pb_buffer *out, const pb_tensor *tensor, size_t start,
                       const pb_text_limits *limits)
{
    const pb_axis *down = tensor->axes[tensor->rank - 2];
    const pb_axis *across = tensor->axes[tensor->rank - 1];
    size_t rows = at_most(down->length, limits->rows);
    /* A column takes three places at least, so no more than these can fit. */
    size_t columns = at_most(across->length, limits->columns / 3 + 1);
    sheet s;
    if (!sheet_create(&s, rows + 1, columns + 1)) {
        out->failed = true;
        return;
    }
    fill_grid(&s, tensor, start, limits);
    out->failed = out->failed || s.text.failed;
    if (!out->failed) {
        size_t fit = columns_that_fit(&s, limits);
        write_sheet(out, &s, fit);
        say_more(out, down->length - rows, "row", down);
        say_more(out, across->length - (fit - 1), "column", across);
    }
    sheet_free(&s);
}

/* "layer=0, head=3 \"L0H3\"": where a slice lies along the outer axes. */
static void write_place(pb_buffer *out, const pb_tensor *tensor, size_t start)
{
    size_t offsets[PB_MAX_RANK];
    pb_tensor_unravel(tensor, start, offsets);
    for (size_t i = 0; i + 2 < tensor->rank; i++) {
        const pb_axis *axis = tensor->axes[i];
        pb_buffer_format(out, "%s%s=%lld", i > 0 ? ", " : "", axis->name,
                         (long long)pb_axis_coordinate(axis, offsets[i]));
        const char *label = pb_axis_label(axis, offsets[i]);
        if (label) {
            pb_buffer_byte(out, ' ');
            append_label(out, axis, offsets[i], 40);
        }
    }
    pb_buffer_byte(out, '\n');
}

/* "layer=0, head=3" */
static void append_coordinates(pb_buffer *out, const pb_tensor *tensor, size_t start)
{
    size_t offsets[PB_MAX_RANK];
    pb_tensor_unravel(tensor, start, offsets);
    for (size_t i = 0; i + 2 < tensor->rank; i++)
        pb_buffer_format(out, "%s%s=%lld", i > 0 ? ", " : "", tensor->axes[i]->name,
                         (long long)pb_axis_coordinate(tensor->axes[i], offsets[i]));
}

/* "... 3 more grids: layer=3 to layer=5" */
static void say_more_slices(pb_buffer *out, const pb_tensor *tensor, size_t shown, size_t slices,
                            size_t grid)
{
    if (slices <= shown)
        return;
    pb_buffer_format(out, "... %zu more grid%s: ", slices - shown, slices - shown == 1 ? "" : "s");
    append_coordinates(out, tensor, shown * grid);
    if (slices - shown > 1) {
        pb_buffer_text(out, " to ");
        append_coordinates(out, tensor, (slices - 1) * grid);
    }
    pb_buffer_byte(out, '\n');
}

static void write_slices(pb_buffer *out, const pb_tensor *tensor, const pb_text_limits *limits)
{
    size_t strides[PB_MAX_RANK];
    pb_tensor_strides(tensor, strides);
    size_t grid = strides[tensor->rank - 3];
    size_t slices = tensor->size / grid, shown = at_most(slices, limits->slices);
    for (size_t i = 0; i < shown; i++) {
        write_place(out, tensor, i * grid);
        write_grid(out, tensor, i * grid, limits);
    }
    say_more_slices(out, tensor, shown, slices, grid);
}

/* ---- the whole ---- */

void pb_tensor_write_shape(pb_buffer *out, const pb_tensor *tensor)
{
    if (tensor->rank == 0)
        return;
    pb_buffer_byte(out, '[');
    for (size_t i = 0; i < tensor->rank; i++)
        pb_buffer_format(out, "%s%s=%zu", i > 0 ? ", " : "", tensor->axes[i]->name,
                         tensor->axes[i]->length);
    pb_buffer_byte(out, ']');
}

/* "name [shape] note", each only where there is something, and the number of rank 0. */
static void write_header(pb_buffer *out, const pb_tensor *tensor, const char *name,
                         const char *note)
{
    size_t start = out->length;
    if (name)
        pb_buffer_text(out, name);
    if (tensor->rank > 0) {
        if (out->length > start)
            pb_buffer_byte(out, ' ');
        pb_tensor_write_shape(out, tensor);
    } else {
        char number[PB_FORMAT_SIZE];
        pb_format_short(number, (double)tensor->data[0], PB_SCALAR_DIGITS);
        if (out->length > start)
            pb_buffer_byte(out, ' ');
        pb_buffer_text(out, tensor->boolean ? (tensor->data[0] != 0 ? "True" : "False") : number);
    }
    if (note)
        pb_buffer_format(out, " %s", note);
    pb_buffer_byte(out, '\n');
}

void pb_tensor_write_text(pb_buffer *out, const pb_tensor *tensor, const char *name,
                          const char *note, const pb_text_limits *limits)
{
    pb_text_limits settled = settle_limits(limits);
    write_header(out, tensor, name, note);
    if (tensor->rank == 0)
        return;
    if (tensor->size == 0)
        pb_buffer_text(out, "(no values)\n");
    else if (tensor->rank == 1)
        write_list(out, tensor, &settled);
    else if (tensor->rank == 2)
        write_grid(out, tensor, 0, &settled);
    else
        write_slices(out, tensor, &settled);
}
