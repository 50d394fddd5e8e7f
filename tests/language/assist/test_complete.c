/* Completion and inspection, in whole code and in broken code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder.h"

static int start(void **state)
{
    pb_session *session = NULL;
    recorder r;
    static const char setup[] =
        "love = \"I love it\"\nlovely = 3\nf(width, height=2) = width\n"
        "t = tensor([[1, 2, 3]], axes=[\"layer\", \"pos\"])\n"
        "u = tensor([1, 2], axes=\"pos\", labels=[\"I\", \" love\"])\n"
        "cases = table(prompt=[\"a\"], expected=[\"b\"])\nr = {\"inner\": cases}\n"
        "odd = {'a\"b': 1, \"it's\": 2, \"c\\\\d\": 3, \"e\\nf\": 4, \"{g}\": 5}";
    static const char *const paths[] = {"models"};
    pb_session_options options = {.model_paths = paths, .n_model_paths = 1};
    assert_non_null(session = recorder_session(options));
    recorder_start(&r);
    char *came = recorder_run(&r, session, "setup", setup, sizeof setup - 1);
    assert_string_equal(came, "");
    free(came);
    recorder_end(&r);
    *state = session;
    return 0;
}

static int end(void **state)
{
    pb_session *session = *state;
    pb_session_destroy(&session);
    return 0;
}

/* Completes at the `|` of `code`. */
static pb_matches *complete(pb_session *session, const char *code)
{
    char text[512];
    pb_matches *matches = NULL;
    const char *bar = strchr(code, '|');
    assert_non_null(bar);
    size_t at = (size_t)(bar - code);
    snprintf(text, sizeof text, "%.*s%s", (int)at, code, bar + 1);
    assert_int_equal(pb_session_complete(session, text, strlen(text), at, &matches, NULL), PB_OK);
    assert_true(matches->start <= matches->end && matches->end <= strlen(text));
    return matches;
}

static const pb_match *find(const pb_matches *matches, const char *text)
{
    for (size_t i = 0; i < matches->count; i++)
        if (strcmp(matches->items[i].text, text) == 0)
            return &matches->items[i];
    return NULL;
}

/* Each word of `wanted` is offered; none of `unwanted` is. */
static void expect(pb_session *session, const char *code, const char *wanted, const char *unwanted)
{
    pb_matches *matches = complete(session, code);
    char words[256];
    for (int pass = 0; pass < 2; pass++) {
        char *rest = NULL;
        snprintf(words, sizeof words, "%s", pass ? unwanted : wanted);
        for (char *w = strtok_r(words, ",", &rest); w; w = strtok_r(NULL, ",", &rest))
            if ((find(matches, w) != NULL) == (pass == 1))
                fail_msg("%s: %s %s", code, w, pass ? "is offered" : "is missing");
    }
    pb_matches_destroy(&matches);
}

static void test_names(void **state)
{
    expect(*state, "lov|", "love,lovely", "len,range");
    expect(*state, "x = ra|", "range", "love");
    expect(*state, "LOV|", "love", "");
    expect(*state, "|", "love,range,lambda,each", "");
    expect(*state, "12|", "", "love,range");
    expect(*state, "fresh = 1\nfre|", "fresh", "");
    expect(*state, "[wor| for word in x", "", "range");
    expect(*state, "[0 for walked in x if wal|", "walked", "range");
    expect(*state, "[0 for one, walked in x if wal|", "walked", "one");
    expect(*state, "f\"{lov|", "love", "");
}

static void test_members(void **state)
{
    expect(*state, "love.|", "upper,split", "layer,append");
    expect(*state, "love.up|", "upper", "love");
    expect(*state, "t.|", "axes,layer,pos,mean,softmax", "upper");
    expect(*state, "cases.|", "prompt,expected,columns,sort", "upper");
    expect(*state, "r.inner.pr|", "prompt", "");
    expect(*state, "\"abc\".st|", "strip,startswith", "sqrt");
    expect(*state, "f(1).so|", "sort,softmax", "");
}

static void test_arguments(void **state)
{
    expect(*state, "sorted(x, |", "key=,reverse=,love", "");
    expect(*state, "sorted(x, re|", "reverse=,repr", "key=");
    expect(*state, "f(|", "width=,height=", "");
    expect(*state, "f(1, hei|", "height=", "width=");
    expect(*state, "t[|", "layer=,pos=", "head=");
    expect(*state, "t[layer=0, p|", "pos=,print", "");
    expect(*state, "u[pos=\"|", "I, love", "axes");
    expect(*state, "u[pos=\" l|", " love", "I");
    expect(*state, "cases[\"|", "prompt,expected", "love");
    expect(*state, "cases[|", "prompt=", "");
    expect(*state, "lo\"|", "", "love");
    expect(*state, "load(\"|", "reviews-4m", "love");
    expect(*state, "load(\"rev|\")", "reviews-4m", "");
    expect(*state, "patch(into=love, from=love, at=\"resid|", "resid_pre,resid_post", "z,love");
    expect(*state, "attribute(love, \" it\", by=\"|", "component,head", "love");
    expect(*state, "attribute(love, \" it\", by=|", "\"component\",\"head\",love", "");
    expect(*state, "zero([\"|", "resid_post", "");
}

static void test_what_is_put_into_a_string_can_stand_there(void **state)
{
    expect(*state, "odd[\"|", "a\\\"b,it's,c\\\\d,e\\nf,{g}", "a\"b,c\\d");
    expect(*state, "odd['|", "a\"b,it\\'s,c\\\\d,e\\nf,{g}", "it's,c\\d");
    expect(*state, "odd[f\"|", "{{g}},it's", "{g}");
    expect(*state, "odd[r\"|", "it's,{g}", "c\\d,c\\\\d,a\"b,a\\\"b");
    expect(*state, "odd[\"a\\\"|", "a\\\"b", "it's");
}

static void test_ranges(void **state)
{
    pb_matches *matches = complete(*state, "print(lov|)");
    assert_int_equal(matches->start, 6);
    assert_int_equal(matches->end, 9);
    assert_string_equal(find(matches, "love")->type, "instance");
    pb_matches_destroy(&matches);
    matches = complete(*state, "sor|");
    assert_string_equal(find(matches, "sorted")->type, "function");
    assert_string_equal(find(matches, "sorted")->signature, "(x, *, key=None, reverse=False)");
    pb_matches_destroy(&matches);
    matches = complete(*state, "u[pos=\" l|");
    assert_int_equal(matches->start, 7);
    pb_matches_destroy(&matches);
}

/* Every prefix of every line, whole and cut, answers without a fault. */
static void test_broken_code(void **state)
{
    static const char *const lines[] = {
        "heatmap(patch(into=love, from=hate, at=\"resid_post\", metric=logit(\" great\")))",
        "f\"{x:{y}} {lov",
        "t[layer=0, pos=\" lo",
        "((([[[{{{",
        ")))]]]}}}",
        "a.b.c.d.",
        "'''abc\n{x",
        "lambda x: [x for x in",
        "f\"{f\"{f\"{f\"{a",
        "x = \"\\",
        "\xff\xfe.\xf0\x9f",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        size_t length = strlen(lines[i]);
        for (size_t at = 0; at <= length; at++) {
            for (size_t cut = at; cut <= length; cut++) {
                pb_matches *matches = NULL;
                pb_bundle *found = NULL;
                assert_int_equal(pb_session_complete(*state, lines[i], cut, at, &matches, NULL),
                                 PB_OK);
                assert_true(matches->end <= cut);
                pb_matches_destroy(&matches);
                assert_int_equal(pb_session_inspect(*state, lines[i], cut, at, 1, &found, NULL),
                                 PB_OK);
                pb_bundle_destroy(&found);
            }
        }
    }
}

/* What people and files wrote stands in code spans and blocks, whose fences it cannot end, and its
 * plain text is as it was. */
static void test_foreign_text_is_code(void **state)
{
    static const char code[] = "s = \"$x$ ``` **y** `\"\ng(q) = \"```` $q$\"";
    pb_bundle *found = NULL;
    recorder r;
    recorder_start(&r);
    free(recorder_run(&r, *state, "foreign", code, sizeof code - 1));
    recorder_end(&r);
    assert_int_equal(pb_session_inspect(*state, "s", 1, 1, 1, &found, NULL), PB_OK);
    assert_non_null(strstr(pb_bundle_find(found, "text/markdown"),
                           "The string ```` '$x$ ``` **y** `' ````\n\n````\n"
                           "$x$ ``` **y** `\n````\n"));
    assert_non_null(strstr(pb_bundle_find(found, "text/plain"),
                           "The string '$x$ ``` **y** `'\n\n$x$ ``` **y** `\n"));
    pb_bundle_destroy(&found);
    assert_int_equal(pb_session_inspect(*state, "g", 1, 1, 1, &found, NULL), PB_OK);
    assert_non_null(strstr(pb_bundle_find(found, "text/markdown"), "\n`````python\ng(q) = "));
    pb_bundle_destroy(&found);
}

/* What inspection says at the `|`, or "" for nothing. */
static void expect_inspect(pb_session *session, const char *code, int detail, const char *part)
{
    char text[256];
    pb_bundle *found = NULL;
    const char *bar = strchr(code, '|');
    size_t at = (size_t)(bar - code);
    snprintf(text, sizeof text, "%.*s%s", (int)at, code, bar + 1);
    assert_int_equal(pb_session_inspect(session, text, strlen(text), at, detail, &found, NULL),
                     PB_OK);
    if (!part) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_non_null(pb_bundle_find(found, "text/markdown"));
    if (!strstr(pb_bundle_find(found, "text/plain"), part))
        fail_msg("%s: %s", code, pb_bundle_find(found, "text/plain"));
    pb_bundle_destroy(&found);
}

static void test_inspect(void **state)
{
    expect_inspect(*state, "sor|ted(x)", 0, "sorted(x, *, key=None, reverse=False)");
    expect_inspect(*state, "sorted(|x", 0, "sorted(");
    expect_inspect(*state, "sorted([1, 2], key=|)", 1, "The items in order");
    expect_inspect(*state, "sorted|", 1, "['ccc', 'bb', 'a']");
    expect_inspect(*state, "love|", 0, "'I love it'");
    expect_inspect(*state, "t|", 0, "A tensor [layer 1, pos 3]");
    expect_inspect(*state, "cases.pro|mpt", 0, "A column of 1 string");
    expect_inspect(*state, "cases.colum|ns", 0, "the names of its columns");
    expect_inspect(*state, "f|(1)", 1, "f(width, height=2) = width");
    expect_inspect(*state, "love.upp|er()", 0, "upper(text)");
    expect_inspect(*state, "each|", 0, "walk this axis");
    expect_inspect(*state, "nope|", 0, NULL);
    expect_inspect(*state, "|", 0, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_what_is_put_into_a_string_can_stand_there),
        cmocka_unit_test(test_broken_code),
        cmocka_unit_test(test_inspect),
        cmocka_unit_test(test_foreign_text_is_code),
    };
    return cmocka_run_group_tests(tests, start, end);
}
