/* The metrics' formulas, and what is asked of one before it is used; see study/metric.h. */
#include "study/metric.h"

#include <float.h>
#include <math.h>

#include "math/kernels.h"
#include "places.h"

bool pb_metric_needs_columns_only(const pb_metric *metric)
{
    bool only = metric->kind == PB_METRIC_SUM;
    for (size_t i = 0; only && i < metric->n_parts; i++)
        only = pb_metric_needs_columns_only(metric->parts[i].metric);
    return only || ((metric->kind == PB_METRIC_LOGIT || metric->kind == PB_METRIC_LOGIT_DIFF) &&
                    !metric->target_ends && !metric->against_ends);
}

bool pb_metric_reads_tokens(const pb_metric *metric)
{
    bool reads = metric->kind == PB_METRIC_LOSS;
    for (size_t i = 0; metric->kind == PB_METRIC_SUM && i < metric->n_parts; i++)
        reads = reads || pb_metric_reads_tokens(metric->parts[i].metric);
    return reads;
}

/* A target of a prompt: the tokens that count as one word. */
typedef struct words {
    const int32_t *tokens;
    size_t n;
} words;

static words shared_or_own(const int32_t *tokens, const size_t *ends, size_t n, size_t prompt)
{
    size_t which = n > 1 ? prompt : 0;
    if (!ends)
        return (words){tokens + which, 1};
    size_t first = which ? ends[which - 1] : 0;
    return (words){tokens + first, ends[which] - first};
}

/* log of the sum of exp(logit). */
static double logit_of(words target, const float *logits)
{
    double top = logits[target.tokens[0]], sum = 0;
    for (size_t i = 1; i < target.n; i++)
        top = fmax(top, logits[target.tokens[i]]);
    for (size_t i = 0; i < target.n; i++)
        sum += exp(logits[target.tokens[i]] - top);
    return target.n == 1 ? top : top + log(sum);
}

static double rank_of(const float *logits, size_t n_vocab, words target)
{
    size_t above = 0;
    float best = logits[target.tokens[0]];
    for (size_t i = 1; i < target.n; i++)
        best = fmaxf(best, logits[target.tokens[i]]);
    for (size_t t = 0; t < n_vocab; t++)
        above += logits[t] > best;
    return (double)above;
}

/* Rounding of float32 moves a logit of size l by some units of FLT_EPSILON l: d at most, here. Two
 * rows that differ by no more have a divergence of d^2 / 2 at most, and a smaller one is no
 * difference that float32 could have told. */
static double least_divergence(const float *logits, size_t n_vocab)
{
    double largest = 0;
    for (size_t t = 0; t < n_vocab; t++)
        largest = fabs((double)logits[t]) > largest ? fabs((double)logits[t]) : largest;
    double d = 16 * FLT_EPSILON * largest;
    return d * d / 2;
}

/* sum p (log p - log q), p the softmax of `reference` and q that of `logits`; 0 for equal rows. */
static double divergence(const float *logits, size_t n_vocab, const float *reference)
{
    double ours = pb_log_sum_exp(n_vocab, logits), theirs = pb_log_sum_exp(n_vocab, reference);
    double sum = 0;
    for (size_t t = 0; t < n_vocab; t++) {
        double log_p = (double)reference[t] - theirs;
        sum += exp(log_p) * (log_p - ((double)logits[t] - ours));
    }
    return sum > least_divergence(reference, n_vocab) ? sum : 0;
}

double pb_metric_of_logits(const pb_metric *metric, size_t prompt, const float *logits,
                           size_t n_vocab, const float *reference)
{
    if (metric->kind == PB_METRIC_KL)
        return divergence(logits, n_vocab, reference);
    words target = shared_or_own(metric->targets, metric->target_ends, metric->n_targets, prompt);
    switch (metric->kind) {
    case PB_METRIC_LOGIT: return logit_of(target, logits);
    case PB_METRIC_LOGIT_DIFF:
        return logit_of(target, logits) -
               logit_of(
                   shared_or_own(metric->against, metric->against_ends, metric->n_against, prompt),
                   logits);
    case PB_METRIC_PROB: return exp(logit_of(target, logits) - pb_log_sum_exp(n_vocab, logits));
    case PB_METRIC_LOGPROB: return logit_of(target, logits) - pb_log_sum_exp(n_vocab, logits);
    case PB_METRIC_RANK: return rank_of(logits, n_vocab, target);
    default: return NAN; /* LOSS, SUM and CALL are not about one row */
    }
}

/* ---- checks ---- */

static pb_status check_tokens(const char *what, const int32_t *tokens, const size_t *ends, size_t n,
                              size_t n_prompts, size_t n_vocab, pb_error **error)
{
    if (n == 0)
        return pb_fail(error, PB_TYPE, "the metric needs a %s", what);
    for (size_t i = 0; ends && i < n; i++) {
        if (ends[i] == (i ? ends[i - 1] : 0))
            return pb_fail(error, PB_VALUE, "the metric has a %s without words", what);
    }
    for (size_t i = 0; i < (ends ? ends[n - 1] : n); i++) {
        if (tokens[i] < 0 || (size_t)tokens[i] >= n_vocab)
            return pb_fail(error, PB_RANGE, "there is no token %ld: ids are 0 to %zu",
                           (long)tokens[i], n_vocab - 1);
    }
    return pb_check_count("targets", n, n_prompts, error);
}

static pb_status check_reference(const pb_metric *metric, const pb_model *model, size_t n_prompts,
                                 pb_error **error)
{
    if (metric->n_reference == 0)
        return pb_fail(error, PB_TYPE, "kl needs a reference: kl(reference=run(...))");
    pb_status status = pb_check_count("references", metric->n_reference, n_prompts, error);
    return status ? status : pb_same_model(metric->reference, metric->n_reference, model, error);
}

pb_status pb_metric_check(const pb_metric *metric, const pb_model *model, size_t n_prompts,
                          pb_error **error)
{
    size_t n_vocab = pb_model_shape(model)->n_vocab;
    pb_status status = pb_about("pos", pb_check_per(metric->positions, n_prompts, error), error);
    if (status)
        return status;
    switch (metric->kind) {
    case PB_METRIC_LOSS: return PB_OK;
    case PB_METRIC_SUM:
        return metric->n_parts ? PB_OK : pb_fail(error, PB_TYPE, "a sum of no metrics");
    case PB_METRIC_KL: return check_reference(metric, model, n_prompts, error);
    case PB_METRIC_CALL:
        return metric->call ? PB_OK : pb_fail(error, PB_TYPE, "the metric has no function");
    case PB_METRIC_LOGIT_DIFF:
        status = check_tokens("token to compare with", metric->against, metric->against_ends,
                              metric->n_against, n_prompts, n_vocab, error);
        break;
    default: break;
    }
    return status ? status
                  : check_tokens("target", metric->targets, metric->target_ends, metric->n_targets,
                                 n_prompts, n_vocab, error);
}
