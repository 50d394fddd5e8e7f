/* JSON from outside: what is accepted, what is refused, what is repaired; and JSON that we write.
 */
#include "protocol_tests.h"
#include "writer.h"

static pb_status read_text(const char *text, size_t length, json_t **object)
{
    pb_error *error = NULL;
    pb_status status = pb_json_read(text, length, "content", object, &error);
    assert_int_equal(!status, error == NULL);
    assert_int_equal(!status, *object != NULL);
    pb_error_destroy(&error);
    return status;
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "null",
        "3",
        "[]",
        "{",
        "{}x",
        "{\"a\"}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":NaN}",
        "\"{}\"",
        "{\"a\":1e999}",
        "{\"\\x\":1}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":1,\"a\":2}",
        "{\"b\":{\"a\":1,\"a\":2}}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\xed\xa0\x80\"}",
        "{\"a\":\"\xc0\x80\"}",
        "{\"a\":\"\xf4\x90\x80\x80\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_t *object = NULL;
        if (!read_text(texts[i], strlen(texts[i]), &object))
            fail_msg("accepted: %s", texts[i]);
    }
}

/* Writes an object of so many levels; gives its length. */
static size_t nest(char *text, int depth)
{
    pb_buffer nested = PB_BUFFER_EMPTY;
    for (int i = 0; i < depth; i++)
        pb_buffer_text(&nested, "{\"k\":");
    pb_buffer_byte(&nested, '1');
    pb_buffer_repeat(&nested, '}', (size_t)depth);
    size_t length = nested.length;
    memcpy(text, nested.data, length);
    pb_buffer_free(&nested);
    return length;
}

static void test_depth(void **state)
{
    (void)state;
    char text[1024];
    json_t *object = NULL;
    for (int depth = PB_JSON_DEPTH - 1; depth <= PB_JSON_DEPTH + 1; depth++) {
        pb_status status = read_text(text, nest(text, depth), &object);
        assert_int_equal(status, depth <= PB_JSON_DEPTH ? PB_OK : PB_LIMIT);
        json_decref(object);
    }
    memset(text, '[', sizeof text); /* far deeper than jansson's own limit matters */
    assert_int_equal(read_text(text, sizeof text, &object), PB_LIMIT);
    const char brackets[] =
        "{\"a\": \"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
        "[[[[[[[[[[[\\\"[[[[[\"}"; /* in a string they are text */
    assert_int_equal(read_text(brackets, sizeof brackets - 1, &object), PB_OK);
    json_decref(object);
}

/* The field "a" of a text, which must be read. */
static void assert_text(const char *text, const char *expected, size_t length)
{
    json_t *object = NULL;
    pb_text value;
    assert_int_equal(read_text(text, strlen(text), &object), PB_OK);
    assert_int_equal(pb_json_needed_text(object, "a", &value, NULL), PB_OK);
    assert_int_equal(value.length, length);
    assert_memory_equal(value.data, expected, length);
    json_decref(object);
}

#define REPLACED "\xEF\xBF\xBD"

static void test_odd_strings(void **state)
{
    (void)state;
    assert_text("{\"a\": \"x\\u0000y\"}", "x\0y", 3);
    assert_text("{\"a\": \"\\ud83d\\ude42\"}", "\xF0\x9F\x99\x82", 4);
    assert_text("{\"a\": \"\\uD83D\"}", REPLACED, 3);
    assert_text("{\"a\": \"\\udc00\\ud83d\"}", REPLACED REPLACED, 6);
    assert_text("{\"a\": \"\\ud83d\\ud83d\\ude42\"}", REPLACED "\xF0\x9F\x99\x82", 7);
    assert_text("{\"a\": \"\\\\ud83d\"}", "\\ud83d", 6); /* an escaped backslash, then letters */
    assert_text("{\"a\": \"\\ud83dx\"}", REPLACED "x", 4);
}

static void test_integers_and_flags(void **state)
{
    (void)state;
    const char text[] =
        "{\"i\": 3, \"r\": 3.0, \"h\": 3.5, \"big\": 123456789012345678901234567890,"
        " \"t\": true, \"n\": null, \"s\": \"3\"}";
    json_t *object = NULL;
    int64_t integer;
    bool flag;
    assert_int_equal(read_text(text, sizeof text - 1, &object), PB_OK);
    const struct {
        const char *key;
        bool good;
        int64_t value;
    } cases[] = {{"i", true, 3}, {"r", true, 3},  {"h", false, 0},      {"big", false, 0},
                 {"n", true, 7}, {"s", false, 0}, {"missing", true, 7}, {"t", false, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pb_status status = pb_json_integer(object, cases[i].key, 7, &integer, NULL);
        assert_int_equal(!status, cases[i].good);
        if (cases[i].good)
            assert_int_equal(integer, cases[i].value);
    }
    assert_int_equal(pb_json_flag(object, "t", false, &flag, NULL), PB_OK);
    assert_true(flag);
    assert_int_equal(pb_json_flag(object, "missing", true, &flag, NULL), PB_OK);
    assert_true(flag);
    assert_int_equal(pb_json_flag(object, "i", true, &flag, NULL), PB_FORMAT);
    json_decref(object);
}

/* ---- writing ---- */

static void test_writer_builds_json(void **state)
{
    (void)state;
    pb_writer writer = PB_WRITER_EMPTY;
    pb_write_open(&writer, '{');
    pb_write_pair(&writer, "a", "b");
    pb_write_key(&writer, "list");
    pb_write_open(&writer, '[');
    pb_write_integer(&writer, INT64_MIN);
    pb_write_boolean(&writer, true);
    pb_write_string(&writer, NULL);
    pb_write_open(&writer, '{');
    pb_write_close(&writer, '}');
    pb_write_close(&writer, ']');
    pb_write_pair(&writer, "z", "");
    pb_write_close(&writer, '}');
    char *text = pb_buffer_take(&writer.text);
    assert_string_equal(text,
                        "{\"a\":\"b\",\"list\":[-9223372036854775808,true,null,{}],\"z\":\"\"}");
    free(text);
}

/* Every byte string comes back through jansson as itself, invalid bytes replaced. */
static void test_written_strings_are_read_back(void **state)
{
    (void)state;
    unsigned seed = 1;
    for (int round = 0; round < 2000; round++) {
        char bytes[64];
        size_t length = (size_t)round % sizeof bytes;
        for (size_t i = 0; i < length; i++) {
            seed = seed * 1103515245u + 12345u;
            bytes[i] = (char)(round % 2 ? seed >> 16 : (seed >> 16) % 128);
        }
        pb_writer writer = PB_WRITER_EMPTY;
        pb_write_bytes(&writer, bytes, length);
        char *text = pb_buffer_take(&writer.text);
        json_error_t fault;
        json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &fault);
        assert_non_null(value);
        if (round % 2 == 0) {
            assert_int_equal(json_string_length(value), length);
            assert_memory_equal(json_string_value(value), bytes, length);
        }
        json_decref(value);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_odd_strings),
        cmocka_unit_test(test_integers_and_flags),
        cmocka_unit_test(test_writer_builds_json),
        cmocka_unit_test(test_written_strings_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
