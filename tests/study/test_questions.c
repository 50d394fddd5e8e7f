/* Heads by name, positions, metrics, top tokens, generation, paths: their edges and refusals. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/gap.h"
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

static void heads_have_names(void **state)
{
    (void)state;
    pb_head head, *others = NULL;
    size_t n = 0;
    pb_error *error = NULL;
    must(pb_head_parse(f.model, "L2H4", &head, &error), error);
    assert_int_equal(head.layer, 2);
    assert_int_equal(head.head, 4);
    const char *wrong[] = {"",    "L",     "LH",    "L1",    "L1H",
                           "1H2", "L1H2x", "L-1H2", "L1 H2", "L99999999999H0"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        must_fail(pb_head_parse(f.model, wrong[i], &head, &error), PB_NAME, &error, "L4H1");
    must_fail(pb_head_parse(f.model, "L3H0", &head, &error), PB_RANGE, &error, "L0 to L2");
    const pb_head some[2] = {{0, 0}, {2, 4}};
    must(pb_heads_except(f.model, some, 2, &others, &n, &error), error);
    assert_int_equal(n, 13);
    assert_int_equal(others[0].head, 1);
    assert_int_equal(others[12].head, 3);
    free(others);
}

static void receivers_have_names(void **state)
{
    (void)state;
    pb_receiver receiver;
    pb_error *error = NULL;
    must(pb_receiver_parse(f.model, "L1H3.v", &receiver, &error), error);
    assert_int_equal(receiver.input, PB_PATH_V);
    assert_int_equal(receiver.layer, 1);
    assert_int_equal(receiver.head, 3);
    must(pb_receiver_parse(f.model, "L2_mlp", &receiver, &error), error);
    assert_int_equal(receiver.input, PB_PATH_MLP);
    const char *wrong[] = {"", "L1H3", "L1H3.", "L1H3.z", "L1H3.qq", "mlp", "L_mlp", "L1_mlps"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        must_fail(pb_receiver_parse(f.model, wrong[i], &receiver, &error), PB_NAME, &error, "");
    must_fail(pb_receiver_parse(f.model, "L9_mlp", &receiver, &error), PB_RANGE, &error, "layer 9");
    must_fail(pb_receiver_parse(f.model, "L9H0.q", &receiver, &error), PB_RANGE, &error, "L9H0");
}

static void components_have_names(void **state)
{
    (void)state;
    assert_int_equal(pb_component_count(f.model), 8);
    assert_int_equal(pb_component_at(f.model, 0).layer, -1);
    assert_string_equal(pb_component_at(f.model, 1).part, "pos_embed");
    assert_int_equal(pb_component_at(f.model, 6).layer, 2);
    assert_string_equal(pb_component_at(f.model, 6).part, "attn");
    assert_string_equal(pb_component_at(f.model, 7).part, "mlp");
}

/* A raw model's parts, gain and bias included, sum to its logit; an edited run's too. */
static void attributions_sum(void **state)
{
    (void)state;
    const pb_load_options as_is = {.raw = true};
    pb_model *raw = NULL;
    pb_error *error = NULL;
    must(pb_model_load("tests/models/random-3l5h", &as_is, NULL, &raw, &error), error);
    const pb_edit_spec add = {.op = PB_EDIT_ADD, .site = PB_SITE_RESID_MID, .number = 0.0},
                       scale = {.op = PB_EDIT_SCALE, .site = PB_SITE_RESULT, .number = 1.5},
                       change = {.op = PB_EDIT_SCALE, .site = PB_SITE_RESID_MID, .number = 0.7};
    pb_edit *edits[3];
    must(pb_edit_create(f.model, &add, &edits[0], &error), error);
    must(pb_edit_create(f.model, &scale, &edits[1], &error), error);
    must(pb_edit_create(f.model, &change, &edits[2], &error), error);
    pb_run *runs[2] = {run_tokens(raw, pb_run_tokens(f.into), pb_run_length(f.into)), NULL};
    must(pb_run_edited(&f.into, 1, edits, 3, NULL, &runs[1], &error), error);
    for (size_t i = 0; i < 2; i++) {
        for (int by = PB_BY_COMPONENT; by <= PB_BY_NEURON; by++) {
            const pb_attribute_spec spec = {.by = (pb_attribute_by)by,
                                            .targets = &f.good,
                                            .n_targets = 1,
                                            .against = &f.bad,
                                            .n_against = 1,
                                            .scale = true};
            pb_attribution a;
            must(pb_attribute(&runs[i], 1, NULL, &spec, NULL, &a, &error), error);
            double sum = pb_tensor_data(a.bias)[0] + (a.rest ? pb_tensor_data(a.rest)[0] : 0);
            for (size_t p = 0; p < pb_tensor_size(a.parts); p++)
                sum += pb_tensor_data(a.parts)[p];
            assert_float_equal(sum, pb_tensor_data(a.logit)[0], 5e-4);
            assert_float_equal(pb_tensor_data(a.difference)[0], 0, 5e-4);
            if (by == PB_BY_COMPONENT) {
                assert_int_equal(pb_tensor_size(a.parts), 9);
                assert_string_equal(pb_axis_label(pb_tensor_axis(a.parts, 0), 8),
                                    i ? "edits" : "ln_final_bias");
            }
            pb_attribution_release(&a);
        }
    }
    for (size_t i = 0; i < 3; i++)
        pb_edit_release(&edits[i]);
    pb_run_release(&runs[0]);
    pb_run_release(&runs[1]);
    pb_model_release(&raw);
}

static void attribution_of_chosen_heads_and_prompts(void **state)
{
    (void)state;
    pb_run *runs[2] = {f.into, f.other};
    const int32_t targets[2] = {f.good, f.bad};
    const pb_head heads[2] = {{2, 1}, {0, 3}};
    pb_axis *prompts = NULL;
    pb_error *error = NULL;
    must(pb_axis_create("prompt", 2, NULL, NULL, &prompts, &error), error);
    pb_attribute_spec spec = {.by = PB_BY_HEAD, .targets = targets, .n_targets = 2, .scale = true};
    pb_attribution all, some;
    must(pb_attribute(runs, 2, prompts, &spec, NULL, &all, &error), error);
    spec.heads = heads;
    spec.n_heads = 2;
    must(pb_attribute(runs, 2, prompts, &spec, NULL, &some, &error), error);
    for (size_t i = 0; i < 2; i++) {
        double others = pb_tensor_data(all.rest)[i];
        for (size_t h = 0; h < 15; h++)
            others += pb_tensor_data(all.parts)[i * 15 + h];
        for (size_t h = 0; h < 2; h++) {
            float expected = pb_tensor_data(all.parts)[i * 15 + heads[h].layer * 5 + heads[h].head];
            assert_float_equal(pb_tensor_data(some.parts)[i * 2 + h], expected, 0);
            others -= expected;
        }
        assert_float_equal(pb_tensor_data(some.rest)[i], others, 1e-4);
        /* Each alone is what it is among others. */
        pb_attribution alone;
        pb_attribute_spec single = {
            .by = PB_BY_HEAD, .targets = &targets[i], .n_targets = 1, .scale = true};
        must(pb_attribute(&runs[i], 1, NULL, &single, NULL, &alone, &error), error);
        for (size_t h = 0; h < 15; h++)
            assert_float_equal(pb_tensor_data(alone.parts)[h],
                               pb_tensor_data(all.parts)[i * 15 + h], 1e-4);
        pb_attribution_release(&alone);
    }
    pb_attribution_release(&all);
    pb_attribution_release(&some);
    pb_axis_release(&prompts);
}

/* Neurons are read in a pass of their own; with the biases they are what the MLPs wrote. */
static void neurons_add_up_to_their_mlps(void **state)
{
    (void)state;
    const pb_select all = {.kind = PB_SELECT_ALL};
    const pb_shape *shape = pb_model_shape(f.model);
    pb_attribute_spec spec = {
        .by = PB_BY_NEURON, .targets = &f.good, .n_targets = 1, .scale = true};
    pb_attribution last, each, components;
    pb_error *error = NULL;
    must(pb_attribute(&f.into, 1, NULL, &spec, NULL, &last, &error), error);
    spec.positions = &all;
    must(pb_attribute(&f.into, 1, NULL, &spec, NULL, &each, &error), error);
    size_t n = shape->n_layer * shape->d_mlp, before = (pb_run_length(f.into) - 1) * n;
    assert_int_equal(pb_tensor_size(last.parts), n);
    assert_int_equal(pb_tensor_size(each.parts), before + n);
    for (size_t i = 0; i < n; i++)
        assert_float_equal(pb_tensor_data(last.parts)[i], pb_tensor_data(each.parts)[before + i],
                           1e-5);
    spec = (pb_attribute_spec){.targets = &f.good, .n_targets = 1, .scale = true};
    must(pb_attribute(&f.into, 1, NULL, &spec, NULL, &components, &error), error);
    double others = pb_tensor_data(last.rest)[0], neurons = 0, written = 0, mlps = 0;
    for (size_t i = 0; i < n; i++)
        neurons += pb_tensor_data(last.parts)[i];
    for (size_t i = 0; i < pb_tensor_size(components.parts); i++) {
        bool is_mlp = strcmp(pb_component_at(f.model, i).part, "mlp") == 0;
        *(is_mlp ? &mlps : &written) += pb_tensor_data(components.parts)[i];
    }
    assert_float_equal(neurons + others, written + mlps, 2e-4);
    assert_true(fabs(neurons) > 1e-3);
    pb_attribution_release(&last);
    pb_attribution_release(&each);
    pb_attribution_release(&components);
}

/* The last position alone is read from what the run has kept; among others, from a pass. */
static void attribution_at_the_end_needs_no_pass(void **state)
{
    (void)state;
    const pb_select all = {.kind = PB_SELECT_ALL};
    pb_work work = {0};
    const pb_context context = {.work = &work};
    pb_error *error = NULL;
    for (int by = PB_BY_COMPONENT; by <= PB_BY_HEAD; by++) {
        pb_attribute_spec spec = {
            .by = (pb_attribute_by)by, .targets = &f.good, .n_targets = 1, .scale = true};
        pb_attribution kept, passed;
        must(pb_attribute(&f.into, 1, NULL, &spec, &context, &kept, &error), error);
        assert_int_equal(work.qkv_rows + work.mlp_rows, 0);
        spec.positions = &all;
        must(pb_attribute(&f.into, 1, NULL, &spec, &context, &passed, &error), error);
        assert_int_not_equal(work.mlp_rows, 0);
        work = (pb_work){0};
        size_t n = pb_tensor_size(kept.parts), before = (pb_run_length(f.into) - 1) * n;
        assert_int_equal(pb_tensor_size(passed.parts), before + n);
        for (size_t i = 0; i < n; i++)
            assert_float_equal(pb_tensor_data(kept.parts)[i],
                               pb_tensor_data(passed.parts)[before + i], 1e-5);
        pb_attribution_release(&kept);
        pb_attribution_release(&passed);
    }
}

static void metrics_refuse(void **state)
{
    (void)state;
    const int32_t outside = (int32_t)pb_model_shape(f.model)->n_vocab, three[3] = {1, 2, 3};
    pb_run *runs[2] = {f.into, f.from};
    pb_run *one = run_tokens(f.model, pb_run_tokens(f.into), 1);
    pb_axis *prompts = NULL;
    pb_tensor *value = NULL;
    pb_error *error = NULL;
    must(pb_axis_create("prompt", 2, NULL, NULL, &prompts, &error), error);
    pb_metric metric = {.kind = PB_METRIC_LOGIT, .targets = &outside, .n_targets = 1};
    must_fail(pb_metric_evaluate(&metric, runs, 2, prompts, NULL, &value, &error), PB_RANGE, &error,
              "8192");
    metric.kind = PB_METRIC_PROB;
    must_fail(pb_metric_evaluate(&metric, runs, 2, prompts, NULL, &value, &error), PB_RANGE, &error,
              "8192");
    metric = (pb_metric){.kind = PB_METRIC_PROB, .targets = three, .n_targets = 3};
    must_fail(pb_metric_evaluate(&metric, runs, 2, prompts, NULL, &value, &error), PB_VALUE, &error,
              "3 targets for 2 prompts");
    metric = (pb_metric){.kind = PB_METRIC_KL};
    must_fail(pb_metric_evaluate(&metric, runs, 2, prompts, NULL, &value, &error), PB_TYPE, &error,
              "reference");
    metric = (pb_metric){.kind = PB_METRIC_LOSS};
    must_fail(pb_metric_evaluate(&metric, &one, 1, NULL, NULL, &value, &error), PB_VALUE, &error,
              "1 token");
    pb_axis_release(&prompts);
    pb_run_release(&one);
}

/* Per-position values are those of the positions alone. */
static void metrics_over_positions(void **state)
{
    (void)state;
    const pb_select all = {.kind = PB_SELECT_ALL};
    const pb_metric_kind kinds[3] = {PB_METRIC_LOGIT, PB_METRIC_RANK, PB_METRIC_KL};
    for (size_t i = 0; i < 3; i++) {
        pb_metric metric = {.kind = kinds[i],
                            .targets = &f.good,
                            .n_targets = 1,
                            .reference = &f.from,
                            .n_reference = 1,
                            .positions = &all};
        pb_tensor *every = NULL, *one = NULL;
        pb_error *error = NULL;
        must(pb_metric_evaluate(&metric, &f.into, 1, NULL, NULL, &every, &error), error);
        assert_int_equal(pb_tensor_size(every), pb_run_length(f.into));
        for (size_t p = 0; p < pb_tensor_size(every); p++) {
            const pb_select here = at_index((int64_t)p);
            metric.positions = &here;
            must(pb_metric_evaluate(&metric, &f.into, 1, NULL, NULL, &one, &error), error);
            assert_float_equal(pb_tensor_data(one)[0], pb_tensor_data(every)[p], 1e-4);
            pb_tensor_release(&one);
        }
        pb_tensor_release(&every);
    }
}

static double divergence(const pb_select *position, pb_run *reference)
{
    const pb_metric metric = {
        .kind = PB_METRIC_KL, .positions = position, .reference = &reference, .n_reference = 1};
    pb_tensor *value = NULL;
    pb_error *error = NULL;
    must(pb_metric_evaluate(&metric, &f.into, 1, NULL, NULL, &value, &error), error);
    double number = pb_tensor_data(value)[0];
    pb_tensor_release(&value);
    return number;
}

/* What is counted from the end is, in a reference of another length, counted from its own. */
static void references_of_another_length(void **state)
{
    (void)state;
    const pb_select last = at_index(-1), first = at_index(0), start = at_index(-6),
                    before = at_index(-7), late = at_index(6);
    pb_run *part = run_tokens(f.model, pb_run_tokens(f.into), 6);
    assert_float_equal(divergence(&last, f.other), divergence(NULL, f.other), 0);
    assert_true(divergence(NULL, f.other) > 1e-6);
    /* Position 0 of the prompt, and 3, against position 0 of the reference. */
    assert_float_equal(divergence(&first, part), 0, 1e-6);
    assert_true(divergence(&start, part) > 1e-6);
    const pb_select wrong[2] = {before, late};
    for (size_t i = 0; i < 2; i++) {
        const pb_metric metric = {
            .kind = PB_METRIC_KL, .positions = &wrong[i], .reference = &part, .n_reference = 1};
        pb_tensor *value = NULL;
        pb_error *error = NULL;
        must_fail(pb_metric_evaluate(&metric, &f.into, 1, NULL, NULL, &value, &error), PB_VALUE,
                  &error, "no such position: one has 9 tokens, the other 6\n  prompt:    ");
    }
    pb_run_release(&part);
}

/* Chosen places still count from the end of what they were chosen from. */
static void parts_count_from_the_old_end(void **state)
{
    (void)state;
    const pb_select items[2] = {at_index(0), at_index(1)};
    const pb_select some = {.kind = PB_SELECT_LIST, .items = items, .n_items = 2};
    const int64_t length = (int64_t)pb_run_length(f.into);
    pb_run *runs[2] = {f.into, f.from};
    pb_axis *prompts = NULL;
    pb_tensor *lens = NULL, *values = NULL;
    pb_error *error = NULL;
    must(pb_logit_lens(f.into, PB_SITE_RESID_POST, &some, &some, &f.good, 1, NULL, &lens, &error),
         error);
    assert_int_equal(pb_axis_extent(pb_tensor_axis(lens, 0)), 3);
    assert_int_equal(pb_axis_extent(pb_tensor_axis(lens, 1)), length);
    assert_int_equal(pb_axis_extent(pb_tensor_axis(lens, 2)), 8192);
    must(pb_axis_create("prompt", 2, NULL, NULL, &prompts, &error), error);
    pb_metric metric = good_logit(&f);
    metric.positions = &some;
    must(pb_metric_evaluate(&metric, runs, 2, prompts, NULL, &values, &error), error);
    const pb_axis *positions = pb_tensor_axis(values, 1);
    assert_string_equal(pb_axis_name(positions), "pos");
    assert_int_equal(pb_axis_coordinate(positions, 1), 1);
    assert_int_equal(pb_axis_extent(positions), length);
    pb_patch_spec spec = patch_of(&f, PB_SITE_PATTERN, &metric);
    pb_patch_result result;
    metric.positions = NULL;
    const pb_select each = each_of(&some);
    spec.positions = spec.keys = &each;
    must(pb_patch(&spec, NULL, &result, &error), error);
    for (size_t i = 2; i < 4; i++) {
        const pb_axis *axis = pb_tensor_axis(result.values, i);
        assert_string_equal(pb_axis_name(axis), i == 2 ? "query" : "key");
        assert_int_equal(pb_axis_extent(axis), length);
    }
    pb_patch_result_release(&result);
    pb_tensor_release(&lens);
    pb_tensor_release(&values);
    pb_axis_release(&prompts);
}

/* A lens of the stream reads checkpoints: it computes nothing but logits. */
static void a_lens_needs_no_pass(void **state)
{
    (void)state;
    const pb_site sites[2] = {PB_SITE_RESID_PRE, PB_SITE_RESID_POST};
    for (size_t i = 0; i < 2; i++) {
        pb_work work = {0};
        const pb_context context = {.work = &work};
        pb_tensor *lens = NULL;
        pb_error *error = NULL;
        must(pb_logit_lens(f.into, sites[i], NULL, NULL, NULL, 0, &context, &lens, &error), error);
        assert_int_equal(work.qkv_rows + work.mlp_rows, 0);
        assert_int_equal(work.logit_rows, 3 * pb_run_length(f.into));
        pb_tensor_release(&lens);
    }
}

static void top_is_sorted(void **state)
{
    (void)state;
    const float logits[7] = {1, 5, NAN, 5, -INFINITY, 2, 1};
    const int32_t order[5] = {1, 3, 5, 0, 6};
    const size_t ranks[5] = {0, 0, 2, 3, 3};
    pb_prediction *best = NULL;
    size_t n = 0;
    pb_error *error = NULL;
    must(pb_top_of_logits(logits, 7, 5, &best, &n, &error), error);
    assert_int_equal(n, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(best[i].token, order[i]);
        assert_int_equal(best[i].rank, ranks[i]);
    }
    free(best);
    const float whole[3] = {0, 1, 2};
    must(pb_top_of_logits(whole, 3, 100, &best, &n, &error), error);
    assert_int_equal(n, 3);
    double total = 0;
    for (size_t i = 0; i < 3; i++)
        total += best[i].probability;
    assert_float_equal(total, 1, 1e-6);
    free(best);
}

/* ---- generation ---- */

static void generate(const pb_generate_spec *spec, int32_t *out, size_t expected)
{
    int32_t *tokens = NULL;
    size_t n = 0;
    bool partial = true;
    pb_error *error = NULL;
    must(pb_generate(f.into, spec, NULL, &tokens, &n, &partial, &error), error);
    assert_int_equal(n, expected);
    assert_false(partial);
    memcpy(out, tokens, n * sizeof *out);
    free(tokens);
}

static void generation_is_seeded(void **state)
{
    (void)state;
    int32_t a[20], b[20], c[20];
    pb_generate_spec spec = {.n_tokens = 20, .temperature = 1, .seed = 5};
    generate(&spec, a, 20);
    generate(&spec, b, 20);
    spec.seed = 6;
    generate(&spec, c, 20);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, c, sizeof a);
    spec.top_k = 1; /* the same as the most likely one each time */
    generate(&spec, a, 20);
    spec = (pb_generate_spec){.n_tokens = 20};
    generate(&spec, b, 20);
    assert_memory_equal(a, b, sizeof a);
}

typedef struct counter {
    atomic_bool stop;
    size_t seen;
} counter;

static void stop_at_four(void *user, int32_t token)
{
    counter *c = user;
    assert_true(token >= 0);
    if (++c->seen == 4)
        atomic_store(&c->stop, true);
}

static void generation_stops(void **state)
{
    (void)state;
    counter c = {.seen = 0};
    const pb_watch watch = {.stop = &c.stop};
    const pb_context context = {.watch = &watch};
    pb_generate_spec spec = {.n_tokens = 30, .token = stop_at_four, .user = &c};
    int32_t *tokens = NULL;
    size_t n = 0;
    bool partial = false;
    pb_error *error = NULL;
    must(pb_generate(f.into, &spec, &context, &tokens, &n, &partial, &error), error);
    assert_true(partial);
    assert_int_equal(n, 4);
    free(tokens);
    tokens = NULL;
    must_fail(pb_generate(f.into, &spec, &context, &tokens, &n, &partial, &error), PB_INTERRUPTED,
              &error, "");
    spec = (pb_generate_spec){.n_tokens = 56};
    must_fail(pb_generate(f.into, &spec, NULL, &tokens, &n, &partial, &error), PB_LIMIT, &error,
              "room for 55");
}

/* ---- heads and paths ---- */

static void stripes_need_repeats(void **state)
{
    (void)state;
    pb_tensor *means = NULL;
    pb_error *error = NULL;
    must_fail(pb_head_stripes(f.into, PB_STRIPE_INDUCTION, NULL, &means, &error), PB_VALUE, &error,
              "not that");
}

static void paths_refuse(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    const pb_receiver logits = {PB_PATH_LOGITS, 0, 0},
                      two[2] = {{PB_PATH_LOGITS, 0, 0}, {PB_PATH_Q, 1, 1}};
    pb_path_spec spec = {.into = &f.into,
                         .from = &f.other,
                         .n_pairs = 1,
                         .receivers = &logits,
                         .n_receivers = 1,
                         .metric = &metric};
    pb_path_result result;
    pb_error *error = NULL;
    must_fail(pb_path_patch(&spec, NULL, &result, &error), PB_VALUE, &error, "same length");
    spec.from = &f.from;
    spec.n_receivers = 0;
    must_fail(pb_path_patch(&spec, NULL, &result, &error), PB_TYPE, &error, "receivers");
    spec.receivers = two;
    spec.n_receivers = 2;
    must_fail(pb_path_patch(&spec, NULL, &result, &error), PB_VALUE, &error, "alone");
}

/* What both passes of one pair cost: see study/path.h. A group enters at its first layer, a cell at
 * its receiver's, and the last layer is left by the rows that the metric reads, here one. */
static size_t cost_of_graph(const pb_path_sender *senders, size_t n_senders,
                            const pb_receiver *receivers, size_t n_receivers)
{
    size_t rows = pb_run_length(f.into), n_layer = pb_model_shape(f.model)->n_layer, cost = 0;
    for (size_t s = 0; s < n_senders; s++) {
        cost += rows * (n_layer - 1 - senders[s].layer) + 1;
        for (size_t r = 0; r < n_receivers; r++) {
            bool second = receivers[r].input != PB_PATH_LOGITS &&
                          pb_receiver_reads(f.model, &receivers[r], &senders[s]);
            cost += second ? rows * (n_layer - 1 - receivers[r].layer) + 1 : 0;
        }
    }
    return cost;
}

static float one_path(const pb_path_sender *sender, const pb_receiver *receiver, pb_path_mode mode)
{
    const pb_metric metric = good_logit(&f);
    const pb_path_spec spec = {.into = &f.into,
                               .from = &f.from,
                               .n_pairs = 1,
                               .outputs = sender,
                               .n_outputs = 1,
                               .receivers = receiver,
                               .n_receivers = 1,
                               .mode = mode,
                               .metric = &metric};
    pb_path_result result;
    pb_error *error = NULL;
    must(pb_path_patch(&spec, NULL, &result, &error), error);
    float value = pb_tensor_data(result.values)[0];
    pb_path_result_release(&result);
    return value;
}

/* Every sender with every receiver, in one call that makes pass 1 once for each sender: the same as
 * one by one, for no more row-layers than that takes. */
static void graph_is_its_paths(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    pb_path_sender *senders = NULL;
    pb_receiver *receivers = NULL;
    size_t n_senders = 0, n_receivers = 0;
    pb_error *error = NULL;
    must(pb_path_senders_all(f.model, &senders, &n_senders, &error), error);
    must(pb_receivers_all(f.model, &receivers, &n_receivers, &error), error);
    pb_path_spec spec = {.into = &f.into,
                         .from = &f.from,
                         .n_pairs = 1,
                         .outputs = senders,
                         .n_outputs = n_senders,
                         .each_sender = true,
                         .receivers = receivers,
                         .n_receivers = n_receivers,
                         .each_receiver = true,
                         .metric = &metric};
    for (int mode = 0; mode < 3; mode++) {
        pb_path_result result;
        spec.mode = (pb_path_mode)mode;
        must(pb_path_patch(&spec, NULL, &result, &error), error);
        assert_int_equal(result.row_layers,
                         cost_of_graph(senders, n_senders, receivers, n_receivers));
        assert_string_equal(pb_axis_name(pb_tensor_axis(result.values, 0)), "sender");
        assert_string_equal(pb_axis_label(pb_tensor_axis(result.values, 1), n_receivers - 1),
                            "logits");
        for (size_t i = 0; i < n_senders * n_receivers; i++) {
            const pb_path_sender *sender = &senders[i / n_receivers];
            const pb_receiver *receiver = &receivers[i % n_receivers];
            float value = pb_tensor_data(result.values)[i];
            if (!pb_receiver_reads(f.model, receiver, sender))
                assert_true(pb_is_gap(value));
            else
                assert_float_equal(value, one_path(sender, receiver, spec.mode), 1e-4);
        }
        pb_path_result_release(&result);
    }
    free(senders);
    free(receivers);
}

/* Senders behind every receiver change nothing; all senders together reach the logits. */
static void paths_of_groups(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    const pb_receiver receiver = {PB_PATH_K, 1, 2}, logits = {PB_PATH_LOGITS, 0, 0};
    const pb_head senders[3] = {{2, 0}, {0, 1}, {1, 4}};
    pb_path_spec spec = {.into = &f.into,
                         .from = &f.from,
                         .n_pairs = 1,
                         .senders = senders,
                         .n_senders = 3,
                         .each_sender = true,
                         .receivers = &receiver,
                         .n_receivers = 1,
                         .mode = PB_PATH_DIRECT,
                         .metric = &metric};
    pb_path_result result;
    pb_error *error = NULL;
    must(pb_path_patch(&spec, NULL, &result, &error), error);
    const float *values = pb_tensor_data(result.values), into = pb_tensor_data(result.into)[0];
    assert_float_equal(values[0], into, 0);
    assert_true(fabsf(values[1] - into) > 1e-5F);
    assert_float_equal(values[2], into, 0);
    pb_path_result_release(&result);
    /* Linear paths to the logits add up. */
    spec.receivers = &logits;
    spec.mode = PB_PATH_LINEAR;
    spec.normalize = true;
    must(pb_path_patch(&spec, NULL, &result, &error), error);
    double sum = 0;
    for (size_t i = 0; i < 3; i++)
        sum += pb_tensor_data(result.values)[i];
    pb_path_result_release(&result);
    spec.each_sender = false;
    must(pb_path_patch(&spec, NULL, &result, &error), error);
    assert_int_equal(pb_tensor_rank(result.values), 0);
    assert_float_equal(pb_tensor_data(result.values)[0], sum, 1e-4);
    assert_true(fabs(sum) > 1e-3);
    pb_path_result_release(&result);
}

/* Over pairs of prompts the normalised mean is the ratio of the means. */
static void paths_of_pairs(void **state)
{
    (void)state;
    const int32_t targets[2] = {f.good, f.bad};
    const pb_metric metric = {.kind = PB_METRIC_LOGIT, .targets = targets, .n_targets = 2};
    const pb_receiver logits = {PB_PATH_LOGITS, 0, 0};
    pb_run *intos[2] = {f.into, f.from}, *froms[2] = {f.from, f.into};
    pb_axis *prompts = NULL;
    pb_path_result result, bare;
    pb_error *error = NULL;
    must(pb_axis_create("prompt", 2, NULL, NULL, &prompts, &error), error);
    pb_path_spec spec = {.into = intos,
                         .from = froms,
                         .n_pairs = 2,
                         .prompts = prompts,
                         .receivers = &logits,
                         .n_receivers = 1,
                         .metric = &metric};
    must(pb_path_patch(&spec, NULL, &bare, &error), error);
    assert_null(bare.mean);
    spec.normalize = true;
    must(pb_path_patch(&spec, NULL, &result, &error), error);
    assert_int_equal(pb_tensor_rank(result.mean), 2);
    const float *into = pb_tensor_data(bare.into), *from = pb_tensor_data(bare.from);
    const float *values = pb_tensor_data(bare.values);
    double down = (double)from[0] - into[0] + from[1] - into[1];
    for (size_t i = 0; i < 15; i++) {
        double up = (double)values[i] - into[0] + values[15 + i] - into[1];
        assert_float_equal(pb_tensor_data(result.mean)[i], up / down, 1e-4);
    }
    pb_path_result_release(&result);
    pb_path_result_release(&bare);
    /* Ends that are the same, each or together. */
    const pb_metric shared = good_logit(&f);
    spec.metric = &shared;
    must_fail(pb_path_patch(&spec, NULL, &result, &error), PB_VALUE, &error, "over several pairs");
    spec.from = intos;
    spec.n_pairs = 1;
    must_fail(pb_path_patch(&spec, NULL, &result, &error), PB_VALUE, &error, "on both");
    pb_axis_release(&prompts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_have_names),
        cmocka_unit_test(receivers_have_names),
        cmocka_unit_test(components_have_names),
        cmocka_unit_test(attributions_sum),
        cmocka_unit_test(attribution_of_chosen_heads_and_prompts),
        cmocka_unit_test(neurons_add_up_to_their_mlps),
        cmocka_unit_test(attribution_at_the_end_needs_no_pass),
        cmocka_unit_test(metrics_refuse),
        cmocka_unit_test(metrics_over_positions),
        cmocka_unit_test(references_of_another_length),
        cmocka_unit_test(parts_count_from_the_old_end),
        cmocka_unit_test(a_lens_needs_no_pass),
        cmocka_unit_test(top_is_sorted),
        cmocka_unit_test(generation_is_seeded),
        cmocka_unit_test(generation_stops),
        cmocka_unit_test(stripes_need_repeats),
        cmocka_unit_test(paths_refuse),
        cmocka_unit_test(paths_of_groups),
        cmocka_unit_test(graph_is_its_paths),
        cmocka_unit_test(paths_of_pairs),
    };
    return cmocka_run_group_tests(tests, open_random, close_random);
}
