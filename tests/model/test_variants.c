/* Settings that GPT-2 does not use but its configuration knows, and an unembedding of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "folder.h"
#include "golden.h"
#include "model/run.h"

static pb_model *load(const char *path, bool raw)
{
    pb_load_options options = {.raw = raw};
    pb_model *model = NULL;
    pb_error *error = NULL;
    if (pb_model_load(path, &options, NULL, &model, &error))
        fail_msg("%s", pb_error_text(error));
    return model;
}

/* Logits of the last token of a prompt; malloc'ed. */
static float *last_logits(pb_model *model, const int32_t *ids, size_t n)
{
    pb_prompt prompt = {.tokens = ids, .n = n};
    pb_run *run = NULL;
    pb_error *error = NULL;
    size_t last = n - 1;
    float *logits = malloc(pb_model_shape(model)->n_vocab * sizeof *logits);
    assert_non_null(logits);
    assert_int_equal(pb_run_create(model, &prompt, NULL, NULL, &run, &error), PB_OK);
    assert_int_equal(pb_run_logits_at(run, 1, &last, NULL, logits, &error), PB_OK);
    pb_run_release(&run);
    return logits;
}

/* Gives a key of config.json another value. */
static void set_config(const folder *f, const char *key, const char *value)
{
    size_t length;
    char *text = folder_read(f->path, "config.json", &length), line[256], changed[256];
    char *at = strstr(text, key);
    assert_non_null(at);
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at, ",\n"), at);
    snprintf(changed, sizeof changed, "%s\": %s", key, value);
    folder_replace(f, "config.json", line, changed);
    free(text);
}

static void compare_variant(const golden *g, const golden_entry *entry)
{
    int32_t ids[GOLDEN_WORDS];
    size_t n = golden_prompt(g, "a", ids), step = (size_t)atoi(entry->words[3]);
    folder f = folder_copy();
    set_config(&f, entry->words[1], entry->words[2]);
    pb_model *model = load(f.path, false);
    float *logits = last_logits(model, ids, n);
    for (size_t i = 0; i < entry->n_values; i++)
        logits[i] = logits[i * step];
    golden_compare(entry, logits, entry->n_values, 1e-4);
    free(logits);
    pb_model_release(&model);
    folder_remove(&f);
}

static void test_other_settings(void **state)
{
    (void)state;
    golden g = golden_read("model-random-3l5h");
    size_t compared = 0;
    for (size_t i = 0; i < g.n; i++)
        if (strcmp(g.entries[i].words[0], "variant") == 0) {
            compare_variant(&g, &g.entries[i]);
            compared++;
        }
    assert_int_equal(compared, 6);
    golden_free(&g);
}

enum { EMBED_VALUES = 8192 * 40 };

/* The embedding times `factor`; malloc'ed. */
static float *embedding_times(const folder *f, float factor)
{
    size_t length;
    char *bytes = folder_read(f->path, "model.safetensors", &length);
    uint64_t header;
    memcpy(&header, bytes, sizeof header);
    const char *entry = strstr(bytes + 8, "\"wte.weight\"");
    assert_non_null(entry);
    const char *offsets = strstr(entry, "data_offsets\":[") + strlen("data_offsets\":[");
    float *values = malloc(EMBED_VALUES * sizeof *values);
    assert_non_null(values);
    memcpy(values, bytes + 8 + header + strtoull(offsets, NULL, 10), EMBED_VALUES * sizeof *values);
    for (size_t i = 0; i < EMBED_VALUES; i++)
        values[i] *= factor;
    free(bytes);
    return values;
}

static void add_unembedding(const folder *f, const char *name, float factor)
{
    float *values = embedding_times(f, factor);
    folder_add_tensor(f, name, "F32", "[8192,40]", values, EMBED_VALUES * sizeof *values);
    free(values);
}

static const int32_t some_ids[5] = {8191, 2103, 6423, 290, 3573};

/* An unembedding twice as large as the embedding doubles every logit. transformers 5.24 takes the
 * file's, with a warning, when the configuration ties the two or says nothing; and finds it behind
 * the prefix of the other weights, too. */
static void test_an_unembedding_of_its_own(void **state)
{
    (void)state;
    static const char *const ties[] = {"true", "null", "false"};
    for (int turn = 0; turn < 6; turn++) {
        bool raw = turn / 3;
        folder f = folder_copy();
        pb_model *tied = load(f.path, raw);
        float *expected = last_logits(tied, some_ids, 5);
        add_unembedding(&f, raw ? "transformer.lm_head.weight" : "lm_head.weight", 2.0f);
        set_config(&f, "tie_word_embeddings", ties[turn % 3]);
        pb_model *untied = load(f.path, raw);
        float *doubled = last_logits(untied, some_ids, 5);
        assert_true(pb_model_parameters(untied) == pb_model_parameters(tied) + EMBED_VALUES);
        for (size_t t = 0; t < 8192; t++) {
            float difference = doubled[t] - 2.0f * expected[t];
            assert_true(difference < 2e-4f && difference > -2e-4f);
        }
        bool said = strstr(pb_model_notes(untied), "lm_head.weight, which differs");
        assert_int_equal(said, turn % 3 < 2);
        free(doubled);
        free(expected);
        pb_model_release(&untied);
        pb_model_release(&tied);
        folder_remove(&f);
    }
}

/* One that is the embedding is not kept twice; one without an embedding beside it serves as both,
 * as in transformers. */
static void test_an_unembedding_that_is_the_embedding(void **state)
{
    (void)state;
    for (int alone = 0; alone < 2; alone++) {
        folder f = folder_copy();
        pb_model *tied = load(f.path, false);
        float *expected = last_logits(tied, some_ids, 5);
        add_unembedding(&f, "lm_head.weight", 1.0f);
        if (alone)
            folder_replace(&f, "model.safetensors", "\"wte.weight\"", "\"wtx.weight\"");
        pb_model *same = load(f.path, false);
        float *logits = last_logits(same, some_ids, 5);
        assert_memory_equal(logits, expected, 8192 * sizeof *logits);
        assert_int_equal(pb_model_memory(same), pb_model_memory(tied));
        assert_string_equal(pb_model_notes(same),
                            alone ? "1 tensor of the weights is not used: wtx.weight.\n" : "");
        free(logits);
        free(expected);
        pb_model_release(&same);
        pb_model_release(&tied);
        folder_remove(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_settings),
        cmocka_unit_test(test_an_unembedding_of_its_own),
        cmocka_unit_test(test_an_unembedding_that_is_the_embedding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
