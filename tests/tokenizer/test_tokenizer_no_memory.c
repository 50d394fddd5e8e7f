/* A tokenizer with memory that runs out: PB_MEMORY, nothing leaked, nothing half-made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "failing_memory.h"
#include "scratch.h"
#include "tokenizer/tokenizer.h"

/* Ends the error. True for PB_OK; anything else but PB_MEMORY is a fault of the test. */
static bool is_done(pb_status status, pb_error *error)
{
    if (status != (error ? pb_error_code(error) : PB_OK) || (status && status != PB_MEMORY)) {
        print_error("%s: %s\n", pb_status_name(status), pb_error_text(error));
        abort();
    }
    pb_error_destroy(&error);
    return !status;
}

/* Bytes alone, which is enough to fail everywhere, and two merges. */
static char *vocabulary(void)
{
    pb_buffer json = PB_BUFFER_EMPTY;
    unsigned next = 0x100;
    for (unsigned byte = 0; byte < 256; byte++) {
        bool itself = (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte != 0xAD);
        pb_buffer_format(&json, "%s\"\\u%04x\":%u", byte ? "," : "{", itself ? byte : next++, byte);
    }
    pb_buffer_text(&json, ",\"ab\":256,\"abab\":257}");
    return pb_buffer_take(&json);
}

static bool open_tokenizer(void *vocab)
{
    static const char merges[] = "a b\nab ab\n";
    pb_tokenizer *tokenizer = NULL;
    pb_error *error = NULL;
    pb_status status = pb_tokenizer_parse("vocab.json", vocab, strlen(vocab), "merges.txt", merges,
                                          strlen(merges), &tokenizer, &error);
    pb_tokenizer_destroy(&tokenizer);
    return is_done(status, error);
}

static bool open_tokenizer_json(void *vocab)
{
    pb_buffer json = PB_BUFFER_EMPTY;
    pb_buffer_format(&json,
                     "{\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false}, "
                     "\"added_tokens\": [{\"id\": 258, \"content\": \"x y\"}], "
                     "\"model\": {\"merges\": [[\"a\", \"b\"], \"ab ab\"], \"vocab\": %s}}",
                     (const char *)vocab);
    if (json.failed)
        return false;
    pb_tokenizer *tokenizer = NULL;
    pb_error *error = NULL;
    pb_status status =
        pb_tokenizer_parse_json("tokenizer.json", json.data, json.length, &tokenizer, &error);
    pb_buffer_free(&json);
    pb_tokenizer_destroy(&tokenizer);
    return is_done(status, error);
}

/* Of both kinds; encoding a text, too, whose characters are changed on the way. */
static bool open_gguf(void *path)
{
    static const char text[] = "ab abc  e\xCC\x81<s> 12";
    pb_tokenizer *tokenizer = NULL;
    pb_error *error = NULL;
    int32_t *ids = NULL;
    size_t count;
    pb_status status = pb_tokenizer_open(path, &tokenizer, &error);
    if (!status)
        status = pb_tokenizer_encode(tokenizer, text, strlen(text), PB_SPECIAL_ALLOWED, NULL, &ids,
                                     &count, &error);
    free(ids);
    pb_tokenizer_destroy(&tokenizer);
    return is_done(status, error);
}

/* A folder in which everything that is read is there. */
static bool open_folder(void *folder)
{
    pb_tokenizer *tokenizer = NULL;
    pb_error *error = NULL;
    pb_buffer notes = PB_BUFFER_EMPTY;
    pb_status status = pb_tokenizer_open(folder, &tokenizer, &error);
    if (!status)
        status = pb_tokenizer_fit(tokenizer, 400, &error);
    if (!status)
        pb_tokenizer_notes(tokenizer, &notes); /* which may be cut short */
    pb_buffer_free(&notes);
    pb_tokenizer_destroy(&tokenizer);
    return is_done(status, error);
}

static bool encode_and_decode(void *tokenizer)
{
    static const char text[] = "I love this movie. I hate this other movie, unbelievably.";
    int32_t *ids = NULL;
    size_t count = 0, length = 0;
    char *back = NULL;
    pb_error *error = NULL;
    pb_status status = pb_tokenizer_encode(tokenizer, text, strlen(text), PB_SPECIAL_ALLOWED, NULL,
                                           &ids, &count, &error);
    if (!status)
        status = pb_tokenizer_decode(tokenizer, ids, count, &back, &length, &error);
    free(ids);
    free(back);
    return is_done(status, error);
}

static void test_tokenizer(void **state)
{
    (void)state;
    char *vocab = vocabulary();
    pb_tokenizer *tokenizer = NULL;
    assert_non_null(vocab);
    assert_survives_failing_memory(open_tokenizer, vocab, 2000);
    assert_survives_failing_memory(open_tokenizer_json, vocab, 4000);
    free(vocab);
    assert_int_equal(pb_tokenizer_open("models/reviews-4m", &tokenizer, NULL), PB_OK);
    assert_survives_failing_memory(encode_and_decode, tokenizer, 1000);
    pb_tokenizer_destroy(&tokenizer);
}

static void test_gguf(void **state)
{
    (void)state;
    char words[] = "tests/golden/gguf-words.gguf", pieces[] = "tests/golden/gguf-pieces.gguf";
    assert_survives_failing_memory(open_gguf, words, 2000);
    assert_survives_failing_memory(open_gguf, pieces, 2000);
}

static void test_folder(void **state)
{
    static const char settings[] =
        "{\"add_prefix_space\": true, \"bos_token\": {\"content\": \"<s>\", \"lstrip\": true},"
        " \"extra_special_tokens\": [\"x\"], \"image_token\": \"y\"}";
    char *vocab = vocabulary();
    pb_buffer json = PB_BUFFER_EMPTY;
    pb_tokenizer *tokenizer = NULL;
    assert_non_null(vocab);
    scratch_text(*state, "tokenizer_config.json", settings);
    scratch_text(*state, "special_tokens_map.json", "{\"pad_token\": \"[PAD]\"}");
    scratch_text(*state, "added_tokens.json", "{\"z\": 300}");
    scratch_text(*state, "vocab.json", vocab);
    scratch_text(*state, "merges.txt", "a b\nab ab\n");
    assert_survives_failing_memory(open_folder, *state, 4000);
    pb_buffer_format(
        &json,
        "{\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": true}, "
        "\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}, "
        "{\"type\": \"Lowercase\"}, {\"type\": \"Prepend\", \"prepend\": \"_\"}]}, "
        "\"added_tokens\": [{\"id\": 258, \"content\": \"movie\", \"normalized\": true}], "
        "\"model\": {\"merges\": [[\"a\", \"b\"], \"ab ab\"], \"vocab\": %s}}",
        vocab);
    free(vocab);
    assert_false(json.failed);
    scratch_text(*state, "tokenizer.json", json.data);
    pb_buffer_free(&json);
    assert_survives_failing_memory(open_folder, *state, 4000);
    assert_int_equal(pb_tokenizer_open(*state, &tokenizer, NULL), PB_OK);
    assert_survives_failing_memory(encode_and_decode, tokenizer, 1000);
    pb_tokenizer_destroy(&tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokenizer),
        cmocka_unit_test(test_gguf),
        cmocka_unit_test_setup_teardown(test_folder, scratch_set_up, scratch_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
