/*
 * One forward pass, many ways in: alone, in a batch, from a cache, from the middle, with rows let
 * go. All must come to the same numbers.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/forward.h"
#include "model/run.h"

enum { D = 40, LAYERS = 3, LONGEST = 64 };

static const int32_t words[LONGEST] = {
    8191, 2103, 6423, 290, 3573, 1756, 284, 262, 4653, 12,  99, 7000, 5,  313, 42,  4000,
    17,   18,   19,   20,  21,   22,   23,  24,  25,   26,  27, 28,   29, 30,  31,  32,
    1033, 2034, 35,   36,  5037, 38,   39,  40,  41,   742, 43, 44,   45, 46,  647, 48,
    1049, 50,   51,   52,  53,   54,   55,  556, 57,   58,  59, 60,   61, 62,  63,  64};

static pb_model *model;

static int load_model(void **state)
{
    (void)state;
    pb_error *error = NULL;
    return !pb_model_load("tests/models/random-3l5h", NULL, NULL, &model, &error) ? 0 : -1;
}

static int release_model(void **state)
{
    (void)state;
    pb_model_release(&model);
    return 0;
}

static void near(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(a[i] - b[i]) <= 2e-5f * fmaxf(1.0f, fabsf(b[i]))))
            fail_msg("value %zu is %.9g, expected %.9g", i, (double)a[i], (double)b[i]);
}

static void forward(const pb_batch *batch, pb_work *work, float *resid, float *normed)
{
    pb_error *error = NULL;
    pb_context context = {.work = work};
    if (pb_forward(model, batch, &context, resid, normed, &error))
        fail_msg("%s", pb_error_text(error));
}

static pb_run *make_run(size_t n, bool keep)
{
    pb_prompt prompt = {.tokens = words, .n = n};
    pb_run_options options = {.keep_qkv = keep};
    pb_run *run = NULL;
    pb_error *error = NULL;
    assert_int_equal(pb_run_create(model, &prompt, &options, NULL, &run, &error), PB_OK);
    return run;
}

static void activation(const pb_run *run, pb_site site, size_t layer, float *out)
{
    pb_error *error = NULL;
    if (pb_run_activation_into(run, site, layer, NULL, out, &error))
        fail_msg("%s", pb_error_text(error));
}

/* ---- sequences together and apart ---- */

static void test_batch_of_lengths_equals_each_alone(void **state)
{
    (void)state;
    const size_t lengths[] = {7, 1, 64, 12};
    pb_sequence sequences[4] = {{0}};
    size_t rows = 0;
    for (size_t i = 0; i < 4; i++) {
        sequences[i] = (pb_sequence){.n = lengths[i], .tokens = words + i % 2};
        rows += lengths[i];
        if (i == 2)
            sequences[i].tokens = words;
    }
    pb_batch batch = {.sequences = sequences, .n = 4};
    assert_int_equal(pb_batch_wanted(&batch), rows);
    float *together = malloc(rows * D * sizeof *together), *alone = malloc(64 * D * sizeof *alone);
    assert_true(together && alone);
    forward(&batch, NULL, NULL, together);
    const float *at = together;
    for (size_t i = 0; i < 4; i++) {
        pb_batch one = {.sequences = &sequences[i], .n = 1};
        forward(&one, NULL, NULL, alone);
        near(at, alone, lengths[i] * D);
        at += lengths[i] * D;
    }
    free(alone);
    free(together);
}

/* More rows than a block of products holds. */
static void test_many_rows(void **state)
{
    (void)state;
    enum { N = 20 };
    pb_sequence sequences[N];
    for (size_t i = 0; i < N; i++)
        sequences[i] = (pb_sequence){.n = 61, .tokens = words};
    pb_batch batch = {.sequences = sequences, .n = N}, one = {.sequences = sequences, .n = 1};
    float *together = malloc(N * 61 * D * sizeof *together), alone[61 * D];
    assert_non_null(together);
    forward(&batch, NULL, together, NULL);
    forward(&one, NULL, alone, NULL);
    for (size_t i = 0; i < N; i++)
        near(together + i * 61 * D, alone, 61 * D);
    free(together);
}

static void test_only_wanted_rows_come_out(void **state)
{
    (void)state;
    const size_t wanted[2] = {3, 8}, last[1] = {0};
    pb_sequence sequences[] = {{.n = 9, .tokens = words, .wanted = wanted, .n_wanted = 2},
                               {.n = 5, .tokens = words + 1},
                               {.n = 1, .tokens = words, .wanted = last, .n_wanted = 1}};
    pb_batch batch = {.sequences = sequences, .n = 3};
    float resid[8 * D], normed[8 * D], whole[9 * D], whole_normed[9 * D];
    pb_work work = {0};
    assert_int_equal(pb_batch_wanted(&batch), 8);
    forward(&batch, &work, resid, normed);
    assert_int_equal(work.mlp_rows, 2 * 15 + 8);
    assert_int_equal(work.qkv_rows, 3 * 15);

    pb_sequence first = {.n = 9, .tokens = words};
    pb_batch one = {.sequences = &first, .n = 1};
    forward(&one, NULL, whole, whole_normed);
    near(resid, whole + 3 * D, D);
    near(resid + D, whole + 8 * D, D);
    near(normed + D, whole_normed + 8 * D, D);
    near(resid + 7 * D, whole, D); /* position 0 does not see what follows */
}

/* ---- caches ---- */

static void test_tokens_one_at_a_time_from_a_cache(void **state)
{
    (void)state;
    pb_cache *cache = NULL;
    pb_error *error = NULL;
    float whole[12 * D], step[12 * D];
    pb_sequence all = {.n = 12, .tokens = words};
    pb_batch batch = {.sequences = &all, .n = 1};
    forward(&batch, NULL, NULL, whole);
    assert_int_equal(pb_cache_create(model, 12, false, &cache, &error), PB_OK);
    assert_null(pb_cache_q(cache, 0));
    for (size_t first = 0; first < 12;) {
        size_t n = first == 0 ? 5 : 1;
        pb_sequence next = {.n = n,
                            .first = first,
                            .tokens = words + first,
                            .past = first ? cache : NULL,
                            .keep = cache};
        pb_batch one = {.sequences = &next, .n = 1};
        forward(&one, NULL, NULL, step + first * D);
        first += n;
    }
    near(step, whole, 12 * D);
    pb_cache_release(&cache);
    assert_null(cache);
}

static void test_cache_holds_q_k_v(void **state)
{
    (void)state;
    pb_run *run = make_run(9, true);
    float q[9 * D], k[9 * D], v[9 * D];
    for (size_t layer = 0; layer < LAYERS; layer++) {
        activation(run, PB_SITE_Q, layer, q);
        activation(run, PB_SITE_K, layer, k);
        activation(run, PB_SITE_V, layer, v);
        near(pb_cache_q(pb_run_cache(run), layer), q, 9 * D);
        near(pb_cache_k(pb_run_cache(run), layer), k, 9 * D);
        near(pb_cache_v(pb_run_cache(run), layer), v, 9 * D);
    }
    pb_run_release(&run);
}

/* ---- in at the middle ---- */

/* Rows 4 to 8 of a run of 9, entering at every layer in every way, end as the run ended. */
static void test_every_way_in(void **state)
{
    (void)state;
    enum { N = 9, FIRST = 4, OWN = N - FIRST };
    pb_run *run = make_run(N, true);
    const pb_cache *cache = pb_run_cache(run);
    float mid[N * D], out[OWN * D], normed[OWN * D];
    const float *expected = pb_run_resid(run, LAYERS) + FIRST * D;
    for (size_t layer = 0; layer <= LAYERS; layer++)
        for (int way = 0; way < 3; way++) {
            bool ready = way == 1, at_mid = way == 2;
            if (layer == LAYERS && way > 0)
                continue;
            const float *resid = pb_run_resid(run, layer);
            if (at_mid) {
                activation(run, PB_SITE_RESID_MID, layer, mid);
                resid = mid;
            }
            /* in two pieces, as a patched position and what follows it */
            pb_entry_rows pieces[2] = {{.n = 1, .resid = resid + FIRST * D},
                                       {.n = OWN - 1, .resid = resid + (FIRST + 1) * D}};
            for (size_t p = 0; ready && p < 2; p++) {
                size_t row = (FIRST + p) * D;
                pieces[p].q = pb_cache_q(cache, layer) + row;
                pieces[p].k = pb_cache_k(cache, layer) + row;
                pieces[p].v = pb_cache_v(cache, layer) + row;
            }
            pb_sequence s = {.n = OWN,
                             .first = FIRST,
                             .layer = layer,
                             .at_mid = at_mid,
                             .entry = pieces,
                             .n_entry = 2,
                             .past = cache};
            pb_batch batch = {.sequences = &s, .n = 1};
            pb_work work = {0};
            forward(&batch, &work, out, normed);
            near(out, expected, OWN * D);
            near(normed, pb_run_normed(run) + FIRST * D, OWN * D);
            assert_int_equal(work.mlp_rows, (LAYERS - layer) * OWN);
            size_t skipped = layer < LAYERS && (ready || at_mid) ? 1 : 0;
            assert_int_equal(work.qkv_rows, (LAYERS - layer - skipped) * OWN);
        }
    pb_run_release(&run);
}

/* Sequences that enter at different layers, in an order unlike the batch's, only last rows asked.
 */
static void test_entering_together_at_different_layers(void **state)
{
    (void)state;
    enum { N = 9, CELLS = 8 };
    pb_run *run = make_run(N, true);
    const pb_cache *cache = pb_run_cache(run);
    float mids[LAYERS][N * D];
    pb_entry_rows pieces[CELLS];
    pb_sequence sequences[CELLS];
    const size_t layers[CELLS] = {2, 0, 1, 2, 3, 1, 2, 0};
    size_t last[CELLS];
    for (size_t i = 0; i < CELLS; i++) {
        size_t layer = layers[i], first = i % 4 + 1;
        bool mid = i == 3 || i == 7;
        if (mid)
            activation(run, PB_SITE_RESID_MID, layer, mids[layer]);
        const float *resid = mid ? mids[layer] : pb_run_resid(run, layer);
        last[i] = N - first - 1;
        pieces[i] = (pb_entry_rows){.n = N - first, .resid = resid + first * D};
        if (i % 2 == 0 && layer < LAYERS) {
            pieces[i].q = pb_cache_q(cache, layer) + first * D;
            pieces[i].k = pb_cache_k(cache, layer) + first * D;
            pieces[i].v = pb_cache_v(cache, layer) + first * D;
        }
        sequences[i] = (pb_sequence){.n = N - first,
                                     .first = first,
                                     .layer = layer,
                                     .at_mid = mid,
                                     .entry = &pieces[i],
                                     .n_entry = 1,
                                     .past = cache,
                                     .wanted = &last[i],
                                     .n_wanted = 1};
    }
    pb_batch batch = {.sequences = sequences, .n = CELLS};
    float out[CELLS * D];
    forward(&batch, NULL, out, NULL);
    for (size_t i = 0; i < CELLS; i++)
        near(out + i * D, pb_run_resid(run, LAYERS) + (N - 1) * D, D);
    pb_run_release(&run);
}

static void test_stopping_early(void **state)
{
    (void)state;
    pb_run *run = make_run(9, false);
    pb_sequence s = {.n = 9, .tokens = words};
    pb_batch batch = {.sequences = &s, .n = 1, .stop = 2};
    float out[9 * D];
    forward(&batch, NULL, out, NULL);
    near(out, pb_run_resid(run, 2), 9 * D);
    pb_run_release(&run);
}

/* ---- faults ---- */

static void refused(const pb_sequence *sequence, pb_status expected, const char *text)
{
    pb_batch batch = {.sequences = sequence, .n = 1};
    pb_error *error = NULL;
    float out[LONGEST * D];
    assert_int_equal(pb_forward(model, &batch, NULL, out, NULL, &error), expected);
    assert_non_null(strstr(pb_error_text(error), text));
    pb_error_destroy(&error);
}

static void test_bad_sequences(void **state)
{
    (void)state;
    const int32_t outside[1] = {8192}, negative[1] = {-1};
    pb_entry_rows piece = {.n = 2, .resid = pb_model_layer(model, 0)->b_o};
    refused(&(pb_sequence){.n = 1, .tokens = outside}, PB_RANGE, "no token 8192");
    refused(&(pb_sequence){.n = 1, .tokens = negative}, PB_RANGE, "no token -1");
    refused(&(pb_sequence){.n = 65, .tokens = words}, PB_RANGE, "65 tokens");
    refused(&(pb_sequence){.n = 0, .tokens = words}, PB_VALUE, "no tokens");
    refused(&(pb_sequence){.n = 1, .first = 3, .tokens = words}, PB_INTERNAL, "cache");
    refused(&(pb_sequence){.n = 3, .layer = 1, .entry = &piece, .n_entry = 1}, PB_INTERNAL,
            "do not fit");
    refused(&(pb_sequence){.n = 1, .layer = 1, .tokens = words}, PB_INTERNAL, "do not fit");
}

static void test_an_interrupt_ends_a_pass(void **state)
{
    (void)state;
    atomic_bool stop = true;
    pb_watch watch = {.stop = &stop};
    pb_context context = {.watch = &watch};
    pb_sequence s = {.n = 9, .tokens = words};
    pb_batch batch = {.sequences = &s, .n = 1};
    pb_error *error = NULL;
    float out[9 * D];
    assert_int_equal(pb_forward(model, &batch, &context, out, NULL, &error), PB_INTERRUPTED);
    pb_error_destroy(&error);
}

static void test_scratch_is_reused(void **state)
{
    (void)state;
    pb_context context = {.scratch = pb_scratch_create()};
    pb_sequence s = {.n = 40, .tokens = words};
    pb_batch batch = {.sequences = &s, .n = 1};
    float out[40 * D];
    pb_error *error = NULL;
    assert_int_equal(pb_forward(model, &batch, &context, out, NULL, &error), PB_OK);
    size_t bytes = pb_scratch_bytes(context.scratch);
    s.n = 9;
    assert_int_equal(pb_forward(model, &batch, &context, out, NULL, &error), PB_OK);
    assert_true(bytes > 0 && pb_scratch_bytes(context.scratch) == bytes);
    pb_scratch_destroy(&context.scratch);
    assert_null(context.scratch);
}

/* ---- unembedding ---- */

static void test_some_logits_equal_all(void **state)
{
    (void)state;
    pb_run *run = make_run(9, false);
    const int32_t tokens[3] = {5, 8191, 0};
    const size_t positions[2] = {8, 2}, n_vocab = pb_model_shape(model)->n_vocab;
    float *all = malloc(2 * n_vocab * sizeof *all), some[2 * 3], normed[2 * D];
    pb_error *error = NULL;
    pb_work work = {0};
    pb_context context = {.work = &work};
    assert_non_null(all);
    assert_int_equal(pb_run_logits_at(run, 2, positions, &context, all, &error), PB_OK);
    assert_int_equal(work.logit_rows, 2);
    for (size_t i = 0; i < 2; i++)
        memcpy(normed + i * D, pb_run_normed(run) + positions[i] * D, D * sizeof *normed);
    assert_int_equal(pb_unembed_tokens(model, 2, normed, 3, tokens, some, &error), PB_OK);
    for (size_t i = 0; i < 2; i++)
        for (size_t t = 0; t < 3; t++)
            near(&some[i * 3 + t], &all[i * n_vocab + (size_t)tokens[t]], 1);
    const size_t outside = 9;
    assert_int_equal(pb_run_logits_at(run, 1, &outside, NULL, all, &error), PB_RANGE);
    pb_error_destroy(&error);
    free(all);
    pb_run_release(&run);
}

static void test_final_norm_is_the_runs(void **state)
{
    (void)state;
    pb_run *run = make_run(9, false);
    float normed[9 * D];
    pb_final_norm(model, 9, pb_run_resid(run, LAYERS), normed);
    near(normed, pb_run_normed(run), 9 * D);
    pb_run_release(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_of_lengths_equals_each_alone),
        cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_only_wanted_rows_come_out),
        cmocka_unit_test(test_tokens_one_at_a_time_from_a_cache),
        cmocka_unit_test(test_cache_holds_q_k_v),
        cmocka_unit_test(test_every_way_in),
        cmocka_unit_test(test_entering_together_at_different_layers),
        cmocka_unit_test(test_stopping_early),
        cmocka_unit_test(test_bad_sequences),
        cmocka_unit_test(test_an_interrupt_ends_a_pass),
        cmocka_unit_test(test_scratch_is_reused),
        cmocka_unit_test(test_some_logits_equal_all),
        cmocka_unit_test(test_final_norm_is_the_runs),
    };
    return cmocka_run_group_tests(tests, load_model, release_model);
}
