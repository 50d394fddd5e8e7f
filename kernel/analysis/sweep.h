/* What patch() and path() share: two ends, a metric read on them, and how a sweep shows. */
#ifndef PB_ANALYSIS_SWEEP_H
#define PB_ANALYSIS_SWEEP_H

#include "domain.h"

/* into and from, paired up one to one, or one shared by all. Zero-initialise. */
typedef struct pb_ends {
    pb_prompts into, from;
    pb_axis *axis; /* borrowed from the one that is a list; NULL with one pair */
} pb_ends;

/* Reads into= and from=, whose prompts must be as long as each other, pair by pair. */
pb_status pb_ends_take(pb_call *call, const char *what, pb_ends *ends, pb_error **error);
size_t pb_ends_count(const pb_ends *ends);
/* The prompts whose targets and positions a metric reads: into, or from where only that is many. */
const pb_prompts *pb_ends_prompts(const pb_ends *ends);
void pb_ends_free(pb_ends *ends);

/* A sweep as the engine found it. */
typedef struct pb_found_sweep {
    pb_tensor **values;     /* taken */
    pb_tensor **mean;       /* taken: over several pairs, the ratio of the means, if normalised */
    pb_tensor *into, *from; /* the metric's value at both ends */
    bool normalized;        /* (patched - into) / (from - into) */
    bool partial;           /* interrupted: what was not computed is empty */
    bool noted;             /* `fields` have a note that says so */
} pb_found_sweep;

/* With normalize: PB_VALUE where the gap between the ends, or between their means, is less than
 * float32 can tell apart (resolution.c); of several pairs, those alone are empty in .each. */
pb_status pb_sweep_check_gap(const pb_ends *ends, const pb_bound_metric *metric,
                             const pb_context *context, pb_found_sweep *found, pb_error **error);

/*
 * A sweep as a value, "resid_post, position 2, patched into "I love ..." from "I hate ...": logit
 * of
 * ... (logits). Unpatched 15.67; in the other prompt 11.70." `what` opens that caption. `fields`
 * are the word's own, beside .into, .from, .normalized, .partial and .change, or .each of a ratio
 * of means.
 */
pb_status pb_sweep_value(const pb_buffer *what, const pb_ends *ends, const pb_bound_metric *metric,
                         const pb_found_sweep *found, size_t n_fields, const pb_field *fields,
                         pb_value **result, pb_error **error);

/* What patching changed at each place of a sweep that is not normalised, or of a part of one. NULL
 * for anything else. */
const pb_tensor *pb_sweep_changes(const pb_value *sweep);

#endif
