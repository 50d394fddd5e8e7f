/* Inside study: selectors resolved to offsets, and kept. */
#ifndef STUDY_PLACES_H
#define STUDY_PLACES_H

#include "study/where.h"

/* Checks that n targets or runs fit n_prompts: none, one shared, or one each. */
pb_status pb_check_count(const char *what, size_t n, size_t n_prompts, pb_error **error);
/* The same of the places that PER gives. */
pb_status pb_check_per(const pb_select *select, size_t n_prompts, pb_error **error);

/* Passes `status` on; the error is about places that are given as `argument`. */
pb_status pb_about(const char *argument, pb_status status, pb_error **error);
/* The same for the places of one of several prompts. */
pb_status pb_about_prompt(const char *argument, size_t prompt, pb_status status, pb_error **error);

/* An axis' places under another name and without labels: layers, heads and neurons are chosen by
 * their numbers. */
pb_status pb_axis_by_number(const pb_axis *axis, const char *name, pb_axis **numbers,
                            pb_error **error);

/* The offsets of a selector along an axis, ascending and distinct; NULL selects all. *dropped
 * (may be NULL) says whether it named one place. *offsets is malloc'ed, the caller's. PB_VALUE for
 * a selector of no places. */
pb_status pb_places(const pb_axis *axis, const pb_select *select, size_t **offsets, size_t *n,
                    bool *dropped, pb_error **error);

/* The same as flags, [length of the axis], malloc'ed; of no places they are all 0, which *n (NULL:
 * refused) counts. */
pb_status pb_places_mask(const pb_axis *axis, const pb_select *select, unsigned char **mask,
                         size_t *n, pb_error **error);

/* An axis "component" of heads: coordinate layer * n_head + head, label "L9H6". */
pb_status pb_axis_of_heads(const pb_model *model, const pb_head *heads, size_t n, pb_axis **axis,
                           pb_error **error);

/* Layers and heads of a site in range? Two heads the same? */
pb_status pb_heads_check(const pb_model *model, pb_site site, const pb_head *heads, size_t n,
                         pb_error **error);

/* PB_VALUE unless all runs are of one model. */
pb_status pb_same_model(pb_run *const *runs, size_t n, const pb_model *model, pb_error **error);

/* A context to work with when the caller gave none. */
static inline pb_context pb_context_or_none(const pb_context *context)
{
    return context ? *context : (pb_context){NULL, NULL, NULL, NULL};
}

#endif
