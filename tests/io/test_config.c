/* config.json: what is read, what is filled in, and what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "io/config.h"
#include "scratch.h"

static void test_default_model(void **state)
{
    (void)state;
    pb_config *c = NULL;
    pb_error *error = NULL;
    assert_ok(pb_config_read("models/reviews-4m", &c, &error), &error);
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
    assert_false(c->scale_attn_by_inverse_layer_idx || c->reorder_and_upcast_attn);
    assert_int_equal(c->bos_token_id, 8191);
    assert_int_equal(c->eos_token_id, 8191);
    pb_config_destroy(&c);
    assert_null(c);
}

/* The least a file must say, with something put in behind it that may replace nothing. */
#define SIZES "\"n_layer\":2,\"n_head\":3,\"n_embd\":12,\"n_positions\":8,\"vocab_size\":300"
#define LEAST "\"model_type\":\"gpt2\"," SIZES

static pb_status parse(const char *json, pb_config **config, pb_error **error)
{
    return pb_config_parse("config.json", json, strlen(json), config, error);
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
    assert_int_equal(c->bos_token_id, PB_CONFIG_NO_TOKEN);
    assert_null(c->name_or_path);
    pb_config_destroy(&c);

    assert_ok(parse("{" LEAST ",\"n_inner\":20,\"tie_word_embeddings\":false,"
                    "\"activation_function\":\"relu\",\"_name_or_path\":\"gpt2\","
                    "\"layer_norm_epsilon\":0.001,\"eos_token_id\":0,\"bos_token_id\":null}",
                    &c, &error),
              &error);
    assert_int_equal(c->n_inner, 20);
    assert_false(c->tie_word_embeddings);
    assert_string_equal(c->activation_function, "relu");
    assert_string_equal(c->name_or_path, "gpt2");
    assert_int_equal(c->eos_token_id, 0);
    assert_int_equal(c->bos_token_id, PB_CONFIG_NO_TOKEN);
    pb_config_destroy(&c);

    assert_ok(parse("{\"model_type\":\"gpt2\",\"n_layer\":1,\"n_head\":1,\"n_embd\":1,"
                    "\"n_ctx\":77,\"vocab_size\":1}",
                    &c, &error),
              &error);
    assert_int_equal(c->n_positions, 77);
    pb_config_destroy(&c);

    assert_ok(parse("\xEF\xBB\xBF{" LEAST ",\"add_cross_attention\":true}", &c, &error), &error);
    assert_int_equal(c->n_layer, 2);
    assert_true(c->add_cross_attention);
    pb_config_destroy(&c);
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
        {"{" LEAST ",\"n_layer\":3}", "duplicate"},
        {"{" SIZES "}", "model_type is missing"},
        {"{\"model_type\":2," SIZES "}", "model_type is 2, and a string"},
        {"{\"model_type\":\"gpt2\"}", "n_layer is missing, and a whole number from 1 to"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":0}", "n_layer is 0, and a whole number from 1"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":-1}", "n_layer is -1"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":2.0}", "n_layer is 2.0"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":\"2\"}", "n_layer is \"2\""},
        {"{\"model_type\":\"gpt2\",\"n_layer\":true}", "n_layer is true"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":[[1]]}", "n_layer is [[1]]"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":9223372036854775807}", "n_layer is 92233"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":92233720368547758070}", "too big integer"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":2,\"n_head\":0}", "n_head is 0"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":2,\"n_head\":5,\"n_embd\":12,\"n_positions\":8,"
         "\"vocab_size\":3}",
         "n_embd is 12 and n_head is 5"},
        {"{\"model_type\":\"gpt2\",\"n_layer\":2,\"n_head\":1,\"n_embd\":1,\"n_ctx\":0,"
         "\"vocab_size\":3}",
         "n_ctx is 0"},
        {"{" LEAST ",\"n_inner\":0}", "n_inner is 0"},
        {"{" LEAST ",\"layer_norm_epsilon\":0}", "layer_norm_epsilon is 0, and a number between"},
        {"{" LEAST ",\"layer_norm_epsilon\":\"1e-5\"}", "layer_norm_epsilon is \"1e-5\""},
        {"{" LEAST ",\"layer_norm_epsilon\":1e999}", "not valid JSON"},
        {"{" LEAST ",\"layer_norm_epsilon\":NaN}", "not valid JSON"},
        {"{" LEAST ",\"scale_attn_weights\":1}", "scale_attn_weights is 1, and true or false"},
        {"{" LEAST ",\"tie_word_embeddings\":\"no\"}", "tie_word_embeddings is \"no\""},
        {"{" LEAST ",\"add_cross_attention\":1}", "add_cross_attention is 1, and true or false"},
        {"{" LEAST ",\"bos_token_id\":-2}", "bos_token_id is -2, and a token id"},
        {"{" LEAST ",\"eos_token_id\":[1]}", "eos_token_id is [1]"},
        {"{" LEAST ",\"activation_function\":{}}", "activation_function is {}"},
        {"{" LEAST ",\"_name_or_path\":1}", "_name_or_path is 1"},
        {"{" LEAST ",\"n_inner\":\"éééééééééééééééééééééééééééééééééééééééééééé\"}", "...,"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pb_config *config = NULL;
        pb_error *error = NULL;
        assert_error(parse(rows[i].json, &config, &error), &error, PB_FORMAT, rows[i].part);
        assert_null(config);
    }
}

/* Whatever the alphabet says of them. */
static void test_other_families(void **state)
{
    (void)state;
    static const char *const types[] = {"bert", "gpt", "gpt_neox", "llama"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char json[64], said[64];
        snprintf(json, sizeof json, "{\"model_type\":\"%s\"}", types[i]);
        snprintf(said, sizeof said, "of type \"%s\", which has no n_layer", types[i]);
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
    assert_error(pb_config_parse("config.json", json, sizeof json, &config, &error), &error,
                 PB_FORMAT, "not valid JSON");
}

static void test_no_file(void **state)
{
    pb_config *config = NULL;
    pb_error *error = NULL;
    assert_error(pb_config_read(*state, &config, &error), &error, PB_IO, "config.json': No such");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_model),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_other_families),
        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test_setup_teardown(test_no_file, scratch_set_up, scratch_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
