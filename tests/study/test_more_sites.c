/*
 * A site is one row: with twin_q, twin_k and twin_v added (more_sites.cmake) they are found,
 * listed, refused, read, edited and swept like those there were, and nothing else was told of them.
 *
 * What is right: they are q, k and v, with and without a sweep;
 * and a cell of a sweep is the edit that it stands for, made by itself.
 */
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

static const struct {
    pb_site added, known;
} twins[] = {{PB_SITE_TWIN_Q, PB_SITE_Q}, {PB_SITE_TWIN_K, PB_SITE_K}, {PB_SITE_TWIN_V, PB_SITE_V}};

enum { N_TWINS = sizeof twins / sizeof *twins };

/* ---- found, listed, refused ---- */

static void found_and_listed(void **state)
{
    (void)state;
    pb_error *error = NULL;
    pb_site found = PB_N_SITES;
    char hook[64];
    assert_int_equal(pb_site_find("twin_k", &found, NULL), PB_OK);
    assert_int_equal(found, PB_SITE_TWIN_K);
    pb_site_hook_name(PB_SITE_TWIN_K, 2, hook, sizeof hook);
    assert_string_equal(hook, "blocks.2.attn.hook_twin_k");

    must_fail(pb_site_find("rot_x", &found, &error), PB_NAME, &error, "no activation");
    assert_int_equal(pb_site_find("nothing near this", &found, &error), PB_NAME);
    assert_non_null(strstr(pb_error_hint_text(error), " v, twin_q, twin_k, twin_v, rot_q, rot_k,"));
    pb_error_destroy(&error);
    must_fail(pb_site_need(f.model, PB_SITE_MLP_OUT, PB_ALONG_HEADS, &error), PB_TYPE, &error,
              "mlp_out has no heads; the sites that do are q, k, v, twin_q, twin_k, twin_v, "
              "attn_scores, pattern, z and result");
    fixture rotating = fixture_open("llama-3l");
    must_fail(pb_site_need(rotating.model, PB_SITE_MLP_OUT, PB_ALONG_HEADS, &error), PB_TYPE,
              &error, "twin_v, rot_q, rot_k, attn_scores, pattern, z and result");
    fixture_close(&rotating);
}

static void refused_what_they_lack(void **state)
{
    (void)state;
    pb_error *error = NULL;
    pb_edit *edit = NULL;
    pb_patch_result none;
    const pb_select first = at_index(0);
    const pb_metric metric = good_logit(&f);
    for (size_t i = 0; i < N_TWINS; i++) {
        pb_patch_spec spec = patch_of(&f, twins[i].added, &metric);
        const pb_edit_spec keys = {.site = twins[i].added, .keys = &first};
        must_fail(pb_edit_create(f.model, &keys, &edit, &error), PB_TYPE, &error,
                  "has no keys; the sites that do are attn_scores and pattern");
        spec.keys = &first;
        must_fail(pb_patch(&spec, NULL, &none, &error), PB_TYPE, &error, "has no keys");
    }
}

/* ---- read and edited ---- */

static void read_as_what_they_are(void **state)
{
    (void)state;
    pb_error *error = NULL;
    for (size_t i = 0; i < N_TWINS; i++) {
        pb_tensor *added = NULL, *known = NULL;
        must(pb_run_activation(f.into, twins[i].added, PB_ALL_LAYERS, NULL, &added, &error), error);
        must(pb_run_activation(f.into, twins[i].known, PB_ALL_LAYERS, NULL, &known, &error), error);
        assert_int_equal(pb_tensor_rank(added), 4);
        assert_string_equal(pb_axis_name(pb_tensor_axis(added, 2)), "head");
        assert_true(furthest(added, known) < 1e-5);
        pb_tensor_release(&added);
        pb_tensor_release(&known);
    }
}

static double value_of(const pb_metric *metric, pb_run *run)
{
    pb_error *error = NULL;
    pb_tensor *value = NULL;
    must(pb_metric_evaluate(metric, &run, 1, NULL, NULL, &value, &error), error);
    double number = pb_tensor_data(value)[0];
    pb_tensor_release(&value);
    return number;
}

static double value_under(const pb_metric *metric, const pb_edit_spec *spec)
{
    pb_error *error = NULL;
    pb_edit *edit = NULL;
    pb_run *edited = NULL;
    must(pb_edit_create(f.model, spec, &edit, &error), error);
    must(pb_run_edited(&f.into, 1, &edit, 1, NULL, &edited, &error), error);
    double value = value_of(metric, edited);
    pb_edit_release(&edit);
    pb_run_release(&edited);
    return value;
}

static void edited_as_what_they_are(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    for (size_t i = 0; i < N_TWINS; i++) {
        pb_edit_spec spec = {.op = PB_EDIT_SCALE, .site = twins[i].known, .number = 1.5};
        double known = value_under(&metric, &spec);
        spec.site = twins[i].added;
        assert_float_equal(value_under(&metric, &spec), known, 1e-4);
        assert_true(fabs(known - value_of(&metric, f.into)) > 1e-3);
    }
}

/* ---- swept ---- */

/* Every layer, head and position: [layer, head, pos]. */
static void compare_cells(const pb_patch_spec *spec, const pb_tensor *values)
{
    const pb_shape *shape = pb_model_shape(f.model);
    size_t length = pb_run_length(f.into);
    assert_int_equal(pb_tensor_size(values), shape->n_layer * shape->n_head * length);
    for (size_t cell = 0; cell < pb_tensor_size(values); cell++) {
        const pb_head head = {cell / length / shape->n_head, cell / length % shape->n_head};
        const pb_select position = at_index((int64_t)(cell % length));
        const pb_edit_spec edit = {.site = spec->site,
                                   .pairs = &head,
                                   .n_pairs = 1,
                                   .positions = &position,
                                   .from = &f.from,
                                   .n_from = 1};
        double expected = value_under(spec->metric, &edit);
        if (!(fabs(pb_tensor_data(values)[cell] - expected) <= 1e-4 * fmax(1, fabs(expected))))
            fail_msg("%s, cell %zu: %g, by its edit %g", pb_site_info(spec->site)->name, cell,
                     (double)pb_tensor_data(values)[cell], expected);
    }
}

/* The metric is read in the middle, so that positions behind it, and in the last layer those before
 * it, are such as a sweep may know without computing: or not, where rows meet again. */
static void swept_as_their_edits(void **state)
{
    (void)state;
    const pb_select middle = at_index(6);
    pb_metric metric = good_logit(&f);
    pb_error *error = NULL;
    metric.positions = &middle;
    for (size_t i = 0; i < N_TWINS; i++) {
        size_t cost = 0;
        pb_patch_result added, known;
        pb_patch_spec spec = patch_of(&f, twins[i].known, &metric);
        spec.positions = &pb_select_each;
        must(pb_patch(&spec, NULL, &known, &error), error);
        spec.site = twins[i].added;
        must(pb_patch(&spec, NULL, &added, &error), error);
        must(pb_patch_cost(&spec, &cost, &error), error);
        compare_cells(&spec, added.values);
        assert_true(furthest(added.values, known.values) < 1e-4);
        assert_int_equal(added.closed, known.closed);
        assert_int_equal(added.row_layers, cost);
        bool says_where = pb_site_info(spec.site)->stage == PB_STAGE_LAYER;
        assert_true(says_where ? cost == known.row_layers : cost > known.row_layers);
        pb_patch_result_release(&added);
        pb_patch_result_release(&known);
    }
}

/* The row's word that rows go alone is what closes cells: twin_q closes more than twin_k. */
static void closed_by_their_rows(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    size_t closed[2];
    for (size_t i = 0; i < 2; i++) {
        pb_patch_result result;
        pb_error *error = NULL;
        pb_patch_spec spec = patch_of(&f, twins[i].added, &metric);
        spec.positions = &pb_select_each;
        must(pb_patch(&spec, NULL, &result, &error), error);
        closed[i] = result.closed;
        pb_patch_result_release(&result);
    }
    assert_true(closed[0] > closed[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_and_listed),      cmocka_unit_test(refused_what_they_lack),
        cmocka_unit_test(read_as_what_they_are), cmocka_unit_test(edited_as_what_they_are),
        cmocka_unit_test(swept_as_their_edits),  cmocka_unit_test(closed_by_their_rows),
    };
    return cmocka_run_group_tests(tests, open_random, close_random);
}
