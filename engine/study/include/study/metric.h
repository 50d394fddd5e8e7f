/*
 * Metrics: one number for a prompt's next-token prediction, by the definitions in
 * docs/definitions. A metric is a plain struct that borrows what it points at; the language fills
 * one from logit(" great"), kl(reference=r), or a function the user wrote.
 */
#ifndef PB_STUDY_METRIC_H
#define PB_STUDY_METRIC_H

#include "math/tensor.h"
#include "model/forward.h"
#include "model/run.h"
#include "study/seen.h"
#include "study/where.h"

typedef enum pb_metric_kind {
    PB_METRIC_LOGIT,      /* logits[target] */
    PB_METRIC_LOGIT_DIFF, /* logits[target] - logits[against] */
    PB_METRIC_PROB,       /* softmax(logits)[target] */
    PB_METRIC_LOGPROB,    /* log softmax(logits)[target], nats */
    PB_METRIC_RANK,       /* how many tokens have a larger logit: 0 is the top */
    PB_METRIC_LOSS,       /* mean over tokens i of -log p(t_{i+1} | t_<=i), nats */
    PB_METRIC_KL,         /* sum p (log p - log q), p the reference's prediction, q this one's */
    PB_METRIC_SUM,        /* constant + sum of weight * metric */
    PB_METRIC_CALL        /* a user's function of a run */
} pb_metric_kind;

/* A user's function: a prompt as a sweep left it to a number. Called on the calling thread. */
typedef pb_status (*pb_metric_call)(void *user, pb_seen *seen, double *value, pb_error **error);

typedef struct pb_metric pb_metric;

typedef struct pb_metric_part {
    const pb_metric *metric; /* neither SUM nor CALL */
    double weight;
} pb_metric_part;

/*
 * A target is a token, or a set of them taken as one word: its probability is the sum of theirs,
 * its logit the log of the sum of their exponentials, its rank the best of theirs.
 */
struct pb_metric {
    pb_metric_kind kind;
    const int32_t *targets; /* 1 shared or one per prompt; NULL for LOSS, KL, SUM and CALL */
    size_t n_targets;
    const size_t *target_ends; /* NULL: each target is one token; else the i-th is those from
                                  target_ends[i - 1], or 0, to target_ends[i] */
    const int32_t *against;    /* LOGIT_DIFF: 1 shared or one per prompt */
    size_t n_against;
    const size_t *against_ends;
    const pb_select *positions; /* NULL: the last */
    pb_run *const *reference;   /* KL: 1 shared or one per prompt */
    size_t n_reference;
    const pb_metric_part *parts; /* SUM */
    size_t n_parts;
    double constant;
    pb_metric_call call; /* CALL */
    void *user;
};

/* Whether a few columns of the unembedding are enough: LOGIT and LOGIT_DIFF of single tokens, and
 * sums of those. */
bool pb_metric_needs_columns_only(const pb_metric *metric);
/* Whether it compares a prediction with the prompt's own tokens (LOSS, and sums with it). */
bool pb_metric_reads_tokens(const pb_metric *metric);

/* Checks counts, tokens and references against n prompts of the model. */
pb_status pb_metric_check(const pb_metric *metric, const pb_model *model, size_t n_prompts,
                          pb_error **error);

/*
 * The metric on each run: [prompt] with `prompts` as the axis (of length n_runs), or a rank-0
 * tensor with prompts NULL and one run. A position selector that names several places (a list, a
 * slice) adds the axis pos; LOSS is then per token, on the positions that have a next one. Parts of
 * a SUM that name several must name the same.
 */
pb_status pb_metric_evaluate(const pb_metric *metric, pb_run *const *runs, size_t n_runs,
                             pb_axis *prompts, const pb_context *context, pb_tensor **values,
                             pb_error **error);

/* The same of one prompt as a user's function is given it. */
pb_status pb_metric_of_seen(const pb_metric *metric, pb_seen *seen, const pb_context *context,
                            pb_tensor **values, pb_error **error);

/* Loss of every token of one run, nats: [pos] of length T - 1, labelled by the token predicted
 * from. PB_VALUE for a prompt of one token. */
pb_status pb_loss_per_token(pb_run *run, const pb_context *context, pb_tensor **losses,
                            pb_error **error);

/* The metric from a row of logits, [n_vocab] (all kinds but LOSS, SUM and CALL). `reference` is the
 * reference's row of logits, for KL, which is 0 where float32 cannot tell the rows apart. Formulas
 * in one place, in double. */
double pb_metric_of_logits(const pb_metric *metric, size_t prompt, const float *logits,
                           size_t n_vocab, const float *reference);

#endif
