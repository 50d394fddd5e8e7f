/* Shell patterns: each rule, and the patterns that make careless matchers slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "glob.h"

static bool matches(const char *pattern, const char *text)
{
    return pb_glob_match(pattern, strlen(pattern), text, strlen(text));
}

static void test_rules(void **state)
{
    (void)state;
    const struct {
        const char *pattern, *text;
        bool expected;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "anything at all", true},
        {"a", "a", true},
        {"a", "A", false},
        {"a", "ab", false},
        {"?", "é", true},
        {"?", "", false},
        {"??", "é", false},
        {"top*", "top(\"x\")", true},
        {"top*", "stop", false},
        {"*top*", "stop it", true},
        {"*a*b*c*", "xxaxxbxxc", true},
        {"*a*b*c*", "xxcxxbxxa", false},
        {"*ab", "aab", true},
        {"*aab", "aaab", true},
        {"[abc]x", "bx", true},
        {"[abc]x", "dx", false},
        {"[a-c]", "b", true},
        {"[^a-c]", "b", false},
        {"[!a-c]", "z", true},
        {"[]]", "]", true},
        {"[a-]", "-", true},
        {"[а-я]", "ж", true},
        {"[abc", "[abc", true},
        {"a[", "a[", true},
        {"*[0-9]", "layer 7", true},
        {"*[0-9]", "layer seven", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (matches(cases[i].pattern, cases[i].text) != cases[i].expected)
            fail_msg("'%s' against '%s'", cases[i].pattern, cases[i].text);
}

static void test_nul_is_a_character(void **state)
{
    (void)state;
    assert_true(pb_glob_match("a?b", 3, "a\0b", 3));
    assert_false(pb_glob_match("ab", 2, "a\0b", 3));
}

/* Backtracking over every star would take longer than the age of the universe. */
static void test_many_stars_end(void **state)
{
    (void)state;
    size_t length = 20000;
    char *text = pb_malloc(length + 1, 1);
    assert_non_null(text);
    memset(text, 'a', length);
    text[length] = '\0';
    assert_false(matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
    assert_true(matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a", text));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_nul_is_a_character),
        cmocka_unit_test(test_many_stars_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
