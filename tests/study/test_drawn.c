/*
 * Drawn questions, each answered two ways: a sweep's cells by edits made one at a time, a batch of
 * prompts of different lengths by each prompt alone, a path by the edits that define it, and
 * generated text by whole passes.
 *
 *     test_drawn [SEED [ROUNDS]]
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drawn.h"
#include "study/attribute.h"
#include "study/generate.h"
#include "study/path.h"
#include "study/top.h"

enum { ROUNDS = 60, MOST_PROMPTS = 4, LONGEST = 11 };

static drawing d;
static size_t rounds = ROUNDS;
static unsigned long long seed = 20240607;
static const char *folder = "tests/models/random-3l5h";

static int start(void **state)
{
    (void)state;
    drawing_start(&d, folder, seed);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    drawing_end(&d);
    return 0;
}

static void expect_near(double got, double expected, double unit, const char *what, size_t round)
{
    if (!(fabs(got - expected) <= unit * fmax(1, fabs(expected))))
        fail_msg("seed %llu, round %zu, %s: %.9g, expected %.9g", seed, round, what, got, expected);
}

static double value_of(const pb_metric *metric, pb_run *run)
{
    pb_tensor *tensor = NULL;
    pb_error *error = NULL;
    must(pb_metric_evaluate(metric, &run, 1, NULL, NULL, &tensor, &error), error);
    assert_int_equal(pb_tensor_rank(tensor), 0);
    double value = pb_tensor_data(tensor)[0];
    pb_tensor_release(&tensor);
    return value;
}

/* ---- a sweep's cells ---- */

typedef struct sweep {
    pb_run *into[MOST_PROMPTS], *from[MOST_PROMPTS];
    size_t n;
    drawn_select layers, heads, positions[MOST_PROMPTS], keys;
    pb_select per_pair[MOST_PROMPTS], per, walks[4];
    pb_head pairs[3];
    pb_metric metric;
    drawn_metric kept;
    pb_patch_spec spec;
} sweep;

/* Places walked or taken together; NULL for all. */
static const pb_select *walked(sweep *s, size_t which, bool each, const pb_select *places)
{
    s->walks[which] = each_of(places);
    return each ? &s->walks[which] : places;
}

/* Prompts of one length share their selector; others have a place each. */
static void draw_positions(sweep *s, bool same_length)
{
    if (s->n == 1 || same_length) {
        draw_select(&d, pb_run_length(s->into[0]), true, &s->positions[0]);
        s->spec.positions = walked(s, 2, draw(&d, 3) > 0, drawn_or_all(&s->positions[0]));
        return;
    }
    for (size_t i = 0; i < s->n; i++)
        s->per_pair[i] = at_index((int64_t)draw(&d, pb_run_length(s->into[i])));
    s->per = per_prompt(s->per_pair, s->n);
    s->spec.positions = walked(s, 2, draw(&d, 2), &s->per);
}

static void draw_sweep(sweep *s)
{
    const pb_shape *shape = pb_model_shape(d.model);
    bool same_length = draw(&d, 2);
    size_t length = 2 + draw(&d, LONGEST - 1);
    memset(s, 0, sizeof *s);
    s->n = draw(&d, 2) ? 1 : 2 + draw(&d, MOST_PROMPTS - 1);
    for (size_t i = 0; i < s->n; i++) {
        size_t n = same_length ? length : 2 + draw(&d, LONGEST - 1);
        draw_pair(&d, n, &s->into[i], &s->from[i]);
    }
    s->spec = (pb_patch_spec){.into = s->into,
                              .n_into = s->n,
                              .from = s->from,
                              .n_from = s->n,
                              .site = draw_site(&d),
                              .memory_budget = draw(&d, 2) ? 0 : 16384};
    const pb_site_row *row = pb_site_info(s->spec.site);
    if (row->layers) {
        draw_select(&d, shape->n_layer, true, &s->layers);
        s->spec.layers = walked(s, 0, draw(&d, 3) > 0, drawn_or_all(&s->layers));
    }
    if (row->heads) {
        draw_select(&d, pb_site_heads(d.model, s->spec.site), true, &s->heads);
        s->spec.heads = walked(s, 1, draw(&d, 3) > 0, drawn_or_all(&s->heads));
    }
    if (row->heads && draw(&d, 4) == 0) {
        s->spec.n_pairs = draw_heads(&d, s->spec.site, 3, s->pairs);
        s->spec.pairs = s->pairs;
        s->spec.layers = NULL;
        s->spec.heads = pb_select_walks(s->spec.heads) ? &pb_select_each : NULL;
    }
    draw_positions(s, same_length);
    if (row->keys) {
        bool each = (same_length || s->n == 1) && draw(&d, 2);
        if (same_length || s->n == 1)
            draw_select(&d, pb_run_length(s->into[0]), true, &s->keys);
        else
            s->keys.select = at_index((int64_t)draw(&d, 2));
        s->spec.keys = walked(s, 3, each, drawn_or_all(&s->keys));
    }
    draw_metric(&d, s->into, s->n, &s->kept, &s->metric);
    s->spec.metric = &s->metric;
}

static void free_sweep(sweep *s)
{
    for (size_t i = 0; i < s->n; i++) {
        pb_run_release(&s->into[i]);
        pb_run_release(&s->from[i]);
    }
    drawn_metric_free(&s->kept);
    pb_axis_release(&s->spec.prompts);
}

/* The edit that a cell is, and the pair it is of. */
static pb_edit_spec edit_of_cell(const sweep *s, const pb_tensor *values, size_t cell,
                                 pb_select places[4], size_t *pair)
{
    size_t at[PB_MAX_RANK];
    pb_tensor_unravel(values, cell, at);
    *pair = 0;
    pb_edit_spec edit = {.word = "cell", .site = s->spec.site, .n_from = 1};
    edit.layers = s->spec.pairs ? NULL : pb_select_for(s->spec.layers, 0);
    edit.heads = s->spec.pairs ? NULL : pb_select_for(s->spec.heads, 0);
    edit.keys = pb_select_for(s->spec.keys, 0);
    edit.pairs = s->spec.pairs;
    edit.n_pairs = s->spec.n_pairs;
    for (size_t a = 0; a < pb_tensor_rank(values); a++) {
        const pb_axis *axis = pb_tensor_axis(values, a);
        const char *name = pb_axis_name(axis);
        int64_t place = pb_axis_coordinate(axis, at[a]);
        if (!strcmp(name, "prompt"))
            *pair = at[a];
        else if (!strcmp(name, "component"))
            edit.pairs = &s->pairs[at[a]], edit.n_pairs = 1;
        else if (!strcmp(name, "layer"))
            places[0] = at_index(place), edit.layers = &places[0];
        else if (!strcmp(name, "head") || !strcmp(name, "kv_head"))
            places[1] = at_index(place), edit.heads = &places[1];
        else if (!strcmp(name, "key"))
            places[2] = at_index(place), edit.keys = &places[2];
        else
            places[3] = at_index(place), edit.positions = &places[3];
    }
    if (!edit.positions)
        edit.positions = pb_select_for(s->spec.positions, *pair);
    return edit;
}

static double answer_by_edit(const sweep *s, const pb_tensor *values, size_t cell)
{
    pb_select places[4];
    size_t pair = 0;
    pb_edit_spec spec = edit_of_cell(s, values, cell, places, &pair);
    pb_run *from = s->from[pair], *edited = NULL;
    pb_edit *edit = NULL;
    pb_error *error = NULL;
    spec.from = &from;
    must(pb_edit_create(d.model, &spec, &edit, &error), error);
    pb_status status =
        pb_run_edited((pb_run *const *)&s->into[pair], 1, &edit, 1, NULL, &edited, &error);
    if (status == PB_VALUE && strstr(pb_error_text(error), "masked"))
        pb_error_destroy(&error); /* a cell behind the mask changes nothing */
    else
        must(status, error);
    pb_metric metric = drawn_metric_of(&s->metric, pair);
    double value = value_of(&metric, edited ? edited : s->into[pair]);
    pb_run_release(&edited);
    pb_edit_release(&edit);
    return value;
}

static void every_cell_is_an_edit(void **state)
{
    (void)state;
    size_t cells = 0;
    for (size_t round = 0; round < rounds; round++) {
        sweep s;
        pb_patch_result result;
        pb_error *error = NULL;
        draw_sweep(&s);
        if (s.n > 1 || draw(&d, 4) == 0)
            must(pb_axis_create("prompt", s.n, NULL, NULL, &s.spec.prompts, &error), error);
        pb_status status = pb_patch(&s.spec, NULL, &result, &error);
        if (status == PB_MEMORY) { /* one cell was more than the small budget */
            pb_error_destroy(&error);
            s.spec.memory_budget = 0;
            status = pb_patch(&s.spec, NULL, &result, &error);
        }
        must(status, error);
        size_t n = pb_tensor_size(result.values), step = n / 40 + 1;
        assert_int_equal(result.cells_done, n);
        for (size_t i = draw(&d, step); i < n; i += step, cells++) {
            char what[64];
            snprintf(what, sizeof what, "%s, cell %zu", pb_site_info(s.spec.site)->name, i);
            expect_near(pb_tensor_data(result.values)[i], answer_by_edit(&s, result.values, i),
                        1e-4, what, round);
        }
        pb_patch_result_release(&result);
        free_sweep(&s);
    }
    assert_true(cells > rounds);
}

/* ---- prompts of different lengths in one batch ---- */

/* Edits can make activations large; float32 is as exact as the largest of them lets it be. */
static void compare_tensors(const pb_tensor *batch, size_t offset, const pb_tensor *alone,
                            const char *what, size_t round)
{
    double largest = 1;
    for (size_t i = 0; i < pb_tensor_size(alone); i++) {
        if (!isinf(pb_tensor_data(alone)[i]))
            largest = fmax(largest, fabs(pb_tensor_data(alone)[i]));
    }
    for (size_t i = 0; i < pb_tensor_size(alone); i++) {
        float got = pb_tensor_data(batch)[offset + i], expected = pb_tensor_data(alone)[i];
        if (!(isinf(got) && got == expected))
            expect_near(got / largest, expected / largest, 1e-4, what, round);
    }
}

static void compare_runs(pb_run *batch, pb_run *alone, size_t round)
{
    pb_error *error = NULL;
    pb_tensor *a = NULL, *b = NULL;
    pb_site site = draw_site(&d);
    size_t layer = draw(&d, pb_model_shape(d.model)->n_layer);
    must(pb_run_activation(batch, site, layer, NULL, &a, &error), error);
    must(pb_run_activation(alone, site, layer, NULL, &b, &error), error);
    compare_tensors(a, 0, b, pb_site_info(site)->name, round);
    pb_tensor_release(&a);
    pb_tensor_release(&b);
    must(pb_run_logits(batch, NULL, &a, &error), error);
    must(pb_run_logits(alone, NULL, &b, &error), error);
    compare_tensors(a, 0, b, "logits", round);
    pb_tensor_release(&a);
    pb_tensor_release(&b);
}

/* A metric, an attribution and the logits of two words over all the prompts, and one by one. */
static void compare_questions(pb_run **batch, pb_run **alone, size_t n, size_t round)
{
    const pb_head heads[2] = {{2, 1}, {0, 3}};
    pb_select places[MOST_PROMPTS];
    int32_t targets[MOST_PROMPTS];
    drawn_metric kept;
    pb_metric metric;
    pb_axis *prompts = NULL;
    pb_error *error = NULL;
    pb_tensor *values = NULL;
    pb_attribution all, one;
    must(pb_axis_create("prompt", n, NULL, NULL, &prompts, &error), error);
    draw_metric(&d, alone, n, &kept, &metric);
    must(pb_metric_evaluate(&metric, batch, n, prompts, NULL, &values, &error), error);
    for (size_t i = 0; i < n; i++) {
        places[i] = at_index((int64_t)draw(&d, pb_run_length(alone[i])));
        targets[i] = draw_token(&d);
    }
    const pb_select per = per_prompt(places, n);
    pb_attribute_spec spec = {.by = (pb_attribute_by)draw(&d, 2),
                              .targets = targets,
                              .n_targets = n,
                              .positions = &per,
                              .scale = draw(&d, 2),
                              .heads = draw(&d, 2) ? heads : NULL,
                              .n_heads = 2};
    if (spec.by == PB_BY_COMPONENT)
        spec.heads = NULL;
    must(pb_attribute(batch, n, prompts, &spec, NULL, &all, &error), error);
    for (size_t i = 0; i < n; i++) {
        const pb_metric own = drawn_metric_of(&metric, i);
        expect_near(pb_tensor_data(values)[i], value_of(&own, alone[i]), 1e-4, "metric", round);
        spec.targets = &targets[i];
        spec.positions = &places[i];
        spec.n_targets = 1;
        must(pb_attribute(&alone[i], 1, NULL, &spec, NULL, &one, &error), error);
        /* An edited prompt has a part of its own for what its edits wrote. */
        if (pb_tensor_size(all.parts) == n * pb_tensor_size(one.parts))
            compare_tensors(all.parts, i * pb_tensor_size(one.parts), one.parts, "parts", round);
        compare_tensors(all.logit, i, one.logit, "logit", round);
        pb_attribution_release(&one);
    }
    pb_attribution_release(&all);
    pb_tensor_release(&values);
    drawn_metric_free(&kept);
    pb_axis_release(&prompts);
}

static void batches_are_their_prompts(void **state)
{
    (void)state;
    for (size_t round = 0; round < rounds; round++) {
        pb_run *plain[MOST_PROMPTS], *batch[MOST_PROMPTS], *alone[MOST_PROMPTS];
        pb_select places[MOST_PROMPTS];
        size_t n = 2 + draw(&d, MOST_PROMPTS - 1);
        pb_error *error = NULL;
        for (size_t i = 0; i < n; i++) {
            plain[i] = draw_run(&d, 1 + draw(&d, 2 * LONGEST));
            places[i] = at_index((int64_t)draw(&d, pb_run_length(plain[i])));
        }
        /* The same edit with a place for each prompt, and with each place alone. */
        pb_edit *edit = draw_edit(&d, NULL, places, n);
        must(pb_run_edited(plain, n, &edit, 1, NULL, batch, &error), error);
        for (size_t i = 0; i < n; i++) {
            pb_edit *own = draw_edit_again(&d, &places[i], 1);
            must(pb_run_edited(&plain[i], 1, &own, 1, NULL, &alone[i], &error), error);
            compare_runs(batch[i], alone[i], round);
            pb_edit_release(&own);
        }
        compare_questions(batch, alone, n, round);
        for (size_t i = 0; i < n; i++) {
            pb_run_release(&plain[i]);
            pb_run_release(&batch[i]);
            pb_run_release(&alone[i]);
        }
        pb_edit_release(&edit);
    }
}

/* ---- paths ---- */

typedef struct edits {
    pb_edit *items[16];
    size_t n;
} edits;

static void add_set(edits *e, pb_edit_spec spec, pb_run *source)
{
    pb_error *error = NULL;
    spec.from = &source;
    spec.n_from = 1;
    must(pb_edit_create(d.model, &spec, &e->items[e->n++], &error), error);
}

static pb_run *apply(edits *e, pb_run *run)
{
    pb_run *edited = NULL;
    pb_error *error = NULL;
    must(pb_run_edited(&run, 1, e->items, e->n, NULL, &edited, &error), error);
    for (size_t i = 0; i < e->n; i++)
        pb_edit_release(&e->items[i]);
    e->n = 0;
    return edited;
}

/* study/path.h in edits: what is frozen is set to into's, senders to from's, receivers to what they
 * read then. */
static double path_by_edits(const pb_path_spec *spec)
{
    static const pb_site inputs[] = {PB_SITE_Q, PB_SITE_K, PB_SITE_V, PB_SITE_MLP_PRE};
    pb_run *into = spec->into[0], *from = spec->from[0];
    edits e = {.n = 0};
    add_set(&e, (pb_edit_spec){.site = PB_SITE_Z}, into);
    add_set(&e,
            (pb_edit_spec){.site = PB_SITE_Z,
                           .pairs = spec->senders,
                           .n_pairs = spec->n_senders,
                           .positions = spec->positions},
            from);
    if (spec->mode != PB_PATH_IOI)
        add_set(&e, (pb_edit_spec){.site = PB_SITE_MLP_OUT}, into);
    if (spec->mode == PB_PATH_LINEAR) {
        add_set(&e, (pb_edit_spec){.site = PB_SITE_LN1_SCALE}, into);
        add_set(&e, (pb_edit_spec){.site = PB_SITE_LN2_SCALE}, into);
        add_set(&e, (pb_edit_spec){.site = PB_SITE_LN_FINAL_SCALE}, into);
    }
    pb_run *first = apply(&e, into), *second = NULL;
    for (size_t r = 0; r < spec->n_receivers; r++) {
        const pb_receiver *receiver = &spec->receivers[r];
        const pb_head head = {receiver->layer, receiver->head};
        const pb_select layer = at_index((int64_t)receiver->layer);
        if (receiver->input == PB_PATH_LOGITS)
            continue;
        bool by_head = receiver->input != PB_PATH_MLP;
        add_set(&e,
                (pb_edit_spec){.site = inputs[receiver->input],
                               .layers = by_head ? NULL : &layer,
                               .pairs = by_head ? &head : NULL,
                               .n_pairs = by_head ? 1 : 0},
                first);
        if (!by_head && pb_model_shape(d.model)->gated)
            add_set(&e, (pb_edit_spec){.site = PB_SITE_MLP_PRE_LINEAR, .layers = &layer}, first);
    }
    if (e.n > 0)
        second = apply(&e, into);
    double value = value_of(spec->metric, second ? second : first);
    pb_run_release(&first);
    pb_run_release(&second);
    return value;
}

static size_t draw_receivers(pb_receiver *receivers)
{
    const pb_shape *shape = pb_model_shape(d.model);
    if (draw(&d, 4) == 0) {
        receivers[0] = (pb_receiver){PB_PATH_LOGITS, 0, 0};
        return 1;
    }
    size_t n = 1 + draw(&d, 3);
    for (size_t r = 0; r < n; r++) {
        pb_path_input input = (pb_path_input)draw(&d, PB_PATH_MLP + 1);
        bool shared = input == PB_PATH_K || input == PB_PATH_V;
        receivers[r] = (pb_receiver){input, draw(&d, shape->n_layer),
                                     draw(&d, shared ? shape->n_kv_head : shape->n_head)};
    }
    return n;
}

static void paths_are_their_edits(void **state)
{
    (void)state;
    size_t moved = 0;
    for (size_t round = 0; round < rounds; round++) {
        pb_run *into, *from;
        pb_head senders[2];
        pb_receiver receivers[3];
        drawn_select positions;
        drawn_metric kept;
        pb_metric metric;
        pb_path_result result;
        pb_error *error = NULL;
        draw_pair(&d, 2 + draw(&d, LONGEST - 1), &into, &from);
        draw_select(&d, pb_run_length(into), true, &positions);
        draw_metric(&d, &into, 1, &kept, &metric);
        pb_path_spec spec = {.into = &into,
                             .from = &from,
                             .n_pairs = 1,
                             .senders = senders,
                             .n_senders = draw_heads(&d, PB_SITE_Z, 2, senders),
                             .receivers = receivers,
                             .n_receivers = draw_receivers(receivers),
                             .positions = drawn_or_all(&positions),
                             .mode = (pb_path_mode)draw(&d, 3),
                             .metric = &metric};
        must(pb_path_patch(&spec, NULL, &result, &error), error);
        double got = pb_tensor_data(result.values)[0];
        expect_near(got, path_by_edits(&spec), 1e-4, "path", round);
        moved += fabs(got - pb_tensor_data(result.into)[0]) > 1e-3;
        pb_path_result_release(&result);
        drawn_metric_free(&kept);
        pb_run_release(&into);
        pb_run_release(&from);
    }
    assert_true(moved > rounds / 10);
}

/* ---- generation ---- */

static void text_is_written_token_by_token(void **state)
{
    (void)state;
    enum { NEW = 5 };
    for (size_t round = 0; round < rounds / 4 + 1; round++) {
        size_t length = 1 + draw(&d, LONGEST), n = 0;
        int32_t tokens[LONGEST + NEW], *written = NULL;
        pb_run *prompt = draw_run(&d, length);
        pb_edit *edit = draw_edit(&d, NULL, NULL, 0);
        pb_error *error = NULL;
        bool partial = true;
        const pb_generate_spec spec = {.n_tokens = NEW, .edits = &edit, .n_edits = 1};
        must(pb_generate(prompt, &spec, NULL, &written, &n, &partial, &error), error);
        assert_int_equal(n, NEW);
        memcpy(tokens, pb_run_tokens(prompt), length * sizeof *tokens);
        for (size_t i = 0; i < n; i++) {
            pb_run *whole = run_tokens(d.model, tokens, length + i), *edited = NULL;
            pb_prediction best[2], *found = NULL;
            size_t k = 0;
            must(pb_run_edited(&whole, 1, &edit, 1, NULL, &edited, &error), error);
            must(pb_top_tokens(edited, NULL, 1, &found, &k, &error), error);
            const int32_t both[2] = {written[i], found[0].token};
            must(pb_predictions(edited, NULL, both, 2, best, &error), error);
            expect_near(best[0].logit, best[1].logit, 1e-4, "the token written", round);
            tokens[length + i] = written[i];
            free(found);
            pb_run_release(&whole);
            pb_run_release(&edited);
        }
        free(written);
        pb_edit_release(&edit);
        pb_run_release(&prompt);
    }
}

int main(int n_arguments, char **arguments)
{
    seed = n_arguments > 1 ? strtoull(arguments[1], NULL, 10) : seed;
    rounds = n_arguments > 2 ? strtoull(arguments[2], NULL, 10) : rounds;
    folder = n_arguments > 3 ? arguments[3] : folder;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_cell_is_an_edit, start, stop),
        cmocka_unit_test_setup_teardown(batches_are_their_prompts, start, stop),
        cmocka_unit_test_setup_teardown(paths_are_their_edits, start, stop),
        cmocka_unit_test_setup_teardown(text_is_written_token_by_token, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
