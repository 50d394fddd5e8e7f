/* The tokenizer's own ways: vocabularies that are refused, special cases, help for people. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/utf8.h"
#include "scratch.h"
#include "tokenizer/tokenizer.h"

static int open_default(void **state)
{
    return !pb_tokenizer_open("models/reviews-4m", (pb_tokenizer **)state, NULL) ? 0 : -1;
}

static int close_default(void **state)
{
    pb_tokenizer_destroy((pb_tokenizer **)state);
    return 0;
}

/* ---- text and tokens ---- */

static void assert_encodes(const pb_tokenizer *t, const char *text, size_t length,
                           pb_special special, const int32_t *expected, size_t n)
{
    int32_t *ids = NULL;
    size_t count = 0;
    pb_error *error = NULL;
    assert_ok(pb_tokenizer_encode(t, text, length, special, NULL, &ids, &count, &error), &error);
    assert_non_null(ids);
    assert_int_equal(count, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(ids[i], expected[i]);
    free(ids);
}

static void test_encode(void **state)
{
    const pb_tokenizer *t = *state;
    int32_t great = pb_tokenizer_find(t, " great", 6), end = pb_tokenizer_start(t);
    assert_int_equal(end, pb_tokenizer_count(t) - 1);
    assert_true(great >= 0);
    assert_encodes(t, "", 0, PB_SPECIAL_ALLOWED, NULL, 0);
    assert_encodes(t, " great great", 12, PB_SPECIAL_ALLOWED, (int32_t[]){great, great}, 2);
    assert_encodes(t, " great<|endoftext|>", 19, PB_SPECIAL_ALLOWED, (int32_t[]){great, end}, 2);
    int32_t *ids = NULL;
    size_t count = 0;
    assert_int_equal(
        pb_tokenizer_encode(t, "<|endoftext|>", 13, PB_SPECIAL_AS_TEXT, NULL, &ids, &count, NULL),
        PB_OK);
    assert_true(count > 1);
    for (size_t i = 0; i < count; i++)
        assert_int_not_equal(ids[i], end);
    free(ids);
    int32_t nul = pb_tokenizer_find(t, "", 1);
    assert_encodes(t, "\0", 1, PB_SPECIAL_ALLOWED, &nul, 1);
    assert_int_equal(pb_tokenizer_find(t, "", 0), PB_NO_TOKEN);
    assert_int_equal(pb_tokenizer_find(t, " greatest of all", 16), PB_NO_TOKEN);
    assert_int_equal(pb_tokenizer_find(t, "<|endoftext|>", 13), end);
}

static void test_invalid_text(void **state)
{
    static const struct {
        const char *text, *part;
    } rows[] = {{"a\xFF", "the byte 0xff at offset 1"},
                {"\xED\xA0\x80", "the byte 0xed at offset 0"},
                {"caf\xC3", "the byte 0xc3 at offset 3"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int32_t *ids;
        size_t count;
        pb_error *error = NULL;
        pb_status status = pb_tokenizer_encode(*state, rows[i].text, strlen(rows[i].text),
                                               PB_SPECIAL_ALLOWED, NULL, &ids, &count, &error);
        assert_error(status, &error, PB_VALUE, rows[i].part);
    }
}

static void test_decode(void **state)
{
    const pb_tokenizer *t = *state;
    pb_error *error = NULL;
    char *bytes;
    size_t length;
    assert_ok(pb_tokenizer_decode(t, NULL, 0, &bytes, &length, &error), &error);
    assert_string_equal(bytes, "");
    free(bytes);
    int32_t euro[] = {pb_tokenizer_find(t, "\xE2", 1), pb_tokenizer_find(t, "", 1)};
    assert_ok(pb_tokenizer_decode(t, euro, 2, &bytes, &length, &error), &error);
    assert_int_equal(length, 2);
    assert_memory_equal(bytes, "\xE2\0", 3);
    free(bytes);
    int32_t wrong = -1;
    assert_error(pb_tokenizer_decode(t, &wrong, 1, &bytes, &length, &error), &error, PB_RANGE,
                 "there is no token -1, only 0 to 8191");
    wrong = 8192;
    assert_error(pb_tokenizer_decode(t, &wrong, 1, &bytes, &length, &error), &error, PB_RANGE,
                 "there is no token 8192");
}

static void test_tokens(void **state)
{
    const pb_tokenizer *t = *state;
    size_t length, total = pb_tokenizer_count(t);
    for (size_t id = 0; id < total; id++) {
        const char *bytes = pb_tokenizer_bytes(t, (int32_t)id, &length);
        const char *label = pb_tokenizer_label(t, (int32_t)id);
        assert_true(length > 0);
        assert_int_equal(pb_tokenizer_find(t, bytes, length), id);
        assert_int_equal(pb_utf8_valid_prefix(label, strlen(label)), strlen(label));
        if (pb_utf8_valid_prefix(bytes, length) == length && !memchr(bytes, 0, length))
            assert_string_equal(label, bytes);
    }
    assert_string_equal(pb_tokenizer_label(t, pb_tokenizer_find(t, "\xE2", 1)), "\\xe2");
    assert_string_equal(pb_tokenizer_label(t, pb_tokenizer_find(t, "", 1)), "\\x00");
    assert_null(pb_tokenizer_label(t, -1));
    assert_null(pb_tokenizer_bytes(t, (int32_t)total, &length));
    assert_int_equal(length, 0);
}

/* ---- help ---- */

static void assert_hint(const pb_tokenizer *t, const char *text, const char *message,
                        const char *hint)
{
    int32_t id;
    pb_error *error = NULL;
    pb_status status = pb_tokenizer_need_one(t, text, strlen(text), &id, &error);
    if (hint)
        assert_non_null(strstr(pb_error_hint_text(error) ? pb_error_hint_text(error) : "", hint));
    else
        assert_null(pb_error_hint_text(error));
    assert_error(status, &error, PB_VALUE, message);
}

static void test_need_one(void **state)
{
    const pb_tokenizer *t = *state;
    int32_t id;
    pb_error *error = NULL;
    assert_ok(pb_tokenizer_need_one(t, " great", 6, &id, &error), &error);
    assert_int_equal(id, pb_tokenizer_find(t, " great", 6));
    assert_ok(pb_tokenizer_need_one(t, "<|endoftext|>", 13, &id, &error), &error);
    assert_int_equal(id, pb_tokenizer_start(t));

    assert_hint(
        t, " fantastically",
        "\" fantastically\" is 3 tokens, and one was expected: \" fant\" \"ast\" \"ically\"",
        "\" fantastic\"");
    assert_hint(t, "\xC2\xB7great", "is 3 tokens", "write \" great\"");
    assert_hint(t, " great ", "\" great \" is 2 tokens", "\" great\"");
    assert_hint(t, "  great", "is 2 tokens", "\" great\"");
    assert_hint(t, " Greatt", "2 tokens", "\" great\"");
    assert_hint(t, "", "\"\" is 0 tokens, and one was expected", NULL);
    assert_hint(t, "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "...", NULL);
}

static void test_need_one_refuses_invalid(void **state)
{
    int32_t id;
    pb_error *error = NULL;
    assert_error(pb_tokenizer_need_one(*state, "\xFF", 1, &id, &error), &error, PB_VALUE,
                 "not valid UTF-8");
}

static void assert_nearest(const pb_tokenizer *t, const char *text, const char *first)
{
    int32_t ids[4];
    size_t length, n = pb_tokenizer_nearest(t, text, strlen(text), ids, 4);
    assert_true(n >= 1 && n <= 4);
    assert_string_equal(pb_tokenizer_bytes(t, ids[0], &length), first);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(ids[i], ids[k]);
    }
}

static void test_nearest(void **state)
{
    const pb_tokenizer *t = *state;
    int32_t ids[4];
    assert_nearest(t, " grreat", " great");
    assert_nearest(t, " terible", " terrible");
    assert_nearest(t, " fantast", " fantastic");
    assert_nearest(t, "   movie", " movie");
    assert_int_equal(pb_tokenizer_nearest(t, "", 0, ids, 4), 0);
    assert_int_equal(pb_tokenizer_nearest(t, "   ", 3, ids, 4), 0);
    assert_int_equal(pb_tokenizer_nearest(t, " movie\0", 7, ids, 4), 0);
    assert_int_equal(pb_tokenizer_nearest(t, " movie", 6, ids, 0), 0);
}

/* ---- vocabularies ---- */

/* A vocabulary of all byte symbols, `more` behind them. Ids 0 to 255 are the bytes. */
static char *vocab_with(const char *more)
{
    pb_buffer json = PB_BUFFER_EMPTY;
    unsigned next = 0x100;
    pb_buffer_byte(&json, '{');
    for (unsigned byte = 0; byte < 256; byte++) {
        bool itself = (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte != 0xAD);
        pb_buffer_format(&json, "%s\"\\u%04x\":%u", byte ? "," : "", itself ? byte : next++, byte);
    }
    pb_buffer_format(&json, "%s}", more);
    char *text = pb_buffer_take(&json);
    assert_non_null(text);
    return text;
}

static pb_status parse(const char *more, const char *merges, size_t n_merges, pb_tokenizer **t,
                       pb_error **error)
{
    char *vocab = vocab_with(more);
    pb_status status = pb_tokenizer_parse("vocab.json", vocab, strlen(vocab), "merges.txt", merges,
                                          n_merges, t, error);
    free(vocab);
    return status;
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *more, *merges, *part;
    } rows[] = {
        {",\"ab\":-1", "", "token 'ab' has id -1"},
        {",\"ab\":99999999", "", "token 'ab' has id 99999999, and a whole number from 0 to"},
        {",\"ab\":66050", "", "and a whole number from 0 to 66049"}, /* of 257 tokens */
        {",\"ab\":1.0", "", "token 'ab' has id 1.0"},
        {",\"ab\":\"256\"", "", "token 'ab' has id \"256\""},
        {",\"ab\":null", "", "token 'ab' has id null"},
        {",\"ab\":256", "a b c", "'merges.txt', line 1: 'a b c' was found, and two pieces"},
        {",\"ab\":256", "#version: 0.2\nab", "line 2: 'ab'"},
        {",\"ab\":256", "a b\n b\n", "line 2: ' b'"},
        {",\"ab\":256", "a \n", "line 1: 'a '"},
        {",\"ab\":256", "a b\na c", "line 2: 'a c' was found, and two pieces that are tokens"},
        {",\"ab\":256", "a abc", "two pieces that are tokens"},
        {",\"ab\":256", "x\xFF y", "two pieces that are tokens"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pb_tokenizer *t = NULL;
        pb_error *error = NULL;
        pb_status status = parse(rows[i].more, rows[i].merges, strlen(rows[i].merges), &t, &error);
        assert_error(status, &error, PB_FORMAT, rows[i].part);
        assert_null(t);
    }
}

static void test_refused_bytes(void **state)
{
    (void)state;
    pb_tokenizer *t = NULL;
    pb_error *error = NULL;
    assert_error(parse(",\"ab\":256", "a\0b b", 5, &t, &error), &error, PB_FORMAT, "line 1");
    assert_error(pb_tokenizer_parse("v", "{}", 2, "m", "", 0, &t, &error), &error, PB_FORMAT,
                 "'v' has no tokens");
    assert_error(pb_tokenizer_parse("v", "", 0, "m", "", 0, &t, &error), &error, PB_FORMAT,
                 "'v' is not valid JSON");
}

static void test_no_files(void **state)
{
    pb_tokenizer *t = NULL;
    pb_error *error = NULL;
    assert_error(pb_tokenizer_open(*state, &t, &error), &error, PB_IO, "vocab.json': No such");
    scratch_text(*state, "vocab.json", "{}");
    assert_error(pb_tokenizer_open(*state, &t, &error), &error, PB_IO, "merges.txt': No such");
}

/* ---- tokenizer.json, and tokens added later ---- */

/* A tokenizer.json of all bytes and "ab", with parts of the caller's. */
static char *tokenizer_json(const char *pre_tokenizer, const char *model, const char *merges,
                            const char *added)
{
    char *vocab = vocab_with(",\"ab\":256,\"abab\":257");
    pb_buffer json = PB_BUFFER_EMPTY;
    pb_buffer_format(&json,
                     "{\"version\": \"1.0\", \"normalizer\": null, \"pre_tokenizer\": %s,"
                     " \"model\": {%s\"vocab\": %s, \"merges\": %s}, \"added_tokens\": %s}",
                     pre_tokenizer, model, vocab, merges, added);
    free(vocab);
    char *text = pb_buffer_take(&json);
    assert_non_null(text);
    return text;
}

static const char byte_level[] = "{\"type\": \"ByteLevel\", \"add_prefix_space\": false}";
static const char two_merges[] = "[[\"a\", \"b\"], [\"ab\", \"ab\"]]";
static const char end_added[] = "[{\"id\": 258, \"content\": \"<|endoftext|>\"}]";

static void test_one_file(void **state)
{
    static const char *const merges[] = {two_merges, "[\"a b\", \"ab ab\"]"};
    for (size_t i = 0; i < 2; i++) {
        char *json = tokenizer_json(byte_level, "\"type\": \"BPE\", ", merges[i], end_added);
        pb_tokenizer *t = NULL;
        pb_error *error = NULL;
        scratch_text(*state, "tokenizer.json", json);
        assert_ok(pb_tokenizer_open(*state, &t, &error), &error);
        assert_int_equal(pb_tokenizer_count(t), 259);
        assert_int_equal(pb_tokenizer_start(t), 258);
        assert_encodes(t, "ababab<|endoftext|>c", 20, PB_SPECIAL_ALLOWED,
                       (int32_t[]){257, 256, 258, 'c'}, 4);
        pb_tokenizer_destroy(&t);
        free(json);
    }
}

static void test_one_file_refused(void **state)
{
    (void)state;
    static const struct {
        const char *pre_tokenizer, *model, *merges, *added;
        pb_status status;
        const char *part;
    } rows[] = {
        {"null", "", "[]", "[]", PB_UNSUPPORTED,
         "its pre_tokenizer.type is missing, and \"ByteLevel\" was expected"},
        {"{\"type\": \"Whitespace\"}", "", "[]", "[]", PB_UNSUPPORTED, "is \"Whitespace\""},
        {"{\"type\": \"ByteLevel\", \"add_prefix_space\": 1}", "", "[]", "[]", PB_FORMAT,
         "pre_tokenizer.add_prefix_space is 1, and true or false was expected"},
        {byte_level, "\"type\": \"WordPiece\", ", "[]", "[]", PB_UNSUPPORTED, "\"WordPiece\""},
        {byte_level, "\"dropout\": 0.1, ", "[]", "[]", PB_UNSUPPORTED, "dropout is 0.1"},
        {byte_level, "", "{}", "[]", PB_FORMAT, "model.merges is {}"},
        {byte_level, "", "[[\"a\"]]", "[]", PB_FORMAT, "a merge is [\"a\"]"},
        {byte_level, "", "[[\"a\", \"b c\"]]", "[]", PB_FORMAT, "two pieces that are tokens"},
        {byte_level, "", "[\"a b\\n\"]", "[]", PB_FORMAT, "two pieces that are tokens"},
        {byte_level, "", "[7]", "[]", PB_FORMAT, "a merge is 7"},
        {byte_level, "", "[[\"a\", \"c\"]]", "[]", PB_FORMAT,
         "t.json: merges', line 1: '[\"a\",\"c\"]'"},
        {byte_level, "", "[]", "[{\"id\": 3}]", PB_FORMAT, "an added token is {\"id\":3}"},
        {byte_level, "", "[]", "[7]", PB_FORMAT, "an added token is 7"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *json =
            tokenizer_json(rows[i].pre_tokenizer, rows[i].model, rows[i].merges, rows[i].added);
        pb_tokenizer *t = NULL;
        pb_error *error = NULL;
        pb_status status = pb_tokenizer_parse_json("t.json", json, strlen(json), &t, &error);
        assert_error(status, &error, rows[i].status, rows[i].part);
        assert_null(t);
        free(json);
    }
    pb_tokenizer *t = NULL;
    pb_error *error = NULL;
    static const char bare[] = "{\"pre_tokenizer\": {\"type\": \"ByteLevel\", "
                               "\"add_prefix_space\": false}, \"model\": {\"merges\": []}}";
    assert_error(pb_tokenizer_parse_json("t.json", bare, strlen(bare), &t, &error), &error,
                 PB_FORMAT, "model.vocab is missing");
}

/* Tokens that pad are in no text, and no help names them. */
static void test_padding(void **state)
{
    (void)state;
    pb_tokenizer *t = NULL;
    pb_error *error = NULL;
    int32_t near[4];
    assert_ok(parse(",\"ab\":256,\"<|endoftext|>\":258", "a b\n", 4, &t, &error), &error);
    assert_int_equal(pb_tokenizer_count(t), 259);
    assert_string_equal(pb_tokenizer_label(t, 257), "<|257|>"); /* a gap */
    assert_int_equal(pb_tokenizer_find(t, "<|257|>", 7), PB_NO_TOKEN);
    assert_ok(pb_tokenizer_fit(t, 262, &error), &error);
    assert_int_equal(pb_tokenizer_count(t), 262);
    assert_int_equal(pb_tokenizer_words(t), 259);
    assert_string_equal(pb_tokenizer_label(t, 261), "<|261|>");
    assert_int_equal(pb_tokenizer_find(t, "<|261|>", 7), PB_NO_TOKEN);
    size_t n = pb_tokenizer_nearest(t, "<|258|>", 7, near, 4);
    for (size_t i = 0; i < n; i++)
        assert_true(near[i] < 257 || near[i] == 258);
    assert_encodes(t, "ab", 2, PB_SPECIAL_ALLOWED, (int32_t[]){256}, 1);
    pb_tokenizer_destroy(&t);
}

static void assert_notes(const pb_tokenizer *t, const char *expected)
{
    pb_buffer notes = PB_BUFFER_EMPTY;
    pb_tokenizer_notes(t, &notes);
    assert_string_equal(notes.data ? notes.data : "", expected);
    pb_buffer_free(&notes);
}

/* A model with fewer rows than its vocabulary has tokens is loaded by transformers, and fails where
 * a text has one of them. */
static void test_fewer_rows(void **state)
{
    (void)state;
    pb_tokenizer *t = NULL;
    pb_error *error = NULL;
    int32_t *ids = NULL;
    size_t count;
    assert_ok(parse(",\"ab\":256,\"cd\":257,\"<|endoftext|>\":258", "a b\nc d\n", 8, &t, &error),
              &error);
    assert_ok(pb_tokenizer_fit(t, 257, &error), &error);
    assert_int_equal(pb_tokenizer_count(t), 257);
    assert_int_equal(pb_tokenizer_words(t), 257);
    assert_int_equal(pb_tokenizer_start(t), PB_NO_TOKEN);
    assert_int_equal(pb_tokenizer_find(t, "cd", 2), PB_NO_TOKEN);
    assert_encodes(t, "ab", 2, PB_SPECIAL_ALLOWED, (int32_t[]){256}, 1);
    assert_error(pb_tokenizer_encode(t, "abcd", 4, PB_SPECIAL_ALLOWED, NULL, &ids, &count, &error),
                 &error, PB_VALUE,
                 "the token 'cd', whose id is 257, and the model has rows for the tokens 0 to 256");
    assert_notes(t, "2 tokens of the vocabulary have no row in the embedding and cannot be used: "
                    "\"cd\" ...\n");
    pb_tokenizer_destroy(&t);
}

/* transformers' GPT2Tokenizer adds <|endoftext|> to a vocabulary that lacks it; without a row for
 * it, it is text. */
static void test_implied_end(void **state)
{
    (void)state;
    for (size_t rows = 257; rows <= 258; rows++) {
        pb_tokenizer *t = NULL;
        pb_error *error = NULL;
        int32_t *ids = NULL;
        size_t count = 0;
        assert_ok(parse(",\"ab\":256", "a b\n", 4, &t, &error), &error);
        assert_ok(pb_tokenizer_fit(t, rows, &error), &error);
        assert_int_equal(pb_tokenizer_start(t), rows == 258 ? 257 : PB_NO_TOKEN);
        assert_ok(pb_tokenizer_encode(t, "<|endoftext|>", 13, PB_SPECIAL_ALLOWED, NULL, &ids,
                                      &count, &error),
                  &error);
        assert_int_equal(count, rows == 258 ? 1 : 13);
        assert_notes(t, "");
        free(ids);
        pb_tokenizer_destroy(&t);
    }
}

/* What keeps no text from being read, and is said: vocabularies that transformers loads. */
static void test_odd_vocabularies(void **state)
{
    (void)state;
    pb_tokenizer *t = NULL;
    pb_error *error = NULL;
    int32_t *ids = NULL;
    size_t count;
    /* merges.txt that was cut at the end of a line */
    assert_ok(parse(",\"ab\":256,\"cd\":257,\"abcd\":258", "a b\n", 4, &t, &error), &error);
    assert_encodes(t, "abcd", 4, PB_SPECIAL_ALLOWED, (int32_t[]){256, 'c', 'd'}, 3);
    assert_notes(t, "2 tokens of the vocabulary are made by no merge, so that no text has them: "
                    "\"cd\" ...\n");
    pb_tokenizer_destroy(&t);
    /* two names of one token: the first is shown, both are read */
    assert_ok(parse(",\"ab\":256,\"cd\":256", "a b\nc d", 7, &t, &error), &error);
    assert_encodes(t, "abcd", 4, PB_SPECIAL_ALLOWED, (int32_t[]){256, 256}, 2);
    assert_string_equal(pb_tokenizer_label(t, 256), "ab");
    pb_tokenizer_destroy(&t);
    /* bytes without tokens, which transformers drops from the text without a word */
    assert_ok(pb_tokenizer_parse("v", "{\"a\":0,\"\\u0000\":1}", 18, "m", "", 0, &t, &error),
              &error);
    assert_encodes(t, "aa", 2, PB_SPECIAL_ALLOWED, (int32_t[]){0, 0}, 2);
    assert_error(pb_tokenizer_encode(t, "ab", 2, PB_SPECIAL_ALLOWED, NULL, &ids, &count, &error),
                 &error, PB_VALUE, "has no token for the byte 0x62, which the text has");
    assert_string_equal(pb_tokenizer_label(t, 1), "\\x00");
    pb_tokenizer_destroy(&t);
}

static void test_added_tokens_file(void **state)
{
    char *vocab = vocab_with(",\"ab\":256");
    pb_tokenizer *t = NULL;
    pb_error *error = NULL;
    scratch_text(*state, "vocab.json", vocab);
    scratch_text(*state, "merges.txt", "a b\n");
    scratch_text(*state, "added_tokens.json", "{\"[PAD]\": 300}"); /* gets the next id */
    assert_ok(pb_tokenizer_open(*state, &t, &error), &error);
    assert_int_equal(pb_tokenizer_count(t), 259);
    assert_string_equal(pb_tokenizer_label(t, 257), "[PAD]");
    assert_notes(t, "\"[PAD]\" is a token wherever a text has it.\n");
    pb_tokenizer_destroy(&t);
    scratch_text(*state, "added_tokens.json", "{\"[PAD]\": \"x\"}");
    assert_error(pb_tokenizer_open(*state, &t, &error), &error, PB_FORMAT,
                 "added_tokens.json': an added token has id \"x\"");
    scratch_text(*state, "added_tokens.json", "[");
    assert_error(pb_tokenizer_open(*state, &t, &error), &error, PB_FORMAT, "added_tokens.json");
    scratch_text(*state, "added_tokens.json", "{}");
    scratch_text(*state, "tokenizer_config.json", "{\"bos_token\": 1}");
    assert_error(pb_tokenizer_open(*state, &t, &error), &error, PB_FORMAT,
                 "tokenizer_config.json': an added token is 1");
    scratch_text(*state, "tokenizer_config.json", "{\"added_tokens_decoder\": {\"x\": {}}}");
    assert_error(pb_tokenizer_open(*state, &t, &error), &error, PB_FORMAT,
                 "an added token has id \"x\", and a whole number");
    scratch_text(*state, "tokenizer_config.json", "{}");
    scratch_text(*state, "tokenizer.json", "not JSON, and read before the two others");
    assert_error(pb_tokenizer_open(*state, &t, &error), &error, PB_FORMAT,
                 "tokenizer.json' is not valid JSON");
    free(vocab);
}

/* Twice as many tokens take some twice the time, whatever the machine. */
static double seconds_to_parse(size_t n)
{
    pb_buffer more = PB_BUFFER_EMPTY;
    for (size_t i = 256; i < n; i++)
        pb_buffer_format(&more, ",\"t%zux\":%zu", i, i);
    char *vocab = vocab_with(more.data);
    double best = 1e9;
    for (int turn = 0; turn < 3; turn++) {
        pb_tokenizer *t = NULL;
        pb_error *error = NULL;
        clock_t start = clock();
        assert_ok(pb_tokenizer_parse("v", vocab, strlen(vocab), "m", "", 0, &t, &error), &error);
        double took = (double)(clock() - start) / CLOCKS_PER_SEC;
        assert_int_equal(pb_tokenizer_count(t), n + 1);
        pb_tokenizer_destroy(&t);
        best = took < best ? took : best;
    }
    pb_buffer_free(&more);
    free(vocab);
    return best;
}

static void test_many_tokens(void **state)
{
    (void)state;
    double few = seconds_to_parse(10000), many = seconds_to_parse(80000);
    assert_true(many < 8 * 4 * few + 0.05);
}

/* Orders that a trained vocabulary never shows: a later pair that ranks before the one that made
 * it, two ways to one token, the last of equal lines. */
static void test_merge_order(void **state)
{
    (void)state;
    static const char more[] =
        ",\"ab\":256,\"bc\":257,\"abc\":258,\"aa\":259,\"aaa\":260,\"cd\":261";
    static const struct {
        const char *merges, *text;
        int32_t ids[4];
        size_t n;
    } rows[] = {
        {"b c\na b\n", "abc", {'a', 257}, 2},
        {"a b\nb c\n", "abc", {256, 'c'}, 2},
        {"a b\nb c\na bc\nab c\n", "abc", {258}, 1},
        {"b c\na bc\nab c\na b\n", "abc", {258}, 1},
        {"aa a\na a\n", "aaaaa", {260, 259}, 2}, /* the pair that is made ranks before its maker */
        {"a a\naa a\n", "aaaaa", {259, 260}, 2},
        {"a b\nb c\na b\n", "abc", {'a', 257}, 2}, /* the last "a b" counts, and ranks last */
        {"#version: 0.2\r\na b\r\n\r\n", "ab", {256}, 1},
        {"", "ab", {'a', 'b'}, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pb_tokenizer *t = NULL;
        pb_error *error = NULL;
        assert_ok(parse(more, rows[i].merges, strlen(rows[i].merges), &t, &error), &error);
        assert_encodes(t, rows[i].text, strlen(rows[i].text), PB_SPECIAL_ALLOWED, rows[i].ids,
                       rows[i].n);
        pb_tokenizer_destroy(&t);
    }
}

/* Added tokens may hold characters that stand for no byte: they are then their own text. */
static void test_added_tokens(void **state)
{
    (void)state;
    pb_tokenizer *t = NULL;
    pb_error *error = NULL;
    assert_ok(parse(",\"<|pad it|>\":256,\" \":257", "", 0, &t, &error), &error);
    assert_int_equal(pb_tokenizer_find(t, "<|pad it|>", 10), 256);
    assert_int_equal(pb_tokenizer_find(t, " ", 1), 32); /* the lower of two that are the same */
    assert_string_equal(pb_tokenizer_label(t, 257), " ");
    pb_tokenizer_destroy(&t);
}

/* ---- stopping ---- */

static void test_stopped(void **state)
{
    atomic_bool stop = true;
    const pb_watch watch = {.stop = &stop};
    static const char *const texts[] = {"I love this movie", "aaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int32_t *ids = NULL;
        size_t count = 0;
        pb_error *error = NULL;
        pb_status status = pb_tokenizer_encode(*state, texts[i], strlen(texts[i]),
                                               PB_SPECIAL_ALLOWED, &watch, &ids, &count, &error);
        assert_error(status, &error, PB_INTERRUPTED, "you stopped this");
        assert_null(ids);
    }
}

/* ---- threads ---- */

static void *encode_often(void *tokenizer)
{
    static const char text[] = "I love this movie because it is great. \xF0\x9F\x98\x80 Don't!";
    for (int i = 0; i < 200; i++) {
        int32_t *ids;
        size_t count;
        if (pb_tokenizer_encode(tokenizer, text, sizeof text - 1, PB_SPECIAL_ALLOWED, NULL, &ids,
                                &count, NULL))
            return NULL;
        free(ids);
    }
    return tokenizer;
}

static void test_threads(void **state)
{
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, encode_often, *state), 0);
    for (size_t i = 0; i < 4; i++) {
        void *done;
        pthread_join(threads[i], &done);
        assert_ptr_equal(done, *state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode),   cmocka_unit_test(test_invalid_text),
        cmocka_unit_test(test_decode),   cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_need_one), cmocka_unit_test(test_need_one_refuses_invalid),
        cmocka_unit_test(test_nearest),  cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_threads),
    };
    const struct CMUnitTest vocabularies[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_refused_bytes),
        cmocka_unit_test_setup_teardown(test_no_files, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_one_file, scratch_set_up, scratch_tear_down),
        cmocka_unit_test(test_one_file_refused),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_fewer_rows),
        cmocka_unit_test(test_implied_end),
        cmocka_unit_test(test_odd_vocabularies),
        cmocka_unit_test(test_many_tokens),
        cmocka_unit_test_setup_teardown(test_added_tokens_file, scratch_set_up, scratch_tear_down),
        cmocka_unit_test(test_merge_order),
        cmocka_unit_test(test_added_tokens),
    };
    return cmocka_run_group_tests_name("use", tests, open_default, close_default) +
           cmocka_run_group_tests_name("vocabularies", vocabularies, NULL, NULL);
}
