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

/* Appends lm_head.weight to the weights: W_E times `factor`. */
static void add_unembedding(const folder *f, float factor)
{
    enum { VALUES = 8192 * 40 };
    size_t length;
    char *bytes = folder_read(f->path, "model.safetensors", &length);
    uint64_t header;
    memcpy(&header, bytes, sizeof header);
    size_t data = length - 8 - header, size = VALUES * sizeof(float);
    const char *entry = strstr(bytes + 8, "\"wte.weight\"");
    assert_non_null(entry);
    const char *offsets = strstr(entry, "data_offsets\":[") + strlen("data_offsets\":[");
    const char *embed = bytes + 8 + header + strtoull(offsets, NULL, 10);

    char *made = calloc(1, length + 256 + size);
    assert_non_null(made);
    size_t end = 8 + header;
    while (bytes[end - 1] != '}')
        end--;
    memcpy(made, bytes, end - 1);
    size_t at = end - 1;
    at += (size_t)sprintf(made + at,
                          ",\"lm_head.weight\":{\"dtype\":\"F32\",\"shape\":[8192,40],"
                          "\"data_offsets\":[%zu,%zu]}}",
                          data, data + size);
    for (; at % 8 != 0; at++)
        made[at] = ' ';
    header = at - 8;
    memcpy(made, &header, sizeof header);
    memcpy(made + at, bytes + length - data, data);
    at += data;
    for (size_t i = 0; i < VALUES; i++) {
        float x;
        memcpy(&x, embed + i * sizeof x, sizeof x);
        x *= factor;
        memcpy(made + at + i * sizeof x, &x, sizeof x);
    }
    folder_write(f->path, "model.safetensors", made, at + size);
    free(made);
    free(bytes);
}

/* An unembedding twice as large as the embedding doubles every logit; where the configuration ties
 * the two, it is not looked at. */
static void test_an_unembedding_of_its_own(void **state)
{
    (void)state;
    const int32_t ids[5] = {8191, 2103, 6423, 290, 3573};
    for (int raw = 0; raw < 2; raw++) {
        folder f = folder_copy();
        pb_model *tied = load(f.path, raw);
        float *expected = last_logits(tied, ids, 5);
        add_unembedding(&f, 2.0f);
        pb_model *ignored = load(f.path, raw);
        float *same = last_logits(ignored, ids, 5);
        set_config(&f, "tie_word_embeddings", "false");
        pb_model *untied = load(f.path, raw);
        float *doubled = last_logits(untied, ids, 5);
        assert_true(pb_model_parameters(untied) == pb_model_parameters(tied) + 8192 * 40);
        for (size_t t = 0; t < 8192; t++) {
            assert_true(same[t] == expected[t]);
            float difference = doubled[t] - 2.0f * expected[t];
            assert_true(difference < 2e-4f && difference > -2e-4f);
        }
        free(doubled);
        free(same);
        free(expected);
        pb_model_release(&untied);
        pb_model_release(&ignored);
        pb_model_release(&tied);
        folder_remove(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_settings),
        cmocka_unit_test(test_an_unembedding_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
