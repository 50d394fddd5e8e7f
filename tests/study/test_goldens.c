/*
 * The study layer's numbers against TransformerLens' (tests/golden/make_study_goldens.py).
 *
 *     test_study_goldens               the models that come with Patchbay
 *     test_study_goldens NAME FOLDER   the golden study-NAME alone, of the model in FOLDER
 *
 * What a model has not, a golden of it has not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "study/attribute.h"
#include "study/edit.h"
#include "study/generate.h"
#include "study/heads.h"
#include "study/path.h"
#include "study/similar.h"
#include "study/top.h"

static const double UNIT = 1e-4;

/* A golden and the folder of its model. */
typedef struct subject {
    const char *name, *folder;
} subject;

static subject subjects[] = {{"reviews-4m", "models/reviews-4m"},
                             {"random-3l5h", "tests/models/random-3l5h"}};

static int open_fixture(void **state)
{
    const subject *of = *state;
    fixture *f = malloc(sizeof *f);
    assert_non_null(f);
    *f = fixture_open_in(of->name, of->folder);
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    fixture_close(*state);
    free(*state);
    return 0;
}

/* ---- attribution ---- */

static void attribute_one(fixture *f, pb_run *run, const char *about, const char *name,
                          pb_attribute_spec spec)
{
    pb_attribution a;
    pb_error *error = NULL;
    spec.targets = &f->good;
    spec.n_targets = 1;
    must(pb_attribute(&run, 1, NULL, &spec, NULL, &a, &error), error);
    compare_tensor(f, about, name, a.parts, UNIT);
    if (spec.scale) {
        for (size_t i = 0; i < pb_tensor_size(a.difference); i++)
            assert_float_equal(pb_tensor_data(a.difference)[i], 0, 2e-4);
    }
    pb_attribution_release(&a);
}

static void attributions_match(void **state)
{
    fixture *f = *state;
    const pb_select all = {.kind = PB_SELECT_ALL};
    pb_run *runs[2] = {f->into, f->other};
    const char *keys[2] = {"into", "other"};
    for (size_t i = 0; i < 2; i++) {
        pb_attribute_spec spec = {.by = PB_BY_COMPONENT, .scale = true};
        attribute_one(f, runs[i], keys[i], "attribute-component", spec);
        spec.scale = false;
        attribute_one(f, runs[i], keys[i], "attribute-component-plain", spec);
        spec = (pb_attribute_spec){.scale = true, .against = &f->bad, .n_against = 1};
        attribute_one(f, runs[i], keys[i], "attribute-component-against", spec);
        spec = (pb_attribute_spec){.scale = true, .positions = &all};
        attribute_one(f, runs[i], keys[i], "attribute-component-pos", spec);
        spec = (pb_attribute_spec){.by = PB_BY_HEAD, .scale = true};
        attribute_one(f, runs[i], keys[i], "attribute-head", spec);
        spec.scale = false;
        attribute_one(f, runs[i], keys[i], "attribute-head-plain", spec);
        spec = (pb_attribute_spec){.by = PB_BY_NEURON, .scale = true};
        attribute_one(f, runs[i], keys[i], "attribute-neuron", spec);
    }
}

static void attribution_checks_itself(void **state)
{
    fixture *f = *state;
    const golden_entry *expected = find_entry(f, "into", "bias-logit");
    pb_attribute_spec spec = {.by = PB_BY_HEAD, .targets = &f->good, .n_targets = 1, .scale = true};
    pb_attribution a;
    pb_error *error = NULL;
    must(pb_attribute(&f->into, 1, NULL, &spec, NULL, &a, &error), error);
    float both[2] = {pb_tensor_data(a.bias)[0], pb_tensor_data(a.logit)[0]};
    golden_compare(expected, both, 2, UNIT);
    double sum = pb_tensor_data(a.bias)[0] + pb_tensor_data(a.rest)[0];
    for (size_t i = 0; i < pb_tensor_size(a.parts); i++)
        sum += pb_tensor_data(a.parts)[i];
    assert_float_equal(sum, both[1], 2e-4);
    pb_attribution_release(&a);
}

static void lens_matches(void **state)
{
    fixture *f = *state;
    const pb_site sites[3] = {PB_SITE_RESID_PRE, PB_SITE_RESID_MID, PB_SITE_RESID_POST};
    const int32_t words[5] = {f->good, f->bad, 0, 11, 100};
    for (size_t i = 0; i < 3; i++) {
        char name[64];
        if (!pb_site_is_in(f->model, sites[i]))
            continue;
        pb_tensor *lens = NULL, *ids = NULL;
        pb_error *error = NULL;
        must(pb_logit_lens(f->into, sites[i], NULL, NULL, words, 5, NULL, &lens, &error), error);
        snprintf(name, sizeof name, "lens-%s", pb_site_info(sites[i])->name);
        compare_tensor(f, "into", name, lens, UNIT);
        must(pb_logit_lens_top(f->into, sites[i], NULL, NULL, NULL, &ids, NULL, NULL, &error),
             error);
        snprintf(name, sizeof name, "lens-top-%s", pb_site_info(sites[i])->name);
        compare_tensor(f, "into", name, ids, 0);
        pb_tensor_release(&lens);
        pb_tensor_release(&ids);
    }
}

/* ---- metrics ---- */

static float metric_value(const pb_metric *metric, pb_run *run)
{
    pb_tensor *value = NULL;
    pb_error *error = NULL;
    must(pb_metric_evaluate(metric, &run, 1, NULL, NULL, &value, &error), error);
    assert_int_equal(pb_tensor_rank(value), 0);
    float number = pb_tensor_data(value)[0];
    pb_tensor_release(&value);
    return number;
}

static void metrics_of_run(fixture *f, pb_run *run, const char *key)
{
    const pb_metric_kind kinds[5] = {PB_METRIC_LOGIT, PB_METRIC_LOGIT_DIFF, PB_METRIC_PROB,
                                     PB_METRIC_LOGPROB, PB_METRIC_RANK};
    float values[5];
    for (size_t i = 0; i < 5; i++) {
        const pb_metric metric = {.kind = kinds[i],
                                  .targets = &f->good,
                                  .n_targets = 1,
                                  .against = &f->bad,
                                  .n_against = 1};
        values[i] = metric_value(&metric, run);
    }
    golden_compare(find_entry(f, key, "metrics"), values, 5, UNIT);
    pb_tensor *losses = NULL;
    pb_error *error = NULL;
    must(pb_loss_per_token(run, NULL, &losses, &error), error);
    compare_tensor(f, key, "loss-tokens", losses, UNIT);
    pb_tensor_release(&losses);
    const pb_metric loss = {.kind = PB_METRIC_LOSS};
    float mean = metric_value(&loss, run);
    golden_compare(find_entry(f, key, "loss"), &mean, 1, UNIT);
}

static void top_of_run(fixture *f, pb_run *run, const char *key)
{
    pb_prediction *best = NULL;
    size_t n = 0;
    pb_error *error = NULL;
    float ids[10], logits[10], probabilities[10];
    must(pb_top_tokens(run, NULL, 10, &best, &n, &error), error);
    assert_int_equal(n, 10);
    for (size_t i = 0; i < 10; i++) {
        pb_prediction again;
        ids[i] = (float)best[i].token;
        logits[i] = best[i].logit;
        probabilities[i] = best[i].probability;
        must(pb_predictions(run, NULL, &best[i].token, 1, &again, &error), error);
        assert_int_equal(again.rank, i);
        assert_float_equal(again.logit, best[i].logit, 0);
    }
    golden_compare(find_entry(f, key, "top-ids"), ids, 10, 0);
    golden_compare(find_entry(f, key, "top-logits"), logits, 10, UNIT);
    golden_compare(find_entry(f, key, "top-probabilities"), probabilities, 10, 1e-5);
    free(best);
}

static void metrics_match(void **state)
{
    fixture *f = *state;
    pb_run *runs[3] = {f->into, f->from, f->other};
    const char *keys[3] = {"into", "from", "other"};
    for (size_t i = 0; i < 3; i++) {
        metrics_of_run(f, runs[i], keys[i]);
        top_of_run(f, runs[i], keys[i]);
    }
    const pb_metric kl = {.kind = PB_METRIC_KL, .reference = &f->from, .n_reference = 1};
    float value = metric_value(&kl, f->into);
    golden_compare(find_entry(f, "into", "kl-from"), &value, 1, UNIT);
    float same = metric_value(&kl, f->from);
    assert_float_equal(same, 0, 1e-5);
}

/* ---- patching ---- */

/* The walks after the site's name: each axis named is walked, the others are taken whole. */
static void read_walks(const char *walks, pb_patch_spec *spec)
{
    spec->layers = strstr(walks, "layer") ? &pb_select_each : NULL;
    spec->heads = strstr(walks, "head") ? &pb_select_each : NULL;
    spec->positions = strstr(walks, "pos") || strstr(walks, "query") ? &pb_select_each : NULL;
    spec->keys = strstr(walks, "key") ? &pb_select_each : NULL;
}

static void compare_patch(fixture *f, const golden_entry *entry, bool one_by_one)
{
    char site_name[32];
    const char *dash = strchr(entry->words[2], '-');
    snprintf(site_name, sizeof site_name, "%.*s", (int)(dash - entry->words[2]), entry->words[2]);
    pb_site site;
    pb_error *error = NULL;
    must(pb_site_find(site_name, &site, &error), error);
    const pb_metric metric = good_logit(f);
    const pb_head pairs[2] = {{0, 0}, {1, 1}};
    pb_patch_spec spec = patch_of(f, site, &metric);
    pb_patch_result result;
    read_walks(dash, &spec);
    if (strstr(dash, "pairs")) {
        spec.pairs = pairs;
        spec.n_pairs = 2;
        spec.heads = &pb_select_each;
    }
    spec.one_by_one = one_by_one;
    must(pb_patch(&spec, NULL, &result, &error), error);
    assert_false(result.partial);
    golden_compare(entry, pb_tensor_data(result.values), pb_tensor_size(result.values), UNIT);
    pb_patch_result_release(&result);
}

static void patches_match(void **state)
{
    fixture *f = *state;
    size_t compared = 0;
    for (size_t i = 0; i < f->g.n; i++) {
        const golden_entry *entry = &f->g.entries[i];
        if (strcmp(entry->words[0], "study") != 0 || strcmp(entry->words[1], "patch") != 0)
            continue;
        compare_patch(f, entry, false);
        if (pb_model_shape(f->model)->n_layer <= 3) /* slow */
            compare_patch(f, entry, true);
        compared++;
    }
    assert_true(compared >= 29);
}

/* ---- edits ---- */

/* Of so many logits one is kept. */
static size_t step_of(const pb_model *model)
{
    return pb_model_shape(model)->n_vocab < 1000 ? 8 : 64;
}

static void compare_edited(fixture *f, const char *name, pb_edit *edit)
{
    pb_run *edited = NULL;
    pb_tensor *logits = NULL;
    pb_error *error = NULL;
    must(pb_run_edited(&f->into, 1, &edit, 1, NULL, &edited, &error), error);
    must(pb_run_logits(edited, NULL, &logits, &error), error);
    size_t n = pb_run_length(edited), vocab = pb_model_shape(f->model)->n_vocab, kept = 0;
    size_t step = step_of(f->model);
    float *some = malloc(n * (vocab / step + 1) * sizeof *some);
    assert_non_null(some);
    for (size_t p = 0; p < n; p++) {
        for (size_t t = 0; t < vocab; t += step)
            some[kept++] = pb_tensor_data(logits)[p * vocab + t];
    }
    golden_compare(find_entry(f, "edit", name), some, kept, UNIT);
    free(some);
    pb_tensor_release(&logits);
    pb_run_release(&edited);
    pb_edit_release(&edit);
}

static pb_edit *edit_of(fixture *f, pb_edit_spec spec)
{
    const pb_select layer = at_index(1);
    pb_edit *edit = NULL;
    pb_error *error = NULL;
    spec.layers = &layer;
    must(pb_edit_create(f->model, &spec, &edit, &error), error);
    return edit;
}

static void edits_match(void **state)
{
    fixture *f = *state;
    const pb_select head = at_index(2), third = at_index(3), key = at_index(1),
                    second = at_index(2);
    const pb_select some = {.kind = PB_SELECT_SLICE,
                            .has_first = true,
                            .first = 5,
                            .has_last = true,
                            .last = 20,
                            .step = 1};
    compare_edited(f, "zero-z", edit_of(f, (pb_edit_spec){.site = PB_SITE_Z, .heads = &head}));
    compare_edited(
        f, "zero-result-pos",
        edit_of(f, (pb_edit_spec){.site = PB_SITE_RESULT, .heads = &head, .positions = &third}));
    compare_edited(
        f, "zero-key",
        edit_of(f, (pb_edit_spec){.site = PB_SITE_PATTERN, .heads = &head, .keys = &key}));
    compare_edited(
        f, "set-scores",
        edit_of(f, (pb_edit_spec){.site = PB_SITE_ATTN_SCORES, .heads = &head, .number = 2}));
    compare_edited(
        f, "resample",
        edit_of(f, (pb_edit_spec){.site = PB_SITE_ATTN_OUT, .from = &f->from, .n_from = 1}));
    compare_edited(
        f, "scale",
        edit_of(f, (pb_edit_spec){.op = PB_EDIT_SCALE, .site = PB_SITE_ATTN_OUT, .number = 0.5}));
    compare_edited(f, "neurons",
                   edit_of(f, (pb_edit_spec){.site = PB_SITE_MLP_POST, .neurons = &some}));
    compare_edited(f, "set-from-pos",
                   edit_of(f, (pb_edit_spec){.site = PB_SITE_RESID_POST,
                                             .positions = &second,
                                             .from = &f->from,
                                             .n_from = 1}));
}

/* W_U[:, good] - W_U[:, bad], times a factor. */
static pb_tensor *direction_of(fixture *f, float factor)
{
    const int32_t words[2] = {f->good, f->bad};
    pb_axis *axis = pb_model_axis(f->model, "d_model");
    size_t d = pb_axis_length(axis);
    float *columns = malloc(2 * d * sizeof *columns), *data = NULL;
    pb_tensor *direction = NULL;
    pb_error *error = NULL;
    assert_non_null(columns);
    must(pb_model_unembed_columns(f->model, 2, words, columns, NULL, &error), error);
    must(pb_tensor_create(1, &axis, &direction, &data, &error), error);
    for (size_t i = 0; i < d; i++)
        data[i] = factor * (columns[i] - columns[d + i]);
    free(columns);
    return direction;
}

static void directions_match(void **state)
{
    fixture *f = *state;
    pb_tensor *once = direction_of(f, 1), *thrice = direction_of(f, 3);
    compare_edited(
        f, "add",
        edit_of(f, (pb_edit_spec){.op = PB_EDIT_ADD, .site = PB_SITE_RESID_POST, .value = thrice}));
    compare_edited(
        f, "project",
        edit_of(f,
                (pb_edit_spec){.op = PB_EDIT_PROJECT, .site = PB_SITE_RESID_PRE, .value = once}));
    pb_tensor_release(&once);
    pb_tensor_release(&thrice);
}

static void means_match(void **state)
{
    fixture *f = *state;
    const pb_select layer = at_index(1);
    const pb_select every = {.kind = PB_SELECT_ALL}; /* the start token too, as theirs */
    const pb_edit_spec spec = {.site = PB_SITE_MLP_OUT, .layers = &layer, .positions = &every};
    pb_run *same[2] = {f->into, f->from}, *different[2] = {f->from, f->other};
    pb_edit *edit = NULL;
    pb_error *error = NULL;
    must(pb_edit_mean(f->model, &spec, same, 2, true, NULL, &edit, &error), error);
    compare_edited(f, "mean-pos", edit);
    must(pb_edit_mean(f->model, &spec, different, 2, false, NULL, &edit, &error), error);
    compare_edited(f, "mean-all", edit);
}

/* ---- heads ---- */

static void detectors_match(void **state)
{
    fixture *f = *state;
    const char *names[3] = {"previous", "duplicate", "induction"};
    for (int detector = 0; detector < 3; detector++) {
        for (int options = 0; options < 8; options++) {
            pb_detector_spec spec = {.detector = (pb_detector)detector,
                                     .measure = options & 1 ? PB_DETECT_ABS : PB_DETECT_MUL,
                                     .exclude_bos = options & 2,
                                     .exclude_current_token = options & 4};
            char name[64];
            pb_tensor *scores = NULL;
            pb_error *error = NULL;
            snprintf(name, sizeof name, "%s-%s%s%s", names[detector], options & 1 ? "abs" : "mul",
                     options & 2 ? "-bos" : "", options & 4 ? "-current" : "");
            must(pb_head_scores(f->repeat, &spec, NULL, &scores, &error), error);
            compare_tensor(f, "heads", name, scores, UNIT);
            pb_tensor_release(&scores);
        }
    }
}

static void stripes_and_composition_match(void **state)
{
    fixture *f = *state;
    const char *stripes[3] = {"stripe-previous", "stripe-duplicate", "stripe-induction"};
    const char *kinds[3] = {"composition-Q", "composition-K", "composition-V"};
    for (int i = 0; i < 3; i++) {
        pb_tensor *values = NULL;
        pb_error *error = NULL;
        must(pb_head_stripes(f->repeat, (pb_stripe)i, NULL, &values, &error), error);
        compare_tensor(f, "heads", stripes[i], values, UNIT);
        pb_tensor_release(&values);
        must(pb_composition_scores(f->model, (pb_composition)i, NULL, &values, &error), error);
        compare_tensor(f, "heads", kinds[i], values, UNIT);
        pb_tensor_release(&values);
    }
}

/* ---- tokens ---- */

static void similarities_match(void **state)
{
    fixture *f = *state;
    const char *names[2] = {"embedded", "unembedded"};
    float *x = malloc(pb_model_shape(f->model)->d_model * sizeof *x);
    assert_non_null(x);
    for (int i = 0; i < 2; i++) {
        pb_tensor *cosines = NULL;
        pb_error *error = NULL;
        must(pb_token_vector(f->model, f->good, (pb_token_vectors)i, x, &error), error);
        must(pb_token_similarity(f->model, x, (pb_token_vectors)i, NULL, &cosines, &error), error);
        compare_tensor(f, "similar", names[i], cosines, UNIT);
        pb_tensor_release(&cosines);
    }
    free(x);
}

/* ---- paths ---- */

static void compare_path(fixture *f, const char *name, pb_path_mode mode,
                         const pb_receiver *receivers, size_t n_receivers)
{
    const pb_metric metric = good_logit(f);
    pb_path_spec spec = {.into = &f->into,
                         .from = &f->from,
                         .n_pairs = 1,
                         .receivers = receivers,
                         .n_receivers = n_receivers,
                         .mode = mode,
                         .metric = &metric};
    pb_path_result result;
    pb_error *error = NULL;
    must(pb_path_patch(&spec, NULL, &result, &error), error);
    compare_tensor(f, "path", name, result.values, UNIT);
    pb_path_result_release(&result);
}

static void paths_match(void **state)
{
    fixture *f = *state;
    const char *modes[3] = {"ioi", "direct", "linear"};
    char q[16], v[16], mlp[16], name[64];
    size_t last = pb_model_shape(f->model)->n_layer - 1;
    pb_receiver pair[2], other, logits;
    pb_error *error = NULL;
    snprintf(q, sizeof q, "L%zuH1.q", last);
    snprintf(v, sizeof v, "L%zuH0.v", last - 1);
    snprintf(mlp, sizeof mlp, "L%zu_mlp", last - 1);
    must(pb_receiver_parse(f->model, q, &pair[0], &error), error);
    must(pb_receiver_parse(f->model, v, &pair[1], &error), error);
    must(pb_receiver_parse(f->model, mlp, &other, &error), error);
    must(pb_receiver_parse(f->model, "logits", &logits, &error), error);
    for (int mode = 0; mode < 3; mode++) {
        snprintf(name, sizeof name, "%s-pair", modes[mode]);
        compare_path(f, name, (pb_path_mode)mode, pair, 2);
        snprintf(name, sizeof name, "%s-mlp", modes[mode]);
        compare_path(f, name, (pb_path_mode)mode, &other, 1);
        snprintf(name, sizeof name, "%s-logits", modes[mode]);
        compare_path(f, name, (pb_path_mode)mode, &logits, 1);
    }
}

/* The linear mode is TransformerLens' direct_path_patching, receiver by receiver. */
static void direct_paths_match_theirs(void **state)
{
    fixture *f = *state;
    const pb_shape *shape = pb_model_shape(f->model);
    const char *names[3] = {"theirs-q", "theirs-k", "theirs-v"};
    const pb_head sender = {0, 1};
    const pb_metric metric = good_logit(f);
    if (shape->n_kv_head != shape->n_head || shape->parallel) /* theirs runs on neither */
        return;
    for (int input = 0; input < 3; input++) {
        const golden_entry *entry = find_entry(f, "path", names[input]);
        float *values = malloc(entry->n_values * sizeof *values);
        assert_non_null(values);
        for (size_t i = 0; i < entry->n_values; i++) {
            const pb_receiver receiver = {(pb_path_input)(PB_PATH_Q + input), 1 + i / shape->n_head,
                                          i % shape->n_head};
            pb_path_spec spec = {.into = &f->into,
                                 .from = &f->from,
                                 .n_pairs = 1,
                                 .senders = &sender,
                                 .n_senders = 1,
                                 .receivers = &receiver,
                                 .n_receivers = 1,
                                 .mode = PB_PATH_LINEAR,
                                 .metric = &metric};
            pb_path_result result;
            pb_error *error = NULL;
            must(pb_path_patch(&spec, NULL, &result, &error), error);
            values[i] = pb_tensor_data(result.values)[0];
            pb_path_result_release(&result);
        }
        golden_compare(entry, values, entry->n_values, UNIT);
        free(values);
    }
}

/* ---- generation ---- */

static void compare_generated(fixture *f, const char *name, pb_edit *const *edits, size_t n_edits)
{
    pb_generate_spec spec = {.n_tokens = 12, .edits = edits, .n_edits = n_edits};
    int32_t *tokens = NULL;
    size_t n = 0;
    bool partial = true;
    pb_error *error = NULL;
    must(pb_generate(f->into, &spec, NULL, &tokens, &n, &partial, &error), error);
    const golden_entry *entry = find_entry(f, "generate", name);
    assert_false(partial);
    assert_int_equal(n, entry->n_values);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(tokens[i], (int32_t)entry->values[i]);
    free(tokens);
}

static void generation_matches(void **state)
{
    fixture *f = *state;
    const pb_select head = at_index(2);
    pb_edit *zero = edit_of(f, (pb_edit_spec){.site = PB_SITE_Z, .heads = &head});
    assert_true(pb_edit_end(zero, 0) == SIZE_MAX);
    compare_generated(f, "greedy", NULL, 0);
    compare_generated(f, "edited", &zero, 1);
    pb_edit_release(&zero);
}

#define WITH(test, which)                                                                          \
    {                                                                                              \
#test, test, open_fixture, close_fixture, &subjects[which]                                 \
    }

#define ALL_WITH(which)                                                                            \
    WITH(attributions_match, which), WITH(attribution_checks_itself, which),                       \
        WITH(lens_matches, which), WITH(metrics_match, which), WITH(patches_match, which),         \
        WITH(edits_match, which), WITH(directions_match, which), WITH(means_match, which),         \
        WITH(detectors_match, which), WITH(stripes_and_composition_match, which),                  \
        WITH(similarities_match, which), WITH(paths_match, which),                                 \
        WITH(direct_paths_match_theirs, which), WITH(generation_matches, which)

int main(int n, char **arguments)
{
    const struct CMUnitTest first[] = {ALL_WITH(0)}, second[] = {ALL_WITH(1)};
    if (n == 3) {
        subjects[0] = (subject){arguments[1], arguments[2]};
        return cmocka_run_group_tests_name(subjects[0].name, first, NULL, NULL);
    }
    return cmocka_run_group_tests_name(subjects[0].name, first, NULL, NULL) +
           cmocka_run_group_tests_name(subjects[1].name, second, NULL, NULL);
}
