/* Activations of many prompts in batches: each as its own run has it, and no row computed twice. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/stream.h"

enum { PROMPTS = 90, LONGEST = 64, LAYERS = 3 };

static pb_model *model;
static int32_t words[PROMPTS][LONGEST];
static pb_prompt prompts[PROMPTS];
static size_t rows;

static int make_prompts(void **state)
{
    pb_error *error = NULL;
    (void)state;
    for (size_t i = 0; i < PROMPTS; i++) {
        size_t n = i % 7 == 0 ? LONGEST : 1 + 11 * i % 23;
        for (size_t k = 0; k < n; k++)
            words[i][k] = (int32_t)((37 * i + 101 * k * k + k) % 8000);
        prompts[i] = (pb_prompt){.tokens = words[i], .n = n};
        rows += n;
    }
    return !pb_model_load("tests/models/random-3l5h", NULL, NULL, &model, &error) ? 0 : -1;
}

static int release_model(void **state)
{
    (void)state;
    pb_model_release(&model);
    return 0;
}

/* What is checked of a stream: every piece against the prompt's run. */
typedef struct checking {
    const pb_stream *stream;
    size_t seen[PROMPTS][LAYERS];
    size_t most; /* pieces until it fails; SIZE_MAX for never */
} checking;

static pb_status check_piece(void *user, size_t prompt, size_t layer, const float *values,
                             pb_error **error)
{
    checking *c = user;
    pb_run *run = NULL;
    if (c->most-- == 0)
        return pb_fail(error, PB_VALUE, "enough");
    assert_int_equal(pb_run_create(model, &prompts[prompt], NULL, NULL, &run, NULL), PB_OK);
    size_t n = pb_stream_piece_size(c->stream, prompts[prompt].n);
    float *wanted = malloc(n * sizeof *wanted);
    if (c->stream->normed)
        memcpy(wanted, pb_run_normed(run), n * sizeof *wanted);
    else
        assert_int_equal(pb_run_activation_into(run, c->stream->site, layer, NULL, wanted, NULL),
                         PB_OK);
    for (size_t i = 0; i < n; i++)
        if (values[i] != wanted[i] &&
            !(fabsf(values[i] - wanted[i]) <= 2e-5f * fmaxf(1.0f, fabsf(wanted[i]))))
            fail_msg("prompt %zu, layer %zu, value %zu: %.9g for %.9g", prompt, layer, i,
                     (double)values[i], (double)wanted[i]);
    free(wanted);
    pb_run_release(&run);
    c->seen[prompt][layer]++;
    return PB_OK;
}

static void test_every_piece_is_the_runs(void **state)
{
    static const pb_site sites[] = {PB_SITE_EMBED,     PB_SITE_RESID_POST, PB_SITE_PATTERN,
                                    PB_SITE_Z,         PB_SITE_RESULT,     PB_SITE_MLP_POST,
                                    PB_SITE_LN1_SCALE, PB_SITE_LN_FINAL,   PB_SITE_RESID_PRE};
    (void)state;
    for (size_t s = 0; s <= sizeof sites / sizeof *sites; s++) {
        bool normed = s == sizeof sites / sizeof *sites;
        pb_stream stream = {.model = model,
                            .n = PROMPTS,
                            .prompts = prompts,
                            .site = normed ? PB_SITE_EMBED : sites[s],
                            .normed = normed};
        checking c = {.stream = &stream, .most = SIZE_MAX};
        assert_int_equal(pb_stream_activations(&stream, check_piece, &c, NULL, NULL), PB_OK);
        size_t layers = !normed && pb_site_info(sites[s])->layers ? LAYERS : 1;
        for (size_t i = 0; i < PROMPTS; i++)
            for (size_t l = 0; l < layers; l++)
                assert_int_equal(c.seen[i][l], 1);
    }
}

/* The products are those of one pass over all rows, through the layers that are asked for. */
static void test_each_row_is_computed_once(void **state)
{
    (void)state;
    static const bool first_two[LAYERS] = {true, true, false};
    static const struct {
        const bool *layers;
        size_t passed;
    } cases[] = {{NULL, LAYERS}, {first_two, 2}};
    for (size_t i = 0; i < 2; i++) {
        pb_work work = {0};
        pb_context context = {.work = &work};
        pb_stream stream = {.model = model,
                            .n = PROMPTS,
                            .prompts = prompts,
                            .site = PB_SITE_MLP_POST,
                            .layers = cases[i].layers};
        checking c = {.stream = &stream, .most = SIZE_MAX};
        assert_int_equal(pb_stream_activations(&stream, check_piece, &c, &context, NULL), PB_OK);
        assert_int_equal(work.qkv_rows, rows * cases[i].passed);
        assert_int_equal(work.mlp_rows, rows * cases[i].passed);
        assert_int_equal(work.logit_rows, 0);
        assert_int_equal(c.seen[0][2], i == 0);
    }
}

static void test_a_piece_that_fails_ends_it(void **state)
{
    pb_error *error = NULL;
    pb_stream stream = {
        .model = model, .n = PROMPTS, .prompts = prompts, .site = PB_SITE_RESID_MID};
    checking c = {.stream = &stream, .most = 5};
    (void)state;
    assert_int_equal(pb_stream_activations(&stream, check_piece, &c, NULL, &error), PB_VALUE);
    assert_string_equal(pb_error_text(error), "enough");
    pb_error_destroy(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_piece_is_the_runs),
        cmocka_unit_test(test_each_row_is_computed_once),
        cmocka_unit_test(test_a_piece_that_fails_ends_it),
    };
    return cmocka_run_group_tests(tests, make_prompts, release_model);
}
