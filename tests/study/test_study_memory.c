/*
 * Memory that runs out in the middle of a question: every allocation fails in turn, and each time
 * the question must say so, with nothing left behind (the sanitizers watch).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "failing_memory.h"
#include "fixture.h"
#include "study/attribute.h"
#include "study/edit.h"
#include "study/generate.h"
#include "study/heads.h"
#include "study/path.h"
#include "study/top.h"

static fixture f;

static int open_random(void **state)
{
    (void)state;
    f = fixture_open("random-3l5h");
    return 0;
}

static int close_random(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

/* True when done; false after memory ran out and the error said so. */
static bool done(pb_status status, pb_error **error)
{
    if (status && status != PB_MEMORY)
        fail_msg("%s: %s", pb_status_name(status), pb_error_text(*error));
    assert_true((!status) == (*error == NULL));
    pb_error_destroy(error);
    return !status;
}

static bool patch_site(pb_patch_spec spec)
{
    pb_patch_result result;
    pb_error *error = NULL;
    if (!done(pb_patch(&spec, NULL, &result, &error), &error))
        return false;
    pb_patch_result_release(&result);
    return true;
}

static bool patch_stream(void *user)
{
    const pb_metric metric = good_logit(&f);
    pb_patch_spec spec = patch_of(&f, PB_SITE_RESID_POST, &metric);
    (void)user;
    return patch_site(spec);
}

static bool patch_heads(void *user)
{
    const pb_metric metric = {.kind = PB_METRIC_KL, .reference = &f.from, .n_reference = 1};
    const pb_head heads[2] = {{0, 1}, {2, 3}};
    pb_patch_spec spec = patch_of(&f, PB_SITE_PATTERN, &metric);
    (void)user;
    spec.pairs = heads;
    spec.n_pairs = 2;
    return patch_site(spec);
}

static bool edit_twice(void *user)
{
    const pb_select label = {.kind = PB_SELECT_INDEX, .index = 2};
    const pb_edit_spec take = {
        .site = PB_SITE_Z, .from = &f.from, .n_from = 1, .positions = &label};
    const pb_edit_spec mean = {.site = PB_SITE_MLP_OUT};
    pb_edit *edits[2] = {NULL, NULL};
    pb_run *once = NULL, *again = NULL;
    pb_error *error = NULL;
    (void)user;
    pb_status status = pb_edit_create(f.model, &take, &edits[0], &error);
    if (!status)
        status = pb_edit_mean(f.model, &mean, &f.into, 1, true, NULL, &edits[1], &error);
    if (!status)
        status = pb_run_edited(&f.into, 1, edits, 2, NULL, &once, &error);
    if (!status)
        status = pb_run_edited(&once, 1, edits, 1, NULL, &again, &error);
    pb_edit_release(&edits[0]);
    pb_edit_release(&edits[1]);
    pb_run_release(&once);
    pb_run_release(&again);
    return done(status, &error);
}

static bool attribute_by(pb_attribute_by by)
{
    const pb_select all = {.kind = PB_SELECT_ALL};
    const pb_attribute_spec spec = {.by = by,
                                    .targets = &f.good,
                                    .n_targets = 1,
                                    .against = &f.bad,
                                    .n_against = 1,
                                    .positions = &all};
    pb_attribution a;
    pb_error *error = NULL;
    if (!done(pb_attribute(&f.into, 1, NULL, &spec, NULL, &a, &error), &error))
        return false;
    pb_attribution_release(&a);
    return true;
}

static bool attribute_heads(void *user)
{
    (void)user;
    return attribute_by(PB_BY_HEAD);
}

static bool attribute_neurons(void *user)
{
    (void)user;
    return attribute_by(PB_BY_NEURON);
}

static bool look_through_the_lens(void *user)
{
    pb_tensor *ids = NULL;
    pb_error *error = NULL;
    (void)user;
    pb_status status = pb_logit_lens_top(f.into, PB_SITE_RESID_MID, NULL, &ids, NULL, NULL, &error);
    pb_tensor_release(&ids);
    return done(status, &error);
}

static bool ask_metrics(void *user)
{
    const pb_metric loss = {.kind = PB_METRIC_LOSS};
    pb_tensor *losses = NULL, *mean = NULL;
    pb_prediction *best = NULL;
    size_t n = 0;
    pb_error *error = NULL;
    (void)user;
    pb_status status = pb_loss_per_token(f.into, NULL, &losses, &error);
    if (!status)
        status = pb_metric_evaluate(&loss, &f.into, 1, NULL, NULL, &mean, &error);
    if (!status)
        status = pb_top_tokens(f.into, NULL, 3, &best, &n, &error);
    pb_tensor_release(&losses);
    pb_tensor_release(&mean);
    free(best);
    return done(status, &error);
}

static bool score_heads(void *user)
{
    const pb_detector_spec spec = {.detector = PB_DETECT_INDUCTION};
    pb_tensor *scores = NULL, *composition = NULL;
    pb_error *error = NULL;
    (void)user;
    pb_status status = pb_head_scores(f.repeat, &spec, NULL, &scores, &error);
    if (!status)
        status = pb_composition_scores(f.model, PB_COMPOSE_K, NULL, &composition, &error);
    pb_tensor_release(&scores);
    pb_tensor_release(&composition);
    return done(status, &error);
}

static bool trace_paths(void *user)
{
    const pb_metric metric = good_logit(&f);
    const pb_head senders[2] = {{0, 1}, {1, 4}};
    const pb_receiver receivers[2] = {{PB_PATH_Q, 2, 1}, {PB_PATH_MLP, 1, 0}};
    const pb_path_spec spec = {.into = &f.into,
                               .from = &f.from,
                               .n_pairs = 1,
                               .senders = senders,
                               .n_senders = 2,
                               .each_sender = true,
                               .receivers = receivers,
                               .n_receivers = 2,
                               .mode = PB_PATH_LINEAR,
                               .metric = &metric};
    pb_path_result result;
    pb_error *error = NULL;
    (void)user;
    if (!done(pb_path_patch(&spec, NULL, &result, &error), &error))
        return false;
    pb_path_result_release(&result);
    return true;
}

static bool write_on(void *user)
{
    const pb_generate_spec spec = {.n_tokens = 3, .temperature = 1};
    int32_t *tokens = NULL;
    size_t n = 0;
    bool partial = false;
    pb_error *error = NULL;
    (void)user;
    pb_status status = pb_generate(f.into, &spec, NULL, &tokens, &n, &partial, &error);
    free(tokens);
    return done(status, &error);
}

static bool refuse_lengths(void *user)
{
    pb_error *error = NULL;
    (void)user;
    pb_status status = pb_lengths_differ((pb_named_run){"into", f.into},
                                         (pb_named_run){"other", f.other}, "these differ", &error);
    pb_error_destroy(&error);
    return status == PB_VALUE;
}

enum { MOST = 4000 };

#define STARVES(work)                                                                              \
    static void work##_starves(void **state)                                                       \
    {                                                                                              \
        (void)state;                                                                               \
        assert_survives_failing_memory(work, NULL, MOST);                                          \
    }

STARVES(patch_stream)
STARVES(patch_heads)
STARVES(edit_twice)
STARVES(attribute_heads)
STARVES(attribute_neurons)
STARVES(look_through_the_lens)
STARVES(ask_metrics)
STARVES(score_heads)
STARVES(trace_paths)
STARVES(write_on)
STARVES(refuse_lengths)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patch_stream_starves),
        cmocka_unit_test(patch_heads_starves),
        cmocka_unit_test(edit_twice_starves),
        cmocka_unit_test(attribute_heads_starves),
        cmocka_unit_test(attribute_neurons_starves),
        cmocka_unit_test(look_through_the_lens_starves),
        cmocka_unit_test(ask_metrics_starves),
        cmocka_unit_test(score_heads_starves),
        cmocka_unit_test(trace_paths_starves),
        cmocka_unit_test(write_on_starves),
        cmocka_unit_test(refuse_lengths_starves),
    };
    return cmocka_run_group_tests(tests, open_random, close_random);
}
