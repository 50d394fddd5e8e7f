/* Hooks that write: an edit at one site must equal the edit at another that it amounts to. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/run.h"

enum { D = 40, LAYERS = 3, HEADS = 5, N = 9, ANY = 1000 };

static const int32_t words[N] = {8191, 2103, 6423, 290, 3573, 1756, 284, 262, 4653};

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

/* x <- x * factor + value, the value in every other place only where `striped` (a norm would take
 * a constant out), at a site, layer, position and head (ANY: all). */
typedef struct edit {
    pb_site site;
    size_t layer, position, head;
    float factor, value;
    size_t seen;       /* rows written, over all passes */
    size_t references; /* retains less releases */
    bool fails, striped;
} edit;

static bool wants(void *user, pb_site site, size_t layer)
{
    const edit *e = user;
    return site == e->site && (layer == e->layer || !pb_site_info(site)->layers);
}

static pb_status at(void *user, const pb_view *view, pb_error **error)
{
    edit *e = user;
    if (e->fails)
        return pb_fail(error, PB_VALUE, "this edit fails");
    for (size_t r = 0; r < view->n_rows; r++) {
        assert_int_equal(view->rows[r].sequence, 0);
        if (e->position != ANY && view->rows[r].position != e->position)
            continue;
        e->seen++;
        for (size_t h = 0; h < view->n_heads; h++) {
            float *x = view->data + r * view->row_stride + h * view->head_stride;
            for (size_t i = 0; (e->head == ANY || e->head == h) && i < view->width; i++)
                x[i] = (e->factor == 0.0f ? 0.0f : x[i] * e->factor) +
                       (e->striped && i % 2 ? 0.0f : e->value);
        }
    }
    return PB_OK;
}

static void retain(void *user)
{
    ((edit *)user)->references++;
}

static void release(void *user)
{
    ((edit *)user)->references--;
}

static pb_run *run_with(edit *e)
{
    pb_run_edits edits = {{e, wants, at}, false, retain, release};
    pb_prompt prompt = {.tokens = words, .n = N, .edits = e ? &edits : NULL};
    pb_run *run = NULL;
    pb_error *error = NULL;
    if (pb_run_create(model, &prompt, NULL, NULL, &run, &error))
        fail_msg("%s", pb_error_text(error));
    return run;
}

static float *activation(const pb_run *run, pb_site site, size_t layer)
{
    float *out = malloc(pb_run_activation_size(run, site) * sizeof *out);
    pb_error *error = NULL;
    assert_non_null(out);
    if (pb_run_activation_into(run, site, layer, NULL, out, &error))
        fail_msg("%s", pb_error_text(error));
    return out;
}

static void near(const float *a, const float *b, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(a[i] - b[i]) <= 2e-5f * fmaxf(1.0f, fabsf(b[i]))) && a[i] != b[i])
            fail_msg("%s: value %zu is %.9g, expected %.9g", what, i, (double)a[i], (double)b[i]);
}

static float largest_difference(const float *a, const float *b, size_t n)
{
    float most = 0.0f;
    for (size_t i = 0; i < n; i++)
        most = fmaxf(most, fabsf(a[i] - b[i]));
    return most;
}

/* ---- pairs of edits that amount to the same ---- */

typedef struct pair {
    const char *what;
    edit one, other;
} pair;

/* Everywhere, or where it says, in every other place. */
#define WHOLE(SITE, LAYER, FACTOR, VALUE)                                                          \
    {                                                                                              \
        .site = SITE, .layer = LAYER, .position = ANY, .head = ANY, .factor = FACTOR,              \
        .value = VALUE                                                                             \
    }
#define STRIPED(SITE, LAYER, POSITION, HEAD, FACTOR, VALUE)                                        \
    {                                                                                              \
        .site = SITE, .layer = LAYER, .position = POSITION, .head = HEAD, .factor = FACTOR,        \
        .value = VALUE, .striped = true                                                            \
    }

static void test_edits_that_amount_to_the_same(void **state)
{
    (void)state;
    pair pairs[] = {
        {"result and z of a head", STRIPED(PB_SITE_RESULT, 1, ANY, 3, 0, 0),
         STRIPED(PB_SITE_Z, 1, ANY, 3, 0, 0)},
        {"pattern and z", STRIPED(PB_SITE_PATTERN, 1, ANY, 2, 0, 0),
         STRIPED(PB_SITE_Z, 1, ANY, 2, 0, 0)},
        {"v and z", WHOLE(PB_SITE_V, 0, 0, 0), WHOLE(PB_SITE_Z, 0, 0, 0)},
        {"v and z twice as large", WHOLE(PB_SITE_V, 0, 2, 0), WHOLE(PB_SITE_Z, 0, 2, 0)},
        {"q and scores", WHOLE(PB_SITE_Q, 2, 0, 0), WHOLE(PB_SITE_ATTN_SCORES, 2, 0, 0)},
        {"k and scores", WHOLE(PB_SITE_K, 2, 0, 0), WHOLE(PB_SITE_ATTN_SCORES, 2, 0, 7)},
        {"q and k halved", WHOLE(PB_SITE_Q, 1, 0.5f, 0), WHOLE(PB_SITE_K, 1, 0.5f, 0)},
        {"attn_out and resid_mid", STRIPED(PB_SITE_ATTN_OUT, 1, 4, ANY, 1, 0.5f),
         STRIPED(PB_SITE_RESID_MID, 1, 4, ANY, 1, 0.5f)},
        {"mlp_out and resid_post", STRIPED(PB_SITE_MLP_OUT, 1, 4, ANY, 1, 0.5f),
         STRIPED(PB_SITE_RESID_POST, 1, 4, ANY, 1, 0.5f)},
        {"resid_post and the next resid_pre", STRIPED(PB_SITE_RESID_POST, 0, 2, ANY, 0.5f, 0),
         STRIPED(PB_SITE_RESID_PRE, 1, 2, ANY, 0.5f, 0)},
        {"embed and resid_pre", STRIPED(PB_SITE_EMBED, 0, 3, ANY, 1, 0.25f),
         STRIPED(PB_SITE_RESID_PRE, 0, 3, ANY, 1, 0.25f)},
        {"pos_embed and embed", STRIPED(PB_SITE_POS_EMBED, 0, 3, ANY, 1, 0.25f),
         STRIPED(PB_SITE_EMBED, 0, 3, ANY, 1, 0.25f)},
        {"ln1_scale and ln1", WHOLE(PB_SITE_LN1_SCALE, 1, 2, 0), WHOLE(PB_SITE_LN1, 1, 0.5f, 0)},
        {"ln2_scale and ln2", WHOLE(PB_SITE_LN2_SCALE, 1, 2, 0), WHOLE(PB_SITE_LN2, 1, 0.5f, 0)},
        {"ln_final_scale and ln_final", WHOLE(PB_SITE_LN_FINAL_SCALE, 0, 2, 0),
         WHOLE(PB_SITE_LN_FINAL, 0, 0.5f, 0)},
        {"mlp_pre and mlp_post", WHOLE(PB_SITE_MLP_PRE, 2, 0, -50),
         WHOLE(PB_SITE_MLP_POST, 2, 0, 0)},
    };
    pb_run *plain = run_with(NULL);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        pb_run *one = run_with(&pairs[i].one), *other = run_with(&pairs[i].other);
        assert_true(pairs[i].one.seen > 0 && pairs[i].other.seen > 0);
        near(pb_run_normed(one), pb_run_normed(other), N * D, pairs[i].what);
        if (!(largest_difference(pb_run_normed(one), pb_run_normed(plain), N * D) > 1e-3f))
            fail_msg("%s: the edit changed nothing", pairs[i].what);
        pb_run_release(&one);
        pb_run_release(&other);
    }
    pb_run_release(&plain);
}

/* ---- what an edited run answers ---- */

static void test_an_edited_run_answers_as_edited(void **state)
{
    (void)state;
    for (size_t s = 0; s < PB_N_SITES; s++) {
        if (!pb_site_is_in(model, (pb_site)s))
            continue;
        const pb_site_row *row = pb_site_info((pb_site)s);
        edit e = WHOLE((pb_site)s, row->layers ? 1 : 0, 0, 0.125f);
        pb_run *run = run_with(&e);
        float *values = activation(run, (pb_site)s, e.layer);
        for (size_t i = 0; i < pb_run_activation_size(run, (pb_site)s); i++) {
            bool masked = row->keys && i % N > i / N % N;
            if (!masked)
                assert_true(values[i] == 0.125f);
            else
                assert_true(s == PB_SITE_PATTERN ? values[i] == 0.0f : values[i] == -INFINITY);
        }
        free(values);
        pb_run_release(&run);
        assert_int_equal(e.references, 0);
    }
}

/* resid_post is the next checkpoint, but where an edit of resid_pre comes between the two. */
static void test_resid_post_needs_no_pass(void **state)
{
    (void)state;
    edit e = STRIPED(PB_SITE_RESID_PRE, 1, 4, ANY, 0, 1.5f);
    pb_run *runs[2] = {run_with(NULL), run_with(&e)};
    float *plain = activation(runs[0], PB_SITE_RESID_POST, 0);
    for (size_t layer = 0; layer < LAYERS; layer++) {
        for (size_t i = 0; i < 2; i++) {
            pb_work work = {0};
            const pb_context context = {.work = &work};
            float out[N * D];
            bool between = i == 1 && layer == 0;
            assert_int_equal(
                pb_run_activation_into(runs[i], PB_SITE_RESID_POST, layer, &context, out, NULL),
                PB_OK);
            assert_int_equal(work.mlp_rows, between ? N : 0);
            assert_true(pb_run_hands_on(runs[i], layer) == !between);
            near(out, between ? plain : pb_run_resid(runs[i], layer + 1), N * D, "resid_post");
        }
    }
    assert_true(largest_difference(plain, pb_run_resid(runs[1], 1), N * D) > 1e-3f);
    free(plain);
    pb_run_release(&runs[0]);
    pb_run_release(&runs[1]);
}

/* Activations behind the edit, computed again from a checkpoint, agree with the edited pass. */
static void test_downstream_of_an_edit(void **state)
{
    (void)state;
    edit e = STRIPED(PB_SITE_RESID_PRE, 1, 4, ANY, 1, 1.5f); /* made twice, it would be another */
    pb_run *run = run_with(&e);
    float *post = activation(run, PB_SITE_RESID_POST, 1);
    near(post, pb_run_resid(run, 2), N * D, "resid_post");
    float *attn_out = activation(run, PB_SITE_ATTN_OUT, 1),
          *mid = activation(run, PB_SITE_RESID_MID, 1);
    for (size_t i = 0; i < N * D; i++)
        attn_out[i] += pb_run_resid(run, 1)[i];
    near(mid, attn_out, N * D, "resid_mid");
    free(mid);
    free(attn_out);
    free(post);
    pb_run_release(&run);
}

static void test_uniform_attention_where_scores_are_level(void **state)
{
    (void)state;
    edit e = WHOLE(PB_SITE_ATTN_SCORES, 1, 0, 1e30f);
    pb_run *run = run_with(&e);
    float *pattern = activation(run, PB_SITE_PATTERN, 1);
    for (size_t q = 0; q < N; q++)
        for (size_t k = 0; k < N; k++) {
            float expected = k <= q ? 1.0f / (float)(q + 1) : 0.0f;
            assert_true(fabsf(pattern[(2 * N + q) * N + k] - expected) < 1e-6f);
        }
    free(pattern);
    pb_run_release(&run);
}

/* Two prompts of one batch, each with its own edit. */
static void test_edits_stay_with_their_prompt(void **state)
{
    (void)state;
    edit first = STRIPED(PB_SITE_Z, 1, 2, 1, 0, 0),
         second = STRIPED(PB_SITE_MLP_OUT, 0, 3, ANY, 1, 1);
    pb_run_edits edits[2] = {{{&first, wants, at}, false, retain, release},
                             {{&second, wants, at}, false, retain, release}};
    pb_prompt prompts[3] = {{words, N, &edits[0]}, {words, 7, NULL}, {words, N, &edits[1]}};
    pb_run *runs[3] = {NULL};
    pb_error *error = NULL;
    assert_int_equal(pb_runs_create(model, 3, prompts, NULL, NULL, runs, &error), PB_OK);
    pb_run *plain = run_with(NULL), *one = run_with(&first), *two = run_with(&second);
    near(pb_run_normed(runs[0]), pb_run_normed(one), N * D, "first");
    near(pb_run_normed(runs[1]), pb_run_normed(plain), 7 * D, "unedited");
    near(pb_run_normed(runs[2]), pb_run_normed(two), N * D, "second");
    assert_true(pb_run_is_edited(runs[0]) && !pb_run_is_edited(runs[1]));
    for (size_t i = 0; i < 3; i++)
        pb_run_release(&runs[i]);
    pb_run_release(&plain);
    pb_run_release(&one);
    pb_run_release(&two);
    assert_int_equal(first.references, 0);
    assert_int_equal(second.references, 0);
}

static void test_a_failing_hook_ends_the_pass(void **state)
{
    (void)state;
    for (size_t s = 0; s < PB_N_SITES; s++) {
        if (!pb_site_is_in(model, (pb_site)s))
            continue;
        edit e = WHOLE((pb_site)s, pb_site_info((pb_site)s)->layers ? 2 : 0, 1, 0);
        e.fails = true;
        pb_run_edits edits = {{&e, wants, at}, false, retain, release};
        pb_prompt prompt = {words, N, &edits};
        pb_run *run = NULL;
        pb_error *error = NULL;
        assert_int_equal(pb_run_create(model, &prompt, NULL, NULL, &run, &error), PB_VALUE);
        assert_string_equal(pb_error_text(error), "this edit fails");
        assert_null(run);
        assert_int_equal(e.references, 0);
        pb_error_destroy(&error);
    }
}

/* ---- runs ---- */

static void test_tensors_have_axes_and_labels(void **state)
{
    (void)state;
    pb_run *run = run_with(NULL);
    pb_tensor *tensor = NULL;
    pb_error *error = NULL;
    assert_int_equal(pb_run_activation(run, PB_SITE_PATTERN, PB_ALL_LAYERS, NULL, &tensor, &error),
                     PB_OK);
    const char *const names[] = {"layer", "head", "query", "key"};
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(pb_axis_name(pb_tensor_axis(tensor, i)), names[i]);
    assert_string_equal(pb_axis_label(pb_tensor_axis(tensor, 3), 0), "<|endoftext|>");
    assert_string_equal(pb_axis_label(pb_tensor_axis(tensor, 1), 4), "H4");
    assert_string_equal(pb_axis_label(pb_tensor_axis(tensor, 0), 2), "L2");
    for (size_t layer = 0; layer < LAYERS; layer++) {
        float *one = activation(run, PB_SITE_PATTERN, layer);
        assert_memory_equal(one, pb_tensor_data(tensor) + layer * HEADS * N * N,
                            HEADS * N * N * sizeof *one);
        free(one);
    }
    pb_tensor_release(&tensor);
    assert_int_equal(pb_run_activation(run, PB_SITE_Q, 3, NULL, &tensor, &error), PB_RANGE);
    assert_non_null(strstr(pb_error_text(error), "no layer 3"));
    pb_error_destroy(&error);
    pb_run_release(&run);
}

static void test_bad_prompts(void **state)
{
    (void)state;
    int32_t long_prompt[65] = {0};
    const int32_t outside[2] = {1, 8192}, below[2] = {1, -1}; /* there are 8192 */
    const pb_prompt prompts[] = {
        {words, 0, NULL}, {long_prompt, 65, NULL}, {outside, 2, NULL}, {below, 2, NULL}};
    const pb_status expected[] = {PB_VALUE, PB_RANGE, PB_RANGE, PB_RANGE};
    const char *const texts[] = {"empty", "65 tokens", "no token 8192", "no token -1"};
    for (size_t i = 0; i < 4; i++) {
        pb_run *run = NULL;
        pb_error *error = NULL;
        assert_int_equal(pb_run_create(model, &prompts[i], NULL, NULL, &run, &error), expected[i]);
        assert_non_null(strstr(pb_error_text(error), texts[i]));
        pb_error_destroy(&error);
    }
}

/* Where NaN is first seen: in the stream, or only in what the last norm makes of it. */
static void test_what_is_not_finite_is_told(void **state)
{
    (void)state;
    struct {
        edit writes;
        const char *place;
    } cases[] = {
        {STRIPED(PB_SITE_EMBED, 0, 4, ANY, 0, NAN), "before layer 0, at position 4"},
        {STRIPED(PB_SITE_RESID_POST, 0, 4, ANY, 0, NAN), "after layer 0, at position 4"},
        {STRIPED(PB_SITE_MLP_OUT, 2, 8, ANY, 0, NAN), "after layer 2, at position 8"},
        {STRIPED(PB_SITE_LN_FINAL, 0, 3, ANY, 0, NAN), "after the last norm, at position 3"},
        {STRIPED(PB_SITE_LN_FINAL, 0, 0, ANY, 0, INFINITY), "after the last norm, at position 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pb_run_edits edits = {{&cases[i].writes, wants, at}, false, retain, release};
        pb_prompt prompt = {.tokens = words, .n = N, .edits = &edits};
        pb_run *run = NULL;
        pb_error *error = NULL;
        assert_int_equal(pb_run_create(model, &prompt, NULL, NULL, &run, &error), PB_VALUE);
        assert_null(run);
        if (!strstr(pb_error_text(error), cases[i].place))
            fail_msg("'%s' does not say '%s'", pb_error_text(error), cases[i].place);
        pb_error_destroy(&error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edits_that_amount_to_the_same),
        cmocka_unit_test(test_an_edited_run_answers_as_edited),
        cmocka_unit_test(test_resid_post_needs_no_pass),
        cmocka_unit_test(test_downstream_of_an_edit),
        cmocka_unit_test(test_uniform_attention_where_scores_are_level),
        cmocka_unit_test(test_edits_stay_with_their_prompt),
        cmocka_unit_test(test_a_failing_hook_ends_the_pass),
        cmocka_unit_test(test_tensors_have_axes_and_labels),
        cmocka_unit_test(test_bad_prompts),
        cmocka_unit_test(test_what_is_not_finite_is_told),
    };
    return cmocka_run_group_tests(tests, load_model, release_model);
}
