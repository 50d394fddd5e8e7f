/*
 * Families beside GPT-2: settings of their configurations against transformers in float64, what is
 * refused and in which words, and what a model of each has.
 */
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

static const char *const families[] = {"gpt_neox", "llama", "qwen2"};

enum { N_FAMILIES = sizeof families / sizeof *families };

static folder copy_of(const char *family)
{
    folder made = {P_tmpdir "/patchbay-load-XXXXXX"};
    char source[64];
    assert_non_null(mkdtemp(made.path));
    snprintf(source, sizeof source, "tests/models/%s-3l", family);
    for (size_t i = 0; i < 4; i++) {
        size_t length;
        char *bytes = folder_read(source, folder_names[i], &length);
        folder_write(made.path, folder_names[i], bytes, length);
        free(bytes);
    }
    return made;
}

/* Puts keys behind those there are in config.json; of equal ones the last counts. */
static void add_keys(const folder *f, const char *keys)
{
    size_t length;
    char *text = folder_read(f->path, "config.json", &length), changed[2048];
    char *end = strrchr(text, '}');
    assert_non_null(end);
    int n = snprintf(changed, sizeof changed, "%.*s, %s}", (int)(end - text), text, keys);
    folder_write(f->path, "config.json", changed, (size_t)n);
    free(text);
}

static pb_model *load(const char *path, bool raw)
{
    pb_load_options options = {.raw = raw};
    pb_model *model = NULL;
    pb_error *error = NULL;
    if (pb_model_load(path, &options, NULL, &model, &error))
        fail_msg("%s", pb_error_text(error));
    return model;
}

/* Of the last position of the prompt "long", less their mean; malloc'ed. */
static float *logits_of(const golden *g, pb_model *model)
{
    int32_t ids[GOLDEN_WORDS];
    pb_prompt prompt = {.tokens = ids, .n = golden_prompt(g, "long", ids)};
    pb_run *run = NULL;
    pb_error *error = NULL;
    size_t last = prompt.n - 1, n = pb_model_shape(model)->n_vocab;
    float *logits = malloc(n * sizeof *logits);
    assert_non_null(logits);
    assert_int_equal(pb_run_create(model, &prompt, NULL, NULL, &run, &error), PB_OK);
    assert_int_equal(pb_run_logits_at(run, 1, &last, NULL, logits, &error), PB_OK);
    double mean = 0; /* a raw model's are not centred, and transformers' here are */
    for (size_t i = 0; i < n; i++)
        mean += (double)logits[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        logits[i] -= (float)mean;
    pb_run_release(&run);
    return logits;
}

/* "variant KEYS - 1": the model with those keys. */
static void test_settings(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_FAMILIES; i++) {
        char name[64];
        snprintf(name, sizeof name, "variants-%s-3l", families[i]);
        golden g = golden_read(name);
        size_t compared = 0;
        for (size_t e = 0; e < g.n; e++) {
            if (strcmp(g.entries[e].words[0], "variant") != 0)
                continue;
            folder f = copy_of(families[i]);
            add_keys(&f, g.entries[e].words[1]);
            for (int raw = 0; raw < 2; raw++) {
                pb_model *model = load(f.path, raw);
                float *logits = logits_of(&g, model);
                golden_compare(&g.entries[e], logits, pb_model_shape(model)->n_vocab, 1e-4);
                free(logits);
                pb_model_release(&model);
            }
            folder_remove(&f);
            compared++;
        }
        assert_true(compared >= 4);
        golden_free(&g);
    }
}

/* ---- refused ---- */

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *family, *keys;
        pb_status status;
        const char *said;
    } rows[] = {
        {"llama", "\"model_type\": \"mamba\"", PB_UNSUPPORTED,
         "expected \"gpt2\", \"gpt_neox\", \"llama\", \"qwen2\""},
        {"llama", "\"model_type\": \"mamba\"", PB_UNSUPPORTED, "\"mamba\", as model_type in '"},
        {"llama", "\"num_key_value_heads\": 4", PB_FORMAT,
         "num_attention_heads is 6 and num_key_value_heads is 4"},
        {"qwen2", "\"num_key_value_heads\": 0", PB_FORMAT, "num_key_value_heads is 0"},
        {"llama", "\"head_dim\": 8", PB_FORMAT,
         "shape [96, 42]; expected [48, 42], from config.json's num_attention_heads and head_dim"},
        {"llama", "\"num_key_value_heads\": 3", PB_FORMAT,
         "shape [32, 42]; expected [48, 42], from config.json's num_key_value_heads and head_dim"},
        {"llama", "\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4}", PB_UNSUPPORTED,
         "the rope scaling \"yarn\" in '"},
        {"llama", "\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 4}", PB_UNSUPPORTED,
         "expected one of \"default\", \"linear\", \"llama3\""},
        {"llama", "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 0}", PB_FORMAT,
         "factor is 0"},
        {"llama", "\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8.0}", PB_FORMAT,
         "original_max_position_embeddings 0"},
        {"llama", "\"rope_scaling\": \"llama3\"", PB_FORMAT,
         "rope_scaling is \"llama3\", and an object was expected"},
        {"llama", "\"rope_theta\": 0", PB_FORMAT, "rope_theta is 0"},
        {"llama", "\"rope_theta\": \"big\"", PB_FORMAT, "rope_theta is \"big\""},
        {"gpt_neox", "\"rotary_pct\": 1.5", PB_FORMAT, "rotary_pct is 1.5"},
        {"gpt_neox", "\"rotary_pct\": 0.25", PB_UNSUPPORTED,
         "3 dimensions of each head are rotated, and an even number was expected"},
        {"qwen2", "\"hidden_act\": \"snake\"", PB_UNSUPPORTED, "the activation function \"snake\""},
        {"qwen2", "\"use_sliding_window\": true", PB_UNSUPPORTED, "a sliding window"},
        {"qwen2", "\"tie_word_embeddings\": false", PB_FORMAT, "no tensor 'lm_head.weight'"},
        {"gpt_neox", "\"hidden_size\": 50", PB_FORMAT,
         "hidden_size is 50 and num_attention_heads is 4"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        folder f = copy_of(rows[i].family);
        pb_model *model = NULL;
        pb_error *error = NULL;
        add_keys(&f, rows[i].keys);
        pb_status status = pb_model_load(f.path, NULL, NULL, &model, &error);
        if (status != rows[i].status || !strstr(pb_error_text(error), rows[i].said))
            fail_msg("%s: got %d, '%s'", rows[i].keys, (int)status,
                     error ? pb_error_text(error) : "");
        pb_error_destroy(&error);
        folder_remove(&f);
    }
}

/* ---- what a model has ---- */

static void test_sites_that_are_not_there(void **state)
{
    (void)state;
    static const struct {
        const char *family;
        pb_site site;
        const char *said;
    } rows[] = {
        {"llama", PB_SITE_POS_EMBED, "has no pos_embed: its positions are not embedded"},
        {"gpt_neox", PB_SITE_RESID_MID, "has no resid_mid: its MLP reads resid_pre"},
        {"gpt_neox", PB_SITE_MLP_PRE_LINEAR, "has no mlp_pre_linear: its MLP has one input"},
    };
    const int32_t tokens[2] = {1, 2};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[64];
        snprintf(path, sizeof path, "tests/models/%s-3l", rows[i].family);
        pb_model *model = load(path, false);
        pb_prompt prompt = {.tokens = tokens, .n = 2};
        pb_run *run = NULL;
        pb_tensor *tensor = NULL;
        pb_error *error = NULL;
        assert_false(pb_site_is_in(model, rows[i].site));
        assert_int_equal(pb_run_create(model, &prompt, NULL, NULL, &run, &error), PB_OK);
        assert_int_equal(pb_run_activation(run, rows[i].site, PB_ALL_LAYERS, NULL, &tensor, &error),
                         PB_UNSUPPORTED);
        assert_non_null(strstr(pb_error_text(error), rows[i].said));
        pb_error_destroy(&error);
        pb_run_release(&run);
        pb_model_release(&model);
    }
}

/* definitions.md: GPT-NeoX and Qwen begin without a start token. */
static void test_start_tokens(void **state)
{
    (void)state;
    static const bool prepended[N_FAMILIES] = {false, true, false};
    for (size_t i = 0; i < N_FAMILIES; i++) {
        char path[64];
        snprintf(path, sizeof path, "tests/models/%s-3l", families[i]);
        pb_model *model = load(path, false);
        assert_int_equal(pb_model_prepends_start(model), prepended[i]);
        pb_model_release(&model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_sites_that_are_not_there),
        cmocka_unit_test(test_start_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
