/*
 * Every activation, logit and processed weight against TransformerLens' (tests/golden).
 *
 *     test_goldens                 the models that come with Patchbay
 *     test_goldens NAME FOLDER     the golden NAME alone, of the model in FOLDER
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

#include "golden.h"
#include "model/run.h"

typedef struct subject {
    golden g;
    pb_model *processed, *raw;
} subject;

static pb_model *load(const char *folder, bool raw)
{
    pb_load_options options = {.raw = raw};
    pb_model *model = NULL;
    pb_error *error = NULL;
    if (pb_model_load(folder, &options, NULL, &model, &error))
        fail_msg("%s", pb_error_text(error));
    return model;
}

static subject open_subject(const char *name, const char *folder)
{
    return (subject){golden_read(name), load(folder, false), load(folder, true)};
}

static void close_subject(subject *s)
{
    pb_model_release(&s->processed);
    pb_model_release(&s->raw);
    golden_free(&s->g);
}

static pb_run *run(const subject *s, pb_model *model, const char *key)
{
    int32_t ids[GOLDEN_WORDS];
    pb_prompt prompt = {.tokens = ids, .n = golden_prompt(&s->g, key, ids)};
    pb_run *made = NULL;
    pb_error *error = NULL;
    if (pb_run_create(model, &prompt, NULL, NULL, &made, &error))
        fail_msg("%s", pb_error_text(error));
    return made;
}

/* The site and layer of TransformerLens' hook name. */
static void find_hook(const pb_model *model, const char *hook, pb_site *site, size_t *layer)
{
    for (size_t s = 0; s < PB_N_SITES; s++)
        for (size_t l = 0; l < pb_model_shape(model)->n_layer; l++) {
            char name[64];
            pb_site_hook_name((pb_site)s, l, name, sizeof name);
            if (strcmp(name, hook) == 0) {
                *site = (pb_site)s;
                *layer = l;
                return;
            }
        }
    fail_msg("no site is %s", hook);
}

/* The activation an entry is of; the caller's. */
static pb_tensor *activation(const subject *s, pb_model *model, const golden_entry *entry,
                             pb_site *site)
{
    size_t layer = 0;
    find_hook(model, entry->words[2], site, &layer);
    pb_run *made = run(s, model, entry->words[1]);
    pb_tensor *tensor = NULL;
    pb_error *error = NULL;
    if (pb_run_activation(made, *site, layer, NULL, &tensor, &error))
        fail_msg("%s", pb_error_text(error));
    pb_run_release(&made);
    return tensor;
}

static void compare_activation(const subject *s, pb_model *model, const golden_entry *entry)
{
    pb_site site = PB_SITE_EMBED;
    pb_tensor *tensor = activation(s, model, entry, &site);
    const char *axes[3];
    size_t n_axes = pb_site_axes(model, site, axes);
    assert_int_equal(pb_tensor_rank(tensor), n_axes);
    assert_int_equal(n_axes, entry->n_words - 3);
    for (size_t i = 0; i < n_axes; i++) {
        assert_string_equal(pb_axis_name(pb_tensor_axis(tensor, i)), axes[i]);
        assert_int_equal(pb_axis_length(pb_tensor_axis(tensor, i)), atoi(entry->words[3 + i]));
    }
    golden_compare(entry, pb_tensor_data(tensor), pb_tensor_size(tensor),
                   site == PB_SITE_PATTERN ? 1e-5 : 1e-4);
    pb_tensor_release(&tensor);
}

/* Every step-th logit of an entry's prompt, the caller's. */
static float *some_logits(const subject *s, pb_model *model, const golden_entry *entry)
{
    size_t step = (size_t)atoi(entry->words[2]), n_vocab = pb_model_shape(model)->n_vocab;
    pb_run *made = run(s, model, entry->words[1]);
    pb_tensor *tensor = NULL;
    pb_error *error = NULL;
    assert_int_equal(pb_run_logits(made, NULL, &tensor, &error), PB_OK);
    float *picked = malloc(entry->n_values * sizeof *picked);
    assert_non_null(picked);
    size_t n = 0;
    for (size_t i = 0; i < pb_run_length(made); i++)
        for (size_t t = 0; t < n_vocab; t += step)
            picked[n++] = pb_tensor_data(tensor)[i * n_vocab + t];
    assert_int_equal(n, entry->n_values);
    pb_tensor_release(&tensor);
    pb_run_release(&made);
    return picked;
}

static void compare_logits(const subject *s, pb_model *model, const golden_entry *entry)
{
    float *picked = some_logits(s, model, entry);
    golden_compare(entry, picked, entry->n_values, 1e-4);
    free(picked);
}

/* ---- rounding ---- */

/* Our distance from float64 may be this much of torch's own. Few values are little evidence of a
 * root mean square: those of a norm's scale are one a position. */
static const double MOST = 1.25, MOST_OF_FEW = 2.5;

enum { FEW = 1000 };

/* Nobody is held to less than half the last place of what is compared. */
static double rounding(const golden_entry *exact)
{
    double squares = 0, n = 0;
    for (size_t i = 0; i < exact->n_values; i++)
        if (isfinite(exact->values[i])) {
            squares += (double)exact->values[i] * exact->values[i];
            n++;
        }
    return sqrt(squares / n) * 0x1p-24;
}

static double distance(const golden_entry *exact, const float *values)
{
    double squares = 0, n = 0;
    for (size_t i = 0; i < exact->n_values; i++)
        if (isfinite(exact->values[i])) {
            double off = (double)values[i] - exact->values[i];
            squares += off * off;
            n++;
        }
    return sqrt(squares / n);
}

/* "error KEY HOOK": the entry before it, of float64, with the distance of torch's float32. */
static void compare_error(const subject *s, pb_model *model, const golden_entry *entry)
{
    const golden_entry *exact = entry - 1;
    assert_string_equal(exact->words[1], entry->words[1]);
    assert_string_equal(exact->words[2], entry->words[2]);
    double ours;
    if (strstr(exact->words[0], "logits")) {
        float *picked = some_logits(s, model, exact);
        ours = distance(exact, picked);
        free(picked);
    } else {
        pb_site site = PB_SITE_EMBED;
        pb_tensor *tensor = activation(s, model, exact, &site);
        ours = distance(exact, pb_tensor_data(tensor));
        pb_tensor_release(&tensor);
    }
    double theirs = fmax(entry->values[0], rounding(exact));
    if (ours > theirs)
        print_message("%s %s: %.2f times torch's distance, %.2g\n", exact->words[1],
                      exact->words[2], ours / theirs, theirs);
    if (!(ours <= theirs * (exact->n_values < FEW ? MOST_OF_FEW : MOST)))
        fail_msg("%s %s is %.3g from float64, torch %.3g", exact->words[1], exact->words[2], ours,
                 theirs);
}

/* ---- weights ---- */

static pb_tensor *weight(const pb_model *model, const char *name, const char *layer)
{
    pb_tensor *tensor = NULL;
    pb_error *error = NULL;
    size_t which = strcmp(layer, "-") == 0 ? PB_ALL_LAYERS : (size_t)atoi(layer);
    if (pb_model_weight(model, name, which, NULL, &tensor, &error))
        fail_msg("%s", pb_error_text(error));
    return tensor;
}

static void compare_weight(const pb_model *model, const golden_entry *entry)
{
    pb_tensor *tensor = weight(model, entry->words[1], entry->words[2]);
    golden_compare(entry, pb_tensor_data(tensor), pb_tensor_size(tensor), 1e-5);
    pb_tensor_release(&tensor);
}

/* "rows NAME STEP": W_E's rows, or W_U's columns both as the tensor and one by one. */
static void compare_rows(const pb_model *model, const golden_entry *entry)
{
    pb_tensor *tensor = weight(model, entry->words[1], "-");
    bool columns = strcmp(entry->words[1], "W_U") == 0;
    size_t step = (size_t)atoi(entry->words[2]), d = pb_model_shape(model)->d_model;
    size_t n_vocab = pb_model_shape(model)->n_vocab, n = entry->n_values / d;
    const float *data = pb_tensor_data(tensor);
    float *rows = malloc(n * d * sizeof *rows), *single = malloc(d * sizeof *single);
    assert_true(rows && single);
    for (size_t r = 0; r < n; r++) {
        int32_t token = (int32_t)(r * step);
        for (size_t i = 0; i < d; i++)
            rows[r * d + i] =
                columns ? data[i * n_vocab + (size_t)token] : data[(size_t)token * d + i];
        if (columns)
            assert_int_equal(pb_model_unembed_columns(model, 1, &token, single, NULL, NULL), PB_OK);
        else
            pb_model_embedding(model, (size_t)token, single);
        assert_memory_equal(single, rows + r * d, d * sizeof *single);
    }
    golden_compare(entry, rows, n * d, 2e-6);
    free(single);
    free(rows);
    pb_tensor_release(&tensor);
}

/* Compares one entry; false if it is none of the kinds that have values. */
static bool compare(const subject *s, const golden_entry *entry)
{
    const char *kind = entry->words[0];
    bool raw = strncmp(kind, "raw-", 4) == 0;
    pb_model *model = raw ? s->raw : s->processed;
    kind += raw ? 4 : 0;
    if (strcmp(kind, "act") == 0)
        compare_activation(s, model, entry);
    else if (strcmp(kind, "logits") == 0)
        compare_logits(s, model, entry);
    else if (strcmp(kind, "error") == 0)
        compare_error(s, model, entry);
    else if (strcmp(kind, "weight") == 0)
        compare_weight(model, entry);
    else if (strcmp(kind, "rows") == 0)
        compare_rows(model, entry);
    else
        return false;
    return true;
}

static void compare_all(const char *name, const char *folder, size_t least)
{
    subject s = open_subject(name, folder);
    size_t compared = 0;
    for (size_t i = 0; i < s.g.n; i++)
        compared += compare(&s, &s.g.entries[i]);
    assert_true(compared >= least);
    close_subject(&s);
}

static void test_random_model(void **state)
{
    (void)state;
    compare_all("model-random-3l5h", "tests/models/random-3l5h", 200);
}

static void test_reviews_model(void **state)
{
    (void)state;
    compare_all("model-reviews-4m", "models/reviews-4m", 100);
}

/* State: {NAME, FOLDER}. */
static void test_given_model(void **state)
{
    char *const *given = *state;
    compare_all(given[0], given[1], 1);
}

int main(int n, char **arguments)
{
    if (n == 3) {
        const struct CMUnitTest given[] = {
            cmocka_unit_test_prestate(test_given_model, arguments + 1)};
        return cmocka_run_group_tests_name(arguments[1], given, NULL, NULL);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_model),
        cmocka_unit_test(test_reviews_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
