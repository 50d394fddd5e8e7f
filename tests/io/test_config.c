/* config.json: what is read, what is filled in, and what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "io/config.h"
#include "model/families.h"
#include "scratch.h"

static void test_default_model(void **state)
{
    (void)state;
    pb_config *c = NULL;
    pb_error *error = NULL;
    assert_ok(pb_config_read("models/reviews-4m", pb_family_keys, &c, &error), &error);
    assert_string_equal(c->model_type, "gpt2");
    assert_string_equal(c->path, "models/reviews-4m/config.json");
    assert_string_equal(c->activation_function, "gelu_new");
    assert_int_equal(c->n_layer, 6);
    assert_int_equal(c->n_head, 6);
    assert_int_equal(c->n_embd, 192);
    assert_int_equal(c->d_head, 32);
    assert_int_equal(c->n_inner, 768);
    assert_int_equal(c->n_positions, 256);
    assert_int_equal(c->vocab_size, 8192);
    assert_true(c->layer_norm_epsilon == 1e-5);
    assert_true(c->scale_attn_weights && c->tie_word_embeddings);
    assert_false(c->scale_attn_by_inverse_layer_idx);
    assert_int_equal(c->n_ends, 1);
    assert_int_equal(c->ends[0], 8191);
    pb_config_destroy(&c);
    assert_null(c);
}

/* The least a file must say, with something put in behind it that may replace nothing. */
#define SIZES "\"n_layer\":2,\"n_head\":3,\"n_embd\":12,\"n_positions\":8,\"vocab_size\":300"
#define LEAST "\"model_type\":\"gpt2\"," SIZES

static pb_status parse(const char *json, pb_config **config, pb_error **error)
{
    return pb_config_parse("config.json", json, strlen(json), pb_family_keys, config, error);
}

static void test_defaults(void **state)
{
    (void)state;
    pb_config *c = NULL;
    pb_error *error = NULL;
    assert_ok(parse("{" LEAST "}", &c, &error), &error);
    assert_int_equal(c->n_inner, 48);
    assert_true(c->layer_norm_epsilon == 1e-5);
    assert_true(c->scale_attn_weights && c->tie_word_embeddings);
    assert_null(c->ends);
    pb_config_destroy(&c);

    assert_ok(parse("{" LEAST ",\"n_inner\":20,\"tie_word_embeddings\":false,"
                    "\"activation_function\":\"relu\","
                    "\"layer_norm_epsilon\":0.001,\"eos_token_id\":0,\"bos_token_id\":null}",
                    &c, &error),
              &error);
    assert_int_equal(c->n_inner, 20);
    assert_false(c->tie_word_embeddings);
    assert_string_equal(c->activation_function, "relu");
    assert_int_equal(c->n_ends, 1);
    assert_int_equal(c->ends[0], 0);
    pb_config_destroy(&c);

    assert_ok(parse("{\"model_type\":\"gpt2\",\"n_layer\":1,\"n_head\":1,\"n_embd\":1,"
                    "\"n_ctx\":77,\"vocab_size\":1}",
                    &c, &error),
              &error);
    assert_int_equal(c->n_positions, 77);
    pb_config_destroy(&c);

    assert_ok(parse("\xEF\xBB\xBF{" LEAST "}", &c, &error), &error);
    assert_int_equal(c->n_layer, 2);
    pb_config_destroy(&c);
}

/* What transformers 5.24 loads with the same result (AutoModelForCausalLM on a model with each of
 * these in its config.json): nothing here is needed, or it has another name, or a default. */
static void test_not_needed(void **state)
{
    (void)state;
    static const char *const more[] = {
        "\"eos_token_id\":[1,2]",
        "\"eos_token_id\":-1",
        "\"eos_token_id\":[]",
        "\"eos_token_id\":1000000000000",
        "\"bos_token_id\":-1",
        "\"bos_token_id\":1000000000000",
        "\"pad_token_id\":null",
        "\"_name_or_path\":1",
        "\"_name_or_path\":\"a\\u0000b\"",
        "\"_name_or_path\":[\"a\"]",
        "\"x\\u0000\":\"\\u0000\"",
        "\"x\":\"\\ud800\"",
        "\"x\":NaN",
        "\"x\":[Infinity,-Infinity,1e999,10000000000000000000000000000000000000000]",
        "\"n_ctx\":\"x\"",
        "\"n_ctx\":7",
        "\"n_layer\":2",
        "\"num_hidden_layers\":2",
        "\"n_inner\":null",
        "\"reorder_and_upcast_attn\":true",
        "\"add_cross_attention\":true",
        "\"use_cache\":false,\"is_decoder\":true,\"pruned_heads\":{\"0\":[1]}",
        "\"head_dim\":3,\"rope_theta\":1000,\"chunk_size_feed_forward\":2",
        "\"quantization_config\":{\"quant_method\":\"x\"},\"torch_dtype\":\"float64\"",
        "\"architectures\":[\"GPT2Model\"],\"attn_implementation\":\"x\"",
    };
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        char json[512];
        pb_config *c = NULL;
        pb_error *error = NULL;
        snprintf(json, sizeof json, "{" LEAST ",%s}", more[i]);
        assert_ok(parse(json, &c, &error), &error);
        assert_int_equal(c->n_layer, 2);
        assert_int_equal(c->n_positions, 8);
        assert_int_equal(c->n_inner, 48);
        pb_config_destroy(&c);
    }
}

/* The defaults and other names of transformers' GPT2Config; of equal keys the last counts. */
static void test_other_names(void **state)
{
    (void)state;
    pb_config *c = NULL;
    pb_error *error = NULL;
    assert_ok(parse("{\"model_type\":\"gpt2\"}", &c, &error), &error);
    assert_int_equal(c->n_layer, 12);
    assert_int_equal(c->n_head, 12);
    assert_int_equal(c->n_embd, 768);
    assert_int_equal(c->n_positions, 1024);
    assert_int_equal(c->vocab_size, 50257);
    pb_config_destroy(&c);
    assert_ok(parse("{\"num_hidden_layers\":3,\"num_attention_heads\":5,\"hidden_size\":40,"
                    "\"max_position_embeddings\":9," LEAST ",\"vocab_size\":7}",
                    &c, &error),
              &error);
    assert_int_equal(c->n_layer, 3);
    assert_int_equal(c->n_head, 5);
    assert_int_equal(c->n_embd, 40);
    assert_int_equal(c->n_positions, 9);
    assert_int_equal(c->vocab_size, 7);
    pb_config_destroy(&c);
    static const double epsilons[] = {0.0, -1e-5, 1.5};
    for (size_t i = 0; i < 3; i++) {
        char json[256];
        snprintf(json, sizeof json, "{" LEAST ",\"layer_norm_epsilon\":%.9f}", epsilons[i]);
        assert_ok(parse(json, &c, &error), &error);
        assert_true(c->layer_norm_epsilon == epsilons[i]);
        pb_config_destroy(&c);
    }
}

/* Which tokens end a text: generation_config.json's come first, as in transformers' generate(). */
static void test_ends(void **state)
{
    static const struct {
        const char *generation;
        int32_t ends[2];
        size_t n;
    } rows[] = {
        {"{}", {1, 2}, 2},
        {"{\"eos_token_id\": 5}", {5}, 1},
        {"{\"eos_token_id\": [6, 7]}", {6, 7}, 2},
        {"{\"eos_token_id\": [\"x\", 6, -1, null]}", {6}, 1},
        {"{\"eos_token_id\": null}", {1, 2}, 2},
        {"not JSON", {1, 2}, 2},
    };
    scratch_text(*state, "config.json", "{" LEAST ",\"eos_token_id\":[1,2]}");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pb_config *c = NULL;
        pb_error *error = NULL;
        scratch_text(*state, "generation_config.json", rows[i].generation);
        assert_ok(pb_config_read(*state, pb_family_keys, &c, &error), &error);
        assert_int_equal(c->n_ends, rows[i].n);
        assert_memory_equal(c->ends, rows[i].ends, rows[i].n * sizeof *c->ends);
        pb_config_destroy(&c);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json, *part;
    } rows[] = {
        {"", "'config.json' is not valid JSON: line 1"},
        {"[]", "an object was expected"},
        {"{", "not valid JSON"},
        {"{" LEAST "} x", "not valid JSON"},
        {"{" SIZES "}", "model_type is missing"},
        {"{\"model_type\":2," SIZES "}", "model_type is 2, and a name"},
        {"{\"model_type\":\"gpt2\\u0000x\"," SIZES "}", "and a name was expected"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":0}", "n_layer is 0, and a whole number from 1"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":-1}", "n_layer is -1"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":2.0}", "n_layer is 2.0"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":\"2\"}", "n_layer is \"2\""},
        {"{\"model_type\":\"gpt2\",\"n_layer\":true}", "n_layer is true"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":[[1]]}", "n_layer is [[1]]"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":9223372036854775807}", "n_layer is 92233"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":92233720368547758070}",
         "n_layer is 92233720368547758070"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":2,\"n_head\":0}", "n_head is 0"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":2,\"n_head\":5,\"n_embd\":12,\"n_positions\":8,"
         "\"vocab_size\":3}",
         "n_embd is 12 and n_head is 5"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":2,\"n_head\":1,\"n_embd\":1,\"n_ctx\":0,"
         "\"vocab_size\":3}",
         "n_ctx is 0"},
        {"{" LEAST ",\"n_inner\":0}", "n_inner is 0"},
        {"{" LEAST ",\"layer_norm_epsilon\":\"1e-5\"}", "layer_norm_epsilon is \"1e-5\""},
        {"{" LEAST ",\"layer_norm_epsilon\":1e999}", "is 1e999, and a finite number"},
        {"{" LEAST ",\"layer_norm_epsilon\":1e39}", "is 1e39, and a finite number"},
        {"{" LEAST ",\"layer_norm_epsilon\":NaN}", "is NaN, and a finite number"},
        {"{" LEAST ",\"scale_attn_weights\":1}", "scale_attn_weights is 1, and true or false"},
        {"{" LEAST ",\"tie_word_embeddings\":\"no\"}", "tie_word_embeddings is \"no\""},
        {"{" LEAST ",\"activation_function\":{}}", "activation_function is {}"},
        {"{" LEAST ",\"n_inner\":\"éééééééééééééééééééééééééééééééééééééééééééé\"}", "...,"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pb_config *config = NULL;
        pb_error *error = NULL;
        assert_error(parse(rows[i].json, &config, &error), &error, PB_FORMAT, rows[i].part);
        assert_null(config);
    }
}

/* Whatever the alphabet says of them, and whatever sizes they give. */
static void test_unknown_families(void **state)
{
    (void)state;
    static const char *const types[] = {"bert", "gpt", "mamba", "zamba"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char json[256], said[128];
        snprintf(json, sizeof json, "{\"model_type\":\"%s\"," SIZES "}", types[i]);
        snprintf(said, sizeof said,
                 "models of type \"%s\", as model_type in 'config.json' has it, cannot be run; "
                 "expected \"gpt2\"",
                 types[i]);
        pb_config *config = NULL;
        pb_error *error = NULL;
        assert_error(parse(json, &config, &error), &error, PB_UNSUPPORTED, said);
        assert_null(config);
    }
}

static void test_deep_nesting(void **state)
{
    (void)state;
    char json[1 << 16];
    memset(json, '[', sizeof json);
    memcpy(json, "{\"a\":", 5);
    pb_config *config = NULL;
    pb_error *error = NULL;
    assert_error(pb_config_parse("config.json", json, sizeof json, pb_family_keys, &config, &error),
                 &error, PB_FORMAT, "not valid JSON");
}

static void test_no_file(void **state)
{
    pb_config *config = NULL;
    pb_error *error = NULL;
    assert_error(pb_config_read(*state, pb_family_keys, &config, &error), &error, PB_IO,
                 "config.json': No such");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_model),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_not_needed),
        cmocka_unit_test(test_other_names),
        cmocka_unit_test_setup_teardown(test_ends, scratch_set_up, scratch_tear_down),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_unknown_families),
        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test_setup_teardown(test_no_file, scratch_set_up, scratch_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
