/*
 * The tokenizer against Hugging Face's: tests/golden/make_tokenizer.py wrote what that one says.
 * Large inputs are made here by the same rules as there, and compared by CRC-32.
 */
#include <setjmp.h>
#include <stdarg.h>
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

/* Encodes and checks that decoding gives the text back. */
static void encode(const pb_tokenizer *t, const char *text, size_t length, pb_special special,
                   int32_t **ids, size_t *count)
{
    pb_error *error = NULL;
    assert_int_equal(pb_tokenizer_encode(t, text, length, special, NULL, ids, count, &error),
                     PB_OK);
    char *back;
    size_t back_length;
    assert_int_equal(pb_tokenizer_decode(t, *ids, *count, &back, &back_length, &error), PB_OK);
    assert_int_equal(back_length, length);
    assert_memory_equal(back, text, length);
    free(back);
}

/* Adds a text's tokens to a CRC that is kept inverted. */
static uint32_t add_text(const pb_tokenizer *t, uint32_t crc, const char *text, size_t length)
{
    int32_t *ids;
    size_t count;
    encode(t, text, length, PB_SPECIAL_ALLOWED, &ids, &count);
    crc = crc_number(crc, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        crc = crc_number(crc, (uint32_t)ids[i]);
    free(ids);
    return crc;
}

static void check_texts(const golden *g, const char *key, pb_special special)
{
    size_t index;
    json_t *pair, *rows = json_object_get(g->root, key);
    assert_true(json_array_size(rows) > 0);
    json_array_foreach(rows, index, pair)
    {
        const json_t *text = json_array_get(pair, 0), *expected = json_array_get(pair, 1);
        int32_t *ids;
        size_t count;
        encode(g->tokenizer, json_string_value(text), json_string_length(text), special, &ids,
               &count);
        bool same = count == json_array_size(expected);
        for (size_t i = 0; same && i < count; i++)
            same = ids[i] == json_integer_value(json_array_get(expected, i));
        free(ids);
        if (!same)
            fail_msg("%s %zu differs: '%s'", key, index, json_string_value(text));
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

static uint32_t add_contexts(const pb_tokenizer *t, uint32_t crc, uint32_t code)
{
    /* As in make_tokenizer.py's contexts(): @ is the code point. */
    static const char *const patterns[] = {"@", "a@b", " @", "@@ @1", "  @  '@s"};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        pb_buffer text = PB_BUFFER_EMPTY;
        for (const char *c = patterns[i]; *c; c++)
            pb_buffer_code_point(&text, *c == '@' ? code : (unsigned char)*c);
        assert_false(text.failed);
        crc = add_text(t, crc, text.data, text.length);
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
            crc = add_contexts(g->tokenizer, crc, codes[i]);
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
            crc = add_text(g->tokenizer, crc, text.data, text.length);
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
    uint32_t crc = add_text(g->tokenizer, UINT32_MAX, text.data, text.length);
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

/* ---- the two vocabularies ---- */

static void test_count(void **state)
{
    const golden *g = *state;
    size_t count = (size_t)json_integer_value(json_object_get(g->root, "count"));
    assert_int_equal(pb_tokenizer_count(g->tokenizer), count);
    assert_int_equal(pb_tokenizer_start(g->tokenizer), count - 1);
}

static int set_up(void **state, const char *folder, const char *golden_path)
{
    golden *g = calloc(1, sizeof *g);
    pb_error *error = NULL;
    char *bytes;
    size_t length;
    *state = g;
    if (!g || pb_tokenizer_open(folder, &g->tokenizer, &error) ||
        pb_file_read(golden_path, 1 << 20, NULL, &bytes, &length, &error)) {
        char *message = pb_error_render(error);
        print_error("%s", message ? message : "no memory\n");
        free(message);
        pb_error_destroy(&error);
        return -1;
    }
    g->root = json_loadb(bytes, length, JSON_ALLOW_NUL, NULL);
    free(bytes);
    return g->root ? 0 : -1;
}

static int set_up_reviews(void **state)
{
    return set_up(state, "models/reviews-4m", "tests/golden/tokenizer-reviews-4m.json");
}

static int set_up_gpt2(void **state)
{
    return set_up(state, "build/gpt2-vocab", "tests/golden/tokenizer-gpt2.json");
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
    print_message("GPT-2's vocabulary is not there: run tools/fetch-gpt2-vocab\n");
    skip();
}

int main(void)
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
    const struct CMUnitTest absent[] = {cmocka_unit_test(test_no_vocabulary)};
    int failed = cmocka_run_group_tests_name("reviews-4m", tests, set_up_reviews, tear_down);
    if (pb_file_exists("build/gpt2-vocab/vocab.json") || getenv("PATCHBAY_REQUIRE_GPT2_VOCAB"))
        return failed + cmocka_run_group_tests_name("gpt2", tests, set_up_gpt2, tear_down);
    return failed + cmocka_run_group_tests_name("gpt2", absent, NULL, NULL);
}
