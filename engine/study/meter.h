/*
 * Inside study: a meter is a metric made ready for certain prompts: which positions it reads of
 * them, and the directions or the reference that it compares with. Every metric but a user's
 * function is the mean, over the positions it reads, of a number that depends on one position's
 * logits; a sweep computes that number for the rows it changed only.
 */
#ifndef STUDY_METER_H
#define STUDY_METER_H

#include "study/metric.h"

typedef struct pb_meter pb_meter;

/*
 * `runs` are the prompts the metric is about: positions and, for LOSS, tokens come from them. They
 * and the metric are borrowed for the meter's life. With one_place a metric that reads several
 * positions other than LOSS is PB_VALUE.
 */
pb_status pb_meter_create(const pb_metric *metric, pb_run *const *runs, size_t n_runs,
                          bool one_place, const pb_context *context, pb_meter **meter,
                          pb_error **error);
void pb_meter_destroy(pb_meter **meter);

/* The positions read in a prompt, ascending; all of them for CALL that is not settled. Borrowed. */
const size_t *pb_meter_positions(const pb_meter *meter, size_t prompt, size_t *n);
/* Whether the selector named one place, so that there is no axis over positions. */
bool pb_meter_is_scalar(const pb_meter *meter);
const pb_metric *pb_meter_metric(const pb_meter *meter);
bool pb_meter_calls(const pb_meter *meter); /* CALL: wants every position's logits at once */

/* A row whose number is wanted: which prompt, and which of its positions. */
typedef struct pb_meter_row {
    size_t prompt, position;
    const int32_t *tokens; /* LOSS: of the prompt the row is of */
} pb_meter_row;

/* Numbers of n rows, normed [n, d_model] (after ln_final). Not for CALL. */
pb_status pb_meter_rows(const pb_meter *meter, size_t n, const pb_meter_row *rows,
                        const float *normed, const pb_context *context, double *numbers,
                        pb_error **error);

/* The same where the rows' logits, [n, n_vocab], are there. */
void pb_meter_rows_of(const pb_meter *meter, size_t n, const pb_meter_row *rows,
                      const float *normed, const float *logits, double *numbers);

/* CALL: the function of one prompt as it was left, of the meter's prompt `seen->prompt` or as long
 * as it. */
pb_status pb_meter_call(const pb_meter *meter, pb_seen *seen, double *value, pb_error **error);

/* CALL: what the function has read so far of a prompt. NULL for any other metric. */
const pb_reads *pb_meter_reads(const pb_meter *meter, size_t prompt);
/* CALL, called on both ends of a prompt: from here on the positions read are those it read there.
 * It is a function of what it reads: of a run that is the same there, the same number comes. */
void pb_meter_settle(pb_meter *meter, size_t prompt);

/* Numbers of the positions read in a run, of the meter's prompt `prompt` or as long as it. Not for
 * CALL. */
pb_status pb_meter_numbers_of_run(const pb_meter *meter, size_t prompt, pb_run *run,
                                  const pb_context *context, double *numbers, pb_error **error);

/* The metric on a run, of the meter's prompt `prompt` or as long as it. */
pb_status pb_meter_of_run(const pb_meter *meter, size_t prompt, pb_run *run,
                          const pb_context *context, double *value, pb_error **error);

#endif
