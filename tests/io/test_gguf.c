/*
 * GGUF: what the package `gguf` reads in a file is read here to the last bit (see
 * tests/golden/make_gguf.py), and every way a file can lie about itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "io/file.h"
#include "io/gguf.h"
#include "io/safetensors.h"
#include "scratch.h"

#define TYPES "tests/golden/gguf-types.gguf"

/* ---- files that are made here ---- */

static void add_number(pb_buffer *out, uint64_t number, int size)
{
    for (int i = 0; i < size; i++)
        pb_buffer_byte(out, (char)(number >> 8 * i));
}

static void add_text(pb_buffer *out, const char *text)
{
    add_number(out, strlen(text), 8);
    pb_buffer_text(out, text);
}

static void add_start(pb_buffer *out, uint32_t version, uint64_t tensors, uint64_t keys)
{
    pb_buffer_text(out, "GGUF");
    add_number(out, version, 4);
    add_number(out, tensors, 8);
    add_number(out, keys, 8);
}

/* A key with a number of four bytes. */
static void add_key(pb_buffer *out, const char *key, uint32_t number)
{
    add_text(out, key);
    add_number(out, 4, 4);
    add_number(out, number, 4);
}

typedef struct listed {
    const char *name;
    uint32_t rank;
    uint64_t shape[4]; /* as in the file, the innermost first */
    uint32_t type;
    uint64_t offset;
} listed;

static void add_listed(pb_buffer *out, const listed *tensor)
{
    add_text(out, tensor->name);
    add_number(out, tensor->rank, 4);
    for (uint32_t i = 0; i < tensor->rank && i < 4; i++)
        add_number(out, tensor->shape[i], 8);
    add_number(out, tensor->type, 4);
    add_number(out, tensor->offset, 8);
}

/* Zeros up to the alignment, and `n` more. */
static void add_data(pb_buffer *out, size_t n)
{
    pb_buffer_repeat(out, '\0', (32 - out->length % 32) % 32 + n);
}

static const char *write_and_free(const char *folder, pb_buffer *file)
{
    assert_false(file->failed);
    const char *path = scratch_write(folder, "x.gguf", file->data, file->length);
    pb_buffer_free(file);
    return path;
}

/* ---- good files ---- */

static void check_values(const char *path)
{
    pb_weights *w = NULL;
    pb_error *error = NULL;
    char *bytes;
    size_t length, at = 0;
    assert_ok(pb_weights_open(path, &w, &error), &error);
    assert_ok(pb_file_read("tests/golden/gguf-types.f32", 1 << 20, NULL, &bytes, &length, &error),
              &error);
    assert_int_equal(pb_weights_count(w), 10);
    for (size_t i = 0; i < 10; i++) {
        const pb_weight *weight = pb_weights_at(w, i);
        size_t size = weight->count * sizeof(float), row = size / weight->shape[0];
        float *values = malloc(size);
        assert_non_null(values);
        assert_true(size <= length - at);
        assert_ok(pb_weights_read(w, weight, values, &error), &error);
        assert_memory_equal(values, bytes + at, size);
        assert_ok(pb_weights_read_rows(w, weight, 1, 1, values, &error), &error);
        assert_memory_equal(values, bytes + at + row, row);
        free(values);
        at += size;
    }
    assert_int_equal(at, length);
    free(bytes);
    pb_weights_close(&w);
}

static void test_types(void **state)
{
    (void)state;
    check_values(TYPES);
    check_values("tests/golden/gguf-aligned.gguf");
}

static void test_shapes(void **state)
{
    (void)state;
    pb_weights *w = NULL;
    pb_error *error = NULL;
    assert_ok(pb_weights_open(TYPES, &w, &error), &error);
    const pb_weight *three = pb_weights_find(w, "three_axes");
    assert_non_null(three);
    assert_int_equal(three->rank, 3);
    assert_int_equal(three->shape[0], 2);
    assert_int_equal(three->shape[1], 3);
    assert_int_equal(three->shape[2], 4);
    assert_string_equal(pb_weights_find(w, "fours_with_least")->dtype_name, "Q4_1");
    assert_int_equal(pb_weights_find(w, "eights")->dtype, PB_DTYPE_Q8_0);
    pb_weights_close(&w);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int64_t expected;
    } rows[] = {{"test.u8", 200},        {"test.i8", -100},         {"test.u16", 60000},
                {"test.i16", -30000},    {"test.u32", 4000000000},  {"test.i32", -2000000000},
                {"test.u64", INT64_MAX}, {"test.i64", -(1LL << 62)}};
    pb_gguf *g = NULL;
    pb_error *error = NULL;
    int64_t whole;
    double number;
    assert_ok(pb_gguf_read(TYPES, &g, &error), &error);
    assert_string_equal(pb_gguf_path(g), TYPES);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(pb_gguf_as_integer(pb_gguf_get(g, rows[i].key), &whole));
        assert_true(whole == rows[i].expected);
    }
    assert_true(pb_gguf_as_number(pb_gguf_get(g, "test.f32"), &number));
    assert_true(number == (double)0.1f);
    assert_true(pb_gguf_as_number(pb_gguf_get(g, "test.f64"), &number) && number == 1e300);
    assert_true(pb_gguf_as_number(pb_gguf_get(g, "test.i8"), &number) && number == -100);
    assert_false(pb_gguf_as_integer(pb_gguf_get(g, "test.f32"), &whole));
    assert_false(pb_gguf_as_number(pb_gguf_get(g, "test.text"), &number));
    assert_true(pb_gguf_is_true(pb_gguf_get(g, "test.bool")));
    assert_false(pb_gguf_is_true(pb_gguf_get(g, "test.u8")));
    pb_gguf_destroy(&g);
    assert_null(g);
}

static void test_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {"a", "",
                                        "\xC4\xA0"
                                        "b"};
    pb_gguf *g = NULL;
    pb_error *error = NULL;
    pb_gguf_value item;
    size_t n = 0;
    int64_t sum = 0, whole = 0;
    assert_ok(pb_gguf_read(TYPES, &g, &error), &error);
    assert_true(pb_gguf_says(pb_gguf_get(g, "test.text"), "\xC3\xA9 and <|x|>"));
    assert_true(pb_gguf_says(pb_gguf_get(g, "general.architecture"), "llama"));
    assert_int_equal(pb_gguf_get(g, "test.none").kind, PB_GGUF_ABSENT);
    assert_int_equal(pb_gguf_get_of_architecture(g, "block_count").kind, PB_GGUF_ABSENT);
    pb_gguf_value list = pb_gguf_get(g, "test.texts");
    assert_int_equal(list.count, 3);
    while (pb_gguf_next(&list, &item))
        assert_true(pb_gguf_says(item, texts[n++]));
    assert_int_equal(n, 3);
    for (list = pb_gguf_get(g, "test.numbers"); pb_gguf_next(&list, &item); sum += whole)
        assert_true(pb_gguf_as_integer(item, &whole));
    assert_int_equal(sum, 2);
    const char *key = NULL;
    size_t cursor = 0;
    assert_true(pb_gguf_next_key(g, &cursor, &key, &item));
    assert_string_equal(key, "general.architecture");
    pb_gguf_destroy(&g);
}

/* Version 2, a key that repeats the architecture, an empty tensor, one of no axes. */
static void test_made_here(void **state)
{
    pb_weights *w = NULL;
    pb_error *error = NULL;
    pb_buffer file = PB_BUFFER_EMPTY;
    add_start(&file, 2, 3, 0);
    add_listed(&file, &(listed){"scalar", 0, {0}, 0, 32});
    add_listed(&file, &(listed){"empty", 2, {0, 7}, 0, 32});
    add_listed(&file, &(listed){"row", 1, {2}, 0, 0});
    add_data(&file, 36);
    file.data[file.length - 1] = 0x40;
    const char *path = write_and_free(*state, &file);
    assert_ok(pb_weights_open(path, &w, &error), &error);
    assert_int_equal(pb_weights_count(w), 3);
    assert_string_equal(pb_weights_at(w, 0)->name, "row");
    float value = 0;
    assert_ok(pb_weights_read(w, pb_weights_find(w, "scalar"), &value, &error), &error);
    assert_true(value == 2.0f);
    assert_int_equal(pb_weights_find(w, "empty")->count, 0);
    assert_ok(pb_weights_read(w, pb_weights_find(w, "empty"), NULL, &error), &error);
    pb_weights_close(&w);
}

/* Under the names that config.json has, whatever the family; only what the file says. */
static void test_config_of(void **state)
{
    pb_error *error = NULL;
    pb_buffer file = PB_BUFFER_EMPTY, json = PB_BUFFER_EMPTY;
    add_start(&file, 3, 2, 5);
    add_text(&file, "general.architecture");
    add_number(&file, 8, 4);
    add_text(&file, "some");
    add_key(&file, "some.block_count", 3);
    add_key(&file, "some.embedding_length", 8);
    add_key(&file, "some.attention.head_count", 2);
    add_key(&file, "some.rope.dimension_count", 1);
    add_listed(&file, &(listed){"token_embd.weight", 2, {8, 5}, 0, 0});
    add_listed(&file, &(listed){"blk.0.attn_q.bias", 1, {8}, 0, 160});
    add_data(&file, 192);
    const char *path = write_and_free(*state, &file);
    assert_ok(pb_gguf_config(path, &json, &error), &error);
    assert_string_equal(
        json.data, "{\"model_type\": \"some\", \"num_hidden_layers\": 3, \"hidden_size\": 8, "
                   "\"num_attention_heads\": 2, \"partial_rotary_factor\": 0.25000000000000006, "
                   "\"vocab_size\": 5, \"tie_word_embeddings\": true, "
                   "\"attention_bias\": true, \"mlp_bias\": false}");
    pb_buffer_free(&json);
}

static void test_config_refused(void **state)
{
    static const struct {
        const char *key, *text, *part;
    } rows[] = {
        {"some.block_count", "three", "the architecture's block_count is \"three\", and a number"},
        {"some.rope.scaling.type", "yarn", "rope.scaling.type is \"yarn\", and none, or linear"},
        {"some.attention.sliding_window", "4", "attention.sliding_window is \"4\", and none"},
        {"general.name", "", "general.architecture is missing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pb_error *error = NULL;
        pb_buffer file = PB_BUFFER_EMPTY, json = PB_BUFFER_EMPTY;
        add_start(&file, 3, 0, i < 3 ? 2 : 1);
        if (i < 3) {
            add_text(&file, "general.architecture");
            add_number(&file, 8, 4);
            add_text(&file, "some");
        }
        add_text(&file, rows[i].key);
        add_number(&file, 8, 4);
        add_text(&file, rows[i].text);
        const char *path = write_and_free(*state, &file);
        assert_error(pb_gguf_config(path, &json, &error), &error, PB_UNSUPPORTED, rows[i].part);
        pb_buffer_free(&json);
    }
}

/* ---- where it is found ---- */

static void test_found(void **state)
{
    pb_error *error = NULL;
    char *file = NULL, folder[256];
    snprintf(folder, sizeof folder, "%s", (const char *)*state);
    assert_ok(pb_gguf_find("models/reviews-4m", &file, &error), &error);
    assert_null(file);
    assert_ok(pb_gguf_find("tests/golden/gguf-types.f32", &file, &error), &error);
    assert_null(file);
    assert_ok(pb_gguf_find("/nowhere.gguf", &file, &error), &error);
    assert_null(file);
    const char *named = scratch_text(folder, "blob", "GGUF and more");
    assert_ok(pb_gguf_find(named, &file, &error), &error);
    assert_string_equal(file, named);
    free(file);
    const char *one = scratch_text(folder, "alone/x.gguf", "");
    char in[300];
    snprintf(in, sizeof in, "%s/alone", folder);
    assert_ok(pb_gguf_find(in, &file, &error), &error);
    assert_string_equal(file, one);
    free(file);
    scratch_text(folder, "alone/y.gguf", "");
    assert_error(pb_gguf_find(in, &file, &error), &error, PB_VALUE, "holds several GGUF files");
    assert_null(file);
    scratch_text(folder, "alone/model.safetensors", "");
    assert_ok(pb_gguf_find(in, &file, &error), &error);
    assert_null(file);
    pb_weights *w = NULL;
    snprintf(in, sizeof in, "%s/none", folder);
    scratch_text(folder, "none/readme", "");
    assert_error(pb_weights_open(in, &w, &error), &error, PB_IO, "nor a GGUF file is there");
}

/* ---- files that lie ---- */

static void refuses(const char *folder, pb_buffer *file, pb_status code, const char *part)
{
    pb_weights *w = NULL;
    pb_error *error = NULL;
    const char *path = write_and_free(folder, file);
    assert_error(pb_weights_open(path, &w, &error), &error, code, part);
    assert_null(w);
}

static void test_other_versions(void **state)
{
    static const struct {
        uint32_t version;
        const char *part;
    } rows[] = {{1, "is GGUF version 1, and version 2 or 3 was expected"},
                {0, "is GGUF version 0"},
                {4, "is GGUF version 4"},
                {0x03000000, "is a big-endian GGUF file"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pb_buffer file = PB_BUFFER_EMPTY;
        add_start(&file, rows[i].version, 0, 0);
        refuses(*state, &file, PB_UNSUPPORTED, rows[i].part);
    }
    pb_buffer file = PB_BUFFER_EMPTY;
    pb_buffer_text(&file, "GGML and what follows it");
    refuses(*state, &file, PB_FORMAT, "is no GGUF file");
    add_start(&file, 3, 0, 2);
    add_key(&file, "split.count", 3);
    add_key(&file, "split.no", 1);
    refuses(*state, &file, PB_UNSUPPORTED, "is part 2 of a model in 3 files");
}

static void test_lying_keys(void **state)
{
    const char *folder = *state;
    pb_buffer file = PB_BUFFER_EMPTY;
    add_start(&file, 3, 0, UINT64_MAX);
    refuses(folder, &file, PB_LIMIT, "announces 18446744073709551615 keys");
    add_start(&file, 3, UINT64_MAX, 0);
    refuses(folder, &file, PB_LIMIT, "announces 18446744073709551615 tensors");
    add_start(&file, 3, 0, 1);
    add_number(&file, UINT64_MAX, 8);
    refuses(folder, &file, PB_FORMAT, "is cut off: its header goes on at byte 32");
    add_start(&file, 3, 0, 1);
    add_text(&file, "");
    refuses(folder, &file, PB_FORMAT, "a key at byte 32 is not a text");
    add_start(&file, 3, 0, 1);
    add_text(&file, "\xFF");
    refuses(folder, &file, PB_FORMAT, "a key at byte 32 is not a text");
    add_start(&file, 3, 0, 1);
    add_text(&file, "k");
    add_number(&file, 13, 4);
    refuses(folder, &file, PB_FORMAT, "the value of 'k' is of type 13");
    add_start(&file, 3, 0, 2);
    add_key(&file, "k", 1);
    add_key(&file, "k", 2);
    refuses(folder, &file, PB_FORMAT, "has the key 'k' twice");
    add_start(&file, 3, 0, 1);
    add_key(&file, "general.alignment", 48);
    refuses(folder, &file, PB_FORMAT, "general.alignment is 48, and a power of two");
    add_start(&file, 3, 0, 1);
    add_key(&file, "general.alignment", 0);
    refuses(folder, &file, PB_FORMAT, "general.alignment is 0");
}

/* A list of `type` that announces `count`, with `n` bytes behind it. */
static void add_list(pb_buffer *file, uint32_t type, uint64_t count, size_t n)
{
    add_start(file, 3, 0, 1);
    add_text(file, "k");
    add_number(file, 9, 4);
    add_number(file, type, 4);
    add_number(file, count, 8);
    pb_buffer_repeat(file, '\0', n);
}

static void test_lying_lists(void **state)
{
    static const struct {
        uint32_t type;
        uint64_t count;
        pb_status code;
        const char *part;
    } rows[] = {{4, UINT64_MAX, PB_FORMAT, "is cut off"},
                {4, UINT64_MAX / 4 + 1, PB_FORMAT, "is cut off"},
                {4, 9, PB_FORMAT, "is cut off"},
                {8, UINT64_MAX, PB_FORMAT, "is cut off"},
                {8, 5, PB_FORMAT, "is cut off"},
                {99, 1, PB_FORMAT, "is of type 99"},
                {9, 1, PB_UNSUPPORTED, "is a list of lists"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pb_buffer file = PB_BUFFER_EMPTY;
        add_list(&file, rows[i].type, rows[i].count, 32);
        refuses(*state, &file, rows[i].code, rows[i].part);
    }
}

static void test_lying_tensors(void **state)
{
    static const struct {
        listed tensors[2];
        size_t n_data;
        pb_status code;
        const char *part;
    } rows[] = {
        {{{"a", 5, {1, 1, 1, 1}, 0, 0}}, 64, PB_FORMAT, "tensor 'a' has 5 axes"},
        {{{"a", 2, {1ull << 32, 1ull << 32}, 0, 0}}, 64, PB_FORMAT, "shape of tensor 'a' is too"},
        {{{"a", 1, {1ull << 62}, 0, 0}}, 64, PB_FORMAT, "cut off: tensor 'a'"},
        {{{"a", 1, {UINT64_MAX}, 24, 0}}, 64, PB_UNSUPPORTED, "tensor 'a' holds I8, and F32"},
        {{{"a", 1, {256}, 12, 0}}, 144, PB_UNSUPPORTED, "tensor 'a' holds Q4_K, and F32"},
        {{{"a", 1, {256}, 77, 0}}, 64, PB_UNSUPPORTED, "holds values of type 77, and F32"},
        {{{"a", 1, {33}, 8, 0}}, 64, PB_FORMAT, "tensor 'a' have 33 values, and Q8_0 has them by"},
        {{{"a", 0, {0}, 8, 0}}, 64, PB_FORMAT, "have 1 values, and Q8_0"},
        {{{"a", 1, {8}, 0, 16}}, 64, PB_FORMAT, "starts at byte 16 of the data, and a multiple"},
        {{{"a", 1, {8}, 0, 64}}, 64, PB_FORMAT, "is cut off: tensor 'a'"},
        {{{"a", 1, {17}, 0, 0}}, 64, PB_FORMAT, "is cut off: tensor 'a'"},
        {{{"a", 1, {8}, 0, 1ull << 63}}, 64, PB_FORMAT, "is cut off: tensor 'a'"},
        {{{"a", 1, {8}, 0, UINT64_MAX - 31}}, 64, PB_FORMAT, "is cut off: tensor 'a'"},
        {{{"", 1, {8}, 0, 0}}, 64, PB_FORMAT, "the name of a tensor at byte 32 is not"},
        {{{"a", 1, {16}, 0, 0}, {"b", 1, {8}, 0, 32}}, 64, PB_FORMAT, "'a' and 'b' overlap"},
        {{{"a", 1, {8}, 0, 0}, {"b", 1, {8}, 0, 0}}, 64, PB_FORMAT, "'a' and 'b' overlap"},
        {{{"a", 1, {8}, 0, 0}, {"a", 1, {8}, 0, 32}}, 64, PB_FORMAT, "has the tensor 'a' twice"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = rows[i].tensors[1].name ? 2 : 1;
        pb_buffer file = PB_BUFFER_EMPTY;
        add_start(&file, 3, n, 0);
        for (size_t k = 0; k < n; k++)
            add_listed(&file, &rows[i].tensors[k]);
        add_data(&file, rows[i].n_data);
        refuses(*state, &file, rows[i].code, rows[i].part);
    }
}

/* A good file cut at every byte: never a crash, always an error that names it. */
static void test_cut_anywhere(void **state)
{
    pb_error *error = NULL;
    char *bytes;
    size_t length;
    assert_ok(pb_file_read(TYPES, 1 << 20, NULL, &bytes, &length, &error), &error);
    length -= 32; /* which may be no more than what rounds the file up */
    for (size_t n = 0; n < length; n += n < 1024 ? 1 : 7) {
        pb_weights *w = NULL;
        const char *path = scratch_write(*state, "x.gguf", bytes, n);
        assert_error(pb_weights_open(path, &w, &error), &error, PB_FORMAT, path);
    }
    free(bytes);
}

/* Twice as many keys and tensors take some twice the time, whatever the machine. */
static double seconds_to_open(const char *folder, size_t n)
{
    pb_buffer file = PB_BUFFER_EMPTY;
    char name[32];
    add_start(&file, 3, n, n);
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "k%zu", i);
        add_key(&file, name, 1);
    }
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "t%zu", i);
        add_listed(&file, &(listed){name, 1, {1}, 0, 32 * (n - i - 1)});
    }
    add_data(&file, 32 * n);
    const char *path = write_and_free(folder, &file);
    double best = 1e9;
    for (int turn = 0; turn < 3; turn++) {
        pb_weights *w = NULL;
        pb_error *error = NULL;
        clock_t start = clock();
        assert_ok(pb_weights_open(path, &w, &error), &error);
        double took = (double)(clock() - start) / CLOCKS_PER_SEC;
        assert_int_equal(pb_weights_count(w), n);
        pb_weights_close(&w);
        best = took < best ? took : best;
    }
    return best;
}

static void test_time_in_proportion(void **state)
{
    double few = seconds_to_open(*state, 4000), many = seconds_to_open(*state, 32000);
    assert_true(many < 40 * few);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_texts),
        cmocka_unit_test_setup_teardown(test_made_here, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_config_of, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_config_refused, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_found, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_other_versions, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_lying_keys, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_lying_lists, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_lying_tensors, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_cut_anywhere, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_time_in_proportion, scratch_set_up, scratch_tear_down),
    };
    return cmocka_run_group_tests_name("gguf", tests, NULL, NULL);
}
