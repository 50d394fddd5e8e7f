/* Prompts as rows of token chips with positions, lined up so that differences show. */
#ifndef PB_DISPLAY_TOKENS_H
#define PB_DISPLAY_TOKENS_H

#include "display/view.h"

typedef struct pb_token_row {
    const char *name; /* "love"; NULL: "prompt 0" where there are several */
    size_t count;
    const char *const *tokens;
    const int64_t *ids; /* token numbers; NULL for none. Rows differ where ids (or tokens) do */
    const float
        *values; /* one per token, as shading: losses, attributions; NULL for none, NaN blank */
} pb_token_row;

typedef struct pb_tokens_view {
    pb_words words;
    const pb_token_row *rows;
    size_t n_rows;
    const char *value_name; /* what `values` are: "loss (nats)" */
    pb_number_format format;
} pb_tokens_view;

/* Positions where the rows differ are marked and listed in a sentence. */
pb_status pb_show_tokens(const pb_tokens_view *view, pb_bundle **bundle, pb_error **error);

#endif
