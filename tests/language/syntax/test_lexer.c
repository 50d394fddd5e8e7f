/* Tokens: kinds, spans, strings, brackets, and what the end of a text means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "syntax/lexer.h"

/* The tokens of a text, written as "kind:text" side by side. */
static char *tokens_of(const char *text)
{
    static const char *const kinds[] = {"end", "line", "name", "number", "string", "symbol", "bad"};
    pb_source *source = pb_source_create("test", text, strlen(text));
    pb_error *error = NULL;
    pb_lexer lexer;
    pb_buffer out = PB_BUFFER_EMPTY;
    assert_non_null(source);
    pb_lexer_start(&lexer, source, (pb_span){0, strlen(text)}, &error);
    for (;;) {
        pb_token token = pb_lexer_next(&lexer);
        if (token.kind == PB_TOKEN_END)
            break;
        assert_true(token.span.start <= token.span.end && token.span.end <= strlen(text));
        pb_buffer_format(&out, "%s%s", out.length ? " " : "", kinds[token.kind]);
        if (token.kind != PB_TOKEN_NEWLINE)
            pb_buffer_format(&out, ":%.*s", (int)(token.span.end - token.span.start),
                             text + token.span.start);
    }
    pb_buffer_text(&out, lexer.more ? " more" : "");
    assert_true((error != NULL) == (strstr(out.data ? out.data : "", "bad:") != NULL));
    pb_error_destroy(&error);
    pb_source_release(&source);
    return pb_buffer_take(&out);
}

static void expect(const char *text, const char *expected)
{
    char *came = tokens_of(text);
    assert_string_equal(came, expected);
    free(came);
}

static void test_kinds(void **state)
{
    (void)state;
    expect("a = 1.5e-3 + b_2 # comment", "name:a symbol:= number:1.5e-3 symbol:+ name:b_2");
    expect("x\ny", "name:x line name:y");
    expect("", "");
    expect("  \t\r\n", "line");
    expect("größe = 3", "name:größe symbol:= number:3");
    expect("a\xc2\xa0+ b", "name:a symbol:+ name:b");
    expect("\xef\xbb\xbfx", "name:x");
}

static void test_numbers(void **state)
{
    (void)state;
    expect("1_000 0x1F 0b01 0o17 .5 1. 1e5", "number:1_000 number:0x1F number:0b01 number:0o17 "
                                             "number:.5 number:1. number:1e5");
    expect("3x", "bad:3x");
    expect("0x", "bad:0x");
    expect("1__0", "bad:1__0");
    expect("1.e", "bad:1.e");
}

static void test_symbols(void **state)
{
    (void)state;
    expect("a**b//c<=d!=e", "name:a symbol:** name:b symbol:// name:c symbol:<= name:d symbol:!= "
                            "name:e");
    expect("1--1", "number:1 symbol:- symbol:- number:1");
    expect("a += 1; b := 2", "name:a symbol:+= number:1 symbol:; name:b symbol::= number:2");
    expect("`x`", "bad:`");
    expect("a ≤ b", "name:a bad:≤");
}

static void test_strings(void **state)
{
    (void)state;
    expect("'a' \"b\" r'\\' rf\"{x}\"", "string:'a' string:\"b\" bad:r'\\' rf\"{x}\"");
    expect("'it\\'s'", "string:'it\\'s'");
    expect("f\"{d['k']} {x:>{w}}\"", "string:f\"{d['k']} {x:>{w}}\"");
    expect("f\"{\"nested\"}\"", "string:f\"{\"nested\"}\"");
    expect("'open", "bad:'open");
    expect("'open\nx", "bad:'open");
    expect("'''a\nb'''", "string:'''a\nb'''");
    expect("b'x'", "bad:b");
    expect("bar'x'", "name:bar string:'x'");
}

static void test_ends(void **state)
{
    (void)state;
    expect("f(1,", "name:f symbol:( number:1 symbol:, more");
    expect("f(1,\n2)", "name:f symbol:( number:1 symbol:, number:2 symbol:)");
    expect("a = 1 + \\", "name:a symbol:= number:1 symbol:+ more");
    expect("a + \\\n b", "name:a symbol:+ name:b");
    expect("'''open", "bad:'''open more");
    expect("]", "symbol:]");
}

/* Every byte at every place: no crash, spans in order, an end. */
static void test_any_bytes(void **state)
{
    (void)state;
    for (int first = 1; first < 256; first++) {
        for (int second = 1; second < 256; second++) {
            char text[] = {(char)first, (char)second, 'f', '"', '{', (char)second, '\0'};
            char *came = tokens_of(text);
            assert_non_null(came);
            free(came);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),   cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_symbols), cmocka_unit_test(test_strings),
        cmocka_unit_test(test_ends),    cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
