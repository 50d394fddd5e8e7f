/* Errors: the first one wins, they render with a caret in the right column, memory may run out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/watch.h"

static pb_source *source_of(const char *text)
{
    pb_source *source = pb_source_create("cell 4", text, strlen(text));
    assert_non_null(source);
    return source;
}

/* What a NameError with a place at the first `what` in `text` renders to. */
static void assert_place(const char *text, const char *what, const char *expected)
{
    pb_source *source = source_of(text);
    const char *at = strstr(text, what);
    assert_non_null(at);
    size_t start = (size_t)(at - text);
    pb_error *error = NULL;
    pb_fail(&error, PB_NAME, "there is no word '%s'", "x");
    pb_error_place(error, source, (pb_span){start, start + strlen(what)});
    pb_source_release(&source);
    char *rendered = pb_error_render(error);
    assert_non_null(rendered);
    const char *place = strchr(rendered, '\n') + 1;
    assert_string_equal(place, expected);
    free(rendered);
    pb_error_destroy(&error);
    assert_null(error);
}

static void test_render(void **state)
{
    (void)state;
    pb_source *source = source_of("b = 1\na = attribut(love, \" great\")\n");
    pb_error *error = NULL;
    assert_int_equal(pb_fail(&error, PB_NAME, "there is no word '%s'", "attribut"), PB_NAME);
    pb_error_place(error, source, (pb_span){10, 18});
    pb_error_hint(error, "did you mean %s?", "attribute");
    char *rendered = pb_error_render(error);
    assert_string_equal(rendered, "NameError: there is no word 'attribut'\n"
                                  "  cell 4, line 2\n"
                                  "    a = attribut(love, \" great\")\n"
                                  "        ^^^^^^^^\n"
                                  "  hint: did you mean attribute?\n");
    free(rendered);
    pb_error_destroy(&error);
    pb_source_release(&source);
}

static void test_columns(void **state)
{
    (void)state;
    assert_place("x", "x", "  cell 4, line 1\n    x\n    ^\n");
    assert_place("\tx = y", "y", "  cell 4, line 1\n        x = y\n            ^\n");
    assert_place("a\tb y", "y", "  cell 4, line 1\n    a   b y\n          ^\n");
    assert_place("漢字 y", "y", "  cell 4, line 1\n    漢字 y\n         ^\n");
    assert_place("漢字 y", "字", "  cell 4, line 1\n    漢字 y\n      ^^\n");
    assert_place("e\xCC\x81t\xCC\x81 y", "y",
                 "  cell 4, line 1\n    e\xCC\x81t\xCC\x81 y\n       ^\n");
    assert_place("\xff\x1b y", "y", "  cell 4, line 1\n    \xEF\xBF\xBD\xE2\x90\x9B y\n       ^\n");
    assert_place("a\r\nb y\r\n", "y", "  cell 4, line 2\n    b y\n      ^\n");
}

/* What a file or a server says is quoted so that no terminal obeys it; lines stay lines. */
static void test_harmless(void **state)
{
    (void)state;
    pb_error *error = NULL;
    pb_fail(&error, PB_FORMAT, "'%s' is odd",
            "\x1b[2J\a\n\xff\xc2\x9b|\xe2\x80\xae|é 漢|\xc2\xa0|");
    pb_error_hint(error, "a\n%s", "b\tc\x1b");
    assert_string_equal(pb_error_text(error),
                        "'␛[2J␇\n\\xff⟨U+009B⟩|⟨U+202E⟩|é 漢|\xc2\xa0|' is odd");
    assert_string_equal(pb_error_hint_text(error), "a\nb\tc␛");
    pb_error *again = NULL;
    pb_fail(&again, PB_FORMAT, "%s", pb_error_text(error));
    assert_string_equal(pb_error_text(again), pb_error_text(error));
    pb_error_destroy(&again);
    pb_error_destroy(&error);
    pb_fail_errno(&error, 2, "cannot open '%s'", "\x1b");
    assert_string_equal(pb_error_text(error), "cannot open '␛': No such file or directory");
    pb_error_destroy(&error);
}

/* Both ends of what is too long are kept, and no character is cut in two. */
static void test_long(void **state)
{
    (void)state;
    pb_error *error = NULL;
    size_t length = 1 << 20;
    char *name = malloc(length + 1);
    assert_non_null(name);
    for (size_t i = 0; i < length; i += 2)
        memcpy(name + i, "é", 2);
    name[length] = '\0';
    pb_fail(&error, PB_NAME, "x%s is no name", name);
    free(name);
    const char *text = pb_error_text(error);
    assert_true(strlen(text) < 2100);
    assert_true(strncmp(text, "xéé", 5) == 0);
    assert_non_null(strstr(text, "é … 1046"));
    assert_non_null(strstr(text, " bytes … é"));
    assert_non_null(strstr(text, "éé is no name"));
    assert_null(strstr(text, "\\x"));
    pb_error_destroy(&error);
}

static void test_spans(void **state)
{
    (void)state;
    assert_place("f(a,\n  b)", "f(a,\n  b)", "  cell 4, line 1\n    f(a,\n    ^^^^\n");
    assert_place("f(a\n", "\n", "  cell 4, line 1\n    f(a\n       ^\n");
    assert_place("f(a", "", "  cell 4, line 1\n    f(a\n    ^\n");

    pb_source *source = source_of("f(a");
    pb_error *error = NULL;
    pb_fail(&error, PB_SYNTAX, "a closing ) is missing");
    pb_error_place(error, source, (pb_span){3, 3});
    pb_error_place(error, source, (pb_span){0, 1}); /* the first place is the deeper one */
    char *rendered = pb_error_render(error);
    assert_string_equal(rendered, "SyntaxError: a closing ) is missing\n"
                                  "  cell 4, line 1\n    f(a\n       ^\n");
    free(rendered);
    pb_error_destroy(&error);
    pb_source_release(&source);
}

/* A line of 300 letters with a wide one at each end of the cut. */
static void test_long_lines(void **state)
{
    (void)state;
    char text[301], expected[512];
    memset(text, 'a', 300);
    text[300] = '\0';
    text[150] = 'X';
    snprintf(expected, sizeof expected, "  cell 4, line 1\n    …%.100s…\n    %41s^\n", text + 110,
             "");
    assert_place(text, "X", expected);
    text[150] = 'a';
    text[2] = 'X';
    snprintf(expected, sizeof expected, "  cell 4, line 1\n    %.100s…\n      ^\n", text);
    assert_place(text, "X", expected);
    text[2] = 'a';
    text[299] = 'X';
    snprintf(expected, sizeof expected, "  cell 4, line 1\n    …%.100s\n    %100s^\n", text + 200,
             "");
    assert_place(text, "X", expected);
    text[299] = 'a';
    snprintf(expected, sizeof expected, "  cell 4, line 1\n    %.100s…\n    ", text);
    memset(expected + strlen(expected), '^', 100);
    size_t carets = strlen("  cell 4, line 1\n    ") + 100 + strlen("…\n    ");
    strcpy(expected + carets + 100, "\n");
    assert_place(text, text, expected);
}

static void test_trail(void **state)
{
    (void)state;
    pb_source *source = source_of("f(x) = g(x)\n\nf(1)");
    pb_error *error = NULL;
    pb_fail(&error, PB_LIMIT, "calls go too deep");
    for (int i = 0; i < 1000; i++)
        pb_error_trail(error, source, (pb_span){13, 17}, "f");
    pb_error_trail(error, NULL, (pb_span){0, 0}, "last");
    pb_error_hint(error, "first\nsecond");
    char *rendered = pb_error_render(error);
    assert_non_null(strstr(rendered, "LimitError: calls go too deep\n"
                                     "  in f, called at cell 4, line 3\n"));
    assert_non_null(strstr(rendered, "  ... 989 more calls ...\n"));
    assert_non_null(strstr(rendered, "  in last\n  hint: first\n        second\n"));
    free(rendered);
    pb_error_destroy(&error);
    pb_source_release(&source);
}

static void test_first_fault_wins(void **state)
{
    (void)state;
    pb_error *error = NULL;
    pb_fail(&error, PB_NAME, "one");
    assert_int_equal(pb_fail(&error, PB_TYPE, "two"), PB_TYPE);
    assert_int_equal(pb_fail_errno(&error, 2, "three"), PB_IO);
    assert_int_equal(pb_error_code(error), PB_NAME);
    assert_string_equal(pb_error_text(error), "one");
    assert_null(pb_error_hint_text(error));
    pb_error_hint(error, "a");
    pb_error_hint(error, "%s", "b");
    assert_string_equal(pb_error_hint_text(error), "b");
    pb_error_hint(error, NULL);
    assert_null(pb_error_hint_text(error));
    pb_error_destroy(&error);

    assert_int_equal(pb_fail(NULL, PB_RANGE, "nobody asks"), PB_RANGE);
    pb_error_hint(NULL, "x");
    pb_error_destroy(&error);
    pb_error_destroy(NULL);
}

static void test_errno(void **state)
{
    (void)state;
    pb_error *error = NULL;
    assert_int_equal(pb_fail_errno(&error, 2, "cannot open '%s'", "x"), PB_IO);
    assert_string_equal(pb_error_text(error), "cannot open 'x': No such file or directory");
    pb_error_destroy(&error);
}

/* What did not fit is large, most of the time: the error itself still does, and has a place. */
static void test_out_of_memory_has_a_place(void **state)
{
    (void)state;
    pb_error *error = NULL;
    pb_source *source = source_of("x");
    assert_int_equal(pb_fail_memory(&error), PB_MEMORY);
    assert_non_null(pb_error_hint_text(error));
    pb_error_place(error, source, (pb_span){0, 1});
    assert_ptr_equal(pb_error_source(error), source);
    pb_error_destroy(&error);
    pb_source_release(&source);
}

static void test_watch(void **state)
{
    (void)state;
    atomic_bool stop = false;
    pb_watch watch = {.stop = &stop};
    pb_error *error = NULL;
    assert_int_equal(pb_watch_check(NULL, &error), PB_OK);
    assert_int_equal(pb_watch_check(&watch, &error), PB_OK);
    atomic_store(&stop, true);
    assert_int_equal(pb_watch_check(&watch, &error), PB_INTERRUPTED);
    assert_int_equal(pb_error_code(error), PB_INTERRUPTED);
    pb_error_destroy(&error);
}

static void says_what_it_is_about(void **state)
{
    (void)state;
    pb_error *error = NULL;
    size_t prompt = 7;
    pb_fail(&error, PB_RANGE, "there is no place 9");
    assert_null(pb_error_argument(error));
    assert_false(pb_error_prompt(error, &prompt));
    pb_error_about(error, "pos");
    pb_error_about(error, "metric");
    pb_error_of_prompt(error, 2);
    assert_string_equal(pb_error_argument(error), "metric");
    assert_true(pb_error_prompt(error, &prompt));
    assert_int_equal(prompt, 2);
    pb_error_about(NULL, "pos");
    assert_null(pb_error_argument(NULL));
    pb_error_destroy(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_render),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_harmless),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_trail),
        cmocka_unit_test(test_first_fault_wins),
        cmocka_unit_test(test_errno),
        cmocka_unit_test(test_out_of_memory_has_a_place),
        cmocka_unit_test(says_what_it_is_about),
        cmocka_unit_test(test_watch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
