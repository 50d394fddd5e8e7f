/* Texts whose tokens are shaded by a number each: where a neuron, a head or a direction is active.
 */
#ifndef PB_DISPLAY_SHADE_H
#define PB_DISPLAY_SHADE_H

#include "display/view.h"

typedef struct pb_shaded_text {
    size_t count;
    const char *const *tokens;
    const float *values; /* one per token; a gap or NaN is not shaded */
} pb_shaded_text;

typedef struct pb_shaded_view {
    pb_words words;
    const pb_shaded_text *rows; /* all shaded on one scale */
    size_t n_rows;
    const char *value_name;
    bool by_value; /* the peak of a text is its largest value, not the largest magnitude */
} pb_shaded_view;

/* Of a long text, what is around its peak. */
pb_status pb_show_shaded(const pb_shaded_view *view, pb_bundle **bundle, pb_error **error);

#endif
