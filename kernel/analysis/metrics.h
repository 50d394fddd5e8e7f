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

typedef struct pb_metric_term {
    pb_value *metric; /* of a word, no sum */
    double weight;
} pb_metric_term;

typedef struct pb_metric_data {
    const pb_metric_row *row;
    pb_value *target, *against; /* NULL where the metric has none */
    pb_value *pos;              /* NULL: the last position */
    pb_value *reference;        /* kl: a list of runs */
    bool per_token;             /* loss(by="pos") */
    pb_metric_term *terms;      /* of a sum */
    size_t n_terms;
    double constant;
} pb_metric_data;

void pb_metric_destroy(void *metric);

/* Binds a metric to a model and to a number of its prompts. */
pb_status pb_metric_bind(const pb_metric_data *metric, pb_model *model, size_t n_prompts,
                         pb_bound_metric *bound, pb_error **error);

/* ---- sums of metrics (metric_sum.c) ---- */

bool pb_metric_is_sum(const pb_metric_data *metric);
void pb_metric_sum_repr(const pb_metric_data *metric, pb_buffer *out);
bool pb_metric_sums_equal(const pb_metric_data *x, const pb_metric_data *y);
void pb_metric_terms_free(pb_metric_data *metric);
pb_status pb_metric_binary(pb_interp *interp, pb_binary op, const pb_value *a, const pb_value *b,
                           pb_value **result, pb_error **error);
pb_status pb_metric_bind_sum(const pb_metric_data *metric, pb_model *model, size_t n_prompts,
                             pb_bound_metric *bound, pb_error **error);
void pb_bound_terms_free(pb_bound_metric *bound);

/* The metric on prompts as a word takes them: a string, a run, a list of them, a table. */
pb_status pb_metric_of_prompts(pb_interp *interp, const pb_value *metric, pb_value *prompts,
                               pb_value **result, pb_error **error);
/* The metric on one run, or on the run of one cell of a sweep. */
pb_status pb_metric_of_run(pb_interp *interp, const pb_metric_data *metric, const pb_value *run,
                           pb_value **result, pb_error **error);

/* ---- a function of the user's as a metric (metric_own.c) ---- */

/* The run of one cell of a sweep, as a metric of one's own is given it. */
extern const pb_object_type pb_cell_run_type;
pb_seen *pb_cell_run_seen(const pb_value *value);   /* borrowed; NULL if it is none */
pb_value *pb_cell_run_model(const pb_value *value); /* borrowed */

pb_status pb_metric_bind_function(pb_interp *interp, pb_value *function, pb_value *model,
                                  pb_bound_metric *bound, pb_error **error);
void pb_metric_caller_free(struct pb_metric_caller **caller);

/* What a metric comes to, as a value. Takes *values, also on failure. */
pb_status pb_metric_value(const pb_metric_row *row, pb_tensor **values, pb_value *model,
                          const char *caption, pb_value **result, pb_error **error);

#endif
