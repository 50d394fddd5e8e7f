/* Inside study: an edit's fields, and edits bound to one prompt as the forward pass's hooks. */
#ifndef STUDY_EDITS_H
#define STUDY_EDITS_H

#include <stdatomic.h>

#include "study/edit.h"

/* One axis of an edit's value: where in the value the entry for a coordinate lies, in floats. */
typedef struct pb_value_axis {
    size_t n;        /* coordinates covered: 0 .. n - 1 */
    size_t *offsets; /* [n]; SIZE_MAX where the tensor has none. NULL: the axis is broadcast */
} pb_value_axis;

struct pb_edit {
    atomic_size_t count;
    pb_model *model;
    char *word;
    pb_edit_op op;
    pb_site site;
    size_t n_heads;       /* of the site: 1 where it has no heads */
    unsigned char *where; /* [n_layer, n_heads]: touched? */
    pb_select *positions; /* NULL: every token */
    bool spares_start;
    pb_select *keys;       /* NULL: every key */
    unsigned char *places; /* [width]: touched along the last axis? NULL: all of it */
    pb_tensor *value;
    pb_value_axis layer, row, head, last; /* into value */
    size_t n_prompts, prompt_stride;      /* of the value's places for prompts; 0: it has none */
    double *basis;                        /* PROJECT: [n_basis, width], orthonormal; else NULL */
    size_t n_basis;
    pb_edit_call call;        /* CALL */
    bool one_head, one_place; /* one of them was named: CALL sees no axis there */
    pb_run **from;            /* [n_from] */
    size_t n_from;
    double number;
};

/* Whether the edit touches this layer at all. */
bool pb_edit_at_layer(const pb_edit *edit, size_t layer);

/* Whether a prompt begins with the model's start token. */
bool pb_begins_with_start(const pb_run *run);

/* The error for a place along the site's last axis that the edit touches and the value has not. */
pb_status pb_edit_value_lacks(const pb_edit *edit, size_t place, pb_error **error);

/* ---- bound to a prompt (bind.c) ---- */

/* One edit on one prompt: its selectors resolved, its source read. */
typedef struct pb_bound_edit {
    pb_edit *edit;
    size_t length;            /* of the prompt */
    unsigned char *positions; /* [length] */
    unsigned char *keys;      /* [length]; NULL: all */
    bool open;                /* reaches positions from `length` on */
    float **source;           /* [n_layer]: from's activation; NULL where not needed */
    size_t source_length;     /* tokens of from */
    size_t index, of;         /* which of how many prompts it is */
    pb_axis *axis;            /* CALL: the prompt's positions */
    float **past;             /* CALL: [n_layer], what was there at earlier positions of a text that
                                 is generated, [past_rows, heads, width]; NULL: it is in the view */
    size_t past_rows;
} pb_bound_edit;

typedef struct pb_binding {
    atomic_size_t count;
    pb_run *base; /* its own edits come first; NULL if it has none */
    size_t n;
    pb_bound_edit items[];
} pb_binding;

/* Binds edits to prompt `index` of several. The binding is counted; *edits points into it. */
pb_status pb_edits_bind(pb_run *prompt, size_t index, size_t n_prompts, pb_edit *const *edits,
                        size_t n, const pb_context *context, pb_binding **binding,
                        pb_run_edits *hooks, pb_error **error);
void pb_binding_release(pb_binding **binding);

/* The same for a text that is written on from a prompt, a few positions at a time: the prompt's own
 * edits are bound again, so that those that compute keep what they have seen of this text. */
pb_status pb_edits_bind_writing(pb_run *prompt, size_t index, size_t n_prompts,
                                pb_edit *const *edits, size_t n, size_t rows,
                                const pb_context *context, pb_binding **binding,
                                pb_run_edits *hooks, pb_error **error);

/* Binds to all prompts: bindings[i], hooks[i]. An edit that matches nothing names the prompts. */
pb_status pb_edits_bind_all(pb_run *const *prompts, size_t n_prompts, pb_edit *const *edits,
                            size_t n, const pb_context *context, pb_binding **bindings,
                            pb_run_edits *hooks, pb_error **error);

/* Applies one bound edit to a view whose rows are all of its prompt. */
pb_status pb_bound_apply(const pb_bound_edit *bound, const pb_view *view, pb_error **error);

/* ---- edits that compute (compute.c) ---- */

/* The same for CALL. */
pb_status pb_bound_compute(const pb_bound_edit *bound, const pb_view *view, pb_error **error);
/* Makes room for the activation of `rows` positions, which come a few at a time. */
pb_status pb_bound_remember(pb_bound_edit *bound, size_t rows, pb_error **error);

#endif
