/* What the files of metrics share: the object, and the table of their kinds. */
#ifndef PB_ANALYSIS_METRICS_H
#define PB_ANALYSIS_METRICS_H

#include "domain.h"

typedef struct pb_metric_row {
    const char *word;
    pb_metric_kind kind;
    const char *units;
    const char *title; /* "logit", which captions go on with the target */
} pb_metric_row;

const pb_metric_row *pb_metric_row_of(const char *word); /* NULL if there is none */

typedef struct pb_metric_data {
    const pb_metric_row *row;
    pb_value *target, *against; /* NULL where the metric has none */
    pb_value *pos;              /* NULL: the last position */
    pb_value *reference;        /* kl: a list of runs */
    bool per_token;             /* loss(by="pos") */
} pb_metric_data;

void pb_metric_destroy(void *metric);

/* The metric for `n_prompts` of a model's prompts; its positions are the caller's to fill, followed
 * by pb_metric_positions(). */
pb_status pb_metric_bind(const pb_metric_data *metric, pb_model *model, size_t n_prompts,
                         pb_bound_metric *bound, pb_error **error);
void pb_metric_positions(pb_bound_metric *bound);

/* What a metric comes to, as a value. Takes *values, also on failure. */
pb_status pb_metric_value(const pb_metric_row *row, pb_tensor **values, pb_value *model,
                          const char *caption, pb_value **result, pb_error **error);

#endif
