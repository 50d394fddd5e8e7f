/* Patch sweeps: the planned computation against the plain one, its cost, and what can go wrong. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "study/edit.h"

static fixture f;
static const char *name = "random-3l5h";

static int open_random(void **state)
{
    (void)state;
    f = fixture_open(name);
    return 0;
}

static int close_random(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

static pb_patch_result patch(const pb_patch_spec *spec)
{
    pb_patch_result result;
    pb_error *error = NULL;
    must(pb_patch(spec, NULL, &result, &error), error);
    return result;
}

/* Both ways; fails the test where they differ. Returns the row-layers saved. */
static void compare_ways(pb_patch_spec spec, const char *what)
{
    pb_patch_result fast = patch(&spec);
    spec.one_by_one = true;
    pb_patch_result plain = patch(&spec);
    double off = furthest(fast.values, plain.values);
    if (!(off < 1e-4))
        fail_msg("%s, %s: the sweep is %g off", what, pb_site_info(spec.site)->name, off);
    assert_int_equal(plain.closed, 0);
    assert_true(fast.row_layers <= plain.row_layers);
    assert_float_equal(furthest(fast.into, plain.into), 0, 0);
    assert_float_equal(furthest(fast.from, plain.from), 0, 0);
    pb_patch_result_release(&fast);
    pb_patch_result_release(&plain);
}

/* ---- the planned computation is the plain one ---- */

static void every_site_by_default(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    for (int site = 0; site < PB_N_SITES; site++)
        if (pb_site_is_in(f.model, (pb_site)site))
            compare_ways(patch_of(&f, (pb_site)site, &metric), "default walks");
}

static void every_site_place_by_place(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    const pb_select heads[2] = {at_index(0), at_index(-1)},
                    queries[2] = {at_index(4), at_index(-1)};
    const pb_select two_heads = {.kind = PB_SELECT_LIST, .items = heads, .n_items = 2};
    const pb_select two_queries = {.kind = PB_SELECT_LIST, .items = queries, .n_items = 2};
    const pb_select each_head = each_of(&two_heads), each_query = each_of(&two_queries);
    for (int site = 0; site < PB_N_SITES; site++) {
        if (!pb_site_is_in(f.model, (pb_site)site))
            continue;
        const pb_site_row *row = pb_site_info((pb_site)site);
        pb_patch_spec spec = patch_of(&f, (pb_site)site, &metric);
        spec.positions = &pb_select_each;
        if (row->heads)
            spec.heads = &each_head;
        if (row->keys) {
            spec.keys = &pb_select_each;
            spec.positions = &each_query;
        }
        compare_ways(spec, "place by place");
    }
}

static void every_site_together(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    const pb_select slice = {.kind = PB_SELECT_SLICE,
                             .has_first = true,
                             .first = 2,
                             .has_last = true,
                             .last = 7,
                             .step = 2};
    for (int site = 0; site < PB_N_SITES; site++) {
        if (!pb_site_is_in(f.model, (pb_site)site))
            continue;
        pb_patch_spec spec = patch_of(&f, (pb_site)site, &metric);
        spec.layers = spec.heads = spec.positions = spec.keys = NULL;
        compare_ways(spec, "everything at once");
        spec.positions = &slice;
        spec.heads = pb_site_info((pb_site)site)->heads ? &pb_select_each : NULL;
        compare_ways(spec, "some positions of all layers");
        spec.layers = &pb_select_each;
        compare_ways(spec, "some positions of each layer");
    }
}

static pb_status mean_of_logits(void *user, pb_seen *seen, double *value, pb_error **error)
{
    pb_tensor *logits = NULL;
    double sum = 0;
    (void)user;
    pb_status status = pb_seen_logits(seen, 0, NULL, NULL, &logits, error);
    if (status)
        return status;
    for (size_t i = 0; i < pb_tensor_size(logits); i++)
        sum += (double)pb_tensor_data(logits)[i] * (double)(i % 7);
    *value = sum / (double)pb_tensor_size(logits);
    pb_tensor_release(&logits);
    return PB_OK;
}

static void every_metric(void **state)
{
    (void)state;
    const pb_select third = at_index(3);
    const pb_metric logit = good_logit(&f), loss = {.kind = PB_METRIC_LOSS};
    const pb_metric_part parts[2] = {{&logit, 0.5}, {&loss, -2}};
    const pb_site sites[4] = {PB_SITE_RESID_POST, PB_SITE_RESID_PRE, PB_SITE_MLP_OUT, PB_SITE_Z};
    for (int kind = PB_METRIC_LOGIT; kind <= PB_METRIC_CALL; kind++) {
        pb_metric metric = {.kind = (pb_metric_kind)kind,
                            .targets = &f.good,
                            .n_targets = 1,
                            .against = &f.bad,
                            .n_against = 1,
                            .reference = &f.from,
                            .n_reference = 1,
                            .parts = parts,
                            .n_parts = 2,
                            .constant = 3,
                            .call = mean_of_logits};
        for (size_t i = 0; i < 4; i++) {
            pb_patch_spec spec = patch_of(&f, sites[i], &metric);
            metric.positions = NULL;
            compare_ways(spec, "at the end");
            metric.positions = &third;
            compare_ways(spec, "in the middle");
        }
    }
}

/* Some of a row's places, together and one at a time, are replaced as the plain pass does it; all
 * of them are the whole row. */
static void neurons(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    const pb_select some[2] = {at_index(1), at_index(3)};
    const pb_select list = {.kind = PB_SELECT_LIST, .items = some, .n_items = 2};
    const pb_select each = each_of(&list), first = at_index(0);
    for (int site = 0; site < PB_N_SITES; site++) {
        pb_patch_spec spec = patch_of(&f, (pb_site)site, &metric);
        if (!pb_site_is_in(f.model, (pb_site)site) ||
            !pb_site_has((pb_site)site, PB_ALONG_FEATURES))
            continue;
        spec.neurons = &list;
        compare_ways(spec, "some neurons together");
        spec.neurons = &each;
        compare_ways(spec, "some neurons one by one");
        spec.neurons = &first;
        compare_ways(spec, "one neuron");
        pb_patch_result whole, all;
        spec.neurons = &pb_select_all;
        all = patch(&spec);
        spec.neurons = NULL;
        whole = patch(&spec);
        assert_float_equal(furthest(all.values, whole.values), 0, 1e-4);
        pb_patch_result_release(&all);
        pb_patch_result_release(&whole);
    }
}

static void heads_of_a_list(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    const pb_head heads[3] = {{2, 1}, {0, 3}, {1, 0}};
    pb_patch_spec spec = patch_of(&f, PB_SITE_Z, &metric);
    spec.pairs = heads;
    spec.n_pairs = 3;
    compare_ways(spec, "heads one at a time");
    pb_patch_result each = patch(&spec);
    assert_int_equal(pb_tensor_rank(each.values), 1);
    assert_string_equal(pb_axis_label(pb_tensor_axis(each.values, 0), 0), "L2H1");
    spec.heads = NULL;
    compare_ways(spec, "heads together");
    pb_patch_result_release(&each);
}

static pb_edit *scaled_attention(void)
{
    const pb_edit_spec spec = {.op = PB_EDIT_SCALE, .site = PB_SITE_ATTN_OUT, .number = 1.5};
    pb_edit *edit = NULL;
    pb_error *error = NULL;
    must(pb_edit_create(f.model, &spec, &edit, &error), error);
    return edit;
}

/* ---- sums, and sets of words ---- */

static double value_of(const pb_metric *metric, pb_run *run)
{
    pb_tensor *values = NULL;
    pb_error *error = NULL;
    must(pb_metric_evaluate(metric, &run, 1, NULL, NULL, &values, &error), error);
    double value = pb_tensor_data(values)[0];
    pb_tensor_release(&values);
    return value;
}

/* A sum is its parts, each weighted, whichever positions they read and however many. */
static void sum_is_its_parts(void **state)
{
    (void)state;
    const pb_select third = at_index(3);
    const pb_metric loss = {.kind = PB_METRIC_LOSS}, logit = good_logit(&f);
    pb_metric prob = good_logit(&f), rank = good_logit(&f);
    prob.kind = PB_METRIC_PROB;
    prob.positions = &third;
    rank.kind = PB_METRIC_RANK;
    const pb_metric_part parts[4] = {{&loss, 2}, {&logit, -0.5}, {&prob, 10}, {&rank, 1}};
    const pb_metric sum = {.kind = PB_METRIC_SUM, .parts = parts, .n_parts = 4, .constant = 7};
    double expected = 7;
    for (size_t i = 0; i < 4; i++)
        expected += parts[i].weight * value_of(parts[i].metric, f.into);
    assert_float_equal(value_of(&sum, f.into), expected, 1e-4);
    assert_false(pb_metric_needs_columns_only(&sum));
    assert_true(pb_metric_reads_tokens(&sum));
}

/* The definitions of any_of, against the logits themselves. */
static void set_of_words(void **state)
{
    (void)state;
    const int32_t words[3] = {f.bad, f.good, 5};
    const size_t end = 3, other_end = 1;
    size_t last = pb_run_length(f.into) - 1, n_vocab = pb_model_shape(f.model)->n_vocab;
    float *logits = malloc(n_vocab * sizeof *logits);
    pb_error *error = NULL;
    must(pb_run_logits_at(f.into, 1, &last, NULL, logits, &error), error);
    double all = 0, some = 0, best = -INFINITY, above = 0;
    for (size_t t = 0; t < n_vocab; t++)
        all += exp(logits[t]);
    for (size_t i = 0; i < 3; i++) {
        some += exp(logits[words[i]]);
        best = fmax(best, logits[words[i]]);
    }
    for (size_t t = 0; t < n_vocab; t++)
        above += logits[t] > best;
    const double expected[] = {[PB_METRIC_LOGIT] = log(some),
                               [PB_METRIC_LOGIT_DIFF] = log(some) - logits[f.bad],
                               [PB_METRIC_PROB] = some / all,
                               [PB_METRIC_LOGPROB] = log(some / all),
                               [PB_METRIC_RANK] = above};
    for (int kind = PB_METRIC_LOGIT; kind <= PB_METRIC_RANK; kind++) {
        const pb_metric metric = {.kind = (pb_metric_kind)kind,
                                  .targets = words,
                                  .n_targets = 1,
                                  .target_ends = &end,
                                  .against = &f.bad,
                                  .n_against = 1,
                                  .against_ends = &other_end};
        assert_float_equal(value_of(&metric, f.into), expected[kind], 1e-4);
        compare_ways(patch_of(&f, PB_SITE_RESID_POST, &metric), "a set of words");
    }
    free(logits);
}

/* ---- a user's function that reads activations ---- */

typedef struct reader {
    pb_site site;
    size_t layer;  /* PB_ALL_LAYERS: of the run as a whole */
    size_t wholes; /* how often the run as a whole was computed */
} reader;

static double weigh(const float *values, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += isinf(values[i]) ? 0 : (double)values[i] * (double)(i % 13);
    return sum / (double)n;
}

static pb_status read_activation(void *user, pb_seen *seen, double *value, pb_error **error)
{
    reader *reads = user;
    pb_tensor *tensor = NULL;
    pb_run *run = NULL;
    pb_status status;
    if (reads->layer == PB_ALL_LAYERS) {
        status = pb_seen_run(seen, NULL, &run, error);
        if (!status)
            status = pb_run_activation(run, reads->site, PB_ALL_LAYERS, NULL, &tensor, error);
    } else {
        status = pb_seen_activation(seen, reads->site, reads->layer, NULL, &tensor, error);
    }
    if (status)
        return status;
    *value = weigh(pb_tensor_data(tensor), pb_tensor_size(tensor));
    reads->wholes += seen->made != NULL;
    pb_tensor_release(&tensor);
    return PB_OK;
}

/* Whatever is patched, and whatever is read: what a plain pass has there. Only a run as a whole is
 * computed again. */
static void every_activation_is_read(void **state)
{
    (void)state;
    const pb_site patched[] = {PB_SITE_EMBED,   PB_SITE_RESID_PRE, PB_SITE_LN1,       PB_SITE_K,
                               PB_SITE_PATTERN, PB_SITE_Z,         PB_SITE_RESID_POST};
    for (int site = 0; site < PB_N_SITES; site++) {
        if (!pb_site_is_in(f.model, (pb_site)site))
            continue;
        for (size_t layer = 0; layer < 3; layer += 2) {
            reader reads = {(pb_site)site, layer, 0};
            const pb_metric metric = {
                .kind = PB_METRIC_CALL, .call = read_activation, .user = &reads};
            for (size_t i = 0; i < sizeof patched / sizeof *patched; i++)
                compare_ways(patch_of(&f, patched[i], &metric), pb_site_info((pb_site)site)->name);
            assert_int_equal(reads.wholes, 0);
        }
    }
}

static void run_as_a_whole(void **state)
{
    (void)state;
    for (int patched = 0; patched < PB_N_SITES; patched++) {
        if (!pb_site_is_in(f.model, (pb_site)patched))
            continue;
        reader reads = {PB_SITE_RESID_POST, 2, 0}, whole = {PB_SITE_RESID_POST, PB_ALL_LAYERS, 0};
        const pb_metric kept = {.kind = PB_METRIC_CALL, .call = read_activation, .user = &reads};
        const pb_metric made = {.kind = PB_METRIC_CALL, .call = read_activation, .user = &whole};
        pb_patch_spec spec = patch_of(&f, (pb_site)patched, &made);
        compare_ways(spec, "the run as a whole");
        assert_true(whole.wholes > 0);
        spec.metric = &kept;
        compare_ways(spec, "one layer");
    }
}

typedef struct branching {
    double bound; /* the function reads another row, and the stream, past it */
} branching;

/* Reads what its calls on the ends did not. */
static pb_status branch(void *user, pb_seen *seen, double *value, pb_error **error)
{
    const branching *at = user;
    size_t last = pb_run_length(seen->run) - 1, first = 3;
    pb_tensor *logits = NULL, *more = NULL;
    pb_status status = pb_seen_logits(seen, 1, &last, NULL, &logits, error);
    if (status)
        return status;
    *value = pb_tensor_data(logits)[f.good];
    pb_tensor_release(&logits);
    if (fabs(*value - at->bound) < 1e-3) /* more than rounding */
        return PB_OK;
    status = pb_seen_logits(seen, 1, &first, NULL, &logits, error);
    if (!status)
        status = pb_seen_activation(seen, PB_SITE_Z, 1, NULL, &more, error);
    if (!status)
        *value += pb_tensor_data(logits)[f.bad] + weigh(pb_tensor_data(more), pb_tensor_size(more));
    pb_tensor_release(&logits);
    pb_tensor_release(&more);
    return status;
}

/* Both ends are one prompt here, whose value is the bound: all else comes as a surprise. */
static void reads_more_than_of_the_ends(void **state)
{
    (void)state;
    pb_edit *edit = scaled_attention();
    pb_run *edited = NULL;
    pb_error *error = NULL;
    must(pb_run_edited(&f.into, 1, &edit, 1, NULL, &edited, &error), error);
    const pb_metric logit = good_logit(&f);
    branching at = {value_of(&logit, f.into)};
    const pb_metric metric = {.kind = PB_METRIC_CALL, .call = branch, .user = &at};
    for (int site = 0; site < PB_N_SITES; site++) {
        if (!pb_site_is_in(f.model, (pb_site)site))
            continue;
        pb_patch_spec spec = patch_of(&f, (pb_site)site, &metric);
        compare_ways(spec, "of another prompt");
        spec.from = &edited;
        compare_ways(spec, "of an edited prompt");
    }
    pb_run_release(&edited);
    pb_edit_release(&edit);
}

/* A prompt that is edited itself: its edits are made once, and only in its own cells. */
static void edited_ends(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    pb_edit *edit = scaled_attention();
    pb_run *ends[2] = {f.into, f.from}, *edited[2];
    pb_error *error = NULL;
    must(pb_run_edited(ends, 2, &edit, 1, NULL, edited, &error), error);
    for (int which = 0; which < 3; which++) {
        for (int site = 0; site < PB_N_SITES; site++) {
            if (!pb_site_is_in(f.model, (pb_site)site))
                continue;
            pb_patch_spec spec = patch_of(&f, (pb_site)site, &metric);
            if (which != 0)
                spec.into = &edited[0];
            if (which != 1)
                spec.from = &edited[1];
            compare_ways(spec, which == 0   ? "from edited"
                               : which == 1 ? "into edited"
                                            : "both edited");
        }
    }
    /* Patched with itself, an edited prompt is what it was. */
    pb_patch_spec spec = patch_of(&f, PB_SITE_MLP_OUT, &metric);
    spec.into = spec.from = &edited[0];
    pb_patch_result result = patch(&spec);
    for (size_t i = 0; i < pb_tensor_size(result.values); i++)
        assert_float_equal(pb_tensor_data(result.values)[i], pb_tensor_data(result.into)[0], 1e-3);
    pb_patch_result_release(&result);
    pb_run_release(&edited[0]);
    pb_run_release(&edited[1]);
    pb_edit_release(&edit);
}

/* An edit of resid_pre comes after the resid_post that a sweep takes. */
static void edited_between_layers(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    const pb_edit_spec scale = {.op = PB_EDIT_SCALE, .site = PB_SITE_RESID_PRE, .number = 1.5};
    pb_edit *edit = NULL;
    pb_run *edited = NULL;
    pb_error *error = NULL;
    must(pb_edit_create(f.model, &scale, &edit, &error), error);
    must(pb_run_edited(&f.from, 1, &edit, 1, NULL, &edited, &error), error);
    const pb_site sites[2] = {PB_SITE_RESID_PRE, PB_SITE_RESID_POST};
    for (size_t i = 0; i < 2; i++) {
        pb_patch_spec spec = patch_of(&f, sites[i], &metric);
        spec.from = &edited;
        compare_ways(spec, "from edited between layers");
    }
    pb_run_release(&edited);
    pb_edit_release(&edit);
}

static void several_pairs(void **state)
{
    (void)state;
    const int32_t *into = pb_run_tokens(f.into), *from = pb_run_tokens(f.from);
    pb_run *intos[3] = {f.into, run_tokens(f.model, into, 6), f.from};
    pb_run *froms[3] = {f.from, run_tokens(f.model, from, 6), f.into};
    const int32_t targets[3] = {f.good, f.bad, f.good};
    const pb_metric metric = {.kind = PB_METRIC_LOGIT, .targets = targets, .n_targets = 3};
    const pb_select places[3] = {at_index(3), at_index(-1), at_index(5)};
    const pb_select per = per_prompt(places, 3), each = each_of(&per);
    pb_error *error = NULL;
    pb_axis *prompts = NULL;
    must(pb_axis_create("prompt", 3, NULL, NULL, &prompts, &error), error);
    pb_patch_spec spec = patch_of(&f, PB_SITE_RESID_POST, &metric);
    spec.into = intos;
    spec.from = froms;
    spec.n_into = spec.n_from = 3;
    spec.prompts = prompts;
    spec.positions = &each;
    compare_ways(spec, "three pairs");
    spec.normalize = true;
    pb_patch_result result = patch(&spec);
    assert_int_equal(pb_tensor_rank(result.values), 2);
    assert_int_equal(pb_tensor_rank(result.mean), 1);
    spec.normalize = false;
    pb_patch_result bare = patch(&spec);
    size_t n_layer = pb_tensor_size(result.mean);
    for (size_t l = 0; l < n_layer; l++) {
        double up = 0, down = 0;
        for (size_t i = 0; i < 3; i++) {
            up += pb_tensor_data(bare.values)[i * n_layer + l] - pb_tensor_data(bare.into)[i];
            down += pb_tensor_data(bare.from)[i] - pb_tensor_data(bare.into)[i];
        }
        assert_float_equal(pb_tensor_data(result.mean)[l], up / down, 1e-4);
    }
    /* Walked positions of prompts of different lengths do not line up. */
    spec.positions = &pb_select_each;
    pb_patch_result none;
    must_fail(pb_patch(&spec, NULL, &none, &error), PB_VALUE, &error, "do not line up");
    pb_patch_result_release(&result);
    pb_patch_result_release(&bare);
    pb_axis_release(&prompts);
    pb_run_release(&intos[1]);
    pb_run_release(&froms[1]);
}

/* Pairs that each have something to divide by, and together nothing. */
static void pairs_that_cancel(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    pb_run *intos[2] = {f.into, f.from}, *froms[2] = {f.from, f.into};
    pb_error *error = NULL;
    pb_axis *prompts = NULL;
    must(pb_axis_create("prompt", 2, NULL, NULL, &prompts, &error), error);
    pb_patch_spec spec = patch_of(&f, PB_SITE_RESID_POST, &metric);
    spec.into = intos;
    spec.from = froms;
    spec.n_into = spec.n_from = 2;
    spec.prompts = prompts;
    spec.normalize = true;
    pb_patch_result result;
    must_fail(pb_patch(&spec, NULL, &result, &error), PB_VALUE, &error, "over several pairs");
    /* One pair that has nothing to divide by leaves the others their values. */
    intos[1] = f.into;
    froms[1] = f.into;
    result = patch(&spec);
    size_t per_pair = pb_tensor_size(result.mean);
    for (size_t i = 0; i < per_pair; i++) {
        assert_float_equal(pb_tensor_data(result.mean)[i], pb_tensor_data(result.values)[i], 1e-4);
        assert_true(isnan(pb_tensor_data(result.values)[per_pair + i]));
    }
    pb_patch_result_release(&result);
    pb_axis_release(&prompts);
}

/* One prompt patched from several; and the labels of positions that prompts share. */
static void one_into_several_froms(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    pb_run *froms[2] = {f.from, f.into}, *intos[2] = {f.into, f.from};
    pb_error *error = NULL;
    pb_axis *prompts = NULL;
    must(pb_axis_create("prompt", 2, NULL, NULL, &prompts, &error), error);
    const pb_site sites[3] = {PB_SITE_RESID_PRE, PB_SITE_K, PB_SITE_PATTERN};
    for (size_t i = 0; i < 3; i++) {
        pb_patch_spec spec = patch_of(&f, sites[i], &metric);
        spec.from = froms;
        spec.n_from = 2;
        spec.prompts = prompts;
        compare_ways(spec, "one into, two froms");
        spec.into = intos;
        spec.n_into = 2;
        spec.from = &f.from;
        spec.n_from = 1;
        spec.positions = &pb_select_each;
        compare_ways(spec, "two intos, one from");
        pb_patch_result result = patch(&spec);
        pb_axis *positions = pb_tensor_axis(result.values, pb_tensor_rank(result.values) - 1);
        for (size_t p = 1; p < pb_axis_length(positions); p++) { /* behind <|endoftext|> */
            bool same = pb_run_tokens(f.into)[p] == pb_run_tokens(f.from)[p];
            assert_true(same == !strchr(pb_axis_label(positions, p), '|'));
        }
        pb_patch_result_release(&result);
    }
    pb_axis_release(&prompts);
}

/* ---- what is known without computing ---- */

static size_t first_difference(void)
{
    size_t p = 0;
    while (pb_run_tokens(f.into)[p] == pb_run_tokens(f.from)[p])
        p++;
    return p;
}

/* Position p at layer l enters before layer l + 1 with its T - p rows; the last layer needs the
 * metric's row alone. */
static size_t formula(size_t n_layer, size_t length, size_t differs)
{
    size_t row_layers = 0;
    for (size_t l = 0; l + 1 < n_layer; l++) {
        for (size_t p = differs; p < length; p++)
            row_layers += (length - p) * (n_layer - 2 - l) + 1;
    }
    return row_layers;
}

static void cost_is_the_formula(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    const pb_shape *shape = pb_model_shape(f.model);
    size_t length = pb_run_length(f.into), differs = first_difference(), cost = 0;
    pb_error *error = NULL;
    pb_patch_spec spec = patch_of(&f, PB_SITE_RESID_POST, &metric);
    pb_work work = {0};
    const pb_context context = {.work = &work};
    pb_patch_result result;
    must(pb_patch(&spec, &context, &result, &error), error);
    size_t expected = formula(shape->n_layer, length, differs);
    must(pb_patch_cost(&spec, &cost, &error), error);
    assert_int_equal(cost, expected);
    assert_int_equal(result.row_layers, expected);
    assert_int_equal(work.mlp_rows, expected);
    /* Before the first difference, and the last layer but for the final position. */
    assert_int_equal(result.closed, differs * shape->n_layer + (length - differs - 1));
    assert_int_equal(result.cells_done, shape->n_layer * length);
    pb_patch_result_release(&result);
    assert_true(differs > 0);
}

static void row_layers_are_counted(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    for (int site = 0; site < PB_N_SITES; site++) {
        if (!pb_site_is_in(f.model, (pb_site)site))
            continue;
        pb_patch_spec spec = patch_of(&f, (pb_site)site, &metric);
        size_t cost = 0;
        pb_error *error = NULL;
        for (int plain = 0; plain < 2; plain++) {
            spec.one_by_one = plain;
            pb_patch_result result = patch(&spec);
            must(pb_patch_cost(&spec, &cost, &error), error);
            if (result.row_layers != cost)
                fail_msg("%s: %zu row-layers, planned %zu", pb_site_info(spec.site)->name,
                         result.row_layers, cost);
            pb_patch_result_release(&result);
        }
    }
}

static void whole_prompt_gives_from(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    pb_patch_spec spec = patch_of(&f, PB_SITE_RESID_POST, &metric);
    spec.positions = NULL;
    pb_patch_result result = patch(&spec);
    assert_int_equal(result.row_layers, 0);
    for (size_t i = 0; i < pb_tensor_size(result.values); i++)
        assert_float_equal(pb_tensor_data(result.values)[i], pb_tensor_data(result.from)[0], 0);
    pb_patch_result_release(&result);
}

static void checks_itself(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    pb_patch_spec spec = patch_of(&f, PB_SITE_RESID_POST, &metric);
    pb_patch_result result = patch(&spec);
    assert_int_equal(result.n_checks, 2);
    for (size_t i = 0; i < result.n_checks; i++) {
        assert_true(result.checks[i].passed);
        assert_true(fabs(result.checks[i].difference) < 1e-4);
    }
    assert_true(fabs(result.checks[0].expected - result.checks[1].expected) > 1e-3);
    pb_patch_result_release(&result);
}

/* ---- interrupts and limits ---- */

typedef struct stopper {
    atomic_bool stop;
    size_t calls, after;
    size_t last_done, total;
} stopper;

static void stop_after(void *user, size_t done, size_t total)
{
    stopper *s = user;
    assert_true(done <= total && done >= s->last_done);
    s->last_done = done;
    s->total = total;
    if (++s->calls == s->after)
        atomic_store(&s->stop, true);
}

static void interrupted_keeps_what_it_has(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    pb_patch_spec spec = patch_of(&f, PB_SITE_RESID_POST, &metric);
    pb_patch_result whole = patch(&spec);
    spec.memory_budget = 9 * 6 * 40 * sizeof(float); /* a cell or two at a time */
    stopper s = {.after = 5};
    const pb_watch watch = {.stop = &s.stop, .progress = stop_after, .user = &s};
    const pb_context context = {.watch = &watch};
    pb_patch_result part;
    pb_error *error = NULL;
    must(pb_patch(&spec, &context, &part, &error), error);
    assert_true(part.partial);
    assert_true(part.cells_done < part.cells && part.cells_done > part.closed);
    size_t done = 0;
    for (size_t i = 0; i < part.cells; i++) {
        float value = pb_tensor_data(part.values)[i];
        if (isnan(value))
            continue;
        assert_float_equal(value, pb_tensor_data(whole.values)[i], 1e-4);
        done++;
    }
    assert_int_equal(done, part.cells_done);
    pb_patch_result_release(&part);

    /* Stopped from the start: nothing to give. */
    atomic_bool stopped = true;
    const pb_watch still = {.stop = &stopped};
    const pb_context at_once = {.watch = &still};
    must_fail(pb_patch(&spec, &at_once, &part, &error), PB_INTERRUPTED, &error, "");
    pb_patch_result_release(&whole);
}

static void stop_at_the_end(void *user, size_t done, size_t total)
{
    stopper *s = user;
    if (done == total)
        atomic_store(&s->stop, true);
}

/* An interrupt of the sweep's own check leaves that out: the sweep is whole. */
static void interrupted_in_its_check(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    pb_patch_spec spec = patch_of(&f, PB_SITE_RESID_POST, &metric);
    stopper s = {.after = 0};
    const pb_watch watch = {.stop = &s.stop, .progress = stop_at_the_end, .user = &s};
    const pb_context context = {.watch = &watch};
    pb_patch_result result;
    pb_error *error = NULL;
    must(pb_patch(&spec, &context, &result, &error), error);
    assert_true(atomic_load(&s.stop));
    assert_null(error);
    assert_false(result.partial);
    assert_int_equal(result.n_checks, 1);
    assert_true(result.checks[0].passed);
    pb_patch_result_release(&result);
}

static void small_blocks_give_the_same(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    for (int site = 0; site < PB_N_SITES; site++) {
        if (!pb_site_is_in(f.model, (pb_site)site))
            continue;
        pb_patch_spec spec = patch_of(&f, (pb_site)site, &metric);
        pb_patch_result whole = patch(&spec);
        spec.memory_budget = 9 * 6 * 40 * sizeof(float);
        stopper s = {.after = 0};
        const pb_watch watch = {.progress = stop_after, .user = &s};
        const pb_context context = {.watch = &watch};
        pb_patch_result small;
        pb_error *error = NULL;
        must(pb_patch(&spec, &context, &small, &error), error);
        assert_true(furthest(whole.values, small.values) < 1e-4);
        assert_int_equal(s.last_done, s.total);
        pb_patch_result_release(&whole);
        pb_patch_result_release(&small);
    }
    pb_patch_spec spec = patch_of(&f, PB_SITE_RESID_POST, &metric);
    spec.memory_budget = 100;
    pb_patch_result none;
    pb_error *error = NULL;
    must_fail(pb_patch(&spec, NULL, &none, &error), PB_MEMORY, &error, "memory budget");
}

/* ---- what cannot be ---- */

static void what_cannot_be(void **state)
{
    (void)state;
    pb_metric metric = good_logit(&f);
    pb_patch_result none;
    pb_error *error = NULL;
    pb_patch_spec spec = patch_of(&f, PB_SITE_RESID_POST, &metric);
    spec.from = &f.other;
    must_fail(pb_patch(&spec, NULL, &none, &error), PB_VALUE, &error,
              "one has 9 tokens, the other 6\n  into: ");
    spec.into = &f.other;
    spec.from = &f.from;
    must_fail(pb_patch(&spec, NULL, &none, &error), PB_VALUE, &error,
              "one has 6 tokens, the other 9\n  into: ");
    spec = patch_of(&f, PB_SITE_RESID_POST, &metric);
    spec.from = &f.into;
    spec.normalize = true;
    must_fail(pb_patch(&spec, NULL, &none, &error), PB_VALUE, &error, "on both");
    spec = patch_of(&f, PB_SITE_RESID_POST, &metric);
    const pb_select twelve = at_index(12), head = at_index(1), slice = {.kind = PB_SELECT_ALL};
    spec.positions = &twelve;
    must_fail(pb_patch(&spec, NULL, &none, &error), PB_RANGE, &error, "12");
    spec = patch_of(&f, PB_SITE_RESID_POST, &metric);
    spec.heads = &head;
    must_fail(pb_patch(&spec, NULL, &none, &error), PB_TYPE, &error, "no heads");
    spec = patch_of(&f, PB_SITE_EMBED, &metric);
    spec.layers = &head;
    must_fail(pb_patch(&spec, NULL, &none, &error), PB_TYPE, &error, "no layers");
    spec = patch_of(&f, PB_SITE_RESID_POST, &metric);
    const pb_head listed[1] = {{0, 0}};
    spec.pairs = listed;
    spec.n_pairs = 1;
    must_fail(pb_patch(&spec, NULL, &none, &error), PB_TYPE, &error, "no heads");
    spec = patch_of(&f, PB_SITE_Z, &metric);
    spec.pairs = listed;
    must_fail(pb_patch(&spec, NULL, &none, &error), PB_VALUE, &error, "no heads to patch");
    spec = patch_of(&f, PB_SITE_RESID_POST, &metric);
    metric.positions = &slice;
    must_fail(pb_patch(&spec, NULL, &none, &error), PB_VALUE, &error, "one number");
}

/* Of the random model, or the one that is named. */
int main(int n_arguments, char **arguments)
{
    name = n_arguments > 1 ? arguments[1] : name;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_site_by_default),
        cmocka_unit_test(every_site_place_by_place),
        cmocka_unit_test(every_site_together),
        cmocka_unit_test(every_metric),
        cmocka_unit_test(sum_is_its_parts),
        cmocka_unit_test(set_of_words),
        cmocka_unit_test(every_activation_is_read),
        cmocka_unit_test(run_as_a_whole),
        cmocka_unit_test(reads_more_than_of_the_ends),
        cmocka_unit_test(neurons),
        cmocka_unit_test(heads_of_a_list),
        cmocka_unit_test(edited_ends),
        cmocka_unit_test(edited_between_layers),
        cmocka_unit_test(several_pairs),
        cmocka_unit_test(pairs_that_cancel),
        cmocka_unit_test(one_into_several_froms),
        cmocka_unit_test(cost_is_the_formula),
        cmocka_unit_test(row_layers_are_counted),
        cmocka_unit_test(whole_prompt_gives_from),
        cmocka_unit_test(checks_itself),
        cmocka_unit_test(interrupted_keeps_what_it_has),
        cmocka_unit_test(interrupted_in_its_check),
        cmocka_unit_test(small_blocks_give_the_same),
        cmocka_unit_test(what_cannot_be),
    };
    return cmocka_run_group_tests(tests, open_random, close_random);
}
