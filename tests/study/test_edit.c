/* Edits: what they touch, what they are called, what they refuse. */
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

static pb_edit *make(pb_edit_spec spec)
{
    pb_edit *edit = NULL;
    pb_error *error = NULL;
    must(pb_edit_create(f.model, &spec, &edit, &error), error);
    return edit;
}

static pb_run *apply(pb_run *run, pb_edit *const *edits, size_t n)
{
    pb_run *edited = NULL;
    pb_error *error = NULL;
    must(pb_run_edited(&run, 1, edits, n, NULL, &edited, &error), error);
    return edited;
}

static pb_tensor *activation(const pb_run *run, pb_site site, size_t layer)
{
    pb_tensor *tensor = NULL;
    pb_error *error = NULL;
    must(pb_run_activation(run, site, layer, NULL, &tensor, &error), error);
    return tensor;
}

static void refuses(pb_edit_spec spec, pb_status status, const char *part)
{
    pb_edit *edit = NULL;
    pb_error *error = NULL;
    must_fail(pb_edit_create(f.model, &spec, &edit, &error), status, &error, part);
}

/* Setting every site to a number leaves that number there, and only there. */
static void set_at_every_site(void **state)
{
    (void)state;
    const pb_select layer = at_index(1), position = at_index(4), head = at_index(3);
    for (int site = 0; site < PB_N_SITES; site++) {
        if (!pb_site_is_in(f.model, (pb_site)site))
            continue;
        const pb_site_row *row = pb_site_info((pb_site)site);
        const float value = row->keys ? 0.125F : 1.5F;
        pb_edit *edit = make((pb_edit_spec){.site = (pb_site)site,
                                            .layers = row->layers ? &layer : NULL,
                                            .heads = row->heads ? &head : NULL,
                                            .positions = &position,
                                            .number = value});
        pb_run *edited = apply(f.into, &edit, 1);
        pb_tensor *before = activation(f.into, (pb_site)site, 1);
        pb_tensor *after = activation(edited, (pb_site)site, 1);
        size_t set = 0;
        for (size_t i = 0; i < pb_tensor_size(after); i++) {
            size_t at[PB_MAX_RANK];
            pb_tensor_unravel(after, i, at);
            bool here = at[row->keys ? 1 : 0] == 4 && (!row->heads || at[row->keys ? 0 : 1] == 3) &&
                        (!row->keys || at[2] <= 4);
            float expected = here ? value : pb_tensor_data(before)[i];
            if (isinf(expected))
                assert_true(isinf(pb_tensor_data(after)[i]));
            else if (fabsf(pb_tensor_data(after)[i] - expected) > 1e-4F)
                fail_msg("%s [%zu]: %g, expected %g", row->name, i,
                         (double)pb_tensor_data(after)[i], (double)expected);
            set += here;
        }
        assert_true(set > 0);
        pb_tensor_release(&before);
        pb_tensor_release(&after);
        pb_run_release(&edited);
        pb_edit_release(&edit);
    }
}

static double logit_change(pb_run *run, pb_edit *const *edits, size_t n)
{
    const pb_metric metric = good_logit(&f);
    pb_run *edited = apply(run, edits, n);
    pb_tensor *before = NULL, *after = NULL;
    pb_error *error = NULL;
    must(pb_metric_evaluate(&metric, &run, 1, NULL, NULL, &before, &error), error);
    must(pb_metric_evaluate(&metric, &edited, 1, NULL, NULL, &after, &error), error);
    double change = pb_tensor_data(after)[0] - pb_tensor_data(before)[0];
    pb_tensor_release(&before);
    pb_tensor_release(&after);
    pb_run_release(&edited);
    return change;
}

/* Edits are made in order, and an edited run can be edited again. */
static void several_and_again(void **state)
{
    (void)state;
    pb_edit *twice =
        make((pb_edit_spec){.op = PB_EDIT_SCALE, .site = PB_SITE_MLP_OUT, .number = 2});
    pb_edit *half =
        make((pb_edit_spec){.op = PB_EDIT_SCALE, .site = PB_SITE_MLP_OUT, .number = 0.5});
    pb_edit *zero = make((pb_edit_spec){.site = PB_SITE_MLP_OUT});
    pb_edit *both[2] = {twice, half}, *last[2] = {twice, zero};
    assert_float_equal(logit_change(f.into, both, 2), 0, 1e-4);
    assert_true(fabs(logit_change(f.into, &twice, 1)) > 1e-2);
    assert_float_equal(logit_change(f.into, last, 2), logit_change(f.into, &zero, 1), 1e-5);
    pb_run *doubled = apply(f.into, &twice, 1);
    double back = logit_change(doubled, &half, 1), out = logit_change(f.into, &twice, 1);
    assert_float_equal(back, -out, 1e-4);
    pb_run_release(&doubled);
    pb_edit_release(&twice);
    pb_edit_release(&half);
    pb_edit_release(&zero);
}

static void values_line_up_by_coordinate(void **state)
{
    (void)state;
    const pb_select layer = at_index(1), position = at_index(3);
    pb_tensor *source = activation(f.from, PB_SITE_Z, 1), *part = NULL;
    pb_error *error = NULL;
    /* Heads in another order: the coordinates say which is which. */
    const pb_select order[5] = {at_index(4), at_index(2), at_index(0), at_index(1), at_index(3)};
    const pb_select shuffled = {.kind = PB_SELECT_LIST, .items = order, .n_items = 5};
    const char *names[1] = {"head"};
    must(pb_tensor_select(source, 1, names, &shuffled, NULL, &part, &error), error);
    pb_edit *by_value = make(
        (pb_edit_spec){.site = PB_SITE_Z, .layers = &layer, .positions = &position, .value = part});
    pb_edit *by_run = make((pb_edit_spec){
        .site = PB_SITE_Z, .layers = &layer, .positions = &position, .from = &f.from, .n_from = 1});
    double expected = logit_change(f.into, &by_run, 1);
    assert_true(fabs(expected) > 1e-4);
    assert_float_equal(logit_change(f.into, &by_value, 1), expected, 1e-5);
    pb_edit_release(&by_value);
    pb_edit_release(&by_run);
    pb_tensor_release(&source);
    pb_tensor_release(&part);
}

/* The part of a pattern, [head, query, key], that has the keys from `first` up. */
static pb_tensor *keys_from(const pb_tensor *pattern, int64_t first)
{
    const pb_select keys = {.kind = PB_SELECT_SLICE, .has_first = true, .first = first, .step = 1};
    const char *names[1] = {"key"};
    pb_tensor *part = NULL;
    pb_error *error = NULL;
    must(pb_tensor_select(pattern, 1, names, &keys, NULL, &part, &error), error);
    return part;
}

/* An edited query's keys are in the value, or the edit says which is not. */
static void values_have_the_keys(void **state)
{
    (void)state;
    const pb_select layer = at_index(1),
                    later = {.kind = PB_SELECT_SLICE, .has_first = true, .first = 2, .step = 1};
    pb_tensor *pattern = activation(f.from, PB_SITE_PATTERN, 1), *part = keys_from(pattern, 2);
    pb_edit *all = make((pb_edit_spec){.site = PB_SITE_PATTERN, .layers = &layer, .value = part});
    pb_edit *some = make(
        (pb_edit_spec){.site = PB_SITE_PATTERN, .layers = &layer, .keys = &later, .value = part});
    pb_run *edited = NULL;
    pb_error *error = NULL;
    must_fail(pb_run_edited(&f.into, 1, &all, 1, NULL, &edited, &error), PB_VALUE, &error,
              "the value for pattern has nothing at key 0");
    assert_true(fabs(logit_change(f.into, &some, 1)) > 1e-5);
    pb_edit_release(&all);
    pb_edit_release(&some);
    pb_tensor_release(&part);
    pb_tensor_release(&pattern);
}

static void says_where(const pb_select *position, const char *expected)
{
    pb_edit *edit =
        make((pb_edit_spec){.word = "zero", .site = PB_SITE_EMBED, .positions = position});
    char *words = pb_edit_describe(edit);
    assert_string_equal(words, expected);
    free(words);
    pb_edit_release(&edit);
}

static void says_where_it_is(void **state)
{
    (void)state;
    pb_select place = {.kind = PB_SELECT_LABEL, .label = " it"};
    says_where(&place, "zero embed, position \" it\"");
    place.occurrence = PB_OCCURRENCE_FIRST;
    says_where(&place, "zero embed, position first(\" it\")");
    place.occurrence = 2;
    says_where(&place, "zero embed, position at(\" it\", 2)");
    place.occurrence = PB_OCCURRENCE_LAST;
    says_where(&place, "zero embed, position last(\" it\")");
    place = (pb_select){.kind = PB_SELECT_SLICE,
                        .has_first = true,
                        .first = 0,
                        .has_last = true,
                        .last = 6,
                        .step = 1};
    says_where(&place, "zero embed, position 0:6");
    place.step = 2;
    says_where(&place, "zero embed, position 0:6:2");
}

/* What an edit takes from a run, or from a value with positions, ends where that does. */
static void says_how_far_it_goes(void **state)
{
    (void)state;
    const pb_edit_spec mean = {.site = PB_SITE_MLP_OUT};
    pb_run *froms[2] = {f.into, f.other};
    pb_edit *edits[4];
    pb_error *error = NULL;
    edits[0] = make((pb_edit_spec){.site = PB_SITE_MLP_OUT, .from = froms, .n_from = 2});
    must(pb_edit_mean(f.model, &mean, &f.other, 1, true, NULL, &edits[1], &error), error);
    must(pb_edit_mean(f.model, &mean, &f.other, 1, false, NULL, &edits[2], &error), error);
    edits[3] = make((pb_edit_spec){.site = PB_SITE_MLP_OUT});
    assert_int_equal(pb_edit_end(edits[0], 0), pb_run_length(f.into));
    assert_int_equal(pb_edit_end(edits[0], 1), pb_run_length(f.other));
    assert_int_equal(pb_edit_end(edits[1], 0), pb_run_length(f.other));
    assert_true(pb_edit_end(edits[2], 0) == SIZE_MAX);
    assert_true(pb_edit_end(edits[3], 0) == SIZE_MAX);
    for (size_t i = 0; i < 4; i++)
        pb_edit_release(&edits[i]);
}

static void says_what_it_is(void **state)
{
    (void)state;
    const pb_select label = {.kind = PB_SELECT_LABEL, .label = " love"};
    const pb_head heads[2] = {{0, 3}, {2, 1}};
    pb_edit *edit = make((pb_edit_spec){
        .word = "zero", .site = PB_SITE_Z, .pairs = heads, .n_pairs = 2, .positions = &label});
    char *words = pb_edit_describe(edit);
    assert_string_equal(words, "zero z at L0H3, L2H1, position \" love\"");
    assert_int_equal(pb_edit_end(edit, 0), 0);
    free(words);
    pb_edit_release(&edit);
    edit = make((pb_edit_spec){.word = "scale", .site = PB_SITE_MLP_OUT, .op = PB_EDIT_SCALE});
    words = pb_edit_describe(edit);
    assert_string_equal(words, "scale mlp_out at all layers, all positions");
    free(words);
    pb_edit_release(&edit);
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    const pb_select layer = at_index(7), one = at_index(1);
    const pb_head listed[2] = {{0, 3}, {0, 3}}, outside = {1, 5};
    pb_tensor *queries = activation(f.into, PB_SITE_Q, 1), *zero = NULL;
    pb_axis *axis = pb_model_axis(f.model, "d_model");
    pb_error *error = NULL;
    float *data;
    must(pb_tensor_create(1, &axis, &zero, &data, &error), error);
    refuses((pb_edit_spec){.site = PB_SITE_Z, .layers = &layer}, PB_RANGE, "7");
    const pb_select none = {.kind = PB_SELECT_LIST};
    refuses((pb_edit_spec){.site = PB_SITE_Z, .layers = &none}, PB_VALUE,
            "no place along layer is chosen");
    refuses((pb_edit_spec){.site = PB_SITE_MLP_OUT, .heads = &one}, PB_TYPE, "no heads");
    refuses((pb_edit_spec){.site = PB_SITE_EMBED, .layers = &one}, PB_TYPE, "no layers");
    refuses((pb_edit_spec){.site = PB_SITE_MLP_OUT, .keys = &one}, PB_TYPE,
            "no keys; the sites that do are attn_scores and pattern");
    refuses((pb_edit_spec){.site = PB_SITE_LN1_SCALE, .neurons = &one}, PB_TYPE, "neurons");
    refuses((pb_edit_spec){.site = PB_SITE_Z, .pairs = listed, .n_pairs = 2}, PB_VALUE, "twice");
    refuses((pb_edit_spec){.site = PB_SITE_Z, .pairs = &outside, .n_pairs = 1}, PB_RANGE, "L1H5");
    refuses((pb_edit_spec){.site = PB_SITE_MLP_OUT, .value = queries}, PB_VALUE, "axis head");
    refuses((pb_edit_spec){.op = PB_EDIT_PROJECT, .site = PB_SITE_RESID_PRE}, PB_TYPE, "direction");
    refuses((pb_edit_spec){.op = PB_EDIT_PROJECT, .site = PB_SITE_RESID_PRE, .value = zero},
            PB_VALUE, "zero");
    pb_tensor_release(&queries);
    pb_tensor_release(&zero);
}

static void refuses_the_runs_of_another_model(void **state)
{
    (void)state;
    pb_error *error = NULL;
    pb_model *another = NULL;
    must(pb_model_load("models/reviews-4m", NULL, NULL, &another, &error), error);
    const int32_t tokens[2] = {1, 2};
    pb_run *run = run_tokens(another, tokens, 2), *edited = NULL;
    pb_edit *edit = make((pb_edit_spec){.site = PB_SITE_MLP_OUT});
    must_fail(pb_run_edited(&run, 1, &edit, 1, NULL, &edited, &error), PB_VALUE, &error,
              "the edit was made for");
    assert_null(edited);
    pb_edit_release(&edit);
    pb_run_release(&run);
    pb_model_release(&another);
}

/* An edit that matches nothing says in which prompts. */
static void matches_nothing(void **state)
{
    (void)state;
    const pb_select label = {.kind = PB_SELECT_LABEL, .label = "nowhere at all"};
    const pb_select seventh = at_index(7), second = at_index(2), fourth = at_index(4);
    const pb_select none = {.kind = PB_SELECT_SLICE,
                            .has_first = true,
                            .first = 3,
                            .has_last = true,
                            .last = 3,
                            .step = 1};
    pb_run *runs[3] = {f.into, f.other, f.from}, *edited[3];
    pb_error *error = NULL;
    pb_edit *edit = make((pb_edit_spec){.site = PB_SITE_MLP_OUT, .positions = &label});
    must_fail(pb_run_edited(runs, 1, &edit, 1, NULL, edited, &error), PB_NAME, &error, "nowhere");
    must_fail(pb_run_edited(runs, 3, &edit, 1, NULL, edited, &error), PB_NAME, &error,
              "in prompts 0, 1, 2: ");
    pb_edit_release(&edit);
    edit = make((pb_edit_spec){.site = PB_SITE_MLP_OUT, .positions = &seventh});
    must_fail(pb_run_edited(runs, 3, &edit, 1, NULL, edited, &error), PB_RANGE, &error,
              "in prompt 1: ");
    pb_edit_release(&edit);
    edit = make((pb_edit_spec){.site = PB_SITE_MLP_OUT, .positions = &none});
    must_fail(pb_run_edited(runs, 1, &edit, 1, NULL, edited, &error), PB_VALUE, &error,
              "matches no token");
    pb_edit_release(&edit);
    edit = make((pb_edit_spec){.site = PB_SITE_PATTERN, .positions = &second, .keys = &fourth});
    must_fail(pb_run_edited(runs, 1, &edit, 1, NULL, edited, &error), PB_VALUE, &error, "masked");
    pb_edit_release(&edit);
}

static void sources_of_another_length(void **state)
{
    (void)state;
    pb_run *runs[1] = {f.into}, *edited[1], *over[2] = {f.into, f.other};
    pb_error *error = NULL;
    pb_edit *edit = make((pb_edit_spec){.site = PB_SITE_MLP_OUT, .from = &f.other, .n_from = 1});
    must_fail(pb_run_edited(runs, 1, &edit, 1, NULL, edited, &error), PB_VALUE, &error,
              "one has 9 tokens, the other 6\n  prompt: ");
    pb_edit_release(&edit);
    const pb_edit_spec mean = {.site = PB_SITE_MLP_OUT}, pattern = {.site = PB_SITE_PATTERN};
    must_fail(pb_edit_mean(f.model, &mean, over, 2, true, NULL, &edit, &error), PB_VALUE, &error,
              "one length: one has 9 tokens, the other 6\n  prompt 0: ");
    must_fail(pb_edit_mean(f.model, &pattern, over, 2, false, NULL, &edit, &error), PB_VALUE,
              &error, "by=\"pos\"");
    must_fail(pb_edit_mean(f.model, &mean, over, 0, false, NULL, &edit, &error), PB_VALUE, &error,
              "prompts");
    /* A mean by position of prompts shorter than the edited one. */
    must(pb_edit_mean(f.model, &mean, &f.other, 1, true, NULL, &edit, &error), error);
    must_fail(pb_run_edited(runs, 1, &edit, 1, NULL, edited, &error), PB_VALUE, &error,
              "no position 6");
    pb_edit_release(&edit);
}

/* The mean of one prompt with itself changes nothing; of a pattern, neither. */
static void mean_of_itself(void **state)
{
    (void)state;
    const pb_site sites[4] = {PB_SITE_MLP_OUT, PB_SITE_Z, PB_SITE_PATTERN, PB_SITE_LN2_SCALE};
    for (size_t i = 0; i < 4; i++) {
        const pb_edit_spec spec = {.site = sites[i]};
        pb_edit *edit = NULL;
        pb_error *error = NULL;
        must(pb_edit_mean(f.model, &spec, &f.into, 1, true, NULL, &edit, &error), error);
        assert_float_equal(logit_change(f.into, &edit, 1), 0, 1e-4);
        assert_true(fabs(logit_change(f.from, &edit, 1)) > 1e-4);
        pb_edit_release(&edit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_at_every_site),
        cmocka_unit_test(several_and_again),
        cmocka_unit_test(values_line_up_by_coordinate),
        cmocka_unit_test(values_have_the_keys),
        cmocka_unit_test(says_what_it_is),
        cmocka_unit_test(says_where_it_is),
        cmocka_unit_test(says_how_far_it_goes),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(refuses_the_runs_of_another_model),
        cmocka_unit_test(matches_nothing),
        cmocka_unit_test(sources_of_another_length),
        cmocka_unit_test(mean_of_itself),
    };
    return cmocka_run_group_tests(tests, open_random, close_random);
}
