/* A heat map in words: its values as a grid of numbers, and the notes its picture needs. */
#include <math.h>

#include "label.h"
#include "map.h"
#include "text.h"

#define TEXT_COLUMNS 16
#define TEXT_ROWS    64

/* Which of `count` places are shown when at most `most` are: the first ones and the last few. */
static size_t shown_place(size_t which, size_t count, size_t most)
{
    size_t last = most / 3;
    return count <= most || which < most - last ? which : count - most + which;
}

/* The number, behind the cell's text where it has one. */
static const char *text_of_cell(pb_view_scratch *scratch, const pb_drawn_map *map, size_t index)
{
    const pb_heatmap_view *view = map->view;
    const char *text = pb_drawn_map_cell_text(map, index);
    char number[PB_NUMBER_SIZE];
    if (!view->cell_texts || isnan(view->values[index]))
        return text;
    pb_number_write(number, (double)view->values[index], map->format);
    return pb_view_scratch_format(scratch, "%s %s", text, number);
}

void pb_drawn_map_write_text(const pb_drawn_map *map, pb_buffer *out)
{
    const pb_heatmap_view *view = map->view;
    pb_view_scratch *scratch = map->scratch;
    size_t columns = view->columns.count < TEXT_COLUMNS ? view->columns.count : TEXT_COLUMNS;
    size_t rows = view->rows.count < TEXT_ROWS ? view->rows.count : TEXT_ROWS;
    pb_grid grid;
    if (!pb_grid_create(scratch, rows + 1, columns + 1, &grid)) {
        out->failed = true;
        return;
    }
    grid.left[0] = view->rows.labels != NULL;
    pb_grid_set(&grid, 0, 0,
                pb_view_scratch_format(scratch, "%s%s%s", map->row_title,
                                       *map->row_title && *map->column_title ? " \\ " : "",
                                       map->column_title));
    for (size_t j = 0; j < columns; j++) {
        size_t column = shown_place(j, view->columns.count, TEXT_COLUMNS);
        pb_grid_set(&grid, 0, j + 1, map->column_labels[column]);
        for (size_t i = 0; i < rows; i++) {
            size_t row = shown_place(i, view->rows.count, TEXT_ROWS);
            pb_grid_set(&grid, i + 1, 0, map->row_labels[row]);
            pb_grid_set(&grid, i + 1, j + 1,
                        text_of_cell(scratch, map, row * view->columns.count + column));
        }
    }
    pb_grid_write(&grid, out);
    if (columns < view->columns.count)
        pb_buffer_format(out, "... %zu of %zu columns are left out, before the last %d\n",
                         view->columns.count - columns, view->columns.count, TEXT_COLUMNS / 3);
    if (rows < view->rows.count)
        pb_buffer_format(out, "... %zu of %zu rows are left out, before the last %d\n",
                         view->rows.count - rows, view->rows.count, TEXT_ROWS / 3);
}

/* "Cells with a stroke are empty.", or infinite, or both; NULL where there are none. */
static const char *missing_note(const float *values, size_t count)
{
    bool empty = false, infinite = false;
    for (size_t i = 0; i < count; i++) {
        empty = empty || isnan(values[i]);
        infinite = infinite || isinf(values[i]);
    }
    return empty && infinite ? "Cells with a stroke are empty or infinite."
           : empty           ? "Cells with a stroke are empty."
           : infinite        ? "Cells with a stroke are infinite."
                             : NULL;
}

static const char *pooling_note(const pb_drawn_map *map)
{
    return pb_view_scratch_format(map->scratch,
                                  "%zu x %zu values drawn as %zu x %zu cells; each shows its value "
                                  "of largest magnitude.",
                                  map->view->rows.count, map->view->columns.count,
                                  map->cells.n_rows, map->cells.n_columns);
}

/* "Cells at the unpatched value, 3.564, have no colour; blue is above it, orange below." */
static const char *middle_note(const pb_drawn_map *map)
{
    const pb_heatmap_view *view = map->view;
    char number[PB_NUMBER_SIZE];
    pb_number_write(number, *view->middle, map->format);
    return pb_view_scratch_format(
        map->scratch, "Cells at %s%s%s%s have no colour; blue is above it, orange below.",
        view->middle_name ? view->middle_name : "", view->middle_name ? ", " : "", number,
        view->middle_name ? "," : "");
}

pb_words pb_drawn_map_words(const pb_drawn_map *map, const float *values, size_t count)
{
    pb_words words = map->view->words;
    const char *missing = missing_note(values, count);
    const char **notes = pb_view_scratch_array(map->scratch, words.n_notes + 3, sizeof *notes);
    if (!notes)
        return words;
    for (size_t i = 0; i < words.n_notes; i++)
        notes[i] = words.notes[i];
    if (map->pooled)
        notes[words.n_notes++] = pooling_note(map);
    if (map->view->middle)
        notes[words.n_notes++] = middle_note(map);
    if (missing)
        notes[words.n_notes++] = missing;
    words.notes = notes;
    return words;
}
