/* Tables: columns of text, tokens, numbers and marks, with shading, groups and notes. */
#ifndef PB_DISPLAY_TABLE_H
#define PB_DISPLAY_TABLE_H

#include "display/view.h"

typedef enum pb_column_kind {
    PB_COLUMN_TEXT,
    PB_COLUMN_TOKEN, /* a chip with visible spaces */
    PB_COLUMN_NUMBER,
    PB_COLUMN_BAR,  /* a number with a bar behind it: probabilities, magnitudes */
    PB_COLUMN_CHECK /* numbers: nonzero is a check mark, zero a cross */
} pb_column_kind;

/* One column. `texts` or `numbers` holds n_rows entries; a NULL text and an absent number are
 * blank. */
typedef struct pb_column {
    const char *name;
    const char *unit;  /* under the name: "logits", "nats" */
    const char *group; /* neighbours with equal groups share a header above theirs; NULL for none */
    pb_text_kind group_kind;
    pb_column_kind kind;
    const char *const *texts;
    const double *numbers;
    const bool *absent; /* numbers to leave blank; NULL for none */
    pb_number_format format;
    pb_shade shade;
    int shade_group; /* columns of the same nonzero group share one range of colours */
    pb_range range;  /* of the colours, or of the bars */
} pb_column;

/* Of a longer table so many rows are shown: some two screens. */
#define PB_TABLE_ROWS 100

typedef struct pb_table_view {
    pb_words words;
    size_t n_rows, n_columns;
    const pb_column *columns;
    const char *row_name;          /* above the row labels */
    const char *const *row_labels; /* n_rows of them; NULL for none */
    pb_text_kind row_kind;
    size_t total_rows; /* when more than are shown, a last line says how many are left out */
} pb_table_view;

pb_status pb_show_table(const pb_table_view *view, pb_bundle **bundle, pb_error **error);

#endif
