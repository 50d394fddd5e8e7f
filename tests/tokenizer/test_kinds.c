/*
 * Kinds of tokenizers: what each says of itself, how pieces write spaces, what a GGUF file holds,
 * and refusals, each of which names the part that is not known. That they are exact is for
 * test_tokenizer_golden.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "io/file.h"
#include "scratch.h"
#include "tokenizer/tokenizer.h"

static void assert_ids(const pb_tokenizer *t, const char *text, const int32_t *expected, size_t n)
{
    int32_t *ids = NULL;
    size_t count = 0;
    pb_error *error = NULL;
    assert_ok(
        pb_tokenizer_encode(t, text, strlen(text), PB_SPECIAL_ALLOWED, NULL, &ids, &count, &error),
        &error);
    assert_int_equal(count, n);
    assert_memory_equal(ids, expected, n * sizeof *ids);
    free(ids);
}

#define ASSERT_IDS(t, text, ...)                                                                   \
    assert_ids(t, text, (const int32_t[]){__VA_ARGS__},                                            \
               sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

/* ---- pieces, from a tokenizer.json ---- */

/* {"<0x00>": 0, ..., and then a few pieces. */
static char *pieces_json(const char *pre_tokenizer, const char *normalizer, const char *model)
{
    static const char *const pieces[] = {"\xE2\x96\x81", "a", "b",
                                         "\xE2\x96\x81"
                                         "a"};
    pb_buffer json = PB_BUFFER_EMPTY;
    pb_buffer_format(&json,
                     "{\"pre_tokenizer\": %s, \"normalizer\": %s, \"added_tokens\": [{\"id\": 260, "
                     "\"content\": \"<s>\", \"special\": true, \"normalized\": false}], \"model\": "
                     "{%s\"merges\": [\"\xE2\x96\x81 a\"], \"vocab\": {",
                     pre_tokenizer, normalizer, model);
    for (unsigned byte = 0; byte < 256; byte++)
        pb_buffer_format(&json, "\"<0x%02X>\": %u, ", byte, byte);
    for (unsigned i = 0; i < 4; i++)
        pb_buffer_format(&json, "\"%s\": %u%s", pieces[i], 256 + i, i < 3 ? ", " : "}}}");
    char *text = pb_buffer_take(&json);
    assert_non_null(text);
    return text;
}

static pb_tokenizer *pieces(const char *pre_tokenizer, const char *normalizer)
{
    pb_tokenizer *t = NULL;
    pb_error *error = NULL;
    char *json = pieces_json(pre_tokenizer, normalizer, "\"byte_fallback\": true, ");
    assert_ok(pb_tokenizer_parse_json("t.json", json, strlen(json), &t, &error), &error);
    free(json);
    return t;
}

#define METASPACE(more) "{\"type\": \"Metaspace\", \"replacement\": \"\xE2\x96\x81\"" more "}"

enum { SIGN = 256, A, B, SIGN_A, START };

static void test_schemes(void **state)
{
    (void)state;
    pb_tokenizer *t =
        pieces(METASPACE(", \"prepend_scheme\": \"first\", \"split\": false"), "null");
    ASSERT_IDS(t, "a b", SIGN_A, SIGN, B);
    ASSERT_IDS(t, " a", SIGN_A);
    ASSERT_IDS(t, "<s>a", START, A);
    ASSERT_IDS(t, "a<s>a", SIGN_A, START, A);
    pb_tokenizer_destroy(&t);
    t = pieces(METASPACE(", \"prepend_scheme\": \"always\", \"split\": false"), "null");
    ASSERT_IDS(t, "a<s>a", SIGN_A, START, SIGN_A);
    ASSERT_IDS(t, "a  a", SIGN_A, SIGN, SIGN_A);
    pb_tokenizer_destroy(&t);
    t = pieces(METASPACE(", \"prepend_scheme\": \"never\""), "null");
    ASSERT_IDS(t, "a a", A, SIGN_A);
    pb_tokenizer_destroy(&t);
    t = pieces(METASPACE(", \"add_prefix_space\": false"), "null");
    ASSERT_IDS(t, "a", A);
    pb_tokenizer_destroy(&t);
    t = pieces("null", "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Prepend\", "
                       "\"prepend\": \"\xE2\x96\x81\"}, {\"type\": \"Replace\", \"pattern\": "
                       "{\"String\": \" \"}, \"content\": \"\xE2\x96\x81\"}]}");
    ASSERT_IDS(t, " a<s>a", SIGN, SIGN_A, START, SIGN_A);
    pb_tokenizer_destroy(&t);
}

/* A character without a token is its bytes; a text is shown as it is. */
static void test_pieces(void **state)
{
    (void)state;
    pb_tokenizer *t = pieces("null", "null");
    int32_t id = 0;
    pb_error *error = NULL;
    ASSERT_IDS(t, "a\xC3\xA9\nb", A, 0xC3, 0xA9, '\n', B);
    assert_string_equal(pb_tokenizer_label(t, SIGN_A), " a");
    assert_string_equal(pb_tokenizer_label(t, 0xC3), "\\xc3");
    assert_int_equal(pb_tokenizer_find(t, " a", 2), SIGN_A);
    assert_int_equal(pb_tokenizer_find(t, "a", 1), A); /* before <0x61> */
    assert_int_equal(pb_tokenizer_find(t, "\n", 1), '\n');
    pb_tokenizer_destroy(&t);
    t = pieces(METASPACE(""), "null"); /* puts a space before, and yet the word is one token */
    assert_ok(pb_tokenizer_need_one(t, " a", 2, &id, &error), &error);
    assert_int_equal(id, SIGN_A);
    assert_ok(pb_tokenizer_need_one(t, "b", 1, &id, &error), &error);
    assert_int_equal(id, B);
    assert_error(pb_tokenizer_need_one(t, "ab", 2, &id, &error), &error, PB_VALUE, "\"ab\" is 2");
    pb_tokenizer_destroy(&t);
}

/* ---- GGUF ---- */

static void test_gguf_words(void **state)
{
    (void)state;
    pb_tokenizer *t = NULL;
    pb_error *error = NULL;
    assert_ok(pb_tokenizer_open("tests/golden/gguf-words.gguf", &t, &error), &error);
    int32_t ab = pb_tokenizer_find(t, "ab", 2), end = pb_tokenizer_find(t, "<|end|>", 7);
    assert_true(ab > 0 && end > ab);
    ASSERT_IDS(t, "ab ab<|end|>", ab, ab + 1, end);
    ASSERT_IDS(t, "12", '1' - 1, '2' - 1); /* digits are words of their own */
    ASSERT_IDS(t, "a  1", 'a' - 1, ab + 3, '1' - 1);
    ASSERT_IDS(t, "<user>", end + 1);
    assert_int_equal(pb_tokenizer_start(t), end);
    assert_int_equal(pb_tokenizer_start_rule(t), PB_START_NEVER);
    assert_int_equal(pb_tokenizer_count(t), end + 2);
    pb_tokenizer_destroy(&t);
}

static void test_gguf_pieces(void **state)
{
    (void)state;
    pb_tokenizer *t = NULL;
    pb_error *error = NULL;
    assert_ok(pb_tokenizer_open("tests/golden/gguf-pieces.gguf", &t, &error), &error);
    enum { SPACE = 259, PIECE_A, PIECE_B, PIECE_C, AB, BC, SPACE_A, SPACE_AB, ABC, SPACES };
    ASSERT_IDS(t, "abc", SPACE_AB, PIECE_C);
    ASSERT_IDS(t, "bc", SPACE, BC);
    ASSERT_IDS(t, " bc", SPACES, BC);
    ASSERT_IDS(t, "<s>z</s>", 1, SPACE, 3 + 'z', 2);
    assert_int_equal(pb_tokenizer_start(t), 1);
    assert_int_equal(pb_tokenizer_end(t), 2);
    assert_int_equal(pb_tokenizer_start_rule(t), PB_START_ALWAYS);
    pb_tokenizer_destroy(&t);
}

/* The file with `from` put in place of `to`, a text as long. */
static const char *changed(const char *folder, const char *path, const char *from, const char *to)
{
    pb_error *error = NULL;
    char *bytes;
    size_t length, n = strlen(from);
    assert_int_equal(n, strlen(to));
    assert_ok(pb_file_read(path, 1 << 20, NULL, &bytes, &length, &error), &error);
    size_t at = 0;
    while (at + n <= length && memcmp(bytes + at, from, n) != 0)
        at++;
    assert_true(at + n <= length);
    memcpy(bytes + at, to, n);
    const char *written = scratch_write(folder, "changed.gguf", bytes, length);
    free(bytes);
    return written;
}

static void test_gguf_refused(void **state)
{
    static const struct {
        const char *path, *from, *to, *part;
        pb_status status;
    } rows[] = {
        {"tests/golden/gguf-words.gguf", "gpt2", "bert",
         "its tokenizer.ggml.model is \"bert\", and gpt2 or llama was expected", PB_UNSUPPORTED},
        {"tests/golden/gguf-words.gguf", "smollm", "falcon",
         "its tokenizer.ggml.pre is \"falcon\", and gpt-2", PB_UNSUPPORTED},
        {"tests/golden/gguf-words.gguf", "tokenizer.ggml.pre", "tokenizer.ggml.pro",
         "its tokenizer.ggml.pre is missing", PB_UNSUPPORTED},
        {"tests/golden/gguf-words.gguf", "tokenizer.ggml.tokens", "tokenizer.ggml.tokenz",
         "its tokenizer.ggml.tokens is missing", PB_UNSUPPORTED},
        {"tests/golden/gguf-words.gguf", "tokenizer.ggml.merges", "tokenizer.ggml.mergez",
         "its tokenizer.ggml.merges is missing", PB_UNSUPPORTED},
        {"tests/golden/gguf-words.gguf", "1 2", "1 3", "two pieces that are tokens", PB_FORMAT},
        {"tests/golden/gguf-pieces.gguf", "tokenizer.ggml.scores", "tokenizer.ggml.scorez",
         "its tokenizer.ggml.scores is missing", PB_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pb_tokenizer *t = NULL;
        pb_error *error = NULL;
        const char *path = changed(*state, rows[i].path, rows[i].from, rows[i].to);
        assert_error(pb_tokenizer_open(path, &t, &error), &error, rows[i].status, rows[i].part);
        assert_null(t);
    }
}

/* A byte without a token: which, and where in the text that was given. */
static void test_missing_byte(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
        size_t length;
    } rows[] = {
        {"ab\0", "for the byte 0x00, which the text has at offset 2", 3},
        {"\0", "for the byte 0x00, which the text has at offset 0", 1},
        {"ab<|end|>c \0d", "for the byte 0x00, which the text has at offset 11", 13},
    };
    pb_tokenizer *t = NULL;
    pb_error *error = NULL;
    assert_ok(pb_tokenizer_open("tests/golden/gguf-words.gguf", &t, &error), &error);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int32_t *ids = NULL;
        size_t count;
        assert_error(pb_tokenizer_encode(t, rows[i].text, rows[i].length, PB_SPECIAL_ALLOWED, NULL,
                                         &ids, &count, &error),
                     &error, PB_VALUE, rows[i].part);
    }
    pb_tokenizer_destroy(&t);
}

/* ---- refusals ---- */

#define SPLIT(regex, more)                                                                         \
    "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"" regex "\"}, " more "}"
#define QWEN                                                                                       \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| "              \
    "?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define BYTES(more)     "{\"type\": \"ByteLevel\", \"add_prefix_space\": false" more "}"
#define SEQUENCE(steps) "{\"type\": \"Sequence\", \"pretokenizers\": [" steps "]}"
#define ISOLATED        "\"behavior\": \"Isolated\", \"invert\": false"
#define NO_REGEX        ", \"use_regex\": false"

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *pre_tokenizer, *model, *part;
    } rows[] = {
        {"{\"type\": \"BertPreTokenizer\"}", "", "pre_tokenizer.type is \"BertPreTokenizer\""},
        {SEQUENCE(SPLIT("\\\\w+", ISOLATED) ", " BYTES(NO_REGEX)), "",
         "pre_tokenizer.pattern is {\"Regex\":\"\\\\w+\"}, and that of GPT-2, Llama 3"},
        {SEQUENCE(SPLIT(QWEN, "\"behavior\": \"Removed\"") ", " BYTES(NO_REGEX)), "",
         "pre_tokenizer.behavior is \"Removed\""},
        {SEQUENCE(SPLIT(QWEN, "\"behavior\": \"Isolated\", \"invert\": true") ", " BYTES(NO_REGEX)),
         "", "pre_tokenizer.invert is true"},
        {SEQUENCE(SPLIT(QWEN, ISOLATED) ", " BYTES("")), "", "pre_tokenizer.use_regex"},
        {SEQUENCE("{\"type\": \"Digits\", \"individual_digits\": false}, " BYTES("")), "",
         "pre_tokenizer.individual_digits is false"},
        {SEQUENCE("{\"type\": \"Punctuation\"}, " BYTES("")), "",
         "pre_tokenizer.type is \"Punctuation\""},
        {SEQUENCE(BYTES("") ", " BYTES("") ", " BYTES("")), "", "at most two steps"},
        {"null", "", "pre_tokenizer.type is missing, and \"ByteLevel\""},
        {METASPACE(""), "", "model.byte_fallback is missing, and true was expected"},
        {BYTES(""), "\"byte_fallback\": true, ", "model.byte_fallback is true"},
        {"null", "\"byte_fallback\": true, \"ignore_merges\": true, ", "model.ignore_merges is"},
        {METASPACE(", \"prepend_scheme\": \"last\""), "\"byte_fallback\": true, ",
         "pre_tokenizer.prepend_scheme is \"last\""},
        {"{\"type\": \"Metaspace\", \"replacement\": \"_\"}", "\"byte_fallback\": true, ",
         "pre_tokenizer.replacement is \"_\""},
        {BYTES(""), "\"type\": \"Unigram\", ", "model.type is \"Unigram\", and \"BPE\" was"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pb_tokenizer *t = NULL;
        pb_error *error = NULL;
        char *json = pieces_json(rows[i].pre_tokenizer, "null", rows[i].model);
        assert_error(pb_tokenizer_parse_json("t.json", json, strlen(json), &t, &error), &error,
                     PB_UNSUPPORTED, rows[i].part);
        assert_null(t);
        free(json);
    }
}

/* ---- the start of a text ---- */

static void test_start_rules(void **state)
{
    static const char opens[] =
        "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"<s>\"}}, "
        "{\"Sequence\": {\"id\": \"A\"}}]}";
    static const char nothing[] =
        "{\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": {\"id\": \"A\"}}]}";
    static const struct {
        const char *processor, *config;
        pb_start_rule rule;
    } rows[] = {
        {"null", "{}", PB_START_UNSAID},
        {"null", "{\"add_bos_token\": true}", PB_START_ALWAYS},
        {"null", "{\"add_bos_token\": false}", PB_START_NEVER},
        {opens, "{}", PB_START_ALWAYS},
        {opens, "{\"add_bos_token\": false}", PB_START_NEVER},
        {nothing, "{}", PB_START_NEVER},
        {"{\"type\": \"ByteLevel\"}", "{}", PB_START_UNSAID},
        {"{\"type\": \"ByteLevel\"}", "{\"tokenizer_class\": \"GPT2Tokenizer\"}", PB_START_NEVER},
        {"{\"type\": \"ByteLevel\"}", "{\"tokenizer_class\": \"PreTrainedTokenizerFast\"}",
         PB_START_UNSAID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pb_tokenizer *t = NULL;
        pb_error *error = NULL;
        pb_buffer json = PB_BUFFER_EMPTY;
        pb_buffer_format(
            &json,
            "{\"pre_tokenizer\": " BYTES("") ", \"post_processor\": %s, "
                                             "\"model\": {\"vocab\": {\"a\": 0}, \"merges\": []}}",
            rows[i].processor);
        scratch_text(*state, "tokenizer.json", json.data);
        scratch_text(*state, "tokenizer_config.json", rows[i].config);
        pb_buffer_free(&json);
        assert_ok(pb_tokenizer_open(*state, &t, &error), &error);
        assert_int_equal(pb_tokenizer_start_rule(t), rows[i].rule);
        pb_tokenizer_destroy(&t);
    }
}

/* vocab.json and merges.txt say nothing of how text is cut; the class does. */
static void test_classes(void **state)
{
    pb_buffer vocab = PB_BUFFER_EMPTY;
    unsigned next = 0x100;
    pb_buffer_byte(&vocab, '{');
    for (unsigned byte = 0; byte < 256; byte++) {
        bool itself = (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte != 0xAD);
        pb_buffer_format(&vocab, "\"\\u%04x\":%u, ", itself ? byte : next++, byte);
    }
    pb_buffer_text(&vocab, "\"12\": 256, \"\\u00c3\\u00a9\": 257}");
    scratch_text(*state, "vocab.json", vocab.data);
    scratch_text(*state, "merges.txt", "1 2\n\xC3\x83 \xC2\xA9\n");
    pb_buffer_free(&vocab);
    static const struct {
        const char *config;
        int32_t digits, accent;
    } classes[] = {
        {"{}", 256, 'e'},
        {"{\"tokenizer_class\": \"GPT2Tokenizer\"}", 256, 'e'},
        {"{\"tokenizer_class\": \"GPTNeoXTokenizerFast\"}", 256, 257},
        {"{\"tokenizer_class\": \"Qwen2Tokenizer\"}", '1', 257},
    };
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        pb_tokenizer *t = NULL;
        pb_error *error = NULL;
        int32_t *ids = NULL;
        size_t count;
        scratch_text(*state, "tokenizer_config.json", classes[i].config);
        assert_ok(pb_tokenizer_open(*state, &t, &error), &error);
        assert_ok(pb_tokenizer_encode(t, "12e\xCC\x81", 5, PB_SPECIAL_ALLOWED, NULL, &ids, &count,
                                      &error),
                  &error);
        assert_int_equal(ids[0], classes[i].digits);
        assert_int_equal(ids[classes[i].digits == 256 ? 1 : 2], classes[i].accent);
        free(ids);
        pb_tokenizer_destroy(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schemes),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_gguf_words),
        cmocka_unit_test(test_gguf_pieces),
        cmocka_unit_test_setup_teardown(test_gguf_refused, scratch_set_up, scratch_tear_down),
        cmocka_unit_test(test_missing_byte),
        cmocka_unit_test(test_refused),
        cmocka_unit_test_setup_teardown(test_start_rules, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_classes, scratch_set_up, scratch_tear_down),
    };
    return cmocka_run_group_tests_name("kinds", tests, NULL, NULL);
}
