/* The most likely next tokens; see study/top.h. */
#include "study/top.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "math/kernels.h"
#include "places.h"

/* Does a come before b? NaN last, ties by smaller id. */
static bool before(const float *logits, int32_t a, int32_t b)
{
    float x = isnan(logits[a]) ? -INFINITY : logits[a];
    float y = isnan(logits[b]) ? -INFINITY : logits[b];
    return x > y || (x == y && a < b);
}

/* heap[0] is the last of the k best so far; sinks it to its place. */
static void sink(const float *logits, int32_t *heap, size_t n)
{
    size_t at = 0;
    for (;;) {
        size_t worst = at, left = 2 * at + 1, right = left + 1;
        if (left < n && before(logits, heap[worst], heap[left]))
            worst = left;
        if (right < n && before(logits, heap[worst], heap[right]))
            worst = right;
        if (worst == at)
            return;
        int32_t moved = heap[at];
        heap[at] = heap[worst];
        heap[worst] = moved;
        at = worst;
    }
}

static void rise(const float *logits, int32_t *heap, size_t at)
{
    while (at > 0 && before(logits, heap[(at - 1) / 2], heap[at])) {
        int32_t moved = heap[at];
        heap[at] = heap[(at - 1) / 2];
        heap[(at - 1) / 2] = moved;
        at = (at - 1) / 2;
    }
}

/* The k best ids into `best`, best first: a heap of k whose root is the weakest. */
static void select_best(const float *logits, size_t n_vocab, int32_t *best, size_t k)
{
    size_t held = 0;
    for (size_t t = 0; t < n_vocab && k > 0; t++) {
        if (held < k) {
            best[held] = (int32_t)t;
            rise(logits, best, held++);
        } else if (before(logits, (int32_t)t, best[0])) {
            best[0] = (int32_t)t;
            sink(logits, best, k);
        }
    }
    while (held > 1) { /* the weakest goes to the end, again and again */
        int32_t weakest = best[0];
        best[0] = best[--held];
        best[held] = weakest;
        sink(logits, best, held);
    }
}

static pb_prediction prediction_of(const float *logits, double normalizer, int32_t token,
                                   size_t rank)
{
    double log_probability = logits[token] - normalizer;
    return (pb_prediction){
        .token = token,
        .rank = rank,
        .logit = logits[token],
        .probability = (float)exp(log_probability),
        .log_probability = (float)log_probability,
    };
}

pb_status pb_top_of_logits(const float *logits, size_t n_vocab, size_t k, pb_prediction **found,
                           size_t *count, pb_error **error)
{
    k = k < n_vocab ? k : n_vocab;
    int32_t *best = pb_malloc(k, sizeof *best);
    pb_prediction *made = pb_malloc(k, sizeof *made);
    if (!best || !made) {
        free(best);
        free(made);
        return pb_fail_memory(error);
    }
    select_best(logits, n_vocab, best, k);
    double normalizer = pb_log_sum_exp(n_vocab, logits);
    for (size_t i = 0; i < k; i++) /* as in pb_predictions(), equal logits share a rank */
        made[i] = prediction_of(logits, normalizer, best[i],
                                i && logits[best[i]] == logits[best[i - 1]] ? made[i - 1].rank : i);
    free(best);
    *found = made;
    *count = k;
    return PB_OK;
}

/* The logits after one position, [n_vocab], malloc'ed. */
static pb_status logits_after(pb_run *run, const pb_select *position, const pb_context *context,
                              float **logits, pb_error **error)
{
    size_t at = 0;
    pb_status status = pb_position_resolve(run, position, &at, error);
    if (status)
        return status;
    *logits = pb_malloc(pb_model_shape(pb_run_model(run))->n_vocab, sizeof **logits);
    if (!*logits)
        return pb_fail_memory(error);
    return pb_run_logits_at(run, 1, &at, context, *logits, error);
}

pb_status pb_top_tokens(pb_run *run, const pb_select *position, size_t k, pb_prediction **found,
                        size_t *count, pb_error **error)
{
    pb_context none = pb_context_or_none(NULL);
    float *logits = NULL;
    pb_status status = logits_after(run, position, &none, &logits, error);
    if (!status)
        status = pb_top_of_logits(logits, pb_model_shape(pb_run_model(run))->n_vocab, k, found,
                                  count, error);
    free(logits);
    return status;
}

static pb_status token_in_range(const pb_model *model, int32_t token, pb_error **error)
{
    size_t n_vocab = pb_model_shape(model)->n_vocab;
    if (token >= 0 && (size_t)token < n_vocab)
        return PB_OK;
    return pb_fail(error, PB_RANGE, "there is no token %ld: ids are 0 to %zu", (long)token,
                   n_vocab - 1);
}

pb_status pb_predictions(pb_run *run, const pb_select *position, const int32_t *tokens,
                         size_t n_tokens, pb_prediction *found, pb_error **error)
{
    pb_context none = pb_context_or_none(NULL);
    pb_model *model = pb_run_model(run);
    size_t n_vocab = pb_model_shape(model)->n_vocab;
    float *logits = NULL;
    pb_status status = logits_after(run, position, &none, &logits, error);
    double normalizer = status ? 0 : pb_log_sum_exp(n_vocab, logits);
    for (size_t i = 0; !status && i < n_tokens; i++) {
        status = token_in_range(model, tokens[i], error);
        size_t above = 0;
        for (size_t t = 0; !status && t < n_vocab; t++)
            above += logits[t] > logits[tokens[i]];
        if (!status)
            found[i] = prediction_of(logits, normalizer, tokens[i], above);
    }
    free(logits);
    return status;
}

static pb_status fill_logits(pb_run *const *runs, size_t n_runs, const pb_select *position,
                             const int32_t *tokens, size_t n_tokens, float *logits,
                             pb_error **error)
{
    pb_model *model = pb_run_model(runs[0]);
    size_t d = pb_model_shape(model)->d_model;
    float *normed = pb_malloc(n_runs, d * sizeof *normed);
    pb_status status = normed ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < n_runs; i++) {
        size_t at = 0;
        status = pb_position_resolve(runs[i], pb_select_for(position, i), &at, error);
        const float *row = pb_run_normed(runs[i]) + at * d;
        for (size_t j = 0; !status && j < d; j++)
            normed[i * d + j] = row[j];
    }
    if (!status)
        status = pb_unembed_tokens(model, n_runs, normed, n_tokens, tokens, logits, error);
    free(normed);
    return status;
}

pb_status pb_logits_of(pb_run *const *runs, pb_axis *prompts, const pb_select *position,
                       const int32_t *tokens, pb_axis *words, const pb_context *context,
                       pb_tensor **logits, pb_error **error)
{
    (void)context; /* a few columns: over before anyone could stop it */
    size_t n_runs = pb_axis_length(prompts);
    pb_axis *axes[2] = {prompts, words};
    pb_tensor *made = NULL;
    float *data = NULL;
    if (n_runs == 0)
        return pb_fail(error, PB_VALUE, "logits of no prompts");
    pb_status status = pb_same_model(runs, n_runs, pb_run_model(runs[0]), error);
    if (!status)
        status = pb_tensor_create(2, axes, &made, &data, error);
    if (!status)
        status = fill_logits(runs, n_runs, position, tokens, pb_axis_length(words), data, error);
    if (status)
        pb_tensor_release(&made);
    else
        *logits = made;
    return status;
}
