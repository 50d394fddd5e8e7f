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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tokenizer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
