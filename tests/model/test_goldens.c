/* Every activation, logit and processed weight against TransformerLens' (tests/golden). */
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
    if (pb_model_load(folder, &options, NULL, &model, &error) != PB_OK)
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
    if (pb_run_create(model, &prompt, NULL, NULL, &made, &error) != PB_OK)
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

static void compare_activation(const subject *s, pb_model *model, const golden_entry *entry)
{
    pb_site site = PB_SITE_EMBED;
    size_t layer = 0;
    find_hook(model, entry->words[2], &site, &layer);
    pb_run *made = run(s, model, entry->words[1]);
    pb_tensor *tensor = NULL;
    pb_error *error = NULL;
    if (pb_run_activation(made, site, layer, NULL, &tensor, &error) != PB_OK)
        fail_msg("%s", pb_error_text(error));
    const pb_site_row *row = pb_site_info(site);
    assert_int_equal(pb_tensor_rank(tensor), row->n_axes);
    assert_int_equal(row->n_axes, entry->n_words - 3);
    for (size_t i = 0; i < row->n_axes; i++) {
        assert_string_equal(pb_axis_name(pb_tensor_axis(tensor, i)), row->axes[i]);
        assert_int_equal(pb_axis_length(pb_tensor_axis(tensor, i)), atoi(entry->words[3 + i]));
    }
    golden_compare(entry, pb_tensor_data(tensor), pb_tensor_size(tensor),
                   site == PB_SITE_PATTERN ? 1e-5 : 1e-4);
    pb_tensor_release(&tensor);
    pb_run_release(&made);
}

static void compare_logits(const subject *s, pb_model *model, const golden_entry *entry)
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
    golden_compare(entry, picked, n, 1e-4);
    free(picked);
    pb_tensor_release(&tensor);
    pb_run_release(&made);
}

static pb_tensor *weight(const pb_model *model, const char *name, const char *layer)
{
    pb_tensor *tensor = NULL;
    pb_error *error = NULL;
    size_t which = strcmp(layer, "-") == 0 ? PB_ALL_LAYERS : (size_t)atoi(layer);
    if (pb_model_weight(model, name, which, NULL, &tensor, &error) != PB_OK)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_model),
        cmocka_unit_test(test_reviews_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
