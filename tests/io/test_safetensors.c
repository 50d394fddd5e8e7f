/* Weights: what a good file gives, and every way a bad one can lie about itself. */
#include <math.h>
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
#include "io/safetensors.h"
#include "scratch.h"

/* Writes folder/name: the header's length as announced, the header, `n_data` bytes. */
static const char *write_file(const char *folder, const char *name, uint64_t announced,
                              const char *header, const void *data, size_t n_data)
{
    pb_buffer file = PB_BUFFER_EMPTY;
    for (int i = 0; i < 8; i++)
        pb_buffer_byte(&file, (char)(announced >> 8 * i));
    pb_buffer_text(&file, header);
    pb_buffer_append(&file, data, n_data);
    assert_false(file.failed);
    const char *path = scratch_write(folder, name, file.data, file.length);
    pb_buffer_free(&file);
    return path;
}

static const char *write_good(const char *folder, const char *name, const char *header,
                              const void *data, size_t n_data)
{
    return write_file(folder, name, strlen(header), header, data, n_data);
}

/* ---- good files ---- */

static void test_default_model(void **state)
{
    (void)state;
    pb_weights *w = NULL;
    pb_error *error = NULL;
    assert_ok(pb_weights_open("models/reviews-4m", &w, &error), &error);
    const pb_weight *wte = pb_weights_find(w, "transformer.wte.weight");
    assert_non_null(wte);
    assert_int_equal(wte->dtype, PB_DTYPE_F16);
    assert_int_equal(wte->rank, 2);
    assert_int_equal(wte->shape[0], 8192);
    assert_int_equal(wte->shape[1], 192);
    assert_int_equal(wte->count, 8192 * 192);

    float *all = malloc(wte->count * sizeof *all), rows[3 * 192];
    assert_non_null(all);
    assert_ok(pb_weights_read(w, wte, all, &error), &error);
    assert_ok(pb_weights_read_rows(w, wte, 8189, 3, rows, &error), &error);
    assert_memory_equal(rows, all + 8189 * 192, sizeof rows);
    for (size_t i = 0; i < wte->count; i++)
        assert_true(isfinite(all[i]));
    free(all);
    assert_error(pb_weights_read_rows(w, wte, 8190, 3, rows, &error), &error, PB_RANGE,
                 "rows 8190 to 8193 of tensor 'transformer.wte.weight' were wanted, and it has "
                 "8192");
    assert_error(pb_weights_read_rows(w, wte, SIZE_MAX, 2, rows, &error), &error, PB_RANGE, "rows");

    const pb_weight *none;
    assert_error(pb_weights_need(w, "transformer.wte.wieght", &none, &error), &error, PB_NAME,
                 "'transformer.wte.weight'");
    assert_null(pb_weights_find(w, ""));
    pb_weights_close(&w);
    assert_null(w);
}

/* Of as many axes as are kept, and of more. */
static void test_many_axes(void **state)
{
    static const char *const shapes[] = {"[1,1,1,1,1,1,1,2]", "[1,1,1,1,1,1,1,2,1]"};
    static const float values[2] = {1, 2};
    for (size_t i = 0; i < 2; i++) {
        char header[128];
        pb_weights *w = NULL;
        pb_error *error = NULL;
        snprintf(header, sizeof header,
                 "{\"x\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[0,8]}}", shapes[i]);
        const char *path = write_good(*state, "x", header, (const char *)values, sizeof values);
        assert_ok(pb_weights_open_file(path, &w, &error), &error);
        const pb_weight *x = pb_weights_at(w, 0);
        assert_int_equal(x->rank, 8 + i);
        assert_int_equal(x->count, 2);
        assert_int_equal(x->shape[0], 1);
        assert_int_equal(x->shape[7], 2);
        pb_weights_close(&w);
    }
}

/* One tensor of six values in each type that can be read. */
static void test_types(void **state)
{
    static const uint16_t halves[] = {0x3C00, 0xC000, 0x0001, 0x7BFF, 0x7C00, 0xFE00};
    static const uint16_t brains[] = {0x3F80, 0xC000, 0x0001, 0x7F7F, 0x7F80, 0xFFC0};
    static const float singles[] = {1.0f, -2.0f, 0x1p-149f, 3.4e38f, INFINITY, NAN};
    static const double doubles[] = {1.0, -2.0, 1e-30, 0.1, INFINITY, NAN};
    static const struct {
        const char *dtype;
        const void *data;
        size_t size;
        float expected[5]; /* and a NaN */
    } rows[] = {
        {"F16", halves, 2, {1.0f, -2.0f, 0x1p-24f, 65504.0f, INFINITY}},
        {"BF16", brains, 2, {1.0f, -2.0f, 0x1p-133f, 0x1.FEp127f, INFINITY}},
        {"F32", singles, 4, {1.0f, -2.0f, 0x1p-149f, 3.4e38f, INFINITY}},
        {"F64", doubles, 8, {1.0f, -2.0f, 1e-30f, 0.1f, INFINITY}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char header[128];
        float values[6];
        pb_weights *w = NULL;
        pb_error *error = NULL;
        snprintf(header, sizeof header,
                 "{\"x\":{\"dtype\":\"%s\",\"shape\":[2,3],\"data_offsets\":[0,%zu]}}",
                 rows[i].dtype, 6 * rows[i].size);
        const char *path = write_good(*state, "x", header, rows[i].data, 6 * rows[i].size);
        assert_ok(pb_weights_open_file(path, &w, &error), &error);
        const pb_weight *x = pb_weights_at(w, 0);
        assert_string_equal(x->name, "x");
        assert_string_equal(x->dtype_name, rows[i].dtype);
        assert_ok(pb_weights_read(w, x, values, &error), &error);
        for (size_t k = 0; k < 5; k++)
            assert_true(values[k] == rows[i].expected[k]);
        assert_true(isnan(values[5]));
        float last[3];
        assert_ok(pb_weights_read_rows(w, x, 1, 1, last, &error), &error);
        assert_memory_equal(last, values + 3, sizeof last);
        pb_weights_close(&w);
    }
}

/* Every half that is a number, against the plain formula. */
static void test_every_half(void **state)
{
    static const char header[] =
        "{\"x\":{\"dtype\":\"F16\",\"shape\":[65536],\"data_offsets\":[0,131072]}}";
    uint16_t *halves = malloc(65536 * sizeof *halves);
    float *values = malloc(65536 * sizeof *values);
    pb_weights *w = NULL;
    pb_error *error = NULL;
    assert_true(halves && values);
    for (size_t i = 0; i < 65536; i++)
        halves[i] = (uint16_t)i;
    const char *path = write_good(*state, "x", header, halves, 65536 * sizeof *halves);
    assert_ok(pb_weights_open_file(path, &w, &error), &error);
    assert_ok(pb_weights_read(w, pb_weights_at(w, 0), values, &error), &error);
    for (size_t i = 0; i < 65536; i++) {
        int exponent = i >> 10 & 31, fraction = i & 1023;
        double size = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
        if (exponent == 31)
            size = fraction ? NAN : INFINITY;
        double expected = i >> 15 ? -size : size;
        assert_true(isnan(expected) ? isnan(values[i]) : values[i] == (float)expected);
        assert_int_equal(signbit(values[i]) != 0, i >> 15);
    }
    pb_weights_close(&w);
    free(halves);
    free(values);
}

static void test_odd_but_good(void **state)
{
    pb_weights *w = NULL;
    pb_error *error = NULL;
    /* Metadata, a scalar, empty tensors at one place, header padded with spaces, names out of
     * order. */
    const char *path =
        write_good(*state, "x",
                   "{\"__metadata__\":{\"format\":\"pt\"},"
                   "\"b\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[4,8]},"
                   "\"none\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[4,4]},"
                   "\"nil\":{\"dtype\":\"I64\",\"shape\":[0],\"data_offsets\":[8,8]},"
                   "\"a\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[0,4]}}       ",
                   "\1\2\3\4\0\0\200\77", 8);
    assert_ok(pb_weights_open_file(path, &w, &error), &error);
    assert_int_equal(pb_weights_count(w), 4);
    assert_string_equal(pb_weights_at(w, 0)->name, "a");
    assert_string_equal(pb_weights_at(w, 1)->name, "none");
    assert_string_equal(pb_weights_at(w, 3)->name, "nil");
    float value = 0;
    assert_ok(pb_weights_read(w, pb_weights_find(w, "b"), &value, &error), &error);
    assert_true(value == 1.0f);
    assert_ok(pb_weights_read(w, pb_weights_find(w, "none"), NULL, &error), &error);
    assert_error(pb_weights_read(w, pb_weights_find(w, "a"), &value, &error), &error,
                 PB_UNSUPPORTED, "tensor 'a' holds I8, and F32, F16, BF16 or F64");
    assert_error(pb_weights_read_rows(w, pb_weights_find(w, "b"), 0, 1, &value, &error), &error,
                 PB_RANGE, "it has 0");
    pb_weights_close(&w);

    path = write_good(*state, "x", "{}", NULL, 0);
    assert_ok(pb_weights_open_file(path, &w, &error), &error);
    assert_int_equal(pb_weights_count(w), 0);
    pb_weights_close(&w);
}

/* ---- files that lie ---- */

#define TENSOR(shape, from, to)                                                                    \
    "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]}"

static void test_lies(void **state)
{
    static const struct {
        const char *header, *part;
        size_t n_data;
    } rows[] = {
        {"", "not valid JSON", 0},
        {"[]", "an object was expected", 0},
        {"{\"x\":", "not valid JSON", 0},
        {"{\"x\":1}", "the entry of tensor 'x' is not an object", 0},
        {"{\"x\":{}}", "tensor 'x' has no dtype", 0},
        {"{\"x\":{\"dtype\":4}}", "the dtype of tensor 'x' is 4", 0},
        {"{\"x\":{\"dtype\":\"F32\"}}", "tensor 'x' has no shape", 0},
        {"{\"x\":" TENSOR("4", "0", "16") "}", "the shape of tensor 'x' is 4", 16},
        {"{\"x\":" TENSOR("[-4]", "0", "16") "}", "the shape of tensor 'x' is [-4]", 16},
        {"{\"x\":" TENSOR("[4.0]", "0", "16") "}", "the shape of tensor 'x' is [4.0]", 16},
        {"{\"x\":" TENSOR("[\"4\"]", "0", "16") "}", "the shape of tensor 'x'", 16},
        {"{\"x\":" TENSOR("[4294967296,4294967296]", "0", "0") "}", "fits into memory", 0},
        {"{\"x\":" TENSOR("[4611686018427387904]", "0", "0") "}", "fits into memory", 0},
        {"{\"x\":" TENSOR("[4294967297,4294967295,4294967297]", "0", "4") "}", "into memory", 4},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1]}}", "tensor 'x' has no data_offsets", 4},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", "data_offsets", 4},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,2,4]}}", "data_offsets", 4},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":4}}", "data_offsets", 4},
        {"{\"x\":" TENSOR("[1]", "4", "0") "}", "is [4,0], and an array of a start", 4},
        {"{\"x\":" TENSOR("[1]", "-4", "0") "}", "is [-4,0]", 4},
        {"{\"x\":" TENSOR("[1]", "0.0", "4.0") "}", "is [0.0,4.0]", 4},
        {"{\"x\":" TENSOR("[1]", "0", "8") "}", "takes 4 bytes by its dtype and shape", 8},
        {"{\"x\":" TENSOR("[3]", "0", "8") "}", "takes 12 bytes", 8},
        {"{\"x\":" TENSOR("[2]", "0", "8") "}", "is cut off: tensor 'x' ends at byte", 7},
        {"{\"x\":" TENSOR("[2]", "9223372036854775799", "9223372036854775807") "}", "cut off", 8},
        {"{\"x\":" TENSOR("[2]", "0", "8") "}", "and its tensors end at byte", 9},
        {"{}", "and its tensors end at byte", 1},
        {"{\"x\":" TENSOR("[1]", "0", "4") ",\"y\":" TENSOR("[1]", "8", "12") "}",
         "4 bytes before tensor 'y' belong to no tensor", 12},
        {"{\"x\":" TENSOR("[1]", "4", "8") "}", "4 bytes before tensor 'x'", 8},
        {"{\"x\":" TENSOR("[1]", "1", "5") "}", "1 bytes before tensor 'x'", 5},
        {"{\"x\":" TENSOR("[2]", "0", "8") ",\"y\":" TENSOR("[2]", "4", "12") "}",
         "tensors 'x' and 'y' overlap", 12},
        {"{\"x\":" TENSOR("[1]", "0", "4") ",\"y\":" TENSOR("[1]", "0", "4") "}", "overlap", 4},
        {"{\"\xff\":" TENSOR("[1]", "0", "4") "}", "not valid JSON", 4},
        {"{\"x\":" TENSOR("[1]", "0", "99999999999999999999") "}",
         "is [0,99999999999999999999], and an array", 4},
    };
    char data[16] = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pb_weights *w = NULL;
        pb_error *error = NULL;
        const char *path = write_good(*state, "x", rows[i].header, data, rows[i].n_data);
        assert_error(pb_weights_open_file(path, &w, &error), &error, PB_FORMAT, rows[i].part);
        assert_null(w);
    }
}

static void test_lying_lengths(void **state)
{
    static const struct {
        uint64_t announced;
        const char *part;
    } rows[] = {{3, "is cut off: its header ends at byte 11, and the file has 10 bytes"},
                {1 << 20, "is cut off: its header ends"},
                {UINT64_MAX, "may not be a safetensors file"},
                {INT64_MAX, "may not be a safetensors file"},
                {UINT64_MAX - 7, "may not be a safetensors file"},
                {0, "not valid JSON"},
                {1, "not valid JSON"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pb_weights *w = NULL;
        pb_error *error = NULL;
        const char *path = write_file(*state, "x", rows[i].announced, "{}", NULL, 0);
        assert_error(pb_weights_open_file(path, &w, &error), &error, PB_FORMAT, rows[i].part);
    }
}

/* What stands there instead of a safetensors file, most of the time. */
static void test_other_files(void **state)
{
    static const struct {
        const char *start, *hint;
    } rows[] = {{"version https://git-lfs.github.com/spec/v1\noid sha256:", "git lfs pull"},
                {"<!DOCTYPE html><html>", "web page"},
                {"PK\003\004\024\010\010\010", "safe_serialization"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pb_weights *w = NULL;
        pb_error *error = NULL;
        const char *path = scratch_text(*state, "x", rows[i].start);
        assert_int_equal(pb_weights_open_file(path, &w, &error), PB_FORMAT);
        assert_non_null(pb_error_hint_text(error));
        assert_non_null(strstr(pb_error_hint_text(error), rows[i].hint));
        pb_error_destroy(&error);
    }
}

/* A good file cut at every byte: never a crash, always an error that names it. */
static void test_cut_anywhere(void **state)
{
    static const char header[] = "{\"x\":" TENSOR("[2]", "0", "8") "}";
    size_t whole = 8 + strlen(header) + 8;
    for (size_t length = 0; length < whole; length++) {
        pb_weights *w = NULL;
        pb_error *error = NULL;
        const char *path = write_good(*state, "x", header, "abcdefgh", 8);
        assert_int_equal(truncate(path, (off_t)length), 0);
        assert_error(pb_weights_open_file(path, &w, &error), &error, PB_FORMAT, path);
    }
}

static void test_cut_while_open(void **state)
{
    pb_weights *w = NULL;
    pb_error *error = NULL;
    const char *path =
        write_good(*state, "x", "{\"x\":" TENSOR("[2]", "0", "8") "}", "abcdefgh", 8);
    assert_ok(pb_weights_open_file(path, &w, &error), &error);
    assert_int_equal(truncate(path, 20), 0);
    float values[2];
    assert_error(pb_weights_read(w, pb_weights_at(w, 0), values, &error), &error, PB_IO,
                 "ends too early: 8 bytes were expected");
    pb_weights_close(&w);
}

/* ---- folders and shards ---- */

/* What safetensors 0.8 opens: entries that nobody needs may be of types that are not known here, of
 * any rank, under any name. */
static void test_not_needed(void **state)
{
    static const char *const more[] = {
        "\"x\":{\"dtype\":\"F4\",\"shape\":[8],\"data_offsets\":[4,8]}",
        "\"x\":{\"dtype\":\"F8_E8M0\",\"shape\":[4],\"data_offsets\":[4,8]}",
        "\"x\":{\"dtype\":\"F8_E4M3\",\"shape\":[2,2],\"data_offsets\":[4,8]}",
        "\"x\":{\"dtype\":\"C64\",\"shape\":[],\"data_offsets\":[4,8]}",
        "\"x\":{\"dtype\":\"of next year\",\"shape\":[9],\"data_offsets\":[4,8]}",
        "\"x\":{\"dtype\":\"U8\",\"shape\":[4294967296,4294967296],\"data_offsets\":[4,8]}",
        "\"x\":" TENSOR("[1,1,1,1,1,1,1,1,1,1]", "4", "8"),
        "\"a\\u0000b\":" TENSOR("[1]", "4", "8"),
        "\"x\":" TENSOR("[]", "4", "8") ",\"__metadata__\":{\"a\\u0000\":\"\\u0000\"}",
        "\"x\":" TENSOR("[2]", "0", "8") ",\"x\":" TENSOR("[1]", "4", "8"), /* the last counts */
        "\"x\":{\"more\":[{}],\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}",
    };
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        char header[512];
        pb_weights *w = NULL;
        pb_error *error = NULL;
        float value = 0;
        snprintf(header, sizeof header, "{\"a\":" TENSOR("[1]", "0", "4") ",%s}  ", more[i]);
        const char *path = write_good(*state, "x", header, "\0\0\200\77abcd", 8);
        assert_ok(pb_weights_open_file(path, &w, &error), &error);
        assert_int_equal(pb_weights_count(w), 2);
        assert_ok(pb_weights_read(w, pb_weights_find(w, "a"), &value, &error), &error);
        assert_true(value == 1.0f);
        const pb_weight *other = pb_weights_at(w, 1);
        assert_non_null(other);
        assert_string_not_equal(other->name, "a");
        if (other->dtype == PB_DTYPE_OTHER)
            assert_error(pb_weights_read(w, other, &value, &error), &error, PB_UNSUPPORTED,
                         "tensor 'x' holds ");
        pb_weights_close(&w);
    }
}

/* Twice as many tensors take some twice the time, whatever the machine. */
static char *many_tensors(size_t n)
{
    pb_buffer json = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < n; i++)
        pb_buffer_format(&json,
                         "%s\"t%zu\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%zu,%zu]}",
                         i ? "," : "{", i, i, i + 1);
    pb_buffer_byte(&json, '}');
    return pb_buffer_take(&json);
}

static double seconds_to_open(const char *folder, size_t n)
{
    char *header = many_tensors(n), *data = calloc(n, 1);
    assert_true(header && data);
    const char *path = write_good(folder, "many", header, data, n);
    double best = 1e9;
    for (int turn = 0; turn < 3; turn++) {
        pb_weights *w = NULL;
        pb_error *error = NULL;
        clock_t start = clock();
        assert_ok(pb_weights_open_file(path, &w, &error), &error);
        double took = (double)(clock() - start) / CLOCKS_PER_SEC;
        assert_int_equal(pb_weights_count(w), n);
        pb_weights_close(&w);
        best = took < best ? took : best;
    }
    free(header);
    free(data);
    return best;
}

static void test_many_tensors(void **state)
{
    double few = seconds_to_open(*state, 10000), many = seconds_to_open(*state, 80000);
    assert_true(many < 8 * 4 * few + 0.05);
}

static const char one[] = "{\"a\":" TENSOR("[1]", "0", "4") "}";
static const char two[] = "{\"b\":" TENSOR("[1]", "0", "4") ",\"c\":" TENSOR("[1]", "4", "8") "}";

static void test_shards(void **state)
{
    pb_weights *w = NULL;
    pb_error *error = NULL;
    static const float values[] = {1, 2, 3};
    write_good(*state, "one.safetensors", one, values, 4);
    write_good(*state, "two.safetensors", two, values + 1, 8);
    scratch_text(*state, "model.safetensors.index.json",
                 "{\"metadata\":{\"total_size\":12},\"weight_map\":{\"c\":\"two.safetensors\","
                 "\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}");
    assert_ok(pb_weights_open(*state, &w, &error), &error);
    assert_int_equal(pb_weights_count(w), 3);
    float read = 0;
    for (size_t i = 0; i < 3; i++) {
        const char name[] = {"abc"[i], '\0'};
        const pb_weight *weight = pb_weights_find(w, name);
        assert_non_null(strstr(weight->file, i == 0 ? "one" : "two"));
        assert_ok(pb_weights_read(w, weight, &read, &error), &error);
        assert_true(read == values[i]);
    }
    pb_weights_close(&w);
}

static void test_bad_index(void **state)
{
    static const struct {
        const char *map, *part;
    } rows[] = {
        {"{}", "has no weight_map"},
        {"{\"weight_map\":[]}", "has no weight_map"},
        {"{\"weight_map\":{}}", "has no weight_map"},
        {"{\"weight_map\":{\"a\":1}}", "puts tensor 'a' into 1, and the name of a file"},
        {"{\"weight_map\":{\"a\":\"\"}}", "puts tensor 'a' into \"\""},
        {"{\"weight_map\":{\"a\":\"../one.safetensors\"}}", "into \"../one.safetensors\""},
        {"{\"weight_map\":{\"a\":\"..\"}}", "into \"..\""},
        {"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "into \"/etc/passwd\""},
        {"{\"weight_map\":{\"a\":\"x\\\\y\"}}", "and the name of a file"},
        {"{\"weight_map\":{\"b\":\"one.safetensors\"}}", "which has none"},
        {"{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"one.safetensors\"}}", "has none"},
        {"{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"copy.safetensors\"}}",
         "tensor 'a' is both in"},
    };
    write_good(*state, "one.safetensors", one, "abcd", 4);
    write_good(*state, "copy.safetensors", one, "abcd", 4);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pb_weights *w = NULL;
        pb_error *error = NULL;
        scratch_text(*state, "model.safetensors.index.json", rows[i].map);
        assert_error(pb_weights_open(*state, &w, &error), &error, PB_FORMAT, rows[i].part);
        assert_null(w);
    }
}

static void test_missing(void **state)
{
    pb_weights *w = NULL;
    pb_error *error = NULL;
    assert_error(pb_weights_open(*state, &w, &error), &error, PB_IO,
                 "neither model.safetensors nor model.safetensors.index.json");
    scratch_text(*state, "pytorch_model.bin", "");
    assert_error(pb_weights_open(*state, &w, &error), &error, PB_IO, "safe_serialization");
    scratch_text(*state, "model.safetensors.index.json",
                 "{\"weight_map\":{\"a\":\"gone.safetensors\"}}");
    assert_error(pb_weights_open(*state, &w, &error), &error, PB_IO, "gone.safetensors': No such");
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_set_up, scratch_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_model),
        WITH_SCRATCH(test_not_needed),
        WITH_SCRATCH(test_many_tensors),
        WITH_SCRATCH(test_many_axes),
        WITH_SCRATCH(test_types),
        WITH_SCRATCH(test_every_half),
        WITH_SCRATCH(test_odd_but_good),
        WITH_SCRATCH(test_lies),
        WITH_SCRATCH(test_lying_lengths),
        WITH_SCRATCH(test_other_files),
        WITH_SCRATCH(test_cut_anywhere),
        WITH_SCRATCH(test_cut_while_open),
        WITH_SCRATCH(test_shards),
        WITH_SCRATCH(test_bad_index),
        WITH_SCRATCH(test_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
