/*
 * The tokenizer against Hugging Face's: tests/golden/make_tokenizer.py wrote what that one says.
 * Large inputs are made here by the same rules as there, and compared by CRC-32.
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
#include <jansson.h>

#include "base/buffer.h"
#include "base/utf8.h"
#include "io/file.h"
#include "tokenizer/tokenizer.h"

enum { BLOCK = 256, GROUP = 256 }; /* as in make_tokenizer.py */

/* One vocabulary with what is expected of it. */
typedef struct golden {
    pb_tokenizer *tokenizer;
    json_t *root;
    bool exact; /* decoding gives every text back */
} golden;

/* ---- the rules shared with make_tokenizer.py ---- */

static uint32_t crc_byte(uint32_t crc, unsigned char byte)
{
    crc ^= byte;
    for (int bit = 0; bit < 8; bit++)
        crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    return crc;
}

static uint32_t crc_number(uint32_t crc, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        crc = crc_byte(crc, (unsigned char)(number >> 8 * i));
    return crc;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 33;
}

/* ---- one text ---- */

/* Encodes and checks that decoding gives the text back. False where the vocabulary lacks a byte. */
static bool encode(const golden *g, const char *text, size_t length, pb_special special,
                   int32_t **ids, size_t *count)
{
    pb_error *error = NULL;
    const pb_tokenizer *t = g->tokenizer;
    pb_status status = pb_tokenizer_encode(t, text, length, special, NULL, ids, count, &error);
    if (status == PB_VALUE) {
        assert_non_null(strstr(pb_error_text(error), "has no token for the byte 0x"));
        pb_error_destroy(&error);
        return false;
    }
    assert_int_equal(status, PB_OK);
    char *back;
    size_t back_length;
    assert_int_equal(pb_tokenizer_decode(t, *ids, *count, &back, &back_length, &error), PB_OK);
    if (g->exact) {
        assert_int_equal(back_length, length);
        assert_memory_equal(back, text, length);
    }
    free(back);
    return true;
}

/* Adds a text's tokens to a CRC that is kept inverted. */
static uint32_t add_text(const golden *g, uint32_t crc, const char *text, size_t length)
{
    int32_t *ids;
    size_t count;
    if (!encode(g, text, length, PB_SPECIAL_ALLOWED, &ids, &count))
        return crc_number(crc, UINT32_MAX);
    crc = crc_number(crc, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        crc = crc_number(crc, (uint32_t)ids[i]);
    free(ids);
    return crc;
}

static void show(const char *what, const int32_t *ids, size_t count)
{
    print_message("%s:", what);
    for (size_t i = 0; i < count && i < 40; i++)
        print_message(" %ld", (long)ids[i]);
    print_message("\n");
}

static void check_texts(const golden *g, const char *key, pb_special special)
{
    size_t index;
    json_t *pair, *rows = json_object_get(g->root, key);
    assert_true(json_array_size(rows) > 0);
    json_array_foreach(rows, index, pair)
    {
        const json_t *text = json_array_get(pair, 0), *expected = json_array_get(pair, 1);
        int32_t *ids = NULL;
        size_t count = 0;
        bool whole =
            encode(g, json_string_value(text), json_string_length(text), special, &ids, &count);
        bool same = whole == json_is_array(expected) && count == json_array_size(expected);
        for (size_t i = 0; same && i < count; i++)
            same = ids[i] == json_integer_value(json_array_get(expected, i));
        if (!same) {
            show("got", ids, count);
            fail_msg("%s %zu differs: '%s'", key, index, json_string_value(text));
        }
        free(ids);
    }
}

static void test_texts(void **state)
{
    check_texts(*state, "texts", PB_SPECIAL_ALLOWED);
}

static void test_special_as_text(void **state)
{
    check_texts(*state, "as_text", PB_SPECIAL_AS_TEXT);
}

/* ---- every code point ---- */

/* All code points of the ranges [first, last] in `assigned`; malloc'ed. */
static uint32_t *assigned_codes(const golden *g, size_t *count)
{
    size_t index;
    json_t *range, *ranges = json_object_get(g->root, "assigned");
    uint32_t *codes = malloc(0x110000 * sizeof *codes);
    assert_non_null(codes);
    *count = 0;
    json_array_foreach(ranges, index, range)
    {
        json_int_t last = json_integer_value(json_array_get(range, 1));
        for (json_int_t c = json_integer_value(json_array_get(range, 0)); c <= last; c++)
            codes[(*count)++] = (uint32_t)c;
    }
    return codes;
}

static uint32_t add_contexts(const golden *g, uint32_t crc, uint32_t code)
{
    /* As in make_tokenizer.py's contexts(): @ is the code point. */
    static const char *const patterns[] = {"@", "a@b", " @", "@@ @1", "  @  '@s"};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        pb_buffer text = PB_BUFFER_EMPTY;
        for (const char *c = patterns[i]; *c; c++)
            pb_buffer_code_point(&text, *c == '@' ? code : (unsigned char)*c);
        assert_false(text.failed);
        crc = add_text(g, crc, text.data, text.length);
        pb_buffer_free(&text);
    }
    return crc;
}

static void test_every_code_point(void **state)
{
    const golden *g = *state;
    size_t n_codes;
    uint32_t *codes = assigned_codes(g, &n_codes);
    const json_t *expected = json_object_get(g->root, "code_points");
    assert_int_equal(json_array_size(expected), (n_codes + BLOCK - 1) / BLOCK);
    size_t wrong = 0;
    for (size_t block = 0; block * BLOCK < n_codes; block++) {
        size_t end = (block + 1) * BLOCK < n_codes ? (block + 1) * BLOCK : n_codes;
        uint32_t crc = UINT32_MAX;
        for (size_t i = block * BLOCK; i < end; i++)
            crc = add_contexts(g, crc, codes[i]);
        if (~crc != (uint32_t)json_integer_value(json_array_get(expected, block))) {
            print_message("U+%04X to U+%04X differ\n", codes[block * BLOCK], codes[end - 1]);
            wrong++;
        }
    }
    free(codes);
    assert_int_equal(wrong, 0);
}

/* ---- random strings ---- */

static void check_random(const golden *g, const char *key, const uint32_t *pool, size_t n_pool,
                         uint64_t seed)
{
    const json_t *expected = json_object_get(g->root, key);
    size_t groups = json_array_size(expected);
    assert_true(groups > 0);
    for (size_t group = 0; group < groups; group++) {
        uint32_t crc = UINT32_MAX;
        for (size_t i = 0; i < GROUP; i++) {
            pb_buffer text = PB_BUFFER_EMPTY;
            for (size_t left = 1 + next_random(&seed) % 32; left > 0; left--)
                pb_buffer_code_point(&text, pool[next_random(&seed) % n_pool]);
            assert_false(text.failed);
            crc = add_text(g, crc, text.data, text.length);
            pb_buffer_free(&text);
        }
        if (~crc != (uint32_t)json_integer_value(json_array_get(expected, group)))
            fail_msg("%s: group %zu differs", key, group);
    }
}

static void test_random_pool(void **state)
{
    const golden *g = *state;
    const json_t *row = json_object_get(g->root, "pool");
    size_t n = json_array_size(row);
    uint32_t pool[512];
    assert_true(n > 0 && n <= 512);
    for (size_t i = 0; i < n; i++)
        pool[i] = (uint32_t)json_integer_value(json_array_get(row, i));
    check_random(g, "random_pool", pool, n, 2463534242u);
}

static void test_random_every(void **state)
{
    const golden *g = *state;
    size_t n;
    uint32_t *codes = assigned_codes(g, &n);
    check_random(g, "random_every", codes, n, 362436069u);
    free(codes);
}

/* ---- megabytes without a space ---- */

static void check_long(const golden *g, const json_t *row)
{
    const json_t *alphabet_text = json_object_get(row, "alphabet");
    const char *alphabet = json_string_value(alphabet_text);
    size_t size = json_string_length(alphabet_text), n_alphabet = pb_utf8_count(alphabet, size);
    size_t letters = (size_t)json_integer_value(json_object_get(row, "letters"));
    uint64_t seed = 88172645463325252u;
    pb_buffer text = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < letters; i++) {
        size_t at = pb_utf8_offset(alphabet, size, next_random(&seed) % n_alphabet);
        pb_buffer_code_point(&text, pb_utf8_next(alphabet, size, &at));
    }
    assert_false(text.failed);
    uint32_t crc = add_text(g, UINT32_MAX, text.data, text.length);
    pb_buffer_free(&text);
    if (~crc != (uint32_t)json_integer_value(json_object_get(row, "crc")))
        fail_msg("a megabyte of %s differs", json_string_value(json_object_get(row, "name")));
}

static void test_long(void **state)
{
    const golden *g = *state;
    size_t index;
    json_t *row, *rows = json_object_get(g->root, "long");
    assert_true(json_array_size(rows) > 0);
    json_array_foreach(rows, index, row) check_long(g, row);
}

/* ---- the vocabularies ---- */

static void test_count(void **state)
{
    const golden *g = *state;
    size_t count = (size_t)json_integer_value(json_object_get(g->root, "count"));
    assert_int_equal(pb_tokenizer_count(g->tokenizer), count);
}

/* What is there: a folder or a GGUF file, with what is expected of it. */
typedef struct vocabulary {
    const char *name, *path, *expected;
    const char *needed; /* the variable that says it must be there */
    const char *fetch;  /* what brings it; NULL where the file of goldens holds it */
    bool again;         /* one before it has the same tokens */
} vocabulary;

#define GOLDEN(name) "tests/golden/tokenizer-" name ".json"
#define MADE(name)   "build/tokenizers/" name
#define SMOLLM2      "build/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf"

static const char need_gpt2[] = "PATCHBAY_REQUIRE_GPT2_VOCAB";
static const char need_others[] = "PATCHBAY_REQUIRE_TOKENIZERS";
static const char fetch_gpt2[] = "tools/fetch-gpt2-vocab";
static const char fetch_others[] = "tools/fetch-tokenizers";

static const vocabulary vocabularies[] = {
    {"reviews-4m", "models/reviews-4m", GOLDEN("reviews-4m"), NULL, NULL, false},
    {"gpt-neox", NULL, GOLDEN("gpt-neox"), NULL, NULL, false},
    {"gpt2", "build/gpt2-vocab", GOLDEN("gpt2"), need_gpt2, fetch_gpt2, false},
    {"smollm2", MADE("smollm2"), GOLDEN("smollm2"), need_others, fetch_others, false},
    {"smollm2 in GGUF", SMOLLM2, GOLDEN("smollm2"), need_others, fetch_others, true},
    {"llama3", MADE("llama3"), GOLDEN("llama3"), need_others, fetch_others, false},
    {"llama3 in GGUF", MADE("llama3.gguf"), GOLDEN("llama3"), need_others, fetch_others, true},
    {"qwen2", MADE("qwen2"), GOLDEN("qwen2"), need_others, fetch_others, false},
    {"qwen2 in GGUF", MADE("qwen2.gguf"), GOLDEN("qwen2"), need_others, fetch_others, true},
    {"llama2", MADE("llama2"), GOLDEN("llama2"), need_others, fetch_others, false},
    {"llama2 in GGUF", MADE("llama2.gguf"), GOLDEN("llama2"), need_others, fetch_others, true},
    {"mistral", MADE("mistral"), GOLDEN("mistral"), need_others, fetch_others, false},
};

static const vocabulary *at_work;

static pb_status open_vocabulary(golden *g, pb_error **error)
{
    if (at_work->path)
        return pb_tokenizer_open(at_work->path, &g->tokenizer, error);
    char *json = json_dumps(json_object_get(g->root, "tokenizer"), 0);
    assert_non_null(json);
    pb_status status =
        pb_tokenizer_parse_json(at_work->name, json, strlen(json), &g->tokenizer, error);
    free(json);
    return status;
}

static int set_up(void **state)
{
    golden *g = calloc(1, sizeof *g);
    pb_error *error = NULL;
    char *bytes = NULL;
    size_t length = 0;
    *state = g;
    if (!g)
        return -1;
    pb_status status = pb_file_read(at_work->expected, 1 << 20, NULL, &bytes, &length, &error);
    if (!status)
        g->root = json_loadb(bytes, length, JSON_ALLOW_NUL, NULL);
    free(bytes);
    if (!status && g->root)
        status = open_vocabulary(g, &error);
    if (status) {
        char *message = pb_error_render(error);
        print_error("%s", message ? message : "no memory\n");
        free(message);
        pb_error_destroy(&error);
    }
    g->exact = !json_is_false(json_object_get(g->root, "exact"));
    return status || !g->root ? -1 : 0;
}

static int tear_down(void **state)
{
    golden *g = *state;
    if (g) {
        pb_tokenizer_destroy(&g->tokenizer);
        json_decref(g->root);
    }
    free(g);
    return 0;
}

static void test_no_vocabulary(void **state)
{
    (void)state;
    print_message("%s is not there: run %s\n", at_work->path, at_work->fetch);
    skip();
}

static int check_vocabulary(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_special_as_text),
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_random_pool),
        cmocka_unit_test(test_random_every),
        cmocka_unit_test(test_long),
    };
    const struct CMUnitTest once_more[] = {
        /* the same tokens by another way */
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_special_as_text),
        cmocka_unit_test(test_random_pool),
    };
    const struct CMUnitTest absent[] = {cmocka_unit_test(test_no_vocabulary)};
    const char *path = at_work->path;
    bool there = !path || pb_file_exists(path) || pb_file_is_folder(path);
    if (at_work->again && (there || getenv(at_work->needed)))
        return cmocka_run_group_tests_name(at_work->name, once_more, set_up, tear_down);
    if (there || getenv(at_work->needed))
        return cmocka_run_group_tests_name(at_work->name, tests, set_up, tear_down);
    return cmocka_run_group_tests_name(at_work->name, absent, NULL, NULL);
}

/* All of them, or those that are named. */
int main(int argc, char **argv)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof vocabularies / sizeof *vocabularies; i++) {
        bool wanted = argc < 2;
        for (int k = 1; k < argc; k++)
            wanted = wanted || strncmp(vocabularies[i].name, argv[k], strlen(argv[k])) == 0;
        at_work = &vocabularies[i];
        failed += wanted ? check_vocabulary() : 0;
    }
    return failed;
}
