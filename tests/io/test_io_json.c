/* JSON: what Python's json.loads makes of it is right; it is named where it reads more than RFC
 * 8259 has. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/json.h"
#include "scratch.h"

/* Behind it lies no NUL, as behind the header of a safetensors file. */
static char *copy;

static pb_json object(const char *json)
{
    pb_json root = {NULL};
    pb_error *error = NULL;
    free(copy);
    copy = malloc(strlen(json) + 1);
    memcpy(copy, json, strlen(json));
    assert_ok(pb_json_object("x.json", copy, strlen(json), &root, &error), &error);
    return root;
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json, *part;
    } rows[] = {
        {"", "'x.json' is not valid JSON: line 1: an object was expected"},
        {"[]", "holds a JSON array"},
        {"{", "line 1: a string was expected"},
        {"{\n\n\"a\"", "line 3: ':' was expected"},
        {"{\"a\":", "a value was expected"},
        {"{\"a\":1", "',' or '}' was expected"},
        {"{\"a\":[1", "',' or ']' was expected"},
        {"{\"a\":[1}", "',' or ']' was expected"},
        {"{\"a\":[1,]}", "a value was expected"},
        {"{\"a\":1,}", "a string was expected"},
        {"{\"a\":1} x", "the end was expected"},
        {"{\"a\":1}}", "the end was expected"},
        {"{\"a\":01}", "a leading zero"},
        {"{\"a\":1.}", "a digit was expected"},
        {"{\"a\":.5}", "a value was expected"},
        {"{\"a\":1e}", "a digit was expected"},
        {"{\"a\":+1}", "a value was expected"},
        {"{\"a\":-}", "a digit was expected"},
        {"{\"a\":tru}", "a value was expected"},
        {"{\"a\":truex}", "',' or '}' was expected"},
        {"{\"a\":NaNx}", "',' or '}' was expected"},
        {"{\"a\":-NaN}", "a digit was expected"},
        {"{\"a\":\"\t\"}", "a control character in a string"},
        {"{\"a\":\"", "a string does not end"},
        {"{\"a\":\"\\x\"}", "a backslash that begins no escape"},
        {"{\"a\":\"\\u12g4\"}", "\\u without four digits"},
        {"{\"a\":\"\\u12", "\\u without four digits"},
        {"{\"a\":\"\xff\"}", "a byte that is not UTF-8"},
        {"{'a':1}", "a string was expected"},
        {"{a:1}", "a string was expected"},
        {"{1:1}", "a string was expected"},
        {"/* */{}", "an object was expected"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pb_json root;
        pb_error *error = NULL;
        size_t length = strlen(rows[i].json);
        char *bytes = malloc(length + 1); /* so that a reader past the end is found out */
        memcpy(bytes, rows[i].json, length);
        bytes = realloc(bytes, length ? length : 1);
        assert_error(pb_json_object("x.json", bytes, length, &root, &error), &error, PB_FORMAT,
                     rows[i].part);
        free(bytes);
    }
}

static void test_depth(void **state)
{
    (void)state;
    char json[4096];
    pb_json root;
    pb_error *error = NULL;
    for (size_t depth = 511; depth <= 512; depth++) {
        size_t n = 0;
        n += (size_t)snprintf(json, sizeof json, "{\"a\":");
        for (size_t i = 0; i < depth; i++)
            json[n++] = '[';
        for (size_t i = 0; i < depth; i++)
            json[n++] = ']';
        json[n++] = '}';
        pb_status status = pb_json_object("x.json", json, n, &root, &error);
        if (depth == 511)
            assert_ok(status, &error);
        else
            assert_error(status, &error, PB_FORMAT, "too deep in each other");
    }
}

static void assert_text(pb_json value, const char *expected, size_t length)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_json_append(value, &text);
    assert_int_equal(text.length, length);
    assert_memory_equal(text.data, expected, length + 1);
    pb_buffer_free(&text);
}

static void test_texts(void **state)
{
    (void)state;
    pb_json root = object("\xEF\xBB\xBF {\"\": \"\", \"a\\u0000b\": \"x\\u0000y\", \"esc\": "
                          "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\", \"pair\": \"\\ud83d\\ude00\","
                          "\"half\": \"\\ud83dx\\ude00\", \"raw\": \"\xC3\xA9\"}");
    assert_text(pb_json_get(root, ""), "", 0);
    assert_text(pb_json_get(root, "esc"), "\"\\/\b\f\n\r\t\xC3\xA9", 10);
    assert_text(pb_json_get(root, "pair"), "\xF0\x9F\x98\x80", 4);
    assert_text(pb_json_get(root, "half"), "\xEF\xBF\xBDx\xEF\xBF\xBD", 7);
    assert_true(pb_json_says(pb_json_get(root, "raw"), "\xC3\xA9"));
    assert_true(pb_json_says(pb_json_get(root, ""), ""));
    assert_null(pb_json_get(root, "a").at); /* a NUL ends no name */
    pb_json key, value;
    pb_json_items items = pb_json_each(root);
    assert_true(pb_json_next(&items, &key, &value) && pb_json_next(&items, &key, &value));
    assert_text(key, "a\0b", 3);
    assert_text(value, "x\0y", 3);
    assert_false(pb_json_says(value, "x"));
    assert_text((pb_json){NULL}, "", 0);
}

static void test_values(void **state)
{
    (void)state;
    pb_json root = object("{\"i\": 12, \"n\": -9223372036854775808, \"m\": 9223372036854775807,"
                          "\"big\": 9223372036854775808, \"r\": 1.0, \"e\": 1e2, \"nan\": NaN,"
                          "\"inf\": Infinity, \"minf\": -Infinity, \"t\": true, \"f\": false,"
                          "\"z\": null, \"l\": [ 1 , [2,\"]\"] , {} ], \"o\":{\"k\":[]},"
                          "\"i\": 13, \"huge\": 1e999}");
    int64_t i = 0;
    double d = 0;
    assert_true(pb_json_as_integer(pb_json_get(root, "i"), &i) && i == 13); /* the last counts */
    assert_true(pb_json_as_integer(pb_json_get(root, "n"), &i) && i == INT64_MIN);
    assert_true(pb_json_as_integer(pb_json_get(root, "m"), &i) && i == INT64_MAX);
    static const char *const no_integers[] = {"big", "r", "e", "nan", "inf", "t", "z", "l", "none"};
    for (size_t n = 0; n < sizeof no_integers / sizeof *no_integers; n++)
        assert_false(pb_json_as_integer(pb_json_get(root, no_integers[n]), &i));
    assert_true(pb_json_as_number(pb_json_get(root, "e"), &d) && d == 100.0);
    assert_true(pb_json_as_number(pb_json_get(root, "nan"), &d) && isnan(d));
    assert_true(pb_json_as_number(pb_json_get(root, "minf"), &d) && d == -INFINITY);
    assert_true(pb_json_as_number(pb_json_get(root, "huge"), &d) && d == INFINITY);
    assert_false(pb_json_as_number(pb_json_get(root, "t"), &d));
    assert_true(pb_json_is_true(pb_json_get(root, "t")));
    assert_false(pb_json_is_true(pb_json_get(root, "f")));
    assert_non_null(pb_json_get(root, "z").at);
    assert_null(pb_json_given(root, "z").at);
    assert_int_equal(pb_json_count(pb_json_get(root, "l")), 3);
    assert_int_equal(pb_json_count(pb_json_get(root, "o")), 1);
    assert_int_equal(pb_json_count(pb_json_get(root, "i")), 0);
    assert_int_equal(pb_json_count(pb_json_get(pb_json_get(root, "o"), "k")), 0);
    assert_null(pb_json_get(pb_json_get(root, "i"), "x").at);
    char shown[PB_JSON_SHOWN];
    assert_string_equal(pb_json_show(pb_json_get(root, "l"), shown), "[1,[2,\"]\"],{}]");
    assert_string_equal(pb_json_show(root, shown) + PB_JSON_SHOWN - 4, "...");
}

static int tear_down(void **state)
{
    (void)state;
    free(copy);
    copy = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
