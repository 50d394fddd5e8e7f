/* Detector scores and stripe means of attention heads; see study/heads.h. */
#include "study/heads.h"

#include <math.h>

#include "base/memory.h"
#include "places.h"

/* A number per head from its pattern [n, n]. */
typedef struct scorer {
    double (*score)(const struct scorer *scorer, const float *pattern, size_t n);
    const int32_t *tokens;
    const pb_detector_spec *spec;
    pb_stripe stripe;
    size_t period; /* stripes: tokens in one copy */
} scorer;

/* ---- every head of a run ---- */

static pb_status score_layers(pb_run *run, const scorer *with, const pb_context *context,
                              float *scores, pb_error **error)
{
    const pb_shape *shape = pb_model_shape(pb_run_model(run));
    size_t n = pb_run_length(run);
    float *patterns = pb_malloc(pb_run_activation_size(run, PB_SITE_PATTERN), sizeof *patterns);
    pb_status status = patterns ? PB_OK : pb_fail_memory(error);
    for (size_t l = 0; !status && l < shape->n_layer; l++) {
        status = pb_run_activation_into(run, PB_SITE_PATTERN, l, context, patterns, error);
        for (size_t h = 0; !status && h < shape->n_head; h++) {
            scores[l * shape->n_head + h] = (float)with->score(with, patterns + h * n * n, n);
            status = pb_watch_check(context->watch, error);
        }
        pb_watch_progress(context->watch, l + 1, shape->n_layer);
    }
    free(patterns);
    return status;
}

static pb_status score_heads(pb_run *run, const scorer *with, const pb_context *context,
                             pb_tensor **scores, pb_error **error)
{
    const pb_model *model = pb_run_model(run);
    pb_context used = pb_context_or_none(context);
    pb_axis *axes[2] = {pb_model_axis(model, "layer"), pb_model_axis(model, "head")};
    pb_tensor *made = NULL;
    float *data = NULL;
    pb_status status = pb_tensor_create(2, axes, &made, &data, error);
    if (!status)
        status = score_layers(run, with, &used, data, error);
    if (status)
        pb_tensor_release(&made);
    else
        *scores = made;
    return status;
}

/* ---- detectors ---- */

/* D[i, j], j <= i */
static bool detects(pb_detector detector, const int32_t *tokens, size_t i, size_t j)
{
    switch (detector) {
    case PB_DETECT_PREVIOUS: return j + 1 == i;
    case PB_DETECT_DUPLICATE: return j < i && tokens[j] == tokens[i];
    case PB_DETECT_INDUCTION: return j >= 1 && tokens[j - 1] == tokens[i];
    }
    return false;
}

static double detector_score(const scorer *with, const float *pattern, size_t n)
{
    const pb_detector_spec *spec = with->spec;
    double matched = 0, total = 0, difference = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            if ((spec->exclude_bos && j == 0) || (spec->exclude_current_token && j == i))
                continue;
            double a = pattern[i * n + j], d = detects(spec->detector, with->tokens, i, j);
            matched += a * d;
            total += a;
            difference += fabs(a - d);
        }
    }
    return spec->measure == PB_DETECT_MUL ? matched / total : 1 - difference / (double)n;
}

pb_status pb_head_scores(pb_run *run, const pb_detector_spec *spec, const pb_context *context,
                         pb_tensor **scores, pb_error **error)
{
    scorer with = {.score = detector_score, .tokens = pb_run_tokens(run), .spec = spec};
    return score_heads(run, &with, context, scores, error);
}

/* ---- stripes ---- */

static double stripe_mean(const scorer *with, const float *pattern, size_t n)
{
    size_t s = with->period;
    size_t back = with->stripe == PB_STRIPE_PREVIOUS    ? 1
                  : with->stripe == PB_STRIPE_DUPLICATE ? s
                                                        : s - 1;
    double sum = 0;
    for (size_t i = s + 1; i <= 2 * s; i++)
        sum += pattern[i * n + i - back];
    return sum / (double)s;
}

pb_status pb_head_stripes(pb_run *run, pb_stripe stripe, const pb_context *context,
                          pb_tensor **means, pb_error **error)
{
    size_t n = pb_run_length(run), s = (n - 1) / 2;
    const int32_t *tokens = pb_run_tokens(run);
    bool repeated = n >= 3 && n % 2 == 1;
    for (size_t i = 1; repeated && i <= s; i++)
        repeated = tokens[i] == tokens[i + s];
    if (!repeated) {
        pb_status status = pb_fail(error, PB_VALUE,
                                   "stripes are read on a start token and a sequence twice, and "
                                   "this prompt of %zu tokens is not that",
                                   n);
        if (error)
            pb_error_hint(*error, "random_tokens(20, repeat=2) makes such a prompt");
        return status;
    }
    scorer with = {.score = stripe_mean, .stripe = stripe, .period = s};
    return score_heads(run, &with, context, means, error);
}
