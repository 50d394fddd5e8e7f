/* What patch() and path() share: two ends, a metric read on them, and how a sweep shows. */
#ifndef PB_LANGUAGE_SWEEP_H
#define PB_LANGUAGE_SWEEP_H

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

/* The metric's value at both ends, as the engine gave them. */
typedef struct pb_end_values {
    pb_tensor *into, *from;
    bool normalized; /* the sweep is (patched - into) / (from - into) */
    bool of_means;   /* each of those three is a mean over the pairs */
} pb_end_values;

/* Appends what the sweep is: "resid_post, position 2, patched into "I love ..." from "I hate ...":
 * logit of ... (logits). Unpatched 15.67; in the other prompt 11.70." `what` opens it. */
void pb_sweep_caption(const char *what, const pb_ends *ends, const pb_bound_metric *metric,
                      const pb_end_values *values, pb_buffer *caption);

/* What patching changed, values - into, as a value under the sweep's caption. */
pb_status pb_sweep_change(const pb_tensor *values, const pb_tensor *into, pb_value *model,
                          const char *units, const pb_buffer *caption, bool partial,
                          pb_value **result, pb_error **error);

/* The normalised values of each pair, to stand beside the ratio of their means. Takes the caption.
 */
pb_status pb_sweep_each(pb_tensor *values, pb_value *model, pb_buffer *caption, pb_value **result,
                        pb_error **error);

extern const pb_look pb_sweep_look;

/* What patching changed at each place of a sweep that is not normalised, or of a part of one. NULL
 * for anything else. */
const pb_tensor *pb_sweep_changes(const pb_value *sweep);

/* A tensor of the engine's, which stays the caller's, as a value: a number where it has no axes. */
pb_status pb_tensor_field(pb_tensor *tensor, pb_value *model, const char *units, pb_value **result,
                          pb_error **error);

#endif
