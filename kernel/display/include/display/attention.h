/*
 * Attention patterns: a thumbnail of every head, one of them enlarged with its tokens, and, where
 * scripts may run, the choice of a head and of a token to follow. Without scripts the picture
 * stays.
 */
#ifndef PB_DISPLAY_ATTENTION_H
#define PB_DISPLAY_ATTENTION_H

#include "display/view.h"

typedef struct pb_attention_view {
    pb_words words;
    size_t n_heads;
    const char *const *head_names; /* "L4H0", ... */
    size_t n_tokens;
    const char *const *tokens;
    const int64_t *positions; /* NULL: 0, 1, ... */
    const float *pattern;     /* [n_heads, n_tokens (query), n_tokens (key)], rows sum to one */
    size_t enlarged;          /* the head that is drawn large at first */
} pb_attention_view;

pb_status pb_show_attention(const pb_attention_view *view, pb_bundle **bundle, pb_error **error);

#endif
