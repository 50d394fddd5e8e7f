/* Plain text that stands alone. */
#include "text.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "label.h"

bool pb_grid_create(pb_view_scratch *scratch, size_t n_rows, size_t n_columns, pb_grid *grid)
{
    size_t count;
    *grid = (pb_grid){.n_rows = n_rows, .n_columns = n_columns};
    if (!pb_size_mul(n_rows, n_columns, &count))
        return false;
    grid->cells = pb_view_scratch_array(scratch, count ? count : 1, sizeof *grid->cells);
    grid->left = pb_view_scratch_array(scratch, n_columns ? n_columns : 1, sizeof *grid->left);
    grid->gap = pb_view_scratch_array(scratch, n_columns ? n_columns : 1, sizeof *grid->gap);
    if (!grid->cells || !grid->left || !grid->gap)
        return false;
    for (size_t column = 0; column < n_columns; column++)
        grid->gap[column] = column == 0 ? 0 : 2;
    return true;
}

void pb_grid_set(pb_grid *grid, size_t row, size_t column, const char *text)
{
    grid->cells[row * grid->n_columns + column] = text;
}

static size_t cell_width(const pb_grid *grid, size_t row, size_t column)
{
    const char *cell = grid->cells[row * grid->n_columns + column];
    return cell ? pb_utf8_width(cell, strlen(cell)) : 0;
}

static size_t column_width(const pb_grid *grid, size_t column)
{
    size_t widest = 0;
    for (size_t row = 0; row < grid->n_rows; row++) {
        size_t width = cell_width(grid, row, column);
        widest = width > widest ? width : widest;
    }
    return widest;
}

void pb_grid_write(const pb_grid *grid, pb_buffer *out)
{
    size_t *widths = pb_calloc(grid->n_columns, sizeof *widths);
    if (!widths) {
        out->failed = true;
        return;
    }
    for (size_t column = 0; column < grid->n_columns; column++)
        widths[column] = column_width(grid, column);
    for (size_t row = 0; row < grid->n_rows; row++) {
        size_t owed = 0; /* spaces not written yet: they may be the line's end */
        for (size_t column = 0; column < grid->n_columns; column++) {
            const char *cell = grid->cells[row * grid->n_columns + column];
            size_t fill = widths[column] - cell_width(grid, row, column);
            owed += grid->gap[column] + (grid->left[column] ? 0 : fill);
            if (cell && *cell) {
                pb_buffer_repeat(out, ' ', owed);
                pb_buffer_text(out, cell);
                owed = 0;
            }
            owed += grid->left[column] ? fill : 0;
        }
        pb_buffer_byte(out, '\n');
    }
    free(widths);
}

static void write_line(pb_buffer *out, const char *text)
{
    if (!text || !*text)
        return;
    pb_label_append(out, text, strlen(text), PB_TEXT_PLAIN);
    pb_buffer_byte(out, '\n');
}

void pb_text_head(pb_buffer *out, const pb_words *words)
{
    write_line(out, words->title);
    write_line(out, words->caption);
    if ((words->title && *words->title) || (words->caption && *words->caption))
        pb_buffer_byte(out, '\n');
}

void pb_text_foot(pb_buffer *out, const pb_words *words)
{
    if (words->n_notes > 0)
        pb_buffer_byte(out, '\n');
    for (size_t i = 0; i < words->n_notes; i++)
        write_line(out, words->notes[i]);
}

void pb_text_bar(pb_buffer *out, double share, size_t columns)
{
    if (!(share > 0.0))
        return;
    size_t eighths = (size_t)lround(fmin(share, 1.0) * 8.0 * (double)columns);
    for (size_t i = 0; i < eighths / 8; i++)
        pb_buffer_code_point(out, 0x2588);
    if (eighths % 8)
        pb_buffer_code_point(out, 0x2590 - (unsigned)(eighths % 8));
}
