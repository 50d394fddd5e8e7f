/* Loading: what a model says of itself, and folders that are wrong. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"
#include "model/forward.h"
#include "model/model.h"
#include "model/run.h"
#include "model/sites.h"

/* ---- changing and refusing ---- */

/* Where a tensor's bytes start in the file: behind the header, at the offset it gives. */
static size_t tensor_offset(const char *bytes, const char *tensor)
{
    uint64_t header;
    memcpy(&header, bytes, sizeof header);
    const char *entry = strstr(bytes + 8, tensor);
    assert_non_null(entry);
    const char *offsets = strstr(entry, "data_offsets\":[");
    assert_non_null(offsets);
    return 8 + (size_t)header + (size_t)strtoull(offsets + strlen("data_offsets\":["), NULL, 10);
}

static void set_value(const folder *f, const char *tensor, size_t index, float value)
{
    size_t length;
    char *bytes = folder_read(f->path, folder_names[3], &length);
    memcpy(bytes + tensor_offset(bytes, tensor) + index * sizeof value, &value, sizeof value);
    folder_write(f->path, folder_names[3], bytes, length);
    free(bytes);
}

static void refused(const folder *f, pb_status expected, const char *const *texts)
{
    pb_model *model = NULL;
    pb_error *error = NULL;
    assert_int_equal(pb_model_load(f->path, NULL, NULL, &model, &error), expected);
    assert_null(model);
    for (; *texts; texts++)
        if (!strstr(pb_error_text(error), *texts))
            fail_msg("'%s' does not say '%s'", pb_error_text(error), *texts);
    pb_error_destroy(&error);
    folder_remove(f);
}

#define REFUSED(f, status, ...) refused(f, status, (const char *const[]){__VA_ARGS__, NULL})

/* ---- what it says ---- */

static void test_a_model_knows_itself(void **state)
{
    (void)state;
    pb_model *model = NULL;
    pb_error *error = NULL;
    assert_int_equal(pb_model_load("models/reviews-4m/", NULL, NULL, &model, &error), PB_OK);
    const pb_shape *s = pb_model_shape(model);
    assert_string_equal(pb_model_name(model), "reviews-4m");
    assert_string_equal(pb_model_dtype(model), "float16");
    assert_int_equal(s->n_layer, 6);
    assert_int_equal(s->d_mlp, 768);
    assert_int_equal(s->d_head, 32);
    size_t d = 192, layer = 12 * d * d + 13 * d;
    assert_int_equal(pb_model_parameters(model), (8192 + 256) * d + 6 * layer + 2 * d);
    assert_in_range(pb_model_memory(model), 4 * pb_model_parameters(model),
                    4 * pb_model_parameters(model) + (3u << 20));
    assert_false(pb_model_is_raw(model));
    assert_null(pb_model_final_gain(model));
    assert_string_equal(pb_axis_label(pb_model_axis(model, "token"), 8191), "<|endoftext|>");
    assert_null(pb_model_axis(model, "pos"));
    pb_model *again = pb_model_retain(model);
    pb_model_release(&model);
    assert_null(model);
    assert_int_equal(pb_tokenizer_count(pb_model_tokenizer(again)), 8192);
    pb_model_release(&again);
}

static void test_raw_weights_are_those_on_disk(void **state)
{
    (void)state;
    pb_load_options options = {.raw = true, .name = "mine"};
    pb_model *model = NULL;
    pb_error *error = NULL;
    assert_int_equal(pb_model_load(folder_source, &options, NULL, &model, &error), PB_OK);
    assert_string_equal(pb_model_name(model), "mine");
    size_t length;
    char *bytes = folder_read(folder_source, folder_names[3], &length);
    pb_tensor *w = NULL;
    assert_int_equal(pb_model_weight(model, "W_E", PB_ALL_LAYERS, NULL, &w, &error), PB_OK);
    assert_memory_equal(pb_tensor_data(w), bytes + tensor_offset(bytes, "wte.weight"),
                        pb_tensor_size(w) * sizeof(float));
    pb_tensor_release(&w);
    assert_int_equal(pb_model_weight(model, "ln2_w", 1, NULL, &w, &error), PB_OK);
    assert_memory_equal(pb_tensor_data(w), bytes + tensor_offset(bytes, "h.1.ln_2.weight"),
                        pb_tensor_size(w) * sizeof(float));
    pb_tensor_release(&w);
    free(bytes);
    pb_model_release(&model);
}

static void test_weights_by_name(void **state)
{
    (void)state;
    pb_model *model = NULL;
    pb_error *error = NULL;
    assert_int_equal(pb_model_load(folder_source, NULL, NULL, &model, &error), PB_OK);
    for (size_t i = 0; i < pb_model_weight_count(); i++) {
        const pb_model_weight_row *row = pb_model_weight_info(i);
        pb_tensor *all = NULL, *one = NULL;
        pb_status status = pb_model_weight(model, row->name, PB_ALL_LAYERS, NULL, &all, &error);
        bool lacks = row->of && !row->of(pb_model_shape(model));
        assert_int_equal(status, lacks ? PB_UNSUPPORTED : row->raw_only ? PB_VALUE : PB_OK);
        assert_int_equal(pb_model_has_weight(model, i), !status);
        pb_error_destroy(&error);
        if (status)
            continue;
        size_t n_axes = 0;
        while (n_axes < 3 && row->axes[n_axes])
            n_axes++;
        assert_int_equal(pb_tensor_rank(all), n_axes + row->per_layer);
        status = pb_model_weight(model, row->name, 2, NULL, &one, &error);
        assert_int_equal(status, row->per_layer ? PB_OK : PB_RANGE);
        if (one)
            assert_memory_equal(pb_tensor_data(one), pb_tensor_data(all) + 2 * pb_tensor_size(one),
                                pb_tensor_size(one) * sizeof(float));
        pb_error_destroy(&error);
        pb_tensor_release(&one);
        pb_tensor_release(&all);
    }
    pb_tensor *none = NULL;
    assert_int_equal(pb_model_weight(model, "W_q", 0, NULL, &none, &error), PB_NAME);
    assert_string_equal(pb_error_hint_text(error), "did you mean W_Q?");
    pb_error_destroy(&error);
    assert_int_equal(pb_model_weight(model, "W_Q", 3, NULL, &none, &error), PB_RANGE);
    pb_error_destroy(&error);
    pb_model_release(&model);
}

/* ---- what is refused ---- */

static void test_weights_that_are_not_numbers(void **state)
{
    (void)state;
    folder f = folder_copy();
    set_value(&f, "h.1.mlp.c_fc.weight", 72 * 3 + 5, NAN);
    REFUSED(&f, PB_FORMAT, "'h.1.mlp.c_fc.weight'", "NaN at [3, 5]");
    f = folder_copy();
    set_value(&f, "wte.weight", 40 * 7000 + 39, -INFINITY);
    REFUSED(&f, PB_FORMAT, "'wte.weight'", "an infinity at [7000, 39]");
    f = folder_copy();
    set_value(&f, "ln_f.bias", 4, INFINITY);
    REFUSED(&f, PB_FORMAT, "'ln_f.bias'", "an infinity at [4]");
}

/* Finite weights whose products are not. */
static void test_weights_that_overflow(void **state)
{
    (void)state;
    folder f = folder_copy();
    set_value(&f, "ln_f.weight", 3, 3e38F);
    set_value(&f, "wte.weight", 40 * 7000 + 3, 100.0F);
    REFUSED(&f, PB_FORMAT, "the last norm of", "too large for float32");
    f = folder_copy();
    set_value(&f, "h.1.mlp.c_fc.weight", 72 * 3 + 5, 3e38F);
    set_value(&f, "h.1.mlp.c_proj.weight", 40 * 5 + 7, 3e38F);
    pb_model *model = NULL;
    pb_error *error = NULL;
    assert_int_equal(pb_model_load(f.path, NULL, NULL, &model, &error), PB_OK);
    const int32_t tokens[3] = {8191, 40, 41};
    const pb_prompt prompts[2] = {{.tokens = tokens, .n = 3}, {.tokens = tokens + 1, .n = 2}};
    pb_run *runs[2] = {NULL};
    assert_int_equal(pb_runs_create(model, 2, prompts, NULL, NULL, runs, &error), PB_VALUE);
    assert_null(runs[0]);
    assert_non_null(strstr(pb_error_text(error), "prompt 0"));
    assert_non_null(strstr(pb_error_text(error), "after layer 1, at position 0"));
    pb_error_destroy(&error);
    pb_model_release(&model);
    folder_remove(&f);
}

static void test_configurations_that_contradict_the_weights(void **state)
{
    (void)state;
    folder f = folder_copy();
    folder_replace(&f, "config.json", "\"n_inner\": 72", "\"n_inner\": 80");
    REFUSED(&f, PB_FORMAT, "'h.0.mlp.c_fc.weight'", "[40, 72]", "[40, 80]", "n_inner");
    f = folder_copy();
    folder_replace(&f, "config.json", "\"n_positions\": 64", "\"n_positions\": 128");
    REFUSED(&f, PB_FORMAT, "'wpe.weight'", "[64, 40]", "[128, 40]", "n_positions");
    f = folder_copy();
    folder_replace(&f, "config.json", "\"n_layer\": 3", "\"n_layer\": 4");
    REFUSED(&f, PB_FORMAT, "no tensor 'h.3.ln_1.weight'");
    f = folder_copy();
    folder_replace(&f, "config.json", "\"vocab_size\": 8192", "\"vocab_size\": 8000");
    REFUSED(&f, PB_FORMAT, "'wte.weight'", "[8192, 40]", "[8000, 40]", "vocab_size");
    f = folder_copy();
    folder_replace(&f, "config.json", "\"vocab_size\": 8192", "\"vocab_size\": 9000");
    REFUSED(&f, PB_FORMAT, "'wte.weight'", "[8192, 40]", "[9000, 40]", "vocab_size");
}

static void test_models_of_another_kind(void **state)
{
    (void)state;
    folder f = folder_copy();
    folder_replace(&f, "config.json", "\"model_type\": \"gpt2\"", "\"model_type\": \"mamba\"");
    REFUSED(&f, PB_UNSUPPORTED, "\"mamba\"", "\"gpt2\"");
    f = folder_copy();
    folder_replace(&f, "config.json", "gelu_new", "prelu"); /* it has weights of its own */
    REFUSED(&f, PB_UNSUPPORTED, "\"prelu\"", "gelu_new", "quick_gelu", "tanh");
    f = folder_copy();
    folder_replace(&f, "config.json", "\"tie_word_embeddings\": true",
                   "\"tie_word_embeddings\": false");
    REFUSED(&f, PB_FORMAT, "tie_word_embeddings", "'lm_head.weight'");
}

/* The notes of a model whose files hold more than it uses; transformers loads each of these. */
static void notes(const folder *f, const char *expected)
{
    pb_model *model = NULL;
    pb_error *error = NULL;
    if (pb_model_load(f->path, NULL, NULL, &model, &error))
        fail_msg("%s", pb_error_text(error));
    assert_string_equal(pb_model_notes(model), expected);
    pb_model_release(&model);
    folder_remove(f);
}

static void test_files_that_hold_more(void **state)
{
    (void)state;
    folder f = folder_copy();
    notes(&f, ""); /* it has the causal masks, which are no weights */
    f = folder_copy();
    folder_replace(&f, "config.json", "\"n_layer\": 3", "\"n_layer\": 2");
    notes(&f, "12 tensors of the weights are not used: h.2.attn.c_attn.bias, "
              "h.2.attn.c_attn.weight, h.2.attn.c_proj.bias, h.2.attn.c_proj.weight, ...\n");
    f = folder_copy();
    folder_replace(&f, "config.json", "{", "{\"add_cross_attention\": true,");
    notes(&f, "");
    static const char *const types[] = {"F4", "F8_E8M0", "C64", "of next year"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        f = folder_copy();
        folder_add_tensor(&f, "score.weight", types[i], "[3]", "abcdefgh", 8);
        notes(&f, "1 tensor of the weights is not used: score.weight.\n");
    }
    f = folder_copy();
    folder_add_tensor(&f, "a\\u0000b", "U8", "[1,1,1,1,1,1,1,1,1,1]", "a", 1);
    notes(&f, "1 tensor of the weights is not used: a\xE2\x90\x80"
              "b.\n");
    f = folder_copy();
    folder_write(f.path, "added_tokens.json", "{\"[PAD]\": 8192}", 15);
    notes(&f, "1 token of the vocabulary has no row in the embedding and cannot be used: "
              "\"[PAD]\".\n");
}

static void test_files_that_are_missing(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        folder f = folder_copy();
        char path[512];
        snprintf(path, sizeof path, "%s/%s", f.path, folder_names[i]);
        unlink(path);
        REFUSED(&f, PB_IO, f.path);
    }
    folder f = folder_copy();
    size_t length;
    char *bytes = folder_read(f.path, folder_names[3], &length);
    folder_write(f.path, folder_names[3], bytes, length - 1000);
    free(bytes);
    REFUSED(&f, PB_FORMAT, "model.safetensors");
}

/* Files that are written, replaced or taken away after they were read. */
static void test_a_folder_that_changes(void **state)
{
    (void)state;
    for (int change = 0; change < 3; change++) {
        folder f = folder_copy();
        pb_model *model = NULL;
        pb_error *error = NULL;
        char path[512];
        assert_int_equal(pb_model_load(f.path, NULL, NULL, &model, &error), PB_OK);
        assert_true(pb_model_is_of(model, f.path));
        snprintf(path, sizeof path, "%s/%s", f.path, folder_names[3]);
        if (change == 0)
            set_value(&f, "wte.weight", 0, 1.0F);
        else if (change == 1)
            assert_int_equal(truncate(path, 1000), 0);
        else
            assert_int_equal(unlink(path), 0);
        assert_false(pb_model_is_of(model, f.path));
        pb_model_release(&model);
        folder_remove(&f);
    }
}

static void test_an_interrupted_load(void **state)
{
    (void)state;
    atomic_bool stop = true;
    pb_watch watch = {.stop = &stop};
    pb_model *model = NULL;
    pb_error *error = NULL;
    assert_int_equal(pb_model_load(folder_source, NULL, &watch, &model, &error), PB_INTERRUPTED);
    assert_null(model);
    pb_error_destroy(&error);
}

/* ---- sites ---- */

static void test_sites_are_found_by_name(void **state)
{
    (void)state;
    for (size_t s = 0; s < PB_N_SITES; s++) {
        const pb_site_row *row = pb_site_info((pb_site)s);
        pb_site found = PB_N_SITES;
        assert_true(row->name && row->hook && row->summary);
        assert_int_equal(pb_site_find(row->name, &found, NULL), PB_OK);
        assert_int_equal(found, s);
    }
    pb_error *error = NULL;
    pb_site none;
    assert_int_equal(pb_site_find("resid_past", &none, &error), PB_NAME);
    assert_string_equal(pb_error_hint_text(error), "did you mean resid_post?");
    pb_error_destroy(&error);
    char name[64];
    pb_site_hook_name(PB_SITE_MLP_PRE, 11, name, sizeof name);
    assert_string_equal(name, "blocks.11.mlp.hook_pre");
    pb_site_hook_name(PB_SITE_LN_FINAL, 11, name, sizeof name);
    assert_string_equal(name, "ln_final.hook_normalized");
}

/* What definitions.md says of names and axes, for one site of each form. */
static void test_what_sites_have(void **state)
{
    (void)state;
    const char *axes[3];
    pb_model *model = NULL;
    assert_int_equal(pb_model_load("tests/models/random-3l5h", NULL, NULL, &model, NULL), PB_OK);
    assert_int_equal(pb_site_axes(model, PB_SITE_RESID_MID, axes), 2);
    assert_string_equal(axes[1], "d_model");
    assert_int_equal(pb_site_axes(model, PB_SITE_Z, axes), 3);
    assert_string_equal(axes[0], "pos");
    assert_string_equal(axes[1], "head");
    assert_string_equal(axes[2], "d_head");
    assert_int_equal(pb_site_axes(model, PB_SITE_PATTERN, axes), 3);
    assert_string_equal(axes[0], "head");
    assert_string_equal(axes[1], "query");
    assert_string_equal(axes[2], "key");
    assert_int_equal(pb_site_axes(model, PB_SITE_LN_FINAL_SCALE, axes), 1);
    assert_string_equal(axes[0], "pos");

    pb_error *error = NULL;
    assert_int_equal(pb_site_need(model, PB_SITE_PATTERN, PB_ALONG_KEYS, &error), PB_OK);
    assert_int_equal(pb_site_need(model, PB_SITE_Z, PB_ALONG_KEYS, &error), PB_TYPE);
    assert_string_equal(pb_error_text(error),
                        "z has no keys; the sites that do are attn_scores and pattern");
    pb_error_destroy(&error);
    assert_int_equal(pb_site_need(model, PB_SITE_EMBED, PB_ALONG_LAYERS, &error), PB_TYPE);
    assert_string_equal(pb_error_text(error),
                        "embed has no layers; it is there once, not in each layer");
    pb_error_destroy(&error);
    pb_model_release(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_model_knows_itself),
        cmocka_unit_test(test_raw_weights_are_those_on_disk),
        cmocka_unit_test(test_weights_by_name),
        cmocka_unit_test(test_weights_that_are_not_numbers),
        cmocka_unit_test(test_weights_that_overflow),
        cmocka_unit_test(test_configurations_that_contradict_the_weights),
        cmocka_unit_test(test_models_of_another_kind),
        cmocka_unit_test(test_files_that_hold_more),
        cmocka_unit_test(test_files_that_are_missing),
        cmocka_unit_test(test_a_folder_that_changes),
        cmocka_unit_test(test_an_interrupted_load),
        cmocka_unit_test(test_sites_are_found_by_name),
        cmocka_unit_test(test_what_sites_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
