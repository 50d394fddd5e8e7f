/* Heat maps as bundles: the picture, and a grid of numbers as text. */
#include "display/heatmap.h"

#include <math.h>

#include "base/memory.h"
#include "frame.h"
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
static const char *text_of_cell(pb_view_scratch *scratch, const pb_map *map, size_t index)
{
    const pb_heatmap_view *view = map->view;
    const char *text = pb_map_cell_text(map, index);
    char number[PB_NUMBER_SIZE];
    if (!view->cell_texts || isnan(view->values[index]))
        return text;
    pb_number_write(number, (double)view->values[index], map->format);
    return pb_view_scratch_format(scratch, "%s %s", text, number);
}

static void text_map(pb_view_scratch *scratch, const pb_map *map, pb_buffer *out)
{
    const pb_heatmap_view *view = map->view;
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
    pb_text_head(out, &view->words);
    if (*map->value_title)
        pb_buffer_format(out, "%s\n", map->value_title);
    pb_grid_write(&grid, out);
    if (columns < view->columns.count)
        pb_buffer_format(out, "... %zu of %zu columns are left out, before the last %d\n",
                         view->columns.count - columns, view->columns.count, TEXT_COLUMNS / 3);
    if (rows < view->rows.count)
        pb_buffer_format(out, "... %zu of %zu rows are left out, before the last %d\n",
                         view->rows.count - rows, view->rows.count, TEXT_ROWS / 3);
    pb_text_foot(out, &view->words);
}

/* The view's notes, and one more if the picture is pooled. */
static pb_words words_of(pb_view_scratch *scratch, const pb_map *map)
{
    pb_words words = map->view->words;
    if (!map->pooled)
        return words;
    const char **notes = pb_view_scratch_array(scratch, words.n_notes + 1, sizeof *notes);
    if (!notes)
        return words;
    for (size_t i = 0; i < words.n_notes; i++)
        notes[i] = words.notes[i];
    notes[words.n_notes++] = pb_view_scratch_format(
        scratch,
        "%zu x %zu values drawn as %zu x %zu cells; each shows its value of "
        "largest magnitude.",
        map->view->rows.count, map->view->columns.count, map->cells.n_rows, map->cells.n_columns);
    words.notes = notes;
    return words;
}

static pb_status show_map(pb_view_scratch *scratch, const pb_map *map, pb_bundle **bundle,
                          pb_error **error)
{
    pb_markup html = PB_MARKUP_EMPTY;
    pb_buffer plain = PB_BUFFER_EMPTY;
    pb_words words = words_of(scratch, map);
    pb_picture picture = {map->width, map->height, pb_map_draw, map,
                          pb_view_scratch_format(scratch, "Heat map: %s by %s and %s",
                                                 map->value_title, map->row_title,
                                                 map->column_title)};
    pb_frame_open(&html, &words);
    pb_frame_picture(&html, &picture);
    pb_frame_close(&html, &words);
    text_map(scratch, map, &plain);
    return pb_frame_bundle(scratch, &html, &plain, &picture, &words, bundle, error);
}

pb_status pb_show_heatmap(const pb_heatmap_view *view, pb_bundle **bundle, pb_error **error)
{
    size_t count;
    pb_map map;
    if (!pb_size_mul(view->rows.count, view->columns.count, &count))
        return pb_fail(error, PB_LIMIT, "the matrix is too large to draw");
    pb_view_scratch *scratch = pb_view_scratch_create();
    if (!scratch || !pb_map_plan(scratch, view, &map)) {
        pb_view_scratch_destroy(&scratch);
        return pb_fail_memory(error);
    }
    pb_status status = show_map(scratch, &map, bundle, error);
    pb_view_scratch_destroy(&scratch);
    return status;
}
