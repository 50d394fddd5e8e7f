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
        "odd = {'a\"b': 1, \"it's\": 2, \"c\\\\d\": 3, \"e\\nf\": 4, \"{g}\": 5}\n"
        "model = load(\"reviews-4m\")\nrunning = run(love)\nwhole = logit(\" great\")\n"
        "films = table(part=[\"attn\", \"mlp\"], gain=[1, 2])\n"
        "parts = attribute(love, \" great\")";
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

/* What is offered begins with these, in this order. */
static void expect_first(pb_session *session, const char *code, const char *wanted)
{
    pb_matches *matches = complete(session, code);
    char words[256], *rest = NULL;
    size_t i = 0;
    snprintf(words, sizeof words, "%s", wanted);
    for (char *w = strtok_r(words, ",", &rest); w; w = strtok_r(NULL, ",", &rest), i++)
        if (i >= matches->count || strcmp(matches->items[i].text, w) != 0)
            fail_msg("%s: at place %zu stands %s, not %s", code, i,
                     i < matches->count ? matches->items[i].text : "nothing", w);
    pb_matches_destroy(&matches);
}

/* Nothing is offered. */
static void expect_nothing(pb_session *session, const char *code)
{
    pb_matches *matches = complete(session, code);
    if (matches->count > 0)
        fail_msg("%s: %s is offered", code, matches->items[0].text);
    pb_matches_destroy(&matches);
}

/* In a comment nothing is code, whatever it looks like; behind its line it is again. */
static void test_comments(void **state)
{
    expect_nothing(*state, "# lo|");
    expect_nothing(*state, "#|");
    expect_nothing(*state, "x = 1  # lo|");
    expect_nothing(*state, "patch(  # into|");
    expect_nothing(*state, "running.pattern  # .|");
    expect(*state, "patch(  # a comment\n    in|", "into=", "");
    expect(*state, "x = \"#\" + lo|", "love", "");
    expect(*state, "f\"# {lo|", "love", "");
}

/* What only the place has comes first, in its own order; then the user's names whose values fit
 * there, words whose results fit, and all others. */
static void test_what_fits_comes_first(void **state)
{
    expect_first(*state, "running.|", "logits,logprobs,tokens,ids,prompt,model,embed,pos_embed");
    expect_first(*state, "running.pa|", "pattern,patch,path");
    expect_first(*state, "run(love).pa|", "pattern,patch,path");
    expect_first(*state, "running.pattern[|", "layer=,head=,query=,key=");
    expect_first(*state, "running.pattern[la|", "layer=");
    expect(*state, "running.pattern[la|", "layer=", "lambda,last");
    expect(*state, "running.pattern[las|", "last", "lambda");
    expect_first(*state, "run(love).pattern[layer=0, |", "layer=,head=,query=,key=");
    expect_first(*state, "run([love, love]).mlp_post[|", "layer=,pos=,d_mlp=");
    expect_first(*state, "model.W_Q[|", "layer=,head=,d_model=,d_head=");
    expect_first(*state, "parts[|", "component=,layer=,part=");
    expect_first(*state, "patch(|", "into=,from=,at=,metric=,layer=");
    expect_first(*state, "patch(love, |", "from=,at=,metric=");
    expect_first(*state, "patch(from=love, |", "into=,at=,metric=");
    expect_first(*state, "love.patch(|", "from=,at=,metric=");
    expect_first(*state, "prompts(\"When {A} and {B} went\", |", "A=,B=,cross=");
    expect_first(*state, "prompts(\"When {A} and {B} went\", A=[1], |", "B=,cross=");
    expect_first(*state, "rename(t, |", "layer=,pos=");
    expect_first(*state, "patch(normalize=|", "True,False");
    expect_first(*state, "patch(into=|", "cases,films,love,running");
    expect_first(*state, "patch(metric=|", "whole,kl,logit,logit_diff");
    expect_first(*state, "run(love, edit=|", "ablate_mean,add");
    expect_first(*state, "lens(love, layer=|", "lovely,all,at,each");
    expect(*state, "patch(love, |", "", "into=");
    expect_first(*state, "love |", "and,else,for,if,in,is,not,or");
    expect(*state, "love i|", "if,in,is", "index,int");
    expect_nothing(*state, "[x for |");
    expect_nothing(*state, "lambda |");
}

/* A string in an argument or an index is completed by what it names there. */
static void test_strings(void **state)
{
    expect_first(*state, "patch(into=love, pos=\"|", "I, love, it");
    expect_first(*state, "patch(into=love, pos=\" l|", " love");
    expect_first(*state, "lens(\"We saw it\", pos=\"|", "We, saw, it");
    expect_first(*state, "lens(running, pos=\"lo|", " love");
    expect_first(*state, "logit(love, \" great\", edit=zero(\"z\", pos=\"|", "I, love");
    expect_first(*state, "patch(into=love, metric=logit(\" great\", pos=at(\"|", "I, love");
    expect_first(*state, "running.pattern[query=\"|", "<|endoftext|>,I, love, it");
    expect_first(*state, "running.pattern[query=first(\"|", "<|endoftext|>,I, love");
    expect_first(*state, "u[pos=last(\"|", "I, love");
    expect_first(*state, "patch(heads=\"|", "L0H0,L0H1");
    expect_first(*state, "zero(heads=[\"L0H1\", \"L5|", "L5H0,L5H1,L5H2,L5H3,L5H4,L5H5");
    expect_first(*state, "path(sender=\"L3|", "L3H0");
    expect_first(*state, "path(receivers=\"|", "logits,L0H0.q,L0H0.k,L0H0.v");
    expect_first(*state, "path(receivers=[\"L3_|", "L3_mlp");
    expect_first(*state, "top(films, by=\"|", "part,gain");
    expect_first(*state, "films.sort(\"|", "part,gain");
    expect_first(*state, "bar(parts, x=\"|", "component,layer,part");
    expect_first(*state, "t.mean(\"|", "layer,pos");
    expect_first(*state, "films[part=\"|", "attn,mlp");
    expect_first(*state, "parts[part=\"a|", "attn");
    expect_first(*state, "running.logits[token=\" grea|", " great, greater");
    expect_first(*state, "attribute(love, \" grea|", " great, greater");
    expect_first(*state, "logits(love, [\" great\", \"terrib|", " terrible");
    expect_first(*state, "load(\"|", "reviews-4m");
    expect_first(*state, "read(\"models/|", "models/reviews-4m/");
    expect_first(*state, "load(\"./models/rev|", "./models/reviews-4m/");
    expect_first(*state, "save(t, \"models/reviews-4m/conf|", "models/reviews-4m/config.json");
    expect_nothing(*state, "read(\"no such folder/|");
    expect_nothing(*state, "top(love + \"|");
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
    expect(*state, "t[layer=0, p|", "pos=", "path=,print");
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
    assert_non_null(strstr(pb_bundle_find(found, "text/markdown"), "\n`````patchbay\ng(q) = "));
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
    expect_inspect(*state, "# top|", 0, NULL);
    expect_inspect(*state, "running.patt|ern", 0, "softmax of the scores over the keys");
    expect_inspect(*state, "running.patt|ern", 0, "A tensor [layer, head, query, key].");
    expect_inspect(*state, "run(love).resid_p|ost", 0, "TransformerLens calls it hook_resid_post.");
    expect_inspect(*state, "run(love).lo|gits", 0, "A tensor [pos, token].");
    expect_inspect(*state, "model.W_|Q", 0, "A tensor [layer, head, d_model, d_head].");
    expect_inspect(*state, "running.pattern[lay|er=0]", 0, "An axis of attention");
    expect_inspect(*state, "t[lay|er=0]", 0, "The axis layer: 1 place, 0 to 0.");
    expect_inspect(*state, "cases[\"pro|mpt\"]", 0, "A column of 1 string");
    expect_inspect(*state, "films[par|t=\"mlp\"]", 0, "A column of 2 strings");
    expect_inspect(*state, "patch(into=love, norm|alize=True)", 0,
                   "normalize of patch: True gives");
    expect_inspect(*state, "attribute(love, b|y=\"head\")", 0,
                   "by of attribute: one of \"component\" \"head\"");
    expect_inspect(*state, "patch(|", 0, "- into: a prompt");
    expect_inspect(*state, "patch(|", 0, "(left out: False)");
    expect_inspect(*state, "top(|", 0, "top(\"The capital of France is\"");
    expect_inspect(*state, "|", 0, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_comments),
        cmocka_unit_test(test_what_fits_comes_first),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_what_is_put_into_a_string_can_stand_there),
        cmocka_unit_test(test_broken_code),
        cmocka_unit_test(test_inspect),
        cmocka_unit_test(test_foreign_text_is_code),
    };
    return cmocka_run_group_tests(tests, start, end);
}
