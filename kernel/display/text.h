/* Plain text that stands alone: words, and grids of aligned columns. */
#ifndef PB_TEXT_H
#define PB_TEXT_H

#include "base/buffer.h"
#include "display/view.h"
#include "scratch.h"

/* A grid of cells whose columns line up. Strings are borrowed. */
typedef struct pb_grid {
    size_t n_rows, n_columns;
    const char **cells; /* [n_rows, n_columns]; NULL is blank */
    bool *left;         /* [n_columns]: lined up on the left rather than the right */
    size_t *gap;        /* [n_columns]: spaces before the column; 2 unless set */
} pb_grid;

/* False when memory is out. Everything lives in the scratch. */
bool pb_grid_create(pb_view_scratch *scratch, size_t n_rows, size_t n_columns, pb_grid *grid);
void pb_grid_set(pb_grid *grid, size_t row, size_t column, const char *text);
/* One line for each row, without spaces at line ends. */
void pb_grid_write(const pb_grid *grid, pb_buffer *out);

/* The title and caption above a view, the notes below it, each line ending in a newline. */
void pb_text_head(pb_buffer *out, const pb_words *words);
void pb_text_foot(pb_buffer *out, const pb_words *words);

/* A bar of `columns` at full length, drawn in eighths: "███▌". */
void pb_text_bar(pb_buffer *out, double share, size_t columns);

#endif
