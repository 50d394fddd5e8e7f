/* UTF-8, text made visible, and the nearest name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "base/visible.h"

static void test_utf8_round_trip(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x110000; code++) {
        char bytes[4];
        size_t length = pb_utf8_encode(code, bytes), at = 0;
        if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
            assert_int_equal(length, 0);
            continue;
        }
        assert_int_equal(pb_utf8_next(bytes, length, &at), code);
        assert_int_equal(at, length);
    }
}

/* Each is one invalid byte and then whatever follows. */
static void test_utf8_invalid(void **state)
{
    (void)state;
    static const char *const wrong[] = {"\x80",
                                        "\xBF",
                                        "\xC0\x80",
                                        "\xC1\xBF",
                                        "\xC3",
                                        "\xC3(",
                                        "\xE0\x80\x80",
                                        "\xE0\x9F\xBF",
                                        "\xED\xA0\x80",
                                        "\xED\xBF\xBF",
                                        "\xE2\x82",
                                        "\xF0\x80\x80\x80",
                                        "\xF0\x8F\xBF\xBF",
                                        "\xF4\x90\x80\x80",
                                        "\xF5\x80\x80\x80",
                                        "\xFF",
                                        "\xFE",
                                        "\xF0\x9F\x98"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        size_t at = 0, length = strlen(wrong[i]);
        assert_int_equal(pb_utf8_next(wrong[i], length, &at), PB_UTF8_INVALID);
        assert_int_equal(at, 1);
        assert_int_equal(pb_utf8_valid_prefix(wrong[i], length), 0);
    }
    assert_int_equal(pb_utf8_valid_prefix("ab\xE2\x82\xAC\xE2", 6), 5);
}

static void test_utf8_counting(void **state)
{
    (void)state;
    const char text[] = "a\xC3\xA9\xE6\xBC\xA2\xFF";
    size_t length = sizeof text - 1;
    assert_int_equal(pb_utf8_count(text, length), 4);
    assert_int_equal(pb_utf8_offset(text, length, 0), 0);
    assert_int_equal(pb_utf8_offset(text, length, 2), 3);
    assert_int_equal(pb_utf8_offset(text, length, 9), length);
    assert_int_equal(pb_utf8_width(text, length), 5);
    assert_int_equal(pb_utf8_width("e\xCC\x81", 3), 1);
}

static void assert_visible(const char *text, size_t length, const char *expected)
{
    pb_buffer out = PB_BUFFER_EMPTY;
    pb_visible_text(&out, text, length);
    assert_string_equal(out.data, expected);
    assert_int_equal(pb_utf8_valid_prefix(out.data, out.length), out.length);
    pb_buffer_free(&out);
}

static void test_visible(void **state)
{
    (void)state;
    assert_visible(" great", 6, "·great");
    assert_visible("a b ", 4, "a b·");
    assert_visible("", 0, "\"\"");
    assert_visible("\n\t\x1b", 3, "⏎⇥␛");
    assert_visible("\xE2\x80", 2, "\\xe2\\x80");
    /* What takes no room, turns the direction of text, or breaks a line: each end of a range. */
    static const struct {
        const char *text, *shown;
    } hidden[] = {
        {"\xC2\x80", "⟨U+0080⟩"},     {"\xC2\xA0", "⟨U+00A0⟩"},     {"\xC2\xAD", "⟨U+00AD⟩"},
        {"\xE2\x80\x80", "⟨U+2000⟩"}, {"\xE2\x80\x8B", "⟨U+200B⟩"}, {"\xE2\x80\x8E", "⟨U+200E⟩"},
        {"\xE2\x80\x8F", "⟨U+200F⟩"}, {"\xE2\x80\xA8", "⟨U+2028⟩"}, {"\xE2\x80\xAF", "⟨U+202F⟩"},
        {"\xE2\x81\x9F", "⟨U+205F⟩"}, {"\xE2\x81\xAF", "⟨U+206F⟩"}, {"\xE3\x80\x80", "⟨U+3000⟩"}};
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        assert_visible(hidden[i].text, strlen(hidden[i].text), hidden[i].shown);
    assert_visible("\xC2\xA1\xE2\x80\x90\xE2\x80\xB0", 8, "\xC2\xA1\xE2\x80\x90\xE2\x80\xB0");
    pb_buffer out = PB_BUFFER_EMPTY;
    pb_quoted_text(&out, "\"a\\\n\xFF\0", 6);
    assert_string_equal(out.data, "\"\\\"a\\\\\\n\\xff\\x00\"");
    pb_buffer_free(&out);
}

static void test_edit_distance(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t half_edits;
    } rows[] = {{"", "", 0},       {"a", "", 2},
                {"", "abc", 6},    {"abc", "abc", 0},
                {"abc", "abd", 2}, {"abc", "acb", 2},
                {"abc", "ABC", 3}, {"abc", "xabc", 2},
                {"ca", "abc", 6},  {"kitten", "sitting", 6},
                {"é", "e", 2},     {"éa", "aé", 2}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(pb_edit_distance(rows[i].a, rows[i].b), rows[i].half_edits);
        assert_int_equal(pb_edit_distance(rows[i].b, rows[i].a), rows[i].half_edits);
    }
    char *huge = calloc(1, 100001);
    memset(huge, 'a', 100000);
    assert_int_equal(pb_edit_distance(huge, ""), 2 * 128);
    free(huge);
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"attribute", "attention", "heatmap", "top", "resid_post"};
    static const struct {
        const char *wanted, *nearest;
    } rows[] = {{"attribut", "attribute"},
                {"atribute", "attribute"},
                {"Attention", "attention"},
                {"heat_map", "heatmap"},
                {"tpo", "top"},
                {"TOP", "top"},
                {"residpost", "resid_post"},
                {"resid", "resid_post"},
                {"x", NULL},
                {"banana", NULL},
                {"", NULL},
                {"to", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *found = pb_nearest(rows[i].wanted, names, sizeof names / sizeof names[0]);
        if (rows[i].nearest)
            assert_string_equal(found ? found : "(none)", rows[i].nearest);
        else
            assert_null(found);
    }
    assert_null(pb_nearest("x", NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_round_trip), cmocka_unit_test(test_utf8_invalid),
        cmocka_unit_test(test_utf8_counting),   cmocka_unit_test(test_visible),
        cmocka_unit_test(test_edit_distance),   cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
